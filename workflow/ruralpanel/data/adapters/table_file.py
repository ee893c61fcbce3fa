"""A table of named columns that are read only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters.cells import SIDE_BY_SIDE
from ruralpanel.data.adapters.number_formats import Scale
from ruralpanel.data.adapters.sheets import cell_text
from ruralpanel.data.adapters.text import period, plain, squeezed
from ruralpanel.project.problems import Problem, UserError, did_you_mean

Columns = dict[str, pd.Series]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
_LOOKED_AT = 1000
_LONG = 14
"""Digits of a figure that no one writes, and that a number of single precision has in double precision."""


@dataclass(frozen=True)
class TableFile:
    """A table whose columns are read only when asked for.

    Attributes
    ----------
    label, sheet : where it is, for messages and lineage.
    names : the columns, in order.
    load : columns asked for, those of them that hold figures → the columns, and the row number of each row in the
        file. Columns of figures may come as numbers or as text.
    labels : what the file itself calls its columns, where it has longer names for them (Stata).
    notes : texts around the table (titles, a line 单位：万人), as far as the format has any.
    measures : column → text between its name and the first figure, where the layout says that rows stand there.
    advice : columns that are not there → which layout key would lead to them; empty where none is known.
    merged : column → rows (as `load` numbers them) whose cell is merged with others.
    scales : column → row → how the figure is shown, where that is not as it is stored.
    numbers : column → rows whose cell stores a number, whatever the decimal mark of those that are text.
    remarks : what a reader should know of it: hidden rows and columns, folders that say other than the rows.
    parts : column → its value in all rows, where folders name them (``year=2000``).
    empty : such a part of a table has no rows, which programs write where they had nothing to write.
    """

    label: str
    sheet: str
    names: tuple[str, ...]
    load: Callable[[Sequence[str], Sequence[str]], tuple[Columns, Numbers]]
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    measures: Mapping[str, str] = field(default_factory=dict)
    advice: Callable[[Sequence[str]], str] | None = None
    merged: Mapping[str, Collection[int]] = field(default_factory=dict)
    scales: Mapping[str, Mapping[int, Scale]] = field(default_factory=dict)
    numbers: Mapping[str, Collection[int]] = field(default_factory=dict)
    remarks: tuple[Problem, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    empty: bool = False

    def actual(self, name: str) -> str:
        """The column that a declared name means: itself, else the only one that differs in blanks or width alone."""
        if name in self.names:
            return name
        alike = [column for column in self.names if _bare(column) == _bare(name)]
        return alike[0] if len(alike) == 1 else name

    def left_aside(self, where: Mapping[str, object]) -> bool:
        """Whether the table's folder says that none of its rows is one of `where`, see ``layout.where``."""
        for name, wanted in where.items():
            value = self.parts.get(self.actual(str(name)))
            options = wanted if isinstance(wanted, (list, tuple)) else [wanted]
            if value is not None and squeezed(value) not in {squeezed(cell_text(option)) for option in options}:
                return True
        return False

    def read(self, columns: Sequence[str], figures: Sequence[str]) -> tuple[Columns, Numbers]:
        """The columns asked for; each must be there, once.

        Raises
        ------
        UserError
            Missing and repeated columns, and whatever else is wrong with the file.
        """
        wide = any(period(name) is not None for name in columns)
        problems = self._missing([name for name in dict.fromkeys(columns) if name not in self.names], wide)
        problems += self._repeated([name for name in dict.fromkeys(columns) if self.names.count(name) > 1])
        if problems:
            raise UserError(problems)
        loaded, rows = self.load(columns, figures)
        if not len(rows):
            raise UserError.at(self.label, "", "a table without rows", "at least one row")
        return loaded, rows

    def _repeated(self, names: Sequence[str]) -> list[Problem]:
        """Columns that are there more than once: whole blocks side by side, where several are."""
        counts = {self.names.count(name) for name in names}
        if len(names) > 1 and len(counts) == 1:
            found = f"{counts.pop()} blocks of columns side by side, each with {', '.join(names[:8])}"
            return [Problem(self.label, "row of the column names", found, "one block", SIDE_BY_SIDE)]
        return [
            Problem(
                self.label,
                f"column {name}",
                f"{self.names.count(name)} columns of this name",
                "one",
                "rename the others",
            )
            for name in names
        ]

    def _missing(self, names: Sequence[str], wide: bool) -> list[Problem]:
        """Columns that are not there: one by one where the names resemble others, else all at once."""
        if not names:
            return []
        listed = f"one of {', '.join(self.names[:20])}" + (" …" if len(self.names) > 20 else "")
        fix = self.advice(names) if self.advice else ""
        if not fix and not wide and sum(period(name) is not None for name in self.names) > 1:
            fix = "a column for each year: layout: {shape: wide}"
        near = {name: did_you_mean(name, self.names) for name in names}
        if not fix and len(names) > 1 and not any(words.startswith("did you mean") for words in near.values()):
            fix = "perhaps another table: python -m ruralpanel new-source FILE prints an entry for this one"
        if fix:
            words = f"columns {', '.join(names)}" if len(names) > 1 else f"column {names[0]}"
            return [Problem(self.label, words, "no such column", listed, fix)]
        return [Problem(self.label, f"column {name}", "no such column", listed, words) for name, words in near.items()]


def _bare(name: str) -> str:
    return "".join(plain(name).split())


def arrow_columns(table: Any) -> Columns:
    """An Arrow table's columns, one after the other, its memory given back as they are converted."""
    import pyarrow as pa

    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())
        single = pa.types.is_float32(column.type) or pa.types.is_float16(column.type)
        values = column.to_pandas()
        columns[name] = shortest(values, column.type.bit_width) if single else widened(values)
        table = table.drop_columns([name])
    return columns


def shortest(column: pd.Series, bits: int = 32) -> pd.Series:
    """Numbers of single precision as the shortest digits that mean them: 21.8, where 21.799999237 is stored."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stored = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if bits == 16:
        digits = pa.array([str(value) for value in stored.astype(np.float16)], pa.string())
    else:
        digits = pc.cast(pa.array(stored.astype(np.float32)), pa.string())
    return pd.Series(pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False), index=column.index)


def widened(column: pd.Series) -> pd.Series:
    """A column of double precision; the shortest digits where all of it was stored in single precision before.

    Programs that keep single precision hand 21.8 on as 21.799999237060547, which no one has published.
    """
    if column.dtype != np.float64:
        return column
    values = column.to_numpy()
    with np.errstate(over="ignore"):
        for looked_at in (values[:_LOOKED_AT], values):
            if not np.array_equal(looked_at.astype(np.float32).astype(np.float64), looked_at, equal_nan=True):
                return column
    short = shortest(column)
    changed = values[(short.to_numpy() != values) & ~np.isnan(values)][:_LOOKED_AT]
    long = [len(repr(float(value)).strip("-").replace(".", "").lstrip("0")) >= _LONG for value in changed]
    return short if long and sum(long) * 2 > len(long) else column
