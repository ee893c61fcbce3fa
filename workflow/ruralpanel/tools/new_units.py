"""A units file from a table that names its units: one row for each id."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ruralpanel.data.adapters.sheets import cell_text
from ruralpanel.data.adapters.table_files import open_table
from ruralpanel.project.kinds.adapters import TableLayout
from ruralpanel.project.problems import Problem, UserError, raise_any


def new_units(
    path: str | Path,
    unit: str,
    name: str = "",
    attributes: Sequence[str] = (),
    parts: Mapping[str, int] | None = None,
) -> str:
    """The units of a table as the text of a units file.

    Parameters
    ----------
    path : a file that the adapter `table` reads.
    unit : column of the ids.
    name : column of the names; empty: the ids are the names. A name that several ids bear gets its id behind it.
    attributes : further columns, the same in all rows of a unit.
    parts : attribute → number of first characters of the id, as ``{"province": 2}`` for codes of counties.

    Raises
    ------
    UserError
        Unknown columns; an id with two names or two values of an attribute.
    """
    table = open_table(str(path), Path(path).name, TableLayout())
    columns = list(dict.fromkeys([unit, *([name] if name else []), *attributes]))
    loaded, rows = table.read(columns, [])
    by_id: dict[str, tuple[str, ...]] = {}
    problems = []
    for number, values in zip(rows, zip(*(loaded[column] for column in columns), strict=True), strict=True):
        cells = tuple("" if value != value else cell_text(value) for value in values)
        if not cells[0]:
            continue
        if by_id.setdefault(cells[0], cells) != cells:
            problems.append(
                Problem(
                    table.label,
                    f"row {number}",
                    f'"{cells[0]}" as {", ".join(cells[1:])}',
                    ", ".join(by_id[cells[0]][1:]) + ", as above",
                    "correct the row, or leave the column out",
                )
            )
    if not by_id:
        problems.append(Problem(table.label, f"column {unit}", "no id", "an id for each unit"))
    raise_any(problems[:20])
    return _written(by_id, columns, name, attributes, parts or {})


def _written(
    by_id: Mapping[str, tuple[str, ...]],
    columns: Sequence[str],
    name: str,
    attributes: Sequence[str],
    parts: Mapping[str, int],
) -> str:
    names = {key: cells[columns.index(name)] if name else key for key, cells in by_id.items()}
    bearers = [text.casefold() for text in names.values()]
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(["id", "name_en", *parts, *attributes])
    for key in sorted(by_id):
        shown = (
            names[key] if names[key] and bearers.count(names[key].casefold()) == 1 else f"{names[key]} {key}".strip()
        )
        writer.writerow(
            [key, shown, *(key[:n] for n in parts.values()), *(by_id[key][columns.index(a)] for a in attributes)]
        )
    return output.getvalue()


def parts_of(written: Sequence[str]) -> dict[str, int]:
    """``["province=2"]`` as ``{"province": 2}``.

    Raises
    ------
    UserError
        Anything else.
    """
    parts = {}
    for item in written:
        attribute, _, number = item.partition("=")
        if not attribute or not number.isdecimal() or int(number) < 1:
            raise UserError.at(
                "new-units", "--part", f'"{item}"', "an attribute and a number of characters", "province=2"
            )
        parts[attribute] = int(number)
    return parts
