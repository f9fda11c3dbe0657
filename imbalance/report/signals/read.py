"""What signals are made of: everything that a run read and estimated, and the pasts that the store keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.market import MarketData
from imbalance.records import Candle
from imbalance.report import tree
from imbalance.signals.events import History
from imbalance.signals.past import NONE, Series
from imbalance.signals.sided import steady
from imbalance.units import SECOND_MS, Side, iso
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest


class Past(msgspec.Struct, frozen=True):
    """What the store keeps of before: the Fear & Greed index, and by venue funding per 8 h and accounts long."""

    mood: Series = NONE
    funding_8h: Mapping[str, Series] = msgspec.field(default_factory=dict)
    accounts_long: Mapping[str, Series] = msgspec.field(default_factory=dict)

    def history(self, market: MarketData) -> History:
        """Return a market with what is known beside it; of funding that of the venue with most of it."""
        longest = max(self.funding_8h.values(), key=lambda series: series.values.size, default=NONE)
        return History(market, self.mood, longest)


class Read(msgspec.Struct, frozen=True):
    """A market's map and sections, as a report has them; `at_ms` is the moment that they are of.

    `stored` is the history that the local store holds, where it reaches further back than the market.
    """

    market: MarketData
    harvests: Sequence[Harvest]
    at_ms: int
    found: LiquidationMap
    risk: tree.WindowRisk
    price: tree.Price
    interest: tree.OpenInterest
    volume: tree.Volume
    liquidations: tree.Liquidations
    sentiment: tree.Sentiment | None
    funding: tree.Funding
    institutional: tree.Institutional | None
    holders: Sequence[tree.HolderActivity]
    quotes: dict[str, tuple[float, tree.Band]]
    stored: History | None = None

    @property
    def history(self) -> History:
        """What base rates are of: the bars that the store holds where these reach further back, else those read."""
        return msgspec.structs.replace(self.stored or History(self.market), daily=self.daily())

    @property
    def path_source(self) -> str:
        """The venue whose prices the path is."""
        told = [note.removeprefix("path of ") for note in self.market.notes if note.startswith("path of ")]
        return told[0] if told else self.market.venues[0].name

    @property
    def interest_sources(self) -> str:
        """The venues whose open interest through time is known, and so in its sum."""
        venues = self.market.venues
        held = steady([v.open_interest_base for v in venues], self.market.interval_ms)
        return ", ".join(v.name for v, known in zip(venues, held, strict=True) if known)

    def liquidation_sources(self, side: Side) -> list[str]:
        """Return who saw the liquidations of a side that are known through time, and so in their sum."""
        series = "long_liquidations_base" if side is Side.LONG else "short_liquidations_base"
        venues = self.market.venues
        held = steady([getattr(v, series) for v in venues], self.market.interval_ms)
        return [v.liquidations_by or v.name for v, known in zip(venues, held, strict=True) if known]

    def daily(self) -> list[Candle]:
        """Return the longest daily candles that a venue gave, in order: those of the path's venue before others."""
        held = {h.name: h.in_time(Candle, Kind.DAILY_CANDLES) for h in self.harvests}
        own = held.get(self.path_source)
        return own or max(held.values(), key=len, default=[])


def reading(
    read: Read,
    id_: str,
    label: str,
    value: float | None,
    unit: str,
    text: str,
    evidence: tree.Evidence,
    source: str,
    of_ms: int,
    *,
    kind: Literal["observed", "estimated", "quoted"] = "observed",
    base_rate: tree.BaseRate | None = None,
) -> tree.Reading:
    """Return a signal of a moment, with its age."""
    return tree.Reading(
        id=id_,
        label=label,
        value=value,
        unit=unit,
        text=text,
        evidence=evidence,
        source=source,
        as_of=iso(of_ms),
        age_s=max(read.at_ms - of_ms, 0) / SECOND_MS,
        kind=kind,
        base_rate=base_rate,
    )
