"""Specification tests of the standard models: effects, serial correlation, unequal variances, dependent units."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import removed_effects
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.dependence import LEAST_SHARED, MOST_PAIRED, mean_correlation, pesaran
from ruralpanel.estimate.families import linear, random_effects
from ruralpanel.estimate.inference import covariance, joint
from ruralpanel.estimate.inference.error_process import least_squares as least_squares_of
from ruralpanel.estimate.inference.romano_wolf import is_least_squares
from ruralpanel.estimate.inference.size_kernels import LEVEL
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.simulated_size import Null, null_panels
from ruralpanel.project.breaks import MARK
from ruralpanel.project.effects import involving
from ruralpanel.project.kinds.estimator_keys import RandomEffects
from ruralpanel.project.kinds.estimators import ESTIMATORS, FD, FE, POLICY, POOLED, RE
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import UserError

INDEPENDENT = note("independent_over_time")

SIMULATED = 199
"""Simulated panels behind p-values and sizes of these tests."""

MOST_UNITS = 200
"""Units up to which correlations of all pairs are simulated."""

MOST_ROWS = 1_000_000
"""Rows up to which auxiliary regressions are run: each takes as long as the model, random effects several times."""


def specification_tests(design: Design, fit: Fit, seed: int = 0, null: Null | None = None) -> dict[str, Test]:
    """The tests that apply to the estimator and the panel; empty for other families.

    `null`: panels without effects that look like the model's (`simulated_size.null_panels`). With them the tests of
    variances and of dependence, whose published distributions do not hold in short panels, have p-values by simulation,
    and the F test of unit effects, which errors that persist look like, its simulated size. `seed`: of these.

    ``f_effects`` (unit effects all equal), ``hausman`` (fixed against random effects), ``mundlak`` (the same, robust to
    clustering), ``breusch_pagan_lm`` (no unit effects), ``pesaran_cd`` (no correlation between units),
    ``serial_correlation`` (Wooldridge), ``heteroskedasticity`` (equal variances of the units). Cross-sections and
    means of units: ``breusch_pagan`` (variances do not go with the terms). Policy designs that are a regression with
    unit effects: the last three, serial correlation by the residuals alone; so too models of more than `MOST_ROWS`
    rows, whose other tests say that they are left out.
    """
    kind = ESTIMATORS[design.spec.estimator]
    repeated = np.unique(design.unit_codes[fit.rows]).size < fit.rows.size
    if kind.evidence == POLICY:
        return _simulated(_policy_tests(design, fit), design, fit, seed, null)
    if not kind.standard or not is_least_squares(fit):
        return {}
    if not repeated:
        return {"breusch_pagan": breusch_pagan(fit)}
    if fit.rows.size > MOST_ROWS:
        left = Test.none("too_many_rows", rows=fit.rows.size, most=MOST_ROWS)
        names = ("f_effects", "hausman", "mundlak") if "unit" in fit.absorbed else ("breusch_pagan_lm",)
        return dict.fromkeys(names, left) | _residual_tests(design, fit)
    tests: dict[str, Test] = {}
    quick = _quick(design)
    if "unit" in fit.absorbed:
        tests |= f_effects(quick)
    # random effects stand beside none but effects of periods
    random = kind.unit_effects == "random"
    if (random or "unit" in fit.absorbed) and set(design.spec.effects) <= {"unit", "period"}:
        with suppress(UserError):
            if design.weights is None or random:
                tests["hausman"] = hausman(quick)
        with suppress(UserError):
            tests["mundlak"] = mundlak(quick, seed)
    if kind.unit_effects in ("none", "random") and design.weights is None:
        tests["breusch_pagan_lm"] = breusch_pagan_lm(quick)
    residuals = _by_row(design, fit)
    tests["pesaran_cd"] = pesaran_cd(residuals, design, fit.absorbed)
    serial = wooldridge(quick)
    if serial is not None:
        tests["serial_correlation"] = serial
    tests["heteroskedasticity"] = groupwise(residuals, design)
    return _simulated(tests, design, fit, seed, null)


def _simulated(tests: dict[str, Test], design: Design, fit: Fit, seed: int, null: Null | None) -> dict[str, Test]:
    """The tests with p-values or sizes from panels in which their null holds."""
    if null is None or np.unique(fit.rows).size < fit.rows.size:
        return tests
    rng = generator(seed, design.spec.name, "tests")
    space = null.outcomes.space
    draws = min(SIMULATED, null.outcomes.residuals.shape[1])
    changed = dict(tests)
    if "heteroskedasticity" in tests:
        even = replace(null.process, scale=np.ones_like(null.process.scale))
        residuals = least_squares_of(fit, space, even.draw(draws, rng))[1]
        values = _unequal(residuals, compact(design.unit_codes[fit.rows]))[0]
        test = tests["heteroskedasticity"]
        changed["heteroskedasticity"] = _by_simulation(test, values, test.statistic, "panels_units_vary_alike")
    if "pesaran_cd" in tests and len(design.units) <= MOST_UNITS and np.isfinite(tests["pesaran_cd"].statistic):
        values = pesaran(_table(null.outcomes.residuals[:, :draws].T, design, fit.rows))
        test, centre = tests["pesaran_cd"], np.median(values)
        away, sample = np.abs(values - centre), abs(test.statistic - centre)
        changed["pesaran_cd"] = _by_simulation(test, away, sample, "panels_units_independent", *test.note)
    if "f_effects" in tests and ESTIMATORS[design.spec.estimator].unit_effects == "declared":
        outcomes = null.process.draw(draws, rng)
        short = linear.pooled(_as(_take(_quick(design), fit.rows), POOLED, _without_unit(design)))
        full = least_squares_of(fit, space, outcomes)[1]
        restricted = least_squares_of(short, covariance.space_of(short, design), outcomes)[1]
        df = tests["f_effects"].df
        assert isinstance(df, tuple)
        ssr = np.sum(full**2, axis=0)
        values_f = (np.sum(restricted**2, axis=0) - ssr) / df[0] / (ssr / df[1])
        size = float(np.mean(special.fdtrc(df[0], df[1], values_f) <= LEVEL))
        changed["f_effects"] = joint.sized(tests["f_effects"], size)
    return changed


def _by_simulation(test: Test, values: FloatArray, sample: float, code: str, *beside: Note) -> Test:
    """The test with the share of simulated panels whose value is at least the sample's, the sample counted."""
    p_value = (1.0 + float(np.sum(values >= sample))) / (values.size + 1.0)
    return Test(test.statistic, None, p_value, (note(code, panels=values.size), *beside))


def _policy_tests(design: Design, fit: Fit) -> dict[str, Test]:
    """Tests of the residuals of a policy regression."""
    distinct = np.unique(fit.rows).size == fit.rows.size
    if not distinct or not involving("unit", fit.absorbed) or not is_least_squares(fit):
        return {}
    return _residual_tests(design, fit)


def _residual_tests(design: Design, fit: Fit) -> dict[str, Test]:
    residuals = _by_row(design, fit)
    tests = {"pesaran_cd": pesaran_cd(residuals, design, fit.absorbed)}
    serial = within_correlation(residuals, design)
    if serial is not None:
        tests["serial_correlation"] = serial
    return {**tests, "heteroskedasticity": groupwise(residuals, design)}


def _by_row(design: Design, fit: Fit) -> FloatArray:
    """Residuals by row of the design, NaN where the model does not use it."""
    residuals = np.full(design.y.size, np.nan)
    residuals[fit.rows] = fit.residuals
    return residuals


def _table(values: FloatArray, design: Design, rows: IntArray) -> FloatArray:
    """`values` (..., rows) of some rows of the design as tables (..., units, periods), NaN elsewhere."""
    units, periods = compact(design.unit_codes), compact(design.period_codes)
    table = np.full((*values.shape[:-1], units.max() + 1, periods.max() + 1), np.nan)
    table[..., units[rows], periods[rows]] = values
    return table


def _without_unit(design: Design) -> tuple[str, ...]:
    return tuple(effect for effect in removed_effects(design.spec) if effect != "unit")


def _beside_random_units(design: Design) -> tuple[str, ...]:
    """The effects of the model where those of units are random: a model of random effects says it, period too."""
    random = ESTIMATORS[design.spec.estimator].unit_effects == "random"
    return design.spec.effects if random else _without_unit(design)


def f_effects(design: Design) -> dict[str, Test]:
    """F test that all unit effects are equal: restricted model without unit effects, same other effects.

    Empty where the other effects contain those of units.
    """
    effects = _without_unit(design)
    full = linear.fe(_as(design, FE, ("unit", *effects)))
    kept = _take(design, full.rows)
    short = linear.pooled(_as(kept, POOLED, effects))
    ssr_full, ssr_short = float(full.residuals @ full.residuals), float(short.residuals @ short.residuals)
    df = (short.df_resid - full.df_resid, full.df_resid)
    if df[0] < 1:
        return {}
    return {"f_effects": _f((ssr_short - ssr_full) / df[0] / (ssr_full / df[1]), df, INDEPENDENT)}


def hausman(design: Design) -> Test:
    """Hausman (1978): classical covariance matrices of fixed and random effects, terms that vary within units.

    Each matrix has its own residual variance, as in the published tables; the difference need not be positive definite
    and the test rejects too often in short panels, so that `mundlak` is the one to read.
    """
    effects = _beside_random_units(design)
    fixed = linear.fe(_as(design, FE, tuple(dict.fromkeys(("unit", *effects)))))
    random = random_effects.fit(_as(design, RE, effects))
    return random_effects.contrast(fixed, random, len(fixed.terms), "mundlak")


def mundlak(design: Design, seed: int = 0) -> Test:
    """Mundlak (1978): unit means of the terms added to random effects, tested with errors clustered by unit.

    The test is that of `joint.wald_of` (CR2, approximate Hotelling T²) and carries its simulated size, θ held fixed.
    Means of steps of definition breaks stand in the regression and are not tested. With weights the means are weighted;
    for fixed effects they are then added to weighted pooled least squares.
    """
    codes = compact(design.unit_codes)
    weights = np.ones(codes.size) if design.weights is None else design.weights
    counts = np.bincount(codes, weights=weights)
    means = (group_sums(design.x * weights[:, None], codes) / counts[:, None])[codes]
    apart = np.abs(design.x - means).max(axis=0, initial=0.0)
    varies = np.flatnonzero(apart > 1e-9 * np.std(design.x, axis=0)).tolist()
    names = tuple(f"mean of {design.terms[j]}" for j in varies)
    effects = _beside_random_units(design)
    wide = replace(design, x=np.hstack([design.x, means[:, varies]]), terms=(*design.terms, *names))
    random = design.weights is None or ESTIMATORS[design.spec.estimator].unit_effects == "random"
    wide = _as(wide, RE if random else POOLED, effects)
    # unit means do not vary within units, which other variance components ask for
    wide = replace(wide, spec=replace(wide.spec, options=RandomEffects()))
    fit = random_effects.fit(wide) if random else linear.pooled(wide)
    place = [fit.terms.index(name) for name in names if name in fit.terms and not _is_step(name, design)]
    if not place:
        return Test.none("no_term_within_and_between")
    wald = joint.wald_of(fit, wide, np.eye(fit.params.size)[place], compact(wide.unit_codes[fit.rows]))
    test = joint.test_of(wald, fit, note("hotelling_cr2", by="unit"))
    null = null_panels(fit, wide, seed, "size of mundlak") if design.spec.simulated_size else None
    return joint.with_size(test, wald, null.outcomes if null else None)


def _is_step(name: str, design: Design) -> bool:
    return MARK in name or name.removeprefix("mean of ") in design.extra.steps


def breusch_pagan_lm(design: Design) -> Test:
    """Breusch and Pagan (1980) Lagrange multiplier test of no unit effects; unbalanced: Baltagi and Li (1990)."""
    pooled = linear.pooled(_as(design, POOLED, _without_unit(design)))
    codes = compact(design.unit_codes[pooled.rows])
    counts = np.bincount(codes).astype(float)
    sums = np.bincount(codes, weights=pooled.residuals)
    n = counts.sum()
    ratio = float(np.sum(sums**2) / np.sum(pooled.residuals**2)) - 1.0
    return _chi2(n**2 / (2.0 * float(np.sum(counts * (counts - 1.0)))) * ratio**2, 1, INDEPENDENT)


def pesaran_cd(residuals: FloatArray, design: Design, effects: tuple[str, ...] = ()) -> Test:
    """Pesaran (2004, 2021) test of no correlation between units; pairs use the periods that they share (at least 3).

    Of more than `MOST_PAIRED` units no pair is formed: those of the most frequent set of periods (`mean_correlation`).

    Parameters
    ----------
    residuals : one per row of the design, NaN where the model does not use the row. effects : those removed.
    """
    table = _table(residuals, design, np.arange(residuals.size))
    about = (note("cd_period_effects"),) if involving("period", effects) else ()
    if len(table) > MOST_PAIRED:
        value, alike = mean_correlation(table)
        about = (note("cd_of_same_periods", units=alike, of=len(table)), *about)
    else:
        value = float(pesaran(table[None])[0])
    if np.isnan(value):
        return Test.none("no_pair_shares_periods", periods=LEAST_SHARED)
    return Test(float(value), None, float(2.0 * special.ndtr(-abs(value))), about)


def wooldridge(design: Design) -> Test | None:
    """Wooldridge (2002, 10.6.3): residuals of first differences on their lag; independent errors give a slope of −½.

    The F test has CR1 errors by unit. None where too few units have two adjacent differences, or where effects are of
    groups that units change.
    """
    effects = involving("period", design.spec.effects)
    try:
        fit = linear.fd(_as(design, FD, effects))
    except UserError:
        return None
    place = {row: i for i, row in enumerate(fit.rows.tolist())}
    earlier = design.earlier()
    pairs = [(i, place[earlier[row]]) for row, i in place.items() if earlier[row] in place]
    if len(pairs) < 3:
        return None
    now, lag = (fit.residuals[[pair[side] for pair in pairs]] for side in (0, 1))
    codes = compact(design.unit_codes[fit.rows[[pair[0] for pair in pairs]]])
    groups = int(codes.max()) + 1
    slope = float(lag @ now) / float(lag @ lag)
    scores = np.bincount(codes, weights=lag * (now - slope * lag))
    if groups < 2:
        return None
    variance = groups / (groups - 1) * float(scores @ scores) / float(lag @ lag) ** 2
    return _f((slope + 0.5) ** 2 / variance, (1, groups - 1), note("slope_of_residuals", slope=slope))


def within_correlation(residuals: FloatArray, design: Design) -> Test | None:
    """No serial correlation, from within residuals alone (Wooldridge 2002, 10.5.4), never across a gap of the panel.

    Independent errors less their unit means correlate by −1/(T_i − 1): the products of neighbours less that, summed by
    unit, have mean zero. t with G − 1 degrees of freedom; None where fewer than two units have two neighbours.
    """
    rows = np.flatnonzero(np.isfinite(residuals))
    units, periods, values = design.unit_codes[rows], design.times[design.period_codes[rows]], residuals[rows]
    counts = np.bincount(units)[units]
    next_to = (units[1:] == units[:-1]) & (periods[1:] == periods[:-1] + 1)
    products = values[1:] * values[:-1] + values[:-1] ** 2 / (counts[1:] - 1.0).clip(1.0)
    codes = compact(units[1:][next_to])
    if not codes.size or codes.max() < 1:
        return None
    sums = np.bincount(codes, weights=products[next_to])
    groups = sums.size
    value = float(sums.sum() / np.sqrt(groups / (groups - 1) * np.sum((sums - sums.mean()) ** 2)))
    size = float(2.0 * special.stdtr(groups - 1, -abs(value)))
    return Test(value, float(groups - 1), size, (note("from_residuals_alone"),))


def breusch_pagan(fit: Fit) -> Test:
    """Breusch and Pagan (1979) as Koenker (1981) studentised it: squared residuals on the terms, n R² as χ²(k)."""
    assert fit.x is not None
    squares = fit.residuals**2 - np.mean(fit.residuals**2)
    columns = fit.x - fit.x.mean(axis=0)
    fitted = columns @ scaling.least_squares(columns, squares)
    return _chi2(fit.rows.size * float(fitted @ fitted) / float(squares @ squares), len(fit.terms))


def groupwise(residuals: FloatArray, design: Design) -> Test:
    """Modified Wald test that the residual variances of the units are equal (Greene 2000, 15.3)."""
    observed = np.isfinite(residuals)
    values, units = _unequal(residuals[observed, None], compact(design.unit_codes[observed]))
    return _chi2(float(values[0]), int(units[0]), note("rejects_with_few_periods"))


def _unequal(residuals: FloatArray, codes: IntArray) -> tuple[FloatArray, FloatArray]:
    """The Wald statistic of `groupwise` for each column of residuals (m, s), and the number of units that enter it."""
    squares = residuals**2
    counts = np.bincount(codes).astype(float)[:, None]
    variances = group_sums(squares, codes) / counts
    spread = group_sums((squares - variances[codes]) ** 2, codes) / (counts * np.maximum(counts - 1.0, 1.0))
    use = (counts > 1) & (spread > 0)
    terms = np.where(use, (variances - squares.mean(axis=0)) ** 2 / np.where(use, spread, 1.0), 0.0)
    return terms.sum(axis=0), use.sum(axis=0)


def _as(design: Design, estimator: str, effects: tuple[str, ...]) -> Design:
    return replace(design, spec=replace(design.spec, estimator=estimator, effects=effects))


def _quick(design: Design) -> Design:
    """The design for auxiliary regressions: ours alone, terms that they cannot estimate left out."""
    return replace(design, spec=replace(design.spec, drop_absorbed=True))


def _take(design: Design, rows: np.ndarray[Any, Any]) -> Design:
    return replace(
        design,
        y=design.y[rows],
        x=design.x[rows],
        unit_codes=design.unit_codes[rows],
        period_codes=design.period_codes[rows],
        weights=None if design.weights is None else design.weights[rows],
        clusters={name: codes[rows] for name, codes in design.clusters.items()},
    )


def _f(value: float, df: tuple[float, float], *about: Note) -> Test:
    return Test(float(value), (float(df[0]), float(df[1])), float(special.fdtrc(df[0], df[1], value)), about)


def _chi2(value: float, df: int, *about: Note) -> Test:
    return Test(float(value), float(df), float(special.chdtrc(df, value)), about)
