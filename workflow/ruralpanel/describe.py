"""What a project rests on: its sources, the coverage of its panels, and the definition breaks they meet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ruralpanel.contracts.config import Config
from ruralpanel.contracts.specs import SourceSpec


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


def _coverage(folder: Path) -> Iterator[str]:
    if not (folder / "coverage.csv").is_file():
        yield "  not built yet: run snakemake"
        return
    breaks = {row["variable"]: row["breaks"] for row in _rows(folder / "codebook.csv")}
    left_out = []
    for row in _rows(folder / "coverage.csv"):
        if row["remark"]:
            left_out.append(row["variable"])
            continue
        shares = {period: float(share) for period, share in row.items() if period.isdigit()}
        gaps = {period: share for period, share in shares.items() if share < 1}
        partial = ", ".join(f"{period} {share:.0%}" for period, share in gaps.items())
        words = f"complete but for {partial}" if gaps else "complete"
        noted = f"; breaks {breaks[row['variable']]}" if breaks.get(row["variable"]) else ""
        yield f"  {row['variable']}: {words}{noted}"
    if left_out:
        yield f"  without figures here: {', '.join(left_out)}"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _span(years: tuple[int, ...]) -> str:
    if len(years) > 2 and years[-1] - years[0] == len(years) - 1:
        return f"{years[0]}–{years[-1]}"
    return ", ".join(map(str, years))
