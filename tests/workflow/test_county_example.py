"""The configuration for counties runs on a file of the documented layout, made up, whose truth is known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import Run
from ruralpanel.cli import main

COUNTIES, PROVINCES = 240, 12
SLOPE = 0.4


def made_up(file: Path) -> None:
    """A dBase file with the fields of "agecona"; log labour share = SLOPE × log machinery + province + noise."""
    import pyogrio

    rng = np.random.default_rng(1990)
    province = np.arange(COUNTIES) % PROVINCES
    people = rng.uniform(10, 80, COUNTIES)  # 10^4 persons
    labour = 0.45 * people
    power = np.exp(rng.normal(3, 0.5, COUNTIES) + 0.3 * rng.normal(size=PROVINCES)[province])
    machinery = np.log(power * 10 / (people * 1e4))
    share = -2.0 + SLOPE * (machinery + 6) + 0.5 * rng.normal(size=PROVINCES)[province]
    share = np.exp(share + 0.05 * rng.normal(size=COUNTIES)) / 10
    frame = pd.DataFrame(
        {
            "gbcenmq": 110000 + province * 10000 + 100 + np.arange(COUNTIES) // PROVINCES,
            "nmcenmq": [f"Made Up {i // 2}" for i in range(COUNTIES)],  # every name twice, as with real counties
            "a6status": "MADE UP",
            "a6poly": ["DP" if i == 5 else "" for i in range(COUNTIES)],
            "a601": people,
            "a602": labour,
            "a603": labour * (1 - share) * 0.9,
            "a604": labour * share,
            "a605": people * rng.uniform(0.5, 1.5, COUNTIES),
            "a614": power,
            "a618": people * rng.uniform(1, 5, COUNTIES),
            "a620": people * rng.uniform(200, 900, COUNTIES),
            "a621": people * share * 1000,
        }
    )
    frame.loc[7, "a604"] = np.nan  # not every county reports
    again = frame.iloc[[5]].assign(a6poly="DS")
    pyogrio.write_dataframe(pd.concat([frame, again], ignore_index=True), file, driver="ESRI Shapefile")


FILE = "data/MADE_UP_agecona.dbf"


@pytest.fixture
def counties(tmp_path: Path, root: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(
        root / "examples" / "china_counties_1990", folder, ignore=shutil.ignore_patterns("results", ".snakemake")
    )
    (folder / "data").mkdir()
    made_up(folder / FILE)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    assert text.count("data/agecona.dbf") == 1
    config.write_text(text.replace("data/agecona.dbf", FILE), encoding="utf-8")
    return folder


def units_file(capsys: pytest.CaptureFixture[str]) -> str:
    """What the command prints of the table in the present folder."""
    assert main(["new-units", FILE, "--id", "gbcenmq", "--name", "nmcenmq", "--part", "province=2"]) == 0
    return capsys.readouterr().out


def test_the_units_file_comes_from_the_table(
    counties: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(counties)
    text = units_file(capsys)
    lines = text.splitlines()
    assert lines[0] == (counties / "units_template.csv").read_text(encoding="utf-8").strip()
    assert len(lines) == COUNTIES + 1 and lines[1] == "110100,Made Up 0 110100,11"
    assert main(["new-units", FILE, "--id", "gbcode"]) == 1
    assert 'did you mean "gbcenmq"' in capsys.readouterr().err
    assert main(["new-units", FILE, "--id", "gbcenmq", "--part", "province"]) == 1
    assert main(["new-units", FILE, "--id", "gbcenmq", "--attribute", "a6poly"]) == 1  # DP and DS for one county
    assert "row 241" in capsys.readouterr().err


def test_the_example_runs_and_finds_the_truth(
    counties: Path, snakemake: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(counties)
    (counties / "units.csv").write_text(units_file(capsys), encoding="utf-8")
    run = snakemake(counties)
    assert run.returncode == 0, run.stderr
    model = json.loads((counties / "results" / "models" / "labour_within.json").read_text(encoding="utf-8"))
    row = next(row for row in model["coefficients"] if row["term"] == "machinery_in")
    assert model["n_obs"] == COUNTIES - 1
    # 239 counties, noise .05, regressor's spread within provinces about .8: standard error about .005
    assert row["estimate"] == pytest.approx(SLOPE, abs=0.02)
    panel = pd.read_csv(counties / "results" / "panels" / "counties" / "panel.csv")
    first = panel.loc[panel["unit"].astype(str) == "110100"].iloc[0]
    written = pd.read_csv(counties / "results" / "panels" / "counties" / "codebook.csv").set_index("variable")
    assert len(panel) == COUNTIES and 4e4 < first["rural_population"] < 9e5  # 10^4 persons became persons
    assert written.loc["machinery_power", "measure"] == "kW"
    report = (counties / "results" / "report" / "report.html").read_text(encoding="utf-8")
    assert "Rural industry in the counties of China, 1990" in report and "Guizhou" not in report
