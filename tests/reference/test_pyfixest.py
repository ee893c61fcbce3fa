"""Against pyfixest, where it is installed, with its small-sample settings stated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data_sets import design, table

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec

pytestmark = pytest.mark.slow

pf = pytest.importorskip("pyfixest")


@pytest.mark.parametrize(("vcov", "kind"), [("CRV1", "CR1"), ("CRV3", "CR3")])
def test_clustered_errors_agree(vcov: str, kind: str) -> None:
    frame, terms = table("munnell")
    theirs = pf.feols(f"y ~ {' + '.join(terms)} | unit", data=frame, vcov={vcov: "unit"})
    panel = design("munnell", "fe", ("unit",))
    found = fit(panel)
    np.testing.assert_allclose(found.params, theirs.coef()[list(terms)], rtol=1e-8)
    ours = infer(found, panel, InferenceSpec("cluster", {"small_sample": kind}), 0)
    # pyfixest multiplies CR1's factor on CR3 too
    factor = 48 / 47 * 815 / 811 if kind == "CR3" else 1.0
    np.testing.assert_allclose(ours.std_error * np.sqrt(factor), theirs.se()[list(terms)], rtol=1e-6)


def test_wild_bootstrap_agrees() -> None:
    """Two independent sets of 9,999 draws: three Monte Carlo errors of their difference."""
    package = pytest.importorskip("wildboottest.wildboottest")
    panel = design("munnell", "fe", ("unit", "period"))
    dummies = [
        (codes[:, None] == np.arange(1, codes.max() + 1)).astype(float)
        for codes in (panel.unit_codes, panel.period_codes)
    ]
    x = np.hstack([panel.x, np.ones((panel.y.size, 1)), *dummies])
    place = panel.terms.index("log_pc")
    boot = package.WildboottestCL(X=x, Y=panel.y, cluster=panel.unit_codes, R=np.eye(x.shape[1])[place], B=9999, seed=1)
    boot.get_scores(bootstrap_type="11", impose_null=True)
    boot.get_weights(weights_type="rademacher")
    for step in (boot.get_numer, boot.get_denom, boot.get_tboot, boot.get_vcov, boot.get_tstat):
        step()
    boot.get_pvalue(pval_type="two-tailed")
    theirs = float(boot.pvalue)
    ours = infer(fit(panel), panel, InferenceSpec("wild_cluster", {"draws": 9999, "interval": False}), 1)
    assert ours.p_value[place] == pytest.approx(theirs, abs=3 * np.sqrt(2 * 0.034 * 0.966 / 9999))


@pytest.mark.parametrize(
    "effects", [("unit", "region:period"), ("unit", "period", "sector"), ("unit", "region:sector", "period")]
)
def test_effects_of_groups_agree(effects: tuple[str, ...]) -> None:
    """Unbalanced, with rows alone in a level; clustered by unit, effects inside the clusters not counted."""
    frame, terms = table("munnell")
    rng = np.random.default_rng(8)
    frame = frame.assign(
        region=pd.factorize(frame["unit"])[0] // 6,
        sector=rng.integers(0, 5, len(frame)),
        unit=frame["unit"].astype(str),
    )
    kept = (rng.uniform(size=len(frame)) > 0.5) & ~((frame["region"] == 3) & (frame["period"] == 1975))
    kept |= (frame["unit"] == frame["unit"][frame["region"] == 3].iloc[0]) & (frame["period"] == 1975)
    frame = frame[kept].reset_index(drop=True)
    groups = {effect: frame[effect.split(":")].astype(str).agg(" ".join, axis=1) for effect in effects}
    panel = design_from_arrays(
        frame["y"], frame[list(terms)].to_numpy(), frame["unit"], frame["period"], effects=effects, terms=terms,
        clusters={name: codes for name, codes in groups.items() if name not in ("unit", "period")},
    )  # fmt: skip
    formula = f"y ~ {' + '.join(terms)} | {' + '.join(effect.replace(':', '^') for effect in effects)}"
    theirs = pf.feols(formula, data=frame, vcov={"CRV1": "unit"}, fixef_rm="singleton", fixef_tol=1e-12)
    found = fit(panel)
    if effects[1] == "region:period":
        assert len(frame) > found.rows.size
    assert found.rows.size == theirs._N
    np.testing.assert_allclose(found.params, theirs.coef()[list(terms)], rtol=1e-6)
    ours = infer(found, panel, InferenceSpec("cluster", {"small_sample": "CR1"}), 0)
    np.testing.assert_allclose(ours.std_error, theirs.se()[list(terms)], rtol=1e-6)
