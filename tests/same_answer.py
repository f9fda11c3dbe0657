"""Whether two environments give the same report: ``python -m tests.same_answer PYTHON PYTHON``.

Numbers may differ in their last bits, since libraries sum in different orders; beyond the ninth digit nothing may.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

CLOSE = 1e-9
CALL = ("-c", "from imbalance_cli.app import program; program()", "report", "BTC", "--replay", "article", "--json")


def differences(one: Any, other: Any, path: str = "$") -> Iterator[str]:
    """Yield the JSON path of everything that is not the same."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differences(one[name], other[name], f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from differences(a, b, f"{path}[{i}]")
    elif isinstance(one, float) and isinstance(other, float):
        if abs(one - other) > CLOSE * max(abs(one), abs(other), 1.0):
            yield f"{path}: {one!r} and {other!r}"
    elif one != other:
        yield f"{path}: {one!r} and {other!r}"


def main() -> None:
    """Ask both; exit 1 where they differ."""
    answers = [json.loads(subprocess.run([p, *CALL], capture_output=True, check=True).stdout) for p in sys.argv[1:]]
    found = list(differences(*answers))
    print("\n".join(found) or "the same report, to nine digits")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
