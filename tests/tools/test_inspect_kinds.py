"""What `new-source` prints for files of every kind: pasted into a configuration it passes the check and is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from brought_files import FIGURES, KINDS
from ruralpanel.cli import main
from ruralpanel.data.adapters.registry import read
from ruralpanel.data.harmonise import harmonise
from ruralpanel.project.jobs import open_project
from ruralpanel.project.measures import parse
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import load_units

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "data" / "units" / "china_provinces.csv"
NAMES = {"CN-BJ": "Beijing", "CN-HE": "Hebei", "CN-GZ": "Guizhou"}


def pasted(printed: str, folder: Path) -> Path:
    """A configuration with what was printed, and the least that it needs besides."""
    document = yaml.safe_load(printed)
    first = next(iter(document["series"]))
    document |= {
        "title": "Made up",
        "units": str(UNITS),
        "panels": {"mine": {"periods": [2001, 2002, 2003], "units": [*NAMES]}},
        "models": {"m": {"estimator": "pooled", "outcome": first, "regressors": ["twice"]}},
    }
    document["variables"] = {"twice": f"log({first})"}
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return file


@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_entry_is_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, factor, expected, entries = KINDS[kind]
    (tmp_path / "brought").mkdir()
    file = write(tmp_path / "brought")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(f"units: {UNITS}\n", encoding="utf-8")
    assert main(["new-source", str(file)]) == 0
    printed = capsys.readouterr().out
    sources = yaml.safe_load(printed)["sources"]
    assert len(sources) == entries
    first = next(iter(sources.values()))
    assert first["path"] == f"brought/{file.name}"  # relative to the configuration
    assert {key: first["layout"].get(key) for key in expected} == expected, printed
    assert "refused" not in printed
    if kind == "no year":
        with pytest.raises(UserError, match=r"YYYY.*expected the year of the figures"):
            open_project([pasted(printed, tmp_path)])
        assert main(["new-source", str(file), "--year", "2001"]) == 0
        printed = capsys.readouterr().out
    config = open_project([pasted(printed, tmp_path)])
    units = load_units(UNITS)
    for source in config.sources.values():
        figures = harmonise(source, read(source), units)
        assert set(figures["unit"]) == set(NAMES)
        for key in source.series:
            rows = figures[figures["series"] == key]
            got = {(NAMES[str(r.unit)], int(r.period)): float(r.value) for r in rows.itertuples()}
            size = factor * (2 if (kind, key) in (("world bank", "rails"), ("longest", "乡村人口")) else 1)
            assert got == pytest.approx({at: size * value for at, value in FIGURES.items() if at in got})
            assert len(got) == (3 if kind in ("no year", "year in name") else 9)
            assert not source.series[key].measure or parse(source.series[key].measure)
    assert entries > 1 or f"{sum(len(read(source)) for source in config.sources.values())} figures" in printed


def test_measures_come_from_labels_rows_and_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, wanted in (
        ("stata", {"km"}),
        ("measured", {"公里"}),
        ("longest", {"公里", "万人"}),
        ("workbook", {"km"}),
    ):
        folder = tmp_path / kind
        folder.mkdir()
        assert main(["--configfile", str(ROOT / "config.yaml"), "new-source", str(KINDS[kind][0](folder))]) == 0
        printed = yaml.safe_load(capsys.readouterr().out)["sources"]
        assert {series["measure"] for source in printed.values() for series in source["series"].values()} == wanted


def test_names_that_the_configuration_has_are_not_taken_again(tmp_path: Path) -> None:
    from ruralpanel.tools.new_source.inspect import inspect_source

    file = KINDS["plain"][0](tmp_path)
    printed = yaml.safe_load(inspect_source(file, load_units(UNITS), tmp_path, taken=("roads", "roads_2", "roads_km")))
    assert list(printed["sources"]) == ["roads_3"] and list(printed["series"]) == ["roads_km_2"]


def test_what_is_unsure_is_said(tmp_path: Path) -> None:
    from ruralpanel.tools.new_source.inspect import inspect_source

    units = load_units(UNITS)
    cases = {
        "province,year,rate\nBeijin,2001,12.5\nHebei,2001,40\n": (
            "Beijin",
            'did you mean "Beijing"',
            "figures reach 40",
        ),
        "province;year;x\nBeijing;2001;1,234\nHebei;2001;5,678\n": ("read as 1234", 'decimal: ","'),
        "country,year,x\nAtlantis,2001,3\nOz,2001,4\n": ("new-units", "the column of units: country (Atlantis, Oz"),
        "province,year,sex,x,y\nHebei,2001,all,3,1\nHebei,2001,men,1,2\n": ("told apart by sex (all, men)",),
        "province,year,x\nHebei,2001,-999\nBeijing,2001,7\nGuizhou,2001,8\n": ("missing: [-999]", "-999 read as"),
        "province,year,x\nHebei,2001,about 5\nBeijing,2001,7\nGuizhou,2001,8\n": ("refused", '"about 5"', "row 2"),
    }
    for number, (content, phrases) in enumerate(cases.items()):
        (tmp_path / f"case{number}.csv").write_text(content, encoding="utf-8")
        printed = inspect_source(tmp_path / f"case{number}.csv", units, tmp_path)
        assert yaml.safe_load(printed)["sources"]
        for phrase in phrases:
            assert phrase in printed, printed


def test_rows_of_an_aggregate_are_left_out_beside_units_and_kept_alone() -> None:
    from ruralpanel.tools.new_source.roles import rows_left_out

    units = load_units(UNITS)
    assert rows_left_out(["China", "Beijing", "合计", "Oz"], units) == (["China", "合计"], ["Oz"])
    assert rows_left_out(["China"], units) == ([], [])
