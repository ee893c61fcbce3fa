"""Weights that fall with distance, for sums over pairs of places."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

from ruralpanel.spatial.distances import FloatArray, chord_of_km, km_of_chord, on_sphere

KERNELS = ("bartlett", "uniform")


def spatial_kernel(coordinates: FloatArray, cutoff_km: float, kernel: str) -> sparse.csr_array:
    """Weights (N, N) of pairs of places, symmetric, one on the diagonal and zero from `cutoff_km` on.

    ``bartlett``: 1 − km / cut-off; ``uniform``: one below the cut-off. Places in the same spot have weight one.

    Parameters
    ----------
    coordinates : (N, 2) longitude and latitude in degrees.
    """
    points = on_sphere(coordinates)
    tree = KDTree(points)
    # a little further than asked for, so that rounding in the tree decides nothing
    pairs = tree.query_pairs(chord_of_km(cutoff_km) * (1.0 + 1e-9), output_type="ndarray").T
    i, j = pairs if pairs.size else np.zeros((2, 0), dtype=np.intp)
    km = km_of_chord(np.linalg.norm(points[i] - points[j], axis=1))
    near = km < cutoff_km
    i, j, km = i[near], j[near], km[near]
    weight = 1.0 - km / cutoff_km if kernel == "bartlett" else np.ones(km.size)
    n = len(points)
    own = np.arange(n)
    rows, columns = np.concatenate([own, i, j]), np.concatenate([own, j, i])
    found = sparse.csr_array((np.concatenate([np.ones(n), weight, weight]), (rows, columns)), shape=(n, n))
    found.sum_duplicates()
    return found
