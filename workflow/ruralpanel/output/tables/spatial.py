"""Spatial models side by side: effects in the own unit and in others, the spatial coefficient, tests of dependence."""

from __future__ import annotations

from collections.abc import Sequence

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.rows import Estimated
from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.coefficients import p_text, p_value_of
from ruralpanel.output.tables.document import Cell, Column, Row, Spanner, TableDocument, runs
from ruralpanel.output.tables.inference_words import short
from ruralpanel.output.tables.notes import model_notes, period_text, sample_text
from ruralpanel.output.words import clauses, word
from ruralpanel.project.formats import format_count, format_interval, format_number
from ruralpanel.project.kinds.tables import OfModels
from ruralpanel.project.problems import raise_any

KINDS = ("direct", "indirect", "total")

TESTS = (
    "lm_lag", "lm_error", "lm_lag_robust", "lm_error_robust", "lm_lag_clustered", "lm_error_clustered",
    "lr_independent", "lr_neighbours", "lr_lag", "lr_error", "common_factor", "lag_clustered",
    "common_factor_clustered", "sargan",
)  # fmt: skip
"""Tests whose p-values are shown where a model has them."""


def build(name: str, options: OfModels, context: OutputContext) -> TableDocument:
    """Models in columns (keys: `ruralpanel.project.kinds.tables`).

    A model without neighbours' outcome and regressors has its coefficients as direct effects, a model that is not
    spatial likewise, so that it can stand beside for comparison.

    Raises
    ------
    UserError
        Models without result, or none that is spatial.
    """
    models = context.models(options.models)
    raise_any(
        [context.problem("models", "no spatial model", "at least one with estimator: spatial")]
        if all(model.spatial is None for model in models)
        else []
    )
    language, digits = context.language, options.digits
    labels = context.labels([model.panel for model in models], options)
    terms = _terms(models)
    rows: list[Row] = []
    for term in terms:
        rows.append(Row(labels.of(term), (), "section", "", term))
        for kind in KINDS:
            entries = [_effect(model, term, kind) for model in models]
            rows += _entry(word(f"spatial_{kind}", language), entries, digits, f"{term}.{kind}")
    rows.append(Row(word("spatial_dependence", language), (), "section", "", "dependence"))
    for kind in ("lag", "error"):
        entries = [_spatial(model, kind) for model in models]
        if any(entries):
            rows += _entry(word(f"spatial_{kind}", language), entries, digits, f"spatial_{kind}")
    rows += _summary(models, labels, language)
    given = options.model_labels
    titles = [context.title(model.model, given) for model in models]
    heads = tuple(Spanner(text, index, index) for index, text in enumerate(titles) if text)
    outcomes = runs([labels.of(model.outcome) for model in models])
    notes = model_notes(models, options, labels, ("std_error", "ci"), (), (), language)
    return TableDocument(
        name=name,
        title=options.title_in(language) or name.replace("_", " ").capitalize(),
        stub=word("variable", language),
        columns=tuple(Column(f"({number})") for number in range(1, len(models) + 1)),
        rows=tuple(rows),
        spanners=tuple(level for level in (outcomes, heads) if level),
        notes=(_effects_note(models, language), *_weights_notes(models, labels, language), *notes),
        language=language,
    )


def _terms(models: Sequence[Model]) -> tuple[str, ...]:
    """Regressors and controls of all models, in the order of their first appearance."""
    names = dict.fromkeys(term for model in models for term in (*model.spec.regressors, *model.spec.controls))
    return tuple(term for term in names if any(model.coefficient(term) for model in models))


def _effect(model: Model, term: str, kind: str) -> Estimated | None:
    if model.spatial_effects is None:
        return model.coefficient(term) if kind == "direct" else None
    return next((row for row in model.spatial_effects.rows if row.term == term and row.kind == kind), None)


def _spatial(model: Model, kind: str) -> Estimated | None:
    """ρ, a coefficient; or λ, which moments give without an error."""
    if model.spatial is None:
        return None
    if kind == "lag":
        return model.coefficient(f"W:{model.outcome}")
    moments = model.fit.get("lambda")
    return model.coefficient("W:error") or (None if moments is None else Estimated("W:error", moments))


def _entry(label: str, entries: Sequence[Estimated | None], digits: int, key: str) -> list[Row]:
    """An estimate with its error and interval beneath; nothing where no model has one."""
    if not any(entries):
        return []
    estimates, errors, intervals = [], [], []
    for entry in entries:
        found = entry or Estimated()
        value, error, low, high = found.number("estimate"), found.std_error, found.ci_low, found.ci_high
        estimates.append(Cell() if value is None else Cell(format_number(value, digits), value))
        errors.append(Cell() if error is None else Cell(f"({format_number(error, digits)})", error))
        intervals.append(Cell() if low is None or high is None else Cell(format_interval(low, high, digits)))
    return [
        Row(label, tuple(estimates), "entry", "estimate", key),
        Row("", tuple(errors), "detail", "std_error", key),
        Row("", tuple(intervals), "detail", "ci", key),
    ]


def _summary(models: Sequence[Model], labels: Labels, language: str) -> list[Row]:
    def row(key: str, cells: Sequence[Cell], label: str = "") -> Row:
        return Row(label or word(key, language), tuple(cells), "summary", key, key)

    matrices = [model.spatial.weights.name if model.spatial else "" for model in models]
    rows = [row("spatial_weights", [Cell(labels.of(name)) for name in matrices])]
    rows.append(row("sample", [Cell(sample_text(model, language)) for model in models]))
    rows.append(row("n_obs", [Cell(format_count(model.n_obs), model.n_obs) for model in models]))
    rows.append(row("n_units", [Cell(format_count(model.n_units), model.n_units) for model in models]))
    rows.append(row("n_periods", [Cell(period_text(model)) for model in models]))
    rows.append(row("inference", [Cell(short(model, language)) for model in models]))
    likelihoods = [model.fit.get("log_likelihood") for model in models]
    if any(value is not None for value in likelihoods):
        cells = [Cell() if value is None else Cell(format_number(value, 1), value) for value in likelihoods]
        rows.append(row("log_likelihood", cells))
    for test in TESTS:
        values = [p_value_of(model, test) if model.spatial else None for model in models]
        if any(value is not None for value in values):
            cells = [Cell() if value is None else Cell(p_text(value), value) for value in values]
            rows.append(row(test, cells, word(f"test_{test}", language)))
    return rows


def _effects_note(models: Sequence[Model], language: str) -> str:
    draws = sorted({model.spatial_effects.draws for model in models if model.spatial_effects})
    note = word("spatial_note", language)
    if draws:
        number = word("comma", language).join(format_count(count) for count in draws)
        note += word("spatial_draws", language).format(draws=number)
    return note


def _weights_notes(models: Sequence[Model], labels: Labels, language: str) -> tuple[str, ...]:
    """What each matrix is, once."""
    weights = [model.spatial.weights for model in models if model.spatial]
    words = {about.name: clauses(labels.told(about.what), language) for about in weights if about.name}
    return tuple(
        f"{labels.of(name)}{word('colon', language)}{what}{word('full_stop', language)}"
        for name, what in words.items()
        if what
    )
