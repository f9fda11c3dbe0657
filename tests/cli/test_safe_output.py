"""Text from outside harms no surface: no raw control, no broken table, no formula, no broken JSON."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import unicodedata

import msgspec
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from imbalance_cli import context, safe
from imbalance_cli.context import Screen
from imbalance_cli.formats import Format
from imbalance_cli.render import render
from imbalance_cli.render.parts import Column, Line, Table, Title
from imbalance_cli.render.terminal import to_terminal
from rich.cells import cell_len

from imbalance import service
from imbalance.collect import Options
from imbalance.errors import UsageError
from imbalance.fetch.settings import SourceSettings
from tests.cli.test_cli import REPLAY, run

HOSTILE = (
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "a\nb", "a\r\nb", "\tx", "\x00", "\x7f", "\x9b31m", "\x85",
    "\u202egnp.exe",
    "\u2066x\u2069", "\u200b", "\u2028", "\u2029", "\ufeff", "\ud800", "\U000e0041", "\u3164", "x\ufe0f", "=1+1",
    "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "\uff1d1", "-5", "| a | b |", "`<img src=x>`", "[a](http://b)",
    "&lt;", '"a",b', "幣安人生", "👩‍👩‍👧", "e\u0301", "$x_1^2$", "%s{}\\", "# head",
)  # fmt: skip
ANY = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12), st.tuples(*[st.sampled_from(HOSTILE)] * 2).map("".join))
OUR_COLOUR = re.compile(r"\x1b\[[\d;]*m")
HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
FREE = {
    "scenario", "symbol", "name", "message", "hint", "notes", "significance", "label", "text", "title", "source",
    "needs", "prints", "what", "note", "classification", "dominant_uncertainty", "other",
}  # fmt: skip
COMMANDS = {
    "report": service.report,
    "clusters": service.clusters,
    "open-interest": service.open_interest,
    "volume": service.volume,
    "liquidations": service.liquidations,
    "fear-greed": service.fear_greed,
    "sources": service.sources,
    "cascade": service.cascade,
    "heatmap": service.heatmap_report,
}


def harmful(text):
    return {c for c in OUR_COLOUR.sub("", text) if unicodedata.category(c) in HARMFUL and c != "\n"}


@pytest.fixture(scope="module")
def documents():
    options = Options(replay="article-keyless", columns=8, bins=8)
    made = {name: call(options, SourceSettings(), 0, lambda _h: None) for name, call in COMMANDS.items()}
    for name in ("report", "clusters"):  # a short map is as good as a long one, and quicker
        whole = made[name].map
        for field in whole.__struct_fields__:
            setattr(whole, field, getattr(whole, field)[::50])
    return made


def poisoned(node, texts, key=""):
    """Put hostile texts in place of all that may come from outside."""
    if isinstance(node, msgspec.Struct):
        found = {n: poisoned(getattr(node, n), texts, n) for n in node.__struct_fields__}
        return type(node)(**found)
    if isinstance(node, list):
        return [poisoned(value, texts, key) for value in node]
    if isinstance(node, dict):
        return {k: poisoned(value, texts, key) for k, value in node.items()}
    return next(texts) if isinstance(node, str) and key in FREE else node


def test_no_document_carries_harm_to_a_surface(documents):
    screens = (Screen(80, color=True, ascii=False), Screen(80, color=False, ascii=True))

    @settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(texts=st.lists(ANY, min_size=1, max_size=20))
    @example(texts=list(HOSTILE))
    def holds(texts):
        for document in documents.values():
            bad = poisoned(document, itertools.cycle(texts))
            for kind, screen in [(kind, screens[0]) for kind in Format] + [(Format.TABLE, screens[1])]:
                found = render(bad, kind, screen)
                assert not harmful(found)
                assert len(found.split("\n")) == len(found.splitlines()) + 1
                assert found.isascii() or kind is not Format.JSON
                assert found.isascii() or not screen.ascii
                if kind is Format.CSV:
                    rows = list(csv.reader(io.StringIO(found)))
                    assert {len(row) for row in rows} == {len(rows[0])}
                    assert all(safe.cell(text) == text for row in rows for text in row)
                if kind is Format.JSON:
                    whole = msgspec.to_builtins(safe.document(bad, safe.whole))
                    assert json.loads(found) == json.loads(json.dumps(whole))

    holds()


@given(ANY)
def test_a_text_is_safe_on_each_surface_and_stays_if_it_is_harmless(text):
    for made in (safe.line(text), safe.cell(text), safe.caption(text)):
        assert not harmful(made)
        assert made.splitlines() in ([made], [])
    assert safe.line("Fear & Greed, 82,512 (90 %)") == "Fear & Greed, 82,512 (90 %)"
    assert safe.line(safe.line(text)) == safe.line(text)
    assert safe.cell(text)[:1] not in {"=", "@", "\t", "\r", "+"} or safe.cell(text) == text
    encoded = msgspec.json.encode(safe.whole(text))
    assert json.loads(safe.json_text(encoded)) == safe.whole(text)
    assert safe.json_text(encoded).isascii()


def test_numbers_stay_numbers_and_formulas_do_not():
    for number in ("-5", "+1.5", "-1e-05", "-2.6 %"):
        assert safe.cell(number) == number
    for formula in ("=1", "-2+3", "+A1", "@x", " =1", "-x", "\uff1d1"):
        assert safe.cell(formula) == "'" + formula


@given(st.lists(st.tuples(ANY, ANY), min_size=1, max_size=5))
def test_columns_stay_in_line_whatever_is_in_them(cells):
    shown = [[safe.line(a), safe.line(b), "END"] for a, b in cells]
    table = Table([Column("A"), Column("B", right=True), Column("C")], shown)
    for ascii_only in (False, True):
        drawn = to_terminal([Title("漢字", "right"), table], Screen(200, color=False, ascii=ascii_only)).split("\n")
        assert cell_len(drawn[0]) == 200
        ends = [cell_len(line.removesuffix("END")) for line in drawn if line.endswith("END")]
        assert len(set(ends)) == 1
        assert len(ends) == len(cells)


@given(ANY)
def test_markdown_keeps_its_cells(text):
    from imbalance_cli.render.markdown import to_markdown

    shown = safe.line(text)
    made = to_markdown([Table([Column("A"), Column("B")], [[shown, "end"]]), Line(shown)])
    row = made.split("\n")[2]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3
    assert not re.search(r"(?<!\\)(?:\\\\)*[<`]", made)


def test_stderr_repeats_nothing_raw(capsys):
    for text in HOSTILE:
        context.say(f"imbalance: {text}")
        context.say_all(f"{text}\nmore", indent="  ")
    told = capsys.readouterr().err
    assert not harmful(told)
    assert all(line.startswith(("imbalance: ", "  ")) for line in told.splitlines())


def test_arguments_settings_and_file_names_are_repeated_safely(tmp_path):
    esc = "\x1b[31m\u202e"
    (tmp_path / "c.toml").write_text('venue = ["\\u001b[31mx\\u202e"]')
    folder = tmp_path / "record\x1b[31m"
    folder.mkdir()
    (folder / "recording.json").write_text("{")
    told = []
    for args, env in (
        ([esc], {}),
        (["report", f"--{esc}"], {}),
        (["report", "--format", esc], {}),
        (["report", "--window", esc], {}),
        (["report", "--interval", esc], {}),
        (["report", "--venue", esc], {}),
        (["report", "--replay", esc], {}),
        (["report", "--replay", str(folder)], {}),
        (["report", "--bars", esc], {}),
        (["report", "--bars", b"\xff"], {}),
        (["report", *REPLAY, "-o", f"/nowhere/{esc}"], {}),
        (["report", esc, *REPLAY], {}),
        (["report", *REPLAY], {"IMBALANCE_WIDTH": esc}),
        (["report", *REPLAY], {"IMBALANCE_CONFIG": str(tmp_path / "c.toml")}),
    ):
        done = run(*args, env=env, check=2)
        assert not done.stdout
        assert not harmful(done.stderr)
        told.append(done.stderr)
    assert sum("x1b" in text for text in told) >= 12
    for args in (["config", "show"], ["config", "path"]):
        done = run(*args, env={"IMBALANCE_CONFIG": str(tmp_path / "c.toml"), "IMBALANCE_MAX_AGE": esc}, check=0)
        assert not harmful(done.stdout + done.stderr)


def test_a_recordings_own_words_are_shown_safely(tmp_path):
    from imbalance.fetch.recording import INDEX, find

    folder = tmp_path / "kept"
    folder.mkdir()
    index = json.loads((find("article-keyless") / INDEX).read_text()) | {"scenario": "\x1b[31mred\u202e\n$x$"}
    (folder / INDEX).write_text(json.dumps(index))
    (tmp_path / "article").symlink_to(find("article"))
    for kind in (Format.TABLE, Format.TEXT, Format.MARKDOWN):
        done = run("volume", "--replay", str(folder), "-f", kind.value, check=0)
        assert not harmful(done.stdout + done.stderr)
        if kind in {Format.TABLE, Format.TEXT}:
            assert "\\x1b[31mred\\u202e\\n$x$" in done.stdout
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    picture = tmp_path / "map.svg"
    assert not run("heatmap", "--replay", str(folder), "-o", str(picture), "-q", check=0).stderr
    assert "$x$" in re.sub(r"(?s).*<!-- (BTC liquidations.*?) -->.*", r"\1", picture.read_text())


@pytest.mark.parametrize("kind", [Format.JSON, Format.TEXT])
def test_letters_that_the_terminal_lacks_are_no_bug(kind, tmp_path):
    from tests.library.test_market import rows, write

    table = [[r[0], "幣", *r[2:]] for r in rows(24 * 30)]
    bars = str(write(tmp_path / "a.csv", table))
    done = run("clusters", "--bars", bars, "-f", kind.value, env={"PYTHONIOENCODING": "ascii"}, check=0)
    assert done.stdout.isascii()
    assert kind is not Format.JSON or json.loads(done.stdout)["venues"][0]["name"] == "幣"


def test_no_screen_is_wider_than_what_is_laid_out(monkeypatch, tmp_path):
    for width in (200, 201, 10_000, 10**30):
        screen = context.screen(width=width, color=False, ascii_only=False, to_file=True)
        assert screen.width == context.WIDEST
    monkeypatch.setenv("COLUMNS", "100000")
    terminal = type("Terminal", (io.StringIO,), {"isatty": lambda _self: True, "encoding": "utf-8"})
    monkeypatch.setattr("sys.stdout", terminal())
    assert context.screen(width=None, color=False, ascii_only=False, to_file=False).width == context.WIDEST
    (tmp_path / "c.toml").write_text("width = 10000")
    wide = run("volume", *REPLAY, "--width", "10000", check=0).stdout
    assert wide == run("volume", *REPLAY, "--width", "200", check=0).stdout
    assert wide == run("volume", *REPLAY, env={"IMBALANCE_CONFIG": str(tmp_path / "c.toml")}, check=0).stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("venue = [1, 2]", "venue must be a list of texts"),
        ("band = [1]", "band must be a list of texts"),
        ("width = -5", "width must be at least 40"),
        ("timeout = nan", "timeout must lie"),
        ("timeout = 1e300", "timeout must lie"),
        ("window = inf", "window must lie"),
        ("window = 5e-324", "window must lie"),
        ("window = true", "window must be a float"),
    ],
)
def test_settings_have_the_bounds_of_the_flags(text, told, tmp_path, monkeypatch):
    from imbalance_cli.configuration import filled

    file = tmp_path / "c.toml"
    file.write_text(text)
    monkeypatch.setenv("IMBALANCE_CONFIG", str(file))
    with pytest.raises(UsageError, match=told) as caught:
        filled({})
    assert str(file) in caught.value.message


def test_a_configuration_that_is_no_file_and_variables_that_cannot_be(tmp_path, monkeypatch):
    from imbalance_cli.configuration import filled

    os.mkfifo(tmp_path / "fifo")
    for place, told in ((tmp_path / "fifo", "no regular file"), (tmp_path, "directory")):
        monkeypatch.setenv("IMBALANCE_CONFIG", str(place))
        with pytest.raises(UsageError, match=told):
            filled({})
    for nowhere in (tmp_path / "none", tmp_path / "file" / "below"):
        (tmp_path / "file").touch()
        monkeypatch.setenv("IMBALANCE_CONFIG", str(nowhere))
        assert filled({})["interval"] == "15m"
    for name, value in (("WIDTH", "-5"), ("TIMEOUT", "nan"), ("WINDOW", "inf"), ("TIMEOUT", "-1")):
        monkeypatch.setenv(f"IMBALANCE_{name}", value)
        with pytest.raises(UsageError, match=f"IMBALANCE_{name} must"):
            filled({})
        monkeypatch.delenv(f"IMBALANCE_{name}")
    for flag in ({"timeout": float("nan")}, {"window": float("inf")}, {"timeout": float("inf")}):
        with pytest.raises(UsageError, match=f"--{next(iter(flag))} must"):
            filled(flag)
