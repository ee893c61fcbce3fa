"""Published figures as the table that ingest writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters.cells import COLUMNS as CELLS
from ruralpanel.data.adapters.cells import LABELS
from ruralpanel.data.adapters.figure_order import Codes, Order, order_of
from ruralpanel.project.settings import SourceSpec
from ruralpanel.project.units import Units

COLUMNS = (
    "source",
    "series",
    "unit",
    "period",
    "value",
    "measure",
    "text",
    "raw_value",
    "file",
    "sheet",
    "row",
    "column",
    "correction",
)


def bare_columns(cells: pd.DataFrame) -> dict[str, Any]:
    """The columns of an adapter's result without their frame: labels as categories, numbers as arrays."""
    return {name: _bare(cells[name]) for name in CELLS}


def _bare(column: pd.Series) -> Any:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.array
    if column.name in LABELS:
        return pd.Categorical(column)
    return column.to_numpy() if column.name != "text" else column


def _labels(codes: Codes, labels: Sequence[str]) -> Any:
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(labels)))


def _constant(label: str, count: int) -> Any:
    return _labels(np.zeros(count, dtype=np.int8), [label])


def in_order(
    source: SourceSpec, columns: dict[str, Any], codes: Codes, units: Units, repaired: bool
) -> tuple[pd.DataFrame, bool]:
    """The figures by series, unit and period, and whether two share all three.

    Parameters
    ----------
    columns : as `bare_columns` gives them; emptied as each is put in order, so that its memory is free.
    codes : the place of each row's unit in ``units.ids``.
    repaired : whether values will be written; else `raw_value` is the very array of `value`.
    """
    series = columns.pop("series")
    keys = [str(key) for key in series.categories]
    series_order, unit_order = sorted(keys), sorted(units.ids)
    del columns["unit"]
    codes = _recoded(codes, units.ids, unit_order)
    order = order_of(series.codes, codes, columns["period"], _ranks(keys, series_order))
    count = order.length
    codes_in_order = _recoded(order.taken(series.codes), keys, series_order)
    measures = [source.series[key].measure if key in source.series else "" for key in series_order]
    distinct = sorted(set(measures))
    of_series = np.array(
        [distinct.index(m) for m in measures] or [0], dtype=np.int8 if len(distinct) < 127 else np.int32
    )
    value = order.taken(columns.pop("value").astype(np.float64, copy=False))
    text = columns.pop("text")
    if isinstance(text, pd.Series):
        text = text if order.unchanged else text.iloc[order.rows()].reset_index(drop=True)
    by_name = {
        "source": _constant(source.name, count),
        "series": _labels(codes_in_order, series_order),
        "unit": _labels(order.taken(codes), unit_order),
        "period": order.taken(columns.pop("period")),
        "value": value.copy() if repaired else value,
        "measure": _labels(of_series[codes_in_order], distinct),
        "text": text if isinstance(text, pd.Series) else _ordered(text, order),
        "raw_value": value,
        **{name: _ordered(columns.pop(name), order) for name in ("file", "sheet", "row", "column")},
        "correction": _constant("", count),
    }
    return pd.DataFrame({name: by_name[name] for name in COLUMNS}, copy=False), order.repeats


def _ordered(column: Any, order: Order) -> Any:
    if isinstance(column, pd.Categorical):
        return pd.Categorical.from_codes(order.taken(column.codes), dtype=column.dtype)
    return order.taken(column)


def _ranks(old: Sequence[str], new: Sequence[str]) -> list[int]:
    where = {label: i for i, label in enumerate(new)}
    return [where[label] for label in old]


def _recoded(codes: Codes, old: Sequence[str], new: Sequence[str]) -> Codes:
    if list(old) == list(new):
        return codes
    return np.array(_ranks(old, new), dtype=codes.dtype)[codes] if len(old) else codes
