"""Bars that are odd and may be true: read, and doubted by name in every answer."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from imbalance_cli.render.markdown import to_markdown
from imbalance_cli.render.view import blocks_of

from imbalance import service
from imbalance.collect import Options
from imbalance.doubts.bars import examine_bars
from imbalance.errors import BarsError
from imbalance.fetch.settings import SourceSettings
from imbalance.reader import read_bars
from tests.conftest import SHARED
from tests.library.test_market import HEAD, HOUR, START, rows, write

COLUMNS = HEAD.split(",")
BARS = 240


def changed(change, venue="v", since=0, until=BARS):
    """Return rows in which `change`, given a row's number and its cells by name, made some cells anew."""
    table = rows(BARS, venue=venue)
    for i in range(since, until):
        cells = dict(zip(COLUMNS, table[i], strict=True))
        table[i] = list((cells | change(i, cells)).values())
    return table


def always(**cells):
    return lambda _i, _row: cells


def times(**factors):
    return lambda _i, row: {name: row[name] * factor for name, factor in factors.items()}


def other(**factors):
    """Return two venues, the second with its sizes times so much."""
    return rows(BARS, venue="w") + changed(times(**({"volume_base": 1.5} | factors)))


def reordered():
    """Return rows whose prices run from the last to the first."""
    table = rows(BARS)
    return [[new[0], *old[1:]] for new, old in zip(table, table[::-1], strict=True)]


def another_coin():
    close = 100 * np.exp(np.cumsum(np.random.default_rng(9).normal(0, 0.004, BARS)))
    opens = np.concatenate([[100.0], close[:-1]])
    prices = np.stack([opens, np.maximum(opens, close) * 1.001, np.minimum(opens, close) * 0.999, close], axis=1)
    table = [[*r[:2], *p, r[6] / 2, *r[7:]] for r, p in zip(rows(BARS), prices.tolist(), strict=True)]
    return rows(BARS, venue="w") + table


def units(i, row):
    return {"open_interest_base": row["open_interest_base"] * (3 if i >= 100 else 1)}


LIQUIDATED = ("long_liquidations_base", "short_liquidations_base")
STILL = dict.fromkeys(("open", "high", "low", "close"), 100.0)
CASES = {
    "volume 0": (changed(always(volume_base=0, taker_buy_base="")), "volume", "empty or 0 in every bar"),
    "volume empty": (changed(always(volume_base="")), "volume", "the map comes out larger than it is"),
    "volume in part": (changed(always(volume_base=""), since=50), "volume", "known in 50 of 240 bars"),
    "open interest ends": (
        changed(always(open_interest_base=""), since=140),
        "open interest",
        "last known at 2023-11-20T18:00:00Z, 100 hours before the bars end: taken to stand since",
    ),
    "open interest by the day": (
        changed(lambda i, row: {"open_interest_base": row["open_interest_base"] if i % 24 == 23 else ""}),
        "open interest",
        "known in 10 of 217 bars",
    ),
    "open interest stands": (
        changed(always(open_interest_base=1500), since=210),
        "open interest",
        "the same in 30 bars",
    ),
    "moves untraded": (
        changed(
            always(volume_base=0, taker_buy_base=0, long_liquidations_base="", short_liquidations_base=""), since=200
        ),
        "volume",
        "0 in 40 bars in which open",
    ),
    "three times from here": (
        changed(units),
        "open interest",
        "goes from 1,099 to 3,300 in the bar of 2023-11-19T02:00:00Z",
    ),
    "a third are missing": (
        rows(BARS, venue="w") + other()[BARS::3] + other()[BARS + 2 :: 3],
        "candles",
        "80 of its 240",
    ),
    "few": (rows(BARS, venue="w") + changed(always())[-20:], "candles", "it has 20 of 240 bars"),
    "prices stand": (changed(always(**STILL), since=200), "candles", "no price moves in 40 bars from"),
    "a price of another unit": (
        changed(lambda _i, r: {n: r[n] * 10 for n in STILL}, since=200),
        "candles",
        "of 2023-11-23T06",
    ),
    "a last price of another unit": (
        changed(lambda _i, r: {n: r[n] / 3 for n in STILL}, since=BARS - 1),
        "candles",
        "a factor of 3",
    ),
    "bars out of order": (reordered(), "candles", "opens do not join the closes before"),
    "bars twice": (
        rows(BARS)[:60] + [[new[0], *old[1:]] for new, old in zip(rows(BARS)[60:], rows(BARS)[:60], strict=False)],
        "candles",
        "60 bars repeat the prices and the volume of others",
    ),
    "closes alone": (changed(lambda _i, r: dict.fromkeys(STILL, r["close"])), "candles", "the same in 240 bars"),
    "another coin": (another_coin(), "candles", "closes do not move with those of w (correlation "),
    "one side of liquidations": (
        changed(always(short_liquidations_base=0)),
        "liquidations",
        "short ones are 0 in every bar",
    ),
    "a high": (changed(times(high=4), since=100, until=101), "candles", "the high of 2023-11-19T02:00:00Z"),
    "a crash": (changed(times(low=0.2), since=100, until=101), "candles", "the low of 2023-11-19T02:00:00Z"),
    "a high that another lacks": (
        rows(BARS, venue="w")
        + changed(lambda i, r: {"high": r["high"] * (1.8 if i == 100 else 1), "volume_base": r["volume_base"] * 2}),
        "candles",
        "beyond its open, close and other venues",
    ),
    "a low that another lacks": (
        rows(BARS, venue="w")
        + changed(lambda i, r: {"low": r["low"] / (2.2 if i == 100 else 1), "volume_base": r["volume_base"] * 2}),
        "candles",
        "beyond its open, close and other venues",
    ),
    "a day of liquidations": (
        changed(lambda _i, r: dict.fromkeys(LIQUIDATED, r["volume_base"] * 0.1), since=100, until=130),
        "liquidations",
        "0.2 of what was traded in the day to",
    ),
    "a week of liquidations": (
        changed(lambda _i, r: dict.fromkeys(LIQUIDATED, r["volume_base"] * 0.06)),
        "liquidations",
        "0.12 of what was traded in the week to",
    ),
    "next to no liquidations": (
        changed(lambda _i, r: dict.fromkeys(LIQUIDATED, r["volume_base"] * 1e-7)),
        "liquidations",
        "2e-07 of what was traded in 240 bars",
    ),
    "volume in contracts": (
        changed(times(volume_base=200)),
        "open interest and volume",
        "is one of them not in coins?",
    ),
    "volume in lots": (
        changed(
            times(volume_base=1e-3, taker_buy_base=1e-3, long_liquidations_base=1e-3, short_liquidations_base=1e-3)
        ),
        "open interest and volume",
        "the volume of a day is 0.0",
    ),
    "one venue in contracts": (other(open_interest_base=50.0), "open interest and volume", "at other venues 3."),
}


@pytest.mark.parametrize("name", CASES)
def test_what_may_be_true_is_doubted(tmp_path, name):
    table, figure, told = CASES[name]
    found = examine_bars(read_bars(write(tmp_path / "a.csv", table)))
    assert [(d.source, d.figure.value, told in d.reason) for d in found if told in d.reason] == [("v", figure, True)]
    assert not any(d.left_out for d in found)


def test_what_is_usual_is_not_doubted(tmp_path):
    tables = (
        rows(),
        other(),
        rows(BARS, venue="w") + other()[BARS + 100 :],
        changed(times(high=1.5, low=0.6), since=100, until=101),
        changed(always(long_liquidations_base="", short_liquidations_base="")),
        changed(always(open_interest_base=""), since=BARS - 20),
        changed(always(open_interest_base=1500), since=BARS - 20),
    )
    for table in tables:
        assert examine_bars(read_bars(write(tmp_path / "a.csv", table))) == []


def test_nothing_later_is_doubted_before(tmp_path):
    table = changed(times(high=4), since=200, until=201)
    path = write(tmp_path / "a.csv", table)
    as_of_ms = START + 150 * HOUR
    cut = read_bars(path, as_of_ms=as_of_ms)
    assert examine_bars(cut) == examine_bars(read_bars(path).until(as_of_ms)) == []
    assert len(examine_bars(read_bars(path))) == 1


@pytest.mark.skipif(not (SHARED / "bars").is_dir(), reason="no recorded bars here")
def test_recorded_bars_are_not_doubted():
    for name in ("bars/btc-2024.csv.gz", "bars/sol-2024.csv.gz", "worlds/bars-7001.csv.gz"):
        assert examine_bars(read_bars(SHARED / name)) == []


def test_doubts_are_gaps_on_every_surface(tmp_path):
    path = write(tmp_path / "a.csv", CASES["volume 0"][0])
    options = Options(symbol="X", bars=path, columns=9, bins=9)
    for command in (service.report, service.clusters, service.heatmap_report, service.cascade, service.validate):
        document = command(options, SourceSettings(), START, lambda _h: None)
        (gap,) = json.loads(msgspec.json.encode(document))["gaps"]
        assert (gap["source"], gap["what"], gap["failed"], gap["usual"]) == ("v", "volume", False, False)
        for full in (True, False):
            assert "gap: v volume: empty" in to_markdown(blocks_of(document, full=full))


def test_a_day_may_liquidate_more_than_it_leaves_open(tmp_path):
    table = [[*r[:6], 1e5, 2e4, 1000 + i, 10, 2000 if i == 9 else 10] for i, r in enumerate(rows(20, step=24 * HOUR))]
    assert read_bars(write(tmp_path / "a.csv", table)).time_ms.size == 20
    table = [[START + i * HOUR, *r[1:]] for i, r in enumerate(table)]
    with pytest.raises(BarsError, match="short_liquidations_base: 2000 cannot be true"):
        read_bars(write(tmp_path / "b.csv", table))
