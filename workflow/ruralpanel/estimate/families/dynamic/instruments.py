"""Rows, regressors and instruments of difference and system GMM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.families.common_effects.mean_group import BoolArray, lagged
from ruralpanel.estimate.families.dynamic.gmm import Moments, independent
from ruralpanel.estimate.families.dynamic.terms import Equation
from ruralpanel.project.kinds.estimator_keys import Dynamic
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any

FIRST_LAG = 2
"""First lag of the outcome and of endogenous regressors that is uncorrelated with the differenced error."""

PERIODS = "periods"
EXOGENOUS = "exogenous"


@dataclass(frozen=True)
class Choices:
    """What instruments a model asks for.

    Attributes
    ----------
    system : whether the equation in levels joins the differenced one.
    collapse : one instrument per lag instead of one per lag and period.
    first, last : lags of the outcome and of endogenous regressors (None: as far back as the panel goes);
        predetermined ones start and end one period later.
    predetermined, endogenous : regressors that are instrumented by their lags; all others are strictly exogenous.
    """

    system: bool
    collapse: bool
    first: int
    last: int | None
    predetermined: tuple[str, ...]
    endogenous: tuple[str, ...]


@dataclass(frozen=True)
class Stack:
    """What is estimated.

    Attributes
    ----------
    moments : its regressors are the equation's terms, then the periods' dummies.
    rows : rows of the design behind the equation that is reported: in levels for system GMM, else differenced.
    counts : set of instruments → how many are linearly independent of those before.
    """

    moments: Moments
    rows: IntArray
    counts: Mapping[str, int]


def choices_of(design: Design) -> Choices:
    """Read the model's keys ``method``, ``collapse``, ``gmm_lags``, ``predetermined``, ``endogenous_regressors``.

    Raises
    ------
    UserError
        Regressors that the model lacks or that are named twice, or lags that the errors are correlated with.
    """
    options, where = design.spec.of(Dynamic), f"models.{design.spec.name}"
    first, last = options.gmm_lags or (FIRST_LAG, None)
    named = {"predetermined": options.predetermined, "endogenous_regressors": options.endogenous_regressors}
    problems = [
        Problem(
            CONFIGURATION,
            f"{where}.{key}",
            f'"{name}"',
            "a regressor or control of the model",
            did_you_mean(name, design.terms),
        )
        for key, names in named.items()
        for name in names
        if name not in design.terms
    ]
    twice = sorted(set(named["predetermined"]) & set(named["endogenous_regressors"]))
    if twice:
        found = f"{', '.join(twice)} under endogenous_regressors too"
        problems.append(Problem(CONFIGURATION, f"{where}.predetermined", found, "each regressor under one of them"))
    if last is not None and last < first:
        problems.append(Problem(CONFIGURATION, f"{where}.gmm_lags", f"[{first}, {last}]", "first no later than last"))
    raise_any(problems)
    return Choices(
        system=design.spec.method == "system_gmm",
        collapse=options.collapse,
        first=first,
        last=last,
        predetermined=named["predetermined"],
        endogenous=named["endogenous_regressors"],
    )


def stack(equation: Equation, choices: Choices, design: Design) -> Stack:
    """Rows of the differenced equation and, for system GMM, of the equation in levels, with their instruments.

    - Outcome, endogenous and predetermined regressors: their levels from the first admissible lag on instrument the
      differenced equation; their difference at the lag before that (the newest admissible one) the equation in levels.
    - Strictly exogenous regressors and their lags: their own differences, in either equation by columns of its own. No
      regressor is taken to be uncorrelated with the unit effects.
    - Period dummies (where periods are effects) and the constant: themselves, for difference GMM in the differenced
      equation, for system GMM in the equation in levels alone.

    Raises
    ------
    UserError
        Parameters that no instrument moves.
    """
    later = np.argwhere(equation.pairs)
    levels = np.argwhere(equation.levels) if choices.system else later[:0]
    place = np.concatenate([later, levels]).astype(np.intp)
    differenced = np.arange(len(place)) < len(later)
    i, t = place.T
    y, x = _differenced(equation.y, i, t, differenced), _differenced(equation.x, i, t, differenced)
    dummies = _dummies(t, differenced, "period" in design.spec.effects)
    sets = _sets(equation, choices, i, t, differenced)
    # system GMM: the dummies' differences are regressors of the differenced equation, not its instruments
    sets = {PERIODS: dummies * ~differenced[:, None] if choices.system else dummies, **sets}
    names = tuple(name for name, columns in sets.items() for _ in range(columns.shape[1]))
    z = np.hstack(list(sets.values()))
    kept = independent(z)
    units = np.unique(i, return_inverse=True)[1].astype(np.intp)
    regressors = np.hstack([x, dummies])
    moments = Moments(y, regressors, z[:, kept], units, t, differenced, tuple(names[j] for j in kept))
    _identified(moments, design)
    counts = {name: moments.groups.count(name) for name in sets if moments.groups.count(name)}
    rows = equation.design_rows[tuple((levels if choices.system else later).T)]
    return Stack(moments, rows, counts)


def _differenced(values: FloatArray, i: IntArray, t: IntArray, differenced: BoolArray) -> FloatArray:
    now = values[i, t]
    before = values[i, t - 1]
    return np.asarray(np.where(differenced if now.ndim == 1 else differenced[:, None], now - before, now))


def _dummies(t: IntArray, differenced: BoolArray, periods: bool) -> FloatArray:
    """Difference GMM: one dummy for each differenced row's period; system GMM: differences of those in levels."""
    system = not differenced.all()
    if not periods:
        return (~differenced[:, None]).astype(float) if system else np.zeros((t.size, 0))
    levels = np.unique(t[~differenced] if system else t)
    now = (t[:, None] == levels).astype(float)
    return np.asarray(now - (differenced[:, None] & (t[:, None] - 1 == levels)) if system else now)


def _sets(
    equation: Equation, choices: Choices, i: IntArray, t: IntArray, differenced: np.ndarray
) -> dict[str, FloatArray]:
    exogenous = [name for name in equation.members if name not in (*choices.predetermined, *choices.endogenous)]
    columns = [position for name in exogenous for position in equation.members[name]]
    sets: dict[str, FloatArray] = {}
    if columns:
        steps = equation.x[:, :, columns] - lagged(equation.x[:, :, columns])
        values = np.nan_to_num(steps[i, t])
        sets[f"{EXOGENOUS}, differences"] = values * differenced[:, None]
        if choices.system:
            sets[f"{EXOGENOUS}, levels"] = values * ~differenced[:, None]
    gmm = [(equation.outcome, equation.y, 0)]
    for name, position in equation.members.items():
        if name in choices.endogenous or name in choices.predetermined:
            gmm.append((name, equation.x[:, :, position[0]], int(name in choices.predetermined)))
    for name, values, sooner in gmm:
        first = choices.first - sooner
        last = None if choices.last is None else choices.last - sooner
        sets[f"{name}, differences"] = _lags(values, first, last, i, t, differenced, choices.collapse)
    if choices.system:
        for name, values, sooner in gmm:
            newest = choices.first - sooner - 1
            step = values - lagged(values)
            sets[f"{name}, levels"] = _lags(step, newest, newest, i, t, ~differenced, choices.collapse)
    return sets


def _lags(
    values: FloatArray, first: int, last: int | None, i: IntArray, t: IntArray, use: BoolArray, collapse: bool
) -> FloatArray:
    """Lags `first` to `last` of `values` (N, T) in the rows `use`, zero elsewhere and where missing."""
    latest = int(t.max()) if last is None else min(int(t.max()), last)
    columns = []
    for lag in range(first, latest + 1):
        column = np.where(use & (t >= lag), np.nan_to_num(values[i, np.maximum(t - lag, 0)]), 0.0)
        if collapse:
            columns.append(column)
        else:
            columns += [np.where(t == period, column, 0.0) for period in np.unique(t[use & (t >= lag)])]
    return np.column_stack(columns) if columns else np.zeros((t.size, 0))


def _identified(moments: Moments, design: Design) -> None:
    number, k = moments.z.shape[1], moments.x.shape[1]
    cross = moments.z.T @ moments.x
    rank = int(np.linalg.matrix_rank(cross / np.maximum(np.linalg.norm(cross, axis=0), 1e-300)))
    if rank == k:
        return
    found = f"{number} instruments that move {rank} of {k} parameters"
    raise UserError(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}",
            found,
            "instruments for every parameter",
            "widen gmm_lags, set collapse: false, use fewer terms or a longer panel",
        )
    )
