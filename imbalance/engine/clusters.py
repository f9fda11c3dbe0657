"""Readings of a map: mass between prices, the narrowest band that holds most of it, clusters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SMOOTHING = np.convolve(np.ones(3), np.ones(3))  # a mean of three bins, twice; only its shape counts


def mass_between(log_edges: Floats, mass: Floats, low: float, high: float) -> Floats:
    """Return the mass between two log distances, bins cut in proportion.

    Parameters
    ----------
    log_edges : rising, shape (bins + 1,).
    mass : shape (..., bins).

    Returns
    -------
    shape (...,).
    """
    # Most bands are far narrower than the map.
    touched = slice(max(int(np.searchsorted(log_edges, low)) - 1, 0), int(np.searchsorted(log_edges, high)))
    below, above = log_edges[:-1][touched], log_edges[1:][touched]
    share = np.clip((np.minimum(above, high) - np.maximum(below, low)) / (above - below), 0.0, 1.0)
    return np.asarray(mass[..., touched] @ share)


def narrowest_band(
    log_edges: Floats, mass: Floats, low: float, high: float, share: float
) -> tuple[float, float] | None:
    """Return the narrowest run of bins within [low, high] that holds `share` of the mass there, in log distance.

    None where there is no mass.
    """
    overlap = np.minimum(log_edges[1:], high) - np.maximum(log_edges[:-1], low)
    inside = mass * np.clip(overlap / np.diff(log_edges), 0.0, 1.0)
    total = np.concatenate([[0.0], np.cumsum(inside)])
    if total[-1] <= 0:
        return None
    need = share * total[-1]
    end = np.searchsorted(total, total[:-1] + need * (1 - 1e-12), side="left")
    reached = np.flatnonzero(end <= inside.size)
    start = int(reached[np.argmin(log_edges[end[reached]] - log_edges[reached])])
    return max(float(log_edges[start]), low), min(float(log_edges[end[start]]), high)


def find_clusters(mass: Floats, most: int) -> list[tuple[int, int, int]]:
    """Return (first bin, last bin, peak bin) of the heaviest runs around local peaks, heaviest first.

    A run reaches from its peak to where the smoothed density falls below half the peak or starts to rise
    again. Runs do not overlap.
    """
    if mass.size < SMOOTHING.size or mass.sum() <= 0:
        return []
    smooth = np.convolve(mass, SMOOTHING, mode="same")
    inner = (smooth[1:-1] >= smooth[:-2]) & (smooth[1:-1] > smooth[2:])
    peaks = np.flatnonzero(np.concatenate([[smooth[0] > smooth[1]], inner, [smooth[-1] >= smooth[-2]]]))
    taken = np.zeros(mass.size, dtype=bool)
    runs = []
    for peak in peaks[np.argsort(-smooth[peaks], kind="stable")]:
        if taken[peak] or smooth[peak] <= 0:
            continue
        first = last = int(peak)
        while first > 0 and not taken[first - 1] and smooth[peak] / 2 <= smooth[first - 1] <= smooth[first]:
            first -= 1
        while last < mass.size - 1 and not taken[last + 1] and smooth[peak] / 2 <= smooth[last + 1] <= smooth[last]:
            last += 1
        taken[first : last + 1] = True
        runs.append((first, last, int(peak)))
    runs.sort(key=lambda run: (-mass[run[0] : run[1] + 1].sum(), run))
    return runs[:most]
