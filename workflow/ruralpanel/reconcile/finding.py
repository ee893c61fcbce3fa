"""What a check of plausibility found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import pandas as pd

CHECKS = (
    "control_total",
    "identity",
    "bound",
    "range",
    "common_jump",
    "spread",
    "jump",
    "spike",
    "outlier",
    "repeat",
    "repeated_year",
    "repeated_unit",
    "other_source",
)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes
    ----------
    check : one of `CHECKS`.
    source, series : the series that it was seen in.
    unit : id; empty where it concerns all units.
    period : year.
    value : the figure; expected : what the check expected in its place; both in the published measure, None where
        there is no such number.
    size : how far off. A log ratio (``jump``, ``spike``, ``common_jump``, ``outlier``, ``other_source``), a
        share of the expected value (``control_total``, ``identity``, ``bound``), a ratio (``spread``), a count of
        equal figures (``repeat…``), the distance from the bound (``range``).
    note : what was seen, in a sentence.
    since : the period that `period` was compared with (0: none).
    involved : further series, ``source.series``, that may hold the fault.
    declared, declared_by : whether and by what the sidecars account for it.
    """

    check: str
    source: str
    series: str
    unit: str
    period: int
    value: float | None
    expected: float | None
    size: float
    note: str = ""
    since: int = 0
    involved: tuple[str, ...] = ()
    declared: bool = False
    declared_by: str = ""


def undeclared(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that nothing accounts for."""
    return tuple(finding for finding in findings if not finding.declared)


def to_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """One row per finding, a column per attribute; numbers missing are NaN, `involved` joined by blanks."""
    names = [field.name for field in fields(Finding)]
    rows = [[getattr(finding, name) for name in names] for finding in findings]
    frame = pd.DataFrame(rows, columns=names)
    frame["involved"] = [" ".join(value) for value in frame["involved"]]
    return frame.astype({"value": "float64", "expected": "float64", "size": "float64"})
