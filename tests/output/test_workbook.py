"""The workbook of tables: an index that leads to each sheet, numbers as numbers, the same bytes each time."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest

from ruralpanel.output.tables.build import build
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument
from ruralpanel.output.tables.workbook import render_workbook
from table_results import MAIN, made_up_results


def one(name: str, *cells: Cell) -> TableDocument:
    columns = tuple(Column(str(index)) for index in range(len(cells)))
    return TableDocument(name, "=1+1", "Variable", columns, (Row("x", cells, statistic="estimate"),), notes=("a note",))


def test_sheets_hold_the_tables_and_the_index_leads_to_them(tmp_path: Path) -> None:
    main = build("main", MAIN, made_up_results(tmp_path))
    made = render_workbook([main, one("other", Cell("1", 1))])
    assert made == render_workbook([main, one("other", Cell("1", 1))])
    with ZipFile(io.BytesIO(made)) as archive:
        assert b"2000-01-01T00:00:00Z</dcterms:modified>" in archive.read("docProps/core.xml")
    book = openpyxl.load_workbook(io.BytesIO(made))
    assert book.sheetnames == ["Index", "main", "other"]
    assert [cell.hyperlink.location for cell in book["Index"]["A"][1:]] == ["'main'!A1", "'other'!A1"]
    assert book["Index"]["B2"].value == main.title
    values = [[cell.value for cell in row] for row in book["main"].iter_rows()]
    assert ["Roads", 1.0812, 1.0812, 1.0812] in [row[:4] for row in values]
    column = [row[0] for row in values]
    assert column.index("Further errors, p-values and intervals") < column.index("p, wild bootstrap")
    assert [note in column for note in main.notes] == [True] * len(main.notes)


@pytest.mark.parametrize(
    ("text", "value", "stored", "shape"),
    [
        ("(0.130)", 0.13042, 0.13042, '"("0.000")"'),
        ("−0.052", -0.0521, -0.0521, "0.000"),
        ("p = 0.113", 0.1132, 0.1132, '"p = "0.000'),
        ("12,345", 12345, 12345, "#,##0"),
        ("1.5**", 1.48, 1.48, '0.0"**"'),
        ("p < 0.001", 0.0002, "p < 0.001", "General"),
        ("5%", 0.05, "5%", "General"),
        ("4.2e−7", 4.2e-7, "4.2e−7", "General"),
        ("=1+1", None, "=1+1", "General"),
    ],
)
def test_a_number_is_shown_as_printed_and_a_text_is_no_formula(
    text: str, value: float | None, stored: object, shape: str
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(render_workbook([one("t", Cell(text, value))])))
    cell = book["t"]["B5"]
    assert (cell.value, cell.number_format) == (stored, shape)
    assert cell.data_type == ("n" if isinstance(stored, float | int) else "s") and book["t"]["A1"].data_type == "s"


def test_names_too_long_or_alike_are_told_apart() -> None:
    names = ["a" * 40, "a" * 50, "Index", "index"]
    book = openpyxl.load_workbook(io.BytesIO(render_workbook([one(name, Cell("1", 1)) for name in names])))
    assert book.sheetnames == ["Index", "a" * 31, f"{'a' * 29}~2", "Index~2", "index~3"]
