"""Permutation p-values: whole units change places, never single rows of a unit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference, IntArray
from ruralpanel.estimate.base.rows import SettingOptions
from ruralpanel.estimate.inference import covariance, validity
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.inference.wild_kernel import TIE
from ruralpanel.project.kinds.inference import Permutation, WildCluster
from ruralpanel.project.notes import note
from ruralpanel.project.problems import tracked
from ruralpanel.project.settings import InferenceSpec

CELLS = 2_000_000
"""Numbers held at once: draws are worked on in chunks of this many cells."""


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """Permutation p-value of every coefficient; no errors and no intervals.

    In a cross-section rows change places, in a panel whole paths of units do (all periods together), so that what is
    serially correlated stays so. Options: ``draws`` (9,999), ``over`` (units), ``scheme``: freedman_lane (the default:
    the residuals of the outcome on the other terms are permuted and added back; exact in large samples) or rows (the
    whole outcome is permuted against all regressors: exact for the null that no regressor matters). The statistic is
    t with errors robust to heteroskedasticity, in panels clustered by unit (DiCiccio and Romano 2017), so that unequal
    variances do not count as an effect.

    Raises
    ------
    UserError
        Fewer than 7 units, weights, an unbalanced panel, or an estimator that is not least squares on rows.
    """
    options = setting.of(Permutation)
    draws, scheme, over = options.draws, options.scheme, options.over
    if fit.x is None or fit.y is None or fit.residuals.shape != fit.y.shape:
        validity.stop(
            design,
            f"permutation with estimator {design.spec.estimator}",
            "an estimator that is least squares on rows",
            reason=note("needs_least_squares_on_rows"),
            instead=(validity.OWN, validity.UNIT_CLUSTERS, validity.ROBUST),
        )
    if design.weights is not None:
        validity.stop(
            design,
            "permutation with weights",
            "no weights: weighted rows are not exchangeable",
            reason=note("needs_no_weights"),
            instead=(validity.ROBUST, validity.UNIT_CLUSTERS),
        )
    units = compact(design.unit_codes[fit.rows])
    number = int(units.max()) + 1
    warnings = validity.need_clusters(design, "permutation", "permutation", number, "fewer have too few orders")
    grid = _grid(fit, design, units, number)
    if over == "rows" and grid.shape[1] > 1:
        validity.stop(
            design,
            "over: rows in a panel",
            "units: rows of one unit are not exchangeable where errors are serially correlated",
            "write over: units",
            reason=note("rows_not_exchangeable"),
        )
    p = np.empty(len(fit.terms))
    for j, term in enumerate(fit.terms):
        rng = generator(seed, design.spec.name, "permutation", term)
        test = UnitPermutation.of(fit, design, j, grid)
        p[j] = test.p_value(test.moved(fit, scheme), draws, rng)
    nothing = np.full(p.size, np.nan)
    moved = "paths_change_places" if grid.shape[1] > 1 else "units_change_places"
    return Inference(
        method="permutation",
        p_value=p,
        ci_low=nothing,
        ci_high=nothing,
        by="unit",
        small_sample=(note(moved, scheme=scheme), note("t_robust"), note("p_counts_sample")),
        n_clusters=number,
        notes=(note("units_exchangeable"),),
        overrides=warnings,
        options=SettingOptions(draws=draws, over=over, residuals=scheme == "freedman_lane", seed=seed),
    )


def _grid(fit: Fit, design: Design, units: IntArray, number: int) -> IntArray:
    """Positions of the fit's rows, (units, periods).

    Raises
    ------
    UserError
        Some unit lacks a period.
    """
    periods = compact(design.period_codes[fit.rows])
    width = int(periods.max()) + 1
    if number == units.size:
        return np.arange(number, dtype=np.intp)[:, None]
    if units.size != number * width:
        validity.stop(
            design,
            f"permutation with {units.size} rows of {number} units and {width} periods",
            "a balanced panel: whole paths change places",
            "balance the panel",
            (InferenceSpec("wild_cluster", WildCluster(by="unit")), validity.UNIT_CLUSTERS),
            reason=note("needs_balanced_panel"),
        )
    grid = np.empty((number, width), dtype=np.intp)
    grid[units, periods] = np.arange(units.size)
    return grid


@dataclass(frozen=True)
class UnitPermutation:
    """The test of one coefficient by moving whole units.

    Attributes
    ----------
    z : (m,) what its regressor adds to the others, in the order of `flat`. flat : rows of the fit, unit after unit.
    shape : units, periods. term : its position.
    """

    fit: Fit
    space: Absorbed
    term: int
    z: FloatArray
    flat: IntArray
    shape: tuple[int, int]

    @classmethod
    def of(cls, fit: Fit, design: Design, term: int, grid: IntArray | None = None) -> UnitPermutation:
        """For coefficient `term` of a fit; `grid` (units, periods) holds the positions of its rows."""
        assert fit.x is not None
        if grid is None:
            units = compact(design.unit_codes[fit.rows])
            grid = _grid(fit, design, units, int(units.max()) + 1)
        flat = grid.ravel()
        z = fit.x @ fit.bread[:, term] / fit.bread[term, term]
        return cls(fit, covariance.space_of(fit, design), term, z[flat], flat, (grid.shape[0], grid.shape[1]))

    def moved(self, fit: Fit, scheme: str) -> FloatArray:
        """What changes places, (m,) in the order of `flat`: residuals with the null imposed, or the outcome itself.

        `fit` is the regression at hand, or the same with another outcome.
        """
        assert fit.y is not None
        if scheme == "rows":
            return np.asarray(fit.y[self.flat])
        return np.asarray(fit.residuals[self.flat] + fit.params[self.term] * self.z)

    def p_value(self, moved: FloatArray, draws: int, rng: np.random.Generator) -> float:
        """Share of orders, the sample's own included, whose t is at least as large."""
        number, width = self.shape
        blocks = moved.reshape(number, width)
        sample = float(self.statistics(moved[:, None])[0])
        count = 0
        step = max(1, CELLS // moved.size)
        steps = range(0, draws, step)
        for start in tracked(steps, len(steps), "blocks of permutations"):
            size = min(step, draws - start)
            orders = rng.permuted(np.tile(np.arange(number), (size, 1)), axis=1)
            permuted = blocks[orders].reshape(size, number * width).T
            count += int(np.count_nonzero(self.statistics(permuted) >= sample * (1.0 - TIE)))
        return (count + 1) / (draws + 1)

    def statistics(self, values: FloatArray) -> FloatArray:
        """Squared t statistics (draws,) of outcomes (m, draws) in the order of `flat`."""
        x = self._x
        net = self.space.residuals(values[self._back])[self.flat]
        left = net - x @ (self.fit.bread @ (x.T @ net))
        scores = self.z[:, None] * left
        if self.shape[1] > 1:
            scores = scores.reshape(*self.shape, -1).sum(axis=1)
        return np.asarray((self.z @ net) ** 2 / np.sum(scores**2, axis=0))

    @cached_property
    def _x(self) -> FloatArray:
        assert self.fit.x is not None
        return self.fit.x[self.flat]

    @cached_property
    def _back(self) -> IntArray:
        return np.argsort(self.flat)
