"""What a check of plausibility finds, and the figures of a series as a matrix of units and periods."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import compress, pairwise
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.figures import without_attrs
from ruralpanel.project.notes import Note, statements
from ruralpanel.project.periods import shown, written
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.sidecars import SourceSpec

CHECKS = (
    "control_total",
    "identity",
    "bound",
    "range",
    "common_jump",
    "spread",
    "jump",
    "spike",
    "outlier",
    "repeat",
    "repeated_year",
    "repeated_unit",
    "other_source",
)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes
    ----------
    check : one of `CHECKS`.
    source, series : the series that it was seen in.
    unit : id; empty where it concerns all units.
    period : year.
    value : the figure; expected : what the check expected in its place; both in the published measure, None where
        there is no such number.
    size : how far off. A log ratio (``jump``, ``spike``, ``common_jump``, ``outlier``, ``other_source``), a
        share of the expected value (``control_total``, ``identity``, ``bound``), a ratio (``spread``), a count of
        equal figures (``repeat…``), the distance from the bound (``range``).
    note : what was seen, None where the check says it all.
    since : the period that `period` was compared with (0: none).
    involved : further series, ``source.series``, that may hold the fault.
    declared, declared_by : whether and by what the sidecars account for it.
    """

    check: str
    source: str
    series: str
    unit: str
    period: int
    value: float | None
    expected: float | None
    size: float
    note: Note | None = None
    since: int = 0
    involved: tuple[str, ...] = ()
    declared: bool = False
    declared_by: Note | None = None


def undeclared(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that nothing accounts for."""
    return tuple(finding for finding in findings if not finding.declared)


def to_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """One row per finding, a column per attribute; notes as `statements`, `involved` joined by blanks."""
    names = [field.name for field in fields(Finding)]
    rows = [[getattr(finding, name) for name in names] for finding in findings]
    frame = pd.DataFrame(rows, columns=names)
    for name in ("period", "since"):
        frame[name] = [written(number) for number in frame[name]]
    frame["involved"] = [" ".join(value) for value in frame["involved"]]
    for name in ("note", "declared_by"):
        frame[name] = ["" if value is None else statements([value]) for value in frame[name]]
    return frame.astype({"value": "float64", "expected": "float64", "size": "float64"})


FloatArray = np.ndarray[Any, np.dtype[np.float64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]
IntArray = np.ndarray[Any, np.dtype[np.intp]]


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

    def finding(
        self,
        check: str,
        i: int | None,
        t: int,
        numbers: tuple[float | None, float | None, float],
        seen: Note,
        since: int = 0,
        involved: tuple[str, ...] = (),
    ) -> Finding:
        """A finding at a figure, or (`i` None) at a period; `numbers`: value, expected value, size."""
        unit = "" if i is None else self.units[i]
        return Finding(check, self.source, self.spec.key, unit, self.periods[t], *numbers, seen, since, involved)

    def aligned(self, like: Matrix) -> FloatArray:
        """These figures in the places of another series' units and periods."""
        if self.units == like.units and self.periods == like.periods:
            return self.values
        values = np.full(like.values.shape, np.nan)
        to_rows, from_rows = _shared(like.units, self.units)
        to_columns, from_columns = _shared(like.periods, self.periods)
        values[np.ix_(to_rows, to_columns)] = self.values[np.ix_(from_rows, from_columns)]
        return values


_MOST_CODES, _LEAST_PER_CODE = 20, 5


def is_coded(matrix: Matrix) -> bool:
    """Whether figures are codes: a dummy, or few whole numbers that come again and again (years of school, trades)."""
    figures = matrix.values[np.isfinite(matrix.values)]
    if np.unique(figures[:_LOOK]).size > _MOST_CODES:
        return False
    kinds = np.unique(figures)
    few = kinds.size <= 2 or (kinds.size <= _MOST_CODES and bool(np.all(kinds == np.round(kinds))))
    return few and figures.size >= _LEAST_PER_CODE * kinds.size


def matrices(
    figures: Mapping[str, pd.DataFrame], sources: Mapping[str, SourceSpec], aggregates: Collection[str] = ()
) -> tuple[Matrix, ...]:
    """Every series of every source (ingest tables as `ruralpanel.data.harmonise` gives them) as a `Matrix`.

    The rows of `aggregates` are left out where a series has other units too: they would be counted twice.
    """
    return tuple(
        matrix
        for source, frame in figures.items()
        for matrix in _of_source(source, frame, sources[source].series if source in sources else {}, aggregates)
    )


def _of_source(
    source: str, frame: pd.DataFrame, specs: Mapping[str, SeriesSpec], aggregates: Collection[str]
) -> list[Matrix]:
    matrices = []
    frame = without_attrs(frame)
    codes, names = _levels(frame["unit"])
    frame = frame.assign(unit_code=codes, corrected=_corrected(frame["correction"]))
    for key, rows in _by_series(frame):
        single = ~rows["unit"].isin(list(aggregates)) if aggregates else None
        if single is not None and single.any():
            rows = rows[single]
        unit_codes, units = _occurring(rows["unit_code"].to_numpy(), names)
        period_codes, periods = pd.factorize(rows["period"].to_numpy(), sort=True)
        values = np.full((len(units), len(periods)), np.nan)
        values[unit_codes, period_codes] = rows["value"].to_numpy()
        corrected = np.zeros(values.shape, dtype=bool)
        corrected[unit_codes, period_codes] = rows["corrected"].to_numpy()
        spec = specs.get(key) or SeriesSpec(key, str(rows["measure"].iloc[0]))
        labels = units, tuple(shown(period) for period in periods)
        matrices.append(Matrix(source, spec, *labels, values, corrected, resolution(values)))
    return matrices


def _by_series(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each series, by its name; without a copy where they stand together, as ingest writes them."""
    series = frame["series"].astype("category").cat
    codes = series.codes.to_numpy()
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])[: len(codes)])
    if len(np.unique(codes[starts])) < len(starts):
        yield from ((str(key), rows) for key, rows in frame.groupby("series", observed=True, sort=True))
        return
    edges = pairwise([*starts.tolist(), len(frame)])
    for key, start, end in sorted((str(series.categories[codes[start]]), start, end) for start, end in edges):
        yield key, frame.iloc[start:end]


def _corrected(corrections: pd.Series) -> BoolArray:
    """Whether a correction touched each row: of a categorical without a text for each row."""
    kinds = corrections.astype("category").cat
    return np.array([name != "" for name in kinds.categories], dtype=bool)[kinds.codes.to_numpy()]


def _levels(names: pd.Series) -> tuple[IntArray, tuple[str, ...]]:
    """Codes of all names that a column may hold, and these, sorted: of a categorical without a text for each row."""
    kinds = names.astype("category").cat
    levels = [str(name) for name in kinds.categories.tolist()]
    if kinds.categories.is_monotonic_increasing:
        return kinds.codes.to_numpy().astype(np.intp), tuple(levels)
    order = sorted(range(len(levels)), key=levels.__getitem__)
    return np.argsort(order)[kinds.codes.to_numpy()], tuple(levels[i] for i in order)


def _occurring(codes: IntArray, names: tuple[str, ...]) -> tuple[IntArray, tuple[str, ...]]:
    """Codes of the names that occur, and these."""
    present = np.bincount(codes, minlength=len(names)) > 0
    if present.all():
        return codes, names
    return (np.cumsum(present) - 1)[codes], tuple(compress(names, present))


def _shared(new: tuple[Any, ...], old: tuple[Any, ...]) -> tuple[list[int], list[int]]:
    at = {label: i for i, label in enumerate(old)}
    pairs = [(i, at[label]) for i, label in enumerate(new) if label in at]
    return [i for i, _ in pairs], [i for _, i in pairs]


_LOOK = 1_000  # figures that are tried before all


def resolution(values: FloatArray) -> float:
    """The coarsest power of ten, from 1000 to 10^-6, of which every figure is a multiple."""
    few = values.ravel()[:_LOOK]
    few = few[np.isfinite(few) & (few != 0)]
    fitting = [exponent for exponent in range(3, -6, -1) if _multiples(few, exponent)]
    if not fitting:
        return 1e-6
    figures = values[np.isfinite(values) & (values != 0)]
    if not len(figures):
        return 1.0
    return next((float(10.0**exponent) for exponent in fitting if _multiples(figures, exponent)), 1e-6)


def _multiples(figures: FloatArray, exponent: int) -> bool:
    scaled = figures / 10.0**exponent
    return bool(np.all(np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-3)))


_TO_SIGMA = 1.4826  # the median absolute deviation of a normal variable times this is its standard deviation


def median(values: FloatArray, axis: int | None = None) -> FloatArray:
    """Median without missing values; NaN where all are missing."""
    if axis == 1 and values.shape[1]:
        ordered = np.sort(values, axis=1)  # NaN last
        number = np.sum(~np.isnan(values), axis=1)
        middle = np.stack([np.maximum(number - 1, 0) // 2, number // 2], axis=1)
        return np.asarray(np.take_along_axis(ordered, middle, axis=1).sum(axis=1) / 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(values, axis=axis), dtype=np.float64)


def spread(residuals: FloatArray, axis: int | None = None) -> FloatArray:
    """Median absolute residual, scaled to a standard deviation."""
    return _TO_SIGMA * median(np.abs(residuals), axis)


def midmean(values: FloatArray) -> FloatArray:
    """Mean of the middle half of each column: as robust as the median, but not held at zero by coarse figures."""
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.sum(np.isfinite(values), axis=0)
    cut = count // 4
    rank = np.arange(len(values))[:, None]
    inside = (rank >= cut) & (rank < count - cut)
    total = np.sum(np.where(inside, ordered, 0.0), axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(count > 0, total / np.maximum(count - 2 * cut, 1), np.nan), dtype=np.float64)
