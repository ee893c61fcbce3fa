"""Maps of what models estimate for each unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ruralpanel.estimate.base.model import Model
from ruralpanel.output import style
from ruralpanel.output.labels import Labels, without_aside
from ruralpanel.output.maps.boundaries import Boundaries
from ruralpanel.output.maps.classes import Classes, class_colours, find_classes
from ruralpanel.output.maps.sheet import NO_DATA, LegendEntry, MapPanel, MapRow, draw_sheet
from ruralpanel.output.results import Values, heading, in_percent, percent_of_level, values_of
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto
from ruralpanel.project.kinds import maps as kinds
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.maps import OfModel
from ruralpanel.project.kinds.options import in_language
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any


def draw_model(
    name: str,
    options: OfModel,
    model: Model,
    labels: Labels,
    boundaries: Boundaries,
    names: Mapping[str, str],
    paths: Mapping[str, str | Path],
    language: str = "en",
    boundary_note: str = "",
) -> tuple[MapRow, ...]:
    """Draw an entry with ``model`` and return what is drawn.

    Parameters
    ----------
    model : the model's JSON. labels : of its panel. names : unit id → name on the map.

    Raises
    ------
    UserError
        The model says nothing of single units, or not under these terms; or no unit has a polygon.
    """
    of_slopes = ESTIMATORS[model.estimator].of_units == "slopes"
    rows, units, said = (_slopes if of_slopes else _values)(name, options, model, labels, boundaries, names, language)
    texts = (said, in_language(options.note, options.note_zh, language), boundary_note)
    note = word("between_sentences", language).join(filter(None, texts))
    shown = {unit: text for unit, text in names.items() if unit in units} if options.labels else {}
    title = options.title_in(language)
    draw_sheet(rows, boundaries, shown, paths, title, [note] if note else [], f"maps.{name}")
    return tuple(rows)


def _classified(values: Sequence[float], options: OfModel) -> tuple[Classes, tuple[str, ...], list[LegendEntry]]:
    """Classes of `values`, their colours, and the legend of both."""
    wanted = options.classes or kinds.Classes()
    classes = find_classes(values, wanted.method, wanted.number, wanted.breaks or ())
    colours = class_colours(classes, options.palette)
    entries = [LegendEntry(colour, text) for colour, text in zip(colours, classes.labels(), strict=True)]
    return classes, colours, entries[::-1]


def _values(
    name: str,
    options: OfModel,
    model: Model,
    labels: Labels,
    boundaries: Boundaries,
    names: Mapping[str, str],
    language: str,
) -> tuple[list[MapRow], Collection[str], str]:
    """A map for each of the ``terms``, with one set of classes; their units, and which lie beyond the support.

    Up to three maps stand beside each other, more in rows of two.
    """
    percent = percent_of_level(model, labels.formulas)
    values = in_percent(values_of(model)) if percent else values_of(model)
    terms = _checked(name, options, model, values, boundaries)
    classes, colours, entries = _classified([value for term in terms for value in values[term].values()], options)
    panels = [
        MapPanel(heading(model, term, labels, language), classes.fills(values[term], colours), values=values[term])
        for term in terms
    ]
    if any(set(boundaries.shapes) - set(panel.fills) for panel in panels):
        entries.append(LegendEntry(style.OUTSIDE, word("not_asked", language)))
    legend = tuple(entries)
    outcome = model.outcome
    title = without_aside(labels.of(outcome)) if percent else labels.of(outcome)
    measure = "%" if percent else labels.measure(outcome)
    side_by_side = len(panels) if len(panels) <= 3 else 2
    rows = [
        MapRow("" if start else title, "" if start else measure, tuple(panels[start : start + side_by_side]), legend)
        for start in range(0, len(panels), side_by_side)
    ]
    outside = [names.get(unit, unit) for unit in model.support.outside]
    beyond = word("beyond_support", language).format(units=word("comma", language).join(outside)) if outside else ""
    return rows, {unit for term in terms for unit in values[term]}, beyond


def _checked(name: str, options: OfModel, model: Model, values: Values, boundaries: Boundaries) -> tuple[str, ...]:
    if not values:
        found = f'"{options.model}" of estimator {model.estimator}, which says nothing of single units'
        raise UserError(Problem(CONFIGURATION, f"maps.{name}.model", found, "a counterfactual, a decomposition or cce"))
    return checked_terms(name, options, values, boundaries)


def checked_terms(name: str, options: OfModel, values: Values, boundaries: Boundaries) -> tuple[str, ...]:
    """The declared ``terms``, else all of `values`.

    Raises
    ------
    UserError
        Terms without values, or no unit of theirs has a polygon.
    """
    terms = options.terms or tuple(values)
    expected = f"one of {', '.join(values)}"
    raise_any(
        Problem(CONFIGURATION, f"maps.{name}.terms[{index}]", f'"{term}"', expected, did_you_mean(term, values))
        for index, term in enumerate(terms)
        if term not in values
    )
    if not {unit for term in terms for unit in values[term]} & set(boundaries.shapes):
        found = "no polygon of the model's units"
        raise UserError(Problem(CONFIGURATION, "boundaries", found, "ids of the units file"))
    return terms


def _slopes(
    name: str,
    options: OfModel,
    model: Model,
    labels: Labels,
    boundaries: Boundaries,
    names: Mapping[str, str],
    language: str,
) -> tuple[list[MapRow], Collection[str], str]:
    """A row for each term of common correlated effects, two maps of one set of classes; the units, and what they show.

    Left, slopes of each unit's own regression, hatched where its 95 % interval holds zero; right, all slopes drawn to
    their mean
    (`ruralpanel.estimate.families.common_effects.mean_group.shrunken`). A map of the plain slopes would show
    mostly their errors.
    """
    slopes = values_of(model)
    terms = checked_terms(name, options, slopes, boundaries)
    entries = {row.unit: row for row in model.by_unit}
    rows, held = [], {}
    for term in terms:
        drawn = {unit: row.shrunken[term] for unit, row in entries.items()}
        undecided = {unit for unit, row in entries.items() if row.ci[term][0] <= 0.0 <= row.ci[term][1]}
        held[term] = len(undecided)
        classes, colours, legend = _classified([*slopes[term].values(), *drawn.values()], options)
        left = {**classes.fills(slopes[term], colours), **dict.fromkeys(undecided, NO_DATA)}
        panels = (
            MapPanel(word("slopes.own", language), left, values=slopes[term]),
            MapPanel(word("slopes.drawn", language), classes.fills(drawn, colours), values=drawn),
        )
        legend.append(LegendEntry(NO_DATA, word("slopes.undecided", language)))
        if set(boundaries.shapes) - set(entries):
            legend.append(LegendEntry(style.OUTSIDE, word("not_asked", language)))
        rows.append(MapRow(labels.of(term), "", panels, tuple(legend)))
    return rows, entries, _note(model, terms, held, len(entries), labels, language)


def _note(
    model: Model, terms: Sequence[str], held: Mapping[str, int], units: int, labels: Labels, language: str
) -> str:
    counts = (
        word("slopes.count", language, term=labels.of(term), held=f"{held[term]:,}", all=f"{units:,}") for term in terms
    )
    spreads = (
        word("slopes.spread", language, value=format_auto(model.spread[term], 2), term=labels.of(term))
        for term in terms
    )
    join = word("comma", language).join
    return word("slopes.note", language, counts=join(counts), spreads=join(spreads))
