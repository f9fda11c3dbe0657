"""The one way to write a file: whole or not at all, and never in place of what is no file.

Reading what others made goes through here too where it must not wait: a pipe among the files of a recording never ends.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from pathlib import Path

PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
FOLLOWS_UMASK = 0o666
MOST_LINKS = 40  # as the kernel allows
# Names of streams that are open already: what is behind them is written to, wherever it points.
STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")
_unfinished: set[str] = set()
_groups: set[Group] = set()


def write(path: Path, content: bytes, *, mode: int = FOLLOWS_UMASK, durable: bool = True) -> None:
    """Write a file that appears whole or not at all.

    A symlink is followed and stays. A device, pipe or socket is written straight through. A file that is there keeps
    its mode and owner, and is as it was where writing fails.

    Parameters
    ----------
    mode : of a file that is new, less the umask.
    durable : wait until the disk has it, so that a power cut leaves the old file or the new one.

    Raises
    ------
    OSError
        Whatever the system says; nothing is left behind.
    """
    target, known = _place(path)
    if _is_open_end(target, known):
        _write_through(target, content)
    else:
        _replace(target, content, known, mode, durable=durable)


def require_writable(path: Path) -> None:
    """Find out whether `write` could start there, before there is anything to write.

    Raises
    ------
    OSError
        Whatever would stop it at once: a folder, a loop of links, a file or folder that may not be written to.
    """
    target, known = _place(path)
    if _is_open_end(target, known):
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"{target.parent} is no folder", str(path))
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def read(path: Path | str, most_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file, or is longer than `most_bytes`.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except ValueError:  # a NUL in its name
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    with io.FileIO(handle) as stream:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if found.st_size > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return stream.readall()


def private_folder(folder: Path) -> None:
    """Make a folder that its owner alone may look into; one that is there already becomes so."""
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & ~PRIVATE_FOLDER:
        with contextlib.suppress(PermissionError):  # it is someone else's
            folder.chmod(PRIVATE_FOLDER)


class Group:
    """Files that are worth nothing one by one: those of a group that is not finished do not stay."""

    def __init__(self) -> None:
        self._files: set[Path] = set()
        self._folders: list[Path] = []
        _groups.add(self)

    def make_folder(self, path: Path) -> None:
        """Make a folder, and those above it that are not there.

        Raises
        ------
        OSError
            Whatever the system says, also where the folder is there already; nothing is left behind.
        """
        # The innermost first, as they are removed.
        self._folders += [place for place in (path, *path.parents) if not place.exists()]
        try:
            path.mkdir(parents=True)
        except OSError:
            self.discard()
            raise

    def write(self, path: Path, content: bytes, *, durable: bool) -> None:
        """Write one of the group's files, as `write` does."""
        self._files.add(path)
        write(path, content, durable=durable)

    def finish(self) -> None:
        """Let the files stay."""
        _groups.discard(self)

    def discard(self) -> None:
        """Remove all that the group made, but for folders into which someone else put something."""
        for file in list(self._files):
            with contextlib.suppress(OSError):
                file.unlink()
        for place in list(self._folders):
            with contextlib.suppress(OSError):
                place.rmdir()
        _groups.discard(self)


def drop_unfinished() -> None:
    """Remove what will not be finished, for a process that is about to end: temporary files, and groups of files."""
    for name in list(_unfinished):
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108  runs in a signal handler: as little as possible
    for group in list(_groups):
        group.discard()


def _place(path: Path) -> tuple[Path, os.stat_result | None]:
    """Return what a path leads to, and what is there already."""
    target = _target(path)
    try:
        known = target.stat()
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(known.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISREG(known.st_mode) and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return target, known


def _is_open_end(target: Path, known: os.stat_result | None) -> bool:
    return str(target).startswith(STREAMS) or (known is not None and not stat.S_ISREG(known.st_mode))


def _target(path: Path) -> Path:
    for _ in range(MOST_LINKS + 1):
        if str(path).startswith(STREAMS) or not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _write_through(path: Path, content: bytes) -> None:
    # Neither made nor cut: a stream of ours may be a file that holds something already.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND), "wb") as stream:
        stream.write(content)


def _replace(path: Path, content: bytes, known: os.stat_result | None, mode: int, *, durable: bool) -> None:
    part = path.with_name(f".{os.urandom(8).hex()}.part")
    _unfinished.add(str(part))
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        if known is not None:
            _take_after(part, known)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    finally:
        _unfinished.discard(str(part))


def _take_after(part: Path, known: os.stat_result) -> None:
    made = part.stat()
    if (made.st_uid, made.st_gid) != (known.st_uid, known.st_gid):
        os.chown(part, known.st_uid, known.st_gid)
    part.chmod(stat.S_IMODE(known.st_mode))
