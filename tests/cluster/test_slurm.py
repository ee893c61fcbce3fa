"""profiles/slurm on a real Slurm of one node without accounting, which is started and stopped here."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT, Run, make_tiny

SCRIPT = Path(__file__).with_name("one_node_slurm.sh")
TARGETS = ("results/panels/main/panel.csv", "results/models/effect.json")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the plugin is not installed: pip install --require-hashes -r requirements-slurm.txt")
    folder = tmp_path_factory.mktemp("slurm")
    start = subprocess.run([SCRIPT, "start", folder], capture_output=True, text=True, check=False, timeout=90)
    if start.returncode == 77:
        pytest.skip(f"no Slurm can be started here: {start.stderr.strip()}")
    assert start.returncode == 0, start.stderr
    yield
    subprocess.run([SCRIPT, "stop", folder], check=True, timeout=60)


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


def test_the_profile_builds_the_same_as_a_run_without_slurm(slurm: None, tmp_path: Path, snakemake: Run) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    run = submit(example(tmp_path / "there"), *TARGETS)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("has been submitted with SLURM jobid") == 3
    here = snakemake(example(tmp_path / "here"), *TARGETS, "--configfile", "study.yaml")
    assert here.returncode == 0, here.stderr
    for file in TARGETS:
        assert (tmp_path / "there" / file).read_bytes() == (tmp_path / "here" / file).read_bytes(), file


def test_a_job_that_fails_ends_the_run(slurm: None, tmp_path: Path) -> None:
    figures = example(tmp_path) / "figures.csv"
    figures.write_text(figures.read_text(encoding="utf-8").replace("U03,", "U99,"), encoding="utf-8")
    run = submit(tmp_path, TARGETS[0])
    assert run.returncode == 1 and "FAILED" in run.stderr
    log = (tmp_path / "results/logs/ingest_made_up.log").read_text(encoding="utf-8")
    assert 'the unknown unit "U99"' in log
