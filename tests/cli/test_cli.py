"""The program as a user meets it: real processes, real streams."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import json
import os
import re
import resource
import subprocess
import sys

import msgspec
import pytest

from imbalance.report import tree
from imbalance.units import iso
from tests.support.exchange import SOURCES, Exchange

REPLAY = ("--replay", "article")
READING = [
    "report", "clusters", "open-interest", "volume", "liquidations", "fear-greed", "sources", "cascade", "heatmap",
    "signals",
]  # fmt: skip


def run(*args, env=None, stdout=subprocess.PIPE, check=None):
    command = [sys.executable, "-c", "from imbalance_cli.app import program; program()", *args]
    done = subprocess.run(
        command,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    if check is not None:
        assert done.returncode == check, done.stderr
    return done


def test_version_and_bare_call():
    assert re.fullmatch(r"imbalance \d+\.\d+\.\d+\n", run("--version", check=0).stdout)
    assert "Commands:" in run(check=0).stdout
    assert run("-h", check=0).stdout == run("--help", check=0).stdout


def test_version_and_help_load_neither_numpy_nor_pandas():
    for args in (["--version"], ["--help"], ["report", "--help"]):
        code = (
            "import sys, atexit; sys.argv[1:] = " + repr(args) + "\n"
            "atexit.register(lambda: sys.stderr.write(repr({'numpy', 'pandas', 'httpx'} & set(sys.modules))))\n"
            "from imbalance_cli.app import program; program()"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stderr == "set()"


def test_whoever_calls_main_goes_on():
    code = (
        "import sys; sys.argv[1:] = ['report', '--replay', 'article', '-f', 'text', '-q']\n"
        "from imbalance_cli.app import main; main(); print('gone on')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "gone on"


def test_what_is_to_be_done_at_exit_is_done():
    code = (
        "import atexit, sys, threading, time; sys.argv[1:] = ['--version']\n"
        "from imbalance_cli.app import program\n"
        "{before}program()"
    )
    at_exit = "atexit.register(lambda: print('at exit')); "
    thread = "threading.Thread(target=lambda: (time.sleep(0.3), print('in a thread'))).start(); "
    for before, told in (("", []), (at_exit, ["at exit"]), (thread, ["in a thread"])):
        done = subprocess.run(
            [sys.executable, "-c", code.format(before=before)], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[1:] == told


def test_the_replayed_report_loads_no_event_loop_no_pandas_and_no_masked_arrays():
    code = (
        "import sys, atexit; sys.argv[1:] = ['report', '--replay', 'article', '-q']\n"
        "slow = {'pandas', 'httpx', 'asyncio', 'numpy.ma'}\n"
        "atexit.register(lambda: sys.stderr.write(repr(slow & set(sys.modules))))\n"
        "from imbalance_cli.app import program; program()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "set()"


@pytest.mark.parametrize("command", READING)
def test_every_document_fits_its_schema(command):
    document = json.loads(run(command, *REPLAY, "--json", check=0).stdout)
    assert document["schema"] == f"imbalance.{command}/1"
    assert {"schema", "version", "mode", "scenario", "symbol", "as_of"} <= set(document)
    assert document["as_of"].endswith("Z")
    msgspec.convert(document, tree.SCHEMAS[command])
    assert json.loads(run(command, "--json-schema", check=0).stdout)["$defs"]


def test_the_articles_five_rows():
    rows = {m["id"]: m for m in json.loads(run("report", *REPLAY, "--json").stdout)["metrics"]}
    assert rows["short_liquidation_risk"]["quoted"][0]["value"] == pytest.approx(6.5e9)
    assert rows["short_liquidation_risk"]["quoted"][0]["band"] == [85_000, 92_000]
    assert rows["long_liquidation_risk"]["quoted"][0]["value"] == pytest.approx(1.2e9)
    assert rows["long_liquidation_risk"]["quoted"][0]["band"][1] == 72_600
    for side in ("short", "long"):
        row = rows[f"{side}_liquidation_risk"]
        assert row["kind"] == "estimated"
        assert row["low"] < row["value"] < row["high"]
        assert row["quoted"][0]["own_low"] < row["quoted"][0]["own_value"] < row["quoted"][0]["own_high"]
    assert rows["open_interest_change"]["value"] == pytest.approx(0.31, abs=0.005)
    assert "October 2025" in rows["open_interest_change"]["significance"]
    assert (rows["fear_greed"]["value"], rows["fear_greed"]["significance"]) == (16, "Extreme Fear")
    assert rows["liquidations_24h"]["value"] == pytest.approx(800e6)
    assert "November 2024" in rows["liquidations_24h"]["significance"]


def test_without_keys_the_rows_rest_on_what_is_there():
    rows = {m["id"]: m for m in json.loads(run("report", "--replay", "article-keyless", "--json").stdout)["metrics"]}
    assert rows["short_liquidation_risk"]["quoted"] == []
    assert rows["open_interest_change"]["source"] == "bybit + okx"
    assert rows["liquidations_24h"]["source"] == "okx, gate, bitget, htx"
    assert "since" not in rows["liquidations_24h"]["significance"]


FIGURE = re.compile(r"\d[\d,.]*[KMBT%]?")


@functools.cache
def widest(command):
    return run(command, *REPLAY, "--width", "400", check=0).stdout


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
@pytest.mark.parametrize("command", READING)
def test_no_line_is_too_wide_and_no_number_is_cut(command, width):
    found = run(command, *REPLAY, "--width", str(width), check=0).stdout
    wide = widest(command)
    assert max(map(len, found.splitlines())) <= width
    assert "…" not in found
    known = set(FIGURE.findall(wide))
    if command == "report":
        cut = set(FIGURE.findall(found)) - known
        assert not cut


def test_colour_is_only_where_it_is_wanted():
    plain = run("report", *REPLAY).stdout
    assert "\x1b[" not in plain
    assert "\x1b[" in run("report", *REPLAY, "--color").stdout
    assert "\x1b[" in run("report", *REPLAY, env={"FORCE_COLOR": "1"}).stdout
    for env in ({"FORCE_COLOR": "0"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in run("report", *REPLAY, env=env).stdout
    assert re.sub(r"\x1b\[[\d;]*m", "", run("report", *REPLAY, "--color").stdout) == plain


def test_ascii_is_ascii():
    for args, env in ((["--ascii"], {}), ([], {"TERM": "dumb"}), ([], {"PYTHONIOENCODING": "ascii"})):
        assert run("report", *REPLAY, *args, env=env, check=0).stdout.isascii()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["report", "--replay", "nothing"], "article"),
        (["report", "--venue", "binanse", *REPLAY], "Did you mean binance"),
        (["report", "SOLX", *REPLAY], "SOL"),
        (["report", "--interval", "7m", *REPLAY], "--interval"),
        (["report", "--lookback", "long", *REPLAY], "--lookback"),
        (["report", "--lookback", "1m", *REPLAY], "--lookback"),
        (["report", "--window", "150", *REPLAY], "--window"),
        (["report", "--band", "9:1", *REPLAY], "--band"),
        (["report", "--band", "x", *REPLAY], "--band"),
        (["report", "--timeout", "0", *REPLAY], "--timeout"),
        (["report", "--as-of", "2026-01-01", *REPLAY], "--as-of needs local history or --bars"),
        (["report", "--bars", "nothing.csv"], "no such file"),
        (["report", "--bars", "x", *REPLAY], "--bars"),
        (["reprot"], "report"),
        (["report", "--format", "pdf"], "pdf"),
        (["report", *REPLAY, "--output", "/nowhere/at/all"], "cannot write"),
    ],
)
def test_what_cannot_be_exits_2_and_says_why(args, told):
    done = run(*args, check=2)
    assert told in done.stderr
    assert not done.stdout


def test_exit_codes_of_data():
    with Exchange({"gate": "500"}) as exchange:
        # Gate's requests alone carry the time, and it fails: the other venues' volumes are as recorded.
        assert "gap: gate" in run("volume", "--timeout", "5", env=exchange.environment, check=0).stderr
        run("fear-greed", env=exchange.environment, check=0)
        run("fear-greed", "--max-age", "1h", env=exchange.environment, check=4)
        assert "gate" in run("volume", "--strict", env=exchange.environment, check=5).stderr
    with Exchange(dict.fromkeys(SOURCES, "refused")) as exchange:
        done = run("report", env=exchange.environment, check=3)
        assert "--venue" in done.stderr


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "out.json"
    run("report", *REPLAY, "--json", "-o", str(target), check=0)
    assert json.loads(target.read_text())["schema"] == "imbalance.report/1"
    assert os.listdir(tmp_path) == ["out.json"]  # noqa: PTH208
    target.write_text("kept")
    run("report", "--replay", "nothing", "-o", str(target), check=2)
    assert target.read_text() == "kept"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_answer_that_is_written_in_part_is_an_error(unbuffered, tmp_path):
    few, place = 20_000, tmp_path / "answer.json"
    command = [sys.executable, "-m", "imbalance", "report", *REPLAY, "--json"]
    with place.open("wb") as stream:
        done = subprocess.run(
            command,
            stdout=stream,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (few, few)),
            encoding="utf-8",
            check=False,
        )
    assert place.stat().st_size == few
    assert (done.returncode, done.stderr) == (2, "imbalance: cannot write the answer to stdout: File too large\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_is_said():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = run("report", *REPLAY, stdout=full)
    assert done.returncode == 2
    assert "No space left" in done.stderr


def test_a_closed_pipe_ends_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = run("report", *REPLAY, "--json", stdout=closed)
    assert done.returncode == 141
    assert not done.stderr


def test_configuration_is_beaten_by_environment_and_flags(tmp_path):
    file = tmp_path / "config.toml"
    env = {"IMBALANCE_CONFIG": str(file)}
    assert run("config", "path", env=env, check=0).stdout.strip() == str(file)
    run("config", "init", env=env, check=0)
    assert file.stat().st_mode & 0o077 == 0  # addresses that are told hold passwords
    assert "already there" in run("config", "init", env=env, check=2).stderr
    assert "interval = 15m" in run("config", "show", env=env, check=0).stdout
    file.write_text('window = 10\nformat = "json"\n')

    def window(*args, **more):
        return json.loads(run("clusters", *REPLAY, *args, env=env | more).stdout)["risk"]["window_pct"]

    assert window() == 10
    assert window(IMBALANCE_WINDOW="5") == 5
    assert window("--window", "2", IMBALANCE_WINDOW="5") == 2
    for text, told in (("windw = 1", "windw"), ("window = 'x'", "window must be"), ("[", "config.toml")):
        file.write_text(text)
        assert told in run("report", *REPLAY, env=env, check=2).stderr
    assert "IMBALANCE_WINDOW" in run("report", *REPLAY, env={"IMBALANCE_WINDOW": "wide"}, check=2).stderr


def test_bands_are_estimated():
    found = json.loads(
        run("clusters", *REPLAY, "--band", "85K:92K", "--band", "70,000:80,000", "--json", check=0).stdout
    )
    assert [(b["low"], b["high"]) for b in found["bands"]] == [(85_000, 92_000), (70_000, 80_000)]
    assert found["bands"][0]["long"]["usd"] == 0
    assert found["bands"][0]["ratio"] is None


@pytest.mark.parametrize("kind", ["table", "text", "markdown"])
def test_the_look_of_the_report(kind, snapshot):
    assert run("report", *REPLAY, "-f", kind, check=0).stdout == snapshot


def test_the_articles_question():
    found = json.loads(run("cascade", *REPLAY, "--to", "90000", "--json", check=0).stdout)
    assert (found["side"], found["target"]) == ("short", 90_000)
    assert [law["name"] for law in found["laws"]] == ["square root", "book", "stressed book"]
    for law in found["laws"]:
        for key in ("push_needed", "carried", "reach", "cost_usd"):
            assert law[key]["low"] <= law[key]["value"] <= law[key]["high"]
    down = json.loads(run("cascade", *REPLAY, "--shock", "-8%", "--json", check=0).stdout)
    assert (down["side"], round(down["shock"], 4)) == ("long", -0.08)
    for args in (["--shock", "5", "--to", "1"], ["--shock", "x"], ["--to", "-3"], ["--to", "300K"]):
        assert run("cascade", *REPLAY, *args, check=2).stderr


def test_validation_scores_a_users_own_bars(tmp_path):
    from tests.library.test_market import rows, write

    table = [[*r[:9], 5 * (r[2] / r[4] - 1) * 100, 5 * (r[3] / r[2] - 1) * 100] for r in rows(24 * 30)]
    file = str(write(tmp_path / "a.csv", table))
    found = json.loads(run("validate", "--bars", file, "--horizon", "1d,3d", "--json", check=0).stdout)
    members = [m["name"] for m in found["members"]]
    assert [m["name"] for m in found["methods"]] == ["move alone", "model", *members, "path null", "fixed leverages"]
    assert sum(m["weight"] for m in found["members"]) == pytest.approx(1)
    assert sum(m["weight_learnt"] for m in found["members"]) == pytest.approx(1)
    assert found["verdict"]["text"] in " ".join(run("validate", "--bars", file, check=0).stdout.split())
    assert {h["days"] for h in found["horizons"]} == {1.0, 3.0}
    bars = list(csv.DictReader(io.StringIO(run("validate", "--bars", file, "-f", "csv", check=0).stdout)))
    assert list(bars[0]) == [
        "time", "time_utc", "side", "observed_usd", "predicted_usd", "predicted_low_usd", "predicted_high_usd",
    ]  # fmt: skip
    assert all(float(b["predicted_low_usd"]) <= float(b["predicted_high_usd"]) for b in bars)
    assert all(iso(int(b["time"])) == b["time_utc"] for b in bars)
    assert [b["time_utc"] for b in bars] == [b["time_utc"] for b in found["bars"]]
    unknown = str(write(tmp_path / "c.csv", [[*r[:6], "", "", *r[8:]] for r in table]))
    assert "imbalance: gap: v volume: empty" in run("clusters", "--bars", unknown, "-f", "text", check=0).stderr
    assert "less than a bar" in run("validate", "--bars", file, "--horizon", "1d,0d", check=2).stderr
    quiet = [[*r[:9], "", ""] for r in table]
    assert (
        "no observed liquidations" in run("validate", "--bars", str(write(tmp_path / "b.csv", quiet)), check=3).stderr
    )


def test_bars_longer_than_the_warm_up_are_too_few_to_score(tmp_path):
    from tests.library.test_market import rows, write

    file = str(write(tmp_path / "a.csv", rows(4, step=7 * 86_400_000)))
    found = json.loads(run("validate", "--bars", file, "--json", check=0).stdout)
    assert (found["verdict"]["beats_path"], found["methods"]) == (None, [])
    assert all(m["weight_learnt"] == m["weight"] for m in found["members"])
    told = run("validate", "--bars", file, "-o", str(tmp_path / "a.svg"), check=3).stderr
    assert found["verdict"]["text"] in told
    assert not (tmp_path / "a.svg").exists()


def test_the_map_through_time_as_picture_and_as_letters(tmp_path):
    letters = run("heatmap", *REPLAY, "--width", "70", check=0).stdout
    assert letters.isascii()
    assert {"s", "S", "l", "L", "o"} <= set("".join(letters.splitlines()[3:-1]))
    assert len(run("heatmap", *REPLAY, "--columns", "1", "--bins", "1", check=0).stdout.splitlines()) > 20
    assert "\x1b[38;2;" in run("heatmap", *REPLAY, "--color", env={"COLORTERM": "truecolor"}, check=0).stdout
    found = json.loads(run("heatmap", *REPLAY, "--json", "--columns", "40", "--bins", "30", check=0).stdout)
    assert (len(found["time"]), len(found["edges"]), len(found["long_usd"])) == (40, 31, 40)
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        for command in ("heatmap", "clusters"):
            file, again = tmp_path / f"{command}.{kind}", tmp_path / f"again-{command}.{kind}"
            for place in (file, again):
                run(command, *REPLAY, "-o", str(place), check=0)
            assert file.read_bytes().startswith(start)
            assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_prices_of_any_size_keep_their_edges_apart(tmp_path, scale):
    from tests.library.test_market import rows, write

    table = [[*r[:2], *(v * scale for v in r[2:6]), *r[6:]] for r in rows(60)]
    found = json.loads(run("clusters", "--bars", str(write(tmp_path / "a.csv", table)), "--json", check=0).stdout)
    edges = found["map"]["edges"]
    assert all(a < b <= a * 1.0026 for a, b in itertools.pairwise(edges))
    assert edges[0] < found["price"] * 0.68
    assert edges[-1] > found["price"] * 1.48


def test_what_each_source_gives_and_how_it_is():
    matrix = json.loads(run("sources", "--json", check=0).stdout)
    rows = {c["name"]: c for c in matrix["capabilities"]}
    assert set(rows) == set(SOURCES)
    assert matrix["sources"] == []
    assert (rows["gate"]["liquidations"], rows["hyperliquid"]["liquidations"]) == ("90 d", "")
    assert "KEY" in rows["coinalyze"]["needs"]
    with Exchange({"okx": "451", "bitget": "429"}) as exchange:
        told = run("sources", "--probe", "--json", env=exchange.environment, check=0).stdout
    states = {s["name"]: s for s in json.loads(told)["sources"]}
    assert (states["okx"]["status"], states["bitget"]["status"]) == ("failed", "failed")
    assert "--venue" in states["okx"]["hint"]
    binance = states["binance"]
    # Its figures are those of the scenario, and no answer is younger.
    assert binance["status"] == "stale"
    assert "2026-01-30T12:00:00Z" in binance["message"]
    assert abs(binance["clock_ahead_s"]) < 5
    assert 0 < binance["budget_used"] < 0.5
    assert binance["latency_ms"] > 0


def test_accounts_are_checked_before_anything_is_asked(tmp_path):
    file = tmp_path / "accounts"
    file.write_text("# mine\n0x" + "ab" * 20 + "  # cold\n\nnot one\n")
    told = run("positions", "--addresses", str(file), check=2).stderr
    assert "line 4" in told
    assert "no accounts" in run("positions", check=2).stderr
    assert "No such file" in run("positions", "--addresses", str(tmp_path / "none"), check=2).stderr
    read = json.loads(run("positions", *REPLAY, "--json", check=0).stdout)
    assert read["holding"] == len(read["positions"]) == 8


def test_a_key_is_in_nothing_that_is_printed(tmp_path):
    secret = "s3cret-key-of-mine"  # noqa: S105
    keys = {f"IMBALANCE_{name}_KEY": secret for name in ("COINGLASS", "CRYPTOQUANT", "COINALYZE")}
    for fault in ("401", "html", "reset", "other_json"):
        with Exchange(dict.fromkeys(("coinglass", "cryptoquant", "coinalyze"), fault)) as exchange:
            done = run("sources", "--probe", "--debug", "-v", "--json", env={**exchange.environment, **keys}, check=0)
        assert secret not in done.stdout + done.stderr
        told = {g["source"] for g in json.loads(done.stdout)["gaps"] if g["failed"]}
        assert {"coinglass", "cryptoquant", "coinalyze"} <= told


def test_a_coin_given_to_the_index_is_ignored_with_a_word():
    done = run("fear-greed", "BTC", *REPLAY, check=0)
    assert done.stdout == run("fear-greed", *REPLAY, check=0).stdout
    assert "one index for all coins; BTC changes nothing" in done.stderr
    assert not run("fear-greed", "BTC", *REPLAY, "-q", check=0).stderr


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "imbalance", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == run("--version", check=0).stdout
