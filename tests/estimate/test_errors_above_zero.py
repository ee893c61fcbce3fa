"""No error of zero or none is written or printed beside an estimate, and advice leads to a method that applies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import special

from dynamic_panels import designed, paths
from iv_panels import panel as iv_panel
from policy_panels import panel as policy_panel
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.model_json import cleared
from ruralpanel.estimate.base.results import Design, Fit, Further, Named
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import estimator
from ruralpanel.estimate.families.decomposition import heavy_tailed
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.regression import build_regression
from ruralpanel.project.kinds.inference import INFERENCE
from ruralpanel.project.kinds.tables import Regression
from ruralpanel.project.model_keys import inference_spec
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec
from shift_share_panels import shift_share

pytestmark = pytest.mark.slow

UNITS, PERIODS = 24, 8
GROUPS = {f"u{i:02d}": ("West", "East", "Middle")[i % 3] for i in range(UNITS)}


def plain(name: str, effects: tuple[str, ...] = ("unit", "period"), k: int = 2, **settings: object) -> Design:
    rng = np.random.default_rng(4)
    unit, period = np.repeat(np.arange(UNITS), PERIODS), np.tile(np.arange(PERIODS), UNITS)
    x = rng.normal(size=(unit.size, k)) + rng.normal(size=UNITS)[unit, None] - (unit % 3 == 0)[:, None]
    y = x.sum(axis=1) + rng.normal(size=UNITS)[unit] + rng.normal(size=unit.size)
    if name == "ppml":
        y = np.exp(y / 4)
    extra = Further(groups=GROUPS, coordinates=rng.uniform((80.0, 22.0), (125.0, 48.0), (UNITS, 2)))
    if name == "sur":
        outcomes = np.column_stack([y, x @ [0.5, 1.0] + rng.normal(size=y.size)])
        extra = replace(extra, outcomes=Named(("a", "b"), outcomes))
    return design_from_arrays(
        y,
        x,
        [f"u{u:02d}" for u in unit],
        2000 + period,
        estimator=name,
        effects=effects,
        extra=extra,
        **{**settings},  # type: ignore[arg-type]
    )


GAP = {"gap": {"by": "region", "group": "West", "reference": "East"}}
BLOCKS = {**GAP, "blocks": {"a": ["x1"], "b": ["x2"]}, "draws": 199}
DATES = [2004.0 if i % 3 == 0 else np.inf for i in range(UNITS)]


def policy(kind: str, method: str) -> Design:
    rng = np.random.default_rng(2)
    years = list(range(2000, 2000 + PERIODS))
    options = {"draws": 99}
    return policy_panel(DATES, years, rng, effect=1.0, estimator=kind, method=method, options=options)


DESIGNS: dict[str, Callable[[], Design]] = {
    "pooled": lambda: plain("pooled", ()),
    "between": lambda: plain("between", ()),
    "fe": lambda: plain("fe"),
    "fd": lambda: plain("fd", ("period",)),
    "re": lambda: plain("re", ()),
    "ppml": lambda: plain("ppml"),
    "sur": lambda: plain("sur"),
    "cce": lambda: plain("cce", (), 1),
    "decomposition": lambda: plain("decomposition", (), method="gelbach", options=BLOCKS),
    "counterfactual": lambda: plain("counterfactual", options={**GAP, "levers": ["x1"]}),
    "iv": lambda: iv_panel(units=UNITS),
    "iv_gmm": lambda: iv_panel(units=UNITS, method="gmm"),
    "liml": lambda: iv_panel(units=UNITS, method="liml"),
    "shift_share": lambda: shift_share(units=UNITS, sectors=24),
    "bias_corrected": lambda: designed(*paths(np.random.default_rng(1), UNITS, 9), "bias_corrected"),
    "difference_gmm": lambda: designed(*paths(np.random.default_rng(1), UNITS, 9), "difference_gmm"),
    **{f"did_{m}": (lambda m=m: policy("did", m)) for m in ("twfe", "imputation", "callaway_santanna", "synthetic")},
    **{f"event_{m}": (lambda m=m: policy("event_study", m)) for m in ("twfe", "callaway_santanna", "imputation")},
}

SETTINGS = {
    "cluster": {},
    "hc": {"kind": "HC1"},
    "conley": {"cutoff_km": 400.0, "small_sample": "CR1"},
    "wild_cluster": {"draws": 99, "interval": False},
    "permutation": {"draws": 99},
    "treatment": {"draws": 99},
}


def spread(d: Design, found: Fit) -> np.ndarray:
    """Errors of which no honest method is far away: the estimator's own, or those clustered by unit."""
    method = "own" if found.vcov is not None else "cluster"
    error = infer(found, d, InferenceSpec(method), 1).std_error
    assert error is not None
    return error


@pytest.mark.parametrize("name", DESIGNS)
def test_methods_give_errors_of_the_right_size_or_are_not_available(name: str) -> None:
    d = DESIGNS[name]()
    found = estimator(d.spec.estimator)(d)
    own = spread(d, found)
    for method in INFERENCE:
        try:
            result = infer(found, d, InferenceSpec(method, SETTINGS.get(method, {})), 1)
        except UserError as error:
            for problem in error.problems:
                if problem.fix.startswith("use {"):
                    words = problem.fix.removeprefix("use ").split("}")[0] + "}"
                    instead = infer(found, d, inference_spec(yaml.safe_load(words)), 1)
                    assert np.isfinite(instead.p_value).any()
            continue
        if result.std_error is None:
            assert np.isfinite(result.p_value).any(), method
            continue
        there = np.isfinite(result.std_error) & np.isfinite(own)
        assert there.any() and (result.std_error[there] > 0).all(), method
        ratio = result.std_error[there] / own[there]
        assert ratio.min() > 0.2 and ratio.max() < 5.0, (method, ratio)


def test_seemingly_unrelated_regressions_are_led_to_clusters_in_one_step() -> None:
    """`classical` led to `own`, which led to `cluster`."""
    d = plain("sur")
    found = estimator("sur")(d)
    for method in ("classical", "own", "permutation", "wild_cluster"):
        with pytest.raises(UserError, match=r"use \{vcov: cluster, by: unit, small_sample: CR1, critical: t\}"):
            infer(found, d, InferenceSpec(method), 1)


def test_a_decomposition_s_shares_have_percentiles_and_no_standard_error() -> None:
    """A total near zero in some draws makes shares heavy-tailed: their standard error would be in the hundreds."""
    d = plain("decomposition", (), method="gelbach", options=BLOCKS, inference=(InferenceSpec("cluster"),))
    result = estimate(d.spec, d, 1, "")
    methods = [(entry.method, entry.not_available is not None) for entry in result.inference]
    assert methods == [("own", False), ("cluster", True)]
    for row in result.coefficients:
        ratio = row.term.startswith(("share_", "lead_"))
        assert (row.std_error is None) == ratio and row.ci_low is not None and row.ci_high is not None
        assert row.p_value is not None and (row.p_value < 0.05) == (row.ci_low > 0 or row.ci_high < 0)
    assert note("no_ratios") in result.inference[0].small_sample
    assert "joint" not in result.tests


def test_counterfactual_clusters_are_its_own_errors() -> None:
    d = plain("counterfactual", options={**GAP, "levers": ["x1"]})
    found = estimator("counterfactual")(d)
    own, clustered = (infer(found, d, InferenceSpec(method), 1).std_error for method in ("own", "cluster"))
    np.testing.assert_allclose(clustered, own, rtol=1e-9)


def test_a_perfect_fit_has_no_errors() -> None:
    d = plain("fe")
    exact = replace(d, y=d.x @ [2.0, -1.0])
    with pytest.raises(UserError, match="a perfect fit: the residuals are zero but for rounding"):
        infer(estimator("fe")(exact), exact, InferenceSpec("cluster"), 1)


def test_a_term_without_variance_loses_its_error_alone() -> None:
    d = plain("fe")
    found = estimator("fe")(d)
    bread = found.bread.copy()
    bread[1, :] = 0.0
    result = infer(replace(found, bread=bread, x=None, y=None), d, InferenceSpec("cluster"), 1)
    assert result.std_error is not None and result.std_error[0] > 0 and np.isnan(result.std_error[1])
    assert np.isnan([result.p_value[1], result.ci_low[1]]).all()
    assert note("no_error", terms=["x2"]) in result.notes


def test_what_is_written_and_read_is_cleared_of_errors_of_zero(tmp_path: Path) -> None:
    good = {"estimate": 1.0, "std_error": 0.5, "p_value": 0.04, "ci_low": 0.0}
    bad = {"term": "x", "estimate": 1.0, "std_error": 0.0, "statistic": None, "df": 9.0, "p_value": 0.0, "ci_low": 1.0}
    found = cleared({"a": [good, bad]})["a"]
    assert found[0] == good
    assert found[1] == {"term": "x", "estimate": 1.0} | dict.fromkeys(
        ("std_error", "statistic", "df", "p_value", "ci_low")
    )
    d = plain("fe")
    result = estimate(d.spec, d, 1, "")
    path = tmp_path / "models" / "m.json"
    result.to_json(path)
    values = json.loads(path.read_text(encoding="utf-8"))
    for holder in (values, values["inference"][0]):
        holder["coefficients"][0] |= {"std_error": 0.0, "p_value": 0.0}
    path.write_text(json.dumps(values), encoding="utf-8")
    table = build_regression(
        "main", Regression(models=("m",), stars=True, show=("std_error", "p_value")), OutputContext(tmp_path)
    )
    shown = [row.cells[0].text for row in table.rows if row.key == "x1"]
    assert "*" not in shown[0] and not any(shown[1:])


@pytest.mark.parametrize("name", ["fe", "re", "sur", "iv", "iv_gmm", "event_twfe", "event_callaway_santanna"])
def test_every_f_has_the_p_value_of_the_statistic_shown(name: str) -> None:
    """With clusters the first stage's F and Anderson–Rubin's stood unscaled beside the p-value of the scaled one."""
    d = DESIGNS[name]()
    clustered = (InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1"}),)
    result = estimate(replace(d.spec, inference=clustered), d, 1, "")
    first = [entry.f for entry in (result.first_stage.endogenous if result.first_stage else ())]
    found = [(test.statistic, test.df, test.p_value) for test in result.tests.values()]
    found += [(test.statistic, test.df, test.p_value) for test in first]
    checked = 0
    for statistic, df, p_value in found:
        if isinstance(df, (tuple, list)) and np.isfinite(statistic):
            assert p_value == pytest.approx(special.fdtrc(*df, statistic))
            checked += 1
    assert checked > (1 if name.startswith("iv") else 0)


def made(estimator_name: str, method: str, dates: list[float], **more: object) -> Design:
    options = {"draws": 99, **more.pop("options", {})}  # type: ignore[dict-item]
    years = list(range(2000, 2008))
    rng = np.random.default_rng(1)
    return policy_panel(dates, years, rng, estimator=estimator_name, method=method, options=options, **more)  # type: ignore[arg-type]


def refused(d: Design) -> str:
    with pytest.raises(UserError) as error:
        estimator(d.spec.estimator)(d)
    return "; ".join(problem.fix for problem in error.value.problems)


NEVER = [np.inf] * 9
STAGGERED = [2003.0, 2003.0, 2004.0, 2004.0, 2006.0, 2006.0, 2006.0] * 2


@pytest.mark.parametrize(
    ("stopped", "words", "instead"),
    [
        (made("event_study", "twfe", STAGGERED), "method: imputation, or callaway_santanna with comparison: not_yet",
         [made("event_study", "imputation", STAGGERED),
          made("event_study", "callaway_santanna", STAGGERED, options={"comparison": "not_yet"})]),
        (made("event_study", "callaway_santanna", STAGGERED), "use comparison: not_yet",
         [made("event_study", "callaway_santanna", STAGGERED, options={"comparison": "not_yet"})]),
        (made("did", "callaway_santanna", [2004.0, 2004.0, *NEVER], weighted=True), "use method: imputation",
         [made("did", "imputation", [2004.0, 2004.0, *NEVER], weighted=True)]),
        (made("did", "matched", [2001.0, 2001.0, *NEVER]), "use method: twfe",
         [made("did", "twfe", [2001.0, 2001.0, *NEVER])]),
        (made("did", "twfe", [2004.0, *NEVER]), "use method: synthetic or synthetic_control",
         [made("did", "synthetic", [2004.0, *NEVER]), made("did", "synthetic_control", [2004.0, *NEVER])]),
        (made("did", "synthetic", [2001.0, 2001.0, *NEVER]), "or use method: twfe",
         [made("did", "twfe", [2001.0, 2001.0, *NEVER])]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_methods_of_policies_that_are_advised_apply(stopped: Design, words: str, instead: list[Design]) -> None:
    assert words in refused(stopped)
    for other in instead:
        assert np.isfinite(estimator(other.spec.estimator)(other).params).all()


def test_two_policy_methods_do_not_send_to_each_other() -> None:
    """One treated unit, one period before: `twfe` said `synthetic`, which said `twfe`."""
    for dates in ([2001.0, *NEVER], [2004.0, *NEVER]):
        missing = 0.2 if dates[0] == 2004 else 0.0
        assert "synthetic" not in refused(made("did", "twfe", dates, missing=missing))
        assert "twfe" not in refused(made("did", "synthetic", dates, missing=missing))


def test_too_many_instruments_are_fewer_as_advised() -> None:
    y, x = paths(np.random.default_rng(0), 16, 8)
    many = designed(y, x, "difference_gmm", options={"collapse": False})
    assert "collapse: true" in refused(many)
    assert np.isfinite(estimator("dynamic_panel")(designed(y, x, "difference_gmm")).params).all()


def test_parts_with_heavy_tails_have_no_standard_error() -> None:
    """Ratios to a normal number that comes near zero, against normal draws and those of t with five degrees."""
    rng = np.random.default_rng(0)
    draws = np.column_stack(
        [rng.normal(size=9999), rng.standard_t(5, size=9999), rng.normal(size=9999) / rng.normal(1.5, 0.7, size=9999)]
    )
    assert heavy_tailed(draws).tolist() == [False, False, True]
