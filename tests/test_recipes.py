"""Recipes for cron, systemd, Nagios, tmux and jq, run as they are written: with an empty environment, on a scenario."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

CRON = """\
PATH=/usr/local/bin:/usr/bin:/bin
MAILTO=you@example.com
*/15 * * * *  imbalance check BTC --when 'ratio < 1 and fear_greed <= 20' --cooldown 6h -q -f text
0 8 * * *     imbalance report BTC -q -f text
"""
SERVICE = """\
[Unit]
Description=Wait for a condition on the BTC futures market

[Service]
Type=oneshot
ExecStart=/usr/local/bin/imbalance check --alert squeeze -q -f text
SuccessExitStatus=10
"""
TIMER = """\
[Unit]
Description=Look every quarter of an hour

[Timer]
OnCalendar=*:0/15
RandomizedDelaySec=60

[Install]
WantedBy=timers.target
"""
NAGIOS = """\
define command {
  command_name  check_imbalance
  command_line  /usr/local/bin/imbalance check $ARG1$ --when "$ARG2$" --nagios
}
"""
TMUX = "tmux new-session -d -s imbalance 'imbalance watch BTC --every 1m'"
LOG = "imbalance watch BTC --every 5m -q >> imbalance.log"
CHANGES = (
    "imbalance watch BTC --json -q"
    r""" | jq -r '.as_of as $at | .changes[] | "\($at) \(.name) \(.before) -> \(.after)"'"""
)
FIGURES = "imbalance check BTC --when 'ratio > 1' --json | jq '.figures[] | {name, value, low, high}'"


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """Return an environment with nothing but a PATH, on which `imbalance` reads the scenario, and looks once."""
    shim = tmp_path / "imbalance"
    shim.write_text(
        "#!/bin/sh\n"
        'once=""; [ "$1" = watch ] && once="--rounds 1"\n'
        f'exec {sys.executable} -m imbalance "$@" $once --replay article\n'
    )
    shim.chmod(0o755)
    (tmp_path / "config.toml").write_text('[alerts.squeeze]\nwhen = "ratio < 1"\n')
    return {
        "PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "IMBALANCE_CONFIG": str(tmp_path / "config.toml"),
    }  # fmt: skip


def shell(line: str, bare: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line.replace("/usr/local/bin/", "")],
        env=bare, cwd=bare["HOME"], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def test_cron_mails_plain_text_when_it_is_true_and_nothing_when_quiet(bare):
    check, report = (re.split(r" {2,}", line)[1] for line in CRON.splitlines()[2:])
    first = shell(check, bare)
    assert (first.returncode, first.stderr) == (10, "")
    assert first.stdout.splitlines()[1] == "ratio < 1 and fear_greed <= 20: true"
    assert "\x1b" not in first.stdout
    again = shell(check, bare)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    told = shell(report, bare)
    assert (told.returncode, told.stderr) == (0, "")
    assert len(told.stdout.splitlines()) <= 10
    assert "%" not in CRON  # cron takes it for the end of the command


def test_systemd_takes_a_condition_that_is_true_for_success(bare):
    command = SERVICE.partition("ExecStart=")[2].splitlines()[0]
    code = int(SERVICE.partition("SuccessExitStatus=")[2])
    assert shell(command, bare).returncode == code


@needs("systemd-analyze")
def test_systemd_reads_the_units(tmp_path):
    there = SERVICE.replace("/usr/local/bin/imbalance", sys.executable)
    (tmp_path / "imbalance-check.service").write_text(there)
    (tmp_path / "imbalance-check.timer").write_text(TIMER)
    units = [str(tmp_path / f"imbalance-check.{kind}") for kind in ("service", "timer")]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert not [line for line in done.stderr.splitlines() if "imbalance-check" in line]


@pytest.mark.parametrize(
    ("when", "code", "state"), [("ratio < 1", 2, "CRITICAL"), ("ratio > 4", 0, "OK"), ("rato > 4", 3, "UNKNOWN")]
)
def test_nagios_runs_the_command_line(bare, when, code, state):
    line = NAGIOS.partition("command_line  ")[2].splitlines()[0].replace("$ARG1$", "BTC").replace("$ARG2$", when)
    done = shell(line, bare)
    assert done.returncode == code
    assert done.stdout.startswith(f"IMBALANCE {state} - ")
    assert done.stdout.count("\n") == 1


@needs("tmux")
def test_tmux_shows_the_screen(bare):
    own = TMUX.replace("tmux", f"tmux -S {bare['HOME']}/tmux -f /dev/null", 1)
    try:
        stays = f"{own} \\; set-option -g remain-on-exit on"
        assert shell(stays, bare | {"TERM": "xterm"}).returncode == 0
        wait = f"tmux -S {bare['HOME']}/tmux capture-pane -p -S - -t imbalance"  # with what has scrolled away since
        until = time.monotonic() + 60
        while "BTC futures imbalance" not in shell(wait, bare).stdout:
            assert time.monotonic() < until
            time.sleep(0.2)
    finally:
        shell(f"tmux -S {bare['HOME']}/tmux kill-server", bare)


def test_a_log_has_a_line_a_look(bare):
    for _ in range(2):
        assert shell(LOG, bare).returncode == 0
    assert len((Path(bare["HOME"]) / "imbalance.log").read_text().splitlines()) == 2


@needs("jq")
def test_jq_reads_what_is_written(bare):
    done = shell(FIGURES, bare)
    assert json.loads(done.stdout)["name"] == "ratio"
    assert shell(CHANGES, bare).stdout == ""  # the first look has nothing to compare with
    change = {"as_of": "2026-01-30T12:00:00Z", "changes": [{"name": "price", "before": 1.0, "after": 2.0}]}
    (Path(bare["HOME"]) / "round.json").write_text(json.dumps(change) + "\n")
    told = shell(CHANGES.replace(CHANGES.partition(" | ")[0], "cat round.json"), bare).stdout
    assert re.fullmatch(r"2026-01-30T12:00:00Z price 1(\.0)? -> 2(\.0)?\n", told)


def test_the_readme_holds_them_as_they_are():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert [block for block in (CRON, SERVICE, TIMER, NAGIOS, TMUX, LOG, CHANGES, FIGURES) if block not in readme] == []


@needs("jq")
def test_every_jq_program_of_the_readme_is_one():
    """Those in Debian's jq too, where `{label}` is a syntax error."""
    programs = re.findall(r"\| jq (?:-\w+ )*'([^']+)'", (Path(__file__).parents[1] / "README.md").read_text())
    assert len(programs) >= 4
    for program in programs:
        done = subprocess.run(["jq", program], input="", capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), program
