"""One shipped table in every format that the adapter reads."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pandas as pd
import pyogrio
import pyreadstat

from adapter_harness import Figures

ROOT = Path(__file__).resolve().parents[1]
YEARBOOK = ROOT / "data" / "raw" / "nbs_yearbook"
SHIPPED = YEARBOOK / "self_employed_2008.csv"
LAYOUT = {"unit": "region_en", "period": "year"}
SERIES = {"rural": {"column": "rural_employed_10k_persons"}, "urban": {"column": "urban_employed_10k_persons"}}


def shipped() -> Figures:
    rows = list(csv.DictReader(SHIPPED.open(encoding="utf-8")))
    return {
        (key, row["region_en"], int(row["year"])): float(row[entry["column"]])
        for key, entry in SERIES.items()
        for row in rows
        if row[entry["column"]]
    }


def frame() -> pd.DataFrame:
    return pd.read_csv(SHIPPED)


def numbered() -> tuple[pd.DataFrame, dict[int, str]]:
    """The shipped table with numbers for names, as Stata files have them."""
    table = frame()
    labels = dict(enumerate(table["region_en"], 1))
    return table.assign(region_en=range(1, len(table) + 1)), labels


def write_excel(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "table"
    sheet["A1"] = "Self-employed, 2008"
    for i, row in enumerate([list(frame()), *frame().to_numpy().tolist()]):
        for j, value in enumerate(row):
            sheet.cell(i + 3, j + 2, value)
    sheet.cell(40, 2, "Source: yearbook")
    book.create_sheet("notes")["A1"] = "see above"
    book.save(path)


def write_stata(path: Path) -> None:
    table, labels = numbered()
    pyreadstat.write_dta(table, path, variable_value_labels={"region_en": labels})


def write_dbase(path: Path) -> None:
    short = {
        "households_10k": "hh",
        "employed_10k_persons": "emp",
        "urban_employed_10k_persons": "urban",
        "rural_employed_10k_persons": "rural",
        "region_en": "region",
        "year": "year",
    }
    pyogrio.write_dataframe(frame().rename(columns=short), path, driver="ESRI Shapefile")


def write_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    frame().to_sql("self employed", connection, index=False)
    connection.execute("CREATE TABLE other (a)")
    connection.commit()
    connection.close()


def write_duckdb(path: Path) -> None:
    connection = duckdb.connect(str(path))
    table = frame()
    connection.register("given", table)
    connection.execute("CREATE TABLE figures AS SELECT * FROM given")
    connection.close()


def write_wide(path: Path) -> None:
    table = frame().rename(columns={e["column"]: f"{key}_2008" for key, e in SERIES.items()})
    table.to_csv(path, index=False)


def write_tidy(path: Path) -> None:
    columns = {e["column"]: key for key, e in SERIES.items()}
    tidy = frame().rename(columns=columns).melt(["region_en", "year"], [*columns.values(), "households_10k"], "what")
    tidy.to_csv(path, index=False, sep=";")


def write_european(path: Path) -> None:
    frame().to_csv(path, index=False, sep=";", decimal=",", encoding="latin-1")


def write_parquet(path: Path) -> None:
    frame().to_parquet(path)


TIDY = {"rural": {"title_in_file": "rural"}, "urban": {"title_in_file": "urban"}}
FORMATS: dict[str, tuple[str, Callable[[Path], None], dict[str, Any], dict[str, Any]]] = {
    "CSV": ("t.csv", lambda path: frame().to_csv(path, index=False), LAYOUT, SERIES),
    "TSV": ("t.tsv", lambda path: frame().to_csv(path, index=False, sep="\t"), LAYOUT, SERIES),
    "European": ("t.csv", write_european, {**LAYOUT, "decimal": ","}, SERIES),
    "XLSX": ("t.xlsx", write_excel, {**LAYOUT, "sheet": "table", "range": "B3:G34"}, SERIES),
    "Stata": ("t.dta", write_stata, LAYOUT, SERIES),
    "dBase": ("t.dbf", write_dbase, {"unit": "region", "period": "year"}, {"rural": {}, "urban": {}}),
    "Parquet": ("t.parquet", write_parquet, LAYOUT, SERIES),
    "SQLite": ("t.sqlite", write_sqlite, {**LAYOUT, "from": "self employed"}, SERIES),
    "SQLite query": (
        "t.db",
        write_sqlite,
        {
            "query": "SELECT region_en AS unit, year AS period, rural_employed_10k_persons"
            ' AS rural, urban_employed_10k_persons AS urban FROM "self employed";'
        },
        {"rural": {}, "urban": {}},
    ),
    "DuckDB": ("t.duckdb", write_duckdb, LAYOUT, SERIES),
    "wide": (
        "t.csv",
        write_wide,
        {"unit": "region_en", "shape": "wide"},
        {"rural": {"column": "rural_{period}"}, "urban": {"column": "urban_{period}"}},
    ),
    "tidy": ("t.csv", write_tidy, {**LAYOUT, "series": "what"}, TIDY),
}
