"""Content of the archive's files: units, sides, times and what is damaged."""

from __future__ import annotations

import hashlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance.dumps import unpack
from imbalance.dumps.binance import COIN_M, FUNDING, KLINES, LIQUIDATIONS, METRICS, USD_M, File
from imbalance.dumps.binance_tables import KLINE_COLUMNS, METRIC_COLUMNS, known_of, parts_of, read
from imbalance.errors import DamagedError, ParseError, SourceError
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from tests.support import archive
from tests.support.archive import day, zipped

BARS = File(USD_M, KLINES, "BTCUSDT", "2024-02-01", "5m")
INVERSE = File(COIN_M, KLINES, "BTCUSD_PERP", "2024-02-01", "5m")
DAY_OF_METRICS = File(USD_M, METRICS, "BTCUSDT", "2024-02-01")
START = day("2024-02-01")
STEP_MS = 5 * MINUTE_MS
LIQUIDATED = File(COIN_M, LIQUIDATIONS, "BTCUSD_PERP", "2023-06-25")
FUNDED = File(USD_M, FUNDING, "BTCUSDT", "2024-02")


def bars(*rows, file=BARS, header=True):
    lines = [",".join(KLINE_COLUMNS)] if header else []
    return read(zipped("\n".join([*lines, *rows]) + "\n"), file)[0].columns


def row(at=0, prices="100,110,90,105", volume=10, quote=1000, taker=4, taker_quote=400, unit=1):
    start = (START + at * STEP_MS) * unit
    return f"{start},{prices},{volume},{start + STEP_MS - 1},{quote},7,{taker},{taker_quote},0"


def metric(stamp="2024-02-01 00:05:00", interest="100.0", value="5000000.0", ratios="1.5,1.0,3.0", symbol="BTCUSDT"):
    return f"{stamp},{symbol},{interest},{value},{ratios},0.9"


def metrics(*rows, file=DAY_OF_METRICS):
    parts = read(zipped("\n".join([",".join(METRIC_COLUMNS), *rows]) + "\n"), file)
    return {part.what or part.data: part.columns for part in parts}


def test_bars_with_and_without_a_header_line():
    with_header, without = bars(row(), row(1)), bars(row(), row(1), header=False)
    assert {name: values.tolist() for name, values in with_header.items()} == {
        name: values.tolist() for name, values in without.items()
    }
    assert with_header["time_ms"].tolist() == [START, START + STEP_MS]
    assert [with_header[name][0] for name in ("open", "high", "low", "close")] == [100, 110, 90, 105]
    assert [with_header[name][0] for name in ("volume_base", "volume_usd", "taker_buy_base")] == [10, 1000, 4]


def test_bars_of_a_multiplied_coin_are_of_one_coin():
    file = BARS._replace(symbol="1000SHIBUSDT")
    found = bars(row(prices="0.02,0.03,0.01,0.02"), file=file)
    assert found["close"][0] == pytest.approx(0.00002)
    assert (found["volume_base"][0], found["taker_buy_base"][0]) == (10_000, 4000)


def test_bars_of_coin_m_count_contracts_and_coins():
    found = bars(row(volume=10, quote=0.25, taker=4, taker_quote=0.1), file=INVERSE)
    assert [found[name][0] for name in ("volume_base", "volume_usd", "taker_buy_base")] == [0.25, 1000, 0.1]


def test_microseconds_are_told_from_milliseconds():
    assert bars(row(3, unit=1000))["time_ms"].tolist() == [START + 3 * STEP_MS]


def test_bars_come_in_order_each_once_the_last_of_those_of_one_time():
    later = row(1, prices="100,110,90,101")
    found = bars(row(2), row(1), row(0), later)
    assert found["time_ms"].tolist() == [START, START + STEP_MS, START + 2 * STEP_MS]
    assert found["close"].tolist() == [105, 101, 105]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row(1, prices="100,99,90,95"), "line 3, high: high and low do not hold open and close"),
        (row(1, prices="100,110,96,95"), "line 3, high"),
        (row(1, prices="100,110,,105"), "line 3, low: outside"),
        (row(1, prices="100,inf,90,105"), "line 3, high: outside"),
        (row(1, prices="0,110,0,105"), "line 3, open: outside"),
        (row(1, prices="100,abc,90,105"), "line 3, high: 'abc' is no number"),
        (row(1, prices="100,nan,90,105"), "line 3, high"),
        (row(1, volume=-1), "line 3, volume: outside"),
        (row(1, taker=11), "line 3, taker_buy_volume: takers bought more than was traded"),
        (row(1).replace(str(START + STEP_MS), str(START + STEP_MS + 1), 1), "line 3, open_time: no start of 5m"),
        (row(-1), "line 3, open_time: not within 2024-02-01"),
        (row(288), "line 3, open_time: not within 2024-02-01"),
        (row(1).replace(str(START + STEP_MS), "1x", 1), "line 3, open_time: '1x' is no number"),
        (row(1).replace(str(START + STEP_MS), "", 1), "line 3, open_time"),
        (row(1).replace(str(START + STEP_MS), "9" * 30, 1), "open_time"),
        (row(1).rpartition(",")[0].rpartition(",")[0], "line 3: 10 columns instead of 12"),
        (row(1) + ",1", "line 3: 13 columns instead of 12"),
    ],
)
def test_damaged_bars_are_named_by_line_and_column(bad, message):
    with pytest.raises(ParseError) as raised:
        bars(row(), bad)
    assert message in str(raised.value)
    assert "binance_archive BTCUSDT-5m-2024-02-01.zip" in str(raised.value)


def test_a_bar_at_each_limit_is_sound():
    assert bars(row(0, prices="100,100,100,100"), row(287, taker=10))["time_ms"].size == 2


@pytest.mark.parametrize("header", ["open_time,open,high,low,close,volume", "a,b,c,d,e,f,g,h,i,j,k,l"])
def test_other_columns_are_told(header):
    with pytest.raises(ParseError, match="line 1: its columns are"):
        read(zipped(header + "\n" + row() + "\n"), BARS)
    with pytest.raises(ParseError, match="2 columns instead of 12"):
        read(zipped("1,2\n"), BARS)


def test_a_file_without_rows_has_none():
    for content in ("", ",".join(KLINE_COLUMNS) + "\n"):
        [part] = read(zipped(content), BARS)
        assert part.columns["time_ms"].size == 0
        assert known_of(part, BARS) == []


def test_metrics_until_the_change_of_labels_are_of_the_moment_that_they_name():
    found = metrics(metric("2024-02-01 00:05:00"), metric("2024-02-02 00:00:00", interest="101.0"))
    assert found["open_interest"]["time_ms"].tolist() == [START + STEP_MS, START + DAY_MS]
    assert found["open_interest"]["open_interest_base"].tolist() == [100, 101]
    assert found["open_interest"]["open_interest_usd"].tolist() == [5e6, 5e6]
    assert {name: columns["long_share"][0] for name, columns in found.items() if name != "open_interest"} == {
        "accounts": 0.75,
        "top accounts": 0.6,
        "top positions": 0.5,
    }


@pytest.mark.parametrize(("period", "late_ms"), [("2026-06-24", 0), ("2026-06-25", STEP_MS), ("2026-09-01", STEP_MS)])
def test_metrics_from_the_change_of_labels_on_are_of_five_minutes_later(period, late_ms):
    found = metrics(metric(f"{period} 10:00:00"), file=DAY_OF_METRICS._replace(period=period))
    assert found["open_interest"]["time_ms"].tolist() == [day(period) + 10 * HOUR_MS + late_ms]


def test_metrics_of_coin_m_count_contracts_and_coins():
    file = File(COIN_M, METRICS, "BTCUSD_PERP", "2024-02-01")
    found = metrics(metric("2024-02-01 00:00:00", "1000", "2.5", '"","",""', "BTCUSD_PERP"), file=file)
    assert found["open_interest"]["time_ms"].tolist() == [START + STEP_MS]
    assert found["open_interest"]["open_interest_base"].tolist() == [2.5]
    assert found["open_interest"]["open_interest_usd"].tolist() == [100_000]
    assert all(found[name]["time_ms"].size == 0 for name in ("accounts", "top accounts", "top positions"))


def test_metrics_are_put_in_order_once_and_on_the_grid():
    rows = [metric("2024-02-01 00:10:02"), metric(), metric(), metric("2024-02-01 00:14:59", interest="7")]
    found = metrics(*rows)["open_interest"]
    assert found["time_ms"].tolist() == [START + STEP_MS, START + 2 * STEP_MS, START + 3 * STEP_MS]
    assert found["open_interest_base"].tolist() == [100, 100, 7]


@pytest.mark.parametrize(("seconds", "kept"), [("00:06:00", 1), ("00:06:01", 0), ("00:04:00", 1), ("00:03:59", 0)])
def test_a_stamp_off_the_grid_by_more_than_a_minute_is_of_no_step(seconds, kept):
    assert metrics(metric(f"2024-02-01 {seconds}"))["open_interest"]["time_ms"].size == kept


def test_what_was_not_measured_is_missing_and_never_zero():
    found = metrics(
        metric(interest="0"), metric("2024-02-01 00:10:00", interest=""), metric("2024-02-01 00:15:00", value="")
    )
    assert found["open_interest"]["time_ms"].tolist() == [START + 3 * STEP_MS]
    assert np.isnan(found["open_interest"]["open_interest_usd"][0])
    assert found["accounts"]["time_ms"].size == 3
    assert metrics(metric(ratios=",0,2.0"))["top positions"]["time_ms"].size == 0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (metric(symbol="ETHUSDT"), "line 2, symbol: not BTCUSDT"),
        (metric("yesterday"), "create_time"),
        (metric("2024-02-02 00:05:00"), "line 2, create_time: not of 2024-02-01"),
        (metric("2024-01-31 23:55:00"), "line 2, create_time: not of 2024-02-01"),
        (metric(interest="-1"), "line 2, sum_open_interest: outside"),
        (metric(ratios="1,x,2"), "line 2, sum_toptrader_long_short_ratio: 'x' is no number"),
    ],
)
def test_damaged_metrics_are_named(bad, message):
    with pytest.raises(ParseError) as raised:
        metrics(bad)
    assert message in str(raised.value)


def test_fundings_are_of_the_minute():
    body = zipped(
        f"calc_time,funding_interval_hours,last_funding_rate\n{START + 3},8,-0.0001\n{START + 8 * HOUR_MS},,0.5\n"
    )
    [part] = read(body, FUNDED)
    assert (part.data, part.what, part.interval_ms) == ("funding", "settled", 0)
    assert part.columns["time_ms"].tolist() == [START, START + 8 * HOUR_MS]
    assert part.columns["rate"].tolist() == [-0.0001, 0.5]
    assert part.columns["interval_hours"][0] == 8
    assert np.isnan(part.columns["interval_hours"][1])
    assert known_of(part, FUNDED) == [(START, day("2024-03-01"))]


@pytest.mark.parametrize(("hours", "rate"), [("1e-9", "-1"), ("720.9", "0.999")])
def test_fundings_at_each_limit_are_sound(hours, rate):
    [part] = read(zipped(f"{START},{hours},{rate}\n"), FUNDED)
    assert (part.columns["rate"][0], part.columns["interval_hours"][0]) == (float(rate), float(hours))


@pytest.mark.parametrize(
    "bad", [f"{START},0,0.1", f"{START},8,1", f"{START},8,-1.5", f"{START},8,", f"{START},721,0.1", "0,8,0.1"]
)
def test_fundings_that_cannot_be_are_told(bad):
    with pytest.raises(ParseError):
        read(zipped(bad + "\n"), FUNDED)


def order(at_ms=0, side="SELL", quantity=7, price="30631.6", filled=7):
    return f"{LIQUIDATED.from_ms + at_ms},{side},LIMIT,IOC,{quantity},30741.3,{price},FILLED,6,{filled}"


def orders(*rows):
    return read(zipped("\n".join(rows) + "\n"), LIQUIDATED)[0].columns


def test_liquidations_count_each_doubled_line_once_and_name_the_side_that_was_liquidated():
    found = orders(order(2000, "BUY"), order(2000, "BUY"), order(), order())
    assert found["time_ms"].tolist() == [LIQUIDATED.from_ms, LIQUIDATED.from_ms + 2000]
    assert found["position"].tolist() == ["long", "short"]
    assert found["quantity_base"].tolist() == pytest.approx([700 / 30631.6] * 2)
    assert found["price"].tolist() == [30631.6] * 2
    assert found["nth"].tolist() == [0, 0]


def test_orders_that_differ_only_in_what_is_not_stored_are_told_apart():
    found = orders(order(quantity=7), order(quantity=8))
    assert found["nth"].tolist() == [0, 1]


def test_an_order_that_nobody_filled_liquidated_nothing():
    assert orders(order(filled=0), order(1))["time_ms"].tolist() == [LIQUIDATED.from_ms + 1]


@pytest.mark.parametrize("price", [1e-12, 0.5, 0.999e12])
def test_an_order_may_cost_next_to_nothing(price):
    assert orders(order(price=price))["price"].tolist() == [price]


@pytest.mark.parametrize("bad", [order(price=0.9e-12), order(price=1e12), order(filled=1e18)])
def test_an_order_beyond_all_measure_is_told(bad):
    with pytest.raises(ParseError, match="outside"):
        orders(bad)


@pytest.mark.parametrize("bad", [order(side="SOLD"), order(price="0"), order(filled=-1), order(-1), order(DAY_MS)])
def test_damaged_liquidations_are_told(bad):
    with pytest.raises(ParseError):
        orders(bad)


def test_a_part_covers_what_its_rows_do():
    [part] = read(zipped("\n".join([row(0), row(1), row(3)]) + "\n"), BARS)
    assert known_of(part, BARS) == [
        (START, START + 2 * STEP_MS),
        (START + 3 * STEP_MS, START + 4 * STEP_MS),
    ]


@pytest.mark.parametrize("file", [BARS, INVERSE, DAY_OF_METRICS, LIQUIDATED, FUNDED])
def test_a_file_has_the_parts_that_it_is_said_to_have(file):
    found = read(zipped(archive.MAKERS[file.kind](file)), file)
    assert [part[:3] for part in found] == parts_of(file)
    assert all(len(values) == part.columns["time_ms"].size for part in found for values in part.columns.values())


def test_the_checksum_is_verified():
    told = f"{hashlib.sha256(b'x').hexdigest()}  a.zip\n".encode()
    unpack.require_checksum(b"x", told, "s", "a.zip")
    unpack.require_checksum(b"x", told.upper().replace(b"A.ZIP", b"*a.zip"), "s", "a.zip")
    for body, text, name in (
        (b"y", told, "a.zip"),
        (b"x", told, "b.zip"),
        (b"x", b"", "a.zip"),
        (b"x", b"<html>", "a.zip"),
    ):
        with pytest.raises(DamagedError, match=f"s {name}"):
            unpack.require_checksum(body, text, "s", name)


def many(*names):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for name in names:
            made.writestr(name, "1,2\n")
    return held.getvalue()


@pytest.mark.parametrize(
    "body",
    [b"", b"PK", b"not a zip at all", zipped(row())[:-30], many("a.txt"), many("a.csv", "b.csv"), many()],
)
def test_a_damaged_zip_is_a_named_error(body):
    with pytest.raises(DamagedError, match=r"binance_archive BTCUSDT-5m-2024-02-01\.zip"):
        read(body, BARS)


def test_a_bomb_is_not_unpacked():
    with pytest.raises(DamagedError, match="more than 64 MB"):
        read(zipped("0" * (unpack.MOST_BYTES + 1)), BARS)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_ends_in_anything_but_a_named_error(data):
    file = data.draw(st.sampled_from([BARS, DAY_OF_METRICS, LIQUIDATED, FUNDED]))
    lines = archive.MAKERS[file.kind](file).splitlines()[:6]
    at = data.draw(st.integers(0, len(lines) - 1))
    cells = lines[at].split(",")
    cells[data.draw(st.integers(0, len(cells) - 1))] = data.draw(st.text(max_size=8))
    lines[at] = ",".join(cells)
    body = bytearray(zipped("\n".join(lines) + "\n"))
    if data.draw(st.booleans()):
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        parts = read(bytes(body), file)
    except SourceError:
        return
    for part in parts:
        assert (np.diff(part.columns["time_ms"]) >= 0).all()
        for name in ("open", "rate", "price", "long_share"):
            assert np.isfinite(part.columns.get(name, np.empty(0))).all()


def recorded(samples, name, file):
    return read(zipped((samples / "binance" / name).read_text()), file)


def test_recorded_files_are_read(samples):
    file = File(USD_M, METRICS, "BTCUSDT", "2026-07-20")
    interest, accounts, _top, positions = recorded(samples, "vision_metrics.1.csv", file)
    assert interest.columns["time_ms"].tolist() == [day("2026-07-20") + STEP_MS, day("2026-07-20") + 2 * STEP_MS]
    assert interest.columns["open_interest_base"][0] == 102397.952
    assert accounts.columns["long_share"][0] == pytest.approx(1.39157631 / 2.39157631)
    assert positions.columns["long_share"][0] == pytest.approx(1.478339 / 2.478339)
    file = File(COIN_M, METRICS, "BTCUSD_PERP", "2023-06-25")
    interest, accounts, *_others = recorded(samples, "vision_metrics.3.csv", file)
    assert interest.columns["open_interest_usd"][0] == 557_870_000
    assert interest.columns["open_interest_base"][0] == 18265.00911826
    assert accounts.columns["time_ms"].size == 0
    [orders] = recorded(samples, "vision_liquidationSnapshot.1.csv", LIQUIDATED)
    assert orders.columns["position"].tolist() == ["short", "short"]
    assert (orders.columns["quantity_base"] * orders.columns["price"]).tolist() == pytest.approx([700, 4300])
