"""Daily figures of all that is stored: whole days alone, none is 0, and another contract is another thing."""

from __future__ import annotations

from imbalance.store import opening, writing
from imbalance.store.days import days
from imbalance.store.rows import Batch, Series
from imbalance.units import DAY_MS, HOUR_MS

OWN = ("okx", "okx", "BTC", "X", "linear")
PAID = {"rate": 0.1, "interval_hours": 8.0, "next_time_ms": None}
GONE = 30  # an hour that lacks
NOTHING = dict.fromkeys(("long_usd", "short_usd", "long_base", "short_base"))


def found(address, *batches, learned_ms=5, by_ms=None):
    with opening.opened(address, make=True) as store:
        with store.writing() as connection:
            writing.save(connection, batches, learned_ms)
        with store.reading() as connection:
            return days(connection, "BTC", by_ms)


def order(time_ms):
    plain = {"position": "long", "price": 10.0, "quantity_base": 2.0, "order_id": "", "nth": 0}
    return plain | {"time_ms": time_ms}


def test_days_of_orders_are_those_known_whole(address):
    orders = Batch(
        Series("liquidations", *OWN),
        [order(t) for t in (DAY_MS + 1, DAY_MS + 2, 4 * DAY_MS, 5 * DAY_MS + 1)],
        [(DAY_MS, 5 * DAY_MS - 1), (5 * DAY_MS, 6 * DAY_MS)],
    )
    expected = {DAY_MS: (40.0, "X"), 2 * DAY_MS: (0.0, "X"), 3 * DAY_MS: (0.0, "X"), 5 * DAY_MS: (20.0, "X")}
    assert found(address, orders)["liquidations", "okx"] == expected
    assert found(address, by_ms=4)["liquidations", "okx"] == {}


def test_days_of_sums_have_all_their_hours(address):
    hours = [NOTHING | {"time_ms": h * HOUR_MS, "long_usd": 1.0, "short_usd": 2.0} for h in range(60) if h != GONE]
    sums = Batch(Series("liquidation_sums", *OWN, interval_ms=HOUR_MS), hours)
    seen = Batch(Series("liquidation_sums", "coinalyze", "okx", "BTC", interval_ms=HOUR_MS), hours)
    told = found(address, sums, seen)
    assert told["liquidations", "okx"] == {0: (72.0, "X")}
    # What one says of another is not the other's own.
    assert ("liquidations", "coinalyze") not in told


def test_open_interest_is_that_of_midnight_unless_a_daily_series_tells_it(address):
    def levels(step_ms, value, until):
        rows = [
            {"time_ms": t, "open_interest_base": value, "open_interest_usd": None}
            for t in range(0, until * DAY_MS, step_ms)
        ]
        return Batch(Series("open_interest", *OWN, interval_ms=step_ms), rows)

    told = found(address, levels(HOUR_MS, 3.0, 3), levels(DAY_MS, 7.0, 2))
    assert told["open_interest", "okx"] == {0: (7.0, "X"), DAY_MS: (7.0, "X"), 2 * DAY_MS: (3.0, "X")}


def test_volume_sentiment_and_funding(address):
    bar = {"open": 4.0, "high": 6.0, "low": 3.0, "close": 6.0, "volume_base": 2.0, "taker_buy_base": None}
    told = found(
        address,
        Batch(
            Series("candles", *OWN, interval_ms=DAY_MS),
            [bar | {"time_ms": 0, "volume_usd": 9.0}, bar | {"time_ms": DAY_MS, "volume_usd": None}],
        ),
        Batch(Series("sentiment", "fear_greed", interval_ms=DAY_MS), [{"time_ms": 0, "value": 16.0, "label": "x"}]),
        Batch(
            Series("funding", *OWN),
            [
                {"time_ms": t, "rate": 0.1, "interval_hours": 8.0, "next_time_ms": None}
                for t in (3, HOUR_MS, 8 * HOUR_MS + 7)
            ],
        ),
    )
    assert told["volume", "okx"] == {0: (9.0, "X"), DAY_MS: (10.0, "X")}
    assert told["sentiment", "fear_greed"] == {0: (16.0, "")}
    assert told["funding", "okx"] == {0: (0.1, "X"), 8 * HOUR_MS: (0.1, "X")}
