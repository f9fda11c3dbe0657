"""What every source's answers are held to: bounds of numbers, order of rows, windows of time, words of refusals."""

from __future__ import annotations

import msgspec
import pytest

from imbalance import wire
from imbalance.errors import (
    BlockedError,
    DoubtfulError,
    KeyRefusedError,
    ParseError,
    RateLimitedError,
    RefusedError,
)
from imbalance.records import Candle, MarginTier
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.venues import BYBIT
from imbalance.wire import decode, ladder, refusals
from imbalance.wire.harvest import Harvest


@pytest.mark.parametrize(
    ("kind", "inside", "beyond"),
    [
        (decode.Price, ["1e-300", "0.999e12"], ["0", "-1", "1e12"]),
        (decode.Amount, ["0", "0.999e18"], ["-1e-9", "1e18"]),
        (decode.Signed, ["-0.999e18", "0.999e18"], ["-1e18", "1e18"]),
        (decode.Share, ["0", "1"], ["-1e-9", "1.000001"]),
        (decode.Ratio, ["0", "0.999e9"], ["-1e-9", "1e9"]),
        (decode.Rate, ["-0.999", "0.999"], ["-1", "1"]),
        (decode.Hours, ["1e-9", "720"], ["0", "720.1"]),
        (decode.Leverage, ["1e-9", "1000"], ["0", "1000.1"]),
        # From 2010 to 2100.
        (decode.TimeMs, ["1262304000000", "4102444799999"], ["1262303999999", "4102444800000"]),
        (decode.TimeS, ["1262304000", "4102444799"], ["1262303999", "4102444800"]),
    ],
)
def test_numbers_that_no_answer_holds(kind, inside, beyond):
    for text in inside:
        assert decode.decode(text.encode(), kind, "s", "e") == float(text)
        assert decode.decode(f'"{text}"'.encode(), kind, "s", "e") == float(text)
    for text in (*beyond, "nan", "inf"):
        with pytest.raises(ParseError):
            decode.decode(f'"{text}"'.encode(), kind, "s", "e")


class Row(msgspec.Struct):
    price: decode.Price


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'[{"price": 1}, {"price": -1}]', "Expected `float` > 0.0 at $.data[1].price"),
        (b'{"price": 1}', "Expected `array`, got `object` at $.data"),
        (b"[", "not JSON: Input data was truncated"),
        (b"  <!DOCTYPE html><p>", "not JSON (an HTML page): JSON is malformed"),
        (b"\n<HTML>", "not JSON (an HTML page): JSON is malformed"),
        (b" " * 195 + b"<html>", "not JSON (an HTML page): JSON is malformed"),
        (b" " * 196 + b"<html>", "not JSON: JSON is malformed"),
    ],
)
def test_a_body_that_is_not_as_documented(body, told):
    with pytest.raises(ParseError) as caught:
        decode.decode(body, list[Row], "s", "e", "$.data")
    assert told.partition(" at $")[0] in str(caught.value)
    assert told.partition(" at ")[2] in str(caught.value)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2010-01-01T00:00:00Z", 1_262_304_000_000),
        ("2009-12-31T23:59:59.999Z", None),
        ("2099-12-31T23:59:59Z", 4_102_444_799_000),
        ("2100-01-01", None),
        ("1262304000000", None),
        ("2010-13-01", None),
        ("", None),
        ("20100101", None),
    ],
)
def test_times_in_words(text, ms):
    if ms is not None:
        assert decode.iso_ms(text, "s", "e", "$") == ms
        return
    with pytest.raises(ParseError, match="is no time"):
        decode.iso_ms(text, "s", "e", "$")


def test_a_long_word_that_is_no_time_is_cut():
    with pytest.raises(ParseError, match=f"'{'x' * 40}' is no time"):
        decode.iso_ms("x" * 41, "s", "e", "$")


@pytest.mark.parametrize(
    ("times", "newest_first", "told"),
    [
        ([1, 2, 3], False, None),
        ([3, 2, 1], True, None),
        ([1], False, None),
        ([], True, None),
        ([1, 1], False, (1, "stamp 1 follows 1, but the list is oldest first")),
        ([2, 2], True, (1, "stamp 2 follows 2, but the list is newest first")),
        ([1, 3, 2], False, (2, "stamp 2 follows 3, but the list is oldest first")),
        ([3, 1, 2], True, (2, "stamp 2 follows 1, but the list is newest first")),
    ],
)
def test_rows_in_their_order(times, newest_first, told):
    if told is None:
        decode.in_order(times, "s", "e", "$[{}]", newest_first=newest_first)
        return
    with pytest.raises(ParseError) as caught:
        decode.in_order(times, "s", "e", "$[{}]", newest_first=newest_first)
    assert told[1] in str(caught.value)
    assert f"$[{told[0]}]" in str(caught.value)


@pytest.mark.parametrize(
    ("candle", "sound"),
    [
        ((1.0, 1.0, 1.0, 1.0), True),
        ((1.0, 2.0, 1.0, 2.0), True),
        ((1.0, 2.0, 2.0, 1.0), True),
        ((1.0, 2.0, 0.9, 1.5), False),
        ((1.0, 2.0, 2.1, 1.5), False),
        ((1.0, 2.0, 1.5, 0.9), False),
        ((1.0, 2.0, 1.5, 2.1), False),
    ],
)
def test_a_candle_holds_its_open_and_close(candle, sound):
    low, high, opened, closed = candle
    told = Candle(1, opened, high, low, closed, 0.0)
    if sound:
        decode.candles_sound([told, told], "s", "e", "$[{}]")
        return
    with pytest.raises(ParseError, match=r"\$\[1\]"):
        decode.candles_sound([Candle(0, 1.0, 1.0, 1.0, 1.0, 0.0), told], "s", "e", "$[{}]")


def tier(floor=0.0, cap=100.0, rate=0.01, most=50.0):
    return MarginTier(floor, cap, rate, most)


@pytest.mark.parametrize(
    ("tiers", "told"),
    [
        ([tier(), tier(100.0, 200.0, 0.01)], ""),
        ([tier(), tier(100.0 + 0.9e-7, 200.0)], ""),
        ([tier(), tier(100.0 + 1.1e-7, 200.0)], "step 2 of the margin ladder: starts at 100, not at 100"),
        ([tier(), tier(101.0, 200.0)], "step 2 of the margin ladder: starts at 101, not at 100"),
        ([tier(1.0)], "step 1 of the margin ladder: starts at 1, not at 0"),
        ([tier(), tier(100.0, 100.0)], "step 2 of the margin ladder: ends where it starts"),
        ([tier(), tier(100.0, 200.0, 0.009)], "step 2 of the margin ladder: the rate is below that of the step below"),
        ([tier(rate=0.01, most=100.0)], "step 1 of the margin ladder: maintenance exceeds the initial margin"),
        ([tier(rate=0.01, most=99.0)], ""),
        ([tier(rate=0.0)], "step 1 of the margin ladder: maintenance exceeds the initial margin"),
        ([], ""),
    ],
)
def test_a_ladder_is_whole(tiers, told):
    if not told:
        assert ladder.whole_ladder(tiers, "s", "$[{}]") == tiers
        return
    with pytest.raises(ParseError) as caught:
        ladder.whole_ladder(tiers, "s", "$[{}]")
    assert told in str(caught.value)
    assert f"$[{len(tiers) - 1}]" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (401, KeyRefusedError, "key missing or refused (HTTP 401): no"),
        (403, BlockedError, "refuses this address: a blocked region, a firewall or too many requests (HTTP 403): no"),
        (418, RateLimitedError, "has banned this address for a while (HTTP 418): no"),
        (429, RateLimitedError, "too many requests (HTTP 429): no"),
        (451, BlockedError, "does not serve this location (HTTP 451): no"),
        (500, RefusedError, "is failing (HTTP 500): no"),
        (599, RefusedError, "is failing (HTTP 599): no"),
        (499, RefusedError, "HTTP 499: no"),
        (404, RefusedError, "HTTP 404: no"),
        (201, RefusedError, "HTTP 201: no"),
    ],
)
def test_what_a_status_means(status, kind, told):
    error = refusals.by_status(status, "s", "e", body=b'{"msg": "no"}')
    assert type(error) is kind
    assert told in str(error)
    assert error.status == status
    assert refusals.by_status(200, "s", "e", "no") is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"msg": " too  much "}', "too much"),
        (b'["a", "b"]', "a"),
        (b"[]", ""),
        (b'{"error": {"detail": "deep"}}', "deep"),
        (b'{"error": {"error": {"detail": "deeper"}}}', "deeper"),
        (b'{"error": {"error": {"error": {"msg": "too deep"}}}}', ""),
        (b'{"msg": "", "label": "so"}', "so"),
        (b"<html><title>No &amp; no</title>", "No & no"),
        (b"<html>", ""),
        (b"{cut", ""),
        (b"plain", "plain"),
        (b"x" * 300, "x" * 200),
        (b" " * 12_799 + b"<title>far</title>", ""),
        (b" " * 12_700 + b"<title>near</title>", "near"),
    ],
)
def test_what_an_error_says(body, said):
    assert refusals.sentence(body) == said


@pytest.mark.parametrize(
    ("span", "found"),
    [
        ((0, 10), [(0, 6), (6, 10)]),
        ((0, 12), [(0, 6), (6, 12)]),
        ((0, 13), [(0, 6), (6, 12), (12, 13)]),
        ((5, 5), []),
        ((5, 6), [(5, 6)]),
    ],
)
def test_windows_of_three_steps_of_two(span, found):
    assert wire.windows(*span, 2, 3) == found


def asked(interval_ms, span_ms):
    return wire.Ask("X", span_ms, 0, span_ms, interval_ms)


@pytest.mark.parametrize(
    ("interval_ms", "hours", "period_ms"),
    [
        (HOUR_MS, 10, HOUR_MS),
        (HOUR_MS, 11, 4 * HOUR_MS),
        (HOUR_MS + 1, 10, 4 * HOUR_MS),
        (MINUTE_MS, 1, HOUR_MS),
        (HOUR_MS, 40, 4 * HOUR_MS),
        (HOUR_MS, 41, 4 * HOUR_MS),
    ],
)
def test_the_finest_period_that_covers_the_span_in_ten_rows(interval_ms, hours, period_ms):
    periods = (5 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS)
    assert wire.coarsest_needed(asked(interval_ms, hours * HOUR_MS), periods, 10) == period_ms


def test_the_longest_bars_that_divide_those_asked_for():
    offered = (MINUTE_MS, 5 * MINUTE_MS, HOUR_MS)
    for interval_ms, found in ((15 * MINUTE_MS, 5 * MINUTE_MS), (HOUR_MS, HOUR_MS), (DAY_MS, HOUR_MS), (30_000, None)):
        assert wire.dividing(asked(interval_ms, DAY_MS), offered) == found


@pytest.mark.parametrize(
    ("name", "coin"),
    [
        ("1000SHIB", ("SHIB", 1e3)),
        ("1000000MOG", ("MOG", 1e6)),
        ("100X", ("100X", 1.0)),
        ("1INCH", ("1INCH", 1.0)),
        ("BTC", ("BTC", 1.0)),
    ],
)
def test_how_many_coins_are_counted_as_one(name, coin):
    assert wire.coins_of(name) == coin


def test_the_last_record_and_the_parameters_that_are_given():
    assert (wire.best([1, 2]), wire.best([])) == (2, None)
    assert wire.params(a=1, b=None, c=0) == (("a", "1"), ("c", "0"))
    assert wire.once(a=1)(asked(1, 1)) == ((("a", "1"),),)


def test_an_answer_is_of_the_contract_that_was_asked_for():
    for told in (None, "A"):
        decode.of_asked(told, "A", "s", "e", "$")
    with pytest.raises(ParseError, match="'B' was not asked for"):
        decode.of_asked("B", "A", "s", "e", "$")


def test_lists_are_oldest_first_where_nothing_else_is_said():
    decode.in_order([1, 2], "s", "e")
    with pytest.raises(ParseError, match=r"at \$\[1\]"):
        decode.in_order([2, 1], "s", "e")


def test_what_may_be_there_is_none_where_it_is_not_of_its_kind():
    assert decode.maybe(b"5", int) == 5
    assert decode.maybe(b'"5"', int) is None
    assert decode.maybe(b"{", int) is None


def test_why_a_figure_is_left_out_or_doubted_is_told_of_that_figure_alone():
    found = Harvest(
        BYBIT,
        failures=[DoubtfulError("bybit", "candles", "too old"), RefusedError("bybit", "volume", "refused", "", 500)],
        doubted=[DoubtfulError("bybit", "ticker", "far off")],
    )
    assert [found.why_left_out(name) for name in ("candles", "volume", "ticker")] == ["too old", "", ""]
    assert [found.why_doubted(name) for name in ("candles", "volume", "ticker")] == ["", "", "far off"]
