"""Two reports to what changed between them, and what of it is inside its range."""

from __future__ import annotations

from typing import Literal, NamedTuple

from imbalance.report import tree

Kind = Literal["observed", "estimated"]


class Figure(NamedTuple):
    """A figure of a report, what it is `of` (venues, a window, a month), and its 90 % range where it has one."""

    label: str
    unit: str
    value: float | None
    of: tuple[str, ...] = ()
    kind: Kind = "observed"
    low: float | None = None
    high: float | None = None


def changes(before: tree.Report, after: tree.Report) -> tuple[list[tree.Change], list[str], list[str]]:
    """Return what changed of the figures in both reports, and the labels of those in the later or earlier one alone."""
    old, new = figures(before), figures(after)
    return (
        [_change(name, old[name], new[name]) for name in old if name in new],
        [figure.label for name, figure in new.items() if name not in old],
        [figure.label for name, figure in old.items() if name not in new],
    )


def figures(report: tree.Report) -> dict[str, Figure]:
    """Return the figures of a report that can be compared, by name."""
    interest, volume = report.open_interest, report.volume
    mapped = tuple(venue.name for venue in report.venues)
    found = {"price": Figure("Price", "price", report.price)}
    found |= {m.id: _metric(m, report) for m in report.metrics}
    for row in report.windows:
        for name, side in (("short", row.short), ("long", row.long)):
            label = f"{name.capitalize()}s forced in {row.window_pct:g} %"
            found[f"{name}_{row.window_pct:g}"] = Figure(
                label, "usd", side.usd, mapped, "estimated", side.low, side.high
            )
    venues = tuple(venue.name for venue in interest.venues)
    found["open_interest"] = Figure("Open interest", "base", interest.total_base, venues)
    for venue in interest.venues:
        label = f"Open interest, {venue.name}"
        found[f"open_interest_{venue.name}"] = Figure(label, "base", venue.open_interest_base)
    traded = tuple(venue.name for venue in volume.venues if venue.volume_24h_usd is not None)
    found["volume_24h"] = Figure("Volume 24h", "usd", volume.total_24h_usd, traded)
    return found | {s.id: Figure(s.label, s.unit, s.value, _month(s, report)) for s in report.signals}


def _metric(metric: tree.Metric, report: tree.Report) -> Figure:
    label: str = metric.label
    of: tuple[str, ...] = ()
    if metric.kind == "estimated":
        of = (f"{report.risk.window_pct:g} %", *(venue.name for venue in report.venues))
    elif metric.id == "open_interest_change":
        change = report.open_interest.change
        # It has another label where it fell; another low is another thing.
        label, of = "Open interest since its low", (change.of, f"the low of {change.low_date}") if change else ()
    elif metric.id == "liquidations_24h":
        of = tuple(report.liquidations.of)
    return Figure(label, metric.unit, metric.value, of, metric.kind, metric.low, metric.high)


def _month(signal: tree.Signal, report: tree.Report) -> tuple[str, ...]:
    """Return the month that a sum is of, and the venues that it is the sum of."""
    if not signal.id.startswith("month_volume"):
        return ()
    venues = [venue.name for venue in report.volume.venues if venue.month_usd is not None]
    return (report.volume.month, *(venues if signal.id == "month_volume" else ()))


def _both(old: tuple[str, ...], new: tuple[str, ...]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(old, new), (new, old)]


def _change(name: str, old: Figure, new: Figure) -> tree.Change:
    found = tree.Change(name, new.label, new.unit, new.kind, old.value, new.value, None, None, old.low, old.high)
    if old.value is None or new.value is None:
        return found
    lost, come = (", ".join(one for one in some if one not in others) for some, others in _both(old.of, new.of))
    if lost or come:
        parts = [f"{word} {names}" for word, names in (("without", lost), ("with", come)) if names]
        found.note = f"not compared: now {' and '.join(parts)}"
        return found
    found.change = new.value - old.value
    found.relative = found.change / abs(old.value) if old.value else None
    if old.low is not None and old.high is not None:
        found.inside = old.low <= new.value <= old.high
    return found
