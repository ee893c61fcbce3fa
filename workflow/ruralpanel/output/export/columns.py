"""The columns of an exported panel, under names that R, Stata and Python all take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ruralpanel.data.rows import group_codes
from ruralpanel.estimate.base.columns import columns_of, parts, product
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray, times_of
from ruralpanel.project.files import write_frame
from ruralpanel.project.periods import shown, written
from ruralpanel.project.units import Units

LONGEST_NAME = 32
"""Characters of a name that Stata takes."""

_STATA = "byte double float int long using with if in str strL _all _b _coef _cons _n _N _pi _pred _rc _se _skip"
_R = "else repeat while function for next break TRUE FALSE NULL Inf NaN NA"
_RESERVED = frozenset(f"{_STATA} {_R}".split())
"""Words that Stata or R keep for themselves."""


def free_name(text: str, taken: Iterable[str]) -> str:
    """A name of letters, digits and underscores, 32 at most, that is not `taken` (whatever the case of letters)."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text.replace(":", "_x_")).strip("_") or "column"
    if name in _RESERVED or not name[0].isalpha() or re.fullmatch(r"str\d+", name):
        name = f"v_{name}"
    known = {other.lower() for other in taken}
    name, number, shortened = name[:LONGEST_NAME], 1, name
    while name.lower() in known:
        number += 1
        name = f"{shortened[: LONGEST_NAME - 1 - len(str(number))]}_{number}"
    return name


@dataclass
class ExportedPanel:
    """A panel whose columns join as models ask for them.

    Attributes
    ----------
    frame : the panel's rows. by : what the period before is, as of a panel's declaration.
    columns : exported name → values (n,), NaN where there are none. terms : exported name → what it is in the
        configuration. samples : sets of rows by their exported names.
    """

    name: str
    frame: pd.DataFrame
    units: Units
    config: str
    by: str = "year"
    columns: dict[str, FloatArray] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)
    samples: dict[str, IntArray] = field(default_factory=dict)
    _terms: dict[str, str | None] = field(default_factory=dict)
    _groups: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        distinct, place = np.unique(self.frame["period"].to_numpy(), return_inverse=True)
        periods = tuple(shown(period) for period in distinct)
        calendar = periods if self.by == "observation" else ()
        self.columns["unit_id"] = (group_codes("unit", self.frame, self.units) + 1).astype(np.float64)
        times = times_of(periods, calendar)[place]
        self.columns["period_id"] = (times - times.min() + 1).astype(np.float64)
        self.terms |= {"unit_id": "unit", "period_id": "period"}

    def rows_of(self, design: Design) -> IntArray:
        """(n,) the panel's row of each row of a design."""
        codes, known = pd.factorize(self.frame["unit"].astype("str"))
        unit = pd.Index(known).get_indexer(pd.Index(design.units, dtype="str"))[design.unit_codes]
        period = np.asarray(design.periods, dtype=np.int64)[design.period_codes]
        places = pd.MultiIndex.from_arrays([codes, self.frame["period"].to_numpy()])
        return np.asarray(places.get_indexer(pd.MultiIndex.from_arrays([unit, period])), dtype=np.intp)

    def term(self, term: str) -> str | None:
        """The exported name of a variable, numeric attribute or product, for all rows; None where it is none."""
        if term not in self._terms:
            found = columns_of({term: ""}, self.frame, self.units, self.name, self.config)
            self._terms[term] = None if found.problems else self.add(term, product(term, found.values))
        return self._terms[term]

    def group(self, name: str) -> str:
        """The exported name of an effect's or cluster's groups, numbered from 1."""
        if name not in self._groups:
            codes = group_codes(name, self.frame, self.units)
            self._groups[name] = self.add(name, np.where(codes < 0, np.nan, codes + 1.0), f"{'_'.join(parts(name))}_id")
        return self._groups[name]

    def sample(self, rows: IntArray) -> str:
        """The exported name of the flag of a set of rows."""
        rows = np.unique(rows)
        for name, known in self.samples.items():
            if np.array_equal(rows, known):
                return name
        name = free_name(f"sample_{len(self.samples) + 1}", self._taken)
        self.samples[name] = rows
        return name

    def part(self, term: str, rows: IntArray, values: FloatArray) -> str:
        """The exported name of a column (m,) that is there for some rows alone."""
        whole = np.full(len(self.frame), np.nan)
        whole[rows] = values
        return self.add(term, whole)

    def add(self, term: str, values: FloatArray, wanted: str = "") -> str:
        """The exported name of a column; one of the same term that says nothing else is filled up instead."""
        for name, known in self.terms.items():
            old = self.columns[name]
            both = ~np.isnan(old) & ~np.isnan(values)
            if known == term and name.endswith("_id") == bool(wanted) and np.array_equal(old[both], values[both]):
                self.columns[name] = np.where(np.isnan(old), values, old)
                return name
        name = free_name(wanted or term, self._taken)
        self.columns[name], self.terms[name] = values, term
        return name

    @property
    def _taken(self) -> tuple[str, ...]:
        return ("unit", "period", *self.columns, *self.samples)

    def table(self) -> pd.DataFrame:
        """The rows that any model uses, by unit and period: labels, columns, samples as 0 and 1."""
        used = np.unique(np.concatenate([*self.samples.values(), np.zeros(0, dtype=np.intp)]))
        order = used[np.lexsort((self.columns["period_id"][used], self.columns["unit_id"][used]))]
        values: dict[str, object] = {
            "unit": self.frame["unit"].astype(str).to_numpy()[order],
            "period": [written(period) for period in self.frame["period"].to_numpy()[order]],
        }
        for name, column in self.columns.items():
            whole = name in ("unit_id", "period_id")
            values[name] = (
                column[order].astype(np.int32) if whole else np.where(np.isfinite(column), column, np.nan)[order]
            )
        for name, rows in self.samples.items():
            values[name] = np.isin(order, rows).astype(np.int8)
        return pd.DataFrame(values)


def write_panel(panel: ExportedPanel | None, csv: Path) -> None:
    """Write a panel as CSV; None, where no script reads it: its file holds no row."""
    empty = pd.DataFrame({"unit_id": np.zeros(0, np.int32), "period_id": np.zeros(0, np.int32)})
    write_frame(csv, empty if panel is None else panel.table())
