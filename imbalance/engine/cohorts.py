"""Cohorts: positions grouped by opening bar and lifetime class, and what is left of them.

State is (venue, class, cohort). A class closes at its own constant hazard on its structure's clock (`clock`), so a
mixture of classes gives the observed steep fall of the closing hazard with age. What the classes of a structure leave
is scaled to the venue's open interest at every bar: each structure accounts for all of it.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import clock, flows
from imbalance.engine.assumptions import Lives
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

OLD_POINTS = 75
OLD_AGE_DAYS = 15.0
FIRST_DAYS = 3.0
OLD_PHASE = 100_000_007  # beyond any bar, so that the sequence does not depend on how many there are
LONGEST_EXPONENT = 500.0


class Cohorts(msgspec.Struct, frozen=True):
    """Cohorts of all venues on one axis: one a bar, then `old_points` for each venue's old inventory.

    Attributes
    ----------
    birth : opening bar, shape (cohorts,).
    phase : place in the sequence that distances run through, the same for every venue, shape (cohorts,).
    entry_low, entry_high : range of entry prices, shape (cohorts,).
    seen_low, seen_high, seen_close : what of the opening bar an entry may live through, shape (cohorts,).
    opened : contracts opened by class, shape (venues, classes, cohorts).
    clock : exponent of decay at bar closes, shape (classes, bars).
    scale : open interest over the contracts that a structure's classes leave, shape (venues, structures, bars).
    structure : of each class, shape (classes,).
    open_interest : shape (venues, bars).
    """

    birth: Ints
    phase: Ints
    entry_low: Floats
    entry_high: Floats
    seen_low: Floats
    seen_high: Floats
    seen_close: Floats
    opened: Floats
    clock: Floats
    scale: Floats
    structure: Ints
    open_interest: Floats

    @property
    def old(self) -> npt.NDArray[np.bool_]:
        """Which stand for inventory older than the data, shape (cohorts,)."""
        return np.asarray(self.phase >= OLD_PHASE)

    def part(self, which: slice | Ints) -> Cohorts:
        """Return some of the cohorts, on the same bars."""
        names = ("birth", "phase", "entry_low", "entry_high", "seen_low", "seen_high", "seen_close")
        own = {name: getattr(self, name)[which] for name in names}
        return msgspec.structs.replace(self, opened=self.opened[:, :, which], **own)

    def merged(self, every: int) -> Cohorts:
        """Return the cohorts with those of so many neighbouring bars as one, born in the last of them.

        What they opened counts as it will have faded by then; entries spread over the range of all of them.
        """
        bars = self.clock.shape[1]
        if every <= 1:
            return self
        starts = np.arange(0, bars, every)
        last = np.append(starts[1:], bars) - 1
        fading = np.exp(self.clock - np.repeat(self.clock[:, last], np.diff(last, prepend=-1), axis=1))
        together = np.add.reduceat(self.opened[:, :, :bars] * fading, starts, axis=2)
        kept = self.part(np.append(last, np.arange(bars, self.birth.size)))
        ends = {
            "entry_low": np.minimum.reduceat(self.entry_low[:bars], starts),
            "entry_high": np.maximum.reduceat(self.entry_high[:bars], starts),
            "seen_low": np.minimum.reduceat(self.seen_low[:bars], starts),
            "seen_high": np.maximum.reduceat(self.seen_high[:bars], starts),
        }
        joined = {name: np.append(values, getattr(self, name)[bars:]) for name, values in ends.items()}
        return msgspec.structs.replace(
            kept, opened=np.concatenate([together, self.opened[:, :, bars:]], axis=2), **joined
        )

    def left_at_end(self) -> Floats:
        """Return contracts left after the last bar if none was liquidated, shape (venues, classes, cohorts)."""
        left = np.exp(self.clock - self.clock[:, -1:]).take(self.birth, axis=1) * self.opened
        left *= self.scale[:, self.structure, -1][:, :, None]
        return left


def build(
    path: PricePath,
    volume: Floats,
    open_interest: Floats,
    days_a_bar: float,
    lives: Lives,
    speed: Floats,
    turnover_share: float,
    *,
    old_points: int = OLD_POINTS,
) -> Cohorts:
    """Build the cohorts of all venues.

    Parameters
    ----------
    path : open, high, low, close, each of shape (bars,).
    volume, open_interest : contracts, shape (venues, bars), NaN where unknown.
    lives : lifetime classes.
    speed : of the market's clock (`clock.activity`), shape (bars,).
    turnover_share : share of volume that turns positions over.
    old_points : how many entries stand for a venue's inventory older than the data.
    """
    opens, highs, lows, closes = path
    venues, bars = open_interest.shape
    stock_share = lives.share / lives.hazard_a_day
    parts = lives.slices()
    stock_share /= np.array([stock_share[part].sum() for part in parts])[lives.structure]
    exponent = clock.exponents(lives.hazard_a_day, lives.exponent, speed, days_a_bar)
    cohorts = bars + venues * old_points
    opened = np.zeros((venues, lives.share.size, cohorts))
    scale = np.zeros((venues, len(parts), bars))
    stocks, starts = np.zeros(venues), np.zeros(venues, dtype=np.intp)
    interest = np.zeros((venues, bars))
    birth = np.concatenate([np.arange(bars), np.zeros(venues * old_points, dtype=np.intp)])
    old_entry = np.zeros(venues * old_points)
    old_seen = np.zeros(venues * old_points)
    spread = _old_entries(closes, days_a_bar, old_points)
    for v in range(venues):
        interest[v], first = flows.known_interest(open_interest[v])
        opening, _closing = flows.opened(volume[v], interest[v], first, turnover_share)
        stock = opening[first] if first < bars else 0.0
        if first < bars:
            opening[first] = 0.0
        opened[v, :, :bars] = lives.share[:, None] * opening
        mine = slice(v * old_points, (v + 1) * old_points)
        start = min(first, bars - 1)
        opened[v, :, bars:][:, mine] = stock_share[:, None] * stock / old_points
        birth[bars:][mine] = start
        old_entry[mine] = opens[start] * spread
        old_seen[mine] = opens[start]
        stocks[v], starts[v] = stock, start
    for m, part in enumerate(parts):
        total = np.zeros((venues, bars))
        for k in range(part.start, part.stop):
            flow = opened[:, k, :bars].copy()
            flow[np.arange(venues), starts] += stock_share[k] * stocks
            total += inventory(flow, exponent[k])
        scale[:, m] = np.divide(interest, total, out=np.zeros_like(total), where=total > 0)
    return Cohorts(
        birth=birth.astype(np.intp),
        phase=np.concatenate([np.arange(bars), OLD_PHASE + np.tile(np.arange(old_points), venues)]),
        entry_low=np.concatenate([lows, old_entry]),
        entry_high=np.concatenate([highs, old_entry]),
        seen_low=np.concatenate([lows, old_seen]),
        seen_high=np.concatenate([highs, old_seen]),
        seen_close=np.concatenate([closes, old_seen]),
        opened=opened,
        clock=exponent,
        scale=scale,
        structure=lives.structure,
        open_interest=interest,
    )


def _old_entries(closes: Floats, days_a_bar: float, points: int) -> Floats:
    """Return entry prices of inventory older than the data, relative to the first price.

    Quantiles of a log-normal whose width is the volatility of the path's first days over `OLD_AGE_DAYS`: what comes
    later may not shape what is predicted before it.
    """
    steps = np.diff(np.log(closes[: max(round(FIRST_DAYS / days_a_bar), 2)]))
    day_sd = float(np.sqrt(np.mean(steps**2) / days_a_bar)) if steps.size else 0.03
    width = min(max(day_sd * np.sqrt(OLD_AGE_DAYS), 0.02), 0.4)
    at = (np.arange(points) + 0.5) / points
    # Logistic quantiles scaled to unit variance: no special function needed, tails a little fuller.
    return np.asarray(np.exp(width * np.log(at / (1 - at)) * np.sqrt(3) / np.pi))


def inventory(opening: Floats, exponent: Floats) -> Floats:
    """Return sum over cohorts opened so far of ``opening exp(exponent_birth - exponent_now)``, at each bar.

    A running sum of scaled terms, restarted every `LONGEST_EXPONENT` so that nothing overflows.

    Parameters
    ----------
    opening : shape (..., bars).
    exponent : shape (bars,).
    """
    out = np.empty_like(opening)
    start, carried = 0, np.zeros((*opening.shape[:-1], 1))
    while start < exponent.size:
        end = int(np.searchsorted(exponent, exponent[start] + LONGEST_EXPONENT, side="right"))
        grown = np.exp(exponent[start:end] - exponent[start])
        if start:
            carried = carried * np.exp(exponent[start - 1] - exponent[start])
        out[..., start:end] = (np.cumsum(opening[..., start:end] * grown, axis=-1) + carried) / grown
        carried = out[..., end - 1 : end]
        start = end
    return out
