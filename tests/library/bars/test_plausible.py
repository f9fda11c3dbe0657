"""Each limit of what cells can be: nothing is said at it, and the whole message just beyond."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance.bars import plausible
from imbalance.bars.source import RawTable
from imbalance.errors import BarsError
from imbalance.units import DAY_MS, HOUR_MS

START_MS = 1_700_000_000_000 - 1_700_000_000_000 % DAY_MS
FLAT = {
    "open": 100.0,
    "high": 100.5,
    "low": 99.5,
    "close": 100.0,
    "volume_base": 50.0,
    "taker_buy_base": np.nan,
    "open_interest_base": 1000.0,
    "long_liquidations_base": 1.0,
    "short_liquidations_base": 1.0,
    "mark_high": np.nan,
    "mark_low": np.nan,
}


def table(count=60, venue="v", step_ms=HOUR_MS, **cells):
    """Return flat bars; a cell is a number, numbers, or a map from rows to numbers."""
    found = {"time": START_MS + np.arange(count) * step_ms, "venue": venue}
    for name, level in FLAT.items():
        own = np.full(count, level) if isinstance(cells.get(name, {}), dict) else np.broadcast_to(cells[name], count)
        found[name] = own.astype(float)
        for row, value in cells.get(name, {}).items() if isinstance(cells.get(name), dict) else ():
            found[name][row] = value
    return pd.DataFrame(found)


def fault(*tables):
    """Return the place and what is wrong there; empty where nothing is."""
    whole = pd.concat(tables, ignore_index=True)
    try:
        plausible.check_plausible(RawTable("f", whole, np.arange(len(whole)), "row"), whole)
    except BarsError as error:
        return str(error).removeprefix("f: row ")
    return ""


def test_flat_bars_are_plausible():
    assert not fault(table())
    assert not fault(table(1))
    assert not fault(table(), table(venue="w"))


PRICES = ("open", "high", "low", "close")


def priced(price, **cells):
    return table(**dict.fromkeys(PRICES, price), **cells)


NONE = {"long_liquidations_base": 0, "short_liquidations_base": 0}
WORTH = "cannot be true: worth more than 1e15 USD, which is reached at 1e+13"
HELD = "bars before and after it hold some, the last"
SMALL = {"volume_base": 1e-4, "open_interest_base": 1e-3, "long_liquidations_base": 0, "short_liquidations_base": 0}
HUGE = {"volume_base": 1e13, "open_interest_base": 1e13}


@pytest.mark.parametrize(
    ("inside", "beyond", "said"),
    [
        (
            priced(1e12, **SMALL),
            priced(1.01e12, **SMALL),
            "0, column open: 1.01e+12 cannot be true: above 1e+12",
        ),
        (
            table(**SMALL, mark_high={9: 301.5}),
            table(**SMALL, mark_high={9: 1.1e12}),
            "9, column mark_high: 1.1e+12 cannot be true: above 1e+12",
        ),
        (
            priced(1e-15, volume_base=1e9, open_interest_base=1e9),
            priced(0.9e-15, volume_base=1e9, open_interest_base=1e9),
            "0, column open: 9e-16 cannot be true: below 1e-15",
        ),
        (
            table(**HUGE),
            table(**(HUGE | {"open_interest_base": {9: 1.01e13}})),
            f"9, column open_interest_base: 1.01e+13 {WORTH}",
        ),
        (
            table(**HUGE, taker_buy_base={9: 1e13}),
            table(**HUGE, taker_buy_base={9: 1.01e13}),
            f"9, column taker_buy_base: 1.01e+13 {WORTH}",
        ),
        (
            table(open_interest_base=1e-8, volume_base=1e-8, long_liquidations_base=0, short_liquidations_base=0),
            table(open_interest_base=0.9e-8, volume_base=1e-8, long_liquidations_base=0, short_liquidations_base=0),
            "0, column open_interest_base: 9e-09 cannot be true: less than one millionth USD, 1e-08",
        ),
        (
            table(mark_high={9: 301.5}),
            table(mark_high={9: 301.6}),
            "9, column mark_high: 301.6 cannot be true: over 3 times the bar's high 100.5",
        ),
        (
            table(low=99.0, mark_low={9: 33.0}),
            table(low=99.0, mark_low={9: 32.9}),
            "9, column mark_low: 32.9 cannot be true: under 1/3 of the bar's low 99",
        ),
        # A price and back: twenty times; for want of one side, or of a high or low, a slip of unit.
        (
            table(close={30: 2000.0}, high={30: 2000.0}),
            table(close={30: 2001.0}, high={30: 2001.0}),
            "30, column close: 2001 cannot be true: the closes around it are 100",
        ),
        (
            table(close={30: 5.0}, low={30: 5.0}),
            table(close={30: 4.9}, low={30: 4.9}),
            "30, column close: 4.9 cannot be true: the closes around it are 100",
        ),
        (
            table(open={30: 2000.0}, high={30: 2000.0}),
            table(open={30: 2001.0}, high={30: 2001.0}),
            "30, column open: 2001 cannot be true: the closes around it are 100",
        ),
        (
            table(open={0: 50_000.0}, high={0: 50_000.0}),
            table(open={0: 50_010.0}, high={0: 50_010.0}),
            "0, column open: 50010 cannot be true: the closes around it are 100",
        ),
        (
            table(close={59: 0.2}, low={59: 0.2}),
            table(close={59: 0.19}, low={59: 0.19}),
            "59, column low: 0.19 cannot be true: the closes around it are 100",
        ),
        (
            table(close={1: 2000.0}, high={1: 2000.0}),
            table(close={1: 2001.0}, high={1: 2001.0}),
            "1, column close: 2001 cannot be true: the closes around it are 100",
        ),
        (
            table(close={0: 0.2}, low={0: 0.2}),
            table(close={0: 0.19}, low={0: 0.19}),
            "0, column low: 0.19 cannot be true: the closes around it are 100",
        ),
        (
            table(high={30: 804.0}),
            table(high={30: 805.0}),
            "30, column high: 805 cannot be true: its open and close and the bars beside it reach 100.5",
        ),
        (
            table(high={0: 804.0}),
            table(high={0: 805.0}),
            "0, column high: 805 cannot be true: its open and close and the bars beside it reach 100.5",
        ),
        (
            table(high={59: 804.0}),
            table(high={59: 805.0}),
            "59, column high: 805 cannot be true: its open and close and the bars beside it reach 100.5",
        ),
        (
            table(high={30: 1e3, 31: 1e3}),
            table(high={30: 8e3, 31: 1e3 - 1}),
            "30, column high: 8000 cannot be true: its open and close and the bars beside it reach 999",
        ),
        (
            table(low={29: 3.98}),
            table(low={29: 3.97}),
            "29, column low: 3.97 cannot be true: its open and close and the bars beside it reach 99.5",
        ),
        (
            table(low={0: 3.98}),
            table(low={0: 3.97}),
            "0, column low: 3.97 cannot be true: its open and close and the bars beside it reach 99.5",
        ),
        (
            table(low={30: 0.3, 31: 7.0, 29: 50.0}),
            table(low={30: 0.27, 31: 7.0, 29: 50.0}),
            "30, column low: 0.27 cannot be true: its open and close and the bars beside it reach 7",
        ),
    ],
)
def test_prices_and_sizes_at_their_limits(inside, beyond, said):
    assert (fault(inside), fault(beyond)) == ("", said)


EMPTY = " (leave the cell empty if it is not known)"
NO_VOLUME = {"volume_base": np.nan}
TRADED = "more was not traded since the bar before, which holds"


def from_row(row, level, before=1000.0):
    return np.where(np.arange(60) < row, before, level)


@pytest.mark.parametrize(
    ("inside", "beyond", "said"),
    [
        (
            table(open_interest_base=np.where(np.arange(60) % 59 == 0, 0.0, 1000.0)),
            table(open_interest_base={30: 0.0, 29: 1001.0}),
            f"30, column open_interest_base: 0 cannot be true: {HELD} 1001{EMPTY}",
        ),
        (
            table(open_interest_base={30: 5e5}, **NO_VOLUME),
            table(open_interest_base={30: 5.01e5}, **NO_VOLUME),
            f"30, column open_interest_base: 501000 cannot be true: the bars around it hold 1000{EMPTY}",
        ),
        (
            table(open_interest_base={30: 2.0}, **NO_VOLUME),
            table(open_interest_base={30: 1.99}, **NO_VOLUME),
            f"30, column open_interest_base: 1.99 cannot be true: the bars around it hold 1000{EMPTY}",
        ),
        # A coin may be young: it starts from almost nothing, and does not end there.
        (
            table(open_interest_base={0: 1.0, 1: 1.0, 2: 1.0}, **NO_VOLUME),
            table(open_interest_base={59: 1.0}, **NO_VOLUME),
            f"59, column open_interest_base: 1 cannot be true: the bars around it hold 1000{EMPTY}",
        ),
        (
            table(open_interest_base=3000.0, volume_base={30: 30_000.0}),
            table(open_interest_base=3000.0, volume_base={30: 30_001.0}),
            "30, column volume_base: 30001 cannot be true: the bars around it trade 50",
        ),
        (
            table(volume_base={30: 25_000.0}),
            table(volume_base={30: 25_001.0}),
            "30, column volume_base: 25001 cannot be true: the bars around it trade 50",
        ),
        (
            table(open_interest_base=20.0, volume_base={30: 250.0} | dict.fromkeys(range(30), 0.5), **NONE),
            table(open_interest_base=20.0, volume_base=np.where(np.arange(60) == 30, 251.0, 0.5), **NONE),
            "30, column volume_base: 251 cannot be true: the bars around it trade 0.5",
        ),
        (
            table(volume_base=np.where(np.arange(60) % 3, 0.0, 50.0), **NONE),
            table(volume_base=np.where(np.arange(60) % 3, 0.0, 50.0) + 25_001.0 * (np.arange(60) == 31), **NONE),
            "31, column volume_base: 25001 cannot be true: the bars around it trade 50",
        ),
        (
            table(volume_base=1e3, long_liquidations_base={30: 1000.0}),
            table(volume_base=1e3, long_liquidations_base={30: 1001.0}),
            "30, column long_liquidations_base: 1001 cannot be true: more than the open interest of 1000",
        ),
        (
            table(volume_base=1e3, short_liquidations_base={30: 1200.0}, open_interest_base={29: 1200.0}),
            table(volume_base=1e3, short_liquidations_base={30: 1200.0}, open_interest_base={28: 1200.0}),
            "30, column short_liquidations_base: 1200 cannot be true: more than the open interest of 1000",
        ),
        (
            table(volume_base=1e3, long_liquidations_base={30: 1300.0},
                  open_interest_base={29: np.nan, 30: np.nan, 50: 1300.0}),
            table(volume_base=1e3, long_liquidations_base={30: 1301.0},
                  open_interest_base={29: 0.0, 30: np.nan, 50: 1300.0} | dict.fromkeys(range(30), 0.0)),
            "30, column long_liquidations_base: 1301 cannot be true: more than the open interest of 1300",
        ),
        (
            table(step_ms=DAY_MS, volume_base=1e4, long_liquidations_base={30: 5000.0}),
            table(step_ms=DAY_MS, volume_base=1e4, long_liquidations_base={30: 5001.0}),
            "30, column long_liquidations_base: 5001 cannot be true: more than the open interest of 1000",
        ),
        (
            table(step_ms=DAY_MS // 2, volume_base=1e3, long_liquidations_base={30: 1000.0}),
            table(step_ms=DAY_MS // 2, volume_base=1e3, long_liquidations_base={30: 1001.0}),
            "30, column long_liquidations_base: 1001 cannot be true: more than the open interest of 1000",
        ),
        (
            table(open_interest_base=0.5, volume_base=5.0, long_liquidations_base=0.5, short_liquidations_base=0),
            table(open_interest_base=0.5, volume_base=5.0, long_liquidations_base=0.6, short_liquidations_base=0),
            "0, column long_liquidations_base: 0.6 cannot be true: more than the open interest of 0.5",
        ),
        (
            # Bars of hours with a gap of a day in them.
            table(volume_base=1e3, long_liquidations_base={55: 1000.0}).drop(index=range(20, 50)),
            table(volume_base=1e3, long_liquidations_base={55: 1001.0}).drop(index=range(20, 50)),
            "25, column long_liquidations_base: 1001 cannot be true: more than the open interest of 1000",
        ),
        (
            table(open_interest_base=from_row(30, 7999.0)),
            table(open_interest_base=from_row(30, 8000.0)),
            f"30, column open_interest_base: 8000 cannot be true: {TRADED} 1000",
        ),
        (
            table(open_interest_base=from_row(30, 126.0)),
            table(open_interest_base=from_row(30, 125.0)),
            f"30, column open_interest_base: 125 cannot be true: {TRADED} 1000",
        ),
        (
            table(open_interest_base=from_row(30, 9000.0), volume_base={30: 4000.0}),
            table(open_interest_base=from_row(30, 9000.0), volume_base={30: 3999.0}),
            f"30, column open_interest_base: 9000 cannot be true: {TRADED} 1000",
        ),
        (
            table(open_interest_base=from_row(30, 9000.0), volume_base={30: np.nan}),
            table(open_interest_base=from_row(30, 9000.0), volume_base={29: np.nan}),
            f"30, column open_interest_base: 9000 cannot be true: {TRADED} 1000",
        ),
        (
            table(open_interest_base=from_row(30, 9000.0)).drop(index=29),
            table(open_interest_base=from_row(30, 9000.0)).drop(index=28),
            f"29, column open_interest_base: 9000 cannot be true: {TRADED} 1000",
        ),
        (
            table(open_interest_base=from_row(30, 1000.0, 0.0)),
            table(open_interest_base=from_row(30, 1000.0, 0.5), **NONE),
            f"30, column open_interest_base: 1000 cannot be true: {TRADED} 0.5",
        ),
        (
            table(open_interest_base=from_row(30, 0.0)),
            table(open_interest_base=from_row(30, 0.5), **NONE),
            f"30, column open_interest_base: 0.5 cannot be true: {TRADED} 1000",
        ),
        (
            table(open_interest_base=from_row(30, 9000.0), volume_base=0.0, long_liquidations_base=0,
                  short_liquidations_base=0),
            table(open_interest_base=from_row(30, 0.08, 0.01), volume_base=1e-3, long_liquidations_base=0,
                  short_liquidations_base=0),
            f"30, column open_interest_base: 0.08 cannot be true: {TRADED} 0.01",
        ),
    ],
)  # fmt: skip
def test_open_interest_and_volume_at_their_limits(inside, beyond, said):
    assert (fault(inside), fault(beyond)) == ("", said)


BESIDE = "with the other side, more than was traded in its bar and those beside it,"
LONGS, SHORTS = "column long_liquidations_base", "column short_liquidations_base"
OF_DAY = "with the other side {} of what was traded in {} bars up to here: more than 0.5 cannot be true: in USD?"


def liquidating(longs, shorts, **more):
    return table(long_liquidations_base=longs, short_liquidations_base=shorts, **more)


@pytest.mark.parametrize(
    ("inside", "beyond", "said"),
    [
        (
            liquidating({30: 115.0}, {30: 110.0}),
            liquidating({30: 116.0}, {30: 110.0}),
            f"30, column long_liquidations_base: 116 cannot be true: {BESIDE} 150",
        ),
        (
            liquidating({30: 110.0}, {30: 115.0}),
            liquidating({30: 110.0}, {30: 116.0}),
            f"30, column short_liquidations_base: 116 cannot be true: {BESIDE} 150",
        ),
        (
            liquidating({0: 75.0}, {0: 75.0}),
            liquidating({0: 76.0}, {0: 75.0}),
            f"0, column long_liquidations_base: 76 cannot be true: {BESIDE} 100",
        ),
        (
            liquidating({30: 90.0}, {30: 0.0}, volume_base={30: np.nan}),
            liquidating({30: 160.0}, {30: 0.0}, volume_base={29: np.nan}),
            f"30, column long_liquidations_base: 160 cannot be true: {BESIDE} 100",
        ),
        (liquidating(13.0, 12.0), liquidating(14.0, 12.0), f"23, {LONGS}: {OF_DAY.format('0.52', 24)}"),
        (liquidating(12.0, 13.0), liquidating(12.0, 14.0), f"23, {SHORTS}: {OF_DAY.format('0.52', 24)}"),
        (
            liquidating(12.5, 12.5, step_ms=DAY_MS),
            liquidating(13.5, 12.5, step_ms=DAY_MS),
            f"6, column long_liquidations_base: {OF_DAY.format('0.52', 7)}",
        ),
        (
            liquidating(12.5, 12.5, step_ms=DAY_MS // 12),
            liquidating(13.5, 12.5, step_ms=DAY_MS // 12),
            f"11, column long_liquidations_base: {OF_DAY.format('0.52', 12)}",
        ),
        (
            liquidating(12.5, 12.5, volume_base=dict.fromkeys(range(10), np.nan)),
            liquidating(13.5, 12.5, volume_base=dict.fromkeys(range(10), np.nan)),
            f"23, {LONGS}: {OF_DAY.format('0.52', 24)}",
        ),
        (
            liquidating({30: 74.0}, {30: 1.0}, volume_base={29: np.nan, 31: np.nan}),
            liquidating({30: 75.0}, {30: 1.0}, volume_base={29: np.nan, 31: np.nan}),
            f"30, column long_liquidations_base: 75 cannot be true: {BESIDE} 50",
        ),
        (
            liquidating({30: 112.0}, {30: 112.0}),
            liquidating({30: 113.0}, {30: 113.0}),
            f"30, column long_liquidations_base: 113 cannot be true: {BESIDE} 150",
        ),
        (
            liquidating(12.5, 12.5).drop(index=range(5, 35)),
            liquidating(13.5, 12.5).drop(index=range(5, 35)),
            f"23, {LONGS}: {OF_DAY.format('0.52', 24)}",
        ),
        (liquidating(26.0, 0.0, count=23), liquidating(26.0, 0.0, count=24),
         f"23, {LONGS}: {OF_DAY.format('0.52', 24)}"),
    ],
)  # fmt: skip
def test_liquidations_of_a_bar_and_of_a_day(inside, beyond, said):
    assert (fault(inside), fault(beyond)) == ("", said)


TURNED = "volume of a day at v is {} times its open interest: is one of them not in coins?"


@pytest.mark.parametrize(
    ("inside", "beyond", "said"),
    [
        (
            table(24, volume_base=1.0, open_interest_base=240_000.0, **NONE),
            table(24, volume_base=1.0, open_interest_base=250_000.0, **NONE),
            f"0, column open_interest_base: {TURNED.format('9.6e-05')}",
        ),
        (
            table(24, volume_base=1000.0, open_interest_base=24.0, **NONE),
            table(24, volume_base=1000.0, open_interest_base=23.0, **NONE),
            f"0, column open_interest_base: {TURNED.format('1.04e+03')}",
        ),
        (
            table(23, volume_base=1.0, open_interest_base=250_000.0, **NONE),
            table(48, volume_base=1.0, open_interest_base=250_000.0, **NONE),
            f"0, column open_interest_base: {TURNED.format('9.6e-05')}",
        ),
        (
            table(24, volume_base=25.0, open_interest_base=0.6, **NONE),
            table(24, volume_base=25.0, open_interest_base=0.5, **NONE),
            f"0, column open_interest_base: {TURNED.format('1.2e+03')}",
        ),
        (
            table(50, volume_base=1.0, open_interest_base=250_000.0, **NONE).drop(index=range(5, 32)),
            table(50, volume_base=1.0, open_interest_base=250_000.0, **NONE).drop(index=range(5, 31)),
            f"0, column open_interest_base: {TURNED.format('9.6e-05')}",
        ),
        (
            # Volume where open interest is not known tells nothing of it.
            table(48, volume_base=np.where(np.arange(48) < 24, 50.0, 0.0),
                  open_interest_base=np.where(np.arange(48) < 24, np.nan, 1000.0), **NONE),
            table(48, volume_base=np.where(np.arange(48) < 24, 50.0, 1e-3),
                  open_interest_base=np.where(np.arange(48) < 24, 0.0, 1000.0), **NONE),
            f"24, column open_interest_base: {TURNED.format('2.4e-05')}",
        ),
    ],
)  # fmt: skip
def test_turnover_at_its_limits(inside, beyond, said):
    assert (fault(inside), fault(beyond)) == ("", said)


def beside(price, count=60, **cells):
    """Return bars of a second venue at another price."""
    return table(count, "w", **{name: FLAT[name] * price / 100 for name in PRICES}, **cells)


@pytest.mark.parametrize(
    ("inside", "beyond", "said"),
    [
        (beside(105.0), beside(105.5), "w is at 1.05 times the price of v in the middle of 60 bars"),
        (beside(96.0), beside(94.0), "w is at 0.94 times the price of v in the middle of 60 bars"),
        (beside(94.0, 23), beside(94.0, 24), "w is at 0.94 times the price of v in the middle of 24 bars"),
    ],
)  # fmt: skip
def test_venues_that_are_apart_throughout(inside, beyond, said):
    assert fault(table(), inside) == ""
    assert fault(table(), beyond) == f"60, column close: {said}: another quote currency or coin?"


def test_venues_that_are_apart_at_a_moment():
    for close, said in (
        (500.0, ""),
        (501.0, "30, column close: venues differ more than 5 times at this time: 100 and 501"),
    ):
        other = table(venue="w", open={30: close}, close={30: close}, high={30: close}, low={30: close})
        assert fault(table(), other) == said


def test_a_high_that_other_venues_lack():
    for high, said in (
        (402.0, ""),
        (403.0, "90, column high: 403 cannot be true: its open and close and the other venues reach 100.5"),
    ):
        assert fault(table(), table(venue="w", high={30: high})) == said
        assert not fault(table(high={30: 110.0}), table(venue="w", high={30: high}))
        assert not fault(table(10), table(venue="w", high={30: high}))
        assert not fault(table(), table(venue="u", high={30: 110.0}), table(venue="w", high={30: high}))
    for cells in ({"close": {30: 180.0}}, {"open": {30: 180.0}}):
        assert not fault(table(), table(venue="w", high={30: 700.0}, **cells))


@pytest.mark.parametrize("least", [1, 3])
def test_what_is_around_a_row_is_the_middle_of_five_that_are_known(least):
    values = np.random.default_rng(1).normal(size=40)
    values[np.random.default_rng(2).random(40) < 0.3] = np.nan
    before, after = plausible._around(pd.Series(values), *([] if least == 3 else [least]))
    for i, value in enumerate(values):
        for part, found in ((values[:i][::-1], before[i]), (values[i + 1 :], after[i])):
            known = part[np.isfinite(part)][:5]
            told = not np.isnan(value) and len(known) >= least
            np.testing.assert_equal(found, np.median(known) if told else np.nan)


def test_bars_alone_are_in_the_order_of_the_file():
    """Of two rows that cannot be the first of the file is named, though it comes later in time."""
    bars = table(close={20: 3000.0, 40: 4000.0}, high={20: 3000.0, 40: 4000.0})
    assert fault(bars[::-1]).startswith("19, column close: 4000")
