"""Sources beside the exchanges: CME futures by group of traders, and holders of old coins."""

from __future__ import annotations

from collections.abc import Sequence

from imbalance.records import Commitments, Holders
from imbalance.report import tree, words
from imbalance.units import DAY_MS, iso
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest

WEEK_MS = 7 * DAY_MS
MONTH_MS = 30 * DAY_MS
TOLD_GROUPS = ("leveraged funds", "asset managers", "dealers")


def institutional(harvests: Sequence[Harvest], price: float) -> tree.Institutional | None:
    """Build the section from the newest report; contracts of both sizes are summed in coins."""
    for harvest in harvests:
        rows = harvest.of(Commitments)
        if not rows:
            continue
        newest_ms = max(row.time_ms for row in rows)
        now = [row for row in rows if row.time_ms == newest_ms]
        codes = {row.contract for row in now}
        before = [row for row in rows if row.time_ms == newest_ms - WEEK_MS and row.contract in codes]
        complete = {row.contract for row in before} == codes
        held, earlier = _interest(now), _interest(before)
        return tree.Institutional(
            iso(newest_ms)[:10],
            held,
            held * price,
            held / earlier - 1 if complete and earlier > 0 else None,
            [_group(name, now, before if complete else []) for name in now[0].groups],
            harvest.name,
        )
    return None


def _interest(rows: Sequence[Commitments]) -> float:
    return sum(row.open_interest * row.units for row in rows)


def _group(name: str, now: Sequence[Commitments], before: Sequence[Commitments]) -> tree.GroupPositions:
    def held(rows: Sequence[Commitments], part: int) -> float:
        return sum(row.groups[name][part] * row.units for row in rows)

    long, short = held(now, 0), held(now, 1)
    change = long - short - (held(before, 0) - held(before, 1)) if before else None
    return tree.GroupPositions(name, long, short, held(now, 2), long - short, change)


def holders(harvests: Sequence[Harvest]) -> list[tree.HolderActivity]:
    """Build the section: one row a source."""
    found = []
    for harvest in harvests:
        rows = harvest.in_time(Holders, Kind.HOLDERS)
        if rows:
            last = rows[-1]
            month = [row.value for row in rows if row.time_ms == last.time_ms - MONTH_MS]
            before = month[0] if month else None
            found.append(tree.HolderActivity(last.what, last.value, before, iso(last.time_ms)[:10], harvest.name))
    return found


def gauges(symbol: str, told: tree.Institutional | None, held: Sequence[tree.HolderActivity]) -> list[tree.Signal]:
    """Return both as gauges."""
    found = []
    if told is not None:
        change = f", {words.fraction(told.change_week)} in a week" if told.change_week is not None else ""
        text = f"{told.open_interest_base:,.0f} {symbol} ({words.usd(told.open_interest_usd)}){change}"
        label, held_base = f"CME futures, {told.date}", told.open_interest_base
        found.append(tree.Signal("cme_open_interest", label, held_base, "base", text, "CME futures", told.date))
        groups = {group.name: group for group in told.groups}
        nets = ", ".join(f"{name} {groups[name].net_base:+,.0f}" for name in TOLD_GROUPS if name in groups)
        found.append(tree.Signal("cme_net_positions", f"CME net positions, {told.date}", None, "base", nets))
    for i, row in enumerate(held):
        share = row.value < 1
        shown = [f"{v * 100:.1f} %" if share else words.usd(v) for v in (row.value, row.month_ago) if v is not None]
        text = f"{shown[0]} {row.measure}" + (f" (a month before {shown[1]})" if len(shown) > 1 else "")
        label, group = f"Holders, {words.name(row.source)}", "" if i else "Holders"
        found.append(tree.Signal(f"holders_{row.source}", label, row.value, "", text, group))
    return found
