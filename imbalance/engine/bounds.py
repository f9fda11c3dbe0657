"""What the engine takes: arrays that it can compute with, so that nothing that is not finite leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imbalance.errors import UsageError
from imbalance.path import PricePath

if TYPE_CHECKING:
    from imbalance.engine.venue import Venue

Floats = npt.NDArray[np.float64]

# A value's square and its sum over a billion cells stay far inside double precision.
LEAST = 1e-30
MOST = 1 / LEAST


def require_usable(path: PricePath, venues: Sequence[Venue]) -> None:
    """Raise where an array holds what no market has.

    Parameters
    ----------
    path : open, high, low, close [USD], shape (bars,) each: finite, from `LEAST` to `MOST`.
    venues : each series NaN where unknown, else 0 to `MOST` USD at the bar's close; open interest, which is divided
        by, 0 or at least `LEAST`.

    Raises
    ------
    UsageError
        Naming venue, series and bar of the first fault.
    """
    for name, prices in zip(path._fields, path, strict=True):
        _require((prices >= LEAST) & (prices <= MOST), prices, f"the price path's {name}")
    for venue in venues:
        for name in ("volume", "open_interest", "long_liquidations", "short_liquidations"):
            series = getattr(venue, name)
            if series.size:
                with np.errstate(over="ignore"):
                    worth = series * path.close
                least = LEAST if name == "open_interest" else 0.0
                fine = np.isnan(series) | (series == 0) | (series > 0) & (worth >= least) & (worth <= MOST)
                _require(fine, series, f"{venue.name}'s {name}")


def _require(fine: npt.NDArray[np.bool_], series: Floats, what: str) -> None:
    if not fine.all():
        bar = int(np.argmin(fine))
        raise UsageError(f"{what} is {series[bar]:.6g} at bar {bar}, which no market has")
