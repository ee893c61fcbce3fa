"""Jobs that compute write codes and numbers, never a sentence; outputs have words for every code in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ruralpanel.output.words import dropped, said
from ruralpanel.project.files import read_rows
from ruralpanel.project.notes import Note

SENTENCE = re.compile(r"(?<![\w.:/-])[a-z]{2,}(?: [a-z]{2,}){2,}(?![\w:])")
"""Three words in lower case with blanks between: English, and no name or code."""

FREE = {
    *("declared", "spec", "what", "why", "because", "text", "cannot_show", "meaning", "benchmarks", "label", "plain"),
    *("step", "formula"),
}
"""Keys below which the configuration's and the sidecars' own words stand, which pass through."""

VERDICTS = {"cannot be tested with these data", "no effect that matters", "differs from zero", "not yet tested"}
"""Values of ``verdict``, which the contract names."""


def statements(values: Any) -> Iterator[dict[str, Any]]:
    """Every note in results: a mapping with a code and what it names."""
    if isinstance(values, dict):
        if isinstance(values.get("code"), str) and "values" not in values:
            yield values
        for value in values.values():
            yield from statements(value)
    elif isinstance(values, list):
        for value in values:
            yield from statements(value)


def sentences(values: Any, path: str = "") -> Iterator[str]:
    """Every text in results that reads like English, with its place."""
    if isinstance(values, dict):
        for key, value in values.items():
            if SENTENCE.search(key) and key not in VERDICTS:
                yield f"{path}: {key}"
            if key not in FREE:
                yield from sentences(value, f"{path}.{key}")
    elif isinstance(values, list):
        for value in values:
            yield from sentences(value, f"{path}[]")
    elif isinstance(values, str) and SENTENCE.search(values) and values not in VERDICTS:
        yield f"{path}: {values}"


def read(text: str) -> Any:
    """A cell of a table, as notes where it holds statements."""
    return json.loads(text) if text.startswith("[{") else text


def results(folder: Path) -> Iterator[tuple[str, Any]]:
    """What computing jobs write: the JSON files of models and claims, and tables with their statements read."""
    for file in [*sorted((folder / "models").rglob("*.json")), folder / "scorecard.json"]:
        yield str(file.relative_to(folder)), json.loads(file.read_text(encoding="utf-8"))
    tables = [
        *(folder / name for name in ("evidence.csv", "models/confirmation.csv", "reconciliation/findings.csv")),
        *sorted(folder.glob("panels/*/columns.csv")),
        *sorted(folder.glob("panels/*/coverage.csv")),
    ]
    for file in tables:
        rows = read_rows(file)
        cells = [
            {key: json.loads(text) if text.startswith("[{") else text for key, text in row.items()} for row in rows
        ]
        yield str(file.relative_to(folder)), cells


def test_no_computing_job_writes_a_sentence(default_run: Path) -> None:
    files = list(results(default_run / "results"))
    assert len(files) > 50
    found = {f"{name}{place}" for name, values in files for place in sentences(values)}
    assert not found, sorted(found)[:20]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_of_a_run_has_words(default_run: Path, language: str) -> None:
    notes = [one for _, values in results(default_run / "results") for one in statements(values)]
    assert len({one["code"] for one in notes}) > 40
    for one in notes:
        words = said(Note.from_dict(one), language)
        free = " ".join(str(value) for value in one.values())
        shown = [text for text in words if SENTENCE.search(text) and not SENTENCE.search(free)]
        assert language == "en" or not shown, (one, shown)
    for file in (default_run / "results" / "models").glob("*.json"):
        for reason in json.loads(file.read_text(encoding="utf-8"))["n_dropped"]:
            assert dropped(reason, language)
