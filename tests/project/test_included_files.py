"""A configuration in several files: sections put together, paths of each file, and every fault with file and line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from conftest import make_tiny
from ruralpanel.project.jobs import open_project
from ruralpanel.project.load import Config
from ruralpanel.project.problems import UserError

MAIN = """title: A made-up project
units: units.csv
include: [config/data.yaml, config/models.yaml]
panels: {main: 2001-2008}
variables:
  log_output: log(output / 1000)
"""
DATA = """sources:
  made_up:
    adapter: table
    path: ../figures.csv
    layout: {shape: long, unit: unit, period: year}
    series:
      output: {column: output_kcny, measure: 10^3 CNY}
      lever: {column: lever, measure: share}
series:
  output: {from: made_up.output, in: CNY}
  lever: {from: made_up.lever, in: share}
"""
MODELS = """variables:
  lagged: lag(lever, 1)
models:
  effect: {estimator: fe, outcome: log_output, regressors: [lever]}
  later: {estimator: fe, outcome: log_output, regressors: [lagged]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_tiny(tmp_path)
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(
    overrides: Mapping[str, Any] | None = None, main: str = MAIN, data: str = DATA, models: str = MODELS
) -> Config:
    """The configuration of three files in the working folder."""
    for name, text in (("config.yaml", main), ("config/data.yaml", data), ("config/models.yaml", models)):
        Path(name).write_text(text, encoding="utf-8", newline="")
    return open_project(["config.yaml"], overrides)


def said(**files: str) -> list[str]:
    """What is wrong with the configuration, one line for each problem."""
    with pytest.raises(UserError) as raised:
        read(**files)
    return [str(problem) for problem in raised.value.problems]


def test_sections_of_all_files_are_put_together(folder: Path) -> None:
    config = read()
    assert list(config.variables) == ["output", "lever", "log_output", "lagged"]
    assert list(config.models) == ["effect", "later"]
    assert config.files == ("config.yaml", "config/data.yaml", "config/models.yaml")
    assert config.sources["made_up"].path == "figures.csv"  # relative to the file that names it


def test_every_path_of_an_included_file_is_relative_to_it(folder: Path) -> None:
    with_copy = DATA.replace("    path: ../figures.csv\n", "    path: ../figures.csv\n    file: ../copy.csv\n")
    config = read(data=with_copy + "cache: ../downloads\nreport: {references: ../figures.csv}\n")
    assert config.cache == "downloads" and config.report.references == "figures.csv"
    (download,) = config.sources["made_up"].downloads
    assert download.url == (folder / "copy.csv").as_uri() and download.target == "figures.csv"


def test_it_is_read_alike_from_another_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read()
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    config = open_project([folder / "config.yaml"])
    assert list(config.models) == ["effect", "later"] and config.sources["made_up"].files


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        (
            {"models": MODELS + "title: Another\n"},
            "config/models.yaml: title (line 6): found the key again (first in config.yaml, line 1); "
            "expected each key once; fix: remove or rename one",
        ),
        (
            {"models": MODELS.replace("lagged:", "log_output:").replace("[lagged]", "[log_output]")},
            "config/models.yaml: variables.log_output (line 2): found the key again (first in config.yaml, line 6); "
            "expected each key once; fix: remove or rename one",
        ),
        (
            {"models": MODELS.replace("lagged:", "lever:").replace("[lagged]", "[lever]")},
            "config/data.yaml: series.lever (line 11): found the key again (first as variables.lever in "
            "config/models.yaml, line 2); expected each key once; fix: remove or rename one",
        ),
        (
            {"models": MODELS + "include: [more.yaml]\n"},
            "config/models.yaml: include (line 6): found include in an included file; "
            "expected files included by the one that a run names only; fix: move it to config.yaml",
        ),
        (
            {"main": MAIN.replace("config/models.yaml", "config/modles.yaml")},
            'config.yaml: include[1] (line 3): found "config/modles.yaml", which does not exist; '
            'expected a file of the configuration; fix: did you mean "config/models.yaml" or "config/data.yaml"?',
        ),
        (
            {"main": MAIN.replace("config/models.yaml", "config")},
            'config.yaml: include[1] (line 3): found "config", which is a folder; '
            "expected a file of the configuration; fix: check the path: it is relative to config.yaml",
        ),
        (
            {"main": MAIN.replace("config/models.yaml", "./config.yaml")},
            'config.yaml: include[1] (line 3): found "./config.yaml", which is this file itself; '
            "expected other files; fix: take it out",
        ),
        (
            {"main": MAIN.replace("config/models.yaml", "config/../config/data.yaml")},
            'config.yaml: include[1] (line 3): found "config/../config/data.yaml" twice; '
            "expected each file once; fix: take one of them out",
        ),
        (
            {"main": MAIN.replace("[config/data.yaml, config/models.yaml]", "config/data.yaml")},
            "config.yaml: include (line 3): found no list of files; expected a list such as [config/models.yaml]",
        ),
        (
            {"models": MODELS.replace("[lever]}", "[lever}")},
            "config/models.yaml: line 4, column 66: found no ',' or ']'; expected YAML; "
            "fix: close the bracket that opens in line 4, or put a comma between its entries",
        ),
        (
            {"models": MODELS.replace("[lever]", "[levr]")},
            'config/models.yaml: models.effect.regressors (line 4): found "levr"; '
            'expected a variable or an attribute of the units; fix: did you mean "lever"?',
        ),
        (
            {"models": MODELS.replace("regressors: [lever]", "regresors: [lever]")},
            "config/models.yaml: models.effect.regresors (line 4): found unknown key; expected one of the known keys; "
            'fix: did you mean "regressors" or "regressor_lags" or "endogenous_regressors"?',
        ),
        (
            {"data": DATA.replace("../figures.csv", "figures.csv")},
            'config/data.yaml: sources.made_up.path (line 4): found "config/figures.csv", where no file lies; '
            "expected a file, a folder with files, or a glob that matches some; "
            "fix: check the path: it is relative to the file that names it",
        ),
    ],
)
def test_faults_name_file_and_line(folder: Path, files: dict[str, str], answer: str) -> None:
    assert answer in said(**files)


def test_faults_of_all_files_are_told_at_once(folder: Path) -> None:
    problems = said(data=DATA + "units: other.csv\n", models=MODELS + "title: Another\n")
    assert [problem.partition(":")[0] for problem in problems] == ["config/data.yaml", "config/models.yaml"]


def test_a_key_that_the_schema_refuses_hides_no_name_that_nothing_declares(folder: Path) -> None:
    models = MODELS.replace("[lagged]}", "[laged]}").replace("{estimator: fe, out", "{estimatr: fe, out", 1)
    found = said(models=models)
    assert [line for line in found if "unknown key" in line] and [line for line in found if '"laged"' in line]
    # What may follow from the lack of the entry at fault is not told: log_output is at fault, not who reads it.
    found = said(main=MAIN.replace("log_output: log(output / 1000)", "log_output: {formul: log(output / 1000)}"))
    assert found and all("log_output" in line.partition(": found")[0] for line in found)
    # A fault of what everything rests on leaves nothing to check.
    assert all("laged" not in line for line in said(models=models, data=DATA.replace("adapter:", "adaptr:")))


def test_names_in_a_preset_that_nobody_uses_are_checked(folder: Path) -> None:
    unused = "presets: {spare: {outcome: log_outpt, regressors: [lever, 'lever:lagd'], weights: null}}\n"
    first, second = said(models=MODELS + unused)
    assert 'presets.spare.outcome (line 6): found "log_outpt"' in first and '"lagd"' in second
    read(models=MODELS + unused.replace("outpt", "output").replace("lagd", "lagged"))


def test_words_that_cannot_be_read_hide_no_unknown_key(folder: Path) -> None:
    Path("words").mkdir()
    Path("words/en.yaml").write_text("title: [\n", encoding="utf-8")
    found = said(main=MAIN.replace("title: A made-up project\n", "words: words\nlanguag: en\n"))
    assert len(found) == 2 and "words/en.yaml" in found[0] and 'fix: did you mean "language"?' in found[1]


def test_line_ends_of_cr_alone_are_named(folder: Path) -> None:
    with pytest.raises(UserError, match="line ends of CR alone; expected lines that end with LF"):
        read(models=MODELS.replace("\n", "\r"))


def test_an_empty_section_gives_way_to_that_of_another_file(folder: Path) -> None:
    assert list(read(main=MAIN + "models:\n").models) == ["effect", "later"]


def test_the_command_line_goes_over_all_files(folder: Path) -> None:
    config = read({"seed": 5, "models": {"effect": {"regressors": ["lagged"]}}, "series": {"lever": {"in": "percent"}}})
    assert (config.seed, config.models["effect"].regressors) == (5, ("lagged",))
    assert config.variables["lever"].measure == "percent" and config.variables["lever"].series == "lever"
    assert read({"variables": {"lever": {"measure": "percent"}}}).variables["lever"].measure == "percent"
    for overrides, answer in (
        ({"models": {"effect": {"regressors": ["levr"]}}}, "--config: models.effect.regressors: found"),
        ({"variables": {"lever": {"measure": "km"}}}, "--config: variables.lever.measure: found share"),
        ({"include": ["more.yaml"]}, "--config: include: found unknown key"),
    ):
        with pytest.raises(UserError) as raised:
            read(overrides)
        assert str(raised.value).startswith(answer)
