"""Figures of one series as a matrix of units and periods, and how finely they are printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.contracts.specs import SeriesSpec, SourceSpec

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Matrix:
    """One series.

    Attributes
    ----------
    source, spec : whose series, and what is declared of it.
    units (n), periods (t, rising) : labels.
    values (n, t) : figures in the published measure, NaN where there is none.
    corrected (n, t) : whether a correction touched the figure.
    resolution : the step in which the figures are printed (0.1 for one decimal, 100 for hundreds).
    """

    source: str
    spec: SeriesSpec
    units: tuple[str, ...]
    periods: tuple[int, ...]
    values: FloatArray
    corrected: BoolArray
    resolution: float

    @property
    def name(self) -> str:
        """``source.series``."""
        return f"{self.source}.{self.spec.key}"

    def number(self, i: int, t: int) -> float | None:
        """A figure, None where there is none."""
        value = float(self.values[i, t])
        return value if np.isfinite(value) else None

    def aligned(self, like: Matrix) -> FloatArray:
        """These figures in the places of another series' units and periods."""
        if self.units == like.units and self.periods == like.periods:
            return self.values
        values = np.full(like.values.shape, np.nan)
        to_rows, from_rows = _shared(like.units, self.units)
        to_columns, from_columns = _shared(like.periods, self.periods)
        values[np.ix_(to_rows, to_columns)] = self.values[np.ix_(from_rows, from_columns)]
        return values

    def with_values(self, values: FloatArray) -> Matrix:
        """The same series with other figures."""
        return replace(self, values=values, resolution=resolution(values))


_MOST_CODES, _LEAST_PER_CODE = 20, 5


def is_coded(matrix: Matrix) -> bool:
    """Whether figures are codes: a dummy, or few whole numbers that come again and again (years of school, trades)."""
    figures = matrix.values[np.isfinite(matrix.values)]
    kinds = np.unique(figures)
    few = kinds.size <= 2 or (kinds.size <= _MOST_CODES and bool(np.all(kinds == np.round(kinds))))
    return few and figures.size >= _LEAST_PER_CODE * kinds.size


def matrices(figures: Mapping[str, pd.DataFrame], sources: Mapping[str, SourceSpec]) -> tuple[Matrix, ...]:
    """Every series of every source (ingest tables as `ruralpanel.harmonise` gives them) as a `Matrix`."""
    return tuple(
        matrix
        for source, frame in figures.items()
        for matrix in _of_source(source, frame, sources[source].series if source in sources else {})
    )


def _of_source(source: str, frame: pd.DataFrame, specs: Mapping[str, SeriesSpec]) -> list[Matrix]:
    found = []
    for key, rows in frame.groupby("series", observed=True, sort=True):
        unit_codes, units = pd.factorize(rows["unit"].astype("str"), sort=True)
        period_codes, periods = pd.factorize(rows["period"].to_numpy(), sort=True)
        values = np.full((len(units), len(periods)), np.nan)
        values[unit_codes, period_codes] = rows["value"].to_numpy()
        corrected = np.zeros(values.shape, dtype=bool)
        corrected[unit_codes, period_codes] = (rows["correction"].astype("str") != "").to_numpy()
        spec = specs.get(str(key)) or SeriesSpec(str(key), str(rows["measure"].iloc[0]))
        labels = tuple(str(unit) for unit in units), tuple(int(period) for period in periods)
        found.append(Matrix(source, spec, *labels, values, corrected, resolution(values)))
    return found


def _shared(new: tuple[Any, ...], old: tuple[Any, ...]) -> tuple[list[int], list[int]]:
    at = {label: i for i, label in enumerate(old)}
    pairs = [(i, at[label]) for i, label in enumerate(new) if label in at]
    return [i for i, _ in pairs], [i for _, i in pairs]


def resolution(values: FloatArray) -> float:
    """The coarsest power of ten, from 1000 to 10^-6, of which every figure is a multiple."""
    figures = values[np.isfinite(values) & (values != 0)]
    if not len(figures):
        return 1.0
    for exponent in range(3, -6, -1):
        scaled = figures / 10.0**exponent
        if np.all(np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-3)):
            return float(10.0**exponent)
    return 1e-6
