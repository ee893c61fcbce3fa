"""Boundaries as polygons in a projection that suits them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.path import Path as Outline

from ruralpanel.estimate.places.geography import in_degrees, read_frame
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.reads import projection_problems
from ruralpanel.project.units import Units

#: Countries with a customary equal-area projection, by the first part of their units' ids. China: the Albers projection
#: of its national atlases (standard parallels 25° and 47° N, central meridian 105° E), on WGS 84 as the boundaries are.
CUSTOMARY = {"CN": "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m +no_defs"}

_LEAST_MEAN_LATITUDE = 15.0


def choose_projection(bounds: Sequence[float], longitudes: Sequence[tuple[float, float]], ids: Iterable[str]) -> str:
    """A PROJ string for boundaries in geographic coordinates.

    The customary one of the country that all `ids` (``CN-GZ`` …) belong to; else Albers' conic with standard parallels
    one sixth of the latitude range inside its ends (Deetz & Adams 1921; Snyder 1987, p. 99) where the area lies at
    middle latitudes and is wider than high; else Lambert's azimuthal equal-area, centred. China's own parallels follow
    from the same rule (18°–54° N give 24° and 48°), rounded by custom.

    Parameters
    ----------
    bounds : south-west and north-east corner in degrees (west, south, east, north).
    longitudes : west and east end of each polygon, by which a country on the 180° meridian is recognised.
    """
    countries = {identifier.split("-")[0] for identifier in ids if "-" in identifier}
    if len(countries) == 1 and (country := countries.pop()) in CUSTOMARY:
        return CUSTOMARY[country]
    _, south, _, north = bounds
    centre, width = longitude_span(longitudes)
    middle = (south + north) / 2
    height = north - south
    if abs(middle) >= _LEAST_MEAN_LATITUDE and south * north > 0 and width * math.cos(math.radians(middle)) >= height:
        low, high = south + height / 6, north - height / 6
        return (
            f"+proj=aea +lat_1={low:.2f} +lat_2={high:.2f} +lat_0={middle:.2f} +lon_0={centre:.2f} "
            "+datum=WGS84 +units=m +no_defs"
        )
    return f"+proj=laea +lat_0={middle:.2f} +lon_0={centre:.2f} +datum=WGS84 +units=m +no_defs"


def longitude_span(longitudes: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Centre and width in degrees of the shortest arc that holds every interval: the complement of the largest gap."""
    ordered = sorted(longitudes)
    west, reach = ordered[0]
    gaps: list[tuple[float, float]] = []
    for start, end in ordered[1:]:
        if start > reach:
            gaps.append((start - reach, start))
        reach = max(reach, end)
    gaps.append((west + 360 - reach, west + 360))
    size, after = max(gaps)
    width = 360 - size
    centre = after + width / 2
    return (centre + 180) % 360 - 180, width


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
    polygons : as the file has them, in degrees: a GeoDataFrame with ``id``.
    land : their union (a Shapely geometry).
    extent : west, south, east, north in the plane.
    """

    shapes: Mapping[str, Shape]
    land: Any
    extent: tuple[float, float, float, float]
    projection: str
    polygons: Any


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
    return Boundaries(shapes, shapely.union_all(simple), (west, south, east, north), projection, geographic)


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
