"""Systems of outcomes in linearmodels, on columns net of effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import effect_codes, root_weights
from ruralpanel.estimate.base.results import Design, IntArray
from ruralpanel.estimate.families.second import Keywords, NotConfirmedError, Second, agreement, need_rows, root_factor
from ruralpanel.estimate.families.sur import sur
from ruralpanel.project.kinds.estimator_keys import System
from ruralpanel.project.settings import InferenceSpec

DRAWS = 20
"""Draws of the correlations' bootstrap, which is not compared."""


def again(design: Design, setting: InferenceSpec | None) -> Second:
    """The same system by `linearmodels.system.SUR`, one step of generalised least squares.

    Parameters
    ----------
    setting : of the errors to compute: cluster with CR0 or CR1; None: estimates alone.

    Raises
    ------
    NotConfirmedError
        Too many rows, or columns too much alike.
    """
    from linearmodels.system import SUR

    options = design.spec.of(System).changed(draws=DRAWS)
    fit = sur.fit(replace(design, spec=replace(design.spec, options=options)))
    rows, space = fit.rows, fit.space
    need_rows(rows.size)
    assert space is not None
    root = root_weights(design, rows)
    scale = np.ones((rows.size, 1)) if root is None else root[:, None]
    x = space.residuals(design.x[rows] * scale)
    y = space.residuals(design.extra.outcomes.columns[rows] * scale)
    used = sorted({design.terms.index(term) for terms in fit.extra.equations.values() for term in terms})
    allowed = agreement(max(scaling.condition(x[:, used]), scaling.condition(y)))
    powers, measures = scaling.scales(np.linalg.norm(x, axis=0)), scaling.scales(np.linalg.norm(y, axis=0))
    equations, factors = {}, []
    for m, (name, terms) in enumerate(fit.extra.equations.items()):
        places = [design.terms.index(term) for term in terms]
        equations[name] = (y[:, [m]] / measures[m], x[:, places] / powers[places])
        factors.append(measures[m] / powers[places])
    model = SUR(equations)
    theirs = model.fit(method="gls", full_cov=True, iterate=False, **_errors(design, rows, setting))
    factor = np.concatenate(factors)
    errors = None if setting is None else np.asarray(theirs.std_errors) * factor * root_factor(setting, fit, design)
    return Second("linearmodels SUR", fit.terms, np.asarray(theirs.params) * factor, errors, allowed)


def _errors(design: Design, rows: IntArray, setting: InferenceSpec | None) -> Keywords:
    """Settings of the covariance matrix, without a factor for small samples."""
    if setting is None:
        return {"cov_type": "unadjusted", "debiased": False}
    if setting.method != "cluster":
        raise NotConfirmedError("rows_of_equations_added_up")
    codes = np.column_stack([effect_codes(design, name)[rows] for name in setting.clusters])
    return {"cov_type": "clustered", "clusters": codes, "debiased": False, "group_debias": False}
