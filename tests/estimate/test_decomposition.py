"""Decompositions of a gap and counterfactuals against literal regressions and simulated truth."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.decomposition import Groups, gelbach, oaxaca, resampled_counts, shapley
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import ModelSpec
from ruralpanel.project.units import Units

RNG = np.random.default_rng(7)
N = 60
CODES = np.repeat([0, 1, 2], N // 3)
GROUPS = Groups(CODES, ("East", "West", "Central"), target=1, reference=0)
X = RNG.normal(size=(N, 3)) + np.column_stack([CODES == 1, -1.0 * (CODES == 1), CODES == 2])
Y = X @ [1.0, 0.5, -0.3] - 0.7 * (CODES == 1) + 0.2 * RNG.normal(size=N)
BLOCKS = [np.array([0]), np.array([1, 2])]
ONCE = np.ones((1, N))


def ols(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(np.column_stack([np.ones(len(y)), x]), y, rcond=None)[0]


def test_gelbach_equals_its_regressions_and_adds_up() -> None:
    full = ols(np.column_stack([GROUPS.dummies, X]), Y)
    gaps = X[CODES == 1].mean(axis=0) - X[CODES == 0].mean(axis=0)
    parts = gelbach(Y, X, BLOCKS, GROUPS, ONCE)[0]
    expected = [full[3] * gaps[0], full[4:] @ gaps[1:], full[1], Y[CODES == 1].mean() - Y[CODES == 0].mean()]
    assert parts == pytest.approx(expected, abs=1e-10)  # same arithmetic in another order
    assert parts[:-1].sum() == pytest.approx(parts[-1], abs=1e-12)


def test_shapley_is_the_mean_over_all_orders() -> None:
    def left(chosen: tuple[int, ...]) -> float:
        return float(ols(np.column_stack([GROUPS.dummies, *[X[:, BLOCKS[b]] for b in chosen]]), Y)[1])

    expected = np.zeros(2)
    for order in itertools.permutations(range(2)):
        for place, block in enumerate(order):
            expected[block] += (left(tuple(sorted(order[:place]))) - left(tuple(sorted(order[: place + 1])))) / 2
    parts = shapley(Y, X, BLOCKS, GROUPS, ONCE)[0]
    assert parts[:2] == pytest.approx(expected, abs=1e-10)
    assert parts[:-1].sum() == pytest.approx(parts[-1], abs=1e-12)


def test_oaxaca_uses_the_reference_group_alone() -> None:
    slopes = ols(X[CODES == 0], Y[CODES == 0])[1:]
    gaps = X[CODES == 1].mean(axis=0) - X[CODES == 0].mean(axis=0)
    parts = oaxaca(Y, X, BLOCKS, GROUPS, ONCE)[0]
    assert parts[:2] == pytest.approx([slopes[0] * gaps[0], slopes[1:] @ gaps[1:]], abs=1e-10)


def test_resampling_keeps_group_sizes_and_equals_repeated_rows() -> None:
    counts = resampled_counts(GROUPS, 5, np.random.default_rng(1))
    for group in range(3):
        assert np.all(counts[:, group == CODES].sum(axis=1) == N // 3)
    rows = np.repeat(np.arange(N), counts[0].astype(int))
    literal = gelbach(Y[rows], X[rows], BLOCKS, Groups(CODES[rows], GROUPS.names, 1, 0), np.ones((1, N)))[0]
    assert gelbach(Y, X, BLOCKS, GROUPS, counts)[0] == pytest.approx(literal, abs=1e-9)


def cross_section(n: int, periods: int = 1, seed: int = 3) -> tuple[pd.DataFrame, Units]:
    """West behind by 1 in `a` and 0.5 in `b`; outcome 2a + b, so the gap is 2.5 and `a` explains 80 % of it."""
    rng = np.random.default_rng(seed)
    ids = [f"U{i:03d}" for i in range(n)]
    west = np.arange(n) % 2 == 0
    rows = []
    for unit, lags in zip(ids, west, strict=True):
        a, b = rng.normal(size=2) - np.array([1.0, 0.5]) * lags
        for period in range(2000, 2000 + periods):
            at, bt = a + 0.3 * rng.normal(), b + 0.3 * rng.normal()
            rows.append((unit, period, 2 * at + bt + 0.1 * rng.normal(), at, bt))
    frame = pd.DataFrame(rows, columns=["unit", "period", "y", "a", "b"])
    attributes = {unit: {"region": "West" if lags else "East"} for unit, lags in zip(ids, west, strict=True)}
    return frame, Units(tuple(ids), attributes, {unit: (unit,) for unit in ids})


GAP = {"by": "region", "group": "West", "reference": "East"}


def decomposition(method: str, draws: int = 500) -> ModelSpec:
    options = {"gap": GAP, "blocks": {"technology": ["a"], "training": ["b"]}, "draws": draws}
    return ModelSpec("m", "decomposition", "y", "p", method=method, regressors=("a", "b"), options=options)


@pytest.mark.parametrize("method", ["gelbach", "shapley", "oaxaca"])
def test_model_recovers_the_true_shares(method: str) -> None:
    frame, units = cross_section(400)
    spec = decomposition(method)
    result = estimate(spec, build_design(spec, frame, units), 1, "")
    share = result.coefficient("share_technology")
    assert share.ci_low < 0.8 < share.ci_high
    assert share.estimate == pytest.approx(0.8, abs=0.15)  # three bootstrap errors of about .05
    assert result.coefficient("lead_technology").ci_low > 0


def test_too_few_units_stop_with_the_number_that_would_do() -> None:
    frame, units = cross_section(6)
    spec = decomposition("gelbach")
    with pytest.raises(UserError, match="at least 4 units in either group"):
        estimate(spec, build_design(spec, frame, units), 1, "")


@pytest.mark.parametrize(("periods", "effects"), [(1, ()), (6, ("unit", "period"))])
def test_counterfactual_closes_the_true_share(periods: int, effects: tuple[str, ...]) -> None:
    frame, units = cross_section(200, periods)
    options = {"gap": GAP, "levers": ["a"]}
    spec = ModelSpec("m", "counterfactual", "y", "p", regressors=("a", "b"), effects=effects, options=options)
    result = estimate(spec, build_design(spec, frame, units), 1, "")
    means = frame.groupby("unit")[["a", "y"]].mean()
    west = np.array([units.attributes[unit]["region"] == "West" for unit in means.index])
    # units ahead of the East's mean keep their level, so that more than the mean distance is closed
    moves = np.maximum(means["a"][~west].mean() - means["a"][west], 0)
    truth = 2 * moves.mean() / (means["y"][~west].mean() - means["y"][west].mean())
    closed = result.coefficient("share_closed")
    assert closed.estimate == pytest.approx(truth, rel=0.03)  # the slope's error is about 1 %
    assert closed.ci_low < truth < closed.ci_high
