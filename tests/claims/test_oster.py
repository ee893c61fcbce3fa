"""Coefficient stability on data in which proportional selection holds exactly, so that the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from ruralpanel.claims.robustness import sensitivity


def exact(beta: float, observed: float, unobserved: float, a: float, b: float) -> tuple[np.ndarray, ...]:
    """Outcome, lever, control: orthonormal parts, so that every moment is exact and R_max is one.

    Lever ``a w + b u + e``, outcome ``β x + observed w + unobserved u``: δ = (b / unobserved) / (a / observed).
    """
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(60, 3)))
    w, u, e = basis.T
    x = a * w + b * u + e
    return beta * x + observed * w + unobserved * u, x, w[:, None]


CASES = [(0.5, 1.0, 0.8, 0.4, 0.3), (1.0, 0.6, 0.6, 0.3, 0.3), (-0.7, 1.2, 0.5, 0.5, -0.1), (0.0, 1.0, 1.0, 0.6, 0.2)]


@pytest.mark.parametrize("case", CASES)
def test_proportional_selection_is_undone_exactly(case: tuple[float, ...]) -> None:
    beta, observed, unobserved, a, b = case
    y, x, w = exact(*case)
    move = sensitivity.movement(y, x, w)
    wanted = (b / unobserved) / (a / observed)
    # y is an exact function of the lever, the control and the unobserved part: R_max = 1
    assert sensitivity.delta(move, beta, 1.0) == pytest.approx(wanted, rel=1e-9)
    assert sensitivity.adjusted(move, wanted, 1.0) == pytest.approx(beta, abs=1e-9)


def test_movement_is_that_of_two_regressions() -> None:
    rng = np.random.default_rng(1)
    always, controls, x, y = (
        rng.normal(size=(80, 2)),
        rng.normal(size=(80, 2)),
        rng.normal(size=80),
        rng.normal(size=80),
    )
    move = sensitivity.movement(y, x, controls, always)
    short = np.linalg.lstsq(np.column_stack([x, always]), y, rcond=None)[0]
    long = np.linalg.lstsq(np.column_stack([x, controls, always]), y, rcond=None)[0]
    assert move.short == pytest.approx(short[0]) and move.long == pytest.approx(long[0])

    def left(*columns: np.ndarray) -> float:
        matrix = np.column_stack(columns)
        return float(np.sum((y - matrix @ np.linalg.lstsq(matrix, y, rcond=None)[0]) ** 2))

    base = left(always)
    assert move.r2_short == pytest.approx(1 - left(x, always) / base)
    assert move.r2_long == pytest.approx(1 - left(x, controls, always) / base)


def test_delta_and_estimate_answer_each_other() -> None:
    """The δ for a target leads back to the target, for targets beyond the controlled coefficient."""
    move = sensitivity.Movement(short=0.9, long=0.6, r2_short=0.2, r2_long=0.5, var_y=2.0, var_x=1.0, var_x_net=0.8)
    for target in (0.5, 0.3, 0.0):
        assert sensitivity.adjusted(move, sensitivity.delta(move, target)) == pytest.approx(target, abs=1e-9)
    assert move.r2_max == 0.65
    assert sensitivity.adjusted(move, 0.0) == pytest.approx(0.6)


def test_controls_that_move_the_estimate_away_from_zero_give_a_negative_delta() -> None:
    move = sensitivity.Movement(short=0.4, long=0.6, r2_short=0.2, r2_long=0.5, var_y=2.0, var_x=1.0, var_x_net=0.8)
    found = sensitivity.delta(move)
    assert found is not None and found < 0
    assert sensitivity.adjusted(move) > 0.6


def test_nothing_is_said_where_nothing_is_left_to_explain() -> None:
    move = sensitivity.Movement(short=0.4, long=0.6, r2_short=0.2, r2_long=1.0, var_y=2.0, var_x=1.0, var_x_net=0.8)
    assert sensitivity.delta(move) is None
