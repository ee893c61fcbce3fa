"""Units in space: polygons, coordinates, and the matrices of neighbours that a design asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.places.matrix_files import read_matrix
from ruralpanel.estimate.places.weights import FloatArray, Neighbours, Place, described, on_sphere, weights_from
from ruralpanel.project.kinds.inference import INFERENCE
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.reads import COORDINATES
from ruralpanel.project.sections.data import WeightsMatrix
from ruralpanel.project.units import Units

if TYPE_CHECKING:
    import shapely

_KM_PER_DEGREE = 111.2


@dataclass(frozen=True)
class Polygons:
    """Shapely geometries by id, in degrees of longitude and latitude (WGS 84)."""

    geometries: Mapping[str, shapely.Geometry]

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
        polygon = self.geometries[unit]
        gaps = {other: float(polygon.distance(self.geometries[other])) for other in units if other != unit}
        near = min(gaps, key=lambda other: gaps[other])
        return near, gaps[near] * _KM_PER_DEGREE


def read_polygons(path: str | Path, units: Units | None = None) -> Polygons:
    """The polygons of `read_frame`, in degrees."""
    geographic = in_degrees(read_frame(path, units), path)
    return Polygons(dict(zip(geographic["id"], geographic.geometry, strict=True)))


def read_frame(path: str | Path, units: Units | None = None) -> Any:
    """A GeoDataFrame of valid flat polygons with a text column ``id``, in the coordinate system that the file states.

    Polygons that cross themselves are mended, heights and what is no area in a collection are left out. Numbers as ids
    become text. With `units`, an id that is a code or name of a unit becomes that unit's id.

    Raises
    ------
    UserError
        A file that cannot be read, without ``id`` or coordinate system, with repeated or blank ids, features without
        any area, or other shapes.
    """
    import geopandas

    frame = _read(Path(path))
    if "id" not in frame.columns:
        found = ", ".join(str(column) for column in frame.columns if column != "geometry") or "none"
        fix = f"put {Path(path).stem}.dbf beside it" if str(path).endswith(".shp") and found in ("none", "FID") else ""
        raise UserError(Problem(str(path), "", f"columns {found}", 'a column "id" with the ids of the units file', fix))
    problems = []
    if frame.empty:
        problems.append(Problem(str(path), "", "no feature", "polygons"))
    if frame.crs is None:
        fix = "put the .prj file beside it" if str(path).endswith(".shp") else "state it, EPSG:4326 for degrees"
        problems.append(Problem(str(path), "", "no coordinate system", "a stated coordinate system", fix))
    ids = [_id(value, units) for value in frame["id"]]
    blank = [str(row) for row, identifier in enumerate(ids, 1) if not identifier]
    if blank:
        problems.append(Problem(str(path), "id", f"no id in feature {', '.join(blank[:5])}", "an id for each feature"))
    repeated = sorted({identifier for identifier in ids if identifier and ids.count(identifier) > 1})
    if repeated:
        found = f"{', '.join(repeated)} more than once"
        problems.append(Problem(str(path), "id", found, "each id once", "dissolve by id"))
    shapes = [_area(geometry) for geometry in frame.geometry]
    without: dict[str, list[str]] = {}
    for identifier, geometry, shape in zip(ids, frame.geometry, shapes, strict=True):
        if shape is None:
            kind = "no geometry" if geometry is None or geometry.is_empty else geometry.geom_type
            without.setdefault(kind, []).append(identifier)
    for kind, of in sorted(without.items()):
        shown = f"{kind} for {', '.join(of[:5])}{f' and {len(of) - 5} more' if len(of) > 5 else ''}"
        fix = "draw these areas, or take the features out of the file"
        problems.append(Problem(str(path), "", shown, "polygons", fix))
    raise_any(problems)
    return frame.assign(id=ids).set_geometry(geopandas.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def in_degrees(frame: Any, path: str | Path) -> Any:
    """The frame in degrees of longitude and latitude (WGS 84).

    Raises
    ------
    UserError
        Coordinates that are none in the coordinate system that the file states.
    """
    geographic = frame.to_crs("EPSG:4326")
    west, south, east, north = geographic.total_bounds
    if np.isfinite([west, south, east, north]).all() and west >= -181 and east <= 361 and south >= -91 and north <= 91:
        return geographic
    found = f"coordinates from {frame.total_bounds[:2].round(1).tolist()} to {frame.total_bounds[2:].round(1).tolist()}"
    expected = f"coordinates in the system that the file states ({frame.crs.to_string()})"
    swapped = west >= -91 and east <= 91
    fix = "state the right one" + (", or give longitude before latitude" if swapped else "")
    raise UserError(Problem(str(path), "", found, expected, fix))


def unplaced_problems(ids: Iterable[str], units: Units, path: str | Path) -> list[Problem]:
    """Units without a polygon, where no polygon or some polygons are of units."""
    drawn = set(ids)
    lacking = [unit for unit in units.ids if unit not in drawn]
    strangers = sorted(drawn - set(units.ids))
    if not lacking or not strangers:  # a map of a part of the units is nobody's mistake
        return []
    bare = {unit.lstrip("0") or "0": unit for unit in lacking}
    zeros = [(stranger, bare[stranger]) for stranger in strangers if stranger in bare]
    found = f"no polygon of {len(lacking)} units ({', '.join(lacking[:4])}{', …' if len(lacking) > 4 else ''})"
    found += f", but of {', '.join(strangers[:4])}{', …' if len(strangers) > 4 else ''}"
    fix = f'write ids as text, with their zeros: "{zeros[0][1]}" for {zeros[0][0]}' if zeros else ""
    return [Problem(str(path), "id", found, f"the ids, codes or names of {units.file}", fix)]


def _read(path: Path) -> Any:
    import geopandas
    from pyogrio import errors

    failures = (errors.DataSourceError, errors.DataLayerError, errors.FeatureError, errors.GeometryError)
    try:
        frame = geopandas.read_file(path, on_invalid="fix")  # closes rings that are left open
    except (*failures, errors.CRSError, OSError, ValueError) as error:
        # GDAL's words begin with the path and may end in advice for programmers
        words = str(error).split(". ")[0].removeprefix(f"{path}: ")
        raise UserError(Problem(str(path), "", words, "a file of polygons, such as GeoJSON")) from error
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise UserError(Problem(str(path), "", "a table without geometry", "a file of polygons, such as GeoJSON"))
    return frame


def _id(value: Any, units: Units | None) -> str:
    if isinstance(value, float | np.floating):
        value = "" if np.isnan(value) else int(value) if float(value).is_integer() else value
    text = "" if value is None else str(value).strip()
    if not text or units is None or text in units.ids:
        return text
    return units.match(text) or text


def _area(geometry: Any) -> Any:
    """The areas of a geometry, valid and flat; None where there is none."""
    import shapely

    if geometry is None or geometry.is_empty:
        return None
    flat = shapely.force_2d(geometry)
    if flat.geom_type in ("Polygon", "MultiPolygon") and flat.is_valid:
        return flat
    parts = [shapely.make_valid(part, method="structure", keep_collapsed=False) for part in _parts(flat, shapely)]
    areas = [area for part in parts for area in _parts(part, shapely) if area.geom_type == "Polygon" and area.area > 0]
    return shapely.union_all(areas) if areas else None


def _parts(geometry: Any, shapely: Any) -> list[Any]:
    """The single geometries in a geometry, collections within collections too."""
    parts = list(shapely.get_parts(geometry))
    if len(parts) == 1 and parts[0].geom_type == geometry.geom_type:
        return parts
    return [single for part in parts for single in _parts(part, shapely)]


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
    matrices: Mapping[str, WeightsMatrix] = field(default_factory=dict)
    file: str = CONFIGURATION

    @cached_property
    def polygons(self) -> Polygons:
        """Polygons of the boundaries file; none without one."""
        return read_polygons(self.boundaries, self.units) if self.boundaries else Polygons({})

    @cached_property
    def positions(self) -> dict[str, tuple[float, float]]:
        """id → (longitude, latitude) of the units file, of the units that have both."""
        attributes = self.units.attributes
        if not all(name in attributes[unit] for unit in self.units.ids for name in COORDINATES):
            return {}
        pairs = {unit: _pair(*(attributes[unit][name] for name in COORDINATES)) for unit in self.units.ids}
        return {unit: pair for unit, pair in pairs.items() if np.isfinite(pair).all()}

    @property
    def declared(self) -> dict[str, tuple[float, float]]:
        """The positions of the units file; empty unless every unit has one."""
        return self.positions if len(self.positions) == len(self.units.ids) else {}

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
        matrix = self.matrices[name]
        known = matrix.type != "file" or bool(self.declared)
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
        return weights_from(matrix, place)

    def placed(self, design: Design) -> Design:
        """The design with what its model asks of places, aligned with its units, in `extra`.

        A weights matrix where the model names one; coordinates where a setting or the matrix needs them.

        Raises
        ------
        UserError
            Units without a polygon, position or neighbour (`weights.weights_from`).
        """
        name = design.spec.weights_matrix
        matrix = None if name is None else self.matrices[name]
        distant = any(INFERENCE[setting.method].distances for setting in design.spec.inference)
        if matrix is None and not distant:
            return design
        extra = design.extra
        by_distance = distant or (matrix is not None and matrix.type != "file")
        positions = self.coordinates(design.units) if by_distance or self.declared else None
        if positions is not None and np.isfinite(positions).all():
            extra = replace(extra, coordinates=positions)
        if distant and extra.coordinates is None:
            raise UserError(self._unplaced(design, positions))
        if name is not None:
            weights = self.neighbours(name, design.units)
            extra = replace(extra, weights_matrix=weights.matrix, weights_about=described(weights, name))
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
            drawn = geography.polygons.geometries
            if not geography.positions or set(drawn) & set(units.ids):  # else dots over the land of others
                yield from unplaced_problems(drawn, units, geography.boundaries)
        except UserError as error:
            yield from error.problems
    for matrix in geography.matrices.values():
        if matrix.type == "file":
            try:
                read_matrix(str(matrix.path), units.ids, units, matrix.values)
            except UserError as error:
                yield from error.problems
