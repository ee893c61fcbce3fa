"""What the headings and titles of a table say: years, series, measures, and what they leave aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruralpanel.data.adapters import columns, text
from ruralpanel.data.adapters.cells import place
from ruralpanel.data.adapters.series_files import Place
from ruralpanel.data.adapters.table_body import Body
from ruralpanel.data.adapters.table_file import TableFile
from ruralpanel.data.adapters.titles import (
    checked,
    first_measure,
    measure_of_table,
    measure_problem,
    measures_in,
    same_title,
    year_named,
    years_pattern,
)
from ruralpanel.project.problems import Problem, raise_any
from ruralpanel.project.settings import SeriesSpec

_MEASURES = frozenset(
    {"单位", "计量单位", "unit", "units", "unitofmeasure", "unitmeasure", "measure", "uom", "unitname"}
)


@dataclass(frozen=True)
class Titles:
    """Titles in the column that names the series.

    `rows` are those of each series, `codes` the place of each row's title in `names`. Titles of the same series, one
    with a footnote mark and one without, have the code of the first. `unread` are those of no series.
    """

    rows: Mapping[str, columns.Mask]
    codes: columns.Codes
    names: Sequence[str]
    unread: Sequence[str]


def rows_by_series(body: Body, named: str, wanted: Sequence[Place]) -> tuple[Titles, list[Problem]]:
    """The rows of each series by the title in the column `named`; series that no row is titled by."""
    codes, titles = columns.labels(body.keys[named])
    rows, problems = {}, []
    first = np.arange(len(titles) + 1)
    first[-1] = -1  # rows without a title
    unread = dict.fromkeys(range(len(titles)))
    for spot in wanted:
        declared = [title for title in (spot.series.title_in_file, spot.column) if title] or [spot.series.key]
        matches = [i for i, title in enumerate(titles) if any(same_title(title, name) for name in declared)]
        rows[spot.series.key] = np.isin(codes, matches)
        first[matches] = first[matches[:1]]
        unread = {i: None for i in unread if i not in matches}
        if not matches and spot.declared:
            problems.append(
                Problem(
                    body.table.label,
                    f"column {named}",
                    ", ".join(map(text.quoted, titles[:8])),
                    f"{text.quoted(declared[0])}, as declared for {spot.series.key}",
                    "correct title_in_file of the series",
                )
            )
    return Titles(rows, first[codes], titles, [titles[i] for i in unread]), problems


def year_columns(
    table: TableFile, wanted: Sequence[Place], layout: Mapping[str, Any], others: set[str]
) -> dict[str, list[tuple[str, int]]]:
    """The columns of each series with their years."""
    columns: dict[str, list[tuple[str, int]]] = {}
    problems = []
    for spot, template in zip(wanted, templates_of(wanted, layout), strict=True):
        pattern = years_pattern(template)
        years = [(name, year_named(name, pattern)) for name in table.names if name not in others]
        dated = [(name, year) for name, year in years if year is not None]
        first: dict[int, str] = {}
        for name, year in dated:
            if first.setdefault(year, name) != name:
                problems.append(
                    Problem(
                        table.label,
                        f"column {name}",
                        f"a second column for {year}",
                        "one column a year",
                        f"the first is {first[year]}",
                    )
                )
        if dated:
            columns[spot.series.key] = dated
        elif spot.declared or "{period}" not in column_of(spot):
            problems.append(
                Problem(
                    table.label,
                    "row of the column names",
                    ", ".join(table.names[:12]),
                    f"columns named {template}",
                    "layout: {columns: …} says how they are named; a row for each year: leave shape: wide out",
                )
            )
    raise_any(dict.fromkeys(problems))
    return columns


def templates_of(wanted: Sequence[Place], layout: Mapping[str, Any]) -> list[str]:
    """How the columns of each series are named."""
    general = str(layout.get("columns", "{period}"))
    return [column_of(spot) if "{period}" in column_of(spot) else general for spot in wanted]


def measures_of(
    body: Body,
    columns_of: Sequence[tuple[SeriesSpec, str, columns.Mask]],
    layout: Mapping[str, Any],
    titles: Titles | None = None,
) -> list[Problem]:
    """Series whose measure the table gives as another one: beside the figures, in a title or heading, or around it.

    `columns_of` are series, column of figures, and rows that hold the series.
    """
    if not checked(layout):
        return []
    table = body.table
    around = measure_of_table(table.notes)
    beside = next((name for name in body.keys if _holds_measures(name) and name != layout["unit"]), "")
    codes, labels = columns.labels(body.keys[beside]) if beside else (np.full(len(body.rows), -1), [])
    problems: dict[Problem, None] = {}
    for series, name, rows in columns_of:
        names = [titles.names[i] for i in np.unique(titles.codes[rows]) if i >= 0] if titles else []
        words = [*names, name, table.labels.get(name, "")]
        measures = [table.measures.get(name, ""), *(measure for word in words for measure in measures_in(word)), around]
        for label in [labels[i] for i in np.unique(codes[rows]) if i >= 0] or [""]:
            measure = first_measure([label, *measures])
            wrong = measure_problem(measure, series, table.label, place(table.sheet, None, beside if label else name))
            problems |= {wrong: None} if wrong else {}
    return list(problems)


def _holds_measures(name: str) -> bool:
    return text.squeezed(name).replace("_", "") in _MEASURES


def measure_column(table: TableFile, others: Sequence[str]) -> list[str]:
    """The column that says in each row what is counted, if there is one beside `others`."""
    return [name for name in table.names if _holds_measures(name) and name not in others][:1]


def column_of(spot: Place) -> str:
    return spot.column or spot.series.key
