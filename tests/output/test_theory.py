"""The two-region model against the values it was first computed with, and against what it claims of itself."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ruralpanel.output.charts import theory

BASE = theory.Parameters()
TRANSPORT = (0.1, 0.3, 0.5, 0.7, 0.8)


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (0.0, (0.637, 0.521, 0.441, 0.508, 0.559)),
        (0.1, (0.472, 0.254, 0.221, 0.375, 0.442)),
        (0.2, (0.167, 0.0, 0.0, 0.214, 0.301)),
    ],
)
def test_entrepreneurs_at_stated_values(gap: float, expected: tuple[float, ...]) -> None:
    # stated to three decimals
    found = [theory.solve(replace(BASE, transport=t, gap=gap)).entrepreneurs for t in TRANSPORT]
    assert found == pytest.approx(expected, abs=6e-4)


def test_entrepreneurs_fall_in_gap_and_training_cost() -> None:
    by_gap = [theory.solve(replace(BASE, gap=g)).entrepreneurs for g in np.linspace(0, 0.15, 6)]
    by_cost = [theory.solve(replace(BASE, training=k)).entrepreneurs for k in np.linspace(0, 0.1, 6)]
    assert np.all(np.diff(by_gap) < 0)
    assert np.all(np.diff(by_cost) < 0)


def test_all_four_patterns_and_one_equilibrium_each() -> None:
    patterns = set()
    for gap, transport, moving in itertools.product((0.0, 0.1, 0.3), (0.1, 0.4, 0.8), (0.0, 0.25, 1.5)):
        p = replace(BASE, gap=gap, transport=transport, moving=moving)
        patterns.add(theory.solve(p).pattern)
        gains = np.array([theory.advantage_of_staying(p, m) for m in np.linspace(0.0, 1.0 - 1e-6, 60)])
        assert int(gains[0] >= 0) + int(np.sum((gains[:-1] < 0) != (gains[1:] < 0))) == 1
    assert patterns == {"both", "industrialisation", "urbanisation", "neither"}


def test_payoffs_are_equal_where_all_three_occupations_are_chosen() -> None:
    p = replace(BASE, gap=0.0, moving=0.0)
    e = theory.solve(p)
    assert e.pattern == "both"
    assert e.farm_income == pytest.approx(e.market.profit_rural - p.training, abs=1e-9)
    staying = e.farm_income + e.market.surplus_rural
    moving = e.market.profit_urban - p.urban_entry - p.moving - p.moving_spread * e.migrants + e.market.surplus_urban
    assert staying == pytest.approx(moving, abs=1e-9)


@pytest.mark.parametrize("entrepreneurs", [1e-9, 0.2])
@pytest.mark.parametrize("incumbents", [0.05, 0.3, 2.7])
def test_sign_of_the_interaction_follows_the_stated_condition(entrepreneurs: float, incumbents: float) -> None:
    """d²π_R / dτ dg > 0 iff L_U (2γ + η n_U) > L_R η n_U while rural firms export, by central differences."""
    migrants, h = 0.1, 1e-4
    p = replace(BASE, incumbents=incumbents, gap=0.05, transport=0.1)

    def profit(dt: float, dg: float) -> float:
        moved = replace(p, transport=p.transport + dt, gap=p.gap + dg)
        return theory.market(moved, entrepreneurs, migrants).profit_rural

    cross = (profit(h, h) - profit(h, -h) - profit(-h, h) + profit(-h, -h)) / (4 * h * h)
    urban, rural = incumbents + migrants, 1 - migrants
    assert (cross > 0) == (urban * (2 * p.gamma + p.eta * urban) > rural * p.eta * urban)
