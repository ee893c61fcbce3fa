"""What a model asks of its estimator that can be refused before any figure is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ruralpanel.project import formulas
from ruralpanel.project.effects import cluster_problem, effect_problems, factors, involving
from ruralpanel.project.expressions import Name, Number, Operation, Text, names, walk
from ruralpanel.project.kinds.estimator_keys import Decomposition, Dynamic, Gap, OfGap, Policy, System
from ruralpanel.project.kinds.estimators import ESTIMATORS, has_random_effects
from ruralpanel.project.kinds.options import keys_of_methods
from ruralpanel.project.load import Config
from ruralpanel.project.periods import date_problems, first_problem
from ruralpanel.project.problems import Problem, UserError, did_you_mean
from ruralpanel.project.settings import ModelSpec
from ruralpanel.project.units import Units


def model_problems(config: Config, model: ModelSpec, units: Units) -> Iterator[Problem]:
    """Names that nothing declares, and what the model's estimator and method cannot do with its keys."""
    yield from _panel_problems(config, model)
    yield from _term_problems(config, model, units)
    yield from _own_term_problems(config, model)
    yield from _outcome_problems(config, model)
    yield from _method_problems(config, model)
    if model.options.columns.get("endogenous"):
        yield from _instrument_problems(config, model)
    if isinstance(model.options, Policy):
        yield from _treatment_problems(config, model, model.options, units)
    if isinstance(model.options, OfGap):
        yield from _gap_problems(config, model, model.options.gap, units)
    yield from _effect_problems(config, model, units)
    yield from _inference_problems(config, model, units)
    if model.sample != "all":
        yield from config.undeclared(place(config, model, "sample"), [model.sample], "samples")
    yield from config.undeclared(f"models.{model.name}.weights_matrix", [model.weights_matrix], "weights_matrices")


def place(config: Config, model: ModelSpec, key: str) -> str:
    """Where a model's key is written: in the model, or in the defaults that it inherits."""
    own = config.resolved["models"][model.name]
    inherited = key not in own and key in (config.resolved.get("defaults") or {})
    return f"defaults.{key}" if inherited else f"models.{model.name}.{key}"


def terms(model: ModelSpec) -> Iterator[tuple[str, str]]:
    """(key, term) of everything in a model that stands for a column of figures."""
    for outcome in model.outcomes or (model.outcome,):
        yield "outcome", outcome
    for key, own in (("regressors", model.regressors), ("controls", model.controls)):
        yield from ((key, term) for term in own)
    yield from ((key, term) for key, named in model.options.columns.items() for term in named)
    if model.weights:
        yield "weights", model.weights


def coefficients(model: ModelSpec) -> frozenset[str] | None:
    """Names of a model's coefficients as far as the configuration tells; None where it does not."""
    own = (*model.options.columns.get("endogenous", ()), *model.regressors, *model.controls)
    named = ESTIMATORS[model.estimator].coefficients
    if named == "terms":
        return frozenset(own)
    if named == "lags":
        options = model.of(Dynamic)
        lags = [(model.outcome, k) for k in range(1, options.lags + 1)]
        lags += [(name, k) for name, n in options.regressor_lags.items() for k in range(1, n + 1)]
        return frozenset((*own, *(f"lag({name}, {k})" for name, k in lags)))
    if named == "equations":
        equations = model.of(System).equations
        return frozenset(f"{outcome}:{term}" for outcome in model.outcomes for term in equations.get(outcome) or own)
    return None


def _panel_problems(config: Config, model: ModelSpec) -> Iterator[Problem]:
    panel = config.panels.get(model.panel)
    least = ESTIMATORS[model.estimator].least_periods
    where = f"models.{model.name}"
    if panel is None:
        yield config.missing(f"{where}.panel", model.panel, "a name under panels", config.panels)
    elif 0 < len(panel.periods) < least:
        yield config.problem(
            f"{where}.estimator",
            f"{model.estimator} on panel {model.panel}, which has {len(panel.periods)} period(s)",
            f"at least {least} periods",
            "use pooled with inference vcov: hc, or a longer panel",
        )


def _term_problems(config: Config, model: ModelSpec, units: Units) -> Iterator[Problem]:
    known = {*config.variables, *units.columns}
    for key, term in terms(model):
        where = place(config, model, key)
        for name in (part.strip() for part in term.split(":")):
            if name not in known and (not name or re.search(r"[^\w\s]", name)):
                fix = "declare it under variables: with formula:, or write a product as a:b"
                yield config.problem(where, f'"{term}"', "a variable or an attribute of the units", fix)
            elif name not in known:
                yield config.missing(where, name, "a variable or an attribute of the units", known)
            elif name not in config.variables and (words := _texts(units, name)):
                expected = "a variable, or an attribute that is a number"
                if key == "treatment.first_by_unit":
                    expected = "years, and blank for units that are never treated"
                found = f'the text attribute "{name}" ({", ".join(words[:3])}{", …" if len(words) > 3 else ""})'
                yield config.problem(where, found, expected)


def _texts(units: Units, attribute: str) -> list[str]:
    """The words of a text attribute; none for an attribute that is a number."""
    values = dict.fromkeys(units.attributes[unit][attribute] for unit in units.ids)
    return [value or "blank" for value in values if isinstance(value, str)]


def _own_term_problems(config: Config, model: ModelSpec) -> Iterator[Problem]:
    where = f"models.{model.name}"
    own = (*model.regressors, *model.controls)
    for key, named in model.options.own_terms.items():
        for term in named:
            if term not in own:
                yield config.missing(f"{where}.{key}", term, "a regressor or control of the model", own)
    for block, members in model.options.blocks.items() if isinstance(model.options, Decomposition) else ():
        for term in members:
            if term not in own:
                fix = "leave regressors out: they are the terms of the blocks"
                expected = "a regressor or control of the model"
                yield config.problem(f"{where}.blocks.{block}", f'"{term}", not among regressors', expected, fix)
    kind = ESTIMATORS[model.estimator]
    if model.marginal_effects and not (kind.marginal_effects and kind.methods[model.method].marginal_effects):
        found = f"marginal effects with {model.method or model.estimator}"
        expected = "an estimator with one coefficient for each regressor"
        fix = "leave marginal_effects out, or use estimator: fe"
        yield config.problem(f"{where}.marginal_effects", found, expected, fix)
        return
    for effect in model.marginal_effects:
        pair = f"{effect.of}:{effect.over}"
        if not {pair, f"{effect.over}:{effect.of}"} & set(model.regressors):
            yield config.problem(
                f"{where}.marginal_effects",
                f"the effect of {effect.of} over {effect.over}",
                "an interaction of the two among the regressors",
                f'add "{pair}" to the regressors',
            )
        for value in effect.at:
            if isinstance(value, str) and not re.fullmatch(r"min|mean|max|p(?:100|[0-9]{1,2})", value):
                expected = "a number, min, mean, max or a percentile such as p25"
                yield config.problem(f"{where}.marginal_effects", f'at: "{value}"', expected)


def _outcome_problems(config: Config, model: ModelSpec) -> Iterator[Problem]:
    equations = model.of(System).equations
    for key, term in terms(model):
        if key not in ("regressors", "controls", "endogenous", "instruments"):
            continue
        for outcome in model.outcomes or (model.outcome,):
            of_others = equations.get(outcome) and term not in equations[outcome]
            if outcome in (part.strip() for part in term.split(":")) and not of_others:
                found = f'"{term}", the model\'s own outcome' if term == outcome else f'"{term}", made of the outcome'
                fix = f"leave it out, or use a lag: a variable with formula: lag({outcome})"
                yield config.problem(place(config, model, key), found, "terms other than the outcome", fix)


def _method_problems(config: Config, model: ModelSpec) -> Iterator[Problem]:
    where, kind = f"models.{model.name}", ESTIMATORS[model.estimator]
    only = keys_of_methods(kind.options)
    for key, methods in only.items():
        value = getattr(model.options, key)
        idle = not model.options.gives(key) or value in ((), "never") or (key == "group_trends" and not value)
        if idle or model.method in methods:
            continue
        shown = f"{key}: {value}" if isinstance(value, str | bool | int) else key
        found, fix = f"{shown} with method {model.method}", f"leave {key} out, or use method: {methods[0]}"
        yield config.problem(f"{where}.{key}", found, f"method {' or '.join(methods)}", fix)
    if kind.by_event_time and model.options.gives("draws") and model.method in only.get("draws", ()):
        yield from _lead_draws_problems(config, model)
    if not kind.drop_absorbed and model.drop_absorbed:
        found = f"drop_absorbed with estimator {model.estimator}"
        fix = "leave drop_absorbed out, and terms that others determine"
        yield config.problem(f"{where}.drop_absorbed", found, "a model that keeps all its terms", fix)
    method = kind.methods[model.method]
    if model.weights and not (kind.weighted and method.weighted):
        what = model.method or model.estimator
        found, fix = f'weights "{model.weights}" with {what}', "write weights: null in the model"
        yield config.problem(place(config, model, "weights"), found, "no weights: there is no weighted form", fix)
    if not method.terms:
        for key, own in (("regressors", model.regressors), ("controls", model.controls)):
            if own:
                found, expected = f"{key} with method {model.method}", f"no {key}: the weights stand for them"
                yield config.problem(place(config, model, key), found, expected, f"write {key}: [] in the model")
    dynamic = model.of(Dynamic)
    twice = {*dynamic.predetermined} & {*dynamic.endogenous_regressors}
    if twice:
        found = f"{', '.join(sorted(twice))} under endogenous_regressors too"
        yield config.problem(f"{where}.predetermined", found, "each regressor under one of them")
    first, last = dynamic.gmm_lags or (2, 2)
    if last < first:
        yield config.problem(f"{where}.gmm_lags", f"[{first}, {last}]", "first no later than last")


def _lead_draws_problems(config: Config, model: ModelSpec) -> Iterator[Problem]:
    """Draws of an event study whose test before treatment has no randomisation over treated sets."""
    options = model.of(Policy)
    against = {
        "treatment.first_by_unit": bool(options.treatment.first_by_unit),
        "regressors": bool(model.regressors),
        "controls": bool(model.controls),
        "weights": bool(model.weights),
        "group_trends": options.group_trends,
    }
    if beside := [key for key, given in against.items() if given]:
        expected = "one first period for all treated units, and neither controls, weights nor group_trends"
        found, fix = f"draws beside {', '.join(beside)}", "leave draws out: treated sets do not change hands then"
        yield config.problem(f"models.{model.name}.draws", found, expected, fix)


def _instrument_problems(config: Config, model: ModelSpec) -> Iterator[Problem]:
    where = f"models.{model.name}"
    columns = model.options.columns
    endogenous, instruments, shares, shocks = (
        columns.get(key, ()) for key in ("endogenous", "instruments", "shares", "shocks")
    )
    number = len(instruments) + bool(shares)
    if ESTIMATORS[model.estimator].instruments and number < len(endogenous):
        found = f"{number} instrument(s) for {len(endogenous)} endogenous regressor(s)"
        yield config.problem(f"{where}.instruments", found, "one for each at least", "name more instruments")
    own = (*model.regressors, *model.controls)
    for key, listed, others in (("instruments", instruments, (*endogenous, *own)), ("endogenous", endogenous, own)):
        for term in listed:
            if term in others:
                found = f'"{term}", which is endogenous, a regressor or a control too'
                yield config.problem(f"{where}.{key}", found, "each term once", f"leave {term} out of one list")
    if (shares or shocks) and (len(shares) != len(shocks) or len(shares) < 2):
        found = f"{len(shares)} shares and {len(shocks)} shocks"
        expected = "one shock for each share, in the same order, two sectors or more"
        yield config.problem(f"{where}.shares", found, expected, "name the shocks in the shares' order")


def _treatment_problems(config: Config, model: ModelSpec, options: Policy, units: Units) -> Iterator[Problem]:
    where, declared = f"models.{model.name}.treatment", options.treatment
    form = "units and first, or first_by_unit"
    if declared.first_by_unit and (declared.units is not None or declared.first is not None):
        yield config.problem(where, "first_by_unit beside units or first", form, "keep one of the two forms")
        return
    if not declared.first_by_unit and (declared.units is None or declared.first is None):
        found = " and ".join(declared.to_dict()) or "nothing"
        yield config.problem(where, found, form, "say who is treated and since when")
        return
    panel = config.panels.get(model.panel)
    if declared.units is None or declared.first is None:
        name = declared.first_by_unit
        if panel and name in units.columns and name not in config.variables and not _texts(units, name):
            dates = {unit: float(units.attributes[unit][name]) for unit in units.ids}
            yield from date_problems(dates, panel.periods, config.file, f"{where}.first_by_unit")
        return
    yield from condition_problems(config, f"{where}.units", declared.units, units)
    first, reference = declared.first, options.reference
    if panel and (problem := first_problem(first, panel.periods, panel.name, config.file, f"{where}.first")):
        yield problem
    elif panel and reference is not None and not (reference in panel.periods and reference < first):
        expected = f"a period before treatment: {', '.join(str(p) for p in panel.periods if p < first)}"
        yield config.problem(f"models.{model.name}.reference", str(reference), expected)


def _gap_problems(config: Config, model: ModelSpec, gap: Gap, units: Units) -> Iterator[Problem]:
    where = f"models.{model.name}.gap"
    if gap.by not in units.columns:
        yield config.missing(f"{where}.by", gap.by, "an attribute of the units", set(units.columns))
        return
    groups = list(dict.fromkeys(str(units.attributes[unit][gap.by]) for unit in units.ids))
    for key, group in (("group", gap.group), ("reference", gap.reference)):
        if groups and group not in groups:
            yield config.missing(f"{where}.{key}", group, f"a value of {gap.by}", groups)
    if gap.group == gap.reference:
        yield config.problem(where, f'"{gap.group}" held against itself', "two different groups")


def _effect_problems(config: Config, model: ModelSpec, units: Units) -> Iterator[Problem]:
    where, shown = place(config, model, "effects"), f"[{', '.join(model.effects)}]"
    yield from effect_problems(model.effects, {*units.columns, *config.variables}, config.file, where)
    kind = ESTIMATORS[model.estimator]
    if kind.needs_effects == "some" and not model.effects:
        fix = "name the effects, or use estimator: pooled"
        yield config.problem(where, "none", f"at least one of unit, period for {model.estimator}", fix)
    if kind.needs_effects == "both" and set(model.effects) != {"unit", "period"}:
        fix = "write effects: [unit, period] in the model"
        yield config.problem(where, shown, f"unit and period for {model.estimator}", fix)
    if has_random_effects(model.estimator, model.method):
        yield from _random_effect_problems(config, model)
    refused, expected = kind.refused_effects
    idle = {
        "": [],
        "unit": list(involving("unit", model.effects)),
        "differenced": [effect for effect in model.effects if effect != "unit" and not _by_period(effect, config)],
        "attributes": [effect for effect in model.effects if effect not in ("unit", "period")],
        "all": list(model.effects),
    }[refused]
    if idle:
        found = f"{', '.join(idle)} with estimator {model.estimator}"
        yield config.problem(where, found, expected, f"leave {', '.join(idle)} out, or use estimator: fe")
    if kind.needs_effects == "unit" and "unit" not in model.effects:
        expected = f"unit, or unit and period: {model.estimator} has unit effects"
        yield config.problem(where, shown, expected, "write effects: [unit, period] in the model")


def _by_period(effect: str, config: Config) -> bool:
    """Whether differences between periods leave an effect one of the later period: period, attribute:period."""
    parts = factors(effect)
    return "period" in parts and not set(parts) & set(config.variables)


def _random_effect_problems(config: Config, model: ModelSpec) -> Iterator[Problem]:
    where, what = place(config, model, "effects"), model.method or model.estimator
    idle = [effect for effect in model.effects if effect not in ("unit", "period")]
    expected = "period (removed by dummies) or none: unit effects are random"
    if ESTIMATORS[model.estimator].random_periods:
        expected = "unit and period (both random), period alone (removed by dummies) or none: unit effects are random"
    elif set(model.effects) >= {"unit", "period"}:
        fix = "write effects: [period]"
        yield config.problem(where, f"unit and period with {what}", expected, fix)
    if idle:
        fix = f"leave {', '.join(idle)} out, or use estimator: fe"
        yield config.problem(where, f"{', '.join(idle)} with {what}", expected, fix)


def _inference_problems(config: Config, model: ModelSpec, units: Units) -> Iterator[Problem]:
    where = f"{place(config, model, 'inference')}.by"
    for setting in model.inference:
        for cluster in setting.clusters:
            problem = cluster_problem(cluster, units.columns, config.file, where)
            if problem:
                yield problem


def condition_problems(config: Config, where: str, text: str, units: Units) -> Iterator[Problem]:
    """A condition that does not parse, names what nothing declares, or asks for a value that no unit has."""
    try:
        expression = formulas.parse(text, config.file, where)
    except UserError as error:
        yield from error.problems
        return
    yield from name_problems(config, where, names(expression), units)
    for node in walk(expression):
        if units.ids and isinstance(node, Operation) and node.operator in ("==", "!=", "in"):
            yield from _value_problems(config, where, node, units)


def _value_problems(config: Config, where: str, comparison: Operation, units: Units) -> Iterator[Problem]:
    """``region == 'Wset'``: it holds for no unit, and the sample or the treated group would be empty without a word."""
    sides = comparison.operands
    compared = [side.name for side in sides if isinstance(side, Name) and side.name not in config.variables]
    for name in compared:
        values = list(units.ids) if name == "unit" else [units.attributes[unit].get(name) for unit in units.ids]
        for side in sides if name == "unit" or None not in values else ():
            if isinstance(side, Text | Number) and side.value not in values:
                shown = f'"{side.value}"' if isinstance(side, Text) else f"{side.value:g}"
                known = dict.fromkeys(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
                expected = "ids of the units file" if name == "unit" else f"a value of {name}"
                fix = did_you_mean(str(side.value), known) if isinstance(side, Text) else ""
                yield config.problem(where, shown, expected, fix)


def name_problems(config: Config, where: str, used: Iterable[str], units: Units) -> Iterator[Problem]:
    """Names that are neither variables nor attributes of the units."""
    known = {*config.variables, *units.columns}
    for name in sorted(set(used) - known):
        yield config.missing(where, name, "a variable or an attribute of the units", known)
