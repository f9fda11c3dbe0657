"""Terms of signals, checklists and base rates."""

from __future__ import annotations

from imbalance.glossary.term import Term

TERMS = (
    Term(
        "liquidity sweep",
        "Price breaks a level that stood, and closes back on its own side within a day. At lows it clears longs, at "
        "highs shorts.",
        "level: a day's low below those of the 3 days before and not above those of the 3 after, known once these are "
        "over, for 180 days; broken by the first bar below it; swept if a bar closes above it within 24 h and none "
        "went more than 5 % below. Highs are the mirror image.",
        "candles; observed liquidations, which cleared clusters where they are in the top tenth of spans as long in "
        "the 30 days before",
        known_errors="where liquidations are not known a sweep is by price alone, and that is said; a close back above "
        "does not say that price stays there",
        aliases=(
            "sweep",
            "sweep-high",
            "sweep of",
            "levels",
            "support",
            "resistance",
            "won back",
            "broken",
            "extreme",
            "close",
        ),
        code="signals/levels.py, signals/sweeps.py",
    ),
    Term(
        "Wyckoff spring",
        "A sweep at the bottom of a trading range that flushed longs out; an upthrust is its mirror image at the top.",
        "range: from the swept level to the highest price since; two weeks old, no wider than 30 % (log), its middle "
        "crossed by two daily closes and more. Confirmed: open interest fell through the sweep, and liquidations of "
        "longs cleared clusters",
        "candles, open interest, observed liquidations",
        known_errors="Wyckoff's own phases and volumes are judged by eye, and are not asked for",
        aliases=("spring", "upthrust"),
        code="signals/springs.py",
    ),
    Term(
        "cleared",
        "In a sweep more of a side was liquidated than in so many per cent of the spans as long before.",
        "share of the spans of as many bars in the 30 days before with less, ties by half; 90 % and more cleared "
        "clusters; not known with less than a week before or with a bar missing",
        "observed liquidations",
        code="signals/sweeps.py",
    ),
    Term(
        "price and interest",
        "Who pushed a move: price up and contracts up, new longs; up and down, short covering; down and up, new "
        "shorts; both down, long exit.",
        "signs of ln changes over 24 h; z is each against equally long changes of the bars before; neither stands out "
        "below half a standard deviation",
        "candles and open interest in coins: in USD it falls with the price alone",
        "whoever opens also pushes: every contract has a long and a short, and only the price tells who was in a hurry",
        aliases=(
            "quadrant",
            "new longs",
            "short covering",
            "new shorts",
            "long exit",
            "new-longs",
            "short-covering",
            "new-shorts",
            "long-exit",
            "interest in the decline",
        ),
        code="signals/quadrant.py, signals/events.py",
    ),
    Term(
        "basis",
        "How far perpetuals trade from the index of spot prices: above it longs pay for being long.",
        "mark price / index price - 1, the median of the venues",
        code="report/signals/positions.py",
    ),
    Term(
        "rally checklist",
        "Four conditions of a rally that forces shorts to buy; the fall checklist is its mirror image for longs.",
        "extreme fear: Fear & Greed at 25 or below. High interest, shorts crowded: open interest in the top quarter of "
        "its past, and the whole range of the lift above 1. Support test: a sweep of lows within 3 days that cleared "
        "longs. Holders: old coins move less than a month ago",
        known_errors="a condition that is not known is unknown and not unmet; that all are met is rare, and its base "
        "rate rests on few events: backtest reads funding in the place of the map",
        aliases=(
            "fall checklist",
            "checklist",
            "condition",
            "state",
            "met",
            "not met",
            "rests on",
            "revenge rally",
            "rally",
            "fall",
            "fear",
            "greed",
            "extreme fear",
            "extreme greed",
            "high interest",
            "support test cleared longs",
            "resistance test cleared shorts",
            "holders sell less",
            "holders sell more",
        ),
        code="signals/checklist.py, signals/events.py",
    ),
    Term(
        "percentile",
        "A figure against its own past.",
        "share of the past below it, ties by half; z = (figure - mean of its past) / standard deviation of its past; "
        "neither of fewer than 20 past figures",
        "the bars, or what the local history holds",
        aliases=("z", "z-score", "against its own past"),
        code="signals/past.py",
    ),
    Term(
        "since",
        "Since when a figure has not been as large, or as small.",
        "back from now, step by step, to the first that is; the search ends where a step is missing or of something "
        "else",
        "days or months of history without a break",
        aliases=("largest since", "lowest since"),
        code="signals/since.py",
    ),
    Term("signal", "Something read out of the market beside the map: a figure or an event, and what it rests on."),
    Term(
        "base rate",
        "What followed a signal before, against what follows any time.",
        "means over all events and over all bars of: return ln(close h later / close), its size, and realised "
        "volatility, the root of the sum of squared returns; h of 1, 4, 12 hours, 1, 3 and 7 days, where it is no "
        "longer than a tenth of the bars; the range is of a stationary bootstrap with blocks of 14 days on average",
        "your own bars, or those that the store holds",
        known_errors="it is of these bars and no others; costs are not taken off; fewer than 20 events tell nothing",
        aliases=(
            "base rates",
            "after",
            "any time",
            "outcome",
            "events",
            "difference (90 %)",
            "event study",
            "backtest",
            "return",
            "absolute return",
            "realised volatility",
            "market",
        ),
        reference="realised volatility: Andersen et al., Econometrica 71, 2003, doi:10.1111/1468-0262.00418; "
        "stationary bootstrap: Politis & Romano, J. Am. Stat. Assoc. 89, 1994, doi:10.1080/01621459.1994.10476870",
        code="backtest/outcomes.py, backtest/study.py, backtest/base_rate.py",
    ),
    Term(
        "p adjusted",
        "How often chance alone makes the best of all outcomes, horizons and markets look as good as this one.",
        "step-down on differences of means over their spread among 1,000 placebo dates, the events' own, all moved by "
        "one random span in all markets",
        known_errors="evidence asks 0.05 of it: of twenty studies with nothing to find one finds something; signals "
        "fire in restless times, which stay restless: that moves are larger after them is no news",
        aliases=("evidence", "no evidence", "romano-wolf"),
        reference="Romano & Wolf, J. Am. Stat. Assoc. 100, 2005, doi:10.1198/016214504000000539, and Stat. Probab. "
        "Lett. 113, 2016, doi:10.1016/j.spl.2016.02.012",
        code="backtest/chance.py",
    ),
    Term(
        "p Newey-West",
        "How often chance makes one difference as large, horizons that overlap being no new evidence.",
        "regression on a constant and the events, covariance with Bartlett weights over as many lags as the horizon "
        "has bars, t distribution",
        known_errors="of one row alone: with many rows some are small by chance; use the adjusted one",
        reference="Newey & West, Econometrica 55, 1987, doi:10.2307/1913610",
        code="backtest/chance.py",
    ),
    Term(
        "p placebo",
        "The share of placebo dates with as large a difference: the events' own dates, all moved by one random span.",
        "(1 + placebos as far from 0) / (1 + placebos); dates that leave the end come in at the beginning",
        known_errors="of one row alone, as for p Newey-West",
        code="backtest/chance.py",
    ),
)
