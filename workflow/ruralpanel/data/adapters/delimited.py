"""Delimited text (CSV, TSV and the like) as a table: exact and patient when small, columnar when large."""

from __future__ import annotations

import csv
import io
import json
import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters import grids, text
from ruralpanel.data.adapters.cells import capped
from ruralpanel.data.adapters.sheets import area, letters
from ruralpanel.data.adapters.table_file import Columns, Numbers, TableFile, arrow_columns
from ruralpanel.project.kinds.adapters import TableLayout
from ruralpanel.project.problems import Problem, UserError

LARGE = 32 * 2**20
_MOST_LINES = 20


def open_delimited(path: str, label: str, layout: TableLayout, large: int = LARGE) -> TableFile:
    """Open a delimited text file; from `large` bytes on it is read by column and never held as text.

    A part of the file (`range`, `first_row`) is always read the exact way. Both ways give the same figures. The
    columnar one also takes ``22.`` and ``1e5`` for numbers, and counts rows as records, so that a row number is off by
    the line breaks inside quotation marks before it.
    """
    size = Path(path).stat().st_size
    if size < large or layout.range or layout.first_row is not None:
        return _small(text.decode(grids.read_bytes(path, label), label, layout.encoding), label, layout)
    return _large(path, label, layout)


@dataclass(frozen=True)
class _Header:
    """The column names, their delimiter, and the lines from `first` to `last` on which they stand."""

    names: tuple[str, ...]
    delimiter: str
    first: int
    last: int


def _header(lines: Sequence[str], label: str, layout: TableLayout) -> _Header:
    """The column names; a name in quotation marks may be broken over several lines."""
    top = area(label, layout.range)[0]
    if layout.header is not None:
        number = top - 1 + int(layout.header)
    else:
        number = next((i for i, line in enumerate(lines, 1) if i >= top and line.strip()), top)
    if not 1 <= number <= len(lines) or not lines[number - 1].strip():
        raise UserError.at(
            label,
            f"row {number}",
            "an empty row",
            "the column names",
            "layout: {header: …} says on which row they stand",
        )
    first, last = _record_at(lines, number)
    record = "\n".join(lines[first - 1 : last])
    delimiter = str(layout.delimiter or grids.delimiter_of(record))
    if len(delimiter) != 1:
        delimiter = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(delimiter, delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UserError.at(label, "layout.delimiter", f'"{delimiter}"', "one sign", 'delimiter: ";"')
    try:
        names = next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter))
    except csv.Error:
        raise grids.endless_line(label, first) from None
    return _Header(tuple(text.one_line(name) for name in names), delimiter, first, last)


def _record_at(lines: Sequence[str], number: int) -> tuple[int, int]:
    """The first and the last line of the record that line `number` belongs to.

    A quotation mark left open leads on to the line that closes it, if that comes within `_MOST_LINES`.
    """
    first = 1
    while True:
        last, marks = first, lines[first - 1].count('"')
        while marks % 2 and last < min(len(lines), first + _MOST_LINES):
            last += 1
            marks += lines[last - 1].count('"')
        last = first if marks % 2 else last
        if last >= number:
            return first, last
        first = last + 1


def _small(content: str, label: str, layout: TableLayout) -> TableFile:
    lines = grids.lines_of(content, label)
    head = _header(lines, label, layout)
    delimiter = head.delimiter
    top, left, bottom, right = area(label, layout.range)
    names = head.names[left:right]
    first = top - 1 + (layout.first_row or 0)
    whole = not layout.range

    def load(columns: Sequence[str], figures: Sequence[str]) -> tuple[Columns, Numbers]:
        places = {name: names.index(name) for name in columns}
        cells: dict[str, list[str]] = {name: [] for name in columns}
        rows: list[int] = []
        problems: list[Problem] = []
        body = "\n".join(lines[head.last :])
        for line, record in grids.records(body, label, delimiter, head.last + 1):
            if line > bottom:
                break
            beyond = record[left + len(names) :] if whole else ()
            record = record[left : left + len(names)]
            if line < first or not any(map(str.strip, [*record, *beyond])):
                continue
            if len(record) < len(names) or any(map(str.strip, beyond)):
                problems.append(ragged(label, line, len(record) + len(beyond), len(names)))
                continue
            rows.append(line)
            for name, i in places.items():
                cells[name].append(text.trimmed(record[i]))
        if whole and names[-1] in figures and content[-1:] not in ("\n", "\r") and _looks_cut(cells[names[-1]]):
            last = cells[names[-1]][-1]
            problems.append(
                Problem(
                    label,
                    f"row {rows[-1]}, column {names[-1]}",
                    f'"{last}" at the very end, with fewer decimals than all others',
                    "a whole figure and a line end",
                    "get the file again, or end its last row with a line break",
                )
            )
        if problems:
            raise UserError(capped(problems, label))
        return {name: pd.Series(values, dtype="str") for name, values in cells.items()}, np.array(rows, dtype=np.int64)

    between = [
        record for _, record in grids.records("\n".join(lines[head.last : max(first - 1, head.last)]), label, delimiter)
    ]
    measures = {
        name: cell for record in between for name, cell in zip(names, record[left:], strict=False) if cell.strip()
    }
    return TableFile(
        label,
        "",
        names,
        load,
        notes=_cells([*lines[: head.first - 1], *lines[bottom:]], delimiter),
        measures=measures,
        advice=lambda wanted: _advice(lines, delimiter, wanted),
    )


def _cells(lines: Sequence[str], delimiter: str) -> tuple[str, ...]:
    """The texts of lines that belong to no table, whatever their quotation marks."""
    return tuple(cell for line in lines for part in line.split(delimiter) if (cell := text.trimmed(part).strip('"')))


def _advice(lines: Sequence[str], delimiter: str, wanted: Sequence[str]) -> str:
    """Where columns that are missing stand: below another delimiter, or on another row."""
    for sign in dict.fromkeys((delimiter, *",;\t|")):
        for number, line in enumerate(lines[:200], 1):
            cells = [text.trimmed(cell).strip('"') for cell in line.split(sign)]
            if len(cells) > 1 and set(wanted) <= set(cells):
                keys = {"header": number} if sign == delimiter else {"delimiter": sign}
                return f"they stand on row {number}: layout: {json.dumps(keys)}"
    return ""


def _looks_cut(written: Sequence[str]) -> bool:
    """Whether the last figure has fewer decimals than all others, which have the same number of them."""
    decimals = [len(item.rpartition(".")[2]) if "." in item else 0 for item in written if item]
    return len(decimals) > 1 and len(set(decimals[:-1])) == 1 and decimals[-1] < decimals[0]


def ragged(label: str, row: int, count: int, expected: int) -> Problem:
    """The problem of a row that is shorter or longer than the header."""
    fix = "check the delimiter and the quotation marks; a last row that is short was cut off"
    if count == 1:
        fix = f"a note below the table: layout: {{range: A1:{letters(expected - 1)}{row - 1}}} leaves it out; " + fix
    return Problem(label, f"row {row}", f"{count} column{'s' * (count != 1)}", f"{expected}, as in the header", fix)


def _large(path: str, label: str, layout: TableLayout) -> TableFile:
    with open(path, "rb") as stream:
        start = stream.read(grids.LONGEST_LINE + 1)
    end = max(start.rfind(b"\n"), start.rfind(b"\r")) + 1
    end += start.startswith(b"\xff\xfe")  # the second half of a line end in UTF-16
    if end < 2:
        raise grids.endless_line(label, 1)
    lines = grids.lines_of(text.decode(start[:end], label, layout.encoding), label)
    head = _header(lines, label, layout)
    encoding = layout.encoding or _encoding_of(start[:end])

    def load(columns: Sequence[str], figures: Sequence[str]) -> tuple[Columns, Numbers]:
        plain = (layout.decimal or ".") == "." and not layout.thousands
        table = _columnar(path, label, head, encoding, columns, figures, plain)
        loaded = arrow_columns(table)
        return loaded, _row_numbers(path, head.last, table.num_rows)

    return TableFile(label, "", head.names, load, notes=_cells(lines[: head.first - 1], head.delimiter))


def _encoding_of(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _columnar(
    path: str,
    label: str,
    head: _Header,
    encoding: str,
    columns: Sequence[str],
    figures: Sequence[str],
    plain: bool,
) -> Any:
    """The columns asked for; `plain`: figures have a point and no separators, as the fast way takes them."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = head.names
    unique = [name if name and names.index(name) == i else f"{name}\x00{i}" for i, name in enumerate(names)]
    quotes = _contains(path, b'"')
    missing = sorted({variant for mark in text.MISSING for variant in (mark, mark.upper(), mark.title())})

    def attempt(as_numbers: bool, threads: bool = True, bad_rows: Any = None) -> Any:
        words = pa.dictionary(pa.int32(), pa.string())
        types = {name: (pa.float64() if as_numbers else pa.string()) if name in figures else words for name in columns}
        return arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                skip_rows=head.last, column_names=unique, encoding=encoding, use_threads=threads, block_size=8 * 2**20
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=head.delimiter, newlines_in_values=quotes, invalid_row_handler=bad_rows
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(dict.fromkeys(columns)),
                column_types=types,
                null_values=missing if as_numbers else [""],
                strings_can_be_null=False,
            ),
        )

    try:
        table = attempt(as_numbers=True) if plain else None
        if table is not None and not _may_hide_small_figures(path, table, figures):
            return table
    except (pa.ArrowException, UnicodeError):
        pass
    # Marks, separators or faults that the fast way does not know: as text, the slow way finds each of them.
    try:
        return attempt(as_numbers=False)
    except (pa.ArrowException, UnicodeError) as error:
        if "straddl" in str(error):
            raise _endless_row(path, label) from None
        problems: list[Problem] = []

        def note(row: Any) -> str:
            problems.append(ragged(label, row.number or 0, row.actual_columns, row.expected_columns))
            return "skip"

        try:
            attempt(as_numbers=False, threads=False, bad_rows=note)
        except (pa.ArrowException, UnicodeError):
            problems = problems or [
                Problem(
                    label,
                    "",
                    " ".join(str(error).split())[:160],
                    f"text in {encoding}, in columns",
                    "get the file again, or name its encoding under layout.encoding",
                )
            ]
        raise UserError(capped(problems, label)) from None


def _endless_row(path: str, label: str) -> UserError:
    with open(path, "rb") as stream:
        row = next((number for number, line in enumerate(stream, 1) if len(line) > grids.LONGEST_LINE), 0)
    return grids.endless_line(label, row)


def _may_hide_small_figures(path: str, table: Any, figures: Sequence[str]) -> bool:
    """Whether a zero may stand for a figure that is too small for a double, as ``1e-400``: only text can tell."""
    zeros = any((table.column(name).to_numpy() == 0).any() for name in set(figures))
    return zeros and any(
        _contains(path, sign) and _matches(path, pattern)
        for sign, pattern in ((b"e-", rb"[0-9.]e-[0-9]{3}"), (b"E-", rb"[0-9.]E-[0-9]{3}"), (b"0" * 300, rb"0{300}"))
    )


def _matches(path: str, pattern: bytes) -> bool:
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return re.search(pattern, view) is not None


def _contains(path: str, sign: bytes) -> bool:
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return view.find(sign) >= 0


def _row_numbers(path: str, header: int, count: int) -> Numbers:
    """The row of each record: the records are consecutive but for empty lines."""
    rows = np.arange(header + 1, header + 1 + count)
    if not (_contains(path, b"\n\n") or _contains(path, b"\n\r\n")):
        return rows
    with open(path, "rb") as stream:
        empty = np.array([i for i, line in enumerate(stream, 1) if i > header and line in (b"\n", b"\r\n")])
    # The k-th record stands behind as many empty lines as lie before it.
    return rows + np.searchsorted(empty - np.arange(len(empty)), rows, side="right")
