"""How strong would selection on what is not observed have to be? Oster's (2019) δ and bias-adjusted coefficient.

The coefficient moves from β̇ (R² Ṙ) to β̃ (R̃) as controls come in. If unobserved variables are δ times as strongly
related to the lever as the controls are, and would bring R² to R_max, the coefficient they leave is β*. Formulas:
E. Oster, "Unobservable selection and coefficient stability", Journal of Business & Economic Statistics 37 (2019),
187–204, propositions 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimators import scaling
from ruralpanel.estimators.base import FloatArray

MULTIPLE = 1.3
"""Oster's proposal for R_max: this multiple of R̃, one at most."""


@dataclass(frozen=True)
class Movement:
    """A coefficient without and with controls.

    Attributes
    ----------
    short, long : the coefficients β̇ and β̃. r2_short, r2_long : Ṙ and R̃.
    var_y, var_x : variances of outcome and lever. var_x_net : of what the controls leave of the lever.
    """

    short: float
    long: float
    r2_short: float
    r2_long: float
    var_y: float
    var_x: float
    var_x_net: float

    @property
    def r2_max(self) -> float:
        """R_max by Oster's rule."""
        return min(1.0, MULTIPLE * self.r2_long)


def movement(y: FloatArray, x: FloatArray, controls: FloatArray, always: FloatArray | None = None) -> Movement:
    """The movement of the coefficient of `x` (n,) as `controls` (n, c) join.

    Parameters
    ----------
    always : (n, a) columns in both regressions; they, and everything removed beforehand (effects, constant), are
        partialled out, and R² is of what they leave.
    """
    own = np.column_stack([y, x, controls])
    if always is not None and always.shape[1]:
        own = own - always @ scaling.least_squares(always, own)
    y, x, controls = own[:, 0], own[:, 1], own[:, 2:]
    n = y.size
    short = float(x @ y / (x @ x))
    both = np.column_stack([x, controls])
    coefficients = scaling.least_squares(both, y)
    left = y - both @ coefficients
    net = x - controls @ scaling.least_squares(controls, x)
    whole = float(y @ y)
    return Movement(
        short=short,
        long=float(coefficients[0]),
        r2_short=short**2 * float(x @ x) / whole,
        r2_long=1.0 - float(left @ left) / whole,
        var_y=whole / n,
        var_x=float(x @ x) / n,
        var_x_net=float(net @ net) / n,
    )


def delta(move: Movement, target: float = 0.0, r2_max: float | None = None) -> float | None:
    """δ for which the coefficient would be `target`; None where it is not defined (R_max at or below R̃)."""
    top = move.r2_max if r2_max is None else r2_max
    gap = move.long - target
    known, unknown = _explained(move, top)
    change = move.short - move.long
    v, net = move.var_x, move.var_x_net
    cubic = gap**3 * (net * v - net**2)
    numerator = gap * known * net + gap * v * net * change**2 + 2.0 * gap**2 * net * change * v + cubic
    denominator = unknown * change * v + gap * unknown * (v - net) + gap**2 * net * change * v + cubic
    if unknown <= 0.0 or denominator == 0.0:
        return None
    return float(numerator / denominator)


def adjusted(move: Movement, proportion: float = 1.0, r2_max: float | None = None) -> float | None:
    """The coefficient β* that selection on unobserved variables of this δ leaves; None where there is none.

    Of the roots of Oster's equation the one nearest to β̃ is taken among those that continue the movement from β̇ to β̃,
    as in her program psacalc; where none continues it, the nearest.
    """
    top = move.r2_max if r2_max is None else r2_max
    known, unknown = _explained(move, top)
    change = move.short - move.long
    v, net = move.var_x, move.var_x_net
    equation = [
        (1.0 - proportion) * (net * v - net**2),
        (2.0 - proportion) * net * change * v,
        known * net + v * net * change**2 - proportion * unknown * (v - net),
        -proportion * unknown * change * v,
    ]
    roots = np.roots(np.trim_zeros(equation, "f"))
    real = [float(root.real) for root in roots if abs(root.imag) <= 1e-9 * (1.0 + abs(root))]
    kept = [bias for bias in real if bias * change > 0] or real
    return move.long - min(kept, key=abs) if kept else None


def _explained(move: Movement, r2_max: float) -> tuple[float, float]:
    """Variance of the outcome that the controls explain, and that unobserved variables would."""
    return (move.r2_long - move.r2_short) * move.var_y, (r2_max - move.r2_long) * move.var_y
