"""A table as a value: what every renderer receives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ruralpanel.project.files import write_json

Alignment = Literal["left", "centre", "right"]
RowKind = Literal["entry", "detail", "section", "summary"]


@dataclass(frozen=True)
class Cell:
    """One cell: its `text` in print and, unrounded for machines, its `value` where it is a single number, else `ends`.

    `ends` : of one interval with two finite ends; empty of anything else.
    """

    text: str = ""
    value: float | int | None = None
    ends: tuple[float, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column right of the row labels."""

    label: str
    align: Alignment = "centre"


@dataclass(frozen=True)
class Spanner:
    """A heading over the columns `first` to `last` (both included, from 0, row labels not counted)."""

    label: str
    first: int
    last: int


@dataclass(frozen=True)
class Row:
    """One line of the body.

    Attributes
    ----------
    label : the row's heading; empty in a ``detail`` row, which belongs to the entry above it.
    cells : one per column; none in a ``section`` row, which is a heading across the table.
    kind : ``entry``, ``detail`` (beneath an entry: error, interval), ``section``, ``summary`` (below the rule).
    statistic : what the numbers of the row are (``estimate``, ``std_error``, ``ci``, ``n_obs`` …), for machines.
    key : the variable, term or quantity that the row is about, for machines; details carry their entry's key.
    """

    label: str
    cells: tuple[Cell, ...]
    kind: RowKind = "entry"
    statistic: str = ""
    key: str = ""


@dataclass(frozen=True)
class TableDocument:
    """A table with its title, column groups, rows and notes.

    Attributes
    ----------
    name : the key in the configuration; also the LaTeX label and the HTML id.
    title : printed as caption.
    stub : heading of the row labels.
    columns : the columns.
    rows : the body, from above.
    spanners : levels of headings over the columns, the outermost first.
    notes : printed below, one paragraph each.
    further : rows of a companion table with the same columns, which pages fold away and paper leaves out.
    language : ``en`` or ``zh``.

    Raises
    ------
    ValueError
        Rows that do not fill the columns, or spanners that overlap or leave the table.
    """

    name: str
    title: str
    stub: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    spanners: tuple[tuple[Spanner, ...], ...] = ()
    notes: tuple[str, ...] = ()
    language: str = "en"
    further: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        for row in (*self.rows, *self.further):
            expected = 0 if row.kind == "section" else len(self.columns)
            if len(row.cells) != expected:
                raise ValueError(f"row {row.label!r} has {len(row.cells)} cells, the table {expected} columns")
        for level in self.spanners:
            end = -1
            for spanner in level:
                if not end < spanner.first <= spanner.last < len(self.columns):
                    raise ValueError(f"spanner {spanner.label!r} overlaps another or leaves the table")
                end = spanner.last

    def to_json(self, path: str | Path) -> None:
        """Write the table as JSON, unrounded values beside the texts; `from_json` reads it back."""
        write_json(path, asdict(self))

    @classmethod
    def from_json(cls, path: str | Path) -> TableDocument:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError, KeyError
            A file that is no such JSON.
        """
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        rows, further = (
            tuple(Row(**{**row, "cells": tuple(_cell(**cell) for cell in row["cells"])}) for row in values.pop(key, ()))
            for key in ("rows", "further")
        )
        levels = values.pop("spanners")
        return cls(
            columns=tuple(Column(**column) for column in values.pop("columns")),
            rows=rows,
            further=further,
            spanners=tuple(tuple(Spanner(**spanner) for spanner in level) for level in levels),
            notes=tuple(values.pop("notes")),
            **values,
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that is printed, for the check of glyphs."""
        headings = [spanner.label for level in self.spanners for spanner in level]
        body = [text for row in (*self.rows, *self.further) for text in (row.label, *(cell.text for cell in row.cells))]
        return (self.title, self.stub, *headings, *(column.label for column in self.columns), *body, *self.notes)


def _cell(ends: Iterable[float] = (), **values: Any) -> Cell:
    return Cell(ends=tuple(ends), **values)


def runs(labels: Iterable[str]) -> tuple[Spanner, ...]:
    """Spanners over neighbouring columns with the same label; an empty label spans nothing."""
    spanners: list[Spanner] = []
    for index, label in enumerate(labels):
        if spanners and spanners[-1].label == label and spanners[-1].last == index - 1:
            spanners[-1] = Spanner(label, spanners[-1].first, index)
        elif label:
            spanners.append(Spanner(label, index, index))
    return tuple(spanners)
