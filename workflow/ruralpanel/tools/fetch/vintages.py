"""Vintages of a fetched source: what is kept, and what differs from the last."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from ruralpanel.data.adapters.nbs_api import CATALOGUE
from ruralpanel.project.files import atomic_path, csv_text, part_of, sha256_of, write_json
from ruralpanel.project.problems import Problem, UserError, some
from ruralpanel.project.units import Units
from ruralpanel.tools.fetch.client import Client, Request

RECORD = ".fetched"
"""The file beside the answers that lists those which a fetch has written, each with its sha256."""

_FRESH_DAYS = 3  # older answers of an interrupted fetch would mix vintages


_KEPT = re.compile(r"\.?[0-9a-f]{20}(?:\.part)?\.json")
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # put there by programs that show folders


class Store:
    """The answers that have come so far, in a hidden folder beside the source's own."""

    def __init__(self, folder: Path, client: Client, today: date) -> None:
        self.folder = folder.with_name(f".{folder.name}.part")
        self._client, self._today = client, today
        self._met: dict[str, bool] = {}

    def ask(self, request: Request) -> Mapping[str, Any]:
        """The answer kept from an interrupted run, else a new one, which is kept."""
        answer: Mapping[str, Any] = self._entry(request)["answer"]
        return answer

    def obtained(self, request: Request) -> str:
        """The day on which the answer came."""
        return str(self._entry(request)["obtained"])

    @property
    def asked(self) -> int:
        """Number of questions that went to the site."""
        return sum(not kept for kept in self._met.values())

    @property
    def kept(self) -> int:
        """Number of questions that an interrupted run had answered."""
        return sum(self._met.values())

    def _entry(self, request: Request) -> Mapping[str, Any]:
        file = self.folder / f"{request.key}.json"
        entry = self._saved(file)
        self._met.setdefault(request.key, entry is not None)
        if entry is not None:
            return entry
        entry = {"obtained": self._today.isoformat(), "request": str(request), "answer": self._client.ask(request)}
        write_json(file, entry)
        return entry

    def _saved(self, file: Path) -> Mapping[str, Any] | None:
        try:
            entry = json.loads(file.read_text(encoding="utf-8"))
            age = (self._today - date.fromisoformat(entry["obtained"])).days
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return entry if "answer" in entry and 0 <= age <= _FRESH_DAYS else None

    def clear(self) -> None:
        """Forget everything."""
        with contextlib.suppress(FileNotFoundError):
            _remove(self.folder, [path.name for path in self.folder.iterdir() if _KEPT.fullmatch(path.name)])


def write_answer(path: Path, answer: Mapping[str, Any]) -> None:
    """Write an answer of figures so that each figure begins a line: figure n stands in line n."""
    periods = []
    first = True
    for period in answer["data"]:
        head = {key: value for key, value in period.items() if key != "values"}
        values = []
        for value in period.get("values") or ():
            values.append(("" if first else "\n") + json.dumps(value, ensure_ascii=False))
            first = False
        start = json.dumps(head, ensure_ascii=False)[:-1]
        periods.append(f'{start}, "values": [{",".join(values)}]}}' if head else f'{{"values": [{",".join(values)}]}}')
    rest = {key: value for key, value in answer.items() if key != "data"}
    start = json.dumps(rest, ensure_ascii=False)[:-1] + (", " if rest else "")
    with atomic_path(path) as temporary:
        temporary.write_text(f'{start}"data": [{", ".join(periods)}]}}\n', encoding="utf-8", newline="\n")


def begin(folder: Path, files: Sequence[str]) -> Path:
    """An empty folder for new answers, beside that of the old ones; `files` are the names that they will have."""
    new = beside(folder, "new")
    require_own(new, {}, new.name)
    discard(new)
    write_json(new / RECORD, {name: "" for name in files})
    return new


def finish(new: Path) -> None:
    """Note the content of the new answers, by which the next fetch knows that they are its own."""
    write_json(new / RECORD, {name: sha256_of(new / name) for name in _recorded(new, {})})


def swap(new: Path, folder: Path, about: Mapping[str, Any] | None = None) -> None:
    """Put `new` in the place of `folder`; `mend` completes it where it was interrupted.

    Raises
    ------
    UserError
        Files in the folder that no fetch has written (`require_own`).
    """
    old = beside(folder, "old")
    for place in (old, folder):
        require_own(place, about or {}, place.name)
    discard(old, about)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    for name in _LITTER:
        if (old / name).is_file():
            (old / name).rename(folder / name)
    discard(old, about)


def mend(folder: Path, about: Mapping[str, Any] | None = None) -> None:
    """Put the old answers back where an interrupted `swap` has left none."""
    old = beside(folder, "old")
    require_own(old, about or {}, old.name)
    if old.exists() and not folder.exists():
        old.rename(folder)


def beside(folder: Path, purpose: str) -> Path:
    """The hidden folder next to that of the answers in which a fetch works."""
    return folder.with_name(f".{folder.name}.{purpose}")


def require_own(folder: Path, about: Mapping[str, Any], shown: str) -> None:
    """Refuse a folder that holds anything but what a fetch has written there.

    Parameters
    ----------
    folder : the folder; it need not exist.
    about : the sidecar, which tells the answers of a fetch where the folder has no record of its own.
    shown : the folder's name in the message.

    Raises
    ------
    UserError
        Other files, folders and links, and answers that were changed since.
    """
    strangers = tuple(_others(folder, _recorded(folder, about)))
    if not strangers:
        return
    raise UserError.at(
        shown,
        "",
        f"what fetch has not written: {some(strangers, 5)}",
        "a folder that holds nothing but fetched answers, as fetch replaces it whole",
        "move these files to another folder, or let `path` name a folder of its own for the answers",
    )


def discard(folder: Path, about: Mapping[str, Any] | None = None) -> None:
    """Remove what a fetch has written in a folder, and the folder once it is empty."""
    if folder.is_dir() and not folder.is_symlink():
        names = [*_recorded(folder, about or {}), RECORD]
        _remove(folder, [*names, *(part_of(folder / name).name for name in names)])


def _others(folder: Path, written: Mapping[str, str]) -> Iterator[str]:
    if folder.is_symlink():
        yield "a link"
    elif folder.is_dir():
        parts = {part_of(folder / name).name for name in (RECORD, *written)}
        for path in sorted(folder.iterdir()):
            if path.is_symlink() or path.is_dir():
                yield f"{path.name}{'' if path.is_symlink() else '/'}"
            elif path.name not in {RECORD, *parts, *_LITTER, *written}:
                yield path.name
            elif written.get(path.name) and sha256_of(path) != written[path.name]:
                yield f"{path.name} (changed since it was fetched)"


def _recorded(folder: Path, about: Mapping[str, Any]) -> dict[str, str]:
    """File → sha256 as a fetch has noted it: in the folder, before version 0.3 in the sidecar only."""
    try:
        noted = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {str(name): str(digest) for name, digest in noted.items() if Path(name).name == name}
    except (OSError, ValueError, AttributeError):
        return fetched_entries(about)


def fetched_entries(about: Mapping[str, Any]) -> dict[str, str]:
    """The files of a sidecar that a fetch has brought → sha256; those declared by hand are left out."""
    files = {str(name): entry or {} for name, entry in (about.get("files") or {}).items()}
    digests = {name: str(entry.get("sha256") or "?") for name, entry in files.items() if "request" in entry}
    if digests and CATALOGUE in files:
        digests[CATALOGUE] = str(files[CATALOGUE].get("sha256") or "?")
    return digests


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


Figures = Mapping[tuple[str, str, int], float]
_COLUMNS = ("series", "unit", "period", "kind", "old", "new", "difference", "relative")
_MOST_LOST = 0.5


@dataclass(frozen=True)
class Change:
    """One figure that differs; None: not there."""

    series: str
    unit: str
    period: int
    old: float | None
    new: float | None

    @property
    def kind(self) -> str:
        """``new``, ``gone`` or ``revised``."""
        return "new" if self.old is None else "gone" if self.new is None else "revised"

    @property
    def relative(self) -> float:
        """New over old less 1; NaN where either is missing or the old one is zero."""
        return self.new / self.old - 1 if self.old and self.new is not None else math.nan


def figures_of(cells: pd.DataFrame, units: Units) -> dict[tuple[str, str, int], float]:
    """Series, unit id (the name as read where no unit has it) and year → figure."""
    filled = cells[cells["value"].notna()]
    names = {str(name): units.match(str(name)) or str(name) for name in filled["unit"].unique()}
    rows = zip(filled["series"], filled["unit"], filled["period"], filled["value"], strict=True)
    return {(str(series), names[str(unit)], int(year)): float(value) for series, unit, year, value in rows}


def changes(old: Figures, new: Figures) -> tuple[Change, ...]:
    """Every figure that differs, by series, unit and year."""
    return tuple(
        Change(*key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)
    )


def losses(old: Figures, revisions: Iterable[Change], file: str) -> list[Problem]:
    """Series that would lose more than half of their figures: an outage of the site rather than a revision."""
    before: dict[str, int] = {}
    gone: dict[str, int] = {}
    for series, _, _ in old:
        before[series] = before.get(series, 0) + 1
    for change in revisions:
        if change.kind == "gone":
            gone[change.series] = gone.get(change.series, 0) + 1
    return [
        Problem(
            file,
            f"series {series}",
            f"{count} of {before[series]} figures gone",
            "at most half of them gone since the last vintage",
            "if the publisher has withdrawn them, move the old folder away and fetch again",
        )
        for series, count in gone.items()
        if count > _MOST_LOST * before[series]
    ]


def changes_csv(revisions: Sequence[Change]) -> str:
    """The changes as CSV text."""
    rows: list[list[object]] = [[*_COLUMNS]]
    for change in revisions:
        difference = change.new - change.old if change.new is not None and change.old is not None else math.nan
        numbers = [change.old, change.new, difference, change.relative]
        written = ["" if n is None or math.isnan(n) else repr(n) for n in numbers]
        rows.append([change.series, change.unit, change.period, change.kind, *written])
    return csv_text(rows)


def summary(revisions: Sequence[Change], series: Iterable[str]) -> list[str]:
    """One line for each series: how many figures are new, revised and gone, and the largest revision."""
    lines = []
    for key in series:
        of_series = [change for change in revisions if change.series == key]
        parts = []
        for kind in ("new", "revised", "gone"):
            years = sorted({change.period for change in of_series if change.kind == kind})
            count = sum(change.kind == kind for change in of_series)
            span = f"{years[0]}–{years[-1]}" if len(years) > 1 else str(years[0]) if years else ""
            parts += [f"{count} {kind} ({span})"] if count else []
        revised = [change for change in of_series if change.kind == "revised" and not math.isnan(change.relative)]
        if revised:
            most = max(revised, key=lambda change: abs(change.relative))
            parts.append(f"largest revision {most.relative:+.1%}, {most.unit} {most.period}")
        lines.append(f"{key}: {', '.join(parts) or 'unchanged'}")
    return lines
