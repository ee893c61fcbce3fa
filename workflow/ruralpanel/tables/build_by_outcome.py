"""One lever over several outcomes: a row for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.contracts.problems import UserError, did_you_mean
from ruralpanel.formats import format_count, format_number, format_p
from ruralpanel.labels import localised
from ruralpanel.model_json import coefficient, number_of
from ruralpanel.output_context import OutputContext
from ruralpanel.tables.build_regression import model_title
from ruralpanel.tables.coefficients import (
    SETS,
    estimate_cell,
    set_cell,
    shown_statistics,
    star_levels,
    star_source,
    terms_of,
)
from ruralpanel.tables.layout import Cell, Column, Row, TableDocument
from ruralpanel.tables.model_notes import effects_text, model_notes, period_text, sample_text
from ruralpanel.wording import word


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """A table with one row for each model, and one term's estimate, errors, counts and effects across.

    ``standardised`` adds the estimate times the term's standard deviation within units over that of the outcome, both
    in the model's own sample, so that outcomes in different measures stand side by side.

    Raises
    ------
    UserError
        Models without result, terms that a model does not hold, statistics that no model has.
    """
    models = context.models(spec["models"])
    panels = [str(model["panel"]) for model in models]
    labels = context.labels(panels, spec)
    terms = _terms(spec, models, context)
    statistics = shown_statistics(spec, models, context, ("p_wild", "ci_wild"))
    digits = int(spec.get("digits", 3))
    levels = star_levels(spec)
    language = context.language
    standardised = bool(spec.get("standardised", False))
    given = spec.get("model_labels") or {}

    heads = ["outcome", "term", "estimate"] if len(set(terms)) > 1 else ["outcome", "estimate"]
    heads += [*(["standardised"] if standardised else []), *statistics]
    heads += ["sample", "n_obs", "n_units", "n_periods", "effects"]
    rows = []
    for model, term in zip(models, terms, strict=True):
        entry = coefficient(model, term)
        if entry is None:
            continue
        cells: dict[str, Cell] = {
            "outcome": Cell(labels.of(str(model["outcome"]))),
            "term": Cell(labels.of(term)),
            "estimate": estimate_cell(entry, digits, levels, star_source(statistics)),
            "sample": Cell(sample_text(model, language)),
            "n_obs": Cell(format_count(model["n_obs"]), model["n_obs"]),
            "n_units": Cell(format_count(model["n_units"]), model["n_units"]),
            "n_periods": Cell(period_text(model)),
            "effects": Cell(effects_text(model, language)),
        }
        if standardised:
            cells["standardised"] = _standardised(model, entry, digits)
        for statistic in statistics:
            cells[statistic] = _cell(model, entry, statistic, digits)
        title = str(given.get(model["model"]) or model_title(model, language))
        rows.append(Row(title, tuple(cells[head] for head in heads), "entry", "estimate", str(model["model"])))

    return TableDocument(
        name=name,
        title=localised(spec, "title", language) or f"{labels.of(terms[0])}: {word('outcome', language)}",
        stub=word("model", language),
        columns=tuple(
            Column(word(head, language), "left" if head in ("outcome", "term", "sample", "effects") else "centre")
            for head in heads
        ),
        rows=tuple(rows),
        notes=model_notes(models, spec, labels, (), levels, _others(models, terms), language, star_source(statistics)),
        language=language,
    )


def _terms(spec: Mapping[str, Any], models: Sequence[Mapping[str, Any]], context: OutputContext) -> tuple[str, ...]:
    declared = spec["term"]
    names = [
        str(declared.get(model["model"], "")) if isinstance(declared, Mapping) else str(declared) for model in models
    ]
    problems = [
        context.problem(
            "term" if not isinstance(declared, Mapping) else f"term.{model['model']}",
            f'term "{term}"' if term else "no term for this model",
            f"a term of model {model['model']}",
            did_you_mean(term, terms_of([model])),
        )
        for model, term in zip(models, names, strict=True)
        if coefficient(model, term) is None
    ]
    if problems:
        raise UserError(problems)
    return tuple(names)


def _others(models: Sequence[Mapping[str, Any]], terms: Sequence[str]) -> tuple[str, ...]:
    shown = {
        str(entry["term"]) for model, term in zip(models, terms, strict=True) if (entry := coefficient(model, term))
    }
    return tuple(term for term in terms_of(models) if term not in shown)


def _cell(model: Mapping[str, Any], entry: Mapping[str, Any], statistic: str, digits: int) -> Cell:
    if statistic in SETS:
        return set_cell(model, entry, statistic, digits)
    value = number_of(entry, statistic)
    if value is None:
        return Cell()
    if statistic.startswith("p"):
        return Cell(format_p(value, digits), value)
    return Cell(format_number(value, 2 if statistic == "statistic" else digits), value)


def _standardised(model: Mapping[str, Any], entry: Mapping[str, Any], digits: int) -> Cell:
    lever, outcome = entry.get("sd_within"), (model.get("fit") or {}).get("outcome_sd_within")
    if lever is None or not outcome:
        return Cell()
    value = float(entry["estimate"]) * float(lever) / float(outcome)
    return Cell(format_number(value, digits), value)
