"""A made-up project with results, and what its report's page holds."""

from __future__ import annotations

import html.parser
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from as_written import claims_of
from ruralpanel.claims import scorecard
from ruralpanel.output.report.context import Context, gather

FIXTURE = Path(__file__).parent / "fixtures" / "report"


def made_up_project(folder: Path) -> Path:
    """A copy of the made-up project in `folder`, with its panels as Parquet and its scorecard."""
    shutil.copytree(FIXTURE, folder)
    for panel in (folder / "made_up" / "panels").iterdir():
        rows = panel / "panel.csv"
        frame = pd.read_csv(rows) if rows.is_file() else pd.DataFrame({"unit": [], "period": []})
        frame.to_parquet(panel / "panel.parquet")
    rows = scorecard.evaluate(claims_of(config(folder)["hypotheses"]), folder / "made_up")
    scorecard.write_scorecard(rows, folder / "made_up" / "scorecard.csv", folder / "made_up" / "scorecard.json")
    return folder


def config(folder: Path, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {**values, **changes}


def context(folder: Path, **changes: Any) -> Context:
    return gather(config(folder, **changes), folder / "made_up", folder, "config.json")


class Page(html.parser.HTMLParser):
    """Tags, ids, addresses and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, attribute: str) -> list[str]:
        return [values[attribute] for _, values in self.tags if attribute in values]
