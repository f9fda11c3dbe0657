"""Values of options that no number can hold, or that no market knows: told by the option's name, never a bug."""

from __future__ import annotations

import re

import pytest
from imbalance_cli.options import band, span_ms

from imbalance.errors import UsageError
from imbalance.units import DAY_MS

MANY = "9" * 400


@pytest.mark.parametrize(
    "text", ["1e-320:90000", "5e-324:1", "0:9", "-1:9", "1:nan", "1:inf", f"1:{MANY}K", "9:1", "1:1", "1", "1:2:3", ":"]
)
def test_a_band_of_prices_that_cannot_be_is_told(text):
    with pytest.raises(UsageError, match="--band"):
        band(text)


def test_a_band_is_read_in_thousands_and_with_commas():
    assert band("85K:92,000") == (85_000, 92_000)
    assert band("1e-9:0.5k") == (1e-9, 500)


@pytest.mark.parametrize("text", [f"{MANY}d", "-1d", "1", "d", "1e3d", "nand", "٣d"])
def test_a_span_that_cannot_be_is_told(text):
    with pytest.raises(UsageError, match=re.escape(f"--max-age {text!r} is no span")):
        span_ms("--max-age", text)


def test_a_span_is_read_in_its_unit():
    assert span_ms("--lookback", " 1.5d ") == 1.5 * DAY_MS
