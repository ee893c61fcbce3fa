"""Which series stands in which file and column, from the sidecar's `file`, `files` and `column`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from ruralpanel.data.adapters.cells import Cell, cell_table, file_label, with_remarks
from ruralpanel.data.adapters.sheets import Sheet
from ruralpanel.data.adapters.text import period, squeezed
from ruralpanel.data.adapters.titles import years_pattern
from ruralpanel.project.kinds.adapters import Dated, Layout
from ruralpanel.project.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.sidecars import SourceSpec

Kind = TypeVar("Kind", bound=Layout)
OfDated = TypeVar("OfDated", bound=Dated)


@dataclass(frozen=True)
class Place:
    """A series' column in one file; `file` is absolute, `column` empty where none is declared.

    `declared` is false where the series names no file, so that it may be in any file of the source.
    """

    series: SeriesSpec
    file: str
    column: str
    declared: bool


@dataclass(frozen=True)
class Reading:
    """What a file gave: figures, its columns or titles that no series names, and remarks."""

    cells: Sequence[Cell]
    unread: Sequence[str]
    remarks: Sequence[Problem]


OfFile = TypeVar("OfFile", bound=Reading)


def declared_layout(source: SourceSpec) -> Mapping[str, object]:
    """The adapter's keys as they are declared: those of the sidecar, overridden by those of the configuration."""
    return {**source.described.layout, **source.layout}


def layout_of(source: SourceSpec, kind: type[Kind]) -> Kind:
    """The adapter's keys as its class."""
    return kind.of(declared_layout(source))


def dated(sheets: Sequence[Sheet], file: str, label: str, layout: OfDated) -> list[tuple[Sheet, OfDated]]:
    """The worksheets to read, each with the layout for it: with the year, where `layout.period` takes it from names.

    Raises
    ------
    UserError
        Several sheets with content, none chosen; names with no year or several, or hidden sheets, among those that
        are named by year; a file and its only sheet that name two years.
    """
    wanted = layout.period
    if not isinstance(wanted, Mapping):
        return [(one_sheet(sheets, label, layout), layout)]
    filled = [sheet for sheet in sheets if sheet.rows]
    place = wanted.get("from", "name")
    if place == "file" or (place == "name" and len(filled) < 2):
        sheet = one_sheet(sheets, label, layout)
        year = _year_in(Path(file).stem, wanted) if place == "file" else None
        if place == "name":
            of_sheet, of_file = _year_in(sheet.name, wanted), _year_in(Path(file).stem, wanted)
            if of_sheet and of_file and of_sheet != of_file:
                found = f"{of_file} in the name of the file, {of_sheet} in that of sheet {sheet.name}"
                fix = "layout: {period: {from: sheet}} or {from: file} says which of them holds"
                raise UserError.at(label, "layout.period", found, "one year", fix)
            year = of_sheet or of_file
        return [(sheet, replace(layout, period=year or _no_year(Path(file).name, label, wanted)))]
    problems = [
        Problem(
            label,
            f"sheet {sheet.name}",
            "a hidden sheet with content",
            "sheets that the workbook shows, one for each year",
            "show or remove it, or name the sheets that are meant: layout: {sheet: [2010, 2011]}",
        )
        for sheet in filled
        if sheet.hidden and not isinstance(layout.sheet, (list, tuple))
    ]
    dated_sheets: list[tuple[Sheet, OfDated]] = []
    for sheet in filled:
        try:
            year = _year_in(sheet.name, wanted) or _no_year(f"sheet {sheet.name}", label, wanted)
            dated_sheets.append((sheet, replace(layout, period=year)))
        except UserError as error:
            problems += error.problems
    raise_any(problems)
    return dated_sheets


def dated_file(file: str, label: str, layout: OfDated) -> OfDated:
    """The layout with the year in the name of a file without worksheets, where `layout.period` takes it from names.

    Raises
    ------
    UserError
        No year in the name, or several.
    """
    wanted = layout.period
    if not isinstance(wanted, Mapping):
        return layout
    return replace(layout, period=_year_in(Path(file).stem, wanted) or _no_year(Path(file).name, label, wanted))


def one_sheet(sheets: Sequence[Sheet], label: str, layout: Layout) -> Sheet:
    """The only sheet with anything in it; one that the workbook hides only where `layout.sheet` asks for it.

    Raises
    ------
    UserError
        No sheet with content, several, or a hidden one.
    """
    filled = [sheet for sheet in sheets if sheet.rows]
    if len(filled) == 1 and filled[0].hidden and layout.sheet is None:
        found, fix = f"content on the hidden sheet {filled[0].name} only", f'layout: {{sheet: "{filled[0].name}"}}'
        raise UserError.at(label, "layout.sheet", found, "content on a sheet that the workbook shows", fix)
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise UserError.at(label, "", "empty sheets", "a table")
    names = ", ".join(sheet.title for sheet in filled)
    shown = next((sheet for sheet in filled if not sheet.hidden), filled[0])
    raise UserError.at(
        label,
        "layout.sheet",
        f"{len(filled)} sheets with content ({names}), none chosen",
        "the name of one",
        f'sheet: "{shown.name}"; if each holds one year: layout: {{period: {{from: name}}}}',
    )


def _year_in(name: str, wanted: Mapping[str, str]) -> int | None:
    """The one period in a name; None for none or several. Without a declared form it is a year."""
    template = wanted.get("as")
    if template:
        match = years_pattern(str(template)).search(squeezed(name))
        return period(match[1]) if match else None
    years = set(re.findall(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])", name))
    return int(years.pop()) if len(years) == 1 else None


def _no_year(name: str, label: str, wanted: Mapping[str, str]) -> int:
    template = wanted.get("as")
    raise UserError.at(
        label,
        "layout.period",
        f'"{name}"',
        f"a name as {template}" if template else "one year in the name",
        "rename it, or layout: {period: {from: name, as: roads_{period}}} says where the year stands"
        + ("; {sheet: [2010, 2011]} which sheets are meant" if name.startswith("sheet ") else ""),
    )


def need_series(source: SourceSpec) -> None:
    """Stop where a source of tables declares no series: nothing in such a file says by itself what its columns are.

    Raises
    ------
    UserError
        No series.
    """
    if not source.series:
        raise UserError.at(
            source.name,
            "series",
            "no series",
            "the series of the table, with their columns",
            "series: {key: {column: …, measure: …}} of the source, or a sidecar",
        )


def without_use(source: SourceSpec) -> list[Problem]:
    """Names and files of series that their adapter has no use for, as where another one goes over them."""
    titled = source.adapter != "table" or bool(declared_layout(source).get("series"))
    problems = []
    for key, series in source.series.items():
        columns = [column for _, column in series.files if column] or ([series.column] if series.column else [])
        unused: dict[str, tuple[str, str]] = {}
        if series.title_in_file and not titled:
            expected = "a table with a column of titles, named under layout.series; this one has columns of figures"
            unused["title_in_file"] = series.title_in_file, expected
        if source.adapter == "yearbook" and series.title_in_file and columns:
            unused["title_in_file"] = series.title_in_file, f'one name: its column is declared as "{columns[0]}"'
        if source.adapter in ("nbs_export", "nbs_api") and series.title_in_file and columns:
            unused["column"] = columns[0], f'one name: title_in_file is "{series.title_in_file}"'
        if source.adapter == "nbs_api" and series.files:
            unused["file"] = series.files[0][0], "none: a series is looked for in every answer of the site"
        problems += [
            Problem(source.name, f"series.{key}.{name}", f'"{written}"', expected, "leave it out")
            for name, (written, expected) in unused.items()
        ]
    return problems


def places(source: SourceSpec, own_file_by_stem: bool = False) -> tuple[Place, ...]:
    """The places of all declared series.

    Parameters
    ----------
    source : SourceSpec
        A series' `file` or `files` (names, or mappings of `file` and `column`) are relative to the source's path.
        A sidecar may describe more files than this source reads, if the source is a single file.
    own_file_by_stem : bool
        A series that names no file stands in the file whose stem is its key, else in a file whose stem is no series'
        key: of two vintages with the same title neither must be taken for the other.

    Raises
    ------
    UserError
        A declared file that is not one of the source's; a source whose series all stand in other files.
    """
    spots: list[Place] = []
    problems: list[Problem] = []
    names = [file_label(source, file).removeprefix(f"{Path(source.path).name}/") for file in source.files]
    single = len(source.files) == 1 and Path(source.files[0]) == Path(source.path)
    by_stem = {Path(file).stem: file for file in source.files}
    unclaimed = tuple(file for stem, file in by_stem.items() if stem not in source.series)
    elsewhere = {Path(name).stem for name in source.described.files}
    for key, series in source.series.items():
        column = series.column
        declared = tuple((name, of_file or column) for name, of_file in series.files)
        if not declared:
            files = source.files
            if own_file_by_stem:
                files = (by_stem[key],) if key in by_stem else unclaimed
                if key not in by_stem and single and key in elsewhere:
                    continue
                if not files:
                    problems.append(
                        Problem(
                            source.name,
                            f"series.{key}",
                            f"no file {key}.*",
                            "a file named after the series",
                            "put it there, or name the file under `file` of the series",
                        )
                    )
            spots += [Place(series, file, column, len(files) == 1) for file in files]
        for name, own_column in declared:
            matches = [file for file in source.files if f"/{Path(file).as_posix()}".endswith(f"/{name}")]
            spots += [Place(series, file, own_column, True) for file in matches]
            if not matches and not single:
                problems.append(
                    Problem(
                        source.name,
                        f"series.{key}.file",
                        f'"{name}"',
                        "a file of the source",
                        did_you_mean(name, names),
                    )
                )
    if source.series and not spots and not problems:
        problems.append(
            Problem(
                source.name,
                "series",
                "series that all stand in other files",
                f"a series in {names[0] if names else source.path}",
                "declare the column under `series` of the source",
            )
        )
    if problems:
        raise UserError(problems)
    return tuple(spots)


def read_each(files: Iterable[str], read: Callable[[str], OfFile]) -> tuple[dict[str, OfFile], list[Problem]]:
    """What each file gave, and the problems of those that cannot be read."""
    readings: dict[str, OfFile] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            readings[file] = read(file)
        except UserError as error:
            problems += error.problems
    return readings, problems


def table_of(
    source: SourceSpec, asked: Mapping[str, Sequence[Place]], readings: Mapping[str, Reading], cells: Sequence[Cell]
) -> pd.DataFrame:
    """All `cells` with the remarks on their files, of which `asked` are the places looked for."""
    remarks = [remark for reading in readings.values() for remark in reading.remarks]
    given = {file: {cell.series for cell in reading.cells} for file, reading in readings.items()}
    unread = {file: reading.unread for file, reading in readings.items()}
    return with_remarks(cell_table(cells), [*remarks, *remarks_on_files(source, asked, given, unread)])


def remarks_on_files(
    source: SourceSpec,
    asked: Mapping[str, Sequence[Place]],
    given: Mapping[str, Collection[str]],
    unread: Mapping[str, Sequence[str]],
) -> list[Problem]:
    """Files that lack a series which others have, and files of which nothing was read: a name may differ there.

    Parameters
    ----------
    asked : file → the places looked for. given : file → the keys of the series that it gave.
    unread : file → its columns or titles that no series names.
    """
    remarks = []
    for file, spots in asked.items():
        for spot in spots:
            key = spot.series.key
            others = [other for other in given if other != file and key in given[other]]
            rest = [other for other in given if other != file]
            usual = len(others) * 2 > len(rest) and (len(others) > 1 or not given.get(file))
            if spot.declared or key in given.get(file, ()) or not usual or not unread.get(file):
                continue
            wanted = spot.column or spot.series.title_in_file or key
            remarks.append(
                Problem(
                    file_label(source, file),
                    "names of the columns",
                    f"nothing for {key}, which {len(others)} other files have; not read: {', '.join(unread[file][:8])}",
                    f'"{wanted}", as in the others',
                    f"rename it there, or list the series' files: [{{file: {Path(file).name}, column: …}}, …]",
                )
            )
    return remarks


def by_file(spots: Sequence[Place]) -> Mapping[str, tuple[Place, ...]]:
    """The places of each file, files in order of appearance."""
    files: dict[str, tuple[Place, ...]] = {}
    for place in spots:
        files[place.file] = (*files.get(place.file, ()), place)
    return files
