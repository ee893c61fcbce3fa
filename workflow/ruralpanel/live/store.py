"""Answers on disk: kept while a fetch goes on so that it can resume, then put in place of the old ones all at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ruralpanel.files import atomic_path, write_json
from ruralpanel.live.client import Client, Request

_FRESH_DAYS = 3  # older answers of an interrupted fetch would mix vintages


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
        shutil.rmtree(self.folder, ignore_errors=True)


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


def swap(new: Path, folder: Path) -> None:
    """Put `new` in the place of `folder`; `mend` completes it where it was interrupted."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def mend(folder: Path) -> None:
    """Put the old answers back where an interrupted `swap` has left none."""
    old = folder.with_name(f".{folder.name}.old")
    if old.exists() and not folder.exists():
        old.rename(folder)
