"""Tables alike but for the year in the name of their file or sheet: one source with the years taken from the names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruralpanel.tools.new_source.headings import year_named
from ruralpanel.tools.new_source.tables import Found

_OF_ONE = ("sheet", "period", "range")


def joined_sheets(parts: Sequence[Found]) -> list[Found]:
    """The entries for the sheets of a workbook, those of yearly sheets as one."""
    years = {part.part: _year_of(part.part, part.layout) for part in parts}
    yearly = [part for part in parts if years[part.part] and _alike(_entry(part), _entry(parts[0]))]
    if len(yearly) < 2 or len({years[part.part] for part in yearly}) < len(yearly):
        return list(parts)
    layout = {key: value for key, value in yearly[0].layout.items() if key not in _OF_ONE}
    layout |= {"period": {"from": "name"}}
    if len(yearly) < len(parts):
        layout["sheet"] = [part.part for part in yearly]
    first = yearly[0]
    doubts = [doubt for part in yearly for doubt in part.unsure if not about_years(doubt)]
    units = tuple(dict.fromkeys(unit for part in yearly for unit in part.units))
    one = replace(
        first,
        layout=layout,
        unsure=(*dict.fromkeys(doubts), "the years, from the names of the sheets: no column holds them"),
        figures=sum(part.figures for part in yearly),
        units=units,
        years=tuple(sorted(year for part in yearly if (year := years[part.part]))),
        part="",
    )
    return [one, *(part for part in parts if part not in yearly)]


def joined_files(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The entry for files that are alike but for the year in their names, without its path; None where they are not."""
    years = [_year_of(Path(str(entry["path"])).stem, entry.get("layout", {})) for entry in entries]
    if len(entries) < 2 or not all(years) or len(set(years)) < len(years):
        return None
    if not all(_alike(entry, entries[0]) for entry in entries) or any("sheet" in e["layout"] for e in entries):
        return None
    layout = {key: value for key, value in entries[0]["layout"].items() if key not in _OF_ONE}
    return {**entries[0], "layout": {**layout, "period": {"from": "name"}}}


def about_years(doubt: str) -> bool:
    """Whether a doubt is about the year of one table, which the names of all of them settle."""
    return doubt.startswith("the year")


def _year_of(name: str, layout: Mapping[str, Any]) -> int | None:
    """The year that a name tells, where nothing in the table tells another."""
    year = year_named([name])
    return year if layout.get("period") in ("YYYY", year) else None


def _entry(part: Found) -> dict[str, Any]:
    return {"adapter": part.adapter, "layout": part.layout, "series": part.series}


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two tables are read alike, but for the sheet, its range and the year."""

    def shape(entry: Mapping[str, Any]) -> tuple[Any, ...]:
        layout = {key: value for key, value in (entry.get("layout") or {}).items() if key not in _OF_ONE}
        series = {key: {k: v for k, v in fields.items() if k != "measure"} for key, fields in entry["series"].items()}
        return entry["adapter"], layout, series

    return shape(one) == shape(other)
