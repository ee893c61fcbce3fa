"""Against pyfixest, where it is installed, with its small-sample settings stated."""

from __future__ import annotations

import numpy as np
import pytest
from data_sets import design, table

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.registry import fit
from ruralpanel.inference.registry import infer

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
