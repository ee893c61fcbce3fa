"""Tables and queries of SQLite and DuckDB files: opened read-only, one SELECT, within a time and a number of rows."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters.table_file import Columns, Numbers, TableFile, arrow_columns, widened
from ruralpanel.project.kinds.adapters import TableLayout
from ruralpanel.project.problems import Problem, UserError, did_you_mean

MOST_ROWS = 50_000_000
_MOST_BYTES = 10**8  # of one value
_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
# Functions in the place of a table that make rows and touch nothing.
_TABLE_FUNCTIONS = frozenset(
    {"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "query_table"}
)


def _statement(label: str, layout: TableLayout, tables: Sequence[str]) -> str:
    """The query of a data base: the layout's, or the whole of its one table."""
    if layout.query:
        return str(layout.query).strip().rstrip("; \n\t")
    wanted = layout.from_
    if wanted is None and len(tables) == 1:
        wanted = tables[0]
    if wanted not in tables:
        found = f'"{wanted}"' if wanted else f"{len(tables)} tables, none chosen"
        raise UserError.at(
            label,
            "layout.from",
            found,
            "a table: " + ", ".join(tables[:20]),
            did_you_mean(str(wanted), tables) if wanted else "layout: {from: …} or {query: …}",
        )
    return 'SELECT * FROM "' + str(wanted).replace('"', '""') + '"'


def _part(columns: Sequence[str], statement: str) -> str:
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in dict.fromkeys(columns)) or "*"
    # The line break ends a comment on the last line of the query.
    return f"SELECT {names} FROM ({statement}\n) AS source_table LIMIT {MOST_ROWS + 1}"


def _refused(label: str, form: str, error: Exception, layout: TableLayout) -> Problem:
    detail = " ".join(str(error).split())[:160]
    if layout.query:
        return Problem(label, "layout.query", f"{form}: {detail}", "a SELECT that the file can answer")
    return Problem(label, "", f"{form}: {detail}", f"a whole {form} file")


def sqlite(path: str, label: str, layout: TableLayout) -> TableFile:
    """Open an SQLite file: `layout.query`, `layout.from`, or its only table."""
    statement = _statement(label, layout, tables_in(path, label, "sqlite"))
    names, _ = _sqlite_rows(path, label, layout, f"SELECT * FROM ({statement}\n) AS source_table LIMIT 0")

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        header, rows = _sqlite_rows(path, label, layout, _part(columns, statement))
        frame = pd.DataFrame.from_records(rows, columns=header, coerce_float=False)
        return {name: widened(frame[name]) for name in columns}, np.arange(1, len(rows) + 1)

    return TableFile(label, "", tuple(names), load)


def duckdb(path: str, label: str, layout: TableLayout) -> TableFile:
    """Open a DuckDB file: `layout.query`, `layout.from`, or its only table."""
    statement = _statement(label, layout, tables_in(path, label, "duckdb"))

    def described(connection: Any) -> list[str]:
        if layout.query:
            _one_select(connection, statement, label)
        description = connection.execute(f"SELECT * FROM ({statement}\n) AS source_table LIMIT 0").description
        return [str(item[0]) for item in description]

    names = _ask_duckdb(path, label, layout, described)

    def load(columns: Sequence[str], _figures: Sequence[str]) -> tuple[Columns, Numbers]:
        table = _ask_duckdb(path, label, layout, lambda c: c.sql(_part(columns, statement)).to_arrow_table())
        _few_enough(table.num_rows, label)
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
        return tuple(str(name) for (name,) in _sqlite_rows(path, label, TableLayout(), listing)[1])
    listing = "SELECT table_name FROM information_schema.tables ORDER BY 1"
    return tuple(
        str(name) for (name,) in _ask_duckdb(path, label, TableLayout(), lambda c: c.execute(listing).fetchall())
    )


def _sqlite_rows(path: str, label: str, layout: TableLayout, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    limit = float(layout.timeout)
    until = time.monotonic() + limit
    try:
        connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
            connection.set_authorizer(
                lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY
            )
            connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            cursor = connection.execute(statement)
            names = [item[0] for item in cursor.description or ()]
            return names, [row for part in _parts(cursor, label) for row in part]
        finally:
            connection.close()
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, OverflowError, MemoryError) as error:
        if time.monotonic() > until:
            raise UserError(_too_slow(label, limit)) from None
        raise UserError(_refused(label, "SQLite", error, layout)) from None


def _parts(cursor: sqlite3.Cursor, label: str) -> Iterator[list[tuple[Any, ...]]]:
    count = 0
    while part := cursor.fetchmany(100_000):
        count += len(part)
        _few_enough(count, label)
        yield part


def _few_enough(count: int, label: str) -> None:
    if count > MOST_ROWS:
        fix = "a query without an end? else ask for fewer rows"
        raise UserError.at(label, "layout.query", f"more than {MOST_ROWS:,} rows", f"at most {MOST_ROWS:,} rows", fix)


def _too_slow(label: str, limit: float) -> Problem:
    return Problem(
        label,
        "layout.query",
        f"no answer within {limit:g} seconds",
        "an answer within layout.timeout",
        "give a recursive query an end, or raise the limit: layout: {timeout: 600}",
    )


def _one_select(connection: Any, statement: str, label: str) -> None:
    """Refuse what is more than one SELECT, and functions that may do more than make rows.

    Raises
    ------
    UserError
        Another statement, several of them, another function in the place of a table.
    """
    import duckdb as engine

    kinds = [item.type for item in engine.extract_statements(statement)]
    if kinds != [engine.StatementType.SELECT]:
        names = ", ".join(kind.name for kind in kinds) or "nothing"
        raise UserError.at(label, "layout.query", f"DuckDB: {names}", "one SELECT and nothing else")
    written = connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchone()[0]
    others = sorted({name for name in _table_functions(json.loads(written)) if name not in _TABLE_FUNCTIONS})
    if others:
        expected = "a SELECT from tables and views"
        raise UserError.at(label, "layout.query", f"DuckDB: the function {', '.join(others)}", expected)


def _table_functions(node: Any) -> Iterator[str]:
    """The names of the functions that stand in the place of a table in a serialised query."""
    if isinstance(node, Mapping):
        if node.get("type") == "TABLE_FUNCTION":
            yield str((node.get("function") or {}).get("function_name", "")).casefold()
        for child in node.values():
            yield from _table_functions(child)
    elif isinstance(node, list):
        for child in node:
            yield from _table_functions(child)


def _ask_duckdb(path: str, label: str, layout: TableLayout, question: Callable[[Any], Any]) -> Any:
    import duckdb as engine

    limit = float(layout.timeout)
    settings: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "memory_limit": "4GB",
        "temp_directory": "",
    }
    try:
        connection = engine.connect(path, read_only=True, config=settings)
        timer = threading.Timer(limit, connection.interrupt)
        try:
            timer.start()
            return question(connection)
        finally:
            timer.cancel()
            timer.join()
            connection.close()
    except engine.InterruptException:
        raise UserError(_too_slow(label, limit)) from None
    except (engine.Error, MemoryError) as error:
        raise UserError(_refused(label, "DuckDB", error, layout)) from None
