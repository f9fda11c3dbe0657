"""What cannot be read is told with its column, however odd it is."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.errors import ExpressionError
from imbalance.expressions import parse

KNOWN = {"ratio": "number", "ratio.low": "number", "heavier": "text"}


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        ("", 1, "it ends here"),
        ("ratio >", 8, "it ends here"),
        ("ratio", 6, "expected a comparison"),
        ("ratio > 1 and", 14, "it ends here"),
        ("ratio > 1 ratio", 11, "'ratio' is not expected"),
        ("ratio > 1 > 2", 11, "'>' is not expected"),
        ("(ratio > 1", 11, "it ends here"),
        ("ratio = 1", 7, "'=' is not expected"),
        ("ratio > 10b", 9, "'10b' is no number"),
        ("ratio > 1_000 or ratio < 1", 9, "'1_000' is no number"),
        ("ratio > 5.", 9, "'5.' is no number"),
        ("ratio > .", 9, "'.' is not expected"),
        ("Ratio > 1", 1, "'Ratio' is not expected"),
        ("ratio > 1 AND ratio < 2", 11, "'AND' is not expected"),
        ("ratio > 1 orratio > 1", 11, "'orratio' is not expected"),
        ("ratio > 1 and1 < ratio", 11, "'and1' is not expected"),
        ("ratio > 1 and.5 < ratio", 11, "'and' is not expected"),
        ("ratio.loud > 1", 1, "no figure 'ratio.loud'"),
        ("1 < ratios", 5, "no figure 'ratios'"),
        ("ratio > 1e999", 9, "too large"),
        ("heavier > 'long'", 9, "== and != alone"),
        ("heavier == 1", 9, "a text and a number"),
        ("heavier + 1 > 1", 9, "cannot be reckoned with"),
        ("__import__('os') == 1", 1, "'_' is not expected"),
        ("ratio > 1; ratio", 10, "';' is not expected"),
    ],
)
def test_the_column_and_what_is_wrong(text: str, column: int, told: str):
    with pytest.raises(ExpressionError) as caught:
        parse(text, KNOWN)
    assert caught.value.column == column
    assert told in caught.value.message
    assert caught.value.hint.split("\n")[:2] == [text, " " * (column - 1) + "^"]


def test_how_numbers_and_words_are_written_is_said():
    for text, hint in (("ratio > 10b", "10B"), ("ratio > 1 OR ratio < 2", "small letters")):
        with pytest.raises(ExpressionError) as caught:
            parse(text, KNOWN)
        assert hint in caught.value.hint.splitlines()[-1]


def test_names_like_it_are_offered():
    with pytest.raises(ExpressionError, match="column 1") as caught:
        parse("ratoi > 1", KNOWN)
    assert "Did you mean ratio" in caught.value.hint


def test_the_longest_that_is_read():
    text = "ratio > 1" + " or ratio > 1" * 37
    fits = text + " " * (500 - len(text))
    assert parse(fits, KNOWN).names == ("ratio",)
    with pytest.raises(ExpressionError, match="longer than 500") as caught:
        parse(fits + " ", KNOWN)
    assert caught.value.column == 501


@pytest.mark.parametrize("text", ["(" * 245 + "ratio > 1" + ")" * 245, "not " * 120 + "ratio > 1"])
def test_deep_nesting_is_read(text: str):
    assert parse(text, KNOWN).holds({"ratio": 2.0, "ratio.low": None, "heavier": None}) is True


@given(st.text(max_size=60) | st.text(string.printable, max_size=60))
def test_any_text_is_read_or_refused(text: str):
    try:
        parse(text, KNOWN)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1
