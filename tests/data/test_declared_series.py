"""Series declared in the configuration, in the sidecar, or in both: files, breaks, splices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ruralpanel.data.adapters.registry import read
from ruralpanel.data.harmonise import harmonise
from ruralpanel.data.series import series_values
from ruralpanel.project.jobs import open_project
from ruralpanel.project.load import Config
from ruralpanel.project.problems import UserError
from ruralpanel.project.sidecars import load_sidecar
from ruralpanel.project.units import load_units

UNITS = "id,name_en\nA,North\nB,South\n"
OLD = "unit,year,km,other\nNorth,2001,10,1\nNorth,2002,11,1\nSouth,2001,20,1\nSouth,2002,22,1\n"
NEW = "unit,year,km,other\nNorth,2003,24,2\nNorth,2002,22,2\nSouth,2003,44,2\nSouth,2002,44,2\n"
SIDECAR: dict[str, Any] = {
    "publisher": "Nobody",
    "title": "Made-up roads",
    "series": {
        "roads": {
            "label": "Roads",
            "measure": "km",
            "files": [{"file": "old.csv", "column": "km"}],
            "breaks": {2003: {"what": "all roads", "overlap": {"series": "roads_new", "years": [2002]}}},
        },
        "roads_new": {"label": "Roads, all", "measure": "km", "file": "new.csv", "column": "km"},
    },
}


def project(folder: Path, series: dict[str, Any], sidecar: dict[str, Any] | None = None, rule: Any = "drop") -> Config:
    (folder / "roads").mkdir(exist_ok=True)
    (folder / "units.csv").write_text(UNITS, encoding="utf-8")
    (folder / "roads" / "old.csv").write_text(OLD, encoding="utf-8")
    (folder / "roads" / "new.csv").write_text(NEW, encoding="utf-8")
    source: dict[str, Any] = {"adapter": "table", "path": "roads", "layout": {"period": "year"}}
    if series:
        source["series"] = series
    if sidecar:
        (folder / "about.yaml").write_text(yaml.safe_dump(sidecar), encoding="utf-8")
        source["about"] = "about.yaml"
    config = {
        "title": "Made up",
        "units": "units.csv",
        "sources": {"made": source},
        "panels": {"mine": {"periods": [2001, 2002, 2003]}},
        "variables": {
            "roads": {
                "source": "made",
                "series": "roads",
                "measure": "km",
                **({"breaks": {2003: rule}} if rule else {}),
            },
            "log_roads": {"formula": "log(roads)"},
        },
        "models": {"m": {"estimator": "pooled", "outcome": "log_roads", "regressors": ["roads"]}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return open_project([folder / "config.yaml"])


def roads(config: Config) -> dict[tuple[str, int], float]:
    source = config.sources["made"]
    cells = read(source)
    rows = cells[cells["series"] == "roads"]
    return {(str(r.unit), int(r.period)): float(r.value) for r in rows.itertuples()}


def test_the_configuration_says_which_file_holds_a_series(tmp_path: Path) -> None:
    config = project(tmp_path, {"roads": {"file": "new.csv", "column": "km", "measure": "km"}}, rule=None)
    assert roads(config)["North", 2002] == 22 and ("North", 2001) not in roads(config)
    both = [{"file": "old.csv", "column": "km"}, {"file": "new.csv", "column": "other"}]
    with pytest.raises(UserError, match="a second figure"):
        harmonise_all(project(tmp_path, {"roads": {"files": both, "measure": "km"}}, rule=None))
    with pytest.raises(UserError, match="did you mean"):
        roads(project(tmp_path, {"roads": {"file": "mew.csv", "column": "km", "measure": "km"}}, rule=None))


def harmonise_all(config: Config) -> Any:
    return harmonise(config.sources["made"], read(config.sources["made"]), load_units(config.units))


def test_a_key_of_the_configuration_goes_over_the_sidecar_and_leaves_its_breaks(tmp_path: Path) -> None:
    config = project(tmp_path, {"roads": {"measure": "10^3 km"}}, SIDECAR)
    spec = config.sources["made"].series["roads"]
    assert spec.measure == "10^3 km" and spec.label == "Roads" and 2003 in spec.breaks
    assert roads(config)["North", 2001] == 10
    moved = project(tmp_path, {"roads": {"measure": "km", "file": "new.csv", "column": "km"}}, SIDECAR)
    assert roads(moved) == {("North", 2003): 24, ("North", 2002): 22, ("South", 2003): 44, ("South", 2002): 44}


def test_breaks_may_be_declared_in_the_configuration(tmp_path: Path) -> None:
    series = {"roads": {"measure": "km", "file": "old.csv", "column": "km", "breaks": {"2002": {"what": "resurvey"}}}}
    with pytest.raises(UserError, match=r"no rule for 2002 \(resurvey\)"):
        project(tmp_path, series, rule=None)


def test_an_overlap_of_two_series_splices(tmp_path: Path) -> None:
    joined = {**SIDECAR["series"], "roads": {**SIDECAR["series"]["roads"]}}
    joined["roads"]["files"] = [{"file": "old.csv", "column": "km"}, {"file": "late.csv", "column": "km"}]
    config_folder = tmp_path
    (tmp_path / "roads").mkdir()
    late = "unit,year,km,other\nNorth,2003,24,2\nSouth,2003,44,2\n"
    (tmp_path / "roads" / "late.csv").write_text(late, encoding="utf-8")
    config = project(config_folder, {}, {**SIDECAR, "series": joined}, "splice")
    figures = harmonise_all(config)
    spec = config.sources["made"].series["roads"]
    years = (2001, 2002, 2003)
    values = series_values(config.variables["roads"], figures, spec, config.panels["mine"], ("A", "B"), years)
    # North: 22 / 11 in 2002 doubles the old figures; South: 44 / 22 likewise.
    assert values.frame.loc["A"].tolist() == [20, 22, 24] and values.frame.loc["B"].tolist() == [40, 44, 44]


@pytest.mark.parametrize(
    ("overlap", "message"),
    [
        ({"series": "roads_mew", "years": [2002]}, 'no series "roads_mew"'),
        ([2002], "overlap"),
        ({"series": "roads_new"}, "years"),
    ],
)
def test_an_overlap_that_leads_nowhere_is_refused(tmp_path: Path, overlap: Any, message: str) -> None:
    wrong = {**SIDECAR, "series": {**SIDECAR["series"]}}
    wrong["series"]["roads"] = {**SIDECAR["series"]["roads"], "breaks": {2003: {"what": "w", "overlap": overlap}}}
    (tmp_path / "about.yaml").write_text(yaml.safe_dump(wrong), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_sidecar(tmp_path / "about.yaml")


def test_the_configuration_takes_what_a_sidecar_takes_of_a_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    roads = {
        **{"label": "Roads", "file": "old.csv", "column": "km", "measure": "km", "same_as": "made.roads_new"},
        **{"years": {"list": [2001, 2002]}, "counts": "Highways", "counts_zh": "公路"},
        "breaks": {2003: {"what": "village roads", "what_zh": "村道"}},
    }
    new = {"file": "new.csv", "column": "km", "measure": "km"}
    spec = project(tmp_path, {"roads": roads, "roads_new": new}).sources["made"].series["roads"]
    assert (spec.same_as, spec.years, spec.note, spec.note_zh) == (
        ("made.roads_new",),
        (2001, 2002),
        "Highways",
        "公路",
    )
    assert spec.breaks[2003].what_zh == "村道"
