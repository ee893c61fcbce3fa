"""Which column of a table holds units, years, names of series and figures, and how its figures are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.text import without_marks
from ruralpanel.data.adapters.titles import is_left_out, left_out
from ruralpanel.project.periods import frequency
from ruralpanel.project.units import Units
from ruralpanel.tools.new_source.headings import template_of

_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,. '])\d{3})+(?:([.,])\d+)?")
_PLAIN = re.compile(r"[+-]?\d+(?:([.,])\d+)?(?:[eE][+-]?\d+)?|[+-]?[.,]\d+")
_YEAR = re.compile(r"(1[6-9]\d\d|20\d\d)(?:\.0|年度?)?")


@dataclass(frozen=True)
class Marks:
    """Layout keys (`decimal`, `thousands`) for figures that are text, and a doubt about them."""

    layout: dict[str, str]
    doubt: str = ""


def is_figure(cell: str) -> bool:
    """Whether a text is a figure under any usual convention; footnote marks do not count."""
    bare = text.without_marks(cell)
    return bool(_PLAIN.fullmatch(bare) or _GROUPED.fullmatch(bare))


def is_missing(cell: str) -> bool:
    """Whether a text is blank or a usual mark for “no figure”."""
    return text.plain(cell).casefold() in text.MISSING


def is_year(cell: str) -> bool:
    """Whether a text is a year from 1600 to 2099, as 2012, 2012年 or 2012.0; a quarter, a month or a date."""
    bare = text.plain(cell)
    if _YEAR.fullmatch(bare) or re.fullmatch(r"(?:1[6-9]|20)\d\d-\d\d-\d\d(?:[ T].*)?", bare):
        return True
    # six digits may be a figure as well as a month
    return not bare.isdigit() and frequency(text.period(bare) or 0) != "year"


def marks_of(cells: Iterable[str]) -> Marks:
    """Which sign parts decimals and which thousands, from all figures that are text."""
    bare = [text.without_marks(cell) for cell in dict.fromkeys(cells) if is_figure(cell)]
    both = [match for cell in bare if (match := _GROUPED.fullmatch(cell)) and match[2] and match[1] != match[2]]
    if both:
        return Marks(_keys(both[0][2], both[0][1]))
    commas = [cell for cell in bare if "," in cell and "." not in cell]
    spaced = [match[1] for cell in bare if (match := _GROUPED.fullmatch(cell)) and match[1] in " '"]
    if any(_PLAIN.fullmatch(cell) and not _GROUPED.fullmatch(cell) for cell in commas):
        return Marks(_keys(",", spaced[0] if spaced else ""))
    if commas:
        shown = commas[0]
        whole = shown.replace(",", "")
        if any("." in cell for cell in bare):
            return Marks(_keys(".", ","))
        return Marks(
            _keys(".", ","),
            f"figures such as {shown}: read as {whole}, commas between thousands; if they are decimal commas, write "
            f'decimal: "," instead of thousands',
        )
    return Marks(_keys(".", spaced[0]) if spaced else {})


def _keys(decimal: str, thousands: str) -> dict[str, str]:
    return {**({"decimal": ","} if decimal == "," else {}), **({"thousands": thousands} if thousands else {})}


def missing_marks(values: Sequence[float]) -> list[int]:
    """Negative numbers of one repeated digit (-99, -999, -88888) among figures that are otherwise not negative."""
    marks = {int(value) for value in values if value < 0 and re.fullmatch(r"-(\d)\1+(\.0)?", repr(float(value)))}
    rest = [value for value in values if value not in marks]
    return sorted(marks) if marks and rest and min(rest) >= 0 else []


_PERIOD_NAMES = ("year", "years", "period", "time", "date", "yr", "年", "年份", "年度", "时间")
_UNIT_NAMES = (
    "unit",
    "id",
    "code",
    "region",
    "province",
    "state",
    "county",
    "country",
    "name",
    "地区",
    "省",
    "县",
    "代码",
)
_MOST_SERIES = 60


@dataclass(frozen=True)
class Roles:
    """What each column is for.

    Attributes
    ----------
    unit, period : names of columns; `period` is None where no column holds years. Empty `unit`: none found.
    series : the column that names series. value : the column of all figures beside it.
    templates : wide tables, name of a column with {period} → the columns' names. across : units stand in the header.
    where : column → the one value kept. figures : columns of figures.
    """

    unit: str
    period: str | None = None
    series: str = ""
    value: str = ""
    templates: Mapping[str, tuple[str, ...]] | None = None
    across: bool = False
    where: Mapping[str, str] | None = None
    figures: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def roles_of(texts: Mapping[str, Sequence[str]], units: Units | None) -> Roles:
    """The roles of the columns of a table, from the texts in them (of some thousand rows)."""
    doubts: list[str] = []
    numeric = {name for name, cells in texts.items() if _share(cells, is_figure) > 0.5}
    if units is not None:
        in_header = [name for name in texts if units.bearers(name)]
        if len(in_header) > max(2, len(texts) // 2):
            return _across(texts, in_header)
    unit = _unit_column(texts, units, numeric, doubts)
    templates = _templates(texts, numeric - {unit})
    period = _period_column(texts, unit, doubts)
    if templates and (period is None or len(templates) == 1):
        used = {name for names in templates.values() for name in names}
        words = [name for name in texts if name not in used | numeric | {unit}]
        series = _telling(texts, [unit], words)
        return Roles(unit, None, series, "", templates, False, None, tuple(sorted(used)), tuple(doubts))
    figures = [name for name in texts if name in numeric and name not in (unit, period)]
    keys = [name for name in (unit, period) if name]
    words = [name for name in texts if name not in numeric and name not in keys]
    telling = _telling(texts, keys, words)
    if telling and len(figures) == 1:
        return Roles(unit, period, telling, figures[0], figures=(figures[0],), doubts=tuple(doubts))
    where = None
    if telling:
        values = list(dict.fromkeys(texts[telling]))
        where = {telling: values[0]}
        doubts.append(
            f"several rows for one unit and year, told apart by {telling} ({', '.join(values[:6])}): one kind is kept"
        )
    elif _repeated(texts, keys):
        doubts.append(f"several rows for one {' and '.join(keys)}: `where` or `skip_rows` must leave one of them")
    return Roles(unit, period, where=where, figures=tuple(figures), doubts=tuple(doubts))


def rows_left_out(names: Sequence[str], units: Units | None) -> tuple[list[str], list[str]]:
    """Names of the nation, totals and groups, beside units those of aggregates too; and names that no unit bears."""
    usual = left_out()
    bearers = {name: set(units.bearers(without_marks(name))) if units else set() for name in names if name}
    single = set(units.ids if units else ())
    beside = any(found & single for found in bearers.values())
    distinct = [name for name, found in bearers.items() if not found & single and (beside or not found)]
    totals = [name for name in distinct if bearers[name] or is_left_out(name, usual)]
    return totals, [name for name in distinct if name not in totals] if units else []


def unknown_doubts(names: Sequence[str], units: Units) -> list[str]:
    """What to do about names that no unit bears, the first few one by one."""
    doubts = []
    for name in names[:6]:
        near = units.suggest(name)
        fix = near or "add it there, or leave the row out with skip_rows"
        doubts.append(f'"{name}" is no unit of {units.file}: {fix}')
    return doubts + ([f"{len(names) - 6} more names are not in {units.file}"] if len(names) > 6 else [])


def _across(texts: Mapping[str, Sequence[str]], in_header: Sequence[str]) -> Roles:
    rest = [name for name in texts if name not in in_header]
    period = next((name for name in rest if texts[name] and all(map(is_year, texts[name]))), None)
    series = _telling(texts, [period] if period else [], [name for name in rest if name != period])
    return Roles("", period, series, across=True, figures=tuple(in_header))


def _share(cells: Sequence[str], test: Any) -> float:
    filled = [cell for cell in cells if not is_missing(cell)]
    return sum(1 for cell in filled if test(cell)) / len(filled) if filled else 0.0


def _unit_column(texts: Mapping[str, Sequence[str]], units: Units | None, numeric: set[str], doubts: list[str]) -> str:
    if units is not None:
        usual = left_out()
        shares = {}
        for column, cells in texts.items():
            distinct = [name for name in set(cells) if name and not is_left_out(name, usual)]
            shares[column] = sum(bool(units.bearers(name)) for name in distinct) / max(len(distinct), 1)
        best = max(shares, key=lambda column: shares[column])
        if shares[best] > 0.5:
            return best
        short = next((column for column, cells in texts.items() if _without_zeros(cells, units)), "")
        if short:
            code = next(cell for cell in texts[short] if cell and not units.bearers(cell))
            doubts.append(
                f"the column of units: {short}, whose codes have lost their leading zeros ({code} for "
                f"{units.padded(code)} of {units.file}): write them as text in the file, or add the short codes as "
                f"aliases in {units.file}"
            )
            return short
    chosen = _telling_units(texts, numeric)
    if units is None:
        doubts.append(f"the column of units: {chosen}")
    else:
        shown = ", ".join([name for name in dict.fromkeys(texts[chosen]) if not is_left_out(name, usual)][:3])
        doubts.append(
            f"the column of units: {chosen} ({shown} …), of which {units.file} knows few or none. For other units: "
            f"python -m ruralpanel new-units FILE --id COLUMN > units.csv, and units: units.csv"
        )
    return chosen


def _telling_units(texts: Mapping[str, Sequence[str]], numeric: set[str]) -> str:
    """The column that names units by its heading or its words; rather one that is unique together with the period."""
    period = _period_column(texts, "", [])
    named = [name for name in texts if any(word in name.lower() for word in _UNIT_NAMES)]
    words = [name for name in texts if name not in numeric and not all(map(is_year, texts[name]))]
    whole = [name for name in texts if name in numeric and _are_codes(texts[name])]
    likely = [
        name for name in dict.fromkeys([*(n for n in named if n in words), *words, *named, *whole]) if name != period
    ]
    candidates = likely or [name for name in texts if name != period] or list(texts)
    unique = (name for name in candidates if not _repeated(texts, [name, period] if period else [name]))
    return next(unique, candidates[0])


def _are_codes(cells: Sequence[str]) -> bool:
    """Whether whole numbers number something: each of them stands in several rows."""
    filled = [cell for cell in cells if cell]
    return all(re.fullmatch(r"\d+(\.0)?", cell) for cell in filled) and 2 * len(set(filled)) <= len(filled)


def _without_zeros(cells: Sequence[str], units: Units) -> bool:
    """Whether most of a column are units' codes once zeros are put before them, and some are not without."""
    distinct = [cell for cell in set(cells) if cell]
    padded = sum(bool(units.padded(cell)) for cell in distinct)
    return padded > 0 and padded + sum(bool(units.bearers(cell)) for cell in distinct) > 0.5 * len(distinct)


def _period_column(texts: Mapping[str, Sequence[str]], unit: str, doubts: list[str]) -> str | None:
    years = [
        name
        for name, cells in texts.items()
        if name != unit and any(cells) and all(is_year(cell) for cell in cells if cell)
    ]
    named = [name for name in years if re.sub(r"\W", "", name.lower()) in _PERIOD_NAMES]
    if named:
        return named[0]
    if years:
        doubts.append(f"the column of years: {years[0]}")
        return years[0]
    return None


def _templates(texts: Mapping[str, Sequence[str]], numeric: set[str]) -> dict[str, tuple[str, ...]]:
    """Names of columns with {period} for the year → the columns; empty unless one of them has two years at least."""
    templates: dict[str, list[str]] = {}
    for name in texts:
        template = template_of(name)
        if template and (name in numeric or all(map(is_missing, texts[name]))):
            templates.setdefault(template[0], []).append(name)
    if not any(len(names) > 1 for names in templates.values()):
        return {}
    return {template: tuple(names) for template, names in templates.items()}


def _repeated(texts: Mapping[str, Sequence[str]], keys: Sequence[str]) -> bool:
    if not keys or not all(keys):
        return False
    rows = list(zip(*(texts[key] for key in keys), strict=True))
    filled = [row for row in rows if all(row)]
    return len(set(filled)) < len(filled)


def _telling(texts: Mapping[str, Sequence[str]], keys: Sequence[str], words: Sequence[str]) -> str:
    """The column of words that tells apart rows of the same keys; empty where there is none or none is needed."""
    if keys and not _repeated(texts, keys):
        return ""
    for name in words:
        kinds = {cell for cell in texts[name] if cell}
        if 1 < len(kinds) <= _MOST_SERIES and not _repeated(texts, [*keys, name]) and all(texts[name]):
            return name
    return ""
