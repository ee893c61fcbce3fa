"""Marginal effects, their bands, and Fieller's set for the crossing of zero."""

from __future__ import annotations

import numpy as np
import pytest

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Fit, Inference
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.marginal import fieller, marginal_effect, moderator
from ruralpanel.project.kinds.estimator_keys import MarginalEffect
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

UNITS, PERIODS = 12, 6
UNIT, PERIOD = np.repeat(np.arange(UNITS), PERIODS), np.tile(np.arange(PERIODS), UNITS)


def interaction(seed: int, shift: float = 0.0, further: bool = False) -> Design:
    """Roads times a moderator that is fixed over time; `shift` is subtracted from the moderator."""
    rng = np.random.default_rng(seed)
    gap = rng.normal(size=UNITS)[UNIT]
    slope = rng.normal(size=UNITS)[UNIT]
    roads = rng.normal(size=UNIT.size)
    y = roads * (0.4 - 0.5 * gap) + rng.normal(size=UNIT.size)
    columns = {"roads": roads, "roads:gap": roads * (gap - shift)}
    if further:
        columns["slope:roads"] = roads * slope
    return design_from_arrays(
        y,
        np.column_stack(list(columns.values())),
        [f"{u:02d}" for u in UNIT],
        PERIOD,
        terms=tuple(columns),
        effects=("unit", "period"),
    )


def fitted(d: Design, **options) -> tuple[Fit, Inference]:
    found = fit(d)
    return found, infer(found, d, InferenceSpec("cluster", options), 0)


def test_effect_at_a_value_is_the_main_effect_of_a_centred_model() -> None:
    """Estimate, error and bootstrap p-value at gap = 0.7 are those of roads once 0.7 is subtracted from the gap."""
    d = interaction(1)
    found, first = fitted(d)
    bootstrap = InferenceSpec("wild_cluster", {"draws": 4096})
    effect = marginal_effect(d, found, first, MarginalEffect(of="roads", over="gap", at=(0.7,)), bootstrap, 1)
    point = next(row for row in effect.points if row.label == "0.7")
    centred = interaction(1, shift=0.7)
    other, direct = fitted(centred)
    assert direct.std_error is not None
    assert point.estimate == pytest.approx(other.params[0])
    assert point.std_error == pytest.approx(direct.std_error[0])
    assert (point.ci_low, point.ci_high) == pytest.approx((direct.ci_low[0], direct.ci_high[0]))
    wild = infer(other, centred, bootstrap, 1)
    assert point.p_wild == wild.p_value[0]  # 2^12 vectors of signs: enumerated, so no stream enters
    assert point.ci_wild_low == pytest.approx(wild.ci_low[0], rel=1e-5)


def test_named_points_and_curve_cover_the_sample() -> None:
    d = interaction(2)
    found, first = fitted(d)
    effect = marginal_effect(
        d,
        found,
        first,
        MarginalEffect(
            of="roads",
            over="gap",
            at=(
                "p33",
                "p75",
                0,
            ),
        ),
    )
    gap = moderator(d, found, "roads", "gap")
    np.testing.assert_allclose(np.sort(gap), np.sort(d.x[:, 1] / d.x[:, 0]))
    labels = [row.label for row in effect.points]
    assert labels == ["min", "p10", "p25", "p50", "p75", "p90", "mean", "max", "p33", "0"]
    at = {row.label: row.at for row in effect.points}
    assert at["p75"] == pytest.approx(np.percentile(gap, 75)) and at["max"] == gap.max()
    assert len(effect.curve) == 41
    assert (effect.curve[0].at, effect.curve[-1].at) == (gap.min(), gap.max())
    assert effect.points[0].p_wild is None


def test_degrees_of_freedom_are_the_smaller_ones() -> None:
    d = interaction(3)
    found, first = fitted(d, small_sample="CR2")
    effect = marginal_effect(d, found, first, MarginalEffect(of="roads", over="gap"))
    assert first.df is not None
    assert effect.points[0].df == first.df.min()


def test_other_interactions_are_held_at_their_means() -> None:
    d = interaction(4, further=True)
    found, first = fitted(d)
    effect = marginal_effect(d, found, first, MarginalEffect(of="roads", over="gap", at=(0,)))
    mean = float(np.mean(d.x[:, 2] / d.x[:, 0]))
    assert effect.held == {"slope": pytest.approx(mean)}
    assert effect.points[-1].estimate == pytest.approx(found.params[0] + mean * found.params[2])


def test_a_moderator_that_is_a_regressor_is_read_from_its_column() -> None:
    d = interaction(5)
    moving = d.x[:, 0] ** 2
    both = design_from_arrays(
        d.y,
        np.column_stack([d.x[:, 0], moving, d.x[:, 0] * moving]),
        [d.units[u] for u in d.unit_codes],
        d.period_codes,
        terms=("roads", "rail", "rail:roads"),
        effects=("unit", "period"),
    )
    np.testing.assert_array_equal(moderator(both, fit(both), "roads", "rail"), moving)


@pytest.mark.parametrize(
    ("b0", "b1", "v", "kind"),
    [
        (1.0, -2.0, [[0.04, 0.01], [0.01, 0.09]], "interval"),
        (1.0, -0.1, [[0.04, 0.0], [0.0, 0.09]], "two_rays"),
        (0.1, -0.1, [[0.04, 0.0], [0.0, 0.09]], "all"),
    ],
)
def test_fieller_is_what_the_t_test_does_not_reject(b0: float, b1: float, v: list[list[float]], kind: str) -> None:
    matrix = np.array(v)
    found, low, high = fieller(b0, b1, matrix, 2.0)
    z = np.linspace(-200, 200, 400_001)
    kept = (b0 + z * b1) ** 2 <= 4.0 * (matrix[0, 0] + 2 * z * matrix[0, 1] + z**2 * matrix[1, 1])
    assert found == kind
    if kind == "all":
        assert kept.all() and low is None and high is None
        return
    assert low is not None and high is not None
    inside = (z >= low) & (z <= high)
    np.testing.assert_array_equal(kept, inside if kind == "interval" else ~inside)


def test_crossing_is_where_the_band_is_centred_on_zero() -> None:
    d = interaction(6)
    found, first = fitted(d)
    crossing = marginal_effect(d, found, first, MarginalEffect(of="roads", over="gap")).crossing
    assert crossing.estimate == pytest.approx(-found.params[0] / found.params[1])
    assert crossing.set == "interval" and crossing.low < crossing.estimate < crossing.high
    edge = MarginalEffect(of="roads", over="gap", at=(crossing.low, crossing.high))
    for row in marginal_effect(d, found, first, edge).points[-2:]:
        assert min(abs(row.ci_low), abs(row.ci_high)) == pytest.approx(0.0, abs=1e-9)
    gap = moderator(d, found, "roads", "gap")
    assert crossing.within_sample == (gap.min() <= crossing.estimate <= gap.max())
    assert crossing.share_below == pytest.approx(np.mean(gap < crossing.estimate))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (MarginalEffect(of="roads", over="gaps"), 'no estimated term "roads:gaps".*did you mean "roads:gap"'),
        (MarginalEffect(of="rods", over="gap"), 'no estimated term "rods:gap"'),
        (MarginalEffect(of="roads", over="gap", at=("p250",)), "percentile such as p25"),
        (MarginalEffect(of="roads", over="gap", at=("median",)), "percentile such as p25"),
    ],
)
def test_mistakes_are_named(wanted: dict, message: str) -> None:
    d = interaction(7)
    found, first = fitted(d)
    with pytest.raises(UserError, match=message):
        marginal_effect(d, found, first, wanted)
