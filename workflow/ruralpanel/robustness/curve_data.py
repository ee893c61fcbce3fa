"""A panel → the columns, samples and effects that the specifications of a curve are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.break_steps import steps_by_factor
from ruralpanel.contracts.expressions import shifted
from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any
from ruralpanel.contracts.units import Units
from ruralpanel.design_columns import columns_of
from ruralpanel.estimators.absorb import compact
from ruralpanel.estimators.base import FloatArray, IntArray
from ruralpanel.robustness.curve_plan import Plan, lagged_name
from ruralpanel.sample import Flags, attribute_column, attribute_names, sample_rows


@dataclass(frozen=True)
class CurveData:
    """Everything that specifications read, one entry per row of the panel, rows sorted by unit and period.

    Attributes
    ----------
    units : labels; `codes` holds ``unit``, ``period`` and every further effect by name (n,).
    columns : factor → (n,) values, NaN where missing.
    steps : factor → names of the columns that take up its definition breaks (rule ``dummy``).
    samples : name → rows kept (n,).
    """

    units: tuple[str, ...]
    codes: Mapping[str, IntArray]
    columns: Mapping[str, FloatArray]
    steps: Mapping[str, tuple[str, ...]]
    samples: Mapping[str, Flags]


def curve_data(
    plan: Plan,
    frame: pd.DataFrame,
    units: Units,
    samples: Mapping[str, Mapping[str, Any]],
    by: str = "year",
    file: str = CONFIGURATION,
    where: str = "specification_curves",
    panel: str = "",
) -> CurveData:
    """Columns for all specifications of `plan`.

    Parameters
    ----------
    frame : the panel: ``unit``, ``period``, variables.
    samples : declared samples by name; ``all`` need not be declared.
    by : year or observation: what one lag is in a panel with gaps. Lags that no variable declares are taken within the
        panel and lose its first periods.

    Raises
    ------
    UserError
        Names that the panel lacks, effects that are none, negative weights.
    """
    order = np.lexsort((frame["period"].to_numpy(), frame["unit"].to_numpy(dtype=object).astype(str)))
    rows = frame.iloc[order].reset_index(drop=True)
    names, unit_codes = np.unique(rows["unit"].to_numpy(dtype=object).astype(str), return_inverse=True)
    years, period_codes = np.unique(rows["period"].to_numpy(), return_inverse=True)
    labels, periods = tuple(str(name) for name in names), tuple(int(year) for year in years)
    codes = {"unit": unit_codes.astype(np.intp), "period": period_codes.astype(np.intp)}
    wanted = dict.fromkeys(factor for spec in plan.specifications for factor in spec.factors)
    lags = {lagged_name(_base(name), _lag(name)): (_base(name), _lag(name)) for name in wanted if _lag(name)}
    named = [name for name in wanted if name not in lags] + [base for base, _ in lags.values()]
    found = columns_of(dict.fromkeys(named, where), rows, units, panel, file)
    problems = list(found.problems)
    effects = dict.fromkeys(effect for spec in plan.specifications for effect in spec.effects)
    codes, wrong = _effect_codes(effects, codes, labels, units, file, where)
    raise_any([*problems, *wrong])
    columns: dict[str, FloatArray] = dict(found.values)
    steps = steps_by_factor(columns, rows.columns)
    columns |= {step: rows[step].to_numpy(dtype=np.float64) for names in steps.values() for step in names}
    for name, (base, lag) in lags.items():
        place = _places(codes["unit"], period_codes, periods, lag, by)
        columns[name] = _moved(columns[base], place)
        steps[name] = tuple(lagged_name(step, lag) for step in steps[base])
        columns |= {lagged_name(step, lag): _moved(columns[step], place) for step in steps[base]}
    for name in dict.fromkeys(spec.weights for spec in plan.specifications if spec.weights):
        if (columns[name] < 0).any():
            raise UserError(Problem(file, f"{where}.weights", f'"{name}", which is negative', "weights above zero"))
    kept = {name: sample_rows(samples.get(name) or {}, rows, units, file, f"samples.{name}", by)[0]
            for name in dict.fromkeys(spec.sample for spec in plan.specifications)}  # fmt: skip
    return CurveData(labels, codes, columns, steps, kept)


def _base(name: str) -> str:
    return name[len("lag(") : name.rindex(",")] if name.startswith("lag(") else name


def _lag(name: str) -> int:
    return int(name[name.rindex(",") + 1 : -1]) if name.startswith("lag(") else 0


def _places(units: IntArray, period_codes: IntArray, periods: Sequence[int], lag: int, by: str) -> IntArray:
    """Row that holds each row's figure `lag` periods before, as formulas count them; −1 where there is none."""
    width = len(periods)
    codes = {year: code for code, year in enumerate(periods)}
    before = [shifted(year, lag, tuple(periods), by) for year in periods]
    back = np.array([-1 if year is None else codes.get(year, -1) for year in before])[period_codes]
    row_of = np.full((int(units.max()) + 1) * width, -1, dtype=np.intp)
    row_of[units * width + period_codes] = np.arange(units.size)
    return np.where(back >= 0, row_of[units * width + np.maximum(back, 0)], -1)


def _moved(values: FloatArray, place: IntArray) -> FloatArray:
    return np.where(place >= 0, values[place], np.nan)


def _effect_codes(
    effects: Mapping[str, Any],
    codes: Mapping[str, IntArray],
    labels: Sequence[str],
    units: Units,
    file: str,
    where: str,
) -> tuple[dict[str, IntArray], list[Problem]]:
    """Codes of all effects; ``attribute:period`` is one effect per group and period."""
    found, problems = dict(codes), []
    attributes = attribute_names(units)
    for effect in effects:
        parts = effect.split(":")
        unknown = [part for part in parts if part not in found and part not in attributes]
        if unknown:
            known = ["unit", "period", *attributes]
            expected = "unit, period, an attribute of the units or two of them as a:b"
            problems.append(
                Problem(file, f"{where}.effects", f'"{unknown[0]}"', expected, did_you_mean(unknown[0], known))
            )
            continue
        together = np.zeros(codes["unit"].size, dtype=np.intp)
        for part in parts:
            own = found.get(part)
            if own is None:
                column = [str(value) for value in attribute_column(units, labels, part)]
                own = np.unique(np.array(column), return_inverse=True)[1].astype(np.intp)[codes["unit"]]
            together = together * (int(own.max()) + 1) + own
        found[effect] = compact(together)
    return found, problems
