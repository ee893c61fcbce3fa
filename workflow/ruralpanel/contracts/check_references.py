"""Names that one part of a configuration uses and another must declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ruralpanel.contracts import figure_keys, formula, table_keys
from ruralpanel.contracts.config import Config
from ruralpanel.contracts.equations import SYSTEMS
from ruralpanel.contracts.estimator_keys import ESTIMATORS
from ruralpanel.contracts.expressions import names
from ruralpanel.contracts.places import place_problems
from ruralpanel.contracts.problems import Problem, UserError, did_you_mean
from ruralpanel.contracts.reads import CURVE_COLUMNS, curve_names, model_names, shown_variables
from ruralpanel.contracts.robustness import claimed_models
from ruralpanel.contracts.specs import ModelSpec
from ruralpanel.contracts.units import Units


def missing(file: str, where: str, name: str, expected: str, known: Iterable[str]) -> Problem:
    """The problem of a name that nothing declares, with the nearest declared ones."""
    return Problem(file, where, f'"{name}"', expected, did_you_mean(str(name), known))


def reference_problems(config: Config, attributes: set[str], units: Units | None) -> list[Problem]:
    """Every name in panels, samples, models, curves, claims, tables, figures and maps that nothing declares."""
    found = [*_panel_problems(config, units), *_sample_problems(config, attributes, units)]
    for model in config.models.values():
        found += _model_problems(config, model, attributes)
    for name, curve in config.specification_curves.items():
        found += _curve_problems(config, name, curve, attributes)
    for name, claim in config.hypotheses.items():
        found += _claim_problems(config, name, claim)
    for section, items in (("tables", config.tables), ("figures", config.figures), ("maps", config.maps)):
        for name, item in items.items():
            found += _output_problems(config, f"{section}.{name}", item)
    for section, items, keys in (("tables", config.tables, table_keys), ("figures", config.figures, figure_keys)):
        for name, item in items.items():
            kind = str(item.get("type", "regression"))
            known = keys.KEYS[kind] | keys.COMMON
            found += _key_problems(config, f"{section}.{name}", item, known, keys.REQUIRED[kind])
    found += place_problems(config, attributes, units)
    if config.maps and config.boundaries is None:
        found.append(Problem(config.file, "maps", "maps without boundaries", "boundaries: a file of polygons"))
    return found


def _panel_problems(config: Config, units: Units | None) -> Iterator[Problem]:
    for name, panel in config.panels.items():
        if not panel.periods:
            yield Problem(config.file, f"panels.{name}.periods", "no period", "first no later than last")
        yield from _unit_problems(config, f"panels.{name}.units", panel.units, units)


def _unit_problems(config: Config, where: str, ids: Iterable[str], units: Units | None) -> Iterator[Problem]:
    for unit in ids:
        if units and unit not in units.ids:
            yield Problem(config.file, where, f'"{unit}"', "ids of the units file", units.suggest(unit))


def _condition_problems(config: Config, where: str, text: str, attributes: set[str]) -> Iterator[Problem]:
    try:
        used = names(formula.parse(text, config.file, where))
    except UserError as error:
        yield from error.problems
    else:
        yield from _name_problems(config, where, used, attributes)


def _name_problems(config: Config, where: str, used: Iterable[str], attributes: set[str]) -> Iterator[Problem]:
    known = {*config.variables, *attributes}
    for name in sorted(set(used) - known):
        yield missing(config.file, where, name, "a variable or an attribute of the units", known)


def _sample_problems(config: Config, attributes: set[str], units: Units | None) -> Iterator[Problem]:
    for name, sample in config.samples.items():
        if "where" in sample:
            yield from _condition_problems(config, f"samples.{name}.where", sample["where"], attributes)
        yield from _unit_problems(config, f"samples.{name}.drop", sample.get("drop") or (), units)


def _model_problems(config: Config, model: ModelSpec, attributes: set[str]) -> Iterator[Problem]:
    where = f"models.{model.name}"
    panel = config.panels.get(model.panel)
    least = ESTIMATORS[model.estimator].min_periods
    if panel is None:
        yield missing(config.file, f"{where}.panel", model.panel, "a name under panels", config.panels)
    elif len(panel.periods) < least:
        yield Problem(
            config.file,
            f"{where}.estimator",
            f"{model.estimator} on panel {model.panel}, which has {len(panel.periods)} period(s)",
            f"at least {least} periods",
            "use pooled with inference vcov: hc, or a longer panel",
        )
    yield from _name_problems(config, where, model_names(model), attributes)
    if model.sample != "all" and model.sample not in config.samples:
        yield missing(config.file, f"{where}.sample", model.sample, "a name under samples", config.samples)
    matrix = model.options.get("weights_matrix")
    if matrix and matrix not in config.weights_matrices:
        expected = "a name under weights_matrices"
        yield missing(config.file, f"{where}.weights_matrix", matrix, expected, config.weights_matrices)
    for term in model.options.get("spatial_lags") or ():
        own = (*model.regressors, *model.controls)
        if term not in own:
            yield missing(config.file, f"{where}.spatial_lags", term, "a regressor or control of the model", own)
    for effect in model.marginal_effects:
        pair = f"{effect['of']}:{effect['over']}"
        if not {pair, f"{effect['over']}:{effect['of']}"} & set(model.regressors):
            yield Problem(
                config.file,
                f"{where}.marginal_effects",
                f"the effect of {effect['of']} over {effect['over']}",
                "an interaction of the two among the regressors",
                f'add "{pair}" to the regressors',
            )
    gap = model.options.get("gap")
    if gap and gap["by"] not in attributes:
        yield missing(config.file, f"{where}.gap.by", gap["by"], "an attribute of the units", attributes)
    for lever in model.options.get("levers") or ():
        if lever not in model.regressors:
            yield missing(config.file, f"{where}.levers", lever, "a regressor of the model", model.regressors)
    treated = (model.options.get("treatment") or {}).get("units")
    if treated:
        yield from _condition_problems(config, f"{where}.treatment.units", treated, attributes)
    for setting in model.inference:
        by = setting.options.get("by") or ()
        for cluster in (by,) if isinstance(by, str) else by:
            known = {"unit", "period", *attributes}
            if cluster not in known:
                expected = "unit, period or an attribute of the units"
                yield missing(config.file, f"{where}.inference.by", cluster, expected, known)


def _curve_problems(config: Config, name: str, curve: Mapping[str, Any], attributes: set[str]) -> Iterator[Problem]:
    where = f"specification_curves.{name}"
    if curve["panel"] not in config.panels:
        yield missing(config.file, f"{where}.panel", curve["panel"], "a name under panels", config.panels)
    yield from _name_problems(config, where, curve_names(curve), attributes)
    for lever, measures in (curve.get("measures") or {}).items():
        if lever in CURVE_COLUMNS:
            expected = "a name that no other column of the curve's results has"
            yield Problem(config.file, f"{where}.measures", f'"{lever}"', expected, "name the lever otherwise")
        if lever == curve["term"] and not any(measures):
            yield Problem(config.file, f"{where}.measures.{lever}", "no measure", "a variable for the lever followed")
    for sample in curve.get("samples") or ():
        if sample != "all" and sample not in config.samples:
            yield missing(config.file, f"{where}.samples", sample, "a name under samples", config.samples)
    known = {"unit", "period", *attributes}
    for effect in dict.fromkeys(effect for effects in curve.get("effects") or () for effect in effects):
        for part in effect.split(":"):
            if part not in known:
                expected = "unit, period, an attribute of the units, or two of them as a:b"
                yield missing(config.file, f"{where}.effects", part, expected, known)


def _claim_problems(config: Config, name: str, claim: Mapping[str, Any]) -> Iterator[Problem]:
    estimands = [("estimand", claim["estimand"])] if "estimand" in claim else []
    estimands += [(f"others[{i}]", other) for i, other in enumerate(claim.get("others") or ())]
    for place, estimand in estimands:
        where = f"hypotheses.{name}.{place}"
        model = config.models.get(estimand.get("model", ""))
        if model is None:
            yield missing(
                config.file, f"{where}.model", estimand.get("model", ""), "a name under models", config.models
            )
            continue
        if model.estimator in SYSTEMS and not estimand.get("statistic"):
            expected = "statistic: a correlation between outcomes, as no one term is the claim's"
            yield Problem(config.file, where, f"no statistic of the system {model.name}", expected)
            continue
        terms = {*model.regressors, *model.controls, *(model.options.get("endogenous") or ())}
        term = estimand.get("term")
        if term and ESTIMATORS[model.estimator].named_terms and term not in terms:
            yield missing(config.file, f"{where}.term", term, f"a regressor of model {model.name}", terms)
    curve = claim.get("robustness")
    if curve and curve not in config.specification_curves:
        expected = "a name under specification_curves"
        yield missing(config.file, f"hypotheses.{name}.robustness", curve, expected, config.specification_curves)


def _key_problems(
    config: Config, where: str, item: Mapping[str, Any], known: frozenset[str], required: Iterable[str]
) -> Iterator[Problem]:
    kind = item.get("type", "regression")
    for key in sorted(set(item) - known):
        yield missing(config.file, f"{where}.{key}", key, f"a key of type {kind}", known)
    for key in required:
        if not item.get(key):
            yield Problem(config.file, where, f"no {key}", f"{key}, which type {kind} needs")


def _output_problems(config: Config, where: str, item: Mapping[str, Any]) -> Iterator[Problem]:
    curve = item.get("curve")
    if curve and curve not in config.specification_curves:
        expected = "a name under specification_curves"
        yield missing(config.file, f"{where}.curve", curve, expected, config.specification_curves)
    if item.get("type") in figure_keys.OF_CLAIMS:
        claimed = claimed_models(config)
        for model in [*(item.get("models") or ()), *([item["model"]] if "model" in item else [])]:
            if model in config.models and model not in claimed:
                expected = f"a model that a claim names, which type {item['type']} needs"
                yield missing(config.file, where, model, expected, claimed)
    for model in [*(item.get("models") or ()), *([item["model"]] if "model" in item else [])]:
        if model not in config.models:
            yield missing(config.file, where, model, "a name under models", config.models)
    pairs = shown_variables(item)
    panels = {panel for panel, _ in pairs} | ({item["panel"]} if "panel" in item else set())
    for panel in sorted(panels - set(config.panels)):
        yield missing(config.file, where, panel, "a name under panels", config.panels)
    for _, variable in pairs:
        if variable not in config.variables:
            yield missing(config.file, where, variable, "a name under variables", config.variables)
