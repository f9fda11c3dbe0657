"""The whole estimate: market arrays in, a liquidation map out, over draws of the stated assumptions."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import calibration, clock, density, lean, ranges
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.audit import audit
from imbalance.engine.bounds import require_usable
from imbalance.engine.calibration import Calibration
from imbalance.engine.clusters import mass_between
from imbalance.engine.cohorts import Cohorts, build
from imbalance.engine.leverage import prior_weights
from imbalance.engine.liquidation_map import LiquidationMap, Model, Range, range_of
from imbalance.engine.venue import DAY_MS, Venue, history_ms, in_contracts, kinds
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]

SHORTEST_HISTORY_MS = DAY_MS  # of open interest: up to here nothing is calibrated, and sides are not compared
NAME = "cohorts/2"


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
    lives, interest = a.lives(), np.stack([v.open_interest for v in venues])
    cohorts = market_cohorts(path, venues, interval_ms, a)
    edges, points = density.distance_edges(a.distances), density.entry_points(interval_ms)
    prior = prior_weights(a, venues, interest, edges, 1.0)
    comparable = history_ms(interest, interval_ms) > SHORTEST_HISTORY_MS
    found = None
    if calibrated and comparable:
        found = calibration.calibrated(a, time_ms, interval_ms, path, venues, cohorts, edges, prior, seed)
    opened = np.ones((2, 1)) if found is None else found.opened
    times = lean.of_cohorts(opened, calibration.days(time_ms.size, interval_ms), cohorts)
    left = cohorts.left_at_end()
    mass, standing = _mass(path, cohorts, left, edges, price, points, venues, times)
    few = density.sum_points(interval_ms)
    null = path_mass(path, interval_ms, a, edges, price, few, inverse=kinds(venues)[0][0])
    basis, leaning, path_basis = (m.reshape(2, a.distances * lives.share.size, -1) for m in (*mass, null))
    draw = ranges.draws(a, venues, interest, edges, prior, found, basis, leaning, seed)
    exposed_share = ranges.exposed_weights(draw.central, prior, draw.part)
    exposed = np.einsum("sfb,f->sb", basis, exposed_share)
    forced = np.einsum("sfb,f->sb", leaning, draw.central) * draw.level[:, None]
    forced_draws = np.tensordot(draw.weights, leaning, (1, 1)) * draw.factor
    return LiquidationMap(
        symbol=symbol,
        as_of_ms=int(time_ms[-1]) + interval_ms,
        price=price,
        log_edges=density.log_edges(),
        forced=forced,
        exposed=np.maximum(exposed, forced),
        draws=forced_draws,
        path_implied=np.einsum("sfb,f->sb", path_basis, draw.central),
        path_draws=np.tensordot(draw.weights, path_basis, (1, 1)),
        weights=draw.level[:, None] * draw.central,
        opened=opened,
        model=_model(a, venues, found, draw, forced, exposed, forced_draws, leaning),
        audit=audit(venues, cohorts, left, standing, exposed_share.reshape(a.distances, -1), draw.part, price),
        comparable=comparable,
    )


def market_cohorts(path: PricePath, venues: list[Venue], interval_ms: int, a: Assumptions) -> Cohorts:
    """Return the venues' cohorts, all on the clock of the market as a whole."""
    base = np.stack([v.volume for v in venues]), np.stack([v.open_interest for v in venues])
    speed = clock.activity(*base, a.turnover_share)
    contracts = in_contracts(venues, path.close)
    return build(path, *contracts, interval_ms / DAY_MS, a.lives(), speed, a.turnover_share)


def path_cohorts(path: PricePath, interval_ms: int, a: Assumptions) -> tuple[Cohorts, list[int]]:
    """Return the cohorts of the path alone, the same flow in every bar, and which of their lives each structure has."""
    ones = np.ones((1, path.open.size))
    lives, which = a.on_wall_time()
    return build(path, ones, ones, interval_ms / DAY_MS, lives, ones[0], a.turnover_share), which


def path_mass(
    path: PricePath, interval_ms: int, a: Assumptions, edges: Floats, price: float, points: int, *, inverse: bool
) -> Floats:
    """Return the path-implied market's mass on any scale, shape (sides, distances, classes, bins)."""
    cohorts, which = path_cohorts(path, interval_ms, a)
    mass = density.mass_basis(path, cohorts, cohorts.left_at_end()[0], edges, price, points, inverse=inverse)[0]
    return np.concatenate([mass[:, :, cohorts.structure == kind] for kind in which], axis=2)


def _mass(
    path: PricePath,
    cohorts: Cohorts,
    left: Floats,
    edges: Floats,
    price: float,
    points: int,
    venues: list[Venue],
    times: Floats,
) -> tuple[Floats, Floats]:
    """Return the mass of all venues, and the contracts of each that price has not reached.

    Shapes (2, sides, distances, classes, bins), as it is and with what cohorts count `times`, shape (sides, cohorts);
    and (venues, sides, distances, classes).
    """
    total: Floats | float = 0.0
    cells = edges.size - 1
    standing = np.zeros((len(venues), 2, cells, left.shape[1]))
    for inverse, mine in kinds(venues):
        together = left[mine].sum(axis=0)
        alive = np.zeros((2, cells, left.shape[2]))
        total = total + density.mass_basis(
            path, cohorts, together, edges, price, points, inverse=inverse, alive=alive, times=(None, times)
        )
        for v in mine:
            standing[v] = (alive.reshape(2 * cells, -1) @ left[v].T).reshape(2, cells, -1)
    return np.asarray(total), standing


def _model(
    a: Assumptions,
    venues: list[Venue],
    found: Calibration | None,
    draw: ranges.Draws,
    forced: Floats,
    exposed: Floats,
    forced_draws: Floats,
    basis: Floats,
) -> Model:
    reach = math.log(1.15)
    edges = density.log_edges()

    def near(masses: Floats) -> Floats:
        return np.asarray(mass_between(edges, masses, -reach, reach).sum(axis=-1))

    def spread(nearby: Floats) -> float:
        return float(np.std(np.log(np.maximum(nearby, 1e-9))))

    near_basis = mass_between(edges, basis, -reach, reach).sum(axis=0)
    spreads = {name: spread(w @ near_basis) for name, w in draw.parts.items()} | {
        "form of the model": spread(near(forced * draw.factor))
    }
    at_risk = max(float(near(exposed)), 1e-9)
    return Model(
        name=NAME,
        calibrated=found is not None,
        printed_share=draw.printed,
        capture=_captures(venues, found, draw.capture),
        forced_share=range_of(min(float(near(forced)) / at_risk, 1.0), np.minimum(near(forced_draws) / at_risk, 1.0)),
        assumptions=a.told() | _told(venues, found),
        dominant_uncertainty=max(spreads, key=lambda name: spreads[name]),
    )


def _captures(venues: list[Venue], found: Calibration | None, capture: Range | None) -> dict[str, Range]:
    """Return the capture of each venue that was observed."""
    if found is None or capture is None:
        return {}
    return {
        venues[v].name: Range(*(min(float(c) * x, 1.0) for x in msgspec.structs.astuple(capture)))
        for v, c in zip(found.printed, found.capture, strict=True)
    }


def _told(venues: list[Venue], found: Calibration | None) -> dict[str, str]:
    """Return in words what was calibrated to, where anything was."""
    if found is None:
        return {}
    printing = [venues[v] for v in found.printed]
    names = [f"{v.name} (seen by {v.seen_by})" if v.seen_by else v.name for v in printing]
    fit, parts = found.fits[0], "/".join(f"{p:.2f}" for p in found.parts)
    long, short = found.level
    return {
        "calibration": f"{', '.join(names)}; {fit.days} days; {fit.effective_events:.0f} effective events; "
        f"the data moved the prior by a factor {math.exp(fit.moved):.2f} (rms)",
        "structures": f"weighted {parts} by how they predicted",
        "recent level": f"longs {long:.2f}, shorts {short:.2f} of what the fit predicts",
        "opening days": f"a day's longs count for {found.opened[0].min():.2f} to {found.opened[0].max():.2f}, "
        "its shorts for the inverse, by trend and by which days' positions were liquidated",
    }
