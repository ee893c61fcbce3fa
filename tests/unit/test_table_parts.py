"""Tables that are a part of a file: titles above, measures below the header, notes underneath, blanks in conditions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from adapter_harness import check_cells, figures, refusal, source_of
from ruralpanel.adapters.registry import read

PRINTED = (
    "Roads and people,,,\n,,,\n,place,km,people\n,,公里,万人\n"
    ",Beijing,1.5,2\n,Hebei,3,4.25\nNote: made up,,,\nSource: none,,,\n"
)
LAYOUT = {"unit": "place", "period": 2012, "range": "B3:D6", "first_row": 3}
SERIES = {"km": {"measure": "km"}, "people": {"measure": "10^4 person"}}
RIGHT = {
    ("km", "Beijing", 2012): 1.5,
    ("km", "Hebei", 2012): 3.0,
    ("people", "Beijing", 2012): 2.0,
    ("people", "Hebei", 2012): 4.25,
}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_titles_measures_and_notes_around_a_table(form: str, tmp_path: Path) -> None:
    file = tmp_path / f"printed.{form}"
    if form == "csv":
        file.write_text(PRINTED, encoding="utf-8")
    else:
        rows = [line.split(",") for line in PRINTED.splitlines()]
        cells = [[float(cell) if cell.replace(".", "").isdigit() else cell or None for cell in row] for row in rows]
        pd.DataFrame(cells).to_excel(file, index=False, header=False)
    source = source_of("table", file, SERIES, LAYOUT)
    frame = read(source)
    check_cells(frame, source)
    assert figures(frame) == RIGHT and sorted(set(frame["row"])) == [5, 6]


def test_without_its_range_the_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "printed.csv"
    file.write_text(PRINTED, encoding="utf-8")
    assert "no such column" in refusal(source_of("table", file, SERIES, {"unit": "place", "period": 2012}))
    assert "expected" in refusal(source_of("table", file, SERIES, {"unit": "place", "period": 2012, "header": 3}))
    outside = source_of("table", file, SERIES, {**LAYOUT, "range": "B30:D60"})
    assert "an empty row" in refusal(outside)


def test_blanks_are_a_condition_too(tmp_path: Path) -> None:
    file = tmp_path / "kinds.csv"
    file.write_text("unit,kind,x\nA,DP,1\nA,DS,1\nB,,2\n", encoding="utf-8")
    layout = {"period": 1990, "where": {"kind": ["DP", ""]}}
    source = source_of("table", file, {"x": {"measure": "km"}}, layout)
    assert figures(read(source)) == {("x", "A", 1990): 1.0, ("x", "B", 1990): 2.0}
