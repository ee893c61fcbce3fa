"""Cells to figures: names to ids, each figure once, corrections behind their guard, everything wrong at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ruralpanel.data.adapters.cells import Cell, cell_table
from ruralpanel.data.figures import COLUMNS
from ruralpanel.data.harmonise import harmonise
from ruralpanel.project.corrections import Correction
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.sidecars import SourceSpec, sidecar_from
from ruralpanel.project.units import Units

UNITS = Units(
    ids=("CN-GZ", "CN-CQ", "CN-SC"),
    attributes={"CN-GZ": {"name_en": "Guizhou"}, "CN-CQ": {"name_en": "Chongqing"}, "CN-SC": {"name_en": "Sichuan"}},
    names={"CN-GZ": ("Guizhou", "贵州", "贵州省"), "CN-CQ": ("Chongqing", "重庆市"), "CN-SC": ("Sichuan", "四川省")},
    valid={"CN-GZ": (None, None), "CN-CQ": (1997, None), "CN-SC": (None, None)},
    file="units.csv",
)
SERIES = {
    "roads": SeriesSpec("roads", "10^4 km", range=(0, None)),
    "share": SeriesSpec("share", "percent", range=(0, 100)),
}
SOURCE = SourceSpec("nbs", "table", "/data/nbs", ("/data/nbs/roads.csv",), None, {}, SERIES)


def cell(unit: str, period: int, value: float | None, series: str = "roads", row: int = 5) -> Cell:
    text = "…" if value is None else f"{value:g}"
    return Cell(unit, period, series, text, value, "nbs/roads.csv", "", row, f"{period}年")


def figures(
    cells: Iterable[Cell], corrections: Iterable[Correction] = (), source: SourceSpec = SOURCE, units: Units = UNITS
) -> pd.DataFrame:
    return harmonise(source, cell_table(list(cells)), units, corrections)


def faults(*args: object, **kwargs: object) -> list[str]:
    with pytest.raises(UserError) as caught:
        figures(*args, **kwargs)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


def repair(**changed: object) -> Correction:
    whole = {
        "source": "nbs",
        "series": "roads",
        "unit": "CN-GZ",
        "year": 2008,
        "action": "replace",
        "reason": "misprint",
    }
    whole |= {"expect": 12.5, "value": 12.54, "file": "corrections.yaml", "where": "corrections[0]"}
    return Correction(**{**whole, **changed})  # type: ignore[arg-type]


def test_one_sorted_row_per_figure() -> None:
    cells = [
        cell("四川省", 2008, 22.4, row=6),
        cell("贵 州", 2009, None),
        cell("Guizhou", 2008, 12.54),
        cell("贵州省", 2008, 29.1, "share", 9),
    ]
    frame = figures(cells)
    assert tuple(frame.columns) == COLUMNS
    assert frame[["series", "unit", "period"]].astype("str").to_numpy().tolist() == [
        ["roads", "CN-GZ", "2008"],
        ["roads", "CN-GZ", "2009"],
        ["roads", "CN-SC", "2008"],
        ["share", "CN-GZ", "2008"],
    ]
    assert frame["value"].tolist()[:1] + frame["value"].tolist()[2:] == [12.54, 22.4, 29.1]
    assert np.isnan(frame["value"].iloc[1])
    assert frame["text"].tolist() == ["12.54", "…", "22.4", "29.1"]
    assert frame["measure"].tolist() == ["10^4 km"] * 3 + ["percent"]
    assert frame["row"].tolist() == [5, 5, 6, 9]
    assert set(frame["source"]) == {"nbs"}
    assert set(frame["correction"]) == {""}


def test_the_order_of_cells_does_not_matter() -> None:
    cells = [cell(unit, year, year / 100) for unit in ("Guizhou", "四川省", "重庆市") for year in range(2000, 2010)]
    shuffled = [cells[i] for i in np.random.default_rng(3).permutation(len(cells))]
    pd.testing.assert_frame_equal(figures(cells), figures(shuffled), check_categorical=False)


def test_no_cells_give_no_figures() -> None:
    assert len(figures([])) == 0
    assert tuple(figures([]).columns) == COLUMNS


def test_unknown_names_come_all_at_once_with_their_places() -> None:
    cells = [cell("Guizou", y, 1.0, row=7) for y in (2008, 2009)]
    cells += [cell("全国", 2008, 9.0, row=4), cell("Atlantis", 2008, 1.0, row=8)]
    found = faults(cells)
    assert len(found) == 3
    guizhou, nation, other = found
    assert 'nbs/roads.csv: row 7, column 2008年 and 1 more column: found the unknown unit "Guizou"' in guizhou
    assert 'did you mean "Guizhou"?' in guizhou
    assert 'layout.skip_rows: ["全国"]' in nation
    assert "aliases in units.csv" in other


def test_figures_of_years_in_which_a_unit_did_not_exist() -> None:
    cells = [cell("重庆市", y, 3.0) for y in (1995, 1996, 1997)]
    (found,) = faults(cells)
    assert "figures of Chongqing for 1995 to 1996; expected figures from 1997, while it exists" in found
    assert "retrospective: [CN-CQ]" in found
    declared = replace(SOURCE, series={"roads": replace(SERIES["roads"], retrospective=("重庆市",))})
    assert len(figures(cells, source=declared)) == 3
    assert len(figures([cell("重庆市", 1995, None)])) == 1  # no figure, no claim


def test_a_name_that_two_units_bore_in_turn() -> None:
    names = {"A1": ("Alpha",), "A2": ("Alpha",)}
    units = Units(("A1", "A2"), {"A1": {}, "A2": {}}, names, {"A1": (None, 1999), "A2": (2001, None)}, "u.csv")
    frame = figures([cell("alpha", 1999, 1.0), cell("alpha", 2001, 2.0)], units=units)
    assert frame["unit"].tolist() == ["A1", "A2"]
    assert 'the unknown unit "alpha"' in faults([cell("alpha", 2000, 1.0)], units=units)[0]


def test_two_figures_for_one_place_name_both_cells() -> None:
    (found,) = faults([cell("贵州", 2008, 12.54, row=5), cell("Guizhou", 2008, 12.6, row=31)])
    assert "nbs/roads.csv: row 31, column 2008年: found a second figure of CN-GZ for roads, 2008: 12.6" in found
    assert "the first, 12.54, stands at nbs/roads.csv: row 5, column 2008年" in found


def test_ranges() -> None:
    found = faults([cell("贵州", 2008, 129.1, "share"), cell("贵州", 2009, 29.1, "share"), cell("贵州", 2009, -1.0)])
    assert len(found) == 2
    assert any(
        "found 129.1 for share, CN-GZ, 2008; expected a figure within the declared range 0 to 100" in f for f in found
    )
    fault = {"known_faults": [{"series": "share", "units": ["CN-GZ"], "years": [2008], "what": "w", "reason": "r"}]}
    assert len(figures([cell("贵州", 2008, 129.1, "share")], source=replace(SOURCE, about=sidecar_from(fault)))) == 1
    assert "inf for roads" in faults([cell("贵州", 2008, float("inf"))])[0]


def test_many_faults_of_a_kind_are_capped() -> None:
    found = faults([cell(f"Nowhere {i}", 2008, 12.5) for i in range(90)])
    assert len(found) == 51
    assert "40 more problems of this kind" in found[-1]


def test_many_figures_out_of_range_are_one_mistake() -> None:
    (found,) = faults([cell("贵州", 1900 + i, 200.0 + i, "share") for i in range(90)])
    assert "CN-GZ, 1900 and 89 more figures, all from 200 to 289" in found
    assert len(faults([cell("贵州", 1900 + i, 200.0, "share") for i in range(3)])) == 3


def test_a_replacement() -> None:
    frame = figures([cell("贵州", 2008, 12.5), cell("贵州", 2009, 12.7)], [repair(), repair(source="other")])
    assert frame["value"].tolist() == [12.54, 12.7]
    assert frame["raw_value"].tolist() == [12.5, 12.7]
    assert frame["text"].tolist() == ["12.5", "12.7"]
    assert frame["correction"].tolist() == ["replaced 12.5 by 12.54: misprint", ""]


def test_subtracting_and_blanking() -> None:
    cells = [cell("贵州", 2008, 12.5), cell("四川省", 2008, 20.0)]
    frame = figures(
        cells, [repair(action="subtract", value=2.0), repair(unit="Sichuan", action="blank", expect=20.0, value=None)]
    )
    assert frame["value"].iloc[0] == 10.5
    assert np.isnan(frame["value"].iloc[1])
    assert frame["correction"].iloc[1].startswith("blanked 20")


def test_blanking_a_whole_year() -> None:
    cells = [cell("贵州", 2008, 12.5), cell("四川省", 2008, 20.0), cell("重庆市", 2008, None), cell("贵州", 2009, 1.0)]
    whole = repair(unit="all", action="blank", expect=None, value=None, expect_sum=32.5)
    frame = figures(cells, [whole])
    assert frame.loc[frame["period"] == 2008, "value"].isna().all()
    assert frame.loc[frame["period"] == 2009, "value"].tolist() == [1.0]
    assert (frame["correction"] != "").sum() == 2
    (found,) = faults(cells, [replace(whole, expect_sum=33.0)])
    assert "found the published figure 32.5; expected 33" in found


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"expect": 12.6}, "corrections[0]: found the published figure 12.5; expected 12.6"),
        ({"year": 2010}, "a repair of nbs.roads, CN-GZ, 2010, where the source has no row"),
        ({"series": "rods"}, "where the source has no row"),
        ({"unit": "Guizou"}, 'corrections[0].unit: found "Guizou"'),
        ({"year": 2009}, "found no figure any more; expected 12.5"),
    ],
)
def test_a_repair_that_finds_nothing_to_repair(changed: dict[str, object], words: str) -> None:
    found = faults([cell("贵州", 2008, 12.5), cell("贵州", 2009, None)], [repair(**changed)])
    assert words in found[0]


def test_a_range_holds_after_the_repair() -> None:
    cells = [cell("贵州", 2008, 291.0, "share")]
    mended = repair(series="share", expect=291.0, value=29.1)
    assert figures(cells, [mended])["value"].tolist() == [29.1]


def test_millions_of_rows_stay_within_seconds() -> None:
    """No loop over rows: half a million cells in far less time than a Python loop with `match` would need."""
    import time

    count = 500_000
    ids = tuple(f"U{i:04d}" for i in range(2500))
    units = Units(ids, {u: {} for u in ids}, {u: (f"County {u}",) for u in ids})
    order = np.random.default_rng(0).permutation(count)
    names = np.array([f"county {u}" for u in ids])
    frame = pd.DataFrame(
        {
            "unit": pd.Categorical.from_codes(order % 2500, pd.Index(names)),
            "period": (1800 + order // 2500).astype("int32"),
            "series": pd.Categorical.from_codes(np.zeros(count, dtype=int), pd.Index(["roads"])),
            "text": "1",
            "value": order.astype(float),
            "file": pd.Categorical.from_codes(np.zeros(count, dtype=int), pd.Index(["f"])),
            "sheet": pd.Categorical.from_codes(np.zeros(count, dtype=int), pd.Index([""])),
            "row": order.astype("int32"),
            "column": pd.Categorical.from_codes(np.zeros(count, dtype=int), pd.Index(["c"])),
        }
    )
    start = time.process_time()
    result = harmonise(SOURCE, frame, units)
    assert time.process_time() - start < 5
    assert np.array_equal(result["value"].to_numpy(), result["row"].to_numpy())
    assert result["period"].iloc[:200].tolist() == list(range(1800, 2000))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("注：数据为初步核算数。", None, "a note without figures? layout: {range: …} ends the table above it"),
        ("Source: yearbook", None, 'or layout: {skip_rows: ["Source: yearbook"]}'),
        ("Group B", None, "a heading or a note without figures? layout: {range: …} ends the table above it"),
        ("Note: figures of towns", 3.0, "a note rather than a unit?"),
        ("Atlantis", 3.0, "add it to the column aliases"),
    ],
)
def test_advice_for_rows_that_are_no_units(name: str, value: float | None, words: str) -> None:
    (fault,) = faults([cell("贵州", 2008, 1.0), cell(name, 2008, value), cell(name, 2009, value)])
    assert words in fault and (value == 3.0 or "aliases" not in fault)


def test_figures_of_groups_hold_for_each_unit_that_exists() -> None:
    attributes = {
        unit: {"basin": basin} for unit, basin in zip(UNITS.ids, ("Pearl", "Yangtze", "Yangtze"), strict=True)
    }
    units = replace(UNITS, attributes=attributes)
    source = replace(SOURCE, by="basin")
    cells = [cell("yangtze", 1996, 1.0), cell("Yangtze ", 2008, 2.0), cell("Pearl", 2008, None)]
    read = figures(cells, source=source, units=units)
    found = {(row.unit, row.period): row.value for row in read.itertuples() if row.value == row.value}
    assert found == {("CN-SC", 1996): 1.0, ("CN-CQ", 2008): 2.0, ("CN-SC", 2008): 2.0}  # Chongqing exists from 1997
    assert set(read["row"]) == {5}
    (fault,) = faults([cell("Yangze", 2008, 1.0)], source=source, units=units)
    assert 'the unknown basin "Yangze"' in fault and 'did you mean "Yangtze"' in fault
    assert "column basin of units.csv" in fault
    numbered = replace(UNITS, attributes={unit: {"basin": float(i)} for i, unit in enumerate(UNITS.ids)})
    assert figures([cell("1", 2008, 3.0)], source=source, units=numbered)["unit"].tolist() == ["CN-CQ"]
