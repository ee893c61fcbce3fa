"""What the parts of a configuration say of each other: checked before any job runs, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ruralpanel.contracts import formula
from ruralpanel.contracts.breaks import crossings
from ruralpanel.contracts.config import Config
from ruralpanel.contracts.estimator_keys import ESTIMATORS
from ruralpanel.contracts.measures import convert_factor
from ruralpanel.contracts.problems import Problem, UserError, did_you_mean
from ruralpanel.contracts.specs import ModelSpec, PanelSpec, SeriesSpec, VariableSpec
from ruralpanel.contracts.units import Units, load_units


def check(config: Config) -> tuple[Problem, ...]:
    """Every contradiction between the parts of `config` and the files that it names.

    Covers: files that do not exist, names that nothing declares, formulas that do not parse or run in a circle,
    measures that do not convert, periods that a series does not cover, breaks crossed undeclared, and what
    models, claims, tables and maps refer to.
    """
    units, problems = _units(config)
    problems += [
        Problem(config.file, key, f'"{path}", which does not exist', "a file", "check the path")
        for key, path in (
            ("boundaries", config.boundaries),
            ("corrections", config.corrections),
            ("control_totals", config.control_totals),
        )
        if path is not None and not Path(path).is_file()
    ]
    attributes = set(units.attribute_names) if units else set()
    problems += _variable_problems(config, attributes)
    problems += _panel_problems(config, units)
    problems += _sample_problems(config, attributes, units)
    for model in config.models.values():
        problems += _model_problems(config, model, attributes)
    problems += _claim_problems(config)
    problems += _output_problems(config)
    if not problems:
        problems += _coverage_problems(config, attributes)
        problems += _break_problems(config)
    return tuple(problems)


def used_variables(config: Config, panel: str) -> frozenset[str]:
    """Names of the variables that models, tables, figures, maps or curves show or estimate on a panel."""
    names: set[str] = set()
    for model in config.models.values():
        if model.panel == panel:
            names |= _model_variables(model)
            sample = config.samples.get(model.sample, {})
            if "where" in sample:
                names |= formula.names(formula.parse(sample["where"], config.file, f"samples.{model.sample}.where"))
    for section in (config.tables, config.figures, config.maps):
        for item in section.values():
            if item.get("panel") == panel:
                names |= {name for name in item.get("variables") or () if isinstance(name, str)}
            names |= {
                entry["variable"]
                for entry in item.get("variables") or ()
                if isinstance(entry, Mapping) and entry.get("panel") == panel
            }
    for curve in config.specification_curves.values():
        if curve["panel"] == panel:
            names |= _curve_variables(curve)
    return frozenset(name for name in names if name in config.variables)


def _curve_variables(curve: Mapping) -> set[str]:  # type: ignore[type-arg]
    names = set(curve["outcome"]) | set(curve.get("moderator") or ())
    names.update(name for measures in (curve.get("measures") or {}).values() for name in measures)
    names.update(name for controls in curve.get("controls") or () for name in controls)
    names.update(name for name in curve.get("weights") or () if name)
    return names


def _model_variables(model: ModelSpec) -> set[str]:
    names = {model.outcome, *(model.options.get("outcomes") or ())}
    terms = [*model.regressors, *model.controls]
    for key in ("endogenous", "instruments", "predetermined", "shares", "shocks"):
        terms += model.options.get(key) or []
    for term in terms:
        names |= set(term.split(":"))
    if model.weights:
        names.add(model.weights)
    first_by_unit = (model.options.get("treatment") or {}).get("first_by_unit")
    if first_by_unit:
        names.add(first_by_unit)
    return names


def _units(config: Config) -> tuple[Units | None, list[Problem]]:
    if not Path(config.units).is_file():
        return None, [Problem(config.file, "units", f'"{config.units}", which does not exist', "a CSV of units")]
    try:
        return load_units(config.units), []
    except UserError as error:
        return None, list(error.problems)


def _series(config: Config, variable: VariableSpec) -> SeriesSpec | None:
    source = config.sources.get(variable.source)
    return source.series.get(variable.series) if source else None


def _variable_problems(config: Config, attributes: set[str]) -> Iterator[Problem]:
    graph: dict[str, frozenset[str]] = {}
    for name, variable in config.variables.items():
        where = f"variables.{name}"
        if variable.formula:
            try:
                expression = formula.parse(variable.formula, config.file, f"{where}.formula")
            except UserError as error:
                yield from error.problems
                continue
            graph[name] = frozenset(formula.names(expression))
            for other in sorted(graph[name] - set(config.variables) - attributes):
                yield Problem(
                    config.file,
                    f"{where}.formula",
                    f'"{other}"',
                    "a variable or an attribute of the units",
                    did_you_mean(other, [*config.variables, *attributes]),
                )
            continue
        source = config.sources.get(variable.source)
        if source is None:
            yield Problem(
                config.file,
                f"{where}.source",
                f'"{variable.source}"',
                "a name under sources",
                did_you_mean(variable.source, config.sources),
            )
            continue
        series = source.series.get(variable.series)
        if series is None:
            yield Problem(
                config.file,
                f"{where}.series",
                f'"{variable.series}"',
                f"a series of source {variable.source}",
                did_you_mean(variable.series, source.series) or "declare it in the sidecar or under sources",
            )
            continue
        try:
            convert_factor(series.measure, variable.measure)
        except UserError as error:
            for problem in error.problems:
                yield Problem(config.file, f"{where}.measure", problem.found, problem.expected, problem.fix)
        for year in sorted(set(variable.breaks) - set(series.breaks)):
            declared = ", ".join(str(y) for y in sorted(series.breaks)) or "none"
            yield Problem(
                config.file,
                f"{where}.breaks.{year}",
                f"a rule for a break in {year}",
                f"a break that the sidecar declares for {variable.series} ({declared})",
                "remove the rule, or declare the break in the sidecar",
            )
    yield from _circles(config.file, graph)


def _circles(file: str, graph: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> tuple[str, ...] | None:
        if name in path:
            return (*path[path.index(name) :], name)
        if name in done or name not in graph:
            return None
        for other in sorted(graph[name]):
            circle = visit(other, (*path, name))
            if circle:
                return circle
        done.add(name)
        return None

    for name in graph:
        circle = visit(name, ())
        if circle:
            done.update(circle)
            yield Problem(
                file, f"variables.{circle[0]}.formula", " → ".join(circle), "formulas that do not run in a circle"
            )


def _panel_problems(config: Config, units: Units | None) -> Iterator[Problem]:
    for name, panel in config.panels.items():
        for unit in panel.units:
            if units and unit not in units.ids:
                yield Problem(
                    config.file, f"panels.{name}.units", f'"{unit}"', "ids of the units file", units.suggest(unit)
                )
        if not panel.periods:
            yield Problem(config.file, f"panels.{name}.periods", "no period", "first no later than last")


def _sample_problems(config: Config, attributes: set[str], units: Units | None) -> Iterator[Problem]:
    for name, sample in config.samples.items():
        if "where" in sample:
            where = f"samples.{name}.where"
            try:
                names = formula.names(formula.parse(sample["where"], config.file, where))
            except UserError as error:
                yield from error.problems
            else:
                yield from _unknown_names(config, names, attributes, where)
        for unit in sample.get("drop") or ():
            if units and unit not in units.ids:
                yield Problem(
                    config.file, f"samples.{name}.drop", f'"{unit}"', "ids of the units file", units.suggest(unit)
                )


def _unknown_names(config: Config, names: Iterable[str], attributes: set[str], where: str) -> Iterator[Problem]:
    known = {*config.variables, *attributes}
    for name in sorted(set(names) - known):
        yield Problem(
            config.file, where, f'"{name}"', "a variable or an attribute of the units", did_you_mean(name, known)
        )


def _model_problems(config: Config, model: ModelSpec, attributes: set[str]) -> Iterator[Problem]:
    where = f"models.{model.name}"
    panel = config.panels.get(model.panel)
    if panel is None:
        yield Problem(
            config.file,
            f"{where}.panel",
            f'"{model.panel}"',
            "a name under panels",
            did_you_mean(model.panel, config.panels),
        )
    elif len(panel.periods) < ESTIMATORS[model.estimator].min_periods:
        yield Problem(
            config.file,
            f"{where}.estimator",
            f'"{model.estimator}" on panel {model.panel}, which has {len(panel.periods)} period(s)',
            f"at least {ESTIMATORS[model.estimator].min_periods} periods",
            "use pooled with inference vcov: hc, or a longer panel",
        )
    yield from _unknown_names(config, _model_variables(model), attributes, where)
    if model.sample != "all" and model.sample not in config.samples:
        yield Problem(
            config.file,
            f"{where}.sample",
            f'"{model.sample}"',
            "a name under samples",
            did_you_mean(model.sample, config.samples),
        )
    matrix = model.options.get("weights_matrix")
    if matrix and matrix not in config.weights_matrices:
        yield Problem(
            config.file,
            f"{where}.weights_matrix",
            f'"{matrix}"',
            "a name under weights_matrices",
            did_you_mean(matrix, config.weights_matrices),
        )
    for effect in model.marginal_effects:
        pair = {f"{effect['of']}:{effect['over']}", f"{effect['over']}:{effect['of']}"}
        if not pair & set(model.regressors):
            yield Problem(
                config.file,
                f"{where}.marginal_effects",
                f"the effect of {effect['of']} over {effect['over']}",
                "an interaction of the two among the regressors",
                f'add "{effect["of"]}:{effect["over"]}" to the regressors',
            )
    treated = (model.options.get("treatment") or {}).get("units")
    if treated:
        try:
            names = formula.names(formula.parse(treated, config.file, f"{where}.treatment.units"))
        except UserError as error:
            yield from error.problems
        else:
            yield from _unknown_names(config, names, attributes, f"{where}.treatment.units")
    for setting in model.inference:
        clusters = setting.options.get("by") or ()
        for by in (clusters,) if isinstance(clusters, str) else clusters:
            if by not in {"unit", "period"} | attributes:
                yield Problem(
                    config.file,
                    f"{where}.inference.by",
                    f'"{by}"',
                    "unit, period or an attribute of the units",
                    did_you_mean(by, {"unit", "period", *attributes}),
                )


def _claim_problems(config: Config) -> Iterator[Problem]:
    for name, claim in config.hypotheses.items():
        estimands = [("estimand", claim["estimand"])] if "estimand" in claim else []
        estimands += [(f"others[{i}]", other) for i, other in enumerate(claim.get("others") or ())]
        for place, estimand in estimands:
            where = f"hypotheses.{name}.{place}"
            if "model" not in estimand:
                yield Problem(config.file, where, "no model", "a name under models")
                continue
            model = config.models.get(estimand["model"])
            if model is None:
                yield Problem(
                    config.file,
                    f"{where}.model",
                    f'"{estimand["model"]}"',
                    "a name under models",
                    did_you_mean(estimand["model"], config.models),
                )
                continue
            terms = {*model.regressors, *model.controls, *(model.options.get("endogenous") or ())}
            term = estimand.get("term")
            if term and terms and model.estimator in ("pooled", "between", "fe", "fd", "re", "iv") and term not in terms:
                yield Problem(
                    config.file,
                    f"{where}.term",
                    f'"{term}"',
                    f"a regressor of model {model.name}",
                    did_you_mean(term, terms),
                )
        curve = claim.get("robustness")
        if curve and curve not in config.specification_curves:
            yield Problem(
                config.file,
                f"hypotheses.{name}.robustness",
                f'"{curve}"',
                "a name under specification_curves",
                did_you_mean(curve, config.specification_curves),
            )


def _output_problems(config: Config) -> Iterator[Problem]:
    sections = {"tables": config.tables, "figures": config.figures, "maps": config.maps}
    for section, items in sections.items():
        for name, item in items.items():
            where = f"{section}.{name}"
            models = [*(item.get("models") or ()), *([item["model"]] if "model" in item else [])]
            for model in models:
                if model not in config.models:
                    yield Problem(
                        config.file, where, f'model "{model}"', "a name under models", did_you_mean(model, config.models)
                    )
            variables = item.get("variables") or ()
            pairs = [
                (entry.get("panel"), entry.get("variable")) if isinstance(entry, Mapping) else (item.get("panel"), entry)
                for entry in variables
            ]
            pairs += [(item["panel"], None)] if "panel" in item and not pairs else []
            for panel, variable in pairs:
                if panel not in config.panels:
                    yield Problem(
                        config.file,
                        where,
                        f'panel "{panel}"',
                        "a name under panels",
                        did_you_mean(str(panel), config.panels),
                    )
                if variable is not None and variable not in config.variables:
                    yield Problem(
                        config.file,
                        where,
                        f'variable "{variable}"',
                        "a name under variables",
                        did_you_mean(str(variable), config.variables),
                    )
    if config.maps and config.boundaries is None:
        yield Problem(
            config.file, "maps", "maps without boundaries", "boundaries: a file of polygons", "add it, or remove maps"
        )
    for name, curve in config.specification_curves.items():
        where = f"specification_curves.{name}"
        if curve["panel"] not in config.panels:
            yield Problem(
                config.file,
                f"{where}.panel",
                f'"{curve["panel"]}"',
                "a name under panels",
                did_you_mean(curve["panel"], config.panels),
            )
        for variable in sorted(_curve_variables(curve) - set(config.variables)):
            yield Problem(
                config.file,
                where,
                f'variable "{variable}"',
                "a name under variables",
                did_you_mean(variable, config.variables),
            )
        for sample in curve.get("samples") or ():
            if sample != "all" and sample not in config.samples:
                yield Problem(
                    config.file,
                    where,
                    f'sample "{sample}"',
                    "a name under samples",
                    did_you_mean(sample, config.samples),
                )


def _coverage_problems(config: Config, attributes: set[str]) -> Iterator[Problem]:
    for model in config.models.values():
        panel = config.panels[model.panel]
        for name in sorted(_model_variables(model) - attributes):
            for leaf, years in _leaf_years(config, name, panel.periods).items():
                series = _series(config, config.variables[leaf])
                if series and series.years and not years & set(series.years):
                    yield Problem(
                        config.file,
                        f"models.{model.name}",
                        f"{name} on panel {model.panel}, which reads {leaf} in {_span(years)}",
                        f"years that the source covers ({_span(series.years)})",
                        "use another panel or another series",
                    )


def _leaf_years(config: Config, name: str, periods: Iterable[int]) -> dict[str, set[int]]:
    """Source variables that `name` stands on, with the years it reads of each."""
    reads: dict[str, set[int]] = {}
    waiting: list[tuple[str, frozenset[int]]] = [(name, frozenset(periods))]
    while waiting:
        current, years = waiting.pop()
        variable = config.variables.get(current)
        if variable is None:
            continue
        if not variable.formula:
            reads.setdefault(current, set()).update(years)
            continue
        expression = formula.parse(variable.formula, config.file, f"variables.{current}.formula")
        for other, needed in formula.source_years(expression, tuple(sorted(years))).items():
            waiting.append((other, frozenset(needed)))
    return reads


def _span(years: Iterable[int]) -> str:
    ordered = sorted(years)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]}–{ordered[-1]}"
    return ", ".join(str(year) for year in ordered)


def _break_problems(config: Config) -> Iterator[Problem]:
    for panel in config.panels.values():
        for name in sorted(used_variables(config, panel.name)):
            yield from _undeclared_crossings(config, name, panel)


def _undeclared_crossings(config: Config, name: str, panel: PanelSpec) -> Iterator[Problem]:
    series = {key: found for key, variable in config.variables.items() if (found := _series(config, variable))}
    for leaf, year in crossings(name, config.variables, panel, series):
        variable = config.variables[leaf]
        if variable.breaks.get(year, {"rule": "error"})["rule"] != "error":
            continue
        spec = series[leaf]
        yield Problem(
            config.file,
            f"variables.{leaf}.breaks",
            f"no rule for the break of {year} ({spec.breaks[year].get('what', 'a new definition')}), "
            f"which {name} crosses on panel {panel.name}",
            "drop, dummy, splice, or accept with a because",
            f"add breaks: {{{year}: drop}} to variables.{leaf}",
        )
