"""The bundled scenario with the bodies of one source edited, and the figures that come of it without drawing ranges."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from imbalance.collect import Options, Run, ask_of, collect, market_of
from imbalance.doubts import act, examine
from imbalance.errors import ImbalanceError
from imbalance.fetch.gather import gather
from imbalance.fetch.recording import Entry, Recording, find
from imbalance.fetch.replay import Replay
from imbalance.fetch.settings import SourceSettings
from imbalance.readings import mark_price
from imbalance.records import OrderBook
from imbalance.report import others, sections
from imbalance.report.metrics import quoted_bands
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest
from tests.support.exchange import NOW_MS

Json = Any
Change = Callable[[Json], Json]
# Where in a body: a part of the path, a part of the query, and what is done to the JSON.
Edit = tuple[str, str, Change]


class Edited(Recording):
    """A recording whose bodies of one source are changed as they are read."""

    def __init__(self, whole: Recording, source: str, edits: list[Edit]) -> None:
        self.__dict__.update(whole.__dict__)
        self.source, self.edits, self.edited = source, edits, 0

    def body(self, entry: Entry, folder) -> bytes:
        body = super().body(entry, folder)
        for path, query, change in self.edits:
            if entry.source == self.source and path in entry.path and query in entry.query:
                body = json.dumps(change(json.loads(body))).encode()
                self.edited += 1
        return body


class Scenario:
    """The scenario read once; an edited source is read anew and set among the rest."""

    def __init__(self) -> None:
        self.recording = Recording(find("article"))
        self.options = Options(replay="article")
        replayed = collect(self.options, SourceSettings(), 0, Kind)
        self.options = msgspec.structs.replace(self.options, accounts=self.recording.accounts())
        self.run = replayed
        assert not [d for h in replayed.harvests for d in h.doubted]
        self.figures = figures(replayed)

    def edited(self, source: str, *edits: Edit) -> Run:
        """Return the run that the edited bodies give."""
        harvest = self.read(source, *edits)
        return self.judged([harvest if h.name == source else h.copied() for h in self.run.harvests])

    def read(self, source: str, *edits: Edit) -> Harvest:
        """Return what a source gives by its edited bodies."""
        asked = next(h.source for h in self.run.harvests if h.name == source)
        recording = Edited(self.recording, source, list(edits))
        (harvest,) = asyncio.run(gather(Replay(recording), [asked], ask_of(self.options, NOW_MS), Kind, 60))
        assert recording.edited, f"nothing of {source} was edited"
        return harvest

    def judged(self, harvests) -> Run:
        """Return a run of these harvests after they were doubted."""
        act(harvests, examine(harvests, "BTC", NOW_MS))
        return msgspec.structs.replace(self.run, harvests=harvests)


def figures(run: Run) -> dict[str, float | str | None]:
    """Return what a report shows or draws from, without its ranges."""
    harvests = run.harvests
    price = mark_price(harvests)
    found: dict[str, float | str | None] = {"price": price}
    try:
        market = market_of(run)
    except ImbalanceError as error:
        return {"error": str(error)}
    interest = sections.open_interest(harvests, market.price, NOW_MS, run.venues)
    volume = sections.volume(harvests, market.price, NOW_MS, run.venues)
    seen = sections.liquidations(harvests, NOW_MS, run.venues)
    mood = sections.sentiment(harvests)
    quotes = quoted_bands(harvests, market.price)
    cme = others.institutional(harvests, market.price)
    found |= {
        "open interest": interest.total_usd,
        "its change": interest.change.value if interest.change else None,
        "volume": volume.total_24h_usd,
        "month": volume.total_month_usd,
        "liquidations": seen.usd,
        "largest since": seen.largest_since.date if seen.largest_since else None,
        "funding": sections.funding(harvests, interest).rate_8h,
        "fear & greed": mood.value if mood else None,
        "mood of": mood.date if mood else None,
        "cme": cme.open_interest_base if cme else None,
        "index": sections.market_price(market, harvests).index,
        "long liquidations": seen.long_usd,
        "books": sum(len(h.of(OrderBook)) for h in harvests),
        "best bids": sum(b.bids[0][0] for h in harvests for b in h.of(OrderBook) if b.bids),
        "resting bids": sum(p * q for h in harvests for b in h.of(OrderBook) for p, q in b.bids),
        "resting asks": sum(p * q for h in harvests for b in h.of(OrderBook) for p, q in b.asks),
        "high": float(market.high.max()),
        "low": float(market.low.min()),
        "path": float(market.close.mean()),
        "bars": market.close.size,
    }
    for row in interest.quoted + volume.quoted:
        found[f"quoted {row.source}"] = row.usd + (found.get(f"quoted {row.source}") or 0.0)
    for side, (usd, _band) in quotes.items():
        found[f"quoted {side}"] = usd
    for row in others.holders(harvests):
        found[f"holders {row.source}"] = row.value
    for venue in market.venues:
        for field in ("open_interest_base", "volume_base", "long_liquidations_base", "short_liquidations_base"):
            values = getattr(venue, field)
            found[f"{venue.name} {field}"] = float(np.nansum(values)) if np.isfinite(values).any() else None
    return found


def moved(before: dict, after: dict, tolerance: float = 0.02) -> list[str]:
    """Return the figures that are no longer what they were; one that is now missing has moved too."""
    told = []
    for name in sorted({*before, *after}):
        a, b = before.get(name), after.get(name)
        same = a == b
        if isinstance(a, int | float) and isinstance(b, int | float):
            same = abs(a - b) <= tolerance * max(abs(a), 1e-9)
        if not same:
            told.append(f"{name}: {a} -> {b}")
    return told


def scaled(factor: float, *names: str | int) -> Change:
    """Return a change that multiplies the fields of these names, or the columns of these places, wherever they are."""

    def change(node: Json) -> Json:
        if isinstance(node, dict):
            return {k: _times(v, factor) if k in names else change(v) for k, v in node.items()}
        if isinstance(node, list):
            row = bool(node) and not any(isinstance(v, dict | list) for v in node)
            return [_times(v, factor) if row and i in names else change(v) for i, v in enumerate(node)]
        return node

    return change


def _times(value: Json, factor: float) -> Json:
    if isinstance(value, list):
        return [_times(v, factor) for v in value]
    if isinstance(value, bool) or value is None:
        return value
    try:
        number = float(value) * factor
    except (TypeError, ValueError):
        return value
    text = f"{number:.12g}"
    if isinstance(value, str):
        return np.format_float_positional(float(text), trim="0")
    return int(number) if isinstance(value, int) and float(number).is_integer() else float(text)


def named(old: str, new: str) -> Change:
    """Return a change that gives another name, wherever it stands as a whole value."""

    def change(node: Json) -> Json:
        if isinstance(node, dict):
            return {k: change(v) for k, v in node.items()}
        if isinstance(node, list):
            return [change(v) for v in node]
        return new if node == old else node

    return change


def exchanged(one: str, other: str) -> Change:
    """Return a change that puts the values of two names, or two words as values, in each other's place."""
    words = {one: other, other: one}

    def change(node: Json) -> Json:
        if isinstance(node, dict):
            moved = words if one in node and other in node else {}
            return {name: change(node[moved.get(name, name)]) for name in node}
        if isinstance(node, list):
            return [change(v) for v in node]
        return words.get(node, node) if isinstance(node, str) else node

    return change


def given(value: Json, *names: str) -> Change:
    """Return a change that gives the fields of these names a value, wherever they are."""

    def change(node: Json) -> Json:
        if isinstance(node, dict):
            return {k: value if k in names else change(v) for k, v in node.items()}
        return [change(v) for v in node] if isinstance(node, list) else node

    return change


def below(name: str, inner: Change) -> Change:
    """Return a change of what stands under a name alone."""

    def change(node: Json) -> Json:
        if isinstance(node, dict):
            return {k: inner(v) if k == name else change(v) for k, v in node.items()}
        return [change(v) for v in node] if isinstance(node, list) else node

    return change


def rows(pick: Callable[[list], list]) -> Change:
    """Return a change of the longest list of a body: its rows; lists side by side are cut alike."""

    def longest(node: Json) -> int:
        inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return max([len(node) if isinstance(node, list) else 0, *(longest(v) for v in inside)])

    def change(node: Json, size: int) -> Json:
        if isinstance(node, list):
            return pick(node) if len(node) == size else [change(v, size) for v in node]
        return {k: change(v, size) for k, v in node.items()} if isinstance(node, dict) else node

    return lambda body: change(body, longest(body))


def shifted(ms: int) -> Change:
    """Return a change that moves every time in a body by whole milliseconds; seconds are told by their size."""

    def change(node: Json) -> Json:
        if isinstance(node, dict):
            return {k: change(v) for k, v in node.items()}
        if isinstance(node, list):
            return [change(v) for v in node]
        text = str(node)
        if not isinstance(node, bool) and text.isdigit():
            if 1_600_000_000_000 < int(text) < 1_900_000_000_000:
                return type(node)(int(text) + ms)
            if 1_600_000_000 < int(text) < 1_900_000_000:
                return type(node)(int(text) + ms // 1000)
        return node

    return change
