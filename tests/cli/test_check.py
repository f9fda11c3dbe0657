"""`imbalance check` as cron, a monitor and a chat see it."""

from __future__ import annotations

import concurrent.futures
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imbalance_cli import app, cooldown
from imbalance_cli.commands.check import _plain

from imbalance.report import figures
from tests.cli.test_cli import run
from tests.conftest import ROOT

CHECK = ("check", "BTC", "--replay", "article")
SYNTHETIC = " (scenario article, synthetic)"  # never shown as live
OK = f"IMBALANCE OK - BTC{SYNTHETIC}: "
TRUE, FALSE = "ratio < 1 and fear_greed <= 20", "ratio > 4"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "IMBALANCE_CONFIG": str(tmp_path / "config.toml")}


def test_exit_codes_of_true_false_and_missing(home):
    assert "true" in run(*CHECK, "--when", TRUE, env=home, check=10).stdout
    assert "false" in run(*CHECK, "--when", FALSE, env=home, check=0).stdout
    # Of some venues no liquidations are known, and their sum would be smaller without a word.
    keyless = ("check", "BTC", "--replay", "article-keyless", "--when")
    missing = run(*keyless, "liquidations_24h_usd > 1", env=home, check=3)
    assert "liquidations_24h_usd: what was liquidated of binance" in missing.stderr
    assert "liquidations_24h_usd: not known" not in missing.stdout
    decided = run(*keyless, f"{FALSE} and liquidations_24h_usd > 1", env=home, check=0)
    assert "false" in decided.stdout


def test_quiet_says_nothing_but_of_what_is_true(home):
    assert run(*CHECK, "--when", FALSE, "-q", "-f", "text", env=home, check=0).stdout == ""
    assert run(*CHECK, "--when", TRUE, "-q", "-f", "text", env=home, check=10).stdout.splitlines()[1:] == [
        f"{TRUE}: true",
        "ratio: Value 0.65, 90 % range 0.27-1.5, Meaning short : long within the window",
        "fear_greed: Value 16, Meaning Fear & Greed index of today, 0 to 100",
    ]


def test_what_was_told_is_quiet_for_the_cooldown_and_another_condition_is_not(home):
    cooled = ("--cooldown", "6h", "-q")
    assert run(*CHECK, "--when", TRUE, *cooled, env=home, check=10).stdout
    assert run(*CHECK, "--when", TRUE, *cooled, env=home, check=0).stdout == ""
    told = json.loads(run(*CHECK, "--when", TRUE, "--cooldown", "6h", "--json", env=home, check=0).stdout)
    assert (told["holds"], told["quiet_until"][-1]) == (True, "Z")
    assert run(*CHECK, "--when", "ratio < 1", *cooled, env=home, check=10).stdout
    assert run(*CHECK, "--when", TRUE, "--cooldown", "1ms", env=home, check=10).stdout
    assert run(*CHECK, "--when", TRUE, env=home, check=10).stdout


def test_what_was_told_of_a_recording_or_another_window_is_no_reason_to_be_quiet(home, tmp_path):
    (tmp_path / "copy").symlink_to(ROOT / "fixtures" / "article")
    cooled = ("--when", TRUE, "--cooldown", "6h", "-q")
    for where in (("article",), (str(tmp_path / "copy"),), ("article", "--window", "10"), ("article", "-x", "okx")):
        assert run("check", "BTC", "--replay", *where, *cooled, env=home, check=10).stdout
        assert run("check", "BTC", "--replay", *where, *cooled, env=home, check=0).stdout == ""


def test_a_sum_on_a_map_without_a_selected_venue_is_missing_not_smaller(home, tmp_path):
    (tmp_path / "article").symlink_to(ROOT / "fixtures" / "article")
    case = tmp_path / "case"
    case.mkdir()
    index = json.loads((tmp_path / "article" / "recording.json").read_text())
    index |= {"extends": "article", "without": ["binance"], "entries": []}
    (case / "recording.json").write_text(json.dumps(index))
    less = ("check", "BTC", "--replay", str(case), "--when")
    for name in (
        "long_usd",
        "short_usd.low",
        "long_exposed_usd",
        "short_cluster_usd",
        "nearest_long_usd",
        "open_interest_usd",
    ):
        assert "of binance is not known" in run(*less, f"{name} < 1T", env=home, check=3).stderr
    assert run(*less, "long_usd > 1", "-x", "okx", "-x", "bybit", env=home, check=10).stdout
    assert run(*less, "ratio > 0", env=home, check=10).stdout


def test_alerts_that_are_told_at_once_are_all_kept(home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", home["XDG_STATE_HOME"])
    names = [f"alert {number}" for number in range(40)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: cooldown.note(name, 2_000, 1_000), names))
    assert [cooldown.told_ms(name) for name in names] == [2_000] * 40
    cooldown.note("later", 5_000, 2_001)
    assert [cooldown.told_ms(name) for name in (*names, "later")] == [None] * 40 + [5_000]
    cooldown.note("last", 6_000, 5_000)
    assert cooldown.told_ms("later") == 5_000


def test_a_state_folder_that_cannot_be_written_tells_twice_rather_than_never(home, tmp_path):
    (tmp_path / "state").write_text("no folder")
    for _ in range(2):
        done = run(*CHECK, "--when", TRUE, "--cooldown", "6h", env=home, check=10)
        assert "the cooldown is not kept" in done.stderr


@pytest.mark.parametrize(
    ("when", "code", "line"),
    [
        (
            TRUE,
            2,
            f"{OK.replace('OK', 'CRITICAL')}{TRUE} is true; ratio 0.65, fear_greed 16 | ratio=0.649229 fear_greed=16\n",
        ),
        (FALSE, 0, f"{OK}{FALSE} is false; ratio 0.65 | ratio=0.649229\n"),
        (
            "open_interest_usd > 1T",
            0,
            f"{OK}open_interest_usd > 1T is false; open_interest_usd 27.3B | open_interest_usd=272",
        ),
        ("heavier == 'short'", 0, f"{OK}heavier == 'short' is false; heavier neither\n"),
        ("ratio >", 3, "IMBALANCE UNKNOWN - column 8: it ends here; expected a number"),
    ],
)
def test_nagios(home, when, code, line):
    assert run(*CHECK, "--when", when, "--nagios", env=home, check=code).stdout.startswith(line)


def test_nagios_knows_no_other_exit_codes(home):
    done = run(
        "check", "BTC", "--replay", "article-keyless", "--when", "liquidations_24h_usd > 1", "--nagios", env=home
    )
    assert (done.returncode, done.stdout.count("\n")) == (3, 1)
    assert done.stdout.startswith("IMBALANCE UNKNOWN - whether liquidations_24h_usd > 1 is not known")
    for more in (("--venue", "nobody"), ("--nonsense",), ("--width", "wide"), ("--json",), ("-o", "x.txt")):
        done = run(*CHECK, "--when", TRUE, "--nagios", *more, env=home, check=3)
        assert done.stdout.startswith("IMBALANCE UNKNOWN - ")
        assert done.stdout.count("\n") == 1


def test_a_bug_is_unknown_to_nagios(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["imbalance", "check", "--when", TRUE, "--nagios"])
    monkeypatch.setattr(app, "_run", lambda: 1 // 0)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 3
    assert capsys.readouterr().out == "IMBALANCE UNKNOWN - a bug: ZeroDivisionError\n"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_monitors_read_digits_and_a_point_alone(value):
    shown = _plain(value)
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", shown)
    assert float(shown) == pytest.approx(value, rel=1e-5)


def test_alerts_of_the_configuration(home):
    Path(home["IMBALANCE_CONFIG"]).write_text(
        f'[alerts.fear]\nwhen = "{TRUE}"\ncooldown = "1d"\n[alerts.eth]\nwhen = "ratio > 1"\nsymbol = "ETH"\n'
        '[alerts.odd]\nwhen = 3\n[alerts.empty]\n[alerts.typo]\nwhen = "ratio > 1"\nnotfy = []\n'
        '[alerts.cut]\nwhen = "ratio <"\n'
    )
    told = json.loads(run(*CHECK, "--alert", "fear", "--json", env=home, check=10).stdout)
    assert (told["alert"], told["when"]) == ("fear", TRUE)
    assert run(*CHECK, "--alert", "fear", "-q", env=home, check=0).stdout == ""
    assert "symbol=ETHUSDT" in run("check", "--replay", "article", "--alert", "eth", env=home, check=3).stderr
    for alert, reason in {
        "nope": "no alert 'nope'", "odd": "alerts.odd.when must be a text", "empty": "does not say when",
        "typo": "alerts.typo.notfy: unknown", "cut": "config.toml: alerts.cut.when: column 8: it ends here",
    }.items():  # fmt: skip
        assert reason in run(*CHECK, "--alert", alert, env=home, check=2).stderr
    for other in ("SOL", "BTC"):
        assert f"about ETH, not {other}" in run("check", other, "--alert", "eth", env=home, check=2).stderr
    # One that names no coin is about the one that is given.
    assert "symbol=SOLUSDT" in run("check", "SOL", "--replay", "article", "--alert", "fear", env=home, check=3).stderr
    # Settings beside alerts go on as ever.
    assert "fear" not in run("config", "show", env=home, check=0).stdout


def test_every_figure_is_named_and_can_be_waited_for(home):
    listed = json.loads(run("check", "--list", "--json", env=home, check=0).stdout)["figures"]
    names = [f["name"] + end for f in listed for end in ("", *([".low", ".high"] if f["ranged"] else []))]
    assert names == list(figures.known())
    assert "a fraction is written -5% or -0.05" in run("check", "--list", env=home, check=0).stdout
    words = {f["name"] for f in listed if f["unit"] == "text"}
    when = " and ".join(f"{n} != 'x'" if n in words else f"{n} > -1e18" for n in names if len(n) < 20)
    assert run(*CHECK, "--when", when[: when.rindex(" and ", 0, 500)], env=home, check=10)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ((), "nothing to wait for"),
        (("--when", TRUE, "--alert", "x"), "give one"),
        (("--list", "--when", TRUE), "need no condition"),
        (("--when", TRUE, "--cooldown", "soon"), "not a duration"),
        (("--when", TRUE, "--cooldown", "401d"), "at most 400 days"),
        (("--when", TRUE, "--notify", "nosuch://x"), "address 1 is none"),
    ],
)
def test_what_cannot_be_asked(home, args, reason):
    done = run(*CHECK, *args, env=home, check=2)
    assert reason in done.stderr
    assert done.stdout == ""


class _Heard(http.server.BaseHTTPRequestHandler):
    code: ClassVar[int] = 200
    bodies: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.code)
        self.end_headers()

    def log_message(self, *_args: object) -> None: ...


@pytest.fixture
def listener() -> Iterator[tuple[str, type[_Heard]]]:
    heard = type("_OwnHeard", (_Heard,), {"bodies": []})
    server = http.server.HTTPServer(("127.0.0.1", 0), heard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/secret-token", heard
    server.shutdown()
    server.server_close()


def test_what_is_told_elsewhere_is_the_answer_and_nothing_when_false_or_quiet(home, listener):
    url, heard = listener
    run(*CHECK, "--when", FALSE, "--notify", url, env=home, check=0)
    assert heard.bodies == []
    run(*CHECK, "--when", TRUE, "--notify", url, "--cooldown", "6h", env=home, check=10)
    run(*CHECK, "--when", TRUE, "--notify", url, "--cooldown", "6h", env=home, check=0)
    (body,) = heard.bodies
    assert body["title"] == f"imbalance: BTC: {TRUE}"
    assert body["message"].splitlines()[1] == f"{TRUE}: true"
    assert str(Path.home()) not in json.dumps(body)


def test_an_address_that_cannot_be_told_is_named_by_its_number_and_tried_again(home, listener):
    url, heard = listener
    heard.code = 500
    done = run(*CHECK, "--when", TRUE, "--notify", url, "--cooldown", "6h", env=home, check=10)
    assert "address 1 could not be told" in done.stderr
    assert "secret-token" not in done.stdout + done.stderr
    heard.code = 200
    run(*CHECK, "--when", TRUE, "--notify", url, "--cooldown", "6h", env=home, check=10)
    assert len(heard.bodies) == 2


def test_addresses_are_told_whoever_reads_stdout_and_again_where_it_could_not_be_written(home, listener):
    url, heard = listener
    for count in (1, 2):
        with Path("/dev/full").open("w") as full:
            run(*CHECK, "--when", TRUE, "--notify", url, "--cooldown", "6h", env=home, stdout=full, check=2)
        assert len(heard.bodies) == count
    run(*CHECK, "--when", TRUE, "--cooldown", "6h", env=home, check=10)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("words", "code"),
    [((*CHECK, "--when", TRUE), 10), ((*CHECK, "--when", FALSE), 0), (("report", "BTC", "--nope"), 2)],
)
def test_the_exit_code_stands_where_nothing_can_be_said_on_stderr(words, code, home):
    command = [sys.executable, "-m", "imbalance", *words, *(["-v"] if "check" in words else [])]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=full,
            env=os.environ | home | {"PYTHONUNBUFFERED": ""},
            check=False,
        )
    assert done.returncode == code


def test_in_an_empty_environment_it_is_plain_text():
    command = [sys.executable, "-m", "imbalance", *CHECK, "--when", TRUE, "-f", "text"]
    done = subprocess.run(command, env={"HOME": os.devnull}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (10, "")
    assert "\x1b" not in done.stdout
