"""Parsers and refusals on mutated bodies: they read or they raise a `SourceError`, and nothing else happens.

``python -m tests.bench.fuzz 1000000`` does the same at length.
"""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance.errors import SourceError
from tests.library.venues.test_parsers import ENDPOINTS, SOURCES, ask_for, body_of
from tests.support.fuzz import STATUSES, mutated

BODIES = [json.dumps(body_of(source, index)).encode() for source, index in ENDPOINTS]


def survives(which, seed):
    """Parse a mutated body; True if it was read, False if it was refused."""
    source, index = ENDPOINTS[which]
    body = mutated(BODIES[which], seed)
    told = SOURCES[source].refusal(STATUSES[seed % len(STATUSES)], body, "x")
    assert told is None or isinstance(told, SourceError)
    try:
        SOURCES[source].endpoints[index].parse(body, ask_for(source))
    except SourceError:
        return False
    return True


@settings(max_examples=4000)
@given(st.integers(0, len(ENDPOINTS) - 1), st.integers(0, 2**32))
def test_a_mutated_body_is_read_or_refused(which, seed):
    assert survives(which, seed) in {True, False}


def test_most_mutations_are_seen_and_some_are_harmless():
    outcomes = [survives(seed % len(ENDPOINTS), seed) for seed in range(2000)]
    assert 0.1 < sum(outcomes) / len(outcomes) < 0.6
