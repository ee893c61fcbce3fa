"""Queries of data bases: they read one file, stop, and do nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter_harness import figures, refusal, source_of
from ruralpanel.data.adapters import databases, registry
from table_formats import FORMATS, LAYOUT, SERIES, SHIPPED, shipped, write_duckdb, write_sqlite


@pytest.mark.parametrize(("query", "words"), [
    ("SELEC 1", "syntax error"), ("DROP TABLE figures", "layout.query"), ("SELECT 1 AS unit", "no such column"),
    ("SELECT * FROM nowhere", "nowhere"), ("SELECT 1; DELETE FROM figures", "layout.query"),
    ("INSERT INTO figures SELECT * FROM figures", "layout.query"),
])  # fmt: skip
@pytest.mark.parametrize("form", ["SQLite", "DuckDB"])
def test_queries_that_are_no_question(tmp_path: Path, form: str, query: str, words: str) -> None:
    name, write, _, series = FORMATS[form]
    write(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    assert (
        words.casefold() in refusal(source_of("table", tmp_path / name, series, {**LAYOUT, "query": query})).casefold()
    )
    assert (tmp_path / name).read_bytes() == before


def test_a_query_reads_nothing_but_its_file(tmp_path: Path) -> None:
    write_duckdb(tmp_path / "t.duckdb")
    query = f"SELECT * FROM read_csv('{SHIPPED}')"
    assert "layout.query" in refusal(source_of("table", tmp_path / "t.duckdb", SERIES, {**LAYOUT, "query": query}))


ENDLESS = {
    "rows": "SELECT 'A' AS unit, 2001 AS period, n AS {name} FROM "
    "(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r)",
    "a sum": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
    "SELECT 'A' AS unit, 2001 AS period, sum(n) AS {name} FROM r",
}


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("form", ["SQLite", "DuckDB"])
def test_queries_without_an_end_are_stopped(tmp_path: Path, form: str, kind: str) -> None:
    name, write, _, _ = FORMATS[form]
    write(tmp_path / name)
    layout = {"query": ENDLESS[kind].format(name="x"), "timeout": 0.5}
    words = refusal(source_of("table", tmp_path / name, {"x": {}}, layout))
    assert "no answer within 0.5 seconds" in words and "layout: {timeout: 600}" in words


@pytest.mark.parametrize("form", ["SQLite", "DuckDB"])
def test_more_rows_than_memory_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(databases, "MOST_ROWS", 20)
    name, write, layout, series = FORMATS[form]
    write(tmp_path / name)
    assert "more than 20 rows" in refusal(source_of("table", tmp_path / name, series, layout))


@pytest.mark.parametrize(
    "query",
    [
        "CALL enable_logging()",
        "SELECT * FROM figures, enable_logging()",
        "SELECT * FROM figures WHERE year IN (SELECT 1 FROM force_checkpoint())",
        "SELECT * FROM query('SELECT 1')",
        "SELECT 1) ; DROP TABLE figures; SELECT * FROM (SELECT 1",
        "PRAGMA database_list",
        "SET threads = 1",
        "EXPLAIN SELECT 1",
        ";",
    ],
)
def test_queries_that_do_more_than_read(tmp_path: Path, query: str) -> None:
    write_duckdb(tmp_path / "t.duckdb")
    assert "layout.query" in refusal(source_of("table", tmp_path / "t.duckdb", SERIES, {**LAYOUT, "query": query}))


@pytest.mark.parametrize(
    "query", ["PRAGMA table_info(other)", "ATTACH 'x.db' AS y", "SELECT 1) ; DROP TABLE other; --"]
)
def test_queries_of_sqlite_that_do_more_than_read(tmp_path: Path, query: str) -> None:
    write_sqlite(tmp_path / "t.db")
    assert "layout.query" in refusal(source_of("table", tmp_path / "t.db", SERIES, {**LAYOUT, "query": query}))
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize("form", ["SQLite", "DuckDB"])
def test_a_query_may_end_in_a_comment(tmp_path: Path, form: str) -> None:
    name, write, _, series = FORMATS[form]
    write(tmp_path / name)
    table = '"self employed"' if form == "SQLite" else "figures"
    query = f"WITH q AS (SELECT * FROM {table}) SELECT * FROM q ORDER BY 1 -- all of it"
    source = source_of("table", tmp_path / name, series, {**LAYOUT, "query": query})
    assert figures(registry.read(source)) == shipped()
