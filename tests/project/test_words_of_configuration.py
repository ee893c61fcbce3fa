"""Words in files of their own: put where the long form has them, each once, and what a language lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import make_tiny, tiny_config
from ruralpanel.project.jobs import names_in_print, open_project
from ruralpanel.project.load import Config
from ruralpanel.project.problems import UserError
from ruralpanel.project.whole import lacking

EN = """title: A made-up project
panels: {main: The years 2001–2008}
variables:
  lever: Lever
  output: {label: Output, counts: What is made and sold}
models: {effect: One effect}
claims:
  T1:
    claim: The lever raises output
    cannot_show: Why it does
    plain: {unit: CNY}
    benchmarks:
      Nobody (2001): {design: none at all, finding: nothing}
numbers: {lever: the lever}
tables: {main: {title: The table, notes: One note}}
report:
  nouns: {unit: village, units: villages}
  contrasts: [They differ.]
"""
ZH = """title: 虚构项目
panels: {main: 2001–2008年}
variables:
  lever: 杠杆
  output:
    label: 产出
    counts: >-
      所生产和
      售出的，共 3 种
models: {effect: 一个效应}
claims:
  T1:
    claim: 杠杆提高产出
    cannot_show: 为什么如此
    plain: {unit: 元}
    benchmarks:
      Nobody (2001): {design: 完全没有, finding: 什么也没有}
numbers: {"effect[lever]": 杠杆}
tables: {main: {title: 表, notes: [一条注释]}}
report:
  nouns: {unit: 村, units: 村}
  contrasts: [两者不同。]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_tiny(tmp_path)
    (tmp_path / "words").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(en: str = EN, zh: str = ZH, **changes: Any) -> Config:
    """The tiny project, its words in files; an empty text is no file."""
    values: dict[str, Any] = tiny_config() | {"words": "words"}
    del values["title"], values["hypotheses"]["T1"]["claim"]  # type: ignore[attr-defined]
    Path("config.yaml").write_text(yaml.safe_dump(values | changes, sort_keys=False), encoding="utf-8")
    for name, text in (("en", en), ("zh", zh)):
        Path(f"words/{name}.yaml").unlink(missing_ok=True)
        if text:
            Path(f"words/{name}.yaml").write_text(text, encoding="utf-8")
    return open_project()


def said(**files: Any) -> list[str]:
    with pytest.raises(UserError) as raised:
        read(**files)
    return [str(problem) for problem in raised.value.problems]


def test_words_stand_where_the_long_form_has_them(folder: Path) -> None:
    resolved = read().resolved
    assert (resolved["title"], resolved["title_zh"]) == ("A made-up project", "虚构项目")
    assert resolved["panels"]["main"]["title_zh"] == "2001–2008年"
    output = resolved["variables"]["output"]
    assert (output["label"], output["label_zh"]) == ("Output", "产出")
    assert output["counts_zh"] == "所生产和售出的，共 3 种"  # folded without blanks between Chinese characters
    claim = resolved["hypotheses"]["T1"]
    assert (claim["claim"], claim["claim_zh"]) == ("The lever raises output", "杠杆提高产出")
    assert claim["plain"] == {"unit": "CNY", "unit_zh": "元"}
    assert claim["benchmarks"] == [
        {
            "study": "Nobody (2001)",
            "design": "none at all",
            "finding": "nothing",
            "design_zh": "完全没有",
            "finding_zh": "什么也没有",
        }
    ]
    assert claim["estimand"] == {"model": "effect", "term": "lever", "label": "the lever", "label_zh": "杠杆"}
    table = resolved["tables"]["main"]
    assert (table["notes"], table["notes_zh"]) == (["One note"], ["一条注释"])
    assert resolved["report"]["nouns"]["unit_zh"] == "村"
    assert resolved["report"]["contrasts"] == [{"text": "They differ.", "text_zh": "两者不同。"}]


def test_words_of_a_number_hold_wherever_a_claim_names_it(folder: Path) -> None:
    number = {"model": "effect", "term": "lever"}
    claims = tiny_config()["hypotheses"]
    del claims["T1"]["claim"]
    for key in ("others", "through"):
        (listed,) = read(hypotheses={"T1": claims["T1"] | {key: [number]}}).resolved["hypotheses"]["T1"][key]
        assert listed == number | {"label": "the lever", "label_zh": "杠杆"}


def test_words_change_no_setting_of_a_model(folder: Path) -> None:
    words = read()
    assert words.models["effect"].to_dict()["options"] == {}
    assert words.files == ("config.yaml", "words/en.yaml", "words/zh.yaml")
    for word, without in zip(
        words.variables.values(), read(EN.replace("Lever", "Other")).variables.values(), strict=True
    ):
        assert (word.name, word.formula, word.measure) == (without.name, without.formula, without.measure)


def test_a_language_may_have_several_files(folder: Path) -> None:
    Path("words/more.zh.yaml").write_text("samples: {late: 后期}\n", encoding="utf-8")
    assert read(samples={"late": {"drop_periods": [2001]}}).samples["late"].label_zh == "后期"


def test_names_of_one_language_stay_in_it(folder: Path) -> None:
    """Values of attributes are words of a language already."""
    Path("words/more.zh.yaml").write_text("names: {West: 西部}\n", encoding="utf-8")
    resolved = read().resolved
    assert names_in_print(resolved, "zh")["West"] == "西部"
    assert "West" not in names_in_print(resolved, "en")


def test_words_of_one_language_stand_in_for_the_other(folder: Path) -> None:
    resolved = read(en="").resolved
    assert resolved["title"] == resolved["title_zh"] == "虚构项目"
    assert resolved["hypotheses"]["T1"]["claim"] == "杠杆提高产出"
    assert lacking(resolved, "zh") == ("variables.log_output.label",)
    assert "title" in lacking(resolved, "en") and "variables.log_output.label" not in lacking(resolved, "en")


def test_what_a_language_lacks_is_listed(folder: Path) -> None:
    assert lacking(read().resolved, "zh") == ("variables.log_output.label",)  # declared in English in the file itself
    assert lacking(read().resolved, "en") == ()
    without = read(
        zh=ZH.replace("    cannot_show: 为什么如此\n", "").replace("models: {effect: 一个效应}\n", "")
    ).resolved
    assert lacking(without, "zh") == ("variables.log_output.label", "models.effect.title", "hypotheses.T1.cannot_show")


def test_words_that_are_alike_in_all_languages_are_not_missed() -> None:
    values = {
        "variables": {"a": {"label": "公路"}, "b": {"label": "1/2"}, "label": {"formula": "a", "label": "x"}},
        "tables": {"t": {"labels": {"a": "A", "b": "B"}, "labels_zh": {"a": "甲"}}},
        "models": {"counts": {"estimator": "ppml", "title": "计数"}, "counts_zh": {"title": "GMM", "title_zh": "GMM"}},
    }
    assert lacking(values, "zh") == ("variables.label.label", "tables.t.labels")
    assert lacking(values, "en") == ()


def test_every_key_with_a_chinese_twin_is_looked_at() -> None:
    values = {"report": {"story": {"caveat": "Counted by hand."}}, "names": {"West": "the West"}}
    assert lacking(values, "zh") == ("report.story.caveat", "names")
    assert lacking({**values, "names_zh": {"West": "西部"}}, "zh") == ("report.story.caveat",)
    assert lacking({"names_zh": {"West": "西部"}}, "en") == ()
    assert lacking({"names": {"label": "x"}, "models": {"names": {"title": "A", "title_zh": "甲"}}}, "zh") == ("names",)


def test_words_for_nothing_are_no_fault_but_are_told(folder: Path) -> None:
    config = read(EN + "maps: {gone: A map}\n")
    assert [(place.file, place.path, place.line) for place in config.idle_words] == [("words/en.yaml", "maps.gone", 19)]


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        (
            {"en": EN.replace("cannot_show:", "canot_show:")},
            "words/en.yaml: claims.T1.canot_show (line 10): found unknown key; expected one of the known keys; "
            'fix: did you mean "cannot_show"?',
        ),
        (
            {"en": EN.replace("models:", "model:")},
            "words/en.yaml: model (line 6): found unknown key; expected one of the kinds of words; "
            'fix: did you mean "models"?',
        ),
        (
            {"en": EN.replace("models: {effect: One effect}", "models: {effect: [One effect]}")},
            "words/en.yaml: models.effect (line 6): found a list; expected text, or keys and values",
        ),
        (
            {"en": EN.replace("lever: Lever", "lever:")},
            "words/en.yaml: variables.lever (line 4): found nothing; expected text, or keys and values",
        ),
        (
            {"en": EN + "samples: [x]\n"},
            "words/en.yaml: samples (line 19): found a list; expected keys and values",
        ),
        (
            {"en": EN.replace("  lever: Lever\n", "  lever: Lever\n  log_output: Log\n")},
            "words/en.yaml: variables.log_output (line 5): found words again "
            "(first as variables.log_output.label (line 33) of config.yaml); expected each once; fix: remove one",
        ),
        (
            {"en": EN.replace("unit: village", "unti: village")},
            'words/en.yaml: report.nouns.unti (line 17): found the key "unti"; expected another name of the key',
        ),
        (
            {"words": "wrods"},
            'config.yaml: words (line 66): found "wrods", where no file of words lies; '
            "expected a folder with en.yaml or zh.yaml",
        ),
        ({"words": ["words"]}, "config.yaml: words (line 66): found a list of 1; expected text"),
        ({"en": EN + "  - x\n"}, "words/en.yaml: line 19, column 3: found"),
    ],
)
def test_faults_name_file_and_line(folder: Path, files: dict[str, Any], answer: str) -> None:
    assert any(line.startswith(answer) for line in said(**files)), said(**files)


def test_files_of_another_language_are_refused(folder: Path) -> None:
    Path("words/fr.yaml").write_text("title: Un projet\n", encoding="utf-8")
    assert said() == ['words/fr.yaml: found words in the language "fr"; expected en or zh before .yaml']


def test_words_do_not_decide_whether_a_claim_can_be_tested(folder: Path) -> None:
    silent = EN.replace("    cannot_show", "    untestable: No figures exist\n    cannot_show")
    assert read(silent).hypotheses["T1"].untestable is None
    claims = {"T1": {"expected": "positive", "untestable": True}}
    assert read(silent, hypotheses={}, claims=claims).hypotheses["T1"].untestable == "No figures exist"
    (problem,) = said(hypotheses={}, claims=claims)
    assert problem.startswith("config.yaml: claims.T1.untestable (line ") and "found true; expected text" in problem


@pytest.mark.parametrize(
    "wrong",
    [
        {"report": {"nouns": ["village"]}},
        {"report": {"contrasts": ["They differ."]}},
        {"report": {"contrasts": {"text": "They differ."}}},
        {"report": ["html"]},
        {"variables": ["lever"]},
        {"models": {"effect": None}},
        {"hypotheses": {"T1": {"plain": [1], "benchmarks": [1], "estimand": 1}}},
        {"tables": {"main": {"outcomes": 3, "models": ["effect"]}}},
    ],
)
def test_words_for_what_is_itself_wrong_hide_no_fault(folder: Path, wrong: dict[str, Any]) -> None:
    assert any(f"config.yaml: {next(iter(wrong))}" in problem for problem in said(**wrong))
