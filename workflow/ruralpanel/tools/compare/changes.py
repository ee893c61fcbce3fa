"""What two folders of results can differ in, each with its cause."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

TOLERANCE = 1e-12
"""Relative; what rounding in another order leaves."""

Kind = Literal[
    "source", "series", "published", "conversion", "correction", "break", "formula", "sample", "absent", "attribute",
    "variable", "model", "claim", "specification", "seed", "rule", "curve", "program",
]  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """Why something moved.

    Attributes
    ----------
    kind : what differs: the ``source``, the ``series`` of one source, the ``published`` figures of one file, the
        ``conversion`` of measures, a declared ``correction``, the rule for a ``break``, a ``formula``, the ``sample``
        of units and periods, a figure ``absent`` from a file on one side, an ``attribute`` of units; of models and
        claims the ``specification``, ``seed``, ``rule``, ``curve``; ``variable``, ``model`` and ``claim`` that one
        side lacks; else the ``program`` or its libraries.
    old, new : how it stands on either side.
    via : the variable through which it comes, where it is not the one that moved.
    """

    kind: Kind
    old: str = ""
    new: str = ""
    via: str = ""


@dataclass(frozen=True)
class Side:
    """Where a figure comes from on one side: file, sheet, row, column, and the text there; empty for a formula."""

    place: str = ""
    text: str = ""


@dataclass(frozen=True)
class CellChange:
    """One figure of a panel before and after (None: none there)."""

    panel: str
    variable: str
    unit: str
    period: int
    old: float | None
    new: float | None
    causes: tuple[Cause, ...]
    before: Side = Side()
    after: Side = Side()

    @property
    def relative(self) -> float:
        """Change over the old figure's size; infinite where one side has none or the old figure is zero."""
        return relative(self.old, self.new)


@dataclass(frozen=True)
class Estimate:
    """One coefficient of one side, with the interval and p value that the model's first row of inference gives."""

    value: float | None
    std_error: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class CoefficientChange:
    """One coefficient in the old and the new results (None: not there), and why it moved."""

    model: str
    term: str
    old: Estimate | None
    new: Estimate | None
    causes: tuple[Cause, ...]

    @property
    def in_errors(self) -> float:
        """The move in standard errors of the old estimate; infinite where one side has none, NaN without an error."""
        if self.old is None or self.new is None or self.old.value is None or self.new.value is None:
            return math.inf
        if not self.old.std_error:
            return math.nan
        return abs(self.new.value - self.old.value) / self.old.std_error


@dataclass(frozen=True)
class ClaimChange:
    """A claim whose verdict, number or reasons changed (empty: not there)."""

    claim: str
    text: str
    old: str
    new: str
    old_estimate: Estimate | None
    new_estimate: Estimate | None
    reasons_gone: tuple[str, ...]
    reasons_new: tuple[str, ...]
    causes: tuple[Cause, ...]

    @property
    def moved(self) -> bool:
        """Whether the verdict itself changed."""
        return self.old != self.new


@dataclass(frozen=True)
class VariableChange:
    """The cells of one variable of a panel that moved, together.

    `largest` is the largest relative change of figures that both sides have. `causes` have the number of cells each.
    """

    panel: str
    variable: str
    cells: int
    came: int
    went: int
    largest: float
    causes: tuple[tuple[Cause, int], ...]


@dataclass(frozen=True)
class Comparison:
    """Everything that differs. `models` and `claims` count what both sides were asked for, changed or not."""

    cells: tuple[CellChange, ...]
    coefficients: tuple[CoefficientChange, ...]
    claims: tuple[ClaimChange, ...]

    @property
    def verdicts(self) -> tuple[ClaimChange, ...]:
        """The claims whose verdict changed."""
        return tuple(claim for claim in self.claims if claim.moved)

    @property
    def variables(self) -> tuple[VariableChange, ...]:
        """The cells gathered by panel and variable, in the order of the panels' columns."""
        groups: dict[tuple[str, str], list[CellChange]] = {}
        for cell in self.cells:
            groups.setdefault((cell.panel, cell.variable), []).append(cell)
        return tuple(_gathered(panel, variable, cells) for (panel, variable), cells in groups.items())

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.cells or self.coefficients or self.claims)


def relative(old: float | None, new: float | None) -> float:
    """Change over the old figure's size; infinite where one side has none or the old figure is zero."""
    if old is None or new is None or old == 0:
        return math.inf
    return abs(new - old) / abs(old)


def same(a: float | None, b: float | None) -> bool:
    """Whether two numbers agree to rounding."""
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=0.0)


def counted(causes: Iterable[Iterable[Cause]]) -> tuple[tuple[Cause, int], ...]:
    """Causes with how often each occurs, the most frequent first."""
    counts: Mapping[Cause, int] = Counter(cause for group in causes for cause in dict.fromkeys(group))
    return tuple(sorted(counts.items(), key=lambda item: -item[1]))


def _gathered(panel: str, variable: str, cells: list[CellChange]) -> VariableChange:
    sizes = [cell.relative for cell in cells if math.isfinite(cell.relative)]
    return VariableChange(
        panel,
        variable,
        len(cells),
        sum(cell.old is None for cell in cells),
        sum(cell.new is None for cell in cells),
        max(sizes, default=0.0),
        counted(cell.causes for cell in cells),
    )
