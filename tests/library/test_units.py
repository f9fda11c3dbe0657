"""Lengths of bars, times as text, and the end of the calendar."""

from __future__ import annotations

import re
import statistics
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.records import Contract, Instrument
from imbalance.units import (
    DAY_MS,
    HOUR_MS,
    INTERVALS_MS,
    LAST_MS,
    MINUTE_MS,
    SECOND_MS,
    interval_name,
    iso,
    median,
    parse_time_ms,
    plain,
)

MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440,
}  # fmt: skip


def test_bar_lengths_are_what_their_names_say():
    assert (SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS) == (1_000, 60_000, 3_600_000, 86_400_000)
    assert {name: minutes * 60_000 for name, minutes in MINUTES.items()} == INTERVALS_MS
    for name, minutes in MINUTES.items():
        assert interval_name(minutes * 60_000) == name


@pytest.mark.parametrize(
    ("length_ms", "name"),
    [
        (2 * DAY_MS, "2d"),
        (7 * DAY_MS, "7d"),
        (DAY_MS + HOUR_MS, "1500m"),
        (7 * MINUTE_MS, "7m"),
        (90_000, "1.5m"),
        (0, "0m"),
    ],
)
def test_other_lengths_are_named_in_days_or_minutes(length_ms, name):
    assert interval_name(length_ms) == name


@given(st.floats(1e-30, 1e30), st.integers(1, 12))
def test_a_number_of_any_size_is_a_decimal_with_the_digits_asked_for(value, digits):
    text = plain(value, digits, thousands="")
    assert re.fullmatch(r"\d+(?:\.\d*[1-9])?", text)
    if value < 10 ** (digits - 1):
        assert Decimal(text) == Decimal(f"{value:.{digits}g}")
    else:
        assert Decimal(text) == Decimal(f"{value:.0f}")
    assert plain(-value, digits, thousands="") == f"-{text}"
    assert plain(value, digits).replace(",", "") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1e-5, "0.00001"), (1.4352e-5, "0.000014352"), (9.999999, "10"), (99_999.96, "100,000"),
        (82_512.34, "82,512.3"), (1_234_567.8, "1,234,568"), (float("inf"), "inf"), (float("nan"), "nan"),
    ],
)  # fmt: skip
def test_six_digits_are_told_where_none_are_asked_for(value, text):
    assert plain(value) == text


def test_times_are_read_and_written_in_utc():
    assert parse_time_ms("2026-01-30T12:00:00") == parse_time_ms("2026-01-30T13:00:00+01:00") == 1_769_774_400_000
    assert parse_time_ms(" 1769774400000 ") == 1_769_774_400_000
    assert parse_time_ms("2026-01-30T12:00:00.250Z") == 1_769_774_400_250
    assert iso(1_769_774_400_999) == "2026-01-30T12:00:00Z"
    assert iso(0) == "1970-01-01T00:00:00Z"


def test_the_calendar_ends_with_the_year_9999():
    assert parse_time_ms("9999-12-31T23:59:59.999Z") == LAST_MS
    assert parse_time_ms(str(LAST_MS)) == LAST_MS
    with pytest.raises(ValueError, match="beyond the year 9999"):
        parse_time_ms(str(LAST_MS + 1))
    with pytest.raises(ValueError, match=r"'1{40}' is beyond"):
        parse_time_ms("1" * 60)


def test_a_contract_is_so_many_coins_and_its_price_of_so_many():
    listed = Instrument("x", "X", "X", "USDT", Contract.LINEAR, 100.0, 1000.0)
    assert (listed.base_of(3), listed.price_of(5)) == (300, 0.005)
    plain = Instrument("x", "X", "X", "USDT", Contract.LINEAR)
    assert (plain.base_of(3), plain.price_of(5)) == (3, 5)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=9))
def test_a_median_is_what_python_says(values):
    assert median(values) == statistics.median(values)
    assert median(iter(values)) == statistics.median(values)


def test_nothing_has_no_median():
    with pytest.raises(ValueError, match="no numbers"):
        median([])
