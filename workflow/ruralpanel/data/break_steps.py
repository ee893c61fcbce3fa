"""Steps for definition breaks whose rule is `dummy`: columns that take up the change of level.

Here alone it is said what the step of a derived column is, given those of its parts: of formulas in `break_steps`, of
products of terms in `step_terms`. Lags and neighbours' means of a term have the lags and neighbours' means of its steps
(`ruralpanel.estimate.base.results.Design.steps_of` hands the columns out).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.formulas import Context, evaluate
from ruralpanel.project.breaks import ACROSS, MARK, affected, leaves, rule_of, tree, years_read
from ruralpanel.project.expressions import (
    Call,
    Expression,
    Name,
    Number,
    Operation,
    describe,
    names,
    source_years,
    walk,
)
from ruralpanel.project.notes import Note, reason
from ruralpanel.project.periods import in_formula
from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec

Array = np.ndarray[Any, np.dtype[np.float64]]
Key = tuple[tuple[int, str, str], ...]
"""Break year, sub-expression and side of what a column takes up; several where the parts of a product have steps."""

ZERO, ONE, TWO = Number(0.0), Number(1.0), Number(2.0)
_STEP = "__step"
_LOGARITHMS = ("log", "asinh")
_ACROSS_UNITS = ("_over_units", "_over_group")


@dataclass(frozen=True)
class Figures:
    """What is known of a built panel.

    Attributes
    ----------
    variables, panel, series : as declared. years : series variable → years for which its source has figures.
    frames : variable → values, units × all years that any variable reads. context : of the formulas.
    """

    variables: Mapping[str, VariableSpec]
    panel: PanelSpec
    series: Mapping[str, SeriesSpec]
    years: Mapping[str, Sequence[int]]
    frames: Mapping[str, pd.DataFrame]
    context: Context


def break_steps(name: str, figures: Figures) -> tuple[dict[str, pd.DataFrame], tuple[Note, ...]]:
    """Steps of a variable, for every break of its series that has the rule `dummy`.

    ``<name>__break_<year>`` is 1 where all that the value reads lies on the new side of the break, for the units that
    the break concerns; ``<name>__break_<year>_across`` is 1 where the value reads both sides (a difference in the year
    of the break). Where a formula multiplies or divides a level that has a step, the step is multiplied or divided
    alike; a sum or mean over units has the sum or mean of their steps; a logarithm turns factors into a step. Further
    columns of a year are numbered.

    Returns
    -------
    columns : name → frame, index unit, columns the panel's periods.
    notes : the breaks that are common to all units, which period effects would absorb.
    """
    crossed = _crossed(name, figures)
    if not crossed:
        return {}, ()
    steps = _Derivation(figures, crossed).columns(Name(name), True)
    periods = [figures.context.years.index(t) for t in figures.panel.periods]
    columns: dict[str, pd.DataFrame] = {}
    kept: list[Array] = []
    for key in sorted(steps, key=lambda key: max(part[0] for part in key)):
        values = np.nan_to_num(steps[key][:, periods])
        if np.ptp(values) == 0.0 or any(_proportional(values, other) for other in kept):
            continue
        kept.append(values)
        suffix = ACROSS if all(side == "across" for _, _, side in key) else ""
        label = _free(f"{name}{MARK}{in_formula(max(part[0] for part in key))}{suffix}", columns)
        columns[label] = pd.DataFrame(values, index=list(figures.context.units), columns=list(figures.panel.periods))
    units = frozenset(figures.context.units)
    common = sorted({year for leaf, year in crossed if affected(figures.series[leaf].breaks[year], units) >= units})
    notes = tuple(
        reason(
            f"the break of {year} is common to all units: its step is the same for all in each period",
            "break_common_to_all",
            year=year,
        )
        for year in common
    )
    return columns, notes


def steps_by_factor(factors: Iterable[str], columns: Iterable[object]) -> dict[str, tuple[str, ...]]:
    """Variable → the names of its steps among `columns` of a panel."""
    marked = [str(column) for column in columns if MARK in str(column)]
    return {factor: tuple(c for c in marked if c.startswith(f"{factor}{MARK}")) for factor in factors}


def step_terms(term: str, steps: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Terms that take up the breaks in a term: of a product those in which steps stand for one or more of its factors.

    Parameters
    ----------
    steps : factor → names of its steps.

    Notes
    -----
    ``(x − a S) (z − b R) = x z − a S z − b x R + a b S R``: of ``x:z`` the terms ``S:z``, ``x:R`` and ``S:R``.
    """
    factors = [part.strip() for part in term.split(":")]
    terms: dict[tuple[str, ...], str] = {}
    for chosen in product(*((factor, *steps.get(factor, ())) for factor in factors)):
        if chosen != tuple(factors):
            terms.setdefault(tuple(sorted(chosen)), ":".join(chosen))
    return tuple(terms.values())


class _Derivation:
    """Steps of every node of a variable's formula: arrays (units × years) by what they take up."""

    def __init__(self, figures: Figures, crossed: Iterable[tuple[str, int]]) -> None:
        self.figures = figures
        self.crossed = sorted(crossed)

    def columns(self, node: Expression, whole: bool = False) -> dict[Key, Array]:
        """Arrays whose combination is what the breaks add to the node's values; `whole`: the node is the variable."""
        if not self.touched(node):
            return {}
        if self.plain(node, whole):
            return self.sides(node)
        if isinstance(node, Name):
            return self.columns(tree(self.figures.variables[node.name].formula), whole)
        if isinstance(node, Operation):
            return self.operation(node)
        assert isinstance(node, Call)
        return self.call(node)

    def operation(self, node: Operation) -> dict[Key, Array]:
        """`columns` of an operator."""
        operator, operands = node.operator, node.operands
        if operator in ("+", "-"):
            columns: dict[Key, Array] = {}
            signs = (-1.0,) if len(operands) == 1 else (1.0, 1.0 if operator == "+" else -1.0)
            for sign, operand in zip(signs, operands, strict=True):
                _add(columns, self.columns(operand), sign)
            return columns
        if operator == "*":
            return self.multiplied(operands[0], operands[1])
        if operator == "/":
            return self.divided(operands[0], operands[1])
        if operator == "**":
            base, power = operands
            if power in (Number(2.0), Number(3.0)):
                return self.multiplied(base, base if power == Number(2.0) else replace(node, operands=(base, TWO)))
            return self.weighted(node, operands)
        return self.marked(operands)

    def call(self, node: Call) -> dict[Key, Array]:
        """`columns` of a function."""
        name, arguments = node.function, node.arguments
        if name in ("lag", "diff", "value_at", "first_value", "interpolate") or name.startswith(("mean_", "sum_")):
            return self.mapped(node, name)
        if name.endswith((*_ACROSS_UNITS, "_over_periods")):
            return self.mapped(node, f"max{name[name.index('_over') :]}")
        if name == "ratio":
            return self.divided(arguments[0], arguments[1])
        if name == "deflate":
            prices = replace(node, arguments=(ONE, arguments[1]))
            return self.multiplied(arguments[0], prices, self.weighted(prices, arguments[1:]))
        if name == "known":
            return {}
        if name == "where":
            columns = self.marked(arguments[:1])
            for side, chosen in ((1, (Name(_STEP), ZERO)), (2, (ZERO, Name(_STEP)))):
                for key, column in self.columns(arguments[side]).items():
                    _add(columns, {key: self.value(replace(node, arguments=(arguments[0], *chosen)), column)})
            return columns
        if name in _LOGARITHMS:
            inner = arguments[0]
            if name == "log" and isinstance(inner, Operation) and inner.operator in ("*", "/"):
                parts = tuple(replace(node, arguments=(operand,)) for operand in inner.operands)
                return self.operation(Operation("+" if inner.operator == "*" else "-", parts))
            if name == "log" and isinstance(inner, Call) and inner.function == "ratio":
                return self.operation(Operation("-", tuple(replace(node, arguments=(a,)) for a in inner.arguments)))
            return self.marked(arguments)
        return self.weighted(node, arguments) if name in ("exp", "sqrt") else self.columns(arguments[0])

    def multiplied(
        self, left: Expression, right: Expression, steps: Mapping[Key, Array] | None = None
    ) -> dict[Key, Array]:
        """``(x − a S) (z − b R)``: S times z, x times R and S times R; `steps`: those of the right where known."""
        steps_left, other = self.columns(left), self.columns(right) if steps is None else steps
        columns: dict[Key, Array] = {}
        if steps_left:
            value = self.value(right)
            _add(columns, {key: column * value for key, column in steps_left.items()})
        if other:
            value = self.value(left)
            _add(columns, {key: column * value for key, column in other.items()})
        for (one, column), (two, beside) in product(steps_left.items(), other.items()):
            _add(columns, {one + two: column * beside})
        return columns

    def divided(self, left: Expression, right: Expression) -> dict[Key, Array]:
        """As `multiplied`, by one over the right, which breaks change by a factor."""
        inverse = Operation("/", (ONE, right))
        return self.multiplied(left, inverse, self.weighted(inverse, (right,)))

    def weighted(self, node: Expression, operands: Iterable[Expression]) -> dict[Key, Array]:
        """The node's own value where something in it has a step: what a factor adds to it."""
        marked = self.marked(operands)
        value = self.value(node) if marked else np.zeros(0)
        return {key: column * value for key, column in marked.items()}

    def marked(self, nodes: Iterable[Expression]) -> dict[Key, Array]:
        """1 where a step of any of the nodes is not zero."""
        columns: dict[Key, Array] = {}
        for node in nodes:
            for key, column in self.columns(node).items():
                columns.setdefault(key, (column != 0).astype(np.float64))
        return columns

    def mapped(self, call: Call, function: str) -> dict[Key, Array]:
        """What a function over time or units makes of its argument's steps, where the argument has figures."""
        (argument,) = call.arguments
        present = ~np.isnan(self.value(argument))
        same = function == call.function
        over = replace(call, function=function, arguments=(Name(_STEP),))
        return {
            key: self.value(over, np.where(present, column if same else np.abs(column), np.nan))
            for key, column in self.columns(argument).items()
        }

    def value(self, node: Expression, step: Array | None = None) -> Array:
        """The node's values, a step by the name of `_STEP` where one is given; missing ones of a step count as 0."""
        context = self.figures.context
        frames = dict(self.figures.frames)
        if step is not None:
            frames[_STEP] = pd.DataFrame(step, index=list(context.units), columns=list(context.years))
        values = evaluate(node, frames, context).frame.to_numpy()
        return values if step is None else np.nan_to_num(values)

    def sides(self, node: Expression) -> dict[Key, Array]:
        """1 where all that the node reads lies on the new side, and where it reads both, for the units concerned."""
        context = self.figures.context
        columns: dict[Key, Array] = {}
        for year in dict.fromkeys(year for _, year in self.below(node)):
            read = [leaf for leaf, at in self.below(node) if at == year]
            units = frozenset[str]().union(
                *(affected(self.figures.series[leaf].breaks[year], context.units) for leaf in read)
            )
            rows = np.array([unit in units for unit in context.units], dtype=np.float64)
            seen = [_side(_read(node, t, read, self.figures), year) for t in context.years]
            for side in ("new", "across"):
                pattern = np.array([s == side for s in seen], dtype=np.float64)
                if units and pattern.any():
                    columns[((year, describe(node), side),)] = np.outer(rows, pattern)
        return columns

    def plain(self, node: Expression, whole: bool = False) -> bool:
        """Whether the steps of the node are the sides on which its source years lie.

        So it is of a series, of what changes levels in no linear way (a logarithm) and, where it is the `whole`
        formula, of a lag or difference of these; not of what is added, multiplied or joined over units or periods.
        """
        if isinstance(node, Name):
            return not self.derived(node) or self.plain(tree(self.formula(node)), whole)
        if isinstance(node, Operation):
            if node.operator in ("*", "/"):
                constants = node.operands if node.operator == "*" else node.operands[1:]
                return any(not _reads(o) for o in constants) and all(self.plain(o) for o in node.operands if _reads(o))
            if node.operator in ("+", "-", "**"):
                return node.operator == "-" and len(node.operands) == 1 and self.plain(node.operands[0])
            return all(map(self.alone, node.operands))
        assert isinstance(node, Call)
        if node.function in ("lag", "diff", "value_at", "first_value"):
            return whole and self.plain(node.arguments[0], whole)
        if node.function in _LOGARITHMS:
            return self.alone(node.arguments[0])
        return node.function in ("abs", "cumulate_index") and self.plain(node.arguments[0])

    def alone(self, node: Expression) -> bool:
        """Whether no unit's break reaches another unit's value."""
        return not any(
            (isinstance(part, Call) and part.function.endswith(_ACROSS_UNITS) and self.touched(part))
            or (isinstance(part, Name) and self.derived(part) and not self.alone(tree(self.formula(part))))
            for part in walk(node)
        )

    def touched(self, node: Expression) -> bool:
        """Whether a break is read somewhere in the node."""
        return bool(self.below(node))

    def below(self, node: Expression) -> list[tuple[str, int]]:
        """The breaks that the node reads, by series."""
        variables, panel = self.figures.variables, self.figures.panel
        used = {leaf for name in names(node) if name in variables for leaf in years_read(name, variables, panel)}
        return [(leaf, year) for leaf, year in self.crossed if leaf in used]

    def derived(self, node: Name) -> bool:
        return bool(node.name in self.figures.variables and self.formula(node))

    def formula(self, node: Name) -> str:
        return self.figures.variables[node.name].formula


def _crossed(name: str, figures: Figures) -> set[tuple[str, int]]:
    """The breaks with the rule `dummy` of which a variable's column shows both sides."""
    crossed = set()
    node, panel = Name(name), figures.panel
    for leaf in leaves(years_read(name, figures.variables, panel), figures.variables):
        for year, details in figures.series[leaf].breaks.items():
            if rule_of(figures.variables[leaf], year) != "dummy" or not affected(details, figures.context.units):
                continue
            seen = {_side(_read(node, t, [leaf], figures), year) for t in panel.periods} - {""}
            if len(seen) > 1 or "across" in seen:
                crossed.add((leaf, year))
    return crossed


def _read(node: Expression, year: int, series: Iterable[str], figures: Figures) -> list[frozenset[int]]:
    """The years of each of the series that the node's value in `year` reads and for which there are figures."""
    variables, panel = figures.variables, figures.panel
    read: dict[str, frozenset[int]] = {}
    for name, needed in source_years(node, panel.periods, (year,), panel.by).items():
        if name in variables:
            for leaf, years in leaves(years_read(name, variables, panel, needed), variables).items():
                read[leaf] = read.get(leaf, frozenset()) | years
    return [read.get(leaf, frozenset()) & frozenset(figures.years[leaf]) for leaf in series]


def _side(read: Iterable[frozenset[int]], year: int) -> str:
    """Where the years lie that are read of one or several series: old, new, across; empty: none is read."""
    sides = {y >= year for years in read for y in years}
    return "" if not sides else "across" if len(sides) > 1 else "new" if sides.pop() else "old"


def _reads(node: Expression) -> bool:
    """Whether the node's value is more than a number."""
    return any(isinstance(part, Name) for part in walk(node))


def _add(sums: dict[Key, Array], columns: Mapping[Key, Array], sign: float = 1.0) -> None:
    for key, column in columns.items():
        sums[key] = sums[key] + sign * column if key in sums else sign * column


def _proportional(one: Array, other: Array) -> bool:
    """Whether two columns differ by a factor alone."""
    at = np.unravel_index(int(np.argmax(np.abs(other))), other.shape)
    factor = one[at] / other[at]
    return bool(factor != 0 and np.abs(one - factor * other).max() <= 1e-12 * np.abs(one).max())


def _free(label: str, taken: Container[str]) -> str:
    number = 2
    while label in taken:
        label, number = f"{label.removesuffix(f'_{number - 1}')}_{number}", number + 1
    return label
