"""When each alert was last told: a small file each in the user's state folder, so that many may run at once."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from imbalance import files

MOST_BYTES = 100


def _folder() -> Path:
    import platformdirs

    return platformdirs.user_state_path("imbalance") / "alerts"


def _file(alert: str) -> Path:
    return _folder() / f"{hashlib.sha256(alert.encode('utf-8', 'surrogateescape')).hexdigest()}.json"


def told_ms(alert: str) -> int | None:
    """Return when an alert was last told, epoch ms; None where it never was, or nothing is known of it."""
    return _read(_file(alert))


def _read(file: Path) -> int | None:
    try:
        return msgspec.json.decode(files.read(file, MOST_BYTES), type=int)
    except (OSError, msgspec.MsgspecError):
        return None


def note(alert: str, now_ms: int, forget_before_ms: int) -> None:
    """Store that an alert is told now; those last told long ago are forgotten.

    Raises
    ------
    OSError
        If that cannot be written.
    """
    files.private_folder(_folder())
    files.write(_file(alert), msgspec.json.encode(now_ms), mode=files.PRIVATE)
    for file in _folder().glob("*.json"):
        last_ms = _read(file)
        if last_ms is not None and last_ms < forget_before_ms:
            with contextlib.suppress(OSError):
                file.unlink()
