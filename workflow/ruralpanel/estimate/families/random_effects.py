"""Random effects of units, and of periods beside them, by feasible generalised least squares."""

from __future__ import annotations

import numpy as np
from scipy import special

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import removed_effects, root_weights
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families.error_components import METHODS, ErrorComponents, Layout, error_components
from ruralpanel.estimate.families.linear import solve
from ruralpanel.project.kinds.estimator_keys import RandomEffects
from ruralpanel.project.notes import Note, note


def fit(design: Design) -> Fit:
    """Random unit effects and a constant; with ``effects: [unit, period]`` random period effects too.

    With ``effects: [period]`` the periods have dummies. Options: ``components``, how the variances are estimated
    (`error_components`; default swar). The model is least squares on columns in which errors are alike
    (`ErrorComponents.whiten`). A weight w says that a row's idiosyncratic error has the variance ``σ_e² / w``; effects
    have the same variance whatever the weights.
    """
    layout = layout_of(design)
    nuisance = dummies_of(design)
    everything = np.column_stack([design.y, nuisance, design.x]) * layout.root[:, None]
    method = design.spec.of(RandomEffects).components
    components = error_components(everything[:, 0], everything[:, 1:], layout, method, design)
    white = components.whiten(everything)
    split = 1 + nuisance.shape[1]
    space = Absorbed(design.y.size, (), white[:, 1:split], root_weights(design, np.arange(design.y.size)))
    return solve(
        design,
        white[:, split:],
        white[:, 0],
        np.arange(design.y.size),
        space,
        removed_effects(design.spec),
        fit=fit_of(components),
        notes=(note("components", method=METHODS[method]), *zero_notes(components)),
    )


def contrast(fixed: Fit, random: Fit, df: int, instead: str) -> Test:
    """Hausman's (1978) test of `fixed` against `random`, which is efficient where it is right, on the terms of `fixed`.

    Parameters
    ----------
    df : restrictions that are tested. instead : the test that notes advise to read, by its code.
    """
    place = [random.terms.index(term) for term in fixed.terms]
    gap = fixed.params - random.params[place]
    v_fixed = fixed.bread * float(fixed.residuals @ fixed.residuals) / fixed.df_resid
    v_random = random.bread * float(random.residuals @ random.residuals) / random.df_resid
    matrix = v_fixed - v_random[np.ix_(place, place)]
    value = float(gap @ scaling.solve(matrix, gap))
    if value < 0:
        return Test(value, float(df), float("nan"), (note("hausman_negative", instead=instead),))
    about = [note("hausman_independent_errors", instead=instead)]
    if np.linalg.eigvalsh(matrix)[0] <= 0:
        about.append(note("hausman_not_definite"))
    return Test(value, float(df), float(special.chdtrc(df, value)), tuple(about))


def layout_of(design: Design) -> Layout:
    """Where rows have random effects: by unit, and by period where the model says that both are random."""
    effects = ["unit", *(effect for effect in design.spec.effects if effect not in removed_effects(design.spec))]
    codes = {"unit": design.unit_codes, "period": design.period_codes}
    root = root_weights(design, np.arange(design.y.size))
    return Layout(
        {effect: compact(codes[effect]) for effect in dict.fromkeys(effects)},
        np.ones(design.y.size) if root is None else root,
    )


def dummies_of(design: Design) -> FloatArray:
    """(n, q) the constant and, where periods are removed, dummies of all of them but the first."""
    one = np.ones((design.y.size, 1))
    if "period" not in removed_effects(design.spec):
        return one
    periods = compact(design.period_codes)
    return np.hstack([one, (periods[:, None] == np.arange(1, periods.max() + 1)).astype(float)])


def fit_of(components: ErrorComponents) -> dict[str, float]:
    """The components as they stand in the model's results."""
    theta = components.theta("unit")
    numbers = {
        "theta": float(np.median(theta)),
        "theta_min": float(theta.min()),
        "theta_max": float(theta.max()),
        "sigma_e": float(np.sqrt(components.idiosyncratic)),
        "sigma_u": float(np.sqrt(components.effects["unit"])),
    }
    if "period" in components.effects:
        numbers["theta_period"] = float(np.median(components.theta("period")))
        numbers["sigma_period"] = float(np.sqrt(components.effects["period"]))
    return numbers


def zero_notes(components: ErrorComponents) -> tuple[Note, ...]:
    """What to say of effects whose variance is estimated as zero."""
    zero = [effect for effect, variance in components.effects.items() if variance == 0]
    if len(zero) == len(components.effects):
        return (note("zero_variance_pooled", effects=zero),)
    return tuple(note("zero_variance", effects=[effect]) for effect in zero)
