"""Which of two things grew where: both, the one, the other, neither, by unit and span of years; and who moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ruralpanel.output.words import word
from ruralpanel.project.kinds.options import Above, Spans


class Grown(Protocol):
    """What a table or map declares of two things that grew."""

    @property
    def first(self) -> str: ...
    @property
    def second(self) -> str: ...
    @property
    def spans(self) -> Spans: ...
    @property
    def above(self) -> Above | None: ...
    @property
    def labels(self) -> Mapping[Any, str] | None: ...
    @property
    def labels_zh(self) -> Mapping[Any, str] | None: ...


REGIMES = ("both", "first", "second", "neither")


def classify(
    frame: pd.DataFrame,
    first: str,
    second: str,
    spans: Sequence[tuple[int, int]],
    above: Above,
) -> pd.DataFrame:
    """Regime of each unit in each span.

    Parameters
    ----------
    frame : a panel with ``unit``, ``period`` and the two variables.
    first, second : variables whose change over a span is looked at.
    spans : (first year, last year) of each span.
    above : whether a change counts as growth above ``zero`` or above the ``median`` unit's change per year over all
        spans.

    Returns
    -------
    pandas.DataFrame
        Units by span (``2012–2015``): one of `REGIMES`, or empty where a figure is missing.
    """
    grew_first, grew_second = _grew(frame, first, spans, above.first), _grew(frame, second, spans, above.second)
    known = grew_first.notna() & grew_second.notna()
    up, across = grew_first == 1.0, grew_second == 1.0
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


def regime_names(options: Grown, language: str) -> dict[str, str]:
    """Regime → its name in print: the table's or map's ``labels``, else plain words."""
    declared = (options.labels_zh if language == "zh" else None) or options.labels or {}
    return {regime: str(declared.get(regime) or word(f"regimes.{regime}", language)) for regime in REGIMES}


def from_options(frame: pd.DataFrame, options: Grown) -> pd.DataFrame:
    """`classify` by the keys of a table or map: ``first``, ``second``, ``spans``, ``above``."""
    spans = [(int(a), int(b)) for a, b in options.spans]
    return classify(frame, options.first, options.second, spans, options.above or Above())


def _grew(frame: pd.DataFrame, variable: str, spans: Sequence[tuple[int, int]], rule: str) -> pd.DataFrame:
    wide = frame.pivot(index="unit", columns="period", values=variable)
    change = pd.DataFrame({span_label(span): (wide[span[1]] - wide[span[0]]) / (span[1] - span[0]) for span in spans})
    bar = float(np.nanmedian(change.to_numpy(dtype=float))) if rule == "median" else 0.0
    return (change > bar).astype(float).where(change.notna())
