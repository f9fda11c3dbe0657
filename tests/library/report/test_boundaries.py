"""Figures in words at both sides of each limit."""

from __future__ import annotations

import pytest

from imbalance.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # No amount is told as 1000 of a unit, nor with more than three digits.
        (999.4, "999"), (999.5, "1.0K"), (999_400, "999K"), (999_500, "1.0M"), (999.4e6, "999M"), (999.5e6, "1.0B"),
        (999.4e9, "999B"), (999.5e9, "1.0T"), (99.4e3, "99.4K"), (99.5e3, "100K"), (-99.5e6, "-100M"),
        (99.4, "99"), (99.5, "100"), (-99.5, "-100"), (2.5e12, "2.5T"), (1.5e3, "1.5K"), (-2.5e9, "-2.5B"),
    ],
)  # fmt: skip
def test_amounts_have_three_digits_at_most(value, text):
    assert words.usd(value) == text


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (words.coins, 99.4, "99"), (words.coins, 99.5, "100"), (words.coins, -99.5, "-100"),
        (words.coins, 1234.5, "1,234"),
        (words.price, 10_000, "10,000"), (words.price, 9_999.99, "9,999.99"), (words.price, 100, "100.00"),
        (words.price, 99.9, "99.9"), (words.price, 0.346_217, "0.34622"), (words.price, None, "-"),
        (words.short_price, 10_000, "10K"), (words.short_price, 9_999, "9,999"), (words.short_price, 1_000, "1,000"),
        (words.short_price, 999.9, "999.9"), (words.short_price, 84_100, "84.1K"),
        (words.short_price, 0.3462, "0.3462"),
        (words.fraction, 0.31, "+31.0 %"), (words.fraction, -0.061, "-6.1 %"), (words.fraction, None, "-"),
        (words.share, 0.0999, "10.0 %"), (words.share, 0.1, "10 %"), (words.share, -0.05, "-5.0 %"),
        (words.share, 0.312, "31 %"), (words.share, -0.1, "-10 %"),
        (words.ratio, 0.95, "0.95"), (words.ratio, 0.951, "1.0"), (words.ratio, 0.5, "0.5"),
        (words.ratio, 12.0, "12.0"),
        (words.ratio, None, "-"),
    ],
)  # fmt: skip
def test_figures_have_the_digits_that_their_size_deserves(show, value, text):
    assert show(value) == text


@pytest.mark.parametrize(
    ("newest", "text"),
    [
        ("2026-01-28T12:00:00Z", "2 d"), ("2026-01-28T12:00:01Z", "48 h"), ("2026-01-30T10:00:00Z", "2 h"),
        ("2026-01-30T10:00:01Z", "120 min"), ("2026-01-30T11:58:00Z", "2 min"), ("2026-01-30T11:58:01Z", "119 s"),
        ("2026-01-30T12:00:00Z", "0 s"), ("2026-01-30T12:00:09Z", "0 s"), ("2026-01-01T12:00:00Z", "29 d"),
    ],
)  # fmt: skip
def test_ages_are_told_in_a_unit_from_two_of_it_on(newest, text):
    assert words.age(newest, "2026-01-30T12:00:00Z") == text


@pytest.mark.parametrize(
    ("date", "text"),
    [("2025-10-05", "October 2025"), ("2026-01-31", "January 2026"), ("2024-12-01", "December 2024")],
)
def test_months_are_named(date, text):
    assert words.month(date) == text


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (0.5, 2.0, "ratio", "0.5-2.0"), (5e8, 2e9, "usd", "500M-2.0B"),
        (None, 2.0, "usd", ""), (5e8, None, "usd", ""), (0.0, 1.0, "usd", "0-1"),
    ],
)  # fmt: skip
def test_a_range_has_two_ends_or_is_none(low, high, unit, text):
    assert words.span(low, high, unit) == text
