"""The configuration as frozen objects: what a job receives, defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from ruralpanel.project.kinds.estimator_keys import MarginalEffect, OfEstimator
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.inference import INFERENCE, Clustered
from ruralpanel.project.kinds.options import Options

OptionsT = TypeVar("OptionsT", bound=Options)

WORDS = frozenset({"title", "title_zh", "label", "label_zh", "note", "note_zh", "counts", "counts_zh", "because_zh"})
"""Keys that only say what something is called or counts: no job that computes may depend on them."""


def wordless(values: Mapping[str, object]) -> dict[str, object]:
    """The keys that results depend on: all but `WORDS`, at every depth."""
    return {
        key: wordless(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if key not in WORDS
    }


@dataclass(frozen=True)
class InferenceSpec:
    """One inference setting: `method` (cluster, hc, wild_cluster, permutation, …) and all its options, resolved.

    Options in plain values, as they pass through a rule's parameters, become those of the method.
    """

    method: str
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        if self.method in INFERENCE:
            object.__setattr__(self, "options", _read(INFERENCE[self.method].options, self.options))

    def of(self, kind: type[OptionsT]) -> OptionsT:
        """The options, which are of that kind."""
        assert isinstance(self.options, kind)
        return self.options

    @property
    def clusters(self) -> tuple[str, ...]:
        """Names of the clusters that it asks for: none, one, or two."""
        return self.options.names if isinstance(self.options, Clustered) else ()

    def short(self, draws: int) -> InferenceSpec:
        """The same with so few draws, and without an interval, where the method draws at all."""
        known = type(self.options).model_fields
        less = {key: value for key, value in {"draws": draws, "interval": False}.items() if key in known}
        return replace(self, options=self.options.model_copy(update=less))


def _read(kind: type[Options], options: Options | Mapping[str, object]) -> Options:
    if isinstance(options, kind):
        return options
    return kind.model_validate(options.to_dict() if isinstance(options, Options) else options)


_OF_SOME = frozenset({"outcomes", "drop_absorbed", "weights_matrix", "allow"})
"""Fields of models that stand among the options where they are written."""


@dataclass(frozen=True)
class ModelSpec:
    """One model, defaults filled in; `options` holds the keys that only its estimator knows.

    `outcomes` are all of a system, of which `outcome` is the first. `weights_matrix` names its neighbours, `allow` the
    refusals that it overrides. `simulated_size` says whether the size of each method of inference is simulated at the
    model's own design. Options in plain values become those of the estimator.
    """

    name: str
    estimator: str
    outcome: str
    panel: str
    method: str = ""
    regressors: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    weights: str | None = None
    sample: str = "all"
    inference: tuple[InferenceSpec, ...] = ()
    marginal_effects: tuple[MarginalEffect, ...] = ()
    options: OfEstimator = field(default_factory=OfEstimator)
    simulated_size: bool = False
    outcomes: tuple[str, ...] = ()
    drop_absorbed: bool = False
    weights_matrix: str | None = None
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.options, OfEstimator):
            object.__setattr__(self, "options", ESTIMATORS[self.estimator].options.model_validate(self.options))

    def of(self, kind: type[OptionsT]) -> OptionsT:
        """The options if they are of that kind; else its defaults: the model is an auxiliary of another estimator."""
        return self.options if isinstance(self.options, kind) else kind.model_construct()

    def to_dict(self) -> dict[str, object]:
        """Plain values, as they pass through a rule's parameters and into the model's JSON.

        Under ``options`` stand all keys that not every model has.
        """
        values = asdict(self)
        shared = {key: values.pop(key) for key in _OF_SOME}
        options = self.options.to_dict(given=True) | {key: value for key, value in shared.items() if value}
        settings = tuple({"method": one.method, "options": one.options.to_dict()} for one in self.inference)
        effects = tuple(one.to_dict(given=True) for one in self.marginal_effects)
        return {**values, "inference": settings, "marginal_effects": effects, "options": options}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSpec:
        """The inverse of `to_dict`."""
        fields = dict(values)
        for key in ("regressors", "controls", "effects"):
            fields[key] = tuple(fields.get(key) or ())
        effects = fields.get("marginal_effects") or ()
        fields["marginal_effects"] = tuple(MarginalEffect.model_validate(one) for one in effects)
        options = dict(fields.get("options") or {})
        for key in _OF_SOME & options.keys():
            own = key in ESTIMATORS[fields["estimator"]].keys
            value = options[key] if own else options.pop(key)
            fields[key] = tuple(value) if isinstance(value, list) else value
        fields["options"] = options
        fields["inference"] = tuple(InferenceSpec(**setting) for setting in fields.get("inference") or ())
        return cls(**fields)


@dataclass(frozen=True)
class Overlap:
    """Years that `series`, another of the source, gives in the other definition too."""

    series: str
    years: tuple[int, ...]


@dataclass(frozen=True)
class Break:
    """A change of definition, of all units where `units` is None; old × `factor` = new, where it is known."""

    what: str = ""
    what_zh: str = ""
    units: tuple[str, ...] | None = None
    factor: float | None = None
    overlap: Overlap | None = None

    def __post_init__(self) -> None:
        if isinstance(self.overlap, Mapping):
            object.__setattr__(self, "overlap", Overlap(**self.overlap))


@dataclass(frozen=True)
class BreakRule:
    """What a variable does about a break: error, drop, dummy, splice, or accept for a reason."""

    rule: str = "error"
    because: str = ""
    because_zh: str = ""


_OfBreak = TypeVar("_OfBreak", Break, BreakRule)


def _by_year(breaks: Mapping[int, Any], kind: type[_OfBreak]) -> dict[int, _OfBreak]:
    """Breaks of plain values, as they pass through a rule's parameters."""
    return {year: one if isinstance(one, kind) else kind(**one) for year, one in breaks.items()}


@dataclass(frozen=True)
class SeriesSpec:
    """One series of a source: what a figure counts, in which measure, for which years, with which breaks.

    `breaks` are by the first year of the new definition. `retrospective` names the units whose figures for years before
    they were set up were published later, in today's boundaries; `same_as` other series (``source.series``) of the same
    figures. `files` are the files that hold the series, each with its column there (empty: `column`); without any it
    may be in every file of the source.
    """

    key: str
    measure: str
    label: str = ""
    label_zh: str = ""
    title_in_file: str = ""
    column: str = ""
    years: tuple[int, ...] = ()
    range: tuple[float | None, float | None] = (None, None)
    breaks: Mapping[int, Break] = field(default_factory=dict)
    note: str = ""
    note_zh: str = ""
    retrospective: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "breaks", _by_year(self.breaks, Break))


@dataclass(frozen=True)
class Download:
    """A file that `snakemake fetch` brings from an address to `target`.

    `where` : its place in the configuration. `sha256`, `bytes` : of what the address gives. `unpack` : kind of archive,
    `member` : the file in it (empty: its only one). `content` : the sum that `target` has by the sidecar. Empty, zero:
    not declared.
    """

    target: str
    url: str
    where: str
    sha256: str = ""
    bytes: int = 0
    unpack: str = ""
    member: str = ""
    content: str = ""

    @property
    def wanted(self) -> str:
        """The sum that `target` must have, as far as it is declared."""
        return self.content or ("" if self.unpack else self.sha256)

    @property
    def remote(self) -> bool:
        """Whether it comes from elsewhere than this machine."""
        return not self.url.lower().startswith("file:")


@dataclass(frozen=True)
class VariableSpec:
    """One column: a series in a measure (`source`, `series`) or a `formula` of other columns."""

    name: str
    source: str = ""
    series: str = ""
    formula: str = ""
    measure: str = ""
    label: str = ""
    label_zh: str = ""
    counts: str = ""
    counts_zh: str = ""
    breaks: Mapping[int, BreakRule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "breaks", _by_year(self.breaks, BreakRule))


@dataclass(frozen=True)
class PanelSpec:
    """Which periods (and, where named, which units) are looked at together. `by`: year or observation (lags)."""

    name: str
    periods: tuple[int, ...]
    units: tuple[str, ...] = ()
    by: str = "year"
    title: str = ""
