"""Values of options that no number can hold, or that no market knows: told by the option's name, never a bug."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import typer
from imbalance_cli.commands import MODULES, named, whole
from imbalance_cli.commands.run import run
from imbalance_cli.formats import Format
from imbalance_cli.settings import Settings
from imbalance_cli.values import band, span_ms

from imbalance.errors import UsageError
from imbalance.units import DAY_MS, iso, parse_time_ms

MANY = "9" * 400


@pytest.mark.parametrize(
    "text", ["1e-320:90000", "5e-324:1", "0:9", "-1:9", "1:nan", "1:inf", f"1:{MANY}K", "9:1", "1:1", "1", "1:2:3", ":"]
)
def test_a_band_of_prices_that_cannot_be_is_told(text):
    with pytest.raises(UsageError, match="--band"):
        band(text)


def test_a_band_is_read_in_thousands_and_with_commas():
    assert band("85K:92,000") == (85_000, 92_000)
    assert band("1e-9:0.5k") == (1e-9, 500)


@pytest.mark.parametrize("text", [f"{MANY}d", "-1d", "1", "d", "1e3d", "nand", "٣d"])
def test_a_span_that_cannot_be_is_told(text):
    with pytest.raises(UsageError, match=re.escape(f"--max-age {text!r} is not a duration")):
        span_ms("--max-age", text)


@pytest.mark.parametrize("text", ["9" * 25, "253402300800000", "9999-12-31T23:59:59.9999Z", "-1", "²", ""])
def test_a_moment_beyond_the_calendar_is_none(text):
    with pytest.raises(ValueError, match=r"beyond|[Ii]nvalid"):
        parse_time_ms(text)


def test_the_last_moment_can_be_written():
    assert iso(parse_time_ms("253402300799999")) == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("taken", "options"),
    [
        ("b.csv", {"bars": "b.csv"}),
        ("link", {"bars": "b.csv"}),
        ("b.csv", {"addresses": "link"}),
        ("kept/recording.json", {"replay": "kept"}),
        ("new", {"record": "new"}),
        ("./recording.json", {"record": "."}),
    ],
)
def test_an_answer_never_takes_the_place_of_what_it_rests_on(taken, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("b.csv").touch()
    Path("link").symlink_to("b.csv")
    Path("kept").mkdir()
    given = {name: Path(value) if name != "replay" else value for name, value in options.items()}
    where = f"would take the place of --{next(iter(options))}"
    with pytest.raises(UsageError, match=where):
        run("report", settings(output=Path(taken), **given))


def test_a_study_never_takes_the_place_of_one_of_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").touch()
    Path("b.csv").touch()
    with pytest.raises(UsageError, match="would take the place of --bars"):
        run("backtest", settings(output=Path("b.csv"), files=(Path("a.csv"), Path("b.csv"))))


def test_an_answer_may_lie_beside_what_it_rests_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("b.csv").touch()
    for output, given in (("a.json", {"record": Path()}), ("/dev/null", {"bars": Path("/dev/null")})):
        run("report", settings(output=Path(output), json_schema=True, **given))
    assert Path("a.json").is_file()


def settings(**given):
    names = {f.name: None for f in msgspec.structs.fields(Settings)}
    return Settings(**(names | {"format": Format.TABLE, "files": ()} | given))


def test_a_span_is_read_in_its_unit():
    assert span_ms("--lookback", " 1.5d ") == 1.5 * DAY_MS


def test_each_module_holds_the_commands_that_it_is_loaded_for():
    words = [word for own in MODULES.values() for word in own]
    assert sorted(words) == sorted(set(words))
    for word in words:
        group = typer.main.get_command(named(word))
        assert list(group.commands) == [word]
    assert list(typer.main.get_command(whole()).commands) == words
    assert list(typer.main.get_command(named("reprot")).commands) == words
