"""All sizes at which speed was promised, in one table: processor and wall time, and peak memory where it matters.

The shipped project from nothing, by job, imports apart from work; then with one regressor changed, one label changed,
and nothing changed; a panel of firms from its file to the report; one model of counties.

    python benchmarks/bench_all.py [--quick]

With --quick, which takes five minutes on two quiet cores, 1,000 firms; without it 1,000, 10,000 and 100,000.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import bench_firms
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec

ROOT = Path(__file__).resolve().parents[1]
BY_PROCESS = """
import atexit, os, sys

def _said():
    used, name = os.times(), os.path.basename(sys.argv[0])
    seconds = used.user + used.system
    if name != "__main__.py":  # a job's own copies count; Snakemake's children are the jobs
        seconds += used.children_user + used.children_system
    with open(os.environ["TIMES_BY_PROCESS"], "a") as file:
        file.write(f"{seconds}\\t{name}\\n")

atexit.register(_said)
"""
"""Python runs it at its start where it is found as ``sitecustomize``."""

REGRESSOR = ("config/models.yaml", "regressors: [technical_staff]", "regressors: [technical_staff, roads]")
LABEL = ("config/words/en.yaml", r"(?m)^(  roads: .*)$", r"\1 (renamed)")


def shipped(place: Path) -> None:
    """The shipped project from nothing, and what changes of one thing cost after that."""
    folder, own, code = place / "project", place / "site", place / "code"
    # The code as it is now: nobody's edits change it while it runs.
    for part in ("workflow", "profiles"):
        shutil.copytree(ROOT / part, code / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", code)
    for part in ("config", "data"):
        shutil.copytree(ROOT / part, folder / part)
    for part in ("config.yaml", "CITATION.cff"):
        shutil.copy(ROOT / part, folder)
    own.mkdir()
    (own / "sitecustomize.py").write_text(BY_PROCESS, encoding="utf-8")
    times = place / "times.tsv"
    print("| shipped project | processor time, s | wall, s | jobs |\n|---|---|---|---|", flush=True)
    by_job: dict[str, list[float]] = {}
    for what, change in {
        "from nothing": None,
        "one regressor of one model changed": REGRESSOR,
        "one label changed": LABEL,
        "nothing changed": None,
    }.items():
        if change is not None:
            edit(folder / change[0], change[1], change[2])
        times.unlink(missing_ok=True)
        paths = os.pathsep.join([str(own), str(code / "workflow")])
        environment = {**os.environ, "PYTHONPATH": paths, "TIMES_BY_PROCESS": str(times)}
        begun, before = time.monotonic(), used_by_children()
        command = [sys.executable, "-m", "snakemake", "-s", str(code / "Snakefile"), "--directory", str(folder)]
        run = subprocess.run([*command, "--cores", "2"], env=environment, capture_output=True, text=True, check=False)
        if run.returncode:
            sys.exit("\n".join(run.stderr.splitlines()[-40:]))
        wall, used = time.monotonic() - begun, used_by_children() - before
        found = by_script(times)
        by_job = by_job or found
        print(f"| {what} | {used:.1f} | {wall:.1f} | {sum(map(len, found.values())) - 1} |", flush=True)
    print("\n| job | processes | processor time, s | of it imports, s |\n|---|---|---|---|")
    for name, seconds in sorted(by_job.items(), key=lambda item: -sum(item[1])):
        imports = f"{len(seconds) * imports_of(name):.1f}" if name != "snakemake" else ""
        print(f"| {name} | {len(seconds)} | {sum(seconds):.1f} | {imports} |", flush=True)


def edit(file: Path, old: str, new: str) -> None:
    """Change a text in one place; it is a pattern where it is none of the file's own texts."""
    text = file.read_text(encoding="utf-8")
    changed = text.replace(old, new, 1) if old in text else re.sub(old, new, text, count=1)
    if changed == text:
        sys.exit(f"{file}: nothing to change; name another place in {Path(__file__).name}")
    file.write_text(changed, encoding="utf-8")


def used_by_children() -> float:
    """Processor seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def by_script(times: Path) -> dict[str, list[float]]:
    """Script → processor seconds of each of its processes."""
    found = defaultdict(list)
    for line in times.read_text(encoding="utf-8").splitlines():
        seconds, name = line.split("\t")
        script = name.removesuffix(".py").rpartition(".")[2]
        found["snakemake" if script == "__main__" else script].append(float(seconds))
    return found


def imports_of(script: str) -> float:
    """Processor seconds that a process of the script takes until it begins its work."""
    text = (ROOT / "workflow" / "scripts" / f"{script}.py").read_text(encoding="utf-8")
    block = re.search(r"^with starting\(.*\):\n((?: {4}.*\n|\n)+)", text, re.MULTILINE)
    assert block is not None
    before = used_by_children()
    code = "from snakemake import script\n" + textwrap.dedent(block[1])
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return used_by_children() - before


def firms(sizes: list[int]) -> None:
    """A panel of firms, step by step."""
    print("\n| rows | step | processor time, s | peak memory, GB |\n|---|---|---|---|")
    for thousands in sizes:
        with tempfile.TemporaryDirectory() as place:
            rows = bench_firms.write_project(Path(place), 1000 * thousands)
            for step, target in bench_firms.STEPS.items():
                seconds, memory = bench_firms.measured(Path(place), target)
                print(f"| {rows:,} | {step} | {seconds:.1f} | {memory:.2f} |", flush=True)


def counties() -> None:
    """2,900 counties of 340 prefectures in 31 provinces, ten years, six regressors, province-by-year effects."""
    rng = np.random.default_rng(1)
    unit, year = np.repeat(np.arange(2_900), 10), np.tile(np.arange(10), 2_900)
    prefecture, province = unit % 340, unit % 340 % 31
    y, x = rng.normal(size=unit.size), rng.normal(size=(unit.size, 6))
    groups = {"prefecture": prefecture, "province:period": province * 10 + year}
    design = design_from_arrays(y, x, unit, year, effects=("unit", "province:period"), clusters=groups)
    print("\n| 2,900 counties × 10 years, province-by-year effects | processor time, s |\n|---|---|")
    begun = time.process_time()
    result = fit(design)
    print(f"| the fit | {time.process_time() - begun:.2f} |", flush=True)
    for what, setting in {
        "errors clustered by prefecture": InferenceSpec("cluster", {"by": "prefecture"}),
        "wild bootstrap, 9,999 draws, intervals": InferenceSpec("wild_cluster", {"by": "prefecture", "draws": 9_999}),
    }.items():
        begun = time.process_time()
        infer(result, design, setting, 1)
        print(f"| {what} | {time.process_time() - begun:.2f} |", flush=True)


def main(arguments: list[str]) -> None:
    """All tables."""
    with tempfile.TemporaryDirectory() as place:
        shipped(Path(place))
    firms([1] if "--quick" in arguments else [1, 10, 100])
    counties()


if __name__ == "__main__":
    main(sys.argv[1:])
