"""Arrays of different markets, structures or venues that are given together are refused, and never cut to fit."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.engine import clock, density, ensemble
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.leverage import prior_weights
from tests.library.engine import test_ranges
from tests.library.engine.test_engine import venue
from tests.library.engine.test_structures import TWO, sampled

ONES = np.ones((2, 5))


def evidence_of_one_fit():
    sample, prior = sampled(rows=48)
    return ensemble.evidence(ensemble.fit(sample, prior, TWO, 0, 0)[:1], sample)


def draws_of_one_fit():
    found = test_ranges.calibration(whole=True)
    basis = np.ones((2, test_ranges.CELLS * 3, 4))
    return test_ranges.drawn(msgspec.structs.replace(found, fits=found.fits[:1]), basis, basis)


@pytest.mark.parametrize(
    "given",
    [
        lambda: clock.activity(ONES, ONES[:1], 0.5),
        lambda: prior_weights(Assumptions(), [venue("a"), venue("b")], ONES[:1], density.distance_edges(14), 1.0),
        lambda: ensemble.mixed([np.ones(4), np.ones(4)], np.ones(3) / 3, 2),
        evidence_of_one_fit,
        draws_of_one_fit,
    ],
    ids=["volume of more venues", "open interest of fewer venues", "more parts", "a fit less", "draws of a fit less"],
)
def test_what_does_not_go_together_is_refused(given):
    with pytest.raises(ValueError, match="zip"):
        given()
