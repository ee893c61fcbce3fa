"""Maps of slopes that each unit has of its own: those told from zero, and all of them drawn to their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel import style
from ruralpanel.formats import format_auto
from ruralpanel.labels import Labels, localised
from ruralpanel.maps.classes import find_classes
from ruralpanel.maps.draw import class_colours
from ruralpanel.maps.geometry import Boundaries
from ruralpanel.maps.of_model import checked_terms
from ruralpanel.maps.sheet import NO_DATA, LegendEntry, MapPanel, MapRow, draw_sheet
from ruralpanel.unit_values import values_of
from ruralpanel.wording import word

_WORDS = {
    "own": ("Own regression", "各单位回归"),
    "drawn": ("Drawn to the mean", "向均值收缩"),
    "undecided": ("95% interval holds zero", "95% 区间包含零"),
    "note": (
        "Hatched: the 95% interval of its own regression holds zero ({counts}); were all slopes zero, one in 20 would "
        "not be hatched, by chance. Right: every slope drawn to their mean by as much as its error asks for; the true "
        "slopes' standard deviation is put at {spreads}.",
        "斜线：各单位自身回归的 95% 区间包含零（{counts}）；若斜率均为零，约二十分之一会偶然没有斜线。"
        "右：按误差大小向均值收缩的斜率；真实斜率的标准差估计为 {spreads}。",
    ),
    "count": ("{term}: {held} of {all}", "{term}：{all} 个中 {held} 个"),
    "spread": ("{value} ({term})", "{value}（{term}）"),
}


def draw_slopes(
    name: str,
    spec: Mapping[str, Any],
    model: Mapping[str, Any],
    labels: Labels,
    boundaries: Boundaries,
    names: Mapping[str, str],
    paths: Mapping[str, str | Path],
    language: str = "en",
    boundary_note: str = "",
    font: str | Path | None = None,
) -> None:
    """Draw an entry with ``model`` of common correlated effects: a row for each term, two maps of one set of classes.

    Left, slopes of each unit's own regression, hatched where its 95 % interval holds zero; right, all slopes drawn to
    their mean (`ruralpanel.estimators.mean_group.shrunken`). A map of the plain slopes would show mostly their errors.

    Parameters
    ----------
    model : the model's JSON. labels : of its panel. names : unit id → name on the map.

    Raises
    ------
    UserError
        Terms that the model does not have, or no unit has a polygon.
    """
    own = values_of(model)
    terms = checked_terms(name, spec, own, boundaries)
    entries = {str(row["unit"]): row for row in model["by_unit"]}
    declared = dict(spec.get("classes") or {})
    rows, held = [], {}
    for term in terms:
        drawn = {unit: float(row["shrunken"][term]) for unit, row in entries.items()}
        undecided = {unit for unit, row in entries.items() if row["ci"][term][0] <= 0.0 <= row["ci"][term][1]}
        held[term] = len(undecided)
        classes = find_classes(
            [*own[term].values(), *drawn.values()],
            str(declared.get("method", "quantiles")),
            int(declared.get("number", 5)),
            declared.get("breaks") or (),
        )
        colours = class_colours(classes, str(spec.get("palette", "diverging")))
        left = {**classes.fills(own[term], colours), **dict.fromkeys(undecided, NO_DATA)}
        panels = (
            MapPanel(_word("own", language), left),
            MapPanel(_word("drawn", language), classes.fills(drawn, colours)),
        )
        legend = [LegendEntry(c, text) for c, text in zip(colours, classes.labels(), strict=True)][::-1]
        legend.append(LegendEntry(NO_DATA, _word("undecided", language)))
        if set(boundaries.shapes) - set(entries):
            legend.append(LegendEntry(style.OUTSIDE, word("not_asked", language)))
        rows.append(MapRow(labels.of(term), "", panels, tuple(legend)))
    note = _note(model, terms, held, len(entries), labels, language)
    gap = "" if language == "zh" else " "
    notes = gap.join(text for text in (note, localised(spec, "note", language), boundary_note) if text)
    shown = {unit: text for unit, text in names.items() if unit in entries} if spec.get("labels", True) else {}
    title = localised(spec, "title", language)
    draw_sheet(rows, boundaries, shown, paths, title, [notes], f"maps.{name}", font)


def _note(
    model: Mapping[str, Any], terms: Sequence[str], held: Mapping[str, int], units: int, labels: Labels, language: str
) -> str:
    counts = (_word("count", language).format(term=labels.of(term), held=held[term], all=units) for term in terms)
    spreads = (
        _word("spread", language).format(value=format_auto(float(model["spread"][term]), 2), term=labels.of(term))
        for term in terms
    )
    join = word("comma", language).join
    return _word("note", language).format(counts=join(counts), spreads=join(spreads))


def _word(key: str, language: str) -> str:
    return _WORDS[key][language == "zh"]
