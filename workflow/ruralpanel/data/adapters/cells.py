"""What an adapter hands on: cells with their places; and what to do about a cell that is no figure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.titles import first_measure
from ruralpanel.project.periods import label
from ruralpanel.project.problems import Problem
from ruralpanel.project.sidecars import SourceSpec

COLUMNS = ("unit", "period", "series", "text", "value", "file", "sheet", "row", "column")
LABELS = ("unit", "series", "file", "sheet", "column")
MOST_PROBLEMS = 50
_REMARKS = "remarks"


@dataclass(frozen=True)
class Cell:
    """One figure as read.

    Attributes
    ----------
    unit : the name or id as in the file, outer blanks and footnote marks removed.
    period : the year.
    series : key of the series within its source.
    text : the figure as it stands in the file.
    value : in the published measure; None where the text means “no figure”.
    file, sheet : see `file_label`; the sheet is empty for formats without sheets.
    row : from 1, as in the file (a record of a data base: its position).
    column : the column's header.
    """

    unit: str
    period: int
    series: str
    text: str
    value: float | None
    file: str
    sheet: str
    row: int
    column: str


def cell_table(cells: Sequence[Cell]) -> pd.DataFrame:
    """Cells as a data frame with the columns and types that `typed` gives."""
    columns = zip(*map(attrgetter(*COLUMNS), cells), strict=True) if cells else ([] for _ in COLUMNS)
    return typed(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Labels as categories in order of appearance, periods and rows as integers, values as floats (NaN: missing).

    Categories keep millions of rows small: a label is stored once.
    """
    result = {}
    for name in COLUMNS:
        column = frame[name]
        if name in LABELS:
            if not isinstance(column.dtype, pd.CategoricalDtype):
                column = pd.Series(pd.Categorical(column, categories=pd.unique(column)), index=frame.index)
            result[name] = column
        elif name == "text":
            # Where a large table has no texts, one empty category stands for all of them.
            result[name] = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("str")
        else:
            result[name] = column.astype("float64" if name == "value" else "int32")
    return pd.DataFrame(result)


def with_remarks(frame: pd.DataFrame, remarks: Iterable[Problem]) -> pd.DataFrame:
    """The cells with what a reader of the source should know, kept with the table wherever it is stored.

    Remarks are no faults: the figures that were read are right, but others may have been left aside.
    """
    frame.attrs[_REMARKS] = [list(astuple(remark)[:5]) for remark in capped(dict.fromkeys(remarks))]
    return frame


def remarks_of(attributes: Mapping[Any, Any]) -> tuple[Problem, ...]:
    """The remarks in a table's attributes."""
    return tuple(
        Problem(str(file), str(where), str(found), str(expected), str(fix))
        for file, where, found, expected, fix in attributes.get(_REMARKS, ())
    )


def file_label(source: SourceSpec, file: str) -> str:
    """The name of a file in outputs and messages: below the source's folder with its name, else the file's name."""
    folder = Path(source.path)
    path = Path(file)
    if path != folder and path.is_relative_to(folder):
        return path.relative_to(folder.parent).as_posix()
    return path.name


def place(sheet: str, row: int | None = None, column: str = "") -> str:
    """A place within a file, as messages name it: ``sheet 表1, row 12, column 2008年``."""
    parts = [f"sheet {sheet}" if sheet else "", f"row {row}" if row else "", f"column {column}" if column else ""]
    return ", ".join(part for part in parts if part)


def capped(problems: Iterable[Problem], file: str = "") -> list[Problem]:
    """At most `MOST_PROBLEMS` of them, then one that says how many more there are."""
    everything = iter(problems)
    first = list(islice(everything, MOST_PROBLEMS))
    rest = sum(1 for _ in everything)
    if rest:
        first.append(
            Problem(
                file or first[0].file,
                "",
                f"{rest} more problems of this kind",
                "none",
                "mend those above first; a wrong layout key often explains them all",
            )
        )
    return first


def together(problems: Sequence[Problem], rows: Sequence[int], number: int = 0) -> list[Problem]:
    """Many faults of one kind as one message: the first, with the rows of the others; up to three stay apart.

    `rows` are those of the problems, `number` how many faults there are in all (0: as many as problems).
    """
    number = number or len(problems)
    if number <= 3:
        return list(problems)
    shown = ", ".join(map(str, rows[1:7])) + (" …" if number > 7 else "")
    first = problems[0]
    return [replace(first, where=f"{first.where} and {number - 1} more rows ({shown})")]


def duplicate_problems(cells: Sequence[Cell]) -> list[Problem]:
    """One problem for each row that gives figures which an earlier row gave already (same series, unit, period)."""
    seen: dict[tuple[str, str, int], Cell] = {}
    faults: dict[tuple[str, str, int, str], Problem] = {}
    for cell in cells:
        first = seen.setdefault((cell.series, cell.unit, cell.period), cell)
        fault = (cell.file, cell.sheet, cell.row, cell.unit)
        if first is not cell and fault not in faults:
            earlier = (
                f"{first.file}: {place(first.sheet, first.row)}"
                if first.file != cell.file
                else place(first.sheet, first.row)
            )
            faults[fault] = Problem(
                cell.file,
                place(cell.sheet, cell.row, cell.column),
                f'a second figure of "{cell.unit}" for {cell.series}, {cell.period}',
                "one figure for each unit and period",
                f"the first stands at {earlier}: remove one of them",
            )
    by_file: dict[tuple[str, str], list[tuple[int, Problem]]] = {}
    for (file, sheet, row, _), problem in faults.items():
        by_file.setdefault((file, sheet), []).append((row, problem))
    return [
        problem
        for repeated in by_file.values()
        for problem in together([problem for _, problem in repeated], [row for row, _ in repeated])
    ]


def share_problems(frame: pd.DataFrame, source: SourceSpec) -> list[Problem]:
    """Series that are declared as shares, without a range, and whose figures are mostly above 1."""
    problems = []
    for key, series in source.series.items():
        if series.measure.strip().casefold() not in ("share", "fraction") or series.range[1] is not None:
            continue
        chosen = (frame["series"] == key).to_numpy()
        values = frame["value"].to_numpy()[chosen]
        values = values[~np.isnan(values)]
        # With fewer than half of them above 1 the median, which takes longer, is not.
        if 2 * np.count_nonzero(values > 1) >= max(len(values), 1) and float(np.median(values)) > 1:
            rows = frame[chosen & frame["value"].notna().to_numpy()]
            low, high = float(values.min()), float(values.max())
            problems.append(
                Problem(
                    str(rows["file"].iloc[0]),
                    place(str(rows["sheet"].iloc[0]), None, str(rows["column"].iloc[0])),
                    f"figures from {low:g} to {high:g} for {key}",
                    "shares of 1, as its measure says",
                    "measure: percent (per_mille) of the series, or its range, if such shares are right",
                )
            )
    return problems


def year_problems(frame: pd.DataFrame, source: SourceSpec) -> list[Problem]:
    """Years that the sidecar declares for a series and in which no unit has a figure; figures of other years."""
    declared = {key: series.years for key, series in source.series.items() if series.years}
    problems = []
    if declared and len(frame):
        codes = frame["series"].cat.codes.to_numpy()
        periods = frame["period"].to_numpy()
        has_figure = frame["value"].notna().to_numpy()
        low, width = int(periods.min()), int(periods.max()) - int(periods.min()) + 1
        counts = np.bincount(
            codes[has_figure].astype(np.int64) * width + (periods[has_figure] - low),
            minlength=len(frame["series"].cat.categories) * width,
        ).reshape(-1, width)
        rows = {key: counts[code] for code, key in enumerate(frame["series"].cat.categories)}
        for key, years in declared.items():
            if key not in rows:
                continue
            further = [low + int(i) for i in np.flatnonzero(rows[key]) if low + int(i) not in set(years)]
            if further:
                problems.append(
                    Problem(
                        source.name,
                        f"series.{key}.years",
                        "figures for " + _listed(further),
                        f"figures for the declared years alone, {_span(years)}",
                        "correct the year in the file or `years` in the sidecar",
                    )
                )
            absent = [year for year in years if not 0 <= year - low < width or rows[key][year - low] == 0]
            if absent:
                problems.append(
                    Problem(
                        source.name,
                        f"series.{key}.years",
                        "no figure for " + _listed(absent),
                        "figures for every year that the sidecar declares",
                        "complete the file or correct `years` in the sidecar",
                    )
                )
    return problems


def _span(years: Sequence[int]) -> str:
    whole = len(years) > 2 and years[-1] - years[0] == len(years) - 1
    return f"{label(years[0])}–{label(years[-1])}" if whole else _listed(years)


def _listed(years: Sequence[int]) -> str:
    shown = ", ".join(label(year) for year in years[:8])
    return shown + (f" and {len(years) - 8} more years" if len(years) > 8 else "")


SIDE_BY_SIDE = "where regions stand side by side, move the right block below the left one"

_NUMBER = r"[0-9][0-9.,]*"
_BOUND = re.compile(r"(?:[~≈<>≤≥＜＞]|约|超过|不足|ca?\.\s?).*", re.IGNORECASE)
_SCALED = re.compile(rf"({_NUMBER})\s*([十百千]?[万亿千百])")
_CURRENCY = re.compile(rf"(?:[$¥€£￥]|US\$|RMB)\s*{_NUMBER}|{_NUMBER}\s*[$¥€£￥元]")
_NEGATIVE = re.compile(rf"\(\s*({_NUMBER})\s*\)|({_NUMBER})\s*[-−–]")
_OPEN_MARK = re.compile(rf"({_NUMBER}?)([0-9])([)）\]】])")
_MARK = re.compile(r"[+-]?[0-9.,]+\s*([^\w\s.,()\[\]{}（）【】+\-−–<>=~$¥€£/:]\S*)")
_BRACKETED = re.compile(r"[+-]?[0-9.,]+\s*([(（\[【][^()\[\]（）【】]{1,4}[)）\]】])")


def figure_advice(written: str, decimal: str | None = None, thousands: str | None = None) -> str:
    """What may mend a cell that is neither a figure nor a mark for a missing one.

    Parameters
    ----------
    written : the cell's text.
    decimal, thousands : what is known of its commas and points.
    """
    bare = text.plain(written)
    if "," in written and decimal is None and thousands is None:
        return 'layout: {decimal: ","} or {thousands: ","} says what the comma is'
    if re.fullmatch(r"[0-9.,]+[\u202f\xa0 '][0-9.,\u202f\xa0 ']+", written) and thousands is None:
        sign = next(c for c in written if c in "\u202f\xa0 '")
        return f"layout: {{thousands: {json.dumps(sign)}}} if it parts thousands"
    if "%" in bare or "‰" in bare:
        measure = "percent" if "%" in bare else "per_mille"
        return f'write the numbers alone, with measure: {measure}; or layout: {{marks: ["{bare[-1]}"]}}'
    return _numbers(bare) or _words(bare, written)


def _numbers(bare: str) -> str:
    negative, open_mark = _NEGATIVE.fullmatch(bare), _OPEN_MARK.fullmatch(bare)
    if negative:
        number = negative[1] or negative[2]
        return f"write -{number} if it is negative, {number} if not"
    if open_mark and open_mark[1]:
        mark = open_mark[2] + open_mark[3]
        return f'correct the cell; if it is {open_mark[1]} with the footnote mark {mark}: layout: {{marks: ["{mark}"]}}'
    if re.fullmatch(r"[(\[][0-9]+[)\]]", bare):
        return f"a figure in brackets, or a footnote mark without a figure: write the figure, or {_missing(bare)}"
    if _SCALED.fullmatch(bare):
        return "write all figures in one measure, the one declared for the series, and the number alone"
    if _CURRENCY.fullmatch(bare):
        return "write the number alone; the currency belongs into the measure of the series"
    if _BOUND.fullmatch(bare) and re.search(r"[0-9]", bare):
        return f"no exact figure: write the one to use, or leave it out with {_missing(bare)}"
    if re.fullmatch(r"[0-9.]+[eE][+-]?[0-9]+", bare):
        return "write the number in full, within the range of a double"
    return ""


def _words(bare: str, written: str) -> str:
    if text.year(bare):
        return "a year, not a figure: where a second header begins, read each part by a source or range of its own"
    mark = _MARK.fullmatch(written) or _BRACKETED.fullmatch(written)
    if mark:
        named = json.dumps(mark[1], ensure_ascii=False)
        return f"correct the cell; if {mark[1]} is a footnote mark: layout: {{marks: [{named}]}}"
    if not any(map(str.isdigit, bare)):
        if first_measure([bare.strip("()")]):
            return "a measure, not a figure: layout: {first_row: …} is the row of the first figures below it"
        return f"correct the cell; if it means “no figure”: {_missing(written)}"
    return "correct the cell, or name the mark under layout.missing or layout.marks"


def _missing(written: str) -> str:
    return f"layout: {{missing: [{json.dumps(written[:20], ensure_ascii=False)}]}}"
