"""Maps of the past: each as its own bars alone give it, the same bytes wherever they are made, whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from imbalance import jobs
from imbalance.errors import BarsError, UsageError
from imbalance.library import liquidation_map
from imbalance.map_history import map_history, mapped, tasks
from imbalance.origins import OwnBars
from imbalance.partitions import MANIFEST, Partition, Partitions
from imbalance.reader import read_bars
from imbalance.units import DAY_MS, HOUR_MS
from tests.support import s3

pytest.importorskip("pyarrow")
JANUARY_MS = 1_767_225_600_000
WARM_UP_MS = 2 * DAY_MS


def bars(start_ms, hours, seed=0):
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.004, hours)))
    opens = np.r_[close[0], close[:-1]]
    return pd.DataFrame(
        {
            "time": start_ms + HOUR_MS * np.arange(hours),
            "venue": "okx",
            "open": opens,
            "high": np.maximum(opens, close) * 1.001,
            "low": np.minimum(opens, close) * 0.999,
            "close": close,
            "volume_base": random.gamma(2, 500, hours),
            "open_interest_base": 50_000 * np.exp(np.cumsum(random.normal(0, 0.003, hours))),
        }
    )


def put(folder, symbol, month, frame):
    place = folder / f"symbol={symbol}" / f"month={month}"
    place.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(place / "bars.parquet")
    return place / "bars.parquet"


@pytest.fixture
def folder(tmp_path):
    """Two coins: the last days of January and the first of February."""
    for seed, symbol in enumerate(("AAA", "BBB")):
        frame = bars(JANUARY_MS + 28 * DAY_MS, 5 * 24, seed)
        february = frame["time"] >= JANUARY_MS + 31 * DAY_MS
        put(tmp_path / "bars", symbol, "2026-01", frame[~february])
        put(tmp_path / "bars", symbol, "2026-02", frame[february])
    return tmp_path / "bars"


def one_by_one(function, todo):
    for number, task in enumerate(todo):
        yield number, function(task)


def backwards(function, todo):
    yield from reversed(list(one_by_one(function, todo)))


def made(folder, into, run=one_by_one, symbols=(), **more):
    settings = {"step_ms": DAY_MS, "warm_up_ms": WARM_UP_MS, "now_ms": JANUARY_MS} | more
    return map_history(OwnBars(str(folder)), into, symbols, run=run, **settings)


def contents(place):
    return {str(p.relative_to(place)): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}


def test_each_map_is_what_the_bars_of_its_warm_up_alone_give(folder, tmp_path):
    found = made(folder, tmp_path / "maps", symbols=("AAA",))
    table = pd.read_parquet(tmp_path / "maps" / "symbol=AAA" / "month=2026-02" / "map.parquet")
    times = sorted(table["time"].unique())
    assert [t.isoformat()[:10] for t in times] == ["2026-02-02", "2026-02-03"]
    # January's folder holds the map of the moment at which it ends.
    january = pd.read_parquet(tmp_path / "maps" / "symbol=AAA" / "month=2026-01" / "map.parquet")
    assert january["time"].max().isoformat() == "2026-02-01T00:00:00+00:00"
    for moment, own in ((times[0], table), (january["time"].max(), january)):
        moment_ms = moment.value // 1_000_000 if moment.unit == "ns" else int(moment.timestamp() * 1000)
        market = read_bars(folder, symbol="AAA", from_ms=moment_ms - WARM_UP_MS, as_of_ms=moment_ms)
        alone = liquidation_map(market)
        rows = own[own["time"] == moment]
        np.testing.assert_array_equal(rows["low"], alone.edges[:-1])
        for side, name in ((0, "long"), (1, "short")):
            np.testing.assert_array_equal(rows[f"{name}_usd"], np.round(alone.forced[side], 2))
            np.testing.assert_array_equal(rows[f"{name}_exposed_usd"], np.round(alone.exposed[side], 2))
            np.testing.assert_array_equal(rows[f"{name}_usd_high"], np.round(alone.bounds(side)[1], 2))
            assert (rows[f"{name}_usd_low"] <= rows[f"{name}_usd"]).all()
    # A moment at which no bar ends has no map, and is counted.
    assert [(p.month, p.state, p.missing) for p in found.partitions] == [
        ("2026-01", "written", 28),
        ("2026-02", "written", 26),
    ]
    assert "no bar" in found.partitions[0].why


def test_later_bars_and_other_coins_change_nothing(folder, tmp_path):
    (task, *_rest) = tasks(OwnBars(str(folder)), ["AAA"], DAY_MS, WARM_UP_MS)
    before = mapped(task)
    put(folder, "AAA", "2026-02", bars(JANUARY_MS + 31 * DAY_MS, 24, 9))
    put(folder, "BBB", "2026-01", bars(JANUARY_MS, 24, 9))
    assert mapped(task) == before
    put(folder, "AAA", "2026-01", bars(JANUARY_MS + 28 * DAY_MS, 3 * 24, 9))
    assert mapped(task).content != before.content


def test_only_the_months_of_the_span_are_read(folder):
    put(folder, "AAA", "2025-11", bars(JANUARY_MS, 1)).write_bytes(b"damaged")
    *_others, february = tasks(OwnBars(str(folder)), ["AAA"], DAY_MS, WARM_UP_MS)
    assert mapped(february).rows
    assert "damaged" in mapped(msgspec.structs.replace(february, warm_up_ms=90 * DAY_MS)).why


def test_the_order_of_the_work_changes_nothing(folder, tmp_path):
    made(folder, tmp_path / "a")
    made(folder, tmp_path / "b", backwards)
    made(folder, tmp_path / "c", jobs.local(2))
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == contents(tmp_path / "c")
    assert len(contents(tmp_path / "a")) == 5


def test_hours_are_mapped_too(folder):
    *_others, february = tasks(OwnBars(str(folder)), ["AAA"], HOUR_MS, WARM_UP_MS)
    found = mapped(msgspec.structs.replace(february, to_ms=february.from_ms + 5 * HOUR_MS))
    table = pd.read_parquet(io.BytesIO(found.content))
    assert [t.hour for t in sorted(table["time"].unique())] == [1, 2, 3, 4, 5]
    assert found.missing == 0


def test_a_folder_that_is_none_is_named_for_what_it_is(tmp_path):
    file, empty = tmp_path / "bars.csv", tmp_path / "empty"
    file.touch()
    empty.mkdir()
    for place, told in ((tmp_path / "nope", ": no such folder"), (file, ": no folder"), (empty, " is not parted by")):
        for symbols in ((), ("BTC",)) if place != empty else ((),):
            with pytest.raises(UsageError, match=re.escape(f"{place}{told}")):
                tasks(OwnBars(str(place)), symbols, DAY_MS, DAY_MS)


def test_what_is_there_is_kept_and_what_is_not_is_made_again(folder, tmp_path):
    into = tmp_path / "maps"
    made(folder, into)
    whole = contents(into)
    (into / "symbol=AAA" / "month=2026-01" / "map.parquet").write_bytes(b"cut off")
    (into / "symbol=BBB" / "month=2026-02" / "map.parquet").unlink()
    states = {(p.symbol, p.month): p.state for p in made(folder, into).partitions}
    assert states == {
        ("AAA", "2026-01"): "written",
        ("AAA", "2026-02"): "kept",
        ("BBB", "2026-01"): "kept",
        ("BBB", "2026-02"): "written",
    }
    assert contents(into) == whole


def test_a_month_that_has_grown_is_made_again(folder, tmp_path):
    into = tmp_path / "maps"
    made(folder, into, symbols=("AAA",))
    put(folder, "AAA", "2026-02", bars(JANUARY_MS + 31 * DAY_MS, 72, 5))
    assert [p.state for p in made(folder, into, symbols=("AAA",)).partitions] == ["kept", "written"]
    put(folder, "AAA", "2026-01", bars(JANUARY_MS + 28 * DAY_MS, 3 * 24, 5))
    # The warm-up of February lies in January.
    assert [p.state for p in made(folder, into, symbols=("AAA",)).partitions] == ["written", "written"]


def test_other_settings_do_not_mix(folder, tmp_path):
    made(folder, tmp_path / "maps", symbols=("AAA",))
    with pytest.raises(UsageError, match="was made with another every, warm_up_ms"):
        made(folder, tmp_path / "maps", step_ms=HOUR_MS, warm_up_ms=DAY_MS)
    (tmp_path / "maps" / MANIFEST).write_text("{")
    with pytest.raises(UsageError, match=r"manifest.json: cannot be read"):
        made(folder, tmp_path / "maps")


def test_a_month_that_cannot_be_read_is_told_and_the_others_are_made(folder, tmp_path):
    put(folder, "BBB", "2026-01", bars(JANUARY_MS, 1)).write_bytes(b"damaged")
    found = {(p.symbol, p.month): p for p in made(folder, tmp_path / "maps").partitions}
    assert found["AAA", "2026-01"].state == "written"
    assert found["BBB", "2026-01"].state == "failed"
    assert "damaged Parquet" in found["BBB", "2026-01"].why
    assert not (tmp_path / "maps" / "symbol=BBB" / "month=2026-01" / "map.parquet").exists()


def test_folders_that_hold_no_bars_are_refused(folder, tmp_path):
    with pytest.raises(BarsError, match="nothing of ZZZ: it holds AAA, BBB"):
        tasks(OwnBars(str(folder)), ["ZZZ"], DAY_MS, WARM_UP_MS)
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="not parted by coin and month"):
        tasks(OwnBars(str(tmp_path / "none")), [], DAY_MS, WARM_UP_MS)


def test_two_runs_do_not_fill_a_folder_at_once(folder, tmp_path):
    into = tmp_path / "maps"

    def meanwhile(function, todo):
        with pytest.raises(UsageError, match="another run is filling"):
            made(folder, into, step_ms=HOUR_MS)
        return jobs.alone(function, todo)

    made(folder, into, meanwhile, symbols=("AAA",))
    assert {p.state for p in made(folder, into, symbols=("AAA",)).partitions} == {"kept"}


@pytest.mark.parametrize(
    ("place", "told"),
    [("file", "file is a file, and no folder to fill"), ("file/maps", "Not a directory")],
)
def test_a_folder_that_cannot_be_filled_is_told_before_the_work(folder, tmp_path, place, told):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=told):
        made(folder, tmp_path / place, lambda *_: pytest.fail("there was work"))


def test_a_coin_is_found_as_others_wrote_it(folder, tmp_path):
    put(folder, "kPEPE", "2026-02", bars(JANUARY_MS + 31 * DAY_MS, 48))
    put(folder, "aaa", "2026-02", bars(JANUARY_MS + 31 * DAY_MS, 48))
    found = tasks(OwnBars(str(folder)), ["KPEPE", "AAA", "aaa"], DAY_MS, DAY_MS)
    assert [(task.symbol, task.month) for task in found] == [
        ("kPEPE", "2026-02"),
        ("AAA", "2026-01"),
        ("AAA", "2026-02"),
        ("aaa", "2026-02"),
    ]
    assert read_bars(folder, symbol="KPEPE").time_ms.size == 48


@pytest.mark.parametrize("month", ["", "month=2026-13"])
def test_a_coin_without_months_is_not_passed_over(folder, month):
    (folder / "symbol=CCC" / month).mkdir(parents=True)
    bars(JANUARY_MS, 48).to_parquet(folder / "symbol=CCC" / month / "bars.parquet")
    with pytest.raises(UsageError, match="the files of CCC are not parted by month"):
        tasks(OwnBars(str(folder)), [], DAY_MS, DAY_MS)


def test_a_coin_that_is_named_twice_is_an_error(folder):
    with pytest.raises(UsageError, match="a coin is named twice"):
        tasks(OwnBars(str(folder)), ["AAA", "AAA"], DAY_MS, DAY_MS)


def test_a_partition_is_there_before_the_manifest_names_it(tmp_path):
    partitions = Partitions(tmp_path, {"every": "1d"})
    partition = Partition.with_content("state", b"content", 1, 0)
    (tmp_path / MANIFEST).mkdir()  # it cannot be written
    with pytest.raises(UsageError, match="cannot write"):
        partitions.write("a/b.parquet", b"content", partition)
    assert (tmp_path / "a" / "b.parquet").read_bytes() == b"content"


def die_once(task):
    """Kill the process that runs it, the first time."""
    flag, number = task
    if number == 1 and not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * 10


def die(_task):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_changes_nothing(tmp_path):
    todo = [(str(tmp_path / "flag"), number) for number in range(5)]
    assert sorted(jobs.local(2)(die_once, todo)) == [(n, n * 10) for n in range(5)]
    assert (tmp_path / "flag").exists()


def test_processes_that_are_killed_again_and_again_are_an_error():
    with pytest.raises(UsageError, match="processes were killed"):
        list(jobs.local(1)(die, [1]))


WAITING = """
import time
from imbalance import jobs
if __name__ == "__main__":
    for _found in jobs.local(1)(time.sleep, [0, 600]):
        print("one has ended", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_one_that_started_them(tmp_path, how):
    script = tmp_path / "run.py"
    script.write_text(WAITING)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, script], stdout=pipe, stderr=pipe) as running:
        assert running.stdout
        running.stdout.readline()
        running.send_signal(how)
        # Whoever is left holds the pipes open; none has anything to tell.
        assert running.communicate(timeout=20) == (b"", b"")


def test_a_run_is_followed_task_by_task():
    told = []
    assert list(jobs.followed(jobs.alone, told.append)(abs, [-1, -2, -3])) == [(0, 1), (1, 2), (2, 3)]
    assert told == [3, 3, 3]


def test_no_tasks_are_no_work():
    assert list(jobs.local(2)(die, [])) == []


RUN = """
import sys
from pathlib import Path
from imbalance import jobs
from imbalance.map_history import map_history
from imbalance.origins import OwnBars
from imbalance.units import DAY_MS
if __name__ == "__main__":
    map_history(OwnBars(sys.argv[1]), Path(sys.argv[2]), [], step_ms=DAY_MS, warm_up_ms=2 * DAY_MS,
                run=jobs.local(1), now_ms=0, done=lambda n: print(n, flush=True))
"""


def test_a_run_that_is_killed_goes_on_where_it_was(folder, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    into = tmp_path / "maps"
    with subprocess.Popen([sys.executable, script, folder, into], stdout=subprocess.PIPE) as running:
        assert running.stdout
        running.stdout.readline()
        running.kill()
    named = msgspec.json.decode((into / MANIFEST).read_bytes())["partitions"]
    assert 1 <= len(named) < 4
    digests = {n: hashlib.sha256((into / n).read_bytes()).hexdigest() for n in named}
    assert digests == {n: p["sha256"] for n, p in named.items()}
    again = made(folder, into)
    assert sum(p.state == "kept" for p in again.partitions) == len(named)
    made(folder, tmp_path / "whole")
    assert contents(into) == contents(tmp_path / "whole")


def test_a_cluster_writes_the_same_bytes_though_a_worker_is_killed(folder, tmp_path):
    distributed = pytest.importorskip("distributed")
    made(folder, tmp_path / "here")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
    ) as cluster:
        run = jobs.cluster(cluster.scheduler_address)
        killed = []

        def killing(function, todo):
            for number, found in run(function, todo):
                if not killed:
                    killed.append(min(cluster.scheduler_info["workers"], key=str))
                    os.kill(cluster.workers[0].process.pid, signal.SIGKILL)
                yield number, found

        made(folder, tmp_path / "there", killing)
    assert killed
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_the_page_for_several_machines_says_what_works(folder, tmp_path):
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    page = Path(jobs.__file__).with_name("CLUSTER.md").read_text().replace("10.0.0.1", "127.0.0.1")
    lines = [line for line in page.replace("8786", port).splitlines() if line.startswith(".venv/bin/")]
    # One worker will do.
    scheduler, worker, ask = (line.replace("--nworkers -1", "--nworkers 1").split() for line in lines)
    programs = Path(sys.executable).parent
    with contextlib.ExitStack() as stack:
        for program, *rest in (scheduler, worker):
            running = subprocess.Popen([programs / Path(program).name, *rest], stderr=subprocess.DEVNULL, cwd=tmp_path)
            stack.callback(running.wait)
            stack.callback(running.terminate)
        command = [programs / Path(ask[0]).name, *ask[1:], "--lookback", "2d", "-q"]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, timeout=60)
    made(folder, tmp_path / "here")
    assert contents(tmp_path / "maps") == contents(tmp_path / "here")


def test_maps_of_a_bucket_are_those_of_the_folder(folder, tmp_path, monkeypatch):
    pytest.importorskip("s3fs")
    put(folder, "CCC", "2026-02", bars(JANUARY_MS, 1)).write_bytes(b"damaged")
    here = made(folder, tmp_path / "here")
    with s3.server() as held:
        held.put(folder, "mine/bars")
        for name, value in held.environment.items():
            monkeypatch.setenv(name, value)
        settings = {"step_ms": DAY_MS, "warm_up_ms": WARM_UP_MS, "now_ms": JANUARY_MS}

        def there(run=one_by_one):
            return map_history(OwnBars("s3://mine/bars"), tmp_path / "there", (), run=run, **settings)

        found = there(jobs.local(2))
        assert [(p.symbol, p.month, p.state) for p in found.partitions] == [
            (p.symbol, p.month, p.state) for p in here.partitions
        ]
        assert "s3://mine/bars/symbol=CCC/month=2026-02/bars.parquet: damaged" in found.partitions[-1].why
        parts = [
            {n: content for n, content in contents(tmp_path / place).items() if n != MANIFEST}
            for place in ("here", "there")
        ]
        assert parts[0] == parts[1]
        # What changes there, though it is as large as before, is made again, and nothing else is.
        changed = put(folder, "AAA", "2026-02", bars(JANUARY_MS + 31 * DAY_MS, 48, 5))
        held.objects["mine/bars/symbol=AAA/month=2026-02/bars.parquet"] = changed.read_bytes()
        held.sent.clear()
        states = {(p.symbol, p.month): p.state for p in there().partitions}
        assert [key for key, state in states.items() if state == "written"] == [("AAA", "2026-02")]
        assert held.sent_of("symbol=BBB") == 0


def test_a_scheduler_that_is_not_there_is_told():
    pytest.importorskip("distributed")
    with pytest.raises(UsageError, match="cannot be reached"):
        list(jobs.cluster("nowhere://x")(die, [1]))


LOST = """
import sys
import time
from imbalance import jobs
if __name__ == "__main__":
    for _found in jobs.cluster(sys.argv[1])(time.sleep, [0, 600]):
        print("one has ended", flush=True)
"""


def test_a_scheduler_that_is_lost_is_told(tmp_path):
    """The rest is what Python says of an error that nobody catches: Dask adds nothing of its own."""
    pytest.importorskip("distributed")
    script = tmp_path / "run.py"
    script.write_text(LOST)
    programs = Path(sys.executable).parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    words = ["--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    with contextlib.ExitStack() as stack:
        started = []
        for command in (["scheduler", *words], ["worker", address, "--nthreads", "1", "--no-dashboard"]):
            running = subprocess.Popen([programs / "dask", *command], stderr=subprocess.DEVNULL, cwd=tmp_path)
            stack.callback(running.wait)
            stack.callback(running.terminate)
            started.append(running)
        pipe = subprocess.PIPE
        asking = stack.enter_context(subprocess.Popen([sys.executable, script, address], stdout=pipe, stderr=pipe))
        assert asking.stdout
        asking.stdout.readline()
        started[0].kill()
        told = asking.communicate(timeout=30)[1].decode()
    assert told.count("Traceback") == 1
    assert told.endswith(f"UsageError: the scheduler {address} was lost while it ran\n")


def test_a_scheduler_without_workers_is_told(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(jobs, "LONGEST_WAIT_S", 0.1)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None, processes=False) as cluster,
        pytest.raises(UsageError, match=r"has no workers, and none came within 0\.1 s"),
    ):
        list(jobs.cluster(cluster.scheduler_address)(die, [1]))


def test_workers_that_are_lost_again_and_again_are_an_error():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
        ) as cluster,
        pytest.raises(UsageError, match="were lost again and again"),
    ):
        list(jobs.cluster(cluster.scheduler_address)(die, [1]))


def test_a_manifest_of_more_than_100_megabytes_is_not_read(tmp_path):
    for size, reason in ((100_000_000, "JSON is malformed"), (100_000_001, "File too large")):
        (tmp_path / MANIFEST).touch()
        os.truncate(tmp_path / MANIFEST, size)  # on the disk it takes nothing
        with pytest.raises(UsageError, match=reason):
            Partitions(tmp_path, {})
