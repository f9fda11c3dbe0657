"""Options, settings and the screen at both sides of their limits."""

from __future__ import annotations

import io
import sys
import time

import msgspec
import pytest
from imbalance_cli import configuration, context, safe, values
from imbalance_cli.commands import whole
from imbalance_cli.commands.run import _save, require_writable
from imbalance_cli.formats import Format
from imbalance_cli.settings import Settings, settings_of
from typer.testing import CliRunner

from imbalance.errors import StoreError, UsageError
from imbalance.units import DAY_MS, HOUR_MS
from tests.cli.test_options import settings

ADDRESS = "0x" + "a" * 40


def asked(**given):
    plain = {
        "symbol": "btc",
        "symbols": (),
        "venues": (),
        "bands": (),
        "address": (),
        "interval": "1h",
        "lookback": "30d",
    }
    return settings(**(plain | {"window": 15.0} | given)).service()


@pytest.mark.parametrize("lookback", ["10h", "400d"])
def test_a_lookback_holds_ten_bars_and_400_days_at_most(lookback):
    assert asked(lookback=lookback).lookback_ms == values.span_ms("", lookback)


@pytest.mark.parametrize("lookback", ["35999999ms", "34560000001ms"])
def test_a_lookback_beyond_its_limits_is_told(lookback):
    with pytest.raises(UsageError, match="at least ten bars and at most 400 days"):
        asked(lookback=lookback)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"bars": "b", "replay": "r"}, "--bars reads no network"),
        ({"bars": "b", "record": "r"}, "--bars reads no network"),
        ({"as_of": "2026-01-30", "replay": "r"}, "--as-of needs local history or --bars"),
        ({"interval": "7m"}, "--interval '7m'"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(given, told):
    with pytest.raises(UsageError, match=told):
        asked(**given)


def test_options_become_what_the_library_is_asked():
    told = asked(bars="b", as_of="2026-01-30", max_age="10m", to="85K", horizon="1d,36h")
    assert (told.symbol, told.max_age_s, told.to_price, told.horizons_days) == ("BTC", 600, 85_000, (1, 1.5))
    assert told.as_of_ms == 1_769_731_200_000
    assert (told.columns, told.bins) == (200, 200)
    plain = asked(columns=7, bins=9)
    assert (plain.columns, plain.bins) == (7, 9)
    assert (plain.as_of_ms, plain.max_age_s, plain.to_price, plain.shock) == (None, None, None, None)
    fields = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    assert (fields["dark"], fields["probe"]) == (False, False)


GIVEN = dict.fromkeys(
    ("color", "no_color", "quiet", "verbose", "json_", "json_schema", "format_", "output", "replay", "record", "debug")
)


def test_flags_fill_the_settings():
    told = settings_of(GIVEN)
    assert (told.symbol, told.format, told.asked_format, told.output) == ("BTC", Format.TABLE, None, None)
    assert (told.venues, told.bands, told.address, told.dark, told.probe) == ((), (), (), False, False)
    assert told.color is None
    assert settings_of(GIVEN | {"no_color": True}).color is False
    assert settings_of(GIVEN | {"json_": True}).asked_format is Format.JSON
    assert settings_of(GIVEN | {"json_schema": True, "format_": Format.JSON}).asked_format is Format.JSON
    assert settings_of(GIVEN | {"format_": Format.CSV}).asked_format is Format.CSV
    full = settings_of(GIVEN | {"venue": ["okx"], "band": ["1:2"], "address": [ADDRESS], "output": "x"})
    assert (full.venues, full.bands, full.address, full.output) == (("okx",), ("1:2",), (ADDRESS,), "x")


@pytest.mark.parametrize(
    ("name", "most", "least"), [("window", 100.0, 0.01), ("timeout", 86_400.0, 0.0), ("width", None, 39)]
)
def test_bounds_of_settings_are_left_out(name, most, least, monkeypatch):
    step = 1 if name == "width" else 1e-6
    for value in (least, *([most] if most else [])):
        with pytest.raises(UsageError, match=f"--{name} must"):
            configuration.filled({name: value})
        monkeypatch.setenv(f"IMBALANCE_{name.upper()}", str(value))
        with pytest.raises(UsageError, match=f"IMBALANCE_{name.upper()} must"):
            configuration.filled({})
        monkeypatch.delenv(f"IMBALANCE_{name.upper()}")
    for value in (least + step, *([most - step] if most else [10**9])):
        assert configuration.filled({name: value})[name] == value


def configured(text, tmp_path, monkeypatch):
    file = tmp_path / "config.toml"
    file.write_text(text)
    monkeypatch.setenv("IMBALANCE_CONFIG", str(file))
    return configuration.filled({})


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("window = 5", "window", 5), ("window = 5.5", "window", 5.5), ("strict = true", "strict", True),
        ("width = 90", "width", 90), ('venue = ["okx"]', "venue", ["okx"]), ("timeout = 3", "timeout", 3),
    ],
)  # fmt: skip
def test_a_configuration_is_read(text, name, value, tmp_path, monkeypatch):
    assert configured(text, tmp_path, monkeypatch)[name] == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("window = true", "must be a float"), ("width = true", "must be a int"), ("width = 90.5", "must be a int"),
        ("strict = 1", "must be a bool"), ("venue = [1]", "must be a list of texts"),
        ("window = 0.01", "between 0.01 and 100"),
        ("nothing = 1", "unknown setting"), ('format = "pdf"', "is not one of"), ('venue = "okx"', "must be a list"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_is_told(text, told, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=told):
        configured(text, tmp_path, monkeypatch)


def test_the_environment_beats_the_file_and_flags_beat_both(tmp_path, monkeypatch):
    assert configured("", tmp_path, monkeypatch) == configuration.DEFAULTS
    defaults = ("table", "15m", "30d", 15.0, 15.0, False, False, False)
    names = ("format", "interval", "lookback", "window", "timeout", "strict", "ascii", "no_store")
    assert tuple(configuration.DEFAULTS[name] for name in names) == defaults
    for text, told in (("1", True), ("YES", True), ("on", True), ("0", False), ("No", False), ("off", False)):
        monkeypatch.setenv("IMBALANCE_STRICT", text)
        assert configured("strict = false", tmp_path, monkeypatch)["strict"] is told
    monkeypatch.setenv("IMBALANCE_STRICT", "maybe")
    with pytest.raises(UsageError, match="true or false"):
        configuration.filled({})
    monkeypatch.setenv("IMBALANCE_STRICT", "1")
    assert configuration.filled({"strict": False})["strict"] is False
    monkeypatch.setenv("IMBALANCE_VENUE", "okx,gate")
    assert configuration.filled({})["venue"] == ["okx", "gate"]
    assert configuration.filled({"format_": "csv"})["format"] == "csv"


def test_a_file_of_a_megabyte_is_read_and_no_more(tmp_path, monkeypatch):
    assert configured("#" + "x" * 999_998 + "\n", tmp_path, monkeypatch)["window"] == 15
    with pytest.raises(UsageError):
        configured("#" + "x" * 999_999 + "\n", tmp_path, monkeypatch)
    file = tmp_path / "accounts"
    file.write_text("#" + "x" * 999_999)
    assert values.accounts((), file) == ()
    file.write_text("#" + "x" * 1_000_000)
    with pytest.raises(UsageError):
        values.accounts((), file)


def test_accounts_are_named_once_and_by_their_line(tmp_path):
    file = tmp_path / "accounts"
    file.write_text(f"# mine\n{ADDRESS}  # one\n\n{ADDRESS.upper().replace('X', 'x')}\n")
    assert values.accounts((ADDRESS,), file) == (ADDRESS,)
    file.write_text(f"{ADDRESS}\n\n0x12 # short\n")
    with pytest.raises(UsageError, match="line 3: '0x12' is no address"):
        values.accounts((), file)
    long = "0x" + "z" * 80
    with pytest.raises(UsageError) as caught:
        values.accounts((long,), None)
    assert repr(long[:60]) in caught.value.message
    assert long[:61] not in caught.value.message


@pytest.mark.parametrize(
    ("text", "price"), [("85K", 85_000), ("85k", 85_000), ("1,234.5", 1234.5), ("1e-12", 1e-12), ("1e12", 1e12)]
)
def test_prices_are_read(text, price):
    assert values.price("--to", text) == price


@pytest.mark.parametrize("text", ["0.999e-12", "1.001e12", "0", "-1", "nan", "", "K", "x"])
def test_a_price_that_no_coin_has_is_none(text):
    with pytest.raises(UsageError, match="--to"):
        values.price("--to", text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [("5ms", 5), ("1.5s", 1500), ("2m", 120_000), ("4h", 4 * HOUR_MS), ("1d", DAY_MS), ("2w", 14 * DAY_MS)],
)
def test_spans_are_read_in_each_unit(text, ms):
    assert values.span_ms("", text) == ms


@pytest.mark.parametrize(("text", "share"), [("+5%", 0.05), ("-8%", -0.08), ("0.5", 0.005), (" 7% ", 0.07)])
def test_a_push_is_in_per_cent(text, share):
    assert values.shock(text, None) == pytest.approx(share)
    assert values.shock(None, "100") is None
    with pytest.raises(UsageError, match="give one"):
        values.shock(text, "100")


def test_horizons_are_days():
    assert values.horizons("12h,1d,1w") == (0.5, 1, 7)
    assert values.horizons(None) == ()


class Stream(io.StringIO):
    encoding = "utf-8"

    def __init__(self, *, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def screen(monkeypatch, *, terminal=True, environment=(), encoding="utf-8", **given):
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(stream, "encoding", encoding, raising=False)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.delenv("TERM", raising=False)
    for name, value in environment:
        monkeypatch.setenv(name, value)
    plain = {"width": None, "color": None, "ascii_only": False, "to_file": False}
    return context.screen(**(plain | given))


@pytest.mark.parametrize(
    ("width", "columns"), [(39, 40), (40, 40), (41, 41), (199, 199), (200, 200), (201, 200), (None, 80)]
)
def test_a_screen_has_40_to_200_columns(width, columns, monkeypatch):
    assert screen(monkeypatch, terminal=False, width=width).width == columns


def test_a_terminal_tells_its_columns(monkeypatch):
    assert screen(monkeypatch, environment=[("COLUMNS", "97")]).width == 97
    assert screen(monkeypatch, environment=[("COLUMNS", "97")], to_file=True).width == 80
    assert screen(monkeypatch, environment=[("COLUMNS", "97")], terminal=False).width == 80
    monkeypatch.delenv("COLUMNS")
    assert screen(monkeypatch).width == 80


@pytest.mark.parametrize(
    ("given", "color"),
    [
        ({}, True), ({"terminal": False}, False), ({"to_file": True}, False),
        ({"environment": [("TERM", "dumb")]}, False),
        ({"environment": [("NO_COLOR", "1")]}, False), ({"environment": [("NO_COLOR", "")]}, True),
        ({"environment": [("FORCE_COLOR", "1")], "terminal": False}, True),
        ({"environment": [("FORCE_COLOR", "0")]}, False),
        ({"environment": [("FORCE_COLOR", "1"), ("NO_COLOR", "1")]}, False),
        ({"environment": [("NO_COLOR", "1")], "color": True}, True), ({"color": False}, False),
    ],
)  # fmt: skip
def test_colour_is_as_asked_and_as_the_terminal_can(given, color, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert screen(monkeypatch, **given).color is color


@pytest.mark.parametrize(
    ("given", "ascii_only"),
    [
        ({}, False), ({"ascii_only": True}, True), ({"environment": [("TERM", "dumb")]}, True),
        ({"encoding": "latin-1"}, True),
        ({"encoding": None}, True), ({"encoding": "nonsense"}, True), ({"encoding": "latin-1", "to_file": True}, False),
    ],
)  # fmt: skip
def test_what_the_terminal_cannot_write_is_not_drawn(given, ascii_only, monkeypatch):
    shown = screen(monkeypatch, **given)
    assert shown.ascii is ascii_only
    assert shown.full is False


def test_the_clock_is_in_milliseconds(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_769_774_400_123_999_999)
    assert context.now_ms() == 1_769_774_400_123


def test_what_is_said_has_a_line_of_its_own(capsys):
    context.say("a\x1b")
    context.say_all("b\nc\n", "  ")
    context.say_all("")
    assert capsys.readouterr().err == "a\\x1b\n  b\n  c\n"


@pytest.mark.parametrize(
    ("text", "told"), [("日", "\\u65e5"), ("😀", "\\ud83d\\ude00"), ("a~", "a~"), ("\x7f", "\\u007f"), ("é", "\\u00e9")]
)
def test_json_is_written_in_ascii(text, told):
    assert safe.json_text(text.encode()) == told


def test_texts_of_any_part_are_made_safe():
    assert safe.document({"a\x1b": ["b\x1b", 1.0], "n": (1.0, "c\x1b")}, safe.line) == {
        "a\\x1b": ["b\\x1b", 1.0], "n": (1.0, "c\x1b")
    }  # fmt: skip
    assert safe.line("\u2800") == "\\u2800"
    assert safe.line("a\u2800b") == "a\\u2800b"
    assert safe.cell(" =1+1") == "' =1+1"
    assert safe.cell("-5 %") == "-5 %"


def test_flags_are_off_where_they_are_not_given():
    result = CliRunner().invoke(whole(), ["heatmap", "--replay", "article", "--columns", "0"])
    assert "1<=x<=5000" in str(result.exception or "") + result.output
    for columns, told in (("1", None), ("5000", None), ("5001", "1<=x<=5000")):
        output = CliRunner().invoke(whole(), ["heatmap", "--columns", columns, "--json-schema"])
        assert (output.exit_code != 0) is (told is not None)
    assert CliRunner().invoke(whole(), ["report", "--width", "39", "--json-schema"]).exit_code != 0
    assert CliRunner().invoke(whole(), ["report", "--width", "40", "--json-schema"]).exit_code == 0


def test_what_was_not_saved_is_told_unless_quiet(monkeypatch, capsys):
    def fails(*_):
        raise StoreError("no room")

    from imbalance import history

    monkeypatch.setattr(history, "save", fails)
    _save([], None, 0, settings(quiet=False), [])
    assert capsys.readouterr().err == "imbalance: note: not saved: no room\n"
    _save([], None, 0, settings(quiet=True), [])
    assert capsys.readouterr().err == ""


def test_a_new_file_in_place_of_one_that_is_to_be_made_is_refused(tmp_path):
    with pytest.raises(UsageError, match="take the place"):
        require_writable(tmp_path / "new", settings(record=tmp_path / "new"))
