"""How many mistakes the tests catch: ``python -m tests.bench.mutants [--count 60] [--seed 0]``.

Draws places of product code at random, changes one at a time in a copy of the tree (a comparison, an operator, a
sign, a number, a truth value, min for max) and runs the tests: those that pass through the line first, then those that
start the program in a process of its own. Prints each place, the change and the test that caught it, then the share
that was caught.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("imbalance", "cli/imbalance_cli")
LONGEST_S = 1200
LONGEST_FILE = 10_000  # lines
# It fails on a machine that is busy with other tests.
LEFT_OUT = ("--deselect", "tests/library/fetch/test_budgets.py::test_ten_reports_at_once_trip_no_limit")
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}


@dataclass(frozen=True)
class Mutant:
    """A change: the file, its lines, and the number of the changed node in the order of `ast.walk`."""

    file: str
    line: int
    end: int
    node: int


def _mutated(node: ast.AST) -> bool:
    """Change a node in place; tell whether there was anything to change."""
    if isinstance(node, ast.Compare):
        node.ops = [SWAPPED[type(op)]() if type(op) in SWAPPED else op for op in node.ops]  # type: ignore[misc]
        return True
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPPED:
        node.op = SWAPPED[type(node.op)]()  # type: ignore[assignment]
        return True
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node.op = ast.UAdd()
        return True
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
        return True
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        node.value = node.value + 1
        return True
    if isinstance(node, ast.Name) and node.id in NAMES:
        node.id = NAMES[node.id]
        return True
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        node.attr = NAMES[node.attr]
        return True
    return False


def sites(root: Path) -> Iterator[Mutant]:
    """Yield every place that can be changed; type hints are none, nor what only guards (`_idle`)."""
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            tree = ast.parse(file.read_text())
            idle = {id(inner) for node in ast.walk(tree) for part in _idle(node) for inner in ast.walk(part)}
            for i, node in enumerate(ast.walk(tree)):
                if id(node) not in idle and _mutated(copy.deepcopy(node)):
                    line = getattr(node, "lineno", 0)
                    yield Mutant(str(file.relative_to(root)), line, getattr(node, "end_lineno", line), i)


def _idle(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a node that change nothing that runs, unless the code around them is at fault."""
    if isinstance(node, ast.keyword) and node.arg == "frozen":
        return [node.value]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "zip":
        return [word.value for word in node.keywords]
    return [part for part in (getattr(node, "annotation", None), getattr(node, "returns", None)) if part is not None]


def changed(root: Path, mutant: Mutant) -> tuple[str, str, str]:
    """Return the changed source, and the line before and after."""
    tree = ast.parse((root / mutant.file).read_text())
    node = list(ast.walk(tree))[mutant.node]
    before = ast.unparse(node)
    _mutated(node)
    return ast.unparse(tree) + "\n", before, ast.unparse(node)


def _environment(copied: Path) -> dict[str, str]:
    paths = f"{copied}{os.pathsep}{copied / 'cli'}"
    return {**os.environ, "PYTHONPATH": paths, "CI": "true", "PYTHONDONTWRITEBYTECODE": "1"}


def _copied(to: Path) -> Path:
    ignored = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, to, ignore=ignored)
    return to


def coverage(copied: Path) -> Path:
    """Run the tests once, in two halves at a time, noting which test passes through which line."""
    settings = copied / "contexts.ini"
    settings.write_text("[run]\nsource =\n    imbalance\n    imbalance_cli\n")
    files = sorted(str(file.relative_to(copied)) for file in (copied / "tests").rglob("test_*.py"))
    halves = [copied / f".coverage.{half}" for half in range(2)]
    traced = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest", "-q", *LEFT_OUT]
    running = [
        subprocess.Popen(
            [*traced, "-p", "tests.bench.contexts", "-p", "no:cacheprovider", *files[i::2]],
            cwd=copied,
            env=_environment(copied) | {"COVERAGE_FILE": str(half)},
            stdout=subprocess.DEVNULL,
        )
        for i, half in enumerate(halves)
    ]
    if [code for process in running if (code := process.wait())]:
        sys.exit("the tests fail without any change: what fails anyway catches nothing")
    subprocess.run([sys.executable, "-m", "coverage", "combine", "-q", *halves], cwd=copied, check=True)
    return copied / ".coverage"


def passing_through(data: Path, mutant: Mutant) -> list[str]:
    """Return the tests that pass through a line; where it runs as its module loads, through its file or what it names.

    What runs as a module loads is traced to the first test that loads it, which need not be one that shows the change.
    """
    with sqlite3.connect(data) as store:
        found = _through(store, mutant.file, set(range(mutant.line, mutant.end + 1)))
        if not found or not _in_function(ROOT, mutant):
            lines = _uses(ROOT, _named(ROOT, mutant)) | {mutant.file: set(range(LONGEST_FILE))}
            found = found.union(*(_through(store, file, own) for file, own in lines.items()))
    return sorted(found, key=lambda test: (test.startswith("tests/cli"), test))  # the quick ones first


def _in_function(root: Path, mutant: Mutant) -> bool:
    functions = (
        n
        for n in ast.walk(ast.parse((root / mutant.file).read_text()))
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return any(n.body[0].lineno <= mutant.line <= (n.end_lineno or n.lineno) for n in functions)


def _through(store: sqlite3.Connection, file: str, lines: set[int]) -> set[str]:
    from coverage.numbits import numbits_to_nums

    rows = store.execute(
        "SELECT context.context, line_bits.numbits FROM line_bits JOIN file ON file.id = line_bits.file_id "
        "JOIN context ON context.id = line_bits.context_id WHERE file.path LIKE ?",
        (f"%/{file}",),
    ).fetchall()
    return {context for context, bits in rows if not lines.isdisjoint(numbits_to_nums(bits))} - {""}


def _named(root: Path, mutant: Mutant) -> set[str]:
    """Return the names that the module's statement with this line defines, and those that are made of them."""
    body = ast.parse((root / mutant.file).read_text()).body
    found = set[str]().union(*(_defined(n) for n in body if n.lineno <= mutant.line <= (n.end_lineno or n.lineno)))
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            found |= set() if used.isdisjoint(found) else _defined(node)
    return found


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return {node.name}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _uses(root: Path, names: set[str]) -> dict[str, set[int]]:
    """Return the lines of product code in which any of some names occur, by file."""
    word = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b") if names else None
    found: dict[str, set[int]] = {}
    for file in (f for package in PACKAGES for f in (root / package).rglob("*.py") if word):
        lines = {i for i, text in enumerate(file.read_text().splitlines(), 1) if word and word.search(text)}
        if lines:
            found[str(file.relative_to(root))] = lines
    return found


def starting_processes() -> list[str]:
    """Return the files of tests that start the program: what runs there is not traced."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if "subprocess" in file.read_text()]


def caught_by(copied: Path, first: list[str]) -> str:
    """Return the test that fails, or nothing where all pass."""
    for chosen in (first, starting_processes()):
        if not chosen:
            continue
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *LEFT_OUT, *chosen]
        try:
            done = subprocess.run(
                command,
                cwd=copied,
                env=_environment(copied),
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "it never ends"
        if done.returncode in {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED}:
            sys.exit(f"the trace is of other tests: {' '.join(chosen)}")
        if done.returncode:
            failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
            return failed[1] if failed else f"exit code {done.returncode}"
    return ""


def main() -> None:
    """Draw, change, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--under", default="", help="draw only from files whose path holds this")
    parser.add_argument("--traced", type=Path, default=Path(".traced"), help="which test runs which line; made once")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for i in range(given.jobs):
            copies.put(_copied(Path(folder) / f"copy{i}"))
        data = given.traced
        if not data.is_file():
            shutil.copy(coverage(_copied(Path(folder) / "clean")), data)
        places = [site for site in sites(ROOT) if given.under in site.file]
        drawn = random.Random(given.seed).sample(places, given.count)  # noqa: S311  a draw, not a secret

        def one(mutant: Mutant) -> bool:
            copied = copies.get()
            source, before, after = changed(ROOT, mutant)
            target = copied / mutant.file
            clean = target.read_text()
            target.write_text(source)
            try:
                by = caught_by(copied, passing_through(data, mutant))
            finally:
                target.write_text(clean)
                copies.put(copied)
            print(f"{by or 'SURVIVES'}: {mutant.file}:{mutant.line}: {before} -> {after}", flush=True)
            return bool(by)

        with ThreadPoolExecutor(given.jobs) as pool:
            caught = sum(pool.map(one, drawn))
    print(f"{caught} of {given.count} caught ({caught / given.count:.0%}), seed {given.seed}")


if __name__ == "__main__":
    main()
