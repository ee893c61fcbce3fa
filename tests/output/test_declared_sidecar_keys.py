"""A declared key of a sidecar is never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from project_of_roads import (
    BREAK,
    OF_BREAK,
    OF_FILES,
    OF_SERIES,
    OVERLAP,
    SERIES,
    WORKFLOW,
    Case,
    folder,
    outcome,
    place,
    put,
)
from ruralpanel.project.files import content_of

pytestmark = pytest.mark.slow

__all__ = ["folder", "place"]  # fixtures
OF_SIDECARS = yaml.safe_load((WORKFLOW / "schemas" / "sidecar.schema.yaml").read_text(encoding="utf-8"))
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
