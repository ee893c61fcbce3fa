"""Compare two runs file by file, as `make same` and `make verify` do.

Files are equal by their sha256. Of JSON, CSV and Parquet files that differ, the largest difference between numbers is
named with its place, and how many texts differ; of other files, that their bytes do. Logs and kept pieces are left out.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruralpanel.project.files import sha256_of

LEFT_OUT = ("logs/", "kept/")
Places = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """How a file differs: the largest relative difference of numbers with its place, and the first other difference."""

    file: str
    n_numbers: int = 0
    largest: float = 0.0
    where: str = ""
    n_others: int = 0
    first_other: str = ""

    def __str__(self) -> str:
        parts = []
        if self.n_numbers:
            parts.append(f"{self.n_numbers} numbers, the largest by {self.largest:.3g} of its size at {self.where}")
        if self.n_others:
            parts.append(f"{self.n_others} other values, first {self.first_other}")
        return f"{self.file}: {'; '.join(parts) or 'other bytes'}"


@dataclass(frozen=True)
class Comparison:
    """Two runs held against each other."""

    n_same: int
    missing: tuple[str, ...]
    new: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether every file is there in both, with the same bytes."""
        return not (self.missing or self.new or self.differences)

    def __str__(self) -> str:
        lines = [f"missing: {file}" for file in self.missing] + [f"new: {file}" for file in self.new]
        lines += [f"differs: {difference}" for difference in self.differences]
        counts = f"{self.n_same} files same, {len(self.differences)} differ"
        return "\n".join([*lines, f"{counts}, {len(self.missing)} missing, {len(self.new)} new"])


def compare(kept: Path, new: Path) -> Comparison:
    """Hold every file below `new` against the one of the same name below `kept`."""
    old_files, new_files = files_below(kept), files_below(new)
    both = compared(kept, new, sorted(old_files & new_files))
    return replace(both, missing=tuple(sorted(old_files - new_files)), new=tuple(sorted(new_files - old_files)))


def compared(kept: Path, new: Path, files: Sequence[str]) -> Comparison:
    """Hold `files`, which are below both folders, against each other."""
    changed = [file for file in files if sha256_of(kept / file) != sha256_of(new / file)]
    differences = tuple(difference(file, kept / file, new / file) for file in changed)
    return Comparison(len(files) - len(changed), (), (), differences)


def files_below(folder: Path) -> set[str]:
    """Names of the files below `folder`, relative to it, without what is `LEFT_OUT`."""
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    return {name for name in names if not name.startswith(LEFT_OUT)}


def difference(name: str, kept: Path, new: Path) -> Difference:
    """Where two files of one name differ."""
    if kept.suffix not in READERS:
        return Difference(name)
    old_values, new_values = READERS[kept.suffix](kept), READERS[kept.suffix](new)
    numbers: list[tuple[float, str]] = []
    others: list[str] = []
    for place in dict.fromkeys([*old_values, *new_values]):
        old, young = old_values.get(place, "nothing"), new_values.get(place, "nothing")
        size = relative_difference(old, young)
        if size is None:
            others += [f"{place}: {short(old)} -> {short(young)}"] if old != young else []
        elif size > 0:
            numbers.append((size, f"{place}: {old} -> {young}"))
    largest, where = max(numbers, default=(0.0, ""), key=lambda pair: pair[0])
    return Difference(name, len(numbers), largest, where, len(others), next(iter(others), ""))


def relative_difference(old: Any, new: Any) -> float | None:
    """|old - new| over the larger size; None unless both are numbers."""
    try:
        first, second = float(old), float(new)
    except (TypeError, ValueError):
        return None
    if isinstance(old, bool) or isinstance(new, bool):
        return None
    if math.isnan(first) and math.isnan(second):
        return 0.0
    gap, size = abs(first - second), max(abs(first), abs(second))
    return 0.0 if gap == 0 else gap / size if math.isfinite(gap) else math.inf


def short(value: Any) -> str:
    """A value in at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def json_values(file: Path) -> Places:
    """Scalars of a JSON file by their path; entries of lists by their name where they have one."""
    return dict(walk(json.loads(file.read_text(encoding="utf-8")), ""))


def walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Scalars below `value` with their paths."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from walk(entry, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            yield from walk(entry, f"{path}[{label(entry, i)}]")
    else:
        yield path, value


def label(entry: Any, position: int) -> str:
    """What names an entry of a list: its position and, where it has one, its term, name or claim."""
    names = [str(entry[key]) for key in ("term", "name", "claim", "id") if isinstance(entry, dict) and key in entry]
    return " ".join([str(position), *names[:1]])


def csv_values(file: Path) -> Places:
    """Cells of a CSV file by line and heading; lines are named by their first two cells."""
    with file.open(encoding="utf-8", newline="") as stream:
        heading, *rows = list(csv.reader(stream)) or [[]]
    heading = [name or f"column {j + 1}" for j, name in enumerate(heading)]
    names = [*heading, *(f"column {j + 1}" for j in range(len(heading), max(map(len, rows), default=0)))]
    cells = {
        f"line {i} ({', '.join(row[:2])}) {name}": cell
        for i, row in enumerate(rows, start=2)
        for name, cell in zip(names, row, strict=False)
    }
    return {"headings": heading, **cells}


def parquet_values(file: Path) -> Places:
    """Cells of a Parquet file by column and row."""
    import pandas as pd

    frame = pd.read_parquet(file)
    return {f"{name} row {i}": cell for name in frame for i, cell in enumerate(frame[name].tolist())}


READERS = {".json": json_values, ".csv": csv_values, ".parquet": parquet_values}


def main(arguments: list[str]) -> int:
    """Print what differs; 0 if nothing does."""
    if len(arguments) != 2 or not all(Path(folder).is_dir() for folder in arguments):
        print("Give two folders of results: python -m ruralpanel.tools.same_results KEPT NEW", file=sys.stderr)
        return 2
    found = compare(*map(Path, arguments))
    print(found)
    return 0 if found.same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
