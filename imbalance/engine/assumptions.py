"""What the data do not tell: structures of lives and leverage, and shares with their spans."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


class Structure(msgspec.Struct, frozen=True):
    """One account of how long positions live and how much leverage they use.

    Attributes
    ----------
    hazard_a_day, share : lifetime classes [1 / day] and their shares of what is opened, which sum to 1.
    leverage, leverage_log_sd : median effective leverage of each class and its spread.
    clock_exponent : how far closing follows activity: 0 wall time, 1 time in step with turnover.
    weight : how much of the mixture it is before anything was observed.
    """

    hazard_a_day: tuple[float, ...] = (11.0, 1.2, 1 / 6, 1 / 30)
    share: tuple[float, ...] = (0.54, 0.26, 0.14, 0.06)
    leverage: tuple[float, ...] = (12.0, 8.0, 5.0, 4.0)
    leverage_log_sd: float = 1.0
    clock_exponent: float = 0.0
    weight: float = 1.0


class Lives(msgspec.Struct, frozen=True):
    """The classes of all structures on one axis, shape (classes,) each.

    Attributes
    ----------
    hazard_a_day, share, exponent : as in `Structure`.
    structure : which structure a class belongs to.
    """

    hazard_a_day: Floats
    share: Floats
    exponent: Floats
    structure: Ints

    def slices(self) -> list[slice]:
        """Return the classes of each structure."""
        ends = np.cumsum(np.bincount(self.structure))
        return [slice(int(a), int(b)) for a, b in itertools.pairwise([0, *ends])]


class Assumptions(msgspec.Struct, frozen=True):
    """What the data do not tell, each with the span that the ranges take it over (90 %).

    Attributes
    ----------
    structures : accounts of lives and leverage, each as likely beforehand as its weight says.
    leverage_span : the factor by which the medians may be off, either way.
    turnover_share : share of volume that turns positions over.
    forced_share, forced_span : exposed positions that end liquidated rather than stopped or closed, and the
        factor either way; used where no liquidations were observed.
    capture, capture_span : share of liquidations that a feed not known to be complete prints.
    typical_notional_usd : the position whose maintenance bracket stands for all.
    structure_log_sd : what the form of the model is worth: common, by side, and by side growing near the price.
    """

    structures: tuple[Structure, ...] = (
        Structure(),
        Structure(leverage=(20.0, 8.0, 5.0, 4.0), clock_exponent=1.0, weight=3.0),
    )
    leverage_span: float = 2.0
    turnover_share: float = 0.6
    forced_share: float = 0.25
    forced_span: float = 2.5
    capture: float = 0.4
    capture_span: float = 2.5
    typical_notional_usd: float = 250_000.0
    structure_log_sd: tuple[float, float, float] = (0.155, 0.18, 0.13)
    distances: int = 14
    draws: int = 200
    least_events: float = 10.0

    def lives(self) -> Lives:
        """Return the classes of all structures on one axis."""
        counts = [len(s.share) for s in self.structures]
        return Lives(
            np.concatenate([s.hazard_a_day for s in self.structures]),
            np.concatenate([s.share for s in self.structures]),
            np.repeat([s.clock_exponent for s in self.structures], counts),
            np.repeat(np.arange(len(counts)), counts),
        )

    def on_wall_time(self) -> tuple[Lives, list[int]]:
        """Return the lives that differ where every clock is the wall's, and which of these each structure has."""
        kinds = [(s.hazard_a_day, s.share) for s in self.structures]
        different = list(dict.fromkeys(kinds))
        alone = msgspec.structs.replace(self, structures=tuple(Structure(*kind) for kind in different))
        return alone.lives(), [different.index(kind) for kind in kinds]

    def told(self) -> dict[str, str]:
        """Return the assumptions in words, for every output."""
        return {
            "sides": "every contract opens one long and one short; both sides open with the same leverage",
            "leverage": f"log-normal, medians {_each(s.leverage for s in self.structures)} by lifetime class "
            f"(x/÷{self.leverage_span:g}), log-sd {_each((s.leverage_log_sd,) for s in self.structures)}",
            "lifetimes": f"means {_each([1 / h for h in s.hazard_a_day] for s in self.structures)} d; "
            f"shares {_each(s.share for s in self.structures)} of what is opened",
            "clock": f"closing follows turnover to the power {_each((s.clock_exponent,) for s in self.structures)}",
            "turnover": f"{self.turnover_share:g} of volume turns positions over",
            "forced": f"without observed liquidations {self.forced_share:g} of exposed (x/÷{self.forced_span:g})",
            "capture": f"of feeds not known complete the middle one prints {self.capture:g} (x/÷{self.capture_span:g})",
        }


def _each(values: Iterable[Iterable[float]]) -> str:
    """Return the different rows of values, each joined by strokes."""
    return " or ".join(dict.fromkeys("/".join(f"{v:.2g}" for v in row) for row in values))
