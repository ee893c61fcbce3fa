"""Maps of what a model says of each unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruralpanel import style
from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any
from ruralpanel.labels import Labels, localised
from ruralpanel.maps.classes import find_classes
from ruralpanel.maps.draw import class_colours
from ruralpanel.maps.geometry import Boundaries
from ruralpanel.maps.sheet import LegendEntry, MapPanel, MapRow, draw_sheet
from ruralpanel.unit_values import Values, heading, in_percent, percent_of_level, values_of
from ruralpanel.wording import word

_ASIDE = re.compile(r"\s*[(（][^()（）]*[)）]$")  # "(log)" at the end of a label


def draw_model(
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
    """Draw an entry with ``model``: a map for each of its ``terms``, with one set of classes.

    Up to three maps stand beside each other, more in rows of two.

    Parameters
    ----------
    model : the model's JSON. labels : of its panel. names : unit id → name on the map.

    Raises
    ------
    UserError
        The model says nothing of single units, or not under these terms; or no unit has a polygon.
    """
    percent = percent_of_level(model, labels.formulas)
    values = in_percent(values_of(model)) if percent else values_of(model)
    terms = _checked(name, spec, model, values, boundaries)
    declared = dict(spec.get("classes") or {})
    everything = [value for term in terms for value in values[term].values()]
    classes = find_classes(
        everything,
        str(declared.get("method", "quantiles")),
        int(declared.get("number", 5)),
        declared.get("breaks") or (),
    )
    colours = class_colours(classes, str(spec.get("palette", "diverging")))
    entries = [LegendEntry(colour, text) for colour, text in zip(colours, classes.labels(), strict=True)][::-1]
    panels = [MapPanel(heading(model, term, labels, language), classes.fills(values[term], colours)) for term in terms]
    if any(set(boundaries.shapes) - set(panel.fills) for panel in panels):
        entries.append(LegendEntry(style.OUTSIDE, word("not_asked", language)))
    legend = tuple(entries)
    outcome = str(model["outcome"])
    title = _ASIDE.sub("", labels.of(outcome)) if percent else labels.of(outcome)
    measure = "%" if percent else labels.measure(outcome)
    side_by_side = len(panels) if len(panels) <= 3 else 2
    rows = [
        MapRow("" if start else title, "" if start else measure, tuple(panels[start : start + side_by_side]), legend)
        for start in range(0, len(panels), side_by_side)
    ]
    shown = names if spec.get("labels", True) else {}
    units = {unit for term in terms for unit in values[term]}
    outside = [names.get(unit, unit) for unit in (model.get("support") or {}).get("outside") or ()]
    beyond = word("beyond_support", language).format(units=word("comma", language).join(outside)) if outside else ""
    gap = "" if language == "zh" else " "
    note = gap.join(text for text in (localised(spec, "note", language), beyond, boundary_note) if text)
    draw_sheet(
        rows, boundaries, {unit: text for unit, text in shown.items() if unit in units}, paths,
        localised(spec, "title", language), [note] if note else [], f"maps.{name}", font,
    )  # fmt: skip


def _checked(
    name: str, spec: Mapping[str, Any], model: Mapping[str, Any], values: Values, boundaries: Boundaries
) -> tuple[str, ...]:
    if not values:
        found = f'"{spec["model"]}" of estimator {model["estimator"]}, which says nothing of single units'
        raise UserError(Problem(CONFIGURATION, f"maps.{name}.model", found, "a counterfactual, a decomposition or cce"))
    return checked_terms(name, spec, values, boundaries)


def checked_terms(name: str, spec: Mapping[str, Any], values: Values, boundaries: Boundaries) -> tuple[str, ...]:
    """The declared ``terms``, else all of `values`.

    Raises
    ------
    UserError
        Terms without values, or no unit of theirs has a polygon.
    """
    terms = tuple(str(term) for term in spec.get("terms") or values)
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
