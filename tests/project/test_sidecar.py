"""Sidecars: typed series and faults; files missing, changed, undeclared."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from conftest import tiny_config
from ruralpanel.project.files import sha256_of
from ruralpanel.project.jobs import open_project
from ruralpanel.project.problems import UserError, raise_any
from ruralpanel.project.settings import Break
from ruralpanel.project.sidecars import KnownFault, check_files, is_litter, load_sidecar, sidecar_from, years_of

HEAD = "publisher: NBS\ntitle: Yearbook\n"
SERIES = """series:
  roads:
    label: Roads
    measure: 10^4 km
    years: [2005, 2008]
    range: [0, null]
    counts: All roads.
    retrospective: [CN-CQ]
    same_as: other.roads
    breaks:
      2006: {what: village roads, units: [CN-HA]}
  rail: {label: Rail, measure: km, years: {list: [1998, 2003]}}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "about.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path, source: str | Path = "") -> list[str]:
    with pytest.raises(UserError) as caught:
        sidecar = load_sidecar(path, "about.yaml")
        raise_any(check_files(sidecar, source) if source else ())
    return [str(problem) for problem in caught.value.problems]


def test_series_are_typed(tmp_path: Path) -> None:
    sidecar = load_sidecar(written(tmp_path, HEAD + SERIES))
    roads = sidecar.series["roads"]
    assert roads.years == (2005, 2006, 2007, 2008)
    assert roads.range == (0.0, None)
    assert roads.breaks[2006] == Break("village roads", units=("CN-HA",))
    assert (roads.note, roads.retrospective, roads.same_as) == ("All roads.", ("CN-CQ",), ("other.roads",))
    assert sidecar.series["rail"].years == (1998, 2003)
    assert sidecar.document["publisher"] == "NBS"


def test_years() -> None:
    assert years_of(None) == ()
    assert years_of(2003) == years_of([2003]) == (2003,)
    assert years_of({"first": 2003, "last": 2005}) == (2003, 2004, 2005)


def test_known_faults_cover() -> None:
    entry = {"series": ["a", "b"], "units": ["X"], "years": [2001, 2003], "what": "w", "reason": "r"}
    first, second = sidecar_from({"known_faults": [entry]}).known_faults
    assert (first.series, second.series) == ("a", "b")
    assert first.covers("a", "X", 2002)
    assert not first.covers("a", "", 2002)
    assert not first.covers("a", "Y", 2002)
    assert not first.covers("b", "X", 2002)
    assert not first.covers("a", "X", 2004)
    assert KnownFault("a", "w").covers("a", "", 1900)


def test_unknown_series_and_bad_ranges_are_named(tmp_path: Path) -> None:
    text = HEAD + SERIES.replace("[0, null]", "[2, 1]")
    text += "identities:\n- {total: roads, parts: [rails]}\nknown_faults:\n- {series: road, what: w, reason: r}\n"
    found = faults(written(tmp_path, text))
    assert any('identities[0].parts[0] (line 16): found no series "rails"' in f and '"rail"' in f for f in found), found
    assert any("known_faults[0].series" in f and '"roads"' in f for f in found)
    assert any("series.roads.range (line 8): found [2, 1]" in f for f in found)


def test_schema_faults_carry_lines(tmp_path: Path) -> None:
    found = faults(written(tmp_path, HEAD + SERIES.replace("measure: 10^4 km", "mesure: 10^4 km")))
    assert any("series.roads.mesure (line 6): found unknown key" in f and '"measure"' in f for f in found)


def test_files_missing_changed_undeclared(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for name in ("good.csv", "changed.csv", "extra.csv", "README.md"):
        (folder / name).write_text(name)
    good = sha256_of(folder / "good.csv")
    files = f"files:\n  good.csv: {{sha256: {good}}}\n"
    files += f"  changed.csv: {{sha256: {'a' * 64}}}\n  god.csv: {{sha256: {good}}}\n"
    found = faults(written(tmp_path, HEAD + files), folder)
    assert len(found) == 3
    actual = sha256_of(folder / "changed.csv")
    assert any(f"sha256 {actual[:12]}…; expected {'a' * 12}…" in f and f"write sha256: {actual}" in f for f in found), (
        found
    )
    assert any("files.god.csv (line 6): found no such file" in f and 'did you mean "good.csv"' in f for f in found)
    assert any("the undeclared file extra.csv" in f and sha256_of(folder / "extra.csv") in f for f in found)


def test_one_file_or_a_glob_of_a_shared_sidecar(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for name in ("a_1.csv", "a_2.csv", "b.csv"):
        (folder / name).write_text(name)
    files = {name: {"sha256": sha256_of(folder / name)} for name in ("a_1.csv", "a_2.csv", "b.csv")}
    sidecar = sidecar_from({"files": {**files, "elsewhere.csv": {"sha256": "0" * 64}}}, "about.yaml")
    assert check_files(sidecar, folder / "b.csv") == []
    assert check_files(sidecar, folder / "a_*.csv") == []
    (folder / "a_3.csv").write_text("x")
    assert ["a_3.csv" in p.found for p in check_files(sidecar, folder / "a_*.csv")] == [True]
    assert len(check_files(sidecar, folder)) == 2


def test_without_files_nothing_is_checked(tmp_path: Path) -> None:
    assert check_files(load_sidecar(written(tmp_path, HEAD)), tmp_path) == []


LITTER = (
    ".DS_Store",
    "._r2012.csv",
    "~$r2012.xlsx",
    "Thumbs.db",
    "desktop.ini",
    ".~lock.r.csv#",
    "r.csv~",
    "r.csv.bak",
)


def test_what_systems_leave_in_folders_is_no_file_of_a_source(tiny: Path) -> None:
    values = tiny_config()
    source = values["sources"]["made_up"]  # type: ignore[index]
    folder = tiny / "folder"
    folder.mkdir()
    file = tiny / source["path"]
    (folder / file.name).write_bytes(file.read_bytes())
    for name in LITTER:
        (folder / name).write_text("left by a program", encoding="utf-8")
    for path in ("folder", "folder/*", f"folder/*{file.suffix}"):
        source["path"] = path
        (tiny / "config.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
        files = open_project([tiny / "config.yaml"]).sources["made_up"].files
        assert [Path(name).name for name in files] == [file.name]
    assert not [name for name in LITTER if not is_litter(name)]
    assert not is_litter("r2012 (copy).csv") and not is_litter("thumbs.csv")


def test_braces_in_paths_are_refused(tiny: Path) -> None:
    values = tiny_config()
    source = values["sources"]["made_up"]  # type: ignore[index]
    (tiny / source["path"]).rename(tiny / "roads {x}.csv")
    source["path"] = "roads {x}.csv"
    (tiny / "config.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    with pytest.raises(UserError, match="a path without"):
        open_project([tiny / "config.yaml"])


def test_braces_in_paths_of_the_report_are_refused(tiny: Path) -> None:
    (tiny / "works {x}.bib").write_text("", encoding="utf-8")
    values = {**tiny_config(), "report": {"references": "works {x}.bib"}, "cache": "{kept}"}
    (tiny / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(UserError) as error:
        open_project([tiny / "config.yaml"])
    (problem,) = error.value.problems
    assert problem.where.startswith("report.references") and "a path without" in problem.expected
