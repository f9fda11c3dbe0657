"""When `check` is quiet and when `watch` looks again: the moments on both sides of each limit, with a clock by hand."""

from __future__ import annotations

import json

import pytest
from imbalance_cli import context, cooldown
from imbalance_cli.commands import check, watch
from imbalance_cli.render.check_views import changed
from imbalance_cli.render.check_views import check as check_blocks
from imbalance_cli.render.check_views import watch as watch_blocks
from imbalance_cli.render.job_views import map_history as job_blocks
from imbalance_cli.render.parts import Table

from imbalance.errors import MissingDataError, UsageError
from imbalance.report import tree
from imbalance.units import DAY_MS, HOUR_MS
from tests.cli.test_formats import invoke
from tests.support.maps import HEAD, MOMENT

TOLD_MS = 1_769_774_400_000  # 2026-01-30T12:00:00Z
RATIO = tree.CheckedFigure("ratio", "ratio", "short : long", ranged=True, value=0.42, low=0.2, high=0.9)
HEAVIER = tree.CheckedFigure("heavier", "text", "the side", ranged=False, value="long")
NONE = tree.CheckedFigure("lift", "ratio", "over the path", ranged=True, missing="no bars")


def answered(holds=True, figures=(RATIO,), when="ratio < 1", **more):
    head = {"schema": "imbalance.check/1", "alert": None, "when": when, "holds": holds, "figures": list(figures)}
    return tree.CheckReport(**HEAD, **head, **more)


@pytest.fixture
def asked(monkeypatch):
    """What `check` is asked, answered by hand: the documents, and whether each was to be written."""
    written = []

    def answer(document, now_ms=TOLD_MS):
        monkeypatch.setattr(context, "now_ms", lambda: now_ms)
        monkeypatch.setattr(check, "run", lambda _command, _settings, judged: written.append(judged(document)))
        return written

    return answer


def code_of(*args):
    return invoke("check", *args) or 0


@pytest.mark.parametrize(
    ("after_ms", "quiet"), [(-1, False), (0, True), (6 * HOUR_MS - 1, True), (6 * HOUR_MS, False), (DAY_MS, False)]
)
def test_what_was_told_is_quiet_until_the_cooldown_ends(asked, after_ms, quiet):
    words = ("BTC", "--when", "ratio < 1", "--cooldown", "6h")
    assert asked(answered()) == []
    assert code_of(*words) == 10
    again = answered()
    written = asked(again, TOLD_MS + after_ms)
    assert code_of(*words) == (0 if quiet else 10)
    assert again.quiet_until == ("2026-01-30T18:00:00Z" if quiet else None)
    assert written == [True, True]


def test_quiet_writes_what_is_true_alone(asked):
    for holds, written in ((True, True), (False, False)):
        found = asked(answered(holds))
        assert code_of("BTC", "--when", "ratio < 1", "--quiet") == (10 if holds else 0)
        assert found[-1] is written
    asked(answered(holds=False))
    assert code_of("BTC", "--when", "ratio < 1") == 0
    assert found[-1] is True


def test_what_is_not_known_is_neither_written_nor_kept(asked):
    found = asked(answered(None, [NONE]))
    with pytest.raises(MissingDataError, match="whether ratio < 1 is not known") as caught:
        code_of("BTC", "--when", "ratio < 1", "--cooldown", "1d")
    assert caught.value.hint == "lift: no bars"
    assert found == [False]
    asked(answered(), TOLD_MS + 1)
    assert code_of("BTC", "--when", "ratio < 1", "--cooldown", "1d") == 10


def test_what_is_false_or_has_no_cooldown_is_not_kept(asked, monkeypatch):
    kept = []
    monkeypatch.setattr(cooldown, "note", lambda *told: kept.append(told))
    for holds, more in ((False, ("--cooldown", "1d")), (True, ()), (True, ("--cooldown", "1d"))):
        asked(answered(holds))
        code_of("btc", "--when", "ratio < 1", *more)
    [(known, now_ms, forgotten_ms)] = kept
    assert known.startswith("None BTC ratio < 1 ")
    assert (now_ms, now_ms - forgotten_ms) == (TOLD_MS, 400 * DAY_MS)


def test_the_longest_cooldown_is_400_days(asked):
    asked(answered(holds=False))
    assert code_of("BTC", "--when", "ratio < 1", "--cooldown", "400d") == 0
    with pytest.raises(UsageError, match="at most 400 days"):
        code_of("BTC", "--when", "ratio < 1", "--cooldown", f"{400 * 24 + 1}h")


def test_the_line_of_nagios():
    line = check._line(answered(figures=[RATIO, HEAVIER, NONE], when="ratio < 1 | x"))
    assert line == "IMBALANCE CRITICAL - BTC: ratio < 1 / x is true; ratio 0.42, heavier long, lift - | ratio=0.42"
    quiet = check._line(answered(figures=[HEAVIER], quiet_until=MOMENT))
    assert quiet == (f"IMBALANCE OK - BTC: ratio < 1 is true, told before and quiet until {MOMENT}; heavier long")
    assert check._line(answered(holds=False)).startswith("IMBALANCE OK - BTC: ratio < 1 is false; ")


def test_a_condition_on_a_screen():
    line, told, table = check_blocks(answered(figures=[RATIO, NONE], quiet_until=MOMENT))
    assert (line.text, told.text) == ("ratio < 1: true", f"told before, and quiet until {MOMENT}")
    assert table.rows == [["ratio", "0.42", "0.2-0.9", "short : long"], ["lift", "-", "", "no bars"]]
    assert (table.kept, [c.name for c in table.columns if c.right]) == ((0, 1), ["Value", "90 % range"])
    assert [c.wrap for c in table.columns] == [False, False, False, True]
    for holds, word in ((False, "false"), (None, "not known")):
        line, table = check_blocks(answered(holds))
        assert line.text == f"ratio < 1: {word}"
        assert isinstance(table, Table)
    table, line = check_blocks(answered(None, [RATIO, HEAVIER], when=None))
    assert table.rows == [["ratio .low .high", "ratio", "short : long"], ["heavier", "text", "the side"]]
    assert [c.wrap for c in table.columns] == [False, False, True]


def seen(since=None, changes=()):
    head = {"schema": "imbalance.watch/1", "verdict": "so", "figures": [RATIO, NONE]}
    return tree.WatchReport(**HEAD, **head, since=since, changes=list(changes))


def test_a_round_on_a_screen():
    moved = [tree.Moved("ratio", "ratio", 0.5, 0.42), tree.Moved("heavier", "text", None, "long")]
    assert changed(seen()) == []
    assert [line.text for line in changed(seen(MOMENT))] == [f"since {MOMENT}: nothing changed"]
    line, change, table = watch_blocks(seen(MOMENT, moved))
    assert line.text == "so"
    assert change.text == f"since {MOMENT}: ratio 0.5 to 0.42; heavier - to long"
    assert table.rows == [["ratio", "0.42", "0.2-0.9", "short : long"], ["lift", "-", "", "no bars"]]
    assert [(c.right, c.drop, c.wrap) for c in table.columns] == [
        (False, 0, False), (True, 0, False), (True, 1, False), (False, 2, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("every", "taken_s", "slept_s"), [("10s", 3.0, 7.0), ("24h", 0.0, 86_400.0), ("10s", 10.0, 0.0), ("10s", 99.0, 0.0)]
)
def test_rounds_begin_so_many_seconds_apart(monkeypatch, every, taken_s, slept_s):
    now_s, slept, rounds = [1000.0], [], []

    def run(command, settings, _judged):
        rounds.append((command, settings.asked_format, settings.quiet))
        now_s[0] += taken_s

    monkeypatch.setattr(watch, "run", run)
    monkeypatch.setattr(watch.gc, "enable", lambda: None)
    monkeypatch.setattr(watch.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(watch.time, "sleep", slept.append)
    invoke("watch", "BTC", "--every", every, "--rounds", "3", "--json")
    assert rounds == [("report", None, False)] * 3
    assert slept == [slept_s] * 2


def test_what_changed_is_held_against_the_round_before(monkeypatch, capsys):
    monkeypatch.setattr(watch.gc, "enable", lambda: None)
    monkeypatch.setattr(watch.time, "sleep", lambda _s: None)
    names = iter("abc")

    def watched(_report, before):
        name = next(names)
        head = {"schema": "imbalance.watch/1", "verdict": name, "figures": [], "changes": []}
        return tree.WatchReport(**HEAD, **head, since=None if before is None else before.verdict)

    document = tree.Report(**dict.fromkeys(tree.Report.__struct_fields__))
    monkeypatch.setattr("imbalance.report.checking.watched", watched)
    monkeypatch.setattr(watch, "run", lambda _c, _s, judged: judged(document) and None)
    invoke("watch", "BTC", "--rounds", "3", "--json")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["verdict"], one["since"]) for one in told] == [("a", None), ("b", "a"), ("c", "b")]


def partition(symbol, month, state="written", rows=1_000, missing=0, why=""):
    return tree.MappedPartition(symbol, month, state, rows, missing, why)


def test_what_a_job_made():
    made = [
        partition("BTC", "2026-01"), partition("BTC", "2026-02", "kept", 24, 7),
        partition("BTC", "2026-03", "failed", 0, 1, "no bars"), partition("ETH", "2026-01", rows=5),
    ]  # fmt: skip
    head = {"schema": "imbalance.map-history/1", "place": "out", "every": "1d", "partitions": made}
    line, table, *why = job_blocks(tree.MapHistoryReport(**HEAD, **head))
    assert line.text == "a map every 1d, to out"
    assert table.rows == [["BTC", "1", "1", "1", "1,024", "8"], ["ETH", "1", "0", "0", "5", "0"]]
    assert (table.kept, [c.right for c in table.columns]) == ((0, 1), [False] + [True] * 5)
    assert [one.text for one in why] == ["BTC 2026-03: no bars"]
