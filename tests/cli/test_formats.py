"""The suffix of a file, --format and what a command writes agree, or it is said before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from imbalance_cli import formats
from imbalance_cli.commands import whole
from imbalance_cli.formats import SUFFIXES, UNWRITTEN, Format, Picture, chosen

from imbalance.errors import UsageError


def invoke(*args):
    """Run a command in this process."""
    return whole()(list(args), prog_name="imbalance", standalone_mode=False)


def test_the_suffix_says_the_format():
    assert chosen("report", None, None, Format.TABLE) is Format.TABLE
    assert chosen("report", Path("a.CSV"), None, Format.TABLE) is Format.CSV
    assert chosen("report", Path("a.txt"), None, Format.TABLE) is Format.TEXT
    assert chosen("report", Path("a.txt"), Format.TABLE, Format.TABLE) is Format.TABLE
    assert chosen("heatmap", Path("a.svg"), None, Format.TABLE) is Picture.SVG
    # Neither a name without a suffix nor one that means nothing says anything.
    for name in ("out", "out.2026-01-30", ".json"):
        assert chosen("report", Path(name), None, Format.MARKDOWN) is Format.MARKDOWN
        assert chosen("report", Path(name), Format.CSV, Format.MARKDOWN) is Format.CSV


def test_every_suffix_agrees_with_its_own_format_and_no_other():
    for suffix, kinds in SUFFIXES.items():
        for asked in Format:
            if asked in kinds:
                assert chosen("heatmap", Path(f"a{suffix}"), asked, Format.TABLE) is asked
            else:
                with pytest.raises(UsageError, match="contradicts"):
                    chosen("heatmap", Path(f"a{suffix}"), asked, Format.TABLE)


def test_what_is_not_written_is_refused_with_what_is():
    assert not UNWRITTEN & set(SUFFIXES)
    for suffix in UNWRITTEN:
        for asked in (None, *Format):
            with pytest.raises(UsageError) as caught:
                chosen("heatmap", Path(f"map{suffix.upper()}"), asked, Format.TABLE)
            assert ".png, .svg" in caught.value.hint
    for suffix in (".png", ".svg"):
        with pytest.raises(UsageError, match="draws no picture") as caught:
            chosen("report", Path(f"map{suffix}"), None, Format.TABLE)
        assert ".png" not in caught.value.hint


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["heatmap", "-o", "map.jpg"], r"map\.jpg: \.jpg is not written"),
        (["heatmap", "-o", "map.pdf", "-f", "text"], r"map\.pdf: \.pdf is not written"),
        (["report", "-o", "map.png"], "draws no picture"),
        (["report", "--json", "-f", "csv"], "--json and --format csv contradict"),
        (["report", "--json-schema", "-f", "text"], "--json-schema and --format text contradict"),
        (["report", "--json-schema", "-o", "x.csv"], "x.csv contradicts --format json"),
        (["volume", "--json", "-o", "x.csv"], "x.csv contradicts --format json"),
        (["volume", "-f", "table", "-o", "x.md"], "x.md contradicts --format table"),
        (["volume", "--color", "--no-color"], "--color and --no-color contradict"),
        (["volume", "-q", "-v"], "--quiet and --verbose contradict"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        invoke(*args, "--replay", "article")
    assert not list(tmp_path.iterdir())


def test_a_file_holds_what_its_name_says(tmp_path, monkeypatch):
    monkeypatch.setenv("IMBALANCE_FORMAT", "markdown")
    starts = {
        ".txt": b"Fear",
        ".json": b'{"schema"',
        ".csv": b"section,name",
        ".md": b"## Fear",
        ".htm": b"<!doctype html>",
        ".html": b"<!doctype html>",
        "": b"## Fear",
    }
    for suffix, start in starts.items():
        file = tmp_path / f"x{suffix}"
        invoke("fear-greed", "--replay", "article", "-q", "-o", str(file))
        assert file.read_bytes().startswith(start), suffix
    assert set(formats.SUFFIXES) - set(starts) == {".png", ".svg"}  # see test_cli: these need matplotlib


def test_a_hyphen_is_stdout(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    invoke("fear-greed", "--replay", "article", "-q", "-f", "text", "-o", "-")
    assert capsys.readouterr().out.startswith("Fear")
    assert not list(tmp_path.iterdir())
