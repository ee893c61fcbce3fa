"""The folder of results that a run is compared with (``report: compare_with``)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ruralpanel.contracts.config import Config
from ruralpanel.contracts.problems import Problem

RESULTS = "results"
_FILES = ("panels/*/panel.parquet", "panels/*/codebook.csv", "panels/*/lineage.parquet", "models/*.json",
          "scorecard.json")  # fmt: skip


def compared_folder(config: Config) -> str:
    """The folder, relative to the working folder where it lies below it; empty without a comparison."""
    named = config.report.get("compare_with")
    if not named:
        return ""
    path = os.path.normpath(os.path.join(config.root, os.path.expanduser(str(named))))
    return path if os.path.isabs(path) else os.path.relpath(path)


def compared_files(config: Config) -> tuple[str, ...]:
    """What is read of it."""
    folder = compared_folder(config)
    return tuple(str(path) for pattern in _FILES for path in sorted(Path(folder).glob(pattern))) if folder else ()


def compared_problems(config: Config) -> Iterator[Problem]:
    """A folder that holds no results, or that this run writes."""
    folder = compared_folder(config)
    if not folder:
        return
    where, fix = "report.compare_with", "keep a copy before the change: cp -r results before"
    if Path(folder).resolve() == Path(RESULTS).resolve():
        yield Problem(config.file, where, f'"{folder}", which this run writes', "a folder of earlier results", fix)
    elif not os.path.isdir(os.path.join(folder, "panels")):
        yield Problem(config.file, where, f'"{folder}", which holds no panels', "a folder of earlier results", fix)
