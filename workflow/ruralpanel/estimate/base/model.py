"""Results of a model: one class, which estimation makes and its file keeps, and which claims and outputs look at.

What an estimator does not give is empty, so that results of any estimator can be asked for anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator

from ruralpanel.estimate.base.model_json import AsNote, Notes, Number, cleared, made, read_as, write_results
from ruralpanel.estimate.base.parts import FirstStage, Parts, SpatialWeights
from ruralpanel.estimate.base.rows import (
    Coefficient,
    ConfidenceSet,
    Estimated,
    MarginalEffect,
    Pieces,
    RowOfSetting,
    SettingOptions,
    Test,
)
from ruralpanel.project.kinds.inference import INFERENCE, shown_as
from ruralpanel.project.notes import ABSENT, written
from ruralpanel.project.settings import ModelSpec

T = TypeVar("T")


@dataclass(frozen=True)
class SimulatedSize:
    """Rejections of a true null at a nominal 5 %, simulated at the model's own design; `size` None: not simulated.

    Attributes
    ----------
    size, lowest, highest, by_term : mean over the terms, extremes, each. error : Monte Carlo, of one term.
    draws : of each bootstrap or permutation. rho : of the errors, from year to year. treated : units; None: none.
    design : how errors were drawn. reason : why it was not simulated.
    """

    size: float | None = None
    lowest: Number = math.nan
    highest: Number = math.nan
    by_term: Mapping[str, float] = field(default_factory=dict)
    error: Number = math.nan
    simulations: int = 0
    draws: int | None = None
    rho: float | None = None
    units: int = 0
    periods: int = 0
    treated: int | None = None
    design: AsNote | None = None
    reason: AsNote | None = field(default=None, metadata=ABSENT)

    def to_dict(self) -> dict[str, object]:
        """As results have it."""
        return written(self) if self.reason is None else {"size": self.size, "reason": self.reason}


@dataclass(frozen=True)
class Setting:
    """One setting of inference with its rows, or the reason why it is `not_available`."""

    method: str
    by: str = ""
    options: SettingOptions = field(default_factory=SettingOptions)
    small_sample: Notes = ()
    n_clusters: int = 0
    df: tuple[float | None, ...] | None = None
    coefficients: tuple[RowOfSetting, ...] = ()
    notes: Notes = ()
    simulated_size: SimulatedSize | None = None
    not_available: AsNote | None = field(default=None, metadata=ABSENT)

    def to_dict(self) -> dict[str, object]:
        """As results have it."""
        if self.not_available is None:
            return written(self)
        return {"method": self.method, "options": self.options, "not_available": self.not_available}

    @property
    def scheme(self) -> str:
        """The small-sample correction as it was asked for: ``CR1``, ``HC3``; empty where the method has none."""
        return self.options.scheme_of_errors

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
class Vcov:
    """The covariance matrix of the first setting: its method, clusters, correction and factors; None: it has none."""

    type: str = ""
    by: str = ""
    small_sample: str = ""
    note: Notes = ()
    terms: tuple[str, ...] = ()
    matrix: tuple[tuple[float | None, ...], ...] | None = None


@dataclass(frozen=True)
class Collinearity:
    """How far the terms move together once effects are removed; empty where the fit is not least squares.

    Attributes
    ----------
    variance_inflation : 1 / (1 − R²) of each term on the others, net of effects.
    partners : for inflations above 10 the terms that it goes with most (``with`` in the file).
    condition_number : of the columns, scaled to length one (Belsley et al. 1980).
    """

    variance_inflation: Mapping[str, float] = field(default_factory=dict)
    partners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    condition_number: Number = math.nan

    def to_dict(self) -> dict[str, object]:
        """As results have it."""
        names = {"variance_inflation": self.variance_inflation, "with": self.partners}
        return {**names, "condition_number": self.condition_number} if self.variance_inflation else {}

    @staticmethod
    def read(value: Any) -> Any:
        """The inverse of `to_dict`, before it becomes the class."""
        return {**value, "partners": value.get("with") or {}} if isinstance(value, Mapping) else value


@dataclass(frozen=True)
class RowLeverage:
    """A row and its leverage among the terms, net of effects."""

    unit: str
    period: int | str
    leverage: float


@dataclass(frozen=True)
class Influence:
    """What each unit does to the estimates; empty where the fit is not least squares.

    Attributes
    ----------
    leverage : share of it by unit. dfbeta : term → the estimate less the estimate without the unit (exact for least
        squares, effects included, in panels of not too many units); dfbetas : the same in delete-one-unit jackknife
        errors.
    effective_units : how many equally informative units each coefficient is worth.
    rows : those with the largest leverage. most_influential : term → the unit that moves it most.
    """

    units: tuple[str, ...] = field(default=(), metadata=ABSENT)
    leverage: tuple[Number, ...] = field(default=(), metadata=ABSENT)
    dfbeta: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict, metadata=ABSENT)
    dfbetas: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict, metadata=ABSENT)
    effective_units: Mapping[str, float] = field(default_factory=dict, metadata=ABSENT)
    rows: tuple[RowLeverage, ...] = field(default=(), metadata=ABSENT)
    most_influential: Mapping[str, str] = field(default_factory=dict, metadata=ABSENT)


@dataclass(frozen=True)
class MoranOfPeriod:
    """Moran's I of the residuals of one period (None: of a cross-section), and the mean of the simulated."""

    period: int | str | None
    units: int
    statistic: Number
    expected: Number
    p_value: Number


@dataclass(frozen=True)
class AboutMoran:
    """What the weights matrix is, how many panels were simulated, the mean of their statistics, and each period's."""

    weights_matrix: SpatialWeights
    draws: int
    expected: Number
    by_period: tuple[MoranOfPeriod, ...] = ()


@dataclass(frozen=True)
class Diagnostics:
    """What was removed and left out, and who carries the estimates; `absorbed` None: not recorded."""

    n_absorbed: int = 0
    absorbed: tuple[str, ...] | None = None
    df_resid: Number = math.nan
    singletons: int | None = None
    left_out: Mapping[str, AsNote] = field(default_factory=dict)
    collinearity: Annotated[Collinearity, BeforeValidator(Collinearity.read)] = Collinearity()
    influence: Influence = Influence()
    moderator_sd: Mapping[str, float | None] = field(default_factory=dict)
    moran: AboutMoran | None = field(default=None, metadata=ABSENT)


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
    """What was asked for; `options` are the keys that only the model's estimator knows, `written` is all of it."""

    method: str = ""
    regressors: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    written: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: ModelSpec) -> Asked:
        """What a specification asks for."""
        return made(cls, cls.read(spec.to_dict()))

    def to_dict(self) -> Mapping[str, object]:
        """As results have it."""
        return self.written

    @staticmethod
    def read(value: Any) -> Any:
        """The inverse of `to_dict`, before it becomes the class."""
        return {**value, "written": value} if isinstance(value, Mapping) else value

    def options_as(self, kind: type[T]) -> T:
        """Those of the options that a class names."""
        return made(kind, self.options)


@dataclass(frozen=True)
class Model(Parts):
    """A model's results. docs/results.md says what each field holds."""

    model: str
    panel: str = ""
    estimator: str = ""
    method: str = ""
    outcome: str = ""
    sample: str = "all"
    effects: tuple[str, ...] = ()
    n_obs: int = 0
    n_units: int = 0
    n_periods: int = 0
    n_dropped: Mapping[str, int] = field(default_factory=dict)
    coefficients: tuple[Coefficient, ...] = ()
    inference: tuple[Setting, ...] = ()
    vcov: Vcov = Vcov()
    fit: Mapping[str, float | None] = field(default_factory=dict)
    tests: Mapping[str, Test] = field(default_factory=dict)
    first_stage: FirstStage | None = None
    marginal_effects: tuple[MarginalEffect, ...] = ()
    diagnostics: Diagnostics = Diagnostics()
    units: tuple[str, ...] = ()
    periods: tuple[int, ...] = ()
    notes: Notes = ()
    seed: int = 0
    panel_sha256: str = ""
    spec: Annotated[Asked, BeforeValidator(Asked.read)] = Asked()

    def to_dict(self) -> dict[str, object]:
        """As results have it: fields of some estimators at the end, `cleared` of errors of zero."""
        shared = {item.name for item in fields(self)} - {item.name for item in fields(Parts)}
        every = written(self)
        plain: dict[str, object] = cleared(
            {name: every[name] for name in sorted(every, key=lambda name: name not in shared)}
        )
        return plain

    def to_json(self, path: str | Path) -> None:
        """Write `to_dict` to `path`; limits as `write_results` has them, other infinite numbers null."""
        write_results(path, self.to_dict())

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


def read_model(path: str | Path) -> Model:
    """The results of a model, from their file.

    Raises
    ------
    UserError
        As `read_as`.
    """
    return read_as(Model, path)
