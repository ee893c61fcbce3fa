"""Files of every kind that users bring, made up, each with the figures that must be read from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pandas as pd

PLACES = ("Beijing", "Hebei", "Guizhou")
CHINESE = ("北京", "河北", "贵州")
YEARS = (2001, 2002, 2003)
FIGURES = {
    (unit, year): round(1.25 * (i + 1) + 100 * (year - 2000), 2) for i, unit in enumerate(PLACES) for year in YEARS
}


def long() -> pd.DataFrame:
    """A row for each place and year."""
    return pd.DataFrame(
        [{"province": unit, "year": year, "roads_km": value} for (unit, year), value in FIGURES.items()]
    )


def wide(name: str = "{}", places: tuple[str, ...] = PLACES) -> pd.DataFrame:
    """A row for each place, a column for each year."""
    values = {name.format(year): [FIGURES[unit, year] for unit in PLACES] for year in YEARS}
    return pd.DataFrame({"province": places, **values})


def plain(folder: Path) -> Path:
    long().to_csv(folder / "roads.csv", index=False)
    return folder / "roads.csv"


def semicolons(folder: Path) -> Path:
    long().to_csv(folder / "roads.csv", index=False, sep=";", decimal=",")
    return folder / "roads.csv"


def thousands(folder: Path) -> Path:
    frame = long()
    frame["roads_km"] = [f"{1000 * value:,.2f}" for value in frame["roads_km"]]
    frame.to_csv(folder / "roads.csv", index=False)
    return folder / "roads.csv"


def tabs(folder: Path) -> Path:
    wide().to_csv(folder / "roads.txt", index=False, sep="\t", encoding="utf-16")
    return folder / "roads.txt"


def gbk(folder: Path) -> Path:
    wide("{}年", CHINESE).rename(columns={"province": "地区"}).to_csv(folder / "公路.csv", index=False, encoding="gbk")
    return folder / "公路.csv"


def titled(folder: Path) -> Path:
    body = wide().to_csv(index=False)
    (folder / "roads.csv").write_text(f"Roads (km),,,\nMade up,,,\n\n{body}Note: made up,,,\n", encoding="utf-8")
    return folder / "roads.csv"


def measured(folder: Path) -> Path:
    lines = long().to_csv(index=False).splitlines()
    (folder / "roads.csv").write_text("\n".join([lines[0], ",,公里", *lines[1:]]) + "\n", encoding="utf-8")
    return folder / "roads.csv"


def total_row(folder: Path) -> Path:
    body = wide("{}年", CHINESE).rename(columns={"province": "地区"}).to_csv(index=False).splitlines()
    (folder / "roads.csv").write_text("\n".join([body[0], "全国,9,9,9", *body[1:]]) + "\n", encoding="utf-8")
    return folder / "roads.csv"


def world_bank(folder: Path) -> Path:
    """Countries in the rows, two years' names in each heading, several series below each other."""
    frame = wide("{0} [YR{0}]")
    frame.insert(1, "Series Name", "Roads (km)")
    other = frame.assign(**{"Series Name": "Rails (km)"})
    other.iloc[:, 2:] = other.iloc[:, 2:] * 2
    pd.concat([frame, other]).to_csv(folder / "wb.csv", index=False)
    return folder / "wb.csv"


def prefixed(folder: Path) -> Path:
    frame = wide("roads_{}").merge(wide("rails_{}"), on="province")
    frame.to_csv(folder / "lines.csv", index=False)
    return folder / "lines.csv"


def across(folder: Path) -> Path:
    wide().set_index("province").T.rename_axis("year").reset_index().to_csv(folder / "roads.csv", index=False)
    return folder / "roads.csv"


def longest(folder: Path) -> Path:
    frame = long().rename(columns={"roads_km": "amount"}).assign(indicator="公路里程", 计量单位="公里")
    both = pd.concat([frame, frame.assign(indicator="乡村人口", 计量单位="万人", amount=frame["amount"] * 2)])
    both.to_parquet(folder / "all.parquet", index=False)
    return folder / "all.parquet"


def workbook(folder: Path) -> Path:
    """Two sheets of tables, with titles and notes, and one without a table."""
    with pd.ExcelWriter(folder / "book.xlsx") as book:
        wide().to_excel(book, sheet_name="roads km", startrow=3, index=False)
        book.sheets["roads km"]["A1"] = "Roads of provinces (made up)"
        book.sheets["roads km"]["A9"] = "Source: none"
        long().rename(columns={"roads_km": "rails_km"}).to_excel(book, sheet_name="rails", index=False)
        pd.DataFrame({"notes": ["made up"]}).to_excel(book, sheet_name="read me", index=False)
    return folder / "book.xlsx"


def sqlite(folder: Path) -> Path:
    connection = sqlite3.connect(folder / "base.sqlite")
    long().to_sql("roads", connection, index=False)
    long().rename(columns={"roads_km": "rails_km"}).to_sql("rails", connection, index=False)
    connection.close()
    return folder / "base.sqlite"


def duckdb(folder: Path) -> Path:
    import duckdb as engine

    frame = long()
    with engine.connect(str(folder / "base.duckdb")) as base:
        base.register("frame", frame)
        base.execute("CREATE TABLE roads AS SELECT * FROM frame")
        base.execute("CREATE TABLE rails AS SELECT province, year, roads_km AS rails_km FROM frame")
    return folder / "base.duckdb"


def stata(folder: Path) -> Path:
    """Provinces as labelled numbers, a label on each column."""
    frame = long().assign(province=pd.Categorical(long()["province"])).rename(columns={"roads_km": "v7"})
    frame.to_stata(folder / "panel.dta", write_index=False, variable_labels={"v7": "Roads (km)"})
    return folder / "panel.dta"


def dbase(folder: Path) -> Path:
    import pyogrio

    pyogrio.write_dataframe(long(), folder / "roads.dbf", driver="ESRI Shapefile")
    return folder / "roads.dbf"


def no_year(folder: Path) -> Path:
    long().query("year == 2001").drop(columns="year").to_csv(folder / "roads.csv", index=False)
    return folder / "roads.csv"


def year_in_name(folder: Path) -> Path:
    no_year(folder).rename(folder / "roads_2001.csv")
    return folder / "roads_2001.csv"


# kind → (writer, factor of the figures, keys that the layout must have, number of entries)
KINDS: dict[str, tuple[Callable[[Path], Path], float, dict[str, object], int]] = {
    "plain": (plain, 1, {"unit": "province", "period": "year"}, 1),
    "semicolons": (semicolons, 1, {"delimiter": ";", "decimal": ","}, 1),
    "thousands": (thousands, 1000, {"thousands": ","}, 1),
    "tabs": (tabs, 1, {"shape": "wide", "delimiter": "tab"}, 1),
    "gbk": (gbk, 1, {"shape": "wide", "unit": "地区", "encoding": "gb18030"}, 1),
    "titled": (titled, 1, {"range": "A4:D7"}, 1),
    "measured": (measured, 1, {"first_row": 3}, 1),
    "total row": (total_row, 1, {"skip_rows": ["全国"]}, 1),
    "world bank": (world_bank, 1, {"columns": "{period} [YR{period}]", "series": "Series Name"}, 1),
    "prefixed": (prefixed, 1, {"shape": "wide", "unit": "province"}, 1),
    "across": (across, 1, {"across": "unit", "period": "year"}, 1),
    "longest": (longest, 1, {"series": "indicator", "value": "amount"}, 1),
    "workbook": (workbook, 1, {"sheet": "roads km", "range": "A4:D7"}, 2),
    "sqlite": (sqlite, 1, {"from": "rails"}, 2),
    "duckdb": (duckdb, 1, {"from": "rails"}, 2),
    "stata": (stata, 1, {"unit": "province", "period": "year"}, 1),
    "dbase": (dbase, 1, {"unit": "province", "period": "year"}, 1),
    "no year": (no_year, 1, {"period": "YYYY"}, 1),
    "year in name": (year_in_name, 1, {"period": 2001}, 1),
}
