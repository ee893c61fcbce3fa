"""Whole columns to figures, periods and labels, without a loop over the cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.sheets import cell_text
from ruralpanel.project.periods import PARTS

Values = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Figures:
    """A column of figures: values (NaN: none), texts where the file holds text, and which cells are no figures."""

    values: Values
    texts: pd.Series | None
    wrong: Mask

    def only(self, used: Mask) -> Figures:
        """The cells that `used` names."""
        texts = None if self.texts is None else self.texts[used].reset_index(drop=True)
        return Figures(self.values[used], texts, self.wrong[used])


def figures(column: pd.Series, rule: text.NumberRule, stored: Mask | None = None) -> Figures:
    """Parse a column; numbers are taken as they are, text by `text.number`.

    `stored` are the cells of a text column that hold a number: they have a point, whatever the decimal mark.
    Infinite values, truth values and dates are wrong; so is a declared missing mark nowhere: it becomes NaN.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _taken(figures(pd.Series(column.cat.categories), rule), column)
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        texts = column.astype("str")
        return Figures(np.full(len(column), np.nan), texts, column.notna().to_numpy(dtype=bool))
    if pd.api.types.is_numeric_dtype(column.dtype):
        plain = column.dtype == np.float64
        values = column.to_numpy() if plain else column.to_numpy(dtype=np.float64, na_value=np.nan)
        marks = [float(mark) for mark in rule.missing if _is_number(mark)]
        if marks:
            values = np.where(np.isin(values, marks), np.nan, values)
        return Figures(values, None, np.isinf(values))
    values, texts, wrong = _parsed(labels_as_text(column), rule)
    if stored is not None and stored.any():
        values[stored], _, wrong[stored] = _parsed(texts[stored], replace(rule, decimal=".", thousands=""))
    return Figures(values, texts, wrong)


def _taken(figures: Figures, column: pd.Series) -> Figures:
    codes = column.cat.codes.to_numpy()
    texts = figures.texts.to_numpy(dtype=object) if figures.texts is not None else None
    return Figures(
        np.append(figures.values, np.nan)[codes],
        None if texts is None else pd.Series(np.append(texts, "")[codes], dtype="str"),
        np.append(figures.wrong, False)[codes],
    )


def _parsed(texts: pd.Series, rule: text.NumberRule) -> tuple[Values, pd.Series, Mask]:
    """The usual texts all at once; each other one once, however often it occurs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pa.array(texts.to_numpy(dtype=object), pa.large_string())
    point = "[.]" if rule.decimal == "." else ","
    usual = pc.match_substring_regex(array, rf"^-?[0-9]{{1,15}}({point}[0-9]{{1,15}})?$")
    plain = pc.if_else(usual, array, pa.scalar(None, pa.large_string()))
    if rule.decimal != ".":
        plain = pc.replace_substring(plain, rule.decimal, ".")
    values = np.array(pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64) + 0.0
    wrong = np.zeros(len(texts), dtype=bool)
    rest = np.flatnonzero(~np.asarray(usual.to_numpy(zero_copy_only=False), dtype=bool))
    codes, unusual = pd.factorize(texts.to_numpy(dtype=object)[rest])
    parsed = [_number_or_fault(item, rule) for item in unusual]
    values[rest] = np.array([value for value, _ in parsed] or [np.nan])[codes] if len(rest) else values[rest]
    wrong[rest] = np.array([fault for _, fault in parsed] or [False])[codes] if len(rest) else wrong[rest]
    if rule.missing:
        marks = [float(mark) for mark in rule.missing if _is_number(mark)]
        values[np.isin(values, marks)] = np.nan
    return values, texts, wrong


def _number_or_fault(item: str, rule: text.NumberRule) -> tuple[float, bool]:
    try:
        value = text.number(item, rule)
    except text.NotANumber:
        return np.nan, True
    return (np.nan if value is None else value), False


def _is_number(mark: str) -> bool:
    return text.NumberRule().pattern().fullmatch(mark) is not None


def labels_as_text(column: pd.Series) -> pd.Series:
    """A column of any type as text: missing values empty, whole numbers without a point, outer blanks removed."""
    if isinstance(column.dtype, pd.StringDtype):
        return column.fillna("").str.strip()
    return pd.Series(
        [
            "" if value is None or value is pd.NaT or value != value else text.trimmed(cell_text(value))
            for value in column.tolist()
        ],
        dtype="str",
    )


def labels(column: pd.Series, clean: Callable[[str], str] = text.trimmed) -> tuple[Codes, list[str]]:
    """A column as codes into distinct labels in order of appearance; an empty label has code -1."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        first, distinct = column.cat.codes.to_numpy(dtype=np.int64), pd.Series(column.cat.categories)
    else:
        codes, values = pd.factorize(column)
        first, distinct = codes.astype(np.int64), pd.Series(values)
    names = [clean(name) for name in labels_as_text(distinct).tolist()]
    known = {name: i for i, name in enumerate(dict.fromkeys(name for name in names if name))}
    recode = np.array([known.get(name, -1) for name in names] + [-1], dtype=np.int64)
    return recode[first], list(known)


def periods(column: pd.Series, kind: str = "") -> tuple[Codes, Mask, Mask]:
    """Periods of a column, which cells are none, and which are empty.

    What `text.period` reads; of dates the year, or with `kind` the quarter or month. Two digits are no year.
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        empty = column.isna().to_numpy(dtype=bool)
        years = column.dt.year.fillna(0).to_numpy(dtype=np.int64)
        parts = PARTS.get(kind, 1)
        months = column.dt.month.fillna(1).to_numpy(dtype=np.int64)
        return years * parts + (months - 1) * parts // 12, ~np.isin(years, text.YEARS) & ~empty, empty
    codes, names = labels(column)
    read = np.array([text.period(name, kind) or 0 for name in names] + [0], dtype=np.int64)[codes]
    empty = codes < 0
    return read, (read == 0) & ~empty, empty
