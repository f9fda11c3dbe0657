"""Parsers on the project's own bodies: right numbers, and never a wrong one from a damaged body."""

from __future__ import annotations

import copy
import functools
import json

import msgspec
import pytest

from imbalance.errors import ParseError, SourceError
from imbalance.fetch.recording import Recording, find
from imbalance.providers import PROVIDERS
from imbalance.units import DAY_MS, INTERVALS_MS
from imbalance.venues import VENUES
from imbalance.wire import Ask, Kind
from tests.support.exchange import NOW_MS

SOURCES = {s.name: s for s in (*VENUES, *PROVIDERS)}
ENDPOINTS = [(s.name, i) for s in SOURCES.values() for i in range(len(s.endpoints))]
NAMES = [f"{s}-{SOURCES[s].endpoints[i].name}" for s, i in ENDPOINTS]
RECORDING = Recording(find("article"))


ACCOUNTS = tuple(
    json.loads(query)["user"] for _source, _path, query in RECORDING.answers if "clearinghouseState" in query
)


@functools.cache
def ask_for(source):
    """Return what is asked of a source once its own listing has been read."""
    ask = Ask("BTC", NOW_MS, NOW_MS - 30 * DAY_MS, NOW_MS, 900_000, accounts=ACCOUNTS)
    listing = next((e for e in SOURCES[source].endpoints if e.kind is Kind.INSTRUMENTS), None)
    if listing is None:
        return ask
    rows = listing.parse(recorded(source, listing, ask), ask)
    own = tuple(row for row in rows if row.base == "BTC")
    return msgspec.structs.replace(ask, instrument=own[0], listings=own)


def recorded(source, endpoint, ask):
    """Return an endpoint's own body: the recorded answer to the first page it asks for."""
    key = (source, *endpoint.asked(endpoint.pages(ask)[0]))
    assert key in RECORDING.answers, f"no body of {source} {endpoint.name}: {key}"
    return RECORDING.body(*RECORDING.answers[key])


def small(node):
    """Cut lists to three rows, so that every leaf can be damaged."""
    if isinstance(node, dict):
        return {k: small(v) for k, v in list(node.items())[:40]}
    if isinstance(node, list):
        # A short list of plain values is a row, a long one a column.
        row = len(node) <= 12 and all(not isinstance(v, dict | list) for v in node)
        return [small(v) for v in (node if row else node[:3])]
    return node


# What is worked out of all rows of a day together, and missing where one is.
WHOLE = {("htx", "ticker")}


def body_of(source, index):
    """Return an endpoint's own body, its lists cut short where they can be."""
    endpoint = SOURCES[source].endpoints[index]
    body = json.loads(recorded(source, endpoint, ask_for(source)))
    return body if (source, endpoint.name) in WHOLE else small(body)


def parse(source, index, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(SOURCES[source].endpoints[index].parse(raw, ask_for(source)))


def leaves(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from leaves(value, (*path, i))
    else:
        yield path


def damaged(body, path, value):
    out = copy.deepcopy(body)
    node = out
    for step in path[:-1]:
        node = node[step]
    if value is KeyError:
        if isinstance(node, dict):
            node[f"{path[-1]}_renamed"] = node.pop(path[-1])
        else:
            del node[path[-1]]
    else:
        node[path[-1]] = value
    return out


def plain(record):
    return msgspec.to_builtins(record)


WORDS = {"order_id", "symbol", "label", "base", "quote", "kind"}
SIGNED = {"order_id", "change_24h", "rate", "quantity_base", "side"}
# Columns side by side, told apart by their index alone: a market's price is checked against the others' later.
COLUMNS = {("hyperliquid", "ticker"), ("kraken", "open interest history")}


def same(found, true):
    """A field is missing or equal (two ways to the same figure may differ by rounding)."""
    if found is None or found == true:
        return True
    return isinstance(found, float) and isinstance(true, float) and found == pytest.approx(true, rel=1e-4)


def never_wrong(found, whole, free):
    """Every record found is one of the true ones, but for fields that are missing or `free`."""
    true = [plain(r) for r in whole]
    for record in map(plain, found):
        fits = any(all(k in free or same(v, t.get(k)) for k, v in record.items()) for t in true)
        assert fits, f"{record} is in none of {true}"


@pytest.mark.parametrize(("source", "index"), ENDPOINTS, ids=NAMES)
def test_every_endpoint_has_a_body_that_parses(source, index):
    assert parse(source, index, body_of(source, index))


@pytest.mark.parametrize("value", [None, "abc", "NaN", "inf", -7, "", [], {}, KeyError], ids=str)
@pytest.mark.parametrize(("source", "index"), ENDPOINTS, ids=NAMES)
def test_a_damaged_leaf_is_an_error_or_changes_nothing(source, index, value):
    body = body_of(source, index)
    whole = parse(source, index, body)
    for path in leaves(small(body)):
        try:
            found = parse(source, index, damaged(body, path, value))
        except SourceError as error:
            assert str(error).startswith(source)
            if isinstance(error, ParseError):
                assert error.path.startswith("$")
            continue
        # A word may be any word, and what may be negative may be -7.
        free = WORDS if isinstance(value, str) else SIGNED if value == -7 else set()
        never_wrong(found, whole, free)


@pytest.mark.parametrize(("source", "index"), ENDPOINTS, ids=NAMES)
def test_a_truncated_body_is_an_error(source, index):
    raw = json.dumps(body_of(source, index)).encode()
    for cut in (0, 1, len(raw) // 3, len(raw) // 2, len(raw) - 1):
        with pytest.raises(ParseError, match="unexpected answer at"):
            parse(source, index, raw[:cut])


def lists(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from lists(value, (*path, key))
    elif isinstance(node, list):
        if len(node) > 1 and all(isinstance(v, dict | list) for v in node):
            yield path
        for i, value in enumerate(node):
            yield from lists(value, (*path, i))


@pytest.mark.parametrize(("source", "index"), ENDPOINTS, ids=NAMES)
def test_a_list_in_the_wrong_order_is_an_error_or_changes_nothing(source, index):
    if (source, SOURCES[source].endpoints[index].name) in COLUMNS:
        return
    body = body_of(source, index)
    whole = parse(source, index, body)
    for path in lists(body):
        out = copy.deepcopy(body)
        node = out
        for step in path:
            node = node[step]
        node.reverse()
        try:
            found = parse(source, index, out)
        except ParseError as error:
            assert "[" in error.path
            continue
        assert sorted(map(repr, found)) == sorted(map(repr, whole))


@pytest.mark.parametrize("source", SOURCES)
def test_html_is_named_as_such(source):
    for endpoint in SOURCES[source].endpoints:
        with pytest.raises(ParseError, match="HTML"):
            endpoint.parse(b"<!DOCTYPE html><html></html>", ask_for(source))


def test_one_module_a_venue_and_a_venue_a_module():
    from pathlib import Path

    import imbalance.venues

    home = Path(imbalance.venues.__file__).parent
    files = {p.stem for p in home.iterdir() if not p.stem.startswith("__") and p.suffix in {"", ".py"}} - {
        "ladders",
        "streams",
    }
    assert files == {v.name for v in VENUES}


def test_each_source_has_distinct_endpoints():
    for source in SOURCES.values():
        names = [e.name for e in source.endpoints]
        assert len(names) == len(set(names))
    assert all(v.endpoint(Kind.INSTRUMENTS) for v in VENUES)


@pytest.mark.parametrize("interval_ms", INTERVALS_MS.values(), ids=INTERVALS_MS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_bar_length_can_be_asked_for(source, interval_ms):
    start = NOW_MS // interval_ms * interval_ms - max(30 * DAY_MS, 100 * interval_ms)
    ask = msgspec.structs.replace(ask_for(source), interval_ms=interval_ms, start_ms=start, end_ms=NOW_MS)
    for endpoint in SOURCES[source].endpoints:
        pages = endpoint.pages(ask)
        assert len(set(pages)) == len(pages)
        for query in pages:
            path, text = endpoint.asked(query)
            assert "{" not in path
            assert "None" not in text
