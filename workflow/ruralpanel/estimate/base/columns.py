"""Columns of a model's design: variables, attributes, products, treatments; whether the data can tell them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.rows import attribute_column, condition
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import usable_columns
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import FloatArray, IntArray
from ruralpanel.project.kinds.estimator_keys import Treatment
from ruralpanel.project.notes import Reason, reason
from ruralpanel.project.periods import date_problems, shown
from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.project.settings import ModelSpec
from ruralpanel.project.units import Units

_FLAT = 1e-12


@dataclass(frozen=True)
class Columns:
    """Values (n,) by name of everything that a model's terms are made of, and what is wrong with the names."""

    values: Mapping[str, FloatArray]
    problems: tuple[Problem, ...] = ()


def parts(term: str) -> tuple[str, ...]:
    """The factors of a term: ``roads:gap`` → roads, gap."""
    return tuple(part.strip() for part in term.split(":"))


def columns_of(terms: Mapping[str, str], frame: pd.DataFrame, units: Units, panel: str, file: str) -> Columns:
    """Values of every factor of `terms`.

    Parameters
    ----------
    terms : term → its place in the configuration.
    frame : the panel's rows. units : their attributes are factors too, where they are numbers.
    """
    values: dict[str, FloatArray] = {}
    problems: list[Problem] = []
    attributes = units.columns
    for term, where in terms.items():
        for name in parts(term):
            if name in frame.columns[2:]:
                values[name] = frame[name].to_numpy(dtype=np.float64)
            elif name in attributes:
                ids = [str(unit) for unit in frame["unit"]]
                column = attribute_column(units, ids, name)
                if column and isinstance(column[0], str):
                    expected = "a variable, or an attribute that is a number"
                    problems.append(Problem(file, where, f'the text attribute "{name}"', expected))
                values[name] = np.array([v if isinstance(v, float) else np.nan for v in column], dtype=np.float64)
            else:
                fix = f"results/panels/{panel}/coverage.csv says what it lacks"
                found = f'"{name}", of which panel {panel} has no figure'
                problems.append(Problem(file, where, found, "a column of the panel or a numeric attribute", fix))
                values[name] = np.full(len(frame), np.nan)
    return Columns(values, tuple(dict.fromkeys(problems)))


def product(term: str, values: Mapping[str, FloatArray]) -> FloatArray:
    """The column of a term: the product of its factors."""
    factors = [values[name] for name in parts(term)]
    result = factors[0]
    for factor in factors[1:]:
        result = result * factor
    return result


@dataclass(frozen=True)
class Space:
    """What a model removes before it compares: effects by name with their codes, and weights.

    `means` is True for the between estimator, which compares the means of units; `constant` is False where without
    effects nothing is removed.
    """

    factors: Mapping[str, IntArray]
    unit_codes: IntArray
    period_codes: IntArray
    weights: FloatArray | None = None
    means: bool = False
    constant: bool = True

    @cached_property
    def absorbed(self) -> Absorbed:
        """What is projected out of the rows, or of the means of units."""
        if self.means:
            units = int(np.unique(self.unit_codes).size)
            return Absorbed(units, (), np.ones((units, 1)))
        n = self.unit_codes.size
        root = None if self.weights is None else np.sqrt(self.weights / self.weights.mean())
        removed = self.constant and not self.factors
        dense = (np.ones((n, 1)) if root is None else root[:, None]) if removed else None
        return Absorbed(n, tuple(compact(codes) for codes in self.factors.values()), dense, root)


def indistinct(x: FloatArray, terms: Sequence[str], space: Space, known: dict[str, FloatArray]) -> dict[str, Reason]:
    """Terms that the data cannot tell apart from effects or from earlier terms, with the reason.

    Parameters
    ----------
    x : (n, k) columns of `terms`, in order of precedence.
    known : term → its column net of `space`; takes those that are not there yet.

    Returns
    -------
    dict
        Term → reason, such as ``constant over periods, absorbed by unit effects``.
    """
    absorbed, root = space.absorbed, space.absorbed.root
    if space.means:
        codes = compact(space.unit_codes)
        raw = group_sums(x, codes) / np.bincount(codes)[:, None]
    else:
        raw = x if root is None else x * root[:, None]
    new = [j for j, term in enumerate(terms) if term not in known]
    if new:
        known |= {terms[j]: column for j, column in zip(new, absorbed.residuals(raw[:, new]).T, strict=True)}
    net = np.column_stack([known[term] for term in terms])
    _, reasons = usable_columns(raw, net, tuple(terms), tuple(space.factors), root)
    return {
        term: _why(x[:, list(terms).index(term)], space) if why.code.startswith("absorbed") else why
        for term, why in reasons.items()
    }


def _why(column: FloatArray, space: Space) -> Reason:
    if _flat(column, np.zeros(column.size, dtype=np.intp)):
        return reason(f"the same number ({column[0]:g}) in every row", "same_number", value=float(column[0]))
    for name, codes in space.factors.items():
        if _flat(column, compact(codes)):
            same = {"unit": "constant over periods", "period": "the same for all units in each period"}
            message = f"{same.get(name, f'constant within each {name}')}, absorbed by {name} effects"
            code = {"unit": "constant_over_periods", "period": "same_for_all_units"}.get(name, "constant_within")
            return reason(message, code, effects=[name])
    if space.means:
        return reason("of the same mean for all units", "same_mean_of_units")
    if not space.factors:
        return reason("the same in adjacent periods", "same_in_adjacent_periods")
    together = list(space.factors)
    return reason(f"absorbed by {' and '.join(together)} effects together", "absorbed_together", effects=together)


def _flat(column: FloatArray, codes: IntArray) -> bool:
    means = np.bincount(codes, weights=column) / np.bincount(codes)
    return bool(np.abs(column - means[codes]).max(initial=0.0) <= _FLAT * max(np.abs(column).max(initial=0.0), 1e-300))


IdArray = np.ndarray[Any, np.dtype[np.str_]]


def first_treated(
    spec: ModelSpec, declared: Treatment, frame: pd.DataFrame, units: Units, rows: IntArray, file: str, by: str = "year"
) -> FloatArray:
    """(n,) the first treated period of each row's unit; NaN: never.

    Parameters
    ----------
    declared : a condition and a first period, or a variable or attribute that holds each unit's first period, missing
        for those never treated.
    frame : the panel. rows : those of the design, in its order. by : year or observation: how lags count.

    Raises
    ------
    UserError
        A treatment that changes over time, no treated unit, or none to compare with.
    """
    where = f"models.{spec.name}.treatment"
    if declared.first is None:
        name = str(declared.first_by_unit)
        columns = columns_of({name: f"{where}.first_by_unit"}, frame, units, spec.panel, file)
        raise_any(columns.problems)
        first = columns.values[name]
        ids, dates = frame["unit"].to_numpy(dtype=object)[rows].astype(str), first[rows]
        periods = sorted({shown(period) for period in frame["period"]})
        raise_any(_implausible(ids, dates, periods, file, f"{where}.first_by_unit"))
        treated = ~np.isnan(first)
    else:
        treated = condition(str(declared.units), frame, units, file, f"{where}.units", by)
        first = np.where(treated, float(declared.first), np.nan)
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
    return first


def _implausible(ids: IdArray, dates: FloatArray, periods: list[int], file: str, where: str) -> Iterator[Problem]:
    for date in np.unique(dates[~np.isnan(dates)]):
        dates_of = {str(unit): float(date) for unit in np.unique(ids[dates == date])}
        yield from date_problems(dates_of, periods, file, where)
