"""The two ways to install give the same versions, and nothing names where packages are fetched from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"python-duckdb": "duckdb", "matplotlib-base": "matplotlib"}
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-slurm.txt")


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.M))


def direct(source: str) -> set[str]:
    lines = (ROOT / source).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[<>=!~ ]", line)[0].lower() for line in lines if line and not line.startswith(("#", "-"))}


def conda_versions() -> dict[str, str]:
    found = {}
    for entry in yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]:
        for text in entry["pip"] if isinstance(entry, dict) else [entry]:
            name, _, version = text.replace("==", "=").partition("=")
            if name not in ("python", "pip", "-e ."):
                found[CONDA_NAMES.get(name, name)] = version
    return found


def test_conda_users_get_the_locked_versions() -> None:
    locked = pins("requirements.txt")
    assert conda_versions() == {name: locked[name] for name in direct("requirements.in")}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_index_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9._-]+==)", text)[1:]
    assert len(entries) == len(pins(lock)) - (0 if text.startswith("#") else 1)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "index-url" not in text and "://" not in text


def test_conda_gets_the_package_itself_and_specifications_that_its_solver_knows() -> None:
    """`python -m ruralpanel` needs the package; what conda takes is NAME=VERSION, what pip takes NAME==VERSION."""
    content = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert set(content) == {"name", "channels", "dependencies"} and content["channels"] == ["conda-forge", "bioconda"]
    *by_conda, by_pip = content["dependencies"]
    assert all(re.fullmatch(r"[a-z][a-z0-9._-]*(?:=[0-9][0-9a-z.]*)?", entry) for entry in by_conda)
    assert "pip" in by_conda and list(by_pip) == ["pip"]
    *named, itself = by_pip["pip"]
    assert all(re.fullmatch(r"[a-z][a-z0-9._-]*==[0-9][0-9a-z.]*", entry) for entry in named)
    assert itself == "-e ."
    names = [re.split("=+", entry)[0] for entry in [*by_conda, *named]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("other", LOCKS[1:])
def test_locks_agree(other: str) -> None:
    runtime, further = pins(LOCKS[0]), pins(other)
    shared = runtime.keys() & further.keys()
    assert {name: runtime[name] for name in shared} == {name: further[name] for name in shared}


def test_direct_dependencies_are_justified() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    named = direct("requirements.in") | direct("requirements-dev.in") | direct("requirements-slurm.in")
    missing = {name for name in named if f"`{name}`" not in text}
    assert not missing


def test_make_help_names_the_contracted_targets() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"all", "test", "quick", "report", "clean", "help"} <= {line.split()[1] for line in shown.splitlines()}


def test_make_says_which_python_is_needed(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    run = subprocess.run(["make", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "Python 3.11 or newer is needed" in run.stderr


def test_make_leaves_an_environment_alone_that_it_has_not_made(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / ".venv" / "lib").mkdir(parents=True)
    (tmp_path / ".venv" / "lib" / "mine.py").write_text("x = 1\n", encoding="utf-8")
    run = subprocess.run(["make", "setup"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode != 0 and "not made by this Makefile" in run.stderr
    assert (tmp_path / ".venv" / "lib" / "mine.py").read_text(encoding="utf-8") == "x = 1\n"


def test_make_refuses_a_path_with_a_blank(tmp_path: Path) -> None:
    folder = tmp_path / "my project"
    folder.mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        (folder / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    run = subprocess.run(["make"], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "path with a blank" in run.stderr
    assert not (folder / ".venv").exists()


def test_the_profile_for_slurm_needs_no_accounting() -> None:
    profile = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf-8"))
    assert profile["executor"] == "slurm" and profile["slurm-status-command"] == "squeue"
    assert "snakemake-executor-plugin-slurm" in pins("requirements-slurm.txt")
    assert "requirements-slurm.txt" in (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")


def test_the_package_is_compiled_once_where_python_may_write_no_bytecode(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "workflow", checkout / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", checkout)
    forbidden = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(checkout / "workflow")}
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1"]
    modules = sorted((checkout / "workflow" / "ruralpanel").rglob("*.py"))
    module, *others = [Path(cache_from_source(str(module))) for module in modules]
    times = []
    for text in ("", "x = 1\n"):
        modules[0].write_text(text, encoding="utf-8")
        run = subprocess.run(command, cwd=checkout, env=forbidden, capture_output=True, text=True, check=False)
        assert "The configuration cannot be used" in run.stdout + run.stderr  # there is none: no job runs
        times.append([path.stat().st_mtime_ns for path in (module, *others)])
    assert times[1][1:] == times[0][1:] and times[1][0] > times[0][0]
