"""What passes from hand to hand in estimation: designs, fits, errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.parts import FirstStage, Parts, SpatialWeights
from ruralpanel.estimate.base.rows import SettingOptions, Test
from ruralpanel.project.breaks import belongs
from ruralpanel.project.expressions import place
from ruralpanel.project.notes import Note, Reason
from ruralpanel.project.settings import ModelSpec

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.intp]]


def times_of(periods: Sequence[int], calendar: tuple[int, ...]) -> IntArray:
    """(T,) place of each of `periods` on a panel's calendar; `calendar`: as a design's."""
    by = "observation" if calendar else "year"
    return np.array([place(period, calendar, by) for period in periods], dtype=np.intp)


@dataclass(frozen=True)
class Named:
    """Columns (n, q) with their q names; false where there are none."""

    terms: tuple[str, ...] = ()
    columns: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def of_rows(self, rows: IntArray) -> Named:
        """The columns of some rows."""
        return Named(self.terms, self.columns[rows]) if self else self


@dataclass(frozen=True)
class Further:
    """What some estimators ask of a design besides outcome and terms.

    Attributes
    ----------
    endogenous, instruments, outcomes, shares, shocks : columns that the model's keys of these names ask for.
    exposure : (n,) what counts are per.
    first_treated : (n,) or (N,) first treated period; NaN or inf: never. groups : unit → group.
    steps : terms of the design that take up definition breaks. every_step : all such columns, those too that are no
        terms because other columns or effects stand for them. left_out : terms left out → why.
    coordinates : (N, 2) longitude and latitude, weights_matrix : (N, N), in the order of the design's units, and what
        the matrix is; added by `ruralpanel.estimate.places.geography`.
    """

    endogenous: Named = Named()
    instruments: Named = Named()
    outcomes: Named = Named()
    shares: Named = Named()
    shocks: Named = Named()
    exposure: FloatArray | None = None
    first_treated: FloatArray | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    every_step: Named = Named()
    left_out: Mapping[str, Reason] = field(default_factory=dict)
    coordinates: FloatArray | None = None
    weights_matrix: sparse.csr_array | None = None
    weights_about: SpatialWeights = field(default_factory=SpatialWeights)

    def of_rows(self, rows: IntArray, n: int) -> Further:
        """The columns of some of `n` rows; what is known by unit stays as it is."""
        first = self.first_treated
        return replace(
            self,
            endogenous=self.endogenous.of_rows(rows),
            instruments=self.instruments.of_rows(rows),
            outcomes=self.outcomes.of_rows(rows),
            shares=self.shares.of_rows(rows),
            shocks=self.shocks.of_rows(rows),
            exposure=None if self.exposure is None else self.exposure[rows],
            first_treated=first[rows] if first is not None and first.size == n else first,
            every_step=self.every_step.of_rows(rows),
        )


@dataclass(frozen=True)
class Design:
    """The rows and columns of one model, in memory, before any effect is removed.

    Rows are sorted by unit, then period; nothing is missing.

    Attributes
    ----------
    spec : ModelSpec
    y : (n,) outcome, in the variable's measure.
    x : (n, k) regressors then controls, interactions multiplied out; no constant.
    terms : the k column names of `x`.
    units, periods : labels; `unit_codes`, `period_codes` (n,) index into them.
    calendar : the panel's declared periods where its lags count observations; empty: they count years.
    weights : (n,) analytic weights, or None.
    clusters : codes (n,) by name: ``unit``, ``period`` and every further group that effects or an inference ask for.
    extra : what the model's estimator and settings ask for besides.
    n_dropped : rows left out, by reason.
    seed : of random draws inside the estimator.
    """

    spec: ModelSpec
    y: FloatArray
    x: FloatArray
    terms: tuple[str, ...]
    units: tuple[str, ...]
    periods: tuple[int, ...]
    unit_codes: IntArray
    period_codes: IntArray
    weights: FloatArray | None = None
    clusters: Mapping[str, IntArray] = field(default_factory=dict)
    extra: Further = Further()
    n_dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    calendar: tuple[int, ...] = ()
    seed: int = 0

    @property
    def times(self) -> IntArray:
        """(T,) place of each of `periods` on the panel's calendar: those that differ by one follow each other."""
        return times_of(self.periods, self.calendar)

    def earlier(self, k: int = 1) -> IntArray:
        """(n,) the row that holds each row's unit `k` periods before, by the panel's calendar; −1: there is none."""
        times = self.times[self.period_codes]
        # a unit's keys lie so far from the next one's that `k` periods before its first is nobody's
        keys = self.unit_codes * (int(np.ptp(times)) + k + 1) + times - int(times.min())
        order = np.argsort(keys)
        rows = order[np.minimum(np.searchsorted(keys, keys - k, sorter=order), keys.size - 1)]
        return np.where(keys[rows] == keys - k, rows, -1).astype(np.intp)

    def steps_of(self, name: str) -> dict[str, FloatArray]:
        """Columns (n,) that take up the definition breaks of a term or of the outcome (rule ``dummy``), by name.

        All of them, those too that are no terms of `x` because other columns or effects stand for them.
        """
        there = tuple(step for step in self.extra.steps if step in self.terms)
        every = self.extra.every_step or Named(there, self.x[:, [self.terms.index(step) for step in there]])
        return {step: column for step, column in zip(every.terms, every.columns.T, strict=True) if belongs(step, name)}


@dataclass(frozen=True)
class Fit:
    """Point estimates and what inference needs, from any estimator.

    For estimators that are least squares on transformed data (`x`, `y` not None)
    ``params = bread @ x.T @ y``, ``bread = inv(x.T @ x)``, ``scores = x * residuals[:, None]``: effects
    are projected out and square roots of weights multiplied in. For two-stage least squares `x` holds the
    projected regressors, for Poisson models those of the last weighted step (`y` None). Estimators without this form
    leave `x` and `y` None and give `scores` and `bread` (estimate − truth ≈ bread @ sum of scores) or `vcov`.

    Attributes
    ----------
    terms : k names. params : (k,).
    rows : (m,) indices into the design's rows that `x`, `y`, `residuals`, `scores` refer to
        (first differences lose rows; the between estimator has one row per unit).
    n_absorbed : number of effects removed, the constant included, that are not columns of `x`.
    absorbed : names of the effects removed ("unit", "period", "region:period").
    n_slopes : slopes that small-sample factors count, where they are not all of `terms` (systems of equations).
    vcov : (k, k) and `vcov_type`, where the estimator brings its own covariance; `conf_int` (k, 2): 95 % intervals of
        its own (percentiles of a bootstrap) and `p_value` (k,) that go with them, else those of the covariance; `df_t`:
        degrees of freedom of t that go with it, None: normal. NaN on the diagonal: a number without a variance (a
        bootstrapped ratio), which has an interval and a p-value alone.
    df_resid : residual degrees of freedom for classical inference.
    space : the effects and constant projected out of `x` and `y`, for leverages and bootstraps; None: not recorded.
    intercept : the same fit with the constant as its last term, where the model asks for it.
    n_dropped, left_out : rows and terms that the estimator left out besides the design's, by reason.
    fit, tests, notes, extra : go to the results as they are. overrides : refusals that the model's ``allow`` set aside.
    """

    terms: tuple[str, ...]
    params: FloatArray
    rows: IntArray
    residuals: FloatArray
    bread: FloatArray
    scores: FloatArray
    df_resid: float
    x: FloatArray | None = None
    y: FloatArray | None = None
    n_absorbed: int = 0
    absorbed: tuple[str, ...] = ()
    vcov: FloatArray | None = None
    vcov_type: tuple[Note, ...] = ()
    conf_int: FloatArray | None = None
    p_value: FloatArray | None = None
    df_t: float | None = None
    fit: Mapping[str, float] = field(default_factory=dict)
    tests: Mapping[str, Test] = field(default_factory=dict)
    first_stage: FirstStage | None = None
    notes: tuple[Note, ...] = ()
    n_dropped: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, Reason] = field(default_factory=dict)
    extra: Parts = field(default_factory=Parts)
    space: Absorbed | None = None
    intercept: Fit | None = None
    n_slopes: int | None = None
    overrides: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Inference:
    """Errors of the k terms under one setting.

    `std_error`, `df`, `vcov` are None where the method gives p-values or intervals only. `df` is (k,): the degrees of
    freedom of the critical value (inf: normal). `small_sample` names every factor applied with its numbers,
    `overrides` which refusals the model's ``allow`` set aside, `options` what the method resolved and adds.
    """

    method: str
    p_value: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray
    std_error: FloatArray | None = None
    statistic: FloatArray | None = None
    df: FloatArray | None = None
    vcov: FloatArray | None = None
    by: str = ""
    small_sample: tuple[Note, ...] = ()
    n_clusters: int = 0
    notes: tuple[Note, ...] = ()
    overrides: tuple[Note, ...] = ()
    options: SettingOptions = field(default_factory=SettingOptions)
