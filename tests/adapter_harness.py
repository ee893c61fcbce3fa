"""What every adapter must do, as functions that the tests of a new adapter call.

`check_cells` holds a result against the contract; `check_marked_names` puts footnote marks behind single names, which
must move no figure; `check_workbook` makes a worksheet show other than it stores; `check_mutations` damages a good file
in many ways and demands the same figures or a `UserError`. `docs/adapters.md` shows their use.
"""

from __future__ import annotations

import io
import math
import random
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.worksheet.cell_range import CellRange

from ruralpanel.data.adapters import cells, registry
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.sidecars import SourceSpec, series_spec

Figures = dict[tuple[str, str, int], float]


def source_of(
    adapter: str,
    path: str | Path,
    series: Mapping[str, Mapping[str, Any]] | None = None,
    layout: Mapping[str, Any] | None = None,
    files: Collection[str | Path] = (),
) -> SourceSpec:
    """A source for a test: `series` maps keys to `SeriesSpec` fields, and `file` or `files` as in a sidecar."""
    path = Path(path)
    found = [Path(f) for f in files] or (sorted(path.iterdir()) if path.is_dir() else [path])
    entries = {key: dict(entry) for key, entry in (series or {}).items()}
    specs = {}
    for key, entry in entries.items():
        fields = {name: value for name, value in entry.items() if name not in ("file", "files")}
        places = series_spec(key, {name: entry[name] for name in ("file", "files") if name in entry}).files
        specs[key] = SeriesSpec(key=key, **{"measure": "", "files": places, **fields})
    return SourceSpec("made", adapter, str(path), tuple(map(str, found)), None, layout or {}, specs)


def figures(frame: pd.DataFrame) -> Figures:
    """What a result says: (series, unit, period) → value, missing ones left out."""
    given = frame[frame["value"].notna()]
    keys = zip(given["series"], given["unit"], given["period"], strict=True)
    return {(str(s), str(u), int(p)): float(v) for (s, u, p), v in zip(keys, given["value"], strict=True)}


def refusal(source: SourceSpec) -> str:
    """The text of the error with which a source is refused; fails if it is read."""
    try:
        frame = registry.read(source)
    except UserError as error:
        for problem in error.problems:
            assert problem.file and problem.found and problem.expected
            assert "Traceback" not in str(problem)
        return str(error)
    raise AssertionError(f"read without complaint:\n{frame}")


def check_cells(frame: pd.DataFrame, source: SourceSpec) -> None:
    """The contract of an adapter's result: columns, types, places, one figure for each series, unit and period."""
    assert tuple(frame.columns) == cells.COLUMNS
    assert frame["value"].dtype == "float64" and frame["period"].dtype == "int32" and frame["row"].dtype == "int32"
    assert all(isinstance(frame[name].dtype, pd.CategoricalDtype) for name in cells.LABELS)
    assert not frame.duplicated(["series", "unit", "period"]).any()
    assert set(frame["series"]) <= set(source.series) or not source.series
    assert (frame["row"] >= 1).all() and (frame["unit"].astype(str) != "").all()
    assert frame["unit"].astype(str).map(lambda name: name == name.strip()).all()
    assert set(frame["file"]) <= {cells.file_label(source, file) for file in source.files}
    assert all(math.isfinite(value) for value in frame["value"].dropna())
    pd.testing.assert_frame_equal(frame, registry.read(source))  # the same again


MARKS = ("*", "①", " [2]")


def check_marked_names(source: SourceSpec, folder: Path) -> int:
    """Put a footnote mark behind one name in one place of the source's only file: each copy gives the same figures.

    The names are those of the first, a middle and the last unit, in the first, a middle and the last place where each
    stands; in the file they must stand as they are read and nowhere else. Returns how many copies were read.
    """
    original = Path(source.files[0])
    right = figures(registry.read(source))
    units = list(dict.fromkeys(str(unit) for unit in registry.read(source)["unit"]))
    copies = 0
    for unit in _some(units):
        for mark in MARKS:
            for raw in _with_mark(original, unit, mark):
                copy = folder / original.name
                copy.write_bytes(raw)
                marked = replace(source, path=str(copy), files=(str(copy),))
                assert figures(registry.read(marked)) == right, f"{unit}{mark}, copy {copies + 1}"
                copies += 1
    assert copies >= 3 * len(MARKS)
    return copies


def _some(items: Sequence[Any]) -> list[Any]:
    """The first, a middle and the last one."""
    return [items[i] for i in sorted({0, len(items) // 2, len(items) - 1})]


def _with_mark(file: Path, name: str, mark: str) -> Iterator[bytes]:
    if file.suffix == ".xlsx":
        book = openpyxl.load_workbook(file)
        cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value == name]
        for cell in _some(cells):
            cell.value = name + mark
            stream = io.BytesIO()
            book.save(stream)
            cell.value = name
            yield stream.getvalue()
        return
    content = file.read_text(encoding="utf-8-sig")
    for match in _some(list(re.finditer(re.escape(name), content))):
        yield (content[: match.end()] + mark + content[match.end() :]).encode()


def check_workbook(source: SourceSpec, folder: Path, figure: str, unit: str) -> None:
    """Change the source's only workbook so that it shows other than it stores: what it shows is read, or a `UserError`.

    Parameters
    ----------
    source : of one sheet and one series, in percent.
    folder : for the changed copies.
    figure, unit : the cells of a figure and of the name of its unit; figures stand right of it and below it too.
    """
    right = figures(registry.read(source))
    for name, (change, outcome) in _WORKBOOKS.items():
        book = openpyxl.load_workbook(source.files[0])
        change(book.worksheets[0], figure, unit)
        copy = folder / "book.xlsx"
        book.save(copy)
        changed = replace(source, path=str(copy), files=(str(copy),))
        started = time.monotonic()
        if outcome.startswith("refused: "):
            assert outcome.removeprefix("refused: ") in refusal(changed), name
        else:
            frame = registry.read(changed)
            assert figures(frame) == right, name
            assert outcome in " ".join(remark.found for remark in cells.remarks_of(frame.attrs)), name
        assert time.monotonic() - started < 20, name


def _raised(cell: Any, mark: str) -> None:
    cell.value = CellRichText(str(cell.value), TextBlock(InlineFont(vertAlign="superscript"), mark))


def _formatted(cell: Any, value: float, code: str) -> None:
    cell.value, cell.number_format = value, code


def _covered(sheet: Any) -> None:
    """A figure that an empty merged cell covers: it is stored and not shown."""
    sheet["K41"] = 12.5
    sheet.merged_cells.ranges.add(CellRange("J40:K41"))


def _second_sheet(sheet: Any, state: str) -> None:
    copy = sheet.parent.copy_worksheet(sheet)
    copy.title, copy.sheet_state = "old", state
    sheet.parent.move_sheet(copy, -1)
    for row in copy.iter_rows():
        for cell in row:
            cell.value = cell.value / 2 if isinstance(cell.value, float) else cell.value


_Change = Callable[[Any, str, str], None]
_WORKBOOKS: Mapping[str, tuple[_Change, str]] = {
    "a raised mark": (lambda sheet, figure, unit: _raised(sheet[figure], "1"), ""),
    "raised marks": (lambda sheet, figure, unit: _raised(sheet[figure], "1, 2)"), ""),
    "a raised sign": (lambda sheet, figure, unit: _raised(sheet[figure], "①"), ""),
    "a name with a raised mark": (lambda sheet, figure, unit: _raised(sheet[unit], "3"), ""),
    "shown as percent": (
        lambda sheet, figure, unit: _formatted(sheet[figure], sheet[figure].value / 100, "[Red]0.0%;-0.0%"),
        "",
    ),
    "a percent sign that scales nothing": (
        lambda sheet, figure, unit: _formatted(sheet[figure], sheet[figure].value, '0.0"%"'),
        "",
    ),
    "shown in thousands": (
        lambda sheet, figure, unit: _formatted(sheet[figure], 1000 * sheet[figure].value, "#,##0.0,"),
        "refused: numbers",
    ),
    "shown in 万": (
        lambda sheet, figure, unit: _formatted(sheet[figure], 1e4 * sheet[figure].value, "0!.0,"),
        "refused: numbers",
    ),
    "not shown": (
        lambda sheet, figure, unit: _formatted(sheet[figure], sheet[figure].value, ";;;"),
        "refused: numbers",
    ),
    "one figure over several cells": (
        lambda sheet, figure, unit: sheet.merge_cells(
            start_row=sheet[figure].row,
            end_row=sheet[figure].row + 1,
            start_column=sheet[figure].column,
            end_column=sheet[figure].column + 1,
        ),
        "refused: merged",
    ),
    "a hidden row": (
        lambda sheet, figure, unit: setattr(sheet.row_dimensions[sheet[figure].row], "hidden", True),
        "the file hides",
    ),
    "a hidden column": (
        lambda sheet, figure, unit: setattr(sheet.column_dimensions[sheet[figure].column_letter], "hidden", True),
        "the file hides",
    ),
    "another sheet first": (lambda sheet, figure, unit: _second_sheet(sheet, "visible"), "refused: old"),
    "a hidden sheet first": (lambda sheet, figure, unit: _second_sheet(sheet, "hidden"), "refused: old"),
    "a blank in the last cell": (lambda sheet, figure, unit: sheet.cell(1_048_576, 16_384, " "), ""),
    "a figure under an empty merged cell": (lambda sheet, figure, unit: _covered(sheet), ""),
    "an empty merged area without end": (
        lambda sheet, figure, unit: sheet.merged_cells.ranges.add(CellRange("J40:XFD1048576")),
        "",
    ),
}


def check_mutations(
    source: SourceSpec, folder: Path, seed: int, count: int = 40, whole_rows_may_go: bool = False
) -> dict[str, int]:
    """Damage the source's only file in `count` ways: each copy gives the same figures or a `UserError`.

    Names that no unit bears count as refused, because harmonising refuses them. With `whole_rows_may_go` a file that
    was cut off may give fewer figures (formats without an end mark), never other ones: only its very last figure may
    be a number that was cut off.
    Returns how many copies were read and how many refused.
    """
    original = Path(source.files[0])
    right = figures(registry.read(source))
    known = {unit for _, unit, _ in right}
    outcomes = {"read": 0, "refused": 0}
    for name, raw in mutations(original.read_bytes(), random.Random(seed), count):
        copy = folder / original.name
        copy.write_bytes(raw)
        damaged = SourceSpec(
            source.name, source.adapter, str(copy), (str(copy),), source.about, source.layout, source.series
        )
        try:
            frame = registry.read(damaged)
        except UserError as error:
            assert all(problem.file and problem.found and problem.expected for problem in error.problems), name
            outcomes["refused"] += 1
            continue
        if not {str(unit) for unit in frame["unit"]} <= known:
            outcomes["refused"] += 1
            continue
        got = figures(frame)
        fewer = whole_rows_may_go and name.startswith("cut") and len(got.items() - right.items()) <= 1
        assert got == right or fewer, f"{name}: {dict(list(set(got.items()) ^ set(right.items()))[:4])}"
        outcomes["read"] += 1
    return outcomes


def mutations(raw: bytes, draw: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Damaged copies of a text file in UTF-8, each with a name that says what was done."""
    lines = raw.decode("utf-8-sig").splitlines()
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        i = draw.randrange(len(lines))
        at = draw.randrange(len(raw))
        name = f"{kind} (row {i + 1}, byte {at})"
        changed = list(lines)
        if kind == "cut":
            yield name, raw[:at]
        elif kind == "cut behind a row":
            yield name, ("\n".join(lines[: i + 1]) + "\n").encode()
        elif kind == "binary":
            yield name, raw[:at] + bytes(draw.randrange(256) for _ in range(12)) + b"\x00" + raw[at:]
        elif kind == "damaged byte":
            yield name, raw[:at] + b"\xff" + raw[at + 1 :]
        elif kind == "empty":
            yield name, draw.choice([b"", b"\n\n", b"  \r\n"])
        elif kind == "another encoding":
            yield (
                name,
                raw.decode("utf-8-sig").encode(
                    draw.choice(["gb18030", "utf-8-sig", "utf-16", "big5hkscs"]), errors="replace"
                ),
            )
        elif kind == "row twice":
            changed.insert(draw.randrange(len(lines)), lines[i])
            yield name, ("\n".join(changed) + "\n").encode()
        elif kind == "letter":
            line = lines[i]
            j = draw.randrange(len(line) + 1)
            changed[i] = line[:j] + draw.choice(["x", "约", "#", "?", '"', "e", "%", "/", "(3)"]) + line[j:]
            yield name, ("\n".join(changed) + "\n").encode()
        elif kind == "separator":
            j = draw.randrange(len(lines[i]) + 1)
            changed[i] = lines[i][:j] + "," + lines[i][j:]
            yield name, ("\n".join(changed) + "\n").encode()
        elif kind == "joined rows":
            changed[i : i + 2] = ["".join(changed[i : i + 2])]
            yield name, ("\n".join(changed) + "\n").encode()
        elif kind == "broken row":
            j = draw.randrange(len(lines[i]) + 1)
            changed[i : i + 1] = [lines[i][:j], lines[i][j:]]
            yield name, ("\n".join(changed) + "\n").encode()
        elif kind == "columns moved":
            order: list[int] = []
            for k, line in enumerate(lines):
                parts = line.split(",")
                if len(parts) > 2:
                    order = order or draw.sample(range(1, len(parts)), len(parts) - 1)
                if len(parts) == len(order) + 1 > 2:
                    changed[k] = ",".join([parts[0], *(parts[j] for j in order)])
            yield name, ("\n".join(changed) + "\n").encode()
        elif kind == "line ends":
            yield name, "\r\n".join(lines).encode() + b"\r\n\r\n"


_KINDS = (
    "cut",
    "cut behind a row",
    "binary",
    "damaged byte",
    "empty",
    "another encoding",
    "row twice",
    "letter",
    "separator",
    "joined rows",
    "broken row",
    "columns moved",
    "line ends",
)
