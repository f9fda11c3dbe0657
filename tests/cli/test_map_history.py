"""`imbalance map-history`: a folder filled, told and refused."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_cli import run
from tests.library.test_map_history import JANUARY_MS, bars, put

pytest.importorskip("pyarrow")


@pytest.fixture
def folder(tmp_path):
    put(tmp_path / "bars", "AAA", "2026-01", bars(JANUARY_MS, 72))
    return tmp_path / "bars"


def asked(folder, *more, check=0):
    into = folder.parent / "maps"
    return run("map-history", "--bars", str(folder), "-o", str(into), "--jobs", "1", *more, check=check)


def test_a_folder_is_filled_and_told(folder):
    told = asked(folder).stdout
    assert "a map every 1d, to" in told
    again = json.loads(asked(folder, "aaa", "--json").stdout)
    assert again["schema"] == "imbalance.map-history/1"
    (partition,) = again["partitions"]
    assert (partition["symbol"], partition["state"], partition["missing"]) == ("AAA", "kept", 28)
    assert partition["rows"] > 0


def test_a_month_that_fails_is_told_and_the_exit_code_says_so(folder):
    put(folder, "BBB", "2026-01", bars(JANUARY_MS, 1)).write_bytes(b"damaged")
    done = asked(folder, check=3)
    assert "1 of 2 partitions could not be made" in done.stderr
    assert "damaged Parquet" in done.stderr
    assert "AAA" in done.stdout


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--every", "2h"), "--every 2h: maps are made every 1h or 1d"),
        (("--cluster", "tcp://127.0.0.1:1"), "give one"),
        (("ZZZ",), "nothing of ZZZ"),
        (("AAA", "aaa"), "a coin is named twice"),
        (("--venue", "okx"), "No such option: --venue"),  # it would change nothing
        (("--window", "5"), "No such option: --window"),
    ],
)
def test_what_cannot_be(folder, more, told):
    assert told in asked(folder, *more, check=2).stderr


def test_the_folder_to_fill_must_be_named(folder):
    assert "Give -o FOLDER" in run("map-history", "--bars", str(folder), check=2).stderr
    assert json.loads(run("map-history", "--json-schema", check=0).stdout)["$ref"] == "#/$defs/MapHistoryReport"


def test_local_history_that_is_to_be_left_alone_is(tmp_path):
    told = run("map-history", "-o", str(tmp_path / "maps"), check=2, env={"IMBALANCE_NO_STORE": "1"}).stderr
    assert "local history is to be left alone" in told
    assert not (tmp_path / "maps").exists()
