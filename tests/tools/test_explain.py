"""What an entry of the configuration comes to, each setting with the place that it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import SHORT_SOURCES, make_tiny
from ruralpanel.cli import main

MAIN = (
    """title: A made-up project
units: units.csv
include: [models.yaml]
words: words
"""
    + SHORT_SOURCES
    + """variables:
  log_output: log(output / 1000)
errors:
  cr1: {vcov: cluster, by: unit, small_sample: CR1, critical: t}
  wild: {bootstrap: wild_cluster, by: unit, draws: 999}
defaults: {inference: [cr1], effects: [unit, period]}
"""
)
MODELS = """presets:
  within: {estimator: fe, outcome: log_output, regressors: [lever]}
  nobody: {like: within, effects: [period]}
models:
  plain: {like: within}
  effect:
    like: within
    effects: [unit]
    inference: [wild, {vcov: cluster, by: period}]
claims:
  H1: {claim: The lever raises output, number: "plain[lever]", expected: positive}
others: {H1: ["effect[lever]"]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_tiny(tmp_path)
    (tmp_path / "words").mkdir()
    for name, text in (
        ("config.yaml", MAIN),
        ("models.yaml", MODELS),
        ("words/en.yaml", "variables: {lever: Lever}\nmodels: {effect: One effect}\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explained(entry: str, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str, str]]:
    """Key → place, what brought it there, value."""
    assert main(["explain", entry]) == 0
    first, *lines = capsys.readouterr().out.rstrip("\n").split("\n")
    assert first == entry
    rows = {}
    for line in lines:
        words, _, value = line.partition(": ")
        *origins, key = words.split()
        place, origin = origins if len(origins) == 2 else ("", *origins)
        rows[key] = (place, origin, value)
    return rows


def test_a_model_names_preset_named_errors_defaults_and_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = explained("models.effect", capsys)
    assert rows["title"] == ("words/en.yaml:2", "words", "One effect")
    assert rows["estimator"] == ("models.yaml:2", "presets.within", "fe")
    assert rows["regressors"] == ("models.yaml:2", "presets.within", "[lever]")
    assert rows["effects"] == ("models.yaml:8", "own", "[unit]")
    assert rows["inference[0]"][:2] == ("config.yaml:21", "errors.wild")
    assert rows["inference[0]"][2] == (
        "{bootstrap: wild_cluster, by: unit, draws: 999, weights: rademacher, interval: true}"  # defaults filled in
    )
    assert rows["inference[1]"][:2] == ("models.yaml:9", "own")
    assert rows["panel"] == ("", "default", "main")
    assert rows["simulated_size"] == ("", "default", "true")
    inherited = explained("models.plain", capsys)
    assert inherited["effects"] == ("config.yaml:22", "defaults", "[unit, period]")
    assert inherited["inference[0]"][:2] == ("config.yaml:20", "errors.cr1")


def test_other_entries_under_either_of_their_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = explained("series.lever", capsys)
    assert rows["source"] == ("config.yaml:16", "own", "made_up") and rows["measure"][2] == "share"
    assert rows["label"] == ("words/en.yaml:1", "words", "Lever")
    assert explained("variables.lever", capsys)["series"] == ("config.yaml:16", "series.lever.from", "lever")
    assert explained("variables.log_output", capsys)["formula"] == ("config.yaml:18", "own", "log(output / 1000)")
    assert explained("panels.main", capsys)["periods"] == ("config.yaml:13", "own", "{first: 2001, last: 2008}")
    assert explained("panels.main", capsys)["by"] == ("", "default", "year")
    assert explained("seed", capsys)["seed"] == ("", "default", "20120126")
    assert explained("checks", capsys)["jump"] == ("", "default", "0.5")


def test_a_preset_even_one_that_nobody_uses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = explained("presets.nobody", capsys)
    assert rows["effects"] == ("models.yaml:3", "own", "[period]")
    assert rows["regressors"] == ("models.yaml:2", "presets.within", "[lever]")
    assert explained("presets.within", capsys)["estimator"] == ("models.yaml:2", "own", "fe")


@pytest.mark.parametrize(
    ("entry", "answer"),
    [
        ("models.efect", 'found "efect"; expected a name under models; fix: did you mean "effect"?'),
        ("model.effect", 'found "model.effect"; expected an entry such as models.baseline; fix: did you mean "models"'),
        ("models", 'found "models"; expected one entry of models; fix: name one: models.plain'),
        ("errors.wild", "fix: look at what takes it over, such as models.effect"),
        ("errors.cr1", "fix: look at what takes it over, such as defaults"),
        ("others.H1", "fix: look at what takes it over, such as claims.H1"),
    ],
)
def test_what_is_no_entry(folder: Path, capsys: pytest.CaptureFixture[str], entry: str, answer: str) -> None:
    assert main(["explain", entry]) == 1
    assert answer in capsys.readouterr().err
