"""The documents are as true as the program."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer
from imbalance_cli.commands import whole
from imbalance_cli.configuration import ALERT_KINDS, DEFAULTS, TEMPLATE

from tests.conftest import ROOT
from tests.man import HELP, PAGE, help_text, page
from tests.readme import BLOCK, PYTHON, README, refreshed
from tests.support.exchange import Exchange
from tests.support.streams import InThread

TEXT = README.read_text()


def test_every_block_is_what_it_prints():
    assert len(BLOCK.findall(TEXT)) >= 4
    assert PYTHON.findall(TEXT)
    assert refreshed(TEXT) == TEXT, "run python -m tests.readme"


def test_the_manual_page_is_the_help():
    assert PAGE.read_text() == page(), "run python -m tests.man"
    assert HELP.read_text() == help_text(), "run python -m tests.man"


def test_every_command_is_in_the_readme():
    group = typer.main.get_command(whole())
    for name in group.commands:
        assert f"imbalance {name}" in TEXT or re.search(rf"^  {name} ", TEXT, re.MULTILINE), name


def test_every_shell_line_names_a_command_and_options_that_exist():
    group = typer.main.get_command(whole())
    lines = [c for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for c in re.split(r"\n|&&|\|", block)]
    calls = [shlex.split(line, comments=True) for line in lines if re.match(r"\s*(\.venv/bin/)?imbalance ", line)]
    assert len(calls) >= 5
    for call in calls:
        command = group.commands[call[1]]
        known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
        assert {w for w in call[2:] if w.startswith("-")} <= known, call


PROGRAM = "/opt/imbalance/bin/imbalance"


def test_the_unit_of_the_readme_is_sound(tmp_path):
    (unit,) = re.findall(r"```ini\n(\[Unit\]\nDescription=Record.*?)```", TEXT, re.DOTALL)
    assert f"ExecStart={PROGRAM} collect " in unit
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd here")
    file = tmp_path / "imbalance-collect.service"
    file.write_text(unit.replace(PROGRAM, sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_lines_for_cron_run_in_an_empty_environment(home):
    """One round of each, of the coin that the scenario has."""
    (table,) = re.findall(r"```crontab\n(.*?)```", TEXT, re.DOTALL)
    with Exchange() as exchange, InThread() as streams:
        env = exchange.environment | streams.streams.environment | {"HOME": str(home)}
        for line in table.splitlines():
            command = re.match(r"(?:@reboot|(?:\S+\s+){5})\s*(.*)", line)[1].replace("--all", "BTC").replace(" ETH", "")
            assert command.startswith(PROGRAM)
            words = command.replace(PROGRAM, f"{sys.executable} -m imbalance") + " --once"
            done = subprocess.run(
                ["/bin/sh", "-c", words], env=env, cwd="/", capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, "")
            written = home / "collect.log"
            assert (written.read_text() if ">>" in line else done.stdout).startswith("BTC liquidations collected")


def test_the_configuration_template_names_every_setting():
    settings, alert = TEMPLATE.split("# [alerts.")
    assert set(re.findall(r"^# (\w+) =", settings, re.MULTILINE)) == set(DEFAULTS)
    assert set(re.findall(r"^# (\w+) =", alert, re.MULTILINE)) == set(ALERT_KINDS)


def test_dependencies_are_told_with_a_reason():
    inside = (ROOT / "pyproject.toml").read_text().split("dependencies = [")[1].split("]\n\n")[0]
    for line in inside.splitlines():
        if line.strip().startswith('"'):
            assert "#" in line, line


def test_the_wheel_carries_the_scenarios(tmp_path):
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        wheel.extractall(tmp_path / "site")
    assert "imbalance/scenarios/article/recording.json" in names
    assert "imbalance/scenarios/article-keyless/recording.json" in names
    assert any(n.endswith(".data/data/share/man/man1/imbalance.1") for n in names)
    assert "imbalance_cli/help.txt" in names
    assert not [n for n in names if n.startswith(("cli/", "tests/", "fixtures/", "man/"))]
    code = "from imbalance.fetch.recording import find; print(find('article'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == tmp_path / "site" / "imbalance" / "scenarios" / "article"


def test_a_source_tree_finds_the_scenarios_in_fixtures():
    from imbalance.fetch.recording import find

    assert find("article") in {ROOT / "fixtures" / "article", ROOT / "imbalance" / "scenarios" / "article"}
