"""Dates at which units are first treated: which numbers can be one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from ruralpanel.project.periods import frequency, label, mixed
from ruralpanel.project.problems import Problem
from ruralpanel.project.settings import PanelSpec

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
        listed = ", ".join(units[:4]) + (f" and {len(units) - 4} more" if len(units) > 4 else "")
        expected = f"a {frequency(min(periods))} from {label(first)} to {label(last)}; blank: never treated"
        yield Problem(file, where, f"{date:g} for {listed}", expected, "leave the figure of never treated units blank")


def first_problem(first: int, panel: PanelSpec, file: str, where: str) -> Problem | None:
    """What keeps a period from being the first under treatment of all treated units: the panel's kind, or its ends."""
    periods = panel.periods
    if mixed((first, *periods[:1])):
        found, expected = str(first), f"a {frequency(periods[0])}, as panel {panel.name} has"
        return Problem(file, where, found, expected, f"name a {frequency(periods[0])}")
    if not any(period < first for period in periods):
        found, expected = f"{first}, with no period before it on panel {panel.name}", "a period before treatment"
        return Problem(file, where, found, expected, "use a panel that begins earlier")
    if not any(period >= first for period in periods):
        found, expected = f"{first}, after the last period of panel {panel.name}", "a period under treatment"
        return Problem(file, where, found, expected, "use a panel that ends later")
    return None
