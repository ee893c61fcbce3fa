"""A configuration in several files, with short forms and words apart, run as users run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import SHORT_SOURCES, Run, make_tiny

MAIN = (
    """title: A made-up project
units: units.csv
include: [config/models.yaml]
words: config/words
"""
    + SHORT_SOURCES
    + """variables:
  log_output: log(output / 1000)
errors:
  cr1: {vcov: cluster, by: unit, small_sample: CR1, critical: t}
  wild: {bootstrap: wild_cluster, by: unit, draws: 999}
defaults: {inference: [cr1, wild]}
claims:
  T1: {claim: The lever raises output, number: "effect[lever]", expected: positive}
"""
)
MODELS = """presets:
  within: {estimator: fe, outcome: log_output, regressors: [lever]}
models:
  effect: {like: within}
tables:
  main: {models: [effect]}
"""
TARGETS = ("results/models/effect.json", "results/tables/main.csv", "results/scorecard.csv")


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """The tiny project, its configuration in four files."""
    make_tiny(tmp_path)
    (tmp_path / "config" / "words").mkdir(parents=True)
    for name, text in (
        ("config.yaml", MAIN),
        ("config/models.yaml", MODELS),
        ("config/words/en.yaml", "variables: {log_output: Output (log)}\ntables: {main: The table}\n"),
        ("config/words/zh.yaml", "variables: {log_output: 产出（对数）}\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_it_gives_the_same_as_the_long_form_in_one_file(tmp_path: Path, split: Path, snakemake: Run) -> None:
    one = tmp_path / "one"
    one.mkdir()
    make_tiny(one)
    text = (one / "config.yaml").read_text(encoding="utf-8")
    titled = text.replace("  main:\n    models:", "  main:\n    title: The table\n    models:")
    assert titled != text
    (one / "config.yaml").write_text(titled, encoding="utf-8")
    for folder in (one, split):
        run = snakemake(folder, *TARGETS)
        assert run.returncode == 0, run.stderr
    for target in ("results/panels/main/panel.csv", *TARGETS):
        assert (one / target).read_bytes() == (split / target).read_bytes(), target

    # Another text of an included file that says the same runs nothing again; another regressor the model.
    models = split / "config" / "models.yaml"
    models.write_text(f"# A comment\n{MODELS}", encoding="utf-8")
    again = snakemake(split, "-n", *TARGETS)
    assert "Nothing to be done" in again.stdout + again.stderr
    models.write_text(MODELS.replace("[lever]", "[lever, output]"), encoding="utf-8")
    again = snakemake(split, "-n", *TARGETS)
    assert "Estimating 1 model" in again.stdout and "Reading" not in again.stdout


def test_check_lists_the_words_that_the_language_lacks(split: Path, snakemake: Run) -> None:
    run = snakemake(split, "check", "--config", "language=zh")
    assert run.returncode == 0, run.stderr
    said = run.stdout + run.stderr
    start = said.index("  look at the words: 3 texts without Chinese, shown in the other language")
    assert [line.strip() for line in said[start:].splitlines()[1:4]] == [
        "title (config.yaml:1)",
        "claims.T1.claim (config.yaml:24)",
        "tables.main (config/words/en.yaml:2)",
    ]


def test_another_configfile_is_read_without_the_included_files(split: Path, snakemake: Run) -> None:
    other = MAIN.replace("include: [config/models.yaml]\nwords: config/words\n", "") + MODELS.replace("effect", "other")
    (split / "other.yaml").write_text(other.replace("effect[lever]", "other[lever]"), encoding="utf-8")
    run = snakemake(split, "results/models/other.json", "--configfile", "other.yaml")
    assert run.returncode == 0, run.stderr
    assert not (split / "results/models/effect.json").exists()


def test_faults_of_included_files_have_their_file_and_line(split: Path, snakemake: Run) -> None:
    path = split / "config" / "models.yaml"
    path.write_text(MODELS.replace("[lever]", "[levr]"), encoding="utf-8")
    run = snakemake(split, "-n")
    assert run.returncode == 1
    assert 'config/models.yaml: presets.within.regressors (line 2), for models.effect: found "levr"' in run.stderr
    # What shows only once the figures are read: two regressors that tell the same.
    path.write_text(MODELS.replace("[lever]", "[lever, twice]") + "variables: {twice: 2 * lever}\n", encoding="utf-8")
    run = snakemake(split, "results/models/effect.json")
    assert run.returncode == 1
    assert 'config/models.yaml: presets.within.regressors (line 2), for models.effect: found "twice"' in run.stderr
