"""A worksheet, an HTML table or a text file as rows of text, and the words for a file that is none."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ruralpanel.data.adapters.number_formats import Scale, value_in
from ruralpanel.project.kinds.adapters import Layout
from ruralpanel.project.problems import Problem, UserError

_LONGEST = 32_767
_BRACKETS = "()[]（）［］【】 "


@dataclass(frozen=True)
class Row:
    """One row: its number in the file (from 1) and its cells, outer blanks removed.

    Attributes
    ----------
    copies : the columns that only repeat the text of a merged cell which begins elsewhere.
    merged : the columns whose cell is merged with others, those where it begins among them.
    scales : column → how its figure is shown, where that is not as it is stored.
    numbers : the columns whose cell stores a number, which is no text with a decimal mark of its own.
    """

    number: int
    cells: tuple[str, ...]
    copies: frozenset[int] = frozenset()
    merged: frozenset[int] = frozenset()
    scales: Mapping[int, Scale] = field(default_factory=dict, hash=False)
    numbers: tuple[int, ...] = ()

    def cell(self, index: int) -> str:
        """The cell at `index`, empty beyond the end."""
        return self.cells[index] if index < len(self.cells) else ""


@dataclass(frozen=True)
class Sheet:
    """A worksheet, an HTML table, or a whole text file (then without a name).

    Attributes
    ----------
    ragged : whether a row's length means something: in text and HTML a row that ends early has lost a cell.
    hidden : whether the workbook hides the sheet. hidden_rows, hidden_columns : numbers of the rows (from 1) and
        columns (from 0) with content that it hides. not_read : its hidden sheets that were not asked for.
    """

    name: str
    rows: tuple[Row, ...]
    ragged: bool = False
    hidden: bool = False
    hidden_rows: tuple[int, ...] = ()
    hidden_columns: tuple[int, ...] = ()
    not_read: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name, for messages: with a word where the sheet is hidden."""
        return f"{self.name} (hidden)" if self.hidden else self.name


@dataclass(frozen=True)
class Caps:
    """How much of a file is read: what is beyond is a small file that unpacks to one without end.

    Attributes
    ----------
    cells : filled cells, merged ones counted as often as they show. columns : of a page's table or a text's row.
    megabytes : size of a workbook once unpacked.
    """

    cells: int = Layout.most_cells
    columns: int = Layout.most_columns
    megabytes: int = Layout.most_megabytes

    @classmethod
    def of(cls, layout: Layout) -> Caps:
        """The limits that a layout sets, the usual ones where it sets none."""
        return cls(int(layout.most_cells), int(layout.most_columns), int(layout.most_megabytes))

    def check_cells(self, count: int, label: str, sheet: str) -> None:
        """Stop where a table has more cells than are read.

        Raises
        ------
        UserError
        """
        if count > self.cells:
            found = f"more than {self.cells:,} cells"
            fix = "layout: {range: A1:H40} reads a part of a worksheet; {most_cells: …} raises the limit"
            where = f"sheet {sheet}" if sheet else ""
            raise UserError.at(label, where, found, f"at most {self.cells:,} (most_cells)", fix)

    def check_columns(self, count: int, label: str, where: str) -> None:
        """Stop where a row has more columns than are read.

        Raises
        ------
        UserError
        """
        if count > self.columns:
            expected = f"at most {self.columns:,} (most_columns)"
            fix = "the file is damaged: get it again; layout: {most_columns: …} raises the limit"
            raise UserError.at(label, where, f"{count:,} columns", expected, fix)


@dataclass(frozen=True)
class Shown:
    """A figure as the sheet shows it, or what speaks against reading it."""

    value: float
    text: str
    fault: tuple[str, str, str] | None = None

    @classmethod
    def of(cls, value: float, text: str, merged: bool, scale: Scale | None, measure: str, layout: Layout) -> Shown:
        """A parsed figure of a cell that may be merged with others or show it otherwise than it is stored.

        Parameters
        ----------
        value, text : the figure and what stands in the cell.
        measure : of its series. layout : `numbers` decides where the measure leaves open what is meant.
        """
        if merged:
            fault = (
                f"{text} in a cell that is merged with another",
                "a figure for each region by itself",
                "write each region's own figure, or leave the cell empty",
            )
            return cls(value, text, fault)
        if scale is None:
            return cls(value, text)
        wanted = str(layout.numbers)
        taken = value_in(scale, value, measure, wanted)
        if taken is not None:
            return cls(taken, text if wanted == "stored" else scale.shown(value))
        fault = (
            f"{text}, which the cell's number format shows as {scale.shown(value)}",
            f"a figure in {measure}" if measure else "a figure that is shown as it is stored",
            "layout: {numbers: shown} takes what is shown, {numbers: stored} what is stored",
        )
        return cls(value, text, fault)


def unreadable(label: str, form: str, error: Exception) -> UserError:
    """The user's error for a file that a reader of another package gave up on."""
    if "password" in str(error).lower() or "encrypted" in str(error).lower():
        return locked(label)
    detail = " ".join(str(error).split())[:120]
    return UserError.at(
        label,
        "",
        f"a file that cannot be read as {form} ({type(error).__name__}: {detail})",
        f"a whole {form} file",
        "it may be cut off or damaged: get it again",
    )


def cell_text(value: object) -> str:
    """A spreadsheet's cell as text: whole numbers without a point, dates as ISO, nothing as an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    return str(value).strip()


def hidden_remarks(sheet: Sheet, label: str, top: int = 1, bottom: int = 10**9) -> list[Problem]:
    """What a workbook hides of a sheet that is read (rows from `top` to `bottom`), and hidden sheets beside it."""
    rows = [number for number in sheet.hidden_rows if top <= number <= bottom]
    parts = [f"row{'s' * (len(rows) > 1)} {_listed(rows)}"] if rows else []
    columns = [letters(number) for number in sheet.hidden_columns]
    parts += [f"column{'s' * (len(columns) > 1)} {', '.join(columns[:12])}"] if columns else []
    where = f"sheet {sheet.name}" if sheet.name else ""
    remarks = []
    if sheet.hidden:
        remarks.append(
            Problem(label, where, "a hidden sheet", "a sheet that the workbook shows", "check that it is meant")
        )
    if parts:
        found = f"{' and '.join(parts)}, which the file hides: they are read like the others"
        fix = "leave them out with layout: {range: …} or {skip_rows: […]} where they are not meant"
        remarks.append(Problem(label, where, found, "rows and columns that are shown", fix))
    if sheet.not_read:
        found = f"hidden sheets that are not read: {', '.join(sheet.not_read)}"
        remarks.append(Problem(label, "", found, "no hidden sheets", "layout: {sheet: …} reads one"))
    return remarks


def _listed(numbers: Sequence[int]) -> str:
    """Numbers in order, runs of them as 7–9."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(first) if first == last else f"{first}–{last}" for first, last in runs]
    return ", ".join(words[:12]) + (" …" if len(words) > 12 else "")


class Grid:
    """Cells of a worksheet or a page as they are read: only what is filled takes room."""

    def __init__(self, label: str, sheet: str, caps: Caps) -> None:
        self.rows: dict[int, dict[int, str]] = {}
        self.scales: dict[int, dict[int, Scale]] = {}
        self._numbers: dict[int, list[int]] = {}
        self._merged: list[tuple[int, int, int, int]] = []
        self._label, self._sheet, self._caps, self._count = label, sheet, caps, 0

    def put(self, row: int, column: int, text: str, scale: Scale | None = None, number: bool = False) -> None:
        """Fill a cell (row from 1, column from 0) with a text or a `number`; an empty text fills nothing."""
        if not text:
            return
        self._counted(1)
        self.rows.setdefault(row, {})[column] = text
        if scale is not None:
            self.scales.setdefault(row, {})[column] = scale
        if number:
            self._numbers.setdefault(row, []).append(column)

    def merge(self, top: int, bottom: int, left: int, right: int) -> None:
        """Show the text of the cell at the upper left in all cells of an area (last row and column included)."""
        self._merged.append((top, bottom, left, right))

    def filled(
        self, hidden: bool = False, hidden_rows: Collection[int] = (), hidden_columns: Collection[int] = ()
    ) -> Sheet:
        """The sheet; merged cells show their text as far as the rows and columns with content of their own reach."""
        last = max(self.rows, default=0)
        width = max((max(cells) for cells in self.rows.values()), default=-1)
        copies: dict[int, set[int]] = {}
        merged: dict[int, set[int]] = {}
        for top, bottom, left, right in self._merged:
            text = self.rows.get(top, {}).get(left, "")
            columns = range(left, min(right, width) + 1)
            if not text:  # what is stored below the empty cell is not shown
                self._clear(range(top, bottom + 1), columns)
                continue
            for row in range(top, min(bottom, last) + 1):
                self._counted(len(columns))
                self.rows.setdefault(row, {}).update(dict.fromkeys(columns, text))
                copies.setdefault(row, set()).update(columns if row > top else columns[1:])
                merged.setdefault(row, set()).update(columns)
        rows = []
        for number in sorted(self.rows):
            cells = self.rows[number]
            length = max(cells) + 1
            self._counted(length - len(cells))
            rows.append(
                Row(
                    number,
                    tuple(cells.get(column, "") for column in range(length)),
                    frozenset(copies.get(number, ())),
                    frozenset(merged.get(number, ())),
                    self.scales.get(number, {}),
                    tuple(self._numbers.get(number, ())),
                )
            )
        shown_not = {column for cells in self.rows.values() for column in cells} & set(hidden_columns)
        return Sheet(
            self._sheet,
            tuple(rows),
            hidden=hidden,
            hidden_rows=tuple(sorted(self.rows.keys() & set(hidden_rows))),
            hidden_columns=tuple(sorted(shown_not)),
        )

    def _clear(self, rows: range, columns: range) -> None:
        for row in [row for row in self.rows if row in rows]:
            cells = {column: text for column, text in self.rows[row].items() if column not in columns}
            self.rows[row] = cells
            if not cells:
                del self.rows[row]

    def _counted(self, cells: int) -> None:
        self._count += cells
        self._caps.check_cells(self._count, self._label, self._sheet)


def joined(parts: Iterable[tuple[str, str]]) -> str:
    """Parts of a cell's text, each with its height (``raised``, ``lowered`` or empty), as one text.

    Raised letters, and lowered ones behind a digit, become footnote marks in brackets, so that they never run into the
    figure before them; behind a metre they are its power (km²), behind a ten with words after it an exponent (10^4
    persons).
    """
    filled = [part for part in parts if part[0]]
    pieces: list[str] = []
    before = ""
    for (part, height), (after, _) in pairwise([*filled, ("", "")]):
        mark = height == "raised" or (height == "lowered" and re.search(r"[0-9]$", before))
        pieces.append(_raised(part, before, after) if mark and part.strip() else part)
        before = (before + pieces[-1])[-8:]
    text = "".join(pieces)
    return bounded(text)


def bounded(text: str) -> str:
    """A text no longer than a spreadsheet's cell can be: what is longer is no name or figure, and slow to compare."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _raised(part: str, before: str, after: str) -> str:
    bare = part.strip()
    if bare in ("2", "3") and re.search(r"(?<![A-Za-z])[kcdh]?m$", before):
        return {"2": "²", "3": "³"}[bare]
    if bare.isdigit() and re.search(r"(?<![0-9.,])10$", before) and re.match(r"\s*[^\W\d]", after):
        return f"^{bare}"
    marks = (mark.strip(_BRACKETS) for mark in re.split(r"[,，、;；\s]+", part.strip(_BRACKETS)))
    # What is no mark (1.2) stays in brackets too: a digit of it must not run into the figure.
    return "".join(f"[{mark}]" if re.search(r"[0-9A-Za-z]", mark) else mark for mark in marks if mark)


def locked(label: str) -> UserError:
    """The user's error for a file that asks for a password."""
    found = "a file locked with a password"
    return UserError.at(label, "", found, "a file that opens without one", "save it without the password")


def area(label: str, written: str | None) -> tuple[int, int, int, int]:
    """A range as first row (from 1), first column (from 0), last row, last column (exclusive); none: everything."""
    from openpyxl.utils import range_boundaries

    if not written:
        return 1, 0, 10**9, 10**9
    try:
        left, top, right, bottom = range_boundaries(written)
    except (ValueError, TypeError):
        raise UserError.at(label, "layout.range", f'"{written}"', "a range, as A3:H40") from None
    if (right or 10**9) < (left or 1) or (bottom or 10**9) < (top or 1):
        raise UserError.at(label, "layout.range", f'"{written}"', "the upper left corner first, as A3:H40")
    return top or 1, (left or 1) - 1, bottom or 10**9, right or 10**9


def letters(index: int) -> str:
    """The letters of a column, counted from 0: A, B … Z, AA."""
    number, name = index + 1, ""
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name
