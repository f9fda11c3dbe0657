"""The README's console blocks: ``python -m tests.readme`` writes what the program prints into them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"```console\n\$ (.+?)\n(.*?)```\n", re.DOTALL)


def output_of(command: str) -> str:
    """Return what a README command prints, at 80 columns."""
    words = shlex.split(command)
    assert words[0] == "imbalance"
    line = [sys.executable, "-c", "from imbalance_cli.app import main; main()", *words[1:]]
    done = subprocess.run(line, capture_output=True, encoding="utf-8", check=True, env=ENVIRONMENT)
    return done.stdout


ENVIRONMENT = {"PATH": "/usr/bin:/bin", "COLUMNS": "80", "PYTHONUTF8": "1", "HOME": "/nonexistent", "TERM": "xterm"}


def refreshed(text: str) -> str:
    """Return the README with every console block as the program prints it now."""
    return BLOCK.sub(lambda m: f"```console\n$ {m[1]}\n{output_of(m[1])}```\n", text)


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text()))
