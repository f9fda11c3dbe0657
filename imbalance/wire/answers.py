"""Answers that stand in for later ones: what was asked, when, and until when asking again would tell nothing new."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from imbalance.wire import Ask, Endpoint, Kind, Record


class Answer(msgspec.Struct, frozen=True):
    """What a question was answered at `asked_ms`; it stands for what is asked before `until_ms`."""

    question: str
    kind: Kind
    name: str
    asked_ms: int
    until_ms: int
    records: list[Record]


# By source and question.
Answers = dict[tuple[str, str], Answer]


def answer_of(endpoint: Endpoint, ask: Ask, rows: Sequence[Record]) -> Answer | None:
    """Return an endpoint's answer as one for later; None where it is of its moment alone.

    It stands until the row after its newest may be there, and no longer than a period of funding that it is of.
    """
    if endpoint.holds is None or not rows:
        return None
    stamps = [at_ms for row in rows if (at_ms := getattr(row, "time_ms", None)) is not None]
    until_ms = min(max(stamps, default=ask.now_ms), ask.now_ms) + endpoint.holds(ask)
    ends = [at_ms for row in rows if (at_ms := getattr(row, "next_time_ms", None)) is not None]
    until_ms = min([until_ms, *ends])
    if until_ms <= ask.now_ms:
        return None
    return Answer(endpoint.question(ask), endpoint.kind, endpoint.name, ask.now_ms, until_ms, list(rows))
