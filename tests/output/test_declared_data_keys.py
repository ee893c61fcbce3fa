"""A declared key of sources, series, variables, panels, checks or the report is never ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from project_of_roads import BREAK, CONFIG, OF_BREAK, OF_FILES, OF_SERIES, OVERLAP, SERIES, Case, folder, outcome, place
from report_project import config as made_up_config
from report_project import context, made_up_project
from ruralpanel.output.report.build import compose
from ruralpanel.project.config_schema import config_schema

pytestmark = pytest.mark.slow

__all__ = ["folder", "place"]  # fixtures
SCHEMA = config_schema()
OTHERS = {"samples", "weights_matrices", "defaults", "models", "hypotheses", "specification_curves", "tables",
          "figures", "maps"}  # fmt: skip
"""Sections whose keys have tests of their own."""

SOURCE = {
    "adapter": Case("yearbook"),
    "path": Case("later"),
    "about": Case("other.yaml"),
    "by": Case("region"),
    "layout": Case({"period": "year", "skip_rows": ["B"]}),
    "series": Case({"roads": {**SERIES, "column": "other"}, "rails": SERIES}),
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
        **{name: of(parts[name]) for name in ("source", "series", "variable", "panel", "checks")},
        "declared_break": of(parts["break"]),
        "place": of(parts["place"]["oneOf"][1]),
        "overlap": of(parts["break"]["properties"]["overlap"]),
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
