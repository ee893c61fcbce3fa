"""Regressions of a policy in linearmodels: two-way, and stacked with an experiment for each cohort."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, IntArray
from ruralpanel.estimate.families import confirm_linear
from ruralpanel.estimate.families.policy import dynamics, regressions, stacked
from ruralpanel.estimate.families.policy.cohorts import sample_of
from ruralpanel.estimate.families.second import NotConfirmedError, Second
from ruralpanel.project.kinds.estimator_keys import OfEstimator
from ruralpanel.project.kinds.estimators import ESTIMATORS, FE
from ruralpanel.project.kinds.inference import Cluster
from ruralpanel.project.settings import InferenceSpec


def again(design: Design, setting: InferenceSpec | None) -> Second:
    """The same regression in linearmodels; see `confirm_linear.again`.

    Raises
    ------
    NotConfirmedError
        A method that is no regression of rows.
    """
    method = design.spec.method or "twfe"
    if method == "twfe":
        return confirm_linear.again(regressions.regression(design), setting)
    if method not in ("stacked", "matched"):
        raise NotConfirmedError("no_such_method")
    whole = _of_experiments(design, method)
    if setting is not None and setting.clusters:
        by = tuple(map(_own, setting.clusters))
        setting = replace(setting, options=setting.of(Cluster).changed(by=by))
    return confirm_linear.again(whole, setting)


def _own(cluster: str) -> str:
    return f"own {cluster}"


def _of_experiments(design: Design, method: str) -> Design:
    """The stack as a weighted two-way regression: units and periods of each experiment, clusters of the panel's own."""
    sample = sample_of(design)
    own, cohorts = sample.design, sample.cohorts
    stack = (
        dynamics.matched_stack(own, cohorts)[0]
        if method == "matched"
        else stacked.stack(own, cohorts, dynamics.comparison_of(own))
    )
    columns = stacked.under_treatment(stack)
    terms: tuple[str, ...] = (regressions.STATIC,)
    if ESTIMATORS[design.spec.estimator].by_event_time:
        reference = regressions.reference_of(own, cohorts)
        times = stacked.present(stack, (t for t in regressions.event_times(own, cohorts) if t != reference))
        columns, terms = stacked.indicators(stack, times), tuple(time.term for time in times)
    rows = stack.rows

    def of_experiment(codes: IntArray) -> IntArray:
        return compact(stack.experiment * (int(codes.max()) + 1) + codes[rows])

    units, periods = of_experiment(own.unit_codes), of_experiment(own.period_codes)
    names = {name for setting in own.spec.inference for name in setting.clusters}
    return replace(
        own,
        spec=replace(own.spec, estimator=FE, method="", effects=("unit", "period"), options=OfEstimator()),
        y=own.y[rows],
        x=np.hstack([columns, own.x[rows]]),
        terms=(*terms, *own.terms),
        units=tuple(map(str, range(int(units.max()) + 1))),
        periods=tuple(range(int(periods.max()) + 1)),
        unit_codes=units,
        period_codes=periods,
        weights=stack.weights if own.weights is None else stack.weights * own.weights[rows],
        clusters={
            "unit": units,
            "period": periods,
            **{_own(name): compact(effect_codes(own, name)[rows]) for name in sorted(names)},
        },
        calendar=(),
    )
