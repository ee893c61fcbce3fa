"""A tiny made-up project whose truth is known, and Snakemake as users run it."""

from __future__ import annotations

import fcntl
import gc
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from forked import Starter

ROOT = Path(__file__).resolve().parents[1]
SLOPE = 0.5
PERIODS = range(2001, 2009)
NUMBER = 20

Run = Callable[..., subprocess.CompletedProcess[str]]
Shared = Callable[[str, Callable[[Path], object]], Path]


# What is loaded while tests are collected stays: to look through it for what could go takes a fifth of that time.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave alone what is loaded; collect what tests leave behind."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real runs bear the marker `workflow` and start first, so that short tests fill what they leave of the cores."""
    for item in items:
        if item.path.parent.name in ("workflow", "cluster"):
            item.add_marker(pytest.mark.workflow)
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    """What starts Python without the price of its imports."""
    with Starter() as started:
        yield started


@pytest.fixture(scope="session")
def snakemake(starter: Starter) -> Run:
    """Run Snakemake on this checkout's Snakefile in a folder: ``snakemake(folder, *arguments)``.

    With variables of the environment, as in ``snakemake(folder, LC_ALL="C")``, Snakemake's own process starts anew with
    them.
    """

    def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        words = ["-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
        if "--cores" not in arguments:
            words += ["--cores", "2"]
        words += ["--workflow-profile", "none", *arguments]
        if not environment:
            return starter.run(words, folder)
        with Starter(jobs=starter, **environment) as other:
            return other.run(words, folder)

    return run


@pytest.fixture(scope="session")
def ruralpanel(starter: Starter) -> Run:
    """Run ``python -m ruralpanel`` in a folder: ``ruralpanel(folder, *arguments)``."""
    return lambda folder, *arguments: starter.run(["-m", "ruralpanel", *arguments], folder)


def planned(run: subprocess.CompletedProcess[str]) -> set[str]:
    """The rules whose jobs a dry run announces, the target left out."""
    assert run.returncode == 0, run.stderr
    counts = re.findall(r"^(\w+) +[0-9]+$", run.stdout.partition("Job stats:")[2], re.MULTILINE)
    return set(counts) - {"all", "total"}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A folder made once for all tests, whichever process asks first; the others wait for it.

    ``shared(name, make)`` calls ``make(folder)``. Tests read what is there; one that changes it takes a `copy`.
    """
    base = tmp_path_factory.getbasetemp()
    # with pytest-xdist each process has a folder of its own below a common one
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, make: Callable[[Path], object]) -> Path:
        folder, finished = base / name, base / f"{name}.finished"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                finished.touch()
        return folder

    return once


def copy(folder: Path, place: Path) -> Path:
    """A copy of a project to change, with its results and Snakemake's records."""
    return shutil.copytree(folder, place / folder.name)


@pytest.fixture(scope="session")
def tiny_run(shared: Shared, snakemake: Run) -> Path:
    """The tiny project with all its results; to be read only."""

    def make(folder: Path) -> None:
        run = snakemake(make_tiny(folder))
        assert run.returncode == 0, run.stderr

    return shared("tiny_run", make)


@pytest.fixture(scope="session")
def default_run(shared: Shared, snakemake: Run, root: Path) -> Path:
    """A folder with all results of the shipped configuration; to be read only."""

    def make(folder: Path) -> None:
        run = snakemake(folder, "--configfile", str(root / "config.yaml"))
        assert run.returncode == 0, run.stderr

    return shared("default_run", make)


@pytest.fixture(scope="session")
def pages(default_run: Path, shared: Shared, root: Path) -> dict[str, Path]:
    """Language → report; the Chinese one is written from the results of the English run, its tables set anew."""
    from ruralpanel.output.report.build import build
    from ruralpanel.output.report.context import gather
    from ruralpanel.output.results import OutputContext
    from ruralpanel.output.tables import build as tables
    from ruralpanel.project.jobs import model_titles, names_in_print, open_project
    from ruralpanel.project.units import load_units

    def make(folder: Path) -> None:
        config = open_project([str(root / "config.yaml")], {"language": "zh"})
        for part in (default_run / "results").iterdir():
            if part.name != "tables":
                (folder / part.name).symlink_to(part)
        attributes = load_units(root / config.units).attributes
        titles, names = model_titles(config), names_in_print(config.resolved, "zh")
        context = OutputContext(folder, "zh", attributes, config.file, titles=titles, names=names)
        for name, spec in config.resolved["tables"].items():
            made = tables.build(name, spec, replace(context, where=f"tables.{name}"))
            tables.render(made, {"json": folder / "tables" / f"{name}.json"})
        build(gather(dict(config.resolved), folder, config.root, config.file), folder / "chinese", ["html"])

    return {
        "en": default_run / "results" / "report" / "report.html",
        "zh": shared("chinese_report", make) / "chinese" / "report.html",
    }


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium; tests are skipped where there is none."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium is installed")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as driver:
        running = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield running
        running.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A made-up project: 20 units × 8 years, outcome = SLOPE × lever + unit and year effects + noise."""
    return make_tiny(tmp_path)


def make_tiny(folder: Path) -> Path:
    """Write the tiny project's files into `folder`."""
    rng = np.random.default_rng(1)
    units = [f"U{i:02d}" for i in range(1, NUMBER + 1)]
    lines = ["id,name_en,region"]
    lines += [f"{unit},Unit {unit[1:]},{'North' if i < NUMBER // 2 else 'South'}" for i, unit in enumerate(units)]
    (folder / "units.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    unit_effect, year_effect = rng.normal(size=NUMBER), rng.normal(size=len(PERIODS))
    lever = rng.normal(size=(NUMBER, len(PERIODS)))
    outcome = SLOPE * lever + unit_effect[:, None] + year_effect + 0.1 * rng.normal(size=lever.shape)
    rows = ["unit,year,output_kcny,lever"]
    for i, unit in enumerate(units):
        rows += [f"{unit},{year},{np.exp(outcome[i, t]):.9f},{lever[i, t]:.9f}" for t, year in enumerate(PERIODS)]
    (folder / "figures.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(tiny_config(), sort_keys=False), encoding="utf-8")
    return folder


SHORT_SOURCES = """sources:
  made_up:
    adapter: table
    path: figures.csv
    layout: {shape: long, unit: unit, period: year}
    series:
      output: {column: output_kcny, measure: 10^3 CNY}
      lever: {column: lever, measure: share}
panels: {main: 2001-2008}
series:
  output: {from: made_up.output, in: CNY}
  lever: {from: made_up.lever, in: share}
"""
"""The tiny project's source, panel and series in the short forms."""


def tiny_config() -> dict[str, object]:
    """The tiny project's configuration, as plain values to change in a test."""
    return {
        "title": "A made-up project",
        "units": "units.csv",
        "sources": {
            "made_up": {
                "adapter": "table",
                "path": "figures.csv",
                "layout": {"shape": "long", "unit": "unit", "period": "year"},
                "series": {
                    "output": {"column": "output_kcny", "measure": "10^3 CNY"},
                    "lever": {"column": "lever", "measure": "share"},
                },
            }
        },
        "panels": {"main": {"periods": {"first": 2001, "last": 2008}}},
        "variables": {
            "output": {"source": "made_up", "series": "output", "measure": "CNY"},
            "lever": {"source": "made_up", "series": "lever", "measure": "share"},
            "log_output": {"formula": "log(output / 1000)", "label": "Output (log)"},
        },
        "defaults": {
            "inference": [
                {"vcov": "cluster", "by": "unit", "small_sample": "CR1", "critical": "t"},
                {"bootstrap": "wild_cluster", "by": "unit", "draws": 999, "interval": True},
            ]
        },
        "models": {"effect": {"estimator": "fe", "outcome": "log_output", "regressors": ["lever"]}},
        "hypotheses": {
            "T1": {
                "claim": "The lever raises output",
                "estimand": {"model": "effect", "term": "lever"},
                "expected": "positive",
            }
        },
        "tables": {"main": {"models": ["effect"]}},
        "figures": {"effect": {"type": "coefficients", "models": ["effect"], "term": "lever"}},
    }
