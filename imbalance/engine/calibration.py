"""A market's observed liquidations to the mixture of structures that they teach, and each side's level now."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import assimilate, density, ensemble, features, lean, likelihood
from imbalance.engine.assumptions import Assumptions, Lives
from imbalance.engine.calibrate import Fit
from imbalance.engine.cohorts import Cohorts
from imbalance.engine.ensemble import Sample
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.venue import DAY_MS, HOUR_MS, Venue, reported
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

SKIPPED_DAYS = 2  # old inventory has unknown entries: its first days teach more about the guess than about leverage


class Calibration(msgspec.Struct, frozen=True):
    """What observed liquidations taught.

    Attributes
    ----------
    fits, parts : of each structure, and their parts of the mixture.
    printed : which venues were observed.
    level, spread : each side's level now, and how sure it is as `assimilate.side_levels` tells, shape (2,) each.
    opened : what a side's positions count for by opening day, the last those older than the data, shape
        (sides, days + 1).
    """

    fits: list[Fit]
    parts: Floats
    printed: Ints
    level: Floats
    spread: Floats
    opened: Floats

    @property
    def capture(self) -> Floats:
        """Printed over predicted by venue, the mean of the structures, shape (venues,)."""
        return np.asarray(self.parts @ np.stack([f.capture for f in self.fits]))

    @property
    def moved(self) -> float:
        """Root mean square change of the log weights, the mean of the structures."""
        return float(self.parts @ np.array([f.moved for f in self.fits]))


def hourly(
    time_ms: npt.NDArray[np.int64],
    interval_ms: int,
    path: PricePath,
    venues: list[Venue],
    cohorts: Cohorts,
    edges: Floats,
    printed: Ints,
) -> tuple[Sample, Floats]:
    """Return features and liquidations summed over hours (or bars, where these are longer); the first days unknown.

    And the features by day and age, as in `features.standing_and_own`.
    """
    bucket_ms = max(HOUR_MS, interval_ms)
    bucket = (time_ms // bucket_ms - time_ms[0] // bucket_ms).astype(np.intp)
    a_day = max(DAY_MS // interval_ms, 1)
    points = density.sum_points(interval_ms)
    day = days(time_ms.size, interval_ms)
    inverse = np.array([venues[v].inverse for v in printed])
    x, ages = features.standing_and_own(path, cohorts, edges, bucket, points, printed, inverse, a_day, day)
    buckets = int(bucket[-1]) + 1
    y = np.full((printed.size, 2, buckets), np.nan)
    for n, v in enumerate(printed):
        for side, series in ((LONG, venues[v].long_liquidations), (SHORT, venues[v].short_liquidations)):
            known = np.isfinite(series)
            sums = np.bincount(bucket[known], (series * path.close)[known], minlength=buckets)
            whole = np.bincount(bucket[known], minlength=buckets) == np.bincount(bucket, minlength=buckets)
            y[n, side] = np.where(whole, sums, np.nan)
    y[:, :, : min(SKIPPED_DAYS * DAY_MS // bucket_ms, buckets // 4)] = np.nan
    of_bucket = (np.arange(buckets) * bucket_ms // DAY_MS).astype(np.intp)
    return Sample(x, y, of_bucket, np.array([venues[v].complete_feed for v in printed])), ages


def calibrated(
    a: Assumptions,
    time_ms: npt.NDArray[np.int64],
    interval_ms: int,
    path: PricePath,
    venues: list[Venue],
    cohorts: Cohorts,
    edges: Floats,
    prior: Floats,
    seed: int,
) -> Calibration | None:
    """Fit the mixture to what venues printed; None where that is too little.

    Parameters
    ----------
    prior : default weights, shape (distances, classes).
    """
    printed = np.array([i for i, v in enumerate(venues) if reported(v)], dtype=np.intp)
    if not printed.size or time_ms.size < 2:  # noqa: PLR2004
        return None
    sample, ages = hourly(time_ms, interval_ms, path, venues, cohorts, edges, printed)
    lives = a.lives()
    weight = np.array([s.weight for s in a.structures])
    fits, parts = ensemble.walk_forward(sample, prior, weight, lives, a.draws, seed)
    if fits is None or fits[0].effective_events < a.least_events:
        return None
    trended = lean.trend(path, max(DAY_MS // interval_ms, 1), days(time_ms.size, interval_ms))
    observed, expected, opened = by_side(sample, ages, fits, parts, lives, trended)
    level, spread = assimilate.side_levels(observed, expected, max(HOUR_MS, interval_ms) / DAY_MS)
    return Calibration(fits, parts, printed, level[:, -1], spread[:, -1], opened)


def by_side(
    sample: Sample, ages: Floats, fits: list[Fit], parts: Floats, lives: Lives, trended: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return effective events observed and expected, shape (sides, rows), and what opening days count for in these.

    Parameters
    ----------
    sample : what the fits know; its last days may be those of its last row.
    ages : features by day and age of the same days.
    fits, parts : of the structures.
    trended : of `lean.trend`, of the same days.
    """
    mean = np.asarray(np.tensordot(parts, ensemble.predicted(fits, sample), axes=1))
    observed, expected = effective(sample.y, mean, fits[0].floor, fits[0].dispersion)
    last = ages.shape[4]
    day = np.minimum(sample.day, last - 1)
    older = older_share(ages, fits, parts, lives, daily(mean.sum(axis=0), day, last))
    opened = lean.opening_days(daily(observed, day, last), daily(expected, day, last), older, trended)
    return observed, expected * lean.by_opening_day(opened, older)[:, day], opened


def older_share(ages: Floats, fits: list[Fit], parts: Floats, lives: Lives, mean: Floats) -> Floats:
    """Return which share of what is predicted of a day was opened how many days before, shape (sides, days, ages).

    Parameters
    ----------
    ages : features by day and age.
    fits, parts : of the structures.
    mean : USD predicted of all venues, shape (sides, days).
    """
    weights = ensemble.mixed([f.weights for f in fits], parts, ages.shape[2])
    capture = np.stack([f.capture for f in fits])[lives.structure]
    each = weights[None] * capture.T[:, None]
    # Side by side and venue by venue, so that nothing is copied.
    sides = [
        sum(w.ravel() @ x.reshape(w.size, -1) for w, x in zip(each, mine, strict=True)) for mine in ages.swapaxes(0, 1)
    ]
    usd = np.stack(sides).reshape(2, *ages.shape[4:])[..., 1:]
    whole = np.maximum(mean, usd.sum(axis=2))[..., None]
    return np.asarray(np.divide(usd, whole, out=np.zeros_like(usd), where=whole > 0))


def days(bars: int, interval_ms: int) -> Ints:
    """Return which 24 hours from the first bar on each bar lies in, shape (bars,)."""
    return np.asarray(np.arange(bars) * interval_ms // DAY_MS, dtype=np.intp)


def daily(values: Floats, day: Ints, days: int) -> Floats:
    """Return sums by day of rows, shape (sides, days)."""
    return np.stack([np.bincount(day, row, minlength=days) for row in values])


def effective(y: Floats, mean: Floats, floor: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """Return effective events observed and predicted, all venues together, shape (sides, rows) each.

    Parameters
    ----------
    y, mean : USD printed and predicted, shape (venues, sides, rows), y NaN where not known.
    floor, dispersion : f by venue and phi of `likelihood` [USD].
    """
    heed = np.where(np.isfinite(y), likelihood.attention(mean, floor[:, None, None]), 0.0) / dispersion
    return (heed * np.nan_to_num(y)).sum(axis=0), (heed * mean).sum(axis=0)
