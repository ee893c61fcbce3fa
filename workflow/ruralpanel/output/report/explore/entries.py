"""What the map shows: every outcome and lever of the models, and what the declared maps show beyond."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ruralpanel.output.maps.classes import Classes
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.sentences import nouns
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto, format_count, format_percent


@dataclass(frozen=True)
class Entry:
    """One thing to show of each unit, at one or several periods.

    Attributes
    ----------
    key : its id. group, label, measure : in print. times : words for the periods, one at least.
    values, low, high : unit → one figure for each of `times`, NaN where there is none; low and high may be empty.
        Of `categories` a value is the index of one.
    classes, colours : of the values; `growing` is the share of the figures in one class of an even scale where the
        classes grow. timed : `times` are points of time. title : what is to be seen. source, note : lines beneath.
    """

    key: str
    group: str
    label: str
    measure: str
    times: tuple[str, ...]
    values: Mapping[str, Sequence[float]]
    classes: Classes
    colours: tuple[str, ...]
    title: str = ""
    source: str = ""
    note: str = ""
    timed: bool = True
    growing: float | None = None
    categories: tuple[str, ...] = ()
    low: Mapping[str, Sequence[float]] = field(default_factory=dict)
    high: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Label with measure."""
        return f"{self.label} ({self.measure})" if self.measure and self.measure not in self.label else self.label

    def at(self, index: int) -> dict[str, float]:
        """unit → figure at one of the periods; units without one are left out."""
        return {unit: values[index] for unit, values in self.values.items() if math.isfinite(values[index])}

    def holds_zero(self, unit: str) -> bool:
        """Whether the interval of a unit holds zero."""
        return unit in self.low and unit in self.high and self.low[unit][0] <= 0.0 <= self.high[unit][0]

    @property
    def latest(self) -> int:
        """The last period with figures for as many units as any."""
        counts = [len(self.at(index)) for index in range(len(self.times))]
        return max(index for index, count in enumerate(counts) if count == max(counts))

    @property
    def size(self) -> int:
        """Number of figures."""
        return sum(map(len, (*self.values.values(), *self.low.values(), *self.high.values())))


def sources(context: Context, names: Iterable[str]) -> str:
    """Publishers and titles of sources, by their names in the configuration."""
    said: dict[str, None] = {}
    for name in names:
        about = getattr(context.sources.get(name.strip()), "about", None) or {}
        parts = [context.worded(about, key) for key in ("publisher", "title")]
        text = word("comma", context.language).join(part for part in parts if part) or name.strip()
        if text:
            said[text] = None
    return word("list_separator", context.language).join(said)


def finding(entry: Entry, context: Context) -> str:
    """What is to be seen in an entry, in one line made of its figures."""
    language, words = context.language, nouns(context)

    def said(key: str, **values: str) -> str:
        text = word(f"explore.finding.{key}", language, label=entry.label, **words, **values)
        return text[:1].upper() + text[1:]

    if entry.categories:
        last = entry.at(entry.latest)
        counts = [sum(value == index for value in last.values()) for index in range(len(entry.categories))]
        most = max(range(len(counts)), key=lambda index: (counts[index], -index))
        return said(
            "category", kind=entry.categories[most], number=format_count(counts[most]),
            all=format_count(len(last)),
            time=entry.times[entry.latest],
        )  # fmt: skip
    if entry.low:
        ends = [unit for unit in entry.values if unit in entry.low and unit in entry.high]
        told = len(ends) - sum(map(entry.holds_zero, ends))
        return said("told", number=format_count(told), all=format_count(len(ends)))
    if entry.timed and len(entry.times) > 1:
        known = [index for index in range(len(entry.times)) if entry.at(index)]
        first, last = entry.at(known[0]), entry.at(known[-1])
        if first.keys() & last.keys() and known[0] != known[-1]:
            key, moved = change(first, last)
            return said(key, first=entry.times[known[0]], last=entry.times[known[-1]], **moved)
    figures = entry.at(entry.latest)
    ordered = sorted(figures, key=lambda unit: (figures[unit], unit))
    if len(ordered) < 2 or figures[ordered[0]] == figures[ordered[-1]]:
        return entry.label
    top, bottom = ordered[-1], ordered[0]
    return said(
        "ends", top=context.unit(top), most=shown(figures[top], entry.measure), bottom=context.unit(bottom),
        least=shown(figures[bottom], entry.measure),
    )  # fmt: skip


def change(first: Mapping[str, float], last: Mapping[str, float]) -> tuple[str, dict[str, str]]:
    """Key below ``explore.finding`` for what most units did between two periods, and how many of how many did it."""
    both = first.keys() & last.keys()
    up, down = sum(last[u] > first[u] for u in both), sum(last[u] < first[u] for u in both)
    key = "up_all" if up == len(both) else "down_all" if down == len(both) else "up" if up >= down else "down"
    return key, {"number": format_count(max(up, down)), "all": format_count(len(both))}


def shown(value: float, measure: str) -> str:
    """A figure with the per cent sign, where it is in per cent."""
    return format_auto(value) + ("%" if measure == "%" else "")


def scale_words(entry: Entry, language: str) -> str:
    """The rule behind an entry's classes."""
    inner = np.diff(entry.classes.edges[1:-1])
    if entry.categories or len(inner) < 1:
        return ""
    if entry.growing is not None:
        return word("explore.scale_growing", language, share=format_percent(entry.growing))
    even = bool(np.allclose(inner, inner[0]))
    return word("explore.scale_even" if even else "explore.scale_declared", language)
