"""Boundaries as polygons in a projection that suits them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.path import Path as Outline

from ruralpanel.estimate.places.geography import Geography, in_degrees, read_frame
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
_DOT = 1 / 220
"""Radius of a dot, as a share of the map's longer side."""
_SLIMMEST = 4
"""A map of dots is at most so many times longer than wide, those of dots in a row too."""


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
    dots : whether the shapes are dots at the units' positions; `beneath` are then the outlines drawn below them.
    """

    shapes: Mapping[str, Shape]
    land: Any
    extent: tuple[float, float, float, float]
    projection: str
    polygons: Any
    dots: bool = False
    beneath: tuple[Outline, ...] = ()


def load_boundaries(path: str | Path | None, projection: str = "auto", units: Units | None = None) -> Boundaries:
    """Read polygons, project them to an equal-area plane and simplify them without opening gaps between neighbours.

    Where no polygon is one of `units` (provinces, of counties), or without a file, units with a longitude and latitude
    become dots, over what polygons there are.

    Parameters
    ----------
    path : any vector file with polygons and a column ``id``; its coordinate system stated (GeoJSON: WGS 84).
    units : the units file, whose codes and names are ids too; None: ids only.
    projection : ``auto`` (`choose_projection`) or anything PROJ understands (``EPSG:3035``).

    Raises
    ------
    UserError
        A file that cannot be read, without ``id``, with repeated ids or without polygons; an unknown projection; no
        file and no positions.
    """
    import shapely

    areas = in_degrees(read_frame(path, units), path) if path else None
    points = _points(units) if units is not None else None
    if areas is None and points is None:
        found, expected = "no file of polygons and no unit with a position", "one of the two"
        fix = "boundaries: …, or the columns longitude and latitude in the units file"
        raise UserError(Problem(CONFIGURATION, "boundaries", found, expected, fix))
    dots = points is not None and (areas is None or units is None or not set(areas["id"]) & set(units.ids))
    frames = [frame for frame in (areas, points if dots else None) if frame is not None]
    if projection == "auto":
        spans = [(float(west), float(east)) for f in frames for west, _, east, _ in f.geometry.bounds.to_numpy()]
        corners = np.array([frame.total_bounds for frame in frames])
        bounds = [*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist()]
        projection = choose_projection(bounds, spans, frames[0]["id"])
    raise_any(projection_problems(projection))
    planes = [frame.to_crs(projection) for frame in frames]
    corners = np.array([plane.total_bounds for plane in planes])
    if not np.isfinite(corners).all():
        found = f'projection "{projection}", in which some polygons lie nowhere'
        raise UserError(Problem(CONFIGURATION, "maps", found, "one for their part of the world", "projection: auto"))
    west, south = (float(edge) for edge in corners[:, :2].min(axis=0))
    east, north = (float(edge) for edge in corners[:, 2:].max(axis=0))
    width = max(east - west, north - south) or 1.0  # of a lone dot none
    if dots:
        radius = width * _DOT
        wide, high = (max((width / _SLIMMEST - side) / 2, 2 * radius) for side in (east - west, north - south))
        margin = (west - wide, south - high, east + wide, north + high)
        spots = planes[-1]
        shapes = {
            str(identifier): Shape(_circle(x, y, radius), (x, y), (2 * radius, 2 * radius))
            for identifier, x, y in zip(spots["id"], spots.geometry.x.tolist(), spots.geometry.y.tolist(), strict=True)
        }
        simple = shapely.simplify(planes[0].geometry.to_numpy(), width * _TOLERANCE) if areas is not None else []
        beneath = tuple(_outline(list(shapely.get_parts(area))) for area in simple if not area.is_empty)
        land = shapely.union_all(shapely.make_valid(simple)) if areas is not None else shapely.MultiPoint()
        return Boundaries(shapes, land, margin, projection, points, dots=True, beneath=beneath)
    simple = shapely.coverage_simplify(planes[0].geometry.to_numpy(), tolerance=(east - west) * _TOLERANCE)
    shapes = {
        str(identifier): _shape(geometry, shapely)
        for identifier, geometry in zip(planes[0]["id"], simple, strict=True)
        if not geometry.is_empty
    }
    return Boundaries(shapes, shapely.union_all(simple), (west, south, east, north), projection, areas)


def _points(units: Units) -> Any:
    """The units that have a position, in degrees; None where none has."""
    import geopandas

    known = Geography(units).positions
    if not known:
        return None
    longitudes, latitudes = zip(*known.values(), strict=True)
    spots = geopandas.points_from_xy(longitudes, latitudes)
    return geopandas.GeoDataFrame({"id": list(known)}, geometry=spots, crs="EPSG:4326")


def _circle(x: float, y: float, radius: float) -> Outline:
    angles = np.linspace(0.0, 2 * np.pi, 13)
    codes = np.full(len(angles), Outline.LINETO, dtype=Outline.code_type)
    codes[0], codes[-1] = Outline.MOVETO, Outline.CLOSEPOLY
    return Outline(np.column_stack([x + radius * np.cos(angles), y + radius * np.sin(angles)]), codes)


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
