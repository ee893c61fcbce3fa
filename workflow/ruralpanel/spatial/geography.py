"""What the models of a job need to know of places: weights and coordinates, polygons read once and only if asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ruralpanel.contracts.problems import Problem, UserError
from ruralpanel.contracts.specs import ModelSpec
from ruralpanel.contracts.units import Units
from ruralpanel.estimators.base import Design
from ruralpanel.spatial.distances import FloatArray
from ruralpanel.spatial.polygons import Polygons, read_polygons
from ruralpanel.spatial.weights import Place, described, weights_from

COORDINATES = ("longitude", "latitude")
"""Attributes of the units file that, where both are there, say where units lie; else polygons do."""


@dataclass(frozen=True)
class Geography:
    """Polygons, positions and declared matrices of a project.

    Attributes
    ----------
    units : the cross-section. boundaries : path of the polygons, None: none.
    matrices : the declared ``weights_matrices``. file : the configuration's name, for messages.
    """

    units: Units
    boundaries: str | None = None
    matrices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    file: str = "config.yaml"

    @cached_property
    def polygons(self) -> Polygons:
        """Polygons of the boundaries file; none without one."""
        return read_polygons(self.boundaries) if self.boundaries else Polygons({})

    @cached_property
    def coordinates(self) -> dict[str, tuple[float, float]]:
        """id → (longitude, latitude) in degrees, of the units file or the centroid; NaN where neither is known."""
        attributes = self.units.attributes
        if all(name in attributes[unit] for unit in self.units.ids for name in COORDINATES):
            return {unit: _pair(*(attributes[unit][name] for name in COORDINATES)) for unit in self.units.ids}
        centres = self.polygons.centroids
        return {unit: centres.get(unit, (np.nan, np.nan)) for unit in self.units.ids}

    def coordinates_for(self, spec: ModelSpec) -> dict[str, tuple[float, float]] | None:
        """Coordinates where an inference setting of the model asks for distances, else None."""
        return self.coordinates if any(setting.method == "conley" for setting in spec.inference) else None

    def with_weights(self, design: Design) -> Design:
        """The design with its model's weights matrix, aligned with its units (``weights_matrix`` in `extra`).

        Raises
        ------
        UserError
            Units without a polygon, position or neighbour (`weights.weights_from`).
        """
        name = design.spec.options.get("weights_matrix")
        if name is None:
            return design
        values = self.matrices[str(name)]
        place = Place(
            design.units, lambda: self._touching(design.units), self._positions(design.units, values), self.units,
            str(name), self.file,
        )  # fmt: skip
        found = weights_from(values, place)
        extra = {**design.extra, "weights_matrix": found.matrix, "weights_about": {"name": name, **described(found)}}
        return replace(design, extra=extra)

    def _touching(self, units: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.intp]]:
        missing = [unit for unit in units if unit not in self.polygons.geometries]
        if missing:
            where = str(self.boundaries or "boundaries")
            found = f"no polygon of {', '.join(missing)}"
            raise UserError(Problem(where, "", found, "a polygon for every unit", "add them, or use type: file"))
        return self.polygons.touching(units)

    def _positions(self, units: tuple[str, ...], values: Mapping[str, Any]) -> FloatArray:
        if values["type"] == "file" and not self.boundaries:
            return np.full((len(units), 2), np.nan)
        return np.array([self.coordinates[unit] for unit in units], dtype=float)


def _pair(longitude: str | float, latitude: str | float) -> tuple[float, float]:
    try:
        return float(longitude), float(latitude)
    except ValueError:
        return np.nan, np.nan
