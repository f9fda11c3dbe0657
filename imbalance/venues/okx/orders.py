"""OKX: liquidation orders and the order book."""

import msgspec

from imbalance.errors import ParseError
from imbalance.records import (
    Covered,
    Liquidation,
    OrderBook,
)
from imbalance.units import Side
from imbalance.venues.okx.envelope import NAME, answer, family
from imbalance.wire import Ask, Kind, Params, params
from imbalance.wire.decode import (
    Amount,
    Price,
    TimeMs,
    of_asked,
    require,
)

LIQUIDATION_LIMIT = 100


class _Detail(msgspec.Struct, rename="camel"):
    side: str
    pos_side: str
    bk_px: Price
    sz: Amount
    ts: TimeMs


class _Orders(msgspec.Struct, rename="camel"):
    details: list[_Detail]
    inst_family: str | None = None


_POSITIONS = {
    ("long", "sell"): Side.LONG,
    ("short", "buy"): Side.SHORT,
    ("net", "sell"): Side.LONG,
    ("net", "buy"): Side.SHORT,
}


def parse_liquidations(body: bytes, ask: Ask) -> list[Liquidation | Covered]:
    """Read liquidation-orders: posSide is the liquidated side; in net mode a sale closes a long.

    The price is the bankruptcy price, the size contracts.
    """
    found: list[Liquidation] = []
    for g, group in enumerate(answer(body, _Orders, Kind.LIQUIDATIONS)):
        path = f"$.data[{g}].details"
        of_asked(group.inst_family, family(ask), NAME, Kind.LIQUIDATIONS, f"$.data[{g}].instFamily")
        for i, d in enumerate(group.details):
            side = _POSITIONS.get((d.pos_side, d.side))
            if side is None:
                message = f"no {d.pos_side!r} position is closed by a {d.side!r} order"
                raise ParseError(NAME, Kind.LIQUIDATIONS, message, f"{path}[{i}].posSide")
            found.append(Liquidation(d.ts, side, d.bk_px, ask.listed.base_of(d.sz)))
        stamps = [d.ts for d in group.details]
        for i in range(1, len(stamps)):
            falls = stamps[i] <= stamps[i - 1]
            require(falls, "the list is newest first", NAME, Kind.LIQUIDATIONS, f"{path}[{i}].ts")
    # A full page may have cut off older ones.
    oldest = min((row.time_ms for row in found), default=0)
    reached = oldest if len(found) >= LIQUIDATION_LIMIT else ask.day_ms
    return [*found[::-1], Covered(reached)]


def liquidation_page(ask: Ask, after: int | None = None) -> Params:
    """Return the parameters of a page of liquidations, the newest first, or those older than `after`."""
    return params(instType="SWAP", instFamily=family(ask), state="filled", after=after, limit=LIQUIDATION_LIMIT)


def older_liquidations(body: bytes, ask: Ask) -> Params | None:
    """Return the next page's parameters: what is older than the oldest row, back to a day ago."""
    reached = parse_liquidations(body, ask)[-1]
    return liquidation_page(ask, reached.time_ms) if reached.time_ms > ask.day_ms else None


class _Book(msgspec.Struct):
    asks: list[tuple[Price, Amount, str, str]]
    bids: list[tuple[Price, Amount, str, str]]
    ts: TimeMs


def parse_order_book(body: bytes, ask: Ask) -> list[OrderBook]:
    """Read books: sizes are contracts."""
    found = []
    for b, book in enumerate(answer(body, _Book, Kind.ORDER_BOOK)):
        for side, levels, sign in (("bids", book.bids, -1), ("asks", book.asks, 1)):
            for i in range(1, len(levels)):
                rises = sign * (levels[i][0] - levels[i - 1][0]) > 0
                path = f"$.data[{b}].{side}[{i}][0]"
                require(rises, "price levels out of order", NAME, Kind.ORDER_BOOK, path)
        bids, asks = (
            tuple((level[0], ask.listed.base_of(level[1])) for level in levels) for levels in (book.bids, book.asks)
        )
        found.append(OrderBook(book.ts, bids, asks))
    return found
