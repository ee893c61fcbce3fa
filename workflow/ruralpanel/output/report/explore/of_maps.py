"""What declared maps show beyond the variables of panels: models' numbers of each unit, regimes, clusters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from ruralpanel.estimate.base.model import Model
from ruralpanel.output import style
from ruralpanel.output.labels import without_aside
from ruralpanel.output.maps.classes import Classes, class_colours, find_classes
from ruralpanel.output.regimes import REGIMES, from_options, regime_names
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.explore.entries import Entry, sources
from ruralpanel.output.report.explore.scales import rounded_classes
from ruralpanel.output.results import (
    CHANGE,
    HIGH,
    LOW,
    Values,
    heading,
    in_percent,
    is_decomposition,
    percent_of_level,
    values_of,
)
from ruralpanel.output.words import word
from ruralpanel.project.kinds import maps
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.options import in_language


def of_maps(context: Context) -> Iterator[Entry]:
    """What declared maps show that is no variable of a panel."""
    for name, item in context.declared.maps.items():
        options = item.options
        if isinstance(options, maps.OfModel) and options.model in context.models:
            yield from _of_model(context, name, options)
        elif isinstance(options, maps.Regimes):
            yield _of_regimes(context, name, options)
        elif isinstance(options, maps.Clusters):
            yield from _of_clusters(context, name, options)


def _note(context: Context, options: maps.Map) -> str:
    return in_language(options.note, options.note_zh, context.language)


def _of_model(context: Context, name: str, options: maps.OfModel) -> Iterator[Entry]:
    """What a model says of each unit: an entry for each number, with the ends of its interval where it has one."""
    model = context.models[options.model]
    labels = context.labels(model.panel)
    percent = percent_of_level(model, labels.formulas)
    values = in_percent(values_of(model)) if percent else values_of(model)
    outcome = model.outcome
    what = without_aside(labels.of(outcome))
    group = options.title_in(context.language) or context.title(options.model)
    note = [_note(context, options)]
    outside = [context.unit(unit) for unit in model.support.outside]
    if outside:
        joined = word("comma", context.language).join(outside)
        note.append(word("beyond_support", context.language).format(units=joined))
    low, high = _ends(model, values)
    for term in options.terms or tuple(values):
        if term in (LOW, HIGH) or term not in values:
            continue
        of_this = [values[term], low.get(term, {}), high.get(term, {})]
        figures, below, above = ({unit: [float(x)] for unit, x in part.items()} for part in of_this)
        everything = [x for numbers in figures.values() for x in numbers]
        if options.classes and options.classes.breaks:
            classes, growing = find_classes(everything, "user", 0, options.classes.breaks), None
        else:
            classes, growing = rounded_classes(everything)
        said = heading(model, term, labels, context.language)
        yield Entry(
            key=f"maps.{name}.{term}",
            group=group,
            label=said if is_decomposition(model) else f"{said}: {what}" if term == CHANGE else said,
            measure="%" if percent else labels.measure(outcome) if is_decomposition(model) else "",
            times=("",),
            values=figures,
            classes=classes,
            colours=class_colours(classes, options.palette),
            source=word("explore.estimates", context.language, model=context.title(options.model)),
            note=" ".join(part for part in note if part),
            timed=False,
            growing=growing,
            low=below,
            high=above,
        )


def _ends(model: Model, values: Values) -> tuple[Values, Values]:
    """Term → unit → ends of the interval of what the model says of the unit."""
    if LOW in values and HIGH in values:
        return {CHANGE: values[LOW]}, {CHANGE: values[HIGH]}
    if ESTIMATORS[model.estimator].of_units == "slopes":
        rows = model.by_unit
        low, high = ({term: {row.unit: row.ci[term][end] for row in rows} for term in values} for end in (0, 1))
        return low, high
    return {}, {}


def _of_regimes(context: Context, name: str, options: maps.Regimes) -> Entry:
    """Which of two things grew where."""
    frame = pd.read_parquet(context.results / "panels" / options.panel / "panel.parquet")
    kinds = from_options(frame, options.regimes)
    words = regime_names(options.regimes, context.language)
    labels = context.labels(options.panel)
    variables = (options.regimes.first, options.regimes.second)
    of = [without_aside(labels.of(variable)) for variable in variables]
    named = options.title_in(context.language)
    title = named or word("explore.grew", context.language, first=of[0], second=of[1])
    panels = {str(span): {str(unit): kind for unit, kind in kinds[span].items()} for span in kinds.columns}
    rows = [row for row in context.panels[options.panel].codebook if row["variable"] in variables]
    names = [name for row in rows for name in (row.get("source") or "").split(";")]
    return _categories(
        name, title, context.panels[options.panel].title, panels, {r: words[r] for r in REGIMES},
        style.categorical(len(REGIMES)), sources(context, names), _note(context, options),
    )  # fmt: skip


def _of_clusters(context: Context, name: str, options: maps.Clusters) -> Iterator[Entry]:
    """Where neighbours are alike, as the map's own file has it."""
    path = context.results / "maps" / f"{name}.csv"
    if not path.is_file():
        return
    from ruralpanel.output.maps.clusters import CLASSES

    table = pd.read_csv(path, encoding="utf-8-sig")
    panel = options.panel
    what = without_aside(context.labels(panel).of(options.clusters.variable))
    periods = list(dict.fromkeys(table["period"]))
    panels = {
        str(period): {str(unit): str(kind) for unit, kind in zip(rows["unit"], rows["cluster"], strict=True)}
        for period, rows in ((period, table[table["period"] == period]) for period in periods)
    }
    words = {kind: word(f"cluster_{kind}", context.language) for kind in CLASSES}
    title = options.title_in(context.language) or word("explore.alike", context.language, name=what)
    drawn = word("explore.clusters", context.language)
    note = " ".join(text for text in (drawn, _note(context, options)) if text)
    colours = style.diverging(len(CLASSES))[::-1]
    estimated = word("explore.computed", context.language)
    yield _categories(name, title, context.panels[panel].title, panels, words, colours, estimated, note)


def _categories(
    name: str,
    title: str,
    group: str,
    panels: Mapping[str, Mapping[str, str]],
    words: Mapping[str, str],
    colours: Sequence[str],
    source: str,
    note: str,
) -> Entry:
    place = {kind: float(index) for index, kind in enumerate(words)}
    units = sorted({unit for kinds in panels.values() for unit in kinds})
    values = {unit: [place.get(kinds.get(unit, ""), math.nan) for kinds in panels.values()] for unit in units}
    edges = tuple(index - 0.5 for index in range(len(words) + 1))
    return Entry(
        key=f"maps.{name}", group=group, label=title, measure="", times=tuple(panels), values=values,
        classes=Classes(edges),
        colours=tuple(colours), source=source, note=note, categories=tuple(words.values()),
    )  # fmt: skip
