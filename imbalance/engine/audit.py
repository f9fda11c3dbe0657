"""The audit: in base coin, what became of what was opened."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine.cohorts import Cohorts
from imbalance.engine.liquidation_map import Audit, VenueAudit
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.venue import Venue

Floats = npt.NDArray[np.float64]


def audit(
    venues: list[Venue], cohorts: Cohorts, left: Floats, standing: Floats, exposed: Floats, part: Floats, price: float
) -> Audit:
    """Account for what was opened: exposed now, swept by price, closed, unexplained.

    Parameters
    ----------
    left : contracts left if none was liquidated, shape (venues, classes, cohorts).
    standing : of them, what price has not reached if all had the distance, shape (venues, sides, distances, classes).
    exposed : share of what is opened that stands at each distance, shape (distances, classes).
    part : of the mixture that the structure of each class is, shape (classes,).
    """
    unit = np.array([1 / price if v.inverse else 1.0 for v in venues])
    interest = cohorts.open_interest[:, -1] * unit
    each = left.sum(axis=2) * unit[:, None]
    unswept = each @ part
    held = np.einsum("vsdk,dk->vs", standing, exposed) * unit[:, None]
    whole = float((each @ exposed.sum(axis=0)).sum())
    ever = float((cohorts.opened.sum(axis=2) @ part * unit).sum())
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
