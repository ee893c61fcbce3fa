"""The equation of a dynamic panel: the outcome on its own lags and on regressors with theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import usable_columns
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.families.common_effects.mean_group import BoolArray, Grid, grid_of, lagged
from ruralpanel.project.kinds.estimator_keys import Dynamic
from ruralpanel.project.notes import Note, Reason, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any


@dataclass(frozen=True)
class Equation:
    """``y[i, t] = sum_l rho_l y[i, t − l] + x[i, t]'beta + effects + error``, by unit and calendar period.

    Attributes
    ----------
    outcome : its name.
    grid : outcome and terms without lags.
    terms : K names: ``lag(outcome, 1)``, …, then the regressors, each followed by its lags.
    x : (N, T, K) their values; NaN where one is missing.
    lags : number of lags of the outcome, which stand first in `terms`.
    members : regressor → positions of it and of its lags in `terms`.
    segment : (N, T) codes: rows of one unit between which a definition break lies have different ones.
    notes : on terms left out.
    """

    outcome: str
    grid: Grid
    terms: tuple[str, ...]
    x: FloatArray
    lags: int
    members: Mapping[str, tuple[int, ...]]
    segment: IntArray
    notes: tuple[Note, ...] = ()

    @property
    def y(self) -> FloatArray:
        """(N, T) outcome."""
        return self.grid.y

    @property
    def complete(self) -> BoolArray:
        """(N, T) whether outcome, lags and regressors are all there."""
        return np.asarray(np.isfinite(self.y) & np.isfinite(self.x).all(axis=2))

    @property
    def pairs(self) -> BoolArray:
        """(N, T) whether the row and the one of the period before are complete, with no break of this unit between."""
        paired = np.zeros_like(self.complete)
        same = self.segment[:, 1:] == self.segment[:, :-1]
        paired[:, 1:] = self.complete[:, 1:] & self.complete[:, :-1] & same
        return paired

    @property
    def levels(self) -> BoolArray:
        """(N, T) complete rows before the unit's first break."""
        first = np.take_along_axis(self.segment, self.complete.argmax(axis=1)[:, None], axis=1)
        return np.asarray(self.complete & (self.segment == first))

    @property
    def design_rows(self) -> IntArray:
        """(N, T) rows of the design."""
        return self.grid.rows


def equation_of(design: Design) -> Equation:
    """Build the outcome's lags (``lags``, default 1) and those of regressors (``regressor_lags``) from the rows.

    A lag is the figure of that many periods before, by the panel's calendar; where the unit has no row then, the lag is
    missing. A variable that enters with lags has the lags of its steps beside them, the outcome too. The step of a
    definition break that concerns one unit alone is no term: it gives that unit another effect from the break on
    (`Equation.segment`; one more while lags still reach back over it), because nothing but its own residuals would
    speak for the error of its coefficient.

    Raises
    ------
    UserError
        Weights, effects without units, unknown regressors under ``regressor_lags``, or no row with every lag.
    """
    options = design.spec.of(Dynamic)
    lags, extra = options.lags, options.regressor_lags
    _check(design, extra)
    grid = grid_of(design)
    reach = _reach(design, lags, extra)
    lone = _lone_steps(grid, design, reach)
    terms = [f"lag({design.spec.outcome}, {k})" for k in range(1, lags + 1)]
    columns = [lagged(grid.y, k) for k in range(1, lags + 1)]
    members: dict[str, tuple[int, ...]] = {}
    for term, values in _entering(grid, design, reach).items():
        if term in lone:
            continue
        deepest = int(extra.get(term, 0)) if term not in reach else reach[term]
        members[term] = tuple(range(len(terms), len(terms) + deepest + 1))
        terms += [term, *(f"lag({term}, {k})" for k in range(1, deepest + 1))]
        columns += [lagged(values, k) for k in range(deepest + 1)]
    steps = [f"{step} ({unit})" for step, (unit, _) in lone.items()]
    notes = (note("lone_steps", steps=steps),) if lone else ()
    equation = Equation(
        design.spec.outcome,
        grid,
        tuple(terms),
        np.stack(columns, axis=2),
        lags,
        members,
        _segments(grid, {step: values for step, (_, values) in lone.items()}, reach),
        notes,
    )
    if not equation.complete.any():
        most = max([lags, *map(int, extra.values())])
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.lags",
                f"no row whose unit also has the {most} period{'s' if most > 1 else ''} before it",
                "adjacent periods (lags count calendar periods)",
                "use a panel of adjacent periods, or fewer lags"
                + ("" if design.calendar else f", or panels.{design.spec.panel}.by: observation"),
            )
        )
    return equation


def told_apart(equation: Equation, design: Design, differenced: bool) -> Equation:
    """The equation without terms that the rows with lags cannot tell from effects or from each other.

    Rows lost to lags can leave a term without movement. Steps of definition breaks, and with ``drop_absorbed`` all
    terms, are left out with a note then.

    Parameters
    ----------
    differenced : compare differences between adjacent periods net of period effects, else the rows net of effects.

    Raises
    ------
    UserError
        Any other such term, or no row to compare.
    """
    rows = equation.pairs if differenced else equation.complete
    if not rows.any():
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}",
                "no unit with two adjacent periods in which the outcome's lags are there",
                f"units with {equation.lags + 2} adjacent periods or more",
                "use a longer panel, fewer lags, or estimator: fe",
            )
        )
    unit, period = compact(equation.segment[rows]), compact(np.nonzero(rows)[1])
    columns = (equation.x - lagged(equation.x))[rows] if differenced else equation.x[rows]
    effects = ("period",) if differenced else ("unit", "period")
    codes = {"unit": unit, "period": period}
    factors = tuple(codes[effect] for effect in effects if effect in design.spec.effects)
    net = Absorbed(len(columns), factors).residuals(columns) if factors else columns
    _, reasons = usable_columns(columns, net, equation.terms, design.spec.effects)
    free = set(equation.terms)
    if not design.spec.drop_absorbed:
        steps = _steps(design)
        free = {equation.terms[j] for name, positions in equation.members.items() if name in steps for j in positions}
    raise_any(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}.regressors",
            f'"{term}", {reason} in the rows that have the outcome\'s lags',
            "terms that the data can tell apart",
            f"leave {term} out, or set drop_absorbed: true",
        )
        for term, reason in reasons.items()
        if term not in free
    )
    return _without(equation, reasons)


def regressors_of(equation: Equation, design: Design) -> dict[str, tuple[int, ...]]:
    """`Equation.members` without the steps of definition breaks."""
    steps = _steps(design)
    return {name: columns for name, columns in equation.members.items() if name not in steps}


def _without(equation: Equation, reasons: Mapping[str, Reason]) -> Equation:
    if not reasons:
        return equation
    kept = [j for j, term in enumerate(equation.terms) if term not in reasons]
    place = {old: new for new, old in enumerate(kept)}
    members = {name: tuple(place[j] for j in columns if j in place) for name, columns in equation.members.items()}
    return replace(
        equation,
        terms=tuple(equation.terms[j] for j in kept),
        x=equation.x[:, :, kept],
        lags=sum(j < equation.lags for j in kept),
        members={name: columns for name, columns in members.items() if columns},
        notes=equation.notes + tuple(note("left_out_lags", term=term, reason=why) for term, why in reasons.items()),
    )


def _steps(design: Design) -> tuple[str, ...]:
    """Names of all steps, those that are no terms of the design included."""
    return tuple(dict.fromkeys((*design.extra.steps, *design.extra.every_step.terms)))


def _reach(design: Design, lags: int, extra: Mapping[str, int]) -> dict[str, int]:
    """Step → how many lags of it enter: as many as of the variable whose break it takes up."""
    reach = dict.fromkeys(_steps(design), 0)
    for name, deepest in {**extra, design.spec.outcome: lags}.items():
        reach |= {step: max(reach[step], int(deepest)) for step in design.steps_of(name)}
    return reach


def _entering(grid: Grid, design: Design, reach: Mapping[str, int]) -> dict[str, FloatArray]:
    """Terms of the design, and steps that only their lags tell from others, as (N, T)."""
    columns = {term: grid.x[:, :, j] for j, term in enumerate(design.terms)}
    for name in (design.spec.outcome, *design.spec.regressors, *design.spec.controls):
        for step, values in design.steps_of(name).items():
            if step not in columns and reach[step]:
                columns[step] = _laid_out(grid, values)
    return columns


def _laid_out(grid: Grid, values: FloatArray) -> FloatArray:
    return np.where(grid.rows >= 0, values[grid.rows], np.nan)


def _lone_steps(grid: Grid, design: Design, reach: Mapping[str, int]) -> dict[str, tuple[str, FloatArray]]:
    """Steps of definition breaks that move in one unit at most, between two levels → that unit, and values (N, T)."""
    lone = {}
    for step, column in _entering(grid, design, reach).items():
        if step not in reach:
            continue
        moving = np.flatnonzero(np.nanmax(column, axis=1) > np.nanmin(column, axis=1))
        levels = np.unique(column[moving[0]][np.isfinite(column[moving[0]])]).size if moving.size else 0
        if moving.size <= 1 and levels <= 2:
            lone[step] = (design.units[moving[0]] if moving.size else "none", column)
    return lone


def _segments(grid: Grid, lone: Mapping[str, FloatArray], reach: Mapping[str, int]) -> IntArray:
    """(N, T) codes of unit and values of the lone steps and of their lags."""
    units = np.broadcast_to(np.arange(grid.y.shape[0], dtype=float)[:, None], grid.y.shape)
    steps = [
        np.nan_to_num(lagged(values, k), nan=-1.0) for step, values in lone.items() for k in range(reach[step] + 1)
    ]
    keys = np.stack([units, *steps], axis=2).reshape(grid.y.size, -1)
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(grid.y.shape).astype(np.intp)


def _check(design: Design, extra: Mapping[str, int]) -> None:
    where = f"models.{design.spec.name}"
    problems = []
    if design.weights is not None:
        problems.append(
            Problem(
                CONFIGURATION, f"{where}.weights", "weights", "none: the method has no weighted form", "leave them out"
            )
        )
    other = [effect for effect in design.spec.effects if effect not in ("unit", "period")]
    if "unit" not in design.spec.effects or other:
        found = "[" + ", ".join(design.spec.effects) + "]"
        expected = "unit, or unit and period: a dynamic panel has unit effects"
        problems.append(Problem(CONFIGURATION, f"{where}.effects", found, expected, "effects: [unit, period]"))
    problems += [
        Problem(
            CONFIGURATION,
            f"{where}.regressor_lags",
            f'"{name}"',
            "a regressor or control of the model",
            did_you_mean(name, design.terms),
        )
        for name in extra
        if name not in design.terms
    ]
    raise_any(problems)
