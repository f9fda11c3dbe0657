"""Recordings that were edited by hand, recorders that fail, and runs that are interrupted: told, and nothing left."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from imbalance.collect import Options
from imbalance.errors import UsageError
from imbalance.fetch.recording import INDEX, Recorder, Recording, find
from imbalance.fetch.settings import SourceSettings
from imbalance.service import fear_greed, positions
from tests.support.exchange import Exchange

COMMAND = [sys.executable, "-c", "from imbalance_cli.app import program; program()"]
POSTED = {"source": "hyperliquid", "path": "/info", "query": '{"user": '}


@pytest.fixture
def kept(tmp_path):
    folder = tmp_path / "kept"
    shutil.copytree(find("article"), folder)
    return folder


def edit(folder, **fields):
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps(index | fields))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"extends": "kept"}, "extends itself"),
        ({"extends": "other"}, "extends itself"),
        ({"extends": "a\0b"}, "holds no recording"),
        ({"extends": "nothing"}, "holds no recording"),
        ({"captured_at_ms": -1}, "captured_at_ms -1"),
        ({"captured_at_ms": 10**300}, "recording.json"),
        ({"captured_at_ms": 10**18}, "captured_at_ms"),
        ({"captured_at_ms": 1e300}, "damaged"),
        ({"captured_at_ms": None}, "damaged"),
        ({"entries": [POSTED]}, "no JSON"),
        ({"entries": [POSTED | {"query": "{\ud800"}]}, "damaged"),
        ({"entries": [POSTED | {"status": "200"}]}, "damaged"),
        ({"entries": {}}, "damaged"),
    ],
)
def test_an_index_that_cannot_be_is_an_error_that_says_so(fields, told, kept):
    shutil.copytree(kept, kept.parent / "other")
    edit(kept.parent / "other", extends="kept")
    edit(kept, **fields)
    with pytest.raises(UsageError, match=told):
        positions(Options(replay=str(kept)), SourceSettings(), 0, lambda _h: None)


@pytest.mark.parametrize("damage", ["fifo", "folder", "huge", "outside", "nul", "none"])
def test_a_body_that_is_no_body_is_an_error_and_never_waited_for(damage, kept):
    index = json.loads((kept / INDEX).read_text())
    entry = next(e for e in index["entries"] if e["source"] == "fear_greed")
    body = kept / "bodies" / entry["file"]
    (kept.parent / "outside").write_bytes(body.read_bytes())
    body.unlink()
    if damage == "fifo":
        os.mkfifo(body)
    elif damage == "folder":
        body.mkdir()
    elif damage == "huge":
        with body.open("wb") as stream:
            stream.truncate(1 << 40)
    else:
        entry["file"] = {"outside": "../../outside", "nul": "a\0b", "none": ""}[damage]
        edit(kept, entries=index["entries"])
    with pytest.raises(UsageError, match="cannot read"):
        fear_greed(Options(replay=str(kept)), SourceSettings(), 0, lambda _h: None)


def test_an_index_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / INDEX)
    with pytest.raises(UsageError, match="no regular file"):
        Recording(tmp_path)


def test_a_wrong_status_and_unknown_sources_are_gaps(kept):
    index = json.loads((kept / INDEX).read_text())
    for entry in index["entries"]:
        if entry["source"] == "fear_greed":
            entry["status"] = -5
    edit(kept, entries=index["entries"], sources=[*index["sources"], "no\x1bsuch"])
    done = subprocess.run(
        [*COMMAND, "fear-greed", "--replay", str(kept)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 3
    assert "HTTP -5" in done.stderr


def test_what_is_loaded_before_signals_are_handled_is_small():
    code = "import re, sys; before = set(sys.modules); import imbalance_cli.app; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {"imbalance_cli", "imbalance_cli.app", "imbalance_cli.process"}
    assert ours <= set(done.stdout.split()) <= ours | {"__future__", "signal"}


def test_two_cannot_record_into_one_folder(tmp_path):
    Recorder(tmp_path / "kept", lambda: 0)
    with pytest.raises(UsageError, match="another is being made"):
        Recorder(tmp_path / "kept", lambda: 0)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot record"):
        Recorder(tmp_path / "file" / "x", lambda: 0)


def test_a_recording_that_is_given_up_takes_nothing_of_others_along(tmp_path):
    (tmp_path / "theirs").touch()
    recorder = Recorder(tmp_path / "new" / "kept", lambda: 0)
    for body in (b"first", b"second"):
        recorder.keep(("gate", "/x", ""), "http://x", 200, body, "")
    recorder.discard()
    assert [place.name for place in tmp_path.iterdir()] == ["theirs"]
    recorder = Recorder(tmp_path / "new" / "kept", lambda: 0)
    (tmp_path / "new" / "kept" / "notes").touch()
    recorder.discard()
    assert [place.name for place in (tmp_path / "new" / "kept").iterdir()] == ["notes"]


def test_a_disk_that_fills_while_recording_ends_the_run_with_a_sentence(tmp_path):
    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    with Exchange() as exchange:
        done = subprocess.run(
            [*COMMAND, "report", "--record", str(tmp_path / "kept")],
            env={**os.environ, **exchange.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            preexec_fn=small_disk,
        )
    assert done.returncode == 2, done.stderr
    assert "cannot record" in done.stderr
    assert "File too large" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


# Background jobs of a shell ignore interrupts, and so do their children; the interpreter's own start is not ours.
HEEDING = (
    "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    "from imbalance_cli.app import main; os.write(1, b'!'); main()"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_end_leaves_no_traceback(number, tmp_path):
    """At many moments: while it loads, while it waits, while it writes."""
    # The last: once the answer is out and the interpreter has taken its handlers down.
    expected = {0, 128 + number, -number}
    with Exchange(delay_s=0.05) as exchange:
        for i in range(10):
            running = subprocess.Popen(
                [*COMMAND[:-1], HEEDING, "liquidations", "--record", str(tmp_path / str(i))],
                env={**os.environ, **exchange.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert running.stdout.read(1) == "!"
            timer = threading.Timer(0.02 + 0.06 * i, running.send_signal, (number,))
            timer.start()
            _out, told = running.communicate(timeout=30)
            timer.cancel()
            assert "Traceback" not in told
            assert running.returncode in expected, told
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_recording_that_a_signal_ends_goes_with_its_run(number, tmp_path):
    with Exchange(delay_s=0.2) as exchange:
        running = subprocess.Popen(
            [*COMMAND[:-1], HEEDING, "report", "-q", "--record", str(tmp_path / "new" / "kept")],
            env={**os.environ, **exchange.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("bodies/*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(number)
        running.communicate(timeout=30)
    assert running.returncode == 128 + number
    assert not list(tmp_path.iterdir())


def test_a_reader_that_goes_away_is_told_by_the_exit_code():
    for args in (("report", "--help"), ("--help",), ("explain",), ("--version",)):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [*COMMAND, *args], stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (141, ""), args


def test_what_cannot_be_written_to_is_told_before_anything_is_asked(tmp_path):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    (tmp_path / "dangling.json").symlink_to(tmp_path / "not" / "there.json")
    (tmp_path / "file").touch()
    told = {
        "not/there.json": "is no folder", "dangling.json": "is no folder", "folder.json": "Is a directory",
        "loop.json": "Too many levels", "file/x.json": "Not a directory",
    }  # fmt: skip
    for name, why in told.items():
        with Exchange() as exchange:
            command = [*COMMAND, "liquidations", "-o", str(tmp_path / name)]
            environment = {**os.environ, **exchange.environment}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, exchange.asked) == (2, []), name
        assert why in done.stderr


def test_streams_that_are_closed_are_no_bug(tmp_path):
    def ran(*args, closed):
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *args],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "bug" not in done.stderr
        assert "Traceback" not in done.stderr
        return done

    asked = ("fear-greed", "--replay", "article")
    closed = ran(*asked, closed=">&-")
    assert (closed.returncode, "cannot write the answer" in closed.stderr) == (2, True)
    for args in (("--version",), ("--help",), ("config", "path")):
        assert ran(*args, closed=">&-").returncode == 2
        assert ran(*args, closed=">/dev/full").returncode == 2
    for how in ("2>&-", "<&-", "2>&- <&-"):
        assert ran(*asked, closed=how).stdout
    assert ran(*asked, "-o", str(tmp_path / "answer"), closed="<&- >&- 2>&-").returncode == 0
    assert "Extreme Fear" in (tmp_path / "answer").read_text()
    assert ran("fear-greed", "--venue", "nobody", closed="2>&-").returncode == 2


def test_too_little_memory_is_told_and_no_bug():
    out_of_it = (
        "from imbalance_cli import app\ndef full(): raise MemoryError('of 220 MiB')\napp._run = full\napp.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", out_of_it, "report"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "not enough memory for this: of 220 MiB" in done.stderr
    assert "--columns" in done.stderr
