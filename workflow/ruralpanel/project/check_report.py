"""What the report's story, brief and files name, checked before any job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ruralpanel.project.files import unusable
from ruralpanel.project.kinds.tables import CORRELATED
from ruralpanel.project.load import Config
from ruralpanel.project.periods import frequency, label
from ruralpanel.project.problems import Problem
from ruralpanel.project.sections.configuration import Before, Story

_VARIABLES = ("outcome", "population", "share", "weight")


def report_problems(config: Config) -> Iterator[Problem]:
    """Names in the report's section that nothing declares, and files that do not exist."""
    report = config.report
    if report.story:
        yield from _story_problems(config, report.story)
    for section in ("figures", "maps", "tables"):
        yield from config.undeclared(f"report.brief.{section}", getattr(report.brief, section, None) or (), section)
    for key in ("references", "citation"):
        path = getattr(report, key)
        if path and (reason := unusable(Path(config.root) / path)):
            yield config.problem(f"report.{key}", f'"{path}", {reason}', "a file", "check the path")


def _panel_problems(config: Config, name: str, where: str) -> Iterator[Problem]:
    yield from config.undeclared(where, [name], "panels")
    panel = config.panels.get(name)
    if panel and len(panel.periods) < 2:
        yield config.problem(where, f"{panel.name}, which has one", "a panel with more than one period")


def _before_problems(config: Config, before: Before) -> Iterator[Problem]:
    where = "report.story.before"
    yield from _panel_problems(config, before.panel, f"{where}.panel")
    yield from config.undeclared(f"{where}.outcomes", before.outcomes, "variables")
    yield from config.undeclared(f"{where}.figure", [before.figure], "figures")


def _later_problems(config: Config, before: str, panel: str) -> Iterator[Problem]:
    """A longer run that is none: it begins where the story does, or later."""
    if before not in config.panels or panel not in config.panels:
        return
    first, own = (min(config.panels[name].periods, default=0) for name in (before, panel))
    if frequency(first) == frequency(own) and first >= own:
        found = f"{before}, which begins in {label(first)}"
        expected = f"a panel that begins before {label(own)}, as {panel} does"
        yield config.problem("report.story.before.panel", found, expected, "take before out, or name another panel")


def _story_problems(config: Config, story: Story) -> Iterator[Problem]:
    where = "report.story"
    yield from _panel_problems(config, story.panel, f"{where}.panel")
    if story.before:
        yield from _before_problems(config, story.before)
        yield from _later_problems(config, story.before.panel, story.panel)
    for key in _VARIABLES:
        yield from config.undeclared(f"{where}.{key}", [getattr(story, key)], "variables")
    if story.weight is not None and story.share is None:
        yield config.problem(f"{where}.weight", "weight without share", "share: what it weighs")
    validity = story.validity
    if not validity:
        return
    table = config.tables.get(validity.table)
    tables = [name for name, item in config.tables.items() if item.type == CORRELATED]
    if table is None or table.type != CORRELATED:
        expected = f"a table of type {CORRELATED}"
        yield config.missing(f"{where}.validity.table", validity.table, expected, tables)
        return
    outcomes = [f"{one.panel}.{one.variable}.{one.period}" for one in table.options.get("outcomes")]
    for key, named in (("of", (validity.of,)), ("against", validity.against or ())):
        for name in named:
            if name not in outcomes:
                expected = f"an outcome of table {validity.table}"
                yield config.missing(f"{where}.validity.{key}", name, expected, outcomes)
