"""How the sources fared, what is missing, and what others quote."""

from __future__ import annotations

from collections.abc import Sequence

from imbalance.doubts.ages import stale
from imbalance.errors import DoubtfulError, NotOpenError
from imbalance.records import (
    Total,
)
from imbalance.report import tree
from imbalance.units import iso
from imbalance.wire import Kind, Source
from imbalance.wire.harvest import Harvest

CLOCK_OFF_S = 60.0


SILENT = {
    "": "available over WebSocket only",
    "hyperliquid": "publishes none for the whole market",
}


def missing_of(venues: Sequence[Source], harvests: Sequence[Harvest], present: set[str]) -> list[str]:
    """Return the venues chosen that are not present, asked or not; those that do not list the coin lack nothing."""
    unlisted = {h.name for h in harvests if h.unlisted}
    return [venue.name for venue in venues if venue.name not in present | unlisted]


def quoted(harvests: Sequence[Harvest], what: str) -> list[tree.QuotedTotal]:
    """Return others' totals over exchanges, named."""
    return [tree.QuotedTotal(h.name, row.usd) for h in harvests for row in h.of(Total) if row.what == what]


def newest_ms(harvest: Harvest) -> int | None:
    """Return the newest stamp that a source gave."""
    stamps = [
        t for rows in harvest.records.values() for r in rows[-1:] if (t := getattr(r, "time_ms", None)) is not None
    ]
    return max(stamps, default=None)


def states(harvests: Sequence[Harvest], skipped: Sequence[tuple[str, str, str]], now_ms: int) -> list[tree.SourceState]:
    """Build the sources section; `skipped` holds (name, title, why) of sources that were not asked.

    A source that answers with old figures alone is stale, not ok.
    """
    rows = []
    for h in harvests:
        newest = newest_ms(h)
        first = h.failures[0] if h.failures else None
        status = (
            "ok"
            if first is None
            else "partial"
            if any(h.records.get(k) for k in h.records if k is not Kind.INSTRUMENTS)
            else "failed"
        )
        if h.unlisted:
            status = "unlisted"
        elif isinstance(h.failures[-1] if h.failures else None, DoubtfulError):
            first, status = h.failures[-1], "doubtful"
        elif h.failures and all(isinstance(f, NotOpenError) for f in h.failures):
            status = "not open"
        old = stale(h, now_ms) if status == "ok" else ""
        rows.append(
            tree.SourceState(
                h.name,
                h.source.title,
                "stale" if old else status,  # type: ignore[arg-type]
                h.requests,
                h.latency_ms,
                iso(newest) if newest is not None else None,
                str(first) if first else old,
                first.hint if first else "",
                clock_ahead_s=h.clock_ahead_s,
                budget_used=h.budget_used,
                kept=[tree.Kept(answer.name, iso(answer.asked_ms)) for answer in h.kept],
            )
        )
    rows += [tree.SourceState(name, title, "skipped", 0, None, None, why, "") for name, title, why in skipped]
    return rows


def gaps(
    harvests: Sequence[Harvest],
    skipped: Sequence[tuple[str, str, str]],
    wanted: frozenset[Kind],
    venues: Sequence[Source],
) -> list[tree.Gap]:
    """Build the gaps: what failed, what a venue does not list, what it does not publish."""
    found = []
    for h in harvests:
        told = set()
        for failure in h.failures:
            if failure.reason not in told:
                failed = not isinstance(failure, NotOpenError)
                found.append(tree.Gap(h.name, failure.endpoint, failure.reason, failure.hint, failed=failed))
            told.add(failure.reason)
        found += [tree.Gap(h.name, d.endpoint, d.reason, failed=False) for d in h.doubted]
        if h.clock_ahead_s is not None and abs(h.clock_ahead_s) > CLOCK_OFF_S:
            way = "ahead of" if h.clock_ahead_s > 0 else "behind"
            off = f"its clock is {abs(h.clock_ahead_s) / 60:.0f} min {way} this machine's"
            found.append(tree.Gap(h.name, "clock", off, "Set this machine's clock if several say so.", failed=False))
        if h.unlisted:
            found.append(tree.Gap(h.name, "contract", "does not list this coin", failed=False))
    if Kind.LIQUIDATIONS in wanted:
        found += _silent(harvests, skipped, venues)
    found += [tree.Gap(name, title, why, failed=False, usual=True) for name, title, why in skipped]
    return found


def _silent(
    harvests: Sequence[Harvest], skipped: Sequence[tuple[str, str, str]], venues: Sequence[Source]
) -> list[tree.Gap]:
    """Return a gap for each venue chosen that publishes no liquidations and may list the coin."""
    unread = {h.name for h in harvests if h.instrument is None or Kind.LIQUIDATIONS in h.records} | {
        name for name, _title, _why in skipped
    }
    publishing = {Kind.LIQUIDATIONS, Kind.CONTRACT_STATS}
    return [
        tree.Gap(venue.name, "liquidations", SILENT.get(venue.name, SILENT[""]), failed=False, usual=True)
        for venue in venues
        if venue.name not in unread and not publishing & {e.kind for e in venue.endpoints}
    ]
