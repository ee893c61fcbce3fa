"""What data and residuals say of an estimate: terms nearly alike, who carries it, Moran's I of its residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import demean
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.model import AboutMoran, Collinearity, Influence, MoranOfPeriod, RowLeverage
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.estimators import estimator
from ruralpanel.estimate.inference import covariance
from ruralpanel.estimate.inference.cluster import adjusted_rows
from ruralpanel.estimate.inference.error_process import error_process, least_squares
from ruralpanel.estimate.inference.romano_wolf import is_least_squares
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.places.autocorrelation import two_sided
from ruralpanel.estimate.places.weights import standardised
from ruralpanel.project.kinds.estimators import FE
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

EXACT = 1e-9
"""Share of the outcome's length below which residuals are rounding errors."""

NEARLY = 1e-4
"""Smallest singular value of the terms' columns, in the largest, below which a note names those that are alike."""

SIZES = (1e-50, 1e50)
"""Sizes of outcomes and of what instruments explain whose fourth powers, which tests take, are numbers."""

FAR = 1e-6
"""Standard deviation of an outcome, in its mean, below which what varies may drown in rounding."""

LITTLE = "the equations of this estimator have no solution to that precision"


def fitted(design: Design) -> Fit:
    """The fit; equations without a solution are a matter of the data and said in words.

    Raises
    ------
    UserError
        Terms that are nearly collinear, an outcome that they explain entirely, or one too small, too large or too far
        from zero for what varies.
    """
    _need_size(design)
    try:
        return estimator(design.spec.estimator, design.spec.name)(design)
    except (np.linalg.LinAlgError, ArithmeticError, ValueError) as error:
        where = f"models.{design.spec.name}"
        y, x, names = _net(design)
        alike = nearly_alike(x, names)
        if alike:
            fix = "leave one out, or take its difference from the other"
            raise UserError(Problem(CONFIGURATION, where, f"{alike}: {LITTLE}", "terms that differ", fix)) from error
        left = y - x @ scaling.least_squares(x, y) if x.shape[1] else y
        if np.linalg.norm(left) <= EXACT * np.linalg.norm(y):
            found = f'a perfect fit: "{design.spec.outcome}" is a sum of its terms and effects'
            expected = "an outcome that they do not determine"
            fix = "leave the part of the outcome out of its terms"
            raise UserError(Problem(CONFIGURATION, where, found, expected, fix)) from error
        mean, sd = abs(float(design.y.mean())), float(design.y.std())
        if sd < FAR * mean:
            found = f'"{design.spec.outcome}" has a mean of {mean:.3g} and a standard deviation of {sd:.3g}: {LITTLE}'
            fix = "subtract a number of the size of the mean in a formula"
            raise UserError(Problem(CONFIGURATION, where, found, "an outcome that varies more", fix)) from error
        raise


def _need_size(design: Design) -> None:
    columns = {design.spec.outcome: design.y}
    for more in (design.extra.endogenous, design.extra.instruments):
        columns |= dict(zip(more.terms, more.columns.T, strict=True))
    sizes = {name: float(np.max(np.abs(column), initial=0.0)) for name, column in columns.items()}
    beyond = [name for name, size in sizes.items() if size and not SIZES[0] <= size <= SIZES[1]]
    if beyond:
        found = " and ".join(f'"{name}" reaches {sizes[name]:.3g}' for name in beyond)
        expected = f"figures between {SIZES[0]:.0e} and {SIZES[1]:.0e}: their powers leave the range of numbers"
        where = f"models.{design.spec.name}"
        raise UserError(Problem(CONFIGURATION, where, found, expected, "state them in another measure"))


def _net(design: Design) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Outcome (n,), terms and endogenous regressors (n, k) net of effects or a constant, and names of the latter."""
    endogenous = design.extra.endogenous
    columns = np.column_stack([design.y, design.x, *endogenous.columns.T])
    effects = tuple(effect for effect in design.spec.effects if effect in ("unit", "period", *design.clusters))
    net = demean(design, columns, effects) if effects else columns - columns.mean(axis=0)
    return net[:, 0], net[:, 1:], (*design.terms, *endogenous.terms)


def nearly_alike(x: FloatArray, names: tuple[str, ...]) -> str:
    """``a and b are alike to 5 digits`` where the columns (n, k), net of effects, are nearly collinear; else empty."""
    length = np.linalg.norm(x, axis=0)
    filled = np.flatnonzero(length > 0)
    if filled.size < 2:
        return ""
    values, vectors = np.linalg.svd(x[:, filled] / length[filled], full_matrices=False)[1:]
    share = float(values[-1] / values[0])
    if share > NEARLY:
        return ""
    involved = [names[j] for j, part in zip(filled, vectors[-1], strict=True) if abs(part) > 0.1]
    return f"{' and '.join(involved)} are alike to {int(-np.log10(max(share, 1e-16)))} digits"


def alike_notes(design: Design, fit: Fit) -> tuple[Note, ...]:
    """A note that names terms which are nearly collinear."""
    alone = design.spec.estimator == FE and fit.terms == design.terms and fit.rows.size == design.y.size
    if alone and fit.x is not None and design.weights is None:
        alike = nearly_alike(fit.x, fit.terms)
    else:
        alike = nearly_alike(*_net(design)[1:])
    return (note("nearly_alike", alike=alike),) if alike else ()


def is_perfect(design: Design, fit: Fit) -> bool:
    """Whether the terms and effects leave nothing of the outcome but rounding errors."""
    if not np.any(fit.residuals) or fit.residuals.shape != fit.rows.shape:
        return False
    used = design.y[fit.rows] if fit.y is None else fit.y
    return bool(np.linalg.norm(fit.residuals) <= EXACT * np.linalg.norm(used - used.mean()))


MOST_UNITS = 60
"""Units of which influence is listed; of more, those with the largest."""

MOST_EXACT = 10_000
"""Units up to which what leaving one out does is exact; of more, each has so little leverage that it is left aside."""

MOST_ROWS = 5
"""Rows of which leverage is listed."""


def influence(design: Design, fit: Fit) -> Influence:
    """Share of the leverage, and the change of each coefficient, by unit; empty where the fit is not least squares.

    What leaving a unit out does is exact, effects included, up to `MOST_EXACT` units.
    """
    if not is_least_squares(fit):
        return Influence()
    assert fit.x is not None
    codes = compact(design.unit_codes[fit.rows])
    groups = int(codes.max()) + 1
    if groups < 2 or np.bincount(codes).max() > 3000:
        return Influence()
    leverage = np.einsum("ij,jk,ik->i", fit.x, fit.bread, fit.x)
    rows = fit.x if groups > MOST_EXACT else adjusted_rows(fit, design, codes, -1.0)
    change = group_sums(rows * fit.residuals[:, None], codes) @ fit.bread
    scaled = change / np.sqrt(np.sum(change**2, axis=0))
    names = np.asarray(design.units, dtype=object)[np.unique(design.unit_codes[fit.rows])]
    order = np.arange(groups)
    if groups > MOST_UNITS:
        order = np.sort(np.argsort(-np.abs(scaled).max(axis=1), kind="stable")[:MOST_UNITS])
    return Influence(
        units=tuple(str(names[i]) for i in order),
        leverage=tuple((np.bincount(codes, weights=leverage) / len(fit.terms))[order].tolist()),
        dfbeta={term: tuple(change[order, j].tolist()) for j, term in enumerate(fit.terms)},
        dfbetas={term: tuple(scaled[order, j].tolist()) for j, term in enumerate(fit.terms)},
        effective_units=dict(zip(fit.terms, effective_units(fit, codes).tolist(), strict=True)),
        rows=_rows(design, fit, leverage),
        most_influential={term: str(names[int(np.argmax(np.abs(change[:, j])))]) for j, term in enumerate(fit.terms)},
    )


def effective_units(fit: Fit, codes: IntArray) -> FloatArray:
    """Effective number of clusters (k,) of each coefficient: G / (1 + squared coefficient of variation of γ).

    γ of a cluster is the sum of squares of the coefficient's regressor, net of all others, within it: its share of the
    variance under equal independent errors (Carter, Schnepel and Steigerwald 2017, with ρ = 0). Far fewer than there
    are clusters: CR1 errors are too small.
    """
    assert fit.x is not None
    share = group_sums((fit.x @ fit.bread) ** 2, codes)
    return np.asarray(share.shape[0] / (1.0 + np.var(share, axis=0) / np.mean(share, axis=0) ** 2))


def collinearity(fit: Fit) -> Collinearity:
    """How far the terms move together once effects are removed; empty where the fit is not least squares."""
    if fit.x is None or not fit.x.shape[1]:
        return Collinearity()
    length = np.sqrt(np.sum(fit.x**2, axis=0))
    scaled = fit.x / length
    inverse = fit.bread * np.outer(length, length)
    inflation = np.diag(inverse)
    correlation = np.abs(scaled.T @ scaled)
    partners = {
        term: tuple(
            fit.terms[i] for i in np.argsort(-correlation[j], kind="stable") if i != j and correlation[i, j] > 0.5
        )
        for j, term in enumerate(fit.terms)
        if inflation[j] > 10.0
    }
    values = np.linalg.svd(scaled, compute_uv=False)
    return Collinearity(dict(zip(fit.terms, inflation.tolist(), strict=True)), partners, float(values[0] / values[-1]))


def _rows(design: Design, fit: Fit, leverage: FloatArray) -> tuple[RowLeverage, ...]:
    rounded = np.round(leverage, 10)  # rounding error must not order equal ones
    last = max(rounded.size - MOST_ROWS, 0)
    largest = np.flatnonzero(rounded >= np.partition(rounded, last)[last])
    order = largest[np.argsort(-rounded[largest], kind="stable")][:MOST_ROWS]
    return tuple(
        RowLeverage(
            design.units[design.unit_codes[fit.rows[i]]],
            int(design.periods[design.period_codes[fit.rows[i]]]),
            float(leverage[i]),
        )
        for i in order
    )


DRAWS = 999

LEAST_DRAWS = 99

MOST_NUMBERS = 4_000_000
"""Rows × draws beyond which there are fewer draws, down to `LEAST_DRAWS`."""

MOST_ROWS_FOR_MORAN = 400_000


@dataclass(frozen=True)
class ResidualMoran:
    """Moran's I of a model's residuals over all periods, and what stands beside it."""

    test: Test
    about: AboutMoran


def moran_of_residuals(design: Design, fit: Fit, seed: int, draws: int = DRAWS) -> ResidualMoran | None:
    """Moran's I of the residuals of a least-squares fit whose model names a weights matrix; None for others.

    Residuals are no errors: regressors and effects pull them apart, and years of a unit are alike. The reference is
    therefore simulated: panels of errors autocorrelated as the model's, but independent between units, give residuals
    of the same model, whose Moran's I are compared with the model's own. p-values are twice the smaller tail, the
    sample counted. Deviations are from the period's mean, weights among the units that are there, scaled anew.
    """
    whole, about = design.extra.weights_matrix, design.extra.weights_about
    if whole is None or not is_least_squares(fit) or np.unique(fit.rows).size < fit.rows.size:
        return None
    draws = min(draws, max(LEAST_DRAWS, MOST_NUMBERS // fit.rows.size))
    units = compact(design.unit_codes[fit.rows])
    alone = units.max() + 1 == units.size
    periods = np.zeros(units.size, dtype=np.intp) if alone else compact(design.period_codes[fit.rows])
    weights, total = _weights(whole, about.standardise, design, fit, periods)
    if fit.rows.size > MOST_ROWS_FOR_MORAN or not (total > 0).any():
        return None
    space = covariance.space_of(fit, design)
    rng = generator(seed, design.spec.name, "moran")
    drawn = error_process(fit, design, space, rng).draw(draws, rng)
    columns = np.column_stack([fit.residuals, least_squares(fit, space, drawn)[1]])
    columns = columns if space.root is None else columns / space.root[:, None]
    every, each = _statistics(columns, weights, total, periods)
    about_it = note("moran_simulated", matrix=about.name, panels=draws)
    labels = np.unique(design.period_codes[fit.rows])
    by_period = [
        MoranOfPeriod(
            period=None if alone else int(design.periods[labels[t]]),
            units=int(np.sum(periods == t)),
            statistic=float(each[t, 0]),
            expected=float(each[t, 1:].mean()),
            p_value=two_sided(each[t, 1:], float(each[t, 0])),
        )
        for t in np.flatnonzero(total > 0)
    ]
    test = Test(float(every[0]), None, two_sided(every[1:], float(every[0])), (about_it,))
    return ResidualMoran(test, AboutMoran(about, draws, float(every[1:].mean()), tuple(by_period)))


def _weights(
    whole: sparse.csr_array, scale: str, design: Design, fit: Fit, periods: IntArray
) -> tuple[sparse.csr_array, FloatArray]:
    """Weights (m, m) between rows of one period, and their sum in each period."""
    units, m = design.unit_codes[fit.rows], fit.rows.size
    total = np.zeros(int(periods.max()) + 1)
    parts: list[sparse.coo_array] = []
    for t in range(total.size):
        rows = np.flatnonzero(periods == t)
        block = sparse.csr_array(whole[units[rows]][:, units[rows]])
        if not block.nnz:
            continue
        part = sparse.coo_array(standardised(block, scale))
        total[t] = part.sum()
        parts.append(sparse.coo_array((part.data, (rows[part.row], rows[part.col])), shape=(m, m)))
    if not parts:
        return sparse.csr_array((m, m)), total
    rows, columns, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "col", "data"))
    return sparse.csr_array((values, (rows, columns)), shape=(m, m)), total


def _statistics(
    values: FloatArray, weights: sparse.csr_array, total: FloatArray, periods: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Moran's I over all periods (columns,) and of each (periods, columns) of the columns of `values` (m, columns)."""
    groups = sparse.csr_array((np.ones(periods.size), (periods, np.arange(periods.size))))
    counts = np.asarray(groups.sum(axis=1))
    z = values - ((groups @ values) / counts[:, None])[periods]
    products, squares = groups @ (z * (weights @ z)), groups @ (z * z)
    used = total > 0
    every = counts[used].sum() / total.sum() * products[used].sum(axis=0) / squares[used].sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = counts[:, None] / total[:, None] * products / squares
    return np.asarray(every), np.asarray(each)
