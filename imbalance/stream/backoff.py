"""How long to wait before the next attempt."""

from __future__ import annotations

import random

FIRST_S, LONGEST_S = 1.0, 60.0


def wait_s(attempt: int, draw: random.Random) -> float:
    """Return a random wait [s] for the n-th attempt in a row, counted from 1: at most 1, 2, 4, ... 60 seconds.

    Between none and the most ("full jitter"), so that those who were cut off together do not come back together.
    """
    return draw.uniform(0.0, min(FIRST_S * 2.0 ** min(attempt - 1, 16), LONGEST_S))
