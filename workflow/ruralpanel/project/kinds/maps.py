"""The table of kinds of map: what an entry may show, and the keys that go with it; no pandas.

An entry has no ``type``: the first of these names that it has as a key says what it shows. To add a kind: an entry
here, a function below ``output/maps``, a row in docs/tables.md. ``tests/project/test_kinds.py`` says what is missing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from ruralpanel.project.kinds.facts import Output, of_units
from ruralpanel.project.kinds.options import Above, Draws, Names, Options, Spans, Titled, Year, key, required

_Palette = Literal["sequential", "diverging"]
_Regime = Literal["both", "first", "second", "neither"]
_PALETTE = "Colours; diverging, pale around zero, is the default of models"


class Map(Titled):
    """Keys of every map."""

    labels: bool = key("Names of units on the map", default=True)
    projection: str = key("auto (equal-area, fitted to the polygons) or anything PROJ understands", default="auto")
    note: str | None = key("Words under the map")
    note_zh: str | None = key("The same in Chinese")


class Classes(Options):
    """How values become colours."""

    method: Literal["quantiles", "equal", "user"] = key("How breaks are found", default="quantiles")
    number: Annotated[int, Field(ge=2, le=9)] = key("Number of classes", default=5)
    shared: bool = key("One set of breaks for all periods of a variable", default=True)
    breaks: tuple[float, ...] | None = key("Inner breaks (user)")


class OfModel(Map):
    """Keys of maps of what a model says of each unit."""

    model: str = required(
        "A model that says something of each unit (counterfactual, decomposition, cce), in place of panel and variables"
    )
    terms: Names | None = key("What is shown of each unit, one map each (model); absent: all")
    classes: Classes | None = key("How values become colours")
    palette: _Palette = key(_PALETTE, default="diverging")


class Grown(Options):
    """Which of two things grew where."""

    first: str = required("First variable")
    second: str = required("Second variable")
    spans: Spans = required("Spans of years, one map each")
    above: Above | None = key("What a change must exceed to count as growth")
    labels: dict[_Regime, str] | None = key("Words for both, first, second, neither")
    labels_zh: dict[_Regime, str] | None = key("The same in Chinese")


class Regimes(Map):
    """Keys of maps of what grew where."""

    panel: str = required("A name under panels")
    regimes: Grown = required("Which of two things grew where, in place of variables")


class Moran(Options):
    """Where units and their neighbours are alike."""

    variable: str = required("Variable looked at")
    weights_matrix: str = required("A name under weights_matrices")
    draws: Draws = key("Random arrangements of the other units", default=9999)
    adjust: bool = key("p-values for as many tests as there are units (Benjamini and Hochberg)", default=True)


class Clusters(Map):
    """Keys of maps of neighbours alike."""

    panel: str = required("A name under panels")
    clusters: Moran = required(
        "Where units and their neighbours are alike or unlike (local Moran's I), in place of variables"
    )
    periods: tuple[Year, ...] | None = key("Periods, one column of maps each; absent: first and last")


class Variables(Map):
    """Keys of maps of variables."""

    panel: str = required("A name under panels")
    variables: Names = required("Variables, one row of maps each")
    periods: tuple[Year, ...] | None = key("Periods, one column of maps each; absent: first and last")
    classes: Classes | None = key("How values become colours")
    palette: _Palette = key(_PALETTE, default="sequential")


MAPS: Mapping[str, Output] = MappingProxyType(
    {
        "model": Output(build="ruralpanel.output.maps.build:of_model", options=OfModel, fits=of_units),
        "regimes": Output(build="ruralpanel.output.maps.build:of_regimes", options=Regimes),
        "clusters": Output(build="ruralpanel.output.maps.build:of_clusters", options=Clusters),
        "variables": Output(build="ruralpanel.output.maps.build:of_variables", options=Variables),
    }
)


def shown_by(spec: Mapping[str, object]) -> str:
    """What an entry shows; empty where it has no such key."""
    return next((kind for kind in MAPS if kind in spec), "")
