"""Public data sets with treatment dates as designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.project.kinds.estimators import ESTIMATORS

FOLDER = Path(__file__).parent / "data"


@cache
def wide(name: str) -> pd.DataFrame:
    """One row per unit: first_treated, covariates, one column per year."""
    return pd.read_csv(FOLDER / f"{name}.csv", index_col=0, dtype={"county": str, "state": str})


def mpdta(estimator: str = "did", controls: Sequence[str] = (), **settings: Any) -> Design:
    """500 counties × 2003–2007."""
    return _design(wide("mpdta"), range(2003, 2008), estimator, controls, **settings)


def ehec(estimator: str = "event_study", **settings: Any) -> Design:
    """The HonestDiD example: states that expanded Medicaid in 2014 or not before 2016, 2008–2015."""
    table = wide("ehec")
    table = table[table["first_treated"] != 2015]
    return _design(table, range(2008, 2016), estimator, (), **settings)


def castle(estimator: str = "did", **settings: Any) -> Design:
    """50 states × 2000–2010, laws of self-defence from 2005 on."""
    return _design(wide("castle"), range(2000, 2011), estimator, (), **settings)


def prop99(estimator: str = "did", **settings: Any) -> Design:
    """39 states × 1970–2000, California treated from 1989."""
    return _design(wide("prop99"), range(1970, 2001), estimator, (), **settings)


def _design(
    table: pd.DataFrame,
    years: range,
    estimator: str,
    controls: Sequence[str],
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Design:
    table = table.sort_index()
    width = len(years)
    first = np.repeat(table["first_treated"].to_numpy(dtype=float), width)
    x = np.column_stack([np.repeat(table[c].to_numpy(dtype=float), width) for c in controls]) if controls else None
    return design_from_arrays(
        table[[str(year) for year in years]].to_numpy(dtype=float).ravel(),
        np.zeros((first.size, 0)) if x is None else x,
        np.repeat(table.index.to_numpy(), width),
        np.tile(np.array(years), len(table)),
        terms=tuple(controls),
        estimator=estimator,
        effects=("unit", "period"),
        extra=Further(first_treated=first),
        options=ESTIMATORS[estimator].options.model_validate({"treatment": {}, **(options or {})}),
        **settings,
    )
