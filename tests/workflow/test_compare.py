"""A swap of a source, a rule and a model: what moved is found, with its cause."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from conftest import Run, make_tiny, tiny_config
from ruralpanel.compare import Comparison, compare, report
from ruralpanel.contracts.problems import UserError


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, snakemake: Run) -> tuple[Path, Comparison]:
    """The tiny project before and after `lever` comes from a second file in which one figure differs."""
    folder = make_tiny(tmp_path_factory.mktemp("compare"))
    assert snakemake(folder).returncode == 0
    shutil.copytree(folder / "results", folder / "before")
    lines = (folder / "figures.csv").read_text(encoding="utf-8").splitlines()
    parts = lines[3].split(",")
    lines[3] = ",".join([*parts[:3], str(float(parts[3]) + 1)])
    (folder / "other.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = tiny_config()
    config["sources"]["swapped"] = {**config["sources"]["made_up"], "path": "other.csv"}  # type: ignore[index]
    config["variables"]["lever"]["source"] = "swapped"  # type: ignore[index]
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    run = snakemake(folder)
    assert run.returncode == 0, run.stderr
    return folder, compare(folder / "before", folder / "results")


def test_the_one_figure_is_found_with_its_cause(pair: tuple[Path, Comparison]) -> None:
    (change,) = pair[1].variables
    assert (change.panel, change.variable, change.cells, change.came, change.went) == ("main", "lever", 1, 0, 0)
    assert any("another source: made_up → swapped" in cause for cause in change.causes)


def test_the_coefficient_moved_because_of_it(pair: tuple[Path, Comparison]) -> None:
    (change,) = pair[1].coefficients
    assert (change.model, change.term) == ("effect", "lever")
    assert change.old != change.new
    assert any(cause.startswith("lever (another source") for cause in change.causes)


def test_the_report_is_in_words(pair: tuple[Path, Comparison]) -> None:
    text = report(pair[1])
    assert "made_up → swapped" in text and "effect, lever:" in text and "Verdicts that changed: none" in text


def test_nothing_differs_from_itself(pair: tuple[Path, Comparison]) -> None:
    folder = pair[0] / "results"
    assert report(compare(folder, folder)).startswith("Nothing differs")


def test_folders_without_results_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no results"):
        compare(tmp_path, tmp_path)
