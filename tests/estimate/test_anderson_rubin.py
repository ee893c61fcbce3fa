"""Anderson–Rubin tests and sets against brute force."""

from __future__ import annotations

import itertools
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from iv_panels import panel
from ruralpanel.estimate.base.results import Further
from ruralpanel.estimate.base.rows import ConfidenceSet
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families.iv import anderson_rubin
from ruralpanel.estimate.families.iv.system import errors_of, system_of
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec


def test_two_way_clusters_enter_the_tests() -> None:
    setting = InferenceSpec("cluster", {"by": ["unit", "period"], "small_sample": "CR1"})
    design = panel(7, units=30, periods=30, instruments=1, inference=(setting,))
    x = np.hstack([design.extra.instruments.columns, design.x])
    spec = replace(design.spec, estimator="fe")
    reduced = replace(design, spec=spec, x=x, terms=("z1", *design.terms), extra=Further())
    t = infer(fit(reduced), reduced, setting, 0).statistic
    assert t is not None
    assert fit(design).tests["anderson_rubin"].statistic == pytest.approx(t[0] ** 2, rel=1e-9)


def brute_force_statistic(system: Any, errors: Any, b: float) -> float:
    z, e = system.z_net, system.y_net - b * system.d_net[:, 0]
    inverse = np.linalg.inv(z.T @ z)
    pi = inverse @ (z.T @ e)
    left = e - z @ pi
    vcov = inverse @ errors.cross(z, left, left, system.w.shape[1] + z.shape[1]) @ inverse
    return float(pi @ np.linalg.solve(vcov, pi))


def within(low: float, high: float) -> float:
    """A value between two ends that may be infinite."""
    if np.isinf(low):
        return 0.0 if np.isinf(high) else high - 1.0
    return low + 1.0 if np.isinf(high) else 0.5 * (low + high)


@pytest.mark.parametrize("instruments", [1, 2, 4])
def test_sets_are_what_a_grid_does_not_reject(instruments: int) -> None:
    """Strong to useless instruments: every shape occurs, and membership agrees with the statistic on a grid."""
    shapes = set()
    for seed, strength in product(range(25), (0.0, 0.12, 0.5)):
        design = panel(seed, units=12, instruments=instruments, exogenous=1, strength=strength, beta=3.0)
        system = system_of(design)
        errors = errors_of(design, system)
        critical = errors.critical(instruments, 1 + instruments)
        found = anderson_rubin.confidence_set(anderson_rubin.statistic(system, errors), critical, 0.3, 0.7)
        shapes.add(anderson_rubin.shape(found))
        for b in (*np.linspace(-12, 12, 97), -1e4, 1e4):
            rejected = brute_force_statistic(system, errors, b) > critical
            near = any(abs(b - end) < 1e-6 * (1 + abs(b)) for low_high in found for end in low_high)
            assert near or rejected != any(low <= b <= high for low, high in found)
    assert {"interval", "all", "two_rays"} <= shapes


def test_instruments_that_contradict_each_other_leave_an_empty_set() -> None:
    """The second instrument enters the outcome itself, in the opposite direction: no coefficient reconciles the two."""
    design = panel(17, units=60, instruments=2, strength=0.8)
    wrong = replace(design, y=design.y - 4.0 * design.extra.instruments.columns[:, 1])
    assert fit(wrong).extra.anderson_rubin.set == "empty"
    assert fit(wrong).tests["hansen_j"].p_value < 1e-3
    assert fit(design).extra.anderson_rubin.set == "interval"


@pytest.mark.parametrize(
    ("instruments", "seed", "strength", "kind", "pieces"),
    [(2, 157, 0.2, "union", 2), (2, 3, 0.2, "union", 3), (3, 16, 0.1, "union", 2), (2, 0, 0.0, "all", 1)],
)
def test_disjoint_and_unbounded_sets_are_kept_apart(
    instruments: int, seed: int, strength: float, kind: str, pieces: int
) -> None:
    """Weak instruments that disagree, nine clusters. No end is inside another piece, the gaps are rejected."""
    design = panel(seed, units=9, periods=4, instruments=instruments, exogenous=1, strength=strength, beta=3.0)
    found = fit(design).extra.anderson_rubin
    assert (found.set, len(found.intervals)) == (kind, pieces)
    system = system_of(design)
    errors = errors_of(design, system)
    critical = errors.critical(instruments, 1 + instruments)
    ends = [end for pair in found.intervals for end in pair]
    assert ends == sorted(ends)
    for low, high in found.intervals:
        assert brute_force_statistic(system, errors, within(low, high)) <= critical
    for (_, left), (right, _) in itertools.pairwise(found.intervals):
        assert brute_force_statistic(system, errors, 0.5 * (left + right)) > critical


def test_sets_do_not_depend_on_where_and_in_what_units_they_are_computed() -> None:
    design = panel(8, instruments=3)
    system = system_of(design)
    found = anderson_rubin.statistic(system, errors_of(design, system))
    reference = anderson_rubin.confidence_set(found, 8.0, 0.5, 0.1)
    for center, scale in ((0.0, 1.0), (-40.0, 3.0), (0.7, 1e-3)):
        np.testing.assert_allclose(anderson_rubin.confidence_set(found, 8.0, center, scale), reference, rtol=1e-6)


def test_kinds_of_sets() -> None:
    cases = {
        "empty": (),
        "all": ((-np.inf, np.inf),),
        "two_rays": ((-np.inf, 1.0), (2.5, np.inf)),
        "union": ((0.0, 1.0), (2.0, 3.0)),
        "ray": ((-np.inf, 1.0),),
    }
    for kind, intervals in cases.items():
        assert anderson_rubin.described(intervals) == ConfidenceSet(set=kind, intervals=intervals)


def test_many_instruments_need_hotellings_factor() -> None:
    """Five instruments, 20 clusters: F(q, G − 1) as it is often taken rejects far too often, ours less."""
    ours = theirs = 0
    setting = (InferenceSpec("cluster", {"small_sample": "CR1"}),)
    for seed in range(300):
        design = panel(seed, units=20, periods=5, instruments=5, exogenous=1, beta=0.0, inference=setting)
        system = system_of(design)
        test = anderson_rubin.test_zero(system, errors_of(design, system))
        ours += test.p_value < 0.05
        assert test.df == (5.0, 15.0) and test.p_value == pytest.approx(stats.f.sf(test.statistic, 5, 15))
        theirs += stats.f.sf(test.statistic * 19 / 15, 5, 19) < 0.05
    assert ours / 300 < 0.09 and theirs / 300 > 0.11
