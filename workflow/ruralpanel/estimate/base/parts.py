"""Parts of results that only some estimators have, a class for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from ruralpanel.estimate.base.model_json import AsNote, Notes, Number
from ruralpanel.estimate.base.policy_parts import (
    Aggregations,
    CohortWeights,
    Event,
    FitBefore,
    GroupMean,
    HonestDid,
    Match,
    PlaceboDate,
    Pretrend,
    Randomisation,
    TreatmentSummary,
    TwoByTwo,
    WithoutUnit,
)
from ruralpanel.estimate.base.rows import ConfidenceSet, Effect, Estimated, NotAvailable, PartialTest, Statistic
from ruralpanel.project.notes import ABSENT


def _null(default: Any) -> BeforeValidator:
    """That null stands for the default: the estimator asked for it and found that it does not apply."""
    return BeforeValidator(lambda value: default if value is None else value)


@dataclass(frozen=True)
class SpatialWeights:
    """A matrix of neighbours: its name, what it is, how rows are scaled, its size and density."""

    name: str = ""
    what: Notes = ()
    standardise: str = "none"
    units: int = 0
    pairs: int = 0
    fewest_neighbours: int = 0
    mean_neighbours: float = 0.0
    most_neighbours: int = 0


@dataclass(frozen=True)
class Spatial:
    """What a spatial model says of its neighbours; `interval`: on which its filter is invertible."""

    weights: SpatialWeights = SpatialWeights()
    correction: str = ""
    interval: tuple[Number, Number] = (-math.inf, math.inf)


@dataclass(frozen=True)
class SpatialEffect(Estimated):
    """A ``direct``, ``indirect`` or ``total`` effect."""

    KEYS: ClassVar = ("term", "kind", "estimate", "std_error", "ci_low", "ci_high", "p_value")
    kind: str = ""


@dataclass(frozen=True)
class SpatialEffects:
    """Effects in the own unit and in others, with errors from so many draws.

    Attributes
    ----------
    left_out : draws outside the interval on which the filter is invertible. df : of t; None: normal.
    basis : the errors that were drawn from.
    """

    rows: tuple[SpatialEffect, ...] = ()
    draws: int = 0
    left_out: int = 0
    df: float | None = None
    basis: Notes = ()


@dataclass(frozen=True)
class OfUnit:
    """What a model says of one unit: numbers by name; of slopes errors, intervals, those drawn to their mean."""

    unit: str
    values: Mapping[str, float] = field(default_factory=dict)
    std_error: Mapping[str, Number] = field(default_factory=dict)
    ci: Mapping[str, tuple[Number, Number]] = field(default_factory=dict)
    shrunken: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """As results have it: the numbers stand beside the unit under their names."""
        slopes = {"std_error": self.std_error, "ci": self.ci, "shrunken": self.shrunken} if self.std_error else {}
        return {"unit": self.unit, **self.values, **slopes}

    @staticmethod
    def read(row: Any) -> Any:
        """The inverse of `to_dict`, before it becomes the class."""
        if not isinstance(row, Mapping):
            return row
        numbers = {name: x for name, x in row.items() if isinstance(x, (int, float)) and not isinstance(x, bool)}
        return {"values": numbers, **{name: x for name, x in row.items() if name not in numbers}}


@dataclass(frozen=True)
class UnitRoot:
    """A test of a unit root of one variable (CIPS), or why there is none; `rejected_at` None: not at 10 %."""

    variable: str
    statistic: Number = math.nan
    lags: int = 0
    case: str = ""
    units: int = 0
    periods: int = 0
    critical_values: Mapping[str, float] = field(default_factory=dict)
    rejected_at: str | None = None
    not_available: AsNote | None = field(default=None, metadata=ABSENT)

    def to_dict(self) -> dict[str, object]:
        """As results have it."""
        if self.not_available is None:
            return {name: value for name, value in vars(self).items() if name != "not_available"}
        return {"variable": self.variable, "not_available": self.not_available}


@dataclass(frozen=True)
class Slope:
    """A coefficient of the regression behind a counterfactual."""

    term: str
    estimate: float
    std_error: Number


@dataclass(frozen=True)
class Support:
    """Units whose counterfactual lies beyond what was observed, and their share."""

    outside: tuple[str, ...] = ()
    share_outside: Number = math.nan


@dataclass(frozen=True)
class WithoutSet:
    """Hansen's test without a set of instruments, and by how much it falls."""

    without: PartialTest
    difference: PartialTest


@dataclass(frozen=True)
class SectorWeight:
    """What a sector contributes to a shift-share estimate; None: its own instrument says nothing."""

    sector: str
    weight: float
    estimate: float | None = None
    first_stage_f: float | None = None


@dataclass(frozen=True)
class SectorErrors:
    """Error, p-value and interval by sector (Adão, Kolesár and Morales 2019)."""

    std_error: float
    p_value: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Range:
    """Smallest and largest."""

    lowest: float
    highest: float


@dataclass(frozen=True)
class ShiftShare:
    """Exposure of a shift-share instrument, errors by sector and what drives the estimate.

    `effective_sectors` is one over the sum of squared mean shares (Borusyak, Hull and Jaravel 2022): with few, the
    errors by sector rest on few independent shocks.
    """

    sectors: int
    effective_sectors: Number
    sum_of_shares: Range
    rotemberg: tuple[SectorWeight, ...]
    negative_weights: float
    akm: SectorErrors | NotAvailable
    akm0: ConfidenceSet | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class Tf:
    """Error and interval that are right for the strength of one instrument (Lee et al. 2022); None: without bound."""

    term: str
    f: float
    critical: float | None
    std_error: float | None
    ci_low: Number
    ci_high: Number
    rejects_zero: bool
    source: str = "lee_et_al_2022_table_3"
    note: AsNote | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class EffectiveF:
    """The effective F of Montiel Olea and Pflueger (2013) with its critical values; see `iv.weak_instruments`."""

    statistic: float
    tau: float
    critical_2sls: float
    critical_simplified: float
    k_2sls: float
    k_simplified: float
    largest_bias: float
    p_value: float


@dataclass(frozen=True)
class InstrumentRow:
    """The coefficient of an instrument in a first stage."""

    term: str
    estimate: float
    std_error: float
    statistic: float
    p_value: float


@dataclass(frozen=True)
class FirstStageOf:
    """The first stage of one endogenous regressor; `sanderson_windmeijer`: its conditional F beside others."""

    endogenous: str
    coefficients: tuple[InstrumentRow, ...] = ()
    partial_r2: float = 0.0
    f: PartialTest = field(default_factory=PartialTest)
    sanderson_windmeijer: PartialTest | None = field(default=None, metadata=ABSENT)
    effective_f: EffectiveF | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class FirstStage:
    """First stages, and the errors behind their tests."""

    errors: AsNote | None = None
    endogenous: tuple[FirstStageOf, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What only some estimators know, at the top of the results; docs/results.md and each family's page say what it is.

    `null` names what was asked for and does not apply: the file holds it as null. What is at its default is not there.
    """

    parameters_per_unit: int | None = field(default=None, metadata=ABSENT)
    periods_per_unit: tuple[int, int] | None = field(default=None, metadata=ABSENT)
    zeros: int | None = field(default=None, metadata=ABSENT)
    parts: tuple[str, ...] | None = field(default=None, metadata=ABSENT)
    slopes: tuple[Slope, ...] | None = field(default=None, metadata=ABSENT)
    support: Support = field(default=Support(), metadata=ABSENT)
    by_unit: tuple[Annotated[OfUnit, BeforeValidator(OfUnit.read)], ...] = field(default=(), metadata=ABSENT)
    spread: Mapping[str, float] = field(default_factory=dict, metadata=ABSENT)
    unit_roots: tuple[UnitRoot, ...] = field(default=(), metadata=ABSENT)
    outcomes: tuple[str, ...] = field(default=(), metadata=ABSENT)
    equations: Mapping[str, tuple[str, ...]] = field(default_factory=dict, metadata=ABSENT)
    generalised: bool | None = field(default=None, metadata=ABSENT)
    lags: int = field(default=0, metadata=ABSENT)
    statistics: Mapping[str, Statistic] = field(default_factory=dict, metadata=ABSENT)
    fixed_effects: Mapping[str, float | None] = field(default_factory=dict, metadata=ABSENT)
    n_instruments: int | None = field(default=None, metadata=ABSENT)
    instruments: tuple[str, ...] | Mapping[str, int] = field(default=(), metadata=ABSENT)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict, metadata=ABSENT)
    steps: int | None = field(default=None, metadata=ABSENT)
    initial_weights: str | None = field(default=None, metadata=ABSENT)
    collapse: bool | None = field(default=None, metadata=ABSENT)
    by_step: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict, metadata=ABSENT)
    hansen_by_set: Mapping[str, WithoutSet] = field(default_factory=dict, metadata=ABSENT)
    anderson_rubin: ConfidenceSet | None = field(default=None, metadata=ABSENT)
    tf: Tf | NotAvailable | None = field(default=None, metadata=ABSENT)
    shift_share: ShiftShare | None = field(default=None, metadata=ABSENT)
    spatial: Spatial | None = field(default=None, metadata=ABSENT)
    spatial_effects: SpatialEffects | None = field(default=None, metadata=ABSENT)
    two_by_two: TwoByTwo | None = field(default=None, metadata=ABSENT)
    matches: tuple[Match, ...] | None = field(default=None, metadata=ABSENT)
    group_time: tuple[GroupMean, ...] | None = field(default=None, metadata=ABSENT)
    aggregations: Aggregations | None = field(default=None, metadata=ABSENT)
    treatment: TreatmentSummary | None = field(default=None, metadata=ABSENT)
    weights: tuple[CohortWeights, ...] | None = field(default=None, metadata=ABSENT)
    event_study: Annotated[tuple[Event, ...], _null(())] = field(default=(), metadata=ABSENT)
    average_effect: Effect | None = field(default=None, metadata=ABSENT)
    fit_before: FitBefore | None = field(default=None, metadata=ABSENT)
    errors: AsNote | Mapping[str, float | None] | None = field(default=None, metadata=ABSENT)
    pretrend: Pretrend | None = field(default=None, metadata=ABSENT)
    pretrend_note: str | None = field(default=None, metadata=ABSENT)
    honest_did: HonestDid | None = field(default=None, metadata=ABSENT)
    randomisation: Annotated[Randomisation, _null(Randomisation())] = field(default=Randomisation(), metadata=ABSENT)
    placebo_dates: Annotated[tuple[PlaceboDate, ...], _null(())] = field(default=(), metadata=ABSENT)
    leave_one_treated_out: Annotated[tuple[WithoutUnit, ...], _null(())] = field(default=(), metadata=ABSENT)
    lag_set: ConfidenceSet | None = field(default=None, metadata=ABSENT)
    overrides: Notes = field(default=(), metadata=ABSENT)
    null: tuple[str, ...] = ()
