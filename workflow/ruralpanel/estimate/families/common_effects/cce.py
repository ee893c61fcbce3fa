"""Common correlated effects: slopes net of what moves all units at once (Pesaran 2006)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base.effects import usable_columns
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.parts import OfUnit, Parts, UnitRoot
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.dependence import weighted_cd
from ruralpanel.estimate.families.common_effects import mean_group, unit_roots
from ruralpanel.estimate.families.common_effects.mean_group import Grid, Slopes, grid_of, lagged
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.specification_tests import pesaran_cd
from ruralpanel.project.kinds.estimator_keys import CommonEffects
from ruralpanel.project.notes import Note, Reason, note, reason
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any

METHODS = ("mean_group", "pooled")
"""The first is the default."""

LEAST_UNITS = 10
"""Fewest units, of which averages stand for the common factors and the scatter of slopes gives the errors."""

MOST_LAGS = 2
"""Lagged differences up to which unit-root tests are given."""

STILL = 1e-12
"""Movement of a term within a unit, as a share of its size, up to which it counts as constant."""


@dataclass(frozen=True)
class Data:
    """Rows that are estimated on.

    Attributes
    ----------
    rows : (n,) rows of the design, by unit and period. unit : (n,) codes from 0 without gaps.
    y, x : (n,), (n, k) outcome and terms. terms : their names.
    nuisance : (n, q) constant, averages over units with their lags, steps of definition breaks and their averages.
    parameters : of a unit's regression, steps left aside.
    left_out : units without a regression of their own → why.
    """

    rows: IntArray
    unit: IntArray
    y: FloatArray
    x: FloatArray
    terms: tuple[str, ...]
    nuisance: FloatArray
    parameters: int
    left_out: Mapping[str, Note]


def fit(design: Design) -> Fit:
    """Common correlated effects, ``mean_group`` (default) or ``pooled``.

    Each unit has its own constant and its own response to the averages over units of outcome and regressors, which
    stand for common factors; steps of definition breaks are its own too, and where a break concerns several units the
    averages of its step stand beside those of the variables. ``lags`` adds lags of the averages. Mean
    group: the mean of the units' slopes; pooled: one set of slopes. Errors of both rest on the scatter of the units'
    slopes, t with (units − 1) degrees of freedom.

    ``by_unit`` holds the units' slopes with classical errors and intervals and drawn to their mean, ``spread`` how far
    true slopes lie apart, ``unit_roots`` the tests of each variable; tests are
    ``weighted_cd`` and ``pesaran_cd`` of the residuals and ``slope_homogeneity`` (Pesaran and Yamagata 2008).

    Raises
    ------
    UserError
        Unknown method, weights, too few units, or units with no more periods than their own regression has parameters.
    """
    method = design.spec.method or METHODS[0]
    _check(design, method)
    data = _data(design)
    slopes = mean_group.slopes(data.y, data.x, data.nuisance, data.unit)
    params, vcov = mean_group.mean_group(slopes) if method == METHODS[0] else mean_group.pooled(slopes)
    units, terms = slopes.counts.size, data.terms
    residuals = slopes.residuals if method == METHODS[0] else slopes.y - slopes.x @ params
    plain, adjusted = mean_group.homogeneity(slopes, data.unit)
    whole = np.full(design.y.size, np.nan)
    whole[data.rows] = residuals
    slopes_per_unit = len(terms) if method == METHODS[0] else 0
    names = _names(design, data)
    extra = Parts(
        parameters_per_unit=data.parameters,
        periods_per_unit=(int(slopes.counts.min()), int(slopes.counts.max())),
        by_unit=_by_unit(terms, names, slopes),
        spread=dict(zip(terms, mean_group.shrunken(slopes)[1].tolist(), strict=True)),
        unit_roots=_unit_roots(design, terms),
    )
    scatter = "scatter_of_slopes" if method == METHODS[0] else "scatter_of_slopes_pooled"
    return Fit(
        terms=terms,
        params=params,
        rows=data.rows,
        residuals=residuals,
        bread=np.eye(params.size),
        scores=np.zeros((0, params.size)),
        df_resid=float(slopes.df.sum()),
        vcov=vcov,
        vcov_type=(note(scatter), note("t_units", df=units - 1)),
        df_t=units - 1.0,
        n_absorbed=int(slopes.absorbed.sum()),
        absorbed=("unit",),
        fit={"rmse": float(np.sqrt(slopes.residuals @ slopes.residuals / slopes.df.sum())), "n_units": float(units)},
        tests={
            "weighted_cd": _weighted_cd(whole, design, data.parameters - len(terms), slopes_per_unit),
            "pesaran_cd": replace(pesaran_cd(whole, design), note=(note("cd_averages"),)),
            "slope_homogeneity": adjusted,
            "slope_homogeneity_unadjusted": plain,
        },
        notes=(*_notes(design, data), *_drift(extra.unit_roots)),
        n_dropped=_dropped(design, data),
        extra=extra,
    )


def _check(design: Design, method: str) -> None:
    where = f"models.{design.spec.name}"
    if method not in METHODS:
        expected = "one of " + ", ".join(METHODS)
        raise UserError(
            Problem(CONFIGURATION, f"{where}.method", f'"{method}"', expected, did_you_mean(method, METHODS))
        )
    problems = []
    if design.weights is not None:
        expected = "none: every unit counts once"
        problems.append(Problem(CONFIGURATION, f"{where}.weights", "weights", expected, "leave them out"))
    if len(design.units) < LEAST_UNITS:
        expected = f"at least {LEAST_UNITS} units, whose averages stand for the common factors"
        problems.append(Problem(CONFIGURATION, where, f"{len(design.units)} units", expected, "use a wider panel"))
    raise_any(problems)


def _data(design: Design) -> Data:
    lags = design.spec.of(CommonEffects).lags
    steps = tuple(step for step in design.extra.steps if step in design.terms)
    terms = tuple(term for term in design.terms if term not in steps)
    x = design.x[:, [design.terms.index(term) for term in terms]]
    grid = grid_of(replace(design, x=x, terms=terms))
    averages = _averages(grid, lags)
    periods = design.times[design.period_codes] - int(grid.periods[0])
    columns = design.x[:, [design.terms.index(step) for step in steps]]
    shared = [column for column in columns.T if np.unique(design.unit_codes[column != column[0]]).size > 1]
    beside = _averages(grid_of(replace(design, x=np.column_stack(shared), terms=())), lags, False) if shared else None
    nuisance = np.column_stack([np.ones(design.y.size), averages[periods], columns])
    if beside is not None:
        nuisance = np.column_stack([nuisance, beside[periods]])
    rows = np.flatnonzero(np.isfinite(nuisance).all(axis=1))
    if not rows.size:
        found, expected = f"no period with the averages of the {lags} before it", "adjacent periods"
        raise UserError(Problem(CONFIGURATION, f"models.{design.spec.name}.lags", found, expected, "use fewer lags"))
    parameters = 1 + averages.shape[1] + len(terms)
    counts = np.bincount(design.unit_codes[rows], minlength=len(design.units))
    _long_enough(design, len(terms), parameters, lags, counts)
    left_out: dict[str, Reason] = {}
    for code, name in enumerate(design.units):
        mine = rows[design.unit_codes[rows] == code]
        why = _why_not(terms, x[mine], nuisance[mine], parameters)
        if why is not None:
            left_out[name] = why
    kept = np.array([unit not in left_out for unit in design.units])
    if kept.sum() < LEAST_UNITS:
        listed = "; ".join(f"{unit}: {why}" for unit, why in left_out.items())
        found = f"{int(kept.sum())} units with a regression of their own ({listed})"
        where, expected = f"models.{design.spec.name}", f"at least {LEAST_UNITS}"
        raise UserError(Problem(CONFIGURATION, where, found, expected, "use fewer terms or a longer panel"))
    rows = rows[kept[design.unit_codes[rows]]].astype(np.intp)
    unit = compact(design.unit_codes[rows])
    return Data(rows, unit, design.y[rows], x[rows], terms, nuisance[rows], parameters, left_out)


def _averages(grid: Grid, lags: int, outcome: bool = True) -> FloatArray:
    """(T, (k + 1)(lags + 1)) averages over the units that a period has; NaN where it has none."""
    values = np.concatenate([grid.y[:, :, None], grid.x], axis=2) if outcome else grid.x
    counts = np.isfinite(grid.y).sum(axis=0)
    means = np.full(values.shape[1:], np.nan)
    means[counts > 0] = np.nansum(values, axis=0)[counts > 0] / counts[counts > 0, None]
    return np.hstack([lagged(means[None], lag)[0] for lag in range(lags + 1)])


def _long_enough(design: Design, k: int, parameters: int, lags: int, counts: IntArray) -> None:
    """Stop where hardly any unit can have a regression of its own."""
    if (counts > parameters).sum() >= LEAST_UNITS:
        return
    parts = f"{k} slopes, a constant and {k + 1} averages" + (f" with {lags} lags" if lags else "")
    fix = f"a panel of {parameters + 1 + lags} periods or more, or estimator: fe"
    most = 0 if lags else (int(counts.max()) - 3) // 2
    if 0 < most < k:
        fix += f"; {counts.max()} periods carry {most} regressor{'s' if most > 1 else ''}"
    raise UserError(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}",
            f"{counts.max()} periods at most for the {parameters} parameters of each unit's regression ({parts})",
            f"more periods than parameters: at least {parameters + 1}",
            fix,
        )
    )


def _why_not(terms: tuple[str, ...], x: FloatArray, nuisance: FloatArray, parameters: int) -> Reason | None:
    """Why a unit has no regression of its own; None: it has."""
    moving = mean_group.rank_of(nuisance) if nuisance.size else parameters - len(terms)
    needed = max(parameters, moving + len(terms))
    if len(x) <= needed:
        message = f"{len(x)} periods for {needed} parameters"
        return reason(message, "periods_for_parameters", n_periods=len(x), parameters=needed)
    inner = x - x.mean(axis=0)
    # a term that does not move leaves rounding errors, which would pass for movement beside a mean of zero
    moves = np.linalg.norm(inner, axis=0) > STILL * np.linalg.norm(x, axis=0)
    _, reasons = usable_columns(inner, np.where(moves, mean_group.net_of(x, nuisance), 0.0), terms, ())
    message = ", ".join(f"{term} does not move of its own" for term in reasons)
    return reason(message, "terms_do_not_move", terms=list(reasons)) if reasons else None


def _weighted_cd(residuals: FloatArray, design: Design, common: int, slopes: int) -> Test:
    table = np.full((len(design.units), len(design.periods)), np.nan)
    table[design.unit_codes, design.period_codes] = residuals
    kept = np.isfinite(table).any(axis=1)
    return weighted_cd(table[kept], common, slopes, generator(design.seed, design.spec.name, "weighted_cd"))


def _names(design: Design, data: Data) -> list[str]:
    return [design.units[code] for code in np.unique(design.unit_codes[data.rows])]


def _dropped(design: Design, data: Data) -> dict[str, int]:
    gone = np.array([unit in data.left_out for unit in design.units])[design.unit_codes]
    counts = {
        "units_without_regression": int(gone.sum()),
        "periods_without_averages": int(design.y.size - gone.sum() - data.rows.size),
    }
    return {reason: count for reason, count in counts.items() if count}


def _by_unit(terms: tuple[str, ...], names: list[str], slopes: Slopes) -> tuple[OfUnit, ...]:
    """One entry per unit: its slopes by term; their classical errors and intervals; the slopes drawn to their mean."""
    low, high = mean_group.intervals(slopes)
    nearer, _ = mean_group.shrunken(slopes)

    def by_term(values: FloatArray) -> dict[str, float]:
        return dict(zip(terms, values.tolist(), strict=True))

    return tuple(
        OfUnit(
            name,
            by_term(slopes.by_unit[i]),
            by_term(slopes.errors[i]),
            dict(zip(terms, zip(low[i].tolist(), high[i].tolist(), strict=True), strict=True)),
            by_term(nearer[i]),
        )
        for i, name in enumerate(names)
    )


def _unit_roots(design: Design, terms: tuple[str, ...]) -> tuple[UnitRoot, ...]:
    """CIPS tests of the outcome and of each term, with 0 to 2 lagged differences; or why there is none."""
    grid = grid_of(design)
    columns = {design.spec.outcome: grid.y, **{term: grid.x[:, :, design.terms.index(term)] for term in terms}}
    rows: list[UnitRoot] = []
    for name, values in columns.items():
        for lags in range(MOST_LAGS + 1):
            why = unit_roots.why_not(values, lags)
            if why is None:
                rows.append(unit_roots.cips(values, lags).summary(name))
            elif not lags:
                rows.append(UnitRoot(name, not_available=why))
    return tuple(rows)


def _notes(design: Design, data: Data) -> tuple[Note, ...]:
    notes = [note("own_response")]
    if "period" in design.spec.effects:
        notes.append(note("averages_for_periods"))
    notes += [note("left_out", term=unit, reason=why) for unit, why in data.left_out.items()]
    return tuple(notes)


def _drift(roots: Iterable[UnitRoot]) -> tuple[Note, ...]:
    """That variables may drift: those whose unit root no number of lagged differences rejects at 5 %."""
    tested = [row for row in roots if row.not_available is None]
    rejected = {row.variable for row in tested if row.statistic < row.critical_values["5%"]}
    drifting = [name for name in dict.fromkeys(row.variable for row in tested) if name not in rejected]
    if not drifting:
        return ()
    return (note("may_drift", variables=drifting),)
