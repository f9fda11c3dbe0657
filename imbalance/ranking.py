"""Which coins are the largest, by what venues say of all coins at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from imbalance.errors import MissingDataError, SourceError
from imbalance.fetch.gather import gather
from imbalance.fetch.shared import Shared, names_no_coin
from imbalance.readings import open_interest_rows, ticker, venue_price
from imbalance.records import Instrument
from imbalance.wire import Ask, Endpoint, Kind, Source
from imbalance.wire.harvest import Harvest

KINDS = frozenset({Kind.TICKER, Kind.MARK_PRICE, Kind.OPEN_INTEREST})


def open_interest_usd(harvest: Harvest) -> float:
    """Return a coin's open interest on a venue [USD], one side; 0 where the venue does not say."""
    price = venue_price(harvest) or 0.0
    return sum(row.open_interest_usd or row.open_interest_base * price for row in open_interest_rows(harvest)[-1:])


def volume_24h_usd(harvest: Harvest) -> float:
    """Return a coin's volume of 24 hours on a venue [USD]; 0 where the venue does not say."""
    day = ticker(harvest)
    return day.volume_24h_usd or (day.volume_24h_base or 0.0) * (day.mark_price or day.last_price or 0.0)


BY: dict[str, Callable[[Harvest], float]] = {"open-interest": open_interest_usd, "volume": volume_24h_usd}


async def ranked(
    client: Shared, venues: Sequence[Source], ask: Ask, timeout_s: float, by: str
) -> tuple[list[str], list[str]]:
    """Return the coins that venues list, largest first, and the venues whose figures rank them.

    Parameters
    ----------
    by : a key of `BY`.

    Raises
    ------
    MissingDataError
        If no venue tells it of all coins at once.
    """
    listings = await gather(client, venues, ask, {Kind.INSTRUMENTS}, timeout_s)
    sizes: dict[str, float] = {}
    of = []
    for listing in listings:
        rows = await _standing(client, listing, ask)
        found = {h.instrument.base: size for h in rows if h.instrument and (size := BY[by](h)) > 0}
        for base, size in found.items():
            sizes[base] = sizes.get(base, 0.0) + size
        of += [listing.name] if found else []
    if not sizes:
        reasons = [str(h.failures[0]) for h in listings if h.failures]
        raise MissingDataError(f"no venue gave the {by} of all coins", "\n  ".join([*reasons, "Name the coins."]))
    return sorted(sizes, key=lambda base: (-sizes[base], base)), of


async def _standing(client: Shared, listing: Harvest, ask: Ask) -> list[Harvest]:
    """Return a harvest for each contract that a venue lists, with what it says of all at once."""
    venue = listing.source
    own = {i.symbol: Harvest(venue, i, records={}, typed={}) for i in listing.of(Instrument)}
    for endpoint in venue.endpoints:
        if endpoint.kind in KINDS:
            for symbol, body in (await _bodies(client, venue, endpoint, ask, list(own))).items():
                _read(own.get(symbol), endpoint, body, ask)
    return list(own.values())


async def _bodies(
    client: Shared, venue: Source, endpoint: Endpoint, ask: Ask, symbols: Sequence[str]
) -> dict[str, bytes]:
    """Return the answer about each contract where all can be asked for at once; nothing where they cannot."""
    try:
        if endpoint.at_once is not None and client.gives(venue, endpoint, endpoint.at_once):
            return await client.parts(venue, endpoint, endpoint.at_once)
        if names_no_coin(endpoint):
            return dict.fromkeys(symbols, await client.get(venue, endpoint, endpoint.pages(ask)[0]))
    except SourceError:  # each coin tells it for itself
        return {}
    return {}


def _read(into: Harvest | None, endpoint: Endpoint, body: bytes, ask: Ask) -> None:
    if into is None or into.instrument is None:
        return
    about = msgspec.structs.replace(ask, base=into.instrument.base, instrument=into.instrument)
    try:
        into.keep(endpoint.kind, endpoint.parse(body, about))
    except SourceError:  # a row that cannot be read ranks nothing
        return
