"""Tables of regressions: by model, by outcome, by equation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.rows import Coefficient, Estimated, Statistic
from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.coefficients import (
    FURTHER,
    SETS,
    detail_cell,
    estimate_cell,
    p_text,
    p_value_of,
    set_cell,
    shown_statistics,
    star_levels,
    star_source,
    terms_of,
)
from ruralpanel.output.tables.document import Cell, Column, Row, Spanner, TableDocument, runs
from ruralpanel.output.tables.inference_words import short
from ruralpanel.output.tables.notes import (
    effect_name,
    effect_state,
    effects_of,
    effects_text,
    model_notes,
    period_text,
    sample_text,
    test_notes,
)
from ruralpanel.output.words import has_word, word
from ruralpanel.project.breaks import MARK
from ruralpanel.project.formats import format_count, format_interval, format_number, format_p
from ruralpanel.project.kinds.tables import ByOutcome, Regression
from ruralpanel.project.problems import UserError, did_you_mean, raise_any

STATISTIC = "residual_correlation"

R = TypeVar("R", bound=Estimated)


def equations_of(model: Model) -> tuple[Model, ...]:
    """The model's results as those of each of its equations; a model of one outcome as it is.

    Terms lose the outcome before them, measures of fit the outcome behind them. What holds for the whole system
    (counts, effects, tests, statistics) stands in each.
    """
    return tuple(_equation(model, name) for name in model.outcomes) or (model,)


def _equation(model: Model, outcome: str) -> Model:
    fit = model.fit
    return replace(
        model,
        outcome=outcome,
        coefficients=_own(model.coefficients, outcome),
        inference=tuple(
            replace(setting, coefficients=_own(setting.coefficients, outcome)) for setting in model.inference
        ),
        fit={**fit, **{key.rpartition(":")[0]: fit[key] for key in fit if key.endswith(f":{outcome}")}},
    )


def _own(rows: Sequence[R], outcome: str) -> tuple[R, ...]:
    prefix = f"{outcome}:"
    return tuple(replace(row, term=row.term.removeprefix(prefix)) for row in rows if row.term.startswith(prefix))


def correlation_rows(equations: Sequence[Model], labels: Labels, digits: int, language: str) -> tuple[Row, ...]:
    """A row for each outcome that others' residuals are correlated with, the number under the other one of the pair."""
    firsts = dict.fromkeys(pair[0] for model in equations for pair in pairs_of(model))
    rows = []
    for first in firsts:
        cells = [_cell(pairs_of(model).get((first, model.outcome)), digits) for model in equations]
        label = word("residual_correlation", language).format(outcome=labels.of(first))
        rows.append(Row(label, tuple(cells), "summary", STATISTIC, first))
    return tuple(rows)


def pairs_of(model: Model) -> dict[tuple[str, str], Statistic]:
    """Pair of outcomes → the correlation of their residuals, as the model's statistics have it."""
    return {
        (value.outcomes[0], value.outcomes[1]): value
        for name, value in model.statistics.items()
        if name.startswith(STATISTIC)
    }


def _cell(statistic: Statistic | None, digits: int) -> Cell:
    if statistic is None:
        return Cell()
    text = format_number(statistic.estimate, digits)
    if statistic.ci_low is not None and statistic.ci_high is not None:
        text += " " + format_interval(statistic.ci_low, statistic.ci_high, digits=digits)
    return Cell(text, statistic.estimate)


def build_regression(name: str, options: Regression, context: OutputContext) -> TableDocument:
    """A regression or cross-section table (keys: `ruralpanel.project.kinds.tables`).

    Each equation of a model of several outcomes has a column.

    Raises
    ------
    UserError
        Models without result, unknown terms, statistics that no model has.
    """
    models = [equation for model in context.models(options.models) for equation in equations_of(model)]
    labels = context.labels([model.panel for model in models], options)
    digits = options.digits
    terms = _terms(options, models, context)
    beneath = shown_statistics(options, models, context, options.beneath)
    levels = star_levels(options)

    rows: list[Row] = []
    further: list[Row] = []
    for term in terms:
        entries = (model.coefficient(term) for model in models)
        cells = tuple(estimate_cell(entry, digits, levels, star_source(beneath)) for entry in entries)
        rows.append(Row(labels.of(term), cells, "entry", "estimate", term))
        rows += _details(models, term, beneath, digits)
        more = _details(models, term, [name for name in FURTHER if name not in beneath], digits)
        if more and options.show is None:
            further += [Row(labels.of(term), (), "section", key=term), *more]
    rows += _summary(models, options, context, digits)
    rows += correlation_rows(models, labels, digits, context.language)

    headings, spanners = _headings(models, options, labels, context)
    return TableDocument(
        name=name,
        title=options.title_in(context.language) or name.replace("_", " ").capitalize(),
        stub=word("variable", context.language),
        columns=tuple(Column(heading) for heading in headings),
        rows=tuple(rows),
        spanners=spanners,
        notes=(
            *model_notes(models, options, labels, beneath, levels, _unshown(models, terms), context.language),
            *test_notes([labels.told(one) for one in models], options.tests or (), context.language),
        ),
        language=context.language,
        further=tuple(_named(row, context.language) for row in further),
    )


def _details(models: Sequence[Model], term: str, statistics: Sequence[str], digits: int) -> list[Row]:
    """A row for each of the statistics that some model has of the term."""
    pairs = [(model, model.coefficient(term)) for model in models]
    rows = []
    for statistic in statistics:
        cells = tuple(detail_cell(model, entry, statistic, digits) for model, entry in pairs)
        if any(cell.text for cell in cells):
            rows.append(Row("", cells, "detail", statistic, term))
    return rows


def _named(row: Row, language: str) -> Row:
    """A row of the companion table, with what it holds as its label."""
    return row if row.kind == "section" else replace(row, label=word(row.statistic, language), kind="entry")


def _terms(options: Regression, models: Sequence[Model], context: OutputContext) -> tuple[str, ...]:
    known = terms_of(models)
    if options.terms is None:
        # Steps of definition breaks are controls that nobody reads; the notes name them.
        known = tuple(term for term in known if MARK not in term)
        return known
    raise_any(
        context.problem(
            f"terms[{index}]", f'term "{term}"', "a term of one of the models", did_you_mean(str(term), known)
        )
        for index, term in enumerate(options.terms)
        if all(model.coefficient(str(term)) is None for model in models)
    )
    return options.terms


def _unshown(models: Sequence[Model], terms: Sequence[str]) -> tuple[str, ...]:
    shown = {entry.term for model in models for term in terms if (entry := model.coefficient(term))}
    return tuple(term for term in terms_of(models) if term not in shown)


def _headings(
    models: Sequence[Model], options: Regression, labels: Labels, context: OutputContext
) -> tuple[list[str], tuple[tuple[Spanner, ...], ...]]:
    """Column headings ``(1)`` …, above them the models' names, above those the outcome (or what ``group`` says)."""
    given = options.model_labels
    names = [context.title(model.model, given) for model in models]
    group = options.group
    if group == "none":
        groups = [""] * len(models)
    elif group == "outcome":
        groups = [labels.of(model.outcome) for model in models]
    else:
        groups = [str(getattr(model, group)) for model in models]
    named = tuple(Spanner(text, index, index) for index, text in enumerate(names) if text)
    levels = tuple(level for level in (runs(groups), named) if level)
    return [f"({number})" for number in range(1, len(models) + 1)], levels


def _summary(
    models: Sequence[Model],
    options: Regression,
    context: OutputContext,
    digits: int,
) -> list[Row]:
    language = context.language

    def row(key: str, cells: Sequence[Cell], label: str = "") -> Row:
        return Row(label or word(key, language), tuple(cells), "summary", key, key)

    rows = [row("sample", [Cell(sample_text(model, language)) for model in models])]
    rows.append(row("n_obs", [Cell(format_count(model.n_obs), model.n_obs) for model in models]))
    rows.append(row("n_units", [Cell(format_count(model.n_units), model.n_units) for model in models]))
    rows.append(row("n_periods", [Cell(period_text(model)) for model in models]))
    for effect in _effects(models):
        shown = [Cell(word(effect_state(model, effect), language)) for model in models]
        label = word("effects_of", language).format(name=effect_name(effect, language))
        if effect in ("unit", "period"):
            label = word(f"{effect}_effects", language)
        rows.append(row(f"{effect}_effects", shown, label))
    if not _effects(models):
        rows.append(row("effects", [Cell(word("none", language))] * len(models)))
    rows.append(row("inference", [Cell(short(model, language)) for model in models]))
    for measure in options.fit:
        values = [model.fit.get(measure) for model in models]
        if any(value is not None for value in values):
            label = word(measure, language) if has_word(measure) else str(measure)
            rows.append(row(str(measure), [_number(value, digits) for value in values], label))
    for test in options.tests or ():
        values = [p_value_of(model, test) for model in models]
        cells = [Cell("" if value is None else p_text(value), value) for value in values]
        rows.append(row(str(test), cells, _test_label(str(test), language)))
    return rows


def _test_label(name: str, language: str) -> str:
    return word(f"test_{name}", language) if has_word(f"test_{name}") else name.replace("_", " ").capitalize()


def _number(value: float | None, digits: int) -> Cell:
    return Cell("" if value is None else format_number(value, digits), value)


def _effects(models: Sequence[Model]) -> tuple[str, ...]:
    """The effects of any of the models, units first."""
    names = dict.fromkeys(effect for model in models for effect in effects_of(model))
    return tuple(sorted(names, key=lambda name: (name != "unit", name != "period", name)))


def build_by_outcome(name: str, options: ByOutcome, context: OutputContext) -> TableDocument:
    """A table with one row for each model, and one term's estimate, errors, counts and effects across.

    ``standardised`` adds the estimate times the term's standard deviation within units over that of the outcome, both
    in the model's own sample, so that outcomes in different measures stand side by side.

    Raises
    ------
    UserError
        Models without result, terms that a model does not hold, statistics that no model has.
    """
    models = context.models(options.models)
    panels = [model.panel for model in models]
    labels = context.labels(panels, options)
    terms = _by_outcome_terms(options, models, context)
    statistics = shown_statistics(options, models, context, ("p_wild", "ci_wild"))
    digits = options.digits
    levels = star_levels(options)
    language = context.language
    standardised = options.standardised
    given = options.model_labels

    heads = ["outcome", "term", "estimate"] if len(set(terms)) > 1 else ["outcome", "estimate"]
    heads += [*(["standardised"] if standardised else []), *statistics]
    heads += ["sample", "n_obs", "n_units", "n_periods", "effects"]
    rows = []
    for model, term in zip(models, terms, strict=True):
        entry = model.coefficient(term)
        if entry is None:
            continue
        cells: dict[str, Cell] = {
            "outcome": Cell(labels.of(model.outcome)),
            "term": Cell(labels.of(term)),
            "estimate": estimate_cell(entry, digits, levels, star_source(statistics)),
            "sample": Cell(sample_text(model, language)),
            "n_obs": Cell(format_count(model.n_obs), model.n_obs),
            "n_units": Cell(format_count(model.n_units), model.n_units),
            "n_periods": Cell(period_text(model)),
            "effects": Cell(effects_text(model, language)),
        }
        if standardised:
            cells["standardised"] = _standardised(model, entry, digits)
        for statistic in statistics:
            cells[statistic] = _by_outcome_cell(model, entry, statistic, digits)
        title = context.title(model.model, given)
        rows.append(Row(title, tuple(cells[head] for head in heads), "entry", "estimate", model.model))

    return TableDocument(
        name=name,
        title=options.title_in(language) or f"{labels.of(terms[0])}: {word('outcome', language)}",
        stub=word("model", language),
        columns=tuple(
            Column(word(head, language), "left" if head in ("outcome", "term", "sample", "effects") else "centre")
            for head in heads
        ),
        rows=tuple(rows),
        notes=model_notes(
            models, options, labels, (), levels, _others(models, terms), language, star_source(statistics)
        ),
        language=language,
    )


def _by_outcome_terms(options: ByOutcome, models: Sequence[Model], context: OutputContext) -> tuple[str, ...]:
    declared = options.term
    names = [str(declared.get(model.model, "")) if isinstance(declared, Mapping) else str(declared) for model in models]
    problems = [
        context.problem(
            "term" if not isinstance(declared, Mapping) else f"term.{model.model}",
            f'term "{term}"' if term else "no term for this model",
            f"a term of model {model.model}",
            did_you_mean(term, terms_of([model])),
        )
        for model, term in zip(models, names, strict=True)
        if model.coefficient(term) is None
    ]
    if problems:
        raise UserError(problems)
    return tuple(names)


def _others(models: Sequence[Model], terms: Sequence[str]) -> tuple[str, ...]:
    shown = {entry.term for model, term in zip(models, terms, strict=True) if (entry := model.coefficient(term))}
    return tuple(term for term in terms_of(models) if term not in shown)


def _by_outcome_cell(model: Model, entry: Estimated, statistic: str, digits: int) -> Cell:
    if statistic in SETS:
        return set_cell(model, entry, statistic, digits)
    value = entry.number(statistic)
    if value is None:
        return Cell()
    if statistic.startswith("p"):
        return Cell(format_p(value, digits), value)
    return Cell(format_number(value, 2 if statistic == "statistic" else digits), value)


def _standardised(model: Model, entry: Coefficient, digits: int) -> Cell:
    outcome = model.fit.get("outcome_sd_within")
    if entry.sd_within is None or not outcome:
        return Cell()
    value = entry.estimate * entry.sd_within / outcome
    return Cell(format_number(value, digits), value)
