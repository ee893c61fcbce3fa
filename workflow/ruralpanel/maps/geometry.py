"""Polygons made ready to draw: projected, simplified, turned into paths, once for all maps of a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.path import Path as Outline

from ruralpanel.contracts.places import projection_problems
from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.contracts.units import Units
from ruralpanel.maps.projection import choose_projection
from ruralpanel.spatial.polygons import in_degrees, read_frame

#: Corners go as long as the triangle that each leaves is smaller than a square of this share of the map's width: about
#: a dot of a map three inches wide.
_TOLERANCE = 1 / 550


@dataclass(frozen=True)
class Shape:
    """One unit's outline in the plane.

    Attributes
    ----------
    outline : all rings as one path, holes included.
    anchor : a point well inside its largest part, for the label.
    size : width and height of the largest part, in the units of the projection.
    """

    outline: Outline
    anchor: tuple[float, float]
    size: tuple[float, float]


@dataclass(frozen=True)
class Boundaries:
    """All outlines of a boundaries file, by id.

    Attributes
    ----------
    land : their union (a Shapely geometry).
    extent : west, south, east, north in the plane.
    """

    shapes: Mapping[str, Shape]
    land: Any
    extent: tuple[float, float, float, float]
    projection: str


def load_boundaries(path: str | Path, projection: str = "auto", units: Units | None = None) -> Boundaries:
    """Read polygons, project them to an equal-area plane and simplify them without opening gaps between neighbours.

    Parameters
    ----------
    path : any vector file with polygons and a column ``id``; its coordinate system stated (GeoJSON: WGS 84).
    units : the units file, whose codes and names are ids too; None: ids only.
    projection : ``auto`` (`choose_projection`) or anything PROJ understands (``EPSG:3035``).

    Raises
    ------
    UserError
        A file that cannot be read, without ``id``, with repeated ids or without polygons; an unknown projection.
    """
    import shapely

    frame = read_frame(path, units)
    geographic = in_degrees(frame, path)
    if projection == "auto":
        spans = [(float(west), float(east)) for west, _, east, _ in geographic.geometry.bounds.to_numpy()]
        projection = choose_projection(geographic.total_bounds, spans, frame["id"])
    raise_any(projection_problems(projection))
    plane = geographic.to_crs(projection)
    west, south, east, north = (float(edge) for edge in plane.total_bounds)
    if not np.isfinite([west, south, east, north]).all():
        found = f'projection "{projection}", in which some polygons lie nowhere'
        raise UserError(Problem(CONFIGURATION, "maps", found, "one for their part of the world", "projection: auto"))
    simple = shapely.coverage_simplify(plane.geometry.to_numpy(), tolerance=(east - west) * _TOLERANCE)
    shapes = {
        str(identifier): _shape(geometry, shapely)
        for identifier, geometry in zip(plane["id"], simple, strict=True)
        if not geometry.is_empty
    }
    return Boundaries(shapes, shapely.union_all(simple), (west, south, east, north), projection)


def _shape(geometry: Any, shapely: Any) -> Shape:
    parts = list(shapely.get_parts(geometry))
    largest = max(parts, key=lambda part: part.area)
    point = shapely.maximum_inscribed_circle(largest).coords[0]
    west, south, east, north = largest.bounds
    return Shape(_outline(parts), (float(point[0]), float(point[1])), (east - west, north - south))


def _outline(parts: list[Any]) -> Outline:
    rings = [np.asarray(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]
    codes = []
    for ring in rings:
        codes.append(np.full(len(ring), Outline.LINETO, dtype=Outline.code_type))
        codes[-1][0], codes[-1][-1] = Outline.MOVETO, Outline.CLOSEPOLY
    return Outline(np.concatenate(rings), np.concatenate(codes))
