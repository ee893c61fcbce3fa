"""Delimited text (CSV, TSV and the like) as a table: exact and patient when small, columnar when large."""

from __future__ import annotations

import csv
import json
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.adapters import grids, text
from ruralpanel.adapters.cells import capped
from ruralpanel.adapters.sheets import area, letters
from ruralpanel.adapters.table_file import Columns, Numbers, TableFile, arrow_columns
from ruralpanel.contracts.problems import Problem, UserError

LARGE = 32 * 2**20
_HEAD = 2**20


def open_delimited(path: str, label: str, layout: Mapping[str, Any], large: int = LARGE) -> TableFile:
    """Open a delimited text file; from `large` bytes on it is read by column and never held as text.

    A part of the file (`range`, `first_row`) is always read the exact way. Both ways give the same figures. The
    columnar one also takes ``22.`` and ``1e5`` for numbers, and counts rows as records, so that a row number is off by
    the line breaks inside quotation marks before it.
    """
    size = Path(path).stat().st_size
    if size < large or layout.get("range") or "first_row" in layout:
        return _small(text.decode(grids.read_bytes(path, label), label, layout.get("encoding")), label, layout)
    return _large(path, label, layout)


def _header(content: str, label: str, layout: Mapping[str, Any]) -> tuple[tuple[str, ...], str, int]:
    """Column names, delimiter, and the line on which the header begins."""
    lines = _lines(content)
    top = area(label, layout.get("range"))[0]
    if "header" in layout:
        number = top - 1 + int(layout["header"])
    else:
        number = next((i for i, line in enumerate(lines, 1) if i >= top and line.strip()), top)
    line = lines[number - 1] if 1 <= number <= len(lines) else ""
    if not line.strip():
        raise UserError(
            Problem(
                label,
                f"row {number}",
                "an empty row",
                "the column names",
                "layout: {header: …} says on which row they stand",
            )
        )
    delimiter = str(layout.get("delimiter") or grids.delimiter_of(line))
    if len(delimiter) != 1:
        delimiter = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(delimiter, delimiter)
    if len(delimiter) != 1:
        raise UserError(Problem(label, "layout.delimiter", f'"{delimiter}"', "one sign", 'delimiter: ";"'))
    names = next(csv.reader([line], delimiter=delimiter))
    return tuple(text.trimmed(name) for name in names), delimiter, number


def _lines(content: str) -> list[str]:
    return content.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _small(content: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    names, delimiter, header = _header(content, label, layout)
    top, left, bottom, right = area(label, layout.get("range"))
    names = names[left:right]
    first = top - 1 + int(layout.get("first_row", 0))
    whole = not layout.get("range")

    def load(columns: Sequence[str], figures: Sequence[str]) -> tuple[Columns, Numbers]:
        places = {name: names.index(name) for name in columns}
        found: dict[str, list[str]] = {name: [] for name in columns}
        rows: list[int] = []
        problems: list[Problem] = []
        body = "\n".join(_lines(content)[header:])
        for line, record in grids.records(body, label, delimiter, header + 1):
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
                found[name].append(text.trimmed(record[i]))
        if whole and names[-1] in figures and content[-1:] not in ("\n", "\r") and _looks_cut(found[names[-1]]):
            last = found[names[-1]][-1]
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
        return {name: pd.Series(values, dtype="str") for name, values in found.items()}, np.array(rows, dtype=np.int64)

    return TableFile(label, "", names, load, advice=lambda wanted: _advice(_lines(content), delimiter, wanted))


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


def ragged(label: str, row: int, found: int, expected: int) -> Problem:
    """The problem of a row that is shorter or longer than the header."""
    fix = "check the delimiter and the quotation marks; a last row that is short was cut off"
    if found == 1:
        fix = f"a note below the table: layout: {{range: A1:{letters(expected - 1)}{row - 1}}} leaves it out; " + fix
    return Problem(label, f"row {row}", f"{found} column{'s' * (found != 1)}", f"{expected}, as in the header", fix)


def _large(path: str, label: str, layout: Mapping[str, Any]) -> TableFile:
    with open(path, "rb") as stream:
        head = stream.read(_HEAD)
    head = head[: head.rfind(b"\n") + 1] or head
    content = text.decode(head, label, layout.get("encoding"))
    names, delimiter, header = _header(content, label, layout)
    encoding = layout.get("encoding") or _encoding_of(head)

    def load(columns: Sequence[str], figures: Sequence[str]) -> tuple[Columns, Numbers]:
        table = _columnar(path, label, names, delimiter, header, encoding, columns, figures)
        loaded = arrow_columns(table)
        return loaded, _row_numbers(path, header, table.num_rows)

    return TableFile(label, "", names, load)


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
    names: Sequence[str],
    delimiter: str,
    header: int,
    encoding: str,
    columns: Sequence[str],
    figures: Sequence[str],
) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    unique = [name if name and names.index(name) == i else f"{name}\x00{i}" for i, name in enumerate(names)]
    quotes = _contains(path, b'"')
    missing = sorted({variant for mark in text.MISSING for variant in (mark, mark.upper(), mark.title())})

    def attempt(as_numbers: bool, threads: bool = True, bad_rows: Any = None) -> Any:
        words = pa.dictionary(pa.int32(), pa.string())
        types = {name: (pa.float64() if as_numbers else pa.string()) if name in figures else words for name in columns}
        return arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                skip_rows=header, column_names=unique, encoding=encoding, use_threads=threads, block_size=8 * 2**20
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=quotes, invalid_row_handler=bad_rows
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(dict.fromkeys(columns)),
                column_types=types,
                null_values=missing if as_numbers else [""],
                strings_can_be_null=False,
            ),
        )

    try:
        return attempt(as_numbers=True)
    except (pa.ArrowException, UnicodeError):
        pass
    # Marks, separators or faults that the fast way does not know: as text, the slow way finds each of them.
    try:
        return attempt(as_numbers=False)
    except (pa.ArrowException, UnicodeError) as error:
        found: list[Problem] = []

        def note(row: Any) -> str:
            found.append(ragged(label, row.number or 0, row.actual_columns, row.expected_columns))
            return "skip"

        try:
            attempt(as_numbers=False, threads=False, bad_rows=note)
        except (pa.ArrowException, UnicodeError):
            found = found or [
                Problem(
                    label,
                    "",
                    " ".join(str(error).split())[:160],
                    f"text in {encoding}, in columns",
                    "get the file again, or name its encoding under layout.encoding",
                )
            ]
        raise UserError(capped(found, label)) from None


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
