"""A table of named columns that are read only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.contracts.problems import Problem, UserError, did_you_mean

Columns = dict[str, pd.Series]
Numbers = np.ndarray[Any, np.dtype[np.int64]]


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
    """

    label: str
    sheet: str
    names: tuple[str, ...]
    load: Callable[[Sequence[str], Sequence[str]], tuple[Columns, Numbers]]
    labels: Mapping[str, str] = field(default_factory=dict)

    def read(self, columns: Sequence[str], figures: Sequence[str]) -> tuple[Columns, Numbers]:
        """The columns asked for; each must be there, once.

        Raises
        ------
        UserError
            Missing and repeated columns, and whatever else is wrong with the file.
        """
        problems = [self.missing(name) for name in columns if name not in self.names]
        problems += [
            Problem(
                self.label,
                f"column {name}",
                f"{self.names.count(name)} columns of this name",
                "one",
                "rename the others",
            )
            for name in columns
            if self.names.count(name) > 1
        ]
        if problems:
            raise UserError(problems)
        loaded, rows = self.load(columns, figures)
        if not len(rows):
            raise UserError(Problem(self.label, "", "a table without rows", "at least one row"))
        return loaded, rows

    def missing(self, name: str) -> Problem:
        """The problem of a column that is not there."""
        near = did_you_mean(name, self.names)
        listed = ", ".join(self.names[:20]) + (" …" if len(self.names) > 20 else "")
        return Problem(self.label, f"column {name}", "no such column", f"one of {listed}", near)


def arrow_columns(table: Any) -> Columns:
    """An Arrow table's columns, one after the other, its memory given back as they are converted."""
    import pyarrow as pa

    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())
        columns[name] = column.to_pandas()
        table = table.drop_columns([name])
    return columns
