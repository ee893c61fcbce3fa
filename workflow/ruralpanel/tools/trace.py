"""The way back from a panel's value to the cells that it was read from, told in lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ruralpanel.data.formulas import Context, evaluate, wide_frame
from ruralpanel.data.lineage import changed_since
from ruralpanel.data.rows import attribute_column
from ruralpanel.project.breaks import evaluation_order, tree
from ruralpanel.project.expressions import RESERVED, Call, Expression, Name, Operation, argument_years, describe
from ruralpanel.project.load import Config
from ruralpanel.project.periods import shown
from ruralpanel.project.problems import UserError, raise_any, unknown
from ruralpanel.project.settings import PanelSpec
from ruralpanel.project.units import Units, load_units

_LISTED = 12
_FILE = {
    "table": "table ",
    "title": "",
    "edition": "",
    "url": "",
    "accessed": "obtained on ",
    "request": "asked for by ",
    "provinces_visible": "provinces visible: ",
    "remarks": "",
}
"""What a sidecar says of a file, with the words before it."""


def trace(results: str | Path, config: Config, variable: str, unit: str, period: int, panel: str = "") -> str:
    """Tell how a figure of a panel came about.

    Parameters
    ----------
    results : the folder of results; ``panels/<panel>/lineage.parquet`` and ``panel.parquet`` are read.
    config : the configuration that the results were built with.
    variable : a column of a panel. unit : an id or any name of it. period : a year.
    panel : its name; left out: the first panel that has the figure.

    Returns
    -------
    Text of several lines: the figure, its formula, the figures behind it, down to file, row, column and the text as
    published, with conversion, correction, interpolation and break rule. Extremes name the unit that attains them.

    Raises
    ------
    UserError
        Unknown variable, unit, panel or period; panels that have not been built, or from files that have changed since.
    """
    units = load_units(config.units)
    name = _known_variable(config, variable)
    ident = units.match(unit)
    if ident is None:
        raise UserError.at("trace", "unit", f'"{unit}"', f"a unit of {config.units}", units.suggest(unit))
    chosen = _panel_with(Path(results), config, name, ident, period, panel)
    story = _Story(config, units, chosen, Path(results) / "panels" / chosen.name)
    if period not in story.context.years or ident not in story.context.units:
        found = f"{name} of {ident} in {period}, which panel {chosen.name} neither holds nor reads"
        covered = f"{story.context.years[0]}–{story.context.years[-1]}"
        raise UserError.at("trace", "period", found, f"a unit and a year that it reads ({covered})")
    lines = [f"Panel {chosen.name}", *story.variable(name, ident, period, "")]
    told = [config.sources[source] for source in story.sources if source in config.sources]
    raise_any(changed_since(Path(results) / "panels" / chosen.name / "lineage.parquet", told))
    sources = [f"Source {source}: {words}" for source, words in story.sources.items()]
    return "\n".join([*lines, *sources]) + "\n"


def _known_variable(config: Config, variable: str) -> str:
    if variable not in config.variables:
        raise UserError(unknown("trace", "variable", variable, f"a variable of {config.file}", config.variables))
    return variable


def _panel_with(results: Path, config: Config, variable: str, unit: str, period: int, panel: str) -> PanelSpec:
    """The panel asked for, else the first that holds the figure, else the first that reads it."""
    if panel and panel not in config.panels:
        raise UserError(unknown("trace", "panel", panel, "a panel", config.panels))
    built = [p for p in config.panels.values() if (results / "panels" / p.name / "panel.parquet").is_file()]
    candidates = [p for p in built if not panel or p.name == panel]
    if not candidates:
        raise UserError.at("trace", "", f"no built panel below {results}", "results", "run snakemake first")
    for candidate in candidates:
        folder = results / "panels" / candidate.name
        table = pd.read_parquet(folder / "panel.parquet", columns=["unit", "period"])
        here = ((table["unit"] == unit) & (table["period"] == period)).any()
        if here and variable in _columns(folder / "panel.parquet"):
            return candidate
    for candidate in candidates:
        cells = pd.read_parquet(
            results / "panels" / candidate.name / "lineage.parquet", columns=["variable", "unit", "period"]
        )
        if ((cells["variable"] == variable) & (cells["unit"] == unit) & (cells["period"] == period)).any():
            return candidate
    return candidates[0]


def _columns(path: Path) -> tuple[str, ...]:
    from pyarrow import parquet

    return tuple(parquet.read_schema(path).names)


@dataclass(frozen=True)
class _At:
    unit: str
    year: int


class _Story:
    """The figures of one built panel, evaluated again from its lineage, and how to tell of them."""

    def __init__(self, config: Config, units: Units, panel: PanelSpec, folder: Path) -> None:
        self.config, self.units, self.panel = config, units, panel
        cells = pd.read_parquet(folder / "lineage.parquet")
        table = pd.read_parquet(folder / "panel.parquet", columns=["unit", "period"])
        ids = tuple(sorted(table["unit"].unique()))
        years = tuple(sorted({*panel.periods, *(shown(year) for year in cells["period"].unique())}))
        attributes = {name: attribute_column(units, ids, name) for name in units.columns}
        self.context = Context(ids, years, panel.periods, panel.by, attributes)
        self.cells = cells[cells["source"] != ""]
        self.sources: dict[str, str] = {}
        self.described: set[tuple[str, str, str]] = set()
        self.frames: dict[str, pd.DataFrame] = {}
        for name in evaluation_order(config.variables, units.columns, config.file):
            formula = config.variables[name].formula
            self.frames[name] = (
                evaluate(tree(formula), self.frames, self.context).frame if formula else self._published(name)
            )

    def _published(self, name: str) -> pd.DataFrame:
        cells = self.cells[self.cells["variable"] == name]
        values = cells["value"].to_numpy(dtype=np.float64)
        return wide_frame(cells["unit"], cells["period"], values, self.context.units, self.context.years)

    def value(self, frame: pd.DataFrame, at: _At) -> float:
        """One figure of a wide frame; missing in years of which no source has any."""
        if at.year not in self.context.years:
            return math.nan
        return float(frame.to_numpy()[self.context.units.index(at.unit), self.context.years.index(at.year)])

    def name(self, unit: str) -> str:
        return f"{self.units.label(unit, self.config.language)} ({unit})"

    def variable(self, name: str, unit: str, year: int, indent: str) -> Iterator[str]:
        """The lines about one figure of a variable."""
        spec = self.config.variables[name]
        value = self.value(self.frames[name], _At(unit, year))
        measure = f" {spec.measure}" if spec.measure else ""
        label = f" [{spec.label}]" if spec.label else ""
        figure = f"{_number(value)}{measure if value == value else ''}"
        yield f"{indent}{name}{label}, {self.name(unit)}, {shown(year)}: {figure}"
        deeper = indent + "  "
        if spec.formula:
            yield f"{deeper}= {spec.formula}"
            yield from self._undefined(tree(spec.formula), _At(unit, year), deeper)
            yield from self.expression(tree(spec.formula), _At(unit, year), deeper, set())
        else:
            yield from self._cell(name, unit, year, deeper)

    def _undefined(self, node: Expression, at: _At, indent: str) -> Iterator[str]:
        for step in evaluate(node, self.frames, self.context, (at.year,)).undefined:
            if (at.unit, at.year) in step.cells:
                yield f"{indent}{step.step}: {step.reason}, made missing"

    def _cell(self, name: str, unit: str, year: int, indent: str) -> Iterator[str]:
        spec = self.config.variables[name]
        cells = self.cells[
            (self.cells["variable"] == name) & (self.cells["unit"] == unit) & (self.cells["period"] == year)
        ]
        if cells.empty:
            yield f"{indent}no cell in source {spec.source}, series {spec.series}"
            return
        row = {str(column): str(value) for column, value in cells.iloc[0].items()}
        places = [row["file"], f"sheet {row['sheet']}", f"row {row['row']}", f"column {row['column']}"]
        place = ", ".join(part for part in places if part not in ("", "sheet ", "column "))
        text = f'"{row["text"]}"' if row["text"] else "a blank cell"
        yield f"{indent}published as {text}: {place} ({self._source(row['source'], row['series'])})"
        yield from (f"{indent}{words}" for words in self._described(row["source"], row["series"], row["file"]))
        if row["correction"]:
            yield f"{indent}corrected: {row['correction']}"
        factor = float(row["factor"])
        if factor != 1.0:
            scale = f"× {_number(factor)}" if factor > 1 else f"÷ {_number(float(f'{1 / factor:.12g}'))}"
            yield f"{indent}converted: {row['measure_from']} → {row['measure_to']}, {scale}"
        if row["break_rule"]:
            yield f"{indent}break of definition: {row['break_rule']}"

    def _source(self, source: str, series: str) -> str:
        """A series' name and title; what the sidecar says of its source is kept for the end of the story."""
        spec = self.config.sources.get(source)
        about = spec.about if spec else None
        words = [about.publisher, about.title, about.edition] if about else []
        self.sources[source] = ", ".join(filter(None, words)) or "provenance not declared"
        title = spec.series[series].title_in_file if spec and series in spec.series else ""
        return f"{source}, series {series}" + (f" {title}" if title else "")

    def _described(self, source: str, series: str, file: str) -> Iterator[str]:
        """What the sidecar says of a file, and what must be known of a series; each once."""
        spec = self.config.sources.get(source)
        about = spec.described.document if spec else {}
        described = {key: entry or {} for key, entry in (about.get("files") or {}).items()}
        entry_of = described.get(file) or described.get(file.partition("/")[2]) or {}
        words = [f"{_FILE[key]}{' '.join(str(entry_of[key]).split())}" for key in _FILE if entry_of.get(key)]
        note = " ".join(str(((about.get("series") or {}).get(series) or {}).get("note") or "").split())
        for text in (f"the file: {'; '.join(words)}" if words else "", f"note: {note}" if note else ""):
            if text and (source, series, text) not in self.described:
                self.described.add((source, series, text))
                yield text

    def expression(self, node: Expression, at: _At, indent: str, told: set[tuple[str, _At]]) -> Iterator[str]:
        """The lines about what an expression reads; a figure told before is not told again."""
        if isinstance(node, Name):
            yield from self._named(node.name, at, indent, told)
        elif isinstance(node, Operation):
            for operand in node.operands:
                yield from self.expression(operand, at, indent, told)
        elif isinstance(node, Call):
            yield from self._call(node, at, indent, told)

    def _named(self, name: str, at: _At, indent: str, told: set[tuple[str, _At]]) -> Iterator[str]:
        if (name, at) in told or name in RESERVED:
            return
        told.add((name, at))
        if name in self.config.variables:
            yield from self.variable(name, at.unit, at.year, indent)
        else:
            value = self.units.attributes[at.unit].get(name, "")
            shown = _number(value) if isinstance(value, float) else value
            yield f"{indent}{name}, {self.name(at.unit)}: {shown} (attribute, {self.units.file or self.config.units})"

    def _call(self, node: Call, at: _At, indent: str, told: set[tuple[str, _At]]) -> Iterator[str]:
        function = node.function
        if function.endswith(("_over_units", "_over_group")):
            yield from self._over_units(node, at, indent, told)
            return
        if function == "interpolate":
            gaps = evaluate(node, self.frames, self.context, (at.year,)).filled
            gap = next((g for g in gaps if g.unit == at.unit), None)
            if gap is not None:
                yield f"{indent}{describe(node)}: interpolated between {gap.before} and {gap.after}"
            for year in (at.year,) if gap is None else (gap.before, gap.after):
                yield from self.expression(node.arguments[0], replace(at, year=year), indent, told)
            return
        if function == "standardise":
            yield f"{indent}{describe(node)}: less the mean and over the standard deviation of all units and periods"
            yield from self.expression(node.arguments[0], at, indent, told)
            return
        if function == "where":
            condition = self.value(evaluate(node.arguments[0], self.frames, self.context).frame, at)
            holds = "is missing" if math.isnan(condition) else "holds" if condition else "does not hold"
            yield f"{indent}{describe(node.arguments[0])} {holds}"
            branch = () if math.isnan(condition) else (node.arguments[1 if condition else 2],)
            for part in (node.arguments[0], *branch):
                yield from self.expression(part, at, indent, told)
            return
        reads = argument_years(node, frozenset({at.year}), self.panel.periods, self.panel.by)
        for argument, years in zip(node.arguments, reads, strict=True):
            if len(years) > _LISTED:
                yield f"{indent}{describe(argument)} in {min(years)}–{max(years)}, {len(years)} years"
                continue
            if not years:
                yield f"{indent}{describe(node)}: no earlier period in the panel"
            for year in sorted(years):
                yield from self.expression(argument, replace(at, year=year), indent, told)

    def _over_units(self, node: Call, at: _At, indent: str, told: set[tuple[str, _At]]) -> Iterator[str]:
        argument, function = node.arguments[0], node.function
        frame = evaluate(argument, self.frames, self.context).frame
        values = {unit: self.value(frame, _At(unit, at.year)) for unit in self.context.units}
        values = {unit: value for unit, value in values.items() if not math.isnan(value)}
        among = "units"
        if function.endswith("_over_group"):
            group = str(node.option("attribute"))
            mine = self.units.attributes[at.unit].get(group)
            values = {u: value for u, value in values.items() if self.units.attributes[u].get(group) == mine}
            among = f"units with {group} {mine}"
        statistic = function.split("_over_")[0]
        if statistic not in ("max", "min") or not values:
            yield f"{indent}{describe(node)}: {statistic} over {len(values)} {among}"
            return
        unit = (max if statistic == "max" else min)(values, key=lambda u: values[u])
        word = "largest" if statistic == "max" else "smallest"
        figure = _number(values[unit])
        yield f"{indent}{describe(node)}: {word} of {len(values)} {among}, {figure}, attained by {self.name(unit)}"
        yield from self.expression(argument, _At(unit, at.year), indent + "  ", told)


def _number(value: float) -> str:
    """A figure with up to ten digits, without an exponent where it is an ordinary number; ``missing``."""
    if math.isnan(value):
        return "missing"
    if value == int(value) and abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.10g}"
