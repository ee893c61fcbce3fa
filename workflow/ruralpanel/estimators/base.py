"""What every estimator receives and returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ruralpanel.break_steps import belongs
from ruralpanel.contracts.expressions import place
from ruralpanel.contracts.specs import ModelSpec
from ruralpanel.estimators.absorb import Absorbed

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.intp]]


def times_of(periods: Sequence[int], calendar: tuple[int, ...]) -> IntArray:
    """(T,) place of each of `periods` on a panel's calendar; `calendar`: as a design's."""
    by = "observation" if calendar else "year"
    return np.array([place(period, calendar, by) for period in periods], dtype=np.intp)


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
    clusters : codes (n,) by name: ``unit``, ``period`` and every attribute that an inference asks for.
    extra : further columns an estimator asked for (``endogenous``, ``instruments``: (n, q) arrays with
        their names under ``endogenous_terms``, ``instrument_terms``; ``treated``, ``first_treated``); of places,
        added by `ruralpanel.spatial.geography`: ``weights_matrix`` (N, N), sparse, ``weights_about``, what it is, and
        ``coordinates`` (N, 2), longitude and latitude, all in the order of `units`.
    n_dropped : rows left out, by reason.
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
    extra: Mapping[str, Any] = field(default_factory=dict)
    n_dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    calendar: tuple[int, ...] = ()

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
        steps = self.extra.get("step_terms") or self.extra.get("steps") or ()
        columns = self.extra.get("step_columns")
        if columns is None:
            columns = self.x[:, [self.terms.index(step) for step in steps if step in self.terms]]
            steps = [step for step in steps if step in self.terms]
        return {step: columns[:, j] for j, step in enumerate(steps) if belongs(step, name)}


@dataclass(frozen=True)
class Test:
    """A test statistic with its reference distribution's degrees of freedom (None: normal).

    `size`: simulated rejections of a true null at a nominal 5 %, at the model's own design; None: not simulated.
    """

    __test__ = False  # not a pytest class

    statistic: float
    df: float | tuple[float, float] | None
    p_value: float
    note: str = ""
    size: float | None = None


@dataclass(frozen=True)
class Fit:
    """Point estimates and what inference needs, from any estimator.

    For estimators that are least squares on transformed data (`x`, `y` not None)
    ``params = bread @ x.T @ y``, ``bread = inv(x.T @ x)``, ``scores = x * residuals[:, None]``: effects
    are projected out and square roots of weights multiplied in. For two-stage least squares `x` holds the
    projected regressors, for Poisson models those of the last weighted step (`y` None). Estimators without this form
    leave `x` and `y` None and give `scores` and `bread` (estimate − truth ≈ bread @ sum of scores) or `own_vcov`.

    Attributes
    ----------
    terms : k names. params : (k,).
    rows : (m,) indices into the design's rows that `x`, `y`, `residuals`, `scores` refer to
        (first differences lose rows; the between estimator has one row per unit).
    n_absorbed : number of effects removed, the constant included, that are not columns of `x`.
    absorbed : names of the effects removed ("unit", "period").
    n_slopes : slopes that small-sample factors count, where they are not all of `terms` (systems of equations).
    own_vcov : (k, k) and `own_vcov_type`, where the estimator brings its own covariance; `own_interval` (k, 2): 95 %
        intervals of its own (percentiles of a bootstrap) and `own_p` (k,) the p-values that go with them, else those of
        the covariance; `own_df`: degrees of freedom of t that go with it, None: normal. NaN on the diagonal: a number
        without a variance (a bootstrapped ratio), which has an interval and a p-value alone.
    df_resid : residual degrees of freedom for classical inference.
    space : the effects and constant projected out of `x` and `y`, for leverages and bootstraps; None: not recorded.
    fit, tests, notes, extra : go to the JSON as they are. overrides : refusals that the model's ``allow`` set aside.
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
    own_vcov: FloatArray | None = None
    own_vcov_type: str = ""
    own_interval: FloatArray | None = None
    own_p: FloatArray | None = None
    own_df: float | None = None
    fit: Mapping[str, float] = field(default_factory=dict)
    tests: Mapping[str, Test] = field(default_factory=dict)
    first_stage: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    space: Absorbed | None = None
    n_slopes: int | None = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inference:
    """Errors of the k terms under one setting.

    `std_error`, `df`, `vcov` are None where the method gives p-values or intervals only. `df` is (k,): the degrees of
    freedom of the critical value (inf: normal). `small_sample` says in words and numbers every factor applied,
    `overrides` which refusals the model's ``allow`` set aside.
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
    small_sample: str = ""
    n_clusters: int = 0
    notes: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
