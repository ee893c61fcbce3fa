"""The table of adapters: how the files of a source are read, and the layout keys of each; no pandas.

To add an adapter: an entry here, a module below ``data/adapters``, a section in docs/adapters.md, which shows a whole
one. ``tests/project/test_kinds.py`` says what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from types import MappingProxyType
from typing import Any, Self

from ruralpanel.project.kinds.facts import Adapter, LayoutKey

NBS_EXPORT, TABLE, YEARBOOK = "nbs_export", "table", "yearbook"
"""Adapters that ``new-source`` proposes."""


@dataclass(frozen=True)
class Layout:
    """How files are read: the layout keys that every adapter may know; what they mean stands in `ADAPTERS`."""

    sheet: str | int | Sequence[str | int] | None = None
    range: str | None = None
    encoding: str | None = None
    skip_rows: Sequence[str] = ()
    keep_rows: Sequence[str] = ()
    missing: Sequence[str] = ()
    marks: Sequence[str] = ()
    measures: str = "checked"
    end: str = "required"
    numbers: str = ""
    most_cells: int = 5_000_000
    most_columns: int = 16_384
    most_megabytes: int = 300

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> Self:
        """The keys as they are declared, after their check; null as if they were not."""
        given = {f"{key}_" if iskeyword(key) else key: value for key, value in declared.items() if value is not None}
        return cls(**given)


@dataclass(frozen=True)
class Dated(Layout):
    """Layout keys of an adapter that may take the period from the names of files or worksheets."""

    period: str | int | Mapping[str, str] | None = None


@dataclass(frozen=True)
class TableLayout(Dated):
    """Layout keys of `table`."""

    period: str | int | Mapping[str, str] | None = "period"
    shape: str = "long"
    unit: str = "unit"
    frequency: str = ""
    series: str = ""
    value: str = "value"
    across: str = "period"
    columns: str = "{period}"
    where: Mapping[str, Any] = field(default_factory=dict)
    header: int | None = None
    first_row: int | None = None
    delimiter: str = ""
    decimal: str | None = None
    thousands: str | None = None
    query: str = ""
    from_: str | None = None
    timeout: float = 60


@dataclass(frozen=True)
class YearbookLayout(Dated):
    """Layout keys of `yearbook`."""

    table: int | Sequence[int] | None = None
    unit: int = 1
    header_rows: int | None = None


@dataclass(frozen=True)
class NbsExportLayout(Layout):
    """Layout keys of `nbs_export`."""

    region: str = ""


@dataclass(frozen=True)
class NbsApiLayout(Layout):
    """Layout keys of `nbs_api`; absent ones of a request are those of `snakemake fetch`."""

    years: Sequence[int] | None = None
    cids: Sequence[str] | Mapping[str, Any] = ()
    under: Sequence[str] = ()
    regions: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    root: str = ""
    library: str | int = ""
    pause: float = 1.5
    attempts: int = 7
    timeout: float = 60
    years_per_request: int = 20
    regions_per_request: int = 10


_WORKBOOKS = ("xlsx", "xls")
_ROWS = ("text", *_WORKBOOKS)
_DATABASES = ("sqlite", "duckdb")
_ENCODING = LayoutKey(
    "encoding of a text file",
    "found out: UTF-8 with or without mark, UTF-16, else GB18030 (GBK)",
    formats=("text", "html", "dta", "dbf"),
)
_SHEET = LayoutKey(
    "worksheet, by name or by number from 1; a list of them where the year stands in their names",
    "the only one that is not empty",
    ("text", "number", "list"),
    formats=_WORKBOOKS,
)
_FROM_NAME = {"from": ("name", "sheet", "file"), "as": ()}
_NUMBERS = LayoutKey(
    "figures that a worksheet shows larger or smaller than it stores them (0.0%, #,##0,): which of the two is meant",
    "the measure decides (percent, share); else they are refused",
    choices=("shown", "stored"),
    formats=_WORKBOOKS,
)
_MOST_CELLS = LayoutKey(
    "cells of a worksheet, a page or a text that are read at most",
    5_000_000,
    ("number",),
    formats=("html", *_ROWS),
    least=1,
)
_MOST_MEGABYTES = LayoutKey("size of an XLSX file at most, once unpacked", 300, ("number",), formats=("xlsx",), least=1)
_CAPS = {"most_cells": _MOST_CELLS, "most_megabytes": _MOST_MEGABYTES}
_MOST_COLUMNS = LayoutKey(
    "HTML and text: columns of a table at most", 16_384, ("number",), formats=("html", "text"), least=1
)
_MISSING = LayoutKey("further marks that mean “no figure”, beside blank, …, --, -, 无, NA", [], ("list",))
_MARKS = LayoutKey("further footnote marks that may stand before or after a figure", [], ("list",))
_SKIP = LayoutKey(
    "further rows to leave out by name, beside the nation, totals and the usual groups of regions", [], ("list",)
)
_KEEP = LayoutKey(
    "rows to keep although their names are usually those of totals or groups (a unit named Central)", [], ("list",)
)
_END = LayoutKey(
    "whether the end of the file must be there (a source line; a closed HTML table), so that a file "
    "that was cut off is noticed",
    "required",
    choices=("required", "optional"),
)
_MEASURES = LayoutKey(
    "whether a measure that the file names (in a heading, a title, a line 单位：万人) must be the declared one",
    "checked",
    choices=("checked", "ignored"),
)

_OF_NBS_EXPORT = {
    "sheet": LayoutKey(
        "worksheets, by name or by number from 1",
        "every sheet with a table",
        ("text", "number", "list"),
        formats=_WORKBOOKS,
    ),
    "encoding": _ENCODING,
    "region": LayoutKey("the region of a file that lists indicators; one that the file names must be the same", ""),
    "skip_rows": _SKIP,
    "keep_rows": _KEEP,
    "missing": _MISSING,
    "marks": _MARKS,
    "measures": _MEASURES,
    "end": _END,
    "numbers": _NUMBERS,
    **_CAPS,
    "most_columns": _MOST_COLUMNS,
}
_OF_NBS_API = {
    "years": LayoutKey("first and last year to fetch", "none: needed by `snakemake fetch`", ("list",)),
    "cids": LayoutKey(
        "ids of the data sets to look into, for all series or by series; without them the tree is walked",
        [],
        ("list", "mapping"),
    ),
    "under": LayoutKey("folders of the tree to look into, as 农业 > 乡村人口", "the whole tree", ("list",)),
    "regions": LayoutKey(
        "regions to ask for: name → 12-digit code", "the units with a 6-digit code in the units file", ("mapping",)
    ),
    "base": LayoutKey("address of the interface", "that of data.stats.gov.cn"),
    "root": LayoutKey("id of the tree's root", "that of the annual data by province"),
    "library": LayoutKey("number of the library that the tree belongs to", "6, annual by province", ("text", "number")),
    "pause": LayoutKey("seconds between two requests; doubled after each failure", 1.5, ("number", "decimal"), least=0),
    "attempts": LayoutKey("how often a request is made before giving up", 7, ("number",), least=1),
    "timeout": LayoutKey("seconds within which an answer must be whole", 60, ("number", "decimal"), least=0.001),
    "years_per_request": LayoutKey("years asked for at once", 20, ("number",), least=1),
    "regions_per_request": LayoutKey("regions asked for at once", 10, ("number",), least=1),
    "skip_rows": _SKIP,
    "keep_rows": _KEEP,
    "missing": _MISSING,
    "marks": _MARKS,
    "measures": _MEASURES,
}
_OF_TABLE = {
    "shape": LayoutKey(
        "long: a row for each unit and period; wide: a column for each period (or unit)",
        "long",
        choices=("long", "wide"),
    ),
    "unit": LayoutKey("the column that holds the unit's name or id", "unit"),
    "period": LayoutKey(
        "the column that holds the period, or the one period (a number) of all figures, or {from: name}: the year "
        "in the name of each file or worksheet (from: file, from: sheet: only there; as: roads_{period}: how it "
        "is named)",
        "period",
        ("text", "number", "mapping"),
        parts=_FROM_NAME,
    ),
    "frequency": LayoutKey(
        "what a date in the period's column stands for; quarters (2012Q3) and months (2012-07) are read as such",
        "year",
        choices=("year", "quarter", "month"),
    ),
    "series": LayoutKey("the column that names the series, where all figures stand in one column", ""),
    "value": LayoutKey("the column of all figures, together with `series`", "value"),
    "across": LayoutKey("wide: what the columns stand for", "period", choices=("period", "unit")),
    "columns": LayoutKey("wide: how the columns of a series are named; {period} stands for the year", "{period}"),
    "where": LayoutKey("rows to keep: column → value (or list of values)", {}, ("mapping",)),
    "skip_rows": LayoutKey(
        "units to leave out by name (totals); * in a name stands for any signs (*00: codes of higher levels), an empty "
        "one for rows that name no unit",
        [],
        ("list",),
    ),
    "sheet": _SHEET,
    "range": LayoutKey(
        "part of the worksheet or text file that holds the table, as A3:H40", "all that is filled", formats=_ROWS
    ),
    "header": LayoutKey(
        "row of the column names, from 1 (in the file, or in the range)", 1, ("number",), formats=_ROWS, least=1
    ),
    "first_row": LayoutKey(
        "row of the first figures, where rows of measures or notes stand between it and the column names",
        "the one below the column names",
        ("number",),
        formats=_ROWS,
        least=1,
    ),
    "delimiter": LayoutKey(
        "sign between the columns of a text file",
        "found out from the header: comma, semicolon, tab or bar",
        formats=("text",),
    ),
    "decimal": LayoutKey("decimal mark of figures that are text", ".", choices=(".", ",")),
    "thousands": LayoutKey("thousands separator of figures that are text", "none", choices=(",", ".", " ", "'")),
    "encoding": _ENCODING,
    "query": LayoutKey("SELECT statement for an SQLite or DuckDB file", "the whole of `from`", formats=_DATABASES),
    "timeout": LayoutKey(
        "seconds within which an SQLite or DuckDB file must have answered",
        60,
        ("number", "decimal"),
        formats=_DATABASES,
        least=0.001,
    ),
    "from": LayoutKey("table or view of an SQLite or DuckDB file", "the only one", formats=_DATABASES),
    "missing": LayoutKey(_MISSING.meaning + "; numbers too, as -999", [], ("list",)),
    "marks": _MARKS,
    "measures": _MEASURES,
    "numbers": _NUMBERS,
    "most_cells": replace(_MOST_CELLS, meaning="cells of a worksheet that are read at most", formats=_WORKBOOKS),
    "most_megabytes": _MOST_MEGABYTES,
}
_OF_YEARBOOK = {
    "period": LayoutKey(
        "the year of the figures, where the columns do not name it with {period}; or {from: name}: as for `table`",
        "",
        ("number", "mapping"),
        parts=_FROM_NAME,
    ),
    "table": LayoutKey(
        "HTML: table or tables to read, by number from 1", "the one with the most figures", ("number", "list")
    ),
    "sheet": _SHEET,
    "range": LayoutKey("part of the worksheet that holds the table, as A3:H40", "all that is filled"),
    "unit": LayoutKey("column that holds the regions' names, by number from 1", 1, ("number",), least=1),
    "header_rows": LayoutKey("number of rows above the first region", "found out", ("number",), least=0),
    "encoding": _ENCODING,
    "skip_rows": _SKIP,
    "keep_rows": _KEEP,
    "missing": _MISSING,
    "marks": _MARKS,
    "measures": _MEASURES,
    "end": replace(_END, formats=("html",)),
    "numbers": _NUMBERS,
    **_CAPS,
    "most_columns": _MOST_COLUMNS,
}

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {
        NBS_EXPORT: Adapter(read="ruralpanel.data.adapters.nbs_export:read", keys=_OF_NBS_EXPORT),
        "nbs_api": Adapter(read="ruralpanel.data.adapters.nbs_api:read", keys=_OF_NBS_API, live=True),
        TABLE: Adapter(read="ruralpanel.data.adapters.table:read", keys=_OF_TABLE),
        YEARBOOK: Adapter(read="ruralpanel.data.adapters.yearbook:read", keys=_OF_YEARBOOK),
    }
)
