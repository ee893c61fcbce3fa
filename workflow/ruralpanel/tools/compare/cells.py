"""Figures of one panel that two folders of results give differently, each with the cause that its lineage shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.lineage import as_text
from ruralpanel.project.breaks import below, tree
from ruralpanel.project.expressions import Call, Expression, Operation
from ruralpanel.project.files import read_rows
from ruralpanel.project.periods import shown
from ruralpanel.tools.compare.changes import TOLERANCE, Cause, CellChange, Side

Key = tuple[str, int]
"""A unit and a period."""
Array = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
_SIDES = ("old", "new")
_RULES = (("conversion", "conversion"), ("correction", "correction"), ("break_rule", "break"))
_ACTED = re.compile(r"\d+: (?:drop|splice), [^;]*")
_WAY = ("source", "series", "text", "place", "conversion", "correction", "break_rule", "value")


@dataclass(frozen=True)
class _Panel:
    """One side: the figures by variable (index unit and period), the formulas, and the cells of the sources."""

    frame: pd.DataFrame
    formulas: Mapping[str, str]
    lineage: pd.DataFrame


def cell_changes(panel: str, old: Path, new: Path) -> tuple[CellChange, ...]:
    """The figures of a panel that differ, in the order of its variables, units and periods.

    Parameters
    ----------
    panel : its name. old, new : its folders; one of them may be missing.

    Notes
    -----
    A figure of a series has the cause that its two rows of lineage show. A figure of a formula has the causes of the
    figures that the formula reads and that moved: those of the same unit and period if any did, else of the same unit
    in other periods, else of other units where the formula looks at them.
    """
    sides = [_read(folder) for folder in (old, new)]
    if sides[0] is None or sides[1] is None:
        side = sides[1] if sides[0] is None else sides[0]
        return () if side is None else tuple(_whole(panel, side, came=sides[0] is None))
    return tuple(_changes(panel, sides[0], sides[1]))


def differs(a: Array, b: Array) -> Mask:
    """Which figures differ beyond rounding, or are missing on one side only."""
    different = np.isnan(a) != np.isnan(b)
    with np.errstate(invalid="ignore"):
        different |= np.abs(b - a) > TOLERANCE * np.maximum(np.abs(a), np.abs(b))
    return np.asarray(different)


def _read(folder: Path) -> _Panel | None:
    if not (folder / "panel.parquet").is_file():
        return None
    frame = pd.read_parquet(folder / "panel.parquet").set_index(["unit", "period"])
    lineage = as_text(pd.read_parquet(folder / "lineage.parquet").drop_duplicates(["variable", "unit", "period"]))
    factor = lineage["factor"].map(lambda f: "" if f == 1 or f != f else f", × {f:.12g}")
    measures = lineage["measure_from"] + " → " + lineage["measure_to"]
    conversion = lineage["measure_from"].where(lineage["measure_from"] == lineage["measure_to"], measures)
    rows = lineage["row"].map(lambda row: f", row {row}" if row else "")
    sheets = lineage["sheet"].map(lambda sheet: f", sheet {sheet}" if sheet else "")
    columns = lineage["column"].map(lambda column: f", column {column}" if column else "")
    lineage = lineage.assign(conversion=conversion + factor, place=lineage["file"] + sheets + rows + columns)
    columns_file = folder / "columns.csv"
    described = columns_file if columns_file.is_file() else folder / "codebook.csv"  # all that 0.3.0 and before wrote
    return _Panel(frame, {row["variable"]: row["formula"] for row in read_rows(described)}, lineage)


def _whole(panel: str, side: _Panel, came: bool) -> Iterator[CellChange]:
    cause = Cause(
        "sample", "no such panel" if came else f"panel {panel}", f"panel {panel}" if came else "no such panel"
    )
    for name in side.frame.columns:
        figures = side.frame[name].dropna()
        for (unit, period), value in zip(figures.index.to_list(), figures, strict=True):
            old, new = (None, float(value)) if came else (float(value), None)
            yield CellChange(panel, str(name), str(unit), shown(period), old, new, (cause,))


def _changes(panel: str, old: _Panel, new: _Panel) -> Iterator[CellChange]:
    leaves = _moved_leaves(old, new)
    index = old.frame.index.union(new.frame.index)
    rows = [(str(unit), int(period)) for unit, period in index.to_list()]
    held = [side.frame.index for side in (old, new)]
    for name in map(str, dict.fromkeys([*new.frame.columns, *old.frame.columns])):
        empty = pd.Series(np.nan, index=index)
        a, b = (side.frame[name].reindex(index) if name in side.frame else empty for side in (old, new))
        before, after = (np.asarray(x, dtype=np.float64) for x in (a, b))
        moved = differs(before, after)
        if not moved.any():
            continue
        whole = _of_the_variable(name, old, new)
        reads = _leaves_of(name, new.formulas) & _leaves_of(name, old.formulas)
        elsewhere = _looks_elsewhere(name, new.formulas)
        for i in np.flatnonzero(moved):
            key: Key = rows[i]
            values = [None if np.isnan(x[i]) else float(x[i]) for x in (before, after)]
            places = [Side(), Side()]
            if whole:
                causes = whole
            elif key not in held[0] or key not in held[1]:
                absent = "not in the panel"
                here = f"{key[0]} in {key[1]}"
                causes = (Cause("sample", *((absent, here) if key not in held[0] else (here, absent))),)
            elif key in leaves.cells.get(name, {}):
                causes, *places = leaves.cells[name][key]
            else:
                causes = _through(name, key, reads, leaves, elsewhere)
            yield CellChange(panel, name, *key, values[0], values[1], causes, *places)


def _of_the_variable(name: str, old: _Panel, new: _Panel) -> tuple[Cause, ...]:
    """Causes that concern all figures of a variable alike: it is new or gone, or a formula on its way is another."""
    if name not in old.frame or name not in new.frame:
        absent = name not in old.formulas and name not in new.formulas  # the step of a break, not a declared variable
        if name not in old.frame and (absent or name not in old.formulas):
            return (Cause("variable", "none", name),)
        if name not in new.frame and (absent or name not in new.formulas):
            return (Cause("variable", name, "none"),)
    causes = []
    for part in dict.fromkeys([name, *below(name, new.formulas)]):
        formulas = [side.formulas.get(part, "") for side in (old, new)]
        if part in old.formulas and part in new.formulas and formulas[0] != formulas[1]:
            words = [formula or "a published series" for formula in formulas]
            causes.append(Cause("formula", words[0], words[1], "" if part == name else part))
    return tuple(causes)


def _leaves_of(name: str, formulas: Mapping[str, str]) -> frozenset[str]:
    """The published series below a variable; the step of a break stands on those of its variable."""
    base = name.split("__break_")[0]
    return frozenset(part for part in (base, *below(base, formulas)) if not formulas.get(part))


def _looks_elsewhere(name: str, formulas: Mapping[str, str]) -> bool:
    """Whether a formula, or one below it, looks at other units."""

    def over(node: Expression) -> bool:
        if isinstance(node, Call):
            wide = "_over_" in node.function or node.function == "standardise"
            return wide or any(over(argument) for argument in node.arguments)
        return isinstance(node, Operation) and any(over(operand) for operand in node.operands)

    return any(over(tree(formulas[part])) for part in (name, *below(name, formulas)) if formulas.get(part))


@dataclass(frozen=True)
class _Leaves:
    """Cells of the sources that moved: by variable and cell, and their causes by unit and altogether."""

    cells: Mapping[str, Mapping[Key, tuple[tuple[Cause, ...], Side, Side]]]
    by_unit: Mapping[tuple[str, str], Mapping[Cause, None]]
    by_variable: Mapping[str, Mapping[Cause, None]]


def _moved_leaves(old: _Panel, new: _Panel) -> _Leaves:
    """Cells of the sources whose value as the panel uses it differs, with causes and places."""
    keys = ["variable", "unit", "period"]
    tables = [
        side.lineage.set_index(keys)[list(_WAY)].add_suffix(f"_{name}")
        for side, name in zip((old, new), _SIDES, strict=True)
    ]
    joined = tables[0].join(tables[1], how="outer")
    a, b = (np.asarray(joined[f"value_{side}"], dtype=np.float64) for side in _SIDES)
    moved = differs(a, b)
    # What a formula interpolated has no value of its own here, only the years that it lies between.
    moved |= np.isnan(a) & np.isnan(b) & (joined["correction_old"].fillna("") != joined["correction_new"].fillna(""))
    cells: dict[str, dict[Key, tuple[tuple[Cause, ...], Side, Side]]] = {}
    by_unit: dict[tuple[str, str], dict[Cause, None]] = {}
    by_variable: dict[str, dict[Cause, None]] = {}
    chosen = joined[moved]
    for (variable, unit, period), (_, row) in zip(chosen.index.to_list(), chosen.iterrows(), strict=True):
        causes, sides = _leaf_causes(row), [Side(_text(row, f"place_{s}"), _text(row, f"text_{s}")) for s in _SIDES]
        cells.setdefault(str(variable), {})[str(unit), shown(period)] = (causes, sides[0], sides[1])
        by_unit.setdefault((str(variable), str(unit)), {}).update(dict.fromkeys(causes))
        by_variable.setdefault(str(variable), {}).update(dict.fromkeys(causes))
    return _Leaves(cells, by_unit, by_variable)


def _text(row: pd.Series[Any], name: str) -> str:
    value = row[name]
    return value if isinstance(value, str) else ""


def _of_rule(row: pd.Series[Any], column: str, side: str) -> str | None:
    """What a rule did to a cell; None where there was nothing left for it to do."""
    text = _text(row, f"{column}_{side}")
    if column != "break_rule":
        return text
    acted = "; ".join(_ACTED.findall(text))  # a break that is accepted or has a dummy changes no figure
    return None if not acted and np.isnan(row[f"value_{side}"]) else acted


def _leaf_causes(row: pd.Series[Any]) -> tuple[Cause, ...]:
    """Why one cell differs; another source or series stands for the file, measure and text that come with it."""
    present = [isinstance(row[f"source_{side}"], str) for side in _SIDES]
    names_of = [f"{_text(row, f'source_{s}')}.{_text(row, f'series_{s}')}" for s in _SIDES]
    if not all(present):
        shown = [words if here else "no row" for words, here in zip(names_of, present, strict=True)]
        return (Cause("absent", shown[0], shown[1]),)
    causes: list[Cause] = []
    for kind in ("source", "series"):
        a, b = (_text(row, f"{kind}_{side}") for side in _SIDES)
        if a != b and not causes:
            causes.append(Cause(kind, a, b))
    swapped = bool(causes)
    for column, kind in _RULES:
        before, after = (_of_rule(row, column, side) for side in _SIDES)
        unlike = before is not None and after is not None and before != after
        if unlike and not (swapped and column == "conversion"):
            causes.append(Cause(kind, before or "none", after or "none"))  # type: ignore[arg-type]
    texts = [_text(row, f"text_{side}") for side in _SIDES]
    if not swapped and texts[0] != texts[1]:
        causes.append(Cause("published", names_of[0], names_of[1]))
    elif not causes:
        causes.append(Cause("program") if texts[0] else Cause("published", names_of[0], names_of[1]))
    return tuple(causes)


def _through(name: str, key: Key, reads: frozenset[str], leaves: _Leaves, elsewhere: bool) -> tuple[Cause, ...]:
    """The causes of the figures below a formula that moved, the nearest ones."""
    among = sorted({*reads, name})
    nearest: list[list[tuple[str, Iterable[Cause]]]] = [
        [(leaf, leaves.cells[leaf][key][0]) for leaf in among if key in leaves.cells.get(leaf, ())],
        [(leaf, leaves.by_unit[leaf, key[0]]) for leaf in among if (leaf, key[0]) in leaves.by_unit],
        [(leaf, leaves.by_variable[leaf]) for leaf in among if elsewhere and leaf in leaves.by_variable],
    ]
    chosen = next((group for group in nearest if group), [])
    inherited = [replace(cause, via="" if leaf == name else leaf) for leaf, causes in chosen for cause in causes]
    return tuple(dict.fromkeys(inherited)) or (Cause("attribute"),)
