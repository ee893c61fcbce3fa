"""Poisson pseudo-maximum likelihood with fixed effects, for counts and outcomes with zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, sparse, special

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import absorbed_space, effect_codes, usable_columns
from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.families.linear import refuse
from ruralpanel.project.notes import Reason, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any

MOST_STEPS = 200

STEP = 1e-11
"""Largest change of the linear index at which the iteration ends."""

LARGEST = 100_000
"""Rows beyond which separation by regressors is not looked for: it takes a linear programme over all of them."""


@dataclass(frozen=True)
class Solution:
    """Where the iteration ends: coefficients, means (n,), regressors net of effects, Pearson residuals (n,)."""

    params: FloatArray
    mean: FloatArray
    x: FloatArray
    residuals: FloatArray
    space: Absorbed


def fit(design: Design) -> Fit:
    """Poisson regression with the effects of `spec.effects` (none: a constant), by iterated weighted least squares.

    ``E[y] = exposure * exp(x b + effects)``; only the mean has to be right, the outcome need not be a count
    (Gourieroux, Monfort and Trognon 1984). Option ``exposure``: what the outcome is counted per. Rows that say nothing
    are left out and counted: alone in a level of an effect, in a level that has zeros only, or separated from the
    others by the regressors (Correia, Guimarães and Zylkin 2021). `residuals` of the fit are Pearson's, so that
    classical errors are those of a quasi-Poisson model, and `x` the weighted regressors of the last step, net of
    effects, by which CR2 and CR3 correct as in least squares (McCaffrey and Bell 2006).

    Raises
    ------
    UserError
        Negative outcomes, an exposure that is not positive, terms that the data cannot tell apart, too few rows, or no
        convergence.
    """
    where = f"models.{design.spec.name}"
    exposure = np.ones(design.y.size) if design.extra.exposure is None else design.extra.exposure
    problems = []
    if (design.y < 0).any():
        below = f"{int((design.y < 0).sum())} negative values of {design.spec.outcome}"
        problems.append(
            Problem(CONFIGURATION, f"{where}.outcome", below, "counts or amounts, zero or more", "not logs")
        )
    if (exposure <= 0).any():
        below = f"{int((exposure <= 0).sum())} values that are not positive"
        problems.append(Problem(CONFIGURATION, f"{where}.exposure", below, "an exposure above zero"))
    raise_any(problems)
    rows, dropped = _informative(design)
    kept, reasons = _usable(design, rows)
    apart = separated(design, rows, kept) if rows.size <= LARGEST else np.zeros(rows.size, dtype=bool)
    if apart.any():
        dropped["separated_by_regressors"] = int(apart.sum())
        rows, more = _informative(design, rows[~apart])
        for reason, count in more.items():
            dropped[reason] = dropped.get(reason, 0) + count
        kept, reasons = _usable(design, rows)
    terms = tuple(design.terms[j] for j in kept)
    _need_rows(design, rows, len(terms))
    offset = np.log(exposure[rows])
    solution = solve(design, rows, design.x[rows][:, list(kept)], offset)
    df = rows.size - len(terms) - solution.space.rank
    y = design.y[rows]
    weights = np.ones(rows.size) if design.weights is None else design.weights[rows] / design.weights[rows].mean()
    zeros = int((y == 0).sum())
    notes = tuple(note("left_out", term=term, reason=reason) for term, reason in reasons.items())
    if rows.size > LARGEST and zeros:
        notes += (note("separation_not_looked_for", rows=int(rows.size)),)
    constant = np.exp(offset) * (weights @ y) / (weights @ np.exp(offset))
    return Fit(
        terms=terms,
        params=solution.params,
        rows=rows,
        residuals=solution.residuals,
        bread=np.asarray(np.linalg.inv(solution.x.T @ solution.x)),
        scores=solution.x * solution.residuals[:, None],
        x=solution.x,
        df_resid=float(df),
        n_absorbed=solution.space.rank,
        absorbed=tuple(design.spec.effects),
        fit={
            "deviance": _deviance(y, solution.mean, weights),
            "pseudo_r2": 1.0 - _deviance(y, solution.mean, weights) / _deviance(y, constant, weights),
            "log_likelihood": float(
                weights @ (special.xlogy(y, solution.mean) - solution.mean - special.gammaln(y + 1.0))
            ),
            "dispersion": float(solution.residuals @ solution.residuals) / df,
        },
        notes=notes,
        n_dropped=dropped,
        extra=Parts(zeros=zeros),
        space=solution.space,
    )


def solve(design: Design, rows: IntArray, x: FloatArray, offset: FloatArray) -> Solution:
    """Iterate weighted least squares of the working outcome on `x` (n, k) and the effects until the index stands still.

    Raises
    ------
    UserError
        No convergence: some mean goes to zero or infinity.
    """
    y = design.y[rows]
    weights = np.ones(rows.size) if design.weights is None else design.weights[rows] / design.weights[rows].mean()
    rate = (weights @ y) / (weights @ np.exp(offset))
    mean = 0.5 * (y + rate * np.exp(offset))
    index = np.log(mean)
    for _ in range(MOST_STEPS):
        root = np.sqrt(weights * mean)
        space = absorbed_space(design, design.spec.effects, rows, root)
        working = index - offset + (y - mean) / mean
        x_net, working_net = space.residuals(x * root[:, None]), space.residuals(working * root)
        q, r = np.linalg.qr(x_net)
        params = np.linalg.solve(r, q.T @ working_net)
        following = offset + working - (working_net - x_net @ params) / root
        change = float(np.abs(following - index).max())
        # a start far from the optimum may overshoot: steps of more than a few units of the index are cut
        index = index + (following - index) * min(1.0, 5.0 / max(change, 1e-300))
        mean = np.exp(index)
        if not np.isfinite(mean).all():
            break
        if change < STEP * max(1.0, float(np.abs(index).max())):
            return Solution(params, mean, x_net, (y - mean) * np.sqrt(weights / mean), space)
    raise UserError(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}",
            f"no convergence in {MOST_STEPS} steps: some mean goes to zero or without bound",
            "regressors and effects that do not fit some outcomes perfectly",
            "use fewer terms or coarser effects",
        )
    )


def separated(design: Design, rows: IntArray, kept: tuple[int, ...]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n,) whether a zero is separated: a combination of regressors and effects is positive there, nowhere negative at
    a zero, and zero wherever the outcome is positive, so that no finite coefficients maximise the likelihood.

    A linear programme, repeated without the rows found until there are none.
    """
    y = design.y[rows]
    apart = np.zeros(rows.size, dtype=bool)
    parts = [sparse.csr_array(_standardised(design.x[rows][:, list(kept)]))]
    for effect in design.spec.effects:
        codes = np.unique(effect_codes(design, effect)[rows], return_inverse=True)[1]
        parts.append(sparse.csr_array((np.ones(rows.size), (np.arange(rows.size), codes))))
    if not design.spec.effects:
        parts.append(sparse.csr_array(np.ones((rows.size, 1))))
    columns = sparse.csr_array(sparse.hstack(parts, format="csr"))
    fixed = columns[np.flatnonzero(y > 0)]
    while True:
        free = np.flatnonzero((y == 0) & ~apart)
        if not free.size:
            return apart
        at_zeros = columns[free]
        result = optimize.linprog(
            -np.asarray(at_zeros.sum(axis=0)).ravel(),
            A_ub=sparse.vstack([at_zeros, -at_zeros]),
            b_ub=np.concatenate([np.ones(free.size), np.zeros(free.size)]),
            A_eq=fixed,
            b_eq=np.zeros(fixed.shape[0]),
            bounds=(None, None),
            method="highs",
        )
        if result.x is None:
            return apart
        positive = at_zeros @ result.x > 1e-6
        if not positive.any():
            return apart
        apart[free[positive]] = True


def _standardised(x: FloatArray) -> FloatArray:
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _informative(design: Design, rows: IntArray | None = None) -> tuple[IntArray, dict[str, int]]:
    """Rows that are neither alone in a level of an effect nor in one that has zeros only, and how many are."""
    kept = np.arange(design.y.size) if rows is None else rows
    dropped: dict[str, int] = {}
    while kept.size:
        alone = np.zeros(kept.size, dtype=bool)
        empty = np.zeros(kept.size, dtype=bool)
        for effect in design.spec.effects:
            codes = np.unique(effect_codes(design, effect)[kept], return_inverse=True)[1]
            empty |= np.bincount(codes, weights=design.y[kept])[codes] == 0
            alone |= np.bincount(codes)[codes] == 1
        alone &= ~empty
        for reason, which in (("only_zeros_in_level", empty), ("singletons", alone)):
            if which.any():
                dropped[reason] = dropped.get(reason, 0) + int(which.sum())
        if not (alone | empty).any():
            break
        kept = kept[~(alone | empty)]
    return kept.astype(np.intp), dropped


def _usable(design: Design, rows: IntArray) -> tuple[tuple[int, ...], dict[str, Reason]]:
    """Columns of `x` that the effects do not absorb and that are not collinear, and why others are not."""
    space = absorbed_space(design, design.spec.effects, rows, None)
    raw = design.x[rows]
    kept, reasons = usable_columns(raw, space.residuals(raw), design.terms, tuple(design.spec.effects), space.root)
    refuse(design, reasons)
    return kept, reasons


def _need_rows(design: Design, rows: IntArray, terms: int) -> None:
    rank = absorbed_space(design, design.spec.effects, rows, None).rank if rows.size else 0
    if terms < 1 or rows.size - terms - rank < 1:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}",
                f"{rows.size} rows that say something for {terms} terms and {rank} effects and constants",
                f"at least {max(terms, 1) + rank + 1} rows and one term",
                "use a longer panel, a wider sample or fewer terms",
            )
        )


def _deviance(y: FloatArray, mean: FloatArray, weights: FloatArray) -> float:
    """Twice the log-likelihood ratio of a perfect fit to `mean`."""
    return float(2.0 * weights @ (special.xlogy(y, y) - special.xlogy(y, mean) - (y - mean)))
