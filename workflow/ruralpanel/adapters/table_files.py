"""Tables in any of the formats that statistical software writes: their column names, and the columns asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ruralpanel.adapters import grids
from ruralpanel.adapters.cells import place
from ruralpanel.adapters.sheets import Sheet, area, unreadable
from ruralpanel.adapters.table_file import Columns, Numbers, TableFile, arrow_columns
from ruralpanel.contracts.problems import Problem, UserError, did_you_mean

if TYPE_CHECKING:
    import duckdb


def open_table(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
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
        raise UserError(Problem(label, "", "no such file", "a file"))
    form = grids.kind(path)
    if form == "empty":
        raise UserError(Problem(label, "", "an empty file", "a table"))
    if form == "html":
        raise UserError(Problem(label, "", "an HTML page", "a table", "adapter: yearbook reads HTML"))
    if form == "text":
        from ruralpanel.adapters.delimited import open_delimited

        return open_delimited(path, label, layout)
    opener = {
        "xlsx": _spreadsheet,
        "xls": _spreadsheet,
        "parquet": _parquet,
        "dta": _stata,
        "dbf": _dbase,
        "sqlite": _sqlite,
        "duckdb": _duckdb,
    }[form]
    return opener(path, label, layout)


def one_sheet(sheets: Sequence[Sheet], label: str) -> Sheet:
    """The only sheet with anything in it."""
    filled = [sheet for sheet in sheets if sheet.rows]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise UserError(Problem(label, "", "empty sheets", "a table"))
    names = ", ".join(sheet.name for sheet in filled)
    raise UserError(
        Problem(
            label,
            "layout.sheet",
            f"{len(filled)} sheets with content ({names}), none chosen",
            "the name of one",
            f'sheet: "{filled[0].name}"',
        )
    )


def _spreadsheet(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    sheet = one_sheet(grids.read_sheets(path, label, layout), label)
    top, left, bottom, right = area(label, layout.get("range"))
    rows = [row for row in sheet.rows if top <= row.number <= bottom]
    header_number = top - 1 + int(layout["header"]) if "header" in layout else (rows[0].number if rows else 0)
    header = next((row for row in rows if row.number == header_number), None)
    if header is None:
        raise UserError(
            Problem(
                label,
                place(sheet.name),
                f"nothing in row {header_number}",
                "the row of the column names",
                "layout: {header: …} names it",
            )
        )
    end = min(right, max(len(row.cells) for row in rows))
    names = tuple(header.cell(i) for i in range(left, end))
    first = max(header_number + 1, top - 1 + int(layout.get("first_row", 0)))
    body = [row for row in rows if row.number >= first and any(row.cells[left:end])]
    unnamed = [(row, i) for row in body for i in range(left, end) if row.cell(i) and not names[i - left]]
    if unnamed:
        row, i = unnamed[0]
        raise UserError(
            Problem(
                label,
                f"{place(sheet.name, row.number)}, column {i + 1}",
                f'"{row.cell(i)}" below no column name',
                "a name above every column",
                "name the column, or leave it out with layout: {range: …}",
            )
        )

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        places = {name: left + names.index(name) for name in columns}
        loaded = {name: pd.Series([row.cell(i) for row in body], dtype="str") for name, i in places.items()}
        return loaded, np.array([row.number for row in body], dtype=np.int64)

    def advice(wanted: Sequence[str]) -> str:
        found = next((row.number for row in rows if set(wanted) <= set(row.cells)), 0)
        return f"they stand on row {found}: layout: {{header: {found - top + 1}}}" if found else ""

    return TableFile(label, sheet.name, names, load, advice=advice)


def _parquet(path: str, label: str, _layout: Mapping[str, Any]) -> TableFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(label, "Parquet", error) from None

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        try:
            schema = pq.read_schema(path)
            words = [
                name
                for name in columns
                if pa.types.is_string(schema.field(name).type) or pa.types.is_large_string(schema.field(name).type)
            ]
            table = pq.read_table(path, columns=list(dict.fromkeys(columns)), read_dictionary=words)
            return arrow_columns(table), np.arange(1, table.num_rows + 1)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(label, "Parquet", error) from None

    return TableFile(label, "", names, load)


def _stata(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    import pyreadstat

    encoding = layout.get("encoding")
    with open(path, "rb") as stream:
        start = stream.read(11)
        stream.seek(max(stream.seek(0, 2) - 12, 0))
        end = stream.read()
    if start == b"<stata_dta>" and end != b"</stata_dta>":
        raise UserError(
            Problem(label, "", "a Stata file without its end", "a whole Stata file", "it was cut off: get it again")
        )

    def attempt(**options: Any) -> Any:
        # The reader's errors have no common ancestor, and a wrong encoding is one of many.
        try:
            return pyreadstat.read_dta(path, encoding=encoding, **options)
        except Exception as error:
            if "encoding" in str(error):
                raise UserError(
                    Problem(
                        label,
                        "",
                        "text in another encoding",
                        "UTF-8, or what layout.encoding says",
                        "layout: {encoding: gb18030}",
                    )
                ) from None
            raise unreadable(label, "Stata", error) from None

    _, meta = attempt(metadataonly=True)

    def load(columns: Sequence[str], figures: Sequence[str]) -> tuple[Columns, Numbers]:
        frame, _ = attempt(usecols=list(dict.fromkeys(columns)))
        loaded = {name: frame[name] for name in columns}
        for name, labels in meta.variable_value_labels.items():
            if name in loaded and name not in figures:
                known = loaded[name].map(labels)
                loaded[name] = known.where(known.notna(), loaded[name])
        return loaded, np.arange(1, len(frame) + 1)

    longer = {name: str(words) for name, words in meta.column_names_to_labels.items() if words}
    return TableFile(label, "", tuple(meta.column_names), load, longer)


def _dbase(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

    wrong = (DataLayerError, DataSourceError, FeatureError, ValueError, UnicodeDecodeError)
    try:
        names = tuple(str(name) for name in pyogrio.read_info(path)["fields"])
    except wrong as error:
        raise unreadable(label, "dBase", error) from None

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        try:
            frame = pyogrio.read_dataframe(
                path, read_geometry=False, columns=list(dict.fromkeys(columns)), encoding=layout.get("encoding")
            )
        except wrong as error:
            raise unreadable(label, "dBase", error) from None
        return {name: frame[name] for name in columns}, np.arange(1, len(frame) + 1)

    return TableFile(label, "", names, load)


def _statement(label: str, layout: Mapping[str, Any], tables: Sequence[str]) -> str:
    """The query of a data base: the layout's, or the whole of its one table."""
    if layout.get("query"):
        return str(layout["query"]).strip().rstrip(";")
    wanted = layout.get("from")
    if wanted is None and len(tables) == 1:
        wanted = tables[0]
    if wanted not in tables:
        found = f'"{wanted}"' if wanted else f"{len(tables)} tables, none chosen"
        raise UserError(
            Problem(
                label,
                "layout.from",
                found,
                "a table: " + ", ".join(tables[:20]),
                did_you_mean(str(wanted), tables) if wanted else "layout: {from: …} or {query: …}",
            )
        )
    return 'SELECT * FROM "' + str(wanted).replace('"', '""') + '"'


def _part(columns: Sequence[str], statement: str) -> str:
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in dict.fromkeys(columns))
    return f"SELECT {names} FROM ({statement}) AS source_table"


def _refused(label: str, form: str, error: Exception, layout: Mapping[str, Any]) -> Problem:
    detail = " ".join(str(error).split())[:160]
    if layout.get("query"):
        return Problem(label, "layout.query", f"{form}: {detail}", "a SELECT that the file can answer")
    return Problem(label, "", f"{form}: {detail}", f"a whole {form} file")


def _sqlite(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    def rows_of(statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        try:
            connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
            try:
                cursor = connection.execute(statement)
                return [item[0] for item in cursor.description or ()], cursor.fetchall()
            finally:
                connection.close()
        except (sqlite3.Error, sqlite3.Warning, UnicodeError, OverflowError) as error:
            raise UserError(_refused(label, "SQLite", error, layout)) from None

    _, tables = rows_of("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name")
    statement = _statement(label, layout, [str(name) for (name,) in tables])
    names, _ = rows_of(f"SELECT * FROM ({statement}) AS source_table LIMIT 0")

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        found, rows = rows_of(_part(columns, statement))
        frame = pd.DataFrame.from_records(rows, columns=found, coerce_float=False)
        return {name: frame[name] for name in columns}, np.arange(1, len(rows) + 1)

    return TableFile(label, "", tuple(names), load)


def _duckdb(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    import duckdb

    def ask(question: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        try:
            connection = duckdb.connect(path, read_only=True, config={"enable_external_access": "false"})
            try:
                return question(connection)
            finally:
                connection.close()
        except duckdb.Error as error:
            raise UserError(_refused(label, "DuckDB", error, layout)) from None

    tables = ask(lambda c: c.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall())
    statement = _statement(label, layout, [str(name) for (name,) in tables])
    names = ask(
        lambda c: [
            str(item[0]) for item in c.execute(f"SELECT * FROM ({statement}) AS source_table LIMIT 0").description
        ]
    )

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        table = ask(lambda c: c.sql(_part(columns, statement)).to_arrow_table())
        return arrow_columns(table), np.arange(1, table.num_rows + 1)

    return TableFile(label, "", tuple(names), load)
