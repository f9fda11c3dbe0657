"""The whole estimate: market arrays in, a liquidation map out, over draws of the stated assumptions."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from imbalance.engine import calibrate, density
from imbalance.engine.bounds import require_usable
from imbalance.engine.clusters import mass_between
from imbalance.engine.cohorts import Cohorts, build
from imbalance.engine.leverage import distance_weights
from imbalance.engine.liquidation_map import (
    HIGH,
    LOW,
    Audit,
    LiquidationMap,
    Model,
    Range,
    VenueAudit,
    range_of,
)
from imbalance.engine.margin import LONG, SHORT, effective_rate
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
SHORTEST_HISTORY_MS = DAY_MS  # of open interest: up to here nothing is calibrated, and sides are not compared
NAME = "cohorts/1"


@dataclasses.dataclass(frozen=True)
class Assumptions:
    """What the data do not tell, each with the span that the ranges take it over (90 %).

    Attributes
    ----------
    class_hazard_a_day, class_share : lifetime classes of positions and their shares of what is opened.
    class_leverage : median effective leverage of each class; shorter lives use more.
    leverage_log_sd : spread of effective leverage.
    leverage_span : the factor by which the medians may be off, either way.
    turnover_share : share of volume that turns positions over.
    forced_share, forced_span : exposed positions that end liquidated rather than stopped or closed, and the
        factor either way; used where no liquidations were observed.
    capture, capture_span : share of liquidations that a feed not known to be complete prints.
    typical_notional_usd : the position whose maintenance bracket stands for all.
    structure_log_sd : what the model's form is worth: a common factor, one a side, one that tilts with distance.
    """

    class_hazard_a_day: tuple[float, ...] = (11.0, 1.2, 1 / 6, 1 / 30)
    class_share: tuple[float, ...] = (0.54, 0.26, 0.14, 0.06)
    class_leverage: tuple[float, ...] = (12.0, 8.0, 5.0, 4.0)
    leverage_log_sd: float = 1.0
    leverage_span: float = 2.0
    turnover_share: float = 0.6
    forced_share: float = 0.25
    forced_span: float = 2.5
    capture: float = 0.4
    capture_span: float = 2.5
    typical_notional_usd: float = 250_000.0
    structure_log_sd: tuple[float, float, float] = (0.2, 0.15, 0.13)
    distances: int = 14
    draws: int = 200
    least_events: float = 10.0

    def told(self) -> dict[str, str]:
        """Return the assumptions in words, for every output."""
        lives = ", ".join(f"{1 / h:.2g} d" for h in self.class_hazard_a_day)
        leverage = "/".join(f"{v:g}" for v in self.class_leverage)
        return {
            "sides": "every contract opens one long and one short; both sides open with the same leverage",
            "leverage": f"log-normal, medians {leverage} by lifetime class (x/÷{self.leverage_span:g}), "
            f"log-sd {self.leverage_log_sd:g}",
            "lifetimes": f"means {lives}; shares {'/'.join(f'{s:g}' for s in self.class_share)} of what is opened",
            "turnover": f"{self.turnover_share:g} of volume turns positions over",
            "forced": f"without observed liquidations {self.forced_share:g} of exposed (x/÷{self.forced_span:g})",
            "capture": f"feeds not known complete print {self.capture:g} (x/÷{self.capture_span:g})",
        }


@dataclasses.dataclass(frozen=True)
class Venue:
    """One venue's arrays for the engine, shape (bars,), in base coin, NaN where unknown.

    The ladder arrays have shape (brackets,); empty where none is known. `seen_by` names who saw the liquidations where
    it was not the venue itself.
    """

    name: str
    complete_feed: bool
    volume: Floats
    open_interest: Floats
    long_liquidations: Floats
    short_liquidations: Floats
    cap_usd: Floats
    rate: Floats
    deduction_usd: Floats
    most_leverage: float
    inverse: bool = False
    seen_by: str = ""


def estimate(
    symbol: str,
    time_ms: npt.NDArray[np.int64],
    interval_ms: int,
    path: PricePath,
    price: float,
    venues: list[Venue],
    *,
    calibrated: bool = True,
    seed: int = 0,
    assumptions: Assumptions | None = None,
) -> LiquidationMap:
    """Return the map at the end of the last bar.

    Parameters
    ----------
    time_ms : bar opens, equal steps of `interval_ms`, shape (bars,).
    path : open, high, low, close [USD], shape (bars,) each.
    price : the price now; mass that it has already passed is gone.
    calibrated : fit to observed liquidations where there are enough, and more than `SHORTEST_HISTORY_MS` of history.

    Raises
    ------
    UsageError
        If an array holds what no market has.
    """
    require_usable(path, venues)
    a = assumptions or Assumptions()
    hazard, share = np.array(a.class_hazard_a_day), np.array(a.class_share)
    interest = np.stack([v.open_interest for v in venues])
    volume, contracts = in_contracts(venues, path.close)
    # A last row of ones is the path-implied market: the same geometry and lifetimes, the same flow in every bar.
    ones = np.ones((1, time_ms.size))
    cohorts = build(
        path,
        np.concatenate([volume, ones]),
        np.concatenate([contracts, ones]),
        interval_ms / DAY_MS,
        hazard,
        share,
        a.turnover_share,
    )
    edges = density.distance_edges(a.distances)
    points = density.entry_points(interval_ms)
    left = cohorts.left_at_end()
    mass, alive = _mass(path, cohorts, left, edges, price, points, venues)
    basis, path_basis = (mass[s].reshape(2, a.distances * hazard.size, -1) for s in (0, 1))
    prior = prior_weights(a, venues, interest, edges, 1.0)
    fit = None
    comparable = _history_ms(interest, interval_ms) > SHORTEST_HISTORY_MS
    if calibrated and comparable:
        fit = _calibrated(a, time_ms, interval_ms, path, venues, cohorts, edges, points, prior, seed)
    draw = _draws(a, venues, interest, edges, prior, fit, basis, seed)
    exposed_weights = _exposed(draw.central, prior, hazard.size)
    exposed = np.einsum("sfb,f->sb", basis, exposed_weights)
    forced = np.minimum(np.einsum("sfb,f->sb", basis, draw.central), exposed)
    forced_draws = np.einsum("rf,sfb->rsb", draw.weights, basis, optimize=True) * draw.structure
    return LiquidationMap(
        symbol=symbol,
        as_of_ms=int(time_ms[-1]) + interval_ms,
        price=price,
        log_edges=density.log_edges(),
        forced=forced,
        exposed=exposed,
        draws=forced_draws,
        path_implied=np.einsum("sfb,f->sb", path_basis, draw.central),
        path_draws=np.einsum("rf,sfb->rsb", draw.weights, path_basis, optimize=True),
        weights=draw.central,
        model=_model(a, venues, fit, draw, forced, exposed, forced_draws, basis),
        audit=_audit(venues, cohorts, left[:-1], alive, exposed_weights.reshape(a.distances, -1), price),
        comparable=comparable,
    )


def _history_ms(interest: Floats, interval_ms: int) -> int:
    """Return the longest time over which a venue's open interest [venues, bars] is known."""
    known = np.flatnonzero((interest > 0).any(axis=0))
    return (interest.shape[1] - int(known[0])) * interval_ms if known.size else 0


def reported(venue: Venue) -> bool:
    """Return whether a venue's liquidations were observed: columns of zeros are no observation."""
    return bool(np.nansum(venue.long_liquidations) + np.nansum(venue.short_liquidations) > 0)


def in_contracts(venues: list[Venue], close: Floats) -> tuple[Floats, Floats]:
    """Return volume and open interest in contracts, shape (venues, bars): base coin, or USD where inverse."""
    unit = np.stack([close if v.inverse else np.ones_like(close) for v in venues])
    return np.stack([v.volume for v in venues]) * unit, np.stack([v.open_interest for v in venues]) * unit


def kinds(venues: list[Venue]) -> list[tuple[bool, npt.NDArray[np.intp]]]:
    """Return (inverse, indices) of the kinds of contracts that there are."""
    flags = np.array([v.inverse for v in venues])
    return [(kind, np.flatnonzero(flags == kind)) for kind in (False, True) if (flags == kind).any()]


def _mass(
    path: PricePath,
    cohorts: Cohorts,
    left: Floats,
    edges: Floats,
    price: float,
    points: int,
    venues: list[Venue],
) -> tuple[Floats, Floats]:
    """Return the basis of all venues and of the path alone, and the living share by venue.

    Shapes (2, sides, distances, classes, bins) and (venues, sides, distances, cohorts). The path-implied market,
    the last row of `left`, has the contracts of the first kind there is.
    """
    total: Floats | float = 0.0
    alive = np.zeros((len(venues), 2, edges.size - 1, left.shape[2]))
    for n, (inverse, mine) in enumerate(kinds(venues)):
        streams = np.stack([left[mine].sum(axis=0), left[-1] if n == 0 else np.zeros_like(left[-1])])
        mass, living = density.mass_basis(path, cohorts, streams, edges, price, points, inverse=inverse)
        total = total + mass
        alive[mine] = living
    return np.asarray(total), alive


def liquidation_features(
    path: PricePath,
    cohorts: Cohorts,
    edges: Floats,
    bucket: npt.NDArray[np.intp],
    points: int,
    venues: list[Venue],
    wanted: npt.NDArray[np.intp],
    bars_a_day: int,
) -> Floats:
    """Return `density.liquidation_basis` of the venues wanted, each by its kind of contract.

    An index beyond the venues is a row of the cohorts that is no venue; it counts as linear.
    """
    inverse = np.array([v < len(venues) and venues[v].inverse for v in wanted])
    out = None
    for kind in (False, True):
        mine = np.flatnonzero(inverse == kind)
        if mine.size:
            x = density.liquidation_basis(path, cohorts, edges, bucket, points, wanted[mine], bars_a_day, inverse=kind)
            out = np.empty((wanted.size, *x.shape[1:])) if out is None else out
            out[mine] = x
    if out is None:
        raise ValueError("no venue is wanted")
    return out


def prior_weights(a: Assumptions, venues: list[Venue], interest: Floats, edges: Floats, factor: float) -> Floats:
    """Return default weights, shape (distances * classes,): venues' ladders weighted by open interest."""
    latest = np.array([_latest(row) for row in interest])
    latest = latest / latest.sum() if latest.sum() > 0 else np.full(latest.size, 1 / latest.size)
    total = np.zeros((a.distances, len(a.class_leverage)))
    for venue, part in zip(venues, latest, strict=True):
        rate = 0.005
        if venue.cap_usd.size:
            rate = float(effective_rate(a.typical_notional_usd, venue.cap_usd, venue.rate, venue.deduction_usd))
        for k, median in enumerate(a.class_leverage):
            total[:, k] += part * distance_weights(edges, median * factor, a.leverage_log_sd, rate, venue.most_leverage)
    return np.asarray(total.ravel())


def _latest(row: Floats) -> float:
    known = row[np.isfinite(row)]
    return float(known[-1]) if known.size else 0.0


def _calibrated(
    a: Assumptions,
    time_ms: npt.NDArray[np.int64],
    interval_ms: int,
    path: PricePath,
    venues: list[Venue],
    cohorts: Cohorts,
    edges: Floats,
    points: int,
    prior: Floats,
    seed: int,
) -> calibrate.Fit | None:
    """Fit the weights to what venues printed, summed over hours; None where that is too little."""
    printed = np.array([i for i, v in enumerate(venues) if reported(v)], dtype=np.intp)
    if not printed.size or time_ms.size < 2:  # noqa: PLR2004
        return None
    bucket_ms = max(HOUR_MS, interval_ms)
    bucket = (time_ms // bucket_ms - time_ms[0] // bucket_ms).astype(np.intp)
    a_day = max(DAY_MS // interval_ms, 1)
    x = liquidation_features(path, cohorts, edges, bucket, points, venues, printed, a_day)
    buckets = x.shape[2]
    close = path.close
    y = np.full((printed.size, 2, buckets), np.nan)
    for n, v in enumerate(printed):
        for side, series in ((LONG, venues[v].long_liquidations), (SHORT, venues[v].short_liquidations)):
            known = np.isfinite(series)
            sums = np.bincount(bucket[known], (series * close)[known], minlength=buckets)
            whole = np.bincount(bucket[known], minlength=buckets) == np.bincount(bucket, minlength=buckets)
            y[n, side] = np.where(whole, sums, np.nan)
    # Old inventory has unknown entries: its first two days teach more about the guess than about leverage.
    y[:, :, : min(2 * DAY_MS // bucket_ms, buckets // 4)] = np.nan
    day = np.tile(np.arange(buckets) * bucket_ms // DAY_MS, 2)
    complete = np.array([venues[v].complete_feed for v in printed])
    features = a.distances * len(a.class_leverage)
    fit = calibrate.fit(
        x.reshape(printed.size, 2 * buckets, features),
        y.reshape(printed.size, 2 * buckets),
        prior,
        complete,
        day.astype(np.intp),
        draws=a.draws // 5,
        seed=seed,
    )
    return fit if fit is not None and fit.effective_events >= a.least_events else None


@dataclasses.dataclass(frozen=True)
class _Draws:
    central: Floats
    weights: Floats
    structure: Floats
    parts: dict[str, Floats]
    capture: Range | None
    printed: Range | None


def _draws(
    a: Assumptions,
    venues: list[Venue],
    interest: Floats,
    edges: Floats,
    prior: Floats,
    fit: calibrate.Fit | None,
    basis: Floats,
    seed: int,
) -> _Draws:
    """Draw weights and structural factors; draws come in mirrored pairs, so that they centre."""
    generator = np.random.default_rng([seed, 1])
    half = generator.standard_normal((a.draws // 2, 7))
    z = np.concatenate([half, -half])
    span = math.log(a.leverage_span) / 1.645
    grid = np.exp(np.linspace(-2.5, 2.5, 11) * span)
    shifted = np.stack([prior_weights(a, venues, interest, edges, float(f)) for f in grid])
    factor = np.clip(z[:, 0], -2.5, 2.5) * span
    position = np.interp(factor, np.log(grid), np.arange(grid.size))
    below = np.minimum(position.astype(np.intp), grid.size - 2)
    part = (position - below)[:, None]
    leverage = ((1 - part) * shifted[below] + part * shifted[below + 1]) / np.maximum(prior, 1e-15)
    if fit is None:
        scale = np.exp(z[:, 1] * math.log(a.forced_span) / 1.645)
        scale = np.minimum(scale * a.forced_share, 1.0)
        central = prior * a.forced_share
        weights = prior * leverage * scale[:, None]
        parts = {"leverage": central * leverage, "forced share": np.outer(scale, prior)}
        capture = printed = None
    else:
        complete = any(v.complete_feed and reported(v) for v in venues)
        middle = 1.0 if complete else a.capture
        spread = 0.0 if complete else math.log(a.capture_span) / 1.645
        kept = np.clip(middle * np.exp(z[:, 1] * spread), 0.02, 1.0)
        # The prior's span enters only where the data have not overruled it.
        free = (fit.weights > 0) * calibrate.PRIOR_STRENGTH / (calibrate.PRIOR_STRENGTH + fit.seen * fit.weights)
        loose = leverage**free
        replica = fit.draws[np.arange(a.draws) % fit.draws.shape[0]]
        central = fit.weights / middle
        weights = replica * loose / kept[:, None]
        parts = {
            "leverage": central * loose,
            "capture": fit.weights / kept[:, None],
            "too few liquidations": replica / middle,
        }
        capture = Range(middle, float(np.quantile(kept, LOW)), float(np.quantile(kept, HIGH)))
        exposed = np.einsum("sfb,f->", basis, _exposed(fit.weights, prior, len(a.class_leverage)))
        printed_draws = np.einsum("sfb,rf->r", basis, replica * loose, optimize=True) / max(exposed, 1e-12)
        printed = range_of(float(np.einsum("sfb,f->", basis, fit.weights) / max(exposed, 1e-12)), printed_draws)
    common, one_side, tilt = a.structure_log_sd
    middles = (density.log_edges()[1:] + density.log_edges()[:-1]) / 2
    slope = np.clip(np.log(np.maximum(np.abs(middles), 1e-4) / 0.05), -2.5, 2.5)
    each = z[:, 3:5, None] * one_side + z[:, 5:7, None] * tilt * slope
    structure = np.exp(common * z[:, 2, None, None] + each)
    return _Draws(central, weights, structure, parts, capture, printed)


def _exposed(weights: Floats, prior: Floats, classes: int) -> Floats:
    """Return weights at the exposed scale: the shape of `weights` within each class, the prior's totals."""
    table, default = weights.reshape(-1, classes), prior.reshape(-1, classes)
    total = table.sum(axis=0)
    shape = np.divide(table, total, out=np.zeros_like(table), where=total > 0)
    return np.asarray(np.maximum(shape * np.minimum(default.sum(axis=0), 1.0), 0.0).ravel())


def _model(
    a: Assumptions,
    venues: list[Venue],
    fit: calibrate.Fit | None,
    draw: _Draws,
    forced: Floats,
    exposed: Floats,
    forced_draws: Floats,
    basis: Floats,
) -> Model:
    reach = math.log(1.15)
    edges = density.log_edges()

    def near(masses: Floats) -> Floats:
        return np.asarray(mass_between(edges, masses, -reach, reach).sum(axis=-1))

    spreads = {
        name: float(np.std(np.log(np.maximum(near(np.einsum("rf,sfb->rsb", w, basis, optimize=True)), 1e-9))))
        for name, w in draw.parts.items()
    }
    spreads["form of the model"] = float(np.std(np.log(np.maximum(near(forced * draw.structure), 1e-9))))
    at_risk = max(float(near(exposed)), 1e-9)
    told = a.told()
    capture: dict[str, Range] = {}
    if fit is not None:
        printing = [v for v in venues if reported(v)]
        names = [f"{v.name} (seen by {v.seen_by})" if v.seen_by else v.name for v in printing]
        told["calibration"] = (
            f"{', '.join(names)}; {fit.days} days; {fit.effective_events:.0f} effective events; "
            f"the data moved the prior by a factor {math.exp(fit.moved):.2f} (rms)"
        )
        if draw.capture is not None:
            capture = {
                v.name: Range(*(min(float(c) * x, 1.0) for x in dataclasses.astuple(draw.capture)))
                for v, c in zip(printing, fit.capture, strict=True)
            }
    return Model(
        name=NAME,
        calibrated=fit is not None,
        printed_share=draw.printed,
        capture=capture,
        forced_share=range_of(min(float(near(forced)) / at_risk, 1.0), np.minimum(near(forced_draws) / at_risk, 1.0)),
        assumptions=told,
        dominant_uncertainty=max(spreads, key=lambda name: spreads[name]),
    )


def _audit(venues: list[Venue], cohorts: Cohorts, left: Floats, alive: Floats, exposed: Floats, price: float) -> Audit:
    """Account in base coin for what was opened: exposed now, swept by price, closed, unexplained."""
    unit = np.array([1 / price if v.inverse else 1.0 for v in venues])
    interest = cohorts.open_interest[: len(venues), -1] * unit
    unswept = left.sum(axis=(1, 2)) * unit
    held = np.einsum("vkc,vsdc,dk->vs", left, alive, exposed, optimize=True) * unit[:, None]
    whole = float(np.einsum("vkc,dk,v->", left, exposed, unit, optimize=True))
    ever = float((cohorts.opened[: len(venues)].sum(axis=(1, 2)) * unit).sum())
    total = max(float(interest.sum()), 1e-12)
    return Audit(
        venues=tuple(
            VenueAudit(v.name, float(interest[n]), float(held[n, LONG]), float(held[n, SHORT]))
            for n, v in enumerate(venues)
        ),
        swept_share=(whole - float(held.sum()) / 2) / total,
        closed_share=1 - min(float(unswept.sum()) / max(ever, 1e-12), 1.0),
        unexplained_share=abs(float(unswept.sum() - interest.sum())) / total,
    )
