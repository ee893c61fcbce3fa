"""Several outcomes at once: seemingly unrelated regressions with effects, and the correlation that levers leave."""

from __future__ import annotations

import numpy as np

from ruralpanel.contracts.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.estimators import sur_correlation
from ruralpanel.estimators.base import Design, Fit, FloatArray
from ruralpanel.estimators.least_squares import root_weights, usable_columns
from ruralpanel.estimators.sur_equations import Equations
from ruralpanel.estimators.within import absorbed_space, singletons


def fit(design: Design) -> Fit:
    """Seemingly unrelated regressions of the outcomes in ``extra["outcomes"]`` with the effects of `spec.effects`.

    Option ``equations``: outcome → its terms, for equations with different regressors (one step of generalised least
    squares, Zellner 1962); absent, all have all terms, and generalised least squares is least squares of each.
    Coefficients are named ``outcome:term``. A row's scores of all equations stand together, so that clustered errors
    allow for correlation between outcomes of a unit; `residuals` is (n, outcomes). ``statistics`` of the results holds
    the correlation of what effects and regressors leave (`sur_correlation`).

    Raises
    ------
    UserError
        Fewer than two outcomes, unknown outcomes or terms under ``equations``, terms that the data cannot tell apart,
        or too few rows.
    """
    names = tuple(design.extra.get("outcome_terms") or ())
    where = f"models.{design.spec.name}"
    if len(names) < 2 or len(set(names)) < len(names):
        found = f"{len(set(names)) or 1} outcome(s)"
        raise UserError(Problem("config.yaml", f"{where}.outcome", found, "a list of two different outcomes or more"))
    effects = design.spec.effects
    rows = np.setdiff1d(np.arange(design.y.size), singletons(design, effects))
    root = root_weights(design, rows)
    scale = np.ones((rows.size, 1)) if root is None else root[:, None]
    space = absorbed_space(design, effects, rows, root)
    raw = design.x[rows] * scale
    net = space.residuals(raw)
    kept, notes = _usable(design, raw, net)
    terms = tuple(design.terms[j] for j in kept)
    own = _own_terms(design, names, terms)
    lengths = np.linalg.norm(net[:, list(kept)], axis=0)
    x = net[:, list(kept)] / lengths
    outcomes = np.asarray(design.extra["outcomes"], dtype=float)[rows] * scale
    y = space.residuals(outcomes)
    widest = max(len(places) for places in own)
    df = rows.size - widest - space.rank
    if df < 1:
        found = f"{rows.size} observations for {widest} terms and {space.rank} effects and constants"
        raise UserError(Problem("config.yaml", where, found, "more observations than these", "use a longer panel"))
    equations = Equations(own, x.T @ x, x.T @ y, y.T @ y)
    params, precision = equations.estimate(rows.size)
    products = equations.left(params)
    residuals = y - x @ params
    combined = residuals @ precision
    correlations = sur_correlation.report(design, rows, names, own, (raw[:, list(kept)] / lengths, outcomes), scale)
    units = np.concatenate([lengths[list(places)] for places in own])
    return Fit(
        terms=tuple(f"{name}:{terms[j]}" for name, places in zip(names, own, strict=True) for j in places),
        params=np.concatenate([params[list(places), m] for m, places in enumerate(own)]) / units,
        rows=rows,
        residuals=residuals,
        bread=np.linalg.inv(equations.normal(precision)[0]) / np.outer(units, units),
        scores=np.hstack([x[:, list(places)] * combined[:, [m]] for m, places in enumerate(own)]) * units,
        df_resid=float(df),
        n_absorbed=space.rank,
        absorbed=tuple(effects),
        fit=_goodness(names, products, np.diag(equations.yy), df),
        tests=correlations.tests,
        notes=(*notes, correlations.words),
        extra={
            "outcomes": list(names),
            "equations": {name: [terms[j] for j in places] for name, places in zip(names, own, strict=True)},
            "generalised": equations.generalised,
            "statistics": correlations.statistics,
        },
        space=space,
    )


def _goodness(names: tuple[str, ...], products: FloatArray, total: FloatArray, df: int) -> dict[str, float]:
    values = {f"rmse:{name}": float(np.sqrt(products[m, m] / df)) for m, name in enumerate(names)}
    return values | {f"r2_within:{name}": float(1.0 - products[m, m] / total[m]) for m, name in enumerate(names)}


def _usable(design: Design, raw: FloatArray, net: FloatArray) -> tuple[tuple[int, ...], tuple[str, ...]]:
    kept, reasons = usable_columns(raw, net, design.terms, tuple(design.spec.effects))
    if reasons and not design.spec.options.get("drop_absorbed"):
        raise_any(
            Problem(
                "config.yaml",
                f"models.{design.spec.name}.regressors",
                f'"{term}", {reason}',
                "terms that the data can tell apart",
                f"leave {term} out, or set drop_absorbed: true",
            )
            for term, reason in reasons.items()
        )
    return kept, tuple(f"{term} left out: {reason}" for term, reason in reasons.items())


def _own_terms(design: Design, names: tuple[str, ...], terms: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Places among `terms` of each outcome's regressors; steps of definition breaks stand in every equation."""
    declared = design.spec.options.get("equations") or {}
    where = f"models.{design.spec.name}.equations"
    problems = [
        Problem("config.yaml", where, f'"{name}"', "the model's outcomes", did_you_mean(name, names))
        for name in declared
        if name not in names
    ]
    steps = tuple(design.extra.get("steps") or ())
    found: list[tuple[int, ...]] = []
    for name in names:
        wanted = tuple(declared.get(name) or terms)
        problems += [
            Problem("config.yaml", f"{where}.{name}", f'"{term}"', "terms among regressors and controls",
                    did_you_mean(term, design.terms))
            for term in wanted
            if term not in design.terms
        ]  # fmt: skip
        found.append(tuple(j for j, term in enumerate(terms) if term in wanted or term in steps))
        if not found[-1]:
            problems.append(Problem("config.yaml", f"{where}.{name}", "no usable term", "at least one"))
    raise_any(problems)
    return tuple(found)
