"""Terms of what is read from markets, and of the sources."""

from __future__ import annotations

from imbalance.glossary.term import Term

TERMS = (
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
        "effective rate m = rate of the bracket - its deduction / notional at the liquidation price",
        "each venue's ladder, read or dated; 0.5 % where none is known",
        "a position of 250,000 USD stands for all",
        "larger positions are liquidated earlier than the map has it",
        ("margin tiers", "tiers", "margin ladder"),
        code="engine/margin.py, engine/leverage.py",
    ),
    Term("taker buy volume", "Volume whose aggressor bought."),
    Term("quoted", "Another service's published figure, shown beside ours and never blended in."),
    Term(
        "open interest",
        "Contracts open, each counted once (one side).",
        inputs="each venue's own figure, in coins",
        known_errors="whether Hyperliquid and Bitget count one side or both is not documented: they count as one",
        aliases=(
            "open interest increase",
            "open interest decrease",
            "open_interest_usd",
            "open_interest_base",
            "open_interest_change",
        ),
    ),
    Term(
        "funding",
        "What longs pay shorts, per 8 hours, weighted by open interest; negative: shorts pay.",
        aliases=("funding rate", "funding_rate_8h"),
    ),
    Term(
        "Fear & Greed",
        "A daily index from 0 (extreme fear) to 100 (extreme greed) by alternative.me.",
        known_errors="it is of bitcoin, published once a day, and its making is not documented in full",
        aliases=("fear & greed index", "sentiment", "fear_greed"),
    ),
    Term(
        "liquidations 24h",
        "Positions force-closed in the last 24 hours, long and short.",
        inputs="a service's sum over exchanges where a key is given, else exchanges that publish the whole day",
        known_errors="feeds print a part: at most one a second, or the largest; sums are of what was printed",
        aliases=(
            "liquidations",
            "liquidations, 24 h",
            "liquidations_24h_usd",
            "seen_liquidations_24h_usd",
            "long_liquidations_24h_usd",
            "short_liquidations_24h_usd",
        ),
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
        aliases=("month volume", "january volume", "volume_24h_usd"),
    ),
    Term(
        "CME futures",
        "Open interest of CME's futures, standard and micro, and who holds it, from the CFTC's weekly report.",
        aliases=(
            "cme net positions",
            "net positions",
            "leveraged funds",
            "asset managers",
            "dealers",
            "cme_open_interest_base",
        ),
    ),
    Term(
        "holders",
        "How active coins are that were held long: the share of the supply that has not moved in a year (Coin "
        "Metrics), or coins that moved times the days that they had lain (CryptoQuant).",
        aliases=("coin days destroyed", "supply not moved in a year"),
    ),
    Term(
        "scenario",
        "A recording that comes with the program: synthetic data in the exchanges' formats, the same everywhere.",
        aliases=("synthetic", "replay", "recording"),
    ),
    Term(
        "HHI",
        "Concentration: the sum of squared shares; 1 is a single venue.",
        "sum over venues of (amount / sum of amounts)^2",
        "volume, open interest or liquidation mass of the venues that were read",
        known_errors="venues that were not read are in no share",
        code="signals/concentration.py",
        aliases=(
            "concentration",
            "volume by venue",
            "open interest by venue",
            "liquidation mass by venue",
        ),
    ),
    Term("share", "A venue's open interest as a share of all that was read."),
    Term("24h", "The last 24 hours: a change since then, or what was traded in them."),
    Term("venue", "An exchange's market of one kind of contract, such as Binance's COIN-M.", aliases=("exchange",)),
    Term("source", "Where figures come from: a venue, or a provider such as Coin Metrics."),
    Term("sum", "The sum of the rows above it, over the venues that were read."),
    Term("month before", "The calendar month before the one that is shown, whole."),
    Term(
        "feed",
        "What part of its liquidations a venue publishes: all (complete), at most one a second or the largest "
        "(censored), or unknown.",
        aliases=("what it prints", "complete", "censored", "unknown"),
    ),
    Term("price, 24 h", "The change of the mark price in the last 24 hours.", aliases=("change_24h",)),
    Term(
        "price since its high",
        "How far the mark price is below the highest close of the bars that were read.",
        "price now / highest close - 1",
        "candles of the lookback",
        aliases=("drawdown",),
        code="signals/__init__.py",
    ),
    Term(
        "CoinGlass's bands",
        "The two bands of prices for which CoinGlass publishes a sum, and our sums for the same bands.",
        known_errors="they seldom lie at equal distances, so that no two of them say which side is heavier",
    ),
    Term(
        "status",
        "How a source fared: ok; partial or failed; doubtful, where figures cannot be; stale, where they are old; not "
        "open; unlisted, where it has no such coin; skipped.",
        aliases=("ok", "partial source", "failed", "doubtful", "stale", "not open", "unlisted", "skipped"),
    ),
    Term("latency", "How long a source's answers took, in the middle."),
    Term("age", "How old the newest figure of a source is.", aliases=("last good",)),
    Term("clock", "How far a source's clock is ahead of this machine's."),
    Term("budget", "The share of the requests that a source allows that is used up."),
    Term(
        "metric",
        "A row of the report's first table: a figure, its 90 % range, and what it goes with or is compared to "
        "(significance).",
        aliases=("value", "significance", "what it means"),
    ),
    Term(
        "gauge",
        "What is told of a market beside its map, one figure or one kind of figures a line (reading).",
        aliases=("gauges", "reading"),
    ),
    Term(
        "gap",
        "A figure that is not there, or not believed, and why; what sums leave out because of it.",
        aliases=("missing", "not in the recording", "no liquidations over rest"),
    ),
)
