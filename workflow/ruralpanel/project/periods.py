"""Periods as whole numbers: a year is itself, quarters and months count on; their size tells them apart.

2012 is the year, 8050 = 4·2012 + 2 its third quarter, 24150 = 12·2012 + 6 its July: one less is always the period
before, so that lags, differences and gaps are arithmetic at every frequency. What people read and write is the label:
2012, 2012Q3, 2012-07. Which of them can be dates of treatment stands here, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ruralpanel.project.problems import Problem, some

YEARS = range(1000, 2101)
"""Years that a period can lie in."""

PARTS = {"year": 1, "quarter": 4, "month": 12}
"""Periods of a year at each frequency."""

PATTERN = r"[0-9]{4}(?:-?[Qq][1-4]|-(?:0[1-9]|1[0-2])|[Mm](?:0?[1-9]|1[0-2]))"
"""A quarter or month as a configuration writes it."""

WORDS = "A year, a quarter as 2012Q3 or a month as 2012-07"

_LABEL = re.compile(r"([0-9]{4})(?:-?[Qq]([1-4])|(?:-|[Mm])([0-9]{1,2}))")


class Period(int):
    """A quarter or month: the number, shown as its label."""

    def __str__(self) -> str:
        return label(self)

    def __format__(self, spec: str) -> str:
        return format(label(self), spec) if spec in ("", "s") else int.__format__(self, spec)


def is_period(number: int) -> bool:
    """Whether a number stands for a year, quarter or month."""
    whole = int(number)  # a range searches itself through for NumPy's integers
    return any(whole // parts in YEARS for parts in PARTS.values())


def frequency(number: int) -> str:
    """``year``, ``quarter`` or ``month``."""
    whole = int(number)
    return next((name for name, parts in PARTS.items() if whole // parts in YEARS), "year")


def year_of(number: int) -> int:
    """The year that a period lies in."""
    return int(number) // PARTS[frequency(number)]


def label(number: int) -> str:
    """``2012``, ``2012Q3``, ``2012-07``; any other whole number (an event time) as it is."""
    kind = frequency(number)
    year, part = divmod(int(number), PARTS[kind])
    return {"year": str(year), "quarter": f"{year}Q{part + 1}", "month": f"{year}-{part + 1:02d}"}[kind]


def in_formula(number: int) -> str:
    """The label as a formula writes it, where 2012-07 is a difference: 2012M07."""
    return label(number).replace("-", "M")


def shown(number: int) -> int:
    """The number, one of a quarter or month as a `Period`, which messages and tables show as its label."""
    return int(number) if frequency(number) == "year" else Period(number)


def written(number: int) -> int | str:
    """What files hold: a year as a number, anything else as its label."""
    return int(number) if frequency(number) == "year" else label(number)


def of_part(year: int, kind: str, part: int) -> int | None:
    """The quarter or month number `part` of a year; None where there is none."""
    if year not in YEARS or not 1 <= part <= PARTS[kind]:
        return None
    return shown(year * PARTS[kind] + part - 1)


def parse(value: int | str) -> int | None:
    """The number of a period as written in a configuration or a file of results; None for what is none."""
    if isinstance(value, int):
        return shown(value)
    text = str(value).strip()
    if re.fullmatch(r"[0-9]{4}", text):
        return int(text) if int(text) in YEARS else None
    match = _LABEL.fullmatch(text)
    if match is None or not re.fullmatch(PATTERN, text):
        return None
    return of_part(int(match[1]), "quarter" if match[2] else "month", int(match[2] or match[3]))


def parsed(value: int | str) -> int:
    """`parse` of what has been checked before.

    Raises
    ------
    ValueError
        No period.
    """
    found = parse(value)
    if found is None:
        raise ValueError(f"{value!r} is no period")
    return found


def between(first: int, last: int) -> tuple[int, ...]:
    """All periods from the first to the last, which have one frequency."""
    return tuple(shown(number) for number in range(first, last + 1))


def mixed(numbers: Iterable[int]) -> bool:
    """Whether they have more than one frequency."""
    return len({frequency(number) for number in numbers}) > 1


REACH = 100
"""Periods around a panel in which a treatment may begin: before it units are always treated, after it not yet."""


def date_problems(dates: Mapping[str, float], periods: Sequence[int], file: str, where: str) -> Iterator[Problem]:
    """Dates that are no plausible years, such as the 0 or 9999 by which other programs mean never treated.

    Parameters
    ----------
    dates : unit → first treated period; NaN: never.
    periods : the panel's. file, where : place of the declaration, for messages.
    """
    first, last = min(periods) - REACH, max(periods) + REACH
    wrong: dict[float, list[str]] = {}
    for unit, date in dates.items():
        if not math.isnan(date) and not (first <= date <= last and date == int(date)):
            wrong.setdefault(date, []).append(unit)
    for date, units in sorted(wrong.items()):
        expected = f"a {frequency(min(periods))} from {label(first)} to {label(last)}; blank: never treated"
        fix = "leave the figure of never treated units blank"
        yield Problem(file, where, f"{date:g} for {some(units)}", expected, fix)


def first_problem(first: int, periods: Sequence[int], panel: str, file: str, where: str) -> Problem | None:
    """What keeps a period from being the first under treatment of all treated units of `panel`: its kind, its ends."""
    if mixed((first, *periods[:1])):
        found, expected = str(first), f"a {frequency(periods[0])}, as panel {panel} has"
        return Problem(file, where, found, expected, f"name a {frequency(periods[0])}")
    if not any(period < first for period in periods):
        found, expected = f"{first}, with no period before it on panel {panel}", "a period before treatment"
        return Problem(file, where, found, expected, "use a panel that begins earlier")
    if not any(period >= first for period in periods):
        found, expected = f"{first}, after the last period of panel {panel}", "a period under treatment"
        return Problem(file, where, found, expected, "use a panel that ends later")
    return None
