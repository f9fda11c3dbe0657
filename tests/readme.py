"""The README's blocks of commands and of Python: ``python -m tests.readme`` writes what they print into them."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from imbalance_cli.exits import Exit

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"```console\n\$ (.+?)\n(.*?)```\n", re.DOTALL)
PYTHON = re.compile(r"```pycon\n(.*?)```\n", re.DOTALL)


def output_of(command: str) -> str:
    """Return what a README command prints, at 80 columns."""
    words = shlex.split(command)
    assert words[0] == "imbalance"
    line = [sys.executable, "-c", "from imbalance_cli.app import program; program()", *words[1:]]
    done = subprocess.run(line, capture_output=True, encoding="utf-8", check=False, env=ENVIRONMENT)
    assert done.returncode in {Exit.DONE, Exit.TRUE}, done.stderr
    return done.stdout


def run_through(block: str) -> str:
    """Return a block of Python as a notebook would show it: each statement with what it prints now."""
    shown, names = "", {"__name__": "__readme__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for part in doctest.DocTestParser().parse(block):
            if isinstance(part, str):
                shown += part
                continue
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(part.source, "README.md", "single"), names)  # noqa: S102  our own README
            lines = part.source.splitlines()
            shown += "".join(f"{'...' if i else '>>>'} {line}".rstrip() + "\n" for i, line in enumerate(lines))
            shown += printed.getvalue()
    return shown


ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "COLUMNS": "80",
    "PYTHONUTF8": "1",
    "HOME": "/nonexistent",
    "TERM": "xterm",
    # Where a copy of the tree is tested with the environment of another.
    "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
}


def refreshed(text: str) -> str:
    """Return the README with every block as it prints now."""
    text = BLOCK.sub(lambda m: f"```console\n$ {m[1]}\n{output_of(m[1])}```\n", text)
    return PYTHON.sub(lambda m: f"```pycon\n{run_through(m[1])}```\n", text)


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text()))
