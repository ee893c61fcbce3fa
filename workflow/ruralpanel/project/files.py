"""Writing files whole or not at all, CSV files that no spreadsheet runs, and files known by their content."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd


# After a sign only a number, with words or an interval behind it, is none.
PLAIN = frozenset({str, int, float, bool, NoneType})
"""Classes of values that JSON knows."""

_NUMBER = r"(?:$|inf\b|(?:\d|\.\d)(?:(?![A-Za-z]\(|[|!=]).)*$)"
_FORMULA = re.compile(rf"\s*(?:[=@]|[+-](?!\s*{_NUMBER}))")


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`, of the same suffix; rename it to `path` once the block ends well."""
    target = Path(os.path.realpath(path))  # a link keeps pointing to the file that it points to
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = part_of(target)
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if error.filename in (None, str(temporary), temporary):
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """The temporary name beside `path`."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_of(path: str | Path) -> str:
    """`sha256_of`, empty for a file that cannot be read."""
    return "" if unusable(path) else sha256_of(path)


class ByHash(dict[str, Any]):
    """A rule's parameter that Snakemake's record holds by its hash.

    There is a record for each file that a job writes, and all of them are read at every start: a job of 95 models with
    the settings of all would have them written 95 times.
    """

    def __repr__(self) -> str:
        return hashlib.sha256(json.dumps(plain(self), ensure_ascii=False).encode()).hexdigest()


def contents(*files: Any) -> ByHash:
    """What files hold (`content_of`), by name: a parameter by which a rule knows what it reads from outside.

    Their time says nothing of files put back or unpacked over others. Snakemake leaves parameters aside that are
    derived from ``input``, so that a rule names these files again: names, lists and mappings of them, None for no file.
    """
    return ByHash((name, content_of(name)) for name in _names(files))


def memory(least: int, times: float, workers: int = 1) -> Callable[[object, Iterable[str]], int]:
    """What a rule declares as its jobs' memory (MB): `times` the size of the files that a job reads, at least `least`.

    Each of several workers reads them for itself; what they import is in memory once.
    Snakemake asks once a job is ready, when all of its files are there; one that is not counts nothing.
    """

    def of_job(wildcards: object, input: Iterable[str]) -> int:
        size = sum(os.path.getsize(file) for file in input if os.path.isfile(file))
        return max(least, round(300 + workers * times * size / 1e6))

    return of_job


def _names(files: Any) -> Iterator[str]:
    if isinstance(files, str):
        yield files
    else:
        for part in files.values() if isinstance(files, Mapping) else files or ():
            yield from _names(part)


def unusable(path: str | Path) -> str:
    """Why a path cannot be read as a file, as a clause (``which is a folder``); empty where it can."""
    if os.path.isdir(path):
        return "which is a folder"
    if not os.path.isfile(path):
        return "which is no file" if os.path.exists(path) else "which does not exist"
    try:
        with open(path, "rb") as stream:
            stream.read(1)
    except OSError as error:
        return f"which cannot be read ({error.strerror})"
    return ""


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with ``\\n`` line ends."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def inert(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula; signed numbers stay."""
    return f"'{text}" if _FORMULA.match(text) else text


def restored(text: str) -> str:
    """The inverse of `inert`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def write_parquet(path: str | Path, frame: pd.DataFrame, compression: Literal["snappy", "zstd"] = "snappy") -> None:
    """Write a table as Parquet; a `LONG` one as `of_many_rows` says."""
    options = of_many_rows({name: kind.kind for name, kind in frame.dtypes.items()}) if len(frame) >= LONG else {}
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False, compression=compression, **options)


def of_many_rows(kinds: Mapping[Any, str], told_apart: Sequence[str] = ()) -> dict[str, Any]:
    """How PyArrow writes millions of rows as Parquet: what takes the least time to write and to read again.

    Texts stand in one dictionary, however long it is: beyond the usual megabyte each row would hold its own. Whole
    numbers, which are mostly places in order, are written as steps; nothing looks for floats that come again.

    Parameters
    ----------
    kinds : column → kind of its values, as NumPy names them (``O`` for texts).
    told_apart : columns whose least and largest value stand with each group of rows, for who reads only some.
    """
    whole = [name for name, kind in kinds.items() if kind in "iu"]
    return {
        "use_dictionary": [name for name, kind in kinds.items() if kind not in "iuf"],
        "dictionary_pagesize_limit": 1 << 30,
        "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        "write_statistics": list(told_apart),
        "row_group_size": 1 << 24,
    }


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV, texts `inert`; None is a blank."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in rows:
        writer.writerow([inert(cell) if isinstance(cell, str) else cell for cell in row])
    return buffer.getvalue()


LONG = 100_000
"""Rows from which a table is written by column, which takes a tenth of the time."""


def write_frame(path: str | Path, frame: pd.DataFrame) -> None:
    """Write a table as CSV, texts `inert`, floats with the fewest digits that read back to the same number."""
    texts = {str(name): _inert_column(frame[name]) for name in frame if frame[name].dtype.kind not in "biuf"}
    table = frame.assign(**texts)
    with atomic_path(path) as temporary:
        if len(table) >= LONG and _by_column(table):
            _write_by_column(temporary, table)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def _by_column(frame: pd.DataFrame) -> bool:
    """Whether `_write_by_column` writes it.

    A blank alone in its row has quotation marks, short floats fewer digits, times as many as the whole column needs.
    """
    return frame.shape[1] > 1 and all(kind == "float64" or kind.kind not in "fM" for kind in frame.dtypes)


def _write_by_column(path: Path, frame: pd.DataFrame) -> None:
    """The bytes of ``to_csv``, written in pieces of `LONG` rows."""
    import pyarrow.compute as pc

    with path.open("wb") as stream:
        stream.write(frame.iloc[:0].to_csv(index=False, lineterminator="\n").encode())
        for start in range(0, len(frame), LONG):
            part = frame.iloc[start : start + LONG]
            cells = [_cells(part[name]) for name in part]
            cells[-1] = pc.binary_join_element_wise(cells[-1], "\n", "", null_handling="replace")
            lines = pc.binary_join_element_wise(*cells, ",", null_handling="replace")
            stream.write(memoryview(lines.buffers()[2]))


def _cells(column: pd.Series) -> Any:
    """The cells of a column as they are written, a PyArrow array of texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.dtype.kind in "iu" and not column.hasnans:
        return pc.cast(pa.array(column.to_numpy()), pa.string())
    if column.dtype == "float64":
        return _floats(pa.array(column.to_numpy(), from_pandas=True))
    texts = column if column.dtype == "str" else column.astype(object).where(column.notna(), "").map(str)
    coded = pc.dictionary_encode(pa.chunked_array([pa.array(texts)]).combine_chunks().fill_null(""))
    rows: list[str] = []
    writer = csv.writer(SimpleNamespace(write=rows.append), lineterminator="\n")
    writer.writerows((text, "") for text in coded.dictionary.to_pylist())
    return pc.take(pa.array([row[:-2] for row in rows], pa.string()), coded.indices)


def _floats(values: Any) -> Any:
    """Numbers as ``repr`` writes them; PyArrow writes ``5`` for 5.0, and small and large ones in a way of its own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    size = pc.abs(values)
    usual = pc.and_(pc.less(size, 1e10), pc.or_(pc.greater_equal(size, 1e-4), pc.equal(size, 0.0)))
    texts = pc.cast(values, "string")
    whole = pc.and_(usual, pc.equal(values, pc.trunc(values)))
    texts = pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts)
    rest = pc.invert(usual)
    others = [repr(value) for value in pc.filter(values, rest).to_pylist()]
    return pc.replace_with_mask(texts, rest, pa.array(others, pa.string()))


def _inert_column(column: pd.Series) -> pd.Series:
    distinct = {value: inert(value) for value in column.unique() if isinstance(value, str)}
    changed = {old: new for old, new in distinct.items() if old != new}
    return column.astype(object).replace(changed) if changed else column


def read_rows(path: str | Path) -> tuple[dict[str, str], ...]:
    """The rows of a CSV file that this program wrote, by column, texts `restored`."""
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        return tuple({name: restored(cell) for name, cell in row.items()} for row in csv.DictReader(stream))


def write_json(path: str | Path, values: Any) -> None:
    """Write JSON in the order given; NaN and infinities become null, NumPy scalars and arrays plain values."""
    write_text(path, json.dumps(plain(values), ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def plain(values: Any) -> Any:
    """`values` as JSON can hold it."""
    if type(values) in PLAIN:
        return None if isinstance(values, float) and not math.isfinite(values) else values
    if isinstance(values, Mapping):
        return {str(key): plain(value) for key, value in values.items()}
    if isinstance(values, (list, tuple, set, frozenset)):
        items = sorted(values) if isinstance(values, (set, frozenset)) else values
        return [plain(value) for value in items]
    if hasattr(values, "tolist"):
        return plain(values.tolist())
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values
