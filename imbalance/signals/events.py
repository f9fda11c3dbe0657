"""The signals as events in time: at the close of which bars each fired, by what was known then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.market import MarketData
from imbalance.records import Candle
from imbalance.signals import checklist
from imbalance.signals.past import NONE, Series
from imbalance.signals.quadrant import Quadrant, changes
from imbalance.signals.sided import Sided, sided, total
from imbalance.signals.sweeps import CLEARED_FROM, PAST_MS, Sweep
from imbalance.units import DAY_MS, Side

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
# A change of a day stands out from one standard deviation of its month on.
LARGE_Z = 1.0
# An index that is published daily is no longer of now after two days; funding, paid thrice a day, after one.
OLDEST_MOOD_MS = 2 * DAY_MS
OLDEST_FUNDING_MS = DAY_MS
# What is high and low of open interest and funding: against half a year, of which a month must be known.
LONG_PAST_MS = 180 * DAY_MS
LEAST_LONG_PAST_MS = 30 * DAY_MS


class History(msgspec.Struct, frozen=True):
    """A market's bars with what is known beside them: the Fear & Greed index, funding per 8 hours, and daily candles.

    Levels that price turned at before the first bar are known by the daily candles alone.
    """

    market: MarketData
    mood: Series = NONE
    funding: Series = NONE
    daily: Sequence[Candle] = ()

    @property
    def close_ms(self) -> Ints:
        """When each bar closed, shape (bars,) [ms]."""
        return self.market.time_ms + self.market.interval_ms


class Firings(msgspec.Struct, frozen=True):
    """At the close of which bars a signal fired, shape (bars,), and how many of those rest on less than all it asks."""

    fired: Bools
    in_part: int


def _onsets(state: Bools) -> Bools:
    """Return where a state begins."""
    return np.asarray(state & ~np.concatenate([[False], state[:-1]]))


def _at(bars: int, places: list[int]) -> Bools:
    fired = np.zeros(bars, dtype=np.bool_)
    fired[places] = True
    return fired


def _cleared(view: Sided) -> list[tuple[Sweep, float | None]]:
    """Return the sweeps that cleared clusters, or of which that is not known."""
    shares = [(sweep, view.cleared(sweep)) for sweep in view.sweeps()]
    return [(sweep, share) for sweep, share in shares if share is None or share >= CLEARED_FROM]


def _swept(side: Side) -> Callable[[History], Firings]:
    def detect(history: History) -> Firings:
        found = _cleared(sided(history.market, side, history.daily))
        places = [sweep.reclaimed for sweep, _share in found]
        return Firings(_at(history.market.time_ms.size, places), sum(share is None for _sweep, share in found))

    return detect


def _sprung(side: Side) -> Callable[[History], Firings]:
    def detect(history: History) -> Firings:
        view = sided(history.market, side, history.daily)
        found = [spring for spring in view.springs(view.sweeps()) if spring.confirmed is not False]
        places = [spring.sweep.reclaimed for spring in found]
        return Firings(_at(view.time_ms.size, places), sum(spring.confirmed is None for spring in found))

    return detect


def rolling_z(values: Floats, bars: int, skip: int) -> Floats:
    """Return each value against the mean and spread of the `bars` before it, without the nearest `skip`; NaN early on.

    Parameters
    ----------
    values : shape (n,); NaN where not known.
    """
    known = np.isfinite(values)
    # Sums of squares keep their digits where values are small and of mean near 0, as changes are.
    rows = np.stack([known, np.where(known, values, 0.0), np.where(known, values, 0.0) ** 2])
    sums = np.concatenate([np.zeros((3, 1)), np.cumsum(rows, axis=1)], axis=1)
    end = np.maximum(np.arange(values.size) + 1 - skip, 0)
    many, one, two = sums[:, end] - sums[:, np.maximum(end - bars, 0)]
    out = np.full(values.size, np.nan)
    enough = (many >= bars // 2) & known
    mean = np.divide(one, many, out=np.zeros_like(one), where=enough)
    spread = np.sqrt(np.maximum(np.divide(two, many, out=np.zeros_like(two), where=enough) - mean**2, 0))
    np.divide(values - mean, spread, out=out, where=enough & (spread > 0))
    return out


def _moved(name: Quadrant) -> Callable[[History], Firings]:
    up, more = name in {"new longs", "short covering"}, name in {"new longs", "new shorts"}

    def detect(history: History) -> Firings:
        market = history.market
        back = max(DAY_MS // market.interval_ms, 1)
        interest = total([v.open_interest_base for v in market.venues], market.interval_ms)
        price_z, interest_z = (
            rolling_z(changes(values, back), PAST_MS // market.interval_ms, back) for values in (market.close, interest)
        )
        state = (price_z * (1 if up else -1) >= LARGE_Z) & (interest_z * (1 if more else -1) >= LARGE_Z)
        return Firings(_onsets(state), 0)

    return detect


def _mood(squeezed: Side) -> Callable[[History], Firings]:
    def detect(history: History) -> Firings:
        return Firings(_onsets(_extreme(history, squeezed)), 0)

    return detect


def _extreme(history: History, squeezed: Side) -> Bools:
    index = history.mood.at(history.close_ms, OLDEST_MOOD_MS)
    return index <= checklist.EXTREME if squeezed is Side.SHORT else index >= 100 - checklist.EXTREME


def rolling_percentile(values: Floats, bars: int, least: int) -> Floats:
    """Return the share of the `bars` before each value that is below it, ties by half; NaN of fewer than `least`.

    Parameters
    ----------
    values : shape (n,); NaN where not known.
    """
    out = np.full(values.size, np.nan)
    for i in range(values.size):
        past = values[max(i - bars, 0) : i]
        past = past[np.isfinite(past)]
        if np.isfinite(values[i]) and past.size >= least:
            out[i] = (np.sum(past < values[i]) + np.sum(past == values[i]) / 2) / past.size
    return out


def _squeeze(squeezed: Side) -> Callable[[History], Firings]:
    """Return the checklist through time: of its four conditions the three that bars, an index and funding can tell.

    Which side is crowded is told by funding, low for shorts and high for longs, where a report asks the map: the map
    of every bar is not made here. What holders of old coins do is not known.
    """

    def detect(history: History) -> Firings:
        market, day = history.market, max(DAY_MS // history.market.interval_ms, 1)
        fired = np.zeros(market.time_ms.size, dtype=np.bool_)
        daily = np.arange(day - 1, market.time_ms.size, day)
        if not daily.size:
            return Firings(fired, 0)
        interest = total([v.open_interest_base for v in market.venues], market.interval_ms)[daily]
        funding = history.funding.at(history.close_ms, OLDEST_FUNDING_MS)[daily]
        high, rate = (
            rolling_percentile(values, LONG_PAST_MS // DAY_MS, LEAST_LONG_PAST_MS // DAY_MS)
            for values in (interest, funding)
        )
        crowded = rate <= 1 - checklist.HIGH_FROM if squeezed is Side.SHORT else rate >= checklist.HIGH_FROM
        # A day's standing counts from that day's end on.
        held = np.zeros(market.time_ms.size, dtype=np.bool_)
        held[daily[0] :] = np.repeat((high >= checklist.HIGH_FROM) & crowded, day)[: held.size - daily[0]]
        hit = Side.LONG if squeezed is Side.SHORT else Side.SHORT
        found = _cleared(sided(market, hit, history.daily))
        recent = np.zeros(held.size, dtype=np.bool_)
        for sweep, _share in found:
            recent[sweep.reclaimed : sweep.reclaimed + checklist.RECENT_MS // market.interval_ms + 1] = True
        fired = _onsets(_extreme(history, squeezed) & held & recent)
        return Firings(fired, int(fired.sum()))

    return detect


class Definition(msgspec.Struct, frozen=True):
    """A signal that has events: what it is, and how they are found; `needs` names what must be known beside bars."""

    name: str
    meaning: str
    detect: Callable[[History], Firings]
    needs: tuple[str, ...] = ()


_MOOD, _INTEREST, _FUNDING = "the Fear & Greed index", "open interest", "funding"
_ALL = (
    Definition("sweep", "a support broken, clusters of longs cleared, and a close back above it", _swept(Side.LONG)),
    Definition(
        "sweep-high", "a resistance broken, clusters of shorts cleared, and a close back below it", _swept(Side.SHORT)
    ),
    Definition("spring", "a sweep at the bottom of a range that flushed longs out", _sprung(Side.LONG)),
    Definition("upthrust", "a sweep at the top of a range that flushed shorts out", _sprung(Side.SHORT)),
    Definition("new-longs", "price and open interest rise much in a day", _moved("new longs"), (_INTEREST,)),
    Definition(
        "short-covering", "price rises and open interest falls much in a day", _moved("short covering"), (_INTEREST,)
    ),
    Definition("new-shorts", "price falls and open interest rises much in a day", _moved("new shorts"), (_INTEREST,)),
    Definition("long-exit", "price and open interest fall much in a day", _moved("long exit"), (_INTEREST,)),
    Definition("fear", "Fear & Greed comes to 25 or below", _mood(Side.SHORT), (_MOOD,)),
    Definition("greed", "Fear & Greed comes to 75 or above", _mood(Side.LONG), (_MOOD,)),
    Definition(
        "rally",
        "extreme fear, high open interest with crowded shorts (by funding), and a sweep of lows within 3 days",
        _squeeze(Side.SHORT),
        (_MOOD, _INTEREST, _FUNDING),
    ),
    Definition(
        "fall",
        "extreme greed, high open interest with crowded longs (by funding), and a sweep of highs within 3 days",
        _squeeze(Side.LONG),
        (_MOOD, _INTEREST, _FUNDING),
    ),
)
DEFINITIONS = {definition.name: definition for definition in _ALL}


def lacking(history: History, definition: Definition) -> list[str]:
    """Return what a signal needs beside bars and is not known."""
    interest = any(v.has_open_interest for v in history.market.venues)
    held = {_MOOD: history.mood.values.size > 0, _INTEREST: interest, _FUNDING: history.funding.values.size > 0}
    return [what for what in definition.needs if not held[what]]
