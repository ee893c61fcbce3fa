"""The table of adapters: how the files of a source are read, and the layout keys of each; no pandas.

To add an adapter: an entry here, a module below ``data/adapters``, a section in docs/adapters.md, which shows a whole
one. ``tests/project/test_kinds.py`` says what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from keyword import iskeyword
from types import MappingProxyType
from typing import Any, Self

from ruralpanel.project.kinds.facts import Adapter, LayoutKey

NBS_EXPORT, TABLE, YEARBOOK = "nbs_export", "table", "yearbook"
"""Adapters that ``new-source`` proposes."""

_WORKBOOKS = ("xlsx", "xls")
_ROWS = ("text", *_WORKBOOKS)
_DATABASES = ("sqlite", "duckdb")
_NUMBER, _SECONDS = ("number",), ("number", "decimal")
_LIST = ("list",)


def _key(meaning: str, default: Any = None, kinds: Sequence[str] = ("text",), found: Any = "", **more: Any) -> Any:
    """A layout key; `found`: what holds where it is absent, if no value can say it; others as of `LayoutKey`."""
    stated = found or ([] if default == () else default)
    told = {"key": LayoutKey(meaning, stated, tuple(kinds), **more)}
    return field(default_factory=dict, metadata=told) if default == {} else field(default=default, metadata=told)


def _sheet(meaning: str, found: str) -> Any:
    return _key(meaning, None, ("text", "number", "list"), found, formats=_WORKBOOKS)


def _period(meaning: str, default: str | None, *kinds: str) -> Any:
    parts = {"from": ("name", "sheet", "file"), "as": ()}
    return _key(meaning, default, (*kinds, "number", "mapping"), default or "", parts=parts)


_MISSING = "further marks that mean “no figure”, beside blank, …, --, -, 无, NA"
_END = (
    "whether the end of the file must be there (a source line; a closed HTML table), so that a file that was cut off "
    "is noticed"
)


@dataclass(frozen=True)
class Layout:
    """How files are read: the layout keys that every adapter may know (`keys_of`)."""

    sheet: str | int | Sequence[str | int] | None = _sheet(
        "worksheet, by name or by number from 1; a list of them where the year stands in their names",
        "the only one that is not empty",
    )
    range: str | None = _key("part of the worksheet that holds the table, as A3:H40", found="all that is filled")
    encoding: str | None = _key(
        "encoding of a text file",
        found="found out: UTF-8 with or without mark, UTF-16, else GB18030 (GBK)",
        formats=("text", "html", "dta", "dbf"),
    )
    skip_rows: Sequence[str] = _key(
        "further rows to leave out by name, beside the nation, totals and the usual groups of regions", (), _LIST
    )
    keep_rows: Sequence[str] = _key(
        "rows to keep although their names are usually those of totals or groups (a unit named Central)", (), _LIST
    )
    missing: Sequence[str] = _key(_MISSING, (), _LIST)
    marks: Sequence[str] = _key("further footnote marks that may stand before or after a figure", (), _LIST)
    measures: str = _key(
        "whether a measure that the file names (in a heading, a title, a line 单位：万人) must be the declared one",
        "checked",
        choices=("checked", "ignored"),
    )
    end: str = _key(_END, "required", choices=("required", "optional"))
    numbers: str = _key(
        "figures that a worksheet shows larger or smaller than it stores them (0.0%, #,##0,): which of the two is "
        "meant",
        "",
        found="the measure decides (percent, share); else they are refused",
        choices=("shown", "stored"),
        formats=_WORKBOOKS,
    )
    most_cells: int = _key(
        "cells of a worksheet, a page or a text that are read at most",
        5_000_000,
        _NUMBER,
        formats=("html", *_ROWS),
        least=1,
    )
    most_columns: int = _key(
        "HTML and text: columns of a table at most", 16_384, _NUMBER, formats=("html", "text"), least=1
    )
    most_megabytes: int = _key("size of an XLSX file at most, once unpacked", 300, _NUMBER, formats=("xlsx",), least=1)

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> Self:
        """The keys as they are declared, after their check; null as if they were not."""
        given = {f"{key}_" if iskeyword(key) else key: value for key, value in declared.items() if value is not None}
        return cls(**given)


@dataclass(frozen=True)
class Dated(Layout):
    """Layout keys of an adapter that may take the period from the names of files or worksheets."""

    period: str | int | Mapping[str, str] | None = _period(
        "the year of the figures, where the columns do not name it with {period}; or {from: name}: as for `table`", None
    )


@dataclass(frozen=True)
class TableLayout(Dated):
    """Layout keys of `table`."""

    period: str | int | Mapping[str, str] | None = _period(
        "the column that holds the period, or the one period (a number) of all figures, or {from: name}: the year in "
        "the name of each file or worksheet (from: file, from: sheet: only there; as: roads_{period}: how it is named)",
        "period",
        "text",
    )
    range: str | None = _key(
        "part of the worksheet or text file that holds the table, as A3:H40", found="all that is filled", formats=_ROWS
    )
    skip_rows: Sequence[str] = _key(
        "units to leave out by name (totals); * in a name stands for any signs (*00: codes of higher levels), an empty "
        "one for rows that name no unit",
        (),
        _LIST,
    )
    missing: Sequence[str] = _key(f"{_MISSING}; numbers too, as -999", (), _LIST)
    most_cells: int = _key(
        "cells of a worksheet that are read at most", Layout.most_cells, _NUMBER, formats=_WORKBOOKS, least=1
    )
    shape: str = _key(
        "long: a row for each unit and period; wide: a column for each period (or unit)",
        "long",
        choices=("long", "wide"),
    )
    unit: str = _key("the column that holds the unit's name or id", "unit")
    frequency: str = _key(
        "what a date in the period's column stands for; quarters (2012Q3) and months (2012-07) are read as such",
        "",
        found="year",
        choices=("year", "quarter", "month"),
    )
    series: str = _key("the column that names the series, where all figures stand in one column", "")
    value: str = _key("the column of all figures, together with `series`", "value")
    across: str = _key("wide: what the columns stand for", "period", choices=("period", "unit"))
    columns: str = _key("wide: how the columns of a series are named; {period} stands for the year", "{period}")
    where: Mapping[str, Any] = _key("rows to keep: column → value (or list of values)", {}, ("mapping",))
    header: int | None = _key(
        "row of the column names, from 1 (in the file, or in the range)",
        None,
        _NUMBER,
        found=1,
        formats=_ROWS,
        least=1,
    )
    first_row: int | None = _key(
        "row of the first figures, where rows of measures or notes stand between it and the column names",
        None,
        _NUMBER,
        "the one below the column names",
        formats=_ROWS,
        least=1,
    )
    delimiter: str = _key(
        "sign between the columns of a text file",
        "",
        found="found out from the header: comma, semicolon, tab or bar",
        formats=("text",),
    )
    decimal: str | None = _key("decimal mark of figures that are text", found=".", choices=(".", ","))
    thousands: str | None = _key(
        "thousands separator of figures that are text", found="none", choices=(",", ".", " ", "'")
    )
    query: str = _key(
        "SELECT statement for an SQLite or DuckDB file", "", found="the whole of `from`", formats=_DATABASES
    )
    from_: str | None = _key("table or view of an SQLite or DuckDB file", found="the only one", formats=_DATABASES)
    timeout: float = _key(
        "seconds within which an SQLite or DuckDB file must have answered",
        60,
        _SECONDS,
        formats=_DATABASES,
        least=0.001,
    )


@dataclass(frozen=True)
class YearbookLayout(Dated):
    """Layout keys of `yearbook`."""

    end: str = _key(_END, "required", choices=("required", "optional"), formats=("html",))
    table: int | Sequence[int] | None = _key(
        "HTML: table or tables to read, by number from 1", None, ("number", "list"), "the one with the most figures"
    )
    unit: int = _key("column that holds the regions' names, by number from 1", 1, _NUMBER, least=1)
    header_rows: int | None = _key("number of rows above the first region", None, _NUMBER, "found out", least=0)


@dataclass(frozen=True)
class NbsExportLayout(Layout):
    """Layout keys of `nbs_export`."""

    sheet: str | int | Sequence[str | int] | None = _sheet(
        "worksheets, by name or by number from 1", "every sheet with a table"
    )
    region: str = _key("the region of a file that lists indicators; one that the file names must be the same", "")


@dataclass(frozen=True)
class NbsApiLayout(Layout):
    """Layout keys of `nbs_api`; absent ones of a request are those of `snakemake fetch`."""

    years: Sequence[int] | None = _key("first and last year to fetch", None, _LIST, "none: needed by `snakemake fetch`")
    cids: Sequence[str] | Mapping[str, Any] = _key(
        "ids of the data sets to look into, for all series or by series; without them the tree is walked",
        (),
        ("list", "mapping"),
    )
    under: Sequence[str] = _key("folders of the tree to look into, as 农业 > 乡村人口", (), _LIST, "the whole tree")
    regions: Mapping[str, str] = _key(
        "regions to ask for: name → 12-digit code",
        {},
        ("mapping",),
        "the units with a 6-digit code in the units file",
    )
    base: str = _key("address of the interface", "", found="that of data.stats.gov.cn")
    root: str = _key("id of the tree's root", "", found="that of the annual data by province")
    library: str | int = _key(
        "number of the library that the tree belongs to", "", ("text", "number"), "6, annual by province"
    )
    pause: float = _key("seconds between two requests; doubled after each failure", 1.5, _SECONDS, least=0)
    attempts: int = _key("how often a request is made before giving up", 7, _NUMBER, least=1)
    timeout: float = _key("seconds within which an answer must be whole", 60, _SECONDS, least=0.001)
    years_per_request: int = _key("years asked for at once", 20, _NUMBER, least=1)
    regions_per_request: int = _key("regions asked for at once", 10, _NUMBER, least=1)


def keys_of(layout: type[Layout], *without: str) -> Mapping[str, LayoutKey]:
    """The keys that a class declares, but for those that say nothing about an adapter's files."""
    return {item.name.rstrip("_"): item.metadata["key"] for item in fields(layout) if item.name not in without}


_OF_FILES = ("sheet", "range", "encoding", "end", "numbers", "most_cells", "most_columns", "most_megabytes")

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {
        NBS_EXPORT: Adapter(read="ruralpanel.data.adapters.nbs_export:read", keys=keys_of(NbsExportLayout, "range")),
        "nbs_api": Adapter(
            read="ruralpanel.data.adapters.nbs_api:read", keys=keys_of(NbsApiLayout, *_OF_FILES), live=True
        ),
        TABLE: Adapter(
            read="ruralpanel.data.adapters.table:read", keys=keys_of(TableLayout, "keep_rows", "end", "most_columns")
        ),
        YEARBOOK: Adapter(read="ruralpanel.data.adapters.yearbook:read", keys=keys_of(YearbookLayout)),
    }
)
