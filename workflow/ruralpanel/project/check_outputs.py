"""What claims, tables, figures, maps and the report ask of models and panels, checked before any job."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from ruralpanel.project.check_models import coefficients
from ruralpanel.project.exhibits import Exhibit
from ruralpanel.project.expressions import log_of, ratio_of
from ruralpanel.project.files import unusable
from ruralpanel.project.kinds.estimator_keys import Policy
from ruralpanel.project.kinds.estimators import ESTIMATORS, estimators_of
from ruralpanel.project.kinds.facts import Output
from ruralpanel.project.kinds.figures import MarginalEffect
from ruralpanel.project.kinds.maps import Classes, OfModel
from ruralpanel.project.kinds.options import Titled
from ruralpanel.project.kinds.tables import CORRELATED
from ruralpanel.project.load import Config
from ruralpanel.project.periods import frequency, label
from ruralpanel.project.problems import Problem
from ruralpanel.project.reads import claimed_models, shown_variables
from ruralpanel.project.sections.configuration import Before, Estimand, Hypothesis, Story
from ruralpanel.project.settings import ModelSpec
from ruralpanel.project.units import Units

_BREAK_STEP = "__break_"


def claim_problems(config: Config, name: str, claim: Hypothesis) -> Iterator[Problem]:
    """What is wrong with the numbers that a claim names, its own and those shown beside."""
    estimands = [("estimand", claim.estimand)] if claim.estimand else []
    estimands += [(f"others[{i}]", other) for i, other in enumerate(claim.others or ())]
    estimands += [(f"through[{i}]", other) for i, other in enumerate(claim.through or ())]
    for place, estimand in estimands:
        yield from _estimand_problems(config, f"hypotheses.{name}.{place}", estimand)
    if claim.through and not claim.estimand:
        found, fix = "numbers to multiply by, but none to be multiplied", "leave it out"
        yield config.problem(f"hypotheses.{name}.through", found, "a claim with a number", fix)
    yield from config.undeclared(f"hypotheses.{name}.robustness", [claim.robustness], "specification_curves")
    if claim.untestable and claim.estimand:
        found, fix = "an estimand beside untestable", "leave one of them out"
        yield config.problem(f"hypotheses.{name}.estimand", found, "none where a claim is untestable", fix)
    yield from _smallest_effect_problems(config, name, claim)
    yield from _plain_problems(config, f"hypotheses.{name}.plain", claim)
    for test, rule in (claim.diagnostics or {}).items():
        if not rule.to_dict():
            where = f"hypotheses.{name}.diagnostics.{test}"
            yield config.problem(where, "no bound", "p_above or statistic_above", "p_above: 0.05")


def _smallest_effect_problems(config: Config, name: str, claim: Hypothesis) -> Iterator[Problem]:
    """Keys of the smallest effect that others of its keys, or the outcomes, leave without use."""
    if not claim.smallest_effect:
        return
    declared = claim.smallest_effect.to_dict()
    where = f"hypotheses.{name}.smallest_effect"
    curve = config.specification_curves.get(claim.robustness or "")
    # a curve leaves `value` aside, and reads the other keys
    if "value" in declared and not curve:
        for beside in sorted({"sd_of_outcome", "share_of_outcome"} & set(declared)):
            yield config.problem(f"{where}.{beside}", f"{beside} beside value", "one of them", "keep one of them")
        if declared["per"] != "within_sd":
            expected = "no per: value is the coefficient itself"
            yield config.problem(f"{where}.per", f"per: {declared['per']}", expected, "leave per out")
    elif "sd_of_outcome" in declared and "share_of_outcome" in declared:
        found = "share_of_outcome beside sd_of_outcome"
        yield config.problem(f"{where}.share_of_outcome", found, "one of them", "keep one of them")
    models = _claimed_models(config, claim)
    slopes, curved = [model for model, slope in models if slope], set(curve.outcome if curve else ())
    for key in () if "value" in declared else tuple(declared):
        if models and not slopes and not curve and declared[key] != "within_sd":  # which is the default
            expected = "value: a share, a gap or a correlation has no such units"
            yield config.problem(f"{where}.{key}", f"{key} of what is no slope", expected, f"value, not {key}")
        elif key == "share_of_outcome" and (slopes or curved) and not _any_logarithm(config, slopes, curved):
            names = sorted({model.outcome for model in slopes} | curved)
            found, fix = f"a share of {', '.join(names)}, in no logarithm", "sd_of_outcome, or value"
            yield config.problem(f"{where}.{key}", found, "an outcome in logarithms", fix)
        elif (
            key == "sd_of_outcome"
            and slopes
            and not curve
            and all(ESTIMATORS[model.estimator].log_linear for model in slopes)
        ):
            found = f"{key} with {', '.join(sorted({model.estimator for model in slopes}))}"
            expected = "share_of_outcome, or value: the spread of the outcome's logarithm is not known"
            yield config.problem(f"{where}.{key}", found, expected, f"share_of_outcome, not {key}")


def _plain_problems(config: Config, where: str, claim: Hypothesis) -> Iterator[Problem]:
    """Keys of the plain units that the claim's numbers leave without use."""
    declared, models = claim.plain.to_dict() if claim.plain else {}, _claimed_models(config, claim)
    slopes = [model for model, slope in models if slope]
    levels = [model for model in slopes if not _log_linear(model)]
    known = config.variables
    ratio = any(m.outcome not in known or ratio_of(known[m.outcome].formula, known) is not None for m in levels)
    for key in sorted(declared if models else ()):
        if not slopes:
            expected = "no plain: a share, a gap or a correlation is in plain units already"
            yield config.problem(f"{where}.{key}", f"{key} of what is no slope", expected, f"leave {key} out")
        elif key == "change":
            continue
        elif not _any_logarithm(config, levels):
            found = f"{key} of {', '.join(sorted({model.outcome for model in slopes}))}, in no logarithm"
            yield config.problem(f"{where}.{key}", found, "an outcome in logarithms", f"leave {key} out")
        elif key != "unit" and not declared.get("unit") and not ratio:
            found = f"{key} without unit, of {', '.join(sorted({m.outcome for m in levels}))}"
            expected = "unit too: what the outcome counts, which only a logarithm of a ratio a / b says itself"
            yield config.problem(f"{where}.{key}", found, expected, f"add unit, or leave {key} out")


def _claimed_models(config: Config, claim: Hypothesis) -> list[tuple[ModelSpec, bool]]:
    """The known models of a claim's numbers, each with whether the number is a slope."""
    named = [number for number in claim.numbers(factors=False) if number.model in config.models]
    known = [(config.models[number.model or ""], number.statistic is None) for number in named]
    return [(model, coefficient and ESTIMATORS[model.estimator].slopes) for model, coefficient in known]


def _log_linear(model: ModelSpec) -> bool:
    return ESTIMATORS[model.estimator].log_linear


def _any_logarithm(config: Config, models: Iterable[ModelSpec], outcomes: Iterable[str] = ()) -> bool:
    """Whether some model's outcome, or one of some outcomes, is a logarithm, or of no known formula."""
    known = config.variables
    names = {model.outcome for model in models if not _log_linear(model)} | set(outcomes)
    linear = any(map(_log_linear, models))
    return linear or any(name not in known or log_of(known[name].formula, known) is not None for name in names)


def _estimand_problems(config: Config, where: str, estimand: Estimand) -> Iterator[Problem]:
    if not estimand.model:
        yield config.problem(f"{where}.model", "no model", "a name under models")
        return
    model = config.models.get(estimand.model)
    if model is None:
        yield config.missing(f"{where}.model", estimand.model, "a name under models", config.models)
        return
    kinds = [key for key in ("term", "marginal", "statistic") if getattr(estimand, key) is not None]
    if len(kinds) > 1:
        yield config.problem(where, " and ".join(kinds), "one number", "keep one of them")
    elif estimand.at is not None and estimand.marginal is None:
        found, fix = "at without marginal", "marginal: the variable whose effect counts there, or leave at out"
        yield config.problem(f"{where}.at", found, "a place of a marginal effect", fix)
    elif ESTIMATORS[model.estimator].several_outcomes and not estimand.statistic:
        expected = "statistic: a correlation between outcomes, as no one term is the claim's"
        yield config.problem(where, f"no statistic of the system {model.name}", expected)
    elif estimand.marginal is not None:
        yield from _marginal_problems(config, where, estimand.marginal, estimand.at or {}, model)
    elif estimand.term is not None:
        yield from term_problems(config, f"{where}.term", estimand.term, model)
    elif estimand.statistic is not None:
        yield from _statistic_problems(config, f"{where}.statistic", estimand.statistic, model)
    elif not kinds and len(coefficients(model) or ()) > 1:
        yield config.problem(f"{where}.term", "no term", f"a coefficient of model {model.name}", "name one")


def _statistic_problems(config: Config, where: str, name: str, model: ModelSpec) -> Iterator[Problem]:
    expected = f"a statistic of model {model.name}"
    statistics = ESTIMATORS[model.estimator].statistics
    if statistics == "long_run":
        known = [f"long_run:{term}" for term in (*model.regressors, *model.controls)]
        if name not in known:
            yield config.missing(where, name, expected, known)
    elif not statistics:
        yield config.problem(where, f'"{name}"', expected, "it has none: name a term")
    elif not name.startswith(statistics):
        yield config.missing(where, name, expected, [statistics])


def _marginal_problems(
    config: Config, where: str, of: str, at: Mapping[str, object], model: ModelSpec
) -> Iterator[Problem]:
    known = [f"{effect.of} over {effect.over}" for effect in model.marginal_effects]
    if not any(effect.of == of and set(at) == {effect.over} for effect in model.marginal_effects):
        found = f'the effect of "{of}" at {", ".join(f"{name}: {value}" for name, value in at.items()) or "no value"}'
        expected = f"a marginal effect that model {model.name} declares, at one value"
        fix = f"it has {'; '.join(known)}" if known else f"declare models.{model.name}.marginal_effects"
        yield config.problem(f"{where}.marginal", found, expected, fix)


def term_problems(config: Config, where: str, term: str, model: ModelSpec) -> Iterator[Problem]:
    """A term that is no coefficient of a model, as far as the configuration tells."""
    known = coefficients(model)
    if known is not None and term not in known and _BREAK_STEP not in term:
        yield config.missing(where, term, f"a coefficient of model {model.name}", known)


def output_problems(config: Config, section: str, name: str, item: Exhibit, units: Units) -> Iterator[Problem]:
    """What is wrong with a table, figure or map: the models, panels, terms and periods it names."""
    where, kind, options = f"{section}.{name}", item.kind, item.options
    yield from _class_problems(config, f"{where}.classes", options)
    yield from _named_problems(config, where, options)
    models = options.named_models
    known = [config.models[model] for model in models if model in config.models]
    yield from _kind_problems(config, where, item, known)
    yield from _model_term_problems(config, where, options, kind, models, known)
    yield from _period_problems(config, where, options)
    by = options.get("by")
    if by and by not in units.columns:
        yield config.missing(f"{where}.by", by, "an attribute of the units", set(units.columns))
    yield from config.undeclared(f"{where}.claims", options.get("claims") or (), "hypotheses")
    for unit in options.get("without") or ():
        if units.ids and unit not in units.ids:
            yield config.problem(f"{where}.without", f'"{unit}"', "ids of the units file", units.suggest(unit))


def _class_problems(config: Config, where: str, options: Titled) -> Iterator[Problem]:
    """Keys of a map's classes that the method leaves without use."""
    classes = options.get("classes")
    if not isinstance(classes, Classes):
        return
    of_model, user = isinstance(options, OfModel), classes.method == "user"
    if of_model and not classes.shared:
        expected = "one set of classes for all maps of a model"
        yield config.problem(f"{where}.shared", "shared: false", expected, "leave shared out")
    if user and not classes.breaks:
        yield config.problem(f"{where}.breaks", "none", "the inner edges of the classes", "breaks: [10, 20]")
    if user and classes.number != Classes().number:
        expected = "breaks only: their number decides that of the classes"
        yield config.problem(f"{where}.number", str(classes.number), expected, "leave number out")
    if user and not of_model and not classes.shared:
        expected = "one set of breaks, as method: user has"
        yield config.problem(f"{where}.shared", "shared: false", expected, "leave shared out")
    if not user and classes.breaks is not None:
        expected, fix = f"no breaks: method {classes.method} finds them", "method: user, or leave breaks out"
        yield config.problem(f"{where}.breaks", str([*classes.breaks]), expected, fix)


def _named_problems(config: Config, where: str, options: Titled) -> Iterator[Problem]:
    yield from config.undeclared(f"{where}.curve", [options.get("curve")], "specification_curves")
    yield from config.undeclared(where, options.named_models, "models")
    pairs = shown_variables(options)
    panels = {panel for panel, _ in pairs} | {str(options.get("panel") or "")}
    yield from config.undeclared(where, sorted(panels - {""}), "panels")
    yield from config.undeclared(where, [variable for _, variable in pairs], "variables")


def _kind_problems(config: Config, where: str, item: Exhibit, models: list[ModelSpec]) -> Iterator[Problem]:
    kind, options = item.kind, item.options
    fitting = estimators_of(kind.fits) if kind.fits else tuple(ESTIMATORS)
    for model in models:
        if model.estimator not in fitting:
            shown, expected = f'"{model.name}" of estimator {model.estimator}', " or ".join(fitting)
            yield config.problem(where, shown, f"a model of estimator {expected}", "take another model")
    if kind.of_two_way_effects:
        yield from _two_way_problems(config, where, [model for model in models if model.estimator in fitting])
    needed = estimators_of(kind.needs_one) if kind.needs_one else ()
    if needed and models and not any(model.estimator in needed for model in models):
        of = " or ".join(needed)
        yield config.problem(f"{where}.models", f"no {of} model", f"at least one with estimator: {of}")
    if kind.of_claims:
        claimed = claimed_models(config)
        for model in models:
            if model.name not in claimed:
                expected = f"a model that a claim names, which type {item.type} needs"
                yield config.missing(where, model.name, expected, claimed)
    if isinstance(options, MarginalEffect):
        for model in models:
            pairs = [(effect.of, effect.over) for effect in model.marginal_effects]
            if not any((options.of or of) == of and (options.over or over) == over for of, over in pairs):
                found = f'no such marginal effect of model "{model.name}"'
                known = "; ".join(f"{of} over {over}" for of, over in pairs)
                fix = f"it has {known}" if known else f"declare models.{model.name}.marginal_effects"
                yield config.problem(where, found, "one that the model declares", fix)


def _two_way_problems(config: Config, where: str, models: list[ModelSpec]) -> Iterator[Problem]:
    """Models of a policy whose effect is no mean of comparisons of two groups, as far as the configuration tells."""
    for model in models:
        two_way = ESTIMATORS[model.estimator].method
        beside = {
            f"method {model.method}": model.method != two_way,
            "regressors": bool(model.regressors),
            "controls": bool(model.controls),
            "weights": bool(model.weights),
            "group_trends": isinstance(model.options, Policy) and model.options.group_trends,
        }
        if found := [name for name, there in beside.items() if there]:
            expected = f"a model of method {two_way} without regressors, controls, weights and group_trends"
            shown, fix = f'"{model.name}" with {", ".join(found)}', "take another model, or a table of type policy"
            yield config.problem(where, shown, expected, fix)


def _model_term_problems(
    config: Config, where: str, options: Titled, kind: Output, models: Collection[str], known: list[ModelSpec]
) -> Iterator[Problem]:
    for key in ("term", "model_labels"):
        given = options.get(key)
        for model in given if isinstance(given, Mapping) else ():
            if model not in models:
                yield config.missing(f"{where}.{key}.{model}", model, "a model shown here", models)
    term = options.get("term")
    for model in known if term is not None else ():
        if isinstance(term, Mapping) and model.name not in term:
            yield config.problem(f"{where}.term", f"no term of model {model.name}", "a term for each model")
            continue
        wanted = str(term[model.name] if isinstance(term, Mapping) else term)
        if not kind.of_claims:  # these know numbers that are no coefficients too
            yield from term_problems(config, f"{where}.term", wanted, model)
    of_models = [coefficients(model) for model in known]
    if options.get("terms") and options.get("models") and known and None not in of_models:
        every = frozenset[str]().union(*(own for own in of_models if own))
        for wanted in options.get("terms"):
            if wanted not in every and _BREAK_STEP not in wanted:
                yield config.missing(f"{where}.terms", wanted, "a term of one of the models", every)


def _period_problems(config: Config, where: str, options: Titled) -> Iterator[Problem]:
    asked = [("periods", options.get("panel"), year) for year in options.get("periods") or ()]
    regimes = options.get("regimes")
    for key, spans in (("spans", options.get("spans")), ("regimes.spans", regimes and regimes.spans)):
        for first, last in spans or ():
            asked += [(key, options.get("panel"), year) for year in (first, last)]
            if last <= first:
                yield config.problem(f"{where}.{key}", f"[{first}, {last}]", "the earlier year first")
    for i, outcome in enumerate(options.get("outcomes") or ()):
        asked.append((f"outcomes[{i}].period", outcome.panel, outcome.period))
    for key, name, year in dict.fromkeys(asked):
        panel = config.panels.get(str(name))
        if panel and year not in panel.periods:
            fix = f"{panel.periods[0]} to {panel.periods[-1]}" if panel.periods else ""
            yield config.problem(f"{where}.{key}", str(year), f"a period of panel {panel.name}", fix)


def report_problems(config: Config) -> Iterator[Problem]:
    """Names in the report's section that nothing declares, and files that do not exist."""
    report = config.report
    if report.story:
        yield from _story_problems(config, report.story)
    for section in ("figures", "maps", "tables"):
        yield from config.undeclared(f"report.brief.{section}", getattr(report.brief, section, None) or (), section)
    for key in ("references", "citation"):
        path = getattr(report, key)
        if path and (reason := unusable(Path(config.root) / path)):
            yield config.problem(f"report.{key}", f'"{path}", {reason}', "a file", "check the path")


def _several_periods(config: Config, name: str, where: str) -> Iterator[Problem]:
    yield from config.undeclared(where, [name], "panels")
    panel = config.panels.get(name)
    if panel and len(panel.periods) < 2:
        yield config.problem(where, f"{panel.name}, which has one", "a panel with more than one period")


def _before_problems(config: Config, before: Before) -> Iterator[Problem]:
    where = "report.story.before"
    yield from _several_periods(config, before.panel, f"{where}.panel")
    yield from config.undeclared(f"{where}.outcomes", before.outcomes, "variables")
    yield from config.undeclared(f"{where}.figure", [before.figure], "figures")


def _later_problems(config: Config, before: str, panel: str) -> Iterator[Problem]:
    """A longer run that is none: it begins where the story does, or later."""
    if before not in config.panels or panel not in config.panels:
        return
    first, own = (min(config.panels[name].periods, default=0) for name in (before, panel))
    if frequency(first) == frequency(own) and first >= own:
        found = f"{before}, which begins in {label(first)}"
        expected = f"a panel that begins before {label(own)}, as {panel} does"
        yield config.problem("report.story.before.panel", found, expected, "take before out, or name another panel")


def _story_problems(config: Config, story: Story) -> Iterator[Problem]:
    where = "report.story"
    yield from _several_periods(config, story.panel, f"{where}.panel")
    if story.before:
        yield from _before_problems(config, story.before)
        yield from _later_problems(config, story.before.panel, story.panel)
    for key in ("outcome", "population", "share", "weight"):
        yield from config.undeclared(f"{where}.{key}", [getattr(story, key)], "variables")
    if story.weight is not None and story.share is None:
        yield config.problem(f"{where}.weight", "weight without share", "share: what it weighs")
    validity = story.validity
    if not validity:
        return
    table = config.tables.get(validity.table)
    tables = [name for name, item in config.tables.items() if item.type == CORRELATED]
    if table is None or table.type != CORRELATED:
        expected = f"a table of type {CORRELATED}"
        yield config.missing(f"{where}.validity.table", validity.table, expected, tables)
        return
    outcomes = [f"{one.panel}.{one.variable}.{one.period}" for one in table.options.get("outcomes")]
    for key, named in (("of", (validity.of,)), ("against", validity.against or ())):
        for name in named:
            if name not in outcomes:
                expected = f"an outcome of table {validity.table}"
                yield config.missing(f"{where}.validity.{key}", name, expected, outcomes)
