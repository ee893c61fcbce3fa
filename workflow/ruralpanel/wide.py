"""Long columns as wide frames: one row per unit, one column per year."""

from __future__ import annotations

from collections.abc import Sequence
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
    table = np.full((len(units), len(years)), np.nan)
    if isinstance(unit.dtype, pd.CategoricalDtype):
        rows = np.append(pd.Index(list(units)).get_indexer(unit.cat.categories), -1)[unit.cat.codes.to_numpy()]
    else:
        rows = pd.Index(list(units)).get_indexer(pd.Index(unit))
    calendar = np.array(years, dtype=np.int64)
    wanted = period.to_numpy(dtype=np.int64)
    columns = np.minimum(np.searchsorted(calendar, wanted), len(calendar) - 1)
    known = (rows >= 0) & (calendar[columns] == wanted)
    table[rows[known], columns[known]] = np.asarray(values, dtype=np.float64)[known]
    return pd.DataFrame(table, index=list(units), columns=list(years))
