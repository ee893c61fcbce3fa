"""The guide to sources of one's own: what it shows is what the schemas accept and what the commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ruralpanel.cli import main
from ruralpanel.data.adapters.registry import read
from ruralpanel.project.corrections import load_corrections
from ruralpanel.project.jobs import open_project
from ruralpanel.project.problems import UserError
from ruralpanel.project.sidecars import load_sidecar

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "adding-a-source.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


def block(word: str) -> str:
    """The first example that holds a word."""
    return next(text for text in BLOCKS if word in text)


def test_the_shortest_source_reads_a_table(tmp_path: Path) -> None:
    text = block("my_roads:")
    assert len(text.strip().splitlines()) == 6  # the word sources, and five lines
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "roads.xlsx").write_text("province,year,km\nHebei,2012,3\n", encoding="utf-8")
    document = yaml.safe_load(text)
    document |= {
        "title": "Made up",
        "units": str(ROOT / "data" / "units" / "china_provinces.csv"),
        "panels": {"mine": {"periods": [2012]}},
        "models": {},
        **yaml.safe_load(block("highway_km:")),
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    config = open_project([tmp_path / "config.yaml"])
    assert read(config.sources["my_roads"])["value"].tolist() == [3]


def test_the_sidecar_shown_passes_its_schema(tmp_path: Path) -> None:
    survey = "  highways_survey: {label: Highways, measure: 10^4 km}\n"
    text = "publisher: Nobody\ntitle: Made up\n" + block("highways_survey") + survey
    (tmp_path / "about.yaml").write_text(text, encoding="utf-8")
    spec = load_sidecar(tmp_path / "about.yaml").series["highways"]
    assert set(spec.breaks) == {2001, 2006, 2019} and spec.files == (("roads.csv", ""),)
    (tmp_path / "about.yaml").write_text(text.replace(survey, ""), encoding="utf-8")
    with pytest.raises(UserError, match="highways_survey"):
        load_sidecar(tmp_path / "about.yaml")


def test_the_correction_shown_is_one(tmp_path: Path) -> None:
    (tmp_path / "corrections.yaml").write_text(block("corrections:"), encoding="utf-8")
    (found,) = load_corrections(tmp_path / "corrections.yaml")
    assert (found.action, found.expect) == ("blank", 4335)


def test_the_commands_shown_exist(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("new-source", "new-units", "compare"):
        with pytest.raises(SystemExit):
            main([words, "--help"])
        shown = capsys.readouterr().out
        for line in re.findall(rf"python -m ruralpanel {words} (.*)", GUIDE):
            assert all(option in shown for option in re.findall(r"--[a-z]+", line.partition("#")[0]))


def test_the_download_shown_is_one_and_says_how_to_get_it(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "data-sources.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    text = next(text for text in blocks if "sources:" in text and "sha256:" in text)
    document = yaml.safe_load(text)
    del document["sources"]["census_2020"]["about"]
    document |= {"title": "Made up", "units": str(ROOT / "data" / "units" / "china_provinces.csv"), "models": {}}
    document |= {"panels": {"mine": {"periods": [2020]}}, "variables": {"one": {"formula": "1"}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(UserError) as error:
        open_project([tmp_path / "config.yaml"])
    (problem,) = error.value.problems
    assert problem.fix == "run: snakemake fetch" and "3.43 MB" in problem.expected
    assert open_project([tmp_path / "config.yaml"], fetching=True).sources["census_2020"].downloads
