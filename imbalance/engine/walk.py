"""Walk-forward prediction: what each bar's own path should have printed, from nothing later than its start.

The map at a bar's start, with the mixture fitted on the days before and the sides' level from the bars before, and the
bar's low and high predict its liquidations. Baselines predict the same: the bar's move alone, the path with a constant
flow, and positions at fixed leverages.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import assimilate, calibration, density, ensemble, lean
from imbalance.engine.assumptions import Assumptions, Lives
from imbalance.engine.bounds import require_usable
from imbalance.engine.calibration import SKIPPED_DAYS
from imbalance.engine.cohorts import build
from imbalance.engine.ensemble import Sample
from imbalance.engine.estimate import market_cohorts, path_cohorts
from imbalance.engine.features import standing_and_own
from imbalance.engine.leverage import point_weights, prior_weights
from imbalance.engine.venue import DAY_MS, HOUR_MS, Venue, in_contracts, reported
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

WARM_DAYS = 5
FIXED_LEVERAGES = (5.0, 10.0, 20.0, 25.0, 50.0, 100.0)
RELIABILITY_BINS = 8
LEAST_IN_BIN = 30


class Refit(msgspec.Struct, frozen=True):
    """A day's fit.

    Attributes
    ----------
    first : the first bar that it predicts.
    weights : of standing positions, the mixture's and then each structure's by itself, shape
        (1 + structures, distances * classes).
    capture : by venue that prints, the mixture's, shape (venues,).
    level : of each side at that bar, for the same ways, shape (1 + structures, sides).
    share : parts of the mixture, shape (structures,).
    opened : what a side's positions count for in its map by opening day, shape (sides, days + 1).
    """

    first: int
    weights: Floats
    capture: Floats
    level: Floats
    share: Floats
    opened: Floats


class Walk(msgspec.Struct, frozen=True):
    """Predictions of every bar, shape (sides, bars), NaN where nothing was predicted or observed [USD].

    `members` are those of each structure by itself, shape (structures, sides, bars); `printed` are the venues that
    were observed; `fits` those of each day.
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
    fits: list[Refit]
    members: Floats


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
    a_day = max(DAY_MS // interval_ms, 1)
    interest = np.stack([v.open_interest for v in venues])
    prior, lives = prior_weights(a, venues, interest, density.distance_edges(a.distances), 1.0), a.lives()
    features, ages, null, fixed = _features(interval_ms, path, venues, a, printed, prior)
    y = np.stack([[venues[v].long_liquidations, venues[v].short_liquidations] for v in printed]) * path.close
    day = (time_ms // DAY_MS - time_ms[0] // DAY_MS).astype(np.intp)
    whole = Sample(features, y, day, np.array([venues[v].complete_feed for v in printed]))
    trended = lean.trend(path, a_day, calibration.days(path.open.size, interval_ms))
    each, events, fits = _predicted(whole, ages, trended, prior, lives, a, interval_ms)
    level = np.stack([assimilate.side_levels(way[0], way[1], interval_ms / DAY_MS)[0] for way in events])
    fits = [msgspec.structs.replace(f, level=level[..., f.first]) for f in fits]
    # A venue counts in a bar only where it was observed, on both sides of the comparison.
    seen = np.isfinite(y)
    observed = np.where(seen.any(axis=0), np.where(seen, y, 0.0).sum(axis=0), np.nan)
    ways = np.where(seen, each, 0.0).sum(axis=1) * level[..., :-1]
    start = WARM_DAYS * a_day
    ways[..., :start] = np.nan
    ways[:, ~np.isfinite(observed)] = np.nan
    predicted, members = ways[0], ways[1:]
    low, high = _intervals(observed, predicted, start, a_day)
    move, base = _base(path, interest, np.stack([v.volume for v in venues]), a_day)
    return Walk(observed, predicted, low, high, move, null, fixed, day, base, printed, fits, members)


def _predicted(
    whole: Sample, ages: Floats, trended: Floats, prior: Floats, lives: Lives, a: Assumptions, interval_ms: int
) -> tuple[Floats, Floats, list[Refit]]:
    """Return what fits of the days before predict, their effective events observed and predicted, and the fits.

    Each day is predicted by the mixture that the days before it made, and then weighs in on the next. What opening days
    count for is told from whole days before, and for maps alone: within a day it would take what comes later in it.

    Parameters
    ----------
    ages : features by day and age.
    trended : of `lean.trend`, by day.

    Returns
    -------
    predictions, shape (ways, venues, sides, bars), and events, shape (ways, 2, sides, bars): ways are the mixture and
    then each structure by itself.
    """
    a_day, bars = max(DAY_MS // interval_ms, 1), whole.day.size
    weight = np.array([s.weight for s in a.structures])
    wide = max(HOUR_MS // interval_ms, 1)
    hours, first = _hours(whole, wide), SKIPPED_DAYS * a_day // wide
    own = [ensemble.own_prior(prior, lives, k) for k in lives.slices()]
    hours.y[:, :, :first] = np.nan
    evidence, fits = np.zeros(weight.size), []
    ways = 1 + weight.size
    predicted, events = np.zeros((ways, *whole.y.shape)), np.zeros((ways, 2, 2, bars))
    for now in range(WARM_DAYS * a_day, bars, a_day):
        span = slice(now, min(now + a_day, bars))
        today = whole.rows(span)
        found = ensemble.fit(hours.rows(slice(first, now // wide)), prior, lives, 0, 0)
        share = ensemble.parts(weight, evidence)
        captures = [np.ones(whole.y.shape[0])] * share.size if found is None else [f.capture for f in found]
        tables = [w.ravel() for w in own] if found is None else [f.weights for f in found]
        for m, (c, w, x) in enumerate(zip(captures, tables, today.x, strict=True), start=1):
            predicted[m, :, :, span] = c[:, None, None] * ensemble.expected(w, x)
        predicted[0, :, :, span] = np.tensordot(share, predicted[1:, :, :, span], axes=1)
        mixes = [ensemble.mixed(tables, part, prior.shape[0]).ravel() for part in (share, *np.eye(share.size))]
        opened = np.ones((2, 1))
        if found is not None:
            past = hours.rows(slice(0, now // wide))
            past = msgspec.structs.replace(past, day=np.arange(past.day.size) * wide // a_day)
            whole_days = now // a_day
            known = ages[..., :whole_days, :], found, share, lives, trended[:whole_days]
            opened = calibration.by_side(past, *known)[2]
        fits.append(Refit(now, np.stack(mixes), share @ np.stack(captures), np.ones((ways, 2)), share, opened))
        if found is not None:
            floor = found[0].floor * min(interval_ms / HOUR_MS, 1.0)
            for way, mean, f in zip(events, predicted[..., span], (found[0], *found), strict=True):
                way[:, :, span] = calibration.effective(today.y, mean, floor, f.dispersion)
            evidence += ensemble.evidence(found, hours.rows(slice(now // wide, span.stop // wide)))
    return predicted, events, fits


def _features(
    interval_ms: int, path: PricePath, venues: list[Venue], a: Assumptions, printed: Ints, prior: Floats
) -> tuple[list[Floats], Floats, Floats, Floats]:
    """Return features as in `features.standing_and_own`, a bar a bucket, the path null and fixed leverages.

    Both baselines have the own-bar deaths that their weights imply.
    """
    bars, a_day = path.open.size, max(DAY_MS // interval_ms, 1)
    points, edges, lives = density.entry_points(interval_ms), density.distance_edges(a.distances), a.lives()
    bucket = np.arange(bars)
    inverse = np.array([venues[v].inverse for v in printed], dtype=bool)
    cohorts = market_cohorts(path, venues, interval_ms, a)
    day = calibration.days(bars, interval_ms)
    x, ages = standing_and_own(path, cohorts, edges, bucket, points, printed, inverse, a_day, day)
    lone, which = path_cohorts(path, interval_ms, a)
    first, linear = np.zeros(1, dtype=np.intp), np.zeros(1, dtype=bool)
    alone, _ages = standing_and_own(path, lone, edges, bucket, points, first, linear, a_day)
    null = sum(
        s.weight * ensemble.expected(ensemble.own_prior(prior, lives, part).ravel(), alone[kind])[0]
        for s, part, kind in zip(a.structures, lives.slices(), which, strict=True)
    )
    # Fixed leverages: nobody closes, entries keep their leverage until price takes them.
    never = Lives(np.array([1e-3]), np.ones(1), np.zeros(1), np.zeros(1, dtype=np.intp))
    contracts = in_contracts(venues, path.close)
    forever = build(path, *contracts, interval_ms / DAY_MS, never, np.ones(bars), a.turnover_share)
    [stay], _ages = standing_and_own(path, forever, edges, bucket, points, printed, inverse, a_day)
    fixed = stay.sum(axis=(0, 4)) @ point_weights(edges, FIXED_LEVERAGES, 0.005)
    return x, ages, np.asarray(null), fixed.T


def _hours(sample: Sample, wide: int) -> Sample:
    """Return a sample of bars summed over so many, as the map is fitted to, less what is left over at the end."""
    whole = sample.rows(slice(0, sample.day.size // wide * wide))
    x = [each.reshape(len(each), -1, wide, *each.shape[2:]).sum(axis=2) for each in whole.x]
    y = whole.y.reshape(*whole.y.shape[:2], -1, wide).sum(axis=3)
    return Sample(x, y, whole.day[::wide], whole.complete)


def _intervals(observed: Floats, predicted: Floats, start: int, a_day: int) -> tuple[Floats, Floats]:
    """Return 90 % prediction intervals: what past bars with a prediction of that size went on to show."""
    low, high = np.full_like(predicted, np.nan), np.full_like(predicted, np.nan)
    for now in range(start, predicted.shape[1], a_day):
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
