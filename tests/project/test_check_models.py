"""What `check` refuses of models, claims and outputs before any figure is read: one problem for one mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checked_models import GAP, POLICY, Change, folder, problems_of, put, whole
from ruralpanel.project.check import check
from ruralpanel.project.load import read_config
from ruralpanel.project.periods import date_problems

__all__ = ["folder"]  # fixtures


def test_right_models_pass(folder: Path) -> None:
    assert problems_of(folder, whole()) == ()


def of_model(name: str, **keys: Any) -> Change:
    return lambda config: config["models"][name].update(keys)


def of_all(change: Change) -> Change:
    """A default that models of every kind inherit: only those that take it stay."""

    def changed(config: dict[str, Any]) -> None:
        config["models"] = {f"m{i}": dict(config["models"]["effect"]) for i in range(80)}
        config["hypotheses"], config["tables"], config["figures"] = {}, {}, {}
        change(config)

    return changed


ONE = [
    (of_model("policy", comparison="not_yet"), "models.policy.comparison", "comparison: not_yet with method twfe"),
    (of_model("event", comparison="not_yet"), "models.event.comparison", "method callaway_santanna or stacked"),
    (of_model("policy", method="matched", group_trends=True), "models.policy.group_trends", "with method matched"),
    (of_model("policy", effects=["unit"]), "models.policy.effects", "unit and period for did"),
    (of_model("policy", treatment={"first": 2005}), "models.policy.treatment", "found first; expected units and first"),
    (of_model("policy", treatment={}), "models.policy", 'no "treatment"'),
    (of_model("policy", treatment={**POLICY, "first": 2001}), "models.policy.treatment.first", "no period before it"),
    (of_model("policy", treatment={**POLICY, "first": "2005Q1"}), "models.policy.treatment.first", "expected a year"),
    (of_model("policy", treatment={**POLICY, "first": 2020}), "models.policy.treatment.first", "after the last period"),
    (of_model("policy", treatment={**POLICY, "first_by_unit": "started"}), "models.policy.treatment", "keep one"),
    (
        of_model("policy", treatment={"first_by_unit": "zero"}),
        "models.policy.treatment.first_by_unit",
        "blank: never treated",
    ),
    (
        of_model("policy", treatment={"first_by_unit": "zero"}),
        "models.policy.treatment.first_by_unit",
        "0 for U06, U07, U08, U09 and 11 more",
    ),
    (of_model("event", treatment={"first_by_unit": "late"}), "models.event.treatment.first_by_unit", "9999 for U06"),
    (
        of_model("dated", treatment={"first_by_unit": "word"}),
        "models.dated.treatment.first_by_unit",
        'text attribute "word" (never)',
    ),
    (of_model("policy", method="synthetic", controls=["lever"]), "models.policy.controls", "no controls"),
    (of_model("event", reference=2005), "models.event.reference", "a period before treatment: 2001, 2002, 2003, 2004"),
    (
        of_model("effect", regressors=["lever", "region"]),
        "models.effect.regressors",
        'the text attribute "region" (North, South)',
    ),
    (
        of_model("effect", regressors=["lever", "lever:region"]),
        "models.effect.regressors",
        "an attribute that is a number",
    ),
    (of_model("effect", weights="region"), "models.effect.weights", "text attribute"),
    (of_model("effect", regressors=["lever", "log_output"]), "models.effect.regressors", "the model's own outcome"),
    (of_model("effect", controls=["log_output"]), "models.effect.controls", "the model's own outcome"),
    (of_model("effect", regressors=["lever", "lever:log_output"]), "models.effect.regressors", "made of the outcome"),
    (of_model("two_stage", instruments=["log_output"]), "models.two_stage.instruments", "the model's own outcome"),
    (
        of_model("two_stage", endogenous=["lever", "output"]),
        "models.two_stage.instruments",
        "1 instrument(s) for 2 endogenous",
    ),
    (of_model("two_stage", instruments=["lever"]), "models.two_stage.instruments", '"lever", which is endogenous'),
    (of_model("two_stage", controls=["lever"]), "models.two_stage.endogenous", "each term once"),
    (of_model("two_stage", shares=["other"], shocks=["output"]), "models.two_stage.shares", "1 shares and 1 shocks"),
    (
        of_model("two_stage", method="g2sls", effects=["unit", "period"]),
        "models.two_stage.effects",
        "unit and period with g2sls",
    ),
    (of_model("effect", effects=[]), "models.effect.effects", "at least one of unit, period"),
    (of_model("effect", effects=["unit", "regoin:period"]), "models.effect.effects", 'did you mean "region"?'),
    (of_model("effect", effects=["unit:period"]), "models.effect.effects", "an effect for every row"),
    (of_model("effect", effects=["region:region"]), "models.effect.effects", 'write "region"'),
    (of_model("effect", estimator="pooled", effects=["unit:region"]), "models.effect.effects", "unit:region with"),
    (of_model("effect", estimator="fd", effects=["region"]), "models.effect.effects", "period or attribute:period"),
    (of_model("effect", estimator="fd", effects=["lever:period"]), "models.effect.effects", "differenced away"),
    (of_model("random", effects=["region:period"]), "models.random.effects", "unit effects are random"),
    (of_model("common", effects=["unit", "region:period"]), "models.common.effects", "unit, period, both or none"),
    (of_model("dynamic", effects=["unit", "region"]), "models.dynamic.effects", "region with estimator dynamic_panel"),
    (
        of_model("effect", inference=[{"vcov": "cluster", "by": ["unit", "region:period"]}]),
        "models.effect.inference.by",
        "write by: region, or by: [region, period] for both dimensions",
    ),
    (of_model("common", weights="output"), "models.common.weights", "no weighted form"),
    (of_model("dynamic", collapse=True), "models.dynamic.collapse", "collapse: True with method bias_corrected"),
    (of_model("dynamic", regressor_lags={"leverr": 1}), "models.dynamic.regressor_lags", 'did you mean "lever"?'),
    (
        of_model("dynamic", method="difference_gmm", gmm_lags=[4, 2]),
        "models.dynamic.gmm_lags",
        "first no later than last",
    ),
    (
        of_model("dynamic", method="difference_gmm", predetermined=["lever"], endogenous_regressors=["lever"]),
        "models.dynamic.predetermined",
        "under endogenous_regressors too",
    ),
    (of_model("parts", gap={**GAP, "group": "north"}), "models.parts.gap.group", 'did you mean "North"?'),
    (of_model("parts", gap={**GAP, "reference": "North"}), "models.parts.gap", "held against itself"),
    (
        of_model("product", marginal_effects=[{"of": "lever", "over": "other", "at": ["p250"]}]),
        "models.product.marginal_effects",
        'at: "p250"',
    ),
    (put("defaults", "sample", value="nort"), "", "a name under samples"),
    (of_all(put("defaults", "sample", value="nort")), "defaults.sample", "a name under samples"),
    (of_all(put("defaults", "weights", value="wate")), "defaults.weights", "a variable or an attribute"),
    (of_all(put("defaults", "controls", value=["nothing"])), "defaults.controls", "a variable or an attribute"),
    (of_all(put("defaults", "controls", value=["log_output"])), "defaults.controls", "the model's own outcome"),
    (of_all(put("defaults", "effects", value=[])), "defaults.effects", "at least one of unit, period"),
    (
        of_all(put("defaults", "inference", value=[{"vcov": "cluster", "by": "provinz"}])),
        "defaults.inference.by",
        "provinz",
    ),
    (
        of_all(lambda c: [m.update(regressors=["levr"]) for m in c["models"].values()]),
        "models.m0.regressors",
        "here and in 79 more places",
    ),
    (
        put("hypotheses", "T1", "others", 0, "term", value="levr"),
        "hypotheses.T1.others[0].term",
        'did you mean "lever"?',
    ),
    (
        put("hypotheses", "T1", "others", 1, "term", value="levr"),
        "hypotheses.T1.others[1].term",
        'did you mean "lever"?',
    ),
    (put("hypotheses", "T1", "others", 1, value={"term": "lever"}), "hypotheses.T1.others[1].model", "found no model"),
    (put("hypotheses", "T1", "estimand", value={"model": "product"}), "hypotheses.T1.estimand.term", "found no term"),
    (
        put("hypotheses", "T1", "estimand", value={"model": "product", "marginal": "lever", "at": {"x": 1}}),
        "hypotheses.T1.estimand.marginal",
        "it has lever over other",
    ),
    (
        put("hypotheses", "T1", "estimand", value={"model": "effect", "marginal": "lever"}),
        "hypotheses.T1.estimand.marginal",
        "declare models.effect.marginal_effects",
    ),
    (put("hypotheses", "T1", "estimand", "statistic", value="x"), "hypotheses.T1.estimand", "keep one of them"),
    (put("figures", "effect", "term", value="levr"), "figures.effect.term", "a coefficient of model effect"),
    (
        put("figures", "effect", "term", value={"effekt": "lever", "effect": "lever"}),
        "figures.effect.term.effekt",
        "a model shown here",
    ),
    (put("figures", "event", "models", value=["effect"]), "figures.event", "a model of estimator event_study or did"),
    (put("figures", "along", "model", value="effect"), "figures.along", "declare models.effect.marginal_effects"),
    (put("tables", "gaps", "models", value=["effect"]), "tables.gaps", "cce or decomposition or counterfactual"),
    (put("tables", "comparisons", "models", value=["event"]), "tables.comparisons", "a model of estimator did"),
    (of_model("two_way", weights="output"), "tables.comparisons", '"two_way" with weights'),
    (
        of_model("two_way", group_trends=True, controls=["other"]),
        "tables.comparisons",
        '"two_way" with controls, group_trends; expected a model of method twfe without',
    ),
    (put("tables", "described", "periods", value=[1999]), "tables.described.periods", "2001 to 2008"),
    (put("tables", "described", "by", value="regio"), "tables.described.by", 'did you mean "region"?'),
    (put("tables", "main", "terms", value=["levr"]), "tables.main.terms", "a term of one of the models"),
    (put("tables", "main", "model_labels", value={"x": "y"}), "tables.main.model_labels.x", "a model shown here"),
    (put("units", value="nowhere.csv"), "units", "which does not exist"),
    (of_model("effect", regressors=["lever", "lever"]), "models.effect.regressors", '"lever" twice'),
    (of_model("effect", effects=["unit", "unit"]), "models.effect.effects", '"unit" twice'),
    (put("tables", "main", "models", value=["effect", "effect"]), "tables.main.models", '"effect" twice'),
    (of_model("effect", regressors=["lever", "lag(lever)"]), "models.effect.regressors", "declare it under variables:"),
    (of_model("effect", regressors=["lever", "lever*other"]), "models.effect.regressors", "write a product as a:b"),
    (of_model("effect", regressors=["lever", "lever:"]), "models.effect.regressors", 'found "lever:"'),
    (
        of_model("effect", inference=[{"vcov": "conley", "cutoff": 500}]),
        "models.effect.inference[0].cutoff",
        'did you mean "cutoff_km"?',
    ),
    (of_model("dynamic", outcome_lags=2), "models.dynamic.outcome_lags", "unknown key"),
    (
        of_model("policy", treatment={**POLICY, "units": "region == 'Nort'"}),
        "models.policy.treatment.units",
        'did you mean "North"?',
    ),
    (put("samples", value={"s": {"where": "region in ('Nort', 'South')"}}), "samples.s.where", '"Nort"'),
    (put("figures", "course", value={"type": "series", "variables": ["lever"]}), "figures.course", "found no panel"),
    (
        put("hypotheses", "T1", "others", 0, value={"model": "effect", "statistic": "x"}),
        "hypotheses.T1.others[0].statistic",
        "it has none: name a term",
    ),
    (
        put("hypotheses", "T1", "others", 0, value={"model": "dynamic", "statistic": "long_run:levr"}),
        "hypotheses.T1.others[0].statistic",
        'did you mean "long_run:lever"?',
    ),
    (put("samples", value={"s": {"where": "unit != 'U99'"}}), "samples.s.where", "ids of the units file"),
    (put("samples", value={"s": {"drop_periods": [1950]}}), "samples.s.drop_periods", "a period of one of the panels"),
    (of_model("parts", regressors=["other"]), "models.parts.blocks.a", '"lever", not among regressors'),
    (put("tables", "described", "type", value="coverage"), "tables.described.periods", "a key of type coverage"),
    (
        put("tables", "score", value={"type": "scorecard", "labels": {"a": "b"}}),
        "tables.score.labels",
        "type scorecard",
    ),
    (put("figures", "f", value={"type": "scorecard", "labels": {"a": "b"}}), "figures.f.labels", "type scorecard"),
]


@pytest.mark.parametrize(("change", "where", "words"), ONE)
def test_one_mistake_is_one_problem(folder: Path, change: Change, where: str, words: str) -> None:
    config = whole()
    change(config)
    found = problems_of(folder, config)
    assert len(found) == 1, [str(problem) for problem in found]
    assert where == "" or found[0].where.split(" (line")[0] == where, str(found[0])
    assert words in str(found[0])


def test_terms_of_other_equations_may_be_outcomes(folder: Path) -> None:
    config = whole()
    config["models"]["system"]["equations"] = {"log_output": ["lever", "other"], "other": ["lever"]}
    config["models"]["system"]["regressors"] = ["lever", "other"]
    assert problems_of(folder, config) == ()
    config["models"]["system"]["equations"] = {"log_output": ["lever"], "other": ["lever", "other"]}
    (found,) = problems_of(folder, config)
    assert "the model's own outcome" in found.found


@pytest.mark.parametrize("date", [0, -1, 1, 99, 999, 1111, 3000, 9999, 10000, 2004.5, 1e308, np.inf])
def test_dates_that_are_no_years_are_refused(date: float) -> None:
    (found,) = date_problems({"U1": 2004.0, "U2": float(date), "U3": np.nan}, range(2001, 2009), "c.yaml", "m")
    assert "U2" in found.found and found.expected == "a year from 1901 to 2108; blank: never treated"


def test_dates_before_and_after_the_panel_are_years() -> None:
    assert not list(date_problems({"U1": 1950.0, "U2": 2030.0, "U3": np.nan}, range(2001, 2009), "c.yaml", "m"))


def test_the_shipped_configuration_passes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert check(read_config("config.yaml")) == ()


@pytest.mark.parametrize("name", ["unit", "period", "and", "in", "not", "or"])
def test_words_of_formulas_are_no_names(folder: Path, name: str) -> None:
    config = whole()
    config["variables"][name] = {"formula": "lever * 2"}
    (found,) = problems_of(folder, config)
    assert found.where.startswith(f"variables.{name}") and "meaning of its own" in found.found
