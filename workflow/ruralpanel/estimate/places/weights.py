"""Distances between units, kernels that fall with them, and weights: contiguity, distance, nearest, files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.parts import SpatialWeights
from ruralpanel.estimate.base.results import Further
from ruralpanel.estimate.places.matrix_files import read_matrix
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.sections.data import WeightsMatrix
from ruralpanel.project.units import Units

if TYPE_CHECKING:
    from scipy.spatial import KDTree

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""


def _tree(points: FloatArray) -> KDTree:
    from scipy.spatial import KDTree  # few models ask who is near

    return KDTree(points)


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


def spatial_kernel(coordinates: FloatArray, cutoff_km: float, kernel: str) -> sparse.csr_array:
    """Weights (N, N) of pairs of places, symmetric, one on the diagonal and zero from `cutoff_km` on.

    ``bartlett``: 1 − km / cut-off; ``uniform``: one below the cut-off. Places in the same spot have weight one.

    Parameters
    ----------
    coordinates : (N, 2) longitude and latitude in degrees.
    """
    points = on_sphere(coordinates)
    tree = _tree(points)
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


LARGEST_DENSE = 2000
_SLIVER = 1.0  # km between polygons that are meant to touch
"""Units up to which all eigenvalues are computed at once."""


@dataclass(frozen=True)
class Place:
    """What weights are made from: the sample's units, pairs that touch, and where the units lie.

    Attributes
    ----------
    units : N ids, in the order of the matrix.
    touching : gives pairs (2, p) of positions of units whose polygons touch; called for contiguity alone.
    coordinates : (N, 2) longitude and latitude in degrees; NaN where unknown.
    names : for units in files of weights; None: ids only.
    name, file : of the declared matrix and its configuration, for messages.
    """

    units: tuple[str, ...]
    touching: Callable[[], np.ndarray[Any, np.dtype[np.intp]]]
    coordinates: FloatArray
    names: Units | None = None
    name: str = "weights"
    file: str = CONFIGURATION
    nearest: Callable[[str], tuple[str, float]] | None = None

    def problem(self, key: str, found: str, expected: str, fix: str = "") -> Problem:
        """A problem of the declared matrix."""
        return Problem(self.file, f"weights_matrices.{self.name}{'.' + key if key else ''}", found, expected, fix)


@dataclass(frozen=True)
class Neighbours:
    """Spatial weights of the units of a sample.

    Attributes
    ----------
    matrix : (N, N), row i holds the weights of unit i's neighbours; no unit is its own neighbour.
    units : N ids. standardise : ``row`` (rows sum to one), ``spectral`` (largest eigenvalue one) or ``none``.
    about : what it is, for results.
    """

    matrix: sparse.csr_array
    units: tuple[str, ...]
    standardise: str
    about: tuple[Note, ...]


def weights_from(declared: WeightsMatrix, place: Place) -> Neighbours:
    """The matrix that ``weights_matrices`` declares, for the units of `place`.

    Parameters
    ----------
    declared : ``type`` contiguity: polygons share a point; inverse_distance: 1 / km. ``join``: links added in both
        directions.

    Raises
    ------
    UserError
        A unit without polygon or neighbour (with its nearest unit, or the cut-off that would do), links of a unit to
        itself, centres that coincide, or faults of the file.
    """
    kind, scale = declared.type, declared.standardise
    matrix = {
        "contiguity": _contiguity,
        "inverse_distance": _inverse_distance,
        "k_nearest": _k_nearest,
        "file": _from_file,
    }[kind](declared, place)
    joined = _links(declared, place)
    matrix = _with_links(matrix, joined, kind, place)
    _no_island(matrix, declared, place)
    about = [note(f"weights_{kind}")]
    if declared.cutoff_km is not None:
        about.append(note("weights_cutoff", km=declared.cutoff_km))
    if declared.k is not None:
        about.append(note("weights_nearest", k=declared.k))
    if len(joined):
        about.append(note("weights_joined", pairs=[f"{place.units[i]}–{place.units[j]}" for i, j in joined]))
    about.append(note(f"weights_scaled_{scale}"))
    return Neighbours(standardised(matrix, scale), place.units, scale, tuple(about))


def standardised(matrix: sparse.csr_array, scale: str) -> sparse.csr_array:
    """`matrix` with rows that sum to one (``row``), with a largest eigenvalue of one (``spectral``) or as it is."""
    if scale == "row":
        sums = np.asarray(matrix.sum(axis=1))
        return sparse.csr_array(sparse.diags_array(1.0 / np.where(sums > 0, sums, 1.0)) @ matrix)
    if scale == "spectral":
        return sparse.csr_array(matrix / spectral_radius(matrix))
    return matrix


def spectral_radius(matrix: sparse.csr_array) -> float:
    """Largest eigenvalue in absolute value; for weights, which are not negative, it is an eigenvalue itself."""
    if matrix.shape[0] <= LARGEST_DENSE:
        return float(np.max(np.abs(np.linalg.eigvals(matrix.toarray()))))
    from scipy.sparse import linalg

    start = np.ones(matrix.shape[0])
    values = linalg.eigs(matrix.astype(float), k=1, which="LM", v0=start, return_eigenvectors=False)
    return float(np.abs(values[0]))


def described(neighbours: Neighbours, name: str = "") -> SpatialWeights:
    """Size and density of a matrix, for results."""
    counts = np.diff(neighbours.matrix.indptr)
    pattern = _pattern(neighbours.matrix)
    return SpatialWeights(
        name=name,
        what=neighbours.about,
        standardise=neighbours.standardise,
        units=len(neighbours.units),
        pairs=int(sparse.triu(pattern + pattern.T).nnz),
        fewest_neighbours=int(counts.min()),
        mean_neighbours=float(counts.mean()),
        most_neighbours=int(counts.max()),
    )


def _pattern(matrix: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def _contiguity(declared: WeightsMatrix, place: Place) -> sparse.csr_array:
    i, j = place.touching()
    return _symmetric(i, j, np.ones(i.size), len(place.units))


def _inverse_distance(declared: WeightsMatrix, place: Place) -> sparse.csr_array:
    tree = _tree(on_sphere(_located(place)))
    reach = 2.1 if declared.cutoff_km is None else chord_of_km(declared.cutoff_km)
    pairs = tree.query_pairs(reach, output_type="ndarray").T
    i, j = pairs if pairs.size else np.zeros((2, 0), dtype=np.intp)
    km = km_of_chord(np.linalg.norm(tree.data[i] - tree.data[j], axis=1))
    together = [(place.units[a], place.units[b]) for a, b in zip(i[km == 0], j[km == 0], strict=True)]
    if together:
        found = "; ".join(f"{a} and {b}" for a, b in together) + " with the same centre"
        raise UserError(place.problem("", found, "centres that lie apart", "use type: k_nearest or contiguity"))
    return _symmetric(i, j, 1.0 / km, len(place.units))


def _k_nearest(declared: WeightsMatrix, place: Place) -> sparse.csr_array:
    k, n = declared.k, len(place.units)
    assert k is not None
    if k >= n:
        raise UserError(place.problem("k", f"{k} neighbours among {n} units", f"at most {n - 1}"))
    points = on_sphere(_located(place))
    nearest = _tree(points).query(points, k=k + 1)[1]
    # the unit itself is left out wherever it stands: another unit may lie in the very same place
    rows = [[j for j in near if j != i][:k] for i, near in enumerate(nearest.tolist())]
    columns = np.array(rows, dtype=np.intp).ravel()
    return _sorted(sparse.csr_array((np.ones(columns.size), (np.repeat(np.arange(n), k), columns)), shape=(n, n)))


def _from_file(declared: WeightsMatrix, place: Place) -> sparse.csr_array:
    return _sorted(read_matrix(str(declared.path), place.units, place.names, declared.values))


def _located(place: Place) -> FloatArray:
    blank = [unit for unit, pair in zip(place.units, place.coordinates, strict=True) if not np.isfinite(pair).all()]
    if blank:
        expected = "a polygon, or longitude and latitude in the units file, for every unit"
        raise UserError(place.problem("", f"no position of {', '.join(blank)}", expected))
    return place.coordinates


def _links(declared: WeightsMatrix, place: Place) -> list[tuple[int, int]]:
    """Declared links between units of the sample, each once; those with units outside it do not count."""
    position = {unit: i for i, unit in enumerate(place.units)}
    problems, links = [], set()
    for unit, others in declared.join.items():
        for other in others:
            if unit == other:
                problems.append(place.problem(f"join.{unit}", "a link to itself", "a link to another unit"))
            elif unit in position and other in position:
                links.add((min(position[unit], position[other]), max(position[unit], position[other])))
    raise_any(problems)
    return sorted(links)


def _with_links(
    matrix: sparse.csr_array, joined: Sequence[tuple[int, int]], kind: str, place: Place
) -> sparse.csr_array:
    new = [(i, j) for i, j in joined if matrix[i, j] == 0 or matrix[j, i] == 0]
    if not new:
        return matrix
    i, j = np.array(new, dtype=np.intp).T
    weight = np.ones(i.size)
    if kind == "inverse_distance":
        weight = 1.0 / np.array([great_circle_km(place.coordinates[[a]], place.coordinates[[b]])[0, 0] for a, b in new])
    return _sorted(sparse.csr_array(matrix.maximum(_symmetric(i, j, weight, len(place.units)))))


def _no_island(matrix: sparse.csr_array, declared: WeightsMatrix, place: Place) -> None:
    """Stop where a unit has no neighbour: its neighbours' mean does not exist."""
    alone = np.flatnonzero(np.asarray(matrix.sum(axis=1)) == 0)
    if not alone.size:
        return
    hint = {}
    if np.isfinite(place.coordinates).all() and len(place.units) > 1:
        km = great_circle_km(place.coordinates[alone], place.coordinates)
        km[np.arange(alone.size), alone] = np.inf
        hint = {int(i): (place.units[int(row.argmin())], float(row.min())) for i, row in zip(alone, km, strict=True)}
    names = ", ".join(place.units[i] for i in alone)
    slivers = _slivers(declared, place, [place.units[i] for i in alone])
    if slivers:
        fix = "mend the borders of the polygons so that they meet; join is for units that lie apart"
        raise UserError(place.problem("", f"no neighbour of {names}: {slivers}", "polygons that share borders", fix))
    if declared.type == "inverse_distance" and hint:
        least = int(np.ceil(max(km for _, km in hint.values())))
        fix = f"cutoff_km: {least} or more, or join"
    elif hint:
        links = ", ".join(f"{place.units[i]}: [{near}]" for i, (near, _) in hint.items())
        fix = f"join: {{{links}}} (the nearest centre)"
    else:
        fix = "join each to a neighbour"
    raise UserError(place.problem("", f"no neighbour of {names} in the sample", "a neighbour for every unit", fix))


def _slivers(declared: WeightsMatrix, place: Place, alone: Sequence[str]) -> str:
    """Pairs of polygons with a gap between them that is too narrow to be real."""
    if declared.type != "contiguity" or place.nearest is None or len(place.units) < 2:
        return ""
    gaps = {unit: place.nearest(unit) for unit in alone}
    near = [f"{unit} ends {km:.2g} km from {other}" for unit, (other, km) in gaps.items() if km < _SLIVER]
    return ", ".join(near)


def _symmetric(i: Any, j: Any, weight: FloatArray, n: int) -> sparse.csr_array:
    rows, columns = np.concatenate([i, j]), np.concatenate([j, i])
    return _sorted(sparse.csr_array((np.concatenate([weight, weight]), (rows, columns)), shape=(n, n)))


def _sorted(matrix: sparse.csr_array) -> sparse.csr_array:
    """In canonical order, so that sums are made in the same order on every run."""
    result = sparse.csr_array(matrix)
    result.sum_duplicates()
    result.eliminate_zeros()
    return result


def among(extra: Further, kept: np.ndarray[Any, np.dtype[np.intp]]) -> Further:
    """What is known of places, for the units at positions `kept`.

    Weights are scaled anew as they were declared; those of k nearest have fewer neighbours where one of them is left
    out, and a unit that loses its last neighbour a row of zeros.
    """
    if extra.coordinates is not None:
        extra = replace(extra, coordinates=extra.coordinates[kept])
    if extra.weights_matrix is not None:
        rest = sparse.csr_array(extra.weights_matrix[kept][:, kept])
        scale = extra.weights_about.standardise
        extra = replace(extra, weights_matrix=standardised(rest, scale) if rest.nnz else rest)
    return extra
