"""Which variables and attributes each part of a configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruralpanel.contracts import formula
from ruralpanel.contracts.config import Config
from ruralpanel.contracts.expressions import Call, Name, names
from ruralpanel.contracts.specs import ModelSpec, SeriesSpec, VariableSpec

CURVE_COLUMNS = frozenset(
    {"outcome", "moderator", "controls", "sample", "lag", "effects", "weights", "term"}
    | {"estimate", "std_error", "p_value", "ci_low", "ci_high", "standardised", "n_obs", "n_units", "n_periods"}
)
"""Columns of a specification curve's results that are not levers."""


def model_names(model: ModelSpec) -> frozenset[str]:
    """Variables and attributes that a model names; interactions count as their parts."""
    found = {model.outcome, *(model.options.get("outcomes") or ())}
    terms = [*model.regressors, *model.controls]
    for key in ("endogenous", "instruments", "predetermined", "shares", "shocks"):
        terms += model.options.get(key) or []
    for term in terms:
        found |= set(term.split(":"))
    for single in (model.weights, model.options.get("exposure")):
        if single:
            found.add(str(single))
    first_by_unit = (model.options.get("treatment") or {}).get("first_by_unit")
    if first_by_unit:
        found.add(first_by_unit)
    return frozenset(found)


def curve_names(curve: Mapping[str, Any]) -> frozenset[str]:
    """Variables and attributes that a specification curve names; interactions count as their parts."""
    measures = dict(curve.get("measures") or {})
    terms = [*curve["outcome"], *(curve.get("moderator") or ()), *(curve.get("weights") or ())]
    terms += [name for own in measures.values() for name in own] if measures else []
    terms += [name for controls in curve.get("controls") or () for name in controls]
    if curve["term"] not in measures:
        terms.append(curve["term"])
    return frozenset(part for term in terms if term for part in term.split(":"))


def lag_names(curve: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> frozenset[str]:
    """Variables that are declared as the lags that a curve takes of its lever."""
    measures = (curve.get("measures") or {}).get(curve["term"], [curve["term"]])
    lags = declared_lags(variables)
    wanted = {(name, int(lag)) for name in measures for lag in curve.get("lags") or () if name}
    return frozenset(lags[key] for key in wanted if key in lags)


def declared_lags(variables: Mapping[str, VariableSpec]) -> dict[tuple[str, int], str]:
    """(variable, k) → the variable whose formula is just ``lag(variable, k)``."""
    found: dict[tuple[str, int], str] = {}
    for name, variable in variables.items():
        if not variable.formula.lstrip().startswith("lag"):
            continue
        tree = formula.parse(variable.formula)
        if isinstance(tree, Call) and tree.function == "lag" and isinstance(tree.arguments[0], Name):
            found.setdefault((tree.arguments[0].name, tree.integer("k")), name)
    return found


def condition_names(config: Config, sample: str) -> frozenset[str]:
    """Variables and attributes in the condition of a sample."""
    where = config.samples.get(sample, {}).get("where")
    return names(formula.parse(where, config.file, f"samples.{sample}.where")) if where else frozenset()


def shown_variables(item: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """(panel, variable) pairs that a table, figure or map shows."""
    pairs = [(str(item.get("panel", "")), str(name)) for name in item.get("variables") or ()]
    for regimes in (item, item.get("regimes") or {}):
        if "spans" in regimes:
            pairs += [(str(item.get("panel", "")), str(regimes[role])) for role in ("first", "second")]
    if "clusters" in item:
        pairs.append((str(item.get("panel", "")), str(item["clusters"]["variable"])))
    pairs += [(str(outcome["panel"]), str(outcome["variable"])) for outcome in item.get("outcomes") or ()]
    return tuple(pairs)


def used_variables(config: Config, panel: str) -> frozenset[str]:
    """Variables that models, curves, tables, figures or maps use on a panel: those whose breaks are enforced."""
    found: set[str] = set()
    for model in config.models.values():
        if model.panel == panel:
            found |= model_names(model) | condition_names(config, model.sample)
    for curve in config.specification_curves.values():
        if curve["panel"] == panel:
            found |= curve_names(curve) | lag_names(curve, config.variables)
            for sample in curve.get("samples") or ():
                found |= condition_names(config, sample)
    for section in (config.tables, config.figures, config.maps):
        for item in section.values():
            found |= {variable for where, variable in shown_variables(item) if where == panel}
    return frozenset(found & set(config.variables))


def series_by_variable(config: Config) -> dict[str, SeriesSpec]:
    """Source variables → the series that they read; variables of undeclared series are left out."""
    found = {}
    for name, variable in config.variables.items():
        source = config.sources.get(variable.source)
        if source and variable.series in source.series:
            found[name] = source.series[variable.series]
    return found
