"""Specification curves: against the main estimator, against brute force, and on simulated panels of known truth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from as_written import curve_of, plan
from ruralpanel.claims.robustness import curve_kernel, curve_tests
from ruralpanel.claims.robustness.curve import run_curve
from ruralpanel.claims.robustness.curve_data import CurveData, curve_data
from ruralpanel.claims.robustness.curve_kernel import batches, estimate_curve
from ruralpanel.claims.robustness.curve_plan import BOTH_SIDES, REPEATED, TWIN, Plan, Specification
from ruralpanel.claims.robustness.curve_tests import curve_test, normal_scores, permutations, signs
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.configuration import SmallestEffect
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.settings import InferenceSpec, ModelSpec
from ruralpanel.project.units import Units, load_units

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
YEARS = tuple(range(2012, 2020))
CURVE: dict[str, Any] = {
    "panel": "provinces",
    "term": "roads",
    "outcome": ["y", "y2"],
    "measures": {"roads": ["roads", "rail"], "technology": ["power", "patents", None]},
    "moderator": [None, "gap"],
    "controls": [[], ["urban"], ["urban", "power:urban"]],
    "samples": ["all", "no_steps", "late"],
    "lags": [0, 1],
    "effects": [["unit", "period"], ["unit"], ["period"], []],
    "weights": [None, "weight"],
}
SAMPLES = {"no_steps": Sample(drop=("CN-SH", "CN-TJ")), "late": Sample(drop_periods=(2012,))}
LAGS = {("roads", 1): "roads_before"}


@pytest.fixture(scope="module")
def units() -> Units:
    return load_units(ROOT / "data" / "units" / "china_provinces.csv")


@pytest.fixture(scope="module")
def frame(units: Units) -> pd.DataFrame:
    """31 provinces × 8 years, with missing figures, a zero weight and steps of a definition break."""
    rng = np.random.default_rng(3)
    ids = sorted(units.ids)
    table = pd.DataFrame({"unit": np.repeat(ids, len(YEARS)), "period": np.tile(YEARS, len(ids))})
    level = np.repeat(rng.normal(size=(len(ids), 7)), len(YEARS), axis=0)
    names = ["roads", "rail", "power", "patents", "urban", "y", "y2"]
    table[names] = level + rng.normal(size=level.shape)
    table["roads_before"] = table["roads"] + rng.normal(size=len(table))
    table["y"] += 0.4 * table["roads"]
    table["gap"] = np.repeat(rng.normal(size=len(ids)), len(YEARS))
    table["weight"] = rng.uniform(0.5, 2.0, len(table))
    table.loc[5, "weight"] = 0.0
    for place, name in ((0, "patents"), (100, "patents"), (57, "y2"), (81, "roads")):
        table.loc[place, name] = math.nan
    for year in (2014, 2017):
        table[f"power__break_{year}"] = (table["unit"].isin(["CN-SH", "CN-TJ"]) & (table["period"] >= year)) * 1.0
    return table.sample(frac=1, random_state=2).reset_index(drop=True)


@pytest.fixture(scope="module")
def declared() -> Plan:
    return plan(CURVE, LAGS)


@pytest.fixture(scope="module")
def data(frame: pd.DataFrame, units: Units, declared: Plan) -> CurveData:
    return curve_data(declared, frame, units, SAMPLES)


def with_lag(frame: pd.DataFrame) -> pd.DataFrame:
    """The panel with rail one year before, as the curve calls it."""
    table = frame.sort_values(["unit", "period"])
    table["rail_before"] = table.groupby("unit")["rail"].shift(1)
    return table


def by_main_estimator(spec: Specification, frame: pd.DataFrame, units: Units) -> tuple[float, float, int]:
    """Estimate, error and observations of one specification through the functions that models run through."""
    names = [term.replace("lag(rail, 1)", "rail_before") for term in spec.terms]
    model = ModelSpec(
        name="one",
        estimator="fe" if spec.effects else "pooled",
        outcome=spec.outcome,
        panel="provinces",
        regressors=tuple(names),
        effects=spec.effects,
        weights=spec.weights,
        sample=spec.sample,
        inference=(InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"}),),
    )
    design = build_design(model, with_lag(frame), units, SAMPLES.get(spec.sample))
    found = fit(design)
    errors = infer(found, design, model.inference[0], 0)
    assert errors.std_error is not None
    place = found.terms.index(names[0])
    return float(found.params[place]), float(errors.std_error[place]), int(found.rows.size)


def test_equal_to_the_main_estimator(frame: pd.DataFrame, units: Units, declared: Plan, data: CurveData) -> None:
    """200 of the curve's specifications, estimate and clustered error to 1e-10 of themselves."""
    found = estimate_curve(data, declared.specifications)
    assert found.members.size == len(declared.specifications) > 1500
    chosen = np.random.default_rng(0).choice(found.members.size, 200, replace=False)
    for i in chosen:
        spec = declared.specifications[found.members[i]]
        estimate, error, n_obs = by_main_estimator(spec, frame, units)
        assert found.n_obs[i] == n_obs
        assert found.estimate[i] == pytest.approx(estimate, rel=1e-10), spec
        assert found.std_error[i] == pytest.approx(error, rel=1e-10), spec


def test_nearly_collinear_columns_are_solved_by_orthogonal_columns(frame: pd.DataFrame, units: Units) -> None:
    """A control that is the lever but for one part in 10⁵: the Gram matrix alone would lose ten digits of sixteen.

    The main estimator's sandwich loses them too, so that errors are held against the lever net of its twin.
    """
    table = frame.assign(twin=frame["roads"] + 1e-5 * frame["urban"])
    declared = plan({**CURVE, "measures": {}, "controls": [["twin"]], "lags": [0], "moderator": [None]})
    data = curve_data(declared, table, units, SAMPLES)
    found = estimate_curve(data, declared.specifications)
    for i in range(0, found.members.size, 5):
        estimate, _, _ = by_main_estimator(declared.specifications[found.members[i]], table, units)
        assert found.estimate[i] == pytest.approx(estimate, rel=1e-9)
    for batch in batches(data, declared.specifications):
        for x, z, residuals, error, factor in zip(
            batch.x, batch.z, batch.residuals, batch.std_error, batch.factor, strict=True
        ):
            q, _ = np.linalg.qr(x[1:].T)
            alone = x[0] - q @ (q.T @ x[0])
            alone -= q @ (q.T @ alone)
            exact = alone / (alone @ alone)
            scores = np.bincount(batch.cell.unit_codes, weights=exact * residuals)
            assert error == pytest.approx(math.sqrt(factor * (scores @ scores)), rel=1e-9)
            assert np.abs(z - exact).max() < 1e-9 * np.abs(exact).max()


def test_effects_by_group_and_period(frame: pd.DataFrame, units: Units) -> None:
    """``region:period`` is one effect for each region and year; the main estimator has it as a cluster's codes."""
    curve = {"panel": "p", "term": "roads", "outcome": ["y"], "effects": [["unit", "region:period"]]}
    declared = plan(curve)
    found = estimate_curve(curve_data(declared, frame, units, {}), declared.specifications)
    table = frame.dropna(subset=["roads", "y"])
    region = [str(units.attributes[unit]["region"]) for unit in table["unit"]]
    both = [f"{r} {p}" for r, p in zip(region, table["period"], strict=True)]
    design = design_from_arrays(
        table["y"].to_numpy(), table["roads"].to_numpy(), table["unit"].tolist(), table["period"].tolist(),
        effects=("unit", "region:period"), clusters={"region:period": both},
    )  # fmt: skip
    fitted = fit(design)
    errors = infer(fitted, design, InferenceSpec("cluster"), 0)
    assert errors.std_error is not None
    assert found.estimate[0] == pytest.approx(fitted.params[0], rel=1e-10)
    assert found.std_error[0] == pytest.approx(errors.std_error[0], rel=1e-10)


def test_standardised_effects(frame: pd.DataFrame, declared: Plan, data: CurveData) -> None:
    """Standard deviations of the outcome for one of the lever within units, times one of the moderator."""
    found = estimate_curve(data, declared.specifications)
    spec = next(s for s in declared.specifications if s.term == "roads:gap" and s.choices[2] == "none")
    i = found.members.tolist().index(declared.specifications.index(spec))
    table = frame.dropna(subset=["roads", "y"])
    within = table["roads"] - table.groupby("unit")["roads"].transform("mean")
    step = math.sqrt((within**2).sum() / (len(table) - 1)) * table["gap"].std()
    assert found.standardised[i] == pytest.approx(found.estimate[i] * step / table["y"].std(), rel=1e-12)


@pytest.mark.parametrize(
    ("smallest", "logs", "share", "of_sd"),
    [({}, ["y"], 0.05, False), ({}, [], 0.2, True), ({"share_of_outcome": 0.1}, ["y"], 0.1, False),
     ({"sd_of_outcome": 0.5}, ["y"], 0.5, True)],
)  # fmt: skip
def test_multiples_of_the_smallest_effect_by_regressions_on_dummies(
    frame: pd.DataFrame, declared: Plan, data: CurveData, smallest: dict[str, float], logs: list[str], share: float,
    of_sd: bool,
) -> None:  # fmt: skip
    """One standard deviation of the lever net of effects and of its own declared steps, times the moderator's own."""
    found = estimate_curve(data, declared.specifications, SmallestEffect.model_validate(smallest), logs)
    for term in ("roads", "roads:gap", "rail"):
        spec = next(
            s for s in declared.specifications if s.term == term and s.choices[2] == "none" and s.outcome == "y"
        )
        i = found.members.tolist().index(declared.specifications.index(spec))
        lever, *moderators = term.split(":")
        steps = [name for name in frame.columns if str(name).startswith(f"{lever}__break_")]
        needed = ["y", lever, *moderators, *steps]
        table = frame[data.samples[spec.sample]].dropna(subset=needed) if lever != "power" else frame
        dummies = pd.get_dummies(table[["unit", "period"]].astype(str)).to_numpy(dtype=float)

        def net(name: str, *others: str, table: pd.DataFrame = table, dummies: Any = dummies) -> float:
            base = np.column_stack([dummies, table[list(others)].to_numpy(dtype=float)])
            values = table[name].to_numpy(dtype=float)
            left = values - base @ np.linalg.lstsq(base, values, rcond=None)[0]
            return math.sqrt(left @ left / (len(table) - 1))

        step = net(lever, *steps) * math.prod(table[m].std() for m in moderators)
        delta = share * (net("y") if of_sd else 1.0) / step
        assert found.in_delta[i] == pytest.approx(found.estimate[i] / delta, rel=1e-9)


def test_combinations_that_are_no_regression_of_their_own() -> None:
    curve = {
        "panel": "p", "term": "a", "outcome": ["y", "b"],
        "measures": {"a": ["a1"], "other": ["b", None]}, "controls": [[], ["b"], ["a1"]],
    }  # fmt: skip
    found = plan(curve)
    written = [(s.outcome, s.terms) for s in found.specifications]
    # y on a1 and b is declared twice: as a measure and as a control
    assert written == [("y", ("a1", "b")), ("y", ("a1",)), ("b", ("a1",))]
    assert found.dropped == {REPEATED: 6, TWIN: 1, BOTH_SIDES: 2}
    assert sum(found.dropped.values()) + len(written) == 12


def test_what_the_data_cannot_estimate_is_counted(frame: pd.DataFrame, units: Units) -> None:
    few = {"few": Sample(drop=tuple(sorted(units.ids)[9:])), "west": Sample(where="region == 'West'")}
    table = frame.assign(nothing=math.nan, flat=1.0, same=2 * frame["roads"])
    curve = {
        "panel": "p", "term": "roads", "outcome": ["y", "flat"],
        "measures": {"other": [None, "nothing", "gap", "same"]}, "samples": ["all", "few", "west"],
    }  # fmt: skip
    declared = plan(curve)
    found = estimate_curve(curve_data(declared, table, units, few), declared.specifications)
    assert found.members.size == 2
    assert found.counted() == {
        curve_kernel.NO_ROWS: 6,
        curve_kernel.FEW_UNITS: 6,
        curve_kernel.ABSORBED: 4,
        curve_kernel.FLAT: 4,
        curve_kernel.COLLINEAR: 2,
    }


def test_names_and_weights_are_checked(frame: pd.DataFrame, units: Units) -> None:
    curve = {"panel": "p", "term": "rods", "outcome": ["y"], "effects": [["unit", "regin:period"]]}
    with pytest.raises(UserError) as caught:
        curve_data(plan(curve), frame, units, {})
    assert [p.found for p in caught.value.problems] == ['"rods", of which panel  has no figure', '"regin"']
    curve = {"panel": "p", "term": "roads", "outcome": ["y"], "weights": ["power"]}
    with pytest.raises(UserError, match="negative"):
        curve_data(plan(curve), frame, units, {})


def test_lags_in_a_panel_with_gaps(units: Units) -> None:
    """``by: observation`` takes the period before, ``by: year`` the year before, where the panel has it."""
    ids = sorted(units.ids)
    table = pd.DataFrame({"unit": np.repeat(ids, 3), "period": np.tile([1998, 1999, 2003], len(ids))})
    table["x"] = np.arange(len(table), dtype=float)
    table["y"] = 0.0
    declared = plan({"panel": "p", "term": "x", "outcome": ["y"], "lags": [1]})
    for by, wanted in (("observation", [math.nan, 0, 1]), ("year", [math.nan, 0, math.nan])):
        column = curve_data(declared, table, units, {}, by).columns["lag(x, 1)"]
        np.testing.assert_array_equal(column[:3], wanted)


def brute_force_t(batch: curve_kernel.Batch, i: int, outcome: np.ndarray) -> float:
    """t of the followed coefficient in a regression of `outcome` with the effects as columns."""
    cell = batch.cell
    root = np.ones(cell.rows.size) if cell.space.root is None else cell.space.root
    dummies = [(codes[:, None] == np.arange(codes.max() + 1)) * root[:, None] for codes in cell.space.factors]
    x = np.hstack([batch.x[i].T, *(dummies or [root[:, None]])])
    inverse = np.linalg.pinv(x.T @ x)
    b = inverse @ x.T @ outcome
    scores = (x @ inverse[0]) * (outcome - x @ b)
    return float(b[0] / math.sqrt(batch.factor[i] * np.sum(np.bincount(cell.unit_codes, weights=scores) ** 2)))


@pytest.mark.parametrize("many", [400, 0], ids=["products of pairs", "moved paths"])
@pytest.mark.parametrize("scheme", ["paths", "signs"])
def test_draws_against_refitting(
    data: CurveData, declared: Plan, scheme: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unbalanced, weighted and with every set of effects: each drawn t is that of a refitted regression."""
    monkeypatch.setattr(curve_tests, "MANY", many)
    chosen = [declared.specifications[i] for i in np.random.default_rng(1).choice(1700, 24, replace=False)]
    drawn = (permutations if scheme == "paths" else signs)(len(data.units), 3, np.random.default_rng(5))
    moved = curve_tests._Moved(data, drawn)
    seen = 0
    for batch in batches(data, chosen):
        cell = batch.cell
        results = np.concatenate([t for _, t in curve_tests._drawn(batch, moved, scheme)])
        for i, t in enumerate(results):
            z, b = batch.z[i], batch.params[i, 0]
            null = batch.residuals[i] + b * z / batch.bread[i, 0, 0]
            for draw in range(1, 4):
                if scheme == "paths":
                    place = moved.orders(cell).place[draw]
                    rows = [np.flatnonzero(cell.unit_codes == unit) for unit in place]
                    outcome = null[np.concatenate(rows)]
                else:
                    outcome = null * moved.weights(cell)[draw][cell.unit_codes]
                assert t[draw] == pytest.approx(brute_force_t(batch, i, outcome), rel=1e-8)
                seen += 1
    assert seen == 72


@pytest.mark.parametrize("df", [2.0, 5.0, 29.0, 200.0])
def test_normal_scores_from_the_table_are_those_of_the_distributions(df: float) -> None:
    t = np.concatenate([[0.0, 1e-9, 11.999, 12.0, 40.0], np.random.default_rng(1).standard_t(df, 5_000)])
    t = np.concatenate([t, -t])
    exact = np.sign(t) * stats.norm.isf(stats.t.sf(np.abs(t), df))
    assert normal_scores(t, df) == pytest.approx(exact, rel=1e-11, abs=1e-12)


def test_units_change_places_only_with_units_of_the_same_periods(data: CurveData, declared: Plan) -> None:
    drawn = permutations(len(data.units), 20, np.random.default_rng(5))
    moved = curve_tests._Moved(data, drawn)
    for batch in batches(data, declared.specifications[::40]):
        periods = data.codes["period"][batch.cell.rows]
        codes = batch.cell.unit_codes
        own = [tuple(periods[codes == unit]) for unit in range(batch.cell.n_units)]
        for place in moved.orders(batch.cell).place:
            assert sorted(place) == list(range(batch.cell.n_units))
            assert all(own[unit] == own[other] for unit, other in enumerate(place))


def test_restricted_permutations_are_uniform_and_agree_with_the_whole() -> None:
    orders = permutations(5, 40_000, np.random.default_rng(0))
    members = np.array([0, 2, 3])
    found = curve_tests._restricted(orders, members)
    stayed = np.isin(orders[:, members], members)
    np.testing.assert_array_equal(members[found][stayed], orders[:, members][stayed])
    counts = np.unique(found, axis=0, return_counts=True)[1]
    # six permutations, 6,667 each; the standard deviation of a count is 75
    assert counts.size == 6 and np.abs(counts - 40_000 / 6).max() < 300


def simulated(rng: np.random.Generator, effect: float, units: int = 31, periods: int = 8) -> tuple[CurveData, Plan]:
    """Two outcomes, two noisy measures of one lever correlated with a control; errors persist and differ in size."""
    shape = (units, periods)

    def persistent() -> np.ndarray:
        values = rng.normal(size=shape)
        for t in range(1, periods):
            values[:, t] = 0.6 * values[:, t - 1] + 0.8 * values[:, t]
        return values

    control = persistent()
    lever = 0.6 * control + persistent()
    noise = persistent() * np.exp(0.5 * rng.normal(size=(units, 1)))
    values = {
        "x1": lever + 0.3 * rng.normal(size=shape),
        "x2": lever + 0.3 * rng.normal(size=shape),
        "c": control,
        "y1": effect * lever + 0.5 * control + noise,
        "y2": effect * lever + 0.5 * control + noise + 0.5 * persistent(),
    }
    curve = {
        "panel": "p", "term": "x", "outcome": ["y1", "y2"], "measures": {"x": ["x1", "x2"]}, "controls": [["c"]],
        "effects": [["unit", "period"], ["unit"]], "samples": ["all", "part"],
    }  # fmt: skip
    unit = np.repeat(np.arange(units), periods)
    codes = {"unit": unit, "period": np.tile(np.arange(periods), units)}
    samples = {"all": np.ones(unit.size, dtype=bool), "part": unit >= 5}
    columns = {name: column.ravel() for name, column in values.items()}
    return CurveData(tuple(map(str, range(units))), codes, columns, {}, samples), plan(curve)


@pytest.mark.parametrize("scheme", ["paths", "signs"])
def test_the_joint_test_keeps_its_size_and_finds_an_effect(scheme: str) -> None:
    """50 panels each: at 5 %, a true null is rejected within three Monte Carlo errors (9 %) of that, an effect mostly.

    The longer simulation is benchmarks/size_curve.py, its table in docs/estimators/robustness.md.
    """
    rng = np.random.default_rng(8)
    rejections = {}
    for effect in (0.0, 0.3):
        hits = np.zeros(3)
        for _ in range(50):
            data, declared = simulated(rng, effect)
            test = curve_test(data, declared.specifications, 99, rng, 0, scheme)
            assert test is not None
            hits += [p <= 0.05 for p in test.p_values.values()]
        rejections[effect] = hits / 50
    assert (rejections[0.0] < 0.05 + 3 * 0.031).all()
    assert (rejections[0.3] > 0.6).all()


def test_a_curve_as_the_workflow_runs_it(frame: pd.DataFrame, units: Units) -> None:
    curve = {**CURVE, "permutations": 19, "expected": "positive", "effects": [["unit", "period"]], "weights": [None]}
    found = run_curve("main", curve_of(curve), frame, units, SAMPLES, 1, LAGS, logs=["y"])
    rows, summary = found.rows, found.summary
    assert summary.n_specifications == len(rows) == summary.n_declared - sum(summary.dropped.values())
    assert summary.main["estimate"] == rows["estimate"][0]
    assert [rows[d.name][0] for d in summary.dimensions] == [d.options[0] for d in summary.dimensions]
    assert summary.share_same_sign == np.mean(np.sign(rows["estimate"]) == np.sign(rows["estimate"][0]))
    assert summary.share_positive == np.mean(rows["estimate"] > 0)
    assert summary.share_not_negative == np.mean(rows["in_delta"] > -1.0)
    assert summary.median == np.median(rows["standardised"])
    own = next(e for e in summary.by_choice if e.dimension == "outcome" and e.option == "y2")
    assert own.n == (rows["outcome"] == "y2").sum()
    assert own.median == np.median(rows["standardised"][rows["outcome"] == "y2"])
    for scheme in ("permutation", "sign_changes"):
        test = getattr(summary, scheme)
        assert test.draws == 19 and test.n_specifications == len(rows)
        assert all(round(p * 20) == pytest.approx(p * 20) for p in test.p_values.values())
        assert test.observed["median"] == pytest.approx(summary.median, rel=1e-6)
    again = run_curve("main", curve_of(curve), frame, units, SAMPLES, 1, LAGS, logs=["y"])
    assert again.summary == summary and again.rows.equals(rows)
