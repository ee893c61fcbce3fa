"""Refusals are set aside only where the model names them, and then said with every number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from as_written import describe, evaluate_claims
from dynamic_panels import designed, paths
from policy_panels import panel as policy_panel
from ruralpanel.claims.scorecard import scorecard_csv
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import cluster, covariance
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.output.words import clause
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec


def panel(units: int = 24, periods: int = 6, allow: Sequence[str] = ()) -> Design:
    rng = np.random.default_rng(3)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    x = rng.normal(size=(unit.size, 2))
    y = x.sum(axis=1) + rng.normal(size=units)[unit] + rng.normal(size=unit.size)
    return design_from_arrays(
        y,
        x,
        [f"u{u:02d}" for u in unit],
        2000 + period,
        effects=("unit", "period"),
        clusters={"region": unit % 4},
        allow=tuple(allow),
        extra=Further(coordinates=rng.uniform((100.0, 25.0), (104.0, 28.0), (units, 2))),
    )


REFUSED: list[tuple[str, dict[str, Any], InferenceSpec]] = [
    ("few_clusters", {}, InferenceSpec("cluster", {"by": "region"})),
    ("few_clusters", {}, InferenceSpec("wild_cluster", {"by": "region", "draws": 99, "interval": False})),
    ("few_clusters", {"units": 5}, InferenceSpec("permutation", {"draws": 99})),
    ("normal_critical_values", {}, InferenceSpec("cluster", {"critical": "normal"})),
    ("few_periods", {}, InferenceSpec("driscoll_kraay", {"lag": 2})),
    ("few_units", {"units": 12}, InferenceSpec("conley", {"cutoff_km": 100, "small_sample": "CR1"})),
    ("wide_cutoff", {}, InferenceSpec("conley", {"cutoff_km": 2000, "small_sample": "CR1"})),
    ("independent_rows", {}, InferenceSpec("hc", {"kind": "HC1"})),
]


@pytest.mark.parametrize(("name", "size", "setting"), REFUSED)
def test_a_refusal_names_its_override_and_gives_way_to_it(
    name: str, size: dict[str, Any], setting: InferenceSpec
) -> None:
    d = panel(**size)
    with pytest.raises(UserError, match=rf"write allow: \[{name}\] in the model"):
        infer(fit(d), d, setting, 0)
    other = "few_sets" if name != "few_sets" else "few_units"
    with pytest.raises(UserError):
        wrong = panel(**size, allow=[other])
        infer(fit(wrong), wrong, setting, 0)
    allowed = panel(**size, allow=[name])
    result = infer(fit(allowed), allowed, setting, 0)
    assert np.isfinite(result.p_value).all()
    (override,) = result.overrides
    assert override.code == "override" and override.values["allow"] == name
    assert clause(override, "en").startswith(f"allow: {name}: ")


def test_the_overridden_numbers_are_the_formula_s() -> None:
    """Four clusters: CR1 by hand."""
    d = panel(allow=["few_clusters"])
    found = fit(d)
    sums = np.array([found.scores[d.clusters["region"] == g].sum(axis=0) for g in range(4)])
    codes = cluster.cluster_codes(d, "region", found.rows)
    k = covariance.parameters(found, d, [codes])
    factor = 4 / 3 * (d.y.size - 1) / (d.y.size - k)
    expected = np.sqrt(np.diag(factor * found.bread @ sums.T @ sums @ found.bread))
    result = infer(found, d, InferenceSpec("cluster", {"by": "region", "small_sample": "CR1"}), 0)
    np.testing.assert_allclose(result.std_error, expected, rtol=1e-10)


def test_one_cluster_cannot_be_allowed() -> None:
    d = panel(allow=["few_clusters"])
    one = replace(d, clusters={**d.clusters, "region": np.zeros(d.y.size, dtype=np.intp)})
    with pytest.raises(UserError, match="with 1 clusters"):
        infer(fit(one), one, InferenceSpec("cluster", {"by": "region"}), 0)


def test_as_many_instruments_as_units() -> None:
    y, x = paths(np.random.default_rng(0), 12, 8)
    options = {"options": {"collapse": False}}
    d = designed(y, x, "difference_gmm", **options)
    with pytest.raises(UserError, match=r"allow: \[many_instruments\]") as error:
        fit(d)
    assert error.value.problems[0].where == "models.model.method"
    allowed = replace(d, spec=replace(d.spec, allow=("many_instruments",)))
    found = fit(allowed)
    assert np.isfinite(found.params).all() and found.overrides[0].values["allow"] == "many_instruments"
    result = estimate(allowed.spec, allowed, 1, "")
    assert result.overrides == found.overrides and found.overrides[0] in result.notes


@pytest.mark.parametrize("method", ["difference_gmm", "system_gmm"])
def test_more_coefficients_than_units_are_refused_whatever_is_allowed(method: str) -> None:
    y, x = paths(np.random.default_rng(0), 6, 8)
    d = designed(y, x, method, effects=("unit", "period"), allow=("many_instruments",))
    with pytest.raises(UserError, match=r"coefficients \(2 terms, .* for periods and constant\) with 6 units"):
        fit(d)


def test_one_treated_unit() -> None:
    dates = [2004.0, *[np.inf] * 11]
    make = lambda **more: policy_panel(  # noqa: E731
        dates, list(range(2000, 2008)), np.random.default_rng(0), method="twfe", **more
    )
    with pytest.raises(UserError, match=r"allow: \[few_treated\]"):
        fit(make())
    found = fit(make(allow=("few_treated",)))
    assert clause(found.overrides[0], "en").startswith("allow: few_treated: 1 treated unit")


def test_an_override_without_need_is_said() -> None:
    d = panel(allow=["few_periods"])
    result = estimate(d.spec, d, 1, "")
    assert note("allow_unneeded", name="few_periods") in result.notes
    assert result.overrides == ()


def test_every_table_and_the_scorecard_say_it(tmp_path: Path) -> None:
    d = panel(allow=["few_clusters"])
    spec = replace(d.spec, name="m", inference=(InferenceSpec("cluster", {"by": "region", "small_sample": "CR1"}),))
    result = estimate(spec, d, 1, "")
    result.to_json(tmp_path / "models" / "m.json")
    context = OutputContext(tmp_path)
    for kind in ({}, {"type": "by_outcome", "term": "x1"}, {"type": "diagnostics"}):
        table = build("t", {"models": ["m"], **kind}, context)
        assert sum("allow: few_clusters: 4 clusters: needs at least 10" in note for note in table.notes) == 1
    statistics: dict[str, Any] = {"panel": {}}
    claims = {"H1": {"claim": "a", "estimand": {"model": "m", "term": "x1"}, "others": [{"model": "m", "term": "x2"}]}}
    model = context.models(["m"])[0]
    design = describe(model, claims["H1"]["estimand"], claims["H1"], statistics)  # type: ignore[arg-type]
    assert design.overrides == result.overrides
    rows = evaluate_claims(claims, {"m": model}, statistics)
    assert any(clause(one, "en").startswith("allow: few_clusters") for one in rows[0].reasons)
    assert scorecard_csv(rows).count("few_clusters") == 3
