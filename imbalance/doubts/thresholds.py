"""From where on a figure is doubted: every threshold in one place, each with its reason.

"Measured" is a cross-section of 531 coins on up to nine of the venues read here (CoinGlass's pairs, 2 September 2025:
2,914 pairs), hourly closes of five coins on four venues from March to November 2025 with the crash of 10 October among
them, and daily sums over exchanges of 8 coins since 2021 (10,196 days).
"""

from __future__ import annotations

import msgspec

from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.wire import Kind

# Fewer have no middle that one of them could be held against.
LEAST_VENUES = 3

# Price of a venue over the median of all. Measured: 99.9 % within 5 %; beyond 20 % lay another coin of the same name.
PRICE_OFF = 0.2
# Mark price over the venue's own last close, and an index over its mark. A venue's mark is kept near its trades.
MARK_OFF = 0.1
# Closes of a venue over the median of all at the same bar. Hourly, measured: at most 2.3 %, the crash among them; bars
# of minutes part further for a moment, so a share of the bars must be off, or one bar by a factor.
CLOSE_OFF = 0.2
CLOSE_OFF_SHARE = 0.01
# Highs and lows of one hour on different venues (31,304 hours of five coins): 1.1 and 1.42 at most, in HYPE on
# 10 October; more than 1.2 in two hours of that day alone, of which the reader is only told.
BAR_FACTOR = 1.6
BAR_FACTOR_STRANGE = 1.2

# Bars fit the other venues' this many times better at other times than their own. Measured, BTC and SOL on three
# venues: at their own times they fit at least three times better, in spans of 24 hours or more.
MOVED_TIMES = 2.0
LEAST_FITTED = 24

# A feed is dead when it lags this far behind the other venues, or does not move at all for this long.
STALE_MS = 2 * HOUR_MS
FROZEN_MS = 6 * HOUR_MS
LEAST_FROZEN = 4

# One venue's open interest over the coin's supply. Measured for the coins of the table: 2.9 % at most.
SUPPLY_SHARE = 0.05
# No more of these coins than this exists or will before 2028 (as of November 2026), rounded up.
SUPPLY_BASE = {
    "BTC": 21e6,
    "ETH": 1.25e8,
    "SOL": 6.5e8,
    "XRP": 1e11,
    "DOGE": 1.8e11,
    "BNB": 1.4e8,
    "ADA": 4.5e10,
    "LTC": 8.4e7,
    "BCH": 2.1e7,
    "AVAX": 7.2e8,
    "LINK": 1e9,
    "DOT": 2.1e9,
    "TRX": 1e11,
    "HYPE": 1e9,
    "SUI": 1e10,
    "TON": 5.5e9,
}
# Value in USD over quantity, as a price. Measured: within 2.1 % of the price of the moment.
IMPLIED_OFF = 0.1
# The same where no bar tells the price of the moment: history was valued at its own time's price.
IMPLIED_APART = 4.0
# A step from row to row: only a wrong unit is that large.
JUMP = 8.0
# One day against both of its neighbours. Measured, sums of seven coins since 2020: 1.44 below, 1.68 above at most.
SPIKE = 1.75
# A trade changes open interest by its size at most: beyond twice what was traded, and this share of it for rows that
# are stamped apart from their bars, the change did not happen.
TRADED_TIMES = 2.0
TRADED_SLACK_NOW = 0.1
TRADED_SLACK = 0.25
# Now over the last row of a history of the last hours or days where volume does not tell. Measured, daily: 99.8 % of
# steps lie within 1.8.
APART = 1.6
APART_MS = 2 * DAY_MS

# Turnover (24-hour volume over open interest) over the median of the others', for venues that hold a hundredth of the
# coin's volume or open interest: less moves no sum. Measured: beyond 20 in 0.7 % of cases, none of them a large coin;
# beyond 6 in 7 % (HTX's BTC among them), of which the reader is only told.
TURNOVER_OFF = 20.0
TURNOVER_STRANGE = 6.0
MATERIAL = 0.01
# 24-hour volume over the sum of the day's bars, and a day's candle over the sum of its bars.
VOLUME_OFF = 1.5
# A venue's share of a day's volume over its usual share.
DAY_SHARE_OFF = 20.0
# Share of a day's bars that must be there to hold anything against their sum.
WHOLE = 0.95

# Funding for 8 hours. Caps: Kraken 0.25 % an hour, others 2 % to 3 % a period; measured: -0.7 % to 2 %.
FUNDING_8H = 0.021
# Told: this far from the median of the others, and this many times the largest of them.
FUNDING_STRANGE_8H = 0.0007
FUNDING_TIMES = 8.0

# Where the others agree (all of one sign, the largest this many times the smallest at most) no venue had the other
# sign: in 80 cases of three or more others beyond 0.02 %, and in 25 of five or more below -0.005 %. Around the resting
# rate of +0.01 % one in ten has it.
FUNDING_AGREE_TIMES = 2.0
FUNDING_FAR_8H = 0.0002
FUNDING_BELOW_8H = 0.00005
FUNDING_LEAST_BELOW = 5
# The rate of none was exactly 0 where three or more others were of one sign and beyond this: 7,415 cases.
FUNDING_ZERO_8H = 0.00005

# A book within this share of its middle, both sides over the venue's volume of 24 hours. Measured: the books of all
# venues together over Binance's volume alone, 2,008 days of seven coins: 0.0017 to 0.29. Of some venues fewer levels
# are read than reach that far, so little is only told, from a hundredth of the least on.
BOOK_WITHIN = 0.01
BOOK_VOLUME = 1.0
BOOK_LEAST_VOLUME = 0.00002
# One side over the other as far as both reach. Measured, the same days: 0.32 to 2.7; books of a few levels differ more.
BOOK_SIDES = 50.0
BOOK_REACH = 0.002

# Liquidations of a day over the volume of the same venue's day. Measured: 0.33 at most, 99.9 % below 0.16.
LIQUIDATED_SHARE = 0.5
LIQUIDATED_STRANGE = 0.16
# Sums over exchanges of a day over their volume. Measured: 0.092 at most, in February 2021.
LIQUIDATED_SUM_SHARE = 0.15
# Price of an order, or USD over coins of a bucket, over the venue's bar: positions fall near the price of the moment.
LIQUIDATED_PRICE_TIMES = 2.0
# Liquidations of a bar are trades of that bar; stamps of buckets may lie a little apart.
LIQUIDATED_BAR_TIMES = 1.5
LEAST_BAR_SHARE_OF_DAY = 0.001
# A feed without a row for so long that this many were to be expected has ended; bursts make long silences.
SILENT_ROWS = 20.0
SILENT_MS = 3 * HOUR_MS


class LargeMoves(msgspec.Struct, frozen=True):
    """From which change of price on a bucket counts, and how many such buckets there must be."""

    move: float
    least: int


# Share of liquidations on the side that the price moved against, summed over buckets with large moves, by their longest
# length. Measured, BTC and SOL in the summer of 2024, all spans of a day: 0.53 at least in hours, 0.5 in 4 hours.
LARGE_MOVES = {HOUR_MS: LargeMoves(0.0075, 3), 4 * HOUR_MS: LargeMoves(0.02, 1)}
SIDE_AGAINST_MOVES = 0.4
# Share of one side on a venue in 24 hours where that side leads on the others by their median. Measured, two days of
# CoinGlass's pairs, venues with more than 0.3 million USD: 0.47 at least.
SIDE_LEADS = 0.7
SIDE_AGAINST_OTHERS = 0.3
# What others must have seen before an empty feed is no observation of nothing.
SEEN_USD = 1e6
# Another service's sum of a venue over the venue's own, which need not hold all.
SEEN_TIMES = 5.0

# Another service's total over exchanges over the sum of the venues read. Measured: 1 to 3 for large coins.
QUOTED_TIMES = 5.0
LEAST_SUMMED = 5
# The levels of a quoted map over open interest: all positions, once for each side, and as much again.
LEVELS_TIMES = 2.0

# Share of longs among accounts or positions. Measured, seven coins since 2020 on Binance: 0.33 to 0.94.
LEAST_SHARE = 0.05

# What the publisher's words mean, by both tables that it has published. Measured, 3,121 days: no day outside.
MOOD_WORDS = {
    "extreme fear": (0, 25),
    "fear": (24, 46),
    "neutral": (44, 55),
    "greed": (54, 75),
    "extreme greed": (75, 100),
}
# From one day to the next, the same days: 45 at most.
MOOD_STEP = 45

# Rows missing inside a series, and how long a hole is worth a word.
HOLE_SHARE = 0.02
HOLE_BARS = 3
LATE_MS = DAY_MS

# A date ahead of now: days begin up to 14 hours before they do in UTC, and clocks differ.
AHEAD_MS = DAY_MS

# How old the newest figure of a kind may be, counted from its stamp, before it is of its date and no longer of now.
AGE_MS = {
    # Answers of now; what a venue stamps is seconds old.
    Kind.TICKER: 15 * MINUTE_MS,
    Kind.MARK_PRICE: 15 * MINUTE_MS,
    Kind.OPEN_INTEREST: 15 * MINUTE_MS,
    Kind.ORDER_BOOK: 15 * MINUTE_MS,
    Kind.LONG_SHORT: 6 * HOUR_MS,
    # Buckets are stamped at their start: the longest that are asked for, and half as long again.
    Kind.LIQUIDATION_SUMS: 12 * HOUR_MS,
    Kind.VENUE_LIQUIDATIONS: 36 * HOUR_MS,
    Kind.CONTRACT_STATS: 2 * DAY_MS,
    # A new index every day at midnight.
    Kind.SENTIMENT: 2 * DAY_MS,
    # A day is stamped at its start and published on the next.
    Kind.OPEN_INTEREST_DAILY: 3 * DAY_MS,
    Kind.LIQUIDATION_DAILY: 3 * DAY_MS,
    # Dated by the day before yesterday.
    Kind.HOLDERS: 4 * DAY_MS,
    # Of a Tuesday, published on Friday or, after holidays, on Monday, and replaced a week later.
    Kind.COMMITMENTS: 14 * DAY_MS,
}
