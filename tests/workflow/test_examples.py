"""The shipped examples, run as their READMEs say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from conftest import Run

# Munnell (1990), as printed for these data by Baltagi and Pinnoi (1995) and given by linearmodels and R's plm:
# log_public, log_private, log_employment, unemployment
PUBLISHED = {
    "pooled": (0.15500701, 0.30919017, 0.59393490, -0.00673298),
    "between": (0.17936512, 0.30195422, 0.57612739, -0.00389029),
    "within": (-0.02614965, 0.29200693, 0.76815947, -0.00529774),
    "two_way": (-0.03017606, 0.16882804, 0.76930620, -0.00422109),
    "random": (0.00443859, 0.31054843, 0.72967053, -0.00617247),
}
ERRORS = {"pooled": 0.01715377, "within": 0.02900158, "two_way": 0.02693654, "random": 0.02341732}


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory, root: Path, snakemake: Run) -> Path:
    folder = tmp_path_factory.mktemp("states") / "project"
    shutil.copytree(
        root / "examples" / "us_public_capital", folder, ignore=shutil.ignore_patterns("results", ".snakemake")
    )
    run = snakemake(folder)
    assert run.returncode == 0, run.stderr
    return folder / "results"


@pytest.mark.parametrize("model", PUBLISHED)
def test_the_published_table_comes_out(states: Path, model: str) -> None:
    rows = json.loads((states / "models" / f"{model}.json").read_text(encoding="utf-8"))["coefficients"]
    estimates = [row["estimate"] for row in rows if row["term"] not in ("const", "constant")]
    assert estimates == pytest.approx(PUBLISHED[model], abs=5e-9)  # printed to eight decimals
    if model in ERRORS:
        assert rows[0]["std_error"] == pytest.approx(ERRORS[model], abs=5e-9)


def test_nothing_of_the_default_configuration_shows(states: Path) -> None:
    report = (states / "report" / "report.html").read_text(encoding="utf-8")
    assert "48 American states" in report
    assert "province" not in report.lower() and "Guizhou" not in report
    assert not (states / "maps").exists()


def test_files_that_users_bring(tmp_path: Path, root: Path, snakemake: Run) -> None:
    shutil.copytree(root / "examples" / "bring_your_own", tmp_path / "examples" / "bring_your_own")
    shutil.copytree(root / "data" / "units", tmp_path / "data" / "units")
    folder = tmp_path / "examples" / "bring_your_own"
    run = snakemake(folder)
    assert run.returncode == 0, run.stderr
    model = json.loads((folder / "results" / "models" / "effect.json").read_text(encoding="utf-8"))
    assert (model["n_obs"], model["n_units"]) == (72, 12)
    panel = (folder / "results" / "panels" / "mine" / "panel.csv").read_text(encoding="utf-8").splitlines()
    assert panel[0].startswith("unit,period,roads_km,workshops,residents")
