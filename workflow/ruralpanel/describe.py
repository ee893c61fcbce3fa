"""What a project rests on: its sources, the coverage of its panels, and the definition breaks they meet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ruralpanel.contracts.config import Config
from ruralpanel.contracts.specs import SourceSpec
from ruralpanel.files import read_rows

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


def _source(source: SourceSpec) -> Iterator[str]:
    about = source.about or {}
    words = ", ".join(str(about[key]) for key in ("publisher", "title", "edition") if about.get(key))
    yield f"  {source.name} ({source.adapter}, {len(source.files)} files): {words or 'provenance not declared'}"
    for series in source.series.values():
        years = f", {_span(series.years)}" if series.years else ""
        yield f"    {series.key}: {series.label or series.title_in_file or series.key} [{series.measure}{years}]"
        for year, details in sorted(series.breaks.items()):
            units = details.get("units")
            where = f" ({', '.join(units)})" if units else ""
            yield f"      break {year}{where}: {details.get('what', '')}"


def _left_aside(ingested: Path) -> Iterator[str]:
    """What the files hold and the source does not read, if it looks as if it should."""
    if ingested.is_file():
        from pyarrow import parquet

        from ruralpanel.adapters.cells import remarks_of

        stored = (parquet.read_schema(ingested).metadata or {}).get(b"PANDAS_ATTRS", b"{}")
        yield from (f"    look at {remark}" for remark in remarks_of(json.loads(stored)))


def _impossible(findings: Path) -> Iterator[str]:
    """Figures outside their range that nothing accounts for; all other findings are for the report."""
    if findings.is_file():
        found = [row for row in read_rows(findings) if row["check"] == "range" and row["declared"] == "False"]
        for row in found[:_MOST]:
            place = ", ".join(filter(None, [f"{row['source']}.{row['series']}", row["unit"], row["period"]]))
            yield f"  look at {place}: {float(row['value']):.10g}, {row['note']}"
        if len(found) > _MOST:
            yield f"  and {len(found) - _MOST} more figures outside their range: {findings}"


def _coverage(folder: Path) -> Iterator[str]:
    if not (folder / "coverage.csv").is_file():
        yield "  not built yet: run snakemake"
        return
    book = {row["variable"]: row for row in read_rows(folder / "codebook.csv")}
    left_out = []
    covered: dict[str, float] = {}
    for row in read_rows(folder / "coverage.csv"):
        if row["remark"]:
            left_out.append(row["variable"])
            continue
        shares = {period: float(share) for period, share in row.items() if period.isdigit()}
        covered = {period: max(share, covered.get(period, 0.0)) for period, share in shares.items()}
        own = book.get(row["variable"], {})
        noted = f"; breaks {own['breaks']}" if own.get("breaks") else ""
        yield f"  {row['variable']}{_origin(own)}: {_gaps(shares)}{_spread(own)}{noted}"
    if left_out:
        yield f"  without figures here: {', '.join(left_out)}"
    empty = tuple(int(period) for period, share in covered.items() if not share)
    if empty:
        yield f"  look at the periods: no variable has a figure in {_span(empty)}"


def _origin(own: Mapping[str, str]) -> str:
    """Measure and where from: `` [km] from nbs_annual.highway_length`` or the formula."""
    measure = f" [{own['measure']}]" if own.get("measure") else ""
    if own.get("formula"):
        return f"{measure} = {own['formula']}"
    return f"{measure} from {own['source']}.{own['series']}" if own.get("source") else measure


def _gaps(shares: Mapping[str, float]) -> str:
    """Coverage in words; neighbouring periods of the same coverage together."""
    runs: list[tuple[list[str], float]] = []
    for period, share in shares.items():
        if runs and f"{runs[-1][1]:.0%}" == f"{share:.0%}":
            runs[-1][0].append(period)
        else:
            runs.append(([period], share))
    partial = [
        f"{periods[0]}{f'–{periods[-1]}' if len(periods) > 1 else ''} {share:.0%}"
        for periods, share in runs
        if share < 1
    ]
    return f"complete but for {', '.join(partial)}" if partial else "complete"


def _spread(own: Mapping[str, str]) -> str:
    """Smallest, mean and largest value, where a wrong measure shows first."""
    values = [own.get(key) for key in ("min", "mean", "max")]
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
