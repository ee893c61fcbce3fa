"""Regimes by hand on four units, one of each kind."""

from __future__ import annotations

import pandas as pd

from ruralpanel.output.regimes import REGIMES, classify, transitions
from ruralpanel.project.kinds.options import Above

FIRST = {"A": (1, 2, 3), "B": (1, 2, 1), "C": (1, 0, 5), "D": (1, 0, 0), "E": (1, None, 2)}
SECOND = {"A": (1, 2, 9), "B": (1, 0, 3), "C": (1, 2, 1), "D": (1, 0, -1), "E": (1, 2, 3)}
FRAME = pd.DataFrame(
    [(u, 2000 + 2 * t, FIRST[u][t], SECOND[u][t]) for u in FIRST for t in range(3)],
    columns=["unit", "period", "x", "y"],
)
SPANS = [(2000, 2002), (2002, 2004)]


def test_each_unit_falls_into_its_regime() -> None:
    found = classify(FRAME, "x", "y", SPANS, Above())
    assert found["2000–2002"].to_dict() == {"A": "both", "B": "first", "C": "second", "D": "neither", "E": ""}
    assert found["2002–2004"].to_dict() == {"A": "both", "B": "second", "C": "first", "D": "neither", "E": ""}


def test_growth_above_the_median_is_relative() -> None:
    found = classify(FRAME, "x", "y", SPANS, Above(first="median"))
    # changes of x per year: A .5 .5, B .5 -.5, C -.5 2.5, D -.5 0; their median is .25
    assert found["2002–2004"].to_dict() == {"A": "both", "B": "second", "C": "first", "D": "neither", "E": ""}
    assert found["2000–2002"]["D"] == "neither"


def test_moves_are_counted_over_units_known_twice() -> None:
    counts = transitions(classify(FRAME, "x", "y", SPANS, Above()), "2000–2002", "2002–2004")
    assert list(counts.index) == list(counts.columns) == list(REGIMES)
    assert int(counts.to_numpy().sum()) == 4
    assert counts.loc["first", "second"] == counts.loc["second", "first"] == 1
