"""A venue's harvest to the records that its bars are made of."""

from __future__ import annotations

from collections.abc import Sequence

from imbalance.assemble import VenueRecords, joined
from imbalance.liquidated import Orders
from imbalance.readings import open_interest_rows
from imbalance.records import ContractStats, MarginTier, OpenInterest, VenueLiquidations
from imbalance.venues import ladders
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest, in_time


def by_venue(rows: Sequence[VenueLiquidations]) -> dict[str, list[VenueLiquidations]]:
    """Return what an aggregator saw, by the venue that it saw it on."""
    found: dict[str, list[VenueLiquidations]] = {}
    for row in rows:
        found.setdefault(row.venue, []).append(row)
    return found


def records_of(
    harvest: Harvest,
    base: str,
    interval_ms: int,
    elsewhere: dict[tuple[str, str], list[VenueLiquidations]],
    orders: dict[tuple[str, str], Orders],
) -> VenueRecords:
    """Return what a venue gave, as far as bars are made of it.

    Parameters
    ----------
    base : base coin, whose stored ladder stands in where none was read.
    interval_ms : length of the bars [ms].
    elsewhere : what aggregators saw liquidated, by aggregator and venue.
    orders : liquidations known from local history, by venue and contract.
    """
    seen_by = next((by for by, venue in elsewhere if venue == harvest.name), "")
    tiers = sorted(harvest.of(MarginTier), key=lambda tier: tier.cap)
    note = "" if tiers else "margin ladder not read, a default ladder is used"
    if not tiers:
        tiers, stored = ladders.stored(harvest.name, base)
        note = stored or note
    if harvest.instrument is None:
        raise ValueError("records of a venue that does not list the coin")
    return VenueRecords(
        harvest.instrument,
        candles=joined(harvest.candles, interval_ms),
        open_interest=in_time(harvest.at(Kind.OPEN_INTEREST_HISTORY, OpenInterest) + open_interest_rows(harvest)),
        statistics=harvest.in_time(ContractStats),
        seen_elsewhere=elsewhere.get((seen_by, harvest.name), ()),
        seen_elsewhere_by=seen_by,
        orders=orders.get((harvest.name, harvest.instrument.symbol)),
        tiers=tiers,
        tiers_note=note,
        disputed=harvest.source.disputed,
    )
