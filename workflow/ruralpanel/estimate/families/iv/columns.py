"""The columns of an instrumented model in the metric of its errors: fixed effects, or random ones of units."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import (
    TINY,
    absorbed_space,
    removed_effects,
    root_weights,
    singletons,
    usable_columns,
)
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.families.error_components import error_components
from ruralpanel.estimate.families.random_effects import dummies_of, fit_of, layout_of, zero_notes
from ruralpanel.project.kinds.estimators import has_random_effects
from ruralpanel.project.notes import Note, note


@dataclass(frozen=True)
class Columns:
    """Columns of a model's rows, multiplied by the weights' roots and, with random effects, quasi-demeaned.

    Attributes
    ----------
    y : (n,) outcome. x : (n, k) exogenous regressors. d : (n, p) endogenous ones. z : (n, q) excluded instruments.
    instruments : the q names. rows : (n,) of the design. space : what is projected out. absorbed : names of effects.
    fit, notes : of the variance components.
    """

    y: FloatArray
    x: FloatArray
    d: FloatArray
    z: FloatArray
    instruments: tuple[str, ...]
    rows: IntArray
    space: Absorbed
    absorbed: tuple[str, ...]
    fit: dict[str, float] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    @property
    def constant(self) -> FloatArray | None:
        """(n,) what the metric makes of a column of ones."""
        return self.space.root if self.space.dense is None or not self.space.dense.size else self.space.dense[:, 0]


def columns_of(design: Design) -> Columns:
    """The columns that two-stage least squares on the design is computed from."""
    if has_random_effects(design.spec.estimator, design.spec.method):
        return _random(design)
    effects = design.spec.effects
    rows = np.delete(np.arange(design.y.size), singletons(design, effects))
    root = root_weights(design, rows)
    scale = np.ones((rows.size, 1)) if root is None else root[:, None]
    return Columns(
        y=design.y[rows] * scale[:, 0],
        x=design.x[rows] * scale,
        d=np.asarray(design.extra["endogenous"], dtype=float)[rows] * scale,
        z=np.asarray(design.extra["instruments"], dtype=float)[rows] * scale,
        instruments=tuple(design.extra["instrument_terms"]),
        rows=rows,
        space=absorbed_space(design, effects, rows, root),
        absorbed=effects,
    )


def _random(design: Design) -> Columns:
    """Quasi-demeaned columns; instruments too (``g2sls``), or within and between units, regressors' too (``ec2sls``).

    Components are Swamy and Arora's with residuals of two-stage least squares within and between units (Baltagi 1981).
    """
    layout = layout_of(design)
    scale = layout.root[:, None]
    nuisance, x = dummies_of(design) * scale, design.x * scale
    d = np.asarray(design.extra["endogenous"], dtype=float) * scale
    z = np.asarray(design.extra["instruments"], dtype=float) * scale
    y = design.y * layout.root
    exogenous = np.hstack([nuisance, x])
    components = error_components(
        y, np.hstack([exogenous, d]), layout, "swar", design, instruments=np.hstack([exogenous, z])
    )
    white = {name: components.whiten(part) for name, part in (("nuisance", nuisance), ("x", x), ("d", d), ("z", z))}
    rows = np.arange(design.y.size)
    space = Absorbed(design.y.size, (), white["nuisance"], root_weights(design, rows))
    names = tuple(design.extra["instrument_terms"])
    transformed = Columns(
        y=components.whiten(y[:, None])[:, 0],
        x=white["x"],
        d=white["d"],
        z=white["z"],
        instruments=names,
        rows=rows,
        space=space,
        absorbed=removed_effects(design.spec),
        fit=fit_of(components),
        notes=(
            note("components_two_stages"),
            *zero_notes(components),
        ),
    )
    if design.spec.method == "g2sls":
        return transformed
    periods = tuple(f"period {number}" for number in range(1, nuisance.shape[1]))
    labels = (*names, *periods, *design.terms)
    columns = np.hstack([z, nuisance[:, 1:], x])
    between = layout.between("unit", columns)
    within = columns - between
    varies = np.linalg.norm(within, axis=0) > TINY * np.linalg.norm(columns, axis=0)
    parts = np.hstack([within[:, varies], components.whiten(between)])
    moving = (name for name, moves in zip(labels, varies, strict=True) if moves)
    return with_instruments(
        transformed, parts, (*(f"{name}, within" for name in moving), *(f"{name}, between" for name in labels))
    )


def with_instruments(columns: Columns, candidates: FloatArray, names: tuple[str, ...]) -> Columns:
    """The columns with those of the candidates as instruments that say more than regressors and earlier ones."""
    raw = np.hstack([columns.x, candidates])
    terms = (*(f"x{j}" for j in range(columns.x.shape[1])), *names)
    kept, _ = usable_columns(raw, columns.space.residuals(raw), terms, columns.absorbed, columns.constant)
    chosen = [j - columns.x.shape[1] for j in kept if j >= columns.x.shape[1]]
    return replace(columns, z=candidates[:, chosen], instruments=tuple(names[j] for j in chosen))
