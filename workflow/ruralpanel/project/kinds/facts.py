"""What the house may ask of a kind: one class for each table of kinds, one attribute for each question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from ruralpanel.project.kinds.estimator_keys import OfEstimator
from ruralpanel.project.kinds.options import Options, Titled

ScriptForm = Literal["regression", "means", "differences", "random_effects", "two_stage", "liml", "counts"]
"""What a script does: a regression of rows, of units' means or of changes; or what its name says."""


def function(place: str) -> Any:
    """What a table of kinds names as ``module:function``, imported when it is asked for.

    A module that imports this beside a table stands on everything that the table names (`project.fingerprint`).
    """
    module, name = place.split(":")
    return getattr(import_module(module), name)


@dataclass(frozen=True)
class Method:
    """A variant within a family: what is true of it alone.

    Attributes
    ----------
    weighted, marginal_effects, not_left_out : as of `Estimator`. terms : it takes regressors and controls.
    random_effects : unit effects are random. refutable : the estimator's tests can refute it.
    """

    weighted: bool = True
    marginal_effects: bool = True
    terms: bool = True
    random_effects: bool = False
    refutable: bool = True
    not_left_out: str = ""


@dataclass(frozen=True)
class Keyed:
    """A kind with keys of its own."""

    options: type[Options] = Options

    @property
    def keys(self) -> tuple[str, ...]:
        """All its own keys, the required ones first."""
        return tuple(dict.fromkeys((*self.required, *self.options.model_fields)))

    @property
    def required(self) -> tuple[str, ...]:
        """Those of its own keys that must be there."""
        return tuple(name for name, declared in self.options.model_fields.items() if declared.is_required())

    @property
    def defaults(self) -> dict[str, object]:
        """What holds where keys are left out; None: nothing, or the method decides."""
        return {
            name: None if declared.default_factory else declared.default
            for name, declared in self.options.model_fields.items()
            if not declared.is_required()
        }


@dataclass(frozen=True, kw_only=True)
class Estimator(Keyed):
    """What the house knows of an estimator.

    Attributes
    ----------
    fit : ``module:function`` that turns a design into a fit. options : its keys beyond those of every model, of which
        at least one of `one_of` must be there. methods : its variants, the first the default.
    page : its page in docs/. reference : the test that holds it to published numbers or another implementation.
    confirmed_by : the family of ``estimate.confirm.MODULES`` that asks another library for it; empty: none has it.
        standard : it is one of the textbook's, to which specification tests apply.
    regressors : it asks for some. several_outcomes : it explains several at once. instruments : excluded instruments
        are named in the configuration. weighted : it has a weighted form. drop_absorbed : terms may be left out.
        marginal_effects : it has one coefficient for each regressor. by_event_time : its coefficients are effects by
        time from treatment, and its draws sets of treated units that change hands.
    least_periods : periods that it needs; least_periods_of_a_unit : of at least one unit.
    inherits_effects : those of ``defaults``. needs_effects : which must be there. refused_effects : which it has no
        use for (differenced: those that differences leave nothing of), and what it takes instead. unit_effects : what
        becomes of them (declared: removed where the model names them). random_periods : effects of periods may be
        random beside those of units. averages_units : its rows are means of units.
    coefficients : what they are called: terms, endogenous ones among them; lags of the outcome, as ``lag(y, 1)``;
        ``outcome:term``; otherwise. statistics : numbers beside them that claims may name.
    slopes : coefficients are slopes; else parts of a gap, of which zero is no hypothesis. log_linear : they are changes
        of the logarithm of an outcome in levels. of_units : what it says of single units.
    evidence : what its numbers rest on; empty: the effects decide. causal : the design, its tests passed, claims an
        effect. refuted_by : tests that can refute it, and what they must show.
    not_left_out : the code of why it is not estimated again without a unit or period; empty: it is. refit :
        ``module:function`` of the estimate alone, without what stands beside it; empty: `fit`. measurement_error :
        noise in a lever can be corrected for. rejections : ``module:function`` that simulates the size of its
        inference; empty: that of a regression.
    scripts : method → the form of the scripts of R, Stata and Python that estimate it again (`output.export`);
        no_script : why those of its methods that are not there have none.
    """

    fit: str
    options: type[OfEstimator] = OfEstimator
    methods: Mapping[str, Method] = field(default_factory=lambda: {"": Method()})
    one_of: tuple[str, ...] = ()
    page: str = "estimators.md"
    reference: str = "tests/reference/test_numbers.py"
    confirmed_by: Literal["", "linear", "instruments", "policy", "counts", "systems"] = ""
    standard: bool = False
    regressors: bool = True
    several_outcomes: bool = False
    instruments: bool = False
    weighted: bool = True
    drop_absorbed: bool = True
    marginal_effects: bool = True
    by_event_time: bool = False
    least_periods: int = 1
    least_periods_of_a_unit: int = 1
    inherits_effects: bool = True
    needs_effects: Literal["", "some", "unit", "both"] = ""
    refused_effects: tuple[Literal["", "unit", "differenced", "attributes", "all"], str] = ("", "")
    unit_effects: Literal["declared", "removed", "differenced", "random", "none"] = "declared"
    random_periods: bool = False
    averages_units: bool = False
    coefficients: Literal["terms", "lags", "equations", "otherwise"] = "otherwise"
    statistics: Literal["", "long_run", "residual_correlation"] = ""
    slopes: bool = True
    log_linear: bool = False
    of_units: Literal["", "changes", "parts", "slopes"] = ""
    evidence: Literal["", "between", "policy"] = ""
    causal: bool = False
    refuted_by: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    not_left_out: str = ""
    refit: str = ""
    measurement_error: bool = False
    rejections: str = ""
    scripts: Mapping[str, ScriptForm] = field(default_factory=dict)
    no_script: str = ""

    @property
    def method(self) -> str:
        """The variant of a model that names none."""
        return next(iter(self.methods))

    @property
    def compares_groups(self) -> bool:
        """Whether it explains the gap between two groups of units."""
        return "gap" in self.required


@dataclass(frozen=True, kw_only=True)
class Inference(Keyed):
    """What the house knows of a method of inference.

    Attributes
    ----------
    infer : ``module:function`` from fit, design, setting and seed to the inference; with_instruments : the same for
        models with excluded instruments, where they need another. options : its keys with their defaults.
    key : the key whose value names it. clustered : it counts clusters; else rows, which a table gives as observations,
        or sectors. distances : it asks how far units are apart.
    shown_as : the coefficients' field that holds its p-value; ``p_value`` where it gives errors.
    """

    infer: str
    with_instruments: str = ""
    key: Literal["vcov", "bootstrap", "randomisation"] = "vcov"
    clustered: bool = True
    distances: bool = False
    shown_as: Literal["p_value", "p_wild", "p_permutation"] = "p_value"

    @property
    def resamples(self) -> bool:
        """Whether its p-value comes from random draws and it has no errors."""
        return self.shown_as != "p_value"


@dataclass(frozen=True, kw_only=True)
class Output(Keyed):
    """What the house knows of a kind of table or figure.

    Attributes
    ----------
    build : ``module:function`` that makes it. options : its keys beside ``type``.
    fits : whether models of an estimator fit in; None: all. needs_one : whether at least one of its models must be so.
    of_claims : its models are those that claims name, whose robustness it reads. of_two_way_effects : they are two-way
        regressions without controls, weights and trends.
    file : the result that it reads where it names none, below the folder of results; empty: none.
    """

    build: str
    options: type[Titled] = Titled
    fits: Callable[[Estimator], bool] | None = None
    needs_one: Callable[[Estimator], bool] | None = None
    of_claims: bool = False
    of_two_way_effects: bool = False
    file: str = ""


@dataclass(frozen=True)
class LayoutKey:
    """One key of a source's `layout`: what it means, what holds where it is absent, which values it takes.

    `kinds` names the types allowed: ``text``, ``number`` (a whole one), ``decimal``, ``list``, ``mapping``; `choices`,
    where not empty, the words allowed; `parts` the keys of a mapping, the first of them required, with their words;
    `formats`, where not empty, the formats of files (`grids.kind`) that the key says anything about; `least` is the
    smallest number allowed.
    """

    meaning: str
    default: Any
    kinds: tuple[str, ...] = ("text",)
    choices: tuple[str, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    formats: tuple[str, ...] = ()
    least: float | None = None


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """What the house knows of an adapter.

    Attributes
    ----------
    read : ``module:function`` that reads a source. keys : what a source's `layout` may say.
    live : its files come by ``snakemake fetch``.
    """

    read: str
    keys: Mapping[str, LayoutKey]
    live: bool = False


def of_units(kind: Estimator) -> bool:
    """Whether models say something of single units."""
    return kind.of_units != ""


def of_policies(kind: Estimator) -> bool:
    """Whether models rest on a change that some units underwent."""
    return kind.evidence == "policy"
