"""Figures: the same bytes each time, nothing of the user's settings, no glyph missing, honest open ends."""

from __future__ import annotations

import itertools
import json
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from as_written import design_of, model_of, row_of
from ruralpanel.claims.scorecard import scorecard_json, scorecard_of
from ruralpanel.estimate.base.model_json import write_results
from ruralpanel.output.charts import build, claims, coefficients, curve, event_study, marginal_effect, series
from ruralpanel.output.charts.coefficients import Estimate, from_model, span
from ruralpanel.output.charts.curve import option_shares
from ruralpanel.output.results import OutputContext
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.problems import UserError

pytestmark = pytest.mark.slow

Paths = Mapping[str, Path]

ESTIMATES = [
    Estimate("Roads 公路", 0.4, -0.1, 0.9, group="Rural industry", detail="N = 24"),
    Estimate("Open above", -0.2, -0.6, None, group="Rural industry"),
    Estimate("No number", math.nan, group="Employment"),
]
CURVE = marginal_effect.MarginalCurve(
    [0.0, 1.0, 2.0],
    [1.0, 0.0, -1.0],
    [0.5, -0.6, -2.0],
    [1.5, 0.6, 0.1],
    1.0,
    ((0.45, 2.0),),
    "wild cluster bootstrap by unit",
    {"A": 0.2, "B": 1.7},
)


def made_up_frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    index = pd.MultiIndex.from_product([list("ABCDEF"), range(2012, 2016)], names=["unit", "period"])
    frame = pd.DataFrame({"value": rng.gamma(2, 3, len(index))}, index=index).reset_index()
    frame.loc[[2, 3, 9], "value"] = np.nan
    return frame


def specifications() -> curve.CurveData:
    rng = np.random.default_rng(6)
    estimate = rng.normal(0.1, 0.2, 700)
    choices = {"Sample": rng.choice(["all", "west"], 700).tolist(), "Lag": rng.choice(["0", "1"], 700).tolist()}
    return curve.CurveData(estimate.tolist(), (estimate - 0.2).tolist(), (estimate + 0.2).tolist(), choices, 3)


CLAIMS = (
    row_of(
        "H3b", "supported", design_of(in_delta=-2.0, in_delta_low=-30.0, in_delta_high=-0.5),
        text="Roads help less where technology is weak", expected="negative",
    ),
    row_of("H7", "not yet tested", text="Land", expected="positive"),
)  # fmt: skip
GROUPS = {unit: "West" if unit < "D" else "East" for unit in "ABCDEF"}
EVENTS = [event_study.EventSeries("Total", {1998: Estimate("", 0.1, 0.0, 0.2), 2003: Estimate("", -0.1, None, 0.1)})]
PARTS = [claims.Part("Technology", -0.6, -1.0, -0.2), claims.Part("Schooling", 0.2), claims.Part("Rest", -0.4)]
LINES = [series.Variable("Jobs", "person", made_up_frame(), True), series.Variable("Jobs", "", made_up_frame())]

DRAWERS: dict[str, Callable[[Paths], None]] = {
    "coefficients": lambda paths: coefficients.draw(ESTIMATES, paths, "Title", "axis", "note", smallest_effect=0.1),
    "marginal_effect": lambda paths: marginal_effect.draw(CURVE, paths, "roads", "gap (log)", "Title", "note"),
    "beside_theory": lambda paths: marginal_effect.draw(
        CURVE, paths, "roads", "gap", theory=marginal_effect.TheoryCurve([0, 1], [1, -1], "g", "−∂π/∂τ", "Theory")
    ),
    "event_study": lambda paths: event_study.draw(EVENTS, paths, 1999, 2000, "Title", "axis", "note", "zh"),
    "waterfall": lambda paths: claims.draw_waterfall(PARTS, paths, "West − East", "Title", "axis", "note"),
    "specification_curve": lambda paths: curve.draw_curve(specifications(), paths, "Title", "axis", "note"),
    "one_series": lambda paths: series.draw(LINES[1:], paths, {"A": "Anhui"}, {}, "Title", "note"),
    "two_series": lambda paths: series.draw(LINES, paths, {"A": "Anhui"}, GROUPS),
    "scorecard": lambda paths: claims.draw_scorecard(scorecard_of(CLAIMS), paths, "Title"),
}


@pytest.mark.parametrize("kind", DRAWERS)
def test_same_bytes_whatever_the_users_settings(kind: str, tmp_path: Path) -> None:
    paths = {form: tmp_path / f"one.{form}" for form in ("png", "svg")}
    DRAWERS[kind](paths)
    first = {form: path.read_bytes() for form, path in paths.items()}
    with matplotlib.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "other", "text.usetex": True}
    ):
        before = dict(matplotlib.rcParams)
        DRAWERS[kind](paths)
        assert dict(matplotlib.rcParams) == before
    assert {form: path.read_bytes() for form, path in paths.items()} == first

    with Image.open(paths["png"]) as image:
        assert image.width >= 1000 and "Creation Time" not in image.info
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
        assert len(image.convert("L").getcolors() or ()) > 2
        size = image.size
    root = ElementTree.fromstring(first["svg"])
    assert root.tag.endswith("svg")
    points = [float(root.attrib[side].removesuffix("pt")) for side in ("width", "height")]
    assert size == pytest.approx([length * 200 / 72 for length in points], abs=1)
    assert b"<dc:date>" not in first["svg"] and b"Matplotlib" not in first["svg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "one.svg"]


def test_a_missing_glyph_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"figures\.main: found .* \(U\+E000\)"):
        coefficients.draw([Estimate("bad \ue000", 1.0)], {"png": tmp_path / "x.png"}, where="figures.main")
    assert list(tmp_path.iterdir()) == []


def test_dollar_signs_are_not_mathematics(tmp_path: Path) -> None:
    coefficients.draw([Estimate("$10 and _$", 1.0)], {"svg": tmp_path / "x.svg"})


def test_span_leaves_room_for_arrows() -> None:
    closed = [Estimate("", 1.0, 0.0, 2.0)]
    assert span(closed) == pytest.approx((-0.12, 2.12))
    assert span([Estimate("", 1.0, 0.0, None), *closed]) == pytest.approx((-0.12, 2.4))
    assert span([Estimate("", math.nan)]) == pytest.approx((-0.06, 0.06))


def model(**changes: Any) -> dict[str, Any]:
    """A made-up model in the contract's form."""
    wild = {"ci_wild_low": -math.inf, "ci_wild_high": 3.0}
    row = {"at": 0.0, "estimate": 1.0, "ci_low": 0.5, "ci_high": 1.5}
    values: dict[str, Any] = {
        "model": "m", "panel": "p", "estimator": "fe", "outcome": "y", "n_obs": 24,
        "units": ["A", "B"], "periods": [2012, 2013],
        "coefficients": [
            {"term": "roads", "estimate": 1.0, "ci_low": 0.0, "ci_high": 2.0, **wild},
            {"term": "gap", "estimate": 0.5, "ci_low": 0.0, "ci_high": 1.0},
        ],
        "marginal_effects": [
            {
                "of": "roads", "over": "gap", "curve": [row, {**row, "at": 2.0, "estimate": -1.0}],
                "crossing": {"estimate": 1.0, "set": "two_rays", "low": 0.2, "high": 1.4},
            }
        ],
        "spec": {"options": {}},
    }  # fmt: skip
    return {**values, **changes}


def test_estimates_carry_the_one_interval_that_decides_and_its_name() -> None:
    assert from_model(model_of(model()), "roads", "Roads") == Estimate("Roads", 1.0, -math.inf, 3.0, kind="ci_wild")
    open_both = {"term": "roads", "estimate": 1.0, "ci_wild_low": -math.inf, "ci_wild_high": math.inf}
    found = from_model(model_of(model(coefficients=[open_both])), "roads", "Roads")
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert from_model(model_of(model()), "gap", "Gap") == Estimate("Gap", 0.5, 0.0, 1.0, kind="ci")
    with pytest.raises(KeyError):
        from_model(model_of(model()), "rail", "Rail")


def marginal_points(lows: list[float | None], highs: list[float | None]) -> dict[str, Any]:
    """A model whose wild intervals at 0, 1, 2 are these; its clustered band never holds zero."""
    values = model(inference=[
        {"method": "cluster", "by": "unit", "options": {"small_sample": "CR1"}},
        {"method": "wild_cluster", "by": "unit", "options": {"by": "unit"}},
    ])  # fmt: skip
    effect = values["marginal_effects"][0]
    effect["method"] = "cluster"
    effect["points"] = [
        {"label": f"p{i}", "at": float(i), "estimate": 1.0 - i, "ci_low": 0.1, "ci_high": 0.2, "p_wild": 0.1,
         "ci_wild_low": low, "ci_wild_high": high}
        for i, (low, high) in enumerate(zip(lows, highs, strict=True))
    ]  # fmt: skip
    return values


@pytest.mark.parametrize(
    ("lows", "highs", "expected"),
    [
        ([0.5, -0.5, -2.0], [1.5, 0.6, -0.1], ((0.5, 1.857),)),  # −.1 + .7 (2 − x) = 0 at 1.857
        ([0.5, 0.1, 0.2], [1.5, 0.6, 0.4], ()),
        ([-0.5, -0.5, -2.0], [1.5, 0.6, 0.1], ((0.0, 2.0),)),
        ([-0.5, 0.5, -0.5], [1.5, 0.6, 0.1], ((0.0, 0.5), (1.5, 2.0))),
        ([0.5, None, None], [1.5, None, None], ((0.0, 2.0),)),
    ],
)
def test_the_bar_of_a_marginal_effect_is_where_its_own_band_holds_zero(
    lows: list[float | None], highs: list[float | None], expected: tuple[tuple[float, float], ...]
) -> None:
    """One kind of interval: band, bar and the printed numbers are the bootstrap's, not the clustered errors'."""
    curve = marginal_effect.from_model(model_of(marginal_points(lows, highs)), "roads", "gap", {})
    assert curve.method == "wild cluster bootstrap by unit" and list(curve.at) == [0.0, 1.0, 2.0]
    assert [None if math.isnan(x) else x for x in curve.low] == lows
    assert len(curve.untold) == len(expected)
    for found, wanted in zip(curve.untold, expected, strict=True):
        assert found == pytest.approx(wanted, abs=0.011)


def test_without_a_bootstrap_the_band_is_that_of_the_named_errors() -> None:
    values = model(inference=[{"method": "cluster", "by": "unit", "options": {"small_sample": "CR1"}}])
    values["marginal_effects"][0]["method"] = "cluster"
    curve = marginal_effect.from_model(model_of(values), "roads", "gap", {})
    assert curve.method == "CR1 by unit" and curve.untold == ()
    assert (list(curve.at), list(curve.estimate), list(curve.low)) == ([0.0, 2.0], [1.0, -1.0], [0.5, 0.5])
    with pytest.raises(KeyError):
        marginal_effect.from_model(model_of(values), "rail", "gap", {})


def test_the_main_specification_and_the_band_of_a_curve_stand_in_the_legend() -> None:
    data = specifications()
    axes = matplotlib.figure.Figure().add_subplot()
    curve._estimates(axes, data, np.argsort(data.estimate), "en")
    legend = axes.get_legend()
    assert legend is not None
    said = [text.get_text() for text in legend.get_texts()]
    assert said == ["95% interval, median of neighbours", "Main specification"]


def test_every_colour_of_a_marginal_effect_stands_in_the_legend() -> None:
    axes = matplotlib.figure.Figure().add_subplot()
    marginal_effect._curve(axes, CURVE, "en")
    legend = axes.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {
        "95% band: wild cluster bootstrap by unit", "Estimate", "One unit each", "Not told from zero",
        "Estimate zero at 1.00",
    }  # fmt: skip
    unnamed = [line for line in axes.lines if str(line.get_label()).startswith("_")]
    assert len(unnamed) == 1 and not any(unnamed[0].get_ydata())  # the line at zero


def test_intervals_of_a_waterfall_are_measured_from_zero(tmp_path: Path) -> None:
    """A part of .09 [−.37, .54] must not seem to exclude zero because its bar hangs at .5."""
    parts = [claims.Part("First", 0.5, 0.2, 0.8), claims.Part("Training", 0.09, -0.37, 0.54)]
    axes = matplotlib.figure.Figure().add_subplot()
    claims._intervals(axes, parts, "")
    drawn = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert (-0.37, 0.54) in drawn and (0.2, 0.8) in drawn


def test_event_series_read_periods_from_terms() -> None:
    rows = [{"term": f"treated:{year}", "estimate": year, "ci_low": 0, "ci_high": 1} for year in (1998, 2003)]
    values = model(coefficients=[*rows, {"term": "roads", "estimate": 9.0, "ci_low": 0, "ci_high": 1}])
    found = event_study.from_model(model_of(values), "name")
    assert {period: estimate.value for period, estimate in found.estimates.items()} == {1998: 1998, 2003: 2003}


STAGGERED = [
    {"term": f"event:{time:+d}", "period": None, "event_time": time, "estimate": time / 10, "std_error": 0.1}
    | {"df": 9.0, "p_value": 0.5, "ci_low": time / 10 - 0.2, "ci_high": time / 10 + 0.2}
    for time in (-3, -2, 1, 2)
]
ZERO = {"term": "event:-1", "period": None, "event_time": -1, "std_error": None, "df": None, "p_value": None}
ZERO |= dict.fromkeys(("estimate", "ci_low", "ci_high"), 0.0)


def test_effects_of_staggered_dates_are_read_by_the_time_since_treatment() -> None:
    """A coefficient's own interval where the row has one; the reference is drawn apart."""
    values = model(coefficients=[{**STAGGERED[0], "ci_low": -9.0}], event_study=[*STAGGERED, ZERO])
    assert event_study.is_staggered(model_of(values)) and event_study.reference_of(model_of(values)) == -1
    found = event_study.from_model(model_of(values), "name", relative=True)
    assert {time: estimate.value for time, estimate in found.estimates.items()} == {-3: -0.3, -2: -0.2, 1: 0.1, 2: 0.2}
    assert (found.estimates[-3].low, found.estimates[-2].low) == (-9.0, pytest.approx(-0.4))


def test_a_single_date_stands_beside_staggered_ones_by_the_time_since_treatment(context: OutputContext) -> None:
    """And axes say so; another reference is refused."""
    rows = [{**row, "period": 2000 + row["event_time"]} for row in (*STAGGERED, ZERO)]
    folder = context.results / "models"
    for name, given in (
        ("stag", [*STAGGERED, ZERO]),
        ("one", rows),
        ("far", [*STAGGERED[1:], {**ZERO, "event_time": -3}]),
    ):
        (folder / f"{name}.json").write_text(json.dumps(model(model=name, coefficients=[], event_study=given)))
    path = context.results / "f.svg"
    build.draw({"type": "event_study", "models": ["stag", "one"]}, context, {}, {"svg": path})
    assert path.is_file()
    with pytest.raises(UserError, match=r"reference -1, treated from 0; reference -3"):
        build.draw({"type": "event_study", "models": ["stag", "far"]}, context, {}, {"svg": path})


def test_the_scorecard_draws_claims_in_their_numbers_own_direction_and_cuts_no_estimate_off() -> None:
    first, second = claims.from_scorecard(scorecard_of(CLAIMS), "en")
    assert (first.value, first.low, first.high, first.detail) == (-2.0, None, -0.5, "supported")
    far = row_of("H3b", "supported", design_of(in_delta=-20.0, in_delta_low=-60.0, in_delta_high=25.0))
    (row,) = claims.from_scorecard(scorecard_of([far]), "en")
    assert (row.value, row.low, row.high) == (-20.0, -math.inf, math.inf)
    assert math.isnan(second.value) and second.detail == "not yet tested"


def test_option_shares_add_up_to_one() -> None:
    values = ["a", "b", "a", "c", "a", "b", "c"]
    shares = option_shares(values, ["a", "b", "c"], np.arange(7), 3)
    assert shares.shape == (3, 3)
    assert np.allclose(shares.sum(axis=0), 1.0)
    assert np.allclose(shares[0], [2 / 3, 1 / 2, 0.0])  # a b a | c a | b c


@pytest.fixture
def context(tmp_path: Path) -> OutputContext:

    results = tmp_path / "results"
    (results / "models").mkdir(parents=True)
    (results / "models" / "m.json").write_text(json.dumps(model()))
    (results / "models" / "bare.json").write_text(json.dumps(model(model="bare", marginal_effects=[])))
    event = [{"term": f"treated:{year}", "estimate": 0.1, "ci_low": 0, "ci_high": 1} for year in (1998, 2003)]
    options = {"options": {"treatment": {"first": 2000}}}
    study = model(model="event", coefficients=event, periods=[1998, 1999, 2003], spec=options)
    (results / "models" / "event.json").write_text(json.dumps(study))
    panel = results / "panels" / "p"
    panel.mkdir(parents=True)
    frame = made_up_frame().rename(columns={"value": "gap"})
    frame.to_parquet(panel / "panel.parquet")
    write_results(results / "scorecard.json", scorecard_json(CLAIMS))
    return OutputContext(results, attributes={unit: {"region": GROUPS[unit]} for unit in "ABCDEF"}, where="figures.f")


SPECS: list[dict[str, Any]] = [
    {"type": "coefficients", "models": ["m", "bare"], "term": "roads", "smallest_effect": 0.1},
    {"type": "coefficients", "models": ["m", "bare"], "term": {"m": "roads", "bare": "gap"}, "group": "none"},
    {"type": "marginal_effect", "model": "m"},
    {"type": "event_study", "models": ["event"]},
    {"type": "series", "panel": "p", "variables": ["gap"], "by": "region", "log": True},
    {"type": "scorecard"},
]


@pytest.mark.parametrize("ending", ["", "_zh"])
@pytest.mark.parametrize("kind", sorted({spec["type"] for spec in SPECS}))
def test_other_words_change_every_kind_of_figure(
    kind: str, ending: str, context: OutputContext, tmp_path: Path
) -> None:
    spec = next(spec for spec in SPECS if spec["type"] == kind)
    told = replace(context, language="zh" if ending else "en")
    drawn = set()
    for title, note in (("one", "one"), ("two", "one"), ("one", "two")):
        path = tmp_path / f"{title}_{note}.svg"
        words = {f"title{ending}": title, f"note{ending}": note}
        build.draw({**spec, **words}, told, {"A": "Anhui"}, {"svg": path})
        drawn.add(path.read_bytes())
    assert len(drawn) == 3


@pytest.mark.parametrize(("key", "value"), [("by", None), ("log", False)])
def test_another_value_changes_the_series(key: str, value: Any, context: OutputContext, tmp_path: Path) -> None:
    spec = next(spec for spec in SPECS if spec["type"] == "series" and "log" in spec)
    drawn = []
    for number, given in enumerate((spec, {name: v for name, v in {**spec, key: value}.items() if v is not None})):
        path = tmp_path / f"{number}.svg"
        build.draw(given, context, {"A": "Anhui"}, {"svg": path})
        drawn.append(path.read_bytes())
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("models", ["bare"]),
        ("term", "gap"),
        ("smallest_effect", 0.3),
        ("group", "none"),
        ("labels", {"m": "A heading"}),
    ],
)
def test_another_value_changes_the_coefficients(key: str, value: Any, context: OutputContext, tmp_path: Path) -> None:
    drawn = []
    for number, given in enumerate((SPECS[0], {**SPECS[0], key: value})):
        path = tmp_path / f"{number}.svg"
        build.draw(given, context, {}, {"svg": path})
        drawn.append(path.read_bytes())
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("spec", SPECS)
def test_figures_from_the_configuration(context: OutputContext, spec: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "f.svg"
    build.draw(spec, context, {"A": "Anhui"}, {"svg": path})
    assert path.stat().st_size > 5000
    kind = FIGURES[spec["type"]]
    assert {*kind.required} <= set(spec) <= {"type", *kind.keys}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "coefficient"}, 'did you mean "coefficients"'),
        ({"type": "coefficients", "models": ["m"], "term": "rods"}, 'did you mean "roads"'),
        ({"type": "coefficients", "models": ["n"], "term": "roads"}, 'figures.f.models[0]: found model "n"'),
        ({"type": "marginal_effect", "model": "bare"}, "declare models.bare.marginal_effects"),
        ({"type": "marginal_effect", "model": "m", "of": "rail"}, "rail over gap"),
        ({"type": "event_study", "models": ["m"]}, "without effects by period"),
        ({"type": "series", "panel": "p", "variables": ["gape"]}, 'did you mean "gap"'),
        ({"type": "scorecard", "file": "nowhere.json"}, "no file nowhere.json"),
    ],
)
def test_mistakes_are_named(context: OutputContext, spec: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        build.draw(spec, context, {}, {"svg": tmp_path / "f.svg"})
    assert message in str(raised.value)
    assert not (tmp_path / "f.svg").exists()


@pytest.mark.parametrize(
    "periods", [(1998, 1999, 2003, 2008), (1990, 2010, 2011, 2012), tuple(range(1990, 2020)), (2000,)]
)
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_years_of_series_do_not_overprint(
    periods: tuple[int, ...], groups: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame([(f"U{i}", period, float(i)) for i in range(12) for period in periods])
    frame.columns = pd.Index(["unit", "period", "value"])
    boxes: list[list[Any]] = []

    def measure(figure: Any, *_: Any) -> None:
        figure.canvas.draw()
        for axes in figure.axes:
            boxes.append([text.get_window_extent() for text in axes.get_xticklabels() if text.get_visible()])

    monkeypatch.setattr(series, "save", measure)
    kinds = {f"U{i}": f"Group {i % groups}" for i in range(12)}
    lines = [series.Variable("x", "", frame), series.Variable("y", "", frame)]
    series.draw(lines, {"png": tmp_path / "s.png"}, {}, kinds)
    for row in boxes:
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(row))
    assert any(row for row in boxes)


def test_one_unit_has_a_line_for_each_variable_that_stops_where_figures_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def variable(name: str, measure: str, values: Mapping[int, float]) -> series.Variable:
        rows = [{"unit": "CN", "period": period, "value": value} for period, value in values.items()]
        return series.Variable(name, measure, pd.DataFrame(rows))

    drawn: list[Figure] = []
    monkeypatch.setattr(series, "save", lambda figure, *_: drawn.append(figure))
    jobs = variable("Jobs", "person", {1978: 28e6, 1980: 30e6, 1985: 70e6, 1986: 79e6})
    labour = variable("Labour", "person", {1985: 27e6, 1986: float("nan")})
    price = variable("Price", "", {1978: 1.0, 1986: 2.0})
    series.draw([jobs, labour, price], {"png": tmp_path / "x.png"}, {}, {}, "Title")
    persons, prices = drawn[0].axes
    first, second = persons.get_lines()
    assert [None if np.isnan(x) else int(x) for x in first.get_xdata()] == [1978, None, 1980, None, 1985, 1986]
    assert list(first.get_ydata()[4:]) == [70.0, 79.0] and np.isnan(first.get_ydata()[[1, 3]]).all()
    assert list(second.get_ydata()) == [27.0] and len(prices.get_lines()) == 1
    assert persons.get_ylabel() == "person, millions" and prices.get_ylabel() == ""
    assert [text.get_text() for text in persons.get_legend().get_texts()] == ["Jobs", "Labour"]
