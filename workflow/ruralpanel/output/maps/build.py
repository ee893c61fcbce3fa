"""Maps from declaration to drawing, and their figures with polygons as a GeoPackage, for QGIS and the like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.places.geography import Geography
from ruralpanel.output import style
from ruralpanel.output.labels import Labels
from ruralpanel.output.maps.boundaries import Boundaries
from ruralpanel.output.maps.clusters import draw_clusters, find_clusters
from ruralpanel.output.maps.draw import draw, draw_regimes
from ruralpanel.output.maps.of_models import draw_model
from ruralpanel.output.maps.sheet import MapRow
from ruralpanel.project.exhibits import read_exhibit
from ruralpanel.project.files import atomic_path, write_frame
from ruralpanel.project.kinds import maps
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.kinds.maps import MAPS
from ruralpanel.project.problems import CONFIGURATION

NO_CLOCK = "2000-01-01T00:00:00Z"
"""What stands for the time of writing, so that the same figures give the same bytes."""

_SETTINGS = {"OGR_CURRENT_DATE": NO_CLOCK, "OGR_SQLITE_SYNCHRONOUS": "OFF"}
"""Of GDAL. It need not wait for the disk after each layer: the file is renamed when it is whole."""

LONGEST = 60
"""Characters of a layer's name."""


def write_geopackage(
    path: str | Path, rows: Sequence[MapRow], boundaries: Boundaries, names: Mapping[str, str]
) -> None:
    """Write a layer for each map of a sheet, in the order in which they are drawn.

    Columns: ``id``, ``name``, ``value`` (empty where there is no figure), ``class`` (as in the legend) and the polygon
    as the boundaries file has it, in degrees (EPSG:4326).

    Parameters
    ----------
    rows : what is drawn. names : unit id → name.
    """
    import pyogrio

    frame = boundaries.polygons[["id", "geometry"]].copy()
    frame["id"] = frame["id"].astype(str)
    frame["name"] = [names.get(identifier, "") for identifier in frame["id"]]
    panels = [(row, panel) for row in rows for panel in row.panels]
    pyogrio.set_gdal_config_options(_SETTINGS)
    try:
        with atomic_path(path) as temporary:
            for number, (row, panel) in enumerate(panels, 1):
                legend = {entry.fill: entry.label for entry in panel.legend or row.legend}
                frame["value"] = [panel.values.get(identifier, math.nan) for identifier in frame["id"]]
                fills = [panel.fills.get(identifier, style.OUTSIDE) for identifier in frame["id"]]
                frame["class"] = [legend.get(fill, "") for fill in fills]
                layer = frame[["id", "name", "value", "class", "geometry"]]
                name = _name(number, row.title, panel.heading)
                pyogrio.write_dataframe(layer, temporary, layer=name, driver="GPKG", append=number > 1)
    finally:
        pyogrio.set_gdal_config_options(dict.fromkeys(_SETTINGS))


def _name(number: int, title: str, heading: str) -> str:
    """``2 Workers per 1,000 residents, 2019``, short enough to be read in a list of layers; the heading stays whole."""
    room = LONGEST - len(f"{number} , {heading}")
    short = title if len(title) <= room else f"{title[: max(room - 1, 0)]}…"
    words = ", ".join(text for text in (short, heading) if text).replace('"', "”")
    return f"{number} {words}" if words else str(number)


@dataclass(frozen=True)
class MapContext:
    """What maps are drawn from.

    Attributes
    ----------
    boundaries : polygons in the map's projection. names : unit id → name in print. labels : of variables.
    frame : the panel (None: a map of a model). model : its results (None: a map of a panel).
    geography, seed : neighbours and random arrangements, for clusters. note : words under every map.
    folder : where the files go.
    """

    boundaries: Boundaries
    names: Mapping[str, str]
    labels: Labels
    language: str
    note: str
    geography: Geography
    seed: int
    frame: pd.DataFrame | None = None
    model: Model | None = None
    folder: str = "results/maps"

    def paths(self, name: str) -> dict[str, str]:
        """Form → file of a map."""
        return {form: f"{self.folder}/{name}.{form}" for form in ("png", "svg")}


def build(name: str, spec: Mapping[str, object], context: MapContext) -> None:
    """Draw the map that `spec` declares under the key `name`, and write its figures beside it as a GeoPackage.

    Raises
    ------
    UserError
        Whatever the kind's function finds.
    """
    item = read_exhibit(MAPS, spec, CONFIGURATION, f"maps.{name}")
    drawn: Sequence[MapRow] = function(item.kind.build)(name, item.options, context)
    write_geopackage(f"{context.folder}/{name}.gpkg", drawn, context.boundaries, context.names)


def of_model(name: str, options: maps.OfModel, context: MapContext) -> Sequence[MapRow]:
    """What a model says of each unit."""
    model = context.model
    assert model is not None
    return draw_model(
        name, options, model, context.labels, context.boundaries, context.names, context.paths(name), context.language,
        context.note,
    )  # fmt: skip


def of_regimes(name: str, options: maps.Regimes, context: MapContext) -> Sequence[MapRow]:
    """Which of two things grew where."""
    frame = context.frame
    assert frame is not None
    return draw_regimes(
        name, options, frame, context.boundaries, context.names, context.paths(name), context.language, context.note
    )


def of_clusters(name: str, options: maps.Clusters, context: MapContext) -> Sequence[MapRow]:
    """Where neighbours are alike; the figures behind the map go beside it."""
    frame = context.frame
    assert frame is not None
    clusters = find_clusters(name, options, frame, context.geography, context.seed, f"maps.{name}")
    drawn = draw_clusters(
        name, options, clusters, sorted(set(frame["unit"])), context.boundaries, context.names, context.paths(name),
        context.language, context.note,
    )  # fmt: skip
    write_frame(f"{context.folder}/{name}.csv", clusters.table)
    return drawn


def of_variables(name: str, options: maps.Variables, context: MapContext) -> Sequence[MapRow]:
    """Variables in some periods."""
    frame = context.frame
    assert frame is not None
    return draw(
        name, options, frame, context.labels, context.boundaries, context.names, context.paths(name), context.language,
        context.note,
    )  # fmt: skip
