"""The figures of maps with their polygons as a GeoPackage, for QGIS and other geographic information systems."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ruralpanel.output import style
from ruralpanel.output.maps.boundaries import Boundaries
from ruralpanel.output.maps.sheet import MapRow
from ruralpanel.project.files import atomic_path

NO_CLOCK = "2000-01-01T00:00:00Z"
"""What stands for the time of writing, so that the same figures give the same bytes."""

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
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": NO_CLOCK})
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
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _name(number: int, title: str, heading: str) -> str:
    """``2 Workers per 1,000 residents, 2019``, short enough to be read in a list of layers; the heading stays whole."""
    room = LONGEST - len(f"{number} , {heading}")
    short = title if len(title) <= room else f"{title[: max(room - 1, 0)]}…"
    words = ", ".join(text for text in (short, heading) if text).replace('"', "”")
    return f"{number} {words}" if words else str(number)
