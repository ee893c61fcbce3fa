"""A user's weights matrix: a CSV with the columns unit, neighbour, weight."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from scipy import sparse

from ruralpanel.contracts.documents import read_text
from ruralpanel.contracts.problems import Problem, UserError, raise_any
from ruralpanel.contracts.units import Units

COLUMNS = ("unit", "neighbour", "weight")


def read_matrix(path: str, units: tuple[str, ...], names: Units | None = None) -> sparse.csr_array:
    """Weights (N, N) of `units` in their order; links with units outside the sample are left aside.

    Parameters
    ----------
    path : a CSV; ``weight`` may be absent (all one). Units go by id, or by any name of the units file.
    names : the units file; None: ids only.

    Raises
    ------
    UserError
        Every faulty row: unknown units, a link given twice, of a unit to itself, weights that are negative or no
        number; or a file without the columns.
    """
    file = Path(path).name
    text, problem = read_text(path, file)
    if problem:
        raise UserError(problem)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    header = list(rows[0]) if rows else text.strip().split(",")
    if not {"unit", "neighbour"} <= set(header):
        raise UserError(Problem(file, "row 1", "columns " + ", ".join(map(str, header)), ", ".join(COLUMNS)))
    position = {unit: i for i, unit in enumerate(units)}
    known = {*units, *(names.ids if names else ())}
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    entries: list[tuple[int, int, float]] = []
    for number, row in enumerate(rows, 2):
        pair = []
        for column in ("unit", "neighbour"):
            value = (row[column] or "").strip()
            unit = value if value in known else (names.match(value) if names else None)
            if unit is None:
                fix = names.suggest(value) if names else ""
                place = f"row {number}, column {column}"
                problems.append(Problem(file, place, f'"{value}"', "an id or name of the units file", fix))
            else:
                pair.append(unit)
        weight = _weight(row.get("weight", "1"), file, number, problems)
        if len(pair) < 2 or weight is None:
            continue
        link = (pair[0], pair[1])
        if link[0] == link[1]:
            problems.append(Problem(file, f"row {number}", f"{link[0]} as its own neighbour", "another unit"))
        elif link in seen:
            problems.append(Problem(file, f"row {number}", f"{link[0]} → {link[1]} again", "each link once"))
        elif link[0] in position and link[1] in position and weight > 0:
            entries.append((position[link[0]], position[link[1]], weight))
        seen.add(link)
    raise_any(problems)
    if not entries:
        raise UserError(Problem(file, "", "no link between units of the sample", "links with weights above zero"))
    i, j, weights = zip(*entries, strict=True)
    return sparse.csr_array((weights, (i, j)), shape=(len(units), len(units)))


def _weight(text: str | None, file: str, number: int, problems: list[Problem]) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if math.isfinite(value) and value >= 0:
        return value
    problems.append(Problem(file, f"row {number}, column weight", f'"{text}"', "a number of zero or more"))
    return None
