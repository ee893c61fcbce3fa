"""Each check of the reconciliation on made figures: relations, totals, two sources, what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.data.reconcile.findings import Finding, Matrix, matrices, midmean, resolution
from ruralpanel.data.reconcile.gate import reconcile
from ruralpanel.data.reconcile.totals import load_control_totals
from ruralpanel.project.jobs import alike_series
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.configuration import Checks
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.sidecars import SourceSpec, sidecar_from


def table(values: np.ndarray, series: str, source: str = "s", first: int = 2000) -> pd.DataFrame:
    units, periods = values.shape
    return pd.DataFrame(
        {
            "source": source,
            "series": series,
            "unit": np.repeat([f"U{i:03d}" for i in range(units)], periods),
            "period": np.tile(np.arange(first, first + periods), units),
            "value": values.ravel(),
            "measure": "person",
            "correction": "",
        }
    )


def run(
    series: Mapping[str, np.ndarray],
    about: Mapping[str, Any] | None = None,
    specs: Mapping[str, SeriesSpec] | None = None,
    totals: pd.DataFrame | None = None,
    checks: Mapping[str, Any] | None = None,
) -> tuple[Finding, ...]:
    frame = pd.concat([table(values, key) for key, values in series.items()])
    declared = {key: SeriesSpec(key, "person") for key in series} | dict(specs or {})
    source = SourceSpec("s", "table", "", (), sidecar_from(about or {}), {}, declared)
    return reconcile({"s": frame}, {"s": source}, totals, Checks(**(checks or {})))


def smooth(units: int = 20, periods: int = 12, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = rng.normal(6, 0.7, (units, 1)) + 0.04 * np.arange(periods) + rng.normal(0, 0.01, (units, periods))
    return np.round(np.exp(level), 1)


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str, str, int]]:
    return [(f.check, f.series, f.unit, f.period) for f in findings]


def test_pure_noise_raises_hardly_any_alarm() -> None:
    """Log random walks of 200 units over 20 years: less than one finding in ten thousand figures."""
    rng = np.random.default_rng(20120126)
    walks = 5 + rng.normal(0, 1, (200, 1)) + np.cumsum(0.05 + 0.03 * rng.standard_normal((200, 20)), axis=1)
    findings = run({"x": np.round(np.exp(walks), 2)})
    assert len(findings) < 200 * 20 / 10_000 + 1, findings


def test_parts_and_totals() -> None:
    a, b = smooth(seed=1), smooth(seed=2)
    relation = {"identities": [{"total": "t", "parts": ["a", "b"], "tolerance": 0.15}]}
    assert run({"a": a, "b": b, "t": a + b}, relation) == ()
    wrong = a + b
    wrong[3, 4] += 0.2
    (found,) = run({"a": a, "b": b, "t": wrong}, relation)
    assert (found.check, found.unit, found.period, found.involved) == ("identity", "U003", 2004, ("s.a", "s.b"))
    assert found.expected == pytest.approx(a[3, 4] + b[3, 4])
    assert run({"a": a, "b": b, "t": np.where(wrong == wrong[3, 4], np.nan, wrong)}, relation) == ()


def test_blank_parts_are_skipped_or_nothing() -> None:
    a, b = smooth(seed=1), smooth(seed=2)
    total = a + b
    b[5] = np.nan
    relation = {"total": "t", "parts": ["a", "b"]}
    assert run({"a": a, "b": b, "t": total}, {"identities": [relation]}) == ()
    found = run({"a": a, "b": b, "t": total}, {"identities": [{**relation, "blank": "zero"}]})
    assert {f.unit for f in found} == {"U005"}
    assert len(found) == 12


def test_smaller_and_larger() -> None:
    a = smooth()
    b = a * 1.5
    b[2, 3] = a[2, 3] - 1
    found = run({"a": a, "b": b}, {"identities": [{"smaller": "a", "larger": "b", "tolerance": 0.5}]})
    assert ("bound", "a", "U002", 2003) in kinds(found)
    assert next(f for f in found if f.check == "bound").involved == ("s.b",)


def test_ranges() -> None:
    share = np.round(np.clip(smooth() / 20, 0, 95), 1)
    share[1, 1] = 120.0
    spec = {"a": SeriesSpec("a", "percent", range=(0, 100))}
    assert ("range", "a", "U001", 2001) in kinds(run({"a": share}, specs=spec))


def test_an_outlier_in_a_single_year() -> None:
    rng = np.random.default_rng(4)
    size = rng.normal(6, 1.2, 31)
    one, other = (np.round(np.exp(size + rng.normal(0, 0.15, 31)), 1)[:, None] for _ in range(2))
    assert run({"a": one, "b": other}) == ()
    one[7] *= 10
    found = run({"a": one, "b": other})
    assert ("outlier", "a", "U007", 2000) in kinds(found)
    assert {f.unit for f in found} == {"U007"}


def totals_of(rows: list[tuple[str, int, float, str, float]]) -> pd.DataFrame:
    columns = ["series", "year", "national_figure", "remark", "unassigned"]
    return pd.DataFrame(rows, columns=columns).assign(source="s", measure="person")


def test_control_totals() -> None:
    a = smooth()
    total = float(a[:, 3].sum())
    assert run({"a": a}, totals=totals_of([("a", 2003, round(total) + 0.4, "", np.inf)])) == ()
    (short,) = run({"a": a}, totals=totals_of([("a", 2003, total + 100, "", np.inf)]))
    assert (short.check, short.unit, short.period, short.declared) == ("control_total", "", 2003, False)
    assert short.size == pytest.approx(-100 / (total + 100))
    (stated,) = run({"a": a}, totals=totals_of([("a", 2003, total + 100, "the military", np.inf)]))
    assert (stated.declared, stated.declared_by) == (True, note("declared_remark", what="the military"))
    (too_much,) = run({"a": a}, totals=totals_of([("a", 2003, total + 100, "the military", 30.0)]))
    assert not too_much.declared
    (beyond,) = run({"a": a}, totals=totals_of([("a", 2003, total - 100, "the military", np.inf)]))
    assert not beyond.declared


def test_a_national_figure_bounds_the_missing() -> None:
    a, b = smooth(), smooth(seed=2)
    total = float(a[:, 3].sum())
    a[np.argsort(a[:, 3])[10], 3] = np.nan  # neither large nor small
    assert run({"a": a, "b": b}, totals=totals_of([("a", 2003, total, "", np.inf)])) == ()
    present = float(np.nansum(a[:, 3]))
    for wrong in (present - 50, present + 2 * float(np.nanmax(a[:, 3]))):
        (found,) = run({"a": a, "b": b}, totals=totals_of([("a", 2003, wrong, "", np.inf)]))
        assert "1 units without a figure" in str(found.note)


def test_totals_in_another_measure() -> None:
    a = smooth()
    rows = totals_of([("a", 2003, float(a[:, 3].sum()) / 10_000, "", np.inf)]).assign(measure="10^4 person")
    assert run({"a": a}, totals=rows) == ()


def test_reading_control_totals(tmp_path: Path) -> None:
    path = tmp_path / "totals.csv"
    path.write_text("source,series,year,national_figure,unassigned\ns,a,x,1,\ns,a,2003,much,\ns,b,1,1,y\ns,b,1,1,\n")
    with pytest.raises(UserError) as caught:
        load_control_totals(path, "totals.csv")
    found = [str(p) for p in caught.value.problems]
    assert [f.split(": found")[0] for f in found] == [
        "totals.csv: row 2, column year",
        "totals.csv: row 3, column national_figure",
        "totals.csv: row 4, column unassigned",
        "totals.csv: row 5",
    ]
    path.write_text("source,series,jahr\n")
    with pytest.raises(UserError, match="no column year"):
        load_control_totals(path)


def two_sources(first: np.ndarray, second: np.ndarray, **fields: Any) -> tuple[Finding, ...]:
    specs = {"s": SeriesSpec("a", "person", **fields), "other": SeriesSpec("b", "10^4 person", label_zh="总人口")}
    frames = {"s": table(first, "a"), "other": table(second, "b", "other")}
    sources = {n: SourceSpec(n, "table", "", (), None, {}, {spec.key: spec}) for n, spec in specs.items()}
    return tuple(f for f in reconcile(frames, sources, alike=alike_series(sources)) if f.check == "other_source")


@pytest.mark.parametrize("fields", [{"same_as": ("other.b",)}, {"title_in_file": "总 人口"}])
def test_two_sources_of_the_same_figure(fields: dict[str, Any]) -> None:
    a = np.round(smooth() * 1000)
    same = np.round(a / 10_000, 4)
    assert two_sources(a, same, **fields) == ()
    same[3, 5] *= 1.02
    (found,) = two_sources(a, same, **fields)
    assert (found.unit, found.period, found.involved) == ("U003", 2005, ("other.b",))
    assert found.size == pytest.approx(-np.log(1.02), abs=1e-6)
    same[:, 8:] *= 1.01
    found_all = [f for f in two_sources(a, same, **fields) if not f.unit]
    assert [f.period for f in found_all] == [2008, 2009, 2010, 2011]
    assert "20 of 20 units differ" in str(found_all[0].note)
    assert two_sources(a, same) == ()  # neither declared nor of one name


# What is declared

STEP = {"known_faults": [{"series": "a", "units": ["U003"], "years": [2006], "what": "a step", "reason": "r"}]}


def stepped(first: int = 6) -> np.ndarray:
    values = smooth()
    values[3, first:] *= 3
    return values


def test_a_known_fault_declares_its_unit_and_years_alone() -> None:
    (found,) = run({"a": stepped()}, STEP)
    assert (found.check, found.unit, found.period) == ("jump", "U003", 2006)
    assert (found.declared, found.declared_by) == (True, note("declared_fault", what="a step"))
    assert not run({"a": stepped(8)}, STEP)[0].declared
    other = smooth()
    other[4, 6:] *= 3
    assert not run({"a": other}, STEP)[0].declared


def test_a_fault_of_one_year_declares_the_way_back_too() -> None:
    plateau = smooth()
    plateau[3, 6:8] *= 3
    fault = {**STEP["known_faults"][0], "years": [2006, 2007]}
    found = run({"a": plateau}, {"known_faults": [fault]})
    assert [(f.period, f.declared) for f in found] == [(2006, True), (2008, True)]


def test_breaks_declare_changes_into_their_year() -> None:
    def jump(breaks: dict[int, dict[str, Any]], values: np.ndarray) -> list[bool]:
        return [f.declared for f in run({"a": values}, specs={"a": SeriesSpec("a", "person", breaks=breaks)})]

    assert jump({2006: {"what": "w"}}, stepped()) == [True]
    assert jump({2006: {"what": "w", "units": ("U003",)}}, stepped()) == [True]
    assert jump({2006: {"what": "w", "units": ("U004",)}}, stepped()) == [False]
    assert jump({2007: {"what": "w"}}, stepped()) == [False]
    everywhere = smooth()
    everywhere[:, 6:] *= 1.3
    assert jump({2006: {"what": "w"}}, everywhere) == [True]
    assert jump({2006: {"what": "w", "units": ("U003",)}}, everywhere) == [False]


def test_a_correction_declares_a_change_at_its_figure() -> None:
    values = stepped()
    frame = table(values, "a")
    frame.loc[(frame["unit"] == "U003") & (frame["period"] == 2006), "correction"] = "replaced"
    source = SourceSpec("s", "table", "", (), None, {}, {"a": SeriesSpec("a", "person")})
    (found,) = reconcile({"s": frame}, {"s": source})
    assert (found.declared, found.declared_by) == (True, note("declared_correction"))


def test_settings() -> None:
    noisy = np.exp(np.random.default_rng(0).normal(5, 0.05, (20, 12)))
    noisy[3, 6:] *= 1.8
    assert [f.check for f in run({"a": noisy})] == ["jump"]
    assert run({"a": noisy}, checks={"jump": 5.0}) == ()
    values = smooth()
    values[3, 5:8] = values[3, 5]
    assert ("repeat", "a", "U003", 2007) in kinds(run({"a": values}))
    assert "repeat" not in {f.check for f in run({"a": values}, checks={"repeat": 4})}


# Pieces


def test_resolution() -> None:
    assert resolution(np.array([1.5, 2.25])) == pytest.approx(0.01)
    assert resolution(np.array([1200.0, 3400.0, np.nan, 0.0])) == 100
    assert resolution(np.array([46013.06, 0.1 + 0.2])) == pytest.approx(0.01)
    assert resolution(np.array([np.nan])) == 1


def test_midmean_is_the_mean_of_the_middle_half() -> None:
    values = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, 7.0], [1000.0, np.nan]])
    assert midmean(values).tolist() == [2.5, 6.0]


def test_coarse_figures_are_not_blamed_for_rounding() -> None:
    """Figures of a few printed steps double by rounding alone."""
    fine = 0.04 * np.exp(0.06 * np.arange(14))[None, :] * np.random.default_rng(5).uniform(0.9, 3, (31, 1))
    assert [f for f in run({"a": np.round(fine, 2)}) if f.unit] == []


def test_a_single_unit_and_a_single_year_do_not_break_the_checks() -> None:
    assert run({"a": smooth(1, 12)}) == ()
    assert run({"a": smooth(20, 1)}) == ()
    assert run({"a": np.full((3, 3), np.nan)}) == ()
    assert run({"a": np.zeros((6, 6))}) == ()
    assert isinstance(run({"a": np.random.default_rng(1).normal(0, 1, (20, 8))}), tuple)


def test_a_source_without_figures_has_no_findings() -> None:
    assert run({"a": np.zeros((0, 0))}) == ()


def test_series_are_read_alike_in_any_order_of_rows() -> None:
    frame = pd.concat([table(smooth(5, 4, seed), key) for seed, key in enumerate(("c", "a", "b"))])
    together = matrices({"s": frame}, {})
    assert [matrix.spec.key for matrix in together] == ["a", "b", "c"]
    for one, other in zip(together, matrices({"s": frame.sample(frac=1, random_state=1)}, {}), strict=True):
        assert (one.spec, one.units, one.periods) == (other.spec, other.units, other.periods)
        np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(together[0].values, smooth(5, 4, 1))


def test_alignment() -> None:
    spec = SeriesSpec("a", "")
    none = np.zeros((2, 2), dtype=bool)
    one = Matrix("s", spec, ("A", "B"), (1, 2), np.array([[1.0, 2.0], [3.0, 4.0]]), none, 1)
    two = Matrix("s", spec, ("B", "C"), (2, 3), np.zeros((2, 2)), none, 1)
    assert np.array_equal(one.aligned(two), [[4.0, np.nan], [np.nan, np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("measure", "low", "found"),
    [
        ("km", None, True),
        ("10^4 person", None, True),
        ("km", -5.0, False),
        ("percent", None, False),
        ("CNY", None, False),
        ("CNY/person", None, False),
        ("item", None, False),
        ("", None, False),
    ],
)
def test_a_negative_count_without_a_declared_range_is_a_finding(measure: str, low: float | None, found: bool) -> None:
    values = np.array([[3.0, 4.0, -4.5], [2.0, 1.5, 1.0]])
    kinds_found = [f for f in run({"a": values}, specs={"a": SeriesSpec("a", measure, range=(low, None))})]
    own = [f for f in kinds_found if f.check == "range"]
    assert [(f.value, f.expected) for f in own] == ([(-4.5, 0.0)] if found else [])


@pytest.mark.parametrize("kind", ["dummy", "years", "trade", "share"])
def test_codes_do_not_jump(kind: str) -> None:
    """Forty people over eight years: a dummy, years of experience, a trade; and a share, which may jump."""
    rng = np.random.default_rng(3)
    values = {
        "dummy": (rng.random((40, 8)) > 0.7).astype(float),
        "years": rng.integers(1, 9, size=40)[:, None] + np.arange(8.0),
        "trade": rng.integers(1, 10, size=(40, 8)).astype(float),
        "share": np.exp(rng.normal(size=(40, 1)) + 0.001 * rng.normal(size=(40, 8))),
    }[kind]
    values[7, 4] = {"dummy": 1.0, "years": 12.0, "trade": 9.0}.get(kind, values[7, 4] * 20)
    found = run({kind: values})
    assert bool(found) == (kind == "share"), [f.note for f in found][:3]


def test_totals_of_what_is_not_read_are_one_problem_each() -> None:
    rows = totals_of([("a", year, 1.0, "", np.inf) for year in (1980, 1981)])
    others = totals_of([("a", year, 1.0, "", np.inf) for year in (2003, 2004, 2005)]).assign(source="another_source")
    with pytest.raises(UserError) as caught:
        run({"a": smooth()}, totals=pd.concat([rows, others], ignore_index=True))
    years, source = (str(problem) for problem in caught.value.problems)
    assert "2 rows from row 2 to row 3, column year: found 1980, 1981; expected a year of s.a, 2000 to 2011" in years
    assert '3 rows from row 4 to row 6, column source: found "another_source"' in source
