"""Several structures at once, each weighted by how well it predicted what was printed later.

Each structure has its fit. Its part of the mixture is its weight beforehand times the exponential of its predictive
quasi-likelihood: every block of days is predicted by the fit of the days before, so that none can peek (Dawid 1984,
doi:10.2307/2981683). It is tempered (Gruenwald & van Ommen 2017, doi:10.1214/17-BA1085): errors of a structure last
for days, so that the few first days would otherwise decide for weeks.
"""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import at_once, calibrate, likelihood
from imbalance.engine.assumptions import Lives

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

BLOCKS = 2
TEMPER = 0.1  # of the evidence: what one account gets wrong in an hour it gets wrong in the hours and days after


class Sample(msgspec.Struct, frozen=True):
    """What could have been printed and what was, by venue, side and row.

    Attributes
    ----------
    x : features of each structure [USD], shape (venues, rows, sides, distances, classes + 1), the last of positions
        that open and die within a bar.
    y : printed [USD], shape (venues, sides, rows), NaN where not known.
    day : day of each row, small integers, rising, shape (rows,).
    complete : which venues print everything, shape (venues,).
    """

    x: list[Floats]
    y: Floats
    day: Ints
    complete: npt.NDArray[np.bool_]

    def rows(self, which: slice) -> Sample:
        """Return some of the rows, days counted from their first."""
        day = self.day[which]
        return Sample([x[:, which] for x in self.x], self.y[:, :, which], day - day[:1].sum(), self.complete)

    def flat(self, structure: int) -> tuple[Floats, Floats, Ints]:
        """Return a structure's x, y and day with both sides' rows on one axis, in turn."""
        venues, sides, rows = self.y.shape
        y = np.swapaxes(self.y, 1, 2).reshape(venues, rows * sides)
        return self.x[structure].reshape(venues, rows * sides, -1), y, np.repeat(self.day, sides)


class Ensemble(msgspec.Struct, frozen=True):
    """The structures' fits and their parts of the mixture, shape (structures,), which sum to 1."""

    fits: list[calibrate.Fit]
    parts: Floats


def own_prior(prior: Floats, lives: Lives, part: slice) -> Floats:
    """Return a structure's default weights with those of own-bar deaths, shape (distances, classes + 1).

    Parameters
    ----------
    prior : default weights, shape (distances, classes of all structures).
    """
    mine = prior[:, part]
    return np.column_stack([mine, mine @ lives.share[part]])


def fit(sample: Sample, prior: Floats, lives: Lives, draws: int, seed: int) -> list[calibrate.Fit] | None:
    """Fit every structure to all rows; None where nothing was observed."""
    return fits(sample, prior, lives, [sample.day.size], draws, seed)[0]


def fits(
    sample: Sample, prior: Floats, lives: Lives, ends: list[int], draws: int, seed: int
) -> list[list[calibrate.Fit] | None]:
    """Fit every structure to the rows before each end, rising; draws are made of the last.

    Returns
    -------
    for each end the fits of the structures; None where nothing was observed before it.
    """
    both = [end * sample.y.shape[1] for end in ends]

    def one(structure: tuple[int, slice]) -> list[calibrate.Fit | None]:
        x, y, day = sample.flat(structure[0])
        own = own_prior(prior, lives, structure[1])
        return calibrate.fits(x, y, own, sample.complete, day, both, draws, seed)

    each = at_once.each(one, enumerate(lives.slices()), sample.day.size * prior.shape[0])
    found = [[f for f in row if f is not None] for row in zip(*each, strict=True)]
    return [row if len(row) == len(each) else None for row in found]


def predicted(fits: list[calibrate.Fit], sample: Sample) -> Floats:
    """Return what each structure says is printed [USD], shape (structures, *shape of the sample's y)."""
    each = zip(fits, sample.x, strict=True)
    return np.stack([found.capture[:, None, None] * expected(found.weights, x) for found, x in each])


def expected(weights: Floats, x: Floats) -> Floats:
    """Return what a structure's weights, own-bar deaths among them, expect at capture 1, shape (venues, sides, rows).

    Parameters
    ----------
    x : of the structure, as in `Sample`.
    """
    return np.asarray(np.swapaxes(x.reshape(*x.shape[:3], weights.size) @ weights, 1, 2))


def evidence(fits: list[calibrate.Fit], sample: Sample) -> Floats:
    """Return the quasi-likelihood of a sample under fits of earlier days, shape (structures,) [nats]."""
    scale, known = fits[0], np.isfinite(sample.y)
    y, floor = np.where(known, sample.y, 0.0), scale.floor[:, None, None]
    each = predicted(fits, sample)
    return np.array([likelihood.quasi_likelihood(y, mean, floor, scale.dispersion)[known].sum() for mean in each])


def parts(weight: Floats, total: Floats) -> Floats:
    """Return parts of the mixture from weights beforehand and evidence [nats], shape (structures,) each."""
    log = np.log(weight) + TEMPER * total
    out = np.exp(log - log.max())
    return np.asarray(out / out.sum())


def walk_forward(
    sample: Sample, prior: Floats, weight: Floats, lives: Lives, draws: int, seed: int
) -> tuple[list[calibrate.Fit] | None, Floats]:
    """Return the fits to all rows, None where nothing was observed, and the structures' parts of the mixture.

    For the parts, shape (structures,), each block of rows is predicted by the fits of the rows before.
    """
    rows = sample.day.size
    cuts = np.linspace(0, rows, BLOCKS + 2).astype(int)[1:].tolist() if weight.size > 1 else [rows]
    found = fits(sample, prior, lives, cuts, draws, seed)
    total = np.zeros(weight.size)
    for (start, stop), before in zip(itertools.pairwise(cuts), found, strict=False):
        if before is not None:
            total += evidence(before, sample.rows(slice(start, stop)))
    return found[-1], parts(weight, total)


def mixed(weights: list[Floats], share: Floats, cells: int) -> Floats:
    """Return the mixture's weights of standing positions, shape (distances, classes of all structures).

    Parameters
    ----------
    weights : of each structure, own-bar deaths the last of its columns, shape (distances * (classes + 1),) each.
    share : parts of the mixture, shape (structures,).
    """
    return np.column_stack([p * w.reshape(cells, -1)[:, :-1] for w, p in zip(weights, share, strict=True)])
