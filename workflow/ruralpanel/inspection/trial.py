"""Reading a file by the entry that was found for it: what comes out, and what would be refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ruralpanel.adapters.cells import remarks_of
from ruralpanel.adapters.registry import read
from ruralpanel.contracts.problems import UserError
from ruralpanel.contracts.sidecar import series_spec
from ruralpanel.contracts.specs import SourceSpec
from ruralpanel.contracts.units import Units
from ruralpanel.inspection.tables import Found

_MOST_TRIED = 200_000


def tried(file: Path, part: Found, units: Units | None) -> Found:
    """The entry with what the adapter reads by it; what the adapter refuses becomes a doubt."""
    if part.figures > _MOST_TRIED:
        return part
    # The year that users must write in is any year here.
    layout = {key: 2000 if value == "YYYY" else value for key, value in part.layout.items()}
    series = {key: series_spec(key, fields) for key, fields in part.series.items()}
    try:
        cells = read(SourceSpec("made", part.adapter, str(file), (str(file),), None, layout, series))
    except UserError as error:
        bare = {key for key, fields in part.series.items() if "measure" not in fields}
        if bare and all(problem.found.endswith("%") and "number format" in problem.found for problem in error.problems):
            named = {
                key: {**fields, **({"measure": "percent"} if key in bare else {})}
                for key, fields in part.series.items()
            }
            return tried(file, replace(part, series=named), units)
        doubts = tuple(f"as it stands the file is refused: {problem}" for problem in error.problems[:3])
        return replace(part, unsure=(*part.unsure, *doubts))
    doubts = tuple(f"{remark.where}: {remark.found}".removeprefix(": ") for remark in remarks_of(cells.attrs))
    percents = int(cells["text"].astype(str).str.endswith("%").sum())
    if percents:
        found = f"{percents} figures are stored as parts of one and shown as percent"
        doubts += (f"{found}: the measure decides what is read",)
    part = replace(part, unsure=(*part.unsure, *doubts))
    years = () if "YYYY" in part.layout.values() else tuple(sorted(set(map(int, cells["period"]))))
    part = replace(part, figures=int(cells["value"].notna().sum()), years=years)
    return _before_their_time(part, cells, units) if units is not None and years else part


def _before_their_time(part: Found, cells: pd.DataFrame, units: Units) -> Found:
    """The entry with units declared retrospective that have figures for years before they were set up."""
    early: dict[str, list[str]] = {}
    filled = cells[cells["value"].notna()]
    for (key, name), rows in filled.groupby(["series", "unit"], observed=True):
        bearers = units.bearers(str(name))
        first = units.valid.get(bearers[0], (None, None))[0] if len(bearers) == 1 else None
        if first is not None and int(rows["period"].min()) < first:
            early.setdefault(str(key), []).append(bearers[0])
    if not early:
        return part
    series = {
        key: {**fields, **({"retrospective": early[key]} if key in early else {})}
        for key, fields in part.series.items()
    }
    named = ", ".join(dict.fromkeys(unit for found in early.values() for unit in found))
    doubt = f"figures of {named} for years before they were set up: taken as published later in today's boundaries"
    return replace(part, series=series, unsure=(*part.unsure, doubt))
