"""What is read of a model's results: a class for each part of ``models/<model>.json`` that claims and outputs look at.

Fields that nobody reads are left aside, and one that an estimator does not give is empty, so that results of any
estimator can be asked for anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator

from ruralpanel.estimate.base.model_json import AsNote, Notes, Number, as_read, made, read_as
from ruralpanel.estimate.base.results import Coefficient, Estimated, ModelResult, Test
from ruralpanel.project.kinds.inference import INFERENCE, shown_as


def _null(default: Any) -> BeforeValidator:
    """That null stands for the default: the estimator asked for it and found that it does not apply."""
    return BeforeValidator(lambda value: default if value is None else value)


T = TypeVar("T")

Pieces = tuple[tuple[float, float], ...]
"""Values that a test does not reject, as disjoint intervals in order; ends may be infinite, none at all: it rejects
every value."""


@dataclass(frozen=True)
class ConfidenceSet:
    """The values of one term that a test does not reject; `intervals` None: they were not computed."""

    term: str = ""
    intervals: Pieces | None = None


@dataclass(frozen=True)
class SettingOptions:
    """The resolved options of a setting, whichever of them its method has, and what the method says besides."""

    by: str | tuple[str, ...] = ""
    over: str = ""
    small_sample: str = ""
    kind: str = ""
    critical: str = ""
    count: str = ""
    draws: int | None = None
    seed: int | None = None
    weights: str = ""
    interval: bool | None = None
    lag: float | None = None
    kernel: str = ""
    cutoff_km: float | None = None
    sectors: int | None = None
    term: str = ""
    intervals: Pieces | None = None
    anderson_rubin: ConfidenceSet | None = None

    @property
    def known(self) -> dict[str, object]:
        """Those that there are, by name."""
        return {name: value for name, value in vars(self).items() if value not in (None, "")}


@dataclass(frozen=True)
class SimulatedSize:
    """Rejections of a true null at a nominal 5 %, simulated at the model's own design; `size` None: not simulated."""

    size: float | None = None
    lowest: Number = math.nan
    highest: Number = math.nan
    by_term: Mapping[str, float] = field(default_factory=dict)
    error: Number = math.nan
    simulations: int = 0


@dataclass(frozen=True)
class Setting:
    """One setting of inference with its rows, or the reason why it is `not_available`."""

    method: str
    by: str = ""
    options: SettingOptions = SettingOptions()
    small_sample: Notes = ()
    n_clusters: int = 0
    df: tuple[float | None, ...] | None = None
    coefficients: tuple[Estimated, ...] = ()
    notes: Notes = ()
    simulated_size: SimulatedSize | None = None
    not_available: AsNote | None = None

    @property
    def scheme(self) -> str:
        """The small-sample correction as it was asked for: ``CR1``, ``HC3``; empty where the method has none."""
        return self.options.small_sample or self.options.kind

    @property
    def named(self) -> str:
        """Method, scheme and clusters in codes: ``cluster CR1 unit``."""
        return " ".join(part for part in (self.method, self.scheme, self.by) if part)

    @property
    def size(self) -> SimulatedSize:
        """The simulated size, empty where there is none."""
        return self.simulated_size or SimulatedSize()

    def row(self, term: str) -> Estimated | None:
        """The row of a term."""
        return next((row for row in self.coefficients if row.term == term), None)


@dataclass(frozen=True)
class Collinearity:
    """How much of its variance each term owes to the others."""

    variance_inflation: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Influence:
    """Who carries the estimates: `leverage` and, by term, `dfbetas` of each of `units`."""

    units: tuple[str, ...] = ()
    leverage: tuple[float, ...] = ()
    dfbetas: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    effective_units: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnostics:
    """What was removed and left out, and who carries the estimates; `absorbed` None: not recorded."""

    absorbed: tuple[str, ...] | None = None
    singletons: int | None = None
    left_out: Mapping[str, object] = field(default_factory=dict)
    collinearity: Collinearity = Collinearity()
    influence: Influence = Influence()
    moderator_sd: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Point(Estimated):
    """A marginal effect where the other variable is `at`; `label` names the place."""

    label: str = ""
    at: Number = math.nan


@dataclass(frozen=True)
class Crossing:
    """Where a marginal effect is zero; None: nowhere."""

    estimate: float | None = None


@dataclass(frozen=True)
class MarginalEffect:
    """The effect `of` one variable along another: at named points, and as a curve; `method` of its errors."""

    of: str
    over: str
    points: tuple[Point, ...] = ()
    curve: tuple[Point, ...] = ()
    crossing: Crossing = Crossing()
    method: str = ""


@dataclass(frozen=True)
class Statistic(Estimated):
    """A number of several outcomes or coefficients; `outcomes`: whose residuals it correlates."""

    outcomes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event(Estimated):
    """The effect of a policy in a `period` (None: units start at different dates) or so long after its start."""

    period: int | None = None
    event_time: int = 0

    @property
    def is_reference(self) -> bool:
        """Whether the others are measured against it: zero with an interval of zero."""
        return self.estimate == 0.0 and self.ci_low == 0.0 and self.ci_high == 0.0


@dataclass(frozen=True)
class TrendFound:
    """The slope of a trend that the test before treatment finds with 80 % power, and the bias that it would make."""

    slope_80: float | None = None
    bias_80: float | None = None


@dataclass(frozen=True)
class TrendPower:
    """What the test of trends before treatment could have found, and the slope fitted to them."""

    slope_fitted: float | None = None
    joint: TrendFound = TrendFound()


@dataclass(frozen=True)
class Randomisation:
    """How extreme a number is among those of placebo treatments, and where 95 % of these lie."""

    p_value: float | None = None
    placebo_low: float | None = None
    placebo_high: float | None = None


@dataclass(frozen=True)
class Pretrend:
    """The test of trends before treatment."""

    p_value: float | None = None
    randomisation: Annotated[Randomisation, _null(Randomisation())] = Randomisation()
    power: TrendPower = TrendPower()


@dataclass(frozen=True)
class Bound:
    """The interval where violations after treatment are bounded by `m`."""

    m: float
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True)
class Bounds:
    """Intervals of one effect under bounded violations of parallel trends."""

    relative_magnitudes: tuple[Bound, ...] = ()
    smoothness: tuple[Bound, ...] = ()
    breakdown: float | None = None
    largest_slope_change: float | None = None


@dataclass(frozen=True)
class HonestDid:
    """Bounds of the mean effect after treatment."""

    average: Bounds = Bounds()


@dataclass(frozen=True)
class WithoutUnit:
    """The mean effect without one of the treated units."""

    unit: str
    estimate: Number


@dataclass(frozen=True)
class Comparison:
    """Two groups of units that a two-way effect compares; a first treated period None: never treated."""

    kind: str
    weight: float
    estimate: float
    treated: int | str
    control: int | str | None
    n_treated: int
    n_control: int


@dataclass(frozen=True)
class TwoByTwo:
    """The comparisons that a two-way effect is the mean of; `beside`: what keeps it from being one."""

    estimate: Number = math.nan
    comparisons: tuple[Comparison, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpatialWeights:
    """The matrix of neighbours: its name and what it is."""

    name: str = ""
    what: Notes = ()


@dataclass(frozen=True)
class Spatial:
    """What a spatial model says of its neighbours."""

    weights: SpatialWeights = SpatialWeights()


@dataclass(frozen=True)
class SpatialEffect(Estimated):
    """A ``direct``, ``indirect`` or ``total`` effect."""

    kind: str = ""


@dataclass(frozen=True)
class SpatialEffects:
    """Effects in the own unit and in others, with errors from so many draws."""

    rows: tuple[SpatialEffect, ...] = ()
    draws: int = 0


@dataclass(frozen=True)
class OfUnit:
    """What a model says of one unit: numbers by name, of slopes also intervals and those drawn to their mean."""

    unit: str
    values: Mapping[str, float] = field(default_factory=dict)
    ci: Mapping[str, tuple[Number, Number]] = field(default_factory=dict)
    shrunken: Mapping[str, float] = field(default_factory=dict)


def _of_unit(row: Any) -> Any:
    """A row of ``by_unit``, whose numbers stand beside the unit under their names."""
    if not isinstance(row, Mapping):
        return row
    numbers = {name: x for name, x in row.items() if isinstance(x, (int, float)) and not isinstance(x, bool)}
    return {"values": numbers, **{name: x for name, x in row.items() if name not in numbers}}


@dataclass(frozen=True)
class Support:
    """Units whose counterfactual lies beyond what was observed."""

    outside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gap:
    """The two groups of units whose difference is split, or closed."""

    group: str
    reference: str


@dataclass(frozen=True)
class Split:
    """What a decomposition was asked for: the gap, and its parts in their order."""

    gap: Gap
    blocks: Mapping[str, object]


@dataclass(frozen=True)
class Treatment:
    """When treatment begins, where it begins everywhere at once."""

    first: int | str | None = None


@dataclass(frozen=True)
class Dated:
    """What a policy model was asked for: the period that its effects are measured against, and its treatment."""

    reference: int | str | None = None
    treatment: Treatment = Treatment()


@dataclass(frozen=True)
class Asked:
    """What was asked for; `options` are the keys that only the model's estimator knows."""

    method: str = ""
    regressors: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    def options_as(self, kind: type[T]) -> T:
        """Those of the options that a class names."""
        return made(kind, self.options)


@dataclass(frozen=True)
class Model:
    """A model's results. Fields below `spec` are those of some estimators; docs/results.md says what each holds."""

    model: str
    outcome: str = ""
    panel: str = ""
    estimator: str = ""
    method: str = ""
    sample: str = "all"
    effects: tuple[str, ...] = ()
    n_obs: int = 0
    n_units: int = 0
    n_periods: int = 0
    n_dropped: Mapping[str, int] = field(default_factory=dict)
    coefficients: tuple[Coefficient, ...] = ()
    inference: tuple[Setting, ...] = ()
    fit: Mapping[str, float | None] = field(default_factory=dict)
    tests: Mapping[str, Test] = field(default_factory=dict)
    marginal_effects: tuple[MarginalEffect, ...] = ()
    diagnostics: Diagnostics = Diagnostics()
    units: tuple[str, ...] = ()
    periods: tuple[int, ...] = ()
    notes: Notes = ()
    spec: Asked = Asked()
    overrides: Notes = ()
    outcomes: tuple[str, ...] = ()
    statistics: Mapping[str, Statistic] = field(default_factory=dict)
    anderson_rubin: ConfidenceSet | None = None
    lags: int = 0
    fixed_effects: Mapping[str, float | None] = field(default_factory=dict)
    lag_set: ConfidenceSet | None = None
    n_instruments: int | None = None
    treatment: Mapping[str, object] = field(default_factory=dict)
    average_effect: Estimated | None = None
    event_study: Annotated[tuple[Event, ...], _null(())] = ()
    pretrend: Pretrend | None = None
    randomisation: Annotated[Randomisation, _null(Randomisation())] = Randomisation()
    placebo_dates: Annotated[tuple[Estimated, ...], _null(())] = ()
    honest_did: HonestDid | None = None
    leave_one_treated_out: Annotated[tuple[WithoutUnit, ...], _null(())] = ()
    two_by_two: TwoByTwo | None = None
    spatial: Spatial | None = None
    spatial_effects: SpatialEffects | None = None
    by_unit: tuple[Annotated[OfUnit, BeforeValidator(_of_unit)], ...] = ()
    spread: Mapping[str, float] = field(default_factory=dict)
    support: Support = Support()

    @property
    def given(self) -> tuple[Setting, ...]:
        """The settings of inference that apply."""
        return tuple(setting for setting in self.inference if setting.not_available is None)

    def coefficient(self, term: str) -> Coefficient | None:
        """The row of `term`, also if an interaction is written the other way round; None if the model has none."""
        rows = {row.term: row for row in self.coefficients}
        parts = sorted(term.split(":"))
        turned = (row for name, row in rows.items() if ":" in name and sorted(name.split(":")) == parts)
        return rows[term] if term in rows else next(turned, None)

    def set_of(self, row: Estimated, name: str) -> Pieces | None:
        """The values that ``ci``, ``ci_wild`` or ``ci_ar`` does not reject; None where nobody computed the set.

        ``ci_ar`` is the Anderson–Rubin set of an instrumented coefficient; where the first setting or the bootstrap
        inverts such a test too, its pieces are told apart, which the limits in the row do not.
        """
        pieces = self._pieces(row.term, name)
        if pieces is not None or name == "ci_ar":
            return pieces
        low, high = row.number(f"{name}_low"), row.number(f"{name}_high")
        return None if low is None or high is None else ((low, high),)

    def _pieces(self, term: str, name: str) -> Pieces | None:
        for result in [self.anderson_rubin] if name == "ci_ar" else self._sets(name):
            if result is not None:
                return result.intervals if result.term == term else None
        return None

    def _sets(self, name: str) -> Iterator[ConfidenceSet | SettingOptions | None]:
        wild = (setting for setting in self.inference if setting.method in shown_as("p_wild"))
        setting = next(wild if name == "ci_wild" else iter(self.inference), None)
        if setting is not None:
            yield from (setting.options.anderson_rubin, setting.options)

    def setting_of(self, p_value: str) -> Setting | None:
        """The setting that ``p_value``, ``p_wild`` or ``p_permutation`` of the coefficients comes from."""
        if p_value == "p_value":
            return next(iter(self.inference), None)
        return next((one for method in shown_as(p_value) for one in self.given if one.method == method), None)

    @property
    def first_with_errors(self) -> Setting | None:
        """The first setting that gives errors or intervals of its own, bootstraps and permutations aside."""
        return next((setting for setting in self.given if not INFERENCE[setting.method].resamples), None)


def of_result(result: ModelResult) -> Model:
    """What would be read of results, were they written."""
    return made(Model, as_read(result.to_dict()))


def read_model(path: str | Path) -> Model:
    """The results of a model, from their file.

    Raises
    ------
    UserError
        As `read_as`.
    """
    return read_as(Model, path)
