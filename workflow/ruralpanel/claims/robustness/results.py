"""What is found of claims' numbers beyond their estimates: of single models, of families of claims, of curves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruralpanel.estimate.base.model_json import AsNote, Notes, Number, read_as
from ruralpanel.estimate.base.rows import Test
from ruralpanel.project.notes import ABSENT


@dataclass(frozen=True)
class NotAvailable:
    """Why something was not computed."""

    not_available: AsNote


@dataclass(frozen=True)
class PowerCurve:
    """Power over the size of the effect."""

    effect: tuple[float, ...]
    power: tuple[float, ...]


@dataclass(frozen=True)
class AtDelta:
    """Power at the smallest effect that matters, and by how much an estimate that is then found exaggerates."""

    delta: float
    power: Number
    exaggeration: Number


@dataclass(frozen=True)
class Power:
    """What the interval that decides would find; `detectable` : power → effect.

    Attributes
    ----------
    by : simulated panels, or the error that an interval of this length stands for.
    std_error, df : that error and the degrees of freedom of its t, infinite: normal.
    """

    by: AsNote
    std_error: float | None = field(default=None, metadata=ABSENT)
    df: float | None = field(default=None, metadata=ABSENT)
    detectable: Mapping[str, float | None] = field(default_factory=dict)
    curve: PowerCurve = PowerCurve((), ())
    at_delta: AtDelta | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class LeftOut:
    """A number without each unit, or without each period, in turn.

    Attributes
    ----------
    left_out, estimate, std_error : all of them; None where the model could not be estimated or has no error.
    min, max : the range. most_influential : which one moves it most, and the `estimate_without` it.
    changes_sign : those without which its sign turns. not_available : why there is no estimate without some of them.
    """

    left_out: tuple[str, ...]
    estimate: tuple[float | None, ...]
    std_error: tuple[float | None, ...]
    min: float | None = field(default=None, metadata=ABSENT)
    max: float | None = field(default=None, metadata=ABSENT)
    most_influential: str | None = field(default=None, metadata=ABSENT)
    estimate_without: float | None = field(default=None, metadata=ABSENT)
    changes_sign: tuple[str, ...] | None = field(default=None, metadata=ABSENT)
    not_available: Mapping[str, AsNote] | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class Explained:
    """An estimate and the R² of its regression."""

    estimate: float
    r2: float


@dataclass(frozen=True)
class Selection:
    """Selection on unobservables (Oster 2019): how strong it must be, next to that on the controls."""

    controls: tuple[str, ...]
    always_in: tuple[str, ...]
    without_controls: Explained
    with_controls: Explained
    r2_max: float
    delta_for_zero: float | None
    delta_for_zero_r2_max_1: float | None
    adjusted_estimate: float | None
    note: AsNote


@dataclass(frozen=True)
class Classical:
    """The classical error that sensitivity is measured by."""

    std_error: float
    statistic: float
    df: float


@dataclass(frozen=True)
class AsStrong:
    """The estimate where an omitted variable is so many `times` as strong as the observed ones called `name`.

    Attributes
    ----------
    r2_lever, r2_outcome : partial R² of the omitted variable with the lever, and with the outcome.
    statistic : t of the adjusted estimate.
    """

    name: str
    times: float
    r2_lever: float
    r2_outcome: float
    estimate: float
    std_error: float
    statistic: float


@dataclass(frozen=True)
class Sensitivity:
    """Sensitivity to omitted variables (Cinelli and Hazlett 2020)."""

    partial_r2: float
    robustness_value: float
    robustness_value_5: float
    classical: Classical
    bounds: tuple[AsStrong, ...]
    note: AsNote


@dataclass(frozen=True)
class Corrected:
    """The estimate at an assumed reliability of the lever; None: the correction has no solution."""

    reliability: float
    noise_sd: Number
    reliability_in_levels: Number
    estimate: float | None


@dataclass(frozen=True)
class MeasurementError:
    """What noise in the lever would do to the estimate."""

    lever: str
    corrected: tuple[Corrected, ...]
    least_reliability: Number
    noise_sd_at_least: Number
    reverse_regression: float | None
    note: AsNote


@dataclass(frozen=True)
class GroupSlope:
    """The estimate in one group of units; `few_units`: fewer than the errors need."""

    group: str
    n_units: int = 0
    estimate: float | None = None
    std_error: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    p_wild: float | None = None
    p_romano_wolf: float | None = None
    p_holm: float | None = None
    few_units: bool = False


NO_TEST = Test()


@dataclass(frozen=True)
class ByGroup:
    """The estimate group by group: p-values alone and among the groups, and the test that all are `equal`."""

    groups: tuple[GroupSlope, ...]
    equal: Test = NO_TEST
    draws: int = 0
    inference: Notes = ()


@dataclass(frozen=True)
class OwnSlopes:
    """The mean of the units' own slopes, and these."""

    estimate: float
    std_error: Number
    ci_low: Number
    ci_high: Number
    n_units: int
    most_parameters: int
    beside: tuple[str, ...]
    units: Mapping[str, float]
    std_errors: Mapping[str, Number]


@dataclass(frozen=True)
class Checked:
    """What is known of one number that claims rest on; None: not asked."""

    claims: tuple[str, ...] = ()
    main: bool = False
    estimate: Number = math.nan
    std_error: float | None = None
    power: Power | NotAvailable | None = None
    leave_one_unit_out: LeftOut | NotAvailable | None = field(default=None, metadata=ABSENT)
    leave_one_period_out: LeftOut | NotAvailable | None = field(default=None, metadata=ABSENT)
    selection: Selection | NotAvailable | None = field(default=None, metadata=ABSENT)
    sensitivity: Sensitivity | NotAvailable | None = field(default=None, metadata=ABSENT)
    measurement_error: MeasurementError | NotAvailable | None = field(default=None, metadata=ABSENT)
    heterogeneity: Mapping[str, ByGroup | NotAvailable] | None = field(default=None, metadata=ABSENT)
    mean_group: OwnSlopes | NotAvailable | None = field(default=None, metadata=ABSENT)

    @property
    def groups(self) -> dict[str, ByGroup]:
        """Attribute → the estimates by its groups, where there are such."""
        return {key: found for key, found in (self.heterogeneity or {}).items() if isinstance(found, ByGroup)}

    @property
    def delta(self) -> float | None:
        """The smallest effect that matters."""
        return self.power.at_delta.delta if isinstance(self.power, Power) and self.power.at_delta else None

    def without(self, over: str) -> LeftOut | NotAvailable | None:
        """The number without each ``unit`` or ``period``."""
        return self.leave_one_unit_out if over == "unit" else self.leave_one_period_out


@dataclass(frozen=True)
class Robustness:
    """The numbers of one model, `targets` by name, as ``models/robustness/<model>.json`` holds them."""

    model: str
    panel: str = ""
    estimator: str = ""
    outcome: str = ""
    n_obs: int = 0
    n_units: int = 0
    targets: Mapping[str, Checked] = field(default_factory=dict)
    seed: int = 0


def read_robustness(path: str | Path) -> Robustness:
    """What robustness found of a model, from its file.

    Raises
    ------
    UserError
        As `read_as`.
    """
    return read_as(Robustness, path)


@dataclass(frozen=True)
class Tested:
    """One claim of a family: its number, t, and how its draws were made."""

    claim: str
    model: str
    term: str | None = field(default=None, metadata=ABSENT)
    marginal: str | None = field(default=None, metadata=ABSENT)
    at: Mapping[str, str | float] | None = field(default=None, metadata=ABSENT)
    estimate: Number = math.nan
    statistic: Number = math.nan
    n_units: int = 0
    draws_by: str = ""


@dataclass(frozen=True)
class Family:
    """The results of a family, as ``models/families/<family>.json`` holds them; p-values by claim (see `Adjusted`)."""

    family: str
    hypotheses: tuple[Tested, ...] = ()
    not_tested: tuple[str, ...] = ()
    p_values: Mapping[str, float] | None = field(default=None, metadata=ABSENT)
    p_unadjusted: Mapping[str, float] | None = field(default=None, metadata=ABSENT)
    p_balanced: Mapping[str, float] | None = field(default=None, metadata=ABSENT)
    p_holm: Mapping[str, float] | None = field(default=None, metadata=ABSENT)
    method: str = "romano_wolf"
    weights: str = "rademacher"
    n_units: int = 0
    draws: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Dimension:
    """A choice of a curve and its options, as the rows have them."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Quantiles:
    """Of the standardised estimates."""

    p5: Number
    p25: Number
    p50: Number
    p75: Number
    p95: Number


@dataclass(frozen=True)
class Choice:
    """What the estimates look like under one option of a dimension."""

    dimension: str
    option: str
    n: int
    median: float | None
    share_positive: float | None
    share_significant: float | None


@dataclass(frozen=True)
class JointResult:
    """A joint test of a curve: p-values of its statistics, of those that the claim foresees in `p_expected`."""

    scheme: str
    draws: int
    n_specifications: int
    observed: Mapping[str, Number]
    p_values: Mapping[str, Number]
    p_expected: Mapping[str, Number]
    seed: int


@dataclass(frozen=True)
class CurveSummary:
    """A specification curve, as ``models/curves/<curve>.json`` holds it.

    Attributes
    ----------
    main : choices and numbers of the specification of first choices; None where it could not be estimated.
    share_same_sign : with the sign of the main one. share_not_negative : above −δ.
    smallest_effect : what shares are measured by. declared : the curve as the configuration has it.
    """

    name: str = ""
    panel: str = ""
    term: str = ""
    expected: str = "two_sided"
    dimensions: tuple[Dimension, ...] = ()
    n_declared: int = 0
    n_specifications: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    main: Mapping[str, str | float | None] | None = None
    median: Number = math.nan
    quantiles: Quantiles | None = None
    share_same_sign: float | None = None
    share_positive: float | None = None
    share_negative: float | None = None
    share_not_negative: float | None = None
    share_significant: float | None = None
    share_significant_positive: float | None = None
    share_significant_negative: float | None = None
    smallest_effect: Mapping[str, str | float] = field(default_factory=dict)
    by_choice: tuple[Choice, ...] = ()
    permutation: JointResult | None = None
    sign_changes: JointResult | None = None
    inference: Mapping[str, object] = field(default_factory=dict)
    units_of_median: str = ""
    seed: int = 0
    rows: str = ""
    panel_sha256: str = ""
    declared: Mapping[str, object] = field(default_factory=dict)
