"""Classes and functions of what a configuration and results' JSON hold: tests write both as people and programs do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from ruralpanel.claims import designs, numbers, scorecard
from ruralpanel.claims.designs import ClaimEstimate, Statistics
from ruralpanel.claims.numbers import ClaimNumber
from ruralpanel.claims.robustness import curve_plan, families
from ruralpanel.claims.robustness.curve_plan import Plan
from ruralpanel.claims.robustness.results import CurveSummary, Family, Robustness
from ruralpanel.claims.scorecard import ClaimRow, Scorecard
from ruralpanel.estimate.base.model import Model, Setting
from ruralpanel.estimate.base.model_json import made, read_results, write_results
from ruralpanel.project.sections.configuration import Estimand, Hypothesis, SpecificationCurve

Written = Mapping[str, Any]
T = TypeVar("T")


def as_read(values: Any) -> Any:
    """What `read_results` gives of values once they are written."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "values.json"
        write_results(file, {"values": values})
        return read_results(file)["values"]


def model_of(values: Written) -> Model:
    """A model's results."""
    return made(Model, as_read(values))


def setting_of(values: Written) -> Setting:
    """A setting of inference of a model's results."""
    return made(Setting, as_read(values))


def claim_of(values: Written) -> Hypothesis:
    """A claim; what it says may be left out."""
    return Hypothesis.model_validate({"claim": "a", **values})


def claims_of(values: Mapping[str, Written]) -> dict[str, Hypothesis]:
    """Claims by name."""
    return {name: claim_of(claim) for name, claim in values.items()}


def find_estimand(model: Written | Model, wanted: Written, file: str, where: str) -> ClaimNumber:
    """`numbers.find_estimand`."""
    return numbers.find_estimand(_one(Model, model), Estimand.model_validate(wanted), file, where)


def describe(
    model: Written | Model, estimand: Written, claim: Written, statistics: Statistics, **more: Any
) -> ClaimEstimate:
    """`designs.describe`."""
    wanted = Estimand.model_validate(estimand)
    return designs.describe(_one(Model, model), wanted, claim_of(claim), statistics, **more)


def evaluate_claims(
    claims: Mapping[str, Written],
    models: Mapping[str, Written | Model],
    statistics: Statistics,
    curves: Mapping[str, Written] | None = None,
    family_p: Mapping[str, float] | None = None,
    robustness: Mapping[str, Written] | None = None,
) -> tuple[ClaimRow, ...]:
    """`scorecard.evaluate_claims`."""
    found = {name: _one(Robustness, {"model": name, **part}) for name, part in (robustness or {}).items()}
    return scorecard.evaluate_claims(
        claims_of(claims), _all(Model, models), statistics, _all(CurveSummary, curves or {}), family_p, found
    )


def _one(kind: type[T], values: Written | T) -> T:
    return made(kind, as_read(values)) if isinstance(values, Mapping) else values


def _all(kind: type[T], values: Mapping[str, Written | T]) -> dict[str, T]:
    return {name: _one(kind, part) for name, part in values.items()}


def plan(curve: Written, lags: Mapping[tuple[str, int], str] | None = None) -> Plan:
    """`curve_plan.plan`."""
    return curve_plan.plan(curve_of(curve), lags)


def curve_of(values: Written) -> SpecificationCurve:
    """A specification curve."""
    return SpecificationCurve.model_validate({"panel": "p", **values})


def run_family(name: str, claims: Mapping[str, Written], *rest: Any, **more: Any) -> Family:
    """`families.run_family`."""
    estimands = {claim: Estimand.model_validate(estimand) for claim, estimand in claims.items()}
    return families.run_family(name, estimands, *rest, **more)


def design_of(**values: Any) -> ClaimEstimate:
    """A design of which a test says what it is about."""
    usual: dict[str, Any] = {
        "model": "m", "label": "", "label_zh": "", "estimator": "fe", "evidence": "within", "causal": False,
        "panel": "p", "outcome": "y", "outcomes": ("y",), "term": "x", "lever": "x", "at": {}, "estimate": 1.0,
        "std_error": 0.5, "ci_low": 0.0, "ci_high": 2.0, "p_value": 0.1, "interval": "cluster", "has_interval": True,
        "delta": None, "delta_per": "", "in_delta": None, "in_delta_low": None, "in_delta_high": None,
        "detectable": None, "detectable_by": "", "n_obs": 80, "n_units": 10, "n_periods": 8, "plain": None,
        "overrides": (), "diagnostics": (), "file": "models/m.json", "pointer": "/coefficients/0",
    }  # fmt: skip
    return ClaimEstimate(**{**usual, **values})


def row_of(claim: str, verdict: str, design: ClaimEstimate | None = None, **values: Any) -> ClaimRow:
    """A claim of the scorecard of which a test says what it is about."""
    usual: dict[str, Any] = {
        "text": "", "text_zh": "", "expected": "two_sided", "sign": 0, "reasons": (), "others": (),
        "others_missing": (), "agreement": None, "family": "", "p_family": None, "cannot_show": "",
        "cannot_show_zh": "", "meaning": "", "meaning_zh": "", "benchmarks": (),
    }  # fmt: skip
    return ClaimRow(claim=claim, verdict=verdict, design=design, **{**usual, **values})


def with_claim(card: Scorecard, claim: str, **changes: Any) -> Scorecard:
    """A scorecard with one claim changed."""
    return replace(card, claims=tuple(replace(row, **changes) if row.claim == claim else row for row in card.claims))
