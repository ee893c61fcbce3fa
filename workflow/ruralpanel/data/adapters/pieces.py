"""What columns of tables give: figures of a series, and the frame of all of them one below the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters.cells import COLUMNS, LABELS, place, together
from ruralpanel.data.adapters.columns import Codes, Figures, Mask
from ruralpanel.data.adapters.sheets import Shown, cell_text
from ruralpanel.data.adapters.table_file import Numbers, TableFile
from ruralpanel.project.kinds.adapters import TableLayout
from ruralpanel.project.problems import Problem

MOST_TEXTS = 1_000_000


@dataclass(frozen=True)
class Piece:
    """Figures of one series in one column of a file.

    `units` are codes into `names`; `units`, `periods`, `figures`, `rows` have the same length.
    """

    series: str
    column: str
    table: TableFile
    names: Sequence[str]
    units: Codes
    periods: Codes
    figures: Figures
    rows: Numbers

    def only(self, used: Mask) -> Piece:
        """The piece's rows that `used` names."""
        if used.all():
            return self
        return Piece(
            self.series,
            self.column,
            self.table,
            self.names,
            self.units[used],
            self.periods[used],
            self.figures.only(used),
            self.rows[used],
        )


def has_text(piece: Piece) -> bool:
    """Whether any figure of a piece is text, which decimal marks and separators are about, rather than a number."""
    if piece.figures.texts is None:
        return False
    stored = piece.table.numbers.get(piece.column, ())
    written = (piece.figures.texts != "").to_numpy(dtype=bool)
    return bool((written & ~np.isin(piece.rows, list(stored))).any())


def as_shown(piece: Piece, measure: str, layout: TableLayout) -> tuple[Piece, list[Problem]]:
    """A piece with the figures that its worksheet shows, and those that cannot be taken: merged cells, scaled figures.

    `measure` is that of the piece's series; files without number formats and merged cells pass as they are.
    """
    merged, scales = piece.table.merged.get(piece.column, ()), piece.table.scales.get(piece.column, {})
    if not merged and not scales:
        return piece, []
    values = piece.figures.values.copy()
    texts = list(_texts(piece.figures))
    faults: list[tuple[int, Problem]] = []
    for i, row in enumerate(piece.rows.tolist()):
        if (row in merged or row in scales) and not np.isnan(values[i]):
            shown = Shown.of(float(values[i]), texts[i], row in merged, scales.get(row), measure, layout)
            values[i], texts[i] = shown.value, shown.text
            if shown.fault:
                where = place(piece.table.sheet, row, piece.column)
                faults.append((row, Problem(piece.table.label, where, *shown.fault)))
    figures = Figures(values, pd.Series(texts, dtype="str"), piece.figures.wrong)
    return replace(piece, figures=figures), together([problem for _, problem in faults], [row for row, _ in faults])


def frame_of(pieces: list[Piece]) -> pd.DataFrame:
    """The pieces one below the other as `cells.typed` columns; texts only up to `MOST_TEXTS` figures.

    Empties the list, so that the memory of each piece is free once it has been copied.
    """
    lengths = [len(piece.rows) for piece in pieces]
    total = sum(lengths)
    columns: dict[str, object] = dict.fromkeys(COLUMNS)
    labels = (
        [p.series for p in pieces],
        [p.table.label for p in pieces],
        [p.table.sheet for p in pieces],
        [p.column for p in pieces],
    )
    for name, values_of in zip(LABELS[1:], labels, strict=True):
        distinct = list(dict.fromkeys(values_of))
        codes = np.array(
            [distinct.index(item) for item in values_of], dtype=np.int8 if len(distinct) < 128 else np.int32
        )
        columns[name] = _categories(np.repeat(codes, lengths), distinct)
    if total <= MOST_TEXTS:
        columns["text"] = pd.array([text for piece in pieces for text in _texts(piece.figures)], dtype="str")
    else:
        columns["text"] = _categories(np.zeros(total, np.int8), [""])
    lists = {id(piece.names): piece.names for piece in pieces}
    names = list(dict.fromkeys(chain.from_iterable(lists.values())))
    position = dict(zip(names, range(len(names)), strict=True))
    # A code means a place in its own piece's names, which may say one name twice: it is led over by the name.
    recodes = {
        key: np.fromiter(map(position.__getitem__, values_of), np.int32, len(values_of))
        for key, values_of in lists.items()
    }
    units, periods, rows = (np.empty(total, np.int32) for _ in range(3))
    values = np.empty(total)
    at = 0
    while pieces:
        piece = pieces.pop(0)
        span = slice(at, at + len(piece.rows))
        periods[span], values[span], rows[span] = piece.periods, piece.figures.values, piece.rows
        if len(piece.rows):
            units[span] = recodes[id(piece.names)][piece.units]
        at += len(piece.rows)
    columns |= {"period": periods, "value": values, "row": rows, "unit": _categories(units, names)}
    return pd.DataFrame(columns, copy=False)


def _categories(codes: np.ndarray[Any, Any], labels: Sequence[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, pd.Index(labels, dtype="str"))  # type: ignore[arg-type]


def _texts(figures: Figures) -> Iterable[str]:
    if figures.texts is not None:
        return [str(item) for item in figures.texts]
    return ["" if np.isnan(value) else cell_text(value) for value in figures.values.tolist()]
