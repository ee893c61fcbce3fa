"""The layout keys that each adapter understands; imports nothing heavy, so that the configuration check can use it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ruralpanel.project.problems import Problem, did_you_mean


@dataclass(frozen=True)
class LayoutKey:
    """One key of a source's `layout`: what it means, what holds where it is absent, which values it takes.

    `kinds` names the types allowed: ``text``, ``number`` (a whole one), ``decimal``, ``list``, ``mapping``; `choices`,
    where not empty, the words allowed; `parts` the keys of a mapping, the first of them required, with their words;
    `formats`, where not empty, the formats of files (`grids.kind`) that the key says anything about; `least` is the
    smallest number allowed.
    """

    meaning: str
    default: Any
    kinds: tuple[str, ...] = ("text",)
    choices: tuple[str, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    formats: tuple[str, ...] = ()
    least: float | None = None


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

LAYOUT_KEYS: Mapping[str, Mapping[str, LayoutKey]] = {
    "nbs_export": {
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
    },
    "nbs_api": {
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
        "library": LayoutKey(
            "number of the library that the tree belongs to", "6, annual by province", ("text", "number")
        ),
        "pause": LayoutKey(
            "seconds between two requests; doubled after each failure", 1.5, ("number", "decimal"), least=0
        ),
        "attempts": LayoutKey("how often a request is made before giving up", 7, ("number",), least=1),
        "timeout": LayoutKey("seconds within which an answer must be whole", 60, ("number", "decimal"), least=0.001),
        "years_per_request": LayoutKey("years asked for at once", 20, ("number",), least=1),
        "regions_per_request": LayoutKey("regions asked for at once", 10, ("number",), least=1),
        "skip_rows": _SKIP,
        "keep_rows": _KEEP,
        "missing": _MISSING,
        "marks": _MARKS,
        "measures": _MEASURES,
    },
    "table": {
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
        "series": LayoutKey("the column that names the series, where all figures stand in one column", ""),
        "value": LayoutKey("the column of all figures, together with `series`", "value"),
        "across": LayoutKey("wide: what the columns stand for", "period", choices=("period", "unit")),
        "columns": LayoutKey("wide: how the columns of a series are named; {period} stands for the year", "{period}"),
        "where": LayoutKey("rows to keep: column → value (or list of values)", {}, ("mapping",)),
        "skip_rows": LayoutKey("units to leave out by name (totals)", [], ("list",)),
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
    },
    "yearbook": {
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
    },
}


_WORDS = {
    "text": "text",
    "number": "a whole number",
    "decimal": "a number",
    "list": "a list",
    "mapping": "a mapping",
}


_PART_OF_FIGURE = re.compile(r"[\s0-9.,+\-−()（）\[\]]*")
_WHOLE_MARK = re.compile(r"[(（\[]?[0-9]{1,2}[)）\]]")


_TO_FILL_IN = {"YYYY": ("the year of the figures", "1998"), "REGION": ("the region of the figures", "北京市")}
"""What new-source prints where a file does not say it."""


def layout_problems(adapter: str, layout: Mapping[str, Any], file: str, where: str) -> tuple[Problem, ...]:
    """What is wrong with a source's `layout`: unknown keys, wrong kinds of value, words not allowed.

    Parameters
    ----------
    adapter : str
        Its name; one that is not in `LAYOUT_KEYS` gives no problem here.
    layout : mapping
    file, where : str
        The file and the path in it that hold the layout, for the wording.
    """
    if adapter not in LAYOUT_KEYS:
        return ()
    known = LAYOUT_KEYS[adapter]
    problems = []
    for name, value in layout.items():
        place = f"{where}.{name}"
        if name not in known:
            fix = did_you_mean(str(name), known) or "known are " + ", ".join(known)
            problems.append(Problem(file, place, f'unknown key "{name}"', f"a layout key of {adapter}", fix))
            continue
        key = known[name]
        if isinstance(value, str) and value in _TO_FILL_IN:
            wanted, example = _TO_FILL_IN[value]
            problems.append(Problem(file, place, f'"{value}"', wanted, f"write it, as {name}: {example}"))
            continue
        if _kind(value) not in key.kinds:
            wanted = " or ".join(_WORDS[kind] for kind in key.kinds)
            problems.append(Problem(file, place, repr(value), wanted, key.meaning))
        elif name == "marks":
            problems += [
                Problem(
                    file,
                    place,
                    f'the mark "{mark}"',
                    "a mark that cannot be part of a figure",
                    'with its digit, as "1)", if that is printed; else correct the cells',
                )
                for mark in value
                if _PART_OF_FIGURE.fullmatch(str(mark)) and not _WHOLE_MARK.fullmatch(str(mark))
            ]
        elif key.least is not None and isinstance(value, (int, float)) and not value >= key.least:
            problems.append(Problem(file, place, repr(value), f"a number from {key.least:g} on", key.meaning))
        elif key.choices and value not in key.choices:
            options = ", ".join(f'"{choice}"' for choice in key.choices)
            problems.append(
                Problem(file, place, f'"{value}"', f"one of {options}", did_you_mean(str(value), key.choices))
            )
        elif isinstance(value, Mapping) and key.parts:
            problems += _part_problems(key, value, file, place)
    if adapter == "table" and not problems:
        problems += _without_use(layout, file, where)
    return tuple(problems)


def format_problems(adapter: str, layout: Mapping[str, Any], formats: Collection[str], file: str) -> list[Problem]:
    """Keys of a source's `layout` that say nothing about any of its files, since these have other formats.

    Parameters
    ----------
    adapter, layout : as of `layout_problems`
    formats : the formats of the source's files.
    file : the source, for the wording.
    """
    known = LAYOUT_KEYS.get(adapter, {})
    unused = {
        name: key.formats
        for name, value in layout.items()
        if (key := known.get(name)) and key.formats and value != key.default and not set(key.formats) & set(formats)
    }
    found = ", ".join(sorted(formats))
    return [
        Problem(
            file,
            f"layout.{name}",
            f"a key of {' or '.join(fits)} files, but the source is {found}",
            f"only keys that say something about {found}",
            "leave it out",
        )
        for name, fits in unused.items()
    ]


def _without_use(layout: Mapping[str, Any], file: str, where: str) -> list[Problem]:
    """Keys of a table that its other keys leave without use, unless they say what holds anyway."""
    wide, units_across = layout.get("shape") == "wide", layout.get("across") == "unit"
    unused: dict[str, str] = {}
    if not wide:
        unused |= dict.fromkeys(("across", "columns"), "shape: wide, whose columns it is about")
    elif units_across:
        unused |= dict.fromkeys(("unit", "columns"), "shape: wide with a column for each period")
    else:
        unused["period"] = "the years in the names of the columns, as {period} in layout.columns says"
    if wide:
        unused["value"] = "a long table: in a wide one the figures stand below the years or units"
    elif not layout.get("series"):
        unused["value"] = "layout: {series: …}; without it each series has a column"
    if layout.get("query"):
        unused["from"] = "no query: that names its tables itself"
    known = LAYOUT_KEYS["table"]
    fix = "leave it out; a row for each unit and period: leave shape: wide out" if wide else "leave it out"
    problems = [
        Problem(file, f"{where}.{name}", repr(layout[name]), expected, fix)
        for name, expected in unused.items()
        if name in layout and layout[name] != known[name].default
    ]
    if layout.get("thousands") == layout.get("decimal", "."):
        found, other = repr(layout["thousands"]), "." if layout["thousands"] == "," else ","
        expected, fix = "another sign than the decimal mark", f'leave it out, or decimal: "{other}"'
        problems.append(Problem(file, f"{where}.thousands", found, expected, fix))
    return problems


def _part_problems(key: LayoutKey, value: Mapping[str, Any], file: str, place: str) -> list[Problem]:
    required = next(iter(key.parts))
    problems = [
        Problem(file, f"{place}.{name}", f'unknown key "{name}"', f"one of {', '.join(key.parts)}", key.meaning)
        for name in value
        if name not in key.parts
    ]
    if required not in value and not problems:
        problems.append(
            Problem(file, place, f"no `{required}`", f"one of {', '.join(key.parts[required])}", key.meaning)
        )
    for name, words in key.parts.items():
        if name in value and (not isinstance(value[name], str) or (words and value[name] not in words)):
            expected = f"one of {', '.join(words)}" if words else "text"
            problems.append(Problem(file, f"{place}.{name}", repr(value[name]), expected, key.meaning))
    return problems


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "yes or no"
    kinds = (("text", str), ("number", int), ("decimal", float), ("list", (list, tuple)), ("mapping", Mapping))
    for name, types in kinds:
        if isinstance(value, types):
            return name
    return "other"
