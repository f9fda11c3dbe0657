"""Base rates of events in the bars at hand, in figures and words."""

from __future__ import annotations

from imbalance.backtest.base_rate import HORIZON_MS, Rate, base_rate
from imbalance.report import tree, words
from imbalance.signals.events import DEFINITIONS, History, lacking
from imbalance.units import DAY_MS, interval_name


def rate_of(history: History, signal: str) -> tree.BaseRate:
    """Return what followed a signal in the history at hand; one that needs more than is known there has none."""
    definition, market = DEFINITIONS[signal], history.market
    missing = lacking(history, definition)
    if missing:
        days = market.time_ms.size * market.interval_ms / DAY_MS
        text = f"no base rate: nothing is stored of {' and '.join(missing)}; imbalance backtest {signal} needs it too"
        return tree.BaseRate(signal, None, days, interval_name(HORIZON_MS), None, None, None, None, text)
    rate = base_rate(market, definition.detect(history).fired)
    return tree.BaseRate(
        signal,
        rate.events,
        rate.history_ms / DAY_MS,
        interval_name(HORIZON_MS),
        rate.event_return,
        rate.all_return,
        rate.event_absolute_return,
        rate.all_absolute_return,
        told(signal, rate),
    )


def told(signal: str, rate: Rate) -> str:
    """Say what followed a signal in the history at hand, or that its events are too few to say."""
    days = f"{rate.history_ms / DAY_MS:.0f} days of bars"
    if rate.event_return is None or rate.event_absolute_return is None or rate.all_absolute_return is None:
        many = f"{rate.events or 'no'} such event{'s' * (rate.events != 1)} a day and more ago in {days}"
        return f"no base rate: {many}, too few to say; imbalance backtest {signal} tells it of longer ones"
    moves = f"{words.fraction(rate.event_return)} on average (any time {words.fraction(rate.all_return)})"
    sizes = f"{words.share(rate.event_absolute_return)} either way (any time {words.share(rate.all_absolute_return)})"
    return f"24 h after {rate.events} such events in {days}: {moves}, {sizes}; imbalance backtest {signal} tests it"
