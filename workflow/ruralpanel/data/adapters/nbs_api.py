"""Answers of the National Data site's interface, as `snakemake fetch` keeps them: one JSON file for each request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.cells import Cell, capped, cell_table, figure_advice, file_label, place
from ruralpanel.data.adapters.grids import read_bytes
from ruralpanel.data.adapters.series_files import layout_of
from ruralpanel.data.adapters.titles import (
    checked,
    first_measure,
    is_left_out,
    left_out,
    measure_problem,
    measures_in,
    same_title,
    split_measure,
)
from ruralpanel.project.kinds.adapters import NbsApiLayout
from ruralpanel.project.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.sidecars import SourceSpec

CATALOGUE = "catalogue.json"
"""The file beside the answers that lists the data sets and indicators met on the way; it holds no figures."""


@dataclass(frozen=True)
class Figure:
    """One figure of an answer.

    `record` counts the figures of the file from 1, which is its line where `fetch` has written the file; `code` is
    the period as the site writes it (``2012YY``).
    """

    indicator: str
    name: str
    measure: str
    region: str
    code: str
    text: str
    record: int


def read(source: SourceSpec) -> pd.DataFrame:
    """Read the answers in a folder.

    A series is every indicator of its `title_in_file` (else `column`, else its key), whatever data set it stands in:
    the site splits long series over several. Without declared series the key is the indicator's name.

    Parameters
    ----------
    source : SourceSpec
        Layout keys: see `kinds.adapters.ADAPTERS`; those of `fetch` are passed over.

    Returns
    -------
    pandas.DataFrame
        See `cells.cell_table`; `row` is `Figure.record`, `column` the period as the site writes it.

    Raises
    ------
    UserError
        One problem per fault: no answers, files that are no answers, figures that are no numbers or stand for no
        region or year, measures other than declared, series that no answer holds, two data sets that disagree.
    """
    layout = layout_of(source, NbsApiLayout)
    rule = text.number_rule(missing=layout.missing, marks=layout.marks)
    skipped = left_out(layout.skip_rows, layout.keep_rows)
    reading = _Reading(source, rule, skipped)
    files = [file for file in source.files if Path(file).suffix == ".json" and Path(file).name != CATALOGUE]
    if not files:
        raise UserError.at(
            source.name, "", "no answers", "the answers of the site as JSON files", "run: snakemake fetch"
        )
    for file in files:
        try:
            reading.add(file_label(source, file), answer_in(file, file_label(source, file)))
        except UserError as error:
            reading.problems += error.problems
    raise_any(capped(reading.problems or reading.absent(), source.name))
    return cell_table([reading.cells[key] for key in sorted(reading.cells)])


def answer_in(file: str | Path, label: str) -> Mapping[str, Any]:
    """The answer that a file holds, numbers as text."""
    written = text.decode(read_bytes(file, label), label)
    try:
        answer = json.loads(written, parse_float=str, parse_int=str)
    except ValueError as error:
        raise UserError.at(
            label, "", f"text that is no JSON ({error})", "a whole answer", "run: snakemake fetch"
        ) from None
    if not isinstance(answer, Mapping) or not isinstance(answer.get("data"), list):
        raise UserError.at(label, "data", "no list of periods", "an answer of stream/esData", "move the file away")
    return answer


def figures(answer: Mapping[str, Any]) -> Iterator[Figure]:
    """The figures of an answer in their order; an indicator's name, given once, holds for all its figures."""
    names: dict[str, tuple[str, str]] = {}
    entries = [
        (str(period.get("code", "")), value)
        for period in answer["data"]
        if isinstance(period, Mapping)
        for value in period.get("values") or ()
        if isinstance(value, Mapping)
    ]
    for _, value in entries:
        if value.get("i_showname"):
            names.setdefault(
                str(value.get("_id")),
                (text.plain(str(value["i_showname"])), text.plain(str(value.get("du_name") or ""))),
            )
    for record, (code, value) in enumerate(entries, 1):
        indicator = str(value.get("_id", ""))
        name, measure = names.get(indicator, ("", ""))
        written = value.get("value")
        yield Figure(
            indicator,
            name,
            first_measure([*measures_in(name), measure]),
            str(value.get("da_name") or value.get("da") or ""),
            code,
            "" if written is None else str(written).strip(),
            record,
        )


class _Reading:
    """The cells of all files so far, and what is wrong with them."""

    def __init__(self, source: SourceSpec, rule: text.NumberRule, skipped: re.Pattern[str]) -> None:
        self.source, self.rule, self.skipped = source, rule, skipped
        self.cells: dict[tuple[str, str, int], Cell] = {}
        self.problems: list[Problem] = []
        self._keys: dict[str, str | None] = {}
        self._checked: set[tuple[str, str]] = set()

    def add(self, label: str, answer: Mapping[str, Any]) -> None:
        """Take in the figures of one answer."""
        for figure in figures(answer):
            key = self._key(figure.name)
            if key is None or is_left_out(figure.region, self.skipped):
                continue
            self._check_measure(key, figure, label)
            cell = self._cell(key, figure, label)
            if cell is not None:
                self._place(cell)

    def absent(self) -> list[Problem]:
        """Series of which no answer has a figure."""
        present = {series for (series, _, _), cell in self.cells.items() if cell.value is not None}
        names = [name for name in self._keys if name]
        return [
            Problem(
                self.source.name,
                f"series.{key}",
                f"no figure of an indicator {text.quoted(title_of(series))}",
                "the name that the site gives it, as title_in_file",
                did_you_mean(title_of(series), [split_measure(name)[0] for name in names]),
            )
            for key, series in self.source.series.items()
            if key not in present
        ]

    def _key(self, name: str) -> str | None:
        if name not in self._keys:
            wanted = self.source.series
            keys = [key for key, series in wanted.items() if same_title(name, title_of(series))]
            self._keys[name] = keys[0] if len(keys) == 1 else split_measure(name)[0] or None if not wanted else None
        return self._keys[name]

    def _check_measure(self, key: str, figure: Figure, label: str) -> None:
        series = self.source.series.get(key)
        if series is None or (key, figure.measure) in self._checked:
            return
        self._checked.add((key, figure.measure))
        compared = checked(layout_of(self.source, NbsApiLayout))
        wrong = measure_problem(figure.measure, series, label, figure.name) if compared else None
        self.problems += [wrong] if wrong else []

    def _cell(self, key: str, figure: Figure, label: str) -> Cell | None:
        where = place("", figure.record, figure.code)
        year = text.year(figure.code)
        try:
            value = text.number(figure.text, self.rule)
        except text.NotANumber:
            self.problems.append(
                Problem(
                    label,
                    where,
                    text.quoted(figure.text),
                    "a number or a mark for a missing one",
                    figure_advice(figure.text, thousands=","),
                )
            )
            return None
        if year is None or not figure.region:
            if value is not None:
                found = f"a figure of no {'year' if year is None else 'region'}"
                self.problems.append(Problem(label, where, found, "a region and a year, as 2012YY"))
            return None
        unit = text.region_name(figure.region)
        return Cell(unit, year, key, figure.text, value, label, "", figure.record, figure.code)

    def _place(self, cell: Cell) -> None:
        """Put a cell beside those of other data sets: a figure goes before a blank, and two must be the same."""
        key = (cell.series, cell.unit, cell.period)
        first = self.cells.setdefault(key, cell)
        if first.value is None:
            self.cells[key] = cell
        elif cell.value is not None and cell.value != first.value:
            self.problems.append(
                Problem(
                    cell.file,
                    place("", cell.row, cell.column),
                    f"{cell.text} for {cell.series}, {cell.unit}, {cell.period}",
                    f"{first.text}, as {first.file}, row {first.row} has it",
                    f"two data sets of this name differ: layout: {{cids: {{{cell.series}: [the one that is meant]}}}}",
                )
            )


def title_of(series: SeriesSpec) -> str:
    """The indicator's name that a series is looked for by."""
    return series.title_in_file or series.column or series.key
