"""What differs between two vintages of a source: figures that are new, revised or gone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ruralpanel.contracts.problems import Problem
from ruralpanel.contracts.units import Units
from ruralpanel.files import csv_text

Figures = Mapping[tuple[str, str, int], float]
_COLUMNS = ("series", "unit", "period", "kind", "old", "new", "difference", "relative")
_MOST_LOST = 0.5


@dataclass(frozen=True)
class Change:
    """One figure that differs; None: not there."""

    series: str
    unit: str
    period: int
    old: float | None
    new: float | None

    @property
    def kind(self) -> str:
        """``new``, ``gone`` or ``revised``."""
        return "new" if self.old is None else "gone" if self.new is None else "revised"

    @property
    def relative(self) -> float:
        """New over old less 1; NaN where either is missing or the old one is zero."""
        return self.new / self.old - 1 if self.old and self.new is not None else math.nan


def figures_of(cells: pd.DataFrame, units: Units) -> dict[tuple[str, str, int], float]:
    """Series, unit id (the name as read where no unit has it) and year → figure."""
    there = cells[cells["value"].notna()]
    names = {str(name): units.match(str(name)) or str(name) for name in there["unit"].unique()}
    rows = zip(there["series"], there["unit"], there["period"], there["value"], strict=True)
    return {(str(series), names[str(unit)], int(year)): float(value) for series, unit, year, value in rows}


def changes(old: Figures, new: Figures) -> tuple[Change, ...]:
    """Every figure that differs, by series, unit and year."""
    return tuple(
        Change(*key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)
    )


def losses(old: Figures, found: Iterable[Change], file: str) -> list[Problem]:
    """Series that would lose more than half of their figures: an outage of the site rather than a revision."""
    before: dict[str, int] = {}
    gone: dict[str, int] = {}
    for series, _, _ in old:
        before[series] = before.get(series, 0) + 1
    for change in found:
        if change.kind == "gone":
            gone[change.series] = gone.get(change.series, 0) + 1
    return [
        Problem(
            file,
            f"series {series}",
            f"{count} of {before[series]} figures gone",
            "at most half of them gone since the last vintage",
            "if the publisher has withdrawn them, move the old folder away and fetch again",
        )
        for series, count in gone.items()
        if count > _MOST_LOST * before[series]
    ]


def changes_csv(found: Sequence[Change]) -> str:
    """The changes as CSV text."""
    rows: list[list[object]] = [[*_COLUMNS]]
    for change in found:
        difference = change.new - change.old if change.new is not None and change.old is not None else math.nan
        numbers = [change.old, change.new, difference, change.relative]
        written = ["" if n is None or math.isnan(n) else repr(n) for n in numbers]
        rows.append([change.series, change.unit, change.period, change.kind, *written])
    return csv_text(rows)


def summary(found: Sequence[Change], series: Iterable[str]) -> list[str]:
    """One line for each series: how many figures are new, revised and gone, and the largest revision."""
    lines = []
    for key in series:
        own = [change for change in found if change.series == key]
        parts = []
        for kind in ("new", "revised", "gone"):
            years = sorted({change.period for change in own if change.kind == kind})
            count = sum(change.kind == kind for change in own)
            span = f"{years[0]}–{years[-1]}" if len(years) > 1 else str(years[0]) if years else ""
            parts += [f"{count} {kind} ({span})"] if count else []
        revised = [change for change in own if change.kind == "revised" and not math.isnan(change.relative)]
        if revised:
            most = max(revised, key=lambda change: abs(change.relative))
            parts.append(f"largest revision {most.relative:+.1%}, {most.unit} {most.period}")
        lines.append(f"{key}: {', '.join(parts) or 'unchanged'}")
    return lines
