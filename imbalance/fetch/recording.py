"""Recordings: every response of a run on disk, and what was asked for it.

A recording is a folder: ``recording.json`` (format, capture time, symbol and one entry a request) and
``bodies/``. Keys travel in headers alone and headers are never stored; addresses are stored as the source's
name and path, so that a recording made through a proxy or mirror replays anywhere.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from imbalance import files
from imbalance.errors import UsageError
from imbalance.units import parse_time_ms

FORMAT = "imbalance.recording/1"
INDEX = "recording.json"
MOST_BYTES = 8 * 1024 * 1024  # of a body: several times the largest true answer, a list of all contracts
MOST_INDEX_BYTES = 8 * MOST_BYTES
# No recording was made before Bitcoin was, and none in a year that cannot be written with four figures.
FIRST_MS, LAST_MS = parse_time_ms("2009-01-03T00:00:00Z"), parse_time_ms("9000-01-01T00:00:00Z")
Key = tuple[str, str, str]  # source, path, and the query or the posted body


class Entry(msgspec.Struct, frozen=True):
    """One request and what came of it: a body, or the name of the error that ended it."""

    source: str
    path: str
    query: str
    url: str = ""
    status: int = 0
    time_ms: int = 0
    sha256: str = ""
    file: str = ""
    content_type: str = ""
    error: str = ""


class Index(msgspec.Struct):
    """A recording's table of contents.

    `extends` names a recording beside it whose entries are served too, but for the sources in `without`.
    """

    format: str
    captured_at_ms: int
    scenario: str | None = None
    note: str = ""
    sources: list[str] = []
    extends: str = ""
    without: list[str] = []
    entries: list[Entry] = []


class Recording:
    """A recording that was read; `answers` maps (source, path, query) to an entry and its folder."""

    def __init__(self, folder: Path, extending: tuple[Path, ...] = ()) -> None:
        self.folder = folder
        if folder in extending:
            raise UsageError(f"recording {folder} extends itself")
        self.index = _read_index(folder)
        self.captured_at_ms = self.index.captured_at_ms
        self.answers: dict[Key, tuple[Entry, Path]] = {}
        self.sources = list(self.index.sources)
        if self.index.extends:
            beside = Recording(folder.parent / Path(self.index.extends).name, (*extending, folder))
            kept = {k: v for k, v in beside.answers.items() if k[0] not in self.index.without}
            self.answers.update(kept)
            self.sources = self.sources or [s for s in beside.sources if s not in self.index.without]
            self.captured_at_ms = self.captured_at_ms or beside.captured_at_ms
        for entry in self.index.entries:
            self.answers[entry.source, entry.path, entry.query] = (entry, folder)
        if not FIRST_MS <= self.captured_at_ms <= LAST_MS:
            raise UsageError(f"{folder / INDEX}: captured_at_ms {self.captured_at_ms} is no time it can be of")

    def accounts(self) -> tuple[str, ...]:
        """Return the accounts that were asked for, by the bodies that were posted."""
        found = []
        for _source, _path, text in self.answers:
            if not text.startswith("{"):
                continue
            try:
                posted = msgspec.json.decode(text, type=dict[str, Any])
            except (msgspec.MsgspecError, UnicodeError):
                raise UsageError(f"{self.folder / INDEX}: what was posted is no JSON: {text[:60]!r}") from None
            if "user" in posted:
                found.append(str(posted["user"]))
        return tuple(found)

    def body(self, entry: Entry, folder: Path) -> bytes:
        """Return a stored body, checked against its hash."""
        name = os.path.basename(entry.file)  # noqa: PTH119  a path costs as much as reading what lies there
        try:
            body = files.read(f"{folder}/bodies/{name}", MOST_BYTES)
        except OSError as error:
            raise UsageError(f"recording {self.folder}: cannot read {entry.file}: {error.strerror}") from None
        if hashlib.sha256(body).hexdigest() != entry.sha256:
            raise UsageError(f"recording {self.folder}: {name} is not what was recorded (its hash differs)")
        return body


def _read_index(folder: Path) -> Index:
    try:
        index = msgspec.json.decode(files.read(folder / INDEX, MOST_INDEX_BYTES), type=Index)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{folder} holds no recording ({INDEX} is not there)") from None
    except OSError as error:
        raise UsageError(f"cannot read {folder / INDEX}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UsageError(f"{folder / INDEX} is damaged: {error}") from None
    if index.format != FORMAT:
        raise UsageError(f"{folder / INDEX}: format {index.format!r} is not known; this program reads {FORMAT}")
    return index


def find(name: str) -> Path:
    """Return the folder of a recording: a path, or the name of a bundled scenario.

    Scenarios lie in the installed package, or in ``fixtures/`` of a source tree.

    Raises
    ------
    UsageError
        If it is neither.
    """
    if os.sep in name or Path(name).is_dir():
        return Path(name)
    known = scenarios()
    if name not in known:
        raise UsageError(f"no recording {name!r}", f"Give a folder, or one of the scenarios: {', '.join(known)}.")
    return known[name]


def scenarios() -> dict[str, Path]:
    """Return the folders of the bundled scenarios by name."""
    package = Path(__file__).parents[1]
    places = [
        p.parent for home in (package.parent / "fixtures", package / "scenarios") for p in home.glob(f"*/{INDEX}")
    ]
    return {place.name: place for place in sorted(places)}


class Recorder:
    """Collects a run's responses and writes them as a recording when it is done."""

    def __init__(self, folder: Path, clock_ms: Callable[[], int]) -> None:
        if (folder / INDEX).exists():
            raise UsageError(f"{folder} already holds a recording", "Name a new folder.")
        self.folder = folder
        self.clock_ms = clock_ms
        self.entries: dict[Key, Entry] = {}
        self._group = files.Group()
        try:
            # Whoever makes it records here: two at once would mix their answers.
            self._group.make_folder(folder / "bodies")
        except FileExistsError:
            message = f"{folder} holds a part of a recording, or another is being made there"
            raise UsageError(message, "Name a new folder.") from None
        except OSError as error:
            raise UsageError(f"cannot record to {folder}: {error.strerror}") from None

    def keep(self, key: Key, url: str, status: int, body: bytes, content_type: str) -> None:
        """Store one response; a repeated request replaces the earlier answer."""
        digest = hashlib.sha256(body).hexdigest()
        source, path, query = key
        file = f"{source}-{digest[:16]}"
        self._write(self.folder / "bodies" / file, body, durable=False)
        self.entries[source, path, query] = Entry(
            source, path, query, url, status, self.clock_ms(), digest, file, content_type.partition(";")[0]
        )

    def keep_error(self, key: Key, error: str) -> None:
        """Store that a request ended without a response."""
        source, path, query = key
        self.entries[source, path, query] = Entry(source, path, query, time_ms=self.clock_ms(), error=error)

    def close(self, captured_at_ms: int, sources: list[str], scenario: str | None = None, note: str = "") -> None:
        """Write the index, with which the recording is whole."""
        rows = [self.entries[key] for key in sorted(self.entries)]
        index = Index(FORMAT, captured_at_ms, scenario, note, sources, entries=rows)
        self._write(self.folder / INDEX, msgspec.json.format(msgspec.json.encode(index), indent=1))
        self._group.finish()

    def discard(self) -> None:
        """Remove what this recorder made, for a run whose recording cannot be finished."""
        self._group.discard()

    def _write(self, path: Path, content: bytes, *, durable: bool = True) -> None:
        try:
            self._group.write(path, content, durable=durable)
        except OSError as error:
            raise UsageError(f"cannot record to {path}: {error.strerror}") from None
