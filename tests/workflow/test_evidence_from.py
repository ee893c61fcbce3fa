"""Another project's finished results in the report: its scorecard alone runs the report again, and no model."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import yaml

from conftest import Run, copy, planned, tiny_config
from report_project import Page


def test_the_report_follows_the_other_projects_scorecard(tiny_run: Path, tmp_path: Path, snakemake: Run) -> None:
    here = copy(tiny_run, tmp_path)
    card = Path(shutil.copytree(tiny_run / "results", tmp_path / "towns" / "results")) / "scorecard.json"
    config = {**tiny_config(), "report": {"formats": ["html"], "evidence_from": "../towns/results"}}
    (here / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    assert planned(snakemake(here, "--dry-run")) == {"report"}

    run = snakemake(here)
    assert run.returncode == 0, run.stderr
    text = Page((here / "results/report/report.html").read_text(encoding="utf-8")).text
    assert "The same claims on towns" in text and "no further evidence: T1." in " ".join(text.split())
    register = json.loads((here / "results/report/numbers.json").read_text(encoding="utf-8"))["numbers"]
    assert {entry["file"] for entry in register if entry["key"].startswith("beside:towns:T1:")} == {
        "../towns/results/scorecard.json"
    }
    assert "Nothing to be done" in snakemake(here, "--dry-run").stdout

    kept = card.stat().st_mtime
    values = json.loads(card.read_text(encoding="utf-8"))
    values["claims"][0]["verdict"] = "contradicted"
    card.write_text(json.dumps(values), encoding="utf-8")
    os.utime(card, (kept, kept))  # as one unpacks a folder over another
    assert planned(snakemake(here, "--dry-run")) == {"report"}

    card.write_text(card.read_text(encoding="utf-8")[:200], encoding="utf-8")
    run = snakemake(here, "check")
    assert run.returncode == 1 and "towns/results/scorecard.json: found a file that is not whole" in run.stderr
    assert run.stderr.count("Traceback") == 0 and "1 problem." in run.stderr
