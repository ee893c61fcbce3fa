"""What the builder of a declared chart is given, and the words that charts of estimates share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruralpanel.output.charts.build import words_of
from ruralpanel.output.charts.coefficients import Estimate
from ruralpanel.output.report.explore.chart import Chart, legend
from ruralpanel.output.report.explore.drawing import Row, side, told, written
from ruralpanel.output.results import OutputContext
from ruralpanel.output.words import word
from ruralpanel.project.kinds import figures


@dataclass(frozen=True)
class Asked:
    """What a builder is given: the declared settings, the results, names of units, what units are called, the id."""

    name: str
    options: figures.Unnamed
    context: OutputContext
    names: Mapping[str, str]
    nouns: Mapping[str, str]
    id: str
    source: str = ""

    @property
    def language(self) -> str:
        """The language of the words."""
        return self.context.language

    @property
    def words(self) -> tuple[str, str]:
        """The declared caption and note."""
        return words_of(self.options, self.context)

    def said(self, key: str, **values: Any) -> str:
        """A word of the charts."""
        return word(f"explore.{key}", self.language, **{**self.nouns, **values})

    def chart(
        self, kind: str, finding: str, subtitle: str, body: str, alternative: str, table: str, note: str
    ) -> Chart:
        """The chart with its frame; the declared caption stands above or beneath a finding that lacks it."""
        caption = self.words[0] or self.name.replace("_", " ")
        repeated = not finding or finding.startswith(caption)
        under = ". ".join(text for text in ("" if repeated else caption, subtitle) if text)
        return Chart(
            id=self.id, kind=kind, name=self.name, title=capital(finding or caption), subtitle=under, body=body,
            alternative=f"{caption}. {alternative}", table=table, source=self.source, note=note,
            language=self.language,
        )  # fmt: skip


def capital(text: str) -> str:
    """With a capital at its beginning."""
    return text[:1].upper() + text[1:]


def heads(asked: Asked, first: str, *more: str) -> list[str]:
    """Column heads of a table of estimates."""
    return [first, *(asked.said(key) for key in ("estimate", "low", "high")), *more]


def dot_legend(language: str, band: bool = False) -> str:
    """What filled and hollow dots are and, where it is drawn, the band around zero."""
    entries = [("point told", word("explore.told", language)), ("point", word("explore.untold", language))]
    return legend([*entries, *([("within", word("explore.band", language))] if band else [])])


def counted(estimates: Sequence[Estimate], key: str, language: str) -> str:
    """How many of several estimates lie above and below zero, interval and all; empty where none has an interval."""
    found = [told(estimate) for estimate in estimates]
    if not any(one is not None for one in found):
        return ""
    sides = [side(estimate) for estimate, one in zip(estimates, found, strict=True) if one]
    above, below, split = (sides.count(place) for place in (1, -1, 0))
    which = "both" if above and below else "above" if above else "below" if below else "none"
    values = {"number": len(estimates), "count": above or below, "above": above, "below": below, "split": split}
    return word(f"explore.{key}_{'split' if split else which}", language, **values)


def listed(rows: Sequence[Row]) -> str:
    """Every estimate in words."""
    return "; ".join(f"{row.estimate.label} {written(row.estimate)}" for row in rows)
