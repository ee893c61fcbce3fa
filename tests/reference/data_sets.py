"""Public data sets as designs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design


@cache
def table(name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns unit, period, y and the regressors; and the regressors' names."""
    if name == "munnell":
        from linearmodels.datasets import munnell

        raw = munnell.load()
        frame = pd.DataFrame(
            {
                "unit": raw["ST_ABB"],
                "period": raw["YR"],
                "y": np.log(raw["GSP"]),
                "log_pcap": np.log(raw["P_CAP"]),
                "log_pc": np.log(raw["PC"]),
                "log_emp": np.log(raw["EMP"]),
                "unemp": raw["UNEMP"],
            }
        )
    elif name in ("grunfeld", "grunfeld_199"):
        from statsmodels.datasets import grunfeld

        raw = grunfeld.load_pandas().data
        raw = raw[raw["firm"] != "American Steel"]
        frame = raw.rename(columns={"firm": "unit", "year": "period", "invest": "y"})
        if name == "grunfeld_199":
            frame = frame[(frame["unit"] != "Diamond Match") | (frame["period"] < 1954)]
    elif name == "jobtraining":
        from linearmodels.datasets import jobtraining

        raw = jobtraining.load()[["fcode", "year", "lscrap", "grant", "grant_1"]].dropna()
        frame = raw.rename(columns={"fcode": "unit", "year": "period", "lscrap": "y"})
    else:
        raise KeyError(name)
    frame = frame.reset_index(drop=True)
    return frame, tuple(column for column in frame if column not in ("unit", "period", "y"))


def design(name: str, estimator: str, effects: Sequence[str] = (), rows: Any = None, **settings: Any) -> Design:
    """The named data set for an estimator; `rows` selects some of its rows."""
    frame, terms = table(name)
    frame = frame if rows is None else frame[rows]
    return design_from_arrays(
        frame["y"].to_numpy(),
        frame[list(terms)].to_numpy(dtype=float),
        frame["unit"].tolist(),
        frame["period"].astype(int).tolist(),
        terms=terms,
        estimator=estimator,
        effects=effects,
        name=name,
        **settings,
    )
