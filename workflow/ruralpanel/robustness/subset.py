"""A design without some of its rows, as if they had never been in the panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ruralpanel.estimators.base import Design, IntArray


def subset(design: Design, rows: IntArray) -> Design:
    """`rows` of the design; units and periods without rows disappear from its labels.

    Arrays in `extra` with an entry per row are cut alike. Terms that the rest cannot tell apart are left out by the
    estimator (``drop_absorbed``), and only our own engine runs.
    """
    units, unit_codes = np.unique(design.unit_codes[rows], return_inverse=True)
    periods, period_codes = np.unique(design.period_codes[rows], return_inverse=True)
    clusters = {name: codes[rows] for name, codes in design.clusters.items()}
    clusters |= {"unit": unit_codes.astype(np.intp), "period": period_codes.astype(np.intp)}
    return replace(
        quick(design),
        y=design.y[rows],
        x=design.x[rows],
        units=tuple(design.units[code] for code in units),
        periods=tuple(design.periods[code] for code in periods),
        unit_codes=clusters["unit"],
        period_codes=clusters["period"],
        weights=None if design.weights is None else design.weights[rows],
        clusters=clusters,
        extra=_cut(design.extra, design.y.size, rows),
    )


def quick(design: Design) -> Design:
    """The design for repeated estimates: our engine alone, few random draws inside the estimator."""
    options = {**design.spec.options, "engine": "numpy", "drop_absorbed": True}
    if "draws" in options or design.spec.estimator in ("did", "event_study", "decomposition", "counterfactual"):
        options["draws"] = 20
    return replace(design, spec=replace(design.spec, options=options))


def _cut(extra: Mapping[str, Any], n: int, rows: IntArray) -> dict[str, Any]:
    def part(value: Any) -> Any:
        return value[rows] if isinstance(value, np.ndarray) and value.shape[:1] == (n,) else value

    return {name: part(value) for name, value in extra.items()}
