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
        "the level hangs on how much of its liquidations a venue prints; the shape by price is known better. On "
        "simulated markets, measured: W1 of the shape 1.06 percentage points of price (path alone 1.29), |ln error| of "
        "the mass within 10 % 0.28 calibrated and 1.42 not",
        ("buying pressure", "short_usd"),
        code="engine/estimate.py, engine/liquidation_map.py",
    ),
    Term(
        "long liquidation risk",
        "What longs would be forced to sell if price went straight down through the window: forced selling, in USD.",
        "sum over price bins below the price of forced positions x their liquidation price",
        "as for short liquidation risk",
        "as for short liquidation risk",
        "as for short liquidation risk",
        ("selling pressure", "long_usd"),
        code="engine/estimate.py, engine/liquidation_map.py",
    ),
    Term(
        "short : long",
        "Forced shorts over forced longs within the same share of the price on both sides.",
        "short liquidation risk / long liquidation risk",
        "the map",
        "both sides open with the same leverage; every contract is one long and one short",
        "most of it is geometry: after a fall it is below 1 whatever traders did; read it beside what the path "
        "implies. On simulated markets, measured: |ln error| 0.30, of the path alone 0.38",
        ("ratio", "s:l", "lopsided"),
        code="engine/liquidation_map.py",
    ),
    Term(
        "price path implies",
        "The ratio of sides that a market with the same price path and a constant flow of positions would show.",
        "the map with volume 1 and open interest 1 in every bar, on wall time, its shorts over its longs",
        "candles alone",
        "the same leverage and lifetimes as the map",
        "it knows nothing of who traded when. It is hard to beat: the rank correlation of maps kept for a day with "
        "what was liquidated, measured: 0.52 for SOL and 0.49 for BTC, the map's 0.57 and 0.54",
        ("path alone", "path null", "path-implied", "path", "path_implied_ratio"),
        code="engine/estimate.py",
    ),
    Term(
        "lift",
        "How much more lopsided the map is than its price path alone implies; 1 is no more.",
        "ratio / path-implied ratio; its range is over paired draws of the parameters",
        "the map and its path-implied twin",
        "as for short : long",
        "a range that holds 1 says that the two cannot be told apart. On simulated markets, measured: the range holds "
        "the true lift in 0.90 of maps and excludes 1 in 0.03",
        code="engine/liquidation_map.py",
    ),
    Term(
        "exposed",
        "Open positions whose liquidation price lies there. Per venue and side, in coins, at most open interest.",
        "what was opened, less what closed and what price has swept, by liquidation price: mass x (the fitted weights' "
        "shape by distance within each class) x (the prior's total of the class); at least what is forced",
        "open interest, volume and candles",
        "lifetimes and turnover",
        "includes positions that will be stopped out or closed before they are liquidated. It has no range of its own",
        ("long_exposed_usd", "short_exposed_usd"),
        code="engine/ranges.py, engine/estimate.py",
    ),
    Term(
        "heavier",
        "The side of which more would be force-closed within the window: long, short or neither.",
        "long or short where the whole 90 % range of short : long lies on one side of 1; else neither, as after a day "
        "or less of history",
        "the map",
        "as for short : long",
        "as for short : long: that a side is heavier may be the path's doing alone",
        code="engine/liquidation_map.py",
    ),
    Term(
        "forced",
        "What would really be liquidated on a straight move there, the rest being stopped out or closed before.",
        "mass x fitted weight x the side's recent level x what its opening day counts for / capture, over distances, "
        "classes and days; the forced share is its part of exposed within 15 %. Not calibrated: mass x prior x 0.25",
        "observed liquidations over what the map predicted for the same bars",
        "how much of its liquidations a venue prints (capture)",
        "without observed liquidations the share of 0.25 is an assumption, a factor of 2.5 either way",
        ("force-closed", "forced share"),
        code="engine/estimate.py, engine/ranges.py",
    ),
    Term(
        "est",
        "Estimated by the model; never read anywhere.",
    ),
    Term(
        "90 % range",
        "Where the figure lies in nine of ten draws of parameters, days and the model's own form. A bar's lighter tail "
        "ends with it, or goes on beyond the line (»).",
        "5 % and 95 % quantiles of draws, between order statistics in proportion; widened to hold the figure",
        "resampled days of observed liquidations; spans of the assumptions",
        "the spans are right",
        "on simulated markets of the kind they were set on, measured: they hold the true sum in 0.90 of cases with a "
        "complete feed, within 5 % of the price in 0.83 (longs) and 0.88 (shorts), and in 0.83 of 18 sums with "
        "censored feeds alone; what no simulated market does is in none of them",
        ("range", "90 %", "░", "»"),
        reference="Hyndman & Fan, Am. Stat. 50, 1996, definition 7, doi:10.1080/00031305.1996.10473566",
        code="engine/quantiles.py, engine/ranges.py",
    ),
    Term(
        "cluster",
        "A run of prices around a peak of forced liquidations; the row with most of a side's largest is marked.",
        "bins smoothed by a mean of three, twice; from each peak, the highest first, out to where they fall below half "
        "of it, rise again or belong to another; the three with the most mass of a side",
        "the map",
        known_errors="distance is that of its peak; large is half of the largest of its side and more",
        aliases=(
            "large cluster",
            "largest cluster",
            "nearest large clusters",
            "largest",
            "◆",
            "long_cluster_usd",
            "short_cluster_usd",
            "long_cluster_distance",
            "short_cluster_distance",
            "nearest_long_usd",
            "nearest_short_usd",
            "nearest_long_distance",
            "nearest_short_distance",
        ),
        code="engine/clusters.py",
    ),
    Term(
        "liquidation map",
        "Forced and exposed positions by the price at which they would be liquidated; through time it is a heatmap.",
        known_errors="it locates risk and predicts no direction",
        aliases=("map",),
    ),
    Term(
        "cascade",
        "Liquidations that move the price on to further liquidations.",
        "N(x) forced within distance x, I the impact law: a push p reaches the least x >= p with p + I(N(x)) <= x",
        "the map and its draws; each draw of the map has its own scale of the law (log-normal, log-sd 0.3)",
        "nobody else trades against the move; forced trades meet the law as any other order",
        "what neither law was made for, a push of more than a day's volume, is told as such",
        code="engine/cascade.py",
    ),
    Term("sum from price", "Forced liquidations from the price outward to the end of the row."),
    Term(
        "calibrated",
        "Fitted to observed liquidations; not calibrated: assumptions alone (the prior) give amounts and ranges.",
        "w <- (a + w sum of c x u y / (mu phi)) / (a / w0 + sum of c x u / phi), u = f / (mu + f): "
        "first one scale for each class of lives (a = 5 events, 12 steps), then every weight around it (a = 1, "
        "16 steps)",
        "liquidations printed by hour, venue and side, the first 2 days left out; at least 10 effective events and "
        "more than a day of open interest",
        "printed liquidations are linear in the weights; longs and shorts share them",
        "hourly liquidations teach little of far prices, which are seldom reached: there the prior stands",
        ("not calibrated", "prior", "calibration"),
        reference="Richardson-Lucy where u is 1: Lucy, Astron. J. 79, 1974, doi:10.1086/111605; Shepp & Vardi, IEEE "
        "Trans. Med. Imaging 1, 1982, doi:10.1109/TMI.1982.4307558; with the prior: Dempster, Laird & Rubin, J. R. "
        "Stat. Soc. B 39, 1977, doi:10.1111/j.2517-6161.1977.tb01600.x; classes first: Gelman et al., Bayesian Data "
        "Analysis, 2013, ch. 5, doi:10.1201/b16018",
        code="engine/calibrate.py, engine/solver.py, engine/calibration.py",
    ),
    Term(
        "capture",
        "The share of its liquidations that a venue prints.",
        "relative to the complete feeds (else to the one that prints most): sum of u y / sum of u X w; 1 for a "
        "complete feed. Where none is complete only forced share x capture is seen (the printed share)",
        "observed liquidations of each venue; which feeds are complete, by name",
        "0.4 with a factor of 2.5 either way for the middle one of the feeds, where none is known to be complete; JSON "
        "lists it under model.assumptions",
        "the largest uncertainty of most live maps",
        ("printed share",),
        code="engine/solver.py, engine/ranges.py",
    ),
    Term(
        "largest uncertainty",
        "What widens the ranges most: leverage, capture, the forced share, too few liquidations observed, or the form "
        "of the model, which is what a market may do otherwise than supposed.",
        "that of which alone the draws of the mass within 15 % have the largest log-sd",
        aliases=("too few liquidations",),
        code="engine/estimate.py",
    ),
    Term(
        "audit",
        "Whether the sums are possible: exposed positions of each side against open interest.",
        "per venue and side, in coins, exposed <= open interest; closed share = 1 - left / ever opened",
        "cohorts, first passage, exposed weights",
        known_errors="it holds for sums of the accounts of leverage, before exposed is raised to what is forced",
        code="engine/audit.py",
    ),
    Term(
        "swept",
        "Positions that price has already passed: liquidated or stopped before now.",
        "(what would stand had price reached nothing - the mean of both sides that stand) / open interest",
        code="engine/audit.py",
    ),
    Term(
        "unexplained",
        "Open interest that the flows do not account for.",
        "|contracts left of all cohorts - open interest| / open interest",
        code="engine/audit.py",
    ),
    Term(
        "R",
        "Reproduction number of a cascade: forced flow that a unit of it sets off; above 1 the move feeds itself.",
        "R(x) = f(x) I'(N(x)), f forced flow per unit of distance, N its sum, I the impact law",
        "the map; volume and volatility, or order books",
        "one of three impact laws, shown side by side",
        "books show a part of the orders that a move would meet",
        ("largest r", "reproduction number"),
        code="engine/cascade.py",
    ),
    Term(
        "within",
        "The span of prices that a row sums: so many per cent to both sides of the price, or a band of prices.",
        "price (1 - w) to price (1 + w), bins at its ends cut in proportion; the band beside a risk is the narrowest "
        "run of bins that holds 80 % of the side's mass in the window",
        aliases=("window", "band"),
        code="engine/clusters.py, engine/liquidation_map.py",
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
        "square root: I = Y sigma sqrt(N / V), Y = 1; book: the distance at which displayed orders add up to N, beyond "
        "the last of them at their mean density; stressed book: the same with a tenth of the orders",
        "volume and volatility of a day, or the order books read",
        "orders that are displayed stay; the law holds beyond the sizes it was measured on",
        "books show a part of the orders; the square root is fitted to single orders, not to panics",
        ("square root", "stressed book"),
        reference="square root: Toth et al., Phys. Rev. X 1, 2011, doi:10.1103/PhysRevX.1.021006",
        code="engine/cascade.py",
    ),
    Term(
        "push needed",
        "How far others must move the price, in per cent of it, for liquidations to carry it on to the target.",
        "max of x - I(N(x)) over all distances x up to the target",
        code="engine/cascade.py",
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
