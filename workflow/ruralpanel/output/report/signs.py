"""Where the intervals of several rows of a table lie, in a sentence that is made from these rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ruralpanel.output.report.document import Inline, Marked
from ruralpanel.output.report.texts import Texts
from ruralpanel.project.formats import MINUS

Place = Literal["above", "below", "open", "unstated"]
PLACES: tuple[Place, ...] = ("above", "below", "open", "unstated")
_NAMED = frozenset({"above", "below"})
_PRINTED: Mapping[Place, str] = {"above": "+", "below": MINUS, "open": "±", "unstated": "±"}


@dataclass(frozen=True)
class Signed:
    """One row: its name in print, and where its interval lies (``unstated``: the design gives none)."""

    name: str
    place: Place

    @classmethod
    def of(cls, name: str, low: float | None, high: float | None, has_interval: bool = True) -> Signed:
        """From the ends of the interval; None is an open end."""
        if not has_interval:
            return cls(name, "unstated")
        above, below = low is not None and low > 0, high is not None and high < 0
        return cls(name, "above" if above else "below" if below else "open")

    @property
    def printed(self) -> str:
        """+ or − where the interval leaves zero out, else ±."""
        return _PRINTED[self.place]


def contradict(rows: Sequence[Signed]) -> bool:
    """Whether some lie above zero and some below, interval and all."""
    return {row.place for row in rows} >= _NAMED


def summary(texts: Texts, rows: Sequence[Signed], key: str, **values: Any) -> Inline:
    """How many of the rows lie where: the text `key`, given ``n`` of them, ``parts`` and whether they lie ``apart``.

    Rows that lie above or below zero are named, the others counted; a part that nothing falls into is left out.
    """
    parts = []
    for place in PLACES:
        names = [row.name for row in rows if row.place == place]
        if names:
            listed = ", ".join(names) if place in _NAMED else ""
            count = len(names)
            shares = {"all": count == len(rows), "single": len(rows) == 1}
            parts.append(texts.render(f"signs.{place}", count=count, names=listed, **shares))
    separator = texts.render("signs.separator")
    return texts.inline(key, n=len(rows), parts=Marked(f"{separator} ".join(parts)), apart=contradict(rows), **values)
