"""Random and mutated texts as conditions: they are read or an `ExpressionError` points into them, and nothing else.

``python -m tests.bench.fuzz 1000000 --expressions`` does the same at length, and times it.
"""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance.errors import ExpressionError
from imbalance.expressions import Value, parse
from imbalance.report import figures

KNOWN = figures.known()
SEEDS = (
    "ratio >= 4 and fear_greed <= 20 and open_interest_usd > 10B",
    "ratio.low > 1",
    "not (heavier == 'long' or change_24h < -5%) and lift.low > 1.05",
    'heavier != "short" and (price - 80K) / price * 100 < 2.5e0',
    "long_usd + short_usd > 2T or funding_rate_8h <= -.01%",
    "((long_cluster_usd)) / (2*3-1) == 1e9 or not not price != 1",
)
PARTS = (
    *KNOWN, "and", "or", "not", "(", ")", "((", "))", "<", "<=", "==", "!=", "=", "+", "-", "*", "/", "**", "//", " ",
    "1", "-2.5", "1e308", "9e999", "10B", "5%", ".", ".5.", "'x'", '"', "'", "__", "lambda", "\t", "\n", "\x00", "é",
    "\u202e", "\ud800", "0x1F", "1_0", "[", "{", ";", "#", "@", ",", ":",
)  # fmt: skip
# All that a text which is read may consist of, told apart from how it is read.
WORD = re.compile(r"""[()<>=!+*/ \t-]|"[^"\n]*"|'[^'\n]*'|[a-z][a-z0-9_.]*|[0-9.]+([eE][+-]?[0-9]+)?[KMBT%]?""")
WORDS = re.compile(r"[ ]+|[\w.%']+|[^\w.%']")
MOST_CHARACTERS = 520  # a little more than is read


def text_of(seed: int) -> str:
    """Return an input: bytes as text, a mutated condition, words in any order, or parts nested deep."""
    rng = random.Random(seed)  # noqa: S311  inputs that can be made again
    kind = rng.random()
    if kind < 0.2:
        return rng.randbytes(rng.randrange(80)).decode(rng.choice(("latin-1", "utf-8")), "surrogateescape")
    if kind < 0.6:
        return _mutated(rng.choice(SEEDS), rng)[:MOST_CHARACTERS]
    if kind < 0.8:
        return rng.choice(("", " ")).join(rng.choice(PARTS) for _ in range(rng.randrange(40)))[:MOST_CHARACTERS]
    opened, closed, core = rng.choice(
        (("(", ")", "ratio > 1"), ("not ", "", "price < 2"), ("(", ")", "1"), ("1+(", ")", "price"), ("-", "", "1 > 2"))
    )
    deep = rng.randrange(MOST_CHARACTERS // len(opened + closed))
    return opened * deep + core + closed * (deep + rng.choice((0, 0, 0, 1, -1))) + rng.choice(("", " > 1"))


def _mutated(text: str, rng: random.Random) -> str:
    """Return a condition with one to three words replaced, left out, doubled or torn."""
    words = WORDS.findall(text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(words))
        torn = words[at][: rng.randrange(len(words[at]))]
        words[at] = rng.choice((rng.choice(PARTS), "", words[at] * 2, torn, f"({words[at]})", rng.choice(words)))
        words = [word for word in words if word] or [" "]
    return "".join(words)


def figures_of(seed: int) -> dict[str, Value]:
    """Return figures of which some are missing, 0 or as large as numbers are."""
    rng = random.Random(seed)  # noqa: S311
    numbers = (None, 0.0, -1.5, 16.0, 1e308)
    return {n: rng.choice(("long", None) if kind == "text" else numbers) for n, kind in KNOWN.items()}


def holds(seed: int, text: str) -> bool | ExpressionError | None:
    """Read a text and hold it against figures."""
    try:
        condition = parse(text, KNOWN)
    except ExpressionError as error:
        return error
    return condition.holds(figures_of(seed))


def sound(text: str, found: bool | ExpressionError | None) -> bool:
    """Tell whether an outcome is one that may be: an error points into its text, what is read consists of words."""
    if isinstance(found, ExpressionError):
        return 1 <= found.column <= len(text) + 1
    return found in {True, False, None} and not WORD.sub("", text)


@settings(max_examples=1000)
@given(st.integers(0, 2**32))
def test_a_text_is_read_or_refused_where_it_is_wrong(seed):
    text = text_of(seed)
    assert sound(text, holds(seed, text))


def test_inputs_are_of_all_kinds_and_some_are_read():
    found = [holds(seed, text_of(seed)) for seed in range(2000)]
    refused = [error for error in found if isinstance(error, ExpressionError)]
    assert 0.5 < len(refused) / len(found) < 0.9
    assert {True, False, None} < {*found}
    reasons = ("is not expected", "it ends here", "no figure", "longer than", "cannot be", "too large")
    assert all(any(reason in error.message for error in refused) for reason in reasons)


@pytest.mark.parametrize("text", ["ratio > 1; 2", "__class__ > 1", "ratio > 1 # no"])
def test_what_may_not_be_is_told(text):
    assert not sound(text, found=True)
    assert not sound(text, ExpressionError(text, len(text) + 2, ""))
