"""What happened to outcomes between a panel's first and last period (``report: story``, and ``before``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ruralpanel.output.report.numbers import Found, MissingNumber
from ruralpanel.project.notes import Note, note
from ruralpanel.project.periods import label, parsed
from ruralpanel.project.sections.configuration import Story

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Happened:
    """Totals and means over the units that have every figure in both periods.

    Attributes
    ----------
    first, last : the periods compared. units, without : units that count, and those that lack a figure in one of them.
    numbers : ``outcome_first``, ``outcome_last``, ``outcome_change`` (relative), with a population ``rate_first`` and
        ``rate_last`` (total over total), with a share ``share_first`` and ``share_last`` (its mean); in how many units
        the outcome rose (``outcome_rose``), the share (``share_rose``), and both (``both_rose``).
    file : where the figures stand. ways : number → how it is made of them.
    """

    first: int
    last: int
    units: tuple[str, ...]
    without: tuple[str, ...]
    numbers: Mapping[str, float]
    file: str
    ways: Mapping[str, Note]

    def found(self, name: str) -> Found:
        """A number with its origin.

        Raises
        ------
        MissingNumber
            The story has no such number.
        """
        counts = {"units": len(self.units), "all_units": len(self.units) + len(self.without)}
        if name in counts:
            code = "units_with_figures" if name == "units" else "units"
            way = note(code, first=label(self.first), last=label(self.last))
            return Found(counts[name], self.file, way=way)
        if name not in self.numbers:
            raise MissingNumber(f'the story has no "{name}"')
        return Found(self.numbers[name], self.file, way=self.ways[name])


@dataclass(frozen=True)
class LongRun:
    """An outcome of the longer run: totals over all units, in the first and the last period in which each has one."""

    first: int
    last: int
    ends: Mapping[str, Found]  # ``first``, ``last``


def longer_runs(results: Path, panel: str, outcomes: Sequence[str]) -> dict[str, LongRun]:
    """Outcome → its run (``report: story: before``); outcomes without two periods in which every unit has a figure fall
    away."""
    import pandas as pd

    file = f"panels/{panel}/panel.csv"
    rows = pd.read_csv(results / file, usecols=lambda name: name in {"unit", "period", *outcomes}, encoding="utf-8-sig")
    rows["period"] = [parsed(text) for text in rows["period"].astype(str)]
    runs = {}
    for outcome in (name for name in outcomes if name in rows):
        totals = rows.groupby("period")[outcome].apply(lambda figures: figures.sum(skipna=False)).dropna()
        if len(totals) > 1:
            periods = {"first": int(totals.index[0]), "last": int(totals.index[-1])}
            ends = {
                end: Found(float(totals[period]), file, way=note("sum", variable=outcome, period=label(period)))
                for end, period in periods.items()
            }
            runs[outcome] = LongRun(periods["first"], periods["last"], ends)
    return runs


def happened(results: Path, story: Story) -> Happened | None:
    """The story of a panel's file; None where no two periods have the figures of at least half of the units."""
    import pandas as pd

    file = f"panels/{story.panel}/panel.csv"
    columns = dict.fromkeys(("unit", "period", *_variables(story)))
    rows = pd.read_csv(results / file, usecols=list(columns), dtype={"unit": str, "period": str}, encoding="utf-8-sig")
    rows["period"] = [parsed(text) for text in rows["period"]]
    return told(rows, story, file)


def _variables(story: Story) -> list[str]:
    return [name for name in (story.outcome, story.population, story.share, story.weight) if name]


def told(rows: pd.DataFrame, story: Story, file: str) -> Happened | None:
    """`happened` for rows in memory: ``unit``, ``period`` and the story's variables."""
    variables = _variables(story)
    units = tuple(dict.fromkeys(rows["unit"]))
    whole = rows.dropna(subset=variables)
    counts = whole.groupby("period")["unit"].nunique()
    periods = sorted(counts.index[2 * counts >= len(units)])
    if len(periods) < 2:
        return None
    first, last = int(periods[0]), int(periods[-1])
    ends = [whole[whole["period"] == period].set_index("unit") for period in (first, last)]
    present = tuple(unit for unit in units if all(unit in end.index for end in ends))
    if not present:
        return None
    before, after = (end.loc[list(present)] for end in ends)
    numbers: dict[str, float] = {}
    ways: dict[str, Note] = {}
    outcome = story.outcome
    for end, name, period in ((before, "first", first), (after, "last", last)):
        own = _numbers(end, story)
        numbers |= {f"{key}_{name}": value for key, (value, _) in own.items()}
        among = {"units": len(present), "period": label(period)}
        ways |= {f"{key}_{name}": note("among_units", way=way, **among) for key, (_, way) in own.items()}
    if numbers["outcome_first"]:
        numbers["outcome_change"] = numbers["outcome_last"] / numbers["outcome_first"] - 1
        ways["outcome_change"] = note("change_of", way=ways["outcome_last"], since=label(first))
    rose = {"outcome": after[outcome] > before[outcome]}
    if story.share:
        rose["share"] = after[story.share] > before[story.share]
        rose["both"] = rose["outcome"] & rose["share"]
    for key, which in rose.items():
        numbers[f"{key}_rose"] = int(which.sum())
        names = [
            name for part, name in (("outcome", outcome), ("share", story.share)) if name and key in (part, "both")
        ]
        ways[f"{key}_rose"] = note("units_rose", variables=names, first=label(first), last=label(last))
    without = tuple(unit for unit in units if unit not in present)
    return Happened(first, last, present, without, numbers, file, ways)


def _numbers(end: pd.DataFrame, story: Story) -> dict[str, tuple[float, Note]]:
    outcome, population, share, weight, scale = story.outcome, story.population, story.share, story.weight, story.scale
    total = float(end[outcome].sum())
    numbers = {"outcome": (total, note("sum_of", variable=outcome))}
    if population:
        below = float(end[population].sum())
        if below:
            numbers["rate"] = (scale * total / below, note("rate_of", scale=scale, above=outcome, below=population))
    if share and weight:
        if float(end[weight].sum()):
            mean = float((end[share] * end[weight]).sum() / end[weight].sum())
            numbers["share"] = (mean, note("weighted_mean_of", variable=share, weight=weight))
    elif share:
        numbers["share"] = (float(end[share].mean()), note("mean_of", variable=share))
    return numbers
