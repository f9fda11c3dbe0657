"""Where the limits of a bars file lie: a cell just inside is read, one just beyond is an error at its place."""

from __future__ import annotations

import pytest

from imbalance.errors import BarsError
from imbalance.reader import read_bars
from tests.library.test_market import HEAD, HOUR, START, write

COLUMNS = HEAD.split(",")
BARS = 60
AT = 30


def flat(venue="v", **cells):
    """Return bars of one price and size in which a row has other cells."""
    table = []
    for i in range(BARS):
        row = {
            "time": START + i * HOUR, "venue": venue, "open": 100.0, "high": 100.5, "low": 99.5, "close": 100.0,
            "volume_base": 50.0, "open_interest_base": 1000.0, "long_liquidations_base": 1.0,
            "short_liquidations_base": 1.0,
        }  # fmt: skip
        known = cells.get("always", {}) | (cells.get("there", {}) if i == AT else {})
        table.append([(row | known).get(name, "") for name in COLUMNS])
    return table


UNKNOWN = {"volume_base": ""}
CASES = {
    "jump": lambda times: flat(always=UNKNOWN, there={"open_interest_base": 1000.0 * times}),
    "fall": lambda times: flat(always=UNKNOWN, there={"open_interest_base": 1000.0 / times}),
    "price": lambda times: flat(there={"close": 100.0 * times, "high": 100.0 * times + 1}),
    "liquidated": lambda times: flat(there={"long_liquidations_base": 1000.0 * times, "volume_base": 5000.0}),
    "liquidated of traded": lambda times: flat(there={"long_liquidations_base": 150.0 * times - 1}),
    "step": lambda times: flat(there={"open_interest_base": 1000.0 * times}),
    "venues": lambda times: flat() + flat("w", there={"open": 100.0, "close": 100.0 * times, "high": 100.0 * times}),
    "throughout": lambda times: (
        flat()
        + flat("w", always={n: v * times for n, v in (("open", 100), ("high", 100.5), ("low", 99.5), ("close", 100))})
    ),
}


@pytest.mark.parametrize(
    ("case", "limit", "column"),
    [
        ("jump", 500, "open_interest_base"),
        ("fall", 500, "open_interest_base"),
        ("price", 20, "close"),
        ("liquidated", 1, "long_liquidations_base"),
        ("liquidated of traded", 1.5, "long_liquidations_base"),
        ("step", 8, "open_interest_base"),
        ("venues", 5, "close"),
        ("throughout", 1.05, "close"),
    ],
)
def test_a_cell_is_an_error_beyond_its_limit_alone(case, limit, column, tmp_path):
    read_bars(write(tmp_path / "inside.csv", CASES[case](limit * 0.999)))
    with pytest.raises(BarsError, match=column):
        read_bars(write(tmp_path / "beyond.csv", CASES[case](limit * 1.001)))
