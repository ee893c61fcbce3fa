"""Tables on an upright page: what is broken, where panels are cut, what of the rows they show."""

from __future__ import annotations

import pytest

from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument, runs
from ruralpanel.output.tables.layout import GAP, panels

INTERVAL = "[−1.452, 0.765]"


def table(columns: int, groups: list[str] | None = None, text: str = INTERVAL) -> TableDocument:
    """A section of each column's own, each with one interval in that column alone."""
    rows = []
    for index in range(columns):
        cells = tuple(Cell(text if at == index else "") for at in range(columns))
        rows += [Row(f"part {index}", (), "section"), Row(f"term {index}", cells)]
    return TableDocument(
        "t",
        "T",
        "Variable",
        tuple(Column(f"({n + 1})") for n in range(columns)),
        tuple(rows),
        (runs(groups),) if groups else (),
        further=tuple(rows),
    )


@pytest.mark.parametrize("columns", [1, 5, 6, 13, 40])
def test_panels_fit_and_hold_every_column_once(columns: int) -> None:
    size, parts = panels(table(columns), 16, (9, 8))
    assert [c.label for part in parts for c in part.document.columns] == [f"({n + 1})" for n in range(columns)]
    for part in parts:
        assert part.stub + sum(part.widths) + GAP * len(part.widths) <= 16 + 1e-9
        assert min(part.widths) > 1.5  # 15 signs of 9 or 8 points are never broken
    assert size == 9
    assert max(len(part.widths) for part in parts) - min(len(part.widths) for part in parts) <= 1


def test_panels_begin_with_groups_and_leave_out_what_is_empty_in_them() -> None:
    _, parts = panels(table(7, ["a"] * 3 + ["b"] * 4), 16, (9,))
    assert [len(part.widths) for part in parts] == [3, 4]
    assert [[spanner.label for spanner in part.document.spanners[0]] for part in parts] == [["a"], ["b"]]
    assert [row.label for row in parts[0].document.rows][-2:] == ["part 2", "term 2"]


def test_one_column_of_words_wraps_and_a_word_too_long_is_given_what_there_is() -> None:
    ((words,),) = (panels(table(1, text="many words " * 60), 16, (9,))[1],)
    assert words.widths[0] == pytest.approx(4.5)
    ((long,),) = (panels(table(1, text="x" * 400), 16, (9,))[1],)
    assert long.stub + long.widths[0] + GAP == pytest.approx(16)


def test_the_smaller_type_is_taken_only_where_it_saves_the_second_panel() -> None:
    sizes = [panels(table(columns), 15, (9, 8))[0] for columns in range(1, 9)]
    assert sizes.index(8) > 3 and sizes[-1] == 9
