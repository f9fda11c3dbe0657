"""Frozen maps, the kind a report prints, against what was liquidated in the days after, band by band.

A map is made each day and kept. As price goes beyond its extremes since then, what the map held in each band of price
is set against what was observed in the bars that first crossed it. Each structure of the mixture is scored by itself
as well, and so is what the path with a constant flow would hold.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import calibration, density, lean, scores
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.estimate import market_cohorts, path_mass
from imbalance.engine.leverage import prior_weights
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.validate import NULL, member_name
from imbalance.engine.venue import DAY_MS, Venue, kinds
from imbalance.engine.walk import Refit, Walk
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
BAND_LOG_WIDTH = 0.01
LEAST_BANDS = 20
FLOOR_USD = 1e4


class KeptScore(msgspec.Struct, frozen=True):
    """The rank correlation and the mean |ln error| after one scale of another map than the model's."""

    name: str
    spearman: float
    ln_error: float


class HorizonScore(msgspec.Struct, frozen=True):
    """Maps kept for `days`, by bands of 1 % that price came to cross.

    Rank correlations of what a band held with what was observed in it, of the width of the band that was crossed with
    the same (what a map without any shape would do), and the mean |ln error| after one scale for all. Without any
    scale, `level_ln_error` is the mean |ln error| of a side's sum over the bands that a map saw crossed. `others` are
    the maps of the structures by themselves and of the path alone, over the same bands.
    """

    days: float
    maps: int
    bands: int
    spearman: float
    width_spearman: float
    ln_error: float
    level_ln_error: float
    others: list[KeptScore]


def frozen_scores(
    interval_ms: int, path: PricePath, venues: list[Venue], a: Assumptions, found: Walk, horizons_days: list[float]
) -> list[HorizonScore]:
    """Score a map of each day over each horizon; horizons with too few bands crossed are left out."""
    bars, a_day = path.open.size, max(DAY_MS // interval_ms, 1)
    cases: dict[float, list[Floats]] = {days: [] for days in horizons_days}
    maps = dict.fromkeys(horizons_days, 0)
    for fit in found.fits:
        start = fit.first
        mass = _maps(interval_ms, path, venues, found.printed, a, fit)
        for days in horizons_days:
            after = slice(start, start + round(days * a_day))
            if after.stop <= bars and np.isfinite(found.observed[:, after]).all():
                maps[days] += 1
                cases[days] += [_crossed(path, mass[:, s], found.observed[s, after], after, s) for s in (LONG, SHORT)]
    rows = [_scored(days, maps[days], cases[days]) for days in horizons_days]
    return [row for row in rows if row is not None]


def _scored(days: float, maps: int, cases: list[Floats]) -> HorizonScore | None:
    """Return the scores of the bands of all maps; None where these are too few.

    Parameters
    ----------
    cases : of `_crossed`, one a map and side.
    """
    if sum(case.shape[1] for case in cases) < LEAST_BANDS:
        return None
    *held, seen, width = np.concatenate(cases, axis=1)
    if held[0].sum() <= 0 or seen.sum() <= 0:
        return None
    sums = np.array([case[[0, -2]].sum(axis=1) for case in cases if case.size])
    ranks = [scores.spearman(seen, mass) for mass in held]
    errors = [_ln_error(mass * seen.sum() / max(mass.sum(), 1e-12), seen) for mass in held]
    names = [*(member_name(n) for n in range(1, len(held) - 1)), NULL]
    return HorizonScore(
        days,
        maps,
        seen.size,
        ranks[0],
        scores.spearman(seen, width),
        errors[0],
        _ln_error(sums[:, 0], sums[:, 1]),
        [KeptScore(*row) for row in zip(names, ranks[1:], errors[1:], strict=True)],
    )


def _ln_error(held: Floats, seen: Floats) -> float:
    """Return the mean |ln| of what was held over what was seen, small sums made alike by a floor."""
    return float(np.mean(np.abs(np.log((held + FLOOR_USD) / (seen + FLOOR_USD)))))


def _maps(
    interval_ms: int, path: PricePath, venues: list[Venue], printed: npt.NDArray[np.intp], a: Assumptions, fit: Refit
) -> Floats:
    """Return what the venues that print would print by bin as of a fit's first bar.

    Shape (2 + structures, sides, bins): of the mixture, of each structure by itself, and, on any scale, of the path
    alone.
    """
    past = path.until(fit.first)
    short = [
        msgspec.structs.replace(v, volume=v.volume[: fit.first], open_interest=v.open_interest[: fit.first])
        for v in venues
    ]
    cohorts = market_cohorts(past, short, interval_ms, a)
    edges, points = density.distance_edges(a.distances), density.entry_points(interval_ms)
    kept, now = cohorts.left_at_end(), float(past.close[-1])
    capture = np.zeros(len(venues))
    capture[printed] = fit.capture
    ways, features = fit.weights.shape
    times = lean.of_cohorts(fit.opened, calibration.days(fit.first, interval_ms), cohorts)
    total = np.zeros((ways + 1, 2, density.log_edges().size - 1))
    for inverse, mine in kinds(venues):
        left = np.einsum("vkc,v->kc", kept[mine], capture[mine])
        mass = density.mass_basis(past, cohorts, left, edges, now, points, inverse=inverse, times=[times])
        total[:-1] += np.einsum("sfb,wf->wsb", mass[0].reshape(2, features, -1), fit.weights)
    total[:-1] *= fit.level[:, :, None]
    null = path_mass(past, interval_ms, a, edges, now, points, inverse=False)
    prior = prior_weights(a, short, np.stack([v.open_interest for v in short]), edges, 1.0)
    weight = np.array([s.weight for s in a.structures])[a.lives().structure]
    total[-1] = np.einsum("sdkb,dk->sb", null, prior * weight)
    return total


def _crossed(path: PricePath, mass: Floats, observed: Floats, after: slice, side: int) -> Floats:
    """Return what each band held, what was observed as price first crossed it, and how much of its width it crossed.

    Shape (maps + 2, bands crossed) of masses of shape (maps, bins). A bar that crosses several bands gives to each by
    the width crossed: by a map's own shape, that would be scored against itself.
    """
    price = float(path.close[after.start - 1])
    extreme = np.log(path.low[after] / price) if side == LONG else -np.log(path.high[after] / price)
    depth = np.maximum(np.maximum.accumulate(-extreme), 0.0)
    before = np.concatenate([[0.0], depth[:-1]])
    cut = np.arange(0.0, density.REACH_LOG + BAND_LOG_WIDTH / 2, BAND_LOG_WIDTH)
    inside = np.minimum(depth[:, None], cut[1:]) - np.maximum(before[:, None], cut[:-1])
    inside = np.maximum(inside, 0.0)
    grown = depth - before
    seen = np.divide(observed, grown, out=np.zeros_like(observed), where=grown > 0) @ inside
    edges = density.log_edges() if side == SHORT else -density.log_edges()[::-1]
    reached = np.clip(depth[-1], cut[:-1], cut[1:])
    outward = mass if side == SHORT else mass[:, ::-1]
    totals = np.concatenate([np.zeros((mass.shape[0], 1)), np.cumsum(outward, axis=1)], axis=1)
    held = [np.interp(reached, edges, total) - np.interp(cut[:-1], edges, total) for total in totals]
    width = inside.sum(axis=0)
    return np.stack([*held, seen, width])[:, width > 0]
