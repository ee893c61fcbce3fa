"""Which rows of a panel a model looks at: conditions, units and periods left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.formulas import Context, evaluate, wide_frame
from ruralpanel.project.effects import factors
from ruralpanel.project.expressions import Operation, names, other_periods, walk
from ruralpanel.project.formulas import parse
from ruralpanel.project.periods import frequency, in_formula, shown
from ruralpanel.project.problems import Problem, UserError, did_you_mean
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.units import Units

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Codes = np.ndarray[Any, np.dtype[np.intp]]


def attribute_column(units: Units, ids: Sequence[str], name: str) -> list[float] | list[str]:
    """One attribute of the units `ids`, as floats where it is numeric in the units file, else as text."""
    values = [units.attributes[unit].get(name, "") if unit in units.attributes else "" for unit in ids]
    numbers = [float(value) for value in values if not isinstance(value, str)]
    return numbers if len(numbers) == len(values) else [str(value) for value in values]


def group_codes(name: str, frame: pd.DataFrame, units: Units) -> Codes:
    """The group of each row of `frame` (n,), from 0 without gaps; −1 where what makes the group is blank or missing.

    Parameters
    ----------
    name : ``unit``, ``period``, an attribute, a variable, or several as ``a:b``: a group for each pair that occurs.
    frame : a panel, columns ``unit``, ``period`` and variables.
    """
    codes = np.zeros(len(frame), dtype=np.intp)
    blank = np.zeros(len(frame), dtype=bool)
    for part in factors(name):
        if part in frame.columns and part != "unit":
            values = frame[part].to_numpy()
            levels, absent = np.unique(values, return_inverse=True)[1], np.isnan(values)
        else:
            rows, ids = pd.factorize(frame["unit"], sort=True)
            column = list(ids) if part == "unit" else attribute_column(units, [str(unit) for unit in ids], part)
            texts = np.array([str(value) for value in column])
            levels = np.unique(texts, return_inverse=True)[1][rows]
            absent = ((texts == "") | (texts == "nan"))[rows]
        codes = np.unique(codes * (int(levels.max(initial=0)) + 1) + levels, return_inverse=True)[1].astype(np.intp)
        blank |= absent
    return np.where(blank, -1, codes)


def condition(text: str, frame: pd.DataFrame, units: Units, file: str, where: str, by: str = "year") -> Flags:
    """Rows of `frame` for which a condition holds; a row in which anything of it is missing does not count.

    Parameters
    ----------
    text : such as ``region == 'West' and period >= 2013``: columns of the panel, attributes, ``unit``, ``period``.
    frame : a panel, columns ``unit``, ``period`` and variables. Lags reach no further than its periods.
    by : year or observation: how lags count.

    Raises
    ------
    UserError
        The condition does not parse, names what neither the panel nor the units have, or compares unlike things.
    """
    expression = parse(text, file, where)
    attributes = units.columns
    used = names(expression)
    unknown = sorted(used - set(frame.columns) - set(attributes))
    if unknown:
        known = [*frame.columns[2:], *attributes]
        expected = "a column of the panel or an attribute of the units"
        raise UserError([Problem(file, where, f'"{name}"', expected, did_you_mean(name, known)) for name in unknown])
    ids = tuple(sorted({str(unit) for unit in frame["unit"]}))
    periods = tuple(sorted({shown(period) for period in frame["period"]}))
    compared = [node for node in walk(expression) if isinstance(node, Operation)]
    others = dict.fromkeys(number for node in compared for number in other_periods(node, periods))
    if others:
        kind = frequency(periods[0])
        expected = f"a {kind}, as {in_formula(periods[0])}: the panel has {kind}s"
        raise UserError([Problem(file, where, f"period compared with {shown(number)}", expected) for number in others])
    rows, columns = pd.Index(ids).get_indexer(pd.Index(frame["unit"])), np.searchsorted(periods, frame["period"])
    tables = {
        name: wide_frame(frame["unit"], frame["period"], frame[name].to_numpy(dtype=np.float64), ids, periods)
        for name in sorted(used & set(frame.columns))
    }
    attributes_of = {name: attribute_column(units, ids, name) for name in attributes if name in used}
    values = evaluate(expression, tables, Context(ids, periods, periods, by, attributes_of), None, file, where)
    held = values.frame.to_numpy()[rows, columns]
    return np.asarray(~np.isnan(held) & (held != 0))


def sample_rows(
    sample: Sample, frame: pd.DataFrame, units: Units, file: str, where: str, by: str = "year"
) -> tuple[Flags, dict[str, int]]:
    """Rows that a declared sample keeps, and how many each of its parts leaves out.

    Parameters
    ----------
    sample : a condition, and units and periods left out; any of them.
    where : place of the sample in the configuration. by : year or observation: how lags in conditions count.
    """
    kept = np.ones(len(frame), dtype=bool)
    dropped: dict[str, int] = {}

    def leave_out(rows: Flags, reason: str) -> None:
        count = int((kept & rows).sum())
        if count:
            dropped[reason] = dropped.get(reason, 0) + count
        kept[rows] = False

    leave_out(frame["unit"].isin(sample.drop or ()).to_numpy(), "sample_units")
    leave_out(frame["period"].isin(sample.drop_periods or ()).to_numpy(), "sample_periods")
    if sample.where:
        leave_out(~condition(sample.where, frame, units, file, f"{where}.where", by), "sample_condition")
    return kept, dropped
