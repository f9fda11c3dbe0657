"""When each source last answered in full: a small file in the user's state folder, live runs only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from imbalance import files
from imbalance.wire.decode import TimeMs

MOST_BYTES = 1_000_000


def _file() -> Path:
    import platformdirs

    return platformdirs.user_state_path("imbalance") / "last_good.json"


def read() -> dict[str, int]:
    """Return epoch ms by source; empty where nothing is known."""
    try:
        return msgspec.json.decode(files.read(_file(), MOST_BYTES), type=dict[str, TimeMs])
    except (OSError, msgspec.MsgspecError):
        return {}


def note(names: Iterable[str], now_ms: int) -> None:
    """Store that these sources answered now; a folder that cannot be written is no reason to fail."""
    known = read() | dict.fromkeys(names, now_ms)
    with contextlib.suppress(OSError):
        file = _file()
        if file.exists() and not file.is_file():  # a pipe there would be waited for
            return
        files.private_folder(file.parent)
        files.write(file, msgspec.json.encode(known), mode=files.PRIVATE, durable=False)
