"""Where bars lie: a file or folder of this machine, or one at a URL such as ``s3://bucket/bars``.

Whoever reads bars names files by their path within a folder, parted by ``/``; here alone it is known where that is.
What URLs there are, and how one is let in, is fsspec's business and that of the packages it names.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, Protocol, cast

from imbalance.errors import BarsError, ImbalanceError

# What filesystems call the mark of a content, or when it was written: one of them changes when the content does.
MARKS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "created")


class Found(NamedTuple):
    """A file of a folder: its path there, and what changes when its content does."""

    path: str
    state: str


class Place(Protocol):
    """A file or folder; `name` is for messages and holds no password.

    All methods raise a `BarsError` that names the place if it cannot be reached.
    """

    name: str

    def is_folder(self) -> bool:
        """Tell whether it is a folder."""

    def exists(self) -> bool:
        """Tell whether there is anything."""

    def folders(self) -> list[str]:
        """Return the names of the folders that lie in it."""

    def files(self, within: str = "") -> list[Found]:
        """Return all files beneath it, or beneath a folder within, in order of their paths part by part."""

    def opened(self, path: str = "") -> contextlib.AbstractContextManager[BinaryIO]:
        """Open a file within for reading, or the place itself."""


def is_url(place: str | Path) -> bool:
    """Tell whether a place is at a URL rather than on this machine."""
    return "://" in str(place)


def place_of(place: str | Path) -> Place:
    """Return a place by its path or URL.

    Raises
    ------
    BarsError
        If it is a URL of a kind that is not known, or for which a package is missing.
    """
    return _remote(str(place)) if is_url(place) else _Here(Path(place))


def _in_order(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda file: file.path.split("/"))


class _Here:
    """A place of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)

    def is_folder(self) -> bool:
        return self._path.is_dir()

    def exists(self) -> bool:
        return self._path.exists()

    def folders(self) -> list[str]:
        return sorted(path.name for path in self._path.iterdir() if path.is_dir())

    def files(self, within: str = "") -> list[Found]:
        found = []
        for path in (self._path / within).rglob("*"):
            if path.is_file():
                known = path.stat()
                name = path.relative_to(self._path).as_posix()
                found.append(Found(name, f"{known.st_size} {known.st_mtime_ns}"))
        return _in_order(found)

    @contextlib.contextmanager
    def opened(self, path: str = "") -> Iterator[BinaryIO]:
        # A pipe that nobody writes to is at its end rather than waited for.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(self._path / path, flags)
        try:
            if hasattr(os, "set_blocking"):
                os.set_blocking(handle, True)
            stream = os.fdopen(handle, "rb")
        except BaseException:
            os.close(handle)
            raise
        with stream:
            yield stream


class _Remote:
    """A place at a URL."""

    def __init__(self, filesystem: Any, path: str, name: str) -> None:  # noqa: ANN401  fsspec has no types
        self._filesystem = filesystem
        self._path = path.rstrip("/")
        self.name = name

    def _kind(self) -> str:
        """Return "file" or "directory"; nothing where nothing is."""
        with _told(self.name):
            # What others write meanwhile is there too.
            self._filesystem.invalidate_cache()
            try:
                return str(self._filesystem.info(self._path)["type"])
            except FileNotFoundError as error:
                if isinstance(error.__cause__, OSError):
                    # Some say that nothing is there where nobody answers.
                    raise error.__cause__ from None
                return ""

    def is_folder(self) -> bool:
        return self._kind() == "directory"

    def exists(self) -> bool:
        return bool(self._kind())

    def folders(self) -> list[str]:
        with _told(self.name):
            self._filesystem.invalidate_cache()
            found = self._filesystem.ls(self._path, detail=True)
        return sorted(PurePosixPath(one["name"]).name for one in found if one["type"] == "directory")

    def files(self, within: str = "") -> list[Found]:
        with _told(self.name):
            self._filesystem.invalidate_cache()
            found = self._filesystem.find(f"{self._path}/{within}".rstrip("/"), detail=True)
        # How a filesystem writes its own paths may differ from how they were given: both end alike.
        many = len(PurePosixPath(self._path).parts)
        return _in_order(
            [Found("/".join(PurePosixPath(path).parts[many:]), _state(known)) for path, known in found.items()]
        )

    @contextlib.contextmanager
    def opened(self, path: str = "") -> Iterator[BinaryIO]:
        if not path and not self.exists():
            raise BarsError(f"{self.name}: nothing is there")
        whole = f"{self._path}/{path}".rstrip("/")
        # Parquet says itself which parts it needs: nothing is read ahead of it.
        more = {"cache_type": "none"} if path else {}
        name = f"{self.name}/{path}".rstrip("/")
        with _told(name):
            stream = self._filesystem.open(whole, "rb", **more)
        with stream:
            yield cast("BinaryIO", _Stream(stream, name))


class _Stream(io.RawIOBase):
    """A stream from a URL that tells what goes wrong: what is wrong in its content is for the reader to tell."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self.name = stream, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        with _told(self.name):
            return self._stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _told(self.name):
            return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _state(known: dict[str, Any]) -> str:
    return " ".join(str(known[name]) for name in ("size", *MARKS) if known.get(name) is not None)


def _remote(url: str) -> _Remote:
    name = _without_secrets(url)
    try:
        import fsspec
    except ImportError:
        raise BarsError(
            f"{name}: URLs need fsspec, which is not installed", "pip install 'imbalance[cloud,parquet]'"
        ) from None
    with _told(name):
        filesystem, path = fsspec.core.url_to_fs(url)
    return _Remote(filesystem, path, name)


def _without_secrets(url: str) -> str:
    """Return a URL without its password, in which there may be any sign but a slash, and the values of its query."""
    name = re.sub(r"(://[^/:@]*):[^/]*@", r"\1:***@", url)
    return re.sub(r"([?&][^=&#]*=)[^&#]*", r"\1***", name)


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """Tell what went wrong at a URL in a sentence that names it."""
    try:
        yield
    except ImbalanceError:
        raise
    except ImportError as error:
        hint = "pip install 'imbalance[cloud,parquet]' brings what s3:// needs."
        raise BarsError(f"{name}: a package is missing: {error}", hint) from None
    except FileNotFoundError:
        raise BarsError(f"{name}: nothing is there") from None
    except PermissionError as error:
        raise BarsError(
            f"{name}: access is refused: {_first_line(error)}", "Are its keys in the environment?"
        ) from None
    except Exception as error:  # noqa: BLE001  each filesystem has errors of its own, of no common kind
        raise BarsError(f"{name}: cannot be read: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    """Return what an error says first, in which may be the URL in full; what follows may hold a part of it."""
    return _without_secrets((str(error).strip().splitlines() or [type(error).__name__])[0])
