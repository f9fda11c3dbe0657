"""A folder of files that appear whole or not at all, with a manifest of what is in it and what it was made with.

The file is written first and the manifest after it: what the manifest names is there, and a run that was killed in the
middle goes on with what it does not name. Neither depends on the order in which the files were made.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from imbalance import files
from imbalance.errors import UsageError

MANIFEST = "manifest.json"
MOST_BYTES = 100_000_000


class Partition(msgspec.Struct, frozen=True):
    """A file: its bytes, their digest, its rows, how many moments it lacks, and the state of what it was made `of`."""

    of: str
    sha256: str
    size_bytes: int
    rows: int
    missing: int

    @classmethod
    def with_content(cls, of: str, content: bytes, rows: int, missing: int) -> Partition:
        """Return what is known of a file's content."""
        return cls(of, hashlib.sha256(content).hexdigest(), len(content), rows, missing)


class _Manifest(msgspec.Struct):
    made_with: dict[str, str | int]
    partitions: dict[str, Partition]


@contextlib.contextmanager
def filling(folder: Path, made_with: dict[str, str | int]) -> Iterator[Partitions]:
    """Make a folder where there is none, and give its files; until the end no other run fills it.

    Raises
    ------
    UsageError
        If it cannot be written, holds what was made with something else, or another run is filling it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.require_writable(folder / MANIFEST)
    except FileExistsError:
        raise UsageError(f"{folder} is a file, and no folder to fill") from None
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from None
    with _held(folder):
        yield Partitions(folder, made_with)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep other runs out; the system lets go of it however this one ends."""
    try:
        import fcntl
    except ImportError:  # not every system has it
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(f"another run is filling {folder}", "Wait for it, or name another folder.") from None
    except OSError:  # nor every filesystem: over a network some lock no folders
        pass
    try:
        yield
    finally:
        os.close(handle)


class Partitions:
    """The files of a folder, and its manifest."""

    def __init__(self, folder: Path, made_with: dict[str, str | int]) -> None:
        self.folder = folder
        self._manifest = _read(folder / MANIFEST) or _Manifest(made_with, {})
        other = self._manifest.made_with
        if other != made_with:
            differing = sorted(name for name in made_with if made_with[name] != other.get(name))
            raise UsageError(f"{folder} was made with another {', '.join(differing)}", "Name another folder.")

    def holds(self, name: str, of: str) -> bool:
        """Tell whether a file is there as the manifest says, made of what is there now."""
        known = self._manifest.partitions.get(name)
        if known is None or known.of != of:
            return False
        try:
            content = (self.folder / name).read_bytes()
        except OSError:
            return False
        return hashlib.sha256(content).hexdigest() == known.sha256

    def known(self, name: str) -> Partition:
        """Return what the manifest says of a file that is there."""
        return self._manifest.partitions[name]

    def write(self, name: str, content: bytes, partition: Partition) -> None:
        """Write a file, and name it in the manifest.

        Raises
        ------
        UsageError
            If it cannot be written.
        """
        place = self.folder / name
        self._manifest.partitions[name] = partition
        ordered = dict(sorted(self._manifest.partitions.items()))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            files.write(place, content)
            text = msgspec.json.format(msgspec.json.encode(_Manifest(self._manifest.made_with, ordered)))
            files.write(self.folder / MANIFEST, text + b"\n")
        except OSError as error:
            raise UsageError(f"cannot write {place}: {error.strerror}") from None


def _read(manifest: Path) -> _Manifest | None:
    try:
        return msgspec.json.decode(files.read(manifest, MOST_BYTES), type=_Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{manifest}: cannot be read: {error}", "Take it away to make all of it anew.") from None
