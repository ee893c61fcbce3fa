"""What a project rests on: a verdict in a few lines, and its sources, coverage and definition breaks in full."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ruralpanel.output.words import stated
from ruralpanel.project.breaks import tree
from ruralpanel.project.expressions import names
from ruralpanel.project.files import read_rows
from ruralpanel.project.load import Config
from ruralpanel.project.periods import parse, parsed
from ruralpanel.project.problems import raise_any
from ruralpanel.project.reads import model_names, series_by_variable
from ruralpanel.project.settings import Break, VariableSpec
from ruralpanel.project.sidecars import SourceSpec
from ruralpanel.project.whole import lacking

_MOST = 5


def describe(config: Config, results: str | Path = "results") -> str:
    """Sources with their series and breaks (from the sidecars), then coverage by panel (from built panels).

    Parameters
    ----------
    config : a checked configuration.
    results : the folder of results; panels that are not built yet are named as such.
    """
    lines = [config.title, "", "Sources"]
    for source in config.sources.values():
        lines += _source(source)
        lines += _left_aside(Path(results) / "ingest" / f"{source.name}.parquet")
    lines += _impossible(Path(results) / "reconciliation" / "findings.csv")
    for panel in config.panels.values():
        periods = ", ".join(map(str, panel.periods)) if len(panel.periods) < 4 else _span(panel.periods)
        lines += ["", f"Panel {panel.name}: {panel.title or panel.name} ({periods})"]
        lines += _coverage(Path(results) / "panels" / panel.name)
    return "\n".join(lines) + "\n"


def verdict(config: Config, results: str | Path = "results") -> str:
    """What `snakemake check` says of a configuration in order: how much there is, and what deserves a look.

    Parameters
    ----------
    config : a checked configuration.
    results : the folder of results, with the panels built and the figures reconciled.
    """
    parts = ("sources", "panels", "variables", "models")
    amounts = [_counted(len(getattr(config, part)), part.removesuffix("s")) for part in parts]
    lines = [f"{config.file} and everything it names are in order: {', '.join(amounts)}."]
    for source in config.sources.values():
        remarks = list(_left_aside(Path(results) / "ingest" / f"{source.name}.parquet"))
        lines += [f"  source {source.name}", *remarks] if remarks else []
    lines += _impossible(Path(results) / "reconciliation" / "findings.csv")
    for panel in config.panels.values():
        lines += _summary(panel.name, panel.periods, Path(results) / "panels" / panel.name)
    lines += _words(config)
    lines += ["Where a variable comes from, what it covers and its breaks: python -m ruralpanel describe VARIABLE"]
    return "\n".join(lines)


def _words(config: Config) -> Iterator[str]:
    """Words that the configuration has in another language only, and words for what it does not declare."""
    absent = lacking(config.resolved, config.language)
    if absent:
        language = {"en": "English", "zh": "Chinese"}[config.language]
        yield f"  look at the words: {_counted(len(absent), 'text')} without {language}, shown in the other language"
        places = ((path, config.places.of(path)) for path in absent)
        yield from (f"    {place.path} ({place})" if place else f"    {path}" for path, place in places)
    if config.idle_words:
        yield "  look at the words: what they stand for is not declared"
        yield from (f"    {place.path} ({place})" for place in config.idle_words)


def _summary(name: str, periods: tuple[int, ...], folder: Path) -> Iterator[str]:
    """A panel in one line, and what lacks figures."""
    rows = read_rows(folder / "coverage.csv")
    shares = {row["variable"]: _shares(row) for row in rows if not row["remark"]}
    whole = [variable for variable, by_period in shares.items() if min(by_period.values(), default=1.0) >= 1]
    gaps = [variable for variable in shares if variable not in whole]
    words = [f"{_counted(len(whole), 'variable')} complete"]
    words += [f"{len(gaps)} with gaps ({_some(gaps)})"] if gaps else []
    absent = [row["variable"] for row in rows if row["remark"]]
    words += [f"{len(absent)} without figures ({_some(absent)})"] if absent else []
    yield f"  panel {name} ({_span(periods)}): {', '.join(words)}"
    yield from _empty_periods(shares.values())


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _shares(row: Mapping[str, str]) -> dict[str, float]:
    return {period: float(share) for period, share in row.items() if parse(period) is not None}


def _empty_periods(variables: Iterable[Mapping[str, float]]) -> Iterator[str]:
    covered: dict[str, float] = {}
    for shares in variables:
        covered = {period: max(share, covered.get(period, 0.0)) for period, share in shares.items()}
    empty = tuple(parsed(period) for period, share in covered.items() if not share)
    if empty:
        yield f"  look at the periods: no variable has a figure in {_span(empty)}"


def describe_variables(config: Config, names: Sequence[str], results: str | Path = "results") -> str:
    """Everything about single variables: what they count, from where, with which breaks, where they have figures.

    Raises
    ------
    UserError
        Names that are no variables.
    """
    raise_any(
        config.missing("variables", name, "a variable", config.variables)
        for name in names
        if name not in config.variables
    )
    return "\n\n".join("\n".join(_variable(config, config.variables[name], Path(results))) for name in names)


def _variable(config: Config, variable: VariableSpec, results: Path) -> Iterator[str]:
    labels = " / ".join(text for text in (variable.label, variable.label_zh) if text)
    yield f"{variable.name}{f': {labels}' if labels else ''}"
    series = series_by_variable(config).get(variable.name)
    if variable.formula:
        yield f"  formula: {variable.formula}"
        if variable.counts:
            yield f"  counts: {variable.counts}"
    elif series:
        years = f", {_span(series.years)}" if series.years else ""
        measure = variable.measure or "the same"
        yield f"  from {variable.source}.{series.key} [{series.measure}{years}], here in {measure}"
        if series.note:
            yield f"  counts: {series.note}"
        for year, details in sorted(series.breaks.items()):
            rule = variable.breaks[year].rule if year in variable.breaks else "no rule"
            yield f"  break {year}{_units_of(details)}: {details.what} ({rule})"
    for panel in config.panels.values():
        folder = results / "panels" / panel.name
        rows = read_rows(folder / "coverage.csv") if (folder / "coverage.csv").is_file() else []
        for row in (row for row in rows if row["variable"] == variable.name):
            described = _codebook(folder).get(variable.name, {})
            words = stated(row["remark"], "en") or f"{_gaps(_shares(row))}{_spread(described)}"
            yield f"  panel {panel.name}: {words}"
    readers = [name for name, other in config.variables.items() if other.formula and variable.name in _read_by(other)]
    models = [name for name, model in config.models.items() if variable.name in model_names(model)]
    made = {variable.name}
    while more := {n for n, other in config.variables.items() if other.formula and made & _read_by(other)} - made:
        made |= more
    behind = [name for name, model in config.models.items() if name not in models and made & set(model_names(model))]
    through = f"; through formulas by models: {', '.join(behind)}" if behind else ""
    yield f"  read by formulas: {', '.join(readers) or 'none'}; by models: {', '.join(models) or 'none'}{through}"


def _read_by(variable: VariableSpec) -> frozenset[str]:
    return names(tree(variable.formula))


def _units_of(details: Break) -> str:
    units = details.units
    return f" ({', '.join(units)})" if units else ""


def _source(source: SourceSpec) -> Iterator[str]:
    about = source.described
    words = ", ".join(filter(None, (about.publisher, about.title, about.edition)))
    files = _counted(len(source.files), "file")
    yield f"  {source.name} ({source.adapter}, {files}): {words or 'provenance not declared'}"
    for series in source.series.values():
        years = f", {_span(series.years)}" if series.years else ""
        yield f"    {series.key}: {series.label or series.title_in_file or series.key} [{series.measure}{years}]"
        for year, details in sorted(series.breaks.items()):
            yield f"      break {year}{_units_of(details)}: {details.what}"


def _left_aside(ingested: Path) -> Iterator[str]:
    """What the files hold and the source does not read, if it looks as if it should."""
    if ingested.is_file():
        from pyarrow import parquet

        from ruralpanel.data.adapters.cells import remarks_of

        stored = (parquet.read_schema(ingested).metadata or {}).get(b"PANDAS_ATTRS", b"{}")
        yield from (f"    look at {remark}" for remark in remarks_of(json.loads(stored)))


def _impossible(findings: Path) -> Iterator[str]:
    """Figures outside their range that nothing accounts for; all other findings are for the report."""
    if findings.is_file():
        impossible = [row for row in read_rows(findings) if row["check"] == "range" and row["declared"] == "False"]
        for row in impossible[:_MOST]:
            place = ", ".join(filter(None, [f"{row['source']}.{row['series']}", row["unit"], row["period"]]))
            yield f"  look at {place}: {float(row['value']):.10g}, {stated(row['note'], 'en')}"
        if len(impossible) > _MOST:
            yield f"  and {len(impossible) - _MOST} more figures outside their range: {findings}"


def _coverage(folder: Path) -> Iterator[str]:
    if not (folder / "coverage.csv").is_file():
        yield "  not built yet: run snakemake"
        return
    book = _codebook(folder)
    left_out = []
    covered = []
    for row in read_rows(folder / "coverage.csv"):
        if row["remark"]:
            left_out.append(row["variable"])
            continue
        shares = _shares(row)
        covered.append(shares)
        described = book.get(row["variable"], {})
        noted = f"; breaks {described['breaks']}" if described.get("breaks") else ""
        yield f"  {row['variable']}{_origin(described)}: {_gaps(shares)}{_spread(described)}{noted}"
    if left_out:
        yield f"  without figures here: {', '.join(left_out)}"
    yield from _empty_periods(covered)


def _codebook(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """Variable → its row of a panel's codebook; empty before that is written."""
    file = folder / "codebook.csv"
    return {row["variable"]: row for row in read_rows(file)} if file.is_file() else {}


def _origin(described: Mapping[str, str]) -> str:
    """Measure and where from: `` [km] from nbs_annual.highway_length`` or the formula."""
    measure = f" [{described['measure']}]" if described.get("measure") else ""
    if described.get("formula"):
        return f"{measure} = {described['formula']}"
    return f"{measure} from {described['source']}.{described['series']}" if described.get("source") else measure


def _gaps(shares: Mapping[str, float]) -> str:
    """Coverage in words; neighbouring periods of the same coverage together."""
    runs: list[tuple[list[str], str]] = []
    for period, share in shares.items():
        words = "" if share >= 1 else f"{max(1, min(99, round(100 * share)))} % of the units" if share else "no unit"
        if runs and runs[-1][1] == words:
            runs[-1][0].append(period)
        else:
            runs.append(([period], words))
    partial = [f"{words} in {p[0]}{f'–{p[-1]}' if len(p) > 1 else ''}" for p, words in runs if words]
    if not partial:
        return "figures of all units"
    rest = ", all others in full" if any(not words for _, words in runs) else ""
    return f"figures of {', '.join(partial)}{rest}"


def _spread(described: Mapping[str, str]) -> str:
    """Smallest, mean and largest value, where a wrong measure shows first."""
    values = [described.get(key) for key in ("min", "mean", "max")]
    if not all(values):
        return ""
    low, middle, high = (
        f"{float(value):,.4g}" if abs(float(value)) < 1e4 else f"{float(value):,.0f}" for value in values if value
    )
    return f"; from {low} to {high}, mean {middle}"


def _span(years: tuple[int, ...]) -> str:
    if len(years) > 2 and years[-1] - years[0] == len(years) - 1:
        return f"{years[0]}–{years[-1]}"
    return ", ".join(map(str, years))
