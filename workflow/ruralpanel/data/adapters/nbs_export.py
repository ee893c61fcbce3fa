"""Exports of the National Data site of China's statistical bureau: CSV, XLS and XLSX, one indicator or several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ruralpanel.data.adapters import grids, text
from ruralpanel.data.adapters.cells import (
    Cell,
    capped,
    duplicate_problems,
    figure_advice,
    file_label,
    place,
)
from ruralpanel.data.adapters.nbs_blocks import Block, blocks_of, unfinished
from ruralpanel.data.adapters.series_files import Place, Reading, by_file, layout_of, places, read_each, table_of
from ruralpanel.data.adapters.sheets import Shown, hidden_remarks
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
from ruralpanel.project.kinds.adapters import NbsExportLayout
from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.sidecars import SourceSpec


@dataclass(frozen=True)
class _Reading(Reading):
    """`of_one_region`: a table of the file says nothing of regions but in the line 地区：…"""

    of_one_region: bool


def read(source: SourceSpec) -> pd.DataFrame:
    """Read a file or a folder of exports.

    A series that names no file is the one whose key is a file's stem, else it is looked for by its title in every
    file. Files that no series stands in are passed over, and so are indicators that no series names. Without any
    declared series, the key is the file's stem, or the title where a file has several indicators.

    Parameters
    ----------
    source : SourceSpec
        Layout keys: see `kinds.adapters`.

    Returns
    -------
    pandas.DataFrame
        See `cells.cell_table`; values in the measures as published.

    Raises
    ------
    UserError
        One problem per fault: unreadable files, headers, rows, figures, titles or measures other than declared,
        series that no file holds, two figures for one unit and year, a declared region that no file is about.
    """
    placed = by_file(places(source, own_file_by_stem=True))
    files = [file for file in source.files if file in placed or not source.series]
    readings, problems = read_each(files, lambda file: _read_file(source, file, placed.get(file, ())))
    cells = [cell for reading in readings.values() for cell in reading.cells]
    present = {cell.series for cell in cells}
    if not problems:
        problems += [
            Problem(
                source.name,
                f"series.{key}",
                "no file that holds it",
                f"an indicator {text.quoted(series.title_in_file or key)}",
                "correct title_in_file, or name the file of the series",
            )
            for key, series in source.series.items()
            if key not in present and any(place.series is series for row in placed.values() for place in row)
        ]
        problems += duplicate_problems(cells)
    declared = str(layout_of(source, NbsExportLayout).region or "")
    if declared and not problems and not any(reading.of_one_region for reading in readings.values()):
        expected = "a region for tables of indicators; those of this source name the region of each figure"
        problems.append(Problem(source.name, "layout.region", text.quoted(declared), expected, "leave it out"))
    raise_any(capped(problems, source.name))
    return table_of(source, placed, readings, cells)


def _read_file(source: SourceSpec, file: str, wanted: Sequence[Place]) -> _Reading:
    label = file_label(source, file)
    layout = layout_of(source, NbsExportLayout)
    sheets = grids.read_sheets(file, label, layout)
    blocks: list[Block] = []
    problems: list[Problem] = []
    hidden: list[Problem] = []
    ended = False
    for sheet in sheets:
        on_sheet, wrong, closed = blocks_of(sheet, label)
        blocks += on_sheet
        problems += wrong
        ended |= closed
        hidden += hidden_remarks(sheet, label) if on_sheet else []
        if on_sheet and sheet.hidden and layout.sheet is None:
            problems.append(
                Problem(
                    label,
                    f"sheet {sheet.name}",
                    "a hidden sheet with a table",
                    "tables on sheets that the workbook shows",
                    "show or remove it, or name the sheets that are meant under layout.sheet",
                )
            )
    if not blocks:
        raise UserError.at(
            label,
            "",
            "no header row (地区, 2012年, 2011年 …)",
            "a table as the National Data site exports it",
            "check the encoding, or read the file with adapter: table",
        )
    elif not ended and layout.end == "required":
        problems.append(unfinished(label, sheets))
    problems += filter(None, (_another_region(block, label, layout) for block in blocks))
    raise_any(problems)
    rule = text.number_rule(thousands=",", missing=layout.missing, marks=layout.marks)
    skipped = left_out(layout.skip_rows, layout.keep_rows)
    naming = _Naming(label, Path(file).stem, wanted, blocks, checked(layout))
    cells: list[Cell] = []
    held: list[tuple[Block, set[str]]] = []
    for block in blocks:
        read_cells, wrong = _block_cells(block, label, layout, naming, rule, skipped)
        cells += read_cells
        problems += wrong
        held.append((block, {cell.series for cell in read_cells}))
    raise_any(capped([*naming.problems(), *problems, *_incomplete(held, label)], label))
    return _Reading(cells, naming.unread(), hidden, any(map(_of_one_region, blocks)))


def _another_region(block: Block, label: str, layout: NbsExportLayout) -> Problem | None:
    """The problem of a table of one region that names another one than the layout."""
    declared = str(layout.region or block.region)
    names = {text.squeezed(text.region_name(name)) for name in (block.region, declared)}
    if not block.region or not _of_one_region(block) or len(names) == 1:
        return None
    expected, fix = f"{text.quoted(declared)}, as layout.region says", "leave layout.region out, or name the right file"
    return Problem(label, place(block.sheet, block.header.number), f"地区：{block.region}", expected, fix)


def _of_one_region(block: Block) -> bool:
    """Whether a table lists indicators of one region, rather than regions."""
    return block.head == "indicator" or (block.head == "time" and not block.title)


def _incomplete(held: Sequence[tuple[Block, set[str]]], label: str) -> list[Problem]:
    """Regions for which a file lacks an indicator that it has for other regions."""
    by_region = [(block, keys) for block, keys in held if block.head == "indicator"]
    every = set().union(*(keys for _, keys in by_region))
    return [
        Problem(
            label,
            place(block.sheet, block.header.number),
            f"no indicator for {', '.join(sorted(every - keys))} of {block.region}",
            "the same indicators for every region of the file",
            "check the names of the indicators below this row",
        )
        for block, keys in by_region
        if keys and every - keys
    ]


class _Naming:
    """Which series an indicator of a file is."""

    def __init__(
        self, label: str, stem: str, wanted: Sequence[Place], blocks: Sequence[Block], check_measures: bool
    ) -> None:
        titles = {title for block in blocks for title in _titles(block)}
        self._label, self._checked = label, check_measures
        self._wanted = [place.series for place in wanted]
        self._alone = len(wanted) == 1 and len(titles) == 1 and wanted[0].declared
        self._stem = stem if len(titles) == 1 else ""
        self._found: dict[str, str | None] = {}
        self._measures: dict[tuple[str, str], Problem] = {}
        self._compared: set[tuple[str | None, ...]] = set()
        self._named_file = {place.series.key for place in wanted if place.declared}

    def key(self, title: str, block: Block) -> str | None:
        """The series' key; None for an indicator that is not wanted."""
        if title not in self._found:
            self._found[title] = self._key(title)
        key = self._found[title]
        said = key, title, block.measure, block.sheet
        for series in self._wanted if said not in self._compared else ():
            if series.key == key and (key, title) not in self._measures:
                measure = first_measure([*measures_in(title), block.measure]) if self._checked else ""
                wrong = measure_problem(measure, series, self._label, place(block.sheet, None, "指标"))
                if wrong:
                    self._measures[key, title] = wrong
        self._compared.add(said)
        return key

    def _key(self, title: str) -> str | None:
        if not self._wanted:
            return self._stem or split_measure(title)[0] or title
        if self._alone and (not title or not _title_of(self._wanted[0])):
            return self._wanted[0].key
        keys = [series.key for series in self._wanted if same_title(title, _title_of(series) or series.key)]
        return keys[0] if len(keys) == 1 else None

    def unread(self) -> list[str]:
        """Titles that no series names."""
        return [title for title, key in self._found.items() if title and key is None]

    def measure(self, key: str) -> str:
        """The measure declared for a series, empty for one that nothing declares."""
        return next((series.measure for series in self._wanted if series.key == key), "")

    def problems(self) -> list[Problem]:
        """Titles and measures that are not the declared ones; series that should be in this file and are not."""
        titles = [title for title in self._found if title]
        listed = ", ".join(text.quoted(title) for title in titles[:6]) or "no title"
        missing = [
            Problem(
                self._label,
                "指标",
                listed,
                f"{text.quoted(_title_of(series) or series.key)}, as declared for {series.key}",
                "correct title_in_file of the series, or name the right file",
            )
            for series in self._wanted
            if series.key in self._named_file and series.key not in self._found.values()
        ]
        return missing + list(self._measures.values())


def _title_of(series: SeriesSpec) -> str:
    return series.title_in_file or series.column


def _titles(block: Block) -> Iterator[str]:
    if block.head == "indicator":
        yield from (row.cell(0) for row in block.rows)
    elif block.head == "time" and block.region and not block.title:
        yield from (name for _, name in block.columns)
    else:
        yield block.title


def _block_cells(
    block: Block,
    label: str,
    layout: NbsExportLayout,
    naming: _Naming,
    rule: text.NumberRule,
    skipped: re.Pattern[str],
) -> tuple[list[Cell], list[Problem]]:
    region = block.region or str(layout.region or "")
    turned_regions = block.head == "time" and (block.title or not region)
    if block.head == "indicator" and not region:
        return [], [
            Problem(
                label,
                place(block.sheet, block.header.number),
                "indicators of no region",
                "a line 地区：… above the table",
                "say it under layout.region, or layout: {region: 全国}",
            )
        ]
    cells: list[Cell] = []
    problems: list[Problem] = []
    for row in block.rows:
        if block.head == "time" and text.period(row.cell(0)) is None:
            problems.append(
                Problem(label, place(block.sheet, row.number), text.quoted(row.cell(0)), "a year, as 2012年")
            )
            continue
        for index, name in block.columns:
            if block.head == "region" or turned_regions:
                unit, title = (row.cell(0) if block.head == "region" else name), block.title
            else:
                unit, title = region, (row.cell(0) if block.head == "indicator" else name)
            year = text.period(row.cell(0) if block.head == "time" else name)
            key = None if is_left_out(unit, skipped) else naming.key(title, block)
            if key is None or year is None:
                continue
            written = row.cell(index)
            try:
                value = text.number(written, rule)
            except text.NotANumber:
                problems.append(
                    Problem(
                        label,
                        place(block.sheet, row.number, name),
                        text.quoted(written),
                        "a number or a mark for a missing one",
                        figure_advice(written, thousands=","),
                    )
                )
                continue
            if value is not None:
                merged, measure = index in row.merged, naming.measure(key)
                shown = Shown.of(value, written, merged, row.scales.get(index), measure, layout)
                if shown.fault:
                    problems.append(Problem(label, place(block.sheet, row.number, name), *shown.fault))
                    continue
                value, written = shown.value, shown.text
            cells.append(Cell(text.region_name(unit), year, key, written, value, label, block.sheet, row.number, name))
    return cells, problems
