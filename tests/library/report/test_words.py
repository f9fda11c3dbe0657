"""Numbers and sentences as people write them."""

from __future__ import annotations

import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imbalance_cli.context import Screen
from imbalance_cli.render.parts import Column, Line, Table
from imbalance_cli.render.terminal import to_terminal

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


@given(st.integers(-12, 11), st.floats(1, 9.99))
def test_a_price_is_told_in_decimals_at_any_size(power, lead):
    value = lead * 10.0**power
    for text, digits in ((words.price(value), 5), (words.short_price(value), 3)):
        assert re.fullmatch(r"\d[\d,]*(?:\.\d+)?K?", text)
        number = float(text.replace(",", "").removesuffix("K")) * (1000 if text[-1] == "K" else 1)
        assert number == pytest.approx(value, rel=0.6 * 10.0 ** (1 - digits))
    assert re.fullmatch(r"[\d,.]+[KMBT]?", words.usd(value))
    assert re.fullmatch(r"[\d,.]+", words.coins(value))
    assert re.fullmatch(r"[\d.]+", words.ratio(value))


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


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "usd", "-"), ("", "text", "-"), ("long", "text", "long"), (0.0, "fraction", "+0.000 %"),
        (-0.00011, "fraction", "-0.011 %"), (0.001, "fraction", "+0.1 %"), (0.25, "fraction", "+25.0 %"),
        (1.9e9, "usd", "1.9B"), (82_512.0, "price", "82,512"), (123_500.0, "base", "123,500"), (4.54, "ratio", "4.5"),
        (16.0, "index", "16"), (16.25, "index", "16.25"),
    ],
)  # fmt: skip
def test_a_figure_reads_as_its_unit_does(value, unit, text):
    assert words.figure(value, unit) == text


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [(1e9, 2e9, "usd", "1.0B-2.0B"), (0.25, 1.5, "ratio", "0.25-1.5"), (None, 1.0, "usd", ""), (1.0, None, "usd", "")],
)
def test_a_range_reads_from_low_to_high(low, high, unit, text):
    assert words.span(low, high, unit) == text


def test_one_has_no_plural():
    assert [words.counted(many, "bar") for many in (0, 1, 2, 1_000)] == ["0 bars", "1 bar", "2 bars", "1,000 bars"]


TOLD = (
    "est. 1.2B within 15 % (short : long 0.48) in 24 h; binance 65 %; bybit 64 %; 90 % ranges, not direction. More: -v"
)
PARTED = re.compile(r"\d\n *(?:%|h\b)|short\n|short :\n|More:\n")


@pytest.mark.parametrize("width", range(40, 120))
def test_no_line_ends_between_a_number_and_its_unit(width):
    wrapped = words.unglued(textwrap.fill(words.glued(TOLD), width))
    table = Table([Column("Gauge"), Column("Reading", wrap=True)], [["Accounts long", TOLD]])
    drawn = to_terminal([Line(TOLD), table], Screen(width, color=False, ascii=False))
    for text in (wrapped, drawn):
        assert not PARTED.search(text)
        assert words.GLUE not in text
        assert max(map(len, text.splitlines())) <= width
    assert " ".join(wrapped.split()) == TOLD
