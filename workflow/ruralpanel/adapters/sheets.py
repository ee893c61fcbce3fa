"""A worksheet, an HTML table or a text file as rows of text, and the words for a file that is none."""

from __future__ import annotations

from dataclasses import dataclass

from ruralpanel.contracts.problems import Problem, UserError


@dataclass(frozen=True)
class Row:
    """One row: its number in the file (from 1) and its cells, outer blanks removed.

    `copies` are the columns that only repeat the text of a merged cell which begins elsewhere.
    """

    number: int
    cells: tuple[str, ...]
    copies: frozenset[int] = frozenset()

    def cell(self, index: int) -> str:
        """The cell at `index`, empty beyond the end."""
        return self.cells[index] if index < len(self.cells) else ""


@dataclass(frozen=True)
class Sheet:
    """A worksheet, an HTML table, or a whole text file (then without a name).

    `ragged` is true where a row's length means something: in text and HTML a row that ends early has lost a cell.
    """

    name: str
    rows: tuple[Row, ...]
    ragged: bool = False


def unreadable(label: str, form: str, error: Exception) -> UserError:
    """The user's error for a file that a reader of another package gave up on."""
    detail = " ".join(str(error).split())[:120]
    return UserError(
        Problem(
            label,
            "",
            f"a file that cannot be read as {form} ({type(error).__name__}: {detail})",
            f"a whole {form} file",
            "it may be cut off or damaged: get it again",
        )
    )


def area(label: str, written: str | None) -> tuple[int, int, int, int]:
    """A range as first row (from 1), first column (from 0), last row, last column (exclusive); none: everything."""
    from openpyxl.utils import range_boundaries

    if not written:
        return 1, 0, 10**9, 10**9
    try:
        left, top, right, bottom = range_boundaries(written)
    except (ValueError, TypeError):
        raise UserError(Problem(label, "layout.range", f'"{written}"', "a range, as A3:H40")) from None
    return top or 1, (left or 1) - 1, bottom or 10**9, right or 10**9


def letters(index: int) -> str:
    """The letters of a column, counted from 0: A, B … Z, AA."""
    number, found = index + 1, ""
    while number:
        number, rest = divmod(number - 1, 26)
        found = chr(65 + rest) + found
    return found
