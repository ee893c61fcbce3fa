"""Tables and queries of SQLite and DuckDB files, opened read-only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.adapters.table_file import Columns, Numbers, TableFile, arrow_columns
from ruralpanel.contracts.problems import Problem, UserError, did_you_mean


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


def sqlite(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    """Open an SQLite file: `layout.query`, `layout.from`, or its only table."""
    statement = _statement(label, layout, tables_in(path, label, "sqlite"))
    names, _ = _sqlite_rows(path, label, layout, f"SELECT * FROM ({statement}) AS source_table LIMIT 0")

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        found, rows = _sqlite_rows(path, label, layout, _part(columns, statement))
        frame = pd.DataFrame.from_records(rows, columns=found, coerce_float=False)
        return {name: frame[name] for name in columns}, np.arange(1, len(rows) + 1)

    return TableFile(label, "", tuple(names), load)


def duckdb(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    """Open a DuckDB file: `layout.query`, `layout.from`, or its only table."""
    statement = _statement(label, layout, tables_in(path, label, "duckdb"))

    def described(connection: Any) -> list[str]:
        found = connection.execute(f"SELECT * FROM ({statement}) AS source_table LIMIT 0").description
        return [str(item[0]) for item in found]

    names = _ask_duckdb(path, label, layout, described)

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        table = _ask_duckdb(path, label, layout, lambda c: c.sql(_part(columns, statement)).to_arrow_table())
        return arrow_columns(table), np.arange(1, table.num_rows + 1)

    return TableFile(label, "", tuple(names), load)


def tables_in(path: str, label: str, form: str) -> tuple[str, ...]:
    """The tables and views of an SQLite or DuckDB file, by name.

    Raises
    ------
    UserError
        A file that cannot be read.
    """
    if form == "sqlite":
        listing = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
        return tuple(str(name) for (name,) in _sqlite_rows(path, label, {}, listing)[1])
    listing = "SELECT table_name FROM information_schema.tables ORDER BY 1"
    return tuple(str(name) for (name,) in _ask_duckdb(path, label, {}, lambda c: c.execute(listing).fetchall()))


def _sqlite_rows(
    path: str, label: str, layout: Mapping[str, Any], statement: str
) -> tuple[list[str], list[tuple[Any, ...]]]:
    try:
        connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
        try:
            cursor = connection.execute(statement)
            return [item[0] for item in cursor.description or ()], cursor.fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, OverflowError) as error:
        raise UserError(_refused(label, "SQLite", error, layout)) from None


def _ask_duckdb(path: str, label: str, layout: Mapping[str, Any], question: Callable[[Any], Any]) -> Any:
    import duckdb as engine

    try:
        connection = engine.connect(path, read_only=True, config={"enable_external_access": "false"})
        try:
            return question(connection)
        finally:
            connection.close()
    except engine.Error as error:
        raise UserError(_refused(label, "DuckDB", error, layout)) from None
