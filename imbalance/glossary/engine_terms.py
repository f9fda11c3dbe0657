"""Terms of how the map is made, from bars to mass by price, in the order in which data flow."""

from __future__ import annotations

from imbalance.glossary.term import Term

TERMS = (
    Term(
        "price path",
        "Open, high, low and close of every bar: the one line along which all positions are opened and swept.",
        inputs="candles of the venue with the largest volume that covers the span; of a bars file the mark prices' "
        "high and low where it has them, since liquidations go by these",
        assumptions="all venues share it",
        known_errors="a wick of one venue alone sweeps the positions of all, or of none",
        code="assemble.py, bars/grid.py",
    ),
    Term(
        "opened and closed",
        "How many contracts were opened and closed in a bar: every contract is one long and one short, so both sides "
        "open alike.",
        "buyers O_L + C_S = V, sellers O_S + C_L = V, O_L - C_L = O_S - C_S = dOI; alike on both sides O = max((k V + "
        "dOI) / 2, dOI, 0), C = max(O - dOI, 0), k = 0.6",
        "volume V, each trade once, and open interest, in contracts (coins; USD where they are inverse). Where volume "
        "is missing, its last known share of open interest; where open interest is, its value before",
        "k, the share of volume that turns positions over; the other free number of each bar is settled by taking both "
        "sides alike",
        "trades that pass positions on between market makers count as opened and closed",
        aliases=("flows", "turnover"),
        code="engine/flows.py",
    ),
    Term(
        "activity clock",
        "The time that positions close by: busy hours count for more.",
        "u = C / W of all venues; a bar lasts min(u / mean of u so far, 30)^p of its wall time",
        "contracts closed C and open interest W of each bar; nothing later than the bar",
        "p is 0 (wall time) in one structure and 1 in the other",
        "in a market that is only read from a busy stretch on, the mean is a busy one",
        aliases=("activity",),
        reference="subordinated time: Clark, Econometrica 41, 1973, doi:10.2307/1913889",
        code="engine/clock.py",
    ),
    Term(
        "lifetimes",
        "How long positions live: classes that each close at a constant rate of the clock, mixed so that the young "
        "close fast and the old hardly.",
        "left after the time T = sum over classes s exp(-h T); means 1 / h of 0.091, 0.83, 6 and 30 days, shares s of "
        "what is opened 0.54, 0.26, 0.14 and 0.06",
        assumptions="the classes, their shares and their medians of leverage, in JSON under model.assumptions",
        known_errors="nothing observed tells lives apart from leverage: positions closed by hand are never seen",
        aliases=("lives", "hazard"),
        code="engine/assumptions.py",
    ),
    Term(
        "cohort",
        "The contracts that one bar opened, of one class of lives, and what is left of them at a later bar.",
        "opened n = s O exp(-h (T now - T then)), scaled so that all cohorts of a structure sum to the venue's open "
        "interest at every bar",
        "contracts opened, the activity clock, open interest",
        "what open interest shows beside the lives is shared out among all that is open in proportion",
        "what price has swept is shared out too, so that exposed falls short of open interest by it (the audit's swept "
        "share)",
        aliases=("cohorts",),
        code="engine/cohorts.py",
    ),
    Term(
        "old inventory",
        "What was open before the first bar. Nobody knows where it was entered.",
        "entries P exp(v sqrt(3) / pi ln(q / (1 - q))) at 75 even quantiles q, P the first price and v the volatility "
        "of a day over the first 3 days x sqrt(15 days), from 0.02 to 0.4; classes in proportion to s / h",
        "open interest at its first known bar, the first days of the path",
        "it was entered over the last 15 days, in a market that moved as the first days did",
        "the first days of a market rest on this guess: calibration leaves out 2 of them",
        code="engine/cohorts.py",
    ),
    Term(
        "entry points",
        "Where in its bar a position is taken to be entered, and whether it outlives that bar.",
        "(j + 1/2) / n of the way from low to high, j < n; n is 9 for bars of an hour and more, else one for each "
        "price bin that a bar usually spans (1 where only sums over hours count). Past its bar's close an entry is "
        "dead on arrival, past the extreme alone half of it",
        "low, high and close of the bar",
        "entries are spread evenly over the range",
        "within a bar the order of prices is not known",
        aliases=("dead on arrival",),
        code="engine/density.py",
    ),
    Term(
        "liquidation price",
        "The mark price at which a venue takes a position over because its margin is used up.",
        "linear: long E (1 - 1/l) / (1 - m), short E (1 + 1/l) / (1 + m); inverse: long E (1 + m) / (1 + 1/l), short E "
        "(1 - m) / (1 - 1/l); E entry, l effective leverage, m effective maintenance rate. By distance d: E (1 - d), E "
        "(1 + d), E / (1 + d), E / (1 - d)",
        "entry points, distances",
        "isolated margin; a cross-margined position is one of lower, changing leverage",
        "the forms by distance differ from the exact ones by the order of m / l + m^2; fees that some venues count are "
        "left out",
        reference="isolated-margin formulas of the venues' help pages (Binance, Bybit, OKX)",
        code="engine/margin.py",
    ),
    Term(
        "distance to liquidation",
        "What the engine knows a position by in the place of leverage: the share of the entry price that a linear long "
        "can lose.",
        "d = 1 - (1 - 1/l) / (1 - m); 14 cells from 0.12 % to 60 %, even in the logarithm, within which entries are "
        "spread by the fractional parts of multiples of the golden ratio",
        "leverage, maintenance rate",
        "beyond 60 % nothing is liquidated on the map",
        "a cell is 1.56 times as wide as the one before it: the map has no finer memory of leverage",
        reference="additive recurrence: Weyl, Math. Ann. 77, 1916, doi:10.1007/BF01475864",
        code="engine/margin.py, engine/density.py",
    ),
    Term(
        "leverage prior",
        "How leverage is spread before anything was observed: log-normal, by class of lives.",
        "share of a cell = (F(l at its near edge) - F(l at its far edge)) / (F(cap) - F(1)); F log-normal of log-sd 1, "
        "medians 12/8/5/4 in one structure and 20/8/5/4 in the other",
        "the venues' ladders and caps, weighted by open interest",
        "the medians, a factor of 2 either way (90 %); longs and shorts alike",
        "measured: of 494 positions of large accounts half would be liquidated within 46-55 % of their entry, where "
        "the prior says 20 %, and 36-45 % only beyond 60 % or never, where it says 10 %; they are no sample of all",
        code="engine/leverage.py, engine/assumptions.py",
    ),
    Term(
        "first passage",
        "The bar in which price first reaches a liquidation price after it was entered. What was reached is gone.",
        "first bar after the entry's own with low <= level (high >= level for shorts), by running extremes over blocks "
        "of 2^k bars and halving: exact",
        "the price path",
        known_errors="whether the mark price of the position's own venue was there too is not known",
        reference="sparse table: Bender & Farach-Colton, LATIN 2000, doi:10.1007/10719839_9",
        code="engine/passage.py",
    ),
    Term(
        "price bins",
        "The steps of price that the map sums over.",
        "0.0025 wide in ln(price), to 0.42 of it on either side; a position adds contracts x liquidation price (USD "
        "contracts: as many USD) to the bin of its liquidation price where price has not reached it since",
        "what is left of each cohort, first passage",
        known_errors="bins of 1 in 400 are finer than what is known: read bands and clusters",
        aliases=("bins", "price bin"),
        code="engine/density.py",
    ),
    Term(
        "heatmap",
        "The map through time: what stood at each price at the end of each column.",
        "a cohort adds its mass in its opening column and takes what is left of it off at first passage; from column "
        "to column a class fades by exp(-h dT)",
        "the map's weights as of now, for all columns",
        "what was learnt until now held throughout",
        "it shows the past as it is seen from today; maps as they were then are made by --as-of and map-history. "
        "Cohorts of many neighbouring bars count as one where a column holds many",
        code="engine/heatmap.py",
    ),
)
