"""How likely printed liquidations are under predicted ones: robust quasi-likelihood.

Variance is taken as ``phi mu (mu + f) / f`` [USD^2], Poisson-like for small means and growing with their square for
large ones, so that one burst does not bend the shape. Its quasi-likelihood is

    q(mu; y) = ((y / f) ln(mu / (mu + f)) - ln(mu + f)) f / phi

that of a negative binomial of shape 1 in units of f. (Wedderburn 1974, doi:10.1093/biomet/61.3.439; McCullagh &
Nelder 1989, ch. 9.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine.quantiles import quantiles

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

FLOOR_SHARE = 10.0
TRIMMED = 0.99


def floors(observed: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Return f by venue [USD], shape (venues,): a share of what a row prints on average.

    Parameters
    ----------
    observed : USD printed, shape (venues, rows).
    known : which rows count, same shape.
    """
    mean = np.where(known, observed, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.asarray(np.maximum(FLOOR_SHARE * mean, 1e-12))


def attention(mean: Floats, floor: Floats) -> Floats:
    """Return ``f / (mu + f)``, what a row's residual counts for: 1 where little is expected; shape of `mean`."""
    return np.asarray(floor / (mean + floor))


def quasi_likelihood(observed: Floats, mean: Floats, floor: Floats, dispersion: float) -> Floats:
    """Return q above, shape of `observed` [nats].

    Parameters
    ----------
    observed, mean, floor : y, mu and f [USD], shapes that broadcast.
    dispersion : phi [USD].
    """
    safe = np.maximum(mean, 1e-9 * floor)
    return np.asarray((observed * np.log(safe / (safe + floor)) - floor * np.log(safe / floor + 1)) / dispersion)


def dispersion(observed: Floats, mean: Floats, floor: Floats, known: npt.NDArray[np.bool_], day: Ints) -> float:
    """Return phi [USD] from a day's sums over venues, trimmed of its largest 1 %.

    Quasi-Poisson (McCullagh & Nelder 1989), by clusters: bursts last for hours and reach all venues at once, so a
    day of a side is what may be taken as independent. Rows hold both sides in turn.

    Parameters
    ----------
    observed, mean, known : shape (venues, rows).
    floor : shape (venues,).
    day : day of each row, small integers, shape (rows,).
    """
    heed = np.where(known, attention(mean, floor[:, None]), 0.0)
    residual = (heed * (observed - mean)).sum(axis=0)
    days = int(day.max()) + 1
    square = np.concatenate([np.bincount(day[side::2], residual[side::2], minlength=days) ** 2 for side in (0, 1)])
    kept = square <= quantiles(square, TRIMMED)[0]
    return float(max(square[kept].sum() / max((heed * mean).sum(), 1e-12), 1.0))
