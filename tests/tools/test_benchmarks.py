"""Benchmarks still run: each in its smallest size; those of finished results and whole runs as far as their imports."""

from __future__ import annotations

import sys
from pathlib import Path
from runpy import run_path

import pytest

from conftest import ROOT
from ruralpanel.project.jobs import open_project

FOLDER = ROOT / "benchmarks"
SMALLEST = {
    "bench_policy.py": "1",
    "bench_spatial.py": "1",
    "bench_sur.py": "1",
    "bench_dynamic.py": "1",
    "size_joint.py": "5",
    "size_curve.py": "1",
}
OF_RESULTS = ("bench_all.py", "bench_curve.py", "bench_firms.py", "bench_wild.py", "power_wanted.py", "size_conley.py")
LIBRARIES = ("size_designs.py",)


@pytest.fixture(autouse=True)
def own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


def test_every_benchmark_is_run_here() -> None:
    known = {*SMALLEST, *OF_RESULTS, *LIBRARIES, "bench_table.py", "bench_size.py"}
    assert known == {file.name for file in FOLDER.glob("*.py")}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_prints_its_tables(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, SMALLEST[name]])
    run_path(str(FOLDER / name), run_name="__main__")
    assert len(capsys.readouterr().out.splitlines()) > 4


@pytest.mark.parametrize("name", OF_RESULTS)
def test_what_a_benchmark_of_results_imports_is_there(name: str) -> None:
    run_path(str(FOLDER / name), run_name="imported")


@pytest.mark.slow
def test_each_step_of_large_tables_in_the_smallest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = run_path(str(FOLDER / "bench_table.py"), run_name="imported")
    monkeypatch.setitem(module["make"].__globals__, "UNITS", 200)
    module["make"](tmp_path, 4_000)
    for step in module["STEPS"].values():
        step(tmp_path / "table.parquet", 2)


@pytest.mark.slow
def test_a_table_of_sizes_with_a_panel_whose_two_way_variance_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    module = run_path(str(FOLDER / "bench_size.py"), run_name="imported")
    for key in module["validity"].MIN_CLUSTERS:
        monkeypatch.setitem(module["validity"].MIN_CLUSTERS, key, 2)
    monkeypatch.setitem(module["sizes"].__globals__, "PANELS", 4)
    methods = {name: module["METHODS"][name] for name in ("HC3, t", "CR2, Bell–McCaffrey", "two-way CR1, t(T−1)")}
    lines = module["table"]({"c 3": module["DESIGNS"]["c 3"]}, methods, 2, 1).splitlines()
    assert len(lines) == 2 + len(methods) + 1 - ("HC3, t" not in "".join(lines))


def test_firms_make_a_project(tmp_path: Path) -> None:
    rows = run_path(str(FOLDER / "bench_firms.py"), run_name="imported")["write_project"](tmp_path, 40)
    assert 700 < rows < 800
    config = open_project([str(tmp_path / "config.yaml")], {})
    assert list(config.models) == ["two_way"] and list(config.sources) == ["firms"]
