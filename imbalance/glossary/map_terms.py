"""Terms of the map, its ranges and its cascades."""

from __future__ import annotations

from imbalance.glossary.term import Term

TERMS = (
    Term(
        "short liquidation risk",
        "What shorts would be forced to buy if price went straight up through the window: forced buying, in USD.",
        "sum over price bins above the price of forced positions x their liquidation price",
        "open interest, candles and volume of each venue; observed liquidations where a venue publishes them",
        "leverage, lifetimes and turnover as listed in JSON under model.assumptions, each with its span",
        "the level hangs on how much of its liquidations a venue prints; the shape by price is known better",
        ("buying pressure",),
    ),
    Term(
        "long liquidation risk",
        "What longs would be forced to sell if price went straight down through the window: forced selling, in USD.",
        "sum over price bins below the price of forced positions x their liquidation price",
        "as for short liquidation risk",
        "as for short liquidation risk",
        "as for short liquidation risk",
        ("selling pressure",),
    ),
    Term(
        "short : long",
        "Forced shorts over forced longs within the same share of the price on both sides.",
        "short liquidation risk / long liquidation risk",
        "the map",
        "both sides open with the same leverage; every contract is one long and one short",
        "most of it is geometry: after a fall it is below 1 whatever traders did; read it beside what the path implies",
        ("ratio", "s:l"),
    ),
    Term(
        "price path implies",
        "The ratio of sides that a market with the same price path and a constant flow of positions would show.",
        "the map with the same opening flow in every bar, its shorts over its longs",
        "candles alone",
        "the same leverage and lifetimes as the map",
        "it knows nothing of who traded when",
        ("path alone", "path null", "path-implied", "path"),
    ),
    Term(
        "lift",
        "How much more lopsided the map is than its price path alone implies; 1 is no more.",
        "ratio / path-implied ratio; its range is over paired draws of the parameters",
        "the map and its path-implied twin",
        "as for short : long",
        "a range that holds 1 says that the two cannot be told apart",
    ),
    Term(
        "exposed",
        "Open positions whose liquidation price lies there. Per venue and side, in coins, at most open interest.",
        "what was opened, less what closed and what price has swept, by liquidation price",
        "open interest, volume and candles",
        "lifetimes and turnover",
        "includes positions that will be stopped out or closed before they are liquidated",
    ),
    Term(
        "forced",
        "What would really be liquidated on a straight move there, the rest being stopped out or closed before.",
        "exposed x the share of exposed positions that observed liquidations confirm",
        "observed liquidations over what the map predicted for the same bars",
        "how much of its liquidations a venue prints (capture)",
        "without observed liquidations the share is an assumption with a wide range",
        ("force-closed", "forced share"),
    ),
    Term(
        "est",
        "Estimated by the model; never read anywhere.",
    ),
    Term(
        "90 % range",
        "Where the figure lies in nine of ten draws of parameters, days and the model's own form. A bar's lighter "
        "tail ends with it, or goes on beyond the line (»).",
        "5 % and 95 % quantiles of draws",
        "resampled days of observed liquidations; spans of the assumptions",
        "the spans are right",
        "measured cover is in the README: with a complete feed the ranges are too narrow",
        ("range", "90 %", "░", "»"),
    ),
    Term(
        "cluster",
        "A run of prices around a peak of forced liquidations; the row with most of a side's largest is marked.",
        "smoothed bins, from a peak down to half of it or to the next rise",
        "the map",
        known_errors="distance is that of its peak; large is half of the largest of its side and more",
        aliases=("large cluster", "largest cluster", "nearest large clusters", "largest", "◆"),
    ),
    Term(
        "liquidation map",
        "Forced and exposed positions by the price at which they would be liquidated; through time it is a heatmap.",
        known_errors="it locates risk and predicts no direction",
        aliases=("map", "heatmap"),
    ),
    Term(
        "cascade",
        "Liquidations that move the price on to further liquidations.",
        "the map, walked from the price, each forced trade moving it by an impact law",
    ),
    Term("sum from price", "Forced liquidations from the price outward to the end of the row."),
    Term(
        "calibrated",
        "Fitted to observed liquidations; not calibrated: assumptions alone (the prior) give amounts and ranges.",
        aliases=("not calibrated", "prior"),
    ),
    Term(
        "capture",
        "The share of its liquidations that a venue prints.",
        assumptions="a share with a span for feeds not known to be complete; JSON lists it under model.assumptions",
        known_errors="the largest uncertainty of most live maps",
        aliases=("printed share",),
    ),
    Term(
        "largest uncertainty",
        "What widens the ranges most: leverage, capture, the forced share, too few liquidations observed, or the form "
        "of the model, which is what a market may do otherwise than supposed.",
        aliases=("too few liquidations", "form of the model"),
    ),
    Term("audit", "Whether the sums are possible: exposed positions of each side against open interest."),
    Term("swept", "Positions that price has already passed: liquidated or stopped before now."),
    Term("unexplained", "Open interest that the flows do not account for."),
    Term(
        "R",
        "Reproduction number of a cascade: forced flow that a unit of it sets off; above 1 the move feeds itself.",
        "R(x) = f(x) I'(N(x)), f forced flow per unit of distance, N its sum, I the impact law",
        "the map; volume and volatility, or order books",
        "one of three impact laws, shown side by side",
        "books show a part of the orders that a move would meet",
        ("largest r", "reproduction number"),
    ),
    Term(
        "within",
        "The span of prices that a row sums: so many per cent to both sides of the price, or a band of prices.",
        aliases=("window", "band"),
    ),
    Term(
        "distance",
        "How far a price is from the price now, in per cent of it.",
        "price there / price now - 1",
        aliases=("prices",),
    ),
    Term(
        "long",
        "A position that gains when price rises; price falling far enough liquidates it, by a forced sale.",
        aliases=("longs", "side", "▼"),
    ),
    Term(
        "short",
        "A position that gains when price falls; price rising far enough liquidates it, by a forced purchase.",
        aliases=("shorts", "▲"),
    ),
    Term(
        "impact law",
        "How far an amount of buying or selling moves the price. No law is right: three stand side by side.",
        "square root: I = Y sigma sqrt(N / V); book: the distance at which displayed orders add up to N; "
        "stressed book: the same with a tenth of the orders",
        "volume and volatility of a day, or the order books read",
        "orders that are displayed stay; the law holds beyond the sizes it was measured on",
        "books show a part of the orders; the square root is fitted to single orders, not to panics",
        ("square root", "stressed book"),
    ),
    Term(
        "push needed",
        "How far others must move the price, in per cent of it, for liquidations to carry it on to the target.",
        "the smallest push from which the fixed point of push and forced flow, by the impact law, reaches the target",
    ),
    Term("cost", "What the whole way would take without any liquidation, by the impact law."),
    Term("from liquidations", "The share of the way that forced trades carry, after the push that starts it."),
    Term(
        "ends at",
        "Where price comes to rest if a push of the whole way's cost is made and liquidations add to it.",
        known_errors="it is no forecast: nobody who buys a fall is in it",
    ),
    Term(
        "liquidated at",
        "The price at which a venue says that a position is liquidated.",
        aliases=("liquidation price",),
    ),
    Term("entry", "The average price at which a position was opened.", aliases=("entry price",)),
    Term("leverage", "Notional over margin: at 10, a move of a tenth of the price costs the whole margin."),
    Term(
        "read",
        "Positions of the accounts that were named, at the liquidation prices that the venue gives.",
        aliases=("long read", "short read"),
    ),
    Term(
        "model exposed",
        "What the map holds exposed in the same span for the whole market, beside what was read of a few accounts; "
        "where shares are shown, its part of open interest.",
    ),
)
