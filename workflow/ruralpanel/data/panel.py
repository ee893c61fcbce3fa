"""A panel: series and formulas side by side for the units and periods looked at together; its columns in numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.break_steps import Figures, break_steps
from ruralpanel.data.figures import without_attrs
from ruralpanel.data.formulas import Context, Evaluated, Undefined, evaluate
from ruralpanel.data.lineage import LINEAGE, READ, joined, write
from ruralpanel.data.rows import attribute_column
from ruralpanel.data.series import SeriesValues, series_values, units_with_figures
from ruralpanel.project.breaks import MARK, break_problems, evaluation_order, leaves, tree, years_read
from ruralpanel.project.files import atomic_path, write_frame, write_parquet
from ruralpanel.project.measures import AS_PUBLISHED
from ruralpanel.project.notes import Note, Reason, reason, statements
from ruralpanel.project.periods import frequency, shown
from ruralpanel.project.periods import written as written_period
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec
from ruralpanel.project.units import Units

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
    for name, why in left_out.items():
        rows.append({"variable": name, **{str(t): 0.0 for t in periods}, "remark": statements([why])})
    return pd.DataFrame(rows, columns=["variable", *map(str, periods), "remark"])


_SHOWN = 6


@dataclass(frozen=True)
class PanelResult:
    """A built panel.

    Attributes
    ----------
    frame : ``unit``, ``period``, then the variables as declared, each followed by the steps of its breaks; one row
        per unit and period, sorted by them.
    columns, coverage : see `ruralpanel.data.panel`.
    cells : by variable, the source cells behind every series that is read (`ruralpanel.data.lineage.LINEAGE`), and
        one row for every figure that a formula interpolated.
    left_out : variables without a figure in these periods, with the reason.
    notes : what happened, in words.
    read : source → file → sha256 of what the figures were read from.
    """

    frame: pd.DataFrame
    columns: pd.DataFrame
    coverage: pd.DataFrame
    cells: tuple[pd.DataFrame, ...]
    left_out: Mapping[str, Note]
    notes: tuple[str, ...]
    read: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def lineage(self) -> pd.DataFrame:
        """All cells in one table, see `ruralpanel.data.lineage.joined`."""
        return joined(self.cells)


def build(
    panel: PanelSpec,
    variables: Mapping[str, VariableSpec],
    figures: Mapping[str, pd.DataFrame],
    series: Mapping[str, SeriesSpec],
    units: Units,
    used: Collection[str] = (),
    file: str = CONFIGURATION,
) -> PanelResult:
    """Build a panel from figures.

    Parameters
    ----------
    panel : units (none named: all that have a figure), periods, way of counting lags.
    variables : all that are declared. One without a figure in the panel's periods is left out.
    figures : source → its figures as ingest wrote them.
    series : variable → its series, for the variables that are series.
    units : the cross-section; its attributes are names in formulas.
    used : variables whose breaks are enforced; those of others are only named in the codebook.
    file : the configuration's name, for messages.

    Raises
    ------
    UserError
        Breaks crossed undeclared, measures that do not convert, figures given twice, formulas that do not work,
        a panel without any figure: all that can be said at once.
    """
    read = {name: table.attrs[READ] for name, table in figures.items() if READ in table.attrs}
    figures = {name: without_attrs(table) for name, table in figures.items()}
    attributes = units.columns
    order = evaluation_order(variables, attributes, file)
    raise_any(break_problems(used, variables, panel, series, file))
    needed = _needed(variables, panel)
    ids = _units_with_figures(panel, variables, figures, units, needed, file)
    leaf = _leaves(panel, variables, figures, series, ids, needed, file)
    years = tuple(sorted({*panel.periods, *(shown(year) for read in needed.values() for year in read)}))
    read_by_formulas = attributes if any(variable.formula for variable in variables.values()) else ()
    context = Context(
        ids, years, panel.periods, panel.by, {name: attribute_column(units, ids, name) for name in read_by_formulas}
    )
    frames = {
        name: values.frame if tuple(values.frame) == years else values.frame.reindex(columns=list(years))
        for name, values in leaf.items()
    }
    remarks: dict[str, list[Note]] = {name: list(values.notes) for name, values in leaf.items()}
    interpolated = []
    for name in order:
        if variables[name].formula:
            where = f"variables.{name}.formula"
            evaluated = evaluate(tree(variables[name].formula), frames, context, needed[name], file, where)
            frames[name] = evaluated.frame
            remarks[name] = [_undefined(u) for u in evaluated.undefined] + _filled(evaluated)
            if evaluated.filled:
                interpolated.append(_filled_rows(name, variables[name].measure, evaluated))
    placed: dict[str, pd.DataFrame] = {}
    left_out: dict[str, Note] = {}
    available = {name: values.years for name, values in leaf.items()}
    built = Figures(variables, panel, series, available, frames, context)
    for name in variables:
        values = frames[name] if years == panel.periods else frames[name][list(panel.periods)]
        if not values.notna().to_numpy().any():
            left_out[name] = _reason(name, variables, panel, available)
            continue
        steps, notes = break_steps(name, built)
        placed |= {name: values, **steps}
        remarks[name] += notes
    frame = _long(placed, ids, panel.periods)
    measures = {name: leaf[name].measure if name in leaf else variables[name].measure for name in variables}
    return PanelResult(
        frame=frame,
        columns=columns(frame, variables, measures, remarks),
        coverage=coverage(frame, panel.periods, left_out),
        cells=(*(values.cells for values in leaf.values()), *interpolated),
        left_out=left_out,
        notes=tuple(f"{name}: {note}" for name in placed if name in variables for note in remarks[name]),
        read=read,
    )


def write_panel(result: PanelResult, folder: str | Path) -> None:
    """Write ``panel.parquet``, ``panel.csv``, ``columns.csv``, ``coverage.csv`` and ``lineage.parquet``.

    Floats in the CSV files have the fewest digits that read back to the same number.
    """
    target = Path(folder)
    write_parquet(target / "panel.parquet", result.frame, "zstd")
    with atomic_path(target / "lineage.parquet") as path:
        write(result.cells, path, result.read)
    labels = {period: written_period(period) for period in result.frame["period"].unique()}
    labelled = result.frame.assign(period=result.frame["period"].map(labels))
    for table, name in ((labelled, "panel"), (result.columns, "columns"), (result.coverage, "coverage")):
        write_frame(target / f"{name}.csv", table)


def _needed(variables: Mapping[str, VariableSpec], panel: PanelSpec) -> dict[str, frozenset[int]]:
    """Years of each variable that any variable of the panel reads."""
    needed: dict[str, frozenset[int]] = {}
    for name in variables:
        for other, years in years_read(name, variables, panel).items():
            needed[other] = needed.get(other, frozenset()) | years
    return needed


def _units_with_figures(
    panel: PanelSpec,
    variables: Mapping[str, VariableSpec],
    figures: Mapping[str, pd.DataFrame],
    units: Units,
    needed: Mapping[str, frozenset[int]],
    file: str,
) -> tuple[str, ...]:
    """The units named by the panel, or all with a figure in any series and year that is read; sorted."""
    if panel.units:
        return tuple(sorted(panel.units))
    with_figures: set[str] = set()
    for name, variable in variables.items():
        table = figures.get(variable.source)
        if table is not None and not variable.formula and not with_figures.issuperset(units.ids):
            with_figures |= units_with_figures(table, variable.series, needed[name])
    known = tuple(sorted(with_figures & set(units.ids)))
    if not known:
        found = f"no figure in {panel.periods[0]}–{panel.periods[-1]}"
        kinds = {frequency(period) for table in figures.values() for period in table["period"].unique()}
        fix = "" if frequency(panel.periods[0]) in kinds else f"the figures are of {' and '.join(sorted(kinds))}s"
        raise UserError.at(file, f"panels.{panel.name}", found, "periods that a source covers", fix)
    return known


def _leaves(
    panel: PanelSpec,
    variables: Mapping[str, VariableSpec],
    figures: Mapping[str, pd.DataFrame],
    series: Mapping[str, SeriesSpec],
    units: Sequence[str],
    needed: Mapping[str, frozenset[int]],
    file: str,
) -> dict[str, SeriesValues]:
    leaves: dict[str, SeriesValues] = {}
    problems: list[Problem] = []
    for name, variable in variables.items():
        if variable.formula:
            continue
        if variable.source not in figures:
            problems.append(Problem(file, f"variables.{name}.source", f'"{variable.source}"', "a source that is read"))
            continue
        try:
            leaves[name] = series_values(
                variable, figures[variable.source], series[name], panel, units, needed[name], file
            )
        except UserError as error:
            problems += error.problems
    raise_any(dict.fromkeys(problems))
    return leaves


def _long(columns: Mapping[str, pd.DataFrame], units: Sequence[str], periods: Sequence[int]) -> pd.DataFrame:
    index = {
        "unit": pd.array(list(units), dtype="str").take(np.repeat(np.arange(len(units)), len(periods))),
        "period": np.tile(np.array(periods, dtype=np.int64), len(units)),
    }
    values = {name: table.to_numpy(dtype=np.float64).ravel() for name, table in columns.items()}
    return pd.DataFrame({**index, **values}, copy=False)


def _undefined(undefined: Undefined) -> Note:
    shown, more = _cells(undefined.cells)
    said = {"step": undefined.step, "why": undefined.reason.replace(" ", "_"), "number": len(undefined.cells)}
    message = f"{undefined.step}: {len(undefined.cells)} made missing, {undefined.reason} ({_listed(shown, more)})"
    return reason(message, "made_missing_more" if more else "made_missing", **said, cells=shown, **more)


def _filled(evaluated: Evaluated) -> list[Note]:
    if not evaluated.filled:
        return []
    shown, more = _cells([(gap.unit, gap.year) for gap in evaluated.filled])
    number = len(evaluated.filled)
    code = "interpolated_more" if more else "interpolated"
    return [reason(f"{number} interpolated ({_listed(shown, more)})", code, number=number, cells=shown, **more)]


def _cells(cells: Sequence[tuple[str, int]]) -> tuple[list[str], dict[str, int]]:
    """The first of them, and how many more there are."""
    return [f"{unit} {year}" for unit, year in cells[:_SHOWN]], (
        {"more": len(cells) - _SHOWN} if len(cells) > _SHOWN else {}
    )


def _listed(shown: Sequence[str], more: Mapping[str, int]) -> str:
    return ", ".join(shown) + (f" and {more['more']} more" if more else "")


def _filled_rows(name: str, measure: str, evaluated: Evaluated) -> pd.DataFrame:
    rows = [
        {
            **dict.fromkeys(LINEAGE, ""),
            "variable": name,
            "unit": gap.unit,
            "period": gap.year,
            "measure_to": measure,
            "factor": np.nan,
            "value": np.nan,
            "row": 0,
            "correction": f"{gap.step}: interpolated between {gap.before} and {gap.after}",
        }
        for gap in evaluated.filled
    ]
    return pd.DataFrame(rows, columns=list(LINEAGE))


def _reason(
    name: str, variables: Mapping[str, VariableSpec], panel: PanelSpec, available: Mapping[str, Sequence[int]]
) -> Reason:
    """Why a variable has no figure on the panel."""
    for leaf, years in leaves(years_read(name, variables, panel), variables).items():
        if not years & set(available[leaf]):
            covered, wanted = _span(available[leaf]), _span(sorted(years))
            message = f"{leaf} is read in {wanted or 'no year'}, its source covers {covered or 'no year'}"
            return reason(message, "source_covers_other_periods", variable=leaf, read=wanted, covered=covered)
    message = "no unit has every figure that it needs, after the rules for breaks"
    return reason(message, "no_unit_with_every_figure")


def _span(years: Sequence[int]) -> str:
    if len(years) > 1 and years[-1] - years[0] == len(years) - 1:
        return f"{years[0]}–{years[-1]}"
    return ", ".join(map(str, years))
