"""Look at a file and write the configuration entry that would read it, with what is unsure about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ruralpanel.adapters import grids
from ruralpanel.adapters.registry import read
from ruralpanel.adapters.table_files import open_table
from ruralpanel.contracts.measures import MeasureError, parse
from ruralpanel.contracts.problems import Problem, UserError
from ruralpanel.contracts.specs import SourceSpec
from ruralpanel.contracts.units import Units

_PERIOD_NAMES = ("year", "period", "time", "date", "年", "年份", "时间")
_UNIT_NAMES = ("unit", "id", "code", "region", "province", "state", "county", "name", "地区", "省份", "代码")
_YEAR = re.compile(r"^(1[6-9]|20)\d\d(?:\.0|年)?$")
_SUFFIXES = (
    (r"100m_yuan|1e8_yuan|亿元", "10^8 CNY"), (r"10k_yuan|万元", "10^4 CNY"), (r"10k_persons?|万人", "10^4 person"),
    (r"10k_households|万户", "10^4 household"), (r"persons?|people|人$", "person"), (r"households?", "household"),
    (r"pct|percent|%", "percent"), (r"share|ratio|rate", "share"), (r"(?<![a-z])km2", "km2"),
    (r"(?<![a-z])km(?![a-z0-9])", "km"), (r"kwh", "kWh"), (r"yuan|cny|rmb", "CNY"), (r"usd|dollars?", "USD"),
)  # fmt: skip


@dataclass(frozen=True)
class Inspection:
    """An entry for ``sources`` (as plain values) and what it is unsure of."""

    name: str
    entry: dict[str, Any]
    unsure: tuple[str, ...] = ()
    figures: int = 0


def inspect_source(path: str | Path, units: Units | None = None) -> str:
    """The entry for a file as text: YAML to paste under ``sources`` and ``variables``, then the doubts as comments.

    Parameters
    ----------
    path : any file that an adapter reads.
    units : the project's units, to find the column that names them; None: found by its heading.

    Raises
    ------
    UserError
        A file that does not exist or that no adapter reads.
    """
    found = inspect(path, units)
    variables = {
        (key if re.fullmatch(r"[A-Za-z]\w*", key, re.A) else f"{found.name}_{number}"): {
            "source": found.name,
            "series": key,
            "measure": series["measure"],
        }
        for number, (key, series) in enumerate(list(found.entry["series"].items())[:3], 1)
    }
    lines = [f"# {found.figures} figures; paste into config.yaml"]
    lines.append(_yaml({"sources": {found.name: found.entry}}))
    lines.append("# variables take series in the measure that you want, for example:")
    lines.append(_yaml({"variables": variables}))
    if found.unsure:
        lines += ["# Not sure, please check:", *(f"#   - {doubt}" for doubt in found.unsure)]
    return "\n".join(lines)


def inspect(path: str | Path, units: Units | None = None) -> Inspection:
    """What `inspect_source` prints, as values."""
    file = Path(path)
    if not file.is_file():
        raise UserError(Problem(str(path), "", "no such file", "a file", "check the path"))
    kind = grids.kind(file)
    if kind == "empty":
        raise UserError(Problem(str(path), "", "an empty file", "a file with figures"))
    name = re.sub(r"\W+", "_", file.stem.lower()).strip("_") or "my_source"
    name = name if name[0].isalpha() else f"source_{name}"
    for adapter in ("nbs_export", "yearbook") if kind in ("html", "text", "xls", "xlsx") else ():
        inspection = _region_file(file, name, adapter)
        if inspection is not None:
            return inspection
    return _table(file, name, units)


def _region_file(file: Path, name: str, adapter: str) -> Inspection | None:
    """An export or a yearbook table, if the adapter for it can read the file."""
    if adapter == "nbs_export" and "地区" not in _head(file) and "指标" not in _head(file):
        return None
    if adapter == "yearbook" and grids.kind(file) != "html":
        return None
    layout: dict[str, Any] = {} if adapter == "nbs_export" else {"period": 2000}
    try:
        cells = read(SourceSpec(name, adapter, str(file), (str(file),), None, layout))
    except UserError:
        return None
    unsure = ["the year of the table (layout: period)"] if adapter == "yearbook" else []
    series = {}
    for key in map(str, dict.fromkeys(cells["series"])):
        measure, doubt = guess_measure(key if adapter == "yearbook" else _heading_of(key, _head(file)))
        series[key] = {"measure": measure}
        unsure += [f"{key}: {doubt}"] if doubt else []
    entry: dict[str, Any] = {"adapter": adapter, "path": str(file)}
    if layout:
        entry["layout"] = layout
    return Inspection(name, {**entry, "series": series}, tuple(unsure), int(cells["value"].notna().sum()))


def _heading_of(key: str, head: str) -> str:
    """The words with the unit of measure that stand beside an indicator, or all words above the figures."""
    beside = re.search(rf"{re.escape(key)}\s*[(（][^()（）]+[)）]", head)
    return beside.group() if beside else head


def _head(file: Path) -> str:
    try:
        sheets = grids.read_sheets(str(file), file.name, {})
    except UserError:
        return ""
    rows = [row for sheet in sheets[:1] for row in sheet.rows[:60]]
    return "\n".join(" ".join(cell for cell in row.cells if cell) for row in rows)


def _table(file: Path, name: str, units: Units | None) -> Inspection:
    table = open_table(str(file), file.name, {})
    names = list(dict.fromkeys(table.names))
    loaded, _ = table.read(names, [])
    texts = {column: [str(value).strip() for value in loaded[column]] for column in names}
    unsure: list[str] = []
    unit = _unit_column(texts, units, unsure)
    years = [column for column in names if _YEAR.match(column.strip())]
    layout: dict[str, Any]
    if len(years) > 1:
        key = name
        measure, doubt = guess_measure(name)
        layout = {"shape": "wide", "unit": unit}
        series: dict[str, dict[str, str]] = {key: {"measure": measure}}
        unsure += [f"{key}: {doubt}"] if doubt else []
        count = sum(_is_number(text) for column in years for text in texts[column])
    else:
        period = _period_column(texts, unit)
        layout = {"shape": "long", "unit": unit, "period": period or 2000}
        if period is None:
            unsure.append("the year: no column holds it, so the number under period stands for all rows")
        series, count = {}, 0
        for column in names:
            numbers = sum(_is_number(text) for text in texts[column])
            if column in (unit, period) or 2 * numbers < len(texts[column]):
                continue
            key = re.sub(r"\W+", "_", column.strip().lower()).strip("_") or f"column_{names.index(column) + 1}"
            measure, doubt = guess_measure(column)
            series[key if key[0].isalpha() else f"series_{key}"] = {"column": column, "measure": measure}
            unsure += [f"{column}: {doubt}"] if doubt else []
            count += numbers
    if not series:
        raise UserError(Problem(file.name, "", "no column of figures", "at least one column of numbers"))
    entry = {"adapter": "table", "path": str(file), "layout": layout, "series": series}
    return Inspection(name, entry, tuple(unsure), count)


def _unit_column(texts: dict[str, list[str]], units: Units | None, unsure: list[str]) -> str:
    if units is not None:
        shares = {
            column: sum(units.match(text) is not None for text in set(values)) / max(len(set(values)), 1)
            for column, values in texts.items()
        }
        best = max(shares, key=lambda column: shares[column])
        if shares[best] > 0.5:
            if shares[best] < 1:
                unknown = sorted({text for text in texts[best] if units.match(text) is None})
                unsure.append(f"{best} names {', '.join(unknown[:5])}, which the units file does not know")
            return best
    words = [column for column in texts if any(word in column.lower() for word in _UNIT_NAMES)]
    text_columns = [column for column, values in texts.items() if not any(map(_is_number, values))]
    chosen = next(iter([*words, *text_columns, *texts]))
    unsure.append(f"the column of units: {chosen}")
    return chosen


def _period_column(texts: dict[str, list[str]], unit: str) -> str | None:
    years = [
        column
        for column, values in texts.items()
        if column != unit and values and all(_YEAR.match(text) for text in values)
    ]
    named = [column for column in years if column.strip().lower() in _PERIOD_NAMES]
    return next(iter([*named, *years]), None)


def guess_measure(text: str) -> tuple[str, str]:
    """The measure that a heading names, and a doubt in words where it is a guess or there is none."""
    for inside in re.findall(r"[(（]([^()（）]+)[)）]", text):
        try:
            parse(inside)
        except MeasureError:
            continue
        return inside, ""
    for pattern, measure in _SUFFIXES:
        if re.search(pattern, text.lower()):
            return measure, f"measure {measure}, guessed from the heading"
    return "item", "measure: nothing in the heading names it, so item stands in its place"


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "").replace(" ", ""))
    except ValueError:
        return False
    return text.lower() != "nan"


def _yaml(values: Any) -> str:
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120).rstrip()
