"""A balanced panel laid out by unit and period, with its neighbours' values and its effects projected out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.effects import usable_columns
from ruralpanel.estimate.base.results import Design, FloatArray
from ruralpanel.project.notes import Reason
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any

LEAST_UNITS = 10
"""Fewest units: the spatial coefficient rests on how they resemble their neighbours."""

MARK = "W:"
"""Put before the name of what is averaged over neighbours."""


@dataclass(frozen=True)
class SpatialPanel:
    """N units × T periods and their weights.

    Attributes
    ----------
    weights : (N, N). y : (N, T). x : (N, T, K), dummies of periods last where they cannot be projected out.
    terms : names of the first k columns of `x`; the others are dummies.
    regressors : their positions in `terms`; lagged : position of a regressor → that of its neighbours' mean.
    effects : unit, period; both may be absent. left_out : terms left out, with the reason.
    """

    weights: sparse.csr_array
    y: FloatArray
    x: FloatArray
    terms: tuple[str, ...]
    regressors: tuple[int, ...]
    lagged: Mapping[int, int]
    effects: tuple[str, ...]
    left_out: Mapping[str, Reason]

    @property
    def shape(self) -> tuple[int, int]:
        """N and T."""
        return self.y.shape[0], self.y.shape[1]

    @cached_property
    def row_sum(self) -> float | None:
        """The sum of each row of the weights where all are equal, else None."""
        sums = np.asarray(self.weights.sum(axis=1))
        return float(sums[0]) if np.ptp(sums) <= 1e-12 * abs(sums[0]) else None

    @cached_property
    def projected(self) -> tuple[str, ...]:
        """Effects that are projected out: their space is the same before and after spatial filtering.

        That of units always is, that of periods (and a constant) where the rows of the weights have one sum; else
        their dummies are columns of `x`.
        """
        return tuple(e for e in self.effects if e == "unit" or self.row_sum is not None)

    @property
    def n_absorbed(self) -> int:
        """Number of effects, the constant included, however they are dealt with."""
        n, t = self.shape
        return {0: 1, 1: n if "unit" in self.effects else t, 2: n + t - 1}[len(self.effects)]

    def net(self, values: FloatArray) -> FloatArray:
        """`values` (N, T) or (N, T, m) less their projection on the effects in `projected` and a constant."""
        result = np.asarray(values, dtype=float)
        if "unit" in self.projected:
            result = result - result.mean(axis=1, keepdims=True)
        if "period" in self.projected:
            result = result - result.mean(axis=0, keepdims=True)
        if not self.effects and self.row_sum is not None:
            result = result - result.mean(axis=(0, 1), keepdims=True)
        return result

    def neighbours(self, values: FloatArray) -> FloatArray:
        """Weighted sums over neighbours of `values` (N, T) or (N, T, m)."""
        flat = np.asarray(self.weights @ values.reshape(values.shape[0], -1))
        return flat.reshape(values.shape)


def columns(values: FloatArray) -> FloatArray:
    """(N, T) → (NT,), (N, T, m) → (NT, m): rows by unit, then period, as in the design."""
    return values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])


def panel_of(design: Design, lags: Sequence[str], broken: Sequence[str] = ()) -> SpatialPanel:
    """Lay the design out and add the neighbours' values of `lags`, terms ``W:name``.

    Parameters
    ----------
    broken : terms or the outcome whose neighbours' values the model holds: those of their breaks' steps are added, as
        far as the data tell them apart.

    Raises
    ------
    UserError
        An unbalanced panel, naming what is missing and what to leave out; too few units; no weights matrix; weights of
        observations; terms that the data cannot tell apart.
    """
    _check(design, lags)
    n, t = len(design.units), len(design.periods)
    weights = sparse.csr_array(design.extra.weights_matrix, dtype=float)
    x = design.x.reshape(n, t, -1)
    names = tuple(design.terms)
    chosen = [names.index(name) for name in lags]
    steps = {step: values.reshape(n, t) for name in broken for step, values in design.steps_of(name).items()}
    columns_near = [*steps.values(), *(x[:, :, j] for j in chosen)]
    near = np.asarray(weights @ np.stack(columns_near, axis=2).reshape(n, -1)) if columns_near else np.zeros((n, 0))
    terms = (*names, *(MARK + name for name in (*steps, *lags)))
    panel = SpatialPanel(
        weights,
        design.y.reshape(n, t),
        np.concatenate([x, near.reshape(n, t, -1)], axis=2),
        terms,
        tuple(range(len(names))),
        {j: len(names) + len(steps) + i for i, j in enumerate(chosen)},
        tuple(effect for effect in ("unit", "period") if effect in design.spec.effects),
        {},
    )
    return _with_dummies(_distinct(panel, design, {MARK + step for step in steps}))


def _check(design: Design, lags: Sequence[str]) -> None:
    where = f"models.{design.spec.name}"
    problems = []
    if design.extra.weights_matrix is None:
        fix = "name one under weights_matrix; the job builds it from boundaries"
        problems.append(Problem(CONFIGURATION, where, "no weights matrix", "weights of the model's units", fix))
    if design.weights is not None:
        expected = "none: every unit counts once among its neighbours"
        problems.append(Problem(CONFIGURATION, f"{where}.weights", "weights", expected, "leave them out"))
    if len(design.units) < LEAST_UNITS:
        expected = f"at least {LEAST_UNITS} units, of which neighbours can be told from others"
        problems.append(Problem(CONFIGURATION, where, f"{len(design.units)} units", expected, "use a wider panel"))
    if "unit" in design.spec.effects and len(design.periods) < 2:
        expected = "at least two periods for effects of units"
        problems.append(Problem(CONFIGURATION, f"{where}.effects", "one period", expected, "effects: []"))
    problems += [
        Problem(
            CONFIGURATION, f"{where}.spatial_lags", f'"{name}"', "a regressor or control of the model",
            did_you_mean(name, design.terms),
        )
        for name in lags
        if name not in design.terms
    ]  # fmt: skip
    if design.y.size < len(design.units) * len(design.periods):
        problems.append(_unbalanced(design))
    raise_any(problems)


def _unbalanced(design: Design) -> Problem:
    """What is missing from the panel, and what to leave out: the fewer of units and periods."""
    observed = np.zeros((len(design.units), len(design.periods)), dtype=bool)
    observed[design.unit_codes, design.period_codes] = True
    units = [design.units[i] for i in np.flatnonzero(~observed.all(axis=1))]
    periods = [design.periods[j] for j in np.flatnonzero(~observed.all(axis=0))]
    listed = [
        f"{design.units[i]} ({', '.join(str(design.periods[j]) for j in np.flatnonzero(~observed[i]))})"
        for i in np.flatnonzero(~observed.all(axis=1))
    ]
    shown = ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "")
    ways = []
    if len(units) < len(design.units):
        ways.append((len(units) * len(design.periods), f"drop: [{', '.join(units)}]"))
    if len(periods) < len(design.periods):
        ways.append((len(periods) * len(design.units), f"drop_periods: [{', '.join(map(str, periods))}]"))
    fix = " or ".join(f"a sample with {way}" for _, way in sorted(ways)) or "terms with more figures"
    expected = "every unit in every period: a neighbour that is missing leaves a gap in the neighbours' mean"
    return Problem(CONFIGURATION, f"models.{design.spec.name}", f"an unbalanced panel without {shown}", expected, fix)


def _distinct(panel: SpatialPanel, design: Design, steps: AbstractSet[str]) -> SpatialPanel:
    """The panel without terms that effects absorb or that are collinear; an error unless ``drop_absorbed``.

    Definition breaks' steps come before neighbours' means, so that the latter give way; `steps` of neighbours that
    nothing tells apart go without a word.
    """
    dummies = _with_dummies(panel).x[:, :, len(panel.terms) :]
    net = columns(panel.net(panel.x))
    if dummies.shape[2]:
        basis = np.linalg.qr(columns(panel.net(dummies)))[0]
        net = net - basis @ (basis.T @ net)
    kept, reasons = usable_columns(columns(panel.x), net, panel.terms, panel.effects)
    if reasons and not design.spec.drop_absorbed:
        raise_any(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.{'spatial_lags' if term.startswith(MARK) else 'regressors'}",
                f'"{term}", {reason}',
                "terms that the data can tell apart",
                f"leave {term.removeprefix(MARK)} out there, or set drop_absorbed: true",
            )
            for term, reason in reasons.items()
            if term not in steps
        )
    rows = panel.y.size - panel.n_absorbed - len(kept) - 2
    if rows < 1 or not kept:
        found = f"{panel.y.size} observations for {len(kept)} terms and {panel.n_absorbed} effects"
        raise UserError(Problem(CONFIGURATION, f"models.{design.spec.name}", found, "more observations, and a term"))
    place = {old: new for new, old in enumerate(kept)}
    return replace(
        panel,
        x=panel.x[:, :, list(kept)],
        terms=tuple(panel.terms[j] for j in kept),
        regressors=tuple(place[j] for j in panel.regressors if j in place),
        lagged={place[j]: place[i] for j, i in panel.lagged.items() if j in place and i in place},
        left_out={term: reason for term, reason in reasons.items() if term not in steps},
    )


def _with_dummies(panel: SpatialPanel) -> SpatialPanel:
    """The panel with dummies of periods, or a constant, where these cannot be projected out."""
    n, t = panel.shape
    extra: list[FloatArray] = []
    if "period" in panel.effects and "period" not in panel.projected:
        eye = np.eye(t)[:, 1:] if "unit" in panel.effects else np.eye(t)
        extra.append(np.broadcast_to(eye, (n, *eye.shape)))
    elif not panel.effects and panel.row_sum is None:
        extra.append(np.ones((n, t, 1)))
    return replace(panel, x=np.concatenate([panel.x, *extra], axis=2)) if extra else panel
