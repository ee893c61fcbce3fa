"""What every policy estimator reports beside its estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ruralpanel.estimators.base import Design, Fit, Test
from ruralpanel.estimators.cohorts import Sample
from ruralpanel.inference.streams import generator
from ruralpanel.inference.validity import refuse

LEAST_TREATED = 2
"""Treated (and untreated) units that errors by clusters need: with one its residuals are zero."""

FEW_TREATED = 8
"""Below this a note says that clustered errors are too small (MacKinnon and Webb 2018)."""


def treatment_summary(sample: Sample) -> dict[str, Any]:
    """Counts of units, and each cohort's date and units."""
    cohorts, units = sample.cohorts, sample.design.units
    return {
        "n_treated": int(cohorts.treated.sum()),
        "n_untreated": int((~cohorts.treated).sum()),
        "periods_before": int(min(cohorts.starts)),
        "cohorts": [
            {
                "first": cohorts.date(start),
                "first_in_sample": int(cohorts.periods[start]),
                "units": [units[i] for i in np.flatnonzero(cohorts.start == start)],
            }
            for start in cohorts.starts
        ],
    }


def finished(
    fit: Fit, sample: Sample, tests: Mapping[str, Test], notes: tuple[str, ...], extra: Mapping[str, Any]
) -> Fit:
    """The fit with its rows counted in the original design, and with the sample's notes and losses."""
    lost = {**sample.dropped, **fit.extra.get("n_dropped", {})}
    unused = sample.rows.size - np.unique(fit.rows).size - sum(fit.extra.get("n_dropped", {}).values())
    if unused > 0:
        lost["in no comparison"] = unused
    every = {**fit.extra, **extra}
    if lost:
        every["n_dropped"] = lost
    return replace(
        fit,
        rows=sample.rows[fit.rows],
        tests={**fit.tests, **tests},
        notes=(*sample.notes, *fit.notes, *notes, *pre_period_notes(sample), *few_treated(sample)),
        extra=every,
    )


def pre_period_notes(sample: Sample) -> tuple[str, ...]:
    """A note where what came before treatment is a single difference or none."""
    before = min(sample.cohorts.starts)
    periods = ", ".join(str(p) for p in sample.design.periods[:before])
    whose = "" if sample.cohorts.single else " of the units treated first"
    if before == 1:
        return (f"one period before treatment{whose} ({periods}): whether their trends were parallel is not seen",)
    if before == 2:
        return (f"two periods before treatment{whose} ({periods}): all that is known of trends is one difference",)
    return ()


def few_treated(sample: Sample) -> tuple[str, ...]:
    """A note where clustered errors rest on few treated or untreated units."""
    treated, others = int(sample.cohorts.treated.sum()), int((~sample.cohorts.treated).sum())
    least, who = min((treated, "treated"), (others or treated, "untreated"))
    if least >= FEW_TREATED:
        return ()
    return (f"{least} {who} units: clustered errors are too small; see the randomisation p-value",)


def need_treated(sample: Sample, method: str, otherwise: str) -> tuple[str, ...]:
    """Stop where errors clustered by unit cannot be had, unless allowed (``few_treated``); `otherwise`: what to do.

    Raises
    ------
    UserError
        Fewer than two treated units.
    """
    treated = int(sample.cohorts.treated.sum())
    if treated >= LEAST_TREATED:
        return ()
    return refuse(
        sample.design,
        "few_treated",
        f"{treated} treated unit with method {method}",
        f"at least {LEAST_TREATED}: the residuals of a single treated unit say nothing of its noise",
        otherwise,
        where="treatment",
    )


def stream(design: Design, what: str) -> np.random.Generator:
    """Random numbers of one use within one model."""
    return generator(int(design.spec.options.get("seed") or 0), design.spec.name, what)
