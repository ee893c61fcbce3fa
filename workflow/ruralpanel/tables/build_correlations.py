"""Whether pairs of outcomes move together: a row for each pair of each model of several outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruralpanel.contracts.problems import raise_any
from ruralpanel.formats import format_count, format_interval, format_number, format_p
from ruralpanel.labels import localised
from ruralpanel.output_context import OutputContext
from ruralpanel.tables.build_regression import model_title
from ruralpanel.tables.layout import Cell, Column, Row, TableDocument
from ruralpanel.tables.model_notes import declared_notes, effects_text, period_text, sample_text
from ruralpanel.tables.systems import pairs_of
from ruralpanel.wording import word

_HEADS = ("pair", "sample", "n_obs", "n_units", "n_periods", "effects", "correlation", "ci", "p_value")
_ASIDE = re.compile(r"\s*[(（][^()（）]*[)）]$")  # "(log)" at the end of a label
_LEFT = frozenset({"pair", "sample", "effects"})


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """Residual correlations of models of several outcomes (keys: `ruralpanel.contracts.table_keys`).

    Raises
    ------
    UserError
        Models without result, or of one outcome.
    """
    models = context.models(spec["models"])
    raise_any(
        context.problem(f"models[{index}]", f'"{model["model"]}", of one outcome', "a model of several outcomes (sur)")
        for index, model in enumerate(models)
        if not pairs_of(model)
    )
    language, digits = context.language, int(spec.get("digits", 2))
    labels = context.labels([str(model["panel"]) for model in models], spec)
    given = spec.get("model_labels") or {}
    samples = {sample_text(model, language) for model in models}
    heads = [head for head in _HEADS if head != "sample" or len(samples) > 1]
    rows = []
    for model in models:
        title = str(given.get(model["model"]) or model_title(model, language))
        for (first, second), found in pairs_of(model).items():
            low, high, p = found["ci_low"], found["ci_high"], found["p_value"]
            cells = {
                "pair": Cell("; ".join(_ASIDE.sub("", labels.of(name)) for name in (first, second))),
                "sample": Cell(sample_text(model, language)),
                "n_obs": Cell(format_count(model["n_obs"]), model["n_obs"]),
                "n_units": Cell(format_count(model["n_units"]), model["n_units"]),
                "n_periods": Cell(period_text(model)),
                "effects": Cell(effects_text(model, language)),
                "correlation": Cell(format_number(found["estimate"], digits), found["estimate"]),
                "ci": Cell("" if low is None or high is None else format_interval(low, high, digits=digits)),
                "p_value": Cell("" if p is None else format_p(p, 3), p),
            }
            rows.append(Row(title, tuple(cells[head] for head in heads), "entry", "correlation", str(model["model"])))
    shared = f"{word('sample', language)}{word('colon', language)}{next(iter(samples))}{word('full_stop', language)}"
    same = (shared,) if len(samples) == 1 else ()
    return TableDocument(
        name=name,
        title=localised(spec, "title", language) or name.replace("_", " ").capitalize(),
        stub=word("model", language),
        columns=tuple(Column(word(head, language), "left" if head in _LEFT else "centre") for head in heads),
        rows=tuple(rows),
        notes=(*same, word("correlation_note", language), *declared_notes(spec, language)),
        language=language,
    )
