"""What the models of a job need to know of places: weights and coordinates, polygons read once and only if needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ruralpanel.contracts.places import COORDINATES
from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError
from ruralpanel.contracts.units import Units
from ruralpanel.estimators.base import Design
from ruralpanel.spatial.distances import FloatArray
from ruralpanel.spatial.matrix_file import read_matrix
from ruralpanel.spatial.polygons import Polygons, read_polygons, unplaced_problems
from ruralpanel.spatial.weights import Neighbours, Place, described, weights_from


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
    file: str = CONFIGURATION

    @cached_property
    def polygons(self) -> Polygons:
        """Polygons of the boundaries file; none without one."""
        return read_polygons(self.boundaries, self.units) if self.boundaries else Polygons({})

    @cached_property
    def declared(self) -> dict[str, tuple[float, float]]:
        """id → (longitude, latitude) of the units file; empty unless every unit has both."""
        attributes = self.units.attributes
        if not all(name in attributes[unit] for unit in self.units.ids for name in COORDINATES):
            return {}
        found = {unit: _pair(*(attributes[unit][name] for name in COORDINATES)) for unit in self.units.ids}
        return found if np.isfinite(list(found.values())).all() else {}

    def coordinates(self, units: tuple[str, ...]) -> FloatArray:
        """(N, 2) longitude and latitude in degrees of `units`, of the units file or the centroid; NaN where unknown."""
        places = self.declared or self.polygons.centroids
        return np.array([places.get(unit, (np.nan, np.nan)) for unit in units], dtype=float).reshape(len(units), 2)

    def neighbours(self, name: str, units: tuple[str, ...]) -> Neighbours:
        """The declared matrix `name` for `units`, in their order.

        Raises
        ------
        UserError
            Units without a polygon, position or neighbour (`weights.weights_from`).
        """
        values = self.matrices[name]
        known = values["type"] != "file" or bool(self.declared)
        positions = self.coordinates(units) if known else np.full((len(units), 2), np.nan)
        place = Place(
            units,
            lambda: self._touching(units),
            positions,
            self.units,
            name,
            self.file,
            lambda unit: self.polygons.nearest(unit, units),
        )
        return weights_from(values, place)

    def placed(self, design: Design) -> Design:
        """The design with what its model asks of places, aligned with its units, in `extra`.

        ``weights_matrix`` (N, N) and ``weights_about`` where the model names one; ``coordinates`` (N, 2) where a
        setting or the matrix needs them.

        Raises
        ------
        UserError
            Units without a polygon, position or neighbour (`weights.weights_from`).
        """
        name = design.spec.options.get("weights_matrix")
        values = None if name is None else self.matrices[str(name)]
        distant = any(setting.method == "conley" for setting in design.spec.inference)
        if values is None and not distant:
            return design
        extra = dict(design.extra)
        by_distance = distant or (values is not None and values["type"] != "file")
        positions = self.coordinates(design.units) if by_distance or self.declared else None
        if positions is not None and np.isfinite(positions).all():
            extra["coordinates"] = positions
        if distant and "coordinates" not in extra:
            raise UserError(self._unplaced(design, positions))
        if values is not None:
            found = self.neighbours(str(name), design.units)
            extra |= {"weights_matrix": found.matrix, "weights_about": {"name": str(name), **described(found)}}
        return replace(design, extra=extra)

    def _touching(self, units: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.intp]]:
        missing = [unit for unit in units if unit not in self.polygons.geometries]
        if missing:
            where = str(self.boundaries or "boundaries")
            found = f"no polygon of {', '.join(missing)}"
            raise UserError(Problem(where, "", found, "a polygon for every unit", "add them, or use type: file"))
        return self.polygons.touching(units)

    def _unplaced(self, design: Design, positions: FloatArray | None) -> Problem:
        known = positions if positions is not None else np.full((len(design.units), 2), np.nan)
        blank = [unit for unit, pair in zip(design.units, known, strict=True) if not np.isfinite(pair).all()]
        return Problem(
            self.file,
            f"models.{design.spec.name}.inference",
            f"no position of {', '.join(blank)}",
            "a polygon, or longitude and latitude in the units file, for every unit",
            "name a file of boundaries, or add the columns longitude and latitude to the units file",
        )


def _pair(longitude: str | float, latitude: str | float) -> tuple[float, float]:
    try:
        return float(longitude), float(latitude)
    except ValueError:
        return np.nan, np.nan


def place_problems(geography: Geography) -> Iterator[Problem]:
    """What is wrong with the boundaries and the matrices of files, read for all units as models and maps will."""
    units = geography.units
    if geography.boundaries:
        try:
            yield from unplaced_problems(geography.polygons.geometries, units, geography.boundaries)
        except UserError as error:
            yield from error.problems
    for values in geography.matrices.values():
        if values["type"] == "file":
            try:
                read_matrix(str(values["path"]), units.ids, units, values.get("values"))
            except UserError as error:
                yield from error.problems
