"""The rows and columns of declared models, read from the panels that they are estimated on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ruralpanel.contracts.problems import Problem, UserError, raise_any
from ruralpanel.contracts.specs import ModelSpec
from ruralpanel.contracts.units import Units
from ruralpanel.design import build_design
from ruralpanel.estimators.base import Design


def designs_of(
    models: Iterable[Mapping[str, Any]],
    samples: Mapping[str, Mapping[str, Any]],
    panels: Mapping[str, str],
    units: Units,
    file: str = "config.yaml",
) -> dict[str, Design]:
    """Model → its design.

    Parameters
    ----------
    models : specifications as plain values. samples : declared samples. panels : panel → its Parquet file.

    Raises
    ------
    UserError
        All problems of all models.
    """
    frames: dict[str, pd.DataFrame] = {}
    found: dict[str, Design] = {}
    problems: list[Problem] = []
    for values in models:
        spec = ModelSpec.from_dict(values)
        if spec.panel not in frames:
            frames[spec.panel] = pd.read_parquet(panels[spec.panel])
        try:
            found[spec.name] = build_design(spec, frames[spec.panel], units, samples.get(spec.sample), file)
        except UserError as error:
            problems += error.problems
    raise_any(problems)
    return found
