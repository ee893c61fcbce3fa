"""Mistakes that newcomers make with a file of their own: each gives one message, with its place and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ruralpanel.data.adapters.registry import read
from ruralpanel.data.harmonise import harmonise
from ruralpanel.project.jobs import open_project
from ruralpanel.project.problems import Problem, UserError
from ruralpanel.project.units import load_units

UNITS = Path(__file__).resolve().parents[2] / "data" / "units" / "china_provinces.csv"
PLACES = ("Beijing", "Hebei", "Guizhou", "Sichuan")
ROWS = [
    (place, year, 10.5 + i + 0.5 * (year - 2010), round(0.31 + 0.02 * i + 0.01 * (year - 2010), 2))
    for i, place in enumerate(PLACES)
    for year in range(2010, 2014)
]
Config = dict[str, Any]


def table(header: str = "province,year,km,share", rows: Any = ROWS, sign: str = ",") -> str:
    return "\n".join([header, *(sign.join(map(str, row)) for row in rows)]) + "\n"


def layout(**keys: Any) -> Callable[[Config], None]:
    return lambda config: config["sources"]["mine"]["layout"].update(keys)


def series(key: str, **keys: Any) -> Callable[[Config], None]:
    return lambda config: config["sources"]["mine"]["series"][key].update(keys)


def source(**keys: Any) -> Callable[[Config], None]:
    return lambda config: config["sources"]["mine"].update(keys)


def variable(name: str, **keys: Any) -> Callable[[Config], None]:
    return lambda config: config["variables"][name].update(keys)


def wide(config: Config) -> None:
    """A single series with a column for each year, its column of units misspelt."""
    config["sources"]["mine"].update(
        layout={"shape": "wide", "unit": "Provinse"}, series={"km": {"measure": "10^3 km"}}
    )
    del config["variables"]["share"]
    config["models"]["m"]["regressors"] = ["km"]


def nothing(_: Config) -> None:
    """The configuration as it is."""


def changed(third: Callable[[float], Any] = lambda x: x, fourth: Callable[[float], Any] = lambda x: x) -> str:
    return table(rows=[(a, b, third(c), fourth(d)) for a, b, c, d in ROWS])


GBK = table().replace("Beijing", "北京").replace("Hebei", "河北").replace("Guizhou", "贵州")
# mistake → (content, change of the configuration, what the message says)
MISTAKES: dict[str, tuple[str | bytes, Callable[[Config], None], tuple[str, ...]]] = {
    "column of units misspelt in a wide table": (
        "Province,2010,2011\nBeijing,1.5,2.5\nHebei,3.5,4.5\n",
        wide,
        ("column Provinse", 'did you mean "Province"'),
    ),
    "years backwards": (table(), series("km", years=[2013, 2010]), ("series.km.years", "the smaller one first")),
    "range backwards": (table(), series("km", range=[99, 0]), ("series.km.range", "the smaller one first")),
    "figures of no unit": (table(), series("km", retrospective=["Hebei"]), ("retrospective", 'write "CN-HE"')),
    "column misspelt": (table(), series("km", column="kms"), ("column kms", 'did you mean "km"')),
    "unit column misspelt": (table(), layout(unit="provinse"), ("column provinse", 'did you mean "province"')),
    "letter case": (table("PROVINCE,year,km,share"), nothing, ("column province", 'did you mean "PROVINCE"')),
    "unit misspelt": (
        table().replace("Guizhou,2011", "Guizou,2011"),
        nothing,
        ("row 11", '"Guizou"', 'did you mean "Guizhou"'),
    ),
    "two units alike": (
        table().replace("Hebei", "Shanxi").replace("Sichuan,2010", "Shanxi,2010"),
        nothing,
        ("row 14", "second row for Shanxi, 2010", "row 6"),
    ),
    "year as text": (table().replace(",2011,", ",FY2011,"), nothing, ("row 3, column year", "3 more rows", "FY2011")),
    "year of two digits": (table().replace(",2011,", ",11,"), nothing, ("column year", '"11"', "a year")),
    "quarters": (table().replace(",2011,", ",2011Q5,"), nothing, ('"2011Q5"', "a year")),
    "one year for many": (table(), layout(period=1998), ("second row", "11 more rows", "layout.period")),
    "percent against share": (
        changed(fourth=lambda x: 100 * x),
        nothing,
        ("column share", "from 31 to 40", "measure: percent"),
    ),
    "percent against a range": (
        changed(fourth=lambda x: 100 * x),
        series("share", range=[0, 1]),
        ("row 2, column share", "15 more figures", "from 31 to 40", "declared range 0 to 1", "measure or range"),
    ),
    "percent signs": (changed(fourth=lambda x: f"{100 * x:.0f}%"), nothing, ('"31%"', "15 more rows", "percent")),
    "per-mille signs": (changed(fourth=lambda x: f"{1000 * x:.0f}‰"), nothing, ('"310‰"', "per_mille")),
    "GBK read as UTF-8": (GBK.encode("gbk"), layout(encoding="utf-8"), ("row 2", "gb18030", "layout.encoding out")),
    "UTF-8 read as GBK": (GBK, layout(encoding="gbk"), ("layout.encoding", "UTF-8", "leave layout.encoding out")),
    "thousands": (changed(lambda x: f'"{1000 * x:,.1f}"'), nothing, ('"10,500.0"', "15 more rows", "thousands")),
    "decimal commas": (
        table("province;year;km;share", [(a, b, str(c).replace(".", ","), d) for a, b, c, d in ROWS], ";"),
        nothing,
        ('"10,5"', 'decimal: ","'),
    ),
    "unknown measure": (table(), variable("km", measure="kilometrs"), ("variables.km.measure", "kilometres")),
    "another kind of measure": (table(), variable("km", measure="person"), ("10^3 km", "converts to person")),
    "national row": (table() + "合计,2010,9,0.5\n", nothing, ("row 18", 'skip_rows: ["合计"]')),
    "the same row twice": (table() + "Beijing,2010,9,0.5\n", nothing, ("row 18", "the first is row 2")),
    "title above": ("Roads\n\n" + table(), nothing, ("province, year, km, share", '{"header": 3}')),
    "note below": (table() + "Source: made up\n", nothing, ("row 18", "range: A1:D17")),
    "word for nothing": (table().replace(",11.5,", ",n.k.,", 1), nothing, ('"n.k."', 'missing: ["n.k."]')),
    "footnote": (table().replace(",11.5,", ",11.5(2),", 1), nothing, ('"11.5(2)"', 'marks: ["(2)"]')),
    "letter O": (table().replace(",11.5,", ",11.O5,", 1), nothing, ('"11.O5"', "correct the cell")),
    "wide taken for long": ("province,2010,2011\nBeijing,1,2\n", nothing, ("no such column", "shape: wide")),
    "long taken for wide": (table(), layout(shape="wide"), ("{period}", "leave shape: wide out")),
    "wrong delimiter": (table(), layout(delimiter=";"), ("province,year,km,share", '{"delimiter": ","}')),
    "wrong path": (table(), source(path="g.csv"), ("sources.mine.path", "g.csv", "relative to the file that names it")),
    "series misspelt": (table(), variable("km", series="kms"), ("variables.km.series", 'did you mean "km"')),
    "layout key misspelt": (table(), layout(units="province"), ('unknown key "units"', 'did you mean "unit"')),
    "adapter misspelt": (table(), source(adapter="tabel"), ("sources.mine.adapter", 'did you mean "table"')),
    "value of where": (table(), layout(where={"province": "beijin"}), ("column province", "beijin", "Hebei")),
    "short row": (
        table().replace("Hebei,2011,12.0,0.34", "Hebei,2011,12.0"),
        nothing,
        ("row 7", "3 columns", "expected 4"),
    ),
    "open quotation mark": (table().replace("Hebei,2011", '"Hebei,2011'), nothing, ("row 7", "quotation mark")),
    "YYYY left in": (table(), layout(period="YYYY"), ("layout.period", "the year of the figures")),
}


def problems(folder: Path, content: str | bytes, change: Callable[[Config], None]) -> tuple[Problem, ...]:
    """What a newcomer reads."""
    (folder / "f.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    config: Config = {
        "title": "Made up",
        "units": str(UNITS),
        "sources": {
            "mine": {
                "adapter": "table",
                "path": "f.csv",
                "layout": {"unit": "province", "period": "year"},
                "series": {"km": {"measure": "10^3 km"}, "share": {"measure": "share"}},
            }
        },
        "panels": {"mine": {"periods": [2010, 2011, 2012, 2013]}},
        "variables": {
            "km": {"source": "mine", "series": "km", "measure": "km"},
            "share": {"source": "mine", "series": "share", "measure": "percent"},
            "log_km": {"formula": "log(km)"},
        },
        "models": {"m": {"estimator": "fe", "outcome": "log_km", "regressors": ["share"]}},
    }
    change(config)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    try:
        opened = open_project([folder / "config.yaml"])
        for item in opened.sources.values():
            harmonise(item, read(item), load_units(UNITS))
    except UserError as error:
        return tuple(error.problems)
    return ()


def test_without_a_mistake_nothing_is_said(tmp_path: Path) -> None:
    assert problems(tmp_path, table(), nothing) == ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_message_says_where_and_how(mistake: str, tmp_path: Path) -> None:
    content, change, phrases = MISTAKES[mistake]
    found = problems(tmp_path, content, change)
    assert len(found) == 1, "\n".join(map(str, found))
    for phrase in phrases:
        assert phrase in str(found[0])


@pytest.mark.parametrize(
    ("keys", "phrases"),
    [
        ({"sheet": "data"}, ("layout.sheet", 'did you mean "Data"')),
        ({}, ("2 sheets with content (Data, Notes)", 'sheet: "Data"')),
        ({"sheet": "Notes"}, ("province, year, km, share", "no such column")),
        ({"sheet": "Data", "range": "A1-D9"}, ("layout.range", "A3:H40")),
        ({"sheet": "Data", "range": "D9:A1"}, ("layout.range", "the upper left corner first")),
    ],
)
def test_sheets(keys: dict[str, str], phrases: tuple[str, ...], tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "f.xlsx") as book:
        pd.DataFrame(ROWS, columns=["province", "year", "km", "share"]).to_excel(book, sheet_name="Data", index=False)
        pd.DataFrame({"made": ["up"], "by": ["us"]}).to_excel(book, sheet_name="Notes", index=False)

    def change(config: Config) -> None:
        config["sources"]["mine"]["path"] = "f.xlsx"
        config["sources"]["mine"]["layout"] |= keys

    text = " ".join(map(str, problems(tmp_path, "", change)))
    for phrase in phrases:
        assert phrase in text, text
