"""Who is treated, and from when, by the declaration of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.rows import condition
from ruralpanel.estimate.base.columns import columns_of
from ruralpanel.estimate.base.results import FloatArray, IntArray
from ruralpanel.project.periods import date_problems, shown
from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.project.settings import ModelSpec
from ruralpanel.project.units import Units

IdArray = np.ndarray[Any, np.dtype[np.str_]]


def treatment_columns(
    spec: ModelSpec, frame: pd.DataFrame, units: Units, rows: IntArray, file: str, by: str = "year"
) -> dict[str, FloatArray]:
    """``treated`` (1: the unit is ever treated) and ``first_treated`` (its first period; NaN: never), by row.

    Parameters
    ----------
    spec : ``options["treatment"]`` is ``{units: condition, first: year}``, or ``{first_by_unit: variable}`` with a
        variable or attribute that holds each unit's first period, missing for those never treated.
    frame : the panel. rows : those of the design, in its order. by : year or observation: how lags count.

    Raises
    ------
    UserError
        A treatment that changes over time, no treated unit, or none to compare with.
    """
    declared = spec.options.get("treatment")
    if not declared:
        return {}
    where = f"models.{spec.name}.treatment"
    if declared.get("first_by_unit"):
        name = str(declared["first_by_unit"])
        columns = columns_of({name: f"{where}.first_by_unit"}, frame, units, spec.panel, file)
        raise_any(columns.problems)
        first = columns.values[name]
        ids, dates = frame["unit"].to_numpy(dtype=object)[rows].astype(str), first[rows]
        periods = sorted({shown(period) for period in frame["period"]})
        raise_any(_implausible(ids, dates, periods, file, f"{where}.first_by_unit"))
        treated = ~np.isnan(first)
    else:
        treated = condition(str(declared["units"]), frame, units, file, f"{where}.units", by)
        first = np.where(treated, float(declared["first"]), np.nan)
    first, treated, ids = first[rows], treated[rows], frame["unit"].to_numpy(dtype=object)[rows].astype(str)
    changing = sorted({unit for unit in np.unique(ids) if np.unique(first[ids == unit], equal_nan=True).size > 1})
    if changing:
        found = f"treatment that changes over time for {', '.join(changing)}"
        raise UserError(Problem(file, where, found, "one first period for each unit, or none"))
    if treated.all() or not treated.any():
        found = "no unit that is never treated" if treated.all() else "no treated unit"
        fix = "check the condition and the sample"
        needs_never = treated.any() and np.unique(first).size == 1
        if needs_never or not treated.any():
            raise UserError(Problem(file, where, found, "treated and untreated units in the sample", fix))
    return {"treated": treated.astype(np.float64), "first_treated": first}


def _implausible(ids: IdArray, dates: FloatArray, periods: list[int], file: str, where: str) -> Iterator[Problem]:
    for date in np.unique(dates[~np.isnan(dates)]):
        dates_of = {str(unit): float(date) for unit in np.unique(ids[dates == date])}
        yield from date_problems(dates_of, periods, file, where)
