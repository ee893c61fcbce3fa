"""A made-up project of roads: its files, and all that comes out of it with some keys changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ruralpanel.estimate.places.geography import read_polygons
from ruralpanel.output.maps.draw import boundary_note
from ruralpanel.output.report.build import compose
from ruralpanel.output.report.context import gather
from ruralpanel.project.files import content_of
from ruralpanel.project.jobs import (
    boundaries_note,
    codebook_settings,
    estimation_settings,
    names_in_print,
    open_project,
    panel_settings,
    reading_settings,
    reconcile_settings,
)
from ruralpanel.project.kept import Kept
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import load_units
from ruralpanel.tools.describe import describe
from ruralpanel.tools.trace import trace

WORKFLOW = Path(__file__).parents[1] / "workflow"
YEARS = range(2001, 2007)
KM = {"A": 10.0, "B": 20.0, "C": 30.0}
UNITS = "id,name_en,name_zh,region,valid_from\nA,Aland,甲,North,\nB,Bland,乙,South,\nC,Cland,丙,South,2002\n"
BREAK = {"what": "village roads counted", "factor": 2}
OVERLAP = {"what": "village roads counted", "overlap": {"series": "rails", "years": [2003]}}
REPAIR = {"source": "made", "series": "roads", "unit": "A", "year": 2002, "action": "replace", "expect": 11,
          "value": 12, "reason": "a misprint in the made-up table", "provider": "Nobody"}  # fmt: skip
SERIES = {"column": "km", "file": "old.csv", "measure": "km"}
CONFIG: dict[str, Any] = {
    "title": "Made up",
    "units": "units.csv",
    "sources": {
        "made": {
            "adapter": "table",
            "path": "roads",
            "about": "about.yaml",
            "layout": {"period": "year"},
            "series": {
                "roads": SERIES,
                "rails": {"column": "other", "file": "old.csv", "measure": "km"},
            },
        },
    },
    "panels": {"main": {"periods": {"first": 2001, "last": 2006}}},
    "variables": {
        "roads": {"source": "made", "series": "roads", "measure": "km"},
        "more": {"formula": "lag(roads)"},
    },
    "models": {},
}


@dataclass(frozen=True)
class Case:
    """Another value of a key, and what the configuration has beside it (dotted paths)."""

    value: Any
    beside: Mapping[str, Any] = field(default_factory=dict)


OF_SERIES = {
    "column": Case("other"),
    "file": Case("new.csv"),
    "files": Case(["new.csv"], {"sources.made.series.roads.file": None}),
    "measure": Case("10^3 km"),
    "label": Case("Roads in words"),
    "label_zh": Case("公路", {"language": "zh"}),
    "title_in_file": Case("公路里程"),
    "years": Case([2001, 2002]),
    "range": Case([0, 5]),
    "counts": Case("Roads with a hard surface"),
    "counts_zh": Case("硬化路面公路", {"language": "zh"}),
    "same_as": Case("second.roads", {"sources.second": {**CONFIG["sources"]["made"], "path": "later"}}),
    "retrospective": Case(["C"], {"sources.made.series.roads.file": "early.csv"}),
    "breaks": Case({"2003": BREAK}),
}
OF_FILES = {"file": Case("new.csv"), "column": Case("other")}
OF_BREAK = {
    "what": Case("county roads counted"),
    "what_zh": Case("县道计算在内", {"language": "zh"}),
    "units": Case(["A"]),
    "factor": Case(3),
    "overlap": Case({"series": "rails", "years": [2003]}),
}


@cache
def script(name: str) -> ModuleType:
    spec = spec_from_file_location(f"script_{name}", WORKFLOW / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(factor: float, units: str = "ABC", first: int = 2001) -> str:
    """A made-up table: figures that grow by a tenth, the old ones of C left out while it is not set up."""
    lines = ["unit,year,km,other"]
    for unit in units:
        for year in YEARS:
            early = unit == "C" and year < first
            value = "" if early else f"{factor * KM[unit] * 1.1 ** (year - 2001):.1f}"
            lines.append(f"{unit},{year},{value},{'' if early else float(value) * (3 + year % 2)}")
    return "\n".join(lines) + "\n"


def squares(shift: float) -> str:
    features = [
        {"type": "Feature", "properties": {"id": unit}, "geometry": {"type": "Polygon", "coordinates": [
            [[i + shift, 0], [i + shift, 1], [i + 1, 1], [i + 1, 0], [i + shift, 0]]]}}
        for i, unit in enumerate("ABC")
    ]  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": features})


ODD = "unit,year,km,other\n" + "".join(
    f"{unit},{year},{value},{'' if year == 2001 else 1}\n"
    for unit, values in {"A": (10, 10.6, 11, 44, 45, 47.1), "B": (20.1, 20.7, 20.7, 21.4, 22, 22.5)}.items()
    for year, value in zip(YEARS, values, strict=True)
)
"""A jump of A in 2004, and one figure of B twice in a row."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("keys")
    files = {
        "units.csv": UNITS,
        "fewer.csv": "".join(UNITS.splitlines(keepends=True)[:3]),
        "roads/old.csv": rows(1, first=2002),
        "roads/new.csv": rows(1.5, first=2002),
        "roads/early.csv": rows(1),
        "roads/odd.csv": ODD,
        "later/old.csv": rows(2, first=2002),
        "later/new.csv": rows(2, first=2002),
        "about.yaml": "publisher: Nobody\ntitle: Made-up roads\n",
        "other.yaml": "publisher: Somebody\ntitle: Made-up roads\n",
        "map.geojson": squares(0),
        "moved.geojson": squares(0.1),
        "before/panels/main/codebook.csv": "variable\nroads\n",
        "corrections.yaml": yaml.safe_dump({"corrections": [REPAIR]}),
        "totals.csv": "source,series,year,national_figure\nmade,roads,2003,100\n",
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    return place


@pytest.fixture
def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the made-up project, as the working folder."""
    monkeypatch.chdir(folder)
    return folder


def put(config: dict[str, Any], path: str, value: Any) -> None:
    """Set what a dotted path names (`%` is a dot in a name); None takes it out."""
    *above, last = path.split(".")
    here: Any = config
    for part in (part.replace("%", ".") for part in above):
        here = here[int(part)] if isinstance(here, list) else here.setdefault(part, {})
    if value is None:
        here.pop(last, None)
    else:
        here[last] = value


def outcome(changes: Mapping[str, Any], name: str = "", text: str = "") -> str:
    """All that the made-up project gives with some keys changed: tables, findings, report; or the refusal.

    `text` is that of a further file, `name`.
    """
    return _outcome(json.dumps(changes), name, text)


@cache
def _outcome(changes: str, name: str, text: str) -> str:
    if name:
        Path(name).write_text(text, encoding="utf-8")
    config = deepcopy(CONFIG)
    for path, value in json.loads(changes).items():
        put(config, path, value)
    Path("config.yaml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    shutil.rmtree("results", ignore_errors=True)
    Path("results/ingest").mkdir(parents=True)
    try:
        return result()
    except UserError as error:
        return f"refused: {error}"


def result() -> str:
    read = open_project(["config.yaml"])
    units, panel = read.units, Path("results/panels/main")
    panel.mkdir(parents=True)
    figures = [f"results/ingest/{name}.parquet" for name in read.sources]
    settings = {name: reading_settings(read, name) for name in read.sources}
    digests = {path: content_of(path) for source in read.sources.values() for path in source.files}
    script("ingest").main(settings, units, read.corrections or "", "results/ingest", digests, Kept())
    findings = "results/reconciliation/findings.csv"
    script("reconcile").main(reconcile_settings(read), read.checks, figures, units, read.control_totals or "", findings)
    script("panel").main(**panel_settings(read, ["main"]), figures=figures, units=units, folder=panel.parent)
    script("codebook").main(**codebook_settings(read), results="results")
    context = gather(read.resolved, "results", read.root, read.file, commands=(), packages=())
    found = [panel / "panel.csv", panel / "codebook.csv", panel / "coverage.csv",
             Path("results/reconciliation/findings.csv")]  # fmt: skip
    said = [file.read_text(encoding="utf-8") for file in found]
    if read.boundaries:
        polygons = read_polygons(read.boundaries, load_units(units))
        said += [repr(polygons), boundary_note(read.boundaries, boundaries_note(read), read.language)]
    said += [trace("results", read, "roads", "A", 2003), describe(read, "results")]
    given = [
        read.report.formats,
        names_in_print(read.resolved, read.language),
        estimation_settings(read, ["main"])["seed"],
    ]
    return "\n".join([*said, repr(compose(context)), repr(given)])
