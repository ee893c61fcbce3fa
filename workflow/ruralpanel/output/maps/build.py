"""One entry of the configuration's ``maps`` → its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ruralpanel.estimate.places.geography import Geography
from ruralpanel.output.labels import Labels
from ruralpanel.output.maps.boundaries import Boundaries
from ruralpanel.output.maps.clusters import draw_clusters, find_clusters
from ruralpanel.output.maps.draw import draw, draw_regimes
from ruralpanel.output.maps.geopackage import write_geopackage
from ruralpanel.output.maps.of_models import drawer_of
from ruralpanel.output.maps.sheet import MapRow
from ruralpanel.project.files import write_frame
from ruralpanel.project.kinds import maps
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.kinds.maps import MAPS, shown_by


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
    model: Mapping[str, Any] | None = None
    folder: str = "results/maps"

    def paths(self, name: str) -> dict[str, str]:
        """Form → file of a map."""
        return {form: f"{self.folder}/{name}.{form}" for form in ("png", "svg")}


def build(name: str, spec: Mapping[str, Any], context: MapContext) -> None:
    """Draw the map that `spec` declares under the key `name`, and write its figures beside it as a GeoPackage.

    Raises
    ------
    UserError
        Whatever the kind's function finds.
    """
    kind = MAPS[shown_by(spec)]
    drawn: Sequence[MapRow] = function(kind.build)(name, kind.options.model_validate(spec), context)
    write_geopackage(f"{context.folder}/{name}.gpkg", drawn, context.boundaries, context.names)


def of_model(name: str, options: maps.OfModel, context: MapContext) -> Sequence[MapRow]:
    """What a model says of each unit."""
    model = context.model
    assert model is not None
    return drawer_of(model)(
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
