"""An exported panel as a Stata file, from its CSV: what its columns are called is nothing that its scripts wait for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ruralpanel.project.files import atomic_path, restored

LONGEST_LABEL = 80
"""Characters of a variable's label that Stata takes."""

STAMP = dt.datetime(1960, 1, 1)
"""When a Stata file says that it was written: the same whenever it is."""

_WHOLE = ("unit_id", "period_id")


def write_stata(csv: Path, labels: Mapping[str, str], dta: Path) -> None:
    """Write what a panel's CSV holds as a Stata file of version 14, the same bytes from the same rows.

    Parameters
    ----------
    labels : column → what it is; columns without label are samples, 0 or 1.
    """
    table = pd.read_csv(csv, dtype=str, keep_default_na=False, encoding="utf-8")
    for name, texts in table.items():
        kind = "int32" if name in _WHOLE else "float64" if name in labels else "int8"
        if name not in ("unit", "period"):
            table[name] = texts.replace("", "nan").to_numpy(dtype=object).astype(kind)
        elif name == "period" and texts.str.isdecimal().all():
            table[name] = texts.astype("int64")
        else:
            table[name] = texts.map(restored).astype(object)
    with atomic_path(dta) as temporary:
        table.to_stata(
            temporary,
            version=118,
            write_index=False,
            time_stamp=STAMP,
            variable_labels={name: label[:LONGEST_LABEL] for name, label in labels.items()},
        )
