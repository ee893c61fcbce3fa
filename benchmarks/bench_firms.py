"""A panel of firms from its file to the report, step by step: processor time and peak memory of each.

A unit's name, a year, an outcome and two regressors; 20 years; two rows in a hundred missing; unit and year effects,
errors clustered by unit.

    python benchmarks/bench_firms.py [THOUSANDS_OF_FIRMS ...]
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
YEARS = 20
STEPS = {
    "ingest": "results/ingest/firms.parquet",
    "reconcile": "results/reconciliation/findings.csv",
    "panel": "results/panels/firms/panel.parquet",
    "model": "results/models/two_way.json",
    "everything else": "all",
}
CONFIG = """
title: Firms
units: units.csv
sources:
  firms:
    adapter: table
    path: firms.parquet
    layout: {unit: unit, period: year}
    series: {y: {measure: share}, x1: {measure: share}, x2: {measure: share}}
panels: {firms: {periods: 2000-2019}}
series:
  y: {from: firms.y, in: share}
  x1: {from: firms.x1, in: share}
  x2: {from: firms.x2, in: share}
models:
  two_way: {estimator: fe, outcome: y, regressors: [x1, x2], inference: [{vcov: cluster, by: unit}]}
"""


def write_project(folder: Path, firms: int) -> int:
    """A project of so many firms; the number of its rows."""
    rng = np.random.default_rng(1)
    unit, year = np.repeat(np.arange(firms), YEARS), np.tile(np.arange(YEARS), firms)
    own, common = rng.normal(size=firms)[unit], rng.normal(size=YEARS)[year]
    x1, x2 = own + rng.normal(size=unit.size), common + rng.normal(size=unit.size)
    y = 0.5 * x1 - 0.2 * x2 + own + common + rng.normal(size=unit.size)
    names = np.char.add("F", np.arange(firms).astype(str))
    frame = pd.DataFrame({"unit": names[unit], "year": 2000 + year, "y": y, "x1": x1, "x2": x2})
    frame = frame[rng.random(unit.size) > 0.02]
    frame.to_parquet(folder / "firms.parquet", index=False)
    pd.DataFrame({"id": names, "name_en": names}).to_csv(folder / "units.csv", index=False)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return len(frame)


def measured(folder: Path, target: str) -> tuple[float, float]:
    """Processor seconds of a run for one target, and the peak memory (GB) of its largest process."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(folder / "config.yaml"), "--cores", "1", "--quiet", "all", "--", target]
    # Of Snakemake's own words only those of a run that fails matter, and these are in its log.
    silent = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    _, status, used = os.wait4(child, 0)
    if status:
        sys.exit(f"{target}: the run failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6


def main(sizes: list[int]) -> None:
    """One line per size and step."""
    print("| rows | step | processor time, s | peak memory, GB |\n|---|---|---|---|")
    for thousands in sizes:
        with tempfile.TemporaryDirectory() as place:
            rows = write_project(Path(place), 1000 * thousands)
            for step, target in STEPS.items():
                seconds, memory = measured(Path(place), target)
                print(f"| {rows:,} | {step} | {seconds:.1f} | {memory:.2f} |", flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1, 10, 100])
