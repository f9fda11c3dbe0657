"""Words are completed in real shells, at a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pexpect
import pytest

INSTALLED = 'eval "$(imbalance --show-completion)"; echo in"stal"led\r'
SHELLS = {
    "bash": (["--noprofile", "--norc", "-i"], INSTALLED),
    "zsh": (["-f", "-i"], "autoload -U compinit; compinit -D -u; " + INSTALLED),
}
WORDS = [
    ("imbalance rep", "report "),
    ("imbalance report HY", "HYPE "),
    ("imbalance report BTC --venue kr", "kraken "),
    ("imbalance report BTC --replay article-", "article-keyless "),
    ("imbalance report BTC --interval 4", "4h "),
    ("imbalance explain notio", "notional "),
]


@pytest.fixture(params=list(SHELLS))
def shell(request, tmp_path):
    """Return a shell at a terminal in which completion is installed."""
    name = request.param
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    command = Path(sys.executable).with_name("imbalance")
    if not command.is_file():
        pytest.skip("the command is not installed")
    environment = {
        **os.environ,
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "dumb",
    }
    arguments, prepared = SHELLS[name]
    running = pexpect.spawn(name, arguments, env=environment, encoding="utf-8", timeout=60, dimensions=(40, 200))
    running.send(prepared)
    running.expect_exact("installed")
    yield running
    running.close(force=True)


def test_words_are_completed(shell):
    for written, completed in WORDS:
        shell.send(f"{written}\t")
        shell.expect_exact(written.rpartition(" ")[0] + " " + completed)
        shell.sendcontrol("u")
