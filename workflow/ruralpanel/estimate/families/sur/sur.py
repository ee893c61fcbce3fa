"""Several outcomes at once: seemingly unrelated regressions with effects, and the correlation that levers leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import special

from ruralpanel.estimate.base.effects import absorbed_space, root_weights, singletons, usable_columns
from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families.linear import refuse
from ruralpanel.estimate.families.sur import correlation
from ruralpanel.estimate.families.sur.correlation import Equations, correlations
from ruralpanel.project.kinds.estimator_keys import System
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any

INDEPENDENCE = "breusch_pagan_independence"


def fit(design: Design) -> Fit:
    """Seemingly unrelated regressions of the outcomes in ``extra["outcomes"]`` with the effects of `spec.effects`.

    Option ``equations``: outcome → its terms, for equations with different regressors (one step of generalised least
    squares, Zellner 1962); absent, all have all terms, and generalised least squares is least squares of each.
    Coefficients are named ``outcome:term``. A row's scores of all equations stand together, so that clustered errors
    allow for correlation between outcomes of a unit; small-sample factors count the terms of the longest equation, so
    that with the same terms in all equations errors are those of each equation alone. `residuals` is (n, outcomes).
    ``statistics`` of the results holds the correlation of what effects and regressors leave (`sur_correlation`).

    Raises
    ------
    UserError
        Fewer than two outcomes, unknown outcomes or terms under ``equations``, terms that the data cannot tell apart,
        outcomes that are the same but for effects and terms, or too few rows.
    """
    names = design.extra.outcomes.terms
    where = f"models.{design.spec.name}"
    if len(names) < 2 or len(set(names)) < len(names):
        found = f"{len(set(names)) or 1} outcome(s)"
        raise UserError(Problem(CONFIGURATION, f"{where}.outcome", found, "a list of two different outcomes or more"))
    effects = design.spec.effects
    rows = np.delete(np.arange(design.y.size), singletons(design, effects))
    root = root_weights(design, rows)
    scale = np.ones((rows.size, 1)) if root is None else root[:, None]
    space = absorbed_space(design, effects, rows, root)
    raw = design.x[rows] * scale
    net = space.residuals(raw)
    kept, notes = _usable(design, raw, net)
    terms = tuple(design.terms[j] for j in kept)
    members = _own_terms(design, names, terms)
    lengths = np.linalg.norm(net[:, list(kept)], axis=0)
    x = net[:, list(kept)] / lengths
    outcomes = design.extra.outcomes.columns[rows] * scale
    y = space.residuals(outcomes)
    df = [rows.size - len(places) - space.rank for places in members]
    if min(df) < len(names):
        found = f"{rows.size} observations for {max(map(len, members))} terms and {space.rank} effects and constants"
        raise UserError(Problem(CONFIGURATION, where, found, "more observations than these", "use a longer panel"))
    equations = Equations(members, x.T @ x, x.T @ y, y.T @ y)
    _distinct(where, names, equations)
    params, precision = equations.estimate(rows.size)
    stacked = np.concatenate([params[list(places), m] for m, places in enumerate(members)])
    inverse = np.linalg.inv(equations.normal(precision)[0])
    residuals = y - x @ params
    combined = residuals @ precision
    left = correlation.report(design, rows, names, members, (raw[:, list(kept)] / lengths, outcomes), scale)
    units = np.concatenate([lengths[list(places)] for places in members])
    return Fit(
        terms=tuple(f"{name}:{terms[j]}" for name, places in zip(names, members, strict=True) for j in places),
        params=stacked / units,
        rows=rows,
        residuals=residuals,
        bread=inverse / np.outer(units, units),
        scores=np.hstack([x[:, list(places)] * combined[:, [m]] for m, places in enumerate(members)]) * units,
        df_resid=float(min(df)),
        n_absorbed=space.rank,
        absorbed=tuple(effects),
        n_slopes=max(map(len, members)),
        fit=_goodness(names, equations.left(params), np.diag(equations.yy), df),
        tests={INDEPENDENCE: _independence(equations, rows.size - space.rank + 1)},
        notes=(*notes, left.note),
        extra=Parts(
            outcomes=names,
            equations={name: tuple(terms[j] for j in places) for name, places in zip(names, members, strict=True)},
            generalised=equations.generalised,
            statistics=left.statistics,
        ),
        space=space,
    )


def refit(design: Design) -> Fit:
    """The estimate alone, without the bootstrap of the correlation that is left: that takes nine tenths of the time."""
    return fit(replace(design, spec=replace(design.spec, options=design.spec.of(System).changed(draws=0))))


def _independence(equations: Equations, n: int) -> Test:
    """Breusch and Pagan (1980): no correlation between equations, from least squares of each.

    ``n`` times the sum of squared correlations is chi-squared with a degree for each pair of equations; n counts the
    rows less the effects removed beyond the constant, as many as remain independent without effects.
    """
    r = correlations(equations.left(equations.least_squares()))
    upper = r[np.triu_indices_from(r, 1)]
    value = float(n * np.sum(upper**2))
    p_value = float(special.chdtrc(upper.size, value))
    return Test(value, float(upper.size), p_value, (note("equations_rows_independent", rows=n),))


def _goodness(names: tuple[str, ...], products: FloatArray, total: FloatArray, df: Sequence[int]) -> dict[str, float]:
    values = {f"rmse:{name}": float(np.sqrt(products[m, m] / df[m])) for m, name in enumerate(names)}
    return values | {f"r2_within:{name}": float(1.0 - products[m, m] / total[m]) for m, name in enumerate(names)}


def _distinct(where: str, names: tuple[str, ...], equations: Equations) -> None:
    """Stop where two outcomes leave the same residuals: their covariance has no inverse."""
    left = equations.left(equations.least_squares())
    exact = [name for name, rest, all_ in zip(names, np.diag(left), np.diag(equations.yy), strict=True)
             if rest <= 1e-18 * max(all_, 1e-300)]  # fmt: skip
    if exact:
        found = f'"{exact[0]}", which its terms and the effects explain entirely'
        raise UserError(Problem(CONFIGURATION, f"{where}.outcome", found, "outcomes that leave something to correlate"))
    if np.linalg.cond(correlations(left)) > 1e10:
        found = f"{', '.join(names)}, whose residuals determine one another"
        raise UserError(Problem(CONFIGURATION, f"{where}.outcome", found, "outcomes that differ", "leave one out"))


def _usable(design: Design, raw: FloatArray, net: FloatArray) -> tuple[tuple[int, ...], tuple[Note, ...]]:
    kept, reasons = usable_columns(raw, net, design.terms, tuple(design.spec.effects))
    refuse(design, reasons)
    return kept, tuple(note("left_out", term=term, reason=reason) for term, reason in reasons.items())


def _own_terms(design: Design, names: tuple[str, ...], terms: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Places among `terms` of each outcome's regressors; steps of definition breaks stand in every equation."""
    declared = design.spec.of(System).equations
    where = f"models.{design.spec.name}.equations"
    problems = [
        Problem(CONFIGURATION, where, f'"{name}"', "the model's outcomes", did_you_mean(name, names))
        for name in declared
        if name not in names
    ]
    steps = design.extra.steps
    members: list[tuple[int, ...]] = []
    for name in names:
        wanted = tuple(declared.get(name) or terms)
        known = (*design.terms, *design.extra.left_out)
        problems += [
            Problem(
                CONFIGURATION,
                f"{where}.{name}",
                f'"{term}"',
                "terms among regressors and controls",
                did_you_mean(term, known),
            )
            for term in wanted
            if term not in known
        ]
        members.append(tuple(j for j, term in enumerate(terms) if term in wanted or term in steps))
        if not members[-1]:
            problems.append(Problem(CONFIGURATION, f"{where}.{name}", "no usable term", "at least one"))
    raise_any(problems)
    return tuple(members)
