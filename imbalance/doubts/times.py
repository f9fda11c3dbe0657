"""Dead feeds, and a world that is older than the clock says."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TypeVar

from imbalance.doubts.evidence import Doubt, Evidence
from imbalance.doubts.thresholds import FROZEN_MS, LEAST_FROZEN, LEAST_VENUES, STALE_MS
from imbalance.readings import open_interest_history, open_interest_rows
from imbalance.records import Candle, OpenInterest, Ticker
from imbalance.units import HOUR_MS, SECOND_MS, iso, median, plain
from imbalance.wire.harvest import Figure, Harvest

Stamp = tuple[str, int, int]
R = TypeVar("R", Candle, OpenInterest)


def feeds(evidence: Evidence) -> list[Doubt]:
    """Doubt venues whose newest figures lag behind the others', or do not move.

    The time that others agree on is the median of their own: this machine's clock may be wrong too.
    """
    stamps = {h.name: _stamps(h, evidence.now_ms) for h in evidence.venues}
    newest = [max(at_ms for _what, at_ms, _slack_ms in known) for known in stamps.values() if known]
    time_ms = int(median(newest)) if len(newest) >= LEAST_VENUES else None
    found = []
    for harvest in evidence.venues:
        told = _late(stamps[harvest.name], time_ms) or _still_bars(harvest) or _still_interest(harvest)
        if told:
            found.append(Doubt(harvest.name, Figure.ALL, told))
    return found


def _stamps(harvest: Harvest, asked_ms: int) -> list[Stamp]:
    """Return what the newest figures are, the time of each, and how far apart they may be by their steps alone.

    What came without a time has that of the asking, and tells nothing.
    """
    found = [("open interest", row.time_ms, 0) for row in open_interest_rows(harvest)[-1:] if row.time_ms != asked_ms]
    marked = [r.time_ms for r in harvest.of(Ticker) if r.mark_price is not None and r.time_ms is not None]
    found += [("mark price", at_ms, 0) for at_ms in marked[-1:]]
    rows = harvest.candles[-2:]
    if len(rows) > 1:
        step_ms = rows[1].time_ms - rows[0].time_ms
        found.append(("bar", rows[1].time_ms + step_ms, step_ms))
    return found


def _late(stamps: list[Stamp], others_ms: int | None) -> str:
    for what, at_ms, slack_ms in stamps:
        if others_ms is not None and abs(at_ms - others_ms) > STALE_MS + slack_ms:
            return f"its newest {what} is of {iso(at_ms)}, that of the other venues of {iso(others_ms)}"
    return ""


def _still_bars(harvest: Harvest) -> str:
    rows = harvest.candles
    if len(rows) < LEAST_FROZEN:
        return ""
    step_ms = rows[-1].time_ms - rows[-2].time_ms
    recent = _recent(rows)
    still = len({row.close for row in recent}) == 1 and not any(row.volume_base for row in recent)
    if still and len(recent) >= max(FROZEN_MS // step_ms, LEAST_FROZEN):
        return f"its bars have not moved since {iso(recent[0].time_ms)}"
    return ""


def _recent(rows: Sequence[R]) -> Sequence[R]:
    """Return the rows of the last `FROZEN_MS`, given in order of time."""
    return rows[bisect.bisect_right(rows, rows[-1].time_ms - FROZEN_MS, key=lambda row: row.time_ms) :]


def _still_interest(harvest: Harvest) -> str:
    past = open_interest_history(harvest)
    if not past or past[-1].time_ms - past[0].time_ms < FROZEN_MS:
        return ""
    recent = [row.open_interest_base for row in _recent(past)]
    if len(recent) >= LEAST_FROZEN and len(set(recent)) == 1:
        return f"its open interest has been {plain(past[-1].open_interest_base)} for {FROZEN_MS // HOUR_MS} hours"
    return ""


def clock(evidence: Evidence) -> list[Doubt]:
    """Say that all figures are older than this machine's clock says, and which of the two is to be doubted.

    The venues' own clocks, by the date of their answers, decide where they are known; a recording has none.
    """
    newest = {
        h.name: max(at_ms for _what, at_ms, _slack_ms in known)
        for h in evidence.venues
        if (known := _stamps(h, evidence.now_ms))
    }
    if not newest:
        return []
    time_ms = int(median(newest.values()))
    if abs(evidence.now_ms - time_ms) <= STALE_MS:
        return []
    ahead = [h.clock_ahead_s for h in evidence.venues if h.clock_ahead_s is not None]
    told = f"the newest figures of all venues are of {iso(time_ms)}, this machine's clock says {iso(evidence.now_ms)}"
    if not ahead:
        told = f"the newest figures of all venues are of {iso(time_ms)}, not of {iso(evidence.now_ms)}"
        which = "nothing here is of now"
    elif abs(evidence.now_ms + median(ahead) * SECOND_MS - time_ms) <= STALE_MS:
        which = "the venues' clocks agree with their figures: doubt this machine's clock"
    else:
        which = "the venues' clocks agree with this machine's: the figures are old"
    return [Doubt(next(iter(newest)), Figure.CLOCK, f"{told}; {which}", left_out=False)]
