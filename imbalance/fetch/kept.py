"""Answers that stand in for later ones: a small file a coin in the user's cache folder, of live runs with a store.

What cannot be read, or was written by another version of the program, is asked for again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import GenericAlias
from urllib.parse import quote

import msgspec

from imbalance import files, records
from imbalance.fetch.settings import SourceSettings
from imbalance.units import DAY_MS
from imbalance.wire import Kind, Record, Source
from imbalance.wire.answers import Answer, Answers
from imbalance.wire.decode import TimeMs
from imbalance.wire.harvest import Harvest

MOST_BYTES = 10_000_000
TYPES = {
    one.__name__: one
    for one in (
        records.Instrument,
        records.FundingInterval,
        records.Ticker,
        records.Funding,
        records.LongShort,
        records.ContractStats,
        records.MarginTier,
        records.Sentiment,
        records.Commitments,
        records.Holders,
    )
}


class _Kept(msgspec.Struct):
    """An answer as it is written: rows of one type, and the address that gave them."""

    source: str
    address: str
    question: str
    kind: Kind
    name: str
    asked_ms: TimeMs
    until_ms: TimeMs
    type: str
    rows: msgspec.Raw


class _File(msgspec.Struct):
    version: str
    answers: list[_Kept]


def _file(symbol: str) -> Path:
    import platformdirs

    return platformdirs.user_cache_path("imbalance") / "answers" / f"{quote(symbol, safe='')}.json"


def _version() -> str:
    from imbalance import __version__

    return __version__


def read(symbol: str, sources: Sequence[Source], settings: SourceSettings, now_ms: int) -> Answers:
    """Return the answers about a coin that stand now, from the addresses that would be asked."""
    addresses = {source.name: settings.shown_url(source) for source in sources}
    found: Answers = {}
    for one in _read(symbol):
        if addresses.get(one.source) != one.address or not one.asked_ms <= now_ms < one.until_ms:
            continue
        rows = _rows(one, now_ms)
        if rows:
            answer = Answer(one.question, one.kind, one.name, one.asked_ms, one.until_ms, rows)
            found[one.source, one.question] = answer
    return found


def _read(symbol: str) -> list[_Kept]:
    try:
        found = msgspec.json.decode(files.read(_file(symbol), MOST_BYTES), type=_File)
    except (OSError, msgspec.MsgspecError):
        return []
    return found.answers if found.version == _version() else []


def _rows(one: _Kept, now_ms: int) -> list[Record]:
    """Return an answer's rows; none where one of them cannot be."""
    try:
        rows: list[Record] = msgspec.json.decode(one.rows, type=GenericAlias(list, (TYPES[one.type],)))
    except (KeyError, msgspec.MsgspecError):
        return []
    stamps = [at_ms for row in rows if (at_ms := getattr(row, "time_ms", None)) is not None]
    return rows if all(0 <= at_ms <= now_ms + DAY_MS for at_ms in stamps) else []


def note(symbol: str, harvests: Iterable[Harvest], settings: SourceSettings, now_ms: int) -> None:
    """Store what may stand in for later answers; a folder that cannot be written is no reason to fail.

    Of a source that failed nothing is kept: whatever changed there is asked for next time.
    """
    harvests = list(harvests)
    failed = {h.name for h in harvests if h.failures}
    known = {(one.source, one.address, one.question): one for one in _read(symbol) if now_ms < one.until_ms}
    known = {key: one for key, one in known.items() if one.source not in failed}
    for harvest in harvests:
        address = settings.shown_url(harvest.source)
        for answer in harvest.answers:
            types = {type(row).__name__ for row in answer.records}
            if harvest.name not in failed and len(types) == 1 and types <= set(TYPES):
                one = _written(harvest.name, address, answer, *types)
                known[one.source, address, one.question] = one
    with contextlib.suppress(OSError):
        file = _file(symbol)
        if file.exists() and not file.is_file():  # a pipe there would be waited for
            return
        files.private_folder(file.parent)
        content = msgspec.json.encode(_File(_version(), list(known.values())))
        files.write(file, content, mode=files.PRIVATE, durable=False)


def _written(source: str, address: str, answer: Answer, type_: str) -> _Kept:
    rows = msgspec.Raw(msgspec.json.encode(answer.records))
    at = (answer.asked_ms, answer.until_ms)
    return _Kept(source, address, answer.question, answer.kind, answer.name, *at, type_, rows)
