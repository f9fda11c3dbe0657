"""The terms that screens, help and documents use: each owned here, once."""

from __future__ import annotations

import calendar
import difflib
import re
from typing import NamedTuple

from imbalance.errors import UsageError


class Term(NamedTuple):
    """A term in plain words; what it is computed from and where it errs, as far as there is something to say."""

    name: str
    meaning: str
    formula: str = ""
    inputs: str = ""
    assumptions: str = ""
    known_errors: str = ""
    aliases: tuple[str, ...] = ()


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
        ("ratio",),
    ),
    Term(
        "price path implies",
        "The ratio of sides that a market with the same price path and a constant flow of positions would show.",
        "the map with the same opening flow in every bar, its shorts over its longs",
        "candles alone",
        "the same leverage and lifetimes as the map",
        "it knows nothing of who traded when",
        ("path alone", "path null", "path-implied"),
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
        ("force-closed",),
    ),
    Term(
        "est",
        "Estimated by the model; never read anywhere.",
    ),
    Term(
        "obs",
        "Observed: read from exchanges and summed.",
        known_errors="venues that publish no liquidations over REST are missing, and are named",
    ),
    Term("base", "The coin that a contract is on; quantities in it end in `_base`."),
    Term("USD", "The currency of all prices and amounts; USDT and USDC count as USD.", aliases=("_usd",)),
    Term("contract", "A venue's own unit of size; linear ones settle in USD, inverse ones in the coin."),
    Term("notional", "Quantity in coins times a price."),
    Term(
        "mark price", "A venue's fair price; liquidations go by it, not by the last trade.", aliases=("mark", "price")
    ),
    Term(
        "maintenance margin rate",
        "Margin as a share of notional below which a position is liquidated; venues raise it by steps of size.",
        aliases=("margin tiers", "tiers"),
    ),
    Term("taker buy volume", "Volume whose aggressor bought."),
    Term("quoted", "Another service's published figure, shown beside ours and never blended in."),
    Term(
        "90 % range",
        "Where the figure lies in nine of ten draws of parameters, days and the model's own form.",
        "5 % and 95 % quantiles of draws",
        "resampled days of observed liquidations; spans of the assumptions",
        "the spans are right",
        "measured cover is in the README: with a complete feed the ranges are too narrow",
        ("range", "90 %"),
    ),
    Term(
        "cluster",
        "A run of prices around a peak of forced liquidations; the largest of a side is marked on the map.",
        "smoothed bins, from a peak down to half of it or to the next rise",
        "the map",
    ),
    Term("sum from price", "Forced liquidations from the price outward to the end of the row."),
    Term(
        "open interest",
        "Contracts open, each counted once (one side).",
        inputs="each venue's own figure, in coins",
        known_errors="whether Hyperliquid and Bitget count one side or both is not documented: they count as one",
        aliases=("open interest increase", "open interest decrease"),
    ),
    Term(
        "funding",
        "What longs pay shorts, per 8 hours, weighted by open interest; negative: shorts pay.",
        aliases=("funding rate",),
    ),
    Term(
        "Fear & Greed",
        "A daily index from 0 (extreme fear) to 100 (extreme greed) by alternative.me.",
        known_errors="it is of bitcoin, published once a day, and its making is not documented in full",
        aliases=("fear & greed index", "sentiment"),
    ),
    Term(
        "liquidations 24h",
        "Positions force-closed in the last 24 hours, long and short.",
        inputs="a service's sum over exchanges where a key is given, else exchanges that publish the whole day",
        known_errors="feeds print a part: at most one a second, or the largest; sums are of what was printed",
        aliases=("liquidations", "liquidations, 24 h"),
    ),
    Term(
        "accounts long",
        "Share of a venue's accounts that are net long; an account counts once, whatever its size.",
        aliases=("long/short ratio",),
    ),
    Term(
        "book within 1 %", "Resting orders within 1 % of the price, bids and asks, in USD.", aliases=("book", "depth")
    ),
    Term(
        "volume",
        "What was traded, each trade once; a month is the calendar month so far.",
        aliases=("month volume", "january volume"),
    ),
    Term("CME futures", "Open interest of CME's futures, standard and micro, from the CFTC's weekly report."),
    Term("holders", "How active coins are that were held long, as Coin Metrics or CryptoQuant measure it."),
    Term(
        "calibrated",
        "Fitted to observed liquidations; not calibrated: the prior stands, and ranges are its own.",
        aliases=("not calibrated",),
    ),
    Term(
        "capture",
        "The share of its liquidations that a venue prints.",
        assumptions="a share with a span for feeds not known to be complete; JSON lists it under model.assumptions",
        known_errors="the largest uncertainty of most live maps",
        aliases=("printed share",),
    ),
    Term("audit", "Whether the sums are possible: exposed positions of each side against open interest."),
    Term("swept", "Positions that price has already passed: liquidated or stopped before now."),
    Term("unexplained", "Open interest that the flows do not account for."),
    Term("HHI", "Concentration: the sum of squared shares; 1 is a single venue.", aliases=("concentration",)),
    Term(
        "R",
        "Reproduction number of a cascade: forced flow that a unit of it sets off; above 1 the move feeds itself.",
        "R(x) = f(x) I'(N(x)), f forced flow per unit of distance, N its sum, I the impact law",
        "the map; volume and volatility, or order books",
        "one of three impact laws, shown side by side",
        "books show a part of the orders that a move would meet",
        ("largest r", "reproduction number"),
    ),
)


_MONTHS = "|".join(calendar.month_name[1:]).lower()
_ADDED = re.compile(rf"^(?:{_MONTHS}) | in [0-9.]+ %$")


def lookup(text: str) -> Term:
    """Return the term of a name or alias, whatever its case; a screen adds the window or the month to some.

    Raises
    ------
    UsageError
        With names like it.
    """
    names = {name.lower(): term for term in TERMS for name in (term.name, *term.aliases)}
    wanted = " ".join(text.lower().split())
    for asked in (wanted, _ADDED.sub("", wanted)):
        if asked in names:
            return names[asked]
    near = difflib.get_close_matches(wanted, names, 3, 0.5) or [term.name for term in TERMS]
    raise UsageError(f"no term {text!r}", f"Did you mean {', '.join(near)}?")
