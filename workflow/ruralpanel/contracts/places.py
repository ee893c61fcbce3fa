"""What a configuration says of places: weights matrices and distances, what they need and which files hold it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ruralpanel.contracts.problems import CONFIGURATION, Problem, did_you_mean
from ruralpanel.contracts.specs import ModelSpec
from ruralpanel.contracts.units import Units
from ruralpanel.files import unusable

if TYPE_CHECKING:
    from ruralpanel.contracts.config import Config

COORDINATES = ("longitude", "latitude")
"""Attributes of the units file that say where units lie, in degrees."""

KEYS = {
    "contiguity": ((), ("join",)),
    "inverse_distance": ((), ("cutoff_km", "join")),
    "k_nearest": (("k",), ("join",)),
    "file": (("path",), ("values", "join")),
}
"""Keys that each type of matrix needs, and may have."""


def place_problems(config: Config, attributes: set[str], units: Units | None) -> Iterator[Problem]:
    """Matrices with keys missing, to spare or of unknown units, and models that ask for positions nobody gives."""
    for name, values in config.weights_matrices.items():
        yield from _matrix_problems(config, f"weights_matrices.{name}", values, units)
    for name, item in config.maps.items():
        if item["projection"] != "auto":
            yield from projection_problems(item["projection"], f"maps.{name}.projection", config.file)
        matrix = (item.get("clusters") or {}).get("weights_matrix")
        if matrix and matrix not in config.weights_matrices:
            where, fix = f"maps.{name}.clusters.weights_matrix", did_you_mean(matrix, config.weights_matrices)
            yield Problem(config.file, where, f'"{matrix}"', "a name under weights_matrices", fix)
    placed = config.boundaries is not None or set(COORDINATES) <= attributes
    for model in config.models.values():
        matrix = config.weights_matrices.get(str(model.options.get("weights_matrix")), {})
        kind = str(matrix.get("type", "file"))
        where = f"models.{model.name}"
        if kind == "contiguity" and config.boundaries is None:
            yield Problem(
                config.file,
                f"{where}.weights_matrix",
                "contiguity without boundaries",
                "boundaries: a file of polygons",
            )
        elif kind in ("inverse_distance", "k_nearest") and not placed:
            yield _unplaced(config, f"{where}.weights_matrix", kind)
        if _needs_distances(model) and not placed:
            yield _unplaced(config, f"{where}.inference", "conley")


def matrices_of(config: Config, models: Iterable[ModelSpec]) -> dict[str, dict[str, Any]]:
    """The declared weights matrices that models name."""
    names = sorted({str(model.options["weights_matrix"]) for model in models if "weights_matrix" in model.options})
    return {name: dict(config.weights_matrices[name]) for name in names}


def cluster_maps(config: Config) -> tuple[str, ...]:
    """Names of the maps of clusters."""
    return tuple(name for name, item in config.maps.items() if "clusters" in item)


def map_matrices(config: Config) -> dict[str, dict[str, Any]]:
    """The declared weights matrices that maps name."""
    names = sorted({str(config.maps[name]["clusters"]["weights_matrix"]) for name in cluster_maps(config)})
    return {name: dict(config.weights_matrices[name]) for name in names}


def place_files(config: Config, models: Iterable[str]) -> dict[str, Any]:
    """The files that models need to know who is whose neighbour or how far away: boundaries, and matrices of type file.

    Boundaries are asked for wherever polygons may be needed; whether they are is seen from the units file.
    """
    chosen = [config.models[name] for name in models]
    matrices = matrices_of(config, chosen).values()
    polygons = any(map(_needs_distances, chosen)) or any(matrix["type"] != "file" for matrix in matrices)
    return {
        "boundaries": [config.boundaries] if polygons and config.boundaries else [],
        "matrices": sorted({matrix["path"] for matrix in matrices if matrix["type"] == "file"}),
    }


def _needs_distances(model: ModelSpec) -> bool:
    return any(setting.method == "conley" for setting in model.inference)


def _matrix_problems(config: Config, where: str, values: Mapping[str, Any], units: Units | None) -> Iterator[Problem]:
    kind = str(values["type"])
    needed, further = KEYS[kind]
    for key in needed:
        if key not in values:
            yield Problem(config.file, where, f"no {key}", f"{key}, which type {kind} needs")
    known = ("type", "standardise", *needed, *further)
    for key in sorted(set(values) - set(known)):
        expected = f"one of: {', '.join(known)}"
        yield Problem(config.file, f"{where}.{key}", f'"{key}" with type {kind}', expected, f"remove {key}")
    if kind == "file" and "path" in values and (reason := unusable(values["path"])):
        found = f'"{values["path"]}", {reason}'
        yield Problem(config.file, f"{where}.path", found, "a file", "check the path")
    form = os.path.splitext(str(values.get("path", "")))[1].lower()
    if kind == "file" and form in (".gwt", ".kwt") and "values" not in values:
        found = f"a {form} file, whose third column may hold distances (GeoDa) or weights"
        fix = "write values: distances (a link weighs 1 / distance), weights, or links (each weighs one)"
        yield Problem(config.file, f"{where}.values", found, "to be told which", fix)
    if kind == "file" and form == ".gal" and values.get("values", "links") != "links":
        yield Problem(
            config.file, f"{where}.values", f"{values['values']} of a .gal file", "links: it holds no figures"
        )
    for unit, others in (values.get("join") or {}).items():
        for named in (unit, *others):
            if units and named not in units.ids:
                yield Problem(config.file, f"{where}.join", f'"{named}"', "ids of the units file", units.suggest(named))


def _unplaced(config: Config, where: str, what: str) -> Problem:
    expected = "boundaries, or columns longitude and latitude in the units file"
    return Problem(config.file, where, f"{what} without positions of the units", expected)


def projection_problems(projection: str, where: str = "maps", file: str = CONFIGURATION) -> Iterator[Problem]:
    """The problem of a projection that PROJ does not know."""
    from pyproj import CRS  # only here: few configurations need PROJ
    from pyproj.exceptions import CRSError

    try:
        CRS.from_user_input("EPSG:4326" if projection == "auto" else projection)
    except CRSError as error:
        words = str(error).partition(": (")[0]
        yield Problem(file, where, f'projection "{projection}"', "auto, or one that PROJ knows", words)
