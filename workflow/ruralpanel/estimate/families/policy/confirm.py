"""Two-way regressions of a policy in linearmodels."""

from __future__ import annotations

from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.families import confirm_linear
from ruralpanel.estimate.families.policy import regressions
from ruralpanel.estimate.families.policy.cohorts import sample_of
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
        raise NotConfirmedError(f"neither linearmodels nor statsmodels has the method {method}")
    sample = sample_of(design)
    trends = bool(design.spec.options.get("group_trends", False))
    if design.spec.estimator == "did":
        return confirm_linear.again(regressions.static_design(sample.design, sample.cohorts, trends), setting)
    reference = regressions.reference_of(sample.design, sample.cohorts)
    times = regressions.event_times(sample.design, sample.cohorts)
    kept = tuple(time for time in times if (time.post if trends else time != reference))
    return confirm_linear.again(regressions.dynamic_design(sample.design, sample.cohorts, kept, trends), setting)
