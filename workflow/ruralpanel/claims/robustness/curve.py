"""One declared specification curve from the panel to its summary and its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.claims.robustness.curve_data import CurveData, curve_data
from ruralpanel.claims.robustness.curve_kernel import Estimates, estimate_curve
from ruralpanel.claims.robustness.curve_plan import Plan, plan
from ruralpanel.claims.robustness.curve_tests import SCHEMES, JointTest
from ruralpanel.claims.robustness.results import Choice, CurveSummary, Dimension, JointResult, Quantiles
from ruralpanel.claims.verdicts import SD_OF_OUTCOME, SHARE_OF_OUTCOME
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.inference.validity import UNIT_CLUSTERS, generator
from ruralpanel.project.problems import CONFIGURATION
from ruralpanel.project.sections.configuration import SmallestEffect, SpecificationCurve
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.units import Units

SIGNIFICANT = 0.05
SIGNS = {"positive": 1, "negative": -1, "not_negative": 1}
NUMBERS = (
    "estimate", "std_error", "p_value", "ci_low", "ci_high", "standardised", "in_delta",
    "n_obs", "n_units", "n_periods",
)  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """A curve's results: `summary` for the JSON, `rows` for the Parquet file beside it.

    `rows` has one line per specification: a column per dimension (the option taken), ``term`` and the numbers of
    `NUMBERS`; in the order of the declaration, so that the main specification comes first where it could be estimated.
    """

    summary: CurveSummary
    rows: pd.DataFrame


def run_curve(
    name: str,
    curve: SpecificationCurve,
    frame: pd.DataFrame,
    units: Units,
    samples: Mapping[str, Sample],
    seed: int,
    lags: Mapping[tuple[str, int], str] | None = None,
    by: str = "year",
    file: str = CONFIGURATION,
    smallest: SmallestEffect | None = None,
    logs: Sequence[str] = (),
) -> Curve:
    """Estimate and test a curve.

    Parameters
    ----------
    curve : an entry of ``specification_curves``.
    frame : the panel. samples : declared samples. lags, by : see `curve_plan.plan` and `curve_data.curve_data`.
    smallest : the smallest effect that matters, as a claim declares it. logs : outcomes that are logarithms.

    Raises
    ------
    UserError
        Names that the panel lacks.
    """
    declared = plan(curve, lags)
    where = f"specification_curves.{name}"
    data = curve_data(declared, frame, units, samples, by, file, where, curve.panel)
    joint = _joint_tests(name, curve, data, seed)
    estimates = estimate_curve(data, declared.specifications, smallest, logs, [test.add for test in joint.values()])
    found = {scheme: test.result() for scheme, test in joint.items()}
    tests = {scheme: None if test is None else JointResult(**vars(test), seed=seed) for scheme, test in found.items()}
    return Curve(_summary(name, curve, declared, estimates, tests, seed, smallest), _rows(declared, estimates))


def _joint_tests(name: str, curve: SpecificationCurve, data: CurveData, seed: int) -> dict[str, JointTest]:
    expected = SIGNS.get(curve.expected, 0)
    return {
        scheme: JointTest(
            data, curve.permutations, generator(seed, "specification_curve", name, scheme), expected, scheme
        )
        for scheme in (SCHEMES if curve.permutations else ())
    }


def _summary(
    name: str,
    curve: SpecificationCurve,
    declared: Plan,
    estimates: Estimates,
    tests: Mapping[str, JointResult | None],
    seed: int,
    smallest: SmallestEffect | None,
) -> CurveSummary:
    dropped = dict(declared.dropped)
    for reason, count in estimates.counted().items():
        dropped[reason] = dropped.get(reason, 0) + count
    main = 0 if estimates.members.size and estimates.members[0] == 0 else None
    sign = 0.0 if main is None else float(np.sign(estimates.estimate[0]))
    standardised, positive = estimates.standardised, estimates.estimate > 0
    quantiles = np.quantile(standardised, [0.05, 0.25, 0.5, 0.75, 0.95]) if standardised.size else np.full(5, np.nan)
    matters = {} if smallest is None else smallest.model_dump(exclude_unset=True)
    return CurveSummary(
        name=name,
        panel=curve.panel,
        term=curve.term,
        expected=curve.expected,
        dimensions=tuple(Dimension(key, options) for key, options in declared.dimensions.items()),
        n_declared=len(declared.specifications) + sum(declared.dropped.values()),
        n_specifications=int(estimates.members.size),
        dropped=dropped,
        main=None if main is None else _main(declared, estimates),
        median=float(quantiles[2]),
        quantiles=Quantiles(*quantiles.tolist()),
        share_same_sign=_share(np.sign(estimates.estimate) == sign) if sign else None,
        share_positive=_share(positive),
        share_negative=_share(estimates.estimate < 0),
        share_not_negative=_share(estimates.in_delta > -1.0),
        share_significant=_share(estimates.p_value < SIGNIFICANT),
        share_significant_positive=_share((estimates.p_value < SIGNIFICANT) & positive),
        share_significant_negative=_share((estimates.p_value < SIGNIFICANT) & ~positive),
        smallest_effect={"share_of_outcome": SHARE_OF_OUTCOME, "sd_of_outcome": SD_OF_OUTCOME, **matters},
        by_choice=tuple(_by_choice(declared, estimates)),
        permutation=tests.get("paths"),
        sign_changes=tests.get("signs"),
        inference={"method": UNIT_CLUSTERS.method, **UNIT_CLUSTERS.options.to_dict(given=True)},
        units_of_median="sd_of_outcome_per_sd_within_of_lever",
        seed=seed,
        rows=f"{name}.parquet",
    )


def _main(declared: Plan, estimates: Estimates) -> dict[str, str | float | None]:
    """The specification of first choices."""
    first = declared.specifications[0]
    numbers = {key: getattr(estimates, key)[0].item() for key in NUMBERS}
    return {**_choices(declared, 0), "term": first.term, **numbers}


def _choices(declared: Plan, position: int) -> dict[str, str]:
    return dict(zip(declared.dimensions, declared.specifications[position].choices, strict=True))


def _by_choice(declared: Plan, estimates: Estimates) -> Iterator[Choice]:
    """What the estimates look like under each option of each dimension that offers several."""
    for index, (dimension, options) in enumerate(declared.dimensions.items()):
        taken = np.array([declared.specifications[i].choices[index] for i in estimates.members.tolist()], dtype=object)
        for option in options if len(options) > 1 else ():
            chosen = taken == option
            yield Choice(
                dimension=dimension,
                option=option,
                n=int(chosen.sum()),
                median=float(np.median(estimates.standardised[chosen])) if chosen.any() else None,
                share_positive=_share(estimates.estimate[chosen] > 0),
                share_significant=_share(estimates.p_value[chosen] < SIGNIFICANT),
            )


def _share(flags: np.ndarray[Any, np.dtype[np.bool_]]) -> float | None:
    return float(np.mean(flags)) if flags.size else None


def _rows(declared: Plan, estimates: Estimates) -> pd.DataFrame:
    specifications = [declared.specifications[i] for i in estimates.members.tolist()]
    columns: dict[str, object] = {}
    for index, (dimension, options) in enumerate(declared.dimensions.items()):
        codes = [options.index(spec.choices[index]) for spec in specifications]
        columns[dimension] = pd.Categorical.from_codes(codes, pd.Index(options))
    terms = [spec.term for spec in specifications]
    columns["term"] = pd.Categorical(terms, pd.Index(list(dict.fromkeys(terms))))
    numbers: dict[str, FloatArray] = {key: getattr(estimates, key) for key in NUMBERS}
    return pd.DataFrame(columns | numbers)
