"""The guides for who carries the project on: short, whole, and their examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = sorted((DOCS / "contributing").glob("*.md"))
PAGES = [DOCS.parent / "CONTRIBUTING.md", DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]


def test_there_is_a_guide_for_each_thing_to_add() -> None:
    assert [path.stem for path in GUIDES] == ["check", "estimator", "inference", "output"]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_is_short_and_its_example_runs(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert "assert" in example  # an example that holds itself against something can fail
    exec(compile(example, str(guide), "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_places_that_pages_name_are_there(page: Path) -> None:
    """Links to pages, and modules and folders of the package that are written out."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    named = re.findall(r"`((?:workflow|tests|benchmarks|docs|examples)/[\w./-]+)`", text)
    missing += [place for place in named if not (DOCS.parent / place).exists()]
    assert not missing
