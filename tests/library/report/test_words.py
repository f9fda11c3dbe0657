"""Numbers and sentences as people write them."""

from __future__ import annotations

import pytest

from imbalance.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), (0, "0"), (0.0, "0"), (0.00123, "0.0012"), (0.456, "0.46"), (3.21, "3.2"), (42.4, "42"),
        (99.4, "99"), (99.6, "100"), (999.4, "999"), (999.6, "1.0K"), (-3.21, "-3.2"),
        (5.47e7, "54.7M"), (1.9e9, "1.9B"),
    ],
)  # fmt: skip
def test_an_amount_is_0_only_where_it_is(value, text):
    assert words.usd(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.0042, "0.0042"), (7.31, "7.3"), (99.6, "100"), (123_499.6, "123,500")]
)
def test_a_few_coins_are_not_none(value, text):
    assert words.coins(value) == text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("timed out", "Try again."), "timed out. Try again."),
        (("timed out.", "Try again."), "timed out. Try again."),
        (("really?", "Try again"), "really? Try again"),
        (("timed out", ""), "timed out"),
        (("", "Try again."), "Try again."),
        (("", ""), ""),
    ],
)
def test_sentences_end_before_the_next_begins(parts, text):
    assert words.sentences(*parts) == text
