"""Real runs of a made-up project: truth found, nothing done twice, the same bytes however it is run."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, SLOPE, Run, copy, make_tiny, planned, tiny_config
from forked import Starter


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(p for p in (folder / "results").rglob("*") if p.is_file() and not {"logs", "kept"} & set(p.parts))
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_truth_is_found(tiny_run: Path) -> None:
    model = json.loads((tiny_run / "results/models/effect.json").read_text(encoding="utf-8"))
    (row,) = model["coefficients"]
    assert (model["n_obs"], model["n_units"], model["n_periods"]) == (160, 20, 8)
    assert row["ci_wild_low"] < SLOPE < row["ci_wild_high"]
    assert abs(row["estimate"] - SLOPE) < 4 * row["std_error"]
    scorecard = json.loads((tiny_run / "results/scorecard.json").read_text(encoding="utf-8"))
    assert [claim["verdict"] for claim in scorecard["claims"]] == ["supported"]


def test_results_have_the_contracted_files(tiny_run: Path) -> None:
    results = tiny_run / "results"
    panel = {p.name for p in (results / "panels/main").iterdir()}
    assert {"panel.parquet", "panel.csv", "columns.csv", "codebook.csv", "coverage.csv", "lineage.parquet"} == panel
    assert {p.suffix for p in (results / "tables").glob("main.*")} == {".csv", ".tex", ".html", ".docx", ".json"}
    assert {p.suffix for p in (results / "figures").glob("effect.*")} == {".png", ".svg"}
    exported = {"README.md", "main.csv", "main.dta", "effect.R", "effect.do", "effect.py"}
    assert exported == {p.name for p in (results / "export").iterdir()}
    files = {"report.html", "report.pdf", "appendix.pdf", "numbers.json"}
    assert files == {p.name for p in (results / "report").iterdir()}
    header = (results / "panels/main/panel.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "unit,period,output,lever,log_output"


def test_measures_are_converted(tiny_run: Path) -> None:
    source = (tiny_run / "figures.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    panel = (tiny_run / "results/panels/main/panel.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    assert float(panel[2]) == pytest.approx(1000 * float(source[2]), rel=1e-15)


def test_the_report_leads_from_a_number_to_the_cells_behind_it(tiny_run: Path) -> None:
    page = (tiny_run / "results/report/report.html").read_text(encoding="utf-8")
    numbers = json.loads((tiny_run / "results/report/numbers.json").read_text(encoding="utf-8"))["numbers"]
    of_claims = [i for i, entry in enumerate(numbers, 1) if entry["key"].startswith("claim:T1:design")]
    assert sum(f'href="#n{i}"' in page for i in of_claims) > 3
    for i in of_claims:  # the number in the text → its row in the register → the cells behind its model
        row = page[page.index(f'id="n{i}"') :].split("</tr>")[0]
        assert '<a href="#origin-effect">' in row
    behind = page[page.index('id="origin-effect"') :].split("</details>")[0]
    assert "made_up.output" in behind and "figures.csv" in behind and "10^3 CNY → CNY" in behind and ">160<" in behind
    assert "python -m ruralpanel trace log_output U01 2008" in behind


def test_a_second_run_does_nothing(tiny_run: Path, tmp_path: Path, snakemake: Run) -> None:
    built = copy(tiny_run, tmp_path)
    before = {p: p.stat().st_mtime_ns for p in (built / "results").rglob("*") if p.is_file()}
    run = snakemake(built)
    assert run.returncode == 0, run.stderr
    assert "Nothing to be done" in run.stdout + run.stderr
    assert {p: p.stat().st_mtime_ns for p in (built / "results").rglob("*") if p.is_file()} == before


def test_files_from_outside_count_by_content_and_results_by_time(
    tiny_run: Path, tmp_path: Path, snakemake: Run
) -> None:
    project = copy(tiny_run, tmp_path)
    outside = [file for file in project.iterdir() if file.is_file()]
    for file in outside:
        os.utime(file)
    plan = ("-n", "--max-checksum-file-size", "0")  # as profiles/default has it
    again = snakemake(project, *plan)
    assert {"figures.csv", "units.csv", "config.yaml"} <= {file.name for file in outside}
    assert "Nothing to be done" in again.stdout + again.stderr
    os.utime(project / "results/models/effect.json")
    jobs = planned(snakemake(project, *plan))
    assert "scorecard" in jobs and "estimate" not in jobs and "panel" not in jobs


def test_serial_parallel_and_hash_seed_give_the_same_bytes(tiny_run: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    make_tiny(project)
    (tmp_path / "seed.py").write_text("print(hash('seed'))\n", encoding="utf-8")
    seed = {"PYTHONHASHSEED": "77"}
    own = subprocess.check_output([sys.executable, tmp_path / "seed.py"], env={**os.environ, **seed}, text=True)
    command = ["-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(project)]
    with Starter(**seed) as other:
        assert other.run([str(tmp_path / "seed.py")], tmp_path).stdout == own
        run = other.run([*command, "--cores", "1", "--workflow-profile", "none"], project)
    assert run.returncode == 0, run.stderr
    assert hashes(project) == hashes(tiny_run)


@pytest.mark.parametrize(
    ("place", "words", "concerned"),
    [
        (("title",), "Another title", {"report"}),
        (("language",), "zh", {"tables", "figures", "maps", "export", "report"}),
        (
            ("variables", "log_output", "label"),
            "Another",
            {"codebook", "tables", "figures", "maps", "export", "report"},
        ),
        (
            ("variables", "lever", "counts"),
            "What it counts",
            {"codebook", "tables", "figures", "maps", "export", "report"},
        ),
        (("models", "effect", "title"), "Another", {"tables", "figures", "export", "report"}),
        (("panels", "main", "title"), "Another", {"codebook", "tables", "figures", "maps", "export", "report"}),
        (("hypotheses", "T1", "estimand", "label"), "Another", {"scorecard", "tables", "figures", "report"}),
        (("hypotheses", "T1", "claim"), "Another claim", {"scorecard", "tables", "figures", "report"}),
        (
            ("sources", "made_up", "series", "output", "label"),
            "Another",
            {"codebook", "tables", "figures", "maps", "export", "report"},
        ),
    ],
)
def test_words_run_outputs_again_and_no_job_that_computes(
    tiny_run: Path, tmp_path: Path, snakemake: Run, place: tuple[str, ...], words: str, concerned: set[str]
) -> None:
    built = copy(tiny_run, tmp_path)
    config: dict[str, Any] = tiny_config()
    part = config
    for key in place[:-1]:
        part = part.setdefault(key, {})
    part[place[-1]] = words
    (built / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    run = snakemake(built, "--dry-run")
    assert "report" in planned(run) <= concerned


def test_a_changed_module_runs_its_jobs_again_and_no_others(tiny_run: Path, tmp_path: Path, starter: Starter) -> None:
    """On a copy of the workflow: an edited module, of a registry too, or template runs again what stands on it."""
    subprocess.run(["cp", "-r", str(ROOT / "workflow"), str(ROOT / "Snakefile"), str(tmp_path)], check=True)
    project = copy(tiny_run, tmp_path)
    command = ["-m", "snakemake", "-s", str(tmp_path / "Snakefile"), "--directory", str(project)]
    command += ["--cores", "2", "--workflow-profile", "none"]
    first = starter.run(command, project)
    assert first.returncode == 0, first.stderr
    for file, runs, rests in (
        ("ruralpanel/output/tables/build.py", "Setting 1 table(s)", ("Estimating", "Reading", "Drawing")),
        ("ruralpanel/estimate/families/ppml.py", "Estimating 1 model", ("Reading", "Building panel")),
        ("ruralpanel/estimate/families/sur/sur.py", "Estimating 1 model", ("Reading", "Building panel")),
        ("ruralpanel/data/adapters/yearbook.py", "Reading made_up", ()),
        ("report/pdf/report.typ", "Writing the report", ("Estimating", "Reading", "Setting", "Drawing")),
        (
            "ruralpanel/tools/new_units.py",
            "Nothing to be done",
            ("Estimating", "Reading", "Setting", "Drawing", "Writing"),
        ),
    ):
        edited = tmp_path / "workflow" / file
        kept = edited.read_text(encoding="utf-8")
        edited.write_text(f"{kept}\n{'//' if file.endswith('.typ') else '#'} edited\n", encoding="utf-8")
        plan = starter.run([*command, "--dry-run"], project)
        edited.write_text(kept, encoding="utf-8")
        planned = plan.stdout + plan.stderr
        assert runs in planned, planned[-2000:]
        assert not [word for word in rests if word in planned], file


def test_another_configfile_replaces_the_default_one(tiny: Path, snakemake: Run) -> None:
    config = tiny_config()
    config |= {"title": "The other project", "report": {"formats": ["html"]}}
    config["models"] = {"other": {"estimator": "pooled", "outcome": "log_output", "regressors": ["lever"]}}
    for section in ("hypotheses", "tables", "figures"):
        del config[section]
    (tiny / "other.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    run = snakemake(tiny, "--configfile", "other.yaml", "--config", "seed=5")
    assert run.returncode == 0, run.stderr
    assert [p.stem for p in (tiny / "results/models").glob("*.json")] == ["other"]
    assert json.loads((tiny / "results/models/other.json").read_text(encoding="utf-8"))["seed"] == 5
    report = (tiny / "results/report/report.html").read_text(encoding="utf-8")
    assert "The other project" in report and "A made-up project" not in report


def test_a_killed_run_continues_and_gives_the_same_bytes(tiny_run: Path, tmp_path: Path, snakemake: Run) -> None:
    make_tiny(tmp_path)
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    command += ["--cores", "2", "--workflow-profile", "none"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "results/panels/main/panel.parquet").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "results/report/report.html").exists()
    assert snakemake(tmp_path, "--unlock").returncode == 0
    run = snakemake(tmp_path, "--rerun-incomplete")
    assert run.returncode == 0, run.stderr
    assert hashes(tmp_path) == hashes(tiny_run)


def test_a_single_table_or_figure_needs_only_what_it_shows(tiny: Path, snakemake: Run) -> None:
    config = tiny_config()
    config["tables"]["about"] = {"type": "descriptive", "panel": "main", "variables": ["lever"]}  # type: ignore[index]
    config["figures"]["lever"] = {"type": "series", "panel": "main", "variables": ["lever"]}  # type: ignore[index]
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    for target in ("results/tables/about.tex", "results/figures/lever.png"):
        planned = snakemake(tiny, "-n", target).stdout
        assert (
            "Building panel(s) main" in planned and "Setting 1 table(s)" in planned
        ) or "Drawing 1 figure(s)" in planned
        assert "Estimating" not in planned and "Reading made_up" in planned
    run = snakemake(tiny, "results/tables/about.tex")
    assert run.returncode == 0, run.stderr
    assert sorted(path.name for path in (tiny / "results/tables").iterdir()) == [
        "about.csv", "about.docx", "about.html", "about.json", "about.tex",
    ]  # fmt: skip
    refused = snakemake(tiny, "-n", "results/tables/abaut.tex")
    assert refused.returncode != 0 and "No rule to produce" in refused.stdout + refused.stderr
