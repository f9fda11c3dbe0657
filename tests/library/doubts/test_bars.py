"""What is doubted of bars at its limits: nothing at a limit, and the words of it just beyond."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from imbalance.doubts import bars
from imbalance.market import MarketData, VenueBars
from imbalance.records import Contract, Feed
from imbalance.units import DAY_MS, HOUR_MS

START_MS = 1_700_000_000_000 - 1_700_000_000_000 % DAY_MS  # 2023-11-14
UNKNOWN = np.nan
MOVES = (0.01, -0.02, 0.015, -0.005, 0.02, -0.01, 0.003)


def series(count=60, **cells):
    """Return the columns of bars that nothing is doubted of; a cell is a number, or a map from places to numbers."""
    at = np.arange(count)
    close = 100 * np.cumprod(1 + np.resize(MOVES, count))
    opens = np.append(100.0, close[:-1])
    found = {
        "open": opens,
        "high": np.maximum(opens, close) * 1.001,
        "low": np.minimum(opens, close) * 0.999,
        "close": close,
        "volume_base": 100.0 + at,
        "open_interest_base": 1000.0 + at % 5,
        "long_liquidations_base": np.full(count, UNKNOWN),
        "short_liquidations_base": np.full(count, UNKNOWN),
    }
    for name, cell in cells.items():
        if isinstance(cell, dict):
            for place, value in cell.items():
                found[name][place] = value
        else:
            found[name] = np.broadcast_to(cell, count).astype(float)
    return found


def venue(name, columns):
    path = np.stack([columns[part] for part in ("open", "high", "low", "close")])
    return VenueBars(
        name=name,
        contract=Contract.LINEAR,
        feed=Feed.UNKNOWN,
        volume_base=columns["volume_base"],
        taker_buy_base=np.full(path.shape[1], UNKNOWN),
        open_interest_base=columns["open_interest_base"],
        long_liquidations_base=columns["long_liquidations_base"],
        short_liquidations_base=columns["short_liquidations_base"],
        path=path,
    )


def market(*columns, interval_ms=HOUR_MS):
    venues = tuple(venue(name, own) for name, own in zip("vw", columns, strict=False))
    opens, high, low, close = venues[0].path
    time_ms = START_MS + np.arange(close.size) * interval_ms
    return MarketData("X", interval_ms, time_ms, opens, high, low, close, float(close[-1]), venues)


def told(*columns, interval_ms=HOUR_MS):
    found = bars.examine_bars(market(*columns, interval_ms=interval_ms))
    assert not any(d.left_out for d in found)
    return [d.reason for d in found]


def test_sound_bars_are_not_doubted():
    for count in (2, 24, 60, 240):
        assert not told(series(count))
        assert not told(series(count), series(count, volume_base=90.0 + np.arange(count)))


def places(first, count):
    return dict.fromkeys(range(first, first + count), UNKNOWN)


def interest_unknown(first, count, known, span):
    """Return bars whose open interest is not known in a few, within a span that ends at the last bar but one."""
    cells = places(0, first) | places(first + 3, count) | {59: UNKNOWN}
    said = f"known in {known} of {span} bars, and taken to stand between them"
    return series(open_interest_base=cells), said


@pytest.mark.parametrize(("count", "doubted"), [(10, False), (11, True)])
def test_a_fifth_of_open_interest_may_be_unknown_within_what_is_known(count, doubted):
    columns, said = interest_unknown(9, count, 50 - count, 50)
    assert told(columns) == [said] * doubted


def test_bars_that_lack_are_not_those_in_which_open_interest_does():
    columns = series(open_interest_base=places(30, 13), volume_base=places(30, 1))
    for name in ("open", "high", "low", "close"):
        columns[name][30] = UNKNOWN
    # 12 of the 59 that are there.
    assert told(columns) == ["known in 47 of 59 bars, and taken to stand between them"]
    columns["open_interest_base"][31:33] = 1000.0
    assert not told(columns)


def test_open_interest_that_ended():
    said = (
        "last known at 2023-11-14T06:00:00Z, 54 hours before the bars end: taken to stand since, so that the map rests "
        "on what was open then and lacks what was opened after"
    )
    assert told(series(open_interest_base=places(6, 54))) == [said]


STILL = "the same in 25 bars from 2023-11-14T10:00:00Z on, while coins were traded: a feed that stood still?"


@pytest.mark.parametrize(
    ("count", "volume", "said"),
    [
        (25, {}, [STILL]),
        (24, {}, []),
        (25, dict.fromkeys(range(11, 35), 0.0), []),
        # The bar at whose end the series came to stand, and those after it, may have traded.
        (25, dict.fromkeys(range(12, 35), 0.0), [STILL]),
        (25, dict.fromkeys(range(11, 34), 0.0), [STILL]),
        (25, dict.fromkeys(range(11, 35), 0.0) | {12: 0.5}, [STILL]),
    ],
)
def test_open_interest_that_stood_still(count, volume, said):
    cells = dict.fromkeys(range(10, 10 + count), 1010.0)
    assert told(series(open_interest_base=cells | {9: 1009.0, 10 + count: 1011.0}, volume_base=volume)) == said


@pytest.mark.parametrize(
    ("changes", "idle", "said"),
    [
        (50, 1, 0),
        (49, 1, 1),
        (3, 3, 3),
        (2, 2, 0),
    ],
)
def test_open_interest_that_changes_without_trade(changes, idle, said):
    """Of 60 bars open interest changes in the last ones, in some of them without volume."""
    levels = np.full(60, 1000.0)
    levels[60 - changes :] += np.arange(1, changes + 1)
    columns = series(open_interest_base=levels, volume_base=dict.fromkeys(range(60 - idle, 60), 0.0))
    found = [reason for reason in told(columns) if "takes trades" in reason]
    assert found == [f"0 in {said} bars in which open interest changes, which takes trades"] * bool(said)


@pytest.mark.parametrize(
    ("before", "after", "traded", "doubted"),
    [
        # By half at least, and by more than twice what was traded.
        (1000.0, 1500.0, 10.0, False),
        (1000.0, 1501.0, 10.0, True),
        (1500.0, 1000.0, 10.0, False),
        (1501.0, 1000.0, 10.0, True),
        (1000.0, 1600.0, 300.0, False),
        (1000.0, 1600.0, 299.0, True),
        (1600.0, 1000.0, 299.0, True),
        (0.5, 0.9, 0.1, True),
        (0.9, 0.5, 0.1, True),
        (0.0, 900.0, 10.0, False),
        (900.0, 0.0, 10.0, False),
    ],
)
def test_a_step_of_open_interest(before, after, traded, doubted):
    levels = np.where(np.arange(60) < 30, before, after) * (1 + np.arange(60) % 2 * 1e-6)
    levels[29], levels[30] = before, after
    said = (
        f"goes from {before:,.6g} to {after:,.6g} in the bar of 2023-11-15T06:00:00Z, where {traded:g} were traded: "
        "other units, or contracts, from there?"
    )
    found = [r for r in told(series(open_interest_base=levels, volume_base={30: traded})) if r.startswith("goes")]
    assert found == [said] * doubted


NO_VOLUME = (
    "empty or 0 in every bar: not known, so that positions are taken to close only where open interest falls, and the "
    "map comes out larger than it is"
)


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        (12, []),
        (13, ["known in 47 of 60 bars; in the others taken as the last known share of open interest"]),
        (60, [NO_VOLUME]),
    ],
)
def test_a_fifth_of_volume_may_be_unknown(unknown, said):
    assert told(series(volume_base=places(0, unknown))) == said


def lacking(count, missing, first=0):
    columns = series(count)
    for own in columns.values():
        own[:first] = own[[*missing]] = UNKNOWN
    return columns


@pytest.mark.parametrize(
    ("count", "first", "missing", "said"),
    [
        (60, 10, [30], []),
        (60, 11, [30], ["1 of its 49 bars are missing"]),
        (60, 10, [30, 40], ["2 of its 50 bars are missing"]),
        (100, 90, [], []),
        (100, 91, [], ["it has 9 of 100 bars"]),
    ],
)
def test_bars_that_lack(count, first, missing, said):
    assert told(series(count), lacking(count, missing, first)) == said


@pytest.mark.parametrize(
    ("still", "volume", "doubted"),
    [
        (25, {}, True),
        (24, {}, False),
        (25, dict.fromkeys(range(11, 35), 0.0), False),
        (25, dict.fromkeys(range(12, 35), 0.0), True),
        (25, dict.fromkeys(range(11, 34), 0.0), True),
        (25, dict.fromkeys(range(11, 35), 0.0) | {20: 0.5}, True),
    ],
)
def test_prices_that_stand_still(still, volume, doubted):
    columns = series(volume_base=volume)
    for name in ("open", "high", "low", "close"):
        columns[name][10 : 10 + still] = 104.0
    columns["high"][10] = 104.5
    said = f"no price moves in {still} bars from 2023-11-14T10:00:00Z on, while coins were traded"
    assert [r for r in told(columns) if "no price moves" in r] == [said] * doubted
    columns["high"][10:] += 0.1
    assert not [r for r in told(columns) if "no price moves" in r]


@pytest.mark.parametrize(
    ("interval_ms", "limit"), [(HOUR_MS, 1.6), (DAY_MS - HOUR_MS, 1.6), (DAY_MS, 4.0), (7 * DAY_MS, 4.0)]
)
@pytest.mark.parametrize("up", [True, False])
def test_a_step_of_price(interval_ms, limit, up):
    for factor in (limit, limit + 0.01):
        level = np.where(np.arange(60) < 30, *((100.0, 100.0 * factor) if up else (100.0 * factor, 100.0)))
        level[-1] *= 1.2 if up else 1 / 1.2
        columns = series(open=level, high=level * 1.001, low=level * 0.999, close=level)
        found = [r for r in told(columns, interval_ms=interval_ms) if "another coin, from there" in r]
        said = (
            f"{level[30]:g}, is a factor of {factor:.3g} off the one before: other units, or another coin, from there?"
        )
        assert [r.partition("Z, ")[2] for r in found] == [said] * (factor > limit)
        assert not found or interval_ms != HOUR_MS or "the close of 2023-11-15T06:00:00Z" in found[0]


@pytest.mark.parametrize(("count", "share", "doubted"), [(25, 0.69, False), (25, 0.71, True), (24, 0.71, False)])
def test_opens_that_do_not_join(count, share, doubted):
    """Each bar moves by 1 %, and between two bars lies so much of that."""
    for move in (1.01, 1 / 1.01):
        opens = 100.0 * (move * move**share) ** np.arange(count)
        close = opens * move
        columns = series(count, open=opens, close=close)
        columns |= {"high": np.maximum(opens, close) * 1.0001, "low": np.minimum(opens, close) * 0.9999}
        said = "opens do not join the closes before: rows out of order, or prices of two series?"
        assert told(columns) == [said] * doubted


def test_opens_and_closes_that_are_alike_join():
    close = np.resize([100.0, 101.0], 60)
    assert not [r for r in told(series(open=close, high=close * 1.01, low=close * 0.99, close=close)) if "join" in r]


@pytest.mark.parametrize(
    ("alike", "closes", "doubted"),
    [(27, 7, False), (28, 7, True), (28, 3, False), (28, 4, True)],
)
def test_bars_without_a_range(alike, closes, doubted):
    """Of 54 bars that traded half may be flat; those that did not trade count neither way."""
    close = 100.0 + np.arange(60) % closes
    columns = series(open=close, close=close, high=close * 1.001, low=close * 0.999)
    columns["volume_base"] = np.where(np.arange(60) < 54, 0.1 + np.arange(60) / 100, 0.0)
    flat = (np.arange(60) < alike) | (np.arange(60) >= 54)
    columns |= {"high": np.where(flat, close, close * 1.001), "low": np.where(flat, close, close * 0.999)}
    said = f"high and low are the same in {alike} bars: how far prices went is not known"
    assert [r for r in told(columns) if "how far" in r] == [said] * doubted


@pytest.mark.parametrize("again", [23, 24])
def test_bars_that_repeat_others(again):
    columns = series()
    for own in columns.values():
        own[30 : 30 + again] = own[2 : 2 + again]
    said = f"{again} bars repeat the prices and the volume of others to the last digit"
    assert [r for r in told(columns) if "repeat" in r] == [said] * (again == 24)
    columns["volume_base"][30:] += 0.5
    assert not [r for r in told(columns) if "repeat" in r]


def test_closes_that_do_not_move_together():
    moves = np.random.default_rng(3).normal(size=(2, 60)) * 0.01
    for share, doubted in ((0.3, True), (0.55, False)):
        own = share * moves[0] + np.sqrt(1 - share**2) * moves[1]
        correlation = np.corrcoef(moves[0][1:], own[1:])[0, 1]
        assert (correlation < 0.4) == doubted
        both = []
        for each in (moves[0], own):
            close = 100 * np.exp(np.cumsum(each))
            opens = np.append(100.0, close[:-1])
            both.append(
                series(open=opens, close=close, high=np.fmax(opens, close) * 1.001, low=np.fmin(opens, close) * 0.999)
            )
        said = f"closes do not move with those of v (correlation {correlation:.2f}): another coin?"
        assert told(*both) == [said] * doubted


WICK = "the mark price, by which positions are liquidated, may not have gone there"


@pytest.mark.parametrize(
    ("name", "against", "factor", "place"),
    [
        ("high", "the bars beside it", 2.5, 30),
        ("low", "the bars beside it", 2.5, 30),
        ("high", "the bars beside it", 2.5, 0),
        ("low", "the bars beside it", 2.5, 59),
        ("high", "other venues", 1.5, 30),
        ("low", "other venues", 2.0, 30),
    ],
)
def test_a_wick(name, against, factor, place):
    for times in (factor * 0.999, factor * 1.001):
        columns, other = series(), series(volume_base=90.0 + np.arange(60))
        near = [i for i in (place - 1, place + 1) if 0 <= i < 60] if against != "other venues" else [place]
        body = [columns[part][place] for part in ("open", "close")]
        if name == "high":
            level = times * max(*body, *((other if against == "other venues" else columns)["high"][i] for i in near))
        else:
            level = min(*body, *((other if against == "other venues" else columns)["low"][i] for i in near)) / times
        columns[name][place] = level
        found = told(columns, *([other] if against == "other venues" else []))
        at = f"2023-11-{14 + place // 24}T{place % 24:02}:00:00Z"
        said = f"the {name} of {at}, {level:,.6g}, lies a factor of {times:.3g} beyond its open, close and {against}"
        said += f": {WICK}"
        assert found == [said] * (times > factor)


def test_a_wick_that_the_bars_beside_it_share_or_its_own_close_reaches_is_none():
    columns = series()
    columns["high"][30:32] *= 3
    assert not told(columns)
    columns["high"][30] *= 3
    assert len(told(columns)) == 1
    columns["high"][29] = columns["high"][30]
    assert not told(columns)


def test_a_wick_without_others_is_held_against_what_there_is():
    columns, other = series(), series(volume_base=90.0 + np.arange(60))
    columns["high"][30] *= 1.6
    assert not told(columns)
    assert len(told(columns, other)) == 1
    other["high"][30] *= 1.6
    assert not told(columns, other)
    columns["low"][30] /= 2.2
    assert len(told(columns, other)) == 1
    other["low"][30] /= 2.2
    assert not told(columns, other)


@pytest.mark.parametrize(("level", "doubted"), [(250.0, False), (250.1, True)])
def test_a_wick_of_two_and_a_half_times(level, doubted):
    columns = series(open=100.0, close=100.0, high=100.0, low=np.resize([100.0, 99.9], 60))
    columns["high"][30] = level
    assert bool([r for r in told(columns) if "beside it" in r]) == doubted


def test_a_venue_without_a_path_of_its_own_is_not_held_against_it():
    both = market(series(), series(volume_base=90.0 + np.arange(60)))
    alone = msgspec.structs.replace(both, venues=(both.venues[0], msgspec.structs.replace(both.venues[1], path=None)))
    assert not bars.examine_bars(alone)


@pytest.mark.parametrize(
    ("longs", "shorts", "said"),
    [
        (1.0, 0.0, ["short ones are 0 in every bar, where those of the other side are not: missing?"]),
        (0.0, 0.01, ["long ones are 0 in every bar, where those of the other side are not: missing?"]),
        (0.0, 0.0, []),
        (1.0, UNKNOWN, []),
        (1.0, 1.0, []),
    ],
)
def test_one_side_of_liquidations(longs, shorts, said):
    assert told(series(long_liquidations_base=longs, short_liquidations_base=shorts)) == said


def liquidated(count, share, first, bars_, unknown=()):
    """Return bars that trade 100 each and in some of which so much of that is liquidated, half on each side."""
    own = np.zeros(count)
    own[first : first + bars_] = 50.0 * share
    own[[*unknown]] = UNKNOWN
    return series(
        count,
        volume_base=100.0,
        long_liquidations_base=own,
        short_liquidations_base=own,
        open_interest_base=1000.0 + np.arange(count) % 7,
    )


@pytest.mark.parametrize(
    ("share", "first", "bars_", "said"),
    [
        (0.16, 24, 24, ""),
        (0.25, 24, 24, "0.25 of what was traded in the day to 2023-11-16T00:00:00Z: in USD, not coins?"),
        (0.25, 0, 24, "0.25 of what was traded in the day to 2023-11-15T00:00:00Z: in USD, not coins?"),
        (0.25, 216, 24, "0.25 of what was traded in the day to 2023-11-24T00:00:00Z: in USD, not coins?"),
        # 23 bars of a day: 0.1597 and 0.1629 of it.
        (1 / 6, 24, 23, ""),
        (0.17, 24, 23, "0.16 of what was traded in the day to"),
        (0.125, 24, 168, "0.12 of what was traded in the week to 2023-11-22T00:00:00Z: in USD, not coins?"),
        (0.1, 24, 168, ""),
        (0.12, 24, 144, "0.1 of what was traded in the week to"),
        (0.116, 24, 144, ""),
    ],
)
def test_liquidations_of_a_day_and_of_a_week(share, first, bars_, said):
    found = told(liquidated(240, share, first, bars_))
    assert [reason.startswith(said) for reason in found] == [True] * bool(said)


@pytest.mark.parametrize(
    ("count", "share", "interval_ms", "said"),
    [
        (168, 0.9e-6, HOUR_MS, "9e-07 of what was traded in 168 bars: in another unit than coins?"),
        (167, 0.9e-6, HOUR_MS, ""),
        (168, 1.1e-6, HOUR_MS, ""),
        (168, 0.0, HOUR_MS, ""),
        (7, 0.9e-6, DAY_MS, "9e-07 of what was traded in 7 bars: in another unit than coins?"),
        (7, 0.9e-6, 2 * DAY_MS, "9e-07 of what was traded in 7 bars: in another unit than coins?"),
        (6, 0.9e-6, 2 * DAY_MS, ""),
    ],
)
def test_next_to_no_liquidations_in_a_week(count, share, interval_ms, said):
    found = told(liquidated(count, share, 0, count), interval_ms=interval_ms)
    assert [r for r in found if "another unit" in r] == [said] * bool(said)


def test_liquidations_count_where_both_are_known():
    columns = liquidated(240, 0.05, 0, 240, unknown=range(100))
    columns["volume_base"][100:200] = UNKNOWN
    columns["long_liquidations_base"][100:200] = 99.0
    assert not [r for r in told(columns) if "in USD" in r]
    columns["volume_base"][:] = 0.0
    assert not [r for r in told(columns) if "traded in the" in r]


def test_one_side_alone_is_known_to_have_been_liquidated():
    columns = liquidated(48, 0.5, 0, 48)
    columns["short_liquidations_base"][:] = UNKNOWN
    assert told(columns) == ["0.25 of what was traded in the day to 2023-11-15T00:00:00Z: in USD, not coins?"]


@pytest.mark.parametrize(
    ("count", "volume", "interest", "said"),
    [
        (24, 2500.0, 1000.0, []),
        (24, 2501.0, 1000.0, ["the volume of a day is 60 times the open interest: is one of them not in coins?"]),
        (48, 2501.0, 1000.0, ["the volume of a day is 60 times the open interest: is one of them not in coins?"]),
        (23, 2501.0, 1000.0, []),
        (24, 0.3125, 1500.0, []),
        (24, 0.3, 1500.0, ["the volume of a day is 0.0048 times the open interest: is one of them not in coins?"]),
        (48, 0.01, 0.5, []),
        (48, 2.0, 0.5, ["the volume of a day is 96 times the open interest: is one of them not in coins?"]),
        (24, 0.0, 1000.0, []),
    ],
)
def test_turnover(count, volume, interest, said):
    columns = series(count, volume_base=volume, open_interest_base=interest)
    assert [r for r in told(columns) if "times the open interest" in r] == said


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        (1250.0, 62.5, ""),
        (1255.0, 62.5, "the volume of a day is 30.1 times the open interest, at other venues 1.5 times"),
        (62.5, 1250.0, ""),
        (62.5, 1255.0, "the volume of a day is 1.5 times the open interest, at other venues 30.1 times"),
        (630.0, 20.0, "the volume of a day is 15.1 times the open interest, at other venues 0.48 times"),
        (1250.0, 0.0, ""),
        (1250.0, UNKNOWN, ""),
    ],
)
def test_turnover_against_other_venues(own, other, said):
    columns = [series(24, volume_base=v, open_interest_base=1000.0) for v in (own, other)]
    found = [d.reason for d in bars.examine_bars(market(*columns)) if d.source == "v" and "times the" in d.reason]
    assert found == [f"{said}: is one of them not in coins?"] * bool(said)


def test_turnover_is_of_bars_where_both_are_known():
    columns = series(48, volume_base=2501.0, open_interest_base=1000.0)
    columns["volume_base"][:24] = UNKNOWN
    assert [r for r in told(columns) if "60 times" in r]
    columns["open_interest_base"][24] = UNKNOWN
    assert not [r for r in told(columns) if "60 times" in r]
    columns = series(48, volume_base=2501.0, open_interest_base=1000.0)
    columns["open_interest_base"][:24] = 0.0
    assert [r for r in told(columns) if "60 times" in r]
    columns = series(48, volume_base=2501.0, open_interest_base=dict.fromkeys(range(48), 0.0))
    assert not [r for r in told(columns) if "times the" in r]


def test_the_longest_run_is_that_of_a_plain_count():
    for flags in itertools.product([False, True], repeat=7):
        runs = [(len(list(group)), known) for known, group in itertools.groupby(flags)]
        longest = max((length for length, known in runs if known), default=0)
        length, last = bars._longest(np.array(flags))
        assert length == longest
        assert all(flags[last - length + 1 : last + 1])
