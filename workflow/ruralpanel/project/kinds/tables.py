"""The kinds of table, the keys of each, and the result files each one reads; no pandas, for the check before any job.

``type`` defaults to ``regression``. Every kind also takes ``title``, ``title_zh``, ``notes`` (a list) and ``notes_zh``;
``digits`` (decimals, default 3) where it prints decimals (not coverage, regimes), ``labels`` / ``labels_zh`` (variable
or term → name in print) where it names variables (not policy, reconciliation, scorecard, robustness).

=================  =========================================================================================
kind               keys (* required)
=================  =========================================================================================
regression         models*: list of model names. terms: which coefficients, in this order (default: all).
                   show: what stands beneath a coefficient, of std_error, std_error_second (that of the
                   second setting with errors, in braces), statistic, p_value, ci, p_wild,
                   ci_wild, ci_ar (Anderson–Rubin set), p_permutation, size (simulated, of each setting)
                   (default: std_error; then p_wild, ci_wild and ci_ar where a model has them, else ci).
                   stars: false (default), true (10, 5, 1 %) or a list of levels. fit: names
                   from the models' ``fit`` (default: r2_within, r2). tests: names from the models' ``tests``
                   (default none). model_labels: model → heading. group: outcome (default),
                   panel, estimator or none.
cross_section      as regression; show defaults to std_error, p_permutation where a model has it; fit to r2.
by_outcome         models*. term*: a term, or a mapping model → term. show as above. standardised: false
                   (default) or true, a column with the estimate per within-province standard deviations.
by_unit            models*: counterfactuals, decompositions or cce. model_labels.
correlations       models*: models of several outcomes (sur). model_labels.
dynamic            as regression; lags of all outcomes in one row, with what fixed effects alone say of the first one;
                   long-run effects; instruments beside units.
diagnostics        models*. tests: names from the models' ``tests`` (default: all). model_labels.
policy             models*: ``did`` and ``event_study`` models. without: treated units whose absence is shown.
                   model_labels.
bacon              models*: two-way ``did`` models, without controls, weights and trends. model_labels.
heterogeneity      models*: models that claims rest on; each main number by group of units.
spatial            models*: spatial models, and others to compare; effects in the own unit and in others. model_labels.
descriptive        panel*: a panel. variables*: list. statistics: of n, mean, median, sd, sd_within, sd_between,
                   min, max, units, missing (default all but median and missing). by: an attribute of the
                   units file (region), one section for each value. periods: list (default: all).
coverage           panel*. variables (default: all). Percent of units with a figure, variable × period.
validity           outcomes*: list of {panel*, variable*, period*, label, label_zh, log}. transform: log (default)
                   or none; a variable whose formula already is a logarithm is taken as it is; ``log`` of an
                   outcome overrides. method: pearson (default) or spearman. interval: false (default) or true (Fisher).
regimes            panel*, first*, second*: two variables; spans*: list of [year, year]. above: {first, second} of
                   zero (default) or median: what a change must exceed. labels: both, first, second, neither → words.
reconciliation     file (default results/reconciliation/findings.csv). columns: list, or column → heading (default:
                   all). where: column → value or list of values. limit: rows shown (default 40).
scorecard          file (default results/scorecard.csv). columns, where, limit as above (limit: none).
robustness         file (default results/models/robustness/summary.csv). claims: list (default: all with a main
                   model that has checks).
=================  =========================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

COMMON = frozenset({"type", "title", "title_zh", "notes", "notes_zh", "digits", "labels", "labels_zh"})

_REGRESSION = frozenset({"models", "terms", "show", "stars", "fit", "tests", "model_labels", "group"})
_LISTING = frozenset({"file", "columns", "where", "limit"})

KEYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "regression": _REGRESSION,
        "cross_section": _REGRESSION,
        "dynamic": _REGRESSION,
        "by_outcome": frozenset({"models", "term", "show", "stars", "standardised", "model_labels"}),
        "by_unit": frozenset({"models", "model_labels"}),
        "correlations": frozenset({"models", "model_labels"}),
        "diagnostics": frozenset({"models", "tests", "model_labels"}),
        "policy": frozenset({"models", "without", "model_labels"}),
        "bacon": frozenset({"models", "model_labels"}),
        "heterogeneity": frozenset({"models"}),
        "spatial": frozenset({"models", "model_labels"}),
        "descriptive": frozenset({"panel", "variables", "statistics", "by", "periods"}),
        "coverage": frozenset({"panel", "variables"}),
        "validity": frozenset({"outcomes", "transform", "method", "interval"}),
        "regimes": frozenset({"panel", "first", "second", "spans", "above"}),
        "reconciliation": _LISTING,
        "scorecard": _LISTING,
        "robustness": frozenset({"file", "claims"}),
    }
)
_WORDS = frozenset({"labels", "labels_zh"})
IDLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "coverage": frozenset({"digits"}),
        "regimes": frozenset({"digits"}),
        "policy": _WORDS,
        "bacon": _WORDS,
        "reconciliation": _WORDS,
        "scorecard": _WORDS,
        "robustness": _WORDS,
    }
)
"""Keys of `COMMON` that a kind has no use for."""
REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "regression": ("models",),
        "cross_section": ("models",),
        "dynamic": ("models",),
        "by_outcome": ("models", "term"),
        "by_unit": ("models",),
        "correlations": ("models",),
        "diagnostics": ("models",),
        "policy": ("models",),
        "bacon": ("models",),
        "heterogeneity": ("models",),
        "spatial": ("models",),
        "descriptive": ("panel", "variables"),
        "coverage": ("panel",),
        "validity": ("outcomes",),
        "regimes": ("panel", "first", "second", "spans"),
        "reconciliation": (),
        "scorecard": (),
        "robustness": (),
    }
)
DEFAULT_FILES: Mapping[str, str] = MappingProxyType(
    {
        "reconciliation": "reconciliation/findings.csv",
        "scorecard": "scorecard.csv",
        "robustness": "models/robustness/summary.csv",
    }
)
SHOW = (
    "std_error", "std_error_second", "statistic", "p_value", "ci", "p_wild", "ci_wild", "ci_ar", "p_permutation",
    "size",
)  # fmt: skip
STATISTICS = ("n", "mean", "median", "sd", "sd_within", "sd_between", "min", "max", "units", "missing")


def keys_of(kind: str) -> frozenset[str]:
    """All keys that a kind of table has a use for."""
    return KEYS[kind] | (COMMON - IDLE.get(kind, frozenset()))


def kind_of(spec: Mapping[str, Any]) -> str:
    """The kind of a table."""
    return str(spec.get("type", "regression"))


def robustness_file(model: str, results: str | Path = "results") -> Path:
    """Where the checks of a model that claims rest on are kept."""
    return Path(results) / "models" / "robustness" / f"{model}.json"


def panels_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The panels that a table names itself (those of its models are known from the models)."""
    named = [str(spec["panel"])] if "panel" in spec else []
    named += [str(outcome["panel"]) for outcome in spec.get("outcomes") or () if "panel" in outcome]
    return tuple(dict.fromkeys(named))


def needed_files(
    spec: Mapping[str, Any], panel_of_model: Mapping[str, str], results: str = "results"
) -> tuple[str, ...]:
    """The files below `results` that must be there before the table can be built.

    `panel_of_model` maps a model's name to its panel; a model that is not in it needs its JSON only.
    """
    models = [str(name) for name in spec.get("models") or ()]
    panels = list(panels_of(spec)) + [panel_of_model[name] for name in models if name in panel_of_model]
    files = [f"{results}/models/{name}.json" for name in models]
    if kind_of(spec) == "heterogeneity":
        files += [robustness_file(name, results).as_posix() for name in models]
    for panel in dict.fromkeys(panels):
        files.append(f"{results}/panels/{panel}/codebook.csv")
        if panel in panels_of(spec):
            files.append(f"{results}/panels/{panel}/panel.parquet")
    if kind_of(spec) in DEFAULT_FILES:
        files.append(str(spec.get("file") or f"{results}/{DEFAULT_FILES[kind_of(spec)]}"))
    return tuple(files)
