"""A declared key of sources, series, variables, panels, corrections, checks or the report is never ignored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from report_project import config as made_up_config
from report_project import context, made_up_project
from ruralpanel.data.lineage import trace
from ruralpanel.data.reconcile.totals import OPTIONAL, REQUIRED
from ruralpanel.estimate.places.geography import read_polygons
from ruralpanel.output.maps.draw import boundary_note
from ruralpanel.output.report.build import compose
from ruralpanel.output.report.context import gather
from ruralpanel.project.config_schema import config_schema
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
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import load_units
from ruralpanel.tools.describe import describe

WORKFLOW = Path(__file__).parents[2] / "workflow"
SCHEMA = config_schema()
OF_SIDECARS = yaml.safe_load((WORKFLOW / "schemas" / "sidecar.schema.yaml").read_text(encoding="utf-8"))
OF_CORRECTIONS = yaml.safe_load((WORKFLOW / "schemas" / "corrections.schema.yaml").read_text(encoding="utf-8"))
OTHERS = {"samples", "weights_matrices", "defaults", "models", "hypotheses", "specification_curves", "tables",
          "figures", "maps"}  # fmt: skip
"""Sections whose keys have tests of their own."""

YEARS = range(2001, 2007)
KM = {"A": 10.0, "B": 20.0, "C": 30.0}
UNITS = "id,name_en,name_zh,region,valid_from\nA,Aland,甲,North,\nB,Bland,乙,South,\nC,Cland,丙,South,2002\n"
BREAK = {"what": "village roads counted", "factor": 2}
OVERLAP = {"what": "village roads counted", "overlap": {"series": "rails", "years": [2003]}}
REPAIR = {"source": "made", "series": "roads", "unit": "A", "year": 2002, "action": "replace", "expect": 11,
          "value": 12, "reason": "a misprint in the made-up table", "provider": "Nobody"}  # fmt: skip
OF_ALL = {key: value for key, value in REPAIR.items() if key not in ("expect", "value")}
OF_ALL |= {"unit": "all", "action": "blank", "expect_sum": 66.0}
TOTAL = {"source": "made", "series": "roads", "year": 2003, "national_figure": 100, "measure": "km",
         "remark": "roads of nobody", "unassigned": 50}  # fmt: skip
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


SOURCE = {
    "adapter": Case("yearbook"),
    "path": Case("later"),
    "about": Case("other.yaml"),
    "by": Case("region"),
    "layout": Case({"period": "year", "skip_rows": ["B"]}),
    "series": Case({"roads": {**SERIES, "column": "other"}, "rails": SERIES}),
}
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
    "retrospective": Case(["C"], {"sources.made.series.roads.file": "early.csv"}),
    "breaks": Case({"2003": BREAK}),
}
OF_FILES = {"file": Case("new.csv"), "column": Case("other")}
OF_BREAK = {
    "what": Case("county roads counted"),
    "units": Case(["A"]),
    "factor": Case(3),
    "overlap": Case({"series": "rails", "years": [2003]}),
}
OF_OVERLAP = {"series": Case("roads"), "years": Case([2001, 2004])}
VARIABLE = {
    "source": Case("second", {"sources.second": {**CONFIG["sources"]["made"], "path": "later"}}),
    "series": Case("rails"),
    "formula": Case("2 * lag(roads)"),
    "measure": Case("10^3 km"),
    "label": Case("In words"),
    "label_zh": Case("文字", {"language": "zh"}),
    "counts": Case("Roads that a map shows"),
    "counts_zh": Case("地图上的公路", {"language": "zh"}),
    "breaks": Case({"2003": "drop"}, {"sources.made.series.roads.breaks": {"2003": BREAK}}),
}
RULE = {
    "rule": Case("drop"),
    "because": Case("only a tenth of the roads is new"),
    "because_zh": Case("新路仅占十分之一", {"language": "zh"}),
}
PANEL = {
    "title": Case("A panel in words"),
    "title_zh": Case("以文字命名的面板", {"language": "zh"}),
    "periods": Case([2001, 2003, 2004]),
    "units": Case(["A", "B"]),
    "by": Case("observation", {"panels.main.periods": [2001, 2003, 2005]}),
}
PERIODS = {"first": Case(2002), "last": Case(2005)}
CHECKS = {"jump": Case(50), "repeat": Case(2), "on_failure": Case("error")}
REPORT = {
    "formats": Case(["html"]),
    "introduction": Case("Words before the answers."),
    "introduction_zh": Case("前言。", {"language": "zh"}),
    "compare_with": Case("before"),
    "contrasts": Case([{"text": "Two designs differ."}]),
}
CONTRAST = {"text": Case("Other words."), "text_zh": Case("另一说明。", {"language": "zh"})}
TOP = {
    "title": Case("Another title"),
    "title_zh": Case("另一标题", {"language": "zh"}),
    "language": Case("zh"),
    "units": Case("fewer.csv"),
    "boundaries": Case("moved.geojson"),
    "boundaries_note": Case("Simplified.", {"boundaries": "map.geojson"}),
    "boundaries_note_zh": Case("已简化。", {"boundaries": "map.geojson", "language": "zh"}),
    "names": Case({"West": "The West"}),
    "names_zh": Case({"West": "西部"}, {"language": "zh"}),
    "corrections": Case("corrections.yaml"),
    "control_totals": Case("totals.csv"),
    "seed": Case(7),
}
PARTS: dict[str, tuple[str, dict[str, Case], dict[str, Any]]] = {
    "source": ("sources.made", SOURCE, {}),
    "series": ("sources.made.series.roads", OF_SERIES, {}),
    "place": ("sources.made.series.roads.files.0", OF_FILES,
              {"sources.made.series.roads.file": None,
               "sources.made.series.roads.files": [{"file": "old.csv", "column": "km"}]}),
    "declared_break": ("sources.made.series.roads.breaks.2003", OF_BREAK,
                       {"sources.made.series.roads.breaks": {"2003": BREAK}, "variables.roads.breaks.2003": "splice"}),
    "overlap": ("sources.made.series.roads.breaks.2003.overlap", OF_OVERLAP,
                {"sources.made.series.roads.breaks": {"2003": OVERLAP}, "variables.roads.breaks.2003": "splice"}),
    "variable": ("variables.roads", VARIABLE, {}),
    "break_rule": ("variables.roads.breaks.2003", RULE,
                   {"sources.made.series.roads.breaks": {"2003": BREAK},
                    "variables.roads.breaks.2003": {"rule": "accept", "because": "they are hardly any"}}),
    "panel": ("panels.main", PANEL, {}),
    "periods": ("panels.main.periods", PERIODS, {}),
    "checks": ("checks", CHECKS, {"sources.made.series.roads.file": "odd.csv"}),
    "report": ("report", REPORT, {}),
    "contrast": ("report.contrasts.0", CONTRAST, {"report.contrasts": [{"text": "Two designs differ."}]}),
    "top": ("", TOP, {}),
}  # fmt: skip
"""Part of the configuration → where it stands, another value of each of its keys, and what the file has beside."""

WITH_A_TEST_OF_ITS_OWN = {
    "report": {"nouns", "story", "brief", "references", "citation", "evidence_from"},
    "source": {"url", "sha256", "bytes", "unpack", "member", "file"},
    "top": {"cache"},
}


def keys_of_schema() -> dict[str, set[str]]:
    """The keys of each part as the schema lists them."""
    parts = SCHEMA["$defs"]

    def of(part: Mapping[str, Any]) -> set[str]:
        return set(part["properties"])

    listed = {
        **{name: of(parts[name]) for name in ("source", "series", "declared_break", "variable", "panel", "checks")},
        "place": of(parts["place"]["oneOf"][1]),
        "overlap": of(parts["declared_break"]["properties"]["overlap"]),
        "break_rule": of(parts["break_rule"]["oneOf"][1]),
        "periods": of(parts["span"]),
        "report": of(parts["report"]),
        "contrast": of(parts["report"]["properties"]["contrasts"]["items"]),
        "top": of(SCHEMA) - OTHERS - {"sources", "panels", "variables", "report", "checks"},
    }
    return {part: keys - WITH_A_TEST_OF_ITS_OWN.get(part, set()) for part, keys in listed.items()}


def combinations() -> Iterator[tuple[str, str]]:
    for part, (_, cases, _) in PARTS.items():
        yield from ((part, key) for key in cases)


def test_every_key_of_the_schema_has_a_case() -> None:
    assert {part: set(cases) for part, (_, cases, _) in PARTS.items()} == keys_of_schema()
    assert set(SCHEMA["properties"]) >= OTHERS


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
    for name, file in zip(read.sources, figures, strict=True):
        settings = reading_settings(read, name)
        digests = {path: content_of(path) for path in read.sources[name].files}
        script("ingest").main(settings, units, read.corrections or "", file, digests)
    findings = "results/reconciliation/findings.csv"
    script("reconcile").main(reconcile_settings(read), read.checks, figures, units, read.control_totals or "", findings)
    script("panel").main(**panel_settings(read)["main"], figures=figures, units=units, folder=panel)
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
        read.report["formats"],
        names_in_print(read.resolved, read.language),
        estimation_settings(read, "main")["seed"],
    ]
    return "\n".join([*said, repr(compose(context)), repr(given)])


@pytest.mark.parametrize(("part", "key"), list(combinations()))
def test_another_value_changes_what_comes_out(part: str, key: str, place: Path) -> None:
    where, cases, beside = PARTS[part]
    case = cases[key]
    if part == "variable" and key == "formula":
        where = "variables.more"
    base = {**beside, **case.beside}
    before = outcome(base)
    after = outcome({**base, f"{where}.{key}".lstrip("."): case.value})
    assert before != after
    assert not before.startswith("refused") or not after.startswith("refused"), f"{before}\n{after}"
    if after.startswith("refused"):
        assert key.removesuffix("s") in after or part == "source" or key in ("range", "on_failure"), after


OF_CORRECTION = {
    "source": "mad",
    "series": "rails",
    "unit": "B",
    "year": 2003,
    "action": "subtract",
    "expect": 11.5,
    "value": 13,
    "reason": "another misprint in the made-up table",
    "provider": "Somebody",
    "reason_zh": "另一处误印",
    "provider_zh": "某人",
}


def repaired(repair: Mapping[str, Any], language: str = "en") -> str:
    return outcome(
        {"corrections": "repairs.yaml", "language": language},
        "repairs.yaml",
        yaml.safe_dump({"corrections": [dict(repair)]}),
    )


def test_another_value_of_every_key_of_a_correction(place: Path) -> None:
    keys = set(OF_CORRECTIONS["$defs"]["correction"]["properties"])
    assert keys == {*OF_CORRECTION, "expect_sum"}
    before = repaired(REPAIR)
    assert not before.startswith("refused")
    chinese = repaired(REPAIR, "zh")
    heard = {
        key: repaired({**REPAIR, key: value}, "zh" if key.endswith("_zh") else "en")
        for key, value in OF_CORRECTION.items()
    }
    assert [key for key, said in heard.items() if said == (chinese if key.endswith("_zh") else before)] == []
    assert not repaired(OF_ALL).startswith("refused") and "66" in repaired({**OF_ALL, "expect_sum": 65})


OF_TOTAL = {
    "source": ("mad", "column source"),
    "series": ("road", "column series"),
    "year": (2012, "column year"),
    "national_figure": (200, ""),
    "measure": ("person", "column measure"),
    "remark": ("", "column unassigned"),
    "unassigned": (1, ""),
}
"""Another value of each column of the control totals, and what the refusal names."""


def totalled(total: Mapping[str, Any]) -> str:
    text = f"{','.join(total)}\n{','.join(map(str, total.values()))}\n"
    return outcome({"control_totals": "national.csv"}, "national.csv", text)


def test_another_value_of_every_column_of_the_control_totals(place: Path) -> None:
    assert set(OF_TOTAL) == set(TOTAL) == {*REQUIRED, *OPTIONAL}
    before = totalled(TOTAL)
    assert not before.startswith("refused")
    for column, (value, words) in OF_TOTAL.items():
        after = totalled({**TOTAL, column: value})
        assert after != before, column
        assert (words in after) if words else not after.startswith("refused"), after
    assert "national.csv: row 2" in totalled({**TOTAL, "year": 2012})
    assert 'column "remrak"' in totalled({**TOTAL, "remrak": "x"})


NOUNS = SCHEMA["$defs"]["report"]["properties"]["nouns"]["propertyNames"]["enum"]


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_project(tmp_path_factory.mktemp("nouns") / "project")


@pytest.mark.parametrize("noun", NOUNS)
def test_another_noun_changes_the_report(noun: str, made_up: Path) -> None:
    language = "zh" if noun.endswith("_zh") else "en"
    report = made_up_config(made_up).get("report") or {}
    said = []
    for word in ("Blorgs", "Zworgs"):
        nouns = {**(report.get("nouns") or {}), noun: word}
        said.append(repr(compose(context(made_up, language=language, report={**report, "nouns": nouns}))[0]))
    assert said[0] != said[1] and "blorgs" in said[0].casefold()


@pytest.mark.parametrize(("adapter", "series", "key"), [
    ("table", {"column": "km", "title_in_file": "公路里程"}, "title_in_file"),
    ("yearbook", {"column": "km", "title_in_file": "公路里程"}, "title_in_file"),
    ("nbs_export", {"column": "km", "title_in_file": "公路里程"}, "column"),
    ("nbs_api", {"column": "km", "title_in_file": "公路里程"}, "column"),
    ("nbs_api", {"title_in_file": "公路里程", "file": "old.csv"}, "file"),
])  # fmt: skip
def test_a_name_of_a_series_that_nothing_reads_is_refused(
    adapter: str, series: dict[str, str], key: str, place: Path
) -> None:
    source = {"adapter": adapter, "path": "roads", "series": {"roads": {**series, "measure": "km"}}}
    said = outcome({"sources.made": source})
    assert f"series.roads.{key}" in said and said.endswith("leave it out")


def test_titles_are_no_use_to_a_wide_table_of_one_series(place: Path) -> None:
    (place / "wide.csv").write_text("unit,2001,2002,2003\nA,1,2,3\nB,2,3,4\n", encoding="utf-8")
    made = {"adapter": "table", "path": "wide.csv", "layout": {"shape": "wide"}, "series": {"roads": {"measure": "km"}}}
    assert not outcome({"sources.made": made}).startswith("refused")
    made["series"] = {"roads": {"measure": "km", "title_in_file": "公路里程"}}
    said = outcome({"sources.made": made})
    assert "series.roads.title_in_file" in said and "layout.series" in said


@pytest.mark.parametrize(("path", "value", "words"), [
    ("sources.made.series.roads.files", ["new.csv"], "file and files together"),
    ("sources.made.series.roads.breaks", {"2003": {**BREAK, **OVERLAP}}, "factor and overlap together"),
])  # fmt: skip
def test_two_keys_of_which_one_would_go_unheard(path: str, value: Any, words: str, place: Path) -> None:
    assert words in outcome({path: value})


SIDECAR: dict[str, Any] = {
    "publisher": "Nobody",
    "title": "Made-up roads",
    "files": {name: {} for name in ("old.csv", "new.csv", "early.csv", "odd.csv")},
    "series": {
        "roads": {"label": "Roads", "column": "km", "file": "odd.csv", "measure": "km"},
        "rails": {"label": "Rails", "column": "other", "file": "odd.csv", "measure": "km"},
        "again": {"label": "Roads again", "column": "km", "file": "odd.csv", "measure": "km"},
        "wider": {"label": "Wider roads", "column": "km", "file": "new.csv", "measure": "km"},
    },
}
ROADS = "series.roads"
FAULT = {"series": "roads", "what": "a printer's error", "reason": "seen in the yearbook", "units": ["A"],
         "years": {"list": [2004]}}  # fmt: skip
SUM = {"total": "roads", "parts": ["rails", "wider"], "tolerance": 0.5, "why": "rails are all that there is"}
BOUND = {"smaller": "roads", "larger": "rails", "tolerance": 0.5, "why": "roads are a part of rails"}
WORDS = {key: Case(f"{key} in other words") for key in ("publisher", "title", "edition", "licence", "obtained",
                                                        "checked")}  # fmt: skip
WORDS |= {f"{key}_zh": Case("公路") for key in WORDS}
SIDECAR_PARTS: dict[str, tuple[str, dict[str, Case], dict[str, Any]]] = {
    "": ("", WORDS | {
        "url": Case("https://example.org/roads"), "accessed": Case("2026-01-02"),
        "layout": Case({"period": "year", "skip_rows": ["B"]}), "files": Case({"old.csv": {"sha256": "0" * 64}}),
        "series": Case({"roads": {"label": "R", "column": "other", "file": "odd.csv"}}), "identities": Case([SUM]),
        "known_faults": Case([FAULT])}, {}),
    "file": ("files.odd%csv", {
        "sha256": Case("0" * 64), "table": Case("12-3"), "title": Case("Length of roads"), "edition": Case("2005"),
        "url": Case("https://example.org/12-3"), "accessed": Case("2026-01-02"), "provinces_visible": Case(31),
        "request": Case("POST /roads"), "remarks": Case("a blot on page 7")}, {}),
    "series": (ROADS, {
        **{key: OF_SERIES[key] for key in ("label", "title_in_file", "measure", "range", "counts")},
        "label_zh": Case("公路"), "counts_zh": Case("村道也计算在内"),
        "column": Case("other"), "file": Case("new.csv"), "files": Case(["new.csv"], {f"{ROADS}.file": None}),
        "years": Case([2001, 2002]), "note": Case("Counted anew in 2004"), "same_as": Case("second.roads"),
        "retrospective": Case(["C"], {f"{ROADS}.file": "early.csv"}), "breaks": Case({"2004": {"what": "w"}})}, {}),
    "place": (f"{ROADS}.files.0", OF_FILES,
              {f"{ROADS}.file": None, f"{ROADS}.files": [{"file": "old.csv", "column": "km"}]}),
    "break": (f"{ROADS}.breaks.2003", OF_BREAK | {"what_zh": Case("县道")}, {f"{ROADS}.breaks": {"2003": BREAK}}),
    "overlap": (f"{ROADS}.breaks.2003.overlap", {"series": Case("again"), "years": Case([2004])},
                {f"{ROADS}.breaks": {"2003": OVERLAP}}),
    "sum": ("identities.0", {
        "total": Case("again"), "parts": Case(["again"]), "tolerance": Case(1000), "blank": Case("zero"),
        "why": Case("for another reason")}, {"identities": [SUM]}),
    "bound": ("identities.0", {
        "smaller": Case("again"), "larger": Case("again"), "tolerance": Case(1000), "why": Case("for another reason")},
        {"identities": [BOUND]}),
    "known_fault": ("known_faults.0", {
        "series": Case(["rails"]), "units": Case(["B"]), "years": Case([2006]), "what": Case("a fire"),
        "reason": Case("said by a clerk"), "what_zh": Case("火灾"), "reason_zh": Case("据称")},
        {"known_faults": [FAULT]}),
}  # fmt: skip
"""Part of a sidecar → where it stands, another value of each of its keys, and what the sidecar has beside."""


def described(changes: Mapping[str, Any], broken: bool, language: str) -> str:
    sidecar = deepcopy(SIDECAR)
    for name, entry in sidecar["files"].items():
        entry["sha256"] = content_of(Path("roads") / name)
    for path, value in changes.items():
        put(sidecar, path, deepcopy(value))
    second = {"adapter": "table", "path": "later", "layout": {"period": "year"}, "series": {"roads": SERIES}}
    rule = {"variables.roads.breaks": {"2003": "splice"}} if broken else {}
    changed = {
        "sources.made.about": "side.yaml",
        "sources.made.series": None,
        "sources.second": second,
        "language": language,
        **rule,
    }
    return outcome(changed, "side.yaml", yaml.safe_dump(sidecar, allow_unicode=True))


def test_every_key_of_the_sidecar_has_a_case() -> None:
    parts = OF_SIDECARS["$defs"]
    schemas = {"": OF_SIDECARS, **{name: parts[name] for name in ("file", "series", "break", "known_fault")}}
    schemas |= {"place": parts["place"]["oneOf"][1], "overlap": parts["break"]["properties"]["overlap"]}
    schemas |= {"sum": parts["identity"]["oneOf"][0], "bound": parts["identity"]["oneOf"][1]}
    assert {part: set(cases) for part, (_, cases, _) in SIDECAR_PARTS.items()} == {
        part: set(schema["properties"]) for part, schema in schemas.items()
    }


@pytest.mark.parametrize("part", SIDECAR_PARTS)
def test_another_value_of_the_sidecar_changes_what_comes_out(part: str, place: Path) -> None:
    where, cases, beside = SIDECAR_PARTS[part]
    broken = part in ("break", "overlap")
    unheard = []
    for key, case in cases.items():
        language = "zh" if key.endswith("_zh") else "en"
        before = described({**beside, **case.beside}, broken, language)
        after = described({**beside, **case.beside, f"{where}.{key}".lstrip("."): case.value}, broken, language)
        if before == after or (before.startswith("refused") and after.startswith("refused")):
            unheard.append((key, before[:300], after[:300]))
    assert unheard == []
