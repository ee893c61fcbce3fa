"""The charts that a report's readers explore, made from its results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ruralpanel.estimate.places.geography import Geography
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.explore.asked import Asked
from ruralpanel.output.report.explore.atlas import Land, atlas, land
from ruralpanel.output.report.explore.chart import Chart
from ruralpanel.output.report.explore.curve import specification_curve
from ruralpanel.output.report.explore.dot_charts import (
    coefficients_chart,
    leave_one_out_chart,
    scorecard_chart,
    waterfall_chart,
)
from ruralpanel.output.report.explore.entries import Entry, finding, sources
from ruralpanel.output.report.explore.of_maps import of_maps
from ruralpanel.output.report.explore.of_panels import of_panels
from ruralpanel.output.report.explore.plane_charts import (
    event_study_chart,
    marginal_effect_chart,
    power_chart,
    sensitivity_chart,
)
from ruralpanel.output.report.explore.series import series_chart
from ruralpanel.output.report.sentences import nouns
from ruralpanel.output.report.texts import anchor
from ruralpanel.output.results import OutputContext
from ruralpanel.output.words import word
from ruralpanel.project.exhibits import Exhibit
from ruralpanel.project.kinds import figures
from ruralpanel.project.kinds.options import Options
from ruralpanel.project.units import load_units

_MOST_DOTS = 5000  # that a page draws; of more units the strip shows the figures

BUILDERS: Mapping[type[Options], Callable[[Asked, Any], Chart | None]] = MappingProxyType(
    {
        figures.Coefficients: coefficients_chart,
        figures.Effects: event_study_chart,
        figures.LeaveOneOut: leave_one_out_chart,
        figures.MarginalEffect: marginal_effect_chart,
        figures.Power: power_chart,
        figures.Scorecard: scorecard_chart,
        figures.Sensitivity: sensitivity_chart,
        figures.Series: series_chart,
        figures.Curve: specification_curve,
        figures.Waterfall: waterfall_chart,
    }
)
"""Keys of declared charts that readers explore → the chart; those of other kinds stay pictures."""


def chart_of(context: Context, name: str, item: Exhibit) -> Chart | None:
    """A declared chart (``figures``) as readers explore it; None where its kind stays a picture."""
    options = item.options
    builder = BUILDERS.get(type(options))
    if builder is None or not isinstance(options, figures.Unnamed):
        return None
    where = _outputs(context, f"figures.{name}")
    source = word("explore.source", context.language, text=_source(context, options))
    asked = Asked(name, options, where, context.unit_names, nouns(context), anchor("figures", name), source)
    return builder(asked, options)


def map_entries(context: Context) -> tuple[Entry, ...]:
    """What the map shows, each with what is to be seen in it."""
    found = (*of_panels(context), *of_maps(context))
    return tuple(replace(entry, title=finding(entry, context)) for entry in found)


def map_chart(context: Context, entries: Sequence[Entry]) -> Chart | None:
    """The map of every outcome and lever, without places a strip of dots; None where nothing is to be shown."""
    if not entries:
        return None
    outlines, note = _land(context)
    return atlas(entries, outlines, context.unit_names, nouns(context), context.language, note)


def entry_of(name: str, options: Options, entries: Collection[str]) -> str | None:
    """The key among those of `map_entries` that a declared map begins with; None where it is not among them."""
    first = f"{options.get('panel')}.{next(iter(options.get('variables') or ()), '')}"
    return next((key for key in entries if key in (first, f"maps.{name}") or key.startswith(f"maps.{name}.")), None)


def _land(context: Context) -> tuple[Land | None, str]:
    """The outlines in the projection of the first declared map, or dots at positions, and words on them."""
    file, maps = context.declared.boundaries, list(context.declared.maps.values())
    units = load_units(context.root / context.declared.units)
    if not file and not Geography(units).positions:
        return None, ""
    from ruralpanel.output.maps.boundaries import load_boundaries
    from ruralpanel.output.maps.draw import boundary_note

    projection = str(maps[0].options.get("projection")) if maps else "auto"
    boundaries = load_boundaries(context.root / file if file else None, projection, units)
    if boundaries.dots and len(boundaries.shapes) > _MOST_DOTS:
        return None, ""
    return land(boundaries), boundary_note(file or "", context.declared.boundaries_note, context.language)


def _outputs(context: Context, where: str) -> OutputContext:
    units, declared = load_units(context.root / context.declared.units), context.declared
    return OutputContext(
        context.results, context.language, units.attributes, context.config_file, where, titles=declared.titles,
        names=declared.names,
    )  # fmt: skip


def _source(context: Context, options: Options) -> str:
    """Where the figures of a chart come from: of a panel's variables their sources, else the estimates' own."""
    panel = context.panels.get(options.get("panel") or "")
    if panel is None or not options.get("variables"):
        return word("explore.computed", context.language)
    rows = [row for row in panel.codebook if row["variable"] in options.get("variables")]
    return sources(context, [name for row in rows for name in (row.get("source") or "").split(";")])
