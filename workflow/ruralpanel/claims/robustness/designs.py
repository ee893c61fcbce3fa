"""Designs of the models that robustness asks of, whole and with units or rows left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, Fit, IntArray
from ruralpanel.estimate.estimators import fit as fit_model
from ruralpanel.estimate.places.geography import Geography
from ruralpanel.estimate.places.weights import among
from ruralpanel.project.kinds.estimators import ESTIMATORS, POLICY
from ruralpanel.project.notes import note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.settings import ModelSpec

FEW = 20
"""Random draws inside an estimator that is repeated."""


def designs_of(
    models: Iterable[ModelSpec],
    samples: Mapping[str, Sample],
    frame_of: Callable[[ModelSpec], pd.DataFrame],
    geography: Geography,
    by: Mapping[str, str],
) -> dict[str, Design]:
    """Model → its design.

    Parameters
    ----------
    models : specifications. samples : declared samples. frame_of : gives the panel of a model.
    geography : the cross-section and what is known of its places. by : panel → year or observation: how lags count.

    Raises
    ------
    UserError
        All problems of all models.
    """
    designs: dict[str, Design] = {}
    problems: list[Problem] = []
    for spec in models:
        try:
            designs[spec.name] = design_of(spec, samples, frame_of(spec), geography, by[spec.panel])
        except UserError as error:
            problems += error.problems
    raise_any(problems)
    return designs


def design_of(
    spec: ModelSpec,
    samples: Mapping[str, Sample],
    frame: pd.DataFrame,
    geography: Geography,
    by: str,
) -> Design:
    """The design of one model on its panel's `frame`; see `designs_of`."""
    return geography.placed(build_design(spec, frame, geography.units, samples.get(spec.sample), geography.file, by))


def subset(design: Design, rows: IntArray) -> Design:
    """`rows` of the design; units and periods without rows disappear from its labels.

    So are columns in `extra`, weights and coordinates by unit. Steps of definition breaks
    of units that are left out go too; other terms that the rest cannot tell apart are left out by the estimator
    (``drop_absorbed``).
    """
    units, periods = (np.flatnonzero(np.bincount(c[rows])) for c in (design.unit_codes, design.period_codes))
    clusters = {name: codes[rows] for name, codes in design.clusters.items()}
    clusters |= {"unit": compact(design.unit_codes[rows]), "period": compact(design.period_codes[rows])}
    steps = set(design.extra.steps)
    kept = [j for j, term in enumerate(design.terms) if term not in steps or design.x[rows, j].any()]
    return replace(
        quick(design),
        y=design.y[rows],
        x=design.x[rows][:, kept],
        terms=tuple(design.terms[j] for j in kept),
        units=tuple(design.units[code] for code in units),
        periods=tuple(design.periods[code] for code in periods),
        unit_codes=clusters["unit"],
        period_codes=clusters["period"],
        weights=None if design.weights is None else design.weights[rows],
        clusters=clusters,
        extra=among(design.extra.of_rows(rows, design.y.size), units),
    )


def quick(design: Design) -> Design:
    """The design for repeated estimates: few random draws inside the estimator."""
    spec, kind = design.spec, ESTIMATORS[design.spec.estimator]
    draws = "draws" in kind.keys and (spec.options.gives("draws") or kind.evidence == POLICY or not kind.slopes)
    if draws and getattr(spec.options, "draws", None) != FEW:
        spec = replace(spec, options=spec.options.changed(draws=FEW))
    spec = spec if spec.drop_absorbed else replace(spec, drop_absorbed=True)
    return design if spec is design.spec else replace(design, spec=spec)


def refit(design: Design) -> Fit:
    """The estimate alone, without placebos and tests that the estimator puts beside it.

    Raises
    ------
    UserError
        The model cannot be estimated, or its columns cannot be told apart.
    """
    try:
        return fit_model(design, beside=False)
    except np.linalg.LinAlgError as error:
        where = f"models.{design.spec.name}"
        raise UserError(
            Problem(
                CONFIGURATION,
                where,
                "columns that the rows left cannot tell apart",
                "terms that vary",
                reason=note("terms_alike_in_rows"),
            )
        ) from error
