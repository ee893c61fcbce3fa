"""Tests of the models' assumptions and who carries their estimates: tests in rows, models in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.coefficients import p_text
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument
from ruralpanel.output.tables.notes import declared_notes, test_notes
from ruralpanel.output.words import has_word, word
from ruralpanel.project.formats import format_auto, format_count
from ruralpanel.project.kinds.tables import Diagnostics
from ruralpanel.project.problems import did_you_mean, raise_any

ORDER = (
    "pretrend",
    "f_effects",
    "breusch_pagan_lm",
    "hausman",
    "mundlak",
    "serial_correlation",
    "heteroskedasticity",
    "breusch_pagan",
    "pesaran_cd",
    "moran",
)
"""Tests in the order of rows; others follow as the models have them."""

Number = tuple[float, str]
"""A number and what it belongs to."""


def build(name: str, options: Diagnostics, context: OutputContext) -> TableDocument:
    """A table of diagnostics (keys: `ruralpanel.project.kinds.tables`).

    Raises
    ------
    UserError
        Models without result, or tests that no model has.
    """
    models = context.models(options.models)
    labels = context.labels([str(model["panel"]) for model in models], options)
    digits = options.digits
    rows = [Row(word("table.tests_and_p", context.language), (), "section")]
    tests = _tests(models, options, context)
    for test in tests:
        results = [(model.get("tests") or {}).get(test) for model in models]
        label = word(f"test_{test}", context.language) if has_word(f"test_{test}") else test.replace("_", " ")
        rows.append(Row(label, tuple(_statistic(values, digits) for values in results), "entry", "statistic", test))
        rows.append(Row("", tuple(_p_value(values) for values in results), "detail", "p_value", test))
    rows.append(Row(word("table.influence", context.language), (), "section"))
    rows += _influence(models, labels, context, digits)
    given = options.model_labels
    headings = [context.title(model["model"], given) for model in models]
    return TableDocument(
        name=name,
        title=options.title_in(context.language) or word("table.titles.diagnostics", context.language),
        stub=word("diagnostic", context.language),
        columns=tuple(Column(heading) for heading in headings),
        rows=tuple(rows),
        notes=(
            *_notes([labels.told(one) for one in models], tests, context.language),
            *declared_notes(options, context.language),
        ),
        language=context.language,
    )


def _tests(models: Sequence[Mapping[str, Any]], options: Diagnostics, context: OutputContext) -> tuple[str, ...]:
    known = tuple(dict.fromkeys(str(test) for model in models for test in model.get("tests") or ()))
    wanted = options.tests
    if wanted is None:
        first = [test for test in ORDER if test in known]
        return (*first, *(test for test in known if test not in ORDER))
    raise_any(
        context.problem(f"tests[{i}]", f'test "{test}"', "a test of one of the models", did_you_mean(test, known))
        for i, test in enumerate(wanted)
        if test not in known
    )
    return wanted


def _statistic(test: Mapping[str, Any] | None, digits: int) -> Cell:
    value = None if test is None else test.get("statistic")
    return Cell() if value is None else Cell(format_auto(float(value), digits), float(value))


def _p_value(test: Mapping[str, Any] | None) -> Cell:
    value = None if test is None else test.get("p_value")
    return Cell() if value is None else Cell(p_text(float(value)), float(value))


def _influence(models: Sequence[Mapping[str, Any]], labels: Labels, context: OutputContext, digits: int) -> list[Row]:
    names = context.unit_names

    def unit(identity: str) -> str:
        return names.get(identity, identity)

    def row(key: str, find: Callable[[Mapping[str, Any]], Number | None], words: Callable[[str], str]) -> Row:
        cells = []
        for model in models:
            largest = find(model.get("diagnostics") or {})
            text = "" if largest is None else f"{format_auto(largest[0], digits)} ({words(largest[1])})"
            cells.append(Cell(text, None if largest is None else largest[0]))
        return Row(word(key, context.language), tuple(cells), "entry", key, key)

    dropped = [(model.get("diagnostics") or {}).get("singletons") for model in models]
    left = [", ".join(labels.of(str(t)) for t in (m.get("diagnostics") or {}).get("left_out") or ()) for m in models]
    singletons = tuple(Cell("" if count is None else format_count(count), count) for count in dropped)
    rows = [
        Row(word("singletons", context.language), singletons, "entry", "singletons", "singletons"),
        row("variance_inflation", _inflation, labels.of),
        row("effective_units", _effective, labels.of),
        row("largest_leverage", _leverage, unit),
        row("largest_dfbetas", _dfbetas, lambda place: _place(place, unit, labels, context.language)),
    ]
    if any(left):
        cells = tuple(Cell(text or word("none", context.language)) for text in left)
        rows.insert(1, Row(word("left_out", context.language), cells, "entry", "left_out", "left_out"))
    return rows


def _inflation(diagnostics: Mapping[str, Any]) -> Number | None:
    values = (diagnostics.get("collinearity") or {}).get("variance_inflation") or {}
    return None if not values else max((float(value), str(term)) for term, value in values.items())


def _effective(diagnostics: Mapping[str, Any]) -> Number | None:
    values = (diagnostics.get("influence") or {}).get("effective_units") or {}
    return None if not values else min((float(value), str(term)) for term, value in values.items())


def _leverage(diagnostics: Mapping[str, Any]) -> Number | None:
    influence = diagnostics.get("influence") or {}
    pairs = zip(influence.get("leverage") or (), influence.get("units") or (), strict=True)
    return max(((float(value), str(unit)) for value, unit in pairs), default=None)


def _dfbetas(diagnostics: Mapping[str, Any]) -> Number | None:
    influence = diagnostics.get("influence") or {}
    units = influence.get("units") or ()
    sizes = [
        (abs(float(value)), f"{unit}\n{term}")
        for term, values in (influence.get("dfbetas") or {}).items()
        for unit, value in zip(units, values, strict=True)
        if value is not None
    ]
    return max(sizes, default=None)


def _place(place: str, unit: Callable[[str], str], labels: Labels, language: str) -> str:
    identity, term = place.split("\n")
    return f"{unit(identity)}{word('comma', language)}{labels.of(term)}"


def _notes(models: Sequence[Mapping[str, Any]], names: Sequence[str], language: str) -> tuple[str, ...]:
    """What the tests' own notes say, and what the rows of influence are."""
    return (word("influence_note", language), *test_notes(models, names, language))
