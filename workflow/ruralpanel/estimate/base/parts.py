"""Parts of results that only some estimators have, a class for each."""

from __future__ import annotations

from dataclasses import dataclass

from ruralpanel.estimate.base.model_json import Notes


@dataclass(frozen=True)
class SpatialWeights:
    """A matrix of neighbours: its name, what it is, how rows are scaled, its size and density."""

    name: str = ""
    what: Notes = ()
    standardise: str = "none"
    units: int = 0
    pairs: int = 0
    fewest_neighbours: int = 0
    mean_neighbours: float = 0.0
    most_neighbours: int = 0
