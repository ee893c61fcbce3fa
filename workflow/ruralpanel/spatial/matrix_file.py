"""A user's weights matrix: links of a file, matched with the units of a sample."""

from __future__ import annotations

import math
from pathlib import Path

from scipy import sparse

from ruralpanel.contracts.documents import read_text
from ruralpanel.contracts.problems import Problem, UserError, raise_any
from ruralpanel.contracts.units import Units
from ruralpanel.spatial.matrix_formats import Link, links_of


def read_matrix(
    path: str, units: tuple[str, ...], names: Units | None = None, values: str | None = None
) -> sparse.csr_array:
    """Weights (N, N) of `units` in their order; links with units outside the sample are left aside.

    Parameters
    ----------
    path : a file of links (`matrix_formats.links_of`). Units go by id, or by any name or code of the units file.
    names : the units file; None: ids only.
    values : what the file's figures are: ``weights``, ``distances`` (a link weighs 1 / distance) or ``links`` (each
        weighs one, whatever its figure); None: weights, unless the form leaves it open.

    Raises
    ------
    UserError
        A file in no known form, or every faulty link: unknown units, a link given twice, of a unit to itself, weights
        that are negative or no number, distances of zero, figures that may be weights or distances.
    """
    file = Path(path).name
    text, problem = read_text(path, file)
    if problem:
        raise UserError(problem)
    position = {unit: i for i, unit in enumerate(units)}
    known = {*units, *(names.ids if names else ())}
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    entries: list[tuple[int, int, float]] = []
    for link in links_of(text, file):
        first, second = (_unit(name, link, known, names, file, problems) for name in (link.unit, link.neighbour))
        weight = _weight(link, values, file, problems)
        if first is None or second is None or weight is None:
            continue
        if first == second:
            problems.append(Problem(file, link.where, f"{first} as its own neighbour", "another unit"))
        elif (first, second) in seen:
            problems.append(Problem(file, link.where, f"{first} → {second} again", "each link once"))
        elif first in position and second in position and weight > 0:
            entries.append((position[first], position[second], weight))
        seen.add((first, second))
    if not problems and values is None and _open(file, text) and any(weight > 1 for _, _, weight in entries):
        found = f"figures up to {max(weight for _, _, weight in entries):g}, which may be weights or distances"
        fix = "write values: distances (a link weighs 1 / distance), weights, or links (each weighs one)"
        problems.append(Problem(file, "", found, "to be told which", fix))
    raise_any(problems)
    if not entries:
        raise UserError(Problem(file, "", "no link between units of the sample", "links with weights above zero"))
    i, j, weights = zip(*entries, strict=True)
    return sparse.csr_array((weights, (i, j)), shape=(len(units), len(units)))


def _unit(
    name: str, link: Link, known: set[str], names: Units | None, file: str, problems: list[Problem]
) -> str | None:
    unit = name if name in known else (names.match(name) if names else None)
    if unit is None:
        fix = names.suggest(name) if names else ""
        problem = Problem(file, link.where, f'"{name}"', "an id or name of the units file", fix)
        if problem not in problems:
            problems.append(problem)
    return unit


def _open(file: str, text: str) -> bool:
    """Whether the form leaves open what its figures are: a list names the column, GAL has none."""
    listed = {"unit", "neighbour"} <= {cell.strip() for cell in text.partition("\n")[0].split(",")}
    return Path(file).suffix.lower() != ".gal" and not listed


def _weight(link: Link, values: str | None, file: str, problems: list[Problem]) -> float | None:
    try:
        value = float(link.weight)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        problems.append(Problem(file, link.where, f'weight "{link.weight}"', "a number of zero or more"))
        return None
    if values == "distances" and value == 0:
        problems.append(Problem(file, link.where, "a distance of zero", "distances above zero", "use values: links"))
        return None
    return 1.0 if values == "links" else 1.0 / value if values == "distances" else value
