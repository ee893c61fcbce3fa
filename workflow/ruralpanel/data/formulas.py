"""Formulas on wide frames of units and periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from ruralpanel.data.statistics import STATISTICS, standardised
from ruralpanel.project.expressions import (
    Call,
    Expression,
    Name,
    Number,
    Operation,
    Text,
    argument_years,
    base_year,
    describe,
    other_periods,
    shifted,
    span,
)
from ruralpanel.project.problems import UserError

Array = np.ndarray[Any, Any]

_COMPARE = {"==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater,
            ">=": np.greater_equal}  # fmt: skip
_ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power}
_POINTWISE = {"log": np.log, "exp": np.exp, "asinh": np.arcsinh, "sqrt": np.sqrt, "abs": np.abs}
_REASONS = {"log": "zero or below", "sqrt": "below zero", "exp": "too large", "/": "division by zero",
            "ratio": "division by zero", "deflate": "index of zero"}  # fmt: skip


@dataclass(frozen=True)
class Context:
    """What a formula is evaluated in.

    Attributes
    ----------
    units : row labels: the panel's units. years : column labels, ascending: all years of any source and the panel's.
    periods : the panel's. by : year or observation (how lags count).
    attributes : attribute → one value for each unit: floats, or text.
    """

    units: tuple[str, ...]
    years: tuple[int, ...]
    periods: tuple[int, ...]
    by: str = "year"
    attributes: Mapping[str, Sequence[float] | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Undefined:
    """Figures that a step of a formula made missing: which step, why, and where (unit, year)."""

    step: str
    reason: str
    cells: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Filled:
    """A gap that `interpolate` filled, between the figures of two years."""

    step: str
    unit: str
    year: int
    before: int
    after: int


@dataclass(frozen=True)
class Evaluated:
    """A formula's values (units × years) and what happened on the way."""

    frame: pd.DataFrame
    undefined: tuple[Undefined, ...] = ()
    filled: tuple[Filled, ...] = ()


def evaluate(
    expression: Expression,
    frames: Mapping[str, pd.DataFrame],
    context: Context,
    years: Iterable[int] | None = None,
    file: str = "",
    where: str = "",
) -> Evaluated:
    """Evaluate a formula.

    Conditions are 1 where they hold, 0 where not and missing where anything in them is missing. What is not finite
    becomes missing. Statistics over units, groups or periods leave out what is missing, except sums, which are
    missing unless every figure is there.

    Parameters
    ----------
    expression : Expression
    frames : variable → values, index `context.units`, columns `context.years`.
    context : Context
    years : the years in which values are wanted: undefined and filled figures are reported where these need them.
        Left out: the panel's periods. Values are given for all years in any case.
    file, where : place of the formula, for messages.

    Returns
    -------
    Evaluated

    Raises
    ------
    UserError
        Where the formula calculates with a text attribute, or compares one with a number.
    """
    evaluation = _Evaluation(frames, context, file, where)
    wanted = frozenset(context.periods if years is None else years)
    shape = (len(context.units), len(context.years))
    values = np.broadcast_to(evaluation.visit(expression, wanted), shape).astype(np.float64)
    frame = pd.DataFrame(values, index=list(context.units), columns=list(context.years))
    undefined = tuple(
        Undefined(step, reason, evaluation.cells(mask)) for (step, reason), mask in evaluation.undefined.items()
    )
    return Evaluated(frame, undefined, tuple(evaluation.filled))


class _Evaluation:
    """One pass over a tree; every value is an array that broadcasts to units × years."""

    def __init__(self, frames: Mapping[str, pd.DataFrame], context: Context, file: str, where: str) -> None:
        self.frames, self.context, self.file, self.where = frames, context, file, where
        self.column = {year: j for j, year in enumerate(context.years)}
        self.shape = (len(context.units), len(context.years))
        self.undefined: dict[tuple[str, str], Array] = {}
        self.filled: list[Filled] = []

    def visit(self, node: Expression, years: frozenset[int]) -> Array:
        if isinstance(node, Number):
            return np.array([[float(node.value)]])
        if isinstance(node, Text):
            return np.array([[node.value]], dtype=object)
        if isinstance(node, Name):
            return self.name(node.name)
        if isinstance(node, Operation):
            return self.operation(node, [self.visit(operand, years) for operand in node.operands], years)
        reads = argument_years(node, years, self.context.periods, self.context.by)
        arguments = [self.visit(a, read) for a, read in zip(node.arguments, reads, strict=True)]
        return self.call(node, arguments, years)

    def name(self, name: str) -> Array:
        if name in self.frames:
            return self.frames[name].to_numpy(dtype=np.float64)
        if name == "period":
            return np.array([self.context.years], dtype=np.float64)
        if name == "unit":
            return np.array(self.context.units, dtype=object)[:, None]
        values = self.context.attributes[name]
        numbers = all(isinstance(value, int | float) for value in values)
        return np.array(values, dtype=np.float64 if numbers else object)[:, None]

    def operation(self, node: Operation, values: list[Array], years: frozenset[int]) -> Array:
        operator = node.operator
        if operator in _COMPARE or operator == "in":
            self.alike(values, node)
            if other_periods(node, self.context.periods):
                return np.array([[np.nan]])
        if operator == "in":
            hits = [np.equal(values[0], value) for value in values[1:]]
            return _where_present(np.logical_or.reduce(np.broadcast_arrays(*hits)), values[:1])
        if operator in _COMPARE:
            return _where_present(_COMPARE[operator](values[0], values[1]), values)
        if operator in ("and", "or", "not"):
            held = [value != 0 for value in self.numbers(values, node)]
            joined = ~held[0] if operator == "not" else held[0] & held[1] if operator == "and" else held[0] | held[1]
            return _where_present(joined, values)
        self.numbers(values, node)
        if len(values) == 1:
            return -values[0]
        with np.errstate(all="ignore"):
            return self.finite(_ARITHMETIC[operator](*values), values, node, operator, years)

    def call(self, node: Call, arguments: list[Array], years: frozenset[int]) -> Array:
        name = node.function
        self.numbers(arguments, node)
        with np.errstate(all="ignore"):
            if name in _POINTWISE:
                return self.finite(_POINTWISE[name](arguments[0]), arguments, node, name, years)
            if name == "ratio":
                return self.finite(arguments[0] / arguments[1], arguments, node, name, years)
            if name == "deflate":
                at_base = self.at(arguments[1], node.integer("base"))
                return self.finite(arguments[0] * at_base / arguments[1], [*arguments, at_base], node, name, years)
        if name == "known":
            return 1.0 - np.isnan(arguments[0])
        if name == "where":
            condition, then, otherwise = np.broadcast_arrays(*arguments)
            return np.where(np.isnan(condition), np.nan, np.where(condition != 0, then, otherwise))
        if name.endswith("_over_group"):
            return self.over_group(node, self.full(arguments[0]))
        if name.endswith("_over_units"):
            return STATISTICS[name.removesuffix("_over_units")](self.full(arguments[0]), 0)
        if name.endswith("_over_periods"):
            chosen = self.columns(self.full(arguments[0]), sorted(span(node, self.context.periods)))
            return STATISTICS[name.removesuffix("_over_periods")](chosen, 1)
        return self.over_time(node, self.full(arguments[0]), years)

    def over_time(self, node: Call, x: Array, years: frozenset[int]) -> Array:
        name, periods = node.function, self.context.periods
        if name in ("lag", "diff"):
            k = node.integer("k")
            before = [shifted(year, k, periods, self.context.by) for year in self.context.years]
            earlier = self.columns(x, before)
            return earlier if name == "lag" else x - earlier
        if name == "value_at":
            return self.at(x, node.integer("period"))
        if name == "first_value":
            return self.at(x, periods[0])
        if name == "standardise":
            return standardised(x, self.columns(x, periods))
        if name == "cumulate_index":
            return self.cumulated(x, base_year(node, periods))
        return self.interpolated(node, x, years)

    def full(self, values: Array) -> Array:
        return np.broadcast_to(values, self.shape)

    def columns(self, x: Array, years: Sequence[int | None]) -> Array:
        """The columns of these years; missing where there is no such year."""
        padded = np.column_stack([x, np.full(len(x), np.nan)])
        return padded[:, [self.column.get(year, -1) if year is not None else -1 for year in years]]

    def at(self, x: Array, year: int) -> Array:
        return self.columns(self.full(x), [year])

    def over_group(self, node: Call, x: Array) -> Array:
        groups = self.name(str(node.option("attribute")))[:, 0]
        result = np.full(self.shape, np.nan)
        for group in dict.fromkeys(g for g in groups if g == g and g != ""):
            rows = groups == group
            result[rows] = STATISTICS[node.function.removesuffix("_over_group")](x[rows], 0)
        return result

    def cumulated(self, x: Array, base: int) -> Array:
        first, last = min(base, self.context.years[0]), max(base, self.context.years[-1])
        growth = self.columns(x, range(first, last + 1)) / 100
        level = np.full(growth.shape, np.nan)
        level[:, base - first] = 100.0
        for j in range(base - first + 1, last - first + 1):
            level[:, j] = level[:, j - 1] * growth[:, j]
        with np.errstate(all="ignore"):
            for j in range(base - first, 0, -1):
                level[:, j - 1] = level[:, j] / growth[:, j]
        level[~np.isfinite(level)] = np.nan
        return level[:, [year - first for year in self.context.years]]

    def interpolated(self, node: Call, x: Array, years: frozenset[int]) -> Array:
        reach, result = node.integer("reach"), x.copy()
        present = ~np.isnan(x)
        for i, row in enumerate(x):
            known = [year for year, has in zip(self.context.years, present[i], strict=True) if has]
            for year in self.context.years:
                before = [y for y in known if year - reach <= y < year]
                after = [y for y in known if year < y <= year + reach]
                if present[i, self.column[year]] or not before or not after:
                    continue
                low, high = row[self.column[before[-1]]], row[self.column[after[0]]]
                result[i, self.column[year]] = low + (high - low) * (year - before[-1]) / (after[0] - before[-1])
                if year in years:
                    self.filled.append(Filled(describe(node), self.context.units[i], year, before[-1], after[0]))
        return result

    def numbers(self, values: list[Array], node: Operation | Call) -> list[Array]:
        """The values, if none is text."""
        if any(value.dtype == object for value in values):
            self.refuse(node, "text", "numbers; text is only compared with text")
        return values

    def alike(self, values: list[Array], node: Operation) -> None:
        """Refuse a comparison of text with numbers, and an order of text."""
        texts = sum(value.dtype == object for value in values)
        if 0 < texts < len(values):
            self.refuse(node, "text compared with a number", "text in quotation marks with text, numbers with numbers")
        if texts and node.operator not in ("==", "!=", "in"):
            self.refuse(node, f"text compared with {node.operator}", "==, != or in with text")

    def refuse(self, node: Operation | Call, found: str, expected: str) -> NoReturn:
        raise UserError.at(self.file, self.where, f"{found} in {describe(node)}", expected)

    def finite(
        self, result: Array, inputs: list[Array], node: Operation | Call, name: str, years: frozenset[int]
    ) -> Array:
        """The result with missing for what is not finite; notes where all inputs were there, in the years wanted."""
        bad = ~np.isfinite(result)
        if not bad.any():
            return result
        present = np.logical_and.reduce(np.broadcast_arrays(*[~np.isnan(value) for value in inputs]))
        wanted = np.array([[year in years for year in self.context.years]])
        mask = np.broadcast_to(bad & present, self.shape) & wanted
        if mask.any():
            key = (describe(node), _REASONS.get(name, "not a finite number"))
            self.undefined[key] = self.undefined.get(key, np.zeros(self.shape, dtype=bool)) | mask
        return np.where(bad, np.nan, result)

    def cells(self, mask: Array) -> tuple[tuple[str, int], ...]:
        return tuple((self.context.units[i], self.context.years[j]) for i, j in zip(*np.nonzero(mask), strict=True))


def _missing(values: Array) -> Array:
    return np.equal(values, "") | np.not_equal(values, values) if values.dtype == object else np.isnan(values)


def _where_present(truth: Array, inputs: Sequence[Array]) -> Array:
    """A condition as 1 and 0, missing where an input is missing (a blank text included)."""
    literal = [value for value in inputs if value.size > 1 or value.dtype != object]
    absent = [_missing(value).astype(bool) for value in literal] or [np.zeros((1, 1), dtype=bool)]
    missing = np.logical_or.reduce(np.broadcast_arrays(*absent))
    return np.where(missing, np.nan, np.asarray(truth, dtype=bool).astype(np.float64))


def wide_frame(
    unit: pd.Series[Any],
    period: pd.Series[Any],
    values: np.ndarray[Any, Any],
    units: Sequence[str],
    years: Sequence[int],
) -> pd.DataFrame:
    """Place `values` (n,) by their `unit` and `period`; missing where there is none.

    Parameters
    ----------
    unit, period : labels (n,), each pair at most once; labels outside `units` and `years` are passed over.
    units, years : rows and columns of the frame, the years ascending.
    """
    table = np.full(len(units) * len(years), np.nan)
    if isinstance(unit.dtype, pd.CategoricalDtype):
        rows = unit_places(tuple(unit.cat.categories.tolist()), tuple(units))[unit.cat.codes.to_numpy()]
    else:
        rows = _index(tuple(units)).get_indexer(pd.Index(unit))
    columns = _places(period.to_numpy(), years)
    known = (rows >= 0) & (columns >= 0)
    given = np.asarray(values, dtype=np.float64)
    if not known.all():
        rows, columns, given = rows[known], columns[known], given[known]
    table[rows * len(years) + columns] = given
    return pd.DataFrame(
        table.reshape(len(units), len(years)), index=_index(tuple(units)), columns=list(years), copy=False
    )


@lru_cache(maxsize=4)
def _index(labels: tuple[str, ...]) -> pd.Index[str]:
    return pd.Index(list(labels))


@lru_cache(maxsize=4)
def unit_places(labels: tuple[str, ...], units: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The place of each label among `units`, -1 where it is none of them; one more -1 for rows without a label."""
    return np.append(_index(units).get_indexer(_index(labels)), -1)


def _places(periods: np.ndarray[Any, Any], years: Sequence[int]) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The place of each period among `years`, -1 where it is none of them."""
    if not len(periods):
        return np.zeros(0, dtype=np.intp)
    low = int(periods.min())
    span = np.arange(low, int(periods.max()) + 1)
    return np.asarray(pd.Index(list(years)).get_indexer(pd.Index(span))[periods - low])
