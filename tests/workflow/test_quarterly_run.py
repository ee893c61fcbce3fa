"""A real run on quarters, with effects of regions by period: labels everywhere, lags that count quarters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import NUMBER, SLOPE, Run, make_tiny, tiny_config

QUARTERS = [f"{year}Q{quarter}" for year in (2005, 2006, 2007) for quarter in (1, 2, 3, 4)]
REGIONAL = ["unit", "region:period"]


def config() -> dict[str, Any]:
    values: dict[str, Any] = tiny_config()
    source = values["sources"]["made_up"]
    source["layout"]["period"] = "quarter"
    source["series"]["lever"]["breaks"] = {"2006Q3": {"what": "counted anew"}}
    values["report"] = {"formats": ["html"]}
    values["panels"] = {"main": {"periods": {"first": "2005Q2", "last": "2007Q4"}}}
    values["variables"]["lever"]["breaks"] = {"2006Q3": {"rule": "dummy"}}
    values["variables"]["before"] = {"formula": "lag(lever, 1)"}
    values["samples"] = {"late": {"where": "period >= 2005Q3", "drop_periods": ["2007Q4"]}}
    values["models"] |= {
        "regional": {
            "estimator": "fe",
            "outcome": "log_output",
            "regressors": ["lever", "before"],
            "effects": REGIONAL,
            "sample": "late",
            "constant": True,
        },
        "event": {
            "estimator": "event_study",
            "outcome": "log_output",
            "treatment": {"units": "region == 'North'", "first": "2006Q4"},
        },
    }
    values["tables"] |= {"main": {"models": ["effect", "regional"]}, "covered": {"type": "coverage", "panel": "main"}}
    values["figures"] |= {
        "paths": {"type": "series", "panel": "main", "variables": ["log_output"]},
        "event": {"type": "event_study", "models": ["event"]},
    }
    return values


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, snakemake: Run) -> Path:
    folder = make_tiny(tmp_path_factory.mktemp("quarterly"))
    rng = np.random.default_rng(4)
    lever = rng.normal(size=(NUMBER, len(QUARTERS)))
    north = np.arange(NUMBER) < NUMBER // 2
    shared = np.where(north[:, None], rng.normal(size=len(QUARTERS)), rng.normal(size=len(QUARTERS)))
    noise = 0.1 * rng.normal(size=lever.shape)
    outcome = SLOPE * lever + rng.normal(size=NUMBER)[:, None] + 3.0 * shared + noise
    rows = ["unit,quarter,output_kcny,lever"]
    for i in range(NUMBER):
        rows += [f"U{i + 1:02d},{q},{np.exp(outcome[i, t]):.9f},{lever[i, t]:.9f}" for t, q in enumerate(QUARTERS)]
    (folder / "figures.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(config(), sort_keys=False), encoding="utf-8")
    run = snakemake(folder)
    assert run.returncode == 0, run.stderr
    return folder


def result(folder: Path, model: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / f"results/models/{model}.json").read_text(encoding="utf-8"))
    return values


def test_effects_of_regions_by_quarter_are_removed(built: Path) -> None:
    model = result(built, "regional")
    rows = {row["term"]: row for row in model["coefficients"]}
    assert rows["lever"]["ci_low"] < SLOPE < rows["lever"]["ci_high"]
    assert rows["before"]["ci_low"] < 0 < rows["before"]["ci_high"]
    assert rows["lever"]["std_error"] < 0.2 * result(built, "effect")["coefficients"][0]["std_error"]
    # 20 units, 2 regions × 9 quarters, tied by a constant for each region
    assert model["diagnostics"]["n_absorbed"] == 20 + 2 * 9 - 2
    assert model["periods"] == QUARTERS[2:-1] and "constant" in rows


def test_terms_of_event_studies_name_quarters(built: Path) -> None:
    event = result(built, "event")
    terms = [row["term"] for row in event["coefficients"]]
    assert terms == [f"treated:{quarter}" for quarter in QUARTERS[1:] if quarter != "2006Q3"]
    assert [row["period"] for row in event["event_study"]] == QUARTERS[1:]


def test_files_and_tables_show_quarters(built: Path) -> None:
    panel = pd.read_csv(built / "results/panels/main/panel.csv")
    assert panel["period"].unique().tolist() == QUARTERS[1:]
    lags = panel.set_index(["unit", "period"])["lever"].unstack().shift(1, axis=1).stack(future_stack=True)
    own = panel.set_index(["unit", "period"])["before"]
    known = lags.notna()
    np.testing.assert_array_equal(own[lags.index][known], lags[known])  # the first quarter's lag lies before the panel
    assert own.notna().all()
    assert panel.loc[panel["lever__break_2006Q3"] == 1, "period"].min() == "2006Q3"
    table = (built / "results/tables/main.csv").read_text(encoding="utf-8")
    assert "9 (2005Q3–2007Q3)" in table and "region × period" in table
    covered = (built / "results/tables/covered.csv").read_text(encoding="utf-8")
    assert all(quarter in covered for quarter in QUARTERS[1:])
    for name in ("paths", "event"):
        assert "2006Q" in (built / f"results/figures/{name}.svg").read_text(encoding="utf-8")
    page = (built / "results/report/report.html").read_text(encoding="utf-8")
    assert "2005Q2–2007Q4" in page and "8044" not in page and "8051" not in page


def test_a_quarter_is_traced(built: Path, ruralpanel: Run) -> None:
    run = ruralpanel(built, "trace", "before", "U01", "2006Q1")
    assert run.returncode == 0, run.stderr
    told = run.stdout
    assert "2006Q1" in told and "2005Q4" in told and "figures.csv" in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"panels": {"main": {"periods": {"first": 2005, "last": "2007Q4"}}}}, "periods of one kind"),
        ({"panels": {"main": {"periods": {"first": "2005Q5", "last": "2007Q4"}}}}, "a quarter as 2012Q3"),
        ({"samples": {"late": {"where": "period >= 2006"}}}, "period compared with 2006"),
    ],
)
def test_what_does_not_fit_is_refused(built: Path, tmp_path: Path, snakemake: Run, change: Any, words: str) -> None:
    for name in ("units.csv", "figures.csv"):
        (tmp_path / name).write_bytes((built / name).read_bytes())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config() | change, sort_keys=False), encoding="utf-8")
    run = snakemake(tmp_path, "results/models/regional.json")
    assert run.returncode != 0 and words in run.stdout + run.stderr and "Traceback" not in run.stderr
