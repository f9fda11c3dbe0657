"""When each alert was last told: a small file in the user's state folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from imbalance import files

MOST_BYTES = 1_000_000


def _file() -> Path:
    import platformdirs

    return platformdirs.user_state_path("imbalance") / "alerts.json"


def told_ms(alert: str) -> int | None:
    """Return when an alert was last told, epoch ms; None where it never was, or nothing is known of it."""
    try:
        return msgspec.json.decode(files.read(_file(), MOST_BYTES), type=dict[str, int]).get(alert)
    except (OSError, msgspec.MsgspecError):
        return None


def note(alert: str, now_ms: int, forget_before_ms: int) -> None:
    """Store that an alert is told now; those last told long ago are forgotten.

    Raises
    ------
    OSError
        If that cannot be written.
    """
    file = _file()
    try:
        known = msgspec.json.decode(files.read(file, MOST_BYTES), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        known = {}
    kept = {name: at_ms for name, at_ms in known.items() if at_ms >= forget_before_ms} | {alert: now_ms}
    files.private_folder(file.parent)
    files.write(file, msgspec.json.encode(kept), mode=files.PRIVATE)
