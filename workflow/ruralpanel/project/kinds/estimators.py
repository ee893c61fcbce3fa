"""Estimators: which keys of a model each one knows, and what it asks of the panel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruralpanel.project.problems import Problem, did_you_mean


@dataclass(frozen=True)
class EstimatorKeys:
    """Keys of a model beyond those that all models share; `methods` lists the variants, the first the default.

    At least one key of `one_of` must be there. `effects` says whether the effects of ``defaults`` are inherited,
    `min_periods` how many periods the panel needs, `regressors` whether it asks for some, `named_terms` whether its
    coefficients are just the regressors (endogenous ones among them) and controls.
    """

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("",)
    effects: bool = True
    min_periods: int = 1
    regressors: bool = True
    named_terms: bool = False


COMMON_KEYS = frozenset(
    {
        "title",
        "title_zh",
        "panel",
        "estimator",
        "method",
        "outcome",
        "regressors",
        "controls",
        "effects",
        "weights",
        "sample",
    }
    | {"inference", "drop_absorbed", "marginal_effects", "simulated_size"}
)

SHARED_OPTIONS = frozenset({"weights_matrix", "allow"})
"""Options that every estimator takes: residuals of any model may resemble those of neighbours, and its errors may
be refused."""

ESTIMATORS: dict[str, EstimatorKeys] = {
    "pooled": EstimatorKeys(optional=("constant",), effects=False, named_terms=True),
    "between": EstimatorKeys(optional=("constant",), effects=False, named_terms=True),
    "fe": EstimatorKeys(optional=("constant",), min_periods=2, named_terms=True),
    "fd": EstimatorKeys(min_periods=2, named_terms=True),
    "re": EstimatorKeys(optional=("components", "constant"), effects=False, min_periods=2, named_terms=True),
    "iv": EstimatorKeys(
        required=("endogenous",),
        optional=("instruments", "shares", "shocks"),
        one_of=("instruments", "shares"),
        methods=("2sls", "liml", "gmm", "g2sls", "ec2sls"),
        named_terms=True,
    ),
    "hausman_taylor": EstimatorKeys(
        required=("endogenous",),
        methods=("hausman_taylor", "amemiya_macurdy", "breusch_mizon_schmidt"),
        effects=False,
        min_periods=2,
        named_terms=True,
    ),
    "dynamic_panel": EstimatorKeys(
        optional=(
            "lags",
            "regressor_lags",
            "gmm_lags",
            "collapse",
            "predetermined",
            "endogenous_regressors",
            "steps",
            "initial_weights",
        ),
        methods=("bias_corrected", "difference_gmm", "system_gmm"),
        min_periods=3,
        regressors=False,
    ),
    "cce": EstimatorKeys(optional=("lags",), methods=("mean_group", "pooled"), min_periods=2),
    "event_study": EstimatorKeys(
        required=("treatment",),
        optional=("reference", "group_trends", "comparison", "draws"),
        methods=("twfe", "callaway_santanna", "imputation", "stacked"),
        min_periods=3,
        regressors=False,
    ),
    "did": EstimatorKeys(
        required=("treatment",),
        optional=("group_trends", "comparison", "draws", "reference"),
        methods=("twfe", "callaway_santanna", "imputation", "stacked", "synthetic", "synthetic_control", "matched"),
        min_periods=2,
        regressors=False,
    ),
    "ppml": EstimatorKeys(optional=("exposure",), named_terms=True),
    "sur": EstimatorKeys(optional=("equations", "draws"), regressors=False),
    "spatial": EstimatorKeys(
        required=("weights_matrix",),
        optional=("spatial_lags", "correction", "draws"),
        methods=("sdm", "sar", "sem", "sdem", "slx", "gmm", "gmm_lag", "gmm_error"),
    ),
    "decomposition": EstimatorKeys(
        required=("gap", "blocks"),
        optional=("draws",),
        methods=("gelbach", "shapley", "oaxaca"),
        effects=False,
        regressors=False,
    ),
    "counterfactual": EstimatorKeys(required=("gap", "levers")),
}

_GMM = ("difference_gmm", "system_gmm")
_EVENT_KEYS: dict[str, tuple[str, ...]] = {
    "comparison": ("callaway_santanna", "stacked"),
    "group_trends": ("twfe", "imputation"),
}

_FIXED_EFFECTS = ("2sls", "liml", "gmm")

KEYS_OF_METHODS: dict[str, dict[str, tuple[str, ...]]] = {
    "iv": {"shares": _FIXED_EFFECTS, "shocks": _FIXED_EFFECTS},
    "dynamic_panel": {
        "gmm_lags": _GMM,
        "collapse": _GMM,
        "predetermined": _GMM,
        "endogenous_regressors": _GMM,
        "steps": _GMM,
        "initial_weights": ("system_gmm",),
    },
    "event_study": {**_EVENT_KEYS, "draws": ("twfe", "callaway_santanna")},
    "did": {**_EVENT_KEYS, "reference": ("twfe", "callaway_santanna", "imputation", "stacked", "matched")},
    "spatial": {
        "spatial_lags": ("sdm", "sdem", "slx"),
        "correction": ("sdm", "sar", "sem", "sdem"),
        "draws": ("sdm", "sar", "sdem", "slx", "gmm", "gmm_lag"),
    },
}
"""Keys that only some methods of an estimator have a use for: estimator → key → methods."""

WITHOUT_EFFECTS: dict[str, tuple[str, str]] = {
    "pooled": ("unit", "effects of periods or of attributes: with unit effects the estimator is fe"),
    "fd": ("differenced", "period or attribute:period: what does not change between periods is differenced away"),
    "between": ("all", "none: means of units are compared"),
    "decomposition": ("all", "none: means of units are compared, with a constant for each group"),
    "spatial": ("attributes", "unit, period, both or none"),
    "dynamic_panel": ("attributes", "unit, or unit and period: a dynamic panel has unit effects"),
    "cce": ("attributes", "unit, period, both or none: averages over units stand for what is common to a period"),
}
"""Effects that an estimator has no use for (unit; those that differences leave nothing of; attributes; all), and what
it takes instead."""

UNWEIGHTED: dict[str, tuple[str, ...]] = {
    "dynamic_panel": (),
    "cce": (),
    "spatial": (),
    "event_study": ("callaway_santanna",),
    "did": ("callaway_santanna", "synthetic", "synthetic_control"),
}
"""Estimators without a weighted form, and where only some methods have none, these methods."""

WITHOUT_MARGINAL: dict[str, tuple[str, ...]] = {
    "sur": (),
    "decomposition": (),
    "counterfactual": (),
    "event_study": ("callaway_santanna", "imputation"),
    "did": ("callaway_santanna", "imputation"),
}
"""Estimators without coefficients of the regressors for marginal effects, and where only some methods, these."""

DERIVED = frozenset({"decomposition", "counterfactual"})
"""Estimators whose terms are shares and differences, not slopes."""

LOG_LINEAR = frozenset({"ppml"})
"""Estimators whose coefficients are changes of the logarithm of an outcome in levels."""

RANDOM_EFFECTS: dict[str, tuple[str, ...]] = {"re": (), "iv": ("g2sls", "ec2sls"), "hausman_taylor": ()}
"""Estimators whose unit effects are random, and where only some methods' are, these methods."""

RANDOM_PERIODS = frozenset({"re"})
"""Those of them that take random period effects beside."""

SYSTEMS = frozenset({"sur"})
"""Estimators of several outcomes at once."""


def has_random_effects(estimator: str, method: str = "") -> bool:
    """Whether a model's unit effects are random."""
    methods = RANDOM_EFFECTS.get(estimator)
    return methods is not None and (not methods or method in methods)


def takes_instruments(estimator: str) -> bool:
    """Whether a model's endogenous regressors ask for instruments from outside."""
    return "instruments" in ESTIMATORS[estimator].optional


def removed_effects(estimator: str, method: str, effects: Sequence[str]) -> tuple[str, ...]:
    """Of the declared effects those that a model removes: where unit is random, what stands beside it is too."""
    return () if has_random_effects(estimator, method) and "unit" in effects else tuple(effects)


def system_problems(raw: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """What is wrong with outcomes and ``equations`` of the models in a configuration as read."""
    models = raw.get("models")
    if not isinstance(models, Mapping):
        return
    for name, model in models.items():
        if isinstance(model, Mapping):
            yield from _model_problems(f"models.{name}", model, file)


def regressors_of(model: Mapping[str, Any]) -> list[str]:
    """The terms of all equations of a model that names none under ``regressors``, in order of appearance."""
    return list(dict.fromkeys(term for terms in (model.get("equations") or {}).values() for term in terms))


def _model_problems(where: str, model: Mapping[str, Any], file: str) -> Iterator[Problem]:
    outcome = model.get("outcome")
    several = isinstance(outcome, list)
    if str(model.get("estimator")) not in SYSTEMS:
        if several:
            fix = f"name one outcome, or use estimator: {', '.join(sorted(SYSTEMS))}"
            yield Problem(file, f"{where}.outcome", f"a list of {len(_texts(outcome))}", "one variable", fix)
        return
    names = _texts(outcome) if several else [str(outcome)]
    if len(set(names)) < max(2, len(names)):
        found = f"the list {', '.join(names)}" if several else f'"{names[0]}"'
        yield Problem(file, f"{where}.outcome", found, "a list of two different outcomes or more")
    equations = model.get("equations") or {}
    if not isinstance(equations, Mapping):
        return
    regressors = _texts(model.get("regressors"))
    if not regressors and not equations:
        yield Problem(file, where, 'no "regressors"', "regressors of all outcomes, or equations for each")
    if not regressors and equations:
        for missing in (name for name in names if name not in equations):
            found = f'no equation for "{missing}"'
            yield Problem(file, f"{where}.equations", found, "one for each outcome where no regressors are named")
    known = [*regressors, *_texts(model.get("controls"))]
    for item, terms in equations.items():
        if item not in names:
            near = did_you_mean(str(item), names)
            yield Problem(file, f"{where}.equations.{item}", f'"{item}"', "one of the model's outcomes", near)
        for term in _texts(terms) if regressors else ():
            if term not in known:
                near = did_you_mean(term, known)
                expected = "a term among regressors and controls"
                yield Problem(file, f"{where}.equations.{item}", f'"{term}"', expected, near)


def _texts(value: Any) -> list[str]:
    """The texts of a list; what is none is for the schema to refuse."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
