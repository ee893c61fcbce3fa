"""How the figures of a file are written: decimal mark, thousands separator, or no figures at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ruralpanel.adapters import text

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
    """Whether a text is a year from 1600 to 2099, as 2012, 2012年 or 2012.0; or a date."""
    bare = text.plain(cell)
    return bool(_YEAR.fullmatch(bare)) or bool(re.fullmatch(r"(?:1[6-9]|20)\d\d-\d\d-\d\d(?:[ T].*)?", bare))


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
