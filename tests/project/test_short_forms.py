"""Short forms come to the same as the long ones, and what is wrong with them is told where it is written."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import SHORT_SOURCES, make_tiny, tiny_config
from ruralpanel.project.jobs import open_project
from ruralpanel.project.kinds.tables import Compared
from ruralpanel.project.load import Config, read_config
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.configuration import Estimand

SHORT = (
    """title: A made-up project
units: units.csv
"""
    + SHORT_SOURCES
    + """variables:
  log_output: {formula: log(output / 1000), label: Output (log)}
errors:
  cr1: {vcov: cluster, by: unit, small_sample: CR1, critical: t}
  wild: {bootstrap: wild_cluster, by: unit, draws: 999, interval: true}
defaults: {inference: [cr1, wild]}
presets:
  first: {estimator: fe, outcome: log_output, weights: lever}
  within: {like: first, regressors: [lever], marginal_effects: [{of: lever, over: lever}]}
models:
  effect: {like: within, marginal_effects: null, weights: null}
claims:
  T1: {claim: The lever raises output, number: "effect[lever]", expected: positive}
"""
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_tiny(tmp_path))
    return tmp_path


def read(text: str) -> Config:
    Path("config.yaml").write_text(text, encoding="utf-8")
    return open_project()


def changed(old: str, new: str, text: str = SHORT) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "place", "fix"),
    [
        ("errors:", "erors:", "erors (line ", '"errors"'),
        ("presets:", "presetz:", "presetz (line ", '"presets"'),
        ("claims:", "clams:", "clams (line ", '"claims"'),
        ("estimator: fe", "estimater: fe", "presets.first.estimater (line ", '"estimator"'),
        ("weights: null}", "weights: null, panell: p}", "models.effect.panell (line ", '"panel"'),
    ],
)
def test_a_misspelt_key_is_one_mistake(folder: Path, old: str, new: str, place: str, fix: str) -> None:
    """Nothing is said of the key that lacks for it, nor of what would stand below it."""
    with pytest.raises(UserError) as error:
        read(changed(old, new))
    (problem,) = error.value.problems
    assert problem.where.startswith(place) and problem.found == "unknown key" and fix in problem.fix


def test_a_mistake_in_a_preset_is_one_whatever_its_models_have_themselves(folder: Path) -> None:
    text = changed("models:\n", "models:\n  other: {like: within, estimator: pooled}\n")
    with pytest.raises(UserError) as error:
        read(changed("first: {estimator: fe", "first: {estimater: fe", text))
    (problem,) = error.value.problems
    assert problem.where.endswith("for models.other, models.effect")  # in their order
    assert problem.fix == 'did you mean "estimator"?'


def test_both_forms_come_to_the_same(folder: Path) -> None:
    long: Any = tiny_config()
    kept = {key: value for key, value in long.items() if key not in ("tables", "figures", "maps", "report", "checks")}
    Path("long.yaml").write_text(yaml.safe_dump(kept, sort_keys=False), encoding="utf-8")
    short, long = read(SHORT), read_config("long.yaml")
    assert short.models["effect"].weights is None
    assert {**short.resolved["models"]["effect"], "weights": None} == {
        **long.resolved["models"]["effect"],
        "weights": None,
    }
    for section in ("panels", "variables", "defaults", "hypotheses", "sources"):
        assert short.resolved[section] == long.resolved[section], section
    assert short.variables == long.variables and short.panels == long.panels
    assert short.models["effect"].inference == long.models["effect"].inference


def test_null_is_a_value_of_weights_and_takes_other_keys_away(folder: Path) -> None:
    config = read(SHORT + "samples: {late: {drop_periods: [2001]}}\n")
    assert "marginal_effects" not in config.resolved["models"]["effect"]
    weighted = read(
        changed(", weights: null", "").replace("inference: [cr1, wild]", "inference: [cr1, wild], weights: lever")
    )
    assert weighted.models["effect"].weights == "lever"
    without = read(changed("inference: [cr1, wild]", "inference: [cr1, wild], weights: lever"))
    assert without.models["effect"].weights is None


def test_a_model_names_settings_and_may_spell_them_out(folder: Path) -> None:
    text = changed("marginal_effects: null,", "marginal_effects: null, inference: [wild, {vcov: cluster, by: period}],")
    methods = [(s.method, *s.clusters) for s in read(text).models["effect"].inference]
    assert methods == [("wild_cluster", "unit"), ("cluster", "period")]


def test_panels_are_a_span_a_list_or_spelt_out(folder: Path) -> None:
    spans = {
        "2001-2003": (2001, 2002, 2003),
        "2001–2002": (2001, 2002),
        "[2001, 2002, 2004]": (2001, 2002, 2004),
        "{periods: 2001-2002, by: observation}": (2001, 2002),
        "{periods: [2002, 2003]}": (2002, 2003),
        "{periods: {first: 2001, last: 2002}}": (2001, 2002),
    }
    for written, periods in spans.items():
        assert read(changed("main: 2001-2008", f"main: {written}")).panels["main"].periods == periods


def test_other_designs_and_statistics_of_claims(folder: Path) -> None:
    text = changed(
        "models:\n",
        "models:\n  joint: {estimator: sur, outcome: [log_output, output], regressors: [lever], inference: [cr1]}\n",
    )
    others = 'others:\n  T1: ["joint[statistic residual_correlation]", {model: effect, term: lever, label: again}]\n'
    claim = read(text + others).hypotheses["T1"]
    assert claim.estimand == Estimand(model="effect", term="lever")
    assert claim.others == (
        Estimand(model="joint", statistic="residual_correlation"),
        Estimand(model="effect", term="lever", label="again"),
    )


def test_curves_share_what_they_do_not_say(folder: Path) -> None:
    text = SHORT + (
        "curve_defaults: {panel: main, outcome: [log_output], lags: [0, 1], expected: positive}\n"
        "curves:\n  one: {term: lever}\n  two: {term: lever, expected: null, lags: [0]}\n"
    )
    curves = read(text).specification_curves
    assert (curves["one"].lags, curves["one"].expected) == ((0, 1), "positive")
    assert (curves["two"].lags, curves["two"].expected) == ((0,), "two_sided")


def test_outcomes_of_a_table_by_panel_variable_and_year(folder: Path) -> None:
    text = SHORT + "tables: {v: {type: validity, outcomes: [main.log_output.2001, main.lever.2002]}}\n"
    first = Compared(panel="main", variable="log_output", period=2001)
    assert read(text).tables["v"].options.get("outcomes")[0] == first


MODEL = "  effect: {like: within, marginal_effects: null, weights: null}\n"
FAULTS = {
    "a name that no setting has": (
        changed("inference: [cr1, wild]", "inference: [cr1, wlid]"),
        [
            'config.yaml: defaults.inference[1] (line 20): found "wlid"; expected a name under errors, or a setting '
            'such as {vcov: cluster, by: unit}; fix: did you mean "wild"?'
        ],
    ),
    "a wrong key of a named setting": (
        changed("draws: 999", "drows: 999"),
        [
            "config.yaml: errors.wild.drows (line 19): found unknown key; expected one of the known keys; "
            'fix: did you mean "draws"?'
        ],
    ),
    "wrong keys of what nothing takes over": (
        changed("defaults: {", "  off: {vcov: hc, by: unit}\ncurve_defaults: {panl: main}\ndefaults: {").replace(
            "presets:\n", "presets:\n  idle: {titel: T, inference: [cr1, {vcov: hc, knd: HC1}]}\n"
        ),
        [
            "config.yaml: presets.idle.titel (line 24): found unknown key; expected one of the known keys; "
            'fix: did you mean "title" or "title_zh"?',
            "config.yaml: presets.idle.inference[1].knd (line 24): found unknown key; expected one of the known keys; "
            'fix: did you mean "kind"?',
            "config.yaml: curve_defaults.panl (line 21): found unknown key; expected one of the known keys; "
            'fix: did you mean "panel"?',
            'config.yaml: errors.off.by (line 20): found "by" with method hc; expected keys of hc: kind, critical; '
            "fix: one of kind, critical",
        ],
    ),
    "an overridden key of a preset": (
        changed("presets:\n  first: {", "presets:\n  first: {regressors: lever, "),
        [
            'config.yaml: presets.first.regressors (line 22): found "lever"; expected a list '
            "(Variables and interactions a:b)"
        ],
    ),
    "like in a curve and in what curves share": (
        changed(
            "presets:\n",
            "curve_defaults: {like: x}\ncurves: {a: {like: x, panel: main, term: lever, outcome: [lever]}}\npresets:\n",
        ),
        [
            "config.yaml: curves.a.like (line 22): found unknown key; expected one of the known keys; fix: one of "
            "measures, moderator, controls, samples, lags, effects, weights, expected, smallest_effect, permutations",
            "config.yaml: curve_defaults.like (line 21): found unknown key; expected one of the known keys; "
            "fix: take it out",
        ],
    ),
    "an outcome without its year": (
        changed("presets:\n", "tables: {t: {type: validity, outcomes: [main.lever.20]}}\npresets:\n"),
        [
            'config.yaml: tables.t.outcomes[0] (line 21): found "main.lever.20"; expected a panel, a variable and a '
            "period, such as provinces.rural_industry.2012"
        ],
    ),
    "text that is no period": (
        changed("{main: 2001-2008}", "{main: [2001, 2002Q5]}"),
        [
            'config.yaml: panels.main[1] (line 11): found "2002Q5"; expected a whole number or a year, a quarter as '
            "2012Q3 or a month as 2012-07"
        ],
    ),
    "a preset without keys": (
        changed("presets:\n", "presets:\n  bare: [fe]\n").replace("like: within, marg", "like: bare, marg"),
        ["config.yaml: presets.bare (line 22): found a list of 1; expected keys and values"],
    ),
    "years and quarters in a span": (
        changed("{main: 2001-2008}", "{main: 2001Q1-2008}"),
        [
            "config.yaml: panels.main (line 11): found quarters and years; expected periods of one kind: years, "
            "quarters or months; fix: make a panel of each"
        ],
    ),
    "a preset that nothing declares": (
        changed("effect: {like: within, ", "effect: {like: wihtin, "),
        [
            'config.yaml: models.effect.like (line 25): found "wihtin"; expected a name under presets; '
            'fix: did you mean "within"?'
        ],
    ),
    "a model as a preset": (
        changed(MODEL, MODEL + "  other: {like: effect}\n"),
        [
            'config.yaml: models.other.like (line 26): found "effect"; expected a name under presets; '
            "fix: effect is a model: put what the two share under presets"
        ],
    ),
    "presets in a circle": (
        changed("first: {estimator", "first: {like: within, estimator"),
        [
            "config.yaml: presets.first.like (line 22): found the circle first → within → first; "
            "expected presets that end somewhere; fix: take one like out"
        ],
    ),
    "a preset like itself": (
        changed("within: {like: first", "within: {like: within"),
        [
            "config.yaml: presets.within.like (line 23): found the circle within → within; "
            "expected presets that end somewhere; fix: take one like out"
        ],
    ),
    "null for a key that no preset has": (
        changed("marginal_effects: null", "marginal_efects: null"),
        [
            "config.yaml: models.effect.marginal_efects (line 25): found null, which takes nothing away; "
            'expected a key of within; fix: did you mean "marginal_effects"?'
        ],
    ),
    "a wrong key of a preset, told once for all its models": (
        changed("outcome: log_output", "outcome: log_outptu").replace(MODEL, MODEL + MODEL.replace("effect:", "b:")),
        [
            "config.yaml: presets.first.outcome (line 22), for models.effect, models.b: "
            'found "log_outptu"; expected a variable or an attribute of the units; '
            'fix: did you mean "log_output" or "output"?'
        ],
    ),
    "a source without its series": (
        changed("made_up.lever", "made_up"),
        [
            'config.yaml: series.lever.from (line 14): found "made_up"; expected a source and one of its series, such '
            "as nbs_annual.highway_length; fix: name a series: made_up.…"
        ],
    ),
    "a source that nothing declares": (
        changed("made_up.lever", "mad_up.lever"),
        [
            'config.yaml: series.lever.from (line 14): found "mad_up"; expected a name under sources; '
            'fix: did you mean "made_up"?'
        ],
    ),
    "a series that the source has not": (
        changed("made_up.lever", "made_up.levr"),
        [
            'config.yaml: series.lever.from (line 14): found "levr"; expected a series of source made_up; '
            'fix: did you mean "lever"?'
        ],
    ),
    "a measure that does not convert": (
        changed("in: share", "in: km"),
        [
            "config.yaml: series.lever.in (line 14): found share (share); expected a measure that converts to km (km); "
            "fix: correct the measure, or derive the variable by a formula"
        ],
    ),
    "an unknown key of a series": (
        changed("in: CNY", "inn: CNY"),
        [
            "config.yaml: series.output.inn (line 13): found unknown key; expected one of the known keys; "
            'fix: did you mean "in"?'
        ],
    ),
    "a series from nowhere": (
        changed("from: made_up.lever, ", ""),
        [
            "config.yaml: series.lever.from (line 14): found nothing; expected A source and one of its series: "
            "nbs_annual.highway_length; fix: add `from:`"
        ],
    ),
    "a span in words": (
        changed("main: 2001-2008", "main: 2001 to 2008"),
        [
            'config.yaml: panels.main (line 11): found "2001 to 2008"; expected a span of years such as 2012-2019, or '
            "a list such as [1998, 2003]"
        ],
    ),
    "a single year": (
        changed("main: 2001-2008", "main: 2001"),
        [
            "config.yaml: panels.main (line 11): found 2001; expected a span of years such as 2012-2019, or a list "
            "such as [1998, 2003]; fix: write [2001]"
        ],
    ),
    "a span written backwards": (
        changed("main: 2001-2008", "main: 2008-2001"),
        [
            "config.yaml: panels.main (line 11): found 2008 to 2001; expected first no later than last; "
            "fix: exchange the two"
        ],
    ),
    "a number in another form": (
        changed("effect[lever]", "effect.lever"),
        [
            'config.yaml: claims.T1.number (line 27): found "effect.lever"; expected a model and its term, such as '
            '"baseline[electricity]" or "joint[statistic residual_correlation]"'
        ],
    ),
    "a number of a model that nothing declares": (
        changed("effect[lever]", "efect[lever]"),
        [
            'config.yaml: claims.T1.number (line 27): found "efect"; expected a name under models; '
            'fix: did you mean "effect"?'
        ],
    ),
    "other designs of a claim that nothing declares": (
        SHORT + 'others: {T2: ["effect[lever]"]}\n',
        ['config.yaml: others.T2 (line 28): found "T2"; expected a name under claims; fix: one of T1'],
    ),
    "a term that the other design has not": (
        SHORT + 'others: {T1: ["effect[lever]", "effect[levr]"]}\n',
        [
            'config.yaml: others.T1[1] (line 28): found "levr"; expected a coefficient of model effect; '
            'fix: did you mean "lever"?'
        ],
    ),
    "a claim in both forms": (
        SHORT + "hypotheses: {T1: {claim: Again}}\n",
        [
            "config.yaml: claims.T1 (line 27): found the key again (first as hypotheses.T1 in config.yaml, line 28); "
            "expected each key once; fix: remove or rename one"
        ],
    ),
    "series as a list": (
        changed(
            "  output: {from: made_up.output, in: CNY}\n  lever: {from: made_up.lever, in: share}\n", "  - output\n"
        ),
        [
            "config.yaml: series (line 12): found a list of 1; expected keys and values (Published series as columns; "
            "to swap a source, change `from`)"
        ],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_once_where_it_is_written(folder: Path, fault: str) -> None:
    text, answers = FAULTS[fault]
    with pytest.raises(UserError) as raised:
        read(text)
    assert [str(problem) for problem in raised.value.problems] == answers


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in plain values below the top."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*above, key)
        yield from paths(value[key], (*above, key))


@pytest.mark.slow
def test_odd_values_anywhere_are_refused_in_words_or_heard(folder: Path) -> None:
    more = {
        "others": {"T1": [{"model": "effect", "term": "lever", "label": "again"}]},
        "curve_defaults": {"panel": "main", "outcome": ["log_output"]},
        "curves": {"one": {"term": "lever"}},
        "tables": {"v": {"type": "validity", "outcomes": ["main.lever.2001", "main.output.2002"]}},
    }
    whole = yaml.safe_load(SHORT) | more
    odd = (None, [], {}, 3, True, "x", "a.b", "a[b]", [{"x": 1}], {"x": {"y": [1]}}, [["x"]], "2001-1999")
    cases = [(path, value) for path in paths(whole) if path[0] != "sources" for value in odd]
    refused = 0
    for path, value in random.Random(20120126).sample(cases, 150):
        values = copy.deepcopy(whole)
        holder = values
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value
        try:
            read(yaml.safe_dump(values, sort_keys=False))
        except UserError as error:
            refused += 1
            assert all(problem.file and problem.found and problem.expected for problem in error.problems)
    assert refused > 100


def test_other_faults_are_told_beside_those_of_short_forms(folder: Path) -> None:
    text = changed("effect: {like: within, ", "effect: {like: wihtin, ").replace(
        "title: A made", "language: fr\ntitle: A made"
    )
    with pytest.raises(UserError) as raised:
        read(text)
    assert {problem.where for problem in raised.value.problems} == {"models.effect.like (line 26)", "language (line 1)"}
