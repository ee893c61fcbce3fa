"""Time and memory of a large table on its way into a panel, beside a bare read and sort by other engines.

The file: 4 million rows × 20 columns (a unit's name, a year, 18 columns of figures), 40,000 units × 100 years in random
order, a hundredth of the cells empty. Each step runs in a process of its own:

    bare     the same columns read by PyArrow or DuckDB and sorted by unit and year, nothing else
    read     `adapters.registry.read`: columns, types, marks for no figure, repeated rows
    ingest   the same and `harmonise`: names matched to units, order, repairs, ranges
    panel    the same and `panel.build`: all figures as columns by unit and year, with lineage, codebook, coverage

Processor time is that of all threads; shares are of processor time, so that they hold on a busy machine too.

Usage: python benchmarks/bench_table.py [rows in millions] [--columns 1 2 18] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

UNITS, FIGURES = 40_000, 18
FIRST = 1925


def make(folder: Path, rows: int) -> None:
    """Write ``table.parquet``, ``table.csv`` and ``units.csv``."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    draw = np.random.default_rng(1)
    years = rows // UNITS
    names = pa.array([f"County {i:06d}" for i in range(UNITS)])
    order = draw.permutation(UNITS * years)
    columns: dict[str, Any] = {
        "county": pc.take(names, pa.array(order // years)),
        "year": pa.array((FIRST + order % years).astype(np.int32)),
    }
    for k in range(FIGURES):
        values = np.round(draw.lognormal(4, 1, len(order)), 2)
        columns[f"figure_{k + 1}"] = pa.array(values, mask=draw.random(len(order)) < 0.01)
    table = pa.table(columns)
    pq.write_table(table, folder / "table.parquet")
    pacsv.write_csv(table, folder / "table.csv")
    lines = [f"C{i:06d},County {i:06d}" for i in range(UNITS)]
    (folder / "units.csv").write_text("id,name_en\n" + "\n".join(lines) + "\n", encoding="utf-8")


def wanted(columns: int) -> list[str]:
    return [f"figure_{k + 1}" for k in range(columns)]


def bare_pyarrow(file: Path, columns: int) -> int:
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    names = ["county", "year", *wanted(columns)]
    if file.suffix == ".parquet":
        table = pq.read_table(file, columns=names)
    else:
        table = pacsv.read_csv(file, convert_options=pacsv.ConvertOptions(include_columns=names))
    return int(table.sort_by([("county", "ascending"), ("year", "ascending")]).num_rows)


def bare_duckdb(file: Path, columns: int) -> int:
    import duckdb

    names = ", ".join(["county", "year", *wanted(columns)])
    return int(duckdb.sql(f"SELECT {names} FROM '{file}' ORDER BY county, year").to_arrow_table().num_rows)


def source(file: Path, columns: int) -> Any:
    from ruralpanel.project.settings import SeriesSpec
    from ruralpanel.project.sidecars import SourceSpec

    series = {name: SeriesSpec(key=name, measure="person", column=name) for name in wanted(columns)}
    layout = {"shape": "long", "unit": "county", "period": "year"}
    return SourceSpec("large", "table", str(file), (str(file),), None, layout, series)


def read(file: Path, columns: int) -> Any:
    from ruralpanel.data.adapters import registry

    return registry.read(source(file, columns))


def ingest(file: Path, columns: int) -> Any:
    from ruralpanel.data.harmonise import harmonise
    from ruralpanel.project.units import load_units

    units = load_units(file.with_name("units.csv"))
    return harmonise(source(file, columns), read(file, columns), units)


def panel(file: Path, columns: int) -> Any:
    from ruralpanel.data.panel import build
    from ruralpanel.project.settings import PanelSpec, VariableSpec
    from ruralpanel.project.units import load_units

    spec = source(file, columns)
    figures = ingest(file, columns)
    last = int(figures["period"].max())
    variables = {
        name: VariableSpec(name=name, source="large", series=name, measure="person") for name in wanted(columns)
    }
    result = build(
        PanelSpec(name="large", periods=tuple(range(FIRST, last + 1))),
        variables,
        {"large": figures},
        dict(spec.series),
        load_units(file.with_name("units.csv")),
    )
    return result.frame


STEPS: dict[str, Callable[[Path, int], Any]] = {
    "bare pyarrow": bare_pyarrow,
    "bare duckdb": bare_duckdb,
    "read": read,
    "ingest": ingest,
    "panel": panel,
}


def measured(step: str, file: Path, columns: int, repeats: int) -> tuple[float, float, float]:
    """Shortest wall and processor time in seconds, largest peak in GB; start and imports do not count."""
    found = []
    for _ in range(repeats):
        command = [sys.executable, __file__, "--step", step, "--file", str(file), "--columns", str(columns)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
            return (float("nan"),) * 3
        found.append(json.loads(done.stdout.splitlines()[-1]))
    walls, processors, peaks = zip(*found, strict=True)
    return min(walls), min(processors), max(peaks)


def one(step: str, file: Path, columns: int) -> None:
    """Run one step in this process and print its time and peak."""
    import duckdb  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401

    import ruralpanel.data.adapters.table
    import ruralpanel.data.panel  # noqa: F401

    start, before = time.perf_counter(), time.process_time()
    STEPS[step](file, columns)
    seconds, processor = time.perf_counter() - start, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps([seconds, processor, peak]))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millions", nargs="?", type=float, default=4.0)
    parser.add_argument("--columns", nargs="+", type=int, default=[1, 2, FIGURES])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", nargs="+", default=list(STEPS))
    parser.add_argument("--formats", nargs="+", default=["parquet", "csv"])
    parser.add_argument("--folder", default="")
    parser.add_argument("--step", default="")
    parser.add_argument("--file", default="")
    options = parser.parse_args(arguments)
    if options.step == "make":
        make(Path(options.folder), int(options.millions * 1e6))
        return
    if options.step:
        one(options.step, Path(options.file), options.columns[0])
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        if not (folder / "units.csv").is_file():
            # A process of its own: a child's peak counts what its parent held when it was started.
            make_it = [sys.executable, __file__, str(options.millions), "--step", "make", "--folder", str(folder)]
            subprocess.run(make_it, check=True)
        print("| file | columns of figures | step | seconds | processor seconds | of the leaner bare one | peak, GB |")
        print("|---|---|---|---|---|---|---|")
        for form in options.formats:
            for columns in options.columns:
                leanest = float("inf")
                for step in options.steps:
                    wall, processor, peak = measured(step, folder / f"table.{form}", columns, options.repeats)
                    leanest = min(leanest, processor) if step.startswith("bare") else leanest
                    share = "" if step.startswith("bare") else f"{processor / leanest:.2f}"
                    row = f"| {form} | {columns} | {step} | {wall:.1f} | {processor:.1f} | {share} | {peak:.2f} |"
                    print(row, flush=True)


if __name__ == "__main__":
    main()
