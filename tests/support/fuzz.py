"""Mutated bodies: what a broken cache, a proxy or a changed API may send in place of a true answer."""

from __future__ import annotations

import json
import random

TOKENS = [
    *(b"null", b"NaN", b"-1", b"0", b"1e999", b"-1e308", b"9" * 400, b"1769774400", b"17697744000000000", b"true"),
    *(b'""', b'"NaN"', b'"inf"', b'"1_0"', b'"2026-13-99"', b'"\\ud800"', b"\xff\xfe", b"\x00"),
    *(b"[]", b"{}", b"[[]]", b",", b"]", b"}", b'"', b"e", b"."),
]
STATUSES = [200, 200, 200, 302, 400, 401, 403, 404, 418, 429, 451, 500, 503]


def leaves(node: object, path: tuple = ()) -> list[tuple]:
    """Return the paths of all values that hold no others."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [leaf for key, value in items for leaf in leaves(value, (*path, key))]
    return found or [path]


def mutated(body: bytes, seed: int) -> bytes:
    """Return the body with one to four changes: of its values, of its structure, or of its bytes."""
    g = random.Random(seed)  # noqa: S311  reproducible, not secret
    for _ in range(g.randint(1, 4)):
        body = g.choice((_value, _structure, _bytes))(body, g)
    return body


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _at(node: object, path: tuple) -> object:
    for step in path:
        node = node[step]
    return node


def _value(body: bytes, g: random.Random) -> bytes:
    node = _parsed(body)
    path = g.choice(leaves(node))
    if not path:
        return _bytes(body, g)
    other = g.choice(
        [None, -1, 0, 1e30, 10**30, "", "NaN", "x", [], {}, True, g.random(), g.randint(0, 2**62), str(g.random())]
    )
    _at(node, path[:-1])[path[-1]] = other
    return json.dumps(node).encode()


def _structure(body: bytes, g: random.Random) -> bytes:
    node = _parsed(body)
    path = g.choice(leaves(node))
    place = _at(node, path[: g.randint(0, len(path))])
    if isinstance(place, list) and place:
        change = g.randrange(4)
        if change == 0:
            place.append(place[g.randrange(len(place))])
        elif change == 1:
            place.pop(g.randrange(len(place)))
        elif change == 2:
            place.reverse()
        else:
            place.insert(0, g.choice([None, [], {}, 1]))
    elif isinstance(place, dict) and place:
        key = g.choice(list(place))
        place[g.choice([key.upper(), key + "x"])] = place.pop(key)
    return json.dumps(node).encode()


def _bytes(body: bytes, g: random.Random) -> bytes:
    start = g.randint(0, len(body))
    end = min(start + g.choice((0, 0, 1, 3, 20)), len(body))
    return body[:start] + g.choice([b"", *TOKENS]) + body[end:]
