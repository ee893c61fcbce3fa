"""The rows and columns of declared models, read from the panels that they are estimated on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ruralpanel.contracts.problems import Problem, UserError, raise_any
from ruralpanel.contracts.specs import ModelSpec
from ruralpanel.design import build_design
from ruralpanel.estimators.base import Design
from ruralpanel.spatial.geography import Geography


def designs_of(
    models: Iterable[Mapping[str, Any]],
    samples: Mapping[str, Mapping[str, Any]],
    panels: Mapping[str, str],
    geography: Geography,
    by: Mapping[str, str],
) -> dict[str, Design]:
    """Model → its design.

    Parameters
    ----------
    models : specifications as plain values. samples : declared samples. panels : panel → its Parquet file.
    geography : the cross-section and what is known of its places. by : panel → year or observation: how lags count.

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
            frame, sample = frames[spec.panel], samples.get(spec.sample)
            design = build_design(spec, frame, geography.units, sample, geography.file, by[spec.panel])
            found[spec.name] = geography.placed(design)
        except UserError as error:
            problems += error.problems
    raise_any(problems)
    return found
