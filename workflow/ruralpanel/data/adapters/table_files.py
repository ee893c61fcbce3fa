"""Tables in any of the formats that statistical software writes: their column names, and the columns asked for."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from ruralpanel.data.adapters import databases, grids
from ruralpanel.data.adapters.cells import place
from ruralpanel.data.adapters.number_formats import Scale
from ruralpanel.data.adapters.series_files import dated, dated_file, one_sheet
from ruralpanel.data.adapters.sheets import Sheet, area, hidden_remarks, unreadable
from ruralpanel.data.adapters.table_file import Columns, Numbers, TableFile, arrow_columns, shortest, widened
from ruralpanel.project.kinds.adapters import TableLayout
from ruralpanel.project.problems import Problem, UserError

_IN_PART = re.compile(r"Value '(.*)' of field \S*?\.?(\w+) parsed incompletely")


def open_table(path: str, label: str, layout: TableLayout) -> TableFile:
    """Open a table by its content: CSV, XLSX, XLS, Parquet, Stata, dBase, SQLite or DuckDB.

    Parameters
    ----------
    path, label : str
        The file and its name in messages.
    layout : mapping
        `sheet`, `range`, `header`, `first_row`, `delimiter`, `encoding`, `query`, `from`, as far as the format knows
        them.

    Raises
    ------
    UserError
        Missing, empty, damaged, cut off, another format, or a wrong layout key.
    """
    if not Path(path).is_file():
        raise UserError.at(label, "", "no such file", "a file")
    form = grids.kind(path)
    if form == "empty":
        raise UserError.at(label, "", "an empty file", "a table")
    if form == "html":
        raise UserError.at(label, "", "an HTML page", "a table", "adapter: yearbook reads HTML")
    if form == "text":
        from ruralpanel.data.adapters.delimited import open_delimited

        return open_delimited(path, label, layout)
    opener = {
        "xlsx": _spreadsheet,
        "xls": _spreadsheet,
        "parquet": _parquet,
        "dta": _stata,
        "dbf": _dbase,
        "sqlite": databases.sqlite,
        "duckdb": databases.duckdb,
    }[form]
    return opener(path, label, layout)


def open_dated(path: str, label: str, layout: TableLayout) -> list[tuple[TableFile, TableLayout]]:
    """The tables of a file, each with the layout for it: one for each worksheet where their names tell the year.

    Raises
    ------
    UserError
        As `open_table`; names that do not tell the year.
    """
    if not isinstance(layout.period, Mapping):
        return [(open_table(path, label, layout), layout)]
    if Path(path).is_file() and grids.kind(path) in ("xlsx", "xls"):
        parts = dated(grids.read_sheets(path, label, layout), path, label, layout)
        return [(_sheet_table(sheet, label, dated_layout), dated_layout) for sheet, dated_layout in parts]
    return [(open_table(path, label, layout), dated_file(path, label, layout))]


def _spreadsheet(path: str, label: str, layout: TableLayout) -> TableFile:
    return _sheet_table(one_sheet(grids.read_sheets(path, label, layout), label, layout), label, layout)


def _sheet_table(sheet: Sheet, label: str, layout: TableLayout) -> TableFile:
    top, left, bottom, right = area(label, layout.range)
    rows = [row for row in sheet.rows if top <= row.number <= bottom]
    header_number = top - 1 + int(layout.header) if layout.header is not None else (rows[0].number if rows else 0)
    header = next((row for row in rows if row.number == header_number), None)
    if header is None:
        raise UserError.at(
            label,
            place(sheet.name),
            f"nothing in row {header_number}",
            "the row of the column names",
            "layout: {header: …} names it",
        )
    end = min(right, max(len(row.cells) for row in rows))
    names = tuple(header.cell(i) for i in range(left, end))
    first = max(header_number + 1, top - 1 + (layout.first_row or 0))
    body = [row for row in rows if row.number >= first and any(row.cells[left:end])]
    unnamed = [(row, i) for row in body for i in range(left, end) if row.cell(i) and not names[i - left]]
    if unnamed:
        row, i = unnamed[0]
        raise UserError.at(
            label,
            f"{place(sheet.name, row.number)}, column {i + 1}",
            f'"{row.cell(i)}" below no column name',
            "a name above every column",
            "name the column, or leave it out with layout: {range: …}",
        )

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        places = {name: left + names.index(name) for name in columns}
        loaded = {name: pd.Series([row.cell(i) for row in body], dtype="str") for name, i in places.items()}
        return loaded, np.array([row.number for row in body], dtype=np.int64)

    def advice(wanted: Sequence[str]) -> str:
        number = next((row.number for row in rows if set(wanted) <= set(row.cells)), 0)
        return f"they stand on row {number}: layout: {{header: {number - top + 1}}}" if number else ""

    outside = [row for row in sheet.rows if row.number < header_number or row.number > bottom]
    between = [row for row in rows if header_number < row.number < first]
    measures = {name: row.cell(left + i) for row in between for i, name in enumerate(names) if row.cell(left + i)}
    notes = tuple(cell for row in outside for cell in dict.fromkeys(row.cells) if cell)
    merged: dict[str, set[int]] = {}
    scales: dict[str, dict[int, Scale]] = {}
    numbers: dict[str, set[int]] = {}
    for row in body:
        for i in row.numbers if layout.decimal is not None or layout.thousands is not None else ():
            if left <= i < end:
                numbers.setdefault(names[i - left], set()).add(row.number)
        for i in row.merged:
            if left <= i < end:
                merged.setdefault(names[i - left], set()).add(row.number)
        for i, scale in row.scales.items():
            if left <= i < end:
                scales.setdefault(names[i - left], {})[row.number] = scale
    remarks = tuple(hidden_remarks(sheet, label, header_number, bottom))
    return TableFile(label, sheet.name, names, load, {}, notes, measures, advice, merged, scales, numbers, remarks)


def _parquet(path: str, label: str, _layout: TableLayout) -> TableFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        stored, named = tuple(pq.read_schema(path).names), _parts(label)
        beside = [name for name in named if name in stored]
        own = pq.ParquetFile(path).read(columns=beside) if beside else None
        empty = bool(named) and not pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise unreadable(label, "Parquet", error) from None
    parts = {name: value for name, value in named.items() if name not in stored}
    remarks = [_contradiction(label, name, named[name], own[name].unique().to_pylist()) for name in beside if own]

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        try:
            rows = pq.read_metadata(path).num_rows
            if rows > databases.MOST_ROWS:
                most, fix = (
                    f"at most {databases.MOST_ROWS:,} rows",
                    "keep the rows that are needed in a file of their own",
                )
                raise UserError.at(label, "", f"{rows:,} rows", most, fix)
            schema = pq.read_schema(path)
            words = [
                name
                for name in columns
                if name not in parts
                if pa.types.is_string(schema.field(name).type) or pa.types.is_large_string(schema.field(name).type)
            ]
            # A file, whatever its folder is called: PyArrow would make columns of the folders' names too.
            here = [name for name in dict.fromkeys(columns) if name not in parts]
            table = pq.ParquetFile(path, read_dictionary=words).read(columns=here).select(here)
            same = {name: pd.Series([parts[name]] * rows, dtype="category") for name in columns if name in parts}
            return arrow_columns(table) | same, np.arange(1, rows + 1)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(label, "Parquet", error) from None

    told = tuple(filter(None, remarks))
    return TableFile(label, "", (*stored, *parts), load, parts=parts, remarks=told, empty=empty)


def _contradiction(label: str, name: str, folder: str, values: Sequence[Any]) -> Problem | None:
    """Rows that say other than their folder, which some programs would believe instead."""
    others = [text for v in values if v is not None and _bare(text := _written(v, folder)) != _bare(folder)]
    if not others:
        return None
    found = f"{', '.join(others[:8])} in a folder {name}={folder}: the rows are read as they say themselves"
    return Problem(label, f"column {name}", found, f"{folder}, as the folder says", "put the file where it belongs")


def _written(value: Any, folder: str) -> str:
    """A cell as programs write it into a folder's name; of a date as much of it as the folder says."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value.isoformat()[: len(folder)] if hasattr(value, "isoformat") else value)


def _bare(text: str) -> str:
    return text.casefold().lstrip("0")


def _parts(label: str) -> dict[str, str]:
    """What the folders of a file (``year=2000/region=North``) say of all of its rows, by column."""
    split = [folder.partition("=") for folder in Path(label).parts[:-1] if "=" in folder]
    unknown = "__HIVE_DEFAULT_PARTITION__"
    return {unquote(name): "" if value == unknown else unquote(value) for name, _, value in split}


def _stata(path: str, label: str, layout: TableLayout) -> TableFile:
    import pyreadstat

    encoding = layout.encoding
    with open(path, "rb") as stream:
        start = stream.read(11)
        stream.seek(max(stream.seek(0, 2) - 12, 0))
        end = stream.read()
    if start == b"<stata_dta>" and end != b"</stata_dta>":
        raise UserError.at(
            label, "", "a Stata file without its end", "a whole Stata file", "it was cut off: get it again"
        )

    def attempt(**options: Any) -> Any:
        # The reader's errors have no common ancestor, and a wrong encoding is one of many.
        try:
            return pyreadstat.read_dta(path, encoding=encoding, **options)
        except Exception as error:
            if "encoding" in str(error):
                raise UserError.at(
                    label,
                    "",
                    "text in another encoding",
                    "UTF-8, or what layout.encoding says",
                    "layout: {encoding: gb18030}",
                ) from None
            raise unreadable(label, "Stata", error) from None

    _, meta = attempt(metadataonly=True)

    def load(columns: Sequence[str], figures: Sequence[str]) -> tuple[Columns, Numbers]:
        frame, _ = attempt(usecols=list(dict.fromkeys(columns)))
        single = meta.readstat_variable_types
        loaded = {
            name: shortest(frame[name]) if single.get(name) == "float" else widened(frame[name]) for name in columns
        }
        for name, labels in meta.variable_value_labels.items():
            if name in loaded and name not in figures:
                known = loaded[name].map(labels)
                loaded[name] = known.where(known.notna(), loaded[name])
        return loaded, np.arange(1, len(frame) + 1)

    if not all(isinstance(name, str) and name for name in meta.column_names):
        raise UserError.at(label, "", "a column without a name", "a whole Stata file", "get the file again")
    longer = {name: str(words) for name, words in meta.column_names_to_labels.items() if words}
    return TableFile(label, "", tuple(meta.column_names), load, longer)


def _dbase(path: str, label: str, layout: TableLayout) -> TableFile:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

    wrong = (DataLayerError, DataSourceError, FeatureError, ValueError, UnicodeDecodeError)
    try:
        names = tuple(str(name) for name in pyogrio.read_info(path)["fields"])
    except wrong as error:
        raise unreadable(label, "dBase", error) from None

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                frame = pyogrio.read_dataframe(
                    path, read_geometry=False, columns=list(dict.fromkeys(columns)), encoding=layout.encoding
                )
        except wrong as error:
            raise unreadable(label, "dBase", error) from None
        # The reader only warns of a figure that it reads in part.
        in_part = [match for item in said if (match := _IN_PART.search(str(item.message)))]
        if in_part:
            raise UserError(
                [
                    Problem(
                        label, f"column {match[2]}", f'"{" ".join(match[1].split())}"', "a number", "correct the cell"
                    )
                    for match in in_part[:20]
                ]
            )
        return {name: frame[name] for name in columns}, np.arange(1, len(frame) + 1)

    return TableFile(label, "", names, load)
