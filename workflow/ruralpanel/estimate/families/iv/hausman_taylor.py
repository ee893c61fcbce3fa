"""Regressors that are fixed over time: Hausman and Taylor's estimator, whose instruments come from within the model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import TINY, removed_effects, root_weights
from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families import linear, random_effects
from ruralpanel.estimate.families.error_components import ErrorComponents, Layout, basis_of, need_varying, two_stage
from ruralpanel.estimate.families.iv import iv, weak_instruments
from ruralpanel.estimate.families.iv.system import Columns, System, errors_of, system_from, with_instruments
from ruralpanel.project.kinds.estimator_keys import OfEstimator
from ruralpanel.project.kinds.estimators import FE
from ruralpanel.project.notes import note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError
from ruralpanel.project.settings import InferenceSpec


@dataclass(frozen=True)
class Roles:
    """The columns (n, k) of a model's terms, multiplied by the weights' roots, by what is assumed of each.

    Attributes
    ----------
    x, names : all regressors, those of ``endogenous`` last. moving : (k,) whether they vary over time.
    free : (k,) whether the unit effects do not go with them.
    """

    x: FloatArray
    names: tuple[str, ...]
    moving: np.ndarray[tuple[int], np.dtype[np.bool_]]
    free: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def of(self, moving: bool, free: bool) -> tuple[str, ...]:
        """The terms of one of the four kinds."""
        chosen = (self.moving == moving) & (self.free == free)
        return tuple(name for name, belongs in zip(self.names, chosen, strict=True) if belongs)


def fit(design: Design) -> Fit:
    """Generalised two-stage least squares whose instruments are the regressors themselves (Hausman and Taylor 1981).

    Regressors and controls are taken as free of the unit effects, those of the option ``endogenous`` as going with
    them; which are fixed over time the data say. Every regressor that varies is instrumented by its deviations from
    unit means, the free ones by their unit means too, which stand in for endogenous ones that are fixed. Methods:
    ``amemiya_macurdy`` (1986) takes the free regressors of each period as instruments in place of their mean,
    ``breusch_mizon_schmidt`` (1989) also the deviations of the endogenous ones in each period; both ask for a panel
    without gaps.

    ``tests``: ``hausman`` against fixed effects and tests of over-identification, both of the assumption that the free
    regressors are free; how well they explain the endogenous regressors that are fixed. `extra` holds ``roles`` and
    ``instruments``.

    Raises
    ------
    UserError
        Fewer free regressors that vary than endogenous ones that are fixed, a panel with gaps where the method asks for
        none, columns that the data cannot tell apart, or too few rows.
    """
    system, roles = system_of(design)
    errors = errors_of(design, system)
    fitted = iv.fit_of(system, iv.two_stage(system, errors, design))
    tests = {**iv.overidentification(system, errors, fitted.residuals), **_strength(design, system, roles)}
    return replace(
        fitted,
        tests={**hausman(design, system, roles, fitted), **tests},
        extra=Parts(
            instruments=system.instruments,
            roles={
                "time_varying_exogenous": tuple(roles.of(True, True)),
                "time_varying_endogenous": tuple(roles.of(True, False)),
                "time_invariant_exogenous": tuple(roles.of(False, True)),
                "time_invariant_endogenous": tuple(roles.of(False, False)),
            },
        ),
    )


def system_of(design: Design) -> tuple[System, Roles]:
    """The quasi-demeaned columns of which the model is two-stage least squares; raises as `fit`."""
    layout = random_effects.layout_of(design)
    roles = roles_of(design, layout)
    _check(design, layout, roles)
    nuisance = random_effects.dummies_of(design) * layout.root[:, None]
    components = components_of(design, layout, roles, nuisance)
    columns = columns_of(design, layout, roles, nuisance, components)
    return system_from(design, columns, design.extra.endogenous.terms), roles


def roles_of(design: Design, layout: Layout) -> Roles:
    """What the data and the option ``endogenous`` make of each term."""
    endogenous = design.extra.endogenous.columns
    x = np.hstack([design.x, endogenous]) * layout.root[:, None]
    constant = layout.root / np.linalg.norm(layout.root)
    spread = np.linalg.norm(x - np.outer(constant, constant @ x), axis=0)
    within = np.linalg.norm(x - layout.between("unit", x), axis=0)
    return Roles(
        x=x,
        names=(*design.terms, *design.extra.endogenous.terms),
        moving=within > TINY * spread,
        free=np.arange(x.shape[1]) < design.x.shape[1],
    )


def components_of(design: Design, layout: Layout, roles: Roles, nuisance: FloatArray) -> ErrorComponents:
    """Variances of the error and of the unit effects.

    That of the error comes from the within regression, divided by rows less units. What it leaves of the unit means is
    regressed on the regressors that are fixed, by two-stage least squares with the free ones as instruments; the
    squares of its residuals less the error's part give that of the effects: in panels without gaps the published one.
    """
    y = design.y * layout.root
    units = layout.sizes("unit").size
    moving = np.hstack([nuisance[:, 1:], roles.x[:, roles.moving]])
    net = np.column_stack([y, moving]) - layout.between("unit", np.column_stack([y, moving]))
    need_varying(y, net[:, 0], layout, design)
    slopes = scaling.least_squares(net[:, 1:], net[:, 0])
    error = float(np.sum((net[:, 0] - net[:, 1:] @ slopes) ** 2)) / (layout.n - units)
    means = layout.between("unit", (y - moving @ slopes)[:, None])[:, 0]
    fixed = np.hstack([nuisance[:, :1], roles.x[:, ~roles.moving]])
    instruments = basis_of(np.hstack([nuisance, roles.x[:, roles.free]]))
    left, _ = two_stage(means, fixed, instruments, np.linalg.norm(fixed, axis=0))
    effects = (float(np.sum(left**2)) - units * error) / float(np.sum(layout.root**2))
    return ErrorComponents(layout, error, {"unit": max(effects, 0.0)})


def columns_of(
    design: Design, layout: Layout, roles: Roles, nuisance: FloatArray, components: ErrorComponents
) -> Columns:
    """The quasi-demeaned columns and the instruments of the model's method."""
    rows = np.arange(design.y.size)
    root = root_weights(design, rows)
    white = components.whiten(np.column_stack([design.y * layout.root, roles.x, nuisance]))
    width, exogenous = roles.x.shape[1], design.x.shape[1]
    columns = Columns(
        y=white[:, 0],
        x=white[:, 1 : 1 + exogenous],
        d=white[:, 1 + exogenous : 1 + width],
        z=np.zeros((rows.size, 0)),
        instruments=(),
        rows=rows,
        space=Absorbed(rows.size, (), white[:, 1 + width :], root),
        absorbed=removed_effects(design.spec),
        fit=random_effects.fit_of(components),
        notes=(
            note("components_hausman_taylor"),
            *random_effects.zero_notes(components),
        ),
    )
    moving = roles.x[:, roles.moving]
    within = moving - layout.between("unit", moving)
    names = [name for name, moves in zip(roles.names, roles.moving, strict=True) if moves]
    candidates, labels = [within], [f"{name}, within" for name in names]
    free = roles.free[roles.moving]
    taken = {"amemiya_macurdy": [moving[:, free]], "breusch_mizon_schmidt": [moving[:, free], within[:, ~free]]}
    described = [
        [n for n, f in zip(names, free, strict=True) if f],
        [n for n, f in zip(names, free, strict=True) if not f],
    ]
    for paths, of in zip(taken.get(design.spec.method, []), described, strict=False):
        candidates.append(components.whiten(_by_period(design, layout, paths)))
        labels += [f"{name}, {period}" for name in of for period in design.periods]
    return with_instruments(columns, np.hstack(candidates), tuple(labels))


def _by_period(design: Design, layout: Layout, columns: FloatArray) -> FloatArray:
    """(n, k · periods) each unit's values of each of the k columns in every period, in all of its rows."""
    units, periods = layout.codes["unit"], np.unique(design.period_codes, return_inverse=True)[1]
    table = np.empty((units.max() + 1, columns.shape[1], periods.max() + 1))
    table[units, :, periods] = columns / layout.root[:, None]
    return np.asarray(table.reshape(len(table), -1)[units] * layout.root[:, None])


def hausman(design: Design, system: System, roles: Roles, fitted: Fit) -> dict[str, Test]:
    """Fixed effects against the model on the regressors that vary; nothing where no restriction is left to test.

    As many degrees of freedom as instruments that the model could do without (Baltagi 2021, 7.4).
    """
    excess = min(len(system.instruments) - len(system.endogenous), int(roles.moving.sum()))
    if excess < 1:
        return {}
    spec = replace(
        design.spec,
        estimator=FE,
        effects=("unit", *removed_effects(design.spec)),
        options=OfEstimator(),
        drop_absorbed=True,
    )
    x = roles.x[:, roles.moving] / random_effects.layout_of(design).root[:, None]
    names = tuple(name for name, moves in zip(roles.names, roles.moving, strict=True) if moves)
    fixed = linear.fe(replace(design, spec=spec, x=x, terms=names))
    return {"hausman": random_effects.contrast(fixed, fitted, excess, "overidentification")}


def _strength(design: Design, system: System, roles: Roles) -> dict[str, Test]:
    """How well the instruments explain endogenous regressors that are fixed, for errors that are independent.

    Clustered by unit these first stages have no variance along instruments that sum to zero in every unit.
    """
    fixed = [system.endogenous.index(term) for term in roles.of(False, False)]
    plain = replace(design, spec=replace(design.spec, inference=(InferenceSpec("classical"),)))
    errors = errors_of(plain, system)
    if not fixed:
        return {}
    if len(system.endogenous) == 1:
        return weak_instruments.first_stage(system, errors)[1]
    tests = [weak_instruments.conditional_f(system, errors, j) for j in fixed]
    weakest = min(tests, key=lambda test: test.statistic)
    return {"sanderson_windmeijer": replace(weakest, note=(note("smallest_conditional_f_fixed"),))}


def _check(design: Design, layout: Layout, roles: Roles) -> None:
    where, method = f"models.{design.spec.name}", design.spec.method
    helpers, needy = roles.of(True, True), roles.of(False, False)
    gaps = layout.n < layout.sizes("unit").size * len(design.periods)
    problems = []
    if method in ("amemiya_macurdy", "breusch_mizon_schmidt") and gaps:
        problems.append(
            Problem(
                CONFIGURATION,
                f"{where}.method",
                f'"{method}" on a panel whose units lack periods of others',
                "every unit in every period: its instruments are the regressors of each period",
                "leave method out, or use a sample without gaps",
            )
        )
    elif len(helpers) < len(needy) and (not helpers or not method):
        found = f"{len(helpers)} regressor(s) that vary over time beside {len(needy)} endogenous one(s) that do not"
        problems.append(
            Problem(
                CONFIGURATION,
                f"{where}.endogenous",
                f"{found} ({', '.join(needy)})",
                "at least as many: their unit means are the instruments",
                "add regressors that vary over time and do not go with the unit effects",
            )
        )
    if problems:
        raise UserError(problems)
