"""Long columns as wide frames: one row per unit, one column per year."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd


def wide_frame(
    unit: pd.Series[Any],
    period: pd.Series[Any],
    values: np.ndarray[Any, Any],
    units: Sequence[str],
    years: Sequence[int],
) -> pd.DataFrame:
    """Place `values` (n,) by their `unit` and `period`; missing where there is none.

    Parameters
    ----------
    unit, period : labels (n,), each pair at most once; labels outside `units` and `years` are passed over.
    units, years : rows and columns of the frame, the years ascending.
    """
    table = np.full(len(units) * len(years), np.nan)
    if isinstance(unit.dtype, pd.CategoricalDtype):
        rows = unit_places(tuple(unit.cat.categories), tuple(units))[unit.cat.codes.to_numpy()]
    else:
        rows = pd.Index(list(units)).get_indexer(pd.Index(unit))
    columns = _places(period.to_numpy(), years)
    known = (rows >= 0) & (columns >= 0)
    given = np.asarray(values, dtype=np.float64)
    if not known.all():
        rows, columns, given = rows[known], columns[known], given[known]
    table[rows * len(years) + columns] = given
    return pd.DataFrame(table.reshape(len(units), len(years)), index=list(units), columns=list(years), copy=False)


@lru_cache(maxsize=4)
def unit_places(labels: tuple[str, ...], units: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The place of each label among `units`, -1 where it is none of them; one more -1 for rows without a label."""
    return np.append(pd.Index(list(units)).get_indexer(pd.Index(list(labels))), -1)


def _places(periods: np.ndarray[Any, Any], years: Sequence[int]) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The place of each period among `years`, -1 where it is none of them."""
    if not len(periods):
        return np.zeros(0, dtype=np.intp)
    low = int(periods.min())
    span = np.arange(low, int(periods.max()) + 1)
    return np.asarray(pd.Index(list(years)).get_indexer(pd.Index(span))[periods - low])
