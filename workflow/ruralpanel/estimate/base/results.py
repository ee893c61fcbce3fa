"""What passes from hand to hand in estimation: designs, fits, tests, results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from ruralpanel.data.break_steps import belongs
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.model_json import Notes, Number, cleared, write_results
from ruralpanel.estimate.base.parts import SpatialWeights
from ruralpanel.project.expressions import place
from ruralpanel.project.notes import Note, Reason, note, plain_notes
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
class Test:
    """A test statistic with its reference distribution's degrees of freedom (None: normal).

    `note`: what is to be known of it. `size`: simulated rejections of a true null at a nominal 5 %, at the model's own
    design; None: not simulated.
    """

    __test__ = False  # not a pytest class

    statistic: Number = math.nan
    df: float | tuple[float, float] | None = None
    p_value: Number = math.nan
    note: Notes = ()
    size: float | None = None

    @classmethod
    def none(cls, code: str, **values: Any) -> Test:
        """A test that cannot be had, for the reason `code`."""
        return cls(math.nan, None, math.nan, (note(code, **values),))

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the fields."""
        plain: dict[str, Any] = plain_notes({item.name: getattr(self, item.name) for item in fields(self)})
        return plain


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
    vcov: FloatArray | None = None
    vcov_type: tuple[Note, ...] = ()
    conf_int: FloatArray | None = None
    p_value: FloatArray | None = None
    df_t: float | None = None
    fit: Mapping[str, float] = field(default_factory=dict)
    tests: Mapping[str, Test] = field(default_factory=dict)
    first_stage: Mapping[str, Any] | None = None
    notes: tuple[Note, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    space: Absorbed | None = None
    intercept: Fit | None = None
    n_slopes: int | None = None
    overrides: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Inference:
    """Errors of the k terms under one setting.

    `std_error`, `df`, `vcov` are None where the method gives p-values or intervals only. `df` is (k,): the degrees of
    freedom of the critical value (inf: normal). `small_sample` names every factor applied with its numbers,
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
    small_sample: tuple[Note, ...] = ()
    n_clusters: int = 0
    notes: tuple[Note, ...] = ()
    overrides: tuple[Note, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimated:
    """An estimate and what follows from its error. None: not computed; `df` None: normal critical values.

    Attributes
    ----------
    term : empty where what stands around the row names it. estimate : NaN where there is none.
    std_error … ci_high : of the model's first inference setting; 95 % interval.
    p_wild, ci_wild_low, ci_wild_high : of its first wild cluster bootstrap; a limit may be infinite.
    """

    term: str = ""
    estimate: Number = math.nan
    std_error: float | None = None
    statistic: float | None = None
    df: float | None = None
    p_value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_wild: float | None = None
    ci_wild_low: float | None = None
    ci_wild_high: float | None = None

    def number(self, name: str) -> float | None:
        """One of the numbers by its name; None where it was not computed."""
        value: float | None = getattr(self, name, None)
        return None if value is None or math.isnan(value) else value


@dataclass(frozen=True)
class Coefficient(Estimated):
    """The row of one term.

    Attributes
    ----------
    p_permutation : of its first permutation setting, else of its randomisation over treated sets.
    detectable : smallest effect that a 5 % test by this error finds with 80 % power (`smallest_detectable`);
        None where a bootstrap's interval stands beside, whose power is another (models/robustness has it for claims).
    sd, sd_within, sd_net : standard deviation of the term in the sample, of its deviations from unit means, and of what
        effects and its own declared steps leave of it (n − 1).
    """

    p_permutation: float | None = None
    detectable: float | None = None
    sd: float | None = None
    sd_within: float | None = None
    sd_net: float | None = None


@dataclass(frozen=True)
class ModelResult:
    """Everything that is known of a model, as estimation hands it over and its file keeps it (read as `model.Model`).

    `inference` has one entry per setting: ``method``, ``by``, ``options`` (resolved), ``small_sample`` (every factor,
    as `Note`), ``n_clusters``, ``coefficients`` and ``notes``; or ``method``, ``options`` and ``not_available``
    (the reason). `extra` holds what only the estimator knows; its keys stand at the top of the JSON.
    """

    model: str
    panel: str
    estimator: str
    method: str
    outcome: str
    sample: str
    effects: tuple[str, ...]
    n_obs: int
    n_units: int
    n_periods: int
    n_dropped: Mapping[str, int]
    coefficients: tuple[Coefficient, ...]
    inference: tuple[Mapping[str, Any], ...]
    vcov: Mapping[str, Any]
    fit: Mapping[str, float]
    tests: Mapping[str, Test]
    first_stage: Mapping[str, Any] | None
    marginal_effects: tuple[Mapping[str, Any], ...]
    diagnostics: Mapping[str, Any]
    units: tuple[str, ...]
    periods: tuple[int, ...]
    notes: tuple[Note, ...]
    seed: int
    panel_sha256: str
    spec: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)

    def coefficient(self, term: str) -> Coefficient:
        """The coefficient of `term`; KeyError if there is none."""
        for row in self.coefficients:
            if row.term == term:
                return row
        raise KeyError(f"model {self.model} has no term {term}; it has {[row.term for row in self.coefficients]}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the fields, `extra` spread out at the end, `cleared` of errors of zero."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "extra"}
        values["coefficients"] = [asdict(row) for row in self.coefficients]
        values["tests"] = {name: test.to_dict() for name, test in self.tests.items()}
        clash = sorted(set(self.extra) & {item.name for item in fields(self)})
        if clash:
            raise ValueError(f"extra results of model {self.model} would overwrite {', '.join(clash)}")
        whole: dict[str, Any] = cleared(plain_notes(values | dict(self.extra)))
        return whole

    def to_json(self, path: str | Path) -> None:
        """Write `to_dict` to `path`; limits as `write_results` has them, other infinite numbers null."""
        write_results(path, self.to_dict())


def finite(value: float | None) -> float | None:
    """The number, or None where it is missing or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)


def limit(value: float | None) -> float | None:
    """The limit of an interval, which may be infinite, or None where it is missing."""
    return None if value is None or math.isnan(value) else float(value)
