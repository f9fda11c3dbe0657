"""imbalance: who gets liquidated if price moves, how much, and on which side it is lopsided.

>>> import imbalance
>>> bars = imbalance.read_bars("bars.csv.gz")  # doctest: +SKIP
>>> found = imbalance.estimate(bars)  # doctest: +SKIP
>>> found.window(15).short  # doctest: +SKIP
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it, without loading typing
if TYPE_CHECKING:
    from imbalance.library import estimate as estimate
    from imbalance.library import heatmap as heatmap
    from imbalance.reader import read_bars as read_bars

__version__ = "0.1.0"
__all__ = ["__version__", "estimate", "heatmap", "read_bars"]

_HOMES = {"read_bars": "imbalance.reader", "estimate": "imbalance.library", "heatmap": "imbalance.library"}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: ``import imbalance`` alone loads nothing."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
