"""Random numbers that are the same on every machine and under every version.

The stream of Python's own generator is promised (the Mersenne Twister of Matsumoto & Nishimura 1998,
doi:10.1145/272991.272995); that of numpy's is not, and it takes longer to load than a map's draws take to make.
"""

from __future__ import annotations

import math
from random import Random

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def uniform(seed: str, *shape: int) -> Floats:
    """Return numbers from 0 up to 1, which it never reaches, of a shape; a seed's are always the same."""
    size, draw = math.prod(shape), Random(seed).random  # noqa: S311  nothing is kept secret by it
    return np.fromiter((draw() for _ in range(size)), np.float64, size).reshape(shape)


def normal(seed: str, *shape: int) -> Floats:
    """Return standard normal numbers of a shape (Box & Muller 1958, doi:10.1214/aoms/1177706645)."""
    radius, angle = uniform(seed, 2, *shape)
    return np.asarray(np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle))


def resampled(seed: str, draws: int, size: int) -> Ints:
    """Return how often each of `size` things comes among as many drawn with replacement, shape (draws, size)."""
    drawn = (uniform(seed, draws, size) * size).astype(np.intp) + size * np.arange(draws)[:, None]
    return np.asarray(np.bincount(drawn.ravel(), minlength=draws * size).reshape(draws, size))
