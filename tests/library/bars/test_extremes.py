"""Markets at the edges of what there is: every figure that is made of them is finite, and no warning is given.

Warnings are errors in all tests, so that one of numpy's fails here.
"""

from __future__ import annotations

import io
import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from imbalance_cli.render.markdown import to_markdown
from imbalance_cli.render.plain import to_text
from imbalance_cli.render.view import blocks_of

import imbalance
from imbalance import service
from imbalance.collect import Options
from imbalance.errors import MissingDataError, StaleDataError
from imbalance.fetch.settings import SourceSettings
from imbalance.reader import read_bars
from imbalance.units import DAY_MS, HOUR_MS
from tests.library.test_market import rows, write

START = 1_700_000_000_000 // DAY_MS * DAY_MS
PRICES = "open,high,low,close"
HEAD = f"time,venue,{PRICES},volume_base,open_interest_base,long_liquidations_base,short_liquidations_base,contract"


def bars_file(path, seed, bars, interval_ms, price, size, sd, venues):
    """Write a market; `venues` hold (name, contract, what is odd about it)."""
    g = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(g.normal(0, sd, bars)))
    opens = np.concatenate([[price], close[:-1]])
    high, low = np.maximum(opens, close) * (1 + sd), np.minimum(opens, close) / (1 + sd)
    stream = io.StringIO()
    stream.write(HEAD + "\n")
    for name, contract, odd in venues:
        interest = size * np.exp(np.cumsum(g.normal(0, 0.01, bars)))
        volume = g.gamma(1, size / 10, bars)
        longs, shorts = g.gamma(0.3, size / 1e4, (2, bars))
        if odd == "idle":
            volume[:] = 0
        if odd == "young":
            interest[: bars // 2] = 0
        for i in range(bars):
            seen = ("", "") if odd in {"unseen", "idle"} else (longs[i], shorts[i])
            held = "" if odd == "unknown" else interest[i]
            traded = "" if odd == "untold" or (odd == "patchy" and i % 3) else volume[i]
            cells = (START + i * interval_ms, name, opens[i], high[i], low[i], close[i], traded, held, *seen, contract)
            stream.write(",".join(map(str, cells)) + "\n")
    path.write_text(stream.getvalue())
    return path


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


MOST_USD = 1e12  # so that prices may walk far without any cell being worth what a file may not hold
ODD = st.sampled_from(["", "idle", "young", "unseen", "untold", "patchy", "unknown"])


@settings(deadline=None, max_examples=4)
@example(1, 2, HOUR_MS, 1e-8, 1e15, 0.01, ["", "unknown"])
@example(2, 24 * 7, HOUR_MS, 1e6, 1e6, 0.0, ["", "idle"])
@example(3, 24 * 7, HOUR_MS, 1e-8, 1e15, 0.02, ["unseen", ""])
@example(4, 24 * 7, HOUR_MS, 6e4, 1e-3, 0.2, ["young", "patchy"])
@example(5, 40, DAY_MS, 1e-12, 1e15, 0.2, ["untold", "young"])
@given(
    st.integers(0, 10_000),
    st.sampled_from([2, 5, 30, 24 * 7]),
    st.sampled_from([HOUR_MS, HOUR_MS // 4, DAY_MS]),
    st.sampled_from([1e-8, 1.0, 1e6]),
    st.sampled_from([1e4, 1e6, 1e8]),
    st.sampled_from([0.0, 1e-6, 0.01, 0.2]),
    st.lists(ODD, min_size=1, max_size=3),
)
def test_every_command_is_finite_at_the_edges(tmp_path_factory, seed, bars, interval_ms, price, size, sd, odd):
    venues = [(f"v{i}", "inverse" if i == 1 else "linear", what) for i, what in enumerate(odd)]
    size = min(size, MOST_USD / price)
    path = bars_file(tmp_path_factory.mktemp("m") / "a.csv", seed, bars, interval_ms, price, size, sd, venues)
    options = Options(symbol="X", bars=path, shock=0.03, columns=20, bins=20, bands=((price * 1.1, price * 1.2),))
    commands = (service.report, service.clusters, service.heatmap_report, service.cascade, service.validate)
    for command in commands:
        try:
            document = command(options, SourceSettings(), START + 400 * DAY_MS, lambda _harvest: None)
        except MissingDataError:
            # Nothing to map, or nothing to validate: said in a sentence.
            assert command is service.validate or set(odd) == {"unknown"}
            continue
        found = json.loads(msgspec.json.encode(document))
        assert all(math.isfinite(v) for v in numbers(msgspec.to_builtins(document)))
        assert found["notes"] == msgspec.to_builtins(document)["notes"]
        assert {g["source"] for g in found["gaps"] if "left out" in g["message"]} == {
            v[0] for v in venues if v[2] == "unknown"
        }


def test_arrays_of_the_library_are_finite(tmp_path):
    path = bars_file(
        tmp_path / "a.csv", 7, 24 * 8, HOUR_MS, 1e-8, 1e15, 0.05, [("a", "linear", ""), ("b", "inverse", "")]
    )
    bars = read_bars(path)
    found, through = imbalance.estimate(bars), imbalance.heatmap(bars, columns=30, bins=40)
    arrays = (
        found.forced,
        found.exposed,
        found.draws,
        found.path_implied,
        found.path_draws,
        found.weights,
        found.edges,
    )
    for array in (*arrays, through.long_usd, through.short_usd, through.edges):
        assert np.isfinite(array).all()
    assert found.forced.sum() > 0


@pytest.mark.parametrize("command", [service.report, service.clusters, service.heatmap_report, service.cascade])
def test_a_venue_without_open_interest_is_left_out_by_name_and_is_no_zero(tmp_path, command):
    both = bars_file(
        tmp_path / "a.csv", 3, 24 * 8, HOUR_MS, 100.0, 1e4, 0.01, [("a", "linear", ""), ("b", "linear", "unknown")]
    )
    one = tmp_path / "b.csv"
    one.write_text("".join(line for line in both.read_text().splitlines(keepends=True) if ",b," not in line))
    zero = tmp_path / "c.csv"
    lines = [line.split(",") for line in both.read_text().splitlines()]
    zero.write_text("\n".join(",".join([*x[:7], "0" if x[1] == "b" else x[7], *x[8:]]) for x in lines))
    made = [
        msgspec.to_builtins(command(Options(bars=p, columns=9, bins=9), SourceSettings(), START, lambda _h: None))
        for p in (both, zero, one)
    ]
    assert made[0] == made[1]
    (gap,) = made[0]["gaps"]
    assert (gap["source"], gap["what"], gap["failed"]) == ("b", "open interest", False)
    assert "left out" in gap["message"]
    assert made[2]["gaps"] == []
    for name in ("map", "long_usd", "forced", "risk"):
        if name in made[0]:
            assert made[0][name] == made[2][name]
    if command is service.report:
        assert made[0]["open_interest"]["missing"] == ["b"]
        for name in ("total_base", "change"):
            assert made[0]["open_interest"][name] == made[2]["open_interest"][name] is not None
        assert {v["name"]: v["open_interest_base"] for v in made[0]["venues"]}["b"] is None


def asked(path, command=service.report, now_ms=START, **options):
    return command(Options(bars=path, columns=9, bins=9, **options), SourceSettings(), now_ms, lambda _harvest: None)


@pytest.mark.parametrize("bars", [24, 25])
def test_a_day_or_less_is_said_first_and_no_side_is_called_heavier(tmp_path, bars):
    path = bars_file(tmp_path / "a.csv", 1, bars, HOUR_MS, 100.0, 1e4, 0.01, [("a", "linear", "")])
    found = asked(path)
    short = bars <= 24
    assert [("24 bars" in note, "not compared" in note) for note in found.notes] == [(True, True)] * short
    assert found.model.history_days == bars / 24
    assert found.model.calibrated is not short
    if short:
        assert found.risk.heavier is found.verdict.heavier is None
        assert "not compared" in found.verdict.text
        assert all(w.heavier is None for w in found.windows)
    for rendered in (to_text(found), to_markdown(blocks_of(found, full=True))):
        said, figures = rendered.find("24 bars of 1h"), rendered.find("Short liquidation risk")
        assert (0 < said < figures) is short


def test_a_moment_after_the_last_bar_is_said_and_ages_the_bars(tmp_path):
    path = bars_file(tmp_path / "a.csv", 1, 48, HOUR_MS, 100.0, 1e4, 0.01, [("a", "linear", "")])
    end = START + 2 * DAY_MS
    assert asked(path, as_of_ms=end).notes == []
    (note,) = asked(path, as_of_ms=end + DAY_MS).notes
    assert "2023-11-17T00:00:00Z is later than the last bar" in note
    assert "2023-11-16T00:00:00Z" in note
    years_on = START + 900 * DAY_MS
    asked(path, as_of_ms=end + HOUR_MS, max_age_s=7200.0, now_ms=years_on)
    with pytest.raises(StaleDataError, match="2023-11-16T00"):
        asked(path, as_of_ms=end + 3 * HOUR_MS, max_age_s=7200.0, now_ms=years_on)
    with pytest.raises(StaleDataError):
        asked(path, max_age_s=7200.0, now_ms=years_on)


def test_the_far_side_of_a_band_says_why_it_is_zero(tmp_path):
    path = bars_file(tmp_path / "a.csv", 1, 48, HOUR_MS, 100.0, 1e4, 0.001, [("a", "linear", "")])
    found = asked(path, service.clusters, bands=((110.0, 120.0), (80.0, 90.0), (90.0, 110.0)))
    above, below, both = found.bands
    assert (above.long.usd, above.ratio, below.short.usd, below.ratio) == (0, None, 0, None)
    assert ("long is 0," in above.note, "short is 0," in below.note, both.note) == (True, True, "")
    rendered = to_markdown(blocks_of(found, full=True))
    assert "110-120: above the price shorts alone" in rendered
    assert "80-90: below the price longs alone" in rendered


def test_a_market_without_volume_has_no_square_root_law(tmp_path):
    path = bars_file(tmp_path / "a.csv", 1, 48, HOUR_MS, 100.0, 1e4, 0.01, [("a", "linear", "idle")])
    found = asked(path, service.cascade)
    assert found.volume_day_usd is None
    assert found.laws[0].reach is None
    assert "no volume is known" in to_text(found)
    assert asked(path).volume.total_24h_usd is None
    # Bars whose volume is not known count neither as idle nor as bars.
    whole = bars_file(tmp_path / "b.csv", 1, 240, HOUR_MS, 100.0, 1e4, 0.01, [("a", "linear", "")])
    lines = [line.split(",") for line in whole.read_text().splitlines()]
    part = tmp_path / "c.csv"
    part.write_text("\n".join(",".join([*x[:6], "" if i % 2 else x[6], *x[7:]]) for i, x in enumerate(lines)))
    one, other = (asked(p, service.cascade).volume_day_usd for p in (whole, part))
    assert other == pytest.approx(one, rel=0.3)


def test_a_low_of_the_bars_file_is_not_told_as_another_services(tmp_path):
    path = write(tmp_path / "a.csv", rows(24 * 9))
    found = service.report(Options(bars=path), SourceSettings(), START, lambda _h: None)
    (row,) = [row for row in found.metrics if row.id == "open_interest_change"]
    assert row.detail.endswith("on the bars file")
