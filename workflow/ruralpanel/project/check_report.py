"""What the report's story, brief and files name, checked before any job."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ruralpanel.project.check_models import missing
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
    sections: Mapping[str, Collection[str]] = {"figures": config.figures, "maps": config.maps, "tables": config.tables}
    for section, declared in sections.items():
        for name in getattr(report.brief, section, None) or ():
            if name not in declared:
                yield missing(config.file, f"report.brief.{section}", name, f"a name under {section}", declared)
    for key in ("references", "citation"):
        path = getattr(report, key)
        if path and (reason := unusable(Path(config.root) / path)):
            yield Problem(config.file, f"report.{key}", f'"{path}", {reason}', "a file", "check the path")


def _panel_problems(config: Config, name: str, where: str) -> Iterator[Problem]:
    panel = config.panels.get(name)
    if panel is None:
        yield missing(config.file, where, name, "a name under panels", config.panels)
    elif len(panel.periods) < 2:
        yield Problem(config.file, where, f"{panel.name}, which has one", "a panel with more than one period")


def _before_problems(config: Config, before: Before) -> Iterator[Problem]:
    where, figure = "report.story.before", before.figure
    yield from _panel_problems(config, before.panel, f"{where}.panel")
    for name in before.outcomes:
        if name not in config.variables:
            yield missing(config.file, f"{where}.outcomes", name, "a name under variables", config.variables)
    if figure and figure not in config.figures:
        yield missing(config.file, f"{where}.figure", figure, "a name under figures", config.figures)


def _later_problems(config: Config, before: str, panel: str) -> Iterator[Problem]:
    """A longer run that is none: it begins where the story does, or later."""
    if before not in config.panels or panel not in config.panels:
        return
    first, own = (min(config.panels[name].periods, default=0) for name in (before, panel))
    if frequency(first) == frequency(own) and first >= own:
        found = f"{before}, which begins in {label(first)}"
        expected = f"a panel that begins before {label(own)}, as {panel} does"
        yield Problem(
            config.file, "report.story.before.panel", found, expected, "take before out, or name another panel"
        )


def _story_problems(config: Config, story: Story) -> Iterator[Problem]:
    where = "report.story"
    yield from _panel_problems(config, story.panel, f"{where}.panel")
    if story.before:
        yield from _before_problems(config, story.before)
        yield from _later_problems(config, story.before.panel, story.panel)
    for key in _VARIABLES:
        name = getattr(story, key)
        if name is not None and name not in config.variables:
            yield missing(config.file, f"{where}.{key}", name, "a name under variables", config.variables)
    if story.weight is not None and story.share is None:
        yield Problem(config.file, f"{where}.weight", "weight without share", "share: what it weighs")
    validity = story.validity
    if not validity:
        return
    table = config.tables.get(validity.table)
    tables = [name for name, item in config.tables.items() if item.type == CORRELATED]
    if table is None or table.type != CORRELATED:
        expected = f"a table of type {CORRELATED}"
        yield missing(config.file, f"{where}.validity.table", validity.table, expected, tables)
        return
    outcomes = [f"{one.panel}.{one.variable}.{one.period}" for one in table.options.get("outcomes")]
    for key, named in (("of", (validity.of,)), ("against", validity.against or ())):
        for name in named:
            if name not in outcomes:
                expected = f"an outcome of table {validity.table}"
                yield missing(config.file, f"{where}.validity.{key}", name, expected, outcomes)
