"""One entry of the configuration's ``figures`` → its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from ruralpanel.claims.robustness.results import Checked, CurveSummary, NotAvailable, read_robustness
from ruralpanel.claims.scorecard import Scorecard
from ruralpanel.estimate.base.model import Dated, Model, Setting, Split
from ruralpanel.estimate.base.model_json import made, read_as
from ruralpanel.output.charts import claims, coefficients, curve, event_study, marginal_effect, power, series
from ruralpanel.output.charts.coefficients import Estimate, from_model
from ruralpanel.output.labels import Labels, without_aside
from ruralpanel.output.results import OutputContext, is_decomposition
from ruralpanel.output.tables.inference_words import short_of
from ruralpanel.output.words import clause, word
from ruralpanel.project.kinds import figures
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.options import Labelled, given_labels, in_language
from ruralpanel.project.notes import note
from ruralpanel.project.periods import parsed
from ruralpanel.project.problems import Problem, UserError, did_you_mean, raise_any

Names = Mapping[str, str]
"""Unit id → name in print."""

Paths = Mapping[str, str | Path]
HIGH_TRANSPORT_COST = 0.7  # on the branch of the model where rural firms live on being sheltered


def draw(spec: Mapping[str, object], context: OutputContext, names: Mapping[str, str], paths: Paths) -> None:
    """Draw the chart that `spec` declares (kinds and keys: `ruralpanel.project.kinds.figures`).

    Parameters
    ----------
    names : unit id → name in print.
    paths : ``png``, ``svg`` → file.

    Raises
    ------
    UserError
        An unknown kind, models without result, terms or variables that are not there, missing glyphs.
    """
    chart = context.read(FIGURES, spec)
    function(chart.kind.build)(chart.options, context, names, paths)


def draw_coefficients(options: figures.Coefficients, context: OutputContext, names: Names, paths: Paths) -> None:
    """Estimates of one term over models."""
    models = context.models(options.models)
    labels = context.labels([model.panel for model in models], options)
    declared = options.term
    group = options.group
    estimates, drawn, problems = [], [], []
    for model in models:
        term = str(declared.get(model.model, "")) if isinstance(declared, Mapping) else str(declared)
        known = [entry.term for entry in model.coefficients]
        if term not in known:
            expected = f"a term of model {model.model}"
            problems.append(context.problem("term", f'"{term}"', expected, did_you_mean(term, known)))
            continue
        heading = {"outcome": labels.of(model.outcome), "none": ""}.get(group) or str(getattr(model, group, ""))
        title = model_name(options, model, context)
        label = f"{title}: {labels.of(term)}" if isinstance(declared, Mapping) else title
        drawn.append(model)
        estimates.append(from_model(model, term, label, "" if group == "none" else heading, f"N = {model.n_obs}"))
    raise_any(problems)
    axis = "" if isinstance(declared, Mapping) else labels.of(str(declared))
    title, note = words_of(options, context)
    coefficients.draw(
        estimates,
        paths,
        title=title,
        axis=axis,
        note=with_intervals(note, zip(drawn, estimates, strict=True), context.language),
        smallest_effect=options.smallest_effect,
        where=context.where,
    )


def draw_marginal_effect(options: figures.MarginalEffect, context: OutputContext, names: Names, paths: Paths) -> None:
    """The effect of one variable along another."""
    (model,) = context.models([options.model])
    effects = model.marginal_effects
    if not effects:
        fix = f"declare models.{options.model}.marginal_effects"
        raise UserError(context.problem("model", f'"{options.model}"', "a model with marginal effects", fix))
    of, over = options.of or effects[0].of, options.over or effects[0].over
    labels = context.labels([model.panel], options)
    try:
        curve = marginal_effect.from_model(model, of, over, rug_of(model, over, context, names), context.language)
    except KeyError as error:
        known = ", ".join(f"{effect.of} over {effect.over}" for effect in effects)
        raise UserError(context.problem("of", f"{of} over {over}", known)) from error
    title, note = words_of(options, context)
    theory = theory_curve(context.language) if options.theory else None
    marginal_effect.draw(
        curve, paths, labels.of(of), labels.with_measure(over), title, note, theory, context.language, context.where
    )


def theory_curve(language: str) -> marginal_effect.TheoryCurve:
    """What better transport does to the number of rural firms in the two-region model, along its technology gap.

    From a high cost of transport, at which rural firms are sheltered; from a low one the sign is the opposite.
    """
    from ruralpanel.output.charts.theory import Parameters, effect_of_better_transport

    gaps = [i / 100 for i in range(25)]
    effects = effect_of_better_transport(Parameters(transport=HIGH_TRANSPORT_COST), gaps)
    axes = (word(f"theory_of.{name}", language) for name in ("gap", "firms", "source"))
    return marginal_effect.TheoryCurve(gaps, effects, *axes)


def rug_of(model: Model, over: str, context: OutputContext, names: Names) -> Mapping[str, float]:
    """Each unit's mean of the moderator in the panel, over the model's units and periods."""
    frame = context.panel(model.panel, [over], "over")
    used = frame[frame["unit"].isin(model.units) & frame["period"].isin(model.periods)]
    means = used.groupby("unit")[over].mean().dropna()
    return {names.get(str(unit), str(unit)): float(value) for unit, value in means.items()}


def draw_event_study(options: figures.Effects, context: OutputContext, names: Names, paths: Paths) -> None:
    """Effects by time from the event."""
    models = context.models(options.models)
    labels = context.labels([model.panel for model in models], options)
    relative = any(event_study.is_staggered(model) for model in models)
    lines = [event_study.from_model(model, model_name(options, model, context), relative) for model in models]
    problems: list[Problem] = []
    for index, (model, line) in enumerate(zip(models, lines, strict=True)):
        if not line.estimates:
            found = f'model "{model.model}" without effects by period'
            problems.append(context.problem(f"models[{index}]", found, "event studies"))
    settings = [(event_study.reference_of(model), 0) if relative else event_settings(model) for model in models]
    if len(set(settings)) > 1:
        found = "; ".join(f"reference {reference}, treated from {first}" for reference, first in settings)
        problems.append(context.problem("models", found, "models with one reference and one first treated period"))
    raise_any(problems)
    reference, first = settings[0]
    title, note = words_of(options, context)
    outcomes = list(dict.fromkeys(labels.of(model.outcome) for model in models))
    axis = outcomes[0] if len(outcomes) == 1 else ""
    pairs = [(model, one) for model, line in zip(models, lines, strict=True) for one in line.estimates.values()]
    note = with_intervals(note, pairs, context.language)
    event_study.draw(lines, paths, reference, first, title, axis, note, context.language, context.where)


def event_settings(model: Model) -> tuple[int, int]:
    """The reference and the first treated period, the former by default the last before the latter."""
    asked = model.spec.options_as(Dated)
    periods = sorted(model.periods)
    first = parsed(periods[-1] if asked.treatment.first is None else asked.treatment.first)
    before = [period for period in periods if period < first]
    return parsed(asked.reference or (before or periods)[-1]), first


def draw_series(options: figures.Series, context: OutputContext, names: Names, paths: Paths) -> None:
    """Variables over time."""
    variables, panel = options.variables, options.panel
    frame = context.panel(panel, variables, "variables")
    labels = context.labels([panel], options)
    groups = context.group_of(options.by) if options.by else {}
    rows = [_variable(variable, frame, labels, options.log) for variable in variables]
    title, note = words_of(options, context)
    series.draw(rows, paths, names, groups, title, note, context.language, context.where)


def _variable(variable: str, frame: pd.DataFrame, labels: Labels, log: bool) -> series.Variable:
    columns = frame[["unit", "period", variable]].rename(columns={variable: "value"})
    return series.Variable(labels.of(variable), labels.measure(variable), columns, log)


def draw_scorecard(options: figures.Scorecard, context: OutputContext, names: Names, paths: Paths) -> None:
    """All claims with their numbers."""
    path = Path(options.file or context.results / "scorecard.json")
    if not path.is_file():
        raise UserError(context.problem("file", f"no file {path}", "the scorecard's JSON"))
    title, note = words_of(options, context)
    claims.draw_scorecard(read_as(Scorecard, path), paths, title, note, context.language, context.where)


def draw_specification_curve(options: figures.Curve, context: OutputContext, names: Names, paths: Paths) -> None:
    """All specifications of a curve."""
    path = context.results / "models" / "curves" / f"{options.curve}.json"
    rows = path.with_suffix(".parquet")
    for file in (path, rows):
        if not file.is_file():
            raise UserError(context.problem("curve", f"no file {file}", "the results of a specification curve"))
    summary = read_as(CurveSummary, path)
    labels = context.labels([summary.panel], options)
    data = curve.curve_data(summary, pd.read_parquet(rows), labels)
    title, note = words_of(options, context)
    axis = word("standardised_effect", context.language)
    given = {"method": summary.inference["method"], "options": summary.inference}
    errors = short_of(made(Setting, given), context.language)
    note = _joined(note, word("intervals_one", context.language).format(outer=errors))
    curve.draw_curve(data, paths, title, axis, note, context.language, context.where)


def draw_waterfall(options: figures.Waterfall, context: OutputContext, names: Names, paths: Paths) -> None:
    """The parts of a decomposition."""
    (model,) = context.models([options.model])
    if not is_decomposition(model):
        found = f'model "{options.model}" of estimator {model.estimator}'
        raise UserError(context.problem("model", found, "a decomposition"))
    labels = context.labels([model.panel], options)
    gap = model.spec.options_as(Split).gap
    total = labels.names.get("total") or f"{labels.of(gap.group)} − {labels.of(gap.reference)}"
    title, note = words_of(options, context)
    claims.draw_waterfall(
        curve.parts(model, labels), paths, total, title, labels.of(model.outcome), note,
        interval_name(model, context.language), language=context.language, where=context.where,
    )  # fmt: skip


def interval_name(model: Model, language: str) -> str:
    """``95% interval: …`` of the setting that the coefficients' intervals are of."""
    name = first_setting(model, language)
    return word("comma", language).join(filter(None, (word("ci", language), name)))


def first_setting(model: Model, language: str) -> str:
    """Name of the first setting that gives errors or intervals of its own, bootstraps and permutations aside."""
    entry = model.first_with_errors
    return short_of(entry, language) if entry else ""


def with_intervals(note: str, drawn: Iterable[tuple[Model, Estimate]], language: str) -> str:
    """The note with the names of the intervals that the models' estimates are drawn with."""
    said: dict[str, None] = {}
    for model, estimate in drawn:
        name = {"ci": first_setting(model, language), "ci_ar": word("ci_ar", language)}.get(estimate.kind, "")
        if estimate.kind == "ci_wild":
            wild = model.setting_of("p_wild")
            name = short_of(wild, language) if wild else ""
        if name:
            said[name] = None
    return _joined(
        note, word("intervals_one", language).format(outer=word("comma", language).join(said)) if said else ""
    )


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def target_of(context: OutputContext, model: str, term: str, key: str) -> Checked:
    """What the robustness of a model says of one of its numbers, which must have the part `key`."""
    path = context.results / "models" / "robustness" / f"{model}.json"
    if not path.is_file():
        fix = "robustness is computed for models that claims name"
        raise UserError(context.problem("model", f"no file {path}", "a model with results on robustness", fix))
    targets = read_robustness(path).targets
    if term not in targets:
        expected = f"a number of model {model} that a claim names"
        raise UserError(context.problem("term", f'"{term}"', expected, did_you_mean(term, targets)))
    part = getattr(targets[term], key) or NotAvailable(note("no_coefficient"))
    if isinstance(part, NotAvailable):
        reason = clause(part.not_available, "en")
        raise UserError(context.problem("term", f'"{term}": {reason}', f"a number with {key}"))
    return targets[term]


def draw_sensitivity(options: figures.Sensitivity, context: OutputContext, names: Names, paths: Paths) -> None:
    """An estimate over the strength of an omitted variable."""
    (model,) = context.models([options.model])
    entry = target_of(context, options.model, str(options.term), "sensitivity")
    labels = context.labels([model.panel], options)
    title, note = words_of(options, context)
    data = curve.contours(entry, labels)
    curve.draw_sensitivity(data, paths, title, note, context.language, context.where)


def draw_leave_one_out(options: figures.LeaveOneOut, context: OutputContext, names: Names, paths: Paths) -> None:
    """An estimate without one unit or period at a time."""
    (model,) = context.models([options.model])
    over, term = options.over, str(options.term)
    entry = target_of(context, options.model, term, f"leave_one_{over}_out")
    labels = context.labels([model.panel], options)
    title, note = words_of(options, context)
    rows = curve.left_out(entry, over, names)
    if any(row.low is not None for row in rows):
        name = first_setting(model, context.language)
        note = _joined(note, word("intervals_one", context.language).format(outer=name))
    coefficients.draw(rows, paths, title, labels.of(term), note, entry.delta, where=context.where)


def draw_power(options: figures.Power, context: OutputContext, names: Names, paths: Paths) -> None:
    """Power over multiples of the smallest effect that matters."""
    title, note = words_of(options, context)
    lines = list(power_lines(options, context))
    power.draw(lines, paths, title, note, context.language, where=context.where)


def power_lines(options: figures.Power, context: OutputContext) -> Iterator[power.PowerLine]:
    """The power of each term that is drawn."""
    models, declared = context.models(options.models), options.term
    labels = context.labels([model.panel for model in models], options)
    for model in models:
        name = model.model
        wanted = declared.get(name, "") if isinstance(declared, Mapping) else declared
        for term in map(str, wanted if isinstance(wanted, (list, tuple)) else [wanted]):
            entry = target_of(context, name, term, "power")
            parts = " × ".join(without_aside(labels.of(part)) for part in term.split(":"))
            line = curve.power_line(entry, f"{' '.join(entry.claims)}: {parts}")
            if line is None:
                expected = "numbers with a smallest effect and an effect that is detectable"
                raise UserError(context.problem("term", f'"{term}" of {name} without δ or power', expected))
            yield line


def words_of(options: figures.Unnamed, context: OutputContext) -> tuple[str, str]:
    title = options.title_in(context.language)
    return title, in_language(options.note, options.note_zh, context.language)


def model_name(options: Labelled, model: Model, context: OutputContext) -> str:
    return context.title(model.model, given_labels(options, context.language))
