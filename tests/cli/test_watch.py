"""`imbalance watch`: a line a round, a screen at a terminal, and what changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import msgspec
import pexpect
import pytest
from imbalance_cli.commands.watch import _fitted

from imbalance.report import checking, tree
from tests.cli.test_cli import run

WATCH = ("watch", "BTC", "--replay", "article", "--rounds", "1", "-q")


@pytest.fixture(scope="module")
def report() -> tree.Report:
    return msgspec.json.decode(run("report", "BTC", "--replay", "article", "--json", check=0).stdout, type=tree.Report)


def test_a_round_is_one_line_for_a_log_and_one_document_for_a_program():
    (line,) = run(*WATCH, check=0).stdout.splitlines()
    assert re.fullmatch(
        r"2026-01-30T12:00:00Z BTC \(scenario article, synthetic\) price 82,512, ratio 0\.65, "
        r"long_usd \S+, short_usd \S+, heavier neither",
        line,
    )
    (line,) = run(*WATCH, "--json", check=0).stdout.splitlines()
    document = json.loads(line)
    msgspec.convert(document, tree.WatchReport)
    assert (document["schema"], document["since"], document["changes"]) == ("imbalance.watch/1", None, [])


def test_a_change_is_what_reads_otherwise(report):
    before = checking.watched(report, None)
    assert before.since is None
    moved = msgspec.structs.replace(report.market_price, mark=report.market_price.mark + 400)
    mood = report.sentiment and msgspec.structs.replace(report.sentiment, old="3 days old")
    risk = msgspec.structs.replace(report.risk, ratio=report.risk.ratio + 1e-6)
    after = checking.watched(msgspec.structs.replace(report, market_price=moved, sentiment=mood, risk=risk), before)
    assert after.since == report.as_of
    assert [(c.name, c.before, c.after) for c in after.changes] == [
        ("price", report.market_price.mark, report.market_price.mark + 400),
        ("fear_greed", 16.0, None),
    ]


def test_at_a_terminal_the_screen_is_cleared_and_drawn():
    child = pexpect.spawn(
        sys.executable, ["-m", "imbalance", *WATCH], dimensions=(60, 100), timeout=60, encoding="utf-8"
    )
    child.expect(pexpect.EOF)
    assert child.before is not None
    assert child.before.count("\x1b[2J") == 1
    assert "\x1b[3J" not in child.before  # what was scrolled away is the user's
    assert "BTC futures imbalance 82,512" in child.before


def test_a_low_terminal_shows_the_head_and_how_much_more_there_is():
    child = pexpect.spawn(
        sys.executable, ["-m", "imbalance", *WATCH], dimensions=(20, 80), timeout=60, encoding="utf-8",
        # Else it inherits a size that readline set behind Python's back, or that of whoever runs the tests.
        env={name: value for name, value in os.environ.items() if name not in {"LINES", "COLUMNS"}},
    )  # fmt: skip
    child.expect(pexpect.EOF)
    assert child.before is not None
    lines = child.before.partition("\x1b[2J")[2].splitlines()
    assert len(lines) == 19
    assert "BTC futures imbalance 82,512" in lines[0]
    assert "lines more in a taller window" in lines[-1]


@pytest.mark.parametrize(
    ("count", "told", "rows", "shown"),
    [
        (3, [], 4, ["0", "1", "2"]),
        (4, [], 4, ["0", "1", "2 lines more in a taller window"]),
        (3, ["x"], 5, ["0", "1", "2", "x"]),
        (3, ["x"], 4, ["0", "2 lines more in a taller window", "x"]),
        (3, ["x", "y"], 1, ["3 lines more in a taller window", "x", "y"]),
    ],
)
def test_what_fits(count, told, rows, shown):
    assert _fitted([str(n) for n in range(count)], told, rows) == shown


def test_garbage_is_collected_unlike_in_short_runs():
    code = (
        "import gc, sys, imbalance_cli.commands.watch as watch\n"
        f"sys.argv = ['imbalance', *{WATCH!r}]\n"
        "watch.run = lambda *_args: print(gc.isenabled())\n"
        "from imbalance_cli.app import program; program()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_round_that_fails_is_told_and_is_not_the_end():
    done = run("watch", "ETH", "--replay", "article", "--rounds", "1", check=0)
    assert done.stdout == ""
    assert "nothing to map" in done.stderr


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("--every", "9s"), "10s at most"),
        (("--every", "25h"), "once a day at least"),
        (("-o", "x.json"), "stdout alone"),
        (("-f", "csv"), "does not write csv"),
        (("--replay", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_asked(args, reason):
    done = run(*WATCH, *args, check=2)
    assert reason in done.stderr
    assert done.stdout == ""
