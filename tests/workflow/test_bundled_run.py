"""`snakemake bundle` and `python -m ruralpanel verify`, and Snakemake's own report, on finished runs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from conftest import ROOT, Run, copy, planned


def test_results_come_out_of_a_bundle_again_and_a_wrong_one_is_named(
    tiny_run: Path, tmp_path: Path, snakemake: Run
) -> None:
    """One second run shows both: all results are made again, but the two whose published copies are changed here."""
    project = copy(tiny_run, tmp_path)
    made = snakemake(project, "bundle")
    assert made.returncode == 0, made.stderr
    place = tmp_path / "elsewhere"
    with zipfile.ZipFile(project / "results" / "bundle.zip") as archive:
        archive.extractall(place)
    results = place / "project" / "results"
    assert (results / "scorecard.csv").is_file() and not (results / "logs").exists()
    model, rounded = results / "models" / "effect.json", results / "panels" / "main" / "panel.csv"
    number = float(model.read_text(encoding="utf-8").split('"estimate": ')[1].split(",")[0])
    last = rounded.read_text(encoding="utf-8").rstrip("\n").rpartition(",")[2]
    for file, old, new in (
        (model, repr(number), repr(number * 1.001)),
        (rounded, last, repr(float(last) * (1 + 1e-13))),
    ):
        text = file.read_text(encoding="utf-8").replace(old, new)
        file.write_text(text, encoding="utf-8")
        name = file.relative_to(place).as_posix()
        sums = (place / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        changed = [f"{digest}  {name}" if line.endswith(f"  {name}") else line for line in sums]
        (place / "SHA256SUMS").write_text("\n".join(changed) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "ruralpanel", "verify", "--cores", "2"]
    there = {**os.environ, "PYTHONPATH": str(place / "workflow")}
    run = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=there)
    assert run.returncode == 1, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert [line.split(": ")[1] for line in lines if line.startswith("differs")] == [
        "project/results/models/effect.json"
    ]
    assert "of them up to rounding), 1 differ, 0 not made" in lines[-1]
    assert not list(place.glob(".verify*"))


def test_an_unfinished_project_is_finished_first(tiny: Path, snakemake: Run) -> None:
    everything = planned(snakemake(tiny, "--dry-run"))
    assert planned(snakemake(tiny, "--dry-run", "bundle")) == everything | {"bundle"}


def test_make_knows_both() -> None:
    for target, command in (("bundle", "snakemake bundle"), ("verify", "ruralpanel verify")):
        run = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0 and command in run.stdout, run.stderr


def test_the_report_of_snakemake_shows_what_was_made(tiny_run: Path, tmp_path: Path, snakemake: Run) -> None:
    project = copy(tiny_run, tmp_path)
    run = snakemake(project, "--report", "report.zip")
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(project / "report.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        page = archive.read("report/report.html").decode()
    assert {"effect.svg", "main.html", "report.html", "report.pdf", "scorecard.csv", "findings.csv"} <= names
    for text in ("Tables", "Figures", "Checks", "A chart of the report"):
        assert text in page, text
