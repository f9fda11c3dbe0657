"""What conditions come to: against plain Python where all is known, and by Kleene's tables where something is not."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.expressions import Value, parse

KNOWN = {"a": "number", "b": "number", "c": "number", "side": "text"}
VALUES = st.floats(-100, 100).map(lambda x: round(x, 3))
OPERATORS = ("<", "<=", ">", ">=", "==", "!=")


def holds(text: str, **figures: Value) -> bool | None:
    return parse(text, KNOWN).holds({"a": None, "b": None, "c": None, "side": None} | figures)


def terms() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["a", "b", "c"]) | VALUES.map(lambda x: f"{x:.3f}")
    return st.recursive(
        leaves, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner), max_leaves=5
    )


def conditions() -> st.SearchStrategy[str]:
    leaves = st.builds("{} {} {}".format, terms(), st.sampled_from(OPERATORS), terms())
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
            | st.builds("not ({})".format, inner)
        ),
        max_leaves=5,
    ).filter(lambda text: len(text) <= 500)


@given(conditions(), VALUES, VALUES, VALUES)
def test_where_all_is_known_it_is_what_python_says(text: str, a: float, b: float, c: float):
    python: Callable[..., bool] = eval(f"lambda a, b, c: {text}")  # noqa: S307  drawn above, from nothing outside
    assert holds(text, a=a, b=b, c=c) == python(a, b, c)


@given(
    conditions(), st.lists(VALUES, min_size=3, max_size=3), st.integers(0, 2), st.lists(VALUES, min_size=5, max_size=5)
)
def test_what_is_told_without_a_figure_stays_so_whatever_the_figure_is(text, values, lacking, others):
    figures = dict(zip("abc", values, strict=True))
    name = "abc"[lacking]
    told = holds(text, **(figures | {name: None}))
    if told is not None:
        assert {holds(text, **(figures | {name: other})) for other in others} == {told}


@pytest.mark.parametrize(("left", "right"), [*itertools.product((True, False, None), repeat=2)])
def test_kleenes_tables(left: bool | None, right: bool | None):
    def figure(value: bool | None) -> float | None:
        return None if value is None else float(value)

    both = False if False in {left, right} else None if None in {left, right} else True
    either = True if True in {left, right} else None if None in {left, right} else False
    assert holds("a == 1 and b == 1", a=figure(left), b=figure(right)) is both
    assert holds("a == 1 or b == 1", a=figure(left), b=figure(right)) is either
    assert holds("not a == 1", a=figure(left)) is (None if left is None else not left)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10B", 10e9), ("1.5M", 1.5e6), ("80K", 80e3), ("2T", 2e12), ("31%", 0.31), (".5", 0.5), ("1e3", 1e3),
        ("-2.5", -2.5), ("2+3*4", 14), ("(2+3)*4", 20), ("8/2/2", 2), ("7-2-1", 4), ("2 - -1", 3), ("-5%", -0.05),
    ],
)  # fmt: skip
def test_numbers_and_reckoning(text: str, value: float):
    assert holds(f"a >= {text} and a <= {text}", a=value)
    assert not holds(f"a > {text} or a < {text}", a=value)


def test_what_cannot_be_reckoned_is_not_known():
    assert holds("a / b > 0", a=1.0, b=0.0) is None
    assert holds("a * a > 0", a=1e200) is None
    assert holds("a / b > 0", a=1.0, b=2.0) is True


def test_and_binds_closer_than_or_and_not_closest():
    assert holds("a == 1 or b == 1 and c == 1", a=1.0, b=0.0, c=0.0) is True
    assert holds("(a == 1 or b == 1) and c == 1", a=1.0, b=0.0, c=0.0) is False
    assert holds("not a == 1 and b == 1", a=0.0, b=0.0) is False


def test_texts_are_compared_for_being_the_same():
    assert holds('side == "short"', side="short")
    assert holds("side != 'long'", side="short")
    assert holds("side == 'short'") is None


def test_names_that_begin_with_a_word_of_the_grammar_are_names():
    known = {"android": "number", "notable": "number", "order": "number"}
    condition = parse("notable > 1 or not order > 1 and android > 1", known)
    assert condition.names == ("notable", "order", "android")
    assert condition.holds({"notable": 2.0, "order": 2.0, "android": 2.0})
