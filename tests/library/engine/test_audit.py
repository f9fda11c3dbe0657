"""The audit against the same account kept contract by contract."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.engine.audit import audit
from imbalance.engine.cohorts import build
from tests.library.engine.test_engine import LIVES, venue, walk

PRICE, PART = 50.0, np.array([0.25, 0.75])
VENUES, KINDS = range(2), range(2)


def accounts(seed=1):
    """Return cohorts of a linear and a coin-settled venue, what of them is left, what stands and what is exposed."""
    g = np.random.default_rng(seed)
    path, volume, interest = walk(6)
    made = build(path, np.stack([volume] * 2), np.stack([interest] * 2), 1.0, LIVES, np.ones(6), 0.5, old_points=2)
    left, exposed = g.uniform(1, 5, (2, 2, made.birth.size)), g.uniform(0, 0.2, (3, 2))
    standing = left.sum(axis=2)[:, None, None] * g.uniform(0, 1, (2, 2, 3, 2))
    return made, left, standing, exposed


def test_what_was_opened_is_accounted_for():
    made, left, standing, exposed = accounts()
    rows = [venue("a"), msgspec.structs.replace(venue("b"), inverse=True)]
    found = audit(rows, made, left, standing, exposed, PART, PRICE)
    coins = [1.0, 1 / PRICE]  # that a contract is
    held = [
        [sum(standing[v, side, d, k] * exposed[d, k] for d in range(3) for k in KINDS) * coins[v] for side in (0, 1)]
        for v in VENUES
    ]
    interest = [made.open_interest[v, -1] * coins[v] for v in VENUES]
    for v, row in enumerate(found.venues):
        assert (row.name, row.open_interest_base) == ("ab"[v], pytest.approx(interest[v]))
        assert [row.long_exposed_base, row.short_exposed_base] == pytest.approx(held[v])
    left_coins = [[left[v, k].sum() * coins[v] for k in KINDS] for v in VENUES]
    could = sum(left_coins[v][k] * exposed[:, k].sum() for v in VENUES for k in KINDS)
    total, both_sides = sum(interest), sum(map(sum, held))
    assert found.swept_share == pytest.approx((could - both_sides / 2) / total)
    remain = sum(left_coins[v][k] * PART[k] for v in VENUES for k in KINDS)
    ever = sum(made.opened[v, k].sum() * PART[k] * coins[v] for v in VENUES for k in KINDS)
    assert found.closed_share == pytest.approx(1 - remain / ever)
    assert 0 < found.closed_share < 1
    assert found.unexplained_share == pytest.approx(abs(remain - total) / total)
    assert found.total("long_exposed_base") == pytest.approx(held[0][0] + held[1][0])


def test_more_left_than_was_ever_opened_is_nothing_closed():
    made, left, standing, exposed = accounts()
    found = audit([venue("a"), venue("b")], made, 1e6 * left, standing, exposed, PART, PRICE)
    assert found.closed_share == 0


def test_shares_of_nothing_are_nothing():
    made, left, standing, exposed = accounts()
    empty = msgspec.structs.replace(made, opened=0 * made.opened, open_interest=0 * made.open_interest)
    found = audit([venue("a"), venue("b")], empty, 0 * left, 0 * standing, exposed, PART, PRICE)
    assert (found.swept_share, found.closed_share, found.unexplained_share) == (0, 1, 0)
    # A millionth of a millionth of a coin is still counted as it is.
    tiny = 1e-11 / made.open_interest[:, -1].sum()
    few = msgspec.structs.replace(made, opened=tiny * made.opened, open_interest=tiny * made.open_interest)
    one, other = (
        audit([venue("a"), venue("b")], m, f * left, f * standing, exposed, PART, PRICE)
        for m, f in ((made, 1), (few, tiny))
    )
    assert (other.swept_share, other.closed_share) == pytest.approx((one.swept_share, one.closed_share))
