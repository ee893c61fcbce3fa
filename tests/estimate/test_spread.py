"""How far a variable moves in a model's sample: against regressions on dummies, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from as_written import describe
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.spread import spread_of, spread_of_term
from ruralpanel.project.breaks import MARK

STEP = f"x{MARK}2003"


def panel(weighted: bool = False, **more: Any) -> Design:
    """Twelve units, six periods, rows missing; x has a step of its own, z moves with time alone."""
    rng = np.random.default_rng(4)
    unit, period = np.repeat(np.arange(12), 6), np.tile(np.arange(2000, 2006), 12)
    kept = rng.random(unit.size) > 0.1
    step = ((unit < 2) & (period >= 2003)).astype(float)
    x = rng.normal(size=unit.size) + unit + 3.0 * step
    columns = np.column_stack([x, period - 2000.0 + rng.normal(size=unit.size), step])[kept]
    weights = rng.uniform(0.5, 2.0, int(kept.sum())) if weighted else None
    settings = {
        "estimator": "fe",
        "effects": ("unit", "period"),
        "terms": ("x", "z", STEP),
    }
    y = rng.normal(size=unit.size)[kept]
    return design_from_arrays(
        y, columns, unit[kept], period[kept], weights=weights, **{"extra": Further(steps=(STEP,)), **settings, **more}
    )


def net_by_dummies(design: Design, column: np.ndarray, others: list[np.ndarray], effects: tuple[str, ...]) -> float:
    root = np.ones(design.y.size) if design.weights is None else np.sqrt(design.weights)
    codes = {"unit": design.unit_codes, "period": design.period_codes}
    base = [np.ones(design.y.size), *others]
    for effect in effects:
        base += [(codes[effect] == level).astype(float) for level in np.unique(codes[effect])]
    columns = np.column_stack(base) * root[:, None]
    left = column * root - columns @ np.linalg.lstsq(columns, column * root, rcond=None)[0]
    n = column.size
    return float(np.sqrt(left @ left / (root @ root) * n / (n - 1)))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effects", [("unit", "period"), ("unit",), ("period",)])
def test_net_of_effects_and_the_variables_own_steps(effects: tuple[str, ...], weighted: bool) -> None:
    design = panel(weighted, effects=effects)
    x, z, step = design.x.T
    found = fit(design)
    assert spread_of_term("x", design, found).sd_net == pytest.approx(net_by_dummies(design, x, [step], effects))
    # the step is x's: it is no part of what moves z, or the outcome
    assert spread_of_term("z", design, found).sd_net == pytest.approx(net_by_dummies(design, z, [], effects))
    assert spread_of(design.y, design, found).sd_net == pytest.approx(net_by_dummies(design, design.y, [], effects))
    assert spread_of_term("x", design, found).sd == pytest.approx(np.std(x, ddof=1))


def test_what_designs_without_declared_effects_remove() -> None:
    pooled = panel(estimator="pooled", effects=())
    x, _, step = pooled.x.T
    assert spread_of_term("x", pooled, fit(pooled)).sd_net == pytest.approx(net_by_dummies(pooled, x, [step], ()))
    between = panel(estimator="between", effects=(), extra=Further())
    means = [between.x[between.unit_codes == unit, 0].mean() for unit in range(12)]
    assert spread_of_term("x", between, fit(between)).sd_net == pytest.approx(np.std(means, ddof=1))
    differences = panel(estimator="fd", effects=("period",))
    found = fit(differences)
    rows = differences.x[found.rows, 0]
    assert 0 < (spread_of_term("x", differences, found).sd_net or 0) < np.std(rows, ddof=1)


def test_nothing_is_left_of_what_the_effects_absorb() -> None:
    design = panel(effects=("unit",))
    fixed = design.unit_codes.astype(float)
    assert spread_of(fixed, design, fit(design)).sd_net is None


def test_results_hold_the_spreads() -> None:
    design = panel()
    result = estimate(design.spec, design, 1, "")
    net = net_by_dummies(design, design.x[:, 0], [design.x[:, 2]], ("unit", "period"))
    assert result.coefficient("x").sd_net == pytest.approx(net)
    assert result.fit["outcome_sd_net"] == pytest.approx(net_by_dummies(design, design.y, [], ("unit", "period")))


def test_moderators_that_the_effects_absorb_keep_the_spread_of_the_sample() -> None:
    rng = np.random.default_rng(6)
    unit, period = np.repeat(np.arange(12), 5), np.tile(np.arange(5), 12)
    gap = rng.normal(size=12)[unit]
    x = rng.normal(size=unit.size)
    x[3] = 0.0
    design = design_from_arrays(
        rng.normal(size=unit.size), np.column_stack([x, x * gap]), unit, period, effects=("unit", "period"),
        terms=("x", "x:gap"),
    )  # fmt: skip
    result = estimate(design.spec, design, 1, "")
    assert result.diagnostics.moderator_sd == {"gap": pytest.approx(np.std(np.delete(gap, 3), ddof=1))}
    claimed = describe(result.to_dict(), {"term": "x:gap"}, {"smallest_effect": {"sd_of_outcome": 1.0}}, {})
    net = result.coefficient("x").sd_net
    assert net is not None and claimed.delta == pytest.approx(
        result.fit["outcome_sd_net"] / (net * np.std(np.delete(gap, 3), ddof=1))
    )
