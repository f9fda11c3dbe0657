"""What a run read, or would read, as a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from imbalance.backfill.reading import Outcome
from imbalance.backfill.units import FileUnit, Unit, joined
from imbalance.errors import NotOpenError, SourceError
from imbalance.report import tree
from imbalance.report.frame import Frame
from imbalance.units import interval_name, iso
from imbalance.wire.harvest import Harvest

if TYPE_CHECKING:
    from imbalance.backfill.run import Request

MOST_TOLD = 20


def document(
    request: Request,
    planned: Sequence[Unit],
    outcomes: Sequence[Outcome],
    harvests: Iterable[Harvest],
    place: str | None,
    now_ms: int,
) -> tree.BackfillReport:
    """Return ``imbalance.backfill/1``."""
    groups: dict[tuple[object, ...], list[Unit]] = {}
    for unit in planned:
        groups.setdefault((unit.source.name, unit.targets), []).append(unit)
    by_unit = {id(outcome.unit): outcome for outcome in outcomes}
    frame = Frame("store", None, request.symbol, now_ms, gaps=tuple(_gaps(outcomes, harvests)))
    return frame.document(
        tree.BackfillReport,
        since=iso(request.since_ms),
        dry_run=request.dry_run,
        place=place,
        series=[_series(units, [by_unit[id(u)] for u in units if id(u) in by_unit]) for units in groups.values()],
    )


def _series(units: Sequence[Unit], outcomes: Sequence[Outcome]) -> tree.FilledSeries:
    targets = units[0].targets
    first = targets[0]
    whats = {one.what for one in targets if one.data == first.data}
    return tree.FilledSeries(
        data=", ".join(dict.fromkeys(one.data for one in targets)),
        source=units[0].source.name,
        venue=first.venue or None,
        instrument=", ".join(dict.fromkeys(one.instrument for one in targets)) or None,
        what=first.what or None if len(whats) == 1 else None,
        interval=interval_name(first.interval_ms) if first.interval_ms else None,
        unit="file" if isinstance(units[0], FileUnit) else "page",
        units=len(units),
        requests=sum(unit.requests for unit in units),
        rows=sum(outcome.rows for outcome in outcomes),
        missing=sum(outcome.missing for outcome in outcomes),
        failed=sum(outcome.error is not None for outcome in outcomes),
        skipped=sum(not outcome.asked for outcome in outcomes),
        spans=[tree.KnownSpan(iso(a), iso(b)) for a, b in joined((unit.from_ms, unit.to_ms) for unit in units)],
    )


def _gaps(outcomes: Iterable[Outcome], harvests: Iterable[Harvest]) -> list[tree.Gap]:
    """Return what went wrong, each with its reason, as many as can be read."""
    errors: list[SourceError] = [error for harvest in harvests for error in harvest.failures]
    errors += [outcome.error for outcome in outcomes if outcome.error is not None]
    found = [
        tree.Gap(error.source, error.endpoint, error.reason, error.hint, failed=not isinstance(error, NotOpenError))
        for error in errors[:MOST_TOLD]
    ]
    if len(errors) > MOST_TOLD:
        found.append(tree.Gap("backfill", "files and pages", f"{len(errors) - MOST_TOLD} more failed"))
    return found
