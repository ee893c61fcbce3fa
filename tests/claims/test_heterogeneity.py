"""Effects by group, by initial level and unit by unit: against separate regressions and simulated truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ruralpanel.claims.robustness import heterogeneity
from ruralpanel.claims.robustness.heterogeneity import by_group, initial_groups, mean_group, mean_group_results
from ruralpanel.claims.robustness.results import NotAvailable
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

UNITS, PERIODS = 30, 9


def panel(slopes: np.ndarray, seed: int = 0, periods: int = PERIODS, noise: float = 1.0) -> Design:
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(UNITS), periods), np.tile(np.arange(periods), UNITS)
    x, c = rng.normal(size=(2, unit.size))
    y = slopes[unit] * x + 0.5 * c + rng.normal(size=UNITS)[unit] + noise * rng.normal(size=unit.size)
    return design_from_arrays(
        y, np.column_stack([x, c]), [f"U{u:02d}" for u in unit], period, terms=("x", "c"),
        effects=("unit", "period"),
    )  # fmt: skip


def thirds(design: Design) -> dict[str, str]:
    return {unit: "abc"[i // 10] for i, unit in enumerate(design.units)}


def test_slopes_by_group_are_those_of_the_interacted_model() -> None:
    design = panel(np.repeat([0.0, 0.5, 1.0], 10))
    found = by_group(design, "x", thirds(design), 1, "third")
    own = [np.where(design.unit_codes // 10 == g, design.x[:, 0], 0.0) for g in range(3)]
    wide = replace(design, x=np.column_stack([*own, design.x[:, 1]]), terms=("a", "b", "c3", "c"))
    fitted = fit(wide)
    errors = infer(fitted, wide, InferenceSpec("cluster"), 0).std_error
    assert errors is not None
    assert [g.estimate for g in found.groups] == pytest.approx(fitted.params[:3].tolist())
    assert [g.std_error for g in found.groups] == pytest.approx(errors[:3].tolist())
    assert [g.n_units for g in found.groups] == [10, 10, 10]
    assert found.equal.p_value < 0.001
    assert found.groups[0].p_romano_wolf > 0.1 and found.groups[2].p_romano_wolf < 0.01
    assert all(g.p_romano_wolf >= g.p_wild for g in found.groups)


@pytest.mark.slow
def test_equal_slopes_are_seldom_called_different(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 panels of equal slopes: 5 % of tests reject, within three Monte Carlo errors (7 %)."""
    monkeypatch.setattr(heterogeneity, "DRAWS", 99)
    rejected = [
        by_group(panel(np.full(UNITS, 0.5), seed), "x", thirds(panel(np.zeros(UNITS))), 1, "g").equal.p_value < 0.05
        for seed in range(80)
    ]
    assert np.mean(rejected) < 0.13


def test_groups_too_small_for_a_slope_are_left_out() -> None:
    design = panel(np.full(UNITS, 0.5))
    groups = {unit: "one" if i == 0 else "few" if i < 4 else "many" for i, unit in enumerate(design.units)}
    found = by_group(design, "x", groups, 1, "g")
    assert [(g.group, g.few_units) for g in found.groups] == [("few", True), ("many", False)]
    with pytest.raises(UserError, match="two groups"):
        by_group(design, "x", dict.fromkeys(design.units, "all"), 1, "g")
    still = replace(design, x=design.x * (design.unit_codes >= 4)[:, None])
    with pytest.raises(UserError, match="x in few"):
        by_group(still, "x", groups, 1, "g")


def test_initial_levels() -> None:
    design = panel(np.zeros(UNITS))
    values = np.repeat(np.arange(UNITS, dtype=float), PERIODS) + np.tile(1000.0 * np.arange(PERIODS), UNITS)
    found = initial_groups(design, values)
    assert [found[unit] for unit in design.units] == ["lowest"] * 10 + ["middle"] * 10 + ["highest"] * 10


def test_slopes_of_units_one_by_one() -> None:
    """Without noise every unit's own slope is found, period effects allowed for, and the mean is their mean."""
    slopes = np.random.default_rng(5).normal(1.0, 0.5, UNITS)
    design = panel(slopes, noise=0.0)
    one_way = replace(design, spec=replace(design.spec, effects=("unit",)))
    found = mean_group(one_way, "x")
    assert found.slopes == pytest.approx(slopes) and found.terms == ("c",) and found.parameters == 3
    assert found.mean == pytest.approx(slopes.mean())
    assert found.std_error == pytest.approx(slopes.std(ddof=1) / np.sqrt(UNITS))


def test_the_mean_covers_the_truth() -> None:
    """60 panels with slopes around one: 95 % intervals miss it in 5 %, within three Monte Carlo errors (8 %)."""
    rng = np.random.default_rng(6)
    missed = 0
    for seed in range(60):
        values = mean_group_results(panel(rng.normal(1.0, 0.3, UNITS), seed), "x")
        missed += not values.ci_low < 1.0 < values.ci_high
    assert missed / 60 < 0.14


def test_short_panels_get_the_lever_alone_or_nothing() -> None:
    found = mean_group(panel(np.ones(UNITS), periods=4), "x")
    assert found.terms == () and found.parameters == 2
    found = mean_group_results(panel(np.ones(UNITS), periods=3), "x").not_available
    assert found == note("no_slope_for_each_unit", term="x", n_periods=3)


def test_a_product_with_what_is_fixed_has_no_slope_of_its_own() -> None:
    """Within a unit the product is the lever times a constant, with or without period effects."""
    design = panel(np.ones(UNITS))
    gap = np.linspace(0.5, 2.0, UNITS)[design.unit_codes]
    both = replace(design, x=np.column_stack([design.x[:, 0], design.x[:, 0] * gap]), terms=("x", "x:gap"))
    assert isinstance(mean_group_results(both, "x:gap"), NotAvailable)
