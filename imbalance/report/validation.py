"""A validation to its sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from imbalance.engine.assumptions import Assumptions
from imbalance.engine.frozen import HorizonScore, frozen_scores
from imbalance.engine.liquidation_map import SIDE_NAMES
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.validate import LEAST_DAYS, MODEL, member_name, reliability, scored
from imbalance.engine.venue import Venue, reported
from imbalance.engine.walk import WARM_DAYS, Walk, walk
from imbalance.errors import MissingDataError, UsageError
from imbalance.market import MarketData
from imbalance.report import phrases, tree
from imbalance.report.mapping import venues as told_venues
from imbalance.units import DAY_MS, interval_name, iso


def sections(market: MarketData, venues: list[Venue], horizons_days: Sequence[float]) -> dict[str, Any]:
    """Walk forward and build all sections.

    Raises
    ------
    MissingDataError
        If no liquidations were observed, or the bars do not outlast the warm-up.
    UsageError
        If a horizon is shorter than a bar.
    """
    if not any(reported(v) for v in venues):
        raise MissingDataError("no observed liquidations to validate against", "The bars need the liquidation columns.")
    if market.time_ms.size * market.interval_ms <= (WARM_DAYS + 1) * DAY_MS:
        raise MissingDataError(f"validation needs more than {WARM_DAYS + 1} days of bars")
    if any(days * DAY_MS < market.interval_ms for days in horizons_days):
        raise UsageError(f"--horizon: no map is kept for less than a bar, here {interval_name(market.interval_ms)}")
    path, a = market.path, Assumptions()
    found = walk(market.time_ms, market.interval_ms, path, venues, a)
    methods, inside, tested = scored(found)
    horizons = frozen_scores(market.interval_ms, path, venues, a, found, list(horizons_days)) if horizons_days else []
    told = [tree.MethodScore(**msgspec.structs.asdict(m)) for m in methods]
    return {
        "venues": told_venues(market),
        "verdict": phrases.trial_verdict(next((m for m in told if m.name == MODEL), None), LEAST_DAYS),
        "bars_tested": tested,
        "inside_range_share": inside if np.isfinite(inside) else None,
        "reliability": [tree.Reliability(**msgspec.structs.asdict(r)) for r in reliability(found)],
        "methods": told,
        "members": _members(a, found),
        "horizons": [_horizon(h) for h in horizons],
        "bars": _bars(market, found),
    }


def _horizon(h: HorizonScore) -> tree.HorizonScore:
    others = [tree.KeptScore(**msgspec.structs.asdict(other)) for other in h.others]
    return tree.HorizonScore(**msgspec.structs.asdict(h) | {"others": others})


def _members(a: Assumptions, found: Walk) -> list[tree.Member]:
    """Return what each structure supposes, and its part of the mixture before anything was seen and at the end."""
    weight = np.array([s.weight for s in a.structures]) / sum(s.weight for s in a.structures)
    last = found.fits[-1].share if found.fits else weight
    return [
        tree.Member(
            member_name(n),
            s.clock_exponent,
            list(s.leverage),
            s.leverage_log_sd,
            [1 / hazard for hazard in s.hazard_a_day],
            list(s.share),
            float(before),
            float(learnt),
        )
        for n, (s, before, learnt) in enumerate(zip(a.structures, weight, last, strict=True), start=1)
    ]


def _bars(market: MarketData, found: Walk) -> list[tree.BarPrediction]:
    """Return every bar that has a prediction with its interval and was observed, both sides."""
    series = (found.observed, found.predicted, found.low, found.high)
    known = np.flatnonzero(np.all([np.isfinite(values).all(axis=0) for values in series], axis=0))
    return [
        tree.BarPrediction(at_ms, iso(at_ms), SIDE_NAMES[side], *(float(values[side, i]) for values in series))
        for i, at_ms in zip(known, market.time_ms[known].tolist(), strict=True)
        for side in (LONG, SHORT)
    ]
