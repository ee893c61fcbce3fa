"""Polygons of units: who touches whom, and where each has its centre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ruralpanel.contracts.problems import Problem, UserError, raise_any
from ruralpanel.spatial.distances import FloatArray, on_sphere

_KM_PER_DEGREE = 111.2


@dataclass(frozen=True)
class Polygons:
    """Shapely geometries by id, in degrees of longitude and latitude (WGS 84)."""

    geometries: Mapping[str, Any]

    @cached_property
    def centroids(self) -> dict[str, tuple[float, float]]:
        """id → (longitude, latitude) of the centroid on the sphere."""
        return {unit: centroid(geometry) for unit, geometry in self.geometries.items()}

    def touching(self, units: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Pairs (2, p) of positions in `units`, i < j, whose polygons share at least one point (queen contiguity)."""
        import shapely

        geometries = np.array([self.geometries[unit] for unit in units], dtype=object)
        shapely.prepare(geometries)
        first, second = shapely.STRtree(geometries).query(geometries, predicate="intersects")
        once = first < second
        pairs = np.stack([first[once], second[once]])
        return np.asarray(pairs[:, np.lexsort((pairs[1], pairs[0]))], dtype=np.intp)

    def nearest(self, unit: str, units: tuple[str, ...]) -> tuple[str, float]:
        """The nearest other polygon among `units`, and the gap between the two in km at most."""
        own = self.geometries[unit]
        gaps = {other: float(own.distance(self.geometries[other])) for other in units if other != unit}
        near = min(gaps, key=lambda other: gaps[other])
        return near, gaps[near] * _KM_PER_DEGREE


def read_polygons(path: str | Path) -> Polygons:
    """The polygons of `read_frame`, in degrees."""
    geographic = read_frame(path).to_crs("EPSG:4326")
    return Polygons(dict(zip(geographic["id"].astype(str), geographic.geometry, strict=True)))


def read_frame(path: str | Path) -> Any:
    """A GeoDataFrame of polygons with a column ``id``, in the coordinate system that the file states.

    Raises
    ------
    UserError
        A file that cannot be read, without ``id`` or coordinate system, with repeated ids, without polygons or with
        other shapes.
    """
    import geopandas
    from pyogrio.errors import DataSourceError

    try:
        frame = geopandas.read_file(path)
    except (DataSourceError, FileNotFoundError) as error:
        raise UserError(Problem(str(path), "", str(error), "a file of polygons, such as GeoJSON")) from error
    if "id" not in frame.columns:
        found = ", ".join(str(column) for column in frame.columns)
        raise UserError(Problem(str(path), "", f"columns {found}", 'a column "id" with the ids of the units file'))
    problems = []
    repeated = sorted({str(value) for value in frame["id"][frame["id"].duplicated()]})
    if repeated:
        found = f"{', '.join(repeated)} more than once"
        problems.append(Problem(str(path), "id", found, "each id once", "dissolve by id"))
    kinds = sorted(set(frame.geometry.geom_type) - {"Polygon", "MultiPolygon"})
    if kinds or frame.empty:
        problems.append(Problem(str(path), "", ", ".join(kinds) or "no polygon", "polygons"))
    if frame.crs is None:
        problems.append(Problem(str(path), "", "no coordinate system", "a stated coordinate system"))
    raise_any(problems)
    return frame


def centroid(geometry: Any) -> tuple[float, float]:
    """Longitude and latitude of a polygon's centroid on the sphere, its edges great circles.

    The area's mean position is half the sum over edges of the edge's angle times the unit normal of its plane; no
    projection is chosen, and polygons may cross the date line or hold a pole.
    """
    import shapely

    total = np.zeros(3)
    for part in shapely.get_parts(shapely.orient_polygons(geometry)):
        for ring in (part.exterior, *part.interiors):
            total += _moment(shapely.get_coordinates(ring))
    x, y, z = total
    return float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def _moment(ring: FloatArray) -> FloatArray:
    """Integral (3,) of the position over the inside of a closed ring, counter-clockwise positive."""
    points = on_sphere(ring)
    normal = np.cross(points[:-1], points[1:])
    sine = np.linalg.norm(normal, axis=1)
    angle = np.arctan2(sine, np.sum(points[:-1] * points[1:], axis=1))
    real = sine > 0
    return np.asarray(0.5 * np.sum(normal[real] * (angle[real] / sine[real])[:, None], axis=0))
