"""The report on made-up results: every number has its origin, nothing is typed, words follow the results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from as_written import claims_of
from report_project import Page, config, context, made_up_project
from ruralpanel.claims import scorecard
from ruralpanel.output.report.build import build, compose
from ruralpanel.output.report.context import commands_for, gather
from ruralpanel.output.report.designs import Origins
from ruralpanel.output.report.document import Answers, Bullets, Definitions, Paragraph, parse, plain_text
from ruralpanel.output.report.lookups import lookups
from ruralpanel.output.report.numbers import Found, MissingNumber, Numbers, formatted
from ruralpanel.output.report.sentences import effect_sentence, excluded
from ruralpanel.output.report.texts import FOLDER, Texts, measure_text, noun, short_label, singular
from ruralpanel.project.problems import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return made_up_project(tmp_path / "project")


def prose(text: str) -> str:
    """A template's text without its expressions, statements and comments."""
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", text, flags=re.S)


def entries(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in values.items():
        found |= entries(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_digit_stands_in_the_prose(language: str) -> None:
    texts = entries(yaml.safe_load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8")))
    assert len(texts) > 150
    names = {"SHA-256", "CR2"}  # a name that holds digits is no number
    typed = {
        key: prose(text) for key, text in texts.items() if re.search(r"\d", re.sub("|".join(names), "", prose(text)))
    }
    assert typed == {}


def test_no_digit_stands_in_the_page_template_outside_tags() -> None:
    for template in (WORKFLOW / "report" / "html").glob("*.j2"):
        visible = re.sub(r"<[^>]*>", "", prose(template.read_text(encoding="utf-8")))
        assert not re.search(r"\d", visible), template.name


def test_both_languages_have_the_same_entries_and_ask_for_the_same_numbers() -> None:
    english, chinese = (
        entries(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))) for name in ("en", "zh")
    )
    assert english.keys() == chinese.keys()
    quoted = re.compile(r"""(?:num|n)\((['"])(.+?)\1""")
    for key in english:
        assert {m[1] for m in quoted.findall(english[key])} == {m[1] for m in quoted.findall(chinese[key])}, key


def test_every_quoted_number_is_in_the_results(place: Path) -> None:
    build(context(place), place / "out", ["html"])
    register = json.loads((place / "out" / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    assert len(register) > 80
    checked = 0
    for entry in register:
        path = place / "made_up" / entry["file"]
        if path.suffix != ".json" or "pointer" not in entry:
            continue
        if not path.is_file():
            assert entry["file"] == "config.json"
            path = place / "config.json"
        value: Any = json.loads(path.read_text(encoding="utf-8"))
        for part in entry["pointer"].split("/")[1:]:
            value = value[int(part)] if isinstance(value, list) else value[part]
        assert value == entry["value"], entry
        checked += 1
    assert checked > 60


def test_a_figure_of_a_panel_carries_the_command_that_traces_it(place: Path) -> None:
    build(context(place), place / "out", ["html"])
    register = json.loads((place / "out" / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    cell = next(entry for entry in register if entry["key"] == "cell:made:workers:MU-01:2012")
    assert cell["printed"] == "3,012" and cell["value"] == 3012
    assert cell["trace"] == "python -m ruralpanel trace workers MU-01 2012"


def test_the_page_prints_what_the_register_says(place: Path) -> None:
    build(context(place), place / "out", ["html"])
    page = (place / "out" / "report.html").read_text(encoding="utf-8")
    for entry in json.loads((place / "out" / "numbers.json").read_text(encoding="utf-8"))["numbers"]:
        assert f">{entry['printed']}<" in page, entry


def test_a_number_that_is_missing_names_the_text_and_its_line(place: Path) -> None:
    numbers = Numbers(lookups(context(place)))
    folder = place / "text"
    folder.mkdir()
    (folder / "en.yaml").write_text(
        'first: words\nsecond: "{{ num(\'model:baseline:rods:estimate\') }}"\nthird: "{{ gone }}"\n'
    )
    texts = Texts("en", numbers, folder)
    for key in ("first", "second", "third", "fourth"):
        texts.render(key)
    with pytest.raises(UserError) as caught:
        texts.finish()
    assert [problem.where for problem in caught.value.problems] == [
        "second (line 2)",
        "third (line 3)",
        "fourth (line 1)",
    ]
    assert 'no term "rods"' in caught.value.problems[0].found


def test_a_missing_number_in_the_configurations_own_words_stops_the_report(place: Path) -> None:
    words = {"introduction": 'Nothing: {{ num("cell:made:workers:MU-99:2012", "int") }}'}
    with pytest.raises(UserError, match=r"report\.introduction.*no row for MU-99"):
        build(context(place, report={"formats": ["html"], **words}), place / "out", ["html"])
    assert not (place / "out").exists()


def test_declared_exhibits_without_a_file_are_named_all_at_once(place: Path) -> None:
    (place / "made_up" / "figures" / "outcome.svg").unlink()
    (place / "made_up" / "tables" / "main.json").unlink()
    with pytest.raises(UserError) as caught:
        build(context(place), place / "out", ["html"])
    assert [problem.where for problem in caught.value.problems] == ["figures.outcome", "tables.main"]


@pytest.mark.parametrize(
    "key",
    [
        "model:nothing:n_obs", "model:baseline:nothing", "model:baseline:title", "claim:H9:sign", "count:stars",
        "codebook:made:workers:label", "codebook:made:nobody:mean", "coverage:made:workers:1900", "stars:of",
        "cell:made:workers:MU-01", "setting:title",
    ],
)  # fmt: skip
def test_keys_without_a_number(place: Path, key: str) -> None:
    with pytest.raises(MissingNumber):
        Numbers(lookups(context(place))).find(key)


def test_keys_with_a_number(place: Path) -> None:
    numbers = Numbers(lookups(context(place)))
    assert numbers.value("model:interaction:roads:gap:ci_wild_low") == -0.6
    assert numbers.value("claim:H1:design.ci_high") == 0.66
    assert numbers.value("rule:power") == 0.8
    assert numbers.value("verdicts:cannot tell") == 3
    assert numbers.value("codebook:made:staff:mean") == -3.9
    assert numbers.value("coverage:made:staff:2018") == 0.67
    assert numbers.value("count:findings_undeclared") == 2
    assert numbers.value("setting:seed") == 7
    found = {
        name: numbers.value(f"confirmation:{name}") for name in ("models", "coefficients", "errors", "unconfirmed")
    }
    assert found == {"models": 1, "coefficients": 3, "errors": 3, "unconfirmed": 1}
    assert (numbers.value("confirmation:difference"), numbers.value("confirmation:allowed")) == (2e-13, 1e-6)


def test_the_methods_say_how_far_other_libraries_agree(place: Path) -> None:
    file = place / "made_up" / "models" / "confirmation.csv"
    build(context(place), place / "out", ["html"])
    page = re.sub(r"<[^>]+>", "", (place / "out" / "report.html").read_text(encoding="utf-8"))
    assert "coefficients compared: 3, standard errors: 3." in page and "difference is 2.0e−13" in page
    assert "Models that neither library can estimate: 1;" in page
    rows = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(row for row in rows if not row.startswith("baseline")) + "\n", encoding="utf-8")
    build(context(place, language="zh"), place / "out", ["html"])
    page = (place / "out" / "report.html").read_text(encoding="utf-8")
    assert "两个程序库都不能估计的模型" in page and "重新估计的模型" not in page


@pytest.mark.parametrize(
    ("value", "fmt", "printed"),
    [
        (1234567.0, "int", "1,234,567"), (-12.0, "int", "−12"), (2012, "year", "2012"), (0.0004, "p", "<0.001"),
        (0.034, "p3", "0.034"), (0.12345, "sig3", "0.123"), (-0.5, "abs fixed2", "0.50"), (0.5, "+fixed1", "+0.5"),
        (-0.5, "+fixed1", "−0.5"), (0.0412, "%1", "4.1%"), (-0.0412, "abs %1", "4.1%"), (0.02, "points1", "2.0"),
        (float("-inf"), "sig3", "−∞"), (3839 / 3840, "%0", "99.97%"), (1.0, "%0", "100%"), (0.9941, "%0", "99%"),
    ],
)  # fmt: skip
def test_formats(value: float, fmt: str, printed: str) -> None:
    assert formatted(value, fmt) == printed


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown number format"):
        formatted(1.0, "money")


def test_prose_follows_the_results(place: Path) -> None:
    document, _ = compose(context(place))
    answers = next(block for block in document.blocks() if isinstance(block, Answers))
    said = {item.id: plain_text(item.number) + " " + plain_text(item.meaning) for item in answers.items}
    assert "35% higher than usual for the province and the year (one standard deviation, rounded)" in said["H1"]
    assert "came out 13.4% higher" in said["H1"] and "that the lever causes it is not shown" in said["H1"]
    assert "5.5 more (2.4 more to 8.9 more)" in said["H1"] and "per 1,000 rural residents" in said["H1"]
    assert "compatible with an association of either sign" in said["H2"] and "1.5% lower" in said["H2"]
    assert "without bound to 2.4% lower" in said["H3a"] and "association is negative" in said["H3a"]
    assert "one standard deviation (0.60) larger" in said["H3b"]
    assert said["H4"].strip() == "No design has been declared for it yet."
    assert "leaves zero out" in said["H5"] and "effect" not in said["H1"]
    assert "No trade-off" in said["H6"] and "2.0 percentage points" in said["H6"]
    assert "No dates of implementation" in said["H7"]
    assert (
        "smaller than the benchmark (5.1%, or 2.1 rural manufacturing workers per 1,000 rural residents)" in said["H8"]
    )


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "came out 13.4% higher than without, each against what is usual for the province and the year"),
        ("zh", "为是者与为否者相比"),
    ],
)
@pytest.mark.parametrize(("highest", "measure"), [("1.0", ""), ("2.0", ""), ("1.0", "person")])
def test_what_is_there_or_not_is_never_said_to_be_higher(
    highest: str, measure: str, language: str, told: str, place: Path
) -> None:
    found = context(place, language=language)
    row = found.scorecard.claim("H1")
    assert row is not None and row.design is not None and row.design.plain is not None
    panel = found.panels[row.design.panel]
    codebook = tuple(
        {**variable, "min": "0.0", "max": highest, "measure": measure} if variable["variable"] == row.design.lever
        else variable for variable in panel.codebook
    )  # fmt: skip
    plain = replace(row.design.plain, change="unit", size=1.0, spread="")
    design = replace(row.design, plain=plain)
    found = replace(found, panels={**found.panels, panel.name: replace(panel, codebook=codebook)})
    texts = Texts(language, Numbers(lookups(found)))
    switch = (highest, measure) == ("1.0", "")
    assert (told in plain_text(parse(effect_sentence(found, texts, design, "claim:H1:design")))) == switch
    given = {"en": "as against without", "zh": "为是与为否相比"}[language]
    assert (given in plain_text(parse(excluded(found, texts, design, "claim:H1:design")))) == switch


@pytest.mark.parametrize(("leads", "told"), [([1998], True), ([1997, 1998], False), ([None], False)])
def test_the_only_difference_before_a_policy_is_said_for_what_it_is(
    leads: list[int | None], told: bool, place: Path
) -> None:
    path = place / "made_up" / "models" / "reform.json"
    ends = {"estimate": -0.0123, "std_error": 0.1, "ci_low": -0.2, "ci_high": 0.17}
    before = [{"term": "", "period": period, "event_time": -2, **ends} for period in leads]
    reference = {"term": "", "period": 1999, "event_time": -1, "estimate": 0.0, "std_error": None}
    reform = json.loads(path.read_text(encoding="utf-8")) | {"event_study": [*before, reference]}
    path.write_text(json.dumps(reform), encoding="utf-8")
    document, _ = compose(context(place))
    answers = next(block for block in document.blocks() if isinstance(block, Answers))
    facts = plain_text(next(item.facts for item in answers.items if item.id == "H5"))
    assert ("before the policy, 1998 against 1999: −0.0123 [−0.200, 0.170], which can refute" in facts) == told


def said_through(place: Path, model: str, term: str) -> str:
    """What is said of H2 times another number."""
    values = config(place)
    values["hypotheses"]["H2"]["through"] = [{"model": model, "term": term}]
    rows = scorecard.evaluate(claims_of(values["hypotheses"]), place / "made_up")
    scorecard.write_scorecard(rows, place / "made_up" / "scorecard.csv", place / "made_up" / "scorecard.json")
    document, _ = compose(gather(values, place / "made_up", place, "config.json"))
    answers = next(block for block in document.blocks() if isinstance(block, Answers))
    said = {item.id: plain_text(item.meaning).partition("What it would come to")[2] for item in answers.items}
    assert [name for name, words in said.items() if words] == ["H2"]
    return said["H2"]


def test_a_claim_times_another_number_ranges_over_both_intervals(place: Path) -> None:
    """−.05 [−.6, .44] of H2 times .9 [.4, 1.4], both logarithms: e^−.045 − 1, e^−.84 − 1, e^.616 − 1."""
    said = said_through(place, "between", "electricity")
    assert "−4%" in said and "−57% to +85%)" in said and "with 90% at least" in said and "do not say" in said
    row = json.loads((place / "made_up" / "scorecard.json").read_text(encoding="utf-8"))["claims"][1]["through"][0]
    assert [row["value"], row["low"], row["high"]] == pytest.approx(np.expm1([-0.05 * 0.9, -0.6 * 1.4, 0.44 * 1.4]))


def test_a_product_comes_from_the_other_model_and_the_claim_from_its_own(place: Path) -> None:
    said_through(place, "between", "electricity")
    told = context(place)
    design = told.scorecard.claims[1].design
    assert design is not None and design.model != "between"
    origins = Origins(told, [])
    for part, model in (("through/0/value", "between"), ("design/estimate", design.model), ("p_family", design.model)):
        assert origins.title(Found(0.0, "scorecard.json", f"/claims/1/{part}")) == told.title(model)


def test_an_open_interval_gives_no_range(place: Path) -> None:
    said = said_through(place, "baseline", "roads")
    assert "an interval is open" in said and "do not say" in said


def test_parts_of_a_whole_are_said_in_per_cent(place: Path) -> None:
    gap = json.loads((place / "made_up" / "models" / "between.json").read_text(encoding="utf-8"))
    gap |= {
        "model": "gap",
        "estimator": "decomposition",
        "coefficients": [{**gap["coefficients"][0], "term": "share_x"}],
    }
    (place / "made_up" / "models" / "gap.json").write_text(json.dumps(gap), encoding="utf-8")
    claims = {"H1": {"claim": "a", "estimand": {"model": "gap", "term": "share_x", "label": "share of the gap"}}}
    rows = scorecard.evaluate(claims_of(claims), place / "made_up")
    scorecard.write_scorecard(rows, place / "made_up" / "scorecard.csv", place / "made_up" / "scorecard.json")
    models = {**config(place)["models"], "gap": {}}
    document, _ = compose(context(place, hypotheses=claims, models=models))
    answer = next(block for block in document.blocks() if isinstance(block, Answers)).items[0]
    assert plain_text(answer.number) == "Share of the gap: 90% [40%, 140%]."
    assert answer.place is None  # no smallest effect was declared for it


def test_all_claims_are_listed_with_their_verdict(place: Path) -> None:
    build(context(place), place / "out", ["html"])
    page = Page((place / "out" / "report.html").read_text(encoding="utf-8"))
    ids = page.all("id")
    assert sorted(i for i in ids if i.startswith("claim-")) == sorted(f"claim-{h}" for h in config(place)["hypotheses"])
    assert "Not yet tested" in page.text and "Cannot be tested with these data" in page.text


def test_what_designs_say_differently_is_said_with_the_reason(place: Path) -> None:
    document, _ = compose(context(place))
    section = next(s for s in document.sections if s.id == "differences")
    words = {
        part.id: " ".join(plain_text(b.text) for b in part.blocks if isinstance(b, Paragraph))
        for part in section.sections
    }
    assert "designs contradict each other" in words["differs-h3a"]
    assert "1 above zero, interval and all (“Enterprises 1998”)" in words["differs-h3a"]
    assert "1 below zero, interval and all (“Two-way fixed effects”)" in words["differs-h3a"]
    counted = next(part for part in section.sections if part.id == "outcomes").blocks[0]
    assert isinstance(counted, Definitions)
    assert "Value added of township enterprises" in " ".join(plain_text(words) for _, words in counted.items)
    assert "compare provinces with each other" in words["differs-h1"]
    assert "different years: 2012–2019; 1998" in words["differs-h1"]


def test_another_language(place: Path) -> None:
    document, _ = compose(context(place, language="zh"))
    answers = next(block for block in document.blocks() if isinstance(block, Answers))
    first = next(item for item in answers.items if item.id == "H1")
    assert first.verdict == "支持" and "高 13.4%" in plain_text(first.number)
    assert plain_text(first.claim) == "技术促进农村工业"


def test_words_that_others_said_and_words_of_figures_are_in_the_language_too(place: Path) -> None:
    values = config(place, language="zh")
    values["hypotheses"]["H1"]["benchmarks"][0] |= {"design_zh": "虚构的设计", "finding_zh": "虚构的发现"}
    values["hypotheses"]["H7"]["untestable_zh"] = "没有实施日期。"
    rows = scorecard.evaluate(claims_of(values["hypotheses"]), place / "made_up")
    scorecard.write_scorecard(rows, place / "made_up" / "scorecard.csv", place / "made_up" / "scorecard.json")
    book = place / "made_up" / "panels" / "made" / "codebook.csv"
    table = pd.read_csv(book, dtype=str)
    table["what_it_counts_zh"], table["breaks"], table["breaks_zh"] = "所计之数", "2003: drop", "2003年：剔除"
    table.to_csv(book, index=False)
    build(gather(values, place / "made_up", place, "config.json"), place / "out", ["html"])
    text = (place / "out" / "report.html").read_text(encoding="utf-8")
    for chinese in ("虚构的设计", "虚构的发现", "没有实施日期", "所计之数", "2003年：剔除"):
        assert chinese in text, chinese
    for english in ("an invented finding", "No dates of implementation", "2003: drop"):
        assert english not in text, english


def test_a_project_without_claims_models_or_sidecars_has_a_report(place: Path) -> None:
    bare = {"hypotheses": {}, "models": {}, "tables": {}, "figures": {}, "maps": {}, "report": {}, "corrections": None}
    values = config(place, **bare, sources={"brought": {"adapter": "table", "path": "raw/brought.csv"}})
    scorecard.write_scorecard((), place / "made_up" / "scorecard.csv", place / "made_up" / "scorecard.json")
    build(gather(values, place / "made_up", place, "config.json"), place / "out", ["html", "pdf"])
    assert "Provenance not declared" in (place / "out" / "report.html").read_text(encoding="utf-8")


def test_without_claims_the_first_page_says_what_tables_print(place: Path) -> None:
    """The interval of the bootstrap where a model has one; no count of claims, and no check that nobody declared."""
    file = place / "made_up" / "models" / "baseline.json"
    model = json.loads(file.read_text(encoding="utf-8"))
    model["coefficients"][0] |= {"p_wild": 0.04, "ci_wild_low": 0.123, "ci_wild_high": 0.789}
    file.write_text(json.dumps(model), encoding="utf-8")
    scorecard.write_scorecard((), place / "made_up" / "scorecard.csv", place / "made_up" / "scorecard.json")
    values = config(place, hypotheses={}, control_totals=None)
    whole, _ = compose(gather(values, place / "made_up", place, "config.json"))
    summary = whole.sections[0]
    (first, *_) = next(block.items for block in summary.blocks if isinstance(block, Bullets))
    assert "[0.123, 0.789]" in plain_text(first)
    assert "claim" not in plain_text(whole.subtitle)
    said = [plain_text(block.text) for block in summary.blocks if isinstance(block, Paragraph)]
    checked = next(text for text in said if text.startswith("How they were checked"))
    assert "control totals" not in checked and "their own past" in checked


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Rural electricity per rural resident (log)", "rural electricity per rural resident"),
        ("GDP per head, log", "GDP per head"),
        ("TVE output (log)", "TVE output"),
        ("农村用电（对数）", "农村用电"),
        ("R&D personnel per head (log)", "R&D personnel per head"),
        ("U.S. share", "U.S. share"),
        ("Gini index", "Gini index"),
        ("mRNA", "mRNA"),
        ("PhD graduates", "PhD graduates"),
        ("A/B ratio", "A/B ratio"),
        ("Road-building", "road-building"),
        ("Roads", "roads"),
    ],
)
def test_nouns(label: str, words: str) -> None:
    assert noun(label) == words


def test_short_words() -> None:
    assert short_label("Roads (log) × Gap in 2011 (log electricity)") == "Roads × Gap in 2011"
    assert singular("rural residents") == "rural resident" and singular("counties") == "county"
    assert measure_text("10^8 CNY/km^2") == "10⁸ CNY/km²"


def test_a_backslash_before_a_letter_stands_for_itself() -> None:
    r"""Titles and texts hold ``\alpha``; only before a sign does it take the sign's meaning away."""
    assert plain_text(parse(r"by \alpha and \*not\* `a\b`")) == r"by \alpha and *not* a\b"


def test_commands_are_those_of_the_folder(tmp_path: Path) -> None:
    assert commands_for("config.yaml", WORKFLOW.parent)[0] == "make"
    assert not any("make" in command.split() for command in commands_for("config.yaml", tmp_path))
    assert commands_for("other.yaml", WORKFLOW.parent)[1] == "snakemake --configfile other.yaml"


def test_one_panel_is_no_panels_and_series_of_the_configuration_count(place: Path) -> None:
    values = config(place)
    name = next(iter(values["sources"]))
    values["sources"] = {name: {"adapter": "table", "path": "x.csv", "series": {"a": {}, "b": {}}}}
    values["panels"] = dict([next(iter(values["panels"].items()))])
    build(gather(values, place / "made_up", place, "config.json"), place / "out", ["html"])
    page = re.sub("<[^>]*>|&nbsp;", " ", (place / "out" / "report.html").read_text(encoding="utf-8"))
    front = " ".join(page[page.index("claims,") - 20 :][:400].split())
    assert "1 panel , 2 published series from 1 source" in front.replace("1 panel,", "1 panel ,")


@pytest.mark.parametrize(
    "text", ["{{ ''.__class__.__mro__ }}", "{{ 1 / 0 }}", "{{ nothing }}", "{% for i in range(10 ** 9) %}x{% endfor %}"]
)
def test_a_text_of_the_configuration_can_do_nothing_else(place: Path, text: str) -> None:
    values = config(place)
    values["report"] = {**values.get("report", {}), "introduction": text}
    with pytest.raises(UserError) as refused:
        build(gather(values, place / "made_up", place, "config.json"), place / "out", ["html"])
    assert str(refused.value.of("c.yaml")).startswith("c.yaml: report.introduction: found")
