"""Formulas on wide frames, held against loops over units and years on real figures and against hand-made cases."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralpanel.data.formulas import Context, Evaluated, evaluate
from ruralpanel.data.statistics import STATISTICS
from ruralpanel.project.expressions import FUNCTIONS
from ruralpanel.project.formulas import parse
from ruralpanel.project.problems import UserError

RAW = Path(__file__).parents[2] / "data" / "raw" / "nbs_annual"
PERIODS = (2012, 2013, 2014, 2015)
Lookup = Callable[[str, int], float]


def published(name: str) -> pd.DataFrame:
    """A real export, read without the project's adapters."""
    with (RAW / f"{name}.csv").open(encoding="utf-8-sig") as stream:
        rows = [row for row in csv.reader(stream) if row]
    header = next(i for i, row in enumerate(rows) if row[0] == "地区")
    years = [int(cell.rstrip("年")) for cell in rows[header][1:]]
    body = [row for row in rows[header + 1 :] if len(row) == len(years) + 1]
    table = pd.DataFrame(
        [[float(cell) if cell else math.nan for cell in row[1:]] for row in body],
        index=[row[0] for row in body],
        columns=years,
    )
    return table.sort_index().sort_index(axis=1)


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    tables = {
        name: published(name) for name in ("highway_length", "expressway_length", "gdp", "gdp_index", "population")
    }
    years = sorted({year for table in tables.values() for year in table.columns})
    return {name: table.reindex(columns=years) for name, table in tables.items()}


@pytest.fixture(scope="module")
def context(frames: dict[str, pd.DataFrame]) -> Context:
    table = frames["gdp"]
    units = tuple(table.index)
    region = ["West" if i % 3 == 0 else "East" if i % 3 == 1 else "" for i in range(len(units))]
    area = [1000.0 + i for i in range(len(units))]
    return Context(units, tuple(table.columns), PERIODS, "year", {"region": region, "area": area})


def run(text: str, frames: dict[str, pd.DataFrame], context: Context) -> Evaluated:
    return evaluate(parse(text), frames, context)


def assert_equal_by_loop(result: pd.DataFrame, context: Context, expected: Lookup) -> None:
    """Equality to the last bits: the loop does the same operations in the same order, up to sums over many."""
    assert result.notna().to_numpy().any()
    for unit in context.units:
        for year in context.years:
            want, have = expected(unit, year), result.loc[unit, year]
            assert (math.isnan(want) and math.isnan(have)) or math.isclose(want, have, rel_tol=1e-12), (unit, year)


def get(table: pd.DataFrame, unit: str, year: int) -> float:
    return float(table.loc[unit, year]) if year in table.columns else math.nan


def safe_log(x: float) -> float:
    return math.log(x) if x > 0 else math.nan


CASES: dict[str, Callable[[dict[str, pd.DataFrame], Context], Lookup]] = {
    "lag(highway_length)": lambda f, c: lambda u, t: get(f["highway_length"], u, t - 1),
    "lag(highway_length, 3)": lambda f, c: lambda u, t: get(f["highway_length"], u, t - 3),
    "diff(highway_length, 2)": lambda f, c: (
        lambda u, t: get(f["highway_length"], u, t) - get(f["highway_length"], u, t - 2)
    ),
    "diff(log(gdp / population))": lambda f, c: (
        lambda u, t: (
            safe_log(get(f["gdp"], u, t) / get(f["population"], u, t))
            - safe_log(get(f["gdp"], u, t - 1) / get(f["population"], u, t - 1))
        )
    ),
    "log(expressway_length)": lambda f, c: lambda u, t: safe_log(get(f["expressway_length"], u, t)),
    "value_at(highway_length, 2006)": lambda f, c: lambda u, t: get(f["highway_length"], u, 2006),
    "first_value(highway_length)": lambda f, c: lambda u, t: get(f["highway_length"], u, 2012),
    "max_over_units(value_at(gdp, 2011)) - value_at(gdp, 2011)": lambda f, c: (
        lambda u, t: max(get(f["gdp"], v, 2011) for v in c.units) - get(f["gdp"], u, 2011)
    ),
    "sum_over_units(gdp)": lambda f, c: lambda u, t: math.fsum(get(f["gdp"], v, t) for v in c.units),
    "mean_over_periods(gdp_index)": lambda f, c: lambda u, t: _mean([get(f["gdp_index"], u, s) for s in PERIODS]),
    "mean_over_periods(gdp, 2008, 2010)": lambda f, c: (
        lambda u, t: _mean([get(f["gdp"], u, s) for s in (2008, 2009, 2010)])
    ),
    "sum_over_periods(gdp_index)": lambda f, c: lambda u, t: math.fsum(get(f["gdp_index"], u, s) for s in PERIODS),
    "mean_over_group(gdp_index, region)": lambda f, c: lambda u, t: _mean_of_group(f["gdp_index"], c, u, t),
    "median_over_units(gdp_index)": lambda f, c: lambda u, t: _median([get(f["gdp_index"], v, t) for v in c.units]),
    "cumulate_index(gdp_index, 2010)": lambda f, c: lambda u, t: _level(f["gdp_index"], u, t, 2010),
    "deflate(gdp, cumulate_index(gdp_index), 2010)": lambda f, c: (
        lambda u, t: get(f["gdp"], u, t) * _level(f["gdp_index"], u, 2010, 2012) / _level(f["gdp_index"], u, t, 2012)
    ),
    "where(period < 2010, gdp, -gdp)": lambda f, c: lambda u, t: get(f["gdp"], u, t) * (1 if t < 2010 else -1),
    "gdp / area ** 2": lambda f, c: lambda u, t: get(f["gdp"], u, t) / (1000.0 + c.units.index(u)) ** 2,
    "(region == 'West') * gdp": lambda f, c: lambda u, t: _west(c, u) * get(f["gdp"], u, t),
    "asinh(expressway_length)": lambda f, c: lambda u, t: math.asinh(get(f["expressway_length"], u, t)),
    "known(expressway_length) * 2": lambda f, c: lambda u, t: 2.0 - 2.0 * math.isnan(get(f["expressway_length"], u, t)),
}


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def _median(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.median(known)) if known else math.nan


def _mean_of_group(table: pd.DataFrame, context: Context, unit: str, year: int) -> float:
    region = dict(zip(context.units, context.attributes["region"], strict=True))
    if not region[unit]:
        return math.nan
    return _mean([get(table, v, year) for v in context.units if region[v] == region[unit]])


def _level(table: pd.DataFrame, unit: str, year: int, base: int) -> float:
    level = 100.0
    for step in range(base + 1, year + 1):
        level *= get(table, unit, step) / 100
    for step in range(base, year, -1):
        level /= get(table, unit, step) / 100
    return level


def _west(context: Context, unit: str) -> float:
    region = dict(zip(context.units, context.attributes["region"], strict=True))[unit]
    return math.nan if not region else float(region == "West")


@pytest.mark.parametrize("text", CASES)
def test_equals_a_loop_on_real_figures(text: str, frames: dict[str, pd.DataFrame], context: Context) -> None:
    assert_equal_by_loop(run(text, frames, context).frame, context, CASES[text](frames, context))


def test_zeros_before_logs_are_counted_where_they_are_read(frames: dict[str, pd.DataFrame], context: Context) -> None:
    table = frames["expressway_length"]
    zero = {(u, t) for u in context.units for t in PERIODS if table.loc[u, t] == 0}
    assert zero, "Tibet has no expressway"
    (undefined,) = run("log(expressway_length)", frames, context).undefined
    assert set(undefined.cells) == zero and undefined.reason == "zero or below"
    (lagged,) = run("lag(log(expressway_length))", frames, context).undefined
    assert set(lagged.cells) == {(u, t) for u in context.units for t in range(2011, 2015) if table.loc[u, t] == 0}
    assert run("value_at(log(expressway_length), 2006)", frames, context).undefined[0].cells == (("西藏自治区", 2006),)


def test_lags_by_observation_go_over_the_panels_periods(frames: dict[str, pd.DataFrame], context: Context) -> None:
    uneven = Context(context.units, context.years, (2006, 2009, 2015), "observation", {})
    result = run("lag(gdp)", frames, uneven).frame
    assert (result[2009] == frames["gdp"][2006]).all() and (result[2015] == frames["gdp"][2009]).all()
    assert result[2006].isna().all() and result[2010].isna().all()


def test_standardise_over_the_panel_only(frames: dict[str, pd.DataFrame], context: Context) -> None:
    result = run("standardise(gdp)", frames, context).frame
    inside = result[list(PERIODS)].to_numpy()
    assert abs(inside.mean()) < 1e-12 and abs(inside.std(ddof=1) - 1) < 1e-12
    raw = frames["gdp"][list(PERIODS)].to_numpy()
    expected = (frames["gdp"][2006] - raw.mean()) / raw.std(ddof=1)
    np.testing.assert_allclose(result[2006], expected, rtol=1e-12)
    assert run("standardise(gdp * 0)", frames, context).frame.isna().to_numpy().all()


SMALL = Context(("a", "b"), (2000, 2001, 2002, 2003, 2004, 2005), (2001, 2002, 2003, 2004), "year", {})


def small(*rows: list[float]) -> dict[str, pd.DataFrame]:
    names = ("x", "y")
    return {
        name: pd.DataFrame([row, row], index=list(SMALL.units), columns=list(SMALL.years))
        for name, row in zip(names, rows, strict=False)
    }


def test_interpolation_fills_short_gaps_only_and_says_so() -> None:
    nan = math.nan
    values = small([1.0, nan, nan, 7.0, nan, nan])
    found = run("interpolate(x)", values, SMALL)
    assert found.frame.loc["a"].tolist()[:4] == [1.0, 3.0, 5.0, 7.0]
    assert found.frame.loc["a"].isna().tolist() == [False, False, False, False, True, True], (
        "never beyond the last figure"
    )
    assert [(f.unit, f.year, f.before, f.after) for f in found.filled] == [
        (unit, year, 2000, 2003) for unit in ("a", "b") for year in (2001, 2002)
    ]
    narrow = run("interpolate(x, 1)", values, SMALL)
    assert narrow.frame.loc["a", 2001:2002].isna().all() and not narrow.filled
    assert run("x", values, SMALL).frame.loc["a", 2001:2002].isna().all(), "only when asked for"


def test_missing_stays_missing_in_conditions() -> None:
    nan = math.nan
    values = small([1.0, nan, 0.0, -1.0, 2.0, 3.0], [0.0, 1.0, nan, 1.0, 1.0, 1.0])
    at = {
        "x > 0": [1, nan, 0, 0, 1, 1],
        "not x": [0, nan, 1, 0, 0, 0],
        "x > 0 and y > 0": [0, nan, nan, 0, 1, 1],
        "x > 0 or y > 0": [1, nan, nan, 1, 1, 1],
        "where(x > 0, 5, 6)": [5, nan, 6, 6, 5, 5],
        "x in (1, 2)": [1, nan, 0, 0, 1, 0],
        "x not in (1, 2)": [0, nan, 1, 1, 0, 1],
        "ratio(y, x)": [0, nan, nan, -1, 0.5, 1 / 3],
        "sqrt(x)": [1, nan, 0, nan, math.sqrt(2), math.sqrt(3)],
        "x ** -1": [1, nan, nan, -1, 0.5, 1 / 3],
        "exp(1000 * x)": [nan, nan, 1, 0, nan, nan],
        "period": [2000, 2001, 2002, 2003, 2004, 2005],
        "unit == 'a'": [1, 1, 1, 1, 1, 1],
    }
    for text, want in at.items():
        np.testing.assert_allclose(run(text, values, SMALL).frame.loc["a"], np.array(want, dtype=float), err_msg=text)


def test_each_undefined_step_is_named_once() -> None:
    values = small([1.0, 0.0, 0.0, -1.0, 2.0, 3.0], [0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    found = run("log(x) - mean_over_units(log(x)) + y / x", values, SMALL)
    told = {(u.step, u.reason): u.cells for u in found.undefined}
    both = [(unit, year) for unit in ("a", "b") for year in (2001, 2002, 2003)]
    assert told == {
        ("log(x)", "zero or below"): tuple(both),
        ("y / x", "division by zero"): tuple(cell for cell in both if cell[1] != 2003),
    }


@pytest.mark.parametrize(
    "text", ["region * 2", "log(region)", "region == 3", "area == 'big'", "region < region", "not region",
             "where(area > 1, region, region)", "lag(region)", "region in (1, 2)", "-region"]
)  # fmt: skip
def test_text_is_only_compared_with_text(text: str) -> None:
    context = Context(SMALL.units, SMALL.years, SMALL.periods, "year", {"region": ["West", "East"], "area": [1.0, 2.0]})
    with pytest.raises(UserError) as caught:
        evaluate(parse(text), {}, context, (), "config.yaml", "variables.v.formula")
    assert "text" in str(caught.value) and caught.value.problems[0].where == "variables.v.formula"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(0, 6),
    st.sampled_from(sorted(STATISTICS)),
    st.integers(0, 1),
    st.randoms(use_true_random=False),
)
def test_statistics_equal_numpy_on_what_is_there(rows: int, columns: int, name: str, axis: int, random) -> None:  # type: ignore[no-untyped-def]
    values = np.array([[random.choice([math.nan, random.uniform(-9, 9)]) for _ in range(columns)] for _ in range(rows)])
    values = values.reshape(rows, columns)
    result = STATISTICS[name](values, axis)
    for i, lane in enumerate(values.T if axis == 0 else values):
        known = lane[~np.isnan(lane)]
        used = lane if name == "sum" else known
        want = getattr(np, name)(used) if used.size or name == "sum" else math.nan
        np.testing.assert_allclose(result.ravel()[i], want, rtol=1e-12, atol=1e-12)


def test_every_function_of_the_table_is_implemented() -> None:
    values = small([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    context = Context(SMALL.units, SMALL.years, SMALL.periods, "year", {"region": ["West", "East"]})
    for name, function in FUNCTIONS.items():
        given_values = {"series": "x", "integer": "1", "period": "2002", "attribute": "region"}
        arguments = [given_values[p.kind] for p in function.parameters if not p.optional]
        result = evaluate(parse(f"{name}({', '.join(arguments)})"), values, context).frame
        assert result.shape == (2, 6) and result.notna().to_numpy().any(), name
