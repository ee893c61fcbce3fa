"""Shift-share instruments: errors by brute force and by simulation, weights, the shock-level regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.base.results import Design, Further, Named
from ruralpanel.estimate.base.rows import NotAvailable
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families.iv.shift_share import sectors_of, with_instrument
from ruralpanel.estimate.families.iv.system import errors_of, system_of
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec, ModelSpec
from ruralpanel.project.units import load_units
from shift_share_panels import shares_of, shift_share

pytestmark = pytest.mark.slow

Z95 = 1.959963984540054

VARIANTS: list[dict[str, Any]] = [
    {},
    {"complete": False},
    {"weighted": True, "exogenous": 2},
    {"effects": ("period",), "complete": False, "weighted": True},
    {"effects": (), "periods": 1, "units": 60, "exogenous": 0},
]


def dummies(codes: Any) -> Any:
    return (codes[:, None] == np.unique(codes)).astype(float)


def by_hand(design: Design) -> tuple[float, Any, Any, float]:
    """Estimate, sectors' sums at it, sectors' sums of the endogenous regressor, and z'd.

    As in Adão, Kolesár and Morales (2019, remark 6) and the R package ShiftShareSE: controls and effects as columns,
    one column of shares for each sector and period, sums of a sector's periods added up; where shares do not sum to one
    the rest is a sector whose shock is zero (``residual_sector``).
    """
    shares, shocks = design.extra.shares.columns, design.extra.shocks.columns
    z, d, y = np.sum(shares * shocks, axis=1), design.extra.endogenous.columns[:, 0], design.y
    columns = [design.x, np.ones((y.size, 1))]
    columns += [dummies(design.unit_codes)] if "unit" in design.spec.effects else []
    columns += [dummies(design.period_codes)] if "period" in design.spec.effects else []
    controls = np.hstack(columns)
    weights = np.ones(y.size) if design.weights is None else design.weights
    root = np.sqrt(weights)

    def net(values: Any) -> Any:
        solved = np.linalg.lstsq(controls * root[:, None], values * root, rcond=None)[0]
        return values - controls @ solved

    z, d, y = net(z), net(d), net(y)
    period = dummies(design.period_codes)
    exposed = shares[:, :, None] * period[:, None, :]
    stacked = exposed.reshape(z.size, -1)
    rest = (1.0 - shares.sum(axis=1))[:, None] * period
    full = stacked if np.allclose(rest, 0) else np.hstack([stacked, rest])
    shock = np.linalg.lstsq(full * root[:, None], z * root, rcond=None)[0][: stacked.shape[1]]
    zd = float(np.sum(weights * z * d))
    b = float(np.sum(weights * z * y)) / zd

    def sums(values: Any) -> Any:
        each = shock * (stacked.T @ (weights * values))
        return each.reshape(shares.shape[1], -1).sum(axis=1)

    return b, sums(y - b * d), sums(d), zd


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_errors_by_sector_by_brute_force(variant: dict[str, Any]) -> None:
    """AKM's error, AKM0's p-value and set; 1e-8 relative: dummies against projections."""
    design = shift_share(3, sectors=22, **{"units": 70} | variant)
    found = fit(design)
    b, errors, regressor, zd = by_hand(design)
    assert found.params[0] == pytest.approx(b, rel=1e-8)
    akm = infer(found, design, InferenceSpec("akm"), 0)
    assert akm.std_error is not None and akm.statistic is not None
    expected = np.sqrt(errors @ errors) / abs(zd)
    assert akm.std_error[0] == pytest.approx(expected, rel=1e-8)
    assert akm.p_value[0] == pytest.approx(2 * stats.norm.sf(abs(b / expected)), rel=1e-6)
    assert akm.ci_high[0] - akm.ci_low[0] == pytest.approx(2 * Z95 * expected, rel=1e-8)
    akm0 = infer(found, design, InferenceSpec("akm0"), 0)
    null = errors + b * regressor
    assert akm0.p_value[0] == pytest.approx(2 * stats.norm.sf(abs(b * zd) / np.sqrt(null @ null)), rel=1e-6)
    # the interval in closed form where the leading coefficient is positive (their remark 6)
    leading = zd**2 / Z95**2 - regressor @ regressor
    assert leading > 0
    half = errors @ regressor / leading
    middle, reach = b - half, np.sqrt(half**2 + errors @ errors / leading)
    assert akm0.options.set == "interval"
    assert (akm0.ci_low[0], akm0.ci_high[0]) == pytest.approx((middle - reach, middle + reach), rel=1e-7)


def test_sets_with_weak_shocks_are_unbounded_and_said_to_be() -> None:
    """Membership by the definition on a grid; without a first stage the set is everything or two rays."""
    shapes = set()
    for seed in range(6):
        design = shift_share(seed, sectors=22, units=70, strength=0.0)
        found = fit(design)
        b, errors, regressor, zd = by_hand(design)
        result = infer(found, design, InferenceSpec("akm0"), 0)
        shapes.add(result.options.set)
        intervals: Any = result.options.intervals
        for value in np.linspace(-30, 30, 121):
            at = errors + (b - value) * regressor
            kept = abs((b - value) * zd) <= Z95 * np.sqrt(at @ at)
            assert kept == any(low <= value <= high for low, high in intervals)
    assert shapes & {"all", "two_rays"}


@pytest.mark.parametrize("unbounded", [False, True])
def test_tables_and_figures_read_the_set_of_akm0(unbounded: bool) -> None:
    seed = next(
        seed
        for seed in range(40)
        if (infer(fit(made := shift_share(seed, sectors=8, strength=0.0)), made, InferenceSpec("akm0"), 0).options.set)
        in (("all",) if unbounded else ("two_rays",))
    )
    design = shift_share(
        seed, sectors=8, strength=0.0, inference=(InferenceSpec("akm0"), *shift_share().spec.inference)
    )
    model = estimate(design.spec, design, 0, "")
    row = model.coefficient("d")
    assert row is not None and (row.ci_low, row.ci_high) == (-np.inf, np.inf)
    pieces = model.set_of(row, "ci")
    assert pieces is not None and len(pieces) == (1 if unbounded else 2)
    assert pieces[0][0] == -np.inf and pieces[-1][1] == np.inf


def test_the_instrument_is_shares_times_shocks() -> None:
    """The same model with the instrument declared as a column has the same estimates, tests and clustered errors."""
    design = shift_share(4)
    column = np.sum(design.extra.shares.columns * design.extra.shocks.columns, axis=1)[:, None]
    other = replace(design, extra=Further(design.extra.endogenous, Named(("z",), column)))
    one, two = fit(design), fit(other)
    assert one.params == pytest.approx(two.params, rel=1e-10)
    assert one.tests["effective_f"].statistic == pytest.approx(two.tests["effective_f"].statistic, rel=1e-10)
    assert one.extra.anderson_rubin.intervals == two.extra.anderson_rubin.intervals


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effects", [("unit", "period"), ("period",)], ids=str)
def test_the_shock_level_regression_gives_the_same_estimate(weighted: bool, effects: tuple[str, ...]) -> None:
    """Borusyak, Hull and Jaravel (2022), proposition 1, by linearmodels: outcome and regressor averaged by exposure,
    instrumented by the shocks, weighted by exposure, period dummies beside. With period effects alone the clustered
    errors of that regression are AKM's, to the last digit; with others they differ by how shocks are made net."""
    from linearmodels.iv import IV2SLS

    design = shift_share(5, units=60, sectors=22, periods=4, exogenous=0, weighted=weighted, effects=effects)
    system = system_of(with_instrument(design))
    root = np.ones(design.y.size) if design.weights is None else np.sqrt(design.weights)
    shares, shocks = design.extra.shares.columns * root[:, None], design.extra.shocks.columns
    rows = []
    for period in range(4):
        here = design.period_codes == period
        exposure = shares[here].T @ root[here]
        rows.append(
            np.column_stack(
                [
                    shares[here].T @ system.y[here] / exposure,
                    shares[here].T @ system.d[here, 0] / exposure,
                    shocks[here][0],
                    exposure,
                    np.full(22, period),
                    np.arange(22),
                ]
            )
        )
    y, d, g, weight, time, sector = np.vstack(rows).T
    model: Any = IV2SLS(y, dummies(time), d, g, weights=weight)
    theirs = model.fit(cov_type="clustered", clusters=sector.astype(int), debiased=False)
    found = fit(design)
    assert theirs.params.iloc[-1] == pytest.approx(found.params[0], rel=1e-9)
    akm = infer(found, design, InferenceSpec("akm"), 0).std_error
    assert akm is not None
    if effects == ("period",):
        assert theirs.std_errors.iloc[-1] == pytest.approx(akm[0], rel=1e-8)
    else:
        assert theirs.std_errors.iloc[-1] == pytest.approx(akm[0], rel=0.2)


@pytest.mark.parametrize("complete", [True, False])
def test_rotemberg_weights(complete: bool) -> None:
    """They sum to one, the sectors' own estimates average to the whole, and each sector's estimate and F are those of
    the model that its instrument alone identifies."""
    design = shift_share(6, sectors=6, complete=complete)
    found = fit(design)
    entries = found.extra.shift_share.rotemberg
    assert len(entries) == 6 and sum(entry.weight for entry in entries) == pytest.approx(1.0, abs=1e-12)
    mean = sum(entry.weight * entry.estimate for entry in entries)
    assert mean == pytest.approx(found.params[0], rel=1e-10)
    assert [abs(entry.weight) for entry in entries] == sorted((abs(e.weight) for e in entries), reverse=True)
    negative = sum(min(entry.weight, 0.0) for entry in entries)
    assert found.extra.shift_share.negative_weights == pytest.approx(negative, abs=1e-15)
    shocks = design.extra.shocks.columns
    shocks = shocks - shocks.mean(axis=1, keepdims=True) if complete else shocks
    for entry in entries:
        k = int(entry.sector.removeprefix("share"))
        column = (design.extra.shares.columns[:, k] * shocks[:, k])[:, None]
        alone = fit(replace(design, extra=Further(design.extra.endogenous, Named(("z",), column))))
        assert entry.estimate == pytest.approx(alone.params[0], rel=1e-8)
        assert entry.first_stage_f == pytest.approx(alone.tests["effective_f"].statistic, rel=1e-8)


def test_complete_shares_leave_the_shocks_origin_open() -> None:
    """A number added to all shocks of a period changes no estimate, weight or error where shares sum to one."""
    design = shift_share(7, sectors=22, units=60)
    shocks = replace(design.extra.shocks, columns=design.extra.shocks.columns + 3.0 * design.period_codes[:, None])
    moved = replace(design, extra=replace(design.extra, shocks=shocks))
    for one, two in zip(*(fit(case).extra.shift_share.rotemberg for case in (design, moved)), strict=True):
        assert one.weight == pytest.approx(two.weight, rel=1e-7)
    errors = [infer(fit(case), case, InferenceSpec("akm"), 0).std_error for case in (design, moved)]
    assert errors[0] is not None and errors[0][0] == pytest.approx(errors[1][0], rel=1e-7)


def test_incomplete_shares_are_warned_of_unless_their_sum_is_controlled_for() -> None:
    design = shift_share(8, complete=False, effects=("period",))
    assert note("shares_incomplete") in fit(design).notes
    sums = design.extra.shares.columns.sum(axis=1)
    by_period = dummies(design.period_codes) * sums[:, None]
    terms = (*design.terms, *(f"sum{t}" for t in range(by_period.shape[1])))
    spec = replace(design.spec, regressors=terms)
    controlled = replace(design, spec=spec, x=np.hstack([design.x, by_period]), terms=terms)
    assert note("shares_incomplete") not in fit(controlled).notes
    assert note("shares_incomplete") not in fit(shift_share(8)).notes


@pytest.mark.parametrize(("sector_errors", "draws"), [(1.0, 300), (0.0, 200)])
def test_size_with_errors_correlated_through_shares(sector_errors: float, draws: int) -> None:
    """True null; 100 units × 3 periods, two-way effects, 30 sectors, the same shares, shocks and errors drawn anew.
    Monte Carlo error .013 and .015.

    Errors clustered by unit take units with similar shares for independent and reject more than three times as often as
    they say; AKM is near 5 % (.077), AKM0 (.030) not above it. With errors independent between rows all three hold.
    """
    shares = shares_of(1, 100, 30)
    rejected = np.zeros(3)
    for seed in range(draws):
        design = with_instrument(
            shift_share(
                1000 + seed, units=100, periods=3, sectors=30, exogenous=0, beta=0.0, shares=shares,
                sector_errors=sector_errors,
            )
        )  # fmt: skip
        system = system_of(design)
        sectors = sectors_of(design, system)
        left = system.y - sectors.estimate * system.d[:, 0]
        clustered = np.sqrt(errors_of(design, system).cross(system.z_net, left, left, 1)[0, 0]) / abs(sectors.zd)
        rejected += [
            abs(sectors.estimate) > Z95 * clustered,
            abs(sectors.estimate) > Z95 * sectors.std_error(),
            sectors.statistic().at(0.0) > Z95**2,
        ]
    cluster, akm, akm0 = rejected / draws
    assert akm < 0.12 and akm0 < 0.09
    if sector_errors:
        assert cluster > 0.16
    else:
        assert cluster < 0.10 and akm > 0.01


def test_effective_sectors() -> None:
    """Sectors of equal mean share count fully; one dominant sector counts as little more than one."""
    equal = np.kron(np.ones((10, 1)), np.eye(4)) * 0.6 + 0.1
    design = shift_share(9, units=40, sectors=4, shares=equal)
    assert fit(design).extra.shift_share.effective_sectors == pytest.approx(4.0, rel=1e-9)
    skewed = equal * 0.1 + np.array([0.9, 0.0, 0.0, 0.0])
    assert fit(shift_share(9, units=40, sectors=4, shares=skewed)).extra.shift_share.effective_sectors < 1.3


def test_what_does_not_apply_is_refused() -> None:
    few = shift_share(10, sectors=8)
    with pytest.raises(UserError, match="at least 20 sectors") as refusal:
        infer(fit(few), few, InferenceSpec("akm"), 0)
    assert "akm0" in str(refusal.value)
    assert infer(fit(few), few, InferenceSpec("akm0"), 0).n_clusters == 8
    reported = fit(few).extra.shift_share
    assert reported.akm == NotAvailable(note("needs_sectors", sectors=8, least=20))
    assert reported.akm0.p_value is not None
    four = shift_share(10, sectors=4)
    with pytest.raises(UserError, match="at least 5 sectors"):
        infer(fit(four), four, InferenceSpec("akm0"), 0)
    many = shift_share(10, sectors=45)
    refused = note("needs_units_for_sectors", sectors=45, n_units=40)
    assert fit(many).extra.shift_share.akm.not_available == refused
    with pytest.raises(UserError, match="merge sectors"):
        infer(fit(many), many, InferenceSpec("akm"), 0)


@pytest.mark.parametrize(
    ("key", "change", "words"),
    [
        ("shocks", lambda e: Named(e.terms[:3], e.columns[:, :3]), "8 shares and 3 shocks"),
        ("shares", lambda e: Named(e.terms, e.columns - 0.5), "shares between 0 and 1"),
        ("shares", lambda e: Named(e.terms, e.columns * 1.0 + 0.1), "shares that sum to 1.8"),
        (
            "shocks",
            lambda e: Named(e.terms, e.columns + np.arange(len(e.columns))[:, None]),
            "differs between units in 2000",
        ),
    ],
)
def test_problems_say_what_is_wrong(key: str, change: Callable[[Named], Named], words: str) -> None:
    design = shift_share(11)
    extra = replace(design.extra, **{key: change(getattr(design.extra, key))})
    with pytest.raises(UserError, match=words):
        fit(replace(design, extra=extra))


def test_a_known_coefficient_is_found() -> None:
    """Mean of 60 estimates from panels whose regressor shares the outcome's error: within three of its errors of the
    truth, where least squares is far off."""
    found, plain = [], []
    for seed in range(60):
        design = shift_share(seed, sectors=10, exogenous=0, beta=0.5)
        found.append(fit(design).params[0])
        spec = replace(design.spec, estimator="fe", regressors=("d",))
        plain.append(
            fit(replace(design, spec=spec, x=design.extra.endogenous.columns, terms=("d",), extra=Further())).params[0]
        )
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - 0.5) < 3 * error < 0.15
    assert abs(np.mean(plain) - 0.5) > 0.2


def test_a_model_as_the_configuration_declares_it() -> None:
    """Shares may be constant over periods and shocks over units: it is their product that the effects must leave."""
    design = shift_share(12, units=31, sectors=5)
    units = load_units(Path(__file__).parents[2] / "data" / "units" / "china_provinces.csv")
    frame = pd.DataFrame({"unit": np.repeat(sorted(units.ids), 5), "period": np.tile(range(2000, 2005), 31)})
    frame = frame.assign(y=design.y, x=design.x[:, 0], d=design.extra.endogenous.columns[:, 0])
    for named in (design.extra.shares, design.extra.shocks):
        frame[list(named.terms)] = named.columns
    options = {"endogenous": ["d"], "shares": design.extra.shares.terms, "shocks": design.extra.shocks.terms}
    spec = ModelSpec("m", "iv", "y", "provinces", regressors=("x",), effects=("unit", "period"), options=options)
    declared = fit(build_design(replace(spec, inference=design.spec.inference), frame, units))
    assert declared.params == pytest.approx(fit(design).params, rel=1e-9)
    assert declared.extra.instruments == ("shift_share",)
    assert declared.extra.shift_share.sectors == 5
