"""Walk-forward validation: what each bar's own path should have printed, from nothing later than its start.

The map at a bar's start, with weights fitted on the days before, and the bar's low and high predict its
liquidations; baselines predict the same: the bar's move alone, the path with a constant flow, and positions
at fixed leverages.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from imbalance.engine import calibrate, density, scores
from imbalance.engine.bounds import require_usable
from imbalance.engine.cohorts import build
from imbalance.engine.estimate import (
    DAY_MS,
    HOUR_MS,
    Assumptions,
    Venue,
    in_contracts,
    liquidation_features,
    prior_weights,
    reported,
)
from imbalance.engine.leverage import point_weights
from imbalance.engine.margin import LONG, SHORT
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

WARM_DAYS = 5
TRAIN_SHARE = 0.35
FIXED_LEVERAGES = (5.0, 10.0, 20.0, 25.0, 50.0, 100.0)
RELIABILITY_BINS = 8
RELIABILITY_CLASSES = 5
LEAST_IN_BIN = 30
BOOTSTRAPS = 300
LEAST_ROWS = 200


@dataclasses.dataclass(frozen=True)
class Walk:
    """Predictions of every bar, shape (sides, bars), NaN where nothing was predicted or observed [USD].

    `printed` are the venues that were observed; `fits` holds (first bar, weights, capture) of each refit.
    """

    observed: Floats
    predicted: Floats
    low: Floats
    high: Floats
    move: Floats
    path_null: Floats
    fixed: Floats
    day: npt.NDArray[np.intp]
    base_features: Floats
    printed: npt.NDArray[np.intp]
    fits: list[tuple[int, Floats, Floats]]


@dataclasses.dataclass(frozen=True)
class Score:
    """One method's scores over the test part, the mean of both sides; gains come with a 90 % day-block interval."""

    name: str
    spearman: float
    partial_spearman: float | None
    r2_gain: float | None
    r2_gain_low: float | None
    r2_gain_high: float | None
    over_null: float | None = None
    over_null_low: float | None = None
    over_null_high: float | None = None


def walk(
    time_ms: npt.NDArray[np.int64], interval_ms: int, path: PricePath, venues: list[Venue], a: Assumptions
) -> Walk:
    """Predict every bar from its past and its own path.

    Parameters
    ----------
    venues : those without observed liquidations take no part.
    """
    require_usable(path, venues)
    printed = np.array([i for i, v in enumerate(venues) if reported(v)], dtype=np.intp)
    bars, a_day = time_ms.size, max(DAY_MS // interval_ms, 1)
    features, null, fixed = _features(interval_ms, path, venues, a, printed)
    y = np.stack([[venues[v].long_liquidations, venues[v].short_liquidations] for v in printed]) * path.close
    interest = np.stack([v.open_interest for v in venues])
    prior = prior_weights(a, venues, interest, density.distance_edges(a.distances), 1.0)
    day = (time_ms // DAY_MS - time_ms[0] // DAY_MS).astype(np.intp)
    complete = np.array([venues[v].complete_feed for v in printed])
    predicted = np.full((2, bars), np.nan)
    start = WARM_DAYS * a_day
    fits = []
    for now in range(start, bars, a_day):
        span = slice(now, min(now + a_day, bars))
        found = _fit(features[:, :, :now], y[:, :, :now], prior, complete, day[:now], interval_ms)
        weights, capture = (found.weights, found.capture) if found else (prior, np.ones(printed.size))
        fits.append((now, weights, capture))
        each = np.einsum("vsbf,f,v->vsb", features[:, :, span], weights, capture, optimize=True)
        # A venue counts in a bar only where it was observed, on both sides of the comparison.
        predicted[:, span] = np.where(np.isfinite(y[:, :, span]), each, 0.0).sum(axis=0)
    seen = np.isfinite(y)
    observed = np.where(seen.any(axis=0), np.where(seen, y, 0.0).sum(axis=0), np.nan)
    predicted[~np.isfinite(observed)] = np.nan
    low, high = _intervals(observed, predicted, start, a_day)
    move, base = _base(path, interest, np.stack([v.volume for v in venues]), a_day)
    return Walk(observed, predicted, low, high, move, null, fixed, day, base, printed, fits)


def _features(
    interval_ms: int, path: PricePath, venues: list[Venue], a: Assumptions, printed: npt.NDArray[np.intp]
) -> tuple[Floats, Floats, Floats]:
    """Return features by venue (venues, sides, bars, features), the path null and fixed leverages (sides, bars)."""
    bars, a_day = path.open.size, max(DAY_MS // interval_ms, 1)
    points, edges = density.entry_points(interval_ms), density.distance_edges(a.distances)
    ones = np.ones((1, bars))
    own_volume, own_interest = in_contracts(venues, path.close)
    volume, interest = np.concatenate([own_volume, ones]), np.concatenate([own_interest, ones])
    bucket = np.arange(bars)
    hazard, share = np.array(a.class_hazard_a_day), np.array(a.class_share)
    cohorts = build(path, volume, interest, interval_ms / DAY_MS, hazard, share, a.turnover_share)
    flat = len(venues)
    x = liquidation_features(path, cohorts, edges, bucket, points, venues, np.append(printed, flat), a_day)
    x = x.reshape(printed.size + 1, 2, bars, -1)
    prior = prior_weights(a, venues, np.stack([v.open_interest for v in venues]), edges, 1.0)
    # Fixed leverages: nobody closes, entries keep their leverage until price takes them.
    forever = build(path, volume, interest, interval_ms / DAY_MS, np.array([1e-3]), np.ones(1), a.turnover_share)
    stay = liquidation_features(path, forever, edges, bucket, points, venues, printed, a_day)
    fixed = np.einsum("vsbdk,d->sb", stay, point_weights(edges, FIXED_LEVERAGES, 0.005), optimize=True)
    return x[:-1], np.asarray(x[-1] @ prior), np.asarray(fixed)


def _fit(
    x: Floats,
    y: Floats,
    prior: Floats,
    complete: npt.NDArray[np.bool_],
    day: npt.NDArray[np.intp],
    interval_ms: int,
) -> calibrate.Fit | None:
    """Fit on hours of the past, as the map does."""
    wide = max(HOUR_MS // interval_ms, 1)
    whole = x.shape[2] // wide * wide
    skip = 2 * max(DAY_MS // interval_ms, 1)
    venues, sides = x.shape[0], x.shape[1]
    hours = x[:, :, skip:whole].reshape(venues, sides, -1, wide, x.shape[3]).sum(axis=3)
    printed = y[:, :, skip:whole].reshape(venues, sides, -1, wide).sum(axis=3)
    days = np.tile(day[skip:whole:wide], sides)
    if hours.shape[2] == 0:
        return None
    rows = sides * hours.shape[2]
    return calibrate.fit(
        hours.reshape(venues, rows, -1), printed.reshape(venues, rows), prior, complete, days - days.min(), 0, 0
    )


def _intervals(observed: Floats, predicted: Floats, start: int, a_day: int) -> tuple[Floats, Floats]:
    """Return 90 % prediction intervals: what past bars with a prediction of that size went on to show."""
    low, high = np.full_like(predicted, np.nan), np.full_like(predicted, np.nan)
    for now in range(start + a_day, predicted.shape[1], a_day):
        past = slice(start, now)
        p, o = predicted[:, past].ravel(), observed[:, past].ravel()
        known = np.isfinite(p) & np.isfinite(o) & (p > 0)
        if known.sum() < LEAST_IN_BIN:
            continue
        p, o = p[known], o[known]
        bins = min(RELIABILITY_BINS, max(p.size // LEAST_IN_BIN, 1))
        cuts = np.quantile(p, np.arange(1, bins) / bins)
        which = np.searchsorted(cuts, p)
        spans = np.array([np.quantile(o[which == b] / p[which == b], [0.05, 0.95]) for b in range(bins)])
        today = slice(now, now + a_day)
        mine = spans[np.searchsorted(cuts, np.nan_to_num(predicted[:, today]))]
        low[:, today], high[:, today] = predicted[:, today] * mine[..., 0], predicted[:, today] * mine[..., 1]
    return low, high


def _base(path: PricePath, interest: Floats, volume: Floats, a_day: int) -> tuple[Floats, Floats]:
    """Return the bar's adverse move by side, and features of a model that knows the move and the market's state."""
    opens, high, low, close = path
    before = np.concatenate([opens[:1], close[:-1]])
    fall = np.maximum(np.log(np.maximum(before, opens) / low), 0.0)
    rise = np.maximum(np.log(high / np.minimum(before, opens)), 0.0)
    width = np.log(np.log(high / low) + 5e-4)
    state = [_trailing(width, a_day), _trailing(width, 5 * a_day)]
    state += [_trailing(np.log(np.nansum(series, axis=0) + 1e-9), a_day) for series in (interest, volume)]
    rows = []
    for mine, other in ((fall, rise), (rise, fall)):
        m = np.log(mine + 5e-4)
        rows.append(np.stack([m, m**2, m**3, np.log(other + 5e-4), *state, m * state[0]], axis=1))
    return np.stack([fall, rise]), np.stack(rows)


def _trailing(values: Floats, span: int) -> Floats:
    """Return the mean of the `span` bars before each bar."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    now = np.arange(values.size)
    first = np.maximum(now - span, 0)
    out = (total[now] - total[first]) / np.maximum(now - first, 1)
    out[0] = values[0]
    return np.asarray(out)


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How often what was observed lay below, inside and above its 90 % interval, for a class of predictions [USD]."""

    predicted_low_usd: float
    predicted_high_usd: float
    cases: int
    below: float
    inside: float
    above: float


def reliability(found: Walk) -> list[Reliability]:
    """Return how the intervals of the test part held, both sides together.

    Bars predicted to print nothing are a class of their own, since they cannot be told apart by size; the rest are
    parted into fifths of the prediction.
    """
    _known, _first, test = _split(found)
    predicted, low, high, observed = (
        values[:, test].ravel() for values in (found.predicted, found.low, found.high, found.observed)
    )
    known = np.isfinite(low)
    if known.sum() < RELIABILITY_CLASSES:
        return []
    order = np.argsort(np.where(known, predicted, np.inf), kind="stable")[: known.sum()]
    nothing = int(np.count_nonzero(predicted[order] <= 0))
    classes = [order[:nothing], *np.array_split(order[nothing:], RELIABILITY_CLASSES)]
    return [
        Reliability(
            float(predicted[rows[0]]),
            float(predicted[rows[-1]]),
            rows.size,
            float(np.mean(observed[rows] < low[rows])),
            float(np.mean((low[rows] <= observed[rows]) & (observed[rows] <= high[rows]))),
            float(np.mean(observed[rows] > high[rows])),
        )
        for rows in classes
        if rows.size
    ]


def _split(found: Walk) -> tuple[Ints, int, Ints]:
    """Return bars predicted and observed, how many of them only train, and the rest, which test; none if too few."""
    known = np.flatnonzero(np.isfinite(found.predicted).all(axis=0) & np.isfinite(found.observed).all(axis=0))
    first = int(known.size * TRAIN_SHARE) if known.size >= LEAST_ROWS else known.size
    return known, first, known[first:]


def scored(found: Walk, seed: int = 0) -> tuple[list[Score], float, int]:
    """Return scores of the model and its baselines, the share of bars inside their interval, and test bars.

    None are given where fewer than `LEAST_ROWS` bars were predicted and observed.
    """
    known, first, test = _split(found)
    if not test.size:
        return [], float("nan"), 0
    step = max(int(np.median(np.bincount(found.day[known])[np.unique(found.day[known])])), 1)
    blocks = scores.day_blocks(found.day[test], BOOTSTRAPS, seed)
    methods = {"model": found.predicted, "path null": found.path_null, "fixed leverages": found.fixed}
    ranks: dict[str, list[float]] = {name: [] for name in ("move alone", *methods)}
    partial: dict[str, list[float]] = {name: [] for name in methods}
    gains: dict[str, list[tuple[float, Floats]]] = {name: [] for name in methods}
    for side in (LONG, SHORT):
        seen, moved = found.observed[side], found.move[side]
        target = np.log1p(seen[known] / scores.FLOOR_USD)
        base = found.base_features[side][known]
        ranks["move alone"].append(scores.spearman(seen[test], moved[test]))
        base_error = (target - scores.walk_ridge(base, target, first, step))[first:] ** 2
        for name, values in methods.items():
            ranks[name].append(scores.spearman(seen[test], values[side][test]))
            partial[name].append(scores.partial_spearman(seen[test], values[side][test], moved[test]))
            scale = seen[known[:first]].sum() / max(values[side][known[:first]].sum(), 1e-12)
            more = np.log1p(scale * values[side][known] / scores.FLOOR_USD)
            error = (target - scores.walk_ridge(np.column_stack([base, more]), target, first, step))[first:] ** 2
            rows = [np.searchsorted(test, test[block]) for block in blocks]
            drawn = np.array([scores.gain(base_error[r], error[r], target[first:][r]) for r in rows])
            gains[name].append((scores.gain(base_error, error, target[first:]), drawn))
    inside = np.mean(
        [
            np.mean((found.low[s][test] <= found.observed[s][test]) & (found.observed[s][test] <= found.high[s][test]))
            for s in (LONG, SHORT)
        ]
    )
    return _table(ranks, partial, gains), float(inside), int(test.size)


def _table(
    ranks: dict[str, list[float]], partial: dict[str, list[float]], gains: dict[str, list[tuple[float, Floats]]]
) -> list[Score]:
    rows = [Score("move alone", float(np.mean(ranks["move alone"])), None, None, None, None)]
    value = {name: float(np.mean([g for g, _d in each])) for name, each in gains.items()}
    drawn = {name: np.mean([d for _g, d in each], axis=0) for name, each in gains.items()}
    for name in gains:
        low, high = np.quantile(drawn[name], [0.05, 0.95])
        over: tuple[float, float, float] | tuple[None, None, None] = (None, None, None)
        if name != "path null":
            bounds = np.quantile(drawn[name] - drawn["path null"], [0.05, 0.95])
            over = (value[name] - value["path null"], float(bounds[0]), float(bounds[1]))
        rows.append(
            Score(
                name,
                float(np.mean(ranks[name])),
                float(np.mean(partial[name])),
                value[name],
                float(low),
                float(high),
                *over,
            )
        )
    return rows
