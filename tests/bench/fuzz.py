"""Every parser on so many mutated bodies, or conditions on so many texts: only what refuses them may come of it.

python -m tests.bench.fuzz 1000000
python -m tests.bench.fuzz 1000000 --expressions
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from imbalance.errors import ExpressionError
from tests.library.expressions import test_fuzz as expressions
from tests.library.venues.test_fuzz import ENDPOINTS, survives

MOST_MS_A_CHARACTER = 1.0


def bodies(inputs: int) -> None:
    """Read mutated bodies with every parser."""
    started, read = time.perf_counter(), 0
    for seed in range(inputs):
        read += survives(seed % len(ENDPOINTS), seed)
    took_s = time.perf_counter() - started
    print(
        f"{inputs:,} mutated bodies of {len(ENDPOINTS)} endpoints: {inputs - read:,} refused, {read:,} read as harmless"
    )
    print(f"{took_s:.0f} s, no error but parse errors and refusals")


def texts(inputs: int) -> None:
    """Read texts as conditions and hold them against figures; the time is the CPU's, with what others take of it."""
    expressions.holds(0, "price > 1")  # the grammar is read once
    found: Counter[str] = Counter()
    worst: tuple[float, float, str] = (0.0, 0.0, "")
    for seed in range(inputs):
        text = expressions.text_of(seed)
        started = time.thread_time()
        outcome = expressions.holds(seed, text)
        took_ms = (time.thread_time() - started) * 1000
        if not expressions.sound(text, outcome):
            raise AssertionError(seed, text, outcome)
        found["refused" if isinstance(outcome, ExpressionError) else str(outcome)] += 1
        worst = max(worst, (took_ms / max(len(text), 1), took_ms, text))
    print(f"{inputs:,} texts: {', '.join(f'{count:,} {name}' for name, count in sorted(found.items()))}")
    a_character, took_ms, text = worst
    print(f"no error but refusals that point into their text; at worst {a_character:.3f} ms a character:")
    print(f"{took_ms:.2f} ms of {len(text)} characters: {text[:60]!r}")
    if a_character > MOST_MS_A_CHARACTER:
        sys.exit(f"more than {MOST_MS_A_CHARACTER:g} ms a character")


def main() -> None:
    """Run as many inputs as are asked for."""
    counts = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    (texts if "--expressions" in sys.argv else bodies)(counts[0] if counts else 100_000)


if __name__ == "__main__":
    main()
