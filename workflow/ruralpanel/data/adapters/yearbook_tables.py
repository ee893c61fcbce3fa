"""The parts of a printed table by region: titles, header rows, measures, regions, notes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.sheets import Row, Sheet
from ruralpanel.data.adapters.titles import measure_of_table, reads_like_note, year_named, years_pattern

_REGION_HEADS = frozenset(
    {
        "地区",
        "地区别",
        "省市区",
        "地名",
        "region",
        "regions",
        "area",
        "province",
        "item",
        "provinceregion",
        "地区region",
        "项目",
        "指标",
    }
)
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
_FIGURE = text.NumberRule(thousands=", ").pattern()


@dataclass(frozen=True)
class RegionTable:
    """A table by region, taken apart.

    Attributes
    ----------
    columns : position → header: the texts above the column from top to bottom, joined by `` / ``.
    measure : of the whole table, where it says one. rows : those of regions and groups.
    uneven : rows of figures that are not as long as most others. shifted : where the header is not as long as they
    are, in a format in which this means something, what its length is; else 0.
    """

    sheet: str
    unit_column: int
    columns: dict[int, str]
    measure: str
    rows: tuple[Row, ...]
    uneven: tuple[Row, ...] = ()
    shifted: int = 0


def region_table(sheet: Sheet, unit_column: int, header_rows: int | None) -> RegionTable | None:
    """Take a sheet apart; None where it holds no row with a name and a figure.

    The header ends above the first row that has a name which is no header word (地区, Region) and figures in more
    than half of its filled cells; `header_rows`, if given, says on which row of the sheet the header ends.
    """
    start = next((i for i, row in enumerate(sheet.rows) if _begins(row, unit_column, header_rows)), None)
    if start is None:
        return None
    last = max((i for i, row in enumerate(sheet.rows) if i >= start and _has_figures(row, unit_column)), default=start)
    end = next((i for i in range(last + 1, len(sheet.rows)) if is_note(sheet.rows[i], unit_column)), len(sheet.rows))
    header, titles = _header(sheet.rows[:start], unit_column)
    width = max(len(row.cells) for row in sheet.rows[: last + 1])
    columns = {i: _path(header, i) for i in range(width) if i != unit_column}
    rows = sheet.rows[start:end]
    if not sheet.ragged:
        return RegionTable(sheet.name, unit_column, columns, measure_of_table(_texts(titles)), rows)
    # A row that lost a cell, or took in the next row's, has figures below the wrong headers.
    lengths = Counter(len(row.cells) for row in rows if _has_figures(row, unit_column))
    usual = lengths.most_common(1)[0][0] if lengths else 0
    uneven = tuple(row for row in rows if len(row.cells) != usual and _has_figures(row, unit_column))
    header_length = max((len(row.cells) for row in header), default=usual)
    return RegionTable(
        sheet.name,
        unit_column,
        columns,
        measure_of_table(_texts(titles)),
        rows,
        uneven,
        header_length if header_length != usual else 0,
    )


def is_note(row: Row, unit_column: int) -> bool:
    """Whether a row is a note: it begins like one, or is one text over the whole width, or reads like a sentence."""
    filled = [cell for cell in row.cells if cell]
    name = text.plain(row.cell(unit_column) or (filled[0] if filled else ""))
    alone = len(set(filled)) == 1
    return alone and (bool(row.copies) or reads_like_note(name))


def repeats_header(table: RegionTable, row: Row) -> bool:
    """Whether a row only says again what stands above the columns, as where a table goes on over a page."""
    if text.squeezed(text.without_marks(row.cell(table.unit_column))) not in _REGION_HEADS:
        return False
    parts = {i: {text.squeezed(part) for part in header.split(" / ")} for i, header in table.columns.items()}
    return all(not cell or text.squeezed(cell) in parts.get(i, ()) for i, cell in enumerate(row.cells) if i in parts)


def column_of(table: RegionTable, wanted: str) -> list[int]:
    """The positions of the columns that a declared name may mean.

    The whole header (``Rural / Employed``), else its end (``Employed``); ``#3`` is the third column. Of a header in two
    languages either one will do. Blanks, width, case, footnote marks and measures in parentheses do not count.
    """
    if re.fullmatch(r"#\d+", wanted):
        return [int(wanted[1:]) - 1] if int(wanted[1:]) - 1 in table.columns else []
    parts = _comparable(wanted)
    whole = [i for i, header in table.columns.items() if _same(_comparable(header), parts)]
    return whole or [i for i, header in table.columns.items() if _same(_comparable(header)[-len(parts) :], parts)]


def year_columns(table: RegionTable, template: str) -> dict[int, int]:
    """Position → year of the columns whose header, or its end, is `template` with a year for ``{period}``."""
    parts = _comparable(template)
    pattern = years_pattern("/".join(parts))
    ends = {i: "/".join(_comparable(header)[-len(parts) :]) for i, header in table.columns.items()}
    years = {i: year_named(end, pattern) for i, end in ends.items()}
    return {i: year for i, year in years.items() if year is not None}


def _comparable(header: str) -> list[str]:
    """The levels of a header without marks and measures."""
    parts = [re.sub(r"\[[0-9a-z]{1,2}\]", "", text.squeezed(text.without_marks(part))) for part in header.split(" / ")]
    bare = [re.sub(r"\([^()]*\)$", "", part) for part in parts]
    return [part for part in bare if part]


def _same(levels: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether each level is the wanted one, in full or in one of its two languages."""
    return (
        bool(wanted)
        and len(levels) == len(wanted)
        and all(
            name in (level, _CHINESE.sub("", level), "".join(_CHINESE.findall(level)))
            for level, name in zip(levels, wanted, strict=True)
        )
    )


def _begins(row: Row, unit_column: int, header_rows: int | None) -> bool:
    if header_rows is not None:
        return row.number > header_rows
    name = text.squeezed(text.without_marks(row.cell(unit_column)))
    if not name or name in _REGION_HEADS or _FIGURE.fullmatch(text.plain(name)):
        return False
    others = [cell for i, cell in enumerate(row.cells) if i != unit_column and cell]
    figures = sum(1 for cell in others if _is_figure(cell))
    return figures > 0 and figures * 2 >= len(others)


def _has_figures(row: Row, unit_column: int) -> bool:
    return any(_is_figure(cell) for i, cell in enumerate(row.cells) if i != unit_column)


def _is_figure(cell: str) -> bool:
    return _FIGURE.fullmatch(text.without_marks(cell)) is not None


def _header(rows: Sequence[Row], unit_column: int) -> tuple[list[Row], list[Row]]:
    """Header rows, and the title rows above them (one text over the whole width, or in one cell)."""
    titles = [
        row
        for row in rows
        if len({cell for cell in row.cells if cell}) == 1
        and text.squeezed(row.cell(unit_column)) not in _REGION_HEADS
        and not _over_figures(row, unit_column)
    ]
    return [row for row in rows if row not in titles], titles


def _over_figures(row: Row, unit_column: int) -> bool:
    """Whether a row with one text is a header over several columns rather than a title."""
    filled = [i for i, cell in enumerate(row.cells) if cell]
    return len(filled) > 1 and unit_column not in filled


def _path(header: Sequence[Row], column: int) -> str:
    parts: list[str] = []
    for row in header:
        cell = " ".join(row.cell(column).split())
        if cell and (not parts or parts[-1] != cell):
            parts.append(cell)
    return " / ".join(parts)


def _texts(rows: Sequence[Row]) -> list[str]:
    return [cell for row in rows for cell in dict.fromkeys(row.cells) if cell]
