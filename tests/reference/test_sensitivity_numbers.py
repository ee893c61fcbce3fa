"""Sensitivity to omitted variables against published numbers and a second implementation."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from ruralpanel.claims.robustness import sensitivity
from ruralpanel.claims.robustness.checks import Target, check_model
from ruralpanel.claims.robustness.results import Checked
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.project.sections.configuration import Estimand

FOLDER = Path(__file__).parent
CASES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "numbers_sensitivity.yaml").read_text(encoding="utf-8"))
COVARIATES = ("age", "farmer_dar", "herder_dar", "pastvoted", "hhsize_darfur", "female")

# PySensemakr 0.0.8 (MIT licence), ovb_bounds(model, "directlyharmed", "female", kd=[1, 2, 3]), as it prints them:
# r2dz.x, r2yz.dx, adjusted estimate, error, t
BOUNDS = {
    1.0: (0.00916428667504873, 0.124640923036357, 0.07522027121445625, 0.021873327743757855, 3.4389038602469797),
    2.0: (0.01832857335009746, 0.2493240641999495, 0.05291517238445944, 0.020350062077964505, 2.6002462391383636),
    3.0: (0.027492860025146188, 0.37405047103805594, 0.030396023464162966, 0.018670064817093397, 1.6280620213130623),
}


@cache
def darfur() -> Checked:
    """The results that the workflow writes for the effect of direct harm."""
    table = pd.read_csv(FOLDER / "data" / "darfur.csv")
    terms = ("directlyharmed", *COVARIATES)
    # households are numbered within villages, which are the effects that the published model has as dummies
    number = table.groupby("village").cumcount()
    design = design_from_arrays(
        table["peacefactor"].to_numpy(),
        table[list(terms)].to_numpy(dtype=float),
        table["village"].tolist(),
        number.tolist(),
        terms=terms,
        effects=("unit",),
        name="darfur",
    )
    found = check_model(design, [Target("directlyharmed", Estimand(term="directlyharmed"))], 1)
    return found.targets["directlyharmed"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["quantity"])
def test_stored_numbers(case: dict[str, Any]) -> None:
    assert case["source"] and case["why"]
    entry = darfur().sensitivity
    values = {"estimate": darfur().estimate, **vars(entry.classical), **vars(entry)}
    assert values[case["quantity"]] == pytest.approx(case["value"], abs=case["tolerance"], rel=0)


@pytest.mark.parametrize("times", BOUNDS)
def test_bounds_by_an_observed_covariate(times: float) -> None:
    """The same algebra: to ten digits, what linear algebra of 500 columns leaves of either."""
    (own,) = [b for b in darfur().sensitivity.bounds if b.name == "female" and b.times == times]
    found = [getattr(own, key) for key in ("r2_lever", "r2_outcome", "estimate", "std_error", "statistic")]
    assert found == pytest.approx(BOUNDS[times], rel=1e-10)


def test_contours_pass_through_the_bounds() -> None:
    entry = darfur().sensitivity
    classical = entry.classical
    grid, estimates = sensitivity.contours(darfur().estimate, classical.std_error, classical.df, 0.9, 901)
    for bound in entry.bounds:
        row, column = (round(1000 * getattr(bound, key)) for key in ("r2_lever", "r2_outcome"))
        if bound.r2_outcome < 0.9:
            assert np.isclose(grid[row], bound.r2_lever, atol=5e-4)
            # half a cell of the grid away
            assert estimates[row, column] == pytest.approx(bound.estimate, abs=2e-3)
