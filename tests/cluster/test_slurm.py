"""profiles/slurm on a real Slurm of one node without accounting, started and stopped here; its array as bash too."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT, Run, make_tiny

SCRIPT = Path(__file__).with_name("one_node_slurm.sh")
ARRAY = ROOT / "profiles" / "slurm" / "array.sh"
READ = "results/ingest/made_up.parquet"
TARGETS = ("results/panels/main/panel.csv", "results/models/effect.json")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("slurm")
    start = subprocess.run([SCRIPT, "start", folder], capture_output=True, text=True, check=False, timeout=90)
    if start.returncode == 77:
        pytest.skip(f"no Slurm can be started here: {start.stderr.strip()}")
    assert start.returncode == 0, start.stderr
    yield
    subprocess.run([SCRIPT, "stop", folder], check=True, timeout=60)


@pytest.fixture
def plugin(slurm: None) -> None:
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the plugin is not installed: pip install --require-hashes -r requirements-slurm.txt")


def submit(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run as from an example's folder: another folder than the Snakefile's, and a configuration of another name."""
    command = [sys.executable, "-m", "snakemake", "-s", os.path.relpath(ROOT / "Snakefile", folder)]
    command += ["--workflow-profile", os.path.relpath(ROOT / "profiles" / "slurm", folder)]
    command += [*words, "--configfile", "study.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=500)


def example(folder: Path) -> Path:
    make_tiny(folder)
    (folder / "config.yaml").rename(folder / "study.yaml")
    return folder


def test_the_profile_builds_the_same_as_a_run_without_slurm(plugin: None, tmp_path: Path, snakemake: Run) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    run = submit(example(tmp_path / "there"), *TARGETS)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("has been submitted with SLURM jobid") == 3
    here = snakemake(example(tmp_path / "here"), *TARGETS, "--configfile", "study.yaml")
    assert here.returncode == 0, here.stderr
    for file in TARGETS:
        assert (tmp_path / "there" / file).read_bytes() == (tmp_path / "here" / file).read_bytes(), file


def test_a_job_that_fails_ends_the_run(plugin: None, tmp_path: Path) -> None:
    figures = example(tmp_path) / "figures.csv"
    figures.write_text(figures.read_text(encoding="utf-8").replace("U03,", "U99,"), encoding="utf-8")
    run = submit(tmp_path, TARGETS[0])
    assert run.returncode == 1 and "FAILED" in run.stderr
    log = (tmp_path / "results/logs/ingest_made_up.log").read_text(encoding="utf-8")
    assert 'the unknown unit "U99"' in log


def folders(place: Path, number: int) -> Path:
    """Projects in folders of their own, blanks in a name too, and the list that names them."""
    made = [place / f"run {i}" for i in range(1, number + 1)]
    for folder in made:
        folder.mkdir()
        make_tiny(folder)
    listed = place / "folders.txt"
    listed.write_text("".join(f"{folder}\n" for folder in made), encoding="utf-8")
    return listed


def task(listed: Path, number: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(number)}
    command = [ARRAY, listed, "--quiet", "all", "--", READ]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_a_task_runs_the_configuration_of_its_line_alone(tmp_path: Path) -> None:
    listed = folders(tmp_path, 2)
    run = task(listed, 2)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "run 2" / READ).is_file() and not (tmp_path / "run 1" / "results").exists()


def test_a_task_without_a_line_or_a_configuration_says_so(tmp_path: Path) -> None:
    listed = folders(tmp_path, 1)
    beyond = task(listed, 2)
    assert beyond.returncode == 2 and f"{listed} has no line 2" in beyond.stderr
    assert f"{listed} has no line 0" in task(listed, 0).stderr
    (tmp_path / "run 1" / "config.yaml").unlink()
    listed.write_bytes(listed.read_bytes().replace(b"\n", b"\r\n"))
    without = task(listed, 1)
    assert without.returncode == 2 and "run 1: no config.yaml" in without.stderr


@pytest.mark.slow
def test_an_array_of_slurm_runs_them_all(slurm: None, tmp_path: Path) -> None:
    listed = folders(tmp_path, 2)
    command = ["sbatch", "--array=1-2", "--mem=500M", "--cpus-per-task=1", f"--output={tmp_path}/%a.log"]
    subprocess.run([*command, ARRAY, listed, "--", READ], cwd=ROOT, check=True, capture_output=True, timeout=60)
    wanted = [tmp_path / f"run {i}" / READ for i in (1, 2)]
    end = time.monotonic() + 300
    while not all(file.is_file() for file in wanted) and time.monotonic() < end:
        time.sleep(0.5)
    logs = "\n".join(file.read_text(encoding="utf-8") for file in sorted(tmp_path.glob("*.log")))
    assert all(file.is_file() for file in wanted), logs
