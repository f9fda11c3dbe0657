"""Features of all structures on one axis: their classes, then each structure's own-bar deaths."""

from __future__ import annotations

import numpy as np

from imbalance.engine import features


def columns(lives):
    """Return where each structure's classes and its own-bar deaths stand, a list each."""
    return [[*range(k.start, k.stop), lives.share.size + m] for m, k in enumerate(lives.slices())]


def together(x):
    """Return one array, shape (venues, sides, rows, distances, classes + structures), of one for each structure."""
    parts = [np.swapaxes(each, 1, 2) for each in x]
    return np.concatenate([p[..., :-1] for p in parts] + [p[..., -1:] for p in parts], axis=-1)


def apart(x, lives):
    """Return for each structure what `together` joined."""
    return [np.ascontiguousarray(np.swapaxes(x[..., mine], 1, 2)) for mine in columns(lives)]


def standing_and_own(path, cohorts, edges, bucket, points, venues, a_day, *, inverse=False, day=None):
    """Return the engine's features of venues of one kind, all structures on one axis, and those by day and age."""
    kind = np.full(len(venues), inverse)
    x, ages = features.standing_and_own(path, cohorts, edges, bucket, points, np.array(venues), kind, a_day, day)
    return together(x), ages
