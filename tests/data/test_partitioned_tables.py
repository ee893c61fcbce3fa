"""Tables in a folder for each value of a column (``year=2000``), as Spark and DuckDB write them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from adapter_harness import figures, refusal, source_of
from ruralpanel.data.adapters import registry
from ruralpanel.project.sources import files_at


def hive(folder: Path) -> tuple[pd.DataFrame, Path]:
    """A table as Spark and DuckDB write it: a folder for each year and region, which no file holds again."""
    rng = np.random.default_rng(5)
    whole = pd.DataFrame({"unit": [f"u{i}" for i in range(6)] * 3, "year": np.repeat([2001, 2002, 2003], 6)})
    whole["region"] = np.where(whole.index % 2, "North East", "South")
    whole["x"] = rng.normal(size=18)
    for (year, region), rows in whole.groupby(["year", "region"]):
        part = folder / "firms" / f"year={year}" / f"region={quote(region)}"
        part.mkdir(parents=True)
        rows[["unit", "x"]].to_parquet(part / "part-0.parquet", index=False)
    (folder / "firms" / "_SUCCESS").touch()
    (folder / "firms" / "elsewhere").mkdir()
    (folder / "firms" / "elsewhere" / "other.parquet").write_bytes(b"none of the table")
    return whole, folder / "firms"


def test_folders_that_name_a_column_are_a_column(tmp_path: Path) -> None:
    whole, folder = hive(tmp_path)
    files, problem = files_at(str(folder))
    assert len(files) == 6 and not problem
    layout = {"period": "year", "where": {"region": "North East"}}
    cells = registry.read(source_of("table", folder, {"x": {}}, layout, files=files))
    wanted = whole[whole["region"] == "North East"]
    assert figures(cells) == {
        ("x", row.unit, row.year): row.x for row in wanted.itertuples(index=False)
    }  # fmt: skip
    assert set(cells["file"]) == {f"firms/year={y}/region=North%20East/part-0.parquet" for y in (2001, 2002, 2003)}
    layout["where"] = {"region": "West"}
    assert "expected a folder for {'region': 'West'} with rows" in refusal(
        source_of("table", folder, {"x": {}}, layout, files)
    )


def test_a_folder_without_a_value_names_no_period(tmp_path: Path) -> None:
    part = tmp_path / "firms" / "year=__HIVE_DEFAULT_PARTITION__"
    part.mkdir(parents=True)
    pd.DataFrame({"unit": ["a"], "x": [1.0]}).to_parquet(part / "p.parquet", index=False)
    refused = refusal(source_of("table", tmp_path / "firms", {"x": {}}, {"period": "year"}, [part / "p.parquet"]))
    assert "row 1, column year: found nothing" in refused and "__HIVE_DEFAULT_PARTITION__/p.parquet" in refused


def test_a_column_of_the_file_goes_before_its_folder(tmp_path: Path) -> None:
    part = tmp_path / "firms" / "year=1999"
    part.mkdir(parents=True)
    pd.DataFrame({"unit": ["a"], "year": [2001], "x": [1.0], "x.y": [2.0]}).to_parquet(part / "p.parquet", index=False)
    cells = registry.read(source_of("table", tmp_path / "firms", {"x": {}}, {"period": "year"}, [part / "p.parquet"]))
    assert figures(cells) == {("x", "a", 2001): 1.0}
    (remark,) = cells.attrs["remarks"]
    assert remark[:2] == ["firms/year=1999/p.parquet", "column year"] and "2001 in a folder year=1999" in remark[2]


def test_parts_without_rows_are_none(tmp_path: Path) -> None:
    source = {"year=2001": [1.0], "year=2002": []}
    files = [tmp_path / "firms" / folder / "month=05" / "p.parquet" for folder in source]
    for file, x in zip(files, source.values(), strict=True):
        file.parent.mkdir(parents=True)
        pd.DataFrame({"unit": pd.array(["a"] * len(x), dtype="str"), "x": x, "month": 5.0}).to_parquet(file)
    cells = registry.read(source_of("table", tmp_path / "firms", {"x": {}}, {"period": "year"}, files))
    assert figures(cells) == {("x", "a", 2001): 1.0} and not cells.attrs.get("remarks")
    alone = source_of("table", tmp_path / "firms", {"x": {}}, {"period": "year"}, files[1:])
    assert "year=2002/month=05/p.parquet and no folder beside; expected at least one row" in refusal(alone)


def test_folders_write_dates_and_truths_in_a_way_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "firms" / "day=2001-02-03" / "listed=true" / "p.parquet"
    file.parent.mkdir(parents=True)
    day = pd.Timestamp("2001-02-03")
    pd.DataFrame({"unit": ["a"], "x": [1.0], "year": [2001], "day": [day], "listed": [True]}).to_parquet(file)
    cells = registry.read(source_of("table", tmp_path / "firms", {"x": {}}, {"period": "year"}, [file]))
    assert figures(cells) == {("x", "a", 2001): 1.0} and not cells.attrs.get("remarks")
