"""Distances on the globe."""

from __future__ import annotations

from typing import Any

import numpy as np

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
