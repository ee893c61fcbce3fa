"""Charts to explore: their figures are the panel's and the models', their sentences follow from them."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from as_written import design_of, row_of
from ruralpanel.output.charts.coefficients import Estimate
from ruralpanel.output.charts.marginal_effect import MarginalCurve
from ruralpanel.output.maps.boundaries import Boundaries, _shape
from ruralpanel.output.report.context import Context, gather
from ruralpanel.output.report.explore.asked import Asked, counted
from ruralpanel.output.report.explore.atlas import WIDTH, atlas, land
from ruralpanel.output.report.explore.build import BUILDERS, chart_of, entry_of, map_chart, map_entries
from ruralpanel.output.report.explore.designs import designs_chart
from ruralpanel.output.report.explore.drawing import Row, cells, dots, told, written
from ruralpanel.output.report.explore.entries import Entry, finding
from ruralpanel.output.report.explore.of_maps import of_maps
from ruralpanel.output.report.explore.of_panels import of_panels
from ruralpanel.output.report.explore.plane_charts import _told_where
from ruralpanel.output.report.explore.scales import class_labels, log_ticks, rounded_classes, ticks
from ruralpanel.output.report.sentences import nouns
from ruralpanel.output.results import OutputContext
from ruralpanel.project.exhibits import read_exhibit
from ruralpanel.project.kinds import maps
from ruralpanel.project.kinds.figures import FIGURES, MarginalEffect

UNITS = ("A", "B", "C")
YEARS = (2001, 2002, 2003)
PER_1000 = {"A": (10.0, 20.0, 30.0), "B": (40.0, 30.0, 20.0), "C": (5.0, 5.0, 900.0)}
NASTY = "Jobs per </script> & head (log)"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A made-up project of three units and three years, with what a model, a scorecard and a map of it need."""
    folder = tmp_path / "results" / "panels" / "p"
    folder.mkdir(parents=True)
    rows = [
        {
            "unit": unit, "period": year, "workers": PER_1000[unit][t] * (t + 1), "people": 1000.0 * (t + 1),
            "jobs": math.log(PER_1000[unit][t] / 1000.0), "per_1000": PER_1000[unit][t],
            "rare": math.log(PER_1000[unit][t] / 1e6), "urban": 0.1 + 0.1 * t, "money": 2e9 + t,
            "fixed": float(ord(unit)), "jobs_before": math.nan, "gap_trend": float(t),
        }
        for unit in UNITS for t, year in enumerate(YEARS)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    frame.to_parquet(folder / "panel.parquet")
    book = [
        ("workers", "Workers", "person", ""), ("people", "People", "person", ""),
        ("jobs", NASTY, "", "log(workers / people)"), ("per_1000", "Jobs per 1,000", "person/1000 person", ""),
        ("rare", "Rare things per head (log)", "", "log(workers / people)"), ("urban", "Urban", "share", ""),
        ("money", "Output", "CNY", ""), ("fixed", "Fixed", "km", ""), ("jobs_before", "Before", "", "lag(jobs, 1)"),
        ("gap_trend", "Trend", "", "fixed * (period - 2001)"),
    ]  # fmt: skip
    pd.DataFrame(book, columns=["variable", "label", "measure", "formula"]).assign(source="made").to_csv(
        folder / "codebook.csv", index=False
    )
    pd.DataFrame({"variable": [name for name, *_ in book], **{str(year): 1.0 for year in YEARS}}).to_csv(
        folder / "coverage.csv", index=False
    )
    (tmp_path / "results" / "models").mkdir()
    model = {
        "model": "m", "panel": "p", "estimator": "fe", "outcome": "jobs", "n_obs": 9, "units": list(UNITS),
        "periods": list(YEARS), "coefficients": [{"term": "urban", "estimate": 2.0}],
        "inference": [
            {"method": "wild_cluster", "by": "unit"},
            {"method": "cluster", "by": "unit", "options": {"small_sample": "CR2"},
             "coefficients": [{"term": "urban", "ci_low": 1.0, "ci_high": 3.0, "p_value": 0.01}]},
        ],
        "spec": {"regressors": ["rare", "urban", "money:fixed", "jobs_before", "gap_trend"], "controls": []},
    }  # fmt: skip
    (tmp_path / "results" / "models" / "m.json").write_text(json.dumps(model), encoding="utf-8")
    (tmp_path / "units.csv").write_text("id,name_en\nA,Alpha\nB,Beta\nC,Gamma <i>\n", encoding="utf-8")
    return tmp_path


def context(place: Path, **changes: Any) -> Context:
    grown = {"first": "per_1000", "second": "urban", "spans": [[2001, 2003]]}
    config = {
        "title": "t", "units": "units.csv", "language": "en", "sources": {}, "panels": {"p": {"title": "Panel"}},
        "models": {"m": {"title": "Main"}}, "variables": {},
        "maps": {"growth": {"panel": "p", "regimes": grown}},
        **changes,
    }  # fmt: skip
    return gather(config, place / "results", place, "config.yaml")


def found(place: Path) -> dict[str, Entry]:
    return {entry.key: entry for entry in of_panels(context(place))}


class Closed(HTMLParser):
    """Fails where a tag is not closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("input", "br"):
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def test_the_map_shows_levels_of_logarithms_and_what_is_in_proportion_to_them_once(place: Path) -> None:
    entries = found(place)
    # the logarithm of workers per head has the same figures as the variable that has a measure
    assert "p.jobs" not in entries
    per_1000 = entries["p.per_1000"]
    assert {unit: tuple(values) for unit, values in per_1000.values.items()} == PER_1000
    assert per_1000.times == ("2001", "2002", "2003") and per_1000.timed


def test_panels_of_very_many_units_are_left_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{of_panels.__module__}.MOST_UNITS", 2)
    assert not [name for name in found(place) if name.startswith("p.")]


def test_a_logarithm_without_its_level_is_shown_as_so_many_per_so_many(place: Path) -> None:
    frame = pd.read_parquet(place / "results/panels/p/panel.parquet").drop(columns=["per_1000", "workers"])
    frame["rare"] += np.tile([0.0, 0.1, 0.2], 3)  # in proportion to nothing
    frame.to_parquet(place / "results/panels/p/panel.parquet")
    rare = found(place)["p.rare"]
    assert rare.measure == "person per 1,000,000 people" and rare.label == "Rare things per head"
    expected = 1e6 * np.exp(frame.loc[frame["unit"] == "C", "rare"])
    assert rare.values["C"] == pytest.approx(expected.tolist(), rel=1e-12)


def test_shares_are_in_per_cent_and_large_figures_in_billions(place: Path) -> None:
    entries = found(place)
    assert entries["p.urban"].values["A"] == pytest.approx([10.0, 20.0, 30.0]) and entries["p.urban"].measure == "%"
    assert entries["p.money"].values["A"] == pytest.approx([2.0, 2.0 + 1e-9, 2.0 + 2e-9], rel=1e-12)
    assert entries["p.money"].measure == "billions, CNY"


def test_what_never_changes_has_no_time_and_what_repeats_another_variable_is_left_out(place: Path) -> None:
    entries = found(place)
    assert entries["p.fixed"].times == ("",) and not entries["p.fixed"].timed
    assert entries["p.fixed"].values == {"A": [65.0], "B": [66.0], "C": [67.0]}
    assert not {"p.jobs_before", "p.gap_trend"} & entries.keys()


def test_findings_are_counted_from_the_figures(place: Path) -> None:
    entries, about = found(place), context(place)
    assert finding(entries["p.per_1000"], about) == "Jobs per 1,000: more in 2003 than in 2001 in 2 of 3 units"
    assert finding(entries["p.urban"], about) == "Urban: more in 2003 than in 2001 in all 3 units"
    assert finding(entries["p.fixed"], about) == "Fixed: from 65.0 in Alpha to 67.0 in Gamma <i>"
    (growth,) = of_maps(about)
    # urban grew everywhere, jobs in two units
    assert finding(growth, about) == "Which grew: Jobs per 1,000, Urban: “both grew” in 2 of 3 units, 2001–2003"


def test_classes_have_round_edges_and_grow_where_one_figure_squashes_the_others() -> None:
    even, growing = rounded_classes([3.0, 12.0, 21.0, 28.0, 37.0, 44.0])
    assert growing is None and even.edges == (-math.inf, 10.0, 20.0, 30.0, 40.0, math.inf)
    assert class_labels(even) == ("< 10", "10–20", "20–30", "30–40", "≥ 40")
    skewed, share = rounded_classes([1.5, 2.5, 4.0, 8.0, 15.0, 30.0, 900.0])
    assert share == pytest.approx(6 / 7) and skewed.edges[1:-1] == (3.0, 10.0, 30.0, 100.0, 300.0)
    assert skewed.of([2.9, 3.0, 900.0]).tolist() == [0, 1, 5]
    single, _ = rounded_classes([7.0, 7.0, math.nan])
    assert single.of([7.0]).tolist() == [0] and single.number == 1
    below, _ = rounded_classes([-3.0, -1.0, 1.0, 3.0])
    assert 0.0 in below.edges
    with pytest.raises(ValueError, match="no value"):
        rounded_classes([math.nan])


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-0.18, 0.36), (1234.0, 98765.0), (0.00012, 0.00019)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    places = ticks(low, high)
    assert 2 <= len(places) <= 7 and low <= places[0] and places[-1] <= high * (1 + 1e-9)
    assert all(re.fullmatch(r"[125]", f"{step:.12e}".replace("0", "").replace(".", "")[:1]) for step in np.diff(places))


def test_outlines_are_those_of_the_polygons() -> None:
    square = shapely.Polygon([(0, 0), (4, 0), (4, 2), (0, 2)], [[(1, 0.5), (1.5, 0.5), (1.5, 1.5), (1, 1.5)]])
    island = shapely.Polygon([(6, 0), (8, 0), (8, 2)])
    shape = _shape(shapely.MultiPolygon([square, island]), shapely)
    drawn = land(Boundaries({"A": shape}, None, (0.0, 0.0, 8.0, 2.0), "", None))
    assert drawn.height == WIDTH / 4
    rings = []
    for ring in re.findall(r"M(\d+) (\d+)l([^z]*)z", drawn.paths["A"]):
        steps = np.array(re.findall(r"-?\d+", ring[2]), dtype=int).reshape(-1, 2)
        rings.append(np.vstack([np.array(ring[:2], dtype=int), steps]).cumsum(axis=0))
    scale = WIDTH / 8
    areas = [shapely.Polygon(ring).area / scale**2 for ring in rings]
    assert sorted(areas) == pytest.approx([0.5, 2.0, 8.0], rel=0.02)
    assert max(ring[:, 0].max() for ring in rings) == WIDTH


def test_the_page_holds_the_figures_and_no_text_breaks_it(place: Path) -> None:
    entries = list(of_panels(context(place)))
    names = {"A": "Alpha", "B": "Beta", "C": "Gamma <i>"}
    nouns = {"unit": "unit", "units": "units", "period": "year", "periods": "years"}
    chart = atlas([Entry(**{**vars(entries[0]), "label": NASTY}), *entries], None, names, nouns, "en")
    Closed(chart.html)
    assert chart.html.count("</script>") == 1 and "Gamma &lt;i&gt;" in chart.table
    payload = re.search(r'<script type="application/json">(.*?)</script>', chart.html, re.S)
    assert payload
    data = json.loads(payload[1])
    assert data["names"] == list(names.values()) and data["entries"][0]["label"] == NASTY
    assert data["entries"][1]["values"] == [list(PER_1000[unit]) for unit in UNITS]
    shown = [float(value) for value in re.findall(r'data-v="([^"]+)"', chart.table)]
    assert shown == [value for unit in UNITS for value in PER_1000[unit]]


def test_a_project_without_boundaries_has_a_strip_in_place_of_the_map(place: Path) -> None:
    about = context(place)
    chart = map_chart(about, map_entries(about))
    assert chart and '<div class="strip">' in chart.html and 'class="land"' not in chart.html
    assert chart.alternative.startswith("One dot for each unit: Jobs per 1,000")


def test_units_with_positions_alone_are_dots_at_them(place: Path) -> None:
    """North lies above, east to the right; who has no figure is there to be seen, and no place is made up."""
    rows = ["id,name_en,longitude,latitude", "A,Alpha,100,30", "B,Beta,110,40", "C,Gamma <i>,,", "D,Delta,120,20"]
    (place / "units.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    about = context(place)
    chart = map_chart(about, map_entries(about))
    assert chart and 'class="land dots"' in chart.html and '<div class="strip">' not in chart.html
    Closed(chart.html)
    found = re.findall(r'<path class="(\w+)[^"]*" data-u="(\w)"[^>]* d="M([\d.]+) ([\d.]+)a', chart.html)
    spots = {unit: (kind, float(x), float(y)) for kind, unit, x, y in found}
    assert {unit: kind for unit, (kind, *_) in spots.items()} == {"A": "area", "B": "area", "D": "outside"}
    assert spots["A"][1] < spots["B"][1] < spots["D"][1] and spots["B"][2] < spots["A"][2] < spots["D"][2]


def test_declared_maps_lead_to_what_they_show_on_the_map(place: Path) -> None:
    about = context(place)
    keys = [entry.key for entry in map_entries(about)]
    assert entry_of("growth", about.declared.maps["growth"].options, keys) == "maps.growth"
    assert entry_of("x", maps.Variables(panel="p", variables=("urban", "fixed")), keys) == "p.urban"
    assert entry_of("x", maps.Variables(panel="p", variables=("nothing",)), keys) is None
    assert map_chart(about, ()) is None


def test_dots_stand_where_their_numbers_are() -> None:
    rows = [
        Row(Estimate("a & b", 0.5, 0.25, 0.75)),
        Row(Estimate("c", -0.5, None, 0.5, group="open")),
        Row(Estimate("d", 0.0, pieces=((-math.inf, -0.5), (0.5, math.inf)))),
    ]
    text = dots(rows, (-1.0, 1.0), "axis", 0.1)
    Closed(text)
    assert re.findall(r'<circle class="point (\w+)" cx="([^"]+)"', text) == [
        ("told", "75%"), ("untold", "25%"), ("told", "50%"),
    ]  # fmt: skip
    assert 'x1="62.5%" x2="87.5%"' in text and 'class="within" x="45%"' in text
    assert text.count('class="arrow"') == 3 and "a &amp; b" in text and '<li class="group">open</li>' in text
    assert written(rows[0].estimate) == "0.50 [0.25, 0.75]" and written(rows[1].estimate) == "−0.50 [−∞, 0.50]"
    assert [cell.text for cell in cells(rows[1].estimate)] == ["−0.500", "", "0.500"]
    assert told(Estimate("none", 1.0)) is None and written(Estimate("none", 1.0)) == "1.00"
    assert text.count('tabindex="0"') == 1


@pytest.mark.parametrize(
    "untold, expected",
    [
        ((), "Told from zero everywhere along “Gap”"),
        (((0.0, 5.0),), "Nowhere told from zero along “Gap”"),
        (((3.5, 5.0),), "Told from zero only where “Gap” is from 0 to 3.50"),
        (((1.0, 2.0),), "Told from zero only where “Gap” is from 0 to 1.00, from 2.00 to 5.00"),
    ],
)
def test_where_an_effect_is_told_from_zero(untold: tuple[tuple[float, float], ...], expected: str) -> None:
    line = MarginalCurve([0.0, 5.0], [1.0, 1.0], [0.0, 0.0], [2.0, 2.0], untold=untold)
    asked = Asked("x", MarginalEffect(model="m"), OutputContext(Path()), {}, {}, "x")
    assert _told_where(line, "Gap", asked) == expected


def test_a_claim_is_shown_over_its_designs_and_other_errors(place: Path) -> None:
    design = design_of(
        model="m", panel="p", outcome="jobs", outcomes=("jobs",), term="urban", lever="urban", estimate=2.0,
        in_delta=4.0, in_delta_low=-1.0, in_delta_high=None, interval="wild_cluster", n_obs=9, p_value=0.2,
    )  # fmt: skip
    claim = row_of("H1", "cannot tell", design, text="Towns raise jobs")
    chart = designs_chart(context(place), claim, "designs-h1")
    assert chart and chart.title == "H1: none of 1 designs told from zero"
    # CR2's interval of the coefficient, 1 to 3 around 2, in multiples of δ = 0.5
    assert "CR2 by unit 4.00 [2.00, 6.00]" in chart.alternative
    figures = re.findall(r'<tr><th scope="row">CR2 by unit</th>(.*?)</tr>', chart.table)[0]
    assert re.findall(r'data-v="([^"]+)"', figures) == ["4.0", "2.0", "6.0"]


def test_every_kind_of_chart_is_explored() -> None:
    assert set(BUILDERS) == {kind.options for kind in FIGURES.values()}


def chart_for(place: Path, **keys: Any) -> Any:
    chart = chart_of(context(place), "x", read_exhibit(FIGURES, keys, "", ""))
    assert chart is not None
    Closed(chart.body)
    return chart


def numbers(table: str, row: str) -> list[list[float]]:
    """The numbers of each row of that name."""
    return [
        list(map(float, re.findall(r'data-v="([^"]+)"', cells)))
        for cells in re.findall(rf'<th scope="row">{row}</th>(.*?)</tr>', table)
    ]


def test_series_of_several_variables_are_a_drawing_each(place: Path) -> None:
    chart = chart_for(place, type="series", panel="p", variables=["per_1000", "workers"])
    assert chart.body.count('<div class="stage">') == 2 and chart.body.count('class="legend"') == 1
    # each is walked through by itself, from its first mark
    assert chart.body.count('tabindex="0"') == 2
    means = [sum(column) / 3 for column in zip(*PER_1000.values(), strict=True)]
    first, second = numbers(chart.table, "All units")
    assert first == pytest.approx(means) and second == pytest.approx([x * (t + 1) for t, x in enumerate(means)])
    assert chart.title == "Jobs per 1,000: more in 2003 than in 2001 in 2 of 3 units"


def test_a_logarithmic_scale_has_round_numbers_and_geometric_means(place: Path) -> None:
    chart = chart_for(place, type="series", panel="p", variables=["per_1000"], log=True)
    (means,) = numbers(chart.table, "All units")
    assert means == pytest.approx([math.prod(column) ** (1 / 3) for column in zip(*PER_1000.values(), strict=True)])
    heights = {
        words: float(height)
        for height, words in re.findall(r'class="tick left" x="-8" y="([^"]+)%" dy=".35em">([^<]+)<', chart.body)
    }
    # ten is as far from a hundred as from one: the axis goes from 5 to 900
    wanted = {tick: 100 * math.log(900 / tick) / math.log(900 / 5) for tick in (5, 10, 20, 50, 100, 200, 500)}
    assert heights == pytest.approx({str(tick): height for tick, height in wanted.items()}, abs=0.01)


def test_series_of_one_unit_share_a_drawing_by_measure_and_break_at_gaps(place: Path) -> None:
    file = place / "results" / "panels" / "p" / "panel.parquet"
    frame = pd.DataFrame(
        {
            "unit": "A", "period": [2001, 2002, 2003, 2005], "workers": [2e7, 3e7, math.nan, 5e7],
            "people": [4e7, 5e7, 6e7, 7e7], "urban": [0.1, 0.2, 0.3, 0.4],
        }
    )  # fmt: skip
    frame.to_parquet(file)
    chart = chart_for(place, type="series", panel="p", variables=["workers", "people", "urban"])
    assert chart.body.count('<div class="stage">') == chart.body.count('class="legend"') == 2
    assert "person, millions" in chart.body and "Workers, 2005\n50.0" in chart.body
    assert [path.count("M") for path in re.findall(r'class="line s\d" d="([^"]+)"', chart.body)] == [2, 2, 2]
    assert numbers(chart.table, "Workers") == [[2e7, 3e7, 5e7]]
    assert chart.title == "Workers: in 2005 2.50 times the figure of 2001"


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (5.0, 900.0, (5, 10, 20, 50, 100, 200, 500)),
        (1.5, 2e3, (3, 10, 30, 100, 300, 1000)),
        (2.1, 2.9, (2.2, 2.4, 2.6, 2.8)),
        (0.5, 2e9, (1, 100, 1e4, 1e6, 1e8)),
    ],
)
def test_ticks_of_logarithmic_axes(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert log_ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    "pieces, expected",
    [
        (((0.1, 0.9),), "Told from zero in 1 of 2, above it"),
        (((-0.9, -0.1),), "Told from zero in 1 of 2, below it"),
        (
            ((-math.inf, -0.2), (0.4, math.inf)),
            "Told from zero: 0 of 2 above, 0 below, 1 with values on both sides of it",
        ),
        (((-0.2, 0.4),), "None of 2 intervals leaves zero out"),
    ],
)
def test_a_set_with_values_on_both_sides_of_zero_has_no_sign(pieces: Any, expected: str) -> None:
    estimates = [Estimate("open", 0.5, -1.0, 2.0), Estimate("set", 0.5, pieces=pieces)]
    assert counted(estimates, "numbers", "en") == expected


def test_nouns_in_latin_letters_do_not_stand_in_chinese_sentences(place: Path) -> None:
    report = {"nouns": {"unit": "county", "units": "县"}}
    assert nouns(context(place, language="zh", report=report)) == {
        "unit": "单位", "units": "县", "period": "年份", "periods": "年份",
    }  # fmt: skip
    assert nouns(context(place, report={"nouns": {"unit": "county"}}))["unit"] == "county"
