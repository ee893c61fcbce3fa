"""Tests of the models' assumptions and who carries their estimates: tests in rows, models in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ruralpanel.estimate.base.model import Diagnostics as Diagnosed
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.model_json import finite
from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.coefficients import p_text, p_value_of
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
    labels = context.labels([model.panel for model in models], options)
    digits = options.digits
    rows = [Row(word("table.tests_and_p", context.language), (), "section")]
    tests = _tests(models, options, context)
    for test in tests:
        numbers = [finite(model.tests[test].statistic) if test in model.tests else None for model in models]
        p_values = [p_value_of(model, test) for model in models]
        label = word(f"test_{test}", context.language) if has_word(f"test_{test}") else test.replace("_", " ")
        rows.append(Row(label, tuple(_number(value, digits) for value in numbers), "entry", "statistic", test))
        rows.append(Row("", tuple(_p_value(value) for value in p_values), "detail", "p_value", test))
    rows.append(Row(word("table.influence", context.language), (), "section"))
    rows += _influence(models, labels, context, digits)
    given = options.model_labels
    headings = [context.title(model.model, given) for model in models]
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


def _tests(models: Sequence[Model], options: Diagnostics, context: OutputContext) -> tuple[str, ...]:
    known = tuple(dict.fromkeys(test for model in models for test in model.tests))
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


def _number(value: float | None, digits: int) -> Cell:
    return Cell() if value is None else Cell(format_auto(value, digits), value)


def _p_value(value: float | None) -> Cell:
    return Cell() if value is None else Cell(p_text(value), value)


def _influence(models: Sequence[Model], labels: Labels, context: OutputContext, digits: int) -> list[Row]:
    names = context.unit_names

    def unit(identity: str) -> str:
        return names.get(identity, identity)

    def row(key: str, find: Callable[[Diagnosed], Number | None], words: Callable[[str], str]) -> Row:
        cells = []
        for model in models:
            largest = find(model.diagnostics)
            text = "" if largest is None else f"{format_auto(largest[0], digits)} ({words(largest[1])})"
            cells.append(Cell(text, None if largest is None else largest[0]))
        return Row(word(key, context.language), tuple(cells), "entry", key, key)

    dropped = [model.diagnostics.singletons for model in models]
    left = [", ".join(labels.of(term) for term in model.diagnostics.left_out) for model in models]
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


def _inflation(diagnostics: Diagnosed) -> Number | None:
    values = diagnostics.collinearity.variance_inflation
    return max(((value, term) for term, value in values.items()), default=None)


def _effective(diagnostics: Diagnosed) -> Number | None:
    values = diagnostics.influence.effective_units
    return min(((value, term) for term, value in values.items()), default=None)


def _leverage(diagnostics: Diagnosed) -> Number | None:
    influence = diagnostics.influence
    return max(zip(influence.leverage, influence.units, strict=True), default=None)


def _dfbetas(diagnostics: Diagnosed) -> Number | None:
    influence = diagnostics.influence
    sizes = [
        (abs(value), f"{unit}\n{term}")
        for term, values in influence.dfbetas.items()
        for unit, value in zip(influence.units, values, strict=True)
        if value is not None
    ]
    return max(sizes, default=None)


def _place(place: str, unit: Callable[[str], str], labels: Labels, language: str) -> str:
    identity, term = place.split("\n")
    return f"{unit(identity)}{word('comma', language)}{labels.of(term)}"


def _notes(models: Sequence[Model], names: Sequence[str], language: str) -> tuple[str, ...]:
    """What the tests' own notes say, and what the rows of influence are."""
    return (word("influence_note", language), *test_notes(models, names, language))
