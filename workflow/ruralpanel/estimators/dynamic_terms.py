"""The equation of a dynamic panel: the outcome on its own lags and on regressors with theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ruralpanel.contracts.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.estimators.base import Design, FloatArray, IntArray
from ruralpanel.estimators.panel_grid import BoolArray, Grid, grid_of, lagged


@dataclass(frozen=True)
class Equation:
    """``y[i, t] = sum_l rho_l y[i, t − l] + x[i, t]'beta + effects + error``, by unit and calendar period.

    Attributes
    ----------
    outcome : its name.
    grid : outcome and terms without lags.
    terms : K names: ``lag(outcome, 1)``, …, then the regressors, each followed by its lags.
    x : (N, T, K) their values; NaN where one is missing.
    lags : number of lags of the outcome, which stand first in `terms`.
    members : regressor → positions of it and of its lags in `terms`.
    """

    outcome: str
    grid: Grid
    terms: tuple[str, ...]
    x: FloatArray
    lags: int
    members: Mapping[str, tuple[int, ...]]

    @property
    def y(self) -> FloatArray:
        """(N, T) outcome."""
        return self.grid.y

    @property
    def complete(self) -> BoolArray:
        """(N, T) whether outcome, lags and regressors are all there."""
        return np.asarray(np.isfinite(self.y) & np.isfinite(self.x).all(axis=2))

    @property
    def design_rows(self) -> IntArray:
        """(N, T) rows of the design."""
        return self.grid.rows


def equation_of(design: Design) -> Equation:
    """Build the outcome's lags (``lags``, default 1) and those of regressors (``regressor_lags``) from the rows.

    A lag is the figure of that many calendar periods before; where the unit has no row then, the lag is missing.

    Raises
    ------
    UserError
        Weights, effects without units, unknown regressors under ``regressor_lags``, or no row with every lag.
    """
    options = design.spec.options
    lags = int(options.get("lags") or 1)
    extra: Mapping[str, int] = options.get("regressor_lags") or {}
    _check(design, extra)
    grid = grid_of(design)
    terms = [f"lag({design.spec.outcome}, {k})" for k in range(1, lags + 1)]
    columns = [lagged(grid.y, k) for k in range(1, lags + 1)]
    members: dict[str, tuple[int, ...]] = {}
    for j, term in enumerate(design.terms):
        own = int(extra.get(term, 0))
        members[term] = tuple(range(len(terms), len(terms) + own + 1))
        terms += [term, *(f"lag({term}, {k})" for k in range(1, own + 1))]
        columns += [lagged(grid.x[:, :, j], k) for k in range(own + 1)]
    equation = Equation(design.spec.outcome, grid, tuple(terms), np.stack(columns, axis=2), lags, members)
    if not equation.complete.any():
        most = max([lags, *map(int, extra.values())])
        raise UserError(
            Problem(
                "config.yaml",
                f"models.{design.spec.name}.lags",
                f"no row whose unit also has the {most} period{'s' if most > 1 else ''} before it",
                "adjacent periods (lags count calendar periods)",
                "use a panel of adjacent periods, or fewer lags",
            )
        )
    return equation


def _check(design: Design, extra: Mapping[str, int]) -> None:
    where = f"models.{design.spec.name}"
    problems = []
    if design.weights is not None:
        problems.append(
            Problem(
                "config.yaml", f"{where}.weights", "weights", "none: the method has no weighted form", "leave them out"
            )
        )
    other = [effect for effect in design.spec.effects if effect not in ("unit", "period")]
    if "unit" not in design.spec.effects or other:
        found = "[" + ", ".join(design.spec.effects) + "]"
        expected = "unit, or unit and period: a dynamic panel has unit effects"
        problems.append(Problem("config.yaml", f"{where}.effects", found, expected, "effects: [unit, period]"))
    problems += [
        Problem(
            "config.yaml",
            f"{where}.regressor_lags",
            f'"{name}"',
            "a regressor or control of the model",
            did_you_mean(name, design.terms),
        )
        for name in extra
        if name not in design.terms
    ]
    raise_any(problems)
