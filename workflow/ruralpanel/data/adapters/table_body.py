"""The rows of a table that are wanted, keys and figures parsed and checked; what its headings and titles say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ruralpanel.data.adapters import columns, text
from ruralpanel.data.adapters.cells import figure_advice, place, together
from ruralpanel.data.adapters.series_files import Place
from ruralpanel.data.adapters.sheets import cell_text
from ruralpanel.data.adapters.table_file import Numbers, TableFile
from ruralpanel.data.adapters.titles import (
    checked,
    continues,
    first_measure,
    measure_of_table,
    measure_problem,
    measures_in,
    same_title,
)
from ruralpanel.data.figures import distinct
from ruralpanel.project.kinds.adapters import TableLayout
from ruralpanel.project.periods import frequency, label
from ruralpanel.project.problems import Problem, UserError
from ruralpanel.project.settings import SeriesSpec

# Building a message for each of a million bad cells would take longer than reading the table.
_MOST_FAULTS = 1000


@dataclass(frozen=True)
class Body:
    """The wanted rows of a table.

    Attributes
    ----------
    keys : columns of labels, as loaded. figures : columns of figures by name, parsed.
    rows : row numbers in the file. filled : rows with any figure, right or wrong.
    """

    table: TableFile
    keys: Mapping[str, pd.Series]
    figures: Mapping[str, columns.Figures]
    rows: Numbers
    filled: columns.Mask

    def only(self, kept: columns.Mask) -> Body:
        """The rows that `kept` names."""
        keys = {name: column[kept].reset_index(drop=True) for name, column in self.keys.items()}
        figures = {name: numbers.only(kept) for name, numbers in self.figures.items()}
        return Body(self.table, keys, figures, self.rows[kept], self.filled[kept])

    def at(self, index: int, column: str) -> str:
        """A place in the table, for messages."""
        return place(self.table.sheet, int(self.rows[index]), column)


def load_body(
    table: TableFile, keys: Sequence[str], figures: Sequence[str], layout: TableLayout, unit: str = ""
) -> Body:
    """Load the columns; keep the rows of `layout.where` whose unit is not in `layout.skip_rows`.

    Raises
    ------
    UserError
        Missing columns; a value of `where` that does not occur.
    """
    conditions = layout.where or {}
    loaded, rows = table.read([*keys, *conditions, *figures], figures)
    kept = np.ones(len(rows), dtype=bool)
    for name, wanted in conditions.items():
        options = squeezed(wanted if isinstance(wanted, (list, tuple)) else [wanted])
        codes, labels = columns.labels(loaded[name])
        matches = _named(labels, options)
        if "" in options and (codes < 0).any():
            matches.append(-1)
        if not matches:
            raise UserError.at(
                table.label,
                f"column {name}",
                ", ".join(map(text.quoted, labels[:8])),
                f"{wanted!r}, as layout.where says",
                "correct the value",
            )
        kept &= np.isin(codes, matches)
    if unit and layout.skip_rows:
        codes, labels = columns.labels(loaded[unit])
        kept &= ~np.isin(codes, _skipped(labels, layout.skip_rows))
    kept &= ~_header_again(loaded)
    if not kept.all():
        loaded, rows = {name: column[kept].reset_index(drop=True) for name, column in loaded.items()}, rows[kept]
    rule = text.number_rule(layout.decimal or ".", layout.thousands or "", layout.missing, layout.marks)
    parsed = {}
    filled = np.zeros(len(rows), dtype=bool)
    for name in figures:
        column = loaded.pop(name) if name not in keys else loaded[name]
        stored = np.isin(rows, list(table.numbers.get(name, ())))
        parsed[name] = columns.figures(column, rule, stored)
        filled |= ~np.isnan(parsed[name].values) | parsed[name].wrong
    body = Body(table, loaded, parsed, rows, filled)
    if unit and not filled.all():
        codes, labels = columns.labels(loaded[unit])
        empty = ~filled & np.isin(codes, [i for i, name in enumerate(labels) if continues(name)])
        return body.only(~empty) if empty.any() else body
    return body


def _header_again(loaded: Mapping[str, pd.Series]) -> columns.Mask:
    """Rows that say the names of the columns once more, as where a printed table goes on over a page."""
    again: columns.Mask | None = None
    numbers = [name for name, column in loaded.items() if pd.api.types.is_float_dtype(column.dtype)]
    if not all(map(text.is_float, numbers)):  # no number says the name of its column
        return np.zeros(len(loaded[numbers[0]]), dtype=bool)
    for name, column in loaded.items():
        if again is None or again.any():
            codes, labels = columns.labels(column)
            matches = np.isin(
                codes, [i for i, label in enumerate(labels) if text.squeezed(label) == text.squeezed(name)]
            )
            again = matches if again is None else again & matches
    return np.zeros(0, dtype=bool) if again is None else again


def _named(labels: Sequence[str], wanted: set[str]) -> list[int]:
    """Which labels are wanted, as they stand or without footnote marks."""
    return [
        i for i, label in enumerate(labels) if wanted & {text.squeezed(label), text.squeezed(text.without_marks(label))}
    ]


def _skipped(labels: Sequence[str], skip_rows: Sequence[object]) -> list[int]:
    """Which labels `layout.skip_rows` leaves out, as they stand or without footnote marks; -1 stands for a blank."""
    skipped = text.names_like(map(cell_text, skip_rows))
    forms = [(text.squeezed(label), text.squeezed(text.without_marks(label))) for label in labels]
    found = [i for i, form in enumerate(forms) if any(map(skipped.fullmatch, form))]
    return [*found, -1] if "" in skip_rows else found


def squeezed(names: Iterable[object]) -> set[str]:
    """Names for comparing: without blanks, width and case."""
    return {text.squeezed(cell_text(name)) for name in names}


def figure_problems(body: Body, layout: TableLayout, used: columns.Mask | None = None) -> list[Problem]:
    """Cells (of the rows used) that are neither a number nor a mark for a missing one."""
    problems = []
    for name, figures in body.figures.items():
        wrong = np.flatnonzero(figures.wrong if used is None else figures.wrong & used)
        alike: dict[str, list[tuple[int, Problem]]] = {}
        for i in wrong[:_MOST_FAULTS]:
            written = str(figures.texts.iloc[i] if figures.texts is not None else repr(float(figures.values[i])))
            fix = figure_advice(written, layout.decimal, layout.thousands)
            fault = Problem(body.table.label, body.at(i, name), text.quoted(written), _FIGURE, fix)
            alike.setdefault(fix, []).append((int(body.rows[i]), fault))
        for of_one_kind in alike.values():
            number = len(wrong) if len(alike) == 1 else len(of_one_kind)
            problems += together([problem for _, problem in of_one_kind], [row for row, _ in of_one_kind], number)
    return problems


_FIGURE = "a number or a mark for a missing one"


def units_of(body: Body, column: str) -> tuple[columns.Codes, list[str], list[Problem]]:
    """Codes of the units (-1: none), their names without footnote marks, and rows with figures and no unit."""
    codes, names = columns.labels(body.keys[column], text.without_marks)
    problems = [
        Problem(
            body.table.label,
            body.at(i, column),
            "nothing",
            "the unit of the row's figures",
            "fill in the unit in every row (merged cells hold it in the first row only)",
        )
        for i in np.flatnonzero((codes < 0) & body.filled)[:_MOST_FAULTS]
    ]
    return codes, names, problems


def years_of(body: Body, period: str | int, kind: str = "") -> tuple[columns.Codes, list[Problem]]:
    """The period of each row (0: none), and cells that are none; `kind`: what dates are read as."""
    if isinstance(period, int):
        return np.full(len(body.rows), period, dtype=np.int64), []
    years, wrong, empty = columns.periods(body.keys[period], kind)
    cells = body.keys[period]
    problems = []
    among, usual = _of_another_kind(years)
    kinds = (
        (among, "", f"a {usual}, as in the other rows: figures of two kinds of periods add up to no series"),
        (np.flatnonzero(wrong), "", "a year, quarter or month: 2012, 2012年, 2012Q3, 2012-07"),
        (np.flatnonzero(empty & body.filled), "nothing", "the year of the row's figures"),
    )
    for rows, what, expected in kinds:
        faults = [
            Problem(body.table.label, body.at(i, period), what or text.quoted(cell_text(cells.iloc[i])), expected)
            for i in rows[:_MOST_FAULTS]
        ]
        problems += together(faults, body.rows[rows[:8]].tolist(), len(rows))
    return years, problems


def _of_another_kind(periods: columns.Codes) -> tuple[columns.Codes, str]:
    """Rows whose period is a quarter among years or the like, and the kind of most rows."""
    known = periods[periods > 0]
    if not known.size or frequency(known.min()) == frequency(known.max()):
        return np.zeros(0, dtype=np.int64), ""
    distinct, places, counts = np.unique(periods, return_inverse=True, return_counts=True)
    kinds = np.array([frequency(period) if period > 0 else "" for period in distinct])
    totals = {kind: int(counts[kinds == kind].sum()) for kind in dict.fromkeys(kinds.tolist()) if kind}
    usual = max(totals, key=lambda kind: totals[kind], default="")
    other = (kinds != usual) & (kinds != "")
    return np.flatnonzero(other[places]), usual


def finer_dates(body: Body, period: str | int, periods: columns.Codes) -> str:
    """Advice where a column of dates has more of them than the periods that they are read as."""
    if isinstance(period, int) or body.keys[period].nunique() <= np.unique(periods[periods > 0]).size:
        return ""
    return "; if its dates stand for quarters or months: layout: {frequency: quarter}"


def repeated(
    body: Body,
    used: columns.Mask,
    parts: Sequence[columns.Codes],
    names: Sequence[Sequence[str]],
    hint: Callable[[], str] = str,
) -> list[Problem]:
    """Rows that say the same in all `parts` (unit, period, title) as an earlier one.

    `names` translate the codes of each part for the message; an empty one means that the codes are numbers. `hint`
    gives the end of the advice.
    """
    where = np.flatnonzero(used)
    position = np.zeros(len(where), dtype=np.int64)
    for part in parts:
        if len(where):
            low, high = int(part.min()), int(part.max())
            position = position * (high - low + 1) + part[where] - low
    if distinct(position):
        return []
    order = np.argsort(position, kind="stable")
    # One year for all rows and units that come again: the table has more years than the layout says.
    one_year = len(parts) > 1 and not names[1] and len(where) > 0 and bool((parts[1] == parts[1][where[0]]).all())
    again = np.flatnonzero(position[order][1:] == position[order][:-1]) + 1
    again = again[np.argsort(where[order[again]], kind="stable")]
    advice = hint() or ("; if a column holds years, name it under layout.period" if one_year else "")
    problems = []
    for j in again[:_MOST_FAULTS]:
        first, second = where[order[j - 1]], where[order[j]]
        what = ", ".join(
            known[part[second]] if known else label(int(part[second])) for part, known in zip(parts, names, strict=True)
        )
        problems.append(
            Problem(
                body.table.label,
                body.at(second, ""),
                f"a second row for {what}",
                "one row for each unit and period",
                f"the first is row {body.rows[first]}: remove one, or layout: {{where: …}} says which rows are meant"
                + advice,
            )
        )
    return together(problems, body.rows[where[order[again[:8]]]].tolist(), len(again))


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


def measures_of(
    body: Body,
    columns_of: Sequence[tuple[SeriesSpec, str, columns.Mask]],
    layout: TableLayout,
    titles: Titles | None = None,
) -> list[Problem]:
    """Series whose measure the table gives as another one: beside the figures, in a title or heading, or around it.

    `columns_of` are series, column of figures, and rows that hold the series.
    """
    if not checked(layout):
        return []
    table = body.table
    around = measure_of_table(table.notes)
    beside = next((name for name in body.keys if _holds_measures(name) and name != layout.unit), "")
    codes, labels = columns.labels(body.keys[beside]) if beside else (np.zeros(0, np.int64), [])
    problems: dict[Problem, None] = {}
    for series, name, rows in columns_of:
        names = [titles.names[i] for i in np.unique(titles.codes[rows]) if i >= 0] if titles else []
        words = [*names, name, table.labels.get(name, "")]
        measures = [table.measures.get(name, ""), *(measure for word in words for measure in measures_in(word)), around]
        found = np.unique(codes[rows]) if labels else ()
        for own in [labels[i] for i in found if i >= 0] or [""]:
            measure = first_measure([own, *measures])
            wrong = measure_problem(measure, series, table.label, place(table.sheet, None, beside if own else name))
            problems |= {wrong: None} if wrong else {}
    return list(problems)


def _holds_measures(name: str) -> bool:
    return text.squeezed(name).replace("_", "") in _MEASURES


def measure_column(table: TableFile, others: Sequence[str]) -> list[str]:
    """The column that says in each row what is counted, if there is one beside `others`."""
    return [name for name in table.names if _holds_measures(name) and name not in others][:1]
