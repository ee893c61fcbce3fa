"""Regression tables: models side by side, coefficients with errors beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.break_steps import MARK
from ruralpanel.contracts.problems import did_you_mean, raise_any
from ruralpanel.formats import format_count, format_number
from ruralpanel.labels import Labels, localised
from ruralpanel.model_json import coefficient
from ruralpanel.output_context import OutputContext
from ruralpanel.tables.coefficients import (
    detail_cell,
    estimate_cell,
    p_text,
    shown_statistics,
    star_levels,
    star_source,
    terms_of,
)
from ruralpanel.tables.inference_words import short
from ruralpanel.tables.layout import Cell, Column, Row, Spanner, TableDocument, runs
from ruralpanel.tables.model_notes import effects_of, model_notes, period_text, sample_text, test_notes
from ruralpanel.tables.systems import correlation_rows, equations_of
from ruralpanel.wording import has_word, word

_BENEATH = {"regression": ("p_wild", "ci_wild"), "cross_section": ("p_permutation",)}
_FIT = {"regression": ("r2_within", "r2"), "cross_section": ("r2",)}


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """A regression or cross-section table (keys: `ruralpanel.contracts.table_keys`).

    Each equation of a model of several outcomes has a column.

    Raises
    ------
    UserError
        Models without result, unknown terms, statistics that no model has.
    """
    kind = str(spec.get("type", "regression"))
    models = [equation for model in context.models(spec["models"]) for equation in equations_of(model)]
    labels = context.labels([str(model["panel"]) for model in models], spec)
    digits = int(spec.get("digits", 3))
    terms = _terms(spec, models, context)
    beneath = shown_statistics(spec, models, context, _BENEATH[kind])
    levels = star_levels(spec)

    rows: list[Row] = []
    for term in terms:
        entries = [coefficient(model, term) for model in models]
        pairs = list(zip(models, entries, strict=True))
        cells = tuple(estimate_cell(entry, digits, levels, star_source(beneath)) for entry in entries)
        rows.append(Row(labels.of(term), cells, "entry", "estimate", term))
        for statistic in beneath:
            details = tuple(detail_cell(model, entry, statistic, digits) for model, entry in pairs)
            if any(cell.text for cell in details):
                rows.append(Row("", details, "detail", statistic, term))
    rows += _summary(models, spec, context, _FIT[kind], digits)
    rows += correlation_rows(models, labels, digits, context.language)

    headings, spanners = _headings(models, spec, labels, context)
    return TableDocument(
        name=name,
        title=localised(spec, "title", context.language) or name.replace("_", " ").capitalize(),
        stub=word("variable", context.language),
        columns=tuple(Column(heading) for heading in headings),
        rows=tuple(rows),
        spanners=spanners,
        notes=(
            *model_notes(models, spec, labels, beneath, levels, _unshown(models, terms), context.language),
            *test_notes(models, spec.get("tests") or (), context.language),
        ),
        language=context.language,
    )


def _terms(spec: Mapping[str, Any], models: Sequence[Mapping[str, Any]], context: OutputContext) -> tuple[str, ...]:
    known = terms_of(models)
    if spec.get("terms") is None:
        # Steps of definition breaks are controls that nobody reads; the notes name them.
        known = tuple(term for term in known if MARK not in term)
        return known
    raise_any(
        context.problem(
            f"terms[{index}]", f'term "{term}"', "a term of one of the models", did_you_mean(str(term), known)
        )
        for index, term in enumerate(spec["terms"])
        if all(coefficient(model, str(term)) is None for model in models)
    )
    return tuple(str(term) for term in spec["terms"])


def _unshown(models: Sequence[Mapping[str, Any]], terms: Sequence[str]) -> tuple[str, ...]:
    shown = {str(entry["term"]) for model in models for term in terms if (entry := coefficient(model, term))}
    return tuple(term for term in terms_of(models) if term not in shown)


def _headings(
    models: Sequence[Mapping[str, Any]], spec: Mapping[str, Any], labels: Labels, context: OutputContext
) -> tuple[list[str], tuple[tuple[Spanner, ...], ...]]:
    """Column headings ``(1)`` …, above them the models' names, above those the outcome (or what ``group`` says)."""
    given = spec.get("model_labels") or {}
    names = [str(given.get(model["model"]) or model_title(model, context.language)) for model in models]
    group = str(spec.get("group", "outcome"))
    if group == "none":
        groups = [""] * len(models)
    elif group == "outcome":
        groups = [labels.of(str(model["outcome"])) for model in models]
    else:
        groups = [str(model.get(group, "")) for model in models]
    named = tuple(Spanner(text, index, index) for index, text in enumerate(names) if text)
    levels = tuple(level for level in (runs(groups), named) if level)
    return [f"({number})" for number in range(1, len(models) + 1)], levels


def model_title(model: Mapping[str, Any], language: str) -> str:
    """A model's heading: its title, else its name."""
    return localised(model, "title", language) or str(model["model"])


def _summary(
    models: Sequence[Mapping[str, Any]],
    spec: Mapping[str, Any],
    context: OutputContext,
    default_fit: tuple[str, ...],
    digits: int,
) -> list[Row]:
    language = context.language

    def row(key: str, cells: Sequence[Cell], label: str = "") -> Row:
        return Row(label or word(key, language), tuple(cells), "summary", key, key)

    rows = [row("sample", [Cell(sample_text(model, language)) for model in models])]
    for count in ("n_obs", "n_units"):
        rows.append(row(count, [Cell(format_count(model[count]), model[count]) for model in models]))
    rows.append(row("n_periods", [Cell(period_text(model)) for model in models]))
    for effect in _effects(models):
        shown = [Cell(word(effects_of(model).get(effect, "no"), language)) for model in models]
        label = word(f"{effect}_effects", language) if has_word(f"{effect}_effects") else effect
        rows.append(row(f"{effect}_effects", shown, label))
    if not _effects(models):
        rows.append(row("effects", [Cell(word("none", language))] * len(models)))
    rows.append(row("inference", [Cell(short(model, language)) for model in models]))
    for measure in spec.get("fit", default_fit):
        values = [(model.get("fit") or {}).get(measure) for model in models]
        if any(value is not None for value in values):
            label = word(measure, language) if has_word(measure) else str(measure)
            rows.append(row(str(measure), [_number(value, digits) for value in values], label))
    for test in spec.get("tests") or ():
        values = [((model.get("tests") or {}).get(test) or {}).get("p_value") for model in models]
        cells = [Cell("" if value is None else p_text(value), value) for value in values]
        rows.append(row(str(test), cells, _test_label(str(test), language)))
    return rows


def _test_label(name: str, language: str) -> str:
    return word(f"test_{name}", language) if has_word(f"test_{name}") else name.replace("_", " ").capitalize()


def _number(value: float | None, digits: int) -> Cell:
    return Cell("" if value is None else format_number(value, digits), value)


def _effects(models: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The effects of any of the models, units first."""
    names = dict.fromkeys(effect for model in models for effect in effects_of(model))
    return tuple(sorted(names, key=lambda name: (name != "unit", name != "period", name)))
