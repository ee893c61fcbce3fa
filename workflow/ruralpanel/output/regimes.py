"""Which of two things grew where: both, the one, the other, neither, by unit and span of years; and who moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.output.words import word

REGIMES = ("both", "first", "second", "neither")


def classify(
    frame: pd.DataFrame,
    first: str,
    second: str,
    spans: Sequence[tuple[int, int]],
    above: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Regime of each unit in each span.

    Parameters
    ----------
    frame : a panel with ``unit``, ``period`` and the two variables.
    first, second : variables whose change over a span is looked at.
    spans : (first year, last year) of each span.
    above : ``{"first": …, "second": …}``: a change counts as growth above ``zero`` (the default) or above the
        ``median`` unit's change per year over all spans.

    Returns
    -------
    pandas.DataFrame
        Units by span (``2012–2015``): one of `REGIMES`, or empty where a figure is missing.
    """
    rules = {"first": "zero", "second": "zero", **(above or {})}
    grew = {
        role: _grew(frame, variable, spans, rules[role]) for role, variable in (("first", first), ("second", second))
    }
    known = grew["first"].notna() & grew["second"].notna()
    up, across = grew["first"] == 1.0, grew["second"] == 1.0
    regimes = pd.DataFrame("neither", index=known.index, columns=known.columns)
    regimes = regimes.mask(up & across, "both").mask(up & ~across, "first").mask(~up & across, "second")
    return regimes.where(known, "")


def transitions(regimes: pd.DataFrame, earlier: str, later: str) -> pd.DataFrame:
    """Counts of units by regime in one span (rows) and in another (columns), over units known in both."""
    pairs = regimes[[earlier, later]]
    pairs = pairs[(pairs != "").all(axis=1)]
    counts = pairs.groupby([earlier, later]).size().unstack(fill_value=0)
    return counts.reindex(index=list(REGIMES), columns=list(REGIMES), fill_value=0)


def span_label(span: Sequence[int]) -> str:
    """``2012–2015``."""
    return f"{span[0]}–{span[1]}"


def regime_names(spec: Mapping[str, Any], language: str) -> dict[str, str]:
    """Regime → its name in print: the table's or map's ``labels``, else plain words."""
    declared = (spec.get("labels_zh") if language == "zh" else None) or spec.get("labels") or {}
    return {regime: str(declared.get(regime) or word(f"regimes.{regime}", language)) for regime in REGIMES}


def from_spec(frame: pd.DataFrame, spec: Mapping[str, Any]) -> pd.DataFrame:
    """`classify` by the keys of a table or map: ``first``, ``second``, ``spans``, ``above``."""
    spans = [(int(a), int(b)) for a, b in spec["spans"]]
    return classify(frame, str(spec["first"]), str(spec["second"]), spans, spec.get("above"))


def _grew(frame: pd.DataFrame, variable: str, spans: Sequence[tuple[int, int]], rule: str) -> pd.DataFrame:
    wide = frame.pivot(index="unit", columns="period", values=variable)
    change = pd.DataFrame({span_label(span): (wide[span[1]] - wide[span[0]]) / (span[1] - span[0]) for span in spans})
    bar = float(np.nanmedian(change.to_numpy(dtype=float))) if rule == "median" else 0.0
    return (change > bar).astype(float).where(change.notna())
