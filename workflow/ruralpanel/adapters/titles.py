"""Titles of indicators and columns: the words, and the measure in parentheses behind them."""

from __future__ import annotations

import re

from ruralpanel.adapters.text import plain, quoted, squeezed, without_marks
from ruralpanel.contracts.problems import Problem, UserError
from ruralpanel.contracts.specs import SeriesSpec


def split_measure(title: str) -> tuple[str, str]:
    """``公路里程(万公里)`` → ``公路里程``, ``万公里``; the measure is empty without parentheses at the end."""
    bare = plain(title)
    if not bare.endswith(")"):
        return bare, ""
    depth = 0
    for position in range(len(bare) - 1, -1, -1):
        depth += (bare[position] == ")") - (bare[position] == "(")
        if depth == 0:
            return bare[:position].strip(), bare[position + 1 : -1].strip()
    return bare, ""


def same_title(found: str, declared: str) -> bool:
    """Whether a title in a file is the declared one, with or without the measure; blanks and width do not count.

    Nor do footnote marks in the file; one that is declared must be there.
    """
    wanted = {squeezed(declared), squeezed(split_measure(declared)[0])}
    return any(
        squeezed(title) in wanted or squeezed(without_marks(split_measure(title)[0])) == squeezed(declared)
        for title in (found, without_marks(found))
    )


def measure_problem(found: str, series: SeriesSpec, label: str, where: str) -> Problem | None:
    """A problem where the measure in the file can be read and is not the declared one.

    Words in parentheses that are no measure (``(常住)``, ``(上年=100)``) are no problem.
    """
    from ruralpanel.contracts import measures

    if not found or not series.measure:
        return None
    try:
        grouped = re.sub(r"(?<=[0-9]) (?=[0-9]{3}\b)", "", plain(found))  # 10 000 persons
        in_file, declared = measures.parse(grouped), measures.parse(series.measure)
    except (UserError, ValueError):
        return None
    if in_file == declared or (in_file.base == "item" and in_file.factor == declared.factor):
        return None  # 个 and 件 count anything
    return Problem(
        label,
        where,
        f"measure {quoted(found)}",
        f'"{series.measure}", as declared for {series.key}',
        "correct `measure` of the series, or name the right file",
    )


def years_pattern(template: str) -> re.Pattern[str]:
    """``gdp_{period}`` as a pattern whose first group is the year; ``年`` may follow it.

    A year that stands twice (``{period} [YR{period}]``) must be the same.
    """
    before, *after = (re.escape(squeezed(part)) for part in template.split("{period}"))
    return re.compile(rf"{before}([0-9]{{4}})年?" + r"\1年?".join(after), re.IGNORECASE)
