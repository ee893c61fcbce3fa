"""Against pyfixest, where it is installed, with its small-sample settings stated."""

from __future__ import annotations

import numpy as np
import pytest
from data_sets import design, table

from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec

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
