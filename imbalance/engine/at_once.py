"""Parts of a computation that share nothing but what they read, at once where their arrays are long.

numpy lets other threads run while it works on an array; on short ones handing over costs more than it brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LEAST_VALUES = 30_000


def each(function: Callable[[Item], Result], items: Iterable[Item], values: int) -> list[Result]:
    """Return what the function makes of each item, in their order.

    Parameters
    ----------
    values : how long the arrays are that it works on.
    """
    if values < LEAST_VALUES:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))
