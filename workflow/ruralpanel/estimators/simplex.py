"""Least squares with weights that are not negative and sum to one."""

from __future__ import annotations

import numpy as np

from ruralpanel.estimators import scaling
from ruralpanel.estimators.base import FloatArray

STEPS = 10_000

MANY = 60
"""Weights beyond which the active set is first looked for in blocks."""


def least_squares(a: FloatArray, b: FloatArray, ridge: float = 0.0, intercept: bool = False) -> FloatArray:
    """Weights w (k,) that minimise ``|a w + c − b|² / m + ridge |w|²`` over the simplex, c free where `intercept`.

    Parameters
    ----------
    a : (m, k). b : (m,). ridge : penalty; above zero it makes the weights unique.

    Exact active-set method: weights enter one at a time by the gradient and leave where a step would make them negative
    (Lawson and Hanson 1974, with the constraint on the sum), so that the result depends on no tolerance of convergence.
    """
    if intercept:
        a, b = a - a.mean(axis=0), b - b.mean()
    m, k = a.shape
    gram = a.T @ a / m + ridge * np.eye(k)
    target = a.T @ b / m
    size = scaling.scales(np.array([1.0, float(np.abs(gram).max()) or 1.0]))[1]
    gram, target = gram / size, target / size
    small = 1e-12 * max(float(np.abs(gram).max()), float(np.abs(target).max()))
    w = np.zeros(k)
    active = _by_blocks(gram, target, small) if k > MANY else []
    if active:
        w[active] = np.maximum(_on_face(gram, target, active)[0], 0.0)
    else:
        first = int(np.argmin(np.diag(gram) / 2.0 - target))
        w[first] = 1.0
        active = [first]
    for _ in range(STEPS):
        step, price = _on_face(gram, target, active)
        if np.all(step >= 0.0):
            w = np.zeros(k)
            w[active] = step
            gradient = gram @ w - target - price
            gradient[active] = 0.0
            entering = int(np.argmin(gradient))
            if gradient[entering] >= -small:
                return w
            active = sorted([*active, entering])
            continue
        present = w[active]
        falling = step < 0.0
        reach = np.min(present[falling] / (present[falling] - step[falling]))
        moved = present + reach * (step - present)
        w = np.zeros(k)
        w[active] = np.maximum(moved, 0.0)
        gone = falling & (moved <= 1e-15 + 1e-12 * float(present.max()))
        active = [j for j, out in zip(active, gone, strict=True) if not out]
    raise ArithmeticError("weights on the simplex did not settle")


def _by_blocks(gram: FloatArray, target: FloatArray, small: float) -> list[int]:
    """The active set, found by exchanging all weights on the wrong side at once; empty where that does not settle.

    Block principal pivoting (Portugal, Júdice and Vicente 1994): a few systems instead of one for each weight.
    """
    inside = np.ones(target.size, dtype=bool)
    for _ in range(50):
        active = np.flatnonzero(inside).tolist()
        step, price = _on_face(gram, target, active)
        w = np.zeros(target.size)
        w[active] = step
        leaving = inside & (w < 0.0)
        entering = ~inside & (gram @ w - target - price < -small)
        if not leaving.any() and not entering.any():
            return active
        inside = (inside & ~leaving) | entering
        if not inside.any():
            break
    return []


def _on_face(gram: FloatArray, target: FloatArray, active: list[int]) -> tuple[FloatArray, float]:
    """Minimum with the active weights free and summing to one, and the price of the constraint."""
    size = len(active)
    system = np.zeros((size + 1, size + 1))
    system[:size, :size] = gram[np.ix_(active, active)]
    system[:size, size] = system[size, :size] = 1.0
    right = np.append(target[active], 1.0)
    try:
        solution = np.linalg.solve(system, right)
    except np.linalg.LinAlgError:
        solution = np.linalg.lstsq(system, right, rcond=None)[0]
    return solution[:size], -float(solution[size])
