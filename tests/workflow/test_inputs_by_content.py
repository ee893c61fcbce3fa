"""Files from outside are known by what they hold: an older file in their place runs what stands on it again."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import ROOT, Run, Shared, copy, make_tiny, tiny_config
from ruralpanel.data.lineage import READ, files_read
from ruralpanel.project.files import sha256_of
from ruralpanel.project.problems import Problem, UserError, job

CENTURY = 946684800  # 2000-01-01: older than any result


def replace(file: Path, text: str) -> None:
    """Put another file in the place of one, as `unzip -o` and `cp -p` do: its time is its own, long past."""
    other = file.with_name("other")
    other.write_text(text, encoding="utf-8")
    os.utime(other, (CENTURY, CENTURY))
    os.replace(other, file)


@pytest.fixture(scope="module")
def whole(shared: Shared, snakemake: Run) -> Path:
    """The tiny project with corrections, control totals, boundaries and a weights matrix beside its figures."""
    return shared("content", lambda folder: build(make_tiny(folder), snakemake))


@pytest.fixture
def built(whole: Path, tmp_path: Path) -> Path:
    return copy(whole, tmp_path)


def build(folder: Path, snakemake: Run) -> None:
    config = tiny_config()
    config["corrections"] = "corrections.yaml"
    config["report"] = {"formats": ["html"]}
    config["weights_matrices"] = {"links": {"type": "file", "path": "links.csv"}}
    config["models"]["effect"]["weights_matrix"] = "links"  # type: ignore[index]
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    figure = (folder / "figures.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    corrections = [
        {
            "source": "made_up",
            "series": next(iter(config["variables"].values()))["series"],  # type: ignore[attr-defined]
            "unit": "U01",
            "year": 2001,
            "expect": float(figure[2]),
            "value": float(figure[2]) * 1.01,
            "reason": "a digit that the yearbook prints otherwise",
            "action": "replace",
            "provider": "the yearbook",
        }
    ]
    (folder / "corrections.yaml").write_text(yaml.safe_dump({"corrections": corrections}), encoding="utf-8")
    units = [f"U{i:02d}" for i in range(1, 21)]
    links = [f"{a},{b},1" for a, b in itertools.pairwise(units)]
    links += [f"{b},{a},1" for a, b in itertools.pairwise(units)]
    (folder / "links.csv").write_text("\n".join(["unit,neighbour,weight", *links]) + "\n", encoding="utf-8")
    run = snakemake(folder)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("file", "change", "jobs"),
    [
        ("figures.csv", lambda text: text.replace("U02,2003,", "U02,2003,1", 1), ["Reading made_up"]),
        ("units.csv", lambda text: text.replace("Unit 07", "Unit 7"), ["Reading", "Building", "Setting"]),
        ("corrections.yaml", lambda text: text.replace("a digit", "two digits"), ["Reading", "Comparing"]),
        ("links.csv", lambda text: text.replace("U01,U02,1", "U01,U02,2"), ["Estimating 1 model"]),
    ],
)  # fmt: skip
def test_an_older_file_in_the_place_of_another_runs_its_jobs_again(
    built: Path, snakemake: Run, file: str, change: object, jobs: list[str]
) -> None:
    assert callable(change)
    kept, time = (built / file).read_text(encoding="utf-8"), (built / file).stat().st_mtime
    replace(built / file, change(kept))
    planned = snakemake(built, "--dry-run").stdout
    (built / file).write_text(kept, encoding="utf-8")
    os.utime(built / file, (time, time))
    assert all(job in planned for job in jobs), planned[-2000:]
    assert "Nothing to be done" in snakemake(built, "--dry-run").stdout


def test_neither_trace_nor_compare_quotes_what_the_file_no_longer_holds(
    built: Path, snakemake: Run, ruralpanel: Run
) -> None:
    kept = (built / "figures.csv").read_text(encoding="utf-8")
    told = ruralpanel(built, "trace", "lever", "U02", "2003")
    assert told.returncode == 0, told.stderr
    shutil.copytree(built / "results", built / "before")
    lines = kept.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("U02,2003,"))
    lines[at] = lines[at].rsplit(",", 1)[0] + ",12.5"
    replace(built / "figures.csv", "\n".join(lines) + "\n")
    for words in (("trace", "lever", "U02", "2003"), ("compare", "before", "results")):
        run = ruralpanel(built, *words)
        assert run.returncode == 1 and "Traceback" not in run.stderr
        assert "figures.csv: found another content" in run.stderr and "run snakemake first" in run.stderr
    assert ruralpanel(built, "compare", "before", "before").returncode == 0  # what was kept may be looked at
    run = snakemake(built, "results/panels/main/panel.csv", "results/models/effect.json", "results/scorecard.json")
    assert run.returncode == 0, run.stderr
    assert '"12.5"' in ruralpanel(built, "trace", "lever", "U02", "2003").stdout
    moved = ruralpanel(built, "compare", "before", "results")
    assert moved.returncode == 0 and "other published figures" in moved.stdout, moved.stderr
    # each step notes what it has read
    frame = pd.read_parquet(built / "before/ingest/made_up.parquet")
    assert set(frame.attrs[READ]) == {"figures.csv"} and len(frame.attrs[READ]["figures.csv"]) == 64
    now = files_read(built / "results/panels/main/lineage.parquet")["made_up"]["figures.csv"]
    assert now == hashlib.sha256((built / "figures.csv").read_bytes()).hexdigest()


def test_a_digit_changed_between_start_and_reading_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.csv"
    file.write_text("a,1\n", encoding="utf-8")
    content = {str(file): sha256_of(file)}

    def run(before: str = "", during: str = "", after: str = "") -> list[str]:
        file.write_text(before or "a,1\n", encoding="utf-8")
        read = []
        with job(tmp_path / "log", content=content):
            file.write_text(during or file.read_text(encoding="utf-8"), encoding="utf-8")
            read.append(file.read_text(encoding="utf-8"))
            file.write_text(after or file.read_text(encoding="utf-8"), encoding="utf-8")
        return read

    assert run() == ["a,1\n"]
    for change in ({"before": "a,2\n"}, {"during": "a,2\n"}, {"after": "a,2\n"}):
        with pytest.raises(SystemExit) as left:
            run(**change)
        assert left.value.code == 1
        assert "another content than when the run began" in capfd.readouterr().err
    result = tmp_path / "result.csv"
    file.write_text("a,1\n", encoding="utf-8")
    with pytest.raises(SystemExit), job(tmp_path / "log", content=content, output=[str(result)]):
        result.write_text("built of 1 or of 2", encoding="utf-8")
        file.write_text("a,2\n", encoding="utf-8")
        raise UserError(Problem("another piece", "", "a", "b"))
    assert not result.exists()  # what a failed job has finished stays only where its inputs have stayed
    file.unlink()
    with pytest.raises(SystemExit), job(tmp_path / "log", content=content):
        raise AssertionError("nothing is read")


def test_a_file_changed_while_the_run_goes_on_leaves_no_result(tmp_path: Path) -> None:
    """Snakemake as users run it; a digit changes once the run has begun, before the file is read."""
    make_tiny(tmp_path)
    begin = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    begin += ["--cores", "1", "--workflow-profile", "none", "results/panels/main/panel.csv"]
    script = ROOT / "workflow" / "scripts" / "ingest.py"
    assert "content=snakemake.params.content" in script.read_text(encoding="utf-8")
    process = subprocess.Popen(begin, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "Reading made_up" in line:  # the job is announced before its process starts
            text = (tmp_path / "figures.csv").read_text(encoding="utf-8")
            (tmp_path / "figures.csv").write_text(text.replace("U02,2003,", "U02,2003,1", 1), encoding="utf-8")
    assert process.wait() == 1, "".join(said)
    assert "another content than when the run began" in "".join(said)
    assert not (tmp_path / "results/ingest/made_up.parquet").exists()


def test_user_errors_still_end_a_job_in_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), job(tmp_path / "log"):
        raise UserError(Problem("f", "", "a", "b"))
    assert "found a; expected b" in (tmp_path / "log").read_text(encoding="utf-8")
