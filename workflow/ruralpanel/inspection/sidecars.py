"""The sidecar of a source as far as its files tell it: hashes, series, measures, years, ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ruralpanel.adapters.registry import read
from ruralpanel.contracts.sidecar import PLACEHOLDERS, series_spec
from ruralpanel.contracts.specs import SourceSpec
from ruralpanel.files import sha256_of


def sidecar(path: Path, entry: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A sidecar for a source, and the source's entry that names it instead of the series.

    Parameters
    ----------
    path : the file or folder that the entry reads.
    entry : as `inspect_source.inspect` found it: adapter, path, layout, series.

    Returns
    -------
    sidecar, entry : plain values for YAML.
    """
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    series = {key: dict(fields) for key, fields in entry["series"].items()}
    specs = {key: series_spec(key, fields) for key, fields in series.items()}
    layout = entry.get("layout", {})
    found = read(SourceSpec("made", entry["adapter"], str(path), tuple(map(str, files)), None, layout, specs))
    described: dict[str, Any] = {}
    for key, fields in series.items():
        own = found[(found["series"] == key) & found["value"].notna()]
        label = fields.get("label") or fields.get("title_in_file") or key
        described[key] = {
            "label": label,
            **{k: v for k, v in fields.items() if k != "label"},
            **_extent(own),
        }
    document: dict[str, Any] = dict(PLACEHOLDERS)
    if layout:
        document["layout"] = dict(layout)
    document["files"] = {file.name: {"sha256": sha256_of(file)} for file in files if not file.name.startswith(".")}
    document["series"] = described
    return document, {"adapter": entry["adapter"], "path": entry["path"]}


def _extent(rows: pd.DataFrame) -> dict[str, Any]:
    """Years and, where no figure is negative, the range of a series."""
    years = sorted(set(map(int, rows["period"])))
    if not years:
        return {}
    between = years[-1] - years[0] + 1 == len(years)
    extent: dict[str, Any] = {"years": _span(years) if between else {"list": years}}
    return {**extent, "range": [0, None]} if float(rows["value"].min()) >= 0 else extent


def _span(years: Sequence[int]) -> list[int]:
    return [years[0], years[-1]] if len(years) > 1 else [years[0]]
