"""Two-way fixed-effects regressions of a policy: one effect, or one per event time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError
from ruralpanel.estimators import event_terms, least_squares
from ruralpanel.estimators.base import Design, Fit, FloatArray
from ruralpanel.estimators.cohorts import Cohorts
from ruralpanel.estimators.event_terms import EventTime

STATIC = "treated"


def static(design: Design, cohorts: Cohorts, group_trends: bool = False) -> Fit:
    """The effect of being under treatment, unit and period effects and controls removed.

    With `group_trends` each cohort of treated units has a linear trend of its own beside.
    """
    columns, terms = [event_terms.treated_rows(design, cohorts)[:, None]], [STATIC]
    if group_trends:
        event_terms.need_pre_periods(design, cohorts, 2, "group_trends")
        matrix, names = event_terms.trends(design, cohorts)
        columns.append(matrix)
        terms += names
    return regress(design, np.hstack(columns), tuple(terms))


def dynamic(design: Design, cohorts: Cohorts, times: tuple[EventTime, ...], group_trends: bool = False) -> Fit:
    """Effects at the given event times (all but the reference, or with trends those after treatment).

    Raises
    ------
    UserError
        No unit is never treated: event times, units and periods then determine each other.
    """
    if cohorts.treated.all():
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.method",
                "twfe by event time without units that are never treated",
                "units that are never treated in the sample",
                "use method: imputation, or callaway_santanna with comparison: not_yet",
            )
        )
    columns, terms = [event_terms.indicators(design, cohorts, times)], [time.term for time in times]
    if group_trends:
        event_terms.need_pre_periods(design, cohorts, 2, "group_trends")
        matrix, names = event_terms.trends(design, cohorts)
        columns.append(matrix)
        terms += names
    return regress(design, np.hstack(columns), tuple(terms))


def regress(design: Design, columns: FloatArray, terms: tuple[str, ...]) -> Fit:
    """Two-way fixed effects of the outcome on `columns` and the design's controls."""
    spec = replace(design.spec, estimator="fe", effects=("unit", "period"))
    return least_squares.fe(replace(design, x=np.hstack([columns, design.x]), terms=(*terms, *design.terms), spec=spec))
