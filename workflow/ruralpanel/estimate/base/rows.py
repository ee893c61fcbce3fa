"""What results consist of: rows of estimates, tests, sets of values that a test does not reject."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ruralpanel.estimate.base.model_json import AsNote, Notes, Number, made
from ruralpanel.project.notes import ABSENT, note

Pieces = tuple[tuple[float, float], ...]
"""Values that a test does not reject, as disjoint intervals in order; ends may be infinite, none at all: it rejects
every value."""


LONG_RUN = "long_run:"
"""Before the name of a regressor whose effect is that of a lasting change, lags of the outcome included."""


@dataclass(frozen=True)
class NotAvailable:
    """Why there is no number."""

    not_available: AsNote


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
    def none(cls, code: str, **values: object) -> Test:
        """A test that cannot be had, for the reason `code`."""
        return cls(math.nan, None, math.nan, (note(code, **values),))


@dataclass(frozen=True)
class PartialTest(Test):
    """A test within a part of the results, whose size nobody simulates."""

    KEYS: ClassVar = ("statistic", "df", "p_value", "note")
    note: Notes = field(default=(), metadata=ABSENT)

    @classmethod
    def of(cls, test: Test) -> PartialTest:
        """The same test."""
        return cls(test.statistic, test.df, test.p_value, test.note)


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
class RowOfSetting(Estimated):
    """The errors of one term under one setting of inference; the estimate stands in the coefficients."""

    KEYS: ClassVar = ("term", "std_error", "statistic", "df", "p_value", "ci_low", "ci_high")


@dataclass(frozen=True)
class Effect(Estimated):
    """An effect of a policy, or in the long run."""

    KEYS: ClassVar[tuple[str, ...]] = ("estimate", "std_error", "df", "p_value", "ci_low", "ci_high")


@dataclass(frozen=True)
class Statistic(Estimated):
    """A number of several outcomes or coefficients.

    Attributes
    ----------
    outcomes : whose residuals it correlates. draws, by, n_clusters : of the bootstrap behind its interval.
    """

    KEYS: ClassVar = ("outcomes", "estimate", "std_error", "statistic", "df", "p_value", "ci_low", "ci_high", "draws",
                      "by", "n_clusters")  # fmt: skip
    outcomes: tuple[str, ...] = field(default=(), metadata=ABSENT)
    statistic: float | None = field(default=None, metadata=ABSENT)
    draws: int | None = field(default=None, metadata=ABSENT)
    by: str = field(default="", metadata=ABSENT)
    n_clusters: int | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class Point(Estimated):
    """A marginal effect where the other variable is `at`; `label` names the place."""

    KEYS: ClassVar = ("label", "at", "estimate", "std_error", "statistic", "df", "p_value", "ci_low", "ci_high",
                      "p_wild", "ci_wild_low", "ci_wild_high")  # fmt: skip
    p_wild: float | None = field(default=None, metadata=ABSENT)
    ci_wild_low: float | None = field(default=None, metadata=ABSENT)
    ci_wild_high: float | None = field(default=None, metadata=ABSENT)
    label: str = field(default="", metadata=ABSENT)
    at: Number = math.nan


@dataclass(frozen=True)
class Crossing:
    """Where a marginal effect is zero (None: nowhere), with Fieller's 95 % set."""

    estimate: float | None = None
    set: str = ""
    low: float | None = None
    high: float | None = None
    within_sample: bool = False
    share_below: float = 0.0


@dataclass(frozen=True)
class MarginalEffect:
    """The effect `of` one variable along another: at named points, and as a curve.

    Attributes
    ----------
    held : means at which other interactions of the variable are held. critical, method : of the errors.
    """

    of: str
    over: str
    points: tuple[Point, ...] = ()
    curve: tuple[Point, ...] = ()
    crossing: Crossing = Crossing()
    held: Mapping[str, float] = field(default_factory=dict)
    critical: Number = math.nan
    method: str = ""


@dataclass(frozen=True)
class ConfidenceSet:
    """The values of one term that a test does not reject; `intervals` None: they were not computed.

    Attributes
    ----------
    p_value : of zero. level : of confidence. errors : behind the test. set : its `iv.anderson_rubin.shape`.
    """

    p_value: float | None = field(default=None, metadata=ABSENT)
    term: str = field(default="", metadata=ABSENT)
    level: float | None = field(default=None, metadata=ABSENT)
    errors: AsNote | None = field(default=None, metadata=ABSENT)
    set: str = field(default="", metadata=ABSENT)
    intervals: Pieces | None = field(default=None, metadata=ABSENT)
    not_available: AsNote | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class SettingOptions:
    """The resolved options of a setting, whichever of them its method has, and what the method says besides.

    `null` names those that its method has and that are none.
    """

    by: str | tuple[str, ...] = field(default="", metadata=ABSENT)
    cutoff_km: float | None = field(default=None, metadata=ABSENT)
    kernel: str = field(default="", metadata=ABSENT)
    kind: str = field(default="", metadata=ABSENT)
    small_sample: str = field(default="", metadata=ABSENT)
    critical: str = field(default="", metadata=ABSENT)
    count: str = field(default="", metadata=ABSENT)
    lag: float | None = field(default=None, metadata=ABSENT)
    draws: int | None = field(default=None, metadata=ABSENT)
    over: str = field(default="", metadata=ABSENT)
    scheme: str = field(default="", metadata=ABSENT)
    weights: str = field(default="", metadata=ABSENT)
    interval: bool | None = field(default=None, metadata=ABSENT)
    residuals: bool | None = field(default=None, metadata=ABSENT)
    enumerated: bool | None = field(default=None, metadata=ABSENT)
    subcluster: str | None = field(default=None, metadata=ABSENT)
    theta: str = field(default="", metadata=ABSENT)
    seed: int | None = field(default=None, metadata=ABSENT)
    sectors: int | None = field(default=None, metadata=ABSENT)
    term: str = field(default="", metadata=ABSENT)
    set: str = field(default="", metadata=ABSENT)
    intervals: Pieces | None = field(default=None, metadata=ABSENT)
    anderson_rubin: ConfidenceSet | None = field(default=None, metadata=ABSENT)
    null: tuple[str, ...] = ()

    @property
    def known(self) -> dict[str, object]:
        """Those that there are, by name."""
        return {name: value for name, value in vars(self).items() if value not in (None, "", ())}

    @property
    def scheme_of_errors(self) -> str:
        """The small-sample correction as it was asked for: ``CR1``, ``HC3``; empty where the method has none."""
        return self.small_sample or self.kind

    def over_declared(self, declared: Mapping[str, object]) -> SettingOptions:
        """These, and those of the declared options that the method did not resolve."""
        return made(SettingOptions, {**declared, **self.known, "null": self.null})
