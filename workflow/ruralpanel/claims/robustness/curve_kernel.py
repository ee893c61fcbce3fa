"""Thousands of least-squares regressions on one panel, each a sub-matrix of products that many of them share.

Columns are demeaned once per cell (sample, rows without missing figures, effects, weights); one Gram matrix of all
columns serves every specification of the cell, solved in batches of equal size; scores are summed by unit for errors
clustered by unit (CR1, t with G − 1 degrees of freedom). Where columns are nearly collinear the specification is
solved by an orthogonal decomposition instead, by the rule of the main estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular

from ruralpanel.claims.designs import smallest_effect
from ruralpanel.claims.numbers import VariableStats
from ruralpanel.claims.robustness.curve_data import Cell, CurveData, cells, steps_of
from ruralpanel.claims.robustness.curve_plan import Specification
from ruralpanel.claims.verdicts import change_that_matters
from ruralpanel.estimate.base.effects import usable_columns
from ruralpanel.estimate.base.results import FloatArray, IntArray
from ruralpanel.estimate.inference import covariance, validity
from ruralpanel.estimate.inference.covariance import critical_values, p_values
from ruralpanel.estimate.spread import TINY
from ruralpanel.project.sections.configuration import SmallestEffect

CLEAR = 1e-4
"""Share of a column that the others must leave for the Gram matrix to be solved directly: errors then stay below
1e-11 of the estimate."""

CELLS = 4_000_000
"""Numbers held at once by a batch."""

NO_ROWS = "no_rows"
FEW_UNITS = "few_units"
FEW_ROWS = "few_rows"
ABSORBED = "term_absorbed"
COLLINEAR = "collinear"
FLAT = "outcome_absorbed"


@dataclass(frozen=True)
class Matters:
    """The smallest effect that matters: as a claim declares it, its ``value`` aside; `logs`: outcomes in logarithms."""

    declared: SmallestEffect
    logs: frozenset[str] = frozenset()

    def delta(self, cell: Cell, spec: Specification) -> float:
        """In units of a specification's coefficient, for the spreads of its cell."""
        change = change_that_matters(self.declared, spec.outcome in self.logs, cell.net_sd(spec.outcome))
        spreads = {}
        for factor in spec.term.split(":"):
            sd, net = float(cell.spreads[0][cell.names[factor]]), cell.net_sd(factor)
            spreads[factor] = VariableStats(factor, sd=sd, sd_within=net if net > TINY * sd else None)
        delta, _ = smallest_effect(self.declared, change, spec.term, spreads)
        return np.nan if delta is None else delta


@dataclass(frozen=True)
class Batch:
    """Specifications of one cell with equally many columns, solved.

    Attributes
    ----------
    members : (m,) positions in the plan. x : (m, k, n) net columns of length one, the followed one first.
    bread : (m, k, k) inverse products. params : (m, k). z : (m, n), ``z @ y`` is the followed coefficient.
    residuals : (m, n). scale : (m,), followed coefficient × scale is in the variables' own units.
    standard : (m,), followed coefficient × standard is in standard deviations (see `Estimates`).
    factor : (m,) small-sample factors.
    """

    cell: Cell
    members: IntArray
    x: FloatArray
    bread: FloatArray
    params: FloatArray
    z: FloatArray
    residuals: FloatArray
    scale: FloatArray
    standard: FloatArray
    factor: FloatArray

    @property
    def std_error(self) -> FloatArray:
        """(m,) clustered errors of the followed coefficient, net columns of length one."""
        scores = np.add.reduceat(self.z * self.residuals, self.cell.starts, axis=1)
        return np.asarray(np.sqrt(self.factor * np.sum(scores**2, axis=1)))

    def parts(self, size: int) -> Iterator[Batch]:
        """The batch in parts of at most `size` specifications."""
        arrays = {key: value for key, value in vars(self).items() if hasattr(value, "shape")}
        for start in range(0, self.members.size, size):
            yield replace(self, **{key: value[start : start + size] for key, value in arrays.items()})


@dataclass(frozen=True)
class Estimates:
    """Followed coefficients of the specifications that could be estimated.

    Attributes
    ----------
    members : (s,) positions in the plan, ascending; everything else (s,).
    standardised : standard deviations of the outcome for one of the lever's within units (over all rows where it does
        not vary within; an interaction's: times one of the moderator over all rows).
    in_delta : multiples of the smallest effect that matters, by the claims' rule (`designs.smallest_effect`).
    reasons : position → why a specification was not estimated.
    """

    members: IntArray
    estimate: FloatArray
    std_error: FloatArray
    p_value: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray
    standardised: FloatArray
    in_delta: FloatArray
    n_obs: IntArray
    n_units: IntArray
    n_periods: IntArray
    reasons: dict[int, str]

    def counted(self) -> dict[str, int]:
        """How many specifications each reason left out."""
        counts: dict[str, int] = {}
        for reason in self.reasons.values():
            counts[reason] = counts.get(reason, 0) + 1
        return counts


def estimate_curve(
    data: CurveData,
    specifications: Sequence[Specification],
    smallest: SmallestEffect | None = None,
    logs: Collection[str] = (),
    watch: Sequence[Callable[[Batch], None]] = (),
) -> Estimates:
    """Estimate every specification.

    Parameters
    ----------
    smallest : the smallest effect that matters as a claim declares it. logs : outcomes that are logarithms.
    watch : what else asks for each solved batch, of which only one is held at a time.

    Equal to `families.linear.fe` (pooled without effects) with errors clustered by unit, to rounding.
    """
    reasons = dict.fromkeys(range(len(specifications)), NO_ROWS)
    parts: list[tuple[FloatArray | IntArray, ...]] = []
    matters = Matters((smallest or SmallestEffect()).model_copy(update={"value": None}), frozenset(logs))
    for batch in batches(data, specifications, reasons):
        for look in watch:
            look(batch)
        size = batch.members.size
        cell = batch.cell
        periods = np.unique(data.codes["period"][cell.rows]).size
        b, error = batch.params[:, 0], batch.std_error
        counts = [np.full(size, value) for value in (cell.rows.size, cell.n_units, periods)]
        estimate, delta = b * batch.scale, [matters.delta(cell, specifications[i]) for i in batch.members.tolist()]
        parts.append(
            (batch.members, estimate, error * batch.scale, b * batch.standard, estimate / np.array(delta), *counts)
        )
        for position in batch.members.tolist():
            del reasons[position]
    joined = [np.concatenate(columns) for columns in zip(*parts, strict=True)] if parts else [np.zeros(0)] * 8
    order = np.argsort(joined[0])
    members, b, error, standardised, in_delta, n_obs, n_units, n_periods = (column[order] for column in joined)
    df = n_units.astype(float) - 1.0
    reach = critical_values(df) * error
    return Estimates(
        members=members.astype(np.intp),
        estimate=b,
        std_error=error,
        p_value=p_values(b / error, df),
        ci_low=b - reach,
        ci_high=b + reach,
        standardised=standardised,
        in_delta=in_delta,
        n_obs=n_obs.astype(np.intp),
        n_units=n_units.astype(np.intp),
        n_periods=n_periods.astype(np.intp),
        reasons=reasons,
    )


def batches(
    data: CurveData, specifications: Sequence[Specification], reasons: dict[int, str] | None = None
) -> Iterator[Batch]:
    """Solve the specifications cell by cell; why one cannot be is written to `reasons` by its position."""
    why: dict[int, str] = {} if reasons is None else reasons
    for cell in cells(data, specifications):
        if cell.n_units < validity.MIN_CLUSTERS["CR1"]:
            why |= dict.fromkeys(cell.members, FEW_UNITS)
            continue
        by_size: dict[int, list[tuple[int, list[int]]]] = {}
        for position in cell.members:
            spec = specifications[position]
            terms = [cell.names[term] for term in spec.terms]
            steps = [cell.names[step] for step in steps_of(data, spec)]
            if cell.absorbed[terms].any():
                why[position] = ABSORBED
            elif cell.absorbed[cell.names[spec.outcome]]:
                why[position] = FLAT
            else:
                columns = terms + [step for step in steps if not cell.absorbed[step]]
                by_size.setdefault(len(columns), []).append((position, columns))
        for size, alike in by_size.items():
            chunk = max(1, CELLS // ((size + 4) * cell.rows.size))
            for start in range(0, len(alike), chunk):
                yield from _solved(cell, specifications, alike[start : start + chunk], why)


def _solved(
    cell: Cell, specifications: Sequence[Specification], alike: list[tuple[int, list[int]]], why: dict[int, str]
) -> Iterator[Batch]:
    members = np.array([position for position, _ in alike], dtype=np.intp)
    columns = np.array([positions for _, positions in alike], dtype=np.intp)
    outcomes = np.array([cell.names[specifications[p].outcome] for p in members.tolist()], dtype=np.intp)
    if cell.rows.size - columns.shape[1] - cell.space.rank < 1:
        why |= dict.fromkeys(members.tolist(), FEW_ROWS)
        return
    gram = cell.gram[columns[:, :, None], columns[:, None, :]]
    clear = _least_pivot(gram) > CLEAR
    for place in np.flatnonzero(~clear):
        yield from _by_columns(cell, specifications, int(members[place]), columns[place], int(outcomes[place]), why)
    if clear.any():
        bread = np.asarray(np.linalg.inv(gram[clear]), dtype=np.float64)
        cross = cell.gram[columns[clear], outcomes[clear][:, None]]
        params = (bread @ cross[:, :, None])[:, :, 0]
        yield _batch(cell, specifications, members[clear], columns[clear], outcomes[clear], bread, params)


def _by_columns(
    cell: Cell,
    specifications: Sequence[Specification],
    position: int,
    columns: IntArray,
    outcome: int,
    why: dict[int, str],
) -> Iterator[Batch]:
    """One specification whose columns are nearly collinear: the main estimator's rule, and its way of solving."""
    spec = specifications[position]
    x = cell.net[columns].T
    kept, _ = usable_columns(x, x, tuple(map(str, columns)), ())
    if len([j for j in kept if j < len(spec.terms)]) < len(spec.terms):
        why[position] = COLLINEAR
        return
    chosen = columns[list(kept)]
    q, r = np.linalg.qr(cell.net[chosen].T)
    inverse: FloatArray = solve_triangular(r, np.eye(chosen.size))
    params: FloatArray = solve_triangular(r, q.T @ cell.net[outcome])
    one = np.array([position], dtype=np.intp)
    bread: FloatArray = np.asarray(inverse @ inverse.T, dtype=np.float64)[None]
    # X B = Q R⁻ᵀ: multiplying out B would square the condition number
    z = np.asarray(q @ inverse[0])[None]
    yield _batch(cell, specifications, one, chosen[None], np.array([outcome]), bread, params[None], z)


def _batch(
    cell: Cell,
    specifications: Sequence[Specification],
    members: IntArray,
    columns: IntArray,
    outcomes: IntArray,
    bread: FloatArray,
    params: FloatArray,
    lever: FloatArray | None = None,
) -> Batch:
    x = cell.net[columns]
    z = (bread[:, :1, :] @ x)[:, 0, :] if lever is None else lever
    residuals = cell.net[outcomes] - (params[:, None, :] @ x)[:, 0, :]
    n, groups = cell.rows.size, cell.n_units
    factor = covariance.cluster_factor("CR1", groups, n, columns.shape[1] + cell.counted).value
    scale = cell.lengths[outcomes] / cell.lengths[columns[:, 0]]
    terms = [specifications[position].term for position in members.tolist()]
    steps = {term: _step(cell, term) for term in dict.fromkeys(terms)}
    standard = scale * np.array([steps[term] for term in terms]) / cell.spreads[0][outcomes]
    return Batch(cell, members, x, bread, params, z, residuals, scale, standard, np.full(members.size, factor))


def _step(cell: Cell, term: str) -> float:
    """One standard deviation of the lever within units, times one of each moderator over all rows."""
    lever, *moderators = (cell.names[factor] for factor in term.split(":"))
    overall, within = (float(column[lever]) for column in cell.spreads)
    size = within if within > 1e-9 * overall else overall
    return size * float(np.prod(cell.spreads[0][moderators]))


def _least_pivot(gram: FloatArray) -> FloatArray:
    """Smallest share (m,) of a column that those before it leave, for Gram matrices (m, k, k) of unit diagonal."""
    size = gram.shape[1]
    lower = np.zeros_like(gram)
    least = np.ones(gram.shape[0])
    for j in range(size):
        pivot = gram[:, j, j] - np.sum(lower[:, j, :j] ** 2, axis=1)
        least = np.minimum(least, pivot)
        root = np.sqrt(np.maximum(pivot, CLEAR))
        rest = gram[:, j + 1 :, j] - np.einsum("mik,mk->mi", lower[:, j + 1 :, :j], lower[:, j, :j])
        lower[:, j, j] = root
        lower[:, j + 1 :, j] = rest / root[:, None]
    return least
