"""Parts of results that models of a policy have, a class for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ruralpanel.estimate.base.model_json import AsNote, Number
from ruralpanel.estimate.base.rows import Effect
from ruralpanel.project.notes import ABSENT


@dataclass(frozen=True)
class Event(Effect):
    """The effect of a policy in a `period` (None: units start at different dates) or so long after its start."""

    KEYS: ClassVar = (*Effect.KEYS, "term", "period", "event_time")
    period: int | None = None
    event_time: int = 0

    @property
    def is_reference(self) -> bool:
        """Whether the others are measured against it: zero with an interval of zero."""
        return self.estimate == 0.0 and self.ci_low == 0.0 and self.ci_high == 0.0


@dataclass(frozen=True)
class PlaceboDate(Effect):
    """The effect had treatment started `shift` periods earlier, from rows without treatment; `first`: of cohorts."""

    KEYS: ClassVar = (*Effect.KEYS, "shift", "first")
    shift: int = 0
    first: int | str | tuple[int, ...] = ()


@dataclass(frozen=True)
class TrendFound:
    """The slopes of a trend that a test before treatment finds with 50 and 80 % power, and their biases."""

    slope_50: float | None = None
    slope_80: float | None = None
    bias_50: float | None = None
    bias_80: float | None = None


@dataclass(frozen=True)
class TrendPower:
    """What tests of trends before treatment could have found, jointly and by each t, and the slope fitted to them."""

    slope_fitted: float | None = field(default=None, metadata=ABSENT)
    joint: TrendFound = field(default=TrendFound(), metadata=ABSENT)
    each: TrendFound = field(default=TrendFound(), metadata=ABSENT)


@dataclass(frozen=True)
class LeadsRandomised:
    """Randomisation p-value of the leads' joint test, units that have all these periods, and draws."""

    p_value: Number = math.nan
    units: int = 0
    draws: int = 0


@dataclass(frozen=True)
class Randomisation:
    """Randomisation over treated sets.

    Attributes
    ----------
    p_value : of `statistic` (t with errors by unit, the estimate, or that over the misfit before treatment);
        p_value_estimate : of the estimate. draws : assignments beside the sample's own; enumerated : they are all.
    placebo_low, placebo_high : 2.5 % and 97.5 % points of the placebo estimates.
    """

    p_value: float | None = None
    p_value_estimate: float | None = None
    statistic: str = ""
    draws: int = 0
    enumerated: bool = False
    placebo_low: float | None = None
    placebo_high: float | None = None


@dataclass(frozen=True)
class Pretrend:
    """The test of trends before treatment."""

    leads: int | None = field(default=None, metadata=ABSENT)
    errors: AsNote | None = None
    statistic: Number = math.nan
    p_value: Number = math.nan
    power: TrendPower | None = field(default=None, metadata=ABSENT)
    randomisation: LeadsRandomised | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class Bound:
    """The interval where violations after treatment are bounded by `m`; `bound_low` … without sampling error."""

    m: float
    bound_low: float | None = field(default=None, metadata=ABSENT)
    bound_high: float | None = field(default=None, metadata=ABSENT)
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True)
class Bounds:
    """Intervals of one effect under bounded violations of parallel trends."""

    estimate: Number = math.nan
    relative_magnitudes: tuple[Bound, ...] = ()
    smoothness: tuple[Bound, ...] = ()
    breakdown: float | None = None
    largest_slope_change: float | None = None


@dataclass(frozen=True)
class HonestDid:
    """Bounds of the first effect after treatment and of their mean; `stretch`: of normal critical values."""

    errors: AsNote | None = None
    stretch: float = 1.0
    first: Bounds = Bounds()
    average: Bounds = Bounds()


@dataclass(frozen=True)
class WithoutUnit:
    """The mean effect without one of the treated units; NaN: nothing is left to estimate."""

    unit: str
    estimate: Number


@dataclass(frozen=True)
class TreatedCohort:
    """Units whose treatment began together: the date, and the first period of the sample under treatment."""

    first: int | str
    first_in_sample: int | str
    units: tuple[str, ...]


@dataclass(frozen=True)
class TreatmentSummary:
    """Counts of units and of periods before the first treatment, and the cohorts."""

    n_treated: int = 0
    n_untreated: int = 0
    periods_before: int = 0
    cohorts: tuple[TreatedCohort, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A difference in differences between two groups of units that each move together.

    Attributes
    ----------
    kind : ``untreated``: against units that are never treated; ``earlier``: against units treated later, until these
        are; ``later``: against units treated earlier, from then on.
    treated, control : first treated periods of the two groups; None: never.
    weight : share in the two-way effect; all weights add up to one.
    """

    kind: str
    treated: int | str
    control: int | str | None
    n_treated: int
    n_control: int
    weight: float
    estimate: float


@dataclass(frozen=True)
class TwoByTwo:
    """The comparisons that a two-way effect is the mean of; `beside`: what keeps it from being one."""

    comparisons: tuple[Comparison, ...] = field(default=(), metadata=ABSENT)
    estimate: Number = field(default=math.nan, metadata=ABSENT)
    beside: tuple[str, ...] = field(default=(), metadata=ABSENT)


@dataclass(frozen=True)
class Match:
    """The units that moved most like a treated one, nearest first, and how far they are."""

    unit: str
    matched: tuple[str, ...]
    distance: tuple[float, ...]


@dataclass(frozen=True)
class GroupMean:
    """An effect on the cohort of a date, in a period, or a mean of such; its error by influence functions."""

    first: int | str | None = field(default=None, metadata=ABSENT)
    period: int | str | None = field(default=None, metadata=ABSENT)
    estimate: Number = math.nan
    std_error: float | None = None


@dataclass(frozen=True)
class Aggregations:
    """Means of group-time effects."""

    simple: GroupMean
    group: GroupMean
    by_cohort: tuple[GroupMean, ...]
    by_period: tuple[GroupMean, ...]
    errors: str = "influence functions by unit, no small-sample factor"


@dataclass(frozen=True)
class CohortWeights:
    """What others and periods before treatment weigh for the cohort of a date; as many equal weights of units."""

    first: int | str
    units: Mapping[str, float]
    periods: Mapping[str, float]
    effective_units: float


@dataclass(frozen=True)
class FitBefore:
    """Root mean square of the gaps before treatment, as such and in standard deviations of the treated's means."""

    rmse: float
    relative: Number
