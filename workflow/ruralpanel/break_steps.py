"""Steps for definition breaks whose rule is `dummy`: columns that take up the change of level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.contracts.breaks import affected, rule_of
from ruralpanel.contracts.derivation import leaves, years_read
from ruralpanel.contracts.specs import PanelSpec, SeriesSpec, VariableSpec

MARK = "__break_"


def break_steps(
    name: str,
    variables: Mapping[str, VariableSpec],
    panel: PanelSpec,
    series: Mapping[str, SeriesSpec],
    years: Mapping[str, Sequence[int]],
    units: Sequence[str],
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Steps of a variable, for every break of its series that has the rule `dummy`.

    ``<name>__break_<year>`` is 1 where all that the value reads lies on the new side of the break, for the units that
    the break concerns; ``<name>__break_<year>_across`` is 1 where the value reads both sides (a difference in the
    year of the break). A step common to all units is absorbed by period effects and left out.

    Parameters
    ----------
    years : variable → years for which its source has figures.
    units : the panel's units.

    Returns
    -------
    columns : name → frame of 0 and 1, index unit, columns the panel's periods.
    notes : the steps left out because they are common to all units.
    """
    reads = {t: leaves(years_read(name, variables, panel, (t,)), variables) for t in panel.periods}
    sides: dict[int, list[list[str]]] = {}
    concerned: dict[int, frozenset[str]] = {}
    for leaf in sorted({leaf for read in reads.values() for leaf in read}):
        for year, details in series[leaf].breaks.items():
            if rule_of(variables[leaf], year) == "dummy":
                own = [_side(reads[t].get(leaf, frozenset()) & frozenset(years[leaf]), year) for t in panel.periods]
                sides.setdefault(year, []).append(own)
                concerned[year] = concerned.get(year, frozenset()) | affected(details, units)
    columns: dict[str, pd.DataFrame] = {}
    notes: list[str] = []
    for year in sorted(sides):
        joined = [_joined([own[i] for own in sides[year]]) for i in range(len(panel.periods))]
        for side, suffix in (("new", ""), ("across", "_across")):
            pattern = np.array([s == side for s in joined], dtype=np.float64)
            if pattern.all() or not pattern.any() or not concerned[year]:
                continue
            if concerned[year] >= frozenset(units):
                notes.append(f"the break of {year} is common to all units: period effects absorb it, no step is added")
                continue
            rows = np.array([unit in concerned[year] for unit in units], dtype=np.float64)
            columns[f"{name}{MARK}{year}{suffix}"] = _frame(np.outer(rows, pattern), units, panel.periods)
    return columns, tuple(dict.fromkeys(notes))


def _frame(values: np.ndarray[Any, Any], units: Sequence[str], periods: Sequence[int]) -> pd.DataFrame:
    return pd.DataFrame(values, index=list(units), columns=list(periods))


def _side(read: frozenset[int], year: int) -> str:
    if not read:
        return ""
    if all(y >= year for y in read):
        return "new"
    return "across" if any(y >= year for y in read) else "old"


def _joined(sides: Sequence[str]) -> str:
    present = {side for side in sides if side}
    return present.pop() if len(present) == 1 else "across" if present else ""
