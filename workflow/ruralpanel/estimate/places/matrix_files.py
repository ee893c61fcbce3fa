"""Matrices of spatial weights as files: triplets, squares, GAL and GWT."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scipy import sparse

from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.project.units import Units
from ruralpanel.project.yaml import read_text

LIST = ("unit", "neighbour", "weight")
"""Columns of a list of links."""
_MEASURES = ("distance", "dist", "km", "distance_km", "value", "weights", "w")
"""Names of a column that stands where the weights should, and may be something else."""


class Link(NamedTuple):
    """A link as it is written: its place in the file, unit, neighbour and weight, all text."""

    where: str
    unit: str
    neighbour: str
    weight: str


def links_of(text: str, file: str) -> list[Link]:
    """The links that a file's text holds; its name says in which form.

    ``.gal``: a line with the number of units, then for each unit a line ``id count`` and a line of neighbours.
    ``.gwt``: the same first line, then lines ``id neighbour value``, where GeoDa writes distances and others weights.
    Any other name is a CSV: a list with the columns ``unit, neighbour`` and ``weight`` (absent: one), or a square table
    with the units' names in the first row and column, in which blanks and zeros are no links.

    Raises
    ------
    UserError
        Lines that are not what the form says.
    """
    readers: dict[str, Callable[[str, str], list[Link]]] = {".gal": _gal, ".gwt": _gwt, ".kwt": _gwt}
    return readers.get(Path(file).suffix.lower(), _csv)(text, file)


def _gal(text: str, file: str) -> list[Link]:
    lines = text.splitlines()
    expected = _announced(lines, file)
    links: list[Link] = []
    number, units = 1, 0
    while number < len(lines):
        words = lines[number].split()
        number += 1
        if not words:
            continue
        count = int(words[1]) if len(words) == 2 and words[1].isdecimal() else None
        if count is None:
            raise UserError(Problem(file, f"line {number}", f'"{lines[number - 1]}"', "id and number of neighbours"))
        units += 1
        if not count:
            continue
        near = lines[number].split() if number < len(lines) else []
        number += 1
        if len(near) != count:
            found = f"{len(near)} neighbours of {words[0]}"
            raise UserError(Problem(file, f"line {number}", found, f"{count}, as the line before says"))
        links += [Link(f"line {number}", words[0], other, "1") for other in near]
    if expected != units:
        raise UserError(Problem(file, "line 1", f"{expected} units announced", f"{units}, as many as follow"))
    return links


def _gwt(text: str, file: str) -> list[Link]:
    lines = text.splitlines()
    _announced(lines, file)
    problems, links = [], []
    for number, line in enumerate(lines[1:], 2):
        words = line.split()
        if len(words) == 3:
            links.append(Link(f"line {number}", *words))
        elif words:
            problems.append(Problem(file, f"line {number}", f'"{line}"', "id, neighbour and weight"))
    raise_any(problems)
    return links


def _announced(lines: list[str], file: str) -> int:
    """Number of units of a first line ``31`` or ``0 31 layer key``."""
    words = lines[0].split() if lines else []
    number = words[0] if len(words) == 1 else words[1] if len(words) == 4 else ""
    if not number.isdecimal():
        first = lines[0] if lines else ""
        raise UserError(Problem(file, "line 1", f'"{first}"', "the number of units, or 0, number, layer and key"))
    return int(number)


def _csv(text: str, file: str) -> list[Link]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise UserError(Problem(file, "", f"a table that cannot be read ({error})", "comma-separated values")) from None
    rows = [[cell.strip() for cell in row] for row in rows]
    header = rows[0] if rows else []
    body = [(number, row) for number, row in enumerate(rows[1:], 2) if any(row)]
    raise_any(
        Problem(file, f"row {number}", f"{len(row)} cells", f"{len(header)}, as the header has")
        for number, row in body
        if len(row) != len(header)
    )
    if {"unit", "neighbour"} <= set(header):
        unit, neighbour = header.index("unit"), header.index("neighbour")
        weight = header.index("weight") if "weight" in header else None
        other = [column for column in header if column.casefold() in _MEASURES]
        if weight is None and other:
            fix = f"name the column weight, and say values: distances where {other[0]} is one"
            raise UserError(Problem(file, "row 1", f"the column {other[0]}, but no weight", ", ".join(LIST), fix))
        return [
            Link(f"row {number}", row[unit], row[neighbour], "1" if weight is None else row[weight])
            for number, row in body
        ]
    names = header[1:]
    if not names or len(names) != len(body) or sorted(names) != sorted(row[0] for _, row in body):
        shown = (", ".join(header[:5]) or "none") + (" …" if len(header) > 5 else "")
        expected = f"columns {', '.join(LIST)}, or a table with the same units in its first row and column"
        raise UserError(Problem(file, "row 1", f"columns {shown} and {len(body)} rows", expected))
    return [
        Link(f"row {number}, column {name}", row[0], name, value)
        for number, row in body
        for name, value in zip(names, row[1:], strict=True)
        if not _is_zero(value)
    ]


def _is_zero(text: str) -> bool:
    try:
        return not text or float(text) == 0.0
    except ValueError:
        return False


def read_matrix(
    path: str, units: tuple[str, ...], names: Units | None = None, values: str | None = None
) -> sparse.csr_array:
    """Weights (N, N) of `units` in their order; links with units outside the sample are left aside.

    Parameters
    ----------
    path : a file of links (`links_of`). Units go by id, or by any name or code of the units file.
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
