"""Distances between units, and kernels that fall with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""


def on_sphere(coordinates: FloatArray) -> FloatArray:
    """Unit vectors (n, 3) of coordinates (n, 2): longitude and latitude in degrees."""
    longitude, latitude = np.radians(np.asarray(coordinates, dtype=float).T)
    return np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )


def chord_of_km(km: float) -> float:
    """Straight-line distance between unit vectors that lie `km` apart along the globe."""
    return float(2.0 * np.sin(min(km / EARTH_RADIUS_KM, np.pi) / 2.0))


def km_of_chord(chord: FloatArray) -> FloatArray:
    """The inverse of `chord_of_km`, for arrays."""
    return np.asarray(2.0 * EARTH_RADIUS_KM * np.arcsin(np.clip(chord / 2.0, 0.0, 1.0)))


def great_circle_km(first: FloatArray, second: FloatArray) -> FloatArray:
    """Kilometres (n, m) between coordinates (n, 2) and (m, 2), along great circles of a sphere."""
    a, b = on_sphere(first), on_sphere(second)
    chord = np.sqrt(np.sum((a[:, None, :] - b[None, :, :]) ** 2, axis=2))
    return km_of_chord(chord)


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
    diagonal = np.arange(n)
    rows, columns = np.concatenate([diagonal, i, j]), np.concatenate([diagonal, j, i])
    weights = sparse.csr_array((np.concatenate([np.ones(n), weight, weight]), (rows, columns)), shape=(n, n))
    weights.sum_duplicates()
    return weights
