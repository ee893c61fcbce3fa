"""From design to results: order of settings, what does not apply, streams, derived numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ruralpanel.estimate import diagnostics
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.results import Design, Fit
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.kinds.estimator_keys import MarginalEffect
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

DEFAULTS = (
    InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"}),
    InferenceSpec("wild_cluster", {"by": "unit", "draws": 199, "weights": "rademacher", "interval": True}),
    InferenceSpec("cluster", {"by": "unit", "small_sample": "CR2", "critical": "satterthwaite"}),
)


def panel(units: int = 20, periods: int = 5, **settings) -> Design:
    rng = np.random.default_rng(5)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    x = rng.normal(size=(unit.size, 2))
    columns = np.column_stack([x, x[:, 0] * rng.normal(size=units)[unit]])
    y = x.sum(axis=1) + rng.normal(size=units)[unit] + rng.normal(size=unit.size)
    settings = {
        "estimator": "fe",
        "effects": ("unit", "period"),
        "terms": ("roads", "schools", "roads:gap"),
        "inference": DEFAULTS,
    } | settings
    return design_from_arrays(y, columns, [f"CN-{u:02d}" for u in unit], 2012 + period, **settings)


def test_the_first_setting_fills_coefficients_and_vcov() -> None:
    d = panel()
    result = estimate(d.spec, d, 1, "sha")
    found = fit(d)
    first, wild, cr2 = (infer(found, d, setting, 1) for setting in DEFAULTS)
    assert first.std_error is not None and cr2.std_error is not None and first.vcov is not None
    for j, row in enumerate(result.coefficients):
        assert row.estimate == found.params[j]
        assert (row.std_error, row.p_value, row.df) == (first.std_error[j], first.p_value[j], 19)
        assert (row.p_wild, row.ci_wild_low, row.ci_wild_high) == (wild.p_value[j], wild.ci_low[j], wild.ci_high[j])
        assert result.inference[2].coefficients[j].std_error == cr2.std_error[j]
    assert result.vcov.type == "cluster" and result.vcov.small_sample == "CR1"
    assert np.array_equal(np.array(result.vcov.matrix), first.vcov)
    assert [entry.method for entry in result.inference] == ["cluster", "wild_cluster", "cluster"]
    assert result.inference[0].options.count == "nonnested"  # a default that nobody wrote is stated
    factor = note("CR1", G=20, N=100, K=8, counted="nonnested", factor=20 / 19 * 99 / 92)
    assert result.inference[0].small_sample == (factor,)
    assert (result.n_obs, result.n_units, result.n_periods) == (100, 20, 5)
    assert result.periods == (2012, 2013, 2014, 2015, 2016)
    assert result.panel_sha256 == "sha" and result.spec.written["name"] == "model"


def test_an_inherited_setting_that_does_not_apply_is_recorded() -> None:
    d = panel(estimator="between", effects=())
    result = estimate(d.spec, d, 1, "")
    assert result.inference[1].method == "wild_cluster"
    assert result.inference[1].not_available == note("needs_rows_in_clusters")
    assert result.coefficients[0].p_wild is None and result.coefficients[0].std_error is not None
    assert (result.n_obs, result.n_units, result.n_periods) == (20, 20, 5)


def test_a_first_setting_that_does_not_apply_stops_the_model() -> None:
    d = panel(estimator="between", effects=(), inference=(DEFAULTS[1], DEFAULTS[0]))
    with pytest.raises(UserError, match="one row per cluster"):
        estimate(d.spec, d, 1, "")


def test_a_bootstrap_may_come_first() -> None:
    d = panel(inference=(DEFAULTS[1],), marginal_effects=(MarginalEffect(of="roads", over="gap"),))
    result = estimate(d.spec, d, 1, "")
    row = result.coefficients[0]
    assert row.std_error is None and row.detectable is None and row.p_value == row.p_wild
    assert result.vcov.matrix is None and "joint" not in result.tests
    assert result.marginal_effects[0].method == "cluster"


def test_without_settings_the_panel_decides() -> None:
    d = panel(inference=())
    assert estimate(d.spec, d, 1, "").inference[0].method == "cluster"
    rng = np.random.default_rng(1)
    cross = design_from_arrays(
        rng.normal(size=30), rng.normal(size=30), range(30), estimator="pooled", inference=(),
    )  # fmt: skip
    result = estimate(cross.spec, cross, 1, "")
    assert result.inference[0].options.kind == "HC3"
    assert result.tests.keys() == {"joint", "breusch_pagan"}


def test_an_estimator_with_errors_of_its_own_shows_them_first(monkeypatch: pytest.MonkeyPatch) -> None:
    d = panel()

    def own(design: Design) -> Fit:
        return replace(
            fit(design),
            vcov=np.eye(3) * 4.0,
            vcov_type=(note("windmeijer"),),
            extra=Parts(spread={"roads": 2.0}),
            n_dropped={"first differences": 20},
            tests={"hansen": Test(3.0, 2.0, 0.22)},
            notes=(note("lags_collapsed"),),
        )

    monkeypatch.setattr(diagnostics, "estimator", lambda *_: own)
    result = estimate(d.spec, d, 1, "")
    assert [entry.method for entry in result.inference] == ["own", "cluster", "wild_cluster", "cluster"]
    assert result.coefficients[0].std_error == 2.0 and result.coefficients[0].df is None
    assert result.tests["hansen"].statistic == 3.0 and result.tests["joint"].df == 3.0
    assert result.to_dict()["spread"] == {"roads": 2.0}
    assert result.n_dropped == {"first differences": 20} and note("lags_collapsed") in result.notes


def test_joint_test_of_classical_errors_is_the_wald_test() -> None:
    d = panel(inference=(InferenceSpec("classical"),))
    result = estimate(d.spec, d, 1, "")
    b = np.array([row.estimate for row in result.coefficients])
    value = b @ np.linalg.solve(np.array(result.vcov.matrix), b) / 3
    assert result.tests["joint"].statistic == pytest.approx(value)
    assert result.tests["joint"].p_value == pytest.approx(stats.f.sf(value, 3, fit(d).df_resid))


def test_spread_of_terms_and_outcome() -> None:
    d = panel()
    row = estimate(d.spec, d, 1, "").coefficients[0]
    x = d.x[:, 0]
    within = x - np.array([x[d.unit_codes == u].mean() for u in d.unit_codes])
    assert row.sd == pytest.approx(np.std(x, ddof=1))
    assert row.sd_within == pytest.approx(np.sqrt(np.sum(within**2) / 99))


def test_draws_depend_on_seed_and_names_alone() -> None:
    d = panel()
    first = estimate(d.spec, d, 1, "")
    assert first == estimate(d.spec, d, 1, "")
    assert first.coefficients[1].ci_wild_low != estimate(d.spec, d, 2, "").coefficients[1].ci_wild_low
    renamed = replace(d.spec, name="other")
    assert first.coefficients[1].ci_wild_low != estimate(renamed, d, 1, "").coefficients[1].ci_wild_low


def test_marginal_effects_carry_the_bootstrap_and_mistakes_are_all_reported() -> None:
    d = panel(marginal_effects=(MarginalEffect(of="roads", over="gap"),))
    effects = estimate(d.spec, d, 1, "").marginal_effects
    assert all(0 < row.p_wild <= 1 for row in effects[0].points)
    bad = replace(
        d.spec, marginal_effects=(MarginalEffect(of="roads", over="x"), MarginalEffect(of="rail", over="gap"))
    )
    with pytest.raises(UserError) as error:
        estimate(bad, d, 1, "")
    assert len(error.value.problems) == 2


def estimated_into(file: Path) -> None:
    d = panel(marginal_effects=(MarginalEffect(of="roads", over="gap"),))
    estimate(d.spec, d, 3, "x").to_json(file)


@pytest.mark.slow
def test_same_bytes_under_another_hash_seed(tmp_path: Path) -> None:
    here = Path(__file__).parent
    code = "import sys; from pathlib import Path; import test_estimate; test_estimate.estimated_into(Path(sys.argv[1]))"
    files = [tmp_path / "here.json", tmp_path / "there.json"]
    estimated_into(files[0])  # by this process, under the seed that it has
    paths = os.pathsep.join(map(str, (here, here.parent, here.parents[1] / "workflow")))
    seed = "0" if os.environ.get("PYTHONHASHSEED") == "4711" else "4711"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", code, str(files[1])], check=True, env=environment)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads(files[0].read_text())["model"] == "model"
