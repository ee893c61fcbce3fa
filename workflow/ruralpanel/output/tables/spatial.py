"""Spatial models side by side: effects in the own unit and in others, the spatial coefficient, tests of dependence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.estimate.base.model_json import coefficient
from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.coefficients import p_text
from ruralpanel.output.tables.document import Cell, Column, Row, Spanner, TableDocument, runs
from ruralpanel.output.tables.inference_words import short
from ruralpanel.output.tables.notes import model_notes, period_text, sample_text
from ruralpanel.output.words import clauses, word
from ruralpanel.project.formats import format_count, format_interval, format_number
from ruralpanel.project.kinds.tables import OfModels
from ruralpanel.project.problems import raise_any

Model = Mapping[str, Any]

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
        if all("spatial" not in model for model in models)
        else []
    )
    language, digits = context.language, options.digits
    labels = context.labels([str(model["panel"]) for model in models], options)
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
    titles = [context.title(model["model"], given) for model in models]
    heads = tuple(Spanner(text, index, index) for index, text in enumerate(titles) if text)
    outcomes = runs([labels.of(str(model["outcome"])) for model in models])
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
    declared = [
        [*((model.get("spec") or {}).get("regressors") or ()), *((model.get("spec") or {}).get("controls") or ())]
        for model in models
    ]
    names = dict.fromkeys(str(term) for terms in declared for term in terms)
    return tuple(term for term in names if any(coefficient(model, term) for model in models))


def _effect(model: Model, term: str, kind: str) -> Mapping[str, Any] | None:
    effects = (model.get("spatial_effects") or {}).get("rows")
    if effects is None:
        return coefficient(model, term) if kind == "direct" else None
    return next((row for row in effects if row["term"] == term and row["kind"] == kind), None)


def _spatial(model: Model, kind: str) -> Mapping[str, Any] | None:
    """ρ, a coefficient; or λ, which moments give without an error."""
    if "spatial" not in model:
        return None
    if kind == "lag":
        return coefficient(model, f"W:{model['outcome']}")
    moments = (model.get("fit") or {}).get("lambda")
    return coefficient(model, "W:error") or (None if moments is None else {"estimate": moments})


def _entry(label: str, entries: Sequence[Mapping[str, Any] | None], digits: int, key: str) -> list[Row]:
    """An estimate with its error and interval beneath; nothing where no model has one."""
    if not any(entries):
        return []
    estimates, errors, intervals = [], [], []
    for entry in entries:
        value, error, low = (None if entry is None else entry.get(k) for k in ("estimate", "std_error", "ci_low"))
        estimates.append(Cell() if value is None else Cell(format_number(value, digits), float(value)))
        errors.append(Cell() if error is None else Cell(f"({format_number(error, digits)})", float(error)))
        high = None if entry is None else entry.get("ci_high")
        intervals.append(Cell() if low is None or high is None else Cell(format_interval(low, high, digits)))
    return [
        Row(label, tuple(estimates), "entry", "estimate", key),
        Row("", tuple(errors), "detail", "std_error", key),
        Row("", tuple(intervals), "detail", "ci", key),
    ]


def _summary(models: Sequence[Model], labels: Labels, language: str) -> list[Row]:
    def row(key: str, cells: Sequence[Cell], label: str = "") -> Row:
        return Row(label or word(key, language), tuple(cells), "summary", key, key)

    matrices = [str(((model.get("spatial") or {}).get("weights") or {}).get("name") or "") for model in models]
    rows = [row("spatial_weights", [Cell(labels.of(name)) for name in matrices])]
    rows.append(row("sample", [Cell(sample_text(model, language)) for model in models]))
    rows += [
        row(count, [Cell(format_count(model[count]), model[count]) for model in models])
        for count in ("n_obs", "n_units")
    ]
    rows.append(row("n_periods", [Cell(period_text(model)) for model in models]))
    rows.append(row("inference", [Cell(short(model, language)) for model in models]))
    likelihoods = [(model.get("fit") or {}).get("log_likelihood") for model in models]
    if any(value is not None for value in likelihoods):
        cells = [Cell() if value is None else Cell(format_number(value, 1), value) for value in likelihoods]
        rows.append(row("log_likelihood", cells))
    for test in TESTS:
        values = [
            ((model.get("tests") or {}).get(test) or {}).get("p_value") if "spatial" in model else None
            for model in models
        ]
        if any(value is not None for value in values):
            cells = [Cell() if value is None else Cell(p_text(value), value) for value in values]
            rows.append(row(test, cells, word(f"test_{test}", language)))
    return rows


def _effects_note(models: Sequence[Model], language: str) -> str:
    draws = sorted({int(effects["draws"]) for model in models if (effects := model.get("spatial_effects"))})
    note = word("spatial_note", language)
    if draws:
        number = word("comma", language).join(format_count(count) for count in draws)
        note += word("spatial_draws", language).format(draws=number)
    return note


def _weights_notes(models: Sequence[Model], labels: Labels, language: str) -> tuple[str, ...]:
    """What each matrix is, once."""
    weights = [((model.get("spatial") or {}).get("weights") or {}) for model in models]
    words = {
        str(about["name"]): clauses(labels.told(about.get("what") or ()), language)
        for about in weights
        if about.get("name")
    }
    return tuple(
        f"{labels.of(name)}{word('colon', language)}{what}{word('full_stop', language)}"
        for name, what in words.items()
        if what
    )
