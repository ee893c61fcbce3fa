"""200 and more damaged copies of real files, read and harmonised: the same figures, or one clear error; never others.

What leaves a plausible file (two units exchanged, another digit, a row lost) no reader can tell from the true one. Then
the sidecar's sha256 must, in every case; and how often the checks of plausibility see it too is counted.
"""

from __future__ import annotations

import csv
import html
import io
import math
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from adapter_harness import source_of
from damaged_files import (
    OF_BYTES,
    OF_ROWS,
    OF_TEXT,
    REFUSED,
    SAME,
    UNSEEN,
    Grid,
    as_csv,
    export_grid,
    table_grid,
)
from ruralpanel.data.adapters import registry
from ruralpanel.data.harmonise import harmonise
from ruralpanel.data.reconcile.findings import Finding
from ruralpanel.data.reconcile.gate import reconcile
from ruralpanel.data.reconcile.totals import load_control_totals
from ruralpanel.project.corrections import Correction, load_corrections
from ruralpanel.project.files import sha256_of
from ruralpanel.project.jobs import open_project
from ruralpanel.project.problems import UserError
from ruralpanel.project.sidecars import Sidecar, SourceSpec, check_files
from ruralpanel.project.units import Units, load_units

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "adapters"
SECONDS = 10.0
NOT_IN_FRAMES = (
    "blank rows",
    "cell lost",
    "header gone",
    "column name twice",
    "full-width digits",
    "blanks around figures",
)
Figures = dict[tuple[str, str, int], float]


@dataclass(frozen=True)
class Shipped:
    """The shipped sources, and everything that ingest needs."""

    sources: Mapping[str, SourceSpec]
    files: Mapping[str, tuple[str, str]]  # label → source and path
    series: Mapping[str, tuple[str, ...]]  # label → series in it
    units: Units
    corrections: tuple[Correction, ...]
    totals: pd.DataFrame


@dataclass(frozen=True)
class Subject:
    """One file to damage: how it is read, and its rows as they are written in its format."""

    name: str
    source: SourceSpec
    path: Path
    grid: Grid | None = None
    write: Callable[[Grid], bytes] = lambda grid: as_csv(grid).encode()
    text: bool = True


@pytest.fixture(scope="module")
def shipped() -> Shipped:
    config = open_project([ROOT / "config.yaml"])
    files, series = {}, {}
    for name, source in config.sources.items():
        read = registry.read(source)
        for path in source.files:
            label = f"{Path(source.path).name}/{Path(path).name}"
            files[label] = (name, path)
        for label, own in read.groupby("file", observed=True):
            series[str(label)] = tuple(own["series"].unique())
    return Shipped(
        config.sources,
        files,
        series,
        load_units(config.units),
        load_corrections(config.corrections or ""),
        load_control_totals(config.control_totals or ""),
    )


def alone(shipped: Shipped, label: str, folder: Path) -> Subject:
    """A shipped file by itself, with the others that its series need, in a folder of its own."""
    name, path = shipped.files[label]
    source = shipped.sources[name]
    keys = set(shipped.series[label])
    needed = {path} | {
        own for other, (of, own) in shipped.files.items() if of == name and keys & set(shipped.series.get(other, ()))
    }
    about = replace(source.described, series={key: one for key, one in source.described.series.items() if key in keys})
    place = folder / Path(source.path).name
    place.mkdir(parents=True, exist_ok=True)
    for file in needed:
        (place / Path(file).name).write_bytes(Path(file).read_bytes())
    spec = replace(
        source,
        path=str(place),
        files=tuple(str(place / Path(file).name) for file in sorted(needed)),
        about=about,
        series={key: source.series[key] for key in source.series if key in keys},
    )
    text = Path(path).read_text(encoding="utf-8-sig")
    columns = next(csv.reader(io.StringIO(text)))
    keys_first = sum(column in ("region_en", "region_zh", "year", "order_assumed") for column in columns)
    grid = export_grid(text) if source.adapter == "nbs_export" else table_grid(text, keys_first)
    return Subject(label, spec, place / Path(path).name, grid)


def ingest(shipped: Shipped, source: SourceSpec) -> pd.DataFrame:
    repairs = [c for c in shipped.corrections if c.source == source.name and c.series in source.series]
    return harmonise(source, registry.read(source), shipped.units, repairs)


def figures(frame: pd.DataFrame) -> Figures:
    given = frame[frame["value"].notna()]
    keys = zip(given["series"], given["unit"], given["period"], strict=True)
    return {(str(s), str(u), int(p)): float(v) for (s, u, p), v in zip(keys, given["value"], strict=True)}


@contextmanager
def in_time(what: str) -> Iterator[None]:
    """Fail where the block takes longer than `SECONDS`."""

    def late(*_: Any) -> None:
        raise AssertionError(f"{what}: not done within {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(shipped: Shipped, subject: Subject, right: Figures, what: str) -> tuple[str, pd.DataFrame | None]:
    """``same``, ``refused`` or ``unseen`` (other figures, no error)."""
    with in_time(what):
        try:
            frame = ingest(shipped, subject.source)
        except UserError as error:
            assert error.problems, what
            assert all(p.file and p.found and p.expected for p in error.problems), (what, str(error))
            assert len(str(error)) < 40_000 and "Traceback" not in str(error), (what, str(error)[:500])
            return REFUSED, None
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{what} gave {error!r}") from error
    return (SAME if figures(frame) == right else UNSEEN), frame


def hash_sees(subject: Subject, right: str) -> bool:
    """Whether the sidecar's hash, checked before any job, tells the file from the true one."""
    sidecar = Sidecar("about.yaml", {}, files={subject.path.name: right})
    return any("another content" in problem.found for problem in check_files(sidecar, subject.path))


def findings(shipped: Shipped, source: SourceSpec, frame: pd.DataFrame) -> set[tuple[str, str, str, int]]:
    held = set(zip(frame["series"], frame["period"], strict=True))
    totals = shipped.totals[shipped.totals["source"] == source.name]
    totals = totals[[key in held for key in zip(totals["series"], totals["year"], strict=True)]]
    found: tuple[Finding, ...] = reconcile({source.name: frame}, {source.name: source}, totals)
    return {(f.check, f.series, f.unit, f.period) for f in found if not f.declared}


@dataclass
class Tally:
    """What became of the damaged copies: (kind, outcome) → number, and of those unseen how many were implausible."""

    outcomes: Counter[tuple[str, str]]
    implausible: Counter[str]

    def of(self, result: str) -> int:
        return sum(number for (_, got), number in self.outcomes.items() if got == result)


def damage(
    shipped: Shipped, subject: Subject, kinds: list[tuple[str, str, Callable[[random.Random], bytes]]], seed: int
) -> Tally:
    """Damage a subject in each of `kinds` (name, what may come of it, bytes) and hold the outcome against it."""
    tally = Tally(Counter(), Counter())
    true = subject.path.read_bytes()
    right_hash = sha256_of(subject.path)
    baseline = ingest(shipped, subject.source)
    right = figures(baseline)
    usual: set[tuple[str, str, str, int]] | None = None
    for kind, allowed, make in kinds:
        draw = random.Random(f"{seed} {subject.name} {kind}")
        raw = make(draw)
        what = f"{subject.name}, {kind}"
        subject.path.write_bytes(raw)
        try:
            got, frame = outcome(shipped, subject, right, what)
            if got == UNSEEN:
                assert allowed == UNSEEN, (
                    f"{what}: read without an error, with other figures{_difference(frame, right)}"
                )
                assert hash_sees(subject, right_hash), what
                if usual is None:
                    usual = findings(shipped, subject.source, baseline)
                assert frame is not None
                tally.implausible[kind] += bool(findings(shipped, subject.source, frame) - usual)
            if allowed == SAME:
                assert got == SAME, f"{what}: {got}{_error(shipped, subject)}"
            tally.outcomes[kind, got] += 1
        finally:
            subject.path.write_bytes(true)
    return tally


def _difference(frame: pd.DataFrame | None, right: Figures) -> str:
    assert frame is not None
    got = figures(frame)
    return f": {sorted(set(got.items()) ^ set(right.items()))[:4]}"


def _error(shipped: Shipped, subject: Subject) -> str:
    try:
        ingest(shipped, subject.source)
    except UserError as error:
        return f": {error}"
    return ""


def kinds_of(subject: Subject) -> list[tuple[str, str, Callable[[random.Random], bytes]]]:
    """Every way to damage the subject's format."""
    found: list[tuple[str, str, Callable[[random.Random], bytes]]] = []
    raw = subject.path.read_bytes()
    plain = subject.path.suffix == ".csv"
    for kind, (allowed, of_bytes) in OF_BYTES.items():
        if kind == "bytes put in" and not plain:
            allowed = UNSEEN  # within a page's remarks, or a workbook's formats
        found.append((kind, allowed, lambda draw, f=of_bytes: f(raw, draw)))  # type: ignore[misc]
    grid = subject.grid
    if grid is not None:
        for kind, (allowed, of_rows) in OF_ROWS.items():
            if kind in NOT_IN_FRAMES and subject.path.suffix in (".parquet", ".dta", ".sqlite"):
                continue
            if kind == "cell lost" and subject.path.suffix == ".xlsx":
                allowed = UNSEEN  # a sheet is a rectangle: the row's figures all moved one column
            found.append((kind, allowed, lambda draw, f=of_rows: subject.write(f(grid, draw))))  # type: ignore[misc]
    if grid is not None and subject.text:
        for kind, (allowed, of_text) in OF_TEXT.items():
            found.append((kind, allowed, lambda draw, f=of_text: f(as_csv(grid), draw)))  # type: ignore[misc]
    return found


def test_two_hundred_damaged_copies_of_the_shipped_files(shipped: Shipped, tmp_path: Path) -> None:
    labels = sorted(label for label in shipped.files if label in shipped.series)
    total = Tally(Counter(), Counter())
    for i, label in enumerate(labels):
        subject = alone(shipped, label, tmp_path / str(i))
        every = kinds_of(subject)
        # Three kinds for each file, so that each kind meets files of all sources.
        tally = damage(shipped, subject, [every[(3 * i + k) % len(every)] for k in range(3)], SEED)
        total.outcomes.update(tally.outcomes)
        total.implausible.update(tally.implausible)
    assert sum(total.outcomes.values()) >= 200
    assert {kind for kind, _ in total.outcomes} == {*OF_ROWS, *OF_TEXT, *OF_BYTES}
    assert total.of(REFUSED) > 80 and total.of(SAME) > 60
    # Of files that are as plausible as the true one, the checks of plausibility see these, the hash the others too.
    assert total.implausible["a thousandfold"] == total.outcomes["a thousandfold", UNSEEN] > 0


def test_the_hash_stops_what_reading_cannot_see(shipped: Shipped, tmp_path: Path) -> None:
    """Two provinces exchanged: the figures are read, each gate is asked by itself."""
    subject = alone(shipped, "nbs_annual/highway_length.csv", tmp_path)
    kinds = [kind for kind in kinds_of(subject) if kind[0] == "units swapped"]
    tally = damage(shipped, subject, kinds, SEED)
    assert tally.outcomes == {("units swapped", UNSEEN): 1} and not tally.implausible["units swapped"]
    # Where an identity holds within the row, the exchange of one file's names breaks it.
    parts = alone(shipped, "nbs_annual/manufacturing_private_self_employed_urban.csv", tmp_path / "parts")
    whole = replace(shipped.sources["nbs_annual"])
    grid = parts.grid
    assert grid is not None
    swapped = OF_ROWS["units swapped"][1](grid, random.Random(SEED))
    parts.path.write_bytes(parts.write(swapped))
    usual = ingest(shipped, whole)
    other = ingest(shipped, parts.source)
    mixed = pd.concat([usual[~usual["series"].isin(parts.source.series)].astype({"series": "str"}), other])
    mixed["series"] = mixed["series"].astype("category")
    new = findings(shipped, whole, mixed) - findings(shipped, whole, usual)
    assert {check for check, *_ in new} & {"identity", "bound"}


def test_damaged_copies_in_other_formats(shipped: Shipped, tmp_path: Path) -> None:
    total: Counter[tuple[str, str]] = Counter()
    for i, subject in enumerate(other_formats(tmp_path)):
        total.update(damage(shipped, subject, kinds_of(subject), SEED + i).outcomes)
    assert sum(total.values()) >= 150
    assert not any(got == UNSEEN for (kind, got) in total if kind in ("empty", "noise", "text for a figure"))


SEED = 20120126
SERIES: dict[str, dict[str, Any]] = {
    column: {"column": column, "measure": "10^4 person", "range": (0.0, None)}
    for column in ("households_10k", "employed_10k_persons", "urban_employed_10k_persons", "rural_employed_10k_persons")
}
COMMAS = str.maketrans({".": ",", "．": "，"})
LONG = {"shape": "long", "unit": "region_en", "period": "year"}


def other_formats(folder: Path) -> Iterator[Subject]:
    """The same tables in the formats that other people send, and the fixtures of the adapters."""
    text = (ROOT / "data/raw/nbs_yearbook/self_employed_2008.csv").read_text(encoding="utf-8")
    table = table_grid(text, 2)
    export = export_grid((ROOT / "data/raw/nbs_annual/highway_length.csv").read_text(encoding="utf-8"))
    roads = {"roads": {"title_in_file": "公路里程", "measure": "10^4 km", "range": (0.0, None)}}
    made: list[tuple[str, str, Grid, Callable[[Grid], bytes], Any, Any]] = [
        ("table.xlsx", "table", table, as_workbook, SERIES, LONG),
        ("table.parquet", "table", table, as_parquet, SERIES, LONG),
        ("table.dta", "table", table, as_stata, SERIES, LONG),
        ("table.sqlite", "table", table, as_sqlite, SERIES, LONG),
        ("semicolons.csv", "table", table, as_semicolons, SERIES, {**LONG, "decimal": ","}),
        ("page.html", "yearbook", table, as_page, SERIES, {"period": 2008}),
        ("printed.xlsx", "yearbook", table, as_workbook, SERIES, {"period": 2008}),
        ("export.xlsx", "nbs_export", export, as_workbook, roads, {}),
    ]
    for name, adapter, grid, write, series, layout in made:
        path = folder / name
        path.write_bytes(write(grid))
        yield Subject(name, source_of(adapter, path, series, layout), path, grid, write, text=False)
    rural = {"rural": {"column": "乡村", "measure": "10^4 person"}}
    power = {"power": {"title_in_file": "农村用电量", "measure": "10^8 kWh"}}
    areas = {"rural": {"column": "Rural Areas", "measure": "10^4 person"}}
    for name, adapter, series, layout in (
        ("highway_length.xls", "nbs_export", roads, {}),
        ("highway_length_tabs.csv", "nbs_export", roads, {}),
        ("regions_by_indicator.csv", "nbs_export", power, {}),
        ("indicators_by_region.csv", "nbs_export", power, {}),
        ("yearbook_page.html", "yearbook", rural, {"period": 2008}),
        ("yearbook_table.xls", "yearbook", areas, {"period": 2008}),
    ):
        path = folder / name
        path.write_bytes((FIXTURES / name).read_bytes())
        yield Subject(name, source_of(adapter, path, series, layout), path, None, text=False)


def _value(text: str) -> str | float:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text  # no format holds infinity but as text


def as_workbook(grid: Grid) -> bytes:
    book = openpyxl.Workbook()
    for row in grid.rows:
        book.active.append([_value(cell) for cell in row])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def as_frame(grid: Grid) -> pd.DataFrame:
    """Columns of numbers where all cells are numbers, else of text."""
    columns = {}
    for j, name in enumerate(grid.rows[0]):
        values = [row[j].strip() for row in grid.rows[1:]]
        numbers = [float("nan") if value == "" else _value(value) for value in values]
        columns[name] = numbers if all(isinstance(number, float) for number in numbers) else values
    return pd.DataFrame(columns)


def as_parquet(grid: Grid) -> bytes:
    return bytes(as_frame(grid).to_parquet(index=False))


def as_stata(grid: Grid) -> bytes:
    stream = io.BytesIO()
    as_frame(grid).to_stata(stream, write_index=False, version=118)
    return stream.getvalue()


def as_sqlite(grid: Grid) -> bytes:
    connection = sqlite3.connect(":memory:")
    as_frame(grid).to_sql("figures", connection, index=False)
    return connection.serialize()


def as_semicolons(grid: Grid) -> bytes:
    rows = [list(row[: grid.first]) + [cell.translate(COMMAS) for cell in row[grid.first :]] for row in grid.rows]
    return as_csv(grid.with_rows(rows), ";", "\r\n").encode("gb18030")


def as_page(grid: Grid) -> bytes:
    rows = "\n".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in grid.rows)
    return f"<html><meta charset=utf-8><body><table>\n{rows}\n</table></body></html>".encode()
