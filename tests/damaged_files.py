"""Ways to damage a published file, on its rows or its bytes, and what each one may do to the figures."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

SAME, REFUSED, UNSEEN = "same", "refused", "unseen"
"""`SAME`: the figures stay. `REFUSED`: the figures stay or an error is given. `UNSEEN`: what is left is a plausible
file, so that reading cannot always tell; then the sidecar's sha256 must, and the checks of plausibility may."""


@dataclass(frozen=True)
class Grid:
    """The rows of a table; `head` is the row of the column names, figures stand below it from column `first` on.

    `end` is the row behind the last of them. `names` is the column of the units. `fixed` are the leading columns that
    a shuffle of columns leaves in place.
    """

    rows: tuple[tuple[str, ...], ...]
    head: int
    end: int
    names: int
    first: int

    def with_rows(self, rows: list[list[str]]) -> Grid:
        return replace(self, rows=tuple(map(tuple, rows)))

    def copy(self) -> list[list[str]]:
        return [list(row) for row in self.rows]

    def figure(self, draw: random.Random) -> tuple[int, int]:
        """The place of a figure with at least two digits."""
        places = [
            (i, j)
            for i in range(self.head + 1, self.end)
            for j in range(self.first, len(self.rows[i]))
            if re.fullmatch(r"[0-9]+(\.[0-9]+)?", self.rows[i][j]) and len(self.rows[i][j]) > 1
        ]
        return draw.choice(places)


Mutation = Callable[[Grid, random.Random], Grid]


def table_grid(text: str, keys: int) -> Grid:
    """A table whose first row names its columns, the first `keys` of which are no figures."""
    rows = tuple(tuple(row) for row in csv.reader(io.StringIO(text)))
    return Grid(rows, 0, len(rows), 0, keys)


def export_grid(text: str) -> Grid:
    """An export of the National Data site: lines above and below the table of regions by years."""
    rows = tuple(tuple(row) for row in csv.reader(io.StringIO(text)))
    head = next(i for i, row in enumerate(rows) if row and row[0] == "地区")
    end = next(i for i, row in enumerate(rows) if i > head and len(row) < 2)
    return Grid(rows, head, end, 0, 1)


def as_csv(grid: Grid, delimiter: str = ",", ends: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=ends, quoting=quoting).writerows(grid.rows)
    return stream.getvalue()


def _cell(change: Callable[[str, random.Random], str]) -> Mutation:
    """Change one figure."""

    def mutation(grid: Grid, draw: random.Random) -> Grid:
        rows = grid.copy()
        i, j = grid.figure(draw)
        rows[i][j] = change(rows[i][j], draw)
        return grid.with_rows(rows)

    return mutation


def _every(change: Callable[[str], str]) -> Mutation:
    """Change all figures."""

    def mutation(grid: Grid, _: random.Random) -> Grid:
        rows = grid.copy()
        for row in rows[grid.head + 1 : grid.end]:
            row[grid.first :] = map(change, row[grid.first :])
        return grid.with_rows(rows)

    return mutation


def _body(change: Callable[[list[list[str]], random.Random, Grid], None]) -> Mutation:
    """Change the list of the rows below the header in place."""

    def mutation(grid: Grid, draw: random.Random) -> Grid:
        rows = grid.copy()
        body = rows[grid.head + 1 : grid.end]
        change(body, draw, grid)
        return grid.with_rows([*rows[: grid.head + 1], *body, *rows[grid.end :]])

    return mutation


def _columns(whole: bool) -> Mutation:
    """Shuffle the columns of figures, with their names or (not `whole`) without them."""

    def mutation(grid: Grid, draw: random.Random) -> Grid:
        rows = grid.copy()
        order = list(range(grid.first, len(rows[grid.head])))
        draw.shuffle(order)
        for row in rows[grid.head if whole else grid.head + 1 : grid.end]:
            row[grid.first :] = [row[j] for j in order]
        return grid.with_rows(rows)

    return mutation


def _swap_names(rows: list[list[str]], draw: random.Random, grid: Grid) -> None:
    i, j = draw.sample(range(len(rows)), 2)
    rows[i][grid.names], rows[j][grid.names] = rows[j][grid.names], rows[i][grid.names]


def _twice(rows: list[list[str]], draw: random.Random, _: Grid) -> None:
    rows.insert(draw.randrange(len(rows)), list(draw.choice(rows)))


def _blank_rows(rows: list[list[str]], draw: random.Random, grid: Grid) -> None:
    for _ in range(3):
        rows.insert(draw.randrange(len(rows) + 1), [""] * len(grid.rows[grid.head]))


def _misspelt(rows: list[list[str]], draw: random.Random, grid: Grid) -> None:
    row = draw.choice(rows)
    row[grid.names] = draw.choice([row[grid.names][:-1] + "x", "Atlantis", "某省", ""])


def _without(rows: list[list[str]], draw: random.Random, _: Grid) -> None:
    del rows[draw.randrange(len(rows))]


def _lost_cell(rows: list[list[str]], draw: random.Random, grid: Grid) -> None:
    row = draw.choice(rows)
    del row[draw.randrange(grid.first, len(row))]


def _header(change: Callable[[list[str], random.Random, Grid], None]) -> Mutation:
    def mutation(grid: Grid, draw: random.Random) -> Grid:
        rows = grid.copy()
        change(rows[grid.head], draw, grid)
        return grid.with_rows(rows)

    return mutation


def _name_twice(row: list[str], draw: random.Random, grid: Grid) -> None:
    row[grid.first] = row[-1] if len(row) > grid.first + 1 else row[0]


def _header_gone(grid: Grid, _: random.Random) -> Grid:
    rows = grid.copy()
    del rows[grid.head]
    return grid.with_rows(rows)


def _digit(figure: str, draw: random.Random) -> str:
    at = draw.choice([i for i, sign in enumerate(figure) if sign.isdigit()])
    return figure[:at] + str((int(figure[at]) + draw.randrange(1, 9)) % 10) + figure[at + 1 :]


def _wide(figure: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if sign in "0123456789.-" else sign for sign in figure)


OF_ROWS: Mapping[str, tuple[str, Mutation]] = {
    "rows shuffled": (SAME, _body(lambda rows, draw, _: draw.shuffle(rows))),
    "columns shuffled": (SAME, _columns(whole=True)),
    "blank rows": (SAME, _body(_blank_rows)),
    "full-width digits": (SAME, _every(_wide)),
    "blanks around figures": (SAME, _every(lambda figure: f" \u3000{figure}\t")),
    "text in a figure": (
        REFUSED,
        _cell(
            lambda figure, draw: figure[:1] + draw.choice(["x", "O", "约", "l", "?", "/", "%", "..", " "]) + figure[1:]
        ),
    ),
    "text for a figure": (
        REFUSED,
        _cell(lambda _, draw: draw.choice(["n.d.", "见注", "#REF!", "abc", "1,5,3", "(12)"])),
    ),
    "huge figure": (
        REFUSED,
        _cell(
            lambda figure, draw: draw.choice(
                ["1e400", "9" * 400, "1e+300", "9" * 25, figure + "0" * 18, "-" + "9" * 20]
            )
        ),
    ),
    "row twice": (REFUSED, _body(_twice)),
    "misspelt unit": (REFUSED, _body(_misspelt)),
    "cell lost": (REFUSED, _body(_lost_cell)),
    "header gone": (REFUSED, _header_gone),
    "column name twice": (REFUSED, _header(_name_twice)),
    "units swapped": (UNSEEN, _body(_swap_names)),
    "another digit": (UNSEEN, _cell(_digit)),
    "a thousandfold": (UNSEEN, _cell(lambda figure, _: f"{float(figure) * 1000:.0f}")),
    "row gone": (UNSEEN, _body(_without)),
    "column names shuffled": (UNSEEN, _columns(whole=False)),
}


def _cut(raw: bytes, draw: random.Random) -> bytes:
    return raw[: draw.randrange(len(raw))]


def _random_bytes(raw: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(raw))
    return raw[:at] + bytes(draw.randrange(256) for _ in range(40)) + b"\x00" + raw[at:]


def _other_byte(raw: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ draw.randrange(1, 256)]) + raw[at + 1 :]


def _empty(_: bytes, draw: random.Random) -> bytes:
    return draw.choice([b"", b"\n\n\n", b" \r\n", b"\xef\xbb\xbf", b"\xff\xfe"])


def _noise(_: bytes, draw: random.Random) -> bytes:
    start = draw.choice(
        [
            b"",
            b"PK\x03\x04",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"PAR1",
            b"%PDF-1.4\n",
            b"\x89PNG\r\n",
            b"<stata_dta>",
        ]
    )
    return start + bytes(draw.randrange(256) for _ in range(600))


Bytes = Callable[[bytes, random.Random], bytes]
OF_BYTES: Mapping[str, tuple[str, Bytes]] = {
    "cut off": (UNSEEN, _cut),
    "bytes put in": (REFUSED, _random_bytes),
    "another byte": (UNSEEN, _other_byte),
    "empty": (REFUSED, _empty),
    "noise": (REFUSED, _noise),
}


def _encoded(encoding: str) -> Callable[[str, random.Random], bytes]:
    return lambda text, _: text.encode(encoding)


def _mistaken(text: str, draw: random.Random) -> bytes:
    """Written in one encoding and read in another, as a wrong setting does it."""
    written, read = draw.choice(
        [("utf-8", "latin-1"), ("gb18030", "latin-1"), ("utf-8", "cp1252"), ("utf-8", "gb18030")]
    )
    return text.encode(written).decode(read, errors="replace").encode("utf-8")


OF_TEXT: Mapping[str, tuple[str, Callable[[str, random.Random], bytes]]] = {
    "byte-order mark": (SAME, _encoded("utf-8-sig")),
    "GB18030": (SAME, _encoded("gb18030")),
    "UTF-16": (SAME, _encoded("utf-16")),
    "line ends of Windows": (SAME, lambda text, _: text.replace("\n", "\r\n").encode()),
    "line ends of old Macs": (SAME, lambda text, _: text.replace("\n", "\r").encode()),
    "no last line end": (SAME, lambda text, _: text.rstrip("\n").encode()),
    "mistaken encoding": (REFUSED, _mistaken),
    "cut behind a row": (
        UNSEEN,
        lambda text, draw: ("\n".join(text.splitlines()[: draw.randrange(1, text.count("\n"))]) + "\n").encode(),
    ),
}
