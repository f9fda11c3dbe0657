"""Scores of a walk against the same put together one method and side at a time."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.engine import scores, validate
from imbalance.engine.margin import LONG, SHORT
from tests.library.engine.test_scores import trial


def fewer(found, bars):
    """Return the first bars of a walk alone."""
    names = ("observed", "predicted", "low", "high", "move", "path_null", "fixed", "day", "members")
    part = {name: getattr(found, name)[..., :bars] for name in names}
    return msgspec.structs.replace(found, **part, base_features=found.base_features[:, :bars])


def noisy(days=20, rows_a_day=24):
    """Return a walk with holes, lopsided sides and a null that tells something."""
    g = np.random.default_rng(4)
    found = trial(days, rows_a_day=rows_a_day)
    observed = found.observed * g.lognormal(0, 1, found.observed.shape)
    observed[LONG, 30:40] = observed[SHORT, 200] = np.nan
    predicted = found.predicted * np.array([[1.0], [5.0]])
    predicted[:, :24] = np.nan
    return msgspec.structs.replace(
        found,
        observed=observed,
        predicted=predicted,
        low=predicted / 3,
        high=predicted * 2,
        path_null=found.path_null * g.lognormal(0, 0.5, observed.shape),
        fixed=g.lognormal(0, 1, observed.shape),
        base_features=np.stack([np.log(found.move), np.log(found.move) ** 2], axis=2),
    )


def test_scores_are_what_one_method_and_side_at_a_time_give():
    found = noisy()
    rows, inside, count = validate.scored(found)
    known = [
        t for t in range(480) if np.isfinite(found.predicted[:, t]).all() and np.isfinite(found.observed[:, t]).all()
    ]
    first = int(len(known) * 0.35)
    test, day = known[first:], found.day
    assert count == len(test) == 290
    blocks = scores.day_blocks(day[test], 300, 0)
    methods = {
        "model": found.predicted,
        "member 1": found.members[0],
        "member 2": found.members[1],
        "path null": found.path_null,
        "fixed leverages": found.fixed,
    }
    gains, drawn = {}, {}
    for name, values in methods.items():
        rank, partial, gain, draws = [], [], [], []
        for side in (LONG, SHORT):
            seen, move = found.observed[side], found.move[side]
            target = np.log(1 + seen[known] / 1e4)
            base = found.base_features[side][known]
            level = seen[known[:first]].sum() / values[side][known[:first]].sum()
            more = np.column_stack([base, np.log(1 + level * values[side][known] / 1e4)])
            # Refitted as often as a day usually has bars.
            errors = [
                (target - scores.walk_ridge(features, target, first, 24))[first:] ** 2 for features in (base, more)
            ]
            rank.append(scores.spearman(seen[test], values[side][test]))
            partial.append(scores.partial_spearman(seen[test], values[side][test], move[test]))
            gain.append(scores.gain(*errors, target[first:]))
            draws.append([scores.gain(errors[0][r], errors[1][r], target[first:][r]) for r in blocks])
        gains[name], drawn[name] = np.mean(gain), np.mean(draws, axis=0)
        row = next(row for row in rows if row.name == name)
        assert (row.spearman, row.partial_spearman) == pytest.approx((np.mean(rank), np.mean(partial)))
    for row in rows[1:]:
        low, high = np.quantile(drawn[row.name], [0.05, 0.95])
        assert (row.r2_gain, row.r2_gain_low, row.r2_gain_high) == pytest.approx((gains[row.name], low, high))
        if row.name != "path null":
            low, high = np.quantile(drawn[row.name] - drawn["path null"], [0.05, 0.95])
            over = gains[row.name] - gains["path null"]
            assert (row.over_null, row.over_null_low, row.over_null_high) == pytest.approx((over, low, high))
    alone = [scores.spearman(found.observed[s][test], found.move[s][test]) for s in (LONG, SHORT)]
    assert (rows[0].name, rows[0].spearman) == ("move alone", pytest.approx(np.mean(alone)))
    held = [found.low[s, t] <= found.observed[s, t] <= found.high[s, t] for s in (LONG, SHORT) for t in test]
    assert inside == pytest.approx(np.mean(held))
    assert 0.2 < inside < 0.8


def test_an_interval_holds_what_lies_at_its_ends():
    found = trial(5, members=0)
    for low, high in ((found.observed, 2 * found.observed), (0 * found.observed, found.observed)):
        edged = msgspec.structs.replace(found, low=low, high=high)
        assert validate.scored(edged)[1] == 1.0
        assert all((c.below, c.inside, c.above) == (0, 1, 0) for c in validate.reliability(edged))


# Of 6 days of 60 bars 126 only train, of 7 days 147: four or five days are tested, the first of them in part.
@pytest.mark.parametrize(("days", "rows_a_day", "ranged"), [(6, 60, False), (7, 60, True)])
def test_gains_over_five_days_have_an_interval(days, rows_a_day, ranged):
    found = trial(days, members=0, rows_a_day=rows_a_day)
    first = int(days * rows_a_day * 0.35)
    assert (np.unique(found.day[first:]).size >= 5) is ranged
    for row in validate.scored(found)[0][1:]:
        assert (row.r2_gain_low is not None) is ranged


@pytest.mark.parametrize(("known", "classes"), [(4, 0), (5, 5), (6, 5), (12, 5)])
def test_reliability_is_told_of_five_cases_on(known, classes):
    found = trial(10)
    low = np.full_like(found.low, np.nan)
    low[SHORT, -known:] = found.low[SHORT, -known:]
    told = validate.reliability(msgspec.structs.replace(found, low=low))
    assert len(told) == classes
    assert sum(c.cases for c in told) == (known if classes else 0)


def test_a_class_has_its_days_bounds():
    found = noisy()
    told = validate.reliability(found)
    known = [
        t for t in range(480) if np.isfinite(found.predicted[:, t]).all() and np.isfinite(found.observed[:, t]).all()
    ]
    test = known[int(len(known) * 0.35) :]
    cases = sorted((found.predicted[s, t], s, t) for s in (LONG, SHORT) for t in test)
    assert [c.cases for c in told] == [116] * 5
    for i, row in enumerate(told):
        mine = sorted((s, t) for _p, s, t in cases[116 * i : 116 * (i + 1)])
        at = [(s, t) for _p, s, t in cases[116 * i : 116 * (i + 1)]]
        seen, day = np.array([found.observed[c] for c in at]), np.array([found.day[t] for _s, t in at])
        bounds = scores.mean_bounds(seen, day, 300, 0)
        assert (row.observed_low_usd, row.observed_high_usd) == pytest.approx(bounds)
        assert row.observed_usd == pytest.approx(np.mean([found.observed[c] for c in mine]))
        assert row.below == pytest.approx(np.mean([found.observed[c] < found.low[c] for c in mine]))
        assert row.above == pytest.approx(np.mean([found.observed[c] > found.high[c] for c in mine]))
        assert (row.predicted_low_usd, row.predicted_high_usd) == (cases[116 * i][0], cases[116 * i + 115][0])


def test_what_was_never_predicted_in_training_is_scored_all_the_same():
    found = trial(10, members=0)
    late = found.fixed.copy()
    late[:, :210] = 0.0
    names = {row.name: row for row in validate.scored(msgspec.structs.replace(found, fixed=late))[0]}
    assert np.isfinite(names["fixed leverages"].r2_gain)
