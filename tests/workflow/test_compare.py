"""Swaps of a source, a measure, a repair, a break's rule, a sample: what moved is found, with its cause, and linked."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
import yaml

from conftest import Run, Shared, make_tiny, tiny_config
from ruralpanel.output.report.document import Table
from ruralpanel.output.report.numbering import texts
from ruralpanel.project.jobs import open_project
from ruralpanel.project.problems import UserError
from ruralpanel.tools.compare.changes import Cause, Comparison, Kind
from ruralpanel.tools.compare.compare import cause_names, compare, summary
from ruralpanel.tools.compare.page import document

PANEL = "results/panels/main/panel.csv"


@pytest.fixture(scope="module")
def before(shared: Shared, snakemake: Run) -> Path:
    """The tiny project and its results as they were before any change, in `before`."""
    return shared("compare", lambda folder: build(make_tiny(folder), snakemake))


def build(folder: Path, snakemake: Run) -> None:
    config = tiny_config()
    source: dict[str, Any] = config["sources"]["made_up"]  # type: ignore[index]
    series = {key: {"label": key, **values} for key, values in source.pop("series").items()}
    series["lever"]["breaks"] = {2005: {"what": "made up for a test"}}
    about = {"title": "Made-up figures", "publisher": "nobody", "series": series}
    (folder / "about.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    source["about"] = "about.yaml"
    config["variables"]["lever"]["breaks"] = {2005: {"rule": "accept", "because": "made up for a test"}}  # type: ignore[index]
    config["variables"]["wide"] = {"formula": "lever - mean_over_units(lever)"}  # type: ignore[index]
    config["report"] = {"formats": ["html"]}
    write(folder, config)
    run = snakemake(folder)
    assert run.returncode == 0, run.stderr
    (folder / "results").rename(folder / "before")


def write(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def configured(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    return config


def other_figures(folder: Path, name: str, change: Callable[[list[str]], list[str]]) -> None:
    """A copy of the figures in which the row of U01 in 2003 is changed."""
    lines = (folder / "figures.csv").read_text(encoding="utf-8").splitlines()
    lines[3] = ",".join(change(lines[3].split(",")))
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


Changed = Callable[[Callable[[Path, dict[str, Any]], None]], tuple[Path, Comparison]]


@pytest.fixture
def changed(before: Path, tmp_path: Path, snakemake: Run) -> Changed:
    """Change a copy of the project, build its panel and model, and compare them with those before."""

    def run(change: Callable[[Path, dict[str, Any]], None], *targets: str) -> tuple[Path, Comparison]:
        folder = tmp_path / "after"
        shutil.copytree(before, folder)
        config = configured(folder)
        change(folder, config)
        write(folder, config)
        done = snakemake(folder, *(targets or (PANEL, "results/models/effect.json")))
        assert done.returncode == 0, done.stderr
        return folder, compare(folder / "before", folder / "results")

    return run


@pytest.fixture(scope="module")
def swapped(before: Path, shared: Shared, snakemake: Run) -> tuple[Path, Comparison]:
    """After `lever` comes from a second file in which one figure differs, the whole run compared by the workflow."""
    folder = shared("swapped", lambda folder: swap(before, folder, snakemake))
    return folder, compare(folder / "before", folder / "results")


def swap(before: Path, folder: Path, snakemake: Run) -> None:
    shutil.copytree(before, folder, dirs_exist_ok=True)
    other_figures(folder, "other.csv", lambda parts: [*parts[:3], str(float(parts[3]) + 1)])
    config = configured(folder)
    config["sources"]["swapped"] = {**config["sources"]["made_up"], "path": "other.csv"}
    config["variables"]["lever"]["source"] = "swapped"
    config["report"] = {"compare_with": "before", "formats": ["html"]}
    write(folder, config)
    run = snakemake(folder)
    assert run.returncode == 0, run.stderr


def causes(comparison: Comparison, variable: str) -> set[Cause]:
    return {cause for cell in comparison.cells if cell.variable == variable for cause in cell.causes}


def test_the_one_figure_is_found_with_its_cause_and_places(swapped: tuple[Path, Comparison]) -> None:
    (cell,) = [cell for cell in swapped[1].cells if cell.variable == "lever"]
    assert (cell.panel, cell.unit, cell.period, cell.causes) == (
        "main",
        "U01",
        2003,
        (Cause("source", "made_up", "swapped"),),
    )
    assert cell.old is not None and cell.new == pytest.approx(cell.old + 1)
    assert cell.before.place == "figures.csv, row 4, column lever" and float(cell.before.text) == cell.old
    assert cell.after.place == "other.csv, row 4, column lever" and float(cell.after.text) == cell.new


def test_a_formula_over_units_moves_everywhere_in_that_year(swapped: tuple[Path, Comparison]) -> None:
    cells = [cell for cell in swapped[1].cells if cell.variable == "wide"]
    assert {cell.period for cell in cells} == {2003} and len(cells) == 20
    assert {cell.causes for cell in cells} == {(Cause("source", "made_up", "swapped", "lever"),)}


def test_the_coefficient_moved_because_of_it(swapped: tuple[Path, Comparison]) -> None:
    (change,) = swapped[1].coefficients
    assert (change.model, change.term) == ("effect", "lever")
    assert change.old is not None and change.new is not None and change.old.value != change.new.value
    assert change.causes == (Cause("source", "made_up", "swapped", "lever"),)
    assert 0 < change.in_errors < 100


def test_the_claim_kept_its_verdict_with_another_number_for_the_same_cause(swapped: tuple[Path, Comparison]) -> None:
    (claim,) = swapped[1].claims
    assert claim.claim == "T1" and not claim.moved and not swapped[1].verdicts
    assert Cause("source", "made_up", "swapped", "lever") in claim.causes


def test_the_summary_is_short_and_in_words(swapped: tuple[Path, Comparison]) -> None:
    text = summary(swapped[1])
    assert "another source: made_up → swapped (lever, wide)" in text and "effect, lever:" in text
    assert "Verdicts that changed: none" in text and len(text.splitlines()) < 12


def test_the_report_links_the_page_that_the_run_wrote(swapped: tuple[Path, Comparison]) -> None:
    folder = swapped[0] / "results" / "report"
    assert '<a href="comparison.html">' in (folder / "report.html").read_text(encoding="utf-8")
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert "made_up" in page and "other.csv, row 4, column lever" in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)  # nothing is loaded from elsewhere
    with (folder / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(swapped[1].cells) == 21
    assert [row["new_cell"] for row in rows if row["variable"] == "lever"] == ["other.csv, row 4, column lever"]
    frames = [pd.read_csv(swapped[0] / name / "panels/main/panel.csv") for name in ("before", "results")]
    for row in rows:  # the file says what the panels say
        for side, frame in zip(("old", "new"), frames, strict=True):
            here = frame[(frame["unit"] == row["unit"]) & (frame["period"] == int(row["period"]))]
            assert float(row[side]) == here[row["variable"]].item()


def test_the_command_writes_the_same_page(swapped: tuple[Path, Comparison], ruralpanel: Run) -> None:
    here = swapped[0]
    command = ("compare", "before", "results", "--html", "page.html")
    done = ruralpanel(here, *command, "--csv", "results/report/comparison.csv")
    assert done.returncode == 0, done.stderr
    assert "written: page.html" in done.stdout
    assert (here / "page.html").read_bytes() == (here / "results/report/comparison.html").read_bytes()
    again = ruralpanel(here, *command)
    assert again.returncode == 0  # an earlier comparison may be replaced


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_words_for_everything(swapped: tuple[Path, Comparison], language: str) -> None:
    page = document(swapped[1], "before", "results", language, "cells.csv")
    assert [section.id for section in page.sections] == ["claims", "causes", "coefficients", "variables", "cells"]
    assert sum(isinstance(block, Table) for block in page.blocks()) == 5
    assert all("{{" not in text for text in texts(page))
    assert set(cause_names(language)) == set(get_args(Kind))


def test_another_measure_is_a_conversion(changed: Changed) -> None:
    def change(_: Path, config: dict[str, Any]) -> None:
        config["variables"]["output"]["measure"] = "10^3 CNY"
        config["variables"]["log_output"]["formula"] = "log(output)"

    _, found = changed(change)
    assert {(c.kind, c.old, c.new) for c in causes(found, "output")} == {
        ("conversion", "10^3 CNY → CNY, × 1000", "10^3 CNY")
    }
    assert not causes(found, "log_output") and not found.coefficients


def test_another_formula_is_named_where_it_is_read(changed: Changed) -> None:
    def change(_: Path, config: dict[str, Any]) -> None:
        config["variables"]["log_output"]["formula"] = "log(2 * output / 1000)"
        config["variables"]["twice"] = {"formula": "2 * log_output"}

    _, found = changed(change)
    assert causes(found, "log_output") == {Cause("formula", "log(output / 1000)", "log(2 * output / 1000)")}
    assert causes(found, "twice") == {Cause("variable", "none", "twice")}
    assert not found.coefficients  # unit and period effects absorb the constant


def test_a_repair_is_named_with_its_words(changed: Changed) -> None:
    def change(folder: Path, config: dict[str, Any]) -> None:
        figure = pd.read_csv(folder / "figures.csv").loc[2, "lever"].item()
        repair = {"source": "made_up", "series": "lever", "unit": "U01", "year": 2003, "action": "blank"}
        words = {"expect": figure, "reason": "made up to see what it does", "provider": "nobody"}
        (folder / "corrections.yaml").write_text(
            yaml.safe_dump({"corrections": [{**repair, **words}]}), encoding="utf-8"
        )
        config["corrections"] = "corrections.yaml"

    _, found = changed(change)
    (cell,) = [cell for cell in found.cells if cell.variable == "lever"]
    assert cell.new is None and [cause.kind for cause in cell.causes] == ["correction"]
    assert "made up to see" in cell.causes[0].new
    kinds = {cause.kind for change in found.coefficients for cause in change.causes}
    assert kinds == {"sample", "correction"}
    assert any("159 observations" in cause.new for change in found.coefficients for cause in change.causes)


def test_another_rule_for_a_break_is_named(changed: Changed) -> None:
    def change(_: Path, config: dict[str, Any]) -> None:
        config["variables"]["lever"]["breaks"] = {2005: {"rule": "drop"}}

    _, found = changed(change)
    assert {cause.kind for cause in causes(found, "lever")} == {"break"}
    assert {cell.new for cell in found.cells if cell.variable == "lever"} == {None}


def test_other_published_figures_of_the_same_file(changed: Changed) -> None:
    def change(folder: Path, _: dict[str, Any]) -> None:
        other_figures(folder, "figures.csv", lambda parts: [*parts[:3], str(float(parts[3]) + 0.5)])

    _, found = changed(change)
    (cell,) = [cell for cell in found.cells if cell.variable == "lever"]
    assert cell.causes == (Cause("published", "made_up.lever", "made_up.lever"),)
    assert float(cell.after.text) == pytest.approx(float(cell.before.text) + 0.5)


def test_another_sample_and_specification_of_the_model(changed: Changed) -> None:
    def change(_: Path, config: dict[str, Any]) -> None:
        config["samples"] = {"fewer": {"drop": ["U01"]}}
        config["models"]["effect"] |= {"sample": "fewer"}
        config["models"]["more"] = {**config["models"]["effect"], "effects": ["unit"]}

    _, found = changed(change, PANEL, "results/models/effect.json", "results/models/more.json")
    assert not found.cells
    of_effect = {cause.kind: cause for c in found.coefficients if c.model == "effect" for cause in c.causes}
    assert set(of_effect) == {"specification", "sample"}
    assert of_effect["sample"] == Cause("sample", "160 observations; with U01", "152 observations")
    assert {c.causes for c in found.coefficients if c.model == "more"} == {(Cause("model", "none", "more"),)}


def test_other_periods_of_the_panel(changed: Changed) -> None:
    def change(_: Path, config: dict[str, Any]) -> None:
        config["panels"]["main"]["periods"] = {"first": 2002, "last": 2008}

    _, found = changed(change, PANEL)
    assert Cause("sample", "U01 in 2001", "not in the panel") in causes(found, "lever")
    assert {cell.period for cell in found.cells if cell.new is None} == {2001}


def test_nothing_differs_from_itself(swapped: tuple[Path, Comparison]) -> None:
    folder = swapped[0] / "results"
    assert summary(compare(folder, folder)).startswith("Nothing differs")


def test_folders_without_results_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no results"):
        compare(tmp_path, tmp_path)


@pytest.mark.parametrize(("folder", "words"), [("nowhere", "holds no panels"), ("results", "this run writes")])
def test_a_wrong_folder_is_refused_before_the_run(
    before: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str, words: str
) -> None:
    shutil.copytree(before, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    write(Path(), {**configured(Path()), "report": {"compare_with": folder}})
    with pytest.raises(UserError, match=words):
        open_project()


def test_results_of_earlier_versions_are_compared_by_their_codebook(tiny_run: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "before"
    shutil.copytree(tiny_run / "results", earlier)
    for file in earlier.glob("panels/*/columns.csv"):
        file.unlink()
    assert not compare(earlier, tiny_run / "results").cells
