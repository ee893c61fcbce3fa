"""Two-way regressions of a policy in linearmodels."""

from __future__ import annotations

from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.families import confirm_linear
from ruralpanel.estimate.families.policy import regressions
from ruralpanel.estimate.families.second import NotConfirmedError, Second
from ruralpanel.project.settings import InferenceSpec


def again(design: Design, setting: InferenceSpec | None) -> Second:
    """The same regression in linearmodels; see `confirm_linear.again`.

    Raises
    ------
    NotConfirmedError
        Another method than twfe.
    """
    method = design.spec.method or "twfe"
    if method != "twfe":
        raise NotConfirmedError("no_such_method")
    return confirm_linear.again(regressions.regression(design), setting)
