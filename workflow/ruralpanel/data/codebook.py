"""What a panel holds: its columns in numbers, and for how many units each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.break_steps import MARK
from ruralpanel.project.measures import AS_PUBLISHED
from ruralpanel.project.notes import Note, statements
from ruralpanel.project.settings import VariableSpec

COLUMNS = ("variable", "measure", "formula", "n", "missing", "mean", "sd", "sd_within", "min", "max", "remarks")


def columns(
    frame: pd.DataFrame,
    variables: Mapping[str, VariableSpec],
    measures: Mapping[str, str],
    remarks: Mapping[str, Sequence[Note]],
) -> pd.DataFrame:
    """What computations read of each column of the panel, in its order (`COLUMNS`): no words that a user may change.

    `sd` and `sd_within` (of the deviations from each unit's mean) divide by n − 1; all figures are of the cells that
    are there.

    Parameters
    ----------
    frame : columns ``unit``, ``period`` and the variables.
    measures : variable → measure of its values. remarks : variable → what happened to it, written as `statements`.
    """
    rows = []
    codes = pd.factorize(frame["unit"])[0]
    for name in map(str, frame.columns[2:]):
        about = {"measure": "share", "formula": "", "remarks": ""}
        if MARK not in name:
            about = {
                "measure": _measure(variables[name], measures.get(name, "")),
                "formula": variables[name].formula,
                "remarks": statements(remarks.get(name, ())),
            }
        rows.append({"variable": name, **about, **describe_column(frame[name].to_numpy(), codes)})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "int64", "missing": "int64"})


def _measure(variable: VariableSpec, measure: str) -> str:
    """The measure of a column's values; says so where a series is taken as published, without a measure wanted."""
    if variable.formula or variable.measure or measure == AS_PUBLISHED:
        return measure
    return f"{measure} ({AS_PUBLISHED})"


def describe_column(
    values: np.ndarray[Any, np.dtype[np.float64]], codes: np.ndarray[Any, np.dtype[np.intp]]
) -> dict[str, float]:
    """n, missing, mean, sd, sd_within, min, max of a column; `codes` number its units."""
    present = ~np.isnan(values)
    x, unit = values[present], codes[present]
    summary = {"n": int(present.sum()), "missing": int((~present).sum())}
    if not x.size:
        return {**summary, **dict.fromkeys(("mean", "sd", "sd_within", "min", "max"), np.nan)}
    counts = np.bincount(unit)
    means = np.bincount(unit, weights=x) / np.maximum(counts, 1)
    within = x - means[unit]
    # Rounding leaves dust where a figure does not vary within units.
    squares = float(within @ within) if np.abs(within).max() > 1e-12 * np.abs(x).max() else 0.0
    spread = x.size > 1
    return {
        **summary,
        "mean": float(x.mean()),
        "sd": float(x.std(ddof=1)) if spread else np.nan,
        "sd_within": float(np.sqrt(squares / (x.size - 1))) if spread else np.nan,
        "min": float(x.min()),
        "max": float(x.max()),
    }


def coverage(frame: pd.DataFrame, periods: Sequence[int], left_out: Mapping[str, Note]) -> pd.DataFrame:
    """Share of units with a figure: one row per variable, one column per period, and why a variable is left out."""
    rows: list[dict[str, object]] = []
    at = pd.Index(list(periods)).get_indexer(pd.Index(frame["period"]))
    number = np.bincount(at, minlength=len(periods))
    for name in frame.columns[2:]:
        if MARK not in str(name):
            present = frame[name].notna().to_numpy()
            shares = np.bincount(at, weights=present, minlength=len(periods)) / number
            rows.append({"variable": name, **dict(zip(map(str, periods), shares.tolist(), strict=True)), "remark": ""})
    for name, reason in left_out.items():
        rows.append({"variable": name, **{str(t): 0.0 for t in periods}, "remark": statements([reason])})
    return pd.DataFrame(rows, columns=["variable", *map(str, periods), "remark"])
