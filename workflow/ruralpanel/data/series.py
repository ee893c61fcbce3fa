"""Figures of one series as a variable uses them: converted, break rules applied, each with its way back."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.formulas import unit_places, wide_frame
from ruralpanel.data.lineage import LINEAGE, constant
from ruralpanel.project.breaks import affected, dropped, keeps_later, rule_of
from ruralpanel.project.measures import MeasureError, conversion
from ruralpanel.project.notes import Note, reason
from ruralpanel.project.periods import shown
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError
from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class SeriesValues:
    """A variable that is a series.

    Attributes
    ----------
    frame : values, index unit, columns year: what formulas and the panel use.
    cells : the figures behind them, columns `LINEAGE` (labels may be categories), one row per unit and year that has
        a cell in the source; `value` is missing where the cell is blank or a break rule leaves it out.
    measure : measure of the values.
    years : years for which the source has any figure, before break rules.
    notes : what a reader should know.
    """

    frame: pd.DataFrame
    cells: pd.DataFrame
    measure: str
    years: tuple[int, ...]
    notes: tuple[Note, ...] = ()


def converted(values: Array, factor: float) -> Array:
    """`values` × `factor`, and for a power of ten the double nearest to the decimal: 12.54 × 10⁴ gives 125400.

    Decimal figures keep their 15 leading digits, which is more than any published figure has.
    """
    if factor == 1:
        return values
    result = values * factor
    if float(f"1e{round(math.log10(factor))}") != factor:
        return np.asarray(result)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(np.abs(result)))
    usable = np.isfinite(exponent) & (np.abs(exponent) <= 14)
    digits = np.where(usable, 14 - exponent, 0)
    # Powers of ten up to 10^22 are exact, so that scaling up, rounding and scaling down rounds each figure once.
    scale = np.where(digits <= 22, 10.0 ** np.minimum(digits, 22), np.nan)
    rounded = np.rint(result * scale) / scale
    return np.where(usable & (digits <= 22), rounded, result)


def series_values(
    variable: VariableSpec,
    figures: pd.DataFrame,
    spec: SeriesSpec,
    panel: PanelSpec,
    units: Sequence[str],
    needed: Collection[int],
    file: str = CONFIGURATION,
) -> SeriesValues:
    """The values of a variable that is a series.

    Parameters
    ----------
    variable : source, series, measure (empty: figures stay as published), break rules.
    figures : all figures of the source, as ingest wrote them.
    spec : what the sidecar says of the series.
    panel : its periods decide which side of a break `drop` keeps.
    units : the units of the frame, in order. needed : the years that are read, by any variable.
    file : the configuration's name, for messages.

    Raises
    ------
    UserError
        Two figures for one unit and year; a measure that does not convert; an overlap that cannot be used.
    """
    rows = _of_series(figures, variable.series)
    _refuse_duplicates(variable, rows, file)
    available = tuple(sorted({shown(year) for year in rows.loc[rows["value"].notna(), "period"].unique()}))
    used = _among(rows["unit"], units) & _among_years(rows["period"], needed)
    rows = (rows if used.all() else rows[used]).reset_index(drop=True)
    measure, factors = _factors(variable, rows, spec, file)
    distinct = np.unique(factors[:1] if factors.strides == (0,) else factors)
    changed = bool(spec.breaks) or distinct.tolist() != [1.0]
    values = rows["value"].to_numpy(dtype=np.float64, copy=changed)
    for factor in distinct:
        if factor != 1:
            values[factors == factor] = converted(values[factors == factor], float(factor))
    rules = _Rules(len(rows))
    notes: list[Note] = []
    for year in sorted(spec.breaks):
        notes += list(_apply(year, variable, figures, spec, panel, rows, values, rules, units, file))
    cells = pd.DataFrame(
        {
            "variable": constant(variable.name, len(rows)),
            "unit": rows["unit"],
            "period": rows["period"],
            "source": constant(variable.source, len(rows)),
            "series": constant(variable.series, len(rows)),
            "measure_from": rows["measure"] if spec.measure else constant(measure, len(rows)),
            "measure_to": constant(measure, len(rows)),
            "factor": factors,
            "value": values,
            **{name: rows[name] for name in ("text", "file", "sheet", "row", "column", "correction")},
            "break_rule": rules.column(),
        },
        columns=list(LINEAGE),
        copy=False,
    )
    frame = wide_frame(rows["unit"], rows["period"], values, units, sorted(needed))
    return SeriesValues(frame, cells, measure, available, tuple(notes))


def _of_series(figures: pd.DataFrame, series: str) -> pd.DataFrame:
    """The figures of one series by unit and period; labels stay categories if ingest has put them in order."""
    rows = _rows_of(figures, series)
    if isinstance(rows["unit"].dtype, pd.CategoricalDtype) and rows["unit"].cat.categories.is_monotonic_increasing:
        unit, period = rows["unit"].cat.codes.to_numpy(), rows["period"].to_numpy()
        if bool(((unit[1:] > unit[:-1]) | ((unit[1:] == unit[:-1]) & (period[1:] >= period[:-1]))).all()):
            return rows
    labels = [name for name in rows.columns if isinstance(rows[name].dtype, pd.CategoricalDtype)]
    return rows.astype(dict.fromkeys(labels, "str")).sort_values(["unit", "period"], kind="stable")


def units_with_figures(figures: pd.DataFrame, series: str, years: Collection[int]) -> frozenset[str]:
    """The units that have a figure of a series in any of `years`."""
    rows = _rows_of(figures, series)
    unit = rows["unit"].astype("category")
    present = rows["value"].notna().to_numpy() & _among_years(rows["period"], years)
    number = np.bincount(unit.cat.codes.to_numpy()[present], minlength=len(unit.cat.categories))
    return frozenset(map(str, unit.cat.categories[number > 0].tolist()))


def _rows_of(figures: pd.DataFrame, series: str) -> pd.DataFrame:
    """The rows of one series; without a copy where they stand together."""
    chosen = (figures["series"] == series).to_numpy()
    first, number = int(np.argmax(chosen)) if len(chosen) else 0, int(np.count_nonzero(chosen))
    return figures.iloc[first : first + number] if chosen[first : first + number].all() else figures[chosen]


def _among(unit: pd.Series, units: Sequence[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    if not isinstance(unit.dtype, pd.CategoricalDtype):
        return np.asarray(unit.isin(list(units)))
    wanted = unit_places(tuple(unit.cat.categories.tolist()), tuple(units)) >= 0
    codes = unit.cat.codes.to_numpy()
    if wanted[:-1].all() and len(codes) and codes.min() >= 0:
        return np.ones(len(codes), dtype=bool)
    return np.asarray(wanted[codes])


def _among_years(period: pd.Series, years: Collection[int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    values = period.to_numpy()
    if not len(values):
        return np.zeros(0, dtype=bool)
    low = int(values.min())
    wanted = np.isin(np.arange(low, int(values.max()) + 1), sorted(years))
    return np.asarray(wanted[values - low])


def _refuse_duplicates(variable: VariableSpec, cells: pd.DataFrame, file: str) -> None:
    unit = cells["unit"].cat.codes if isinstance(cells["unit"].dtype, pd.CategoricalDtype) else cells["unit"]
    same = (unit.to_numpy()[1:] == unit.to_numpy()[:-1]) & (np.diff(cells["period"].to_numpy()) == 0)
    if not same.any():
        return
    twice = cells[np.append(same, False) | np.append(False, same)]
    problems = []
    for (unit, period), rows in twice.groupby(["unit", "period"], sort=True, observed=True):
        places = " and ".join(f"{r.file} row {r.row}, column {r.column}" for r in rows.itertuples())
        found = f"two figures of {variable.series} for {unit} in {shown(period)} ({places})"
        problems.append(Problem(file, f"variables.{variable.name}", found, "one figure for each unit and period"))
    raise UserError(problems)


def _factors(variable: VariableSpec, rows: pd.DataFrame, spec: SeriesSpec, file: str) -> tuple[str, Array]:
    """The measure of the variable's values, and the factor from each published figure to it."""
    factors: dict[str, float] = {}
    measure = ""
    for published in [*sorted({*rows["measure"].unique()} - {spec.measure}), spec.measure]:
        try:
            factors[published], measure = conversion(published, variable.measure)
        except MeasureError as error:
            raise UserError(error.problem(file, f"variables.{variable.name}.measure")) from None
    if len(set(factors.values())) == 1:  # one number, seen in every row
        same: Array = np.broadcast_to(np.array(next(iter(factors.values())), dtype=np.float64), (len(rows),))
        return measure, same
    return measure, np.asarray(rows["measure"].astype("str").map(factors), dtype=np.float64)


def _apply(
    year: int,
    variable: VariableSpec,
    figures: pd.DataFrame,
    spec: SeriesSpec,
    panel: PanelSpec,
    rows: pd.DataFrame,
    values: Array,
    rules: _Rules,
    units: Sequence[str],
    file: str,
) -> Iterator[Note]:
    """Apply the rule for one break to `values` and `rules` (one entry per row of `rows`); yield notes."""
    rule = rule_of(variable, year)
    concerned = affected(spec.breaks[year], units)
    hit = rows["unit"].isin(concerned).to_numpy() & ~np.isnan(values)
    period = rows["period"].to_numpy()
    if rule == "drop":
        out = hit & np.array([dropped(int(y), year, panel.periods) for y in period], dtype=bool)
        values[out] = np.nan
        side = "before" if keeps_later(year, panel.periods) else "from"
        rules.mark(out, f"{year}: drop, figures {side} {year} are left out")
    elif rule == "splice":
        ratios = _ratios(year, variable, figures, spec, concerned, file)
        before = hit & (period < year)
        for unit in sorted(concerned):
            mine = before & (rows["unit"] == unit).to_numpy()
            values[mine] *= ratios[unit]
            if mine.any():
                words = "left out, no overlap" if math.isnan(ratios[unit]) else f"multiplied by {ratios[unit]:.6g}"
                rules.mark(mine, f"{year}: splice, {words}")
        lost = sorted(unit for unit in concerned if math.isnan(ratios[unit]))
        if lost:
            message = f"splice of {year}: no overlap for {', '.join(lost)}, whose figures before {year} are left out"
            yield reason(message, "splice_without_overlap", year=year, units=lost)
    elif rule == "accept":
        rules.mark(hit, f"{year}: accepted, {variable.breaks[year].because}")
    elif rule == "dummy":
        rules.mark(hit, f"{year}: dummy")


class _Rules:
    """What the rules for breaks did to each row: a number into a list of texts."""

    def __init__(self, count: int) -> None:
        self._codes = np.zeros(count, dtype=np.int32)
        self._texts = [""]

    def mark(self, rows: np.ndarray[Any, np.dtype[np.bool_]], text: str) -> None:
        """Add a text to rows, behind what they have."""
        for code in np.unique(self._codes[rows]):
            before = self._texts[code]
            self._codes[rows & (self._codes == code)] = len(self._texts)
            self._texts.append(f"{before}; {text}" if before else text)

    def column(self) -> Any:
        """The texts row by row."""
        if len(self._texts) == 1:
            return constant("", len(self._codes))
        distinct = list(dict.fromkeys(self._texts))
        codes = np.array([distinct.index(text) for text in self._texts], dtype=np.int32)[self._codes]
        return pd.Categorical.from_codes(codes, categories=pd.Index(distinct))


def _ratios(
    year: int, variable: VariableSpec, figures: pd.DataFrame, spec: SeriesSpec, units: Collection[str], file: str
) -> Mapping[str, float]:
    """New over old definition by unit: the sidecar's factor, or the ratio of sums over the years given in both."""
    details = spec.breaks[year]
    if details.factor is not None:
        return dict.fromkeys(units, details.factor)
    where = f"variables.{variable.name}.breaks.{year}"
    overlap = details.overlap
    if overlap is None or not (figures["series"] == overlap.series).any():
        expected = "overlap: {series: another series of the source, years: [the years given in both definitions]}"
        raise UserError.at(
            file, where, f"splice with the overlap {overlap and overlap.series}", expected, "correct the sidecar"
        )
    years = list(overlap.years)
    this = _table(figures, variable.series, years)
    that = _table(figures, overlap.series, years).reindex(this.index)
    # Before the break this series holds the old definition and the other one the new; after it, the reverse.
    early = np.array([y < year for y in years])
    new = np.where(early, that.to_numpy(), this.to_numpy()).sum(axis=1)
    old = np.where(early, this.to_numpy(), that.to_numpy()).sum(axis=1)
    with np.errstate(all="ignore"):
        ratio = np.where(old != 0, new / old, np.nan)
    known = dict(zip(this.index, ratio.tolist(), strict=True))
    return {unit: float(known.get(unit, math.nan)) for unit in units}


def _table(figures: pd.DataFrame, series: str, years: Sequence[int]) -> pd.DataFrame:
    table = _of_series(figures, series).pivot(index="unit", columns="period", values="value")
    return table.reindex(columns=list(years))
