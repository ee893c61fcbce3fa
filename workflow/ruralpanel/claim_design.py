"""What one model says of a claim: its number, δ, the detectable effect, plain units, diagnostics."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ruralpanel import verdicts
from ruralpanel.contracts.problems import CONFIGURATION
from ruralpanel.estimands import Estimand, find_estimand
from ruralpanel.plain_effects import PlainEffect, VariableStats, plain_effect
from ruralpanel.verdicts import Diagnostic

Statistics = Mapping[str, Mapping[str, VariableStats]]  # panel → variable → its codebook row

#: Tests that can refute a design, by estimator: name of the test → what it must show.
DIAGNOSTICS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "event_study": {"pretrend": {"p_above": 0.05}},
    "did": {"pretrend": {"p_above": 0.05}},
    "dynamic_panel": {"ar2": {"p_above": 0.05}, "hansen": {"p_above": 0.05}},
    "iv": {"effective_f": {"statistic_above": 10.0}},
}
_DERIVED = frozenset({"decomposition", "counterfactual"})  # their terms are shares and differences, not slopes
_ASIDE = re.compile(r"\s*[(（][^()（）]*[)）]$")  # "(log)" at the end of a label
_DESIGN_BASED = frozenset({"iv", "event_study", "did"})
_LOG_LINEAR = frozenset({"ppml"})  # coefficients are changes of the logarithm of an outcome in levels
_NO_INSTRUMENTS = frozenset({"bias_corrected"})  # dynamic-panel methods that make no use of instruments


@dataclass(frozen=True)
class Design:
    """One design's number for a claim.

    Attributes
    ----------
    lever : the variable (or interaction) that the number is the effect of.
    evidence : ``within`` units, ``between`` units, ``mixed`` or ``policy``.
    causal : whether the design, with its diagnostics passed, claims an effect; else the number is an association.
    delta : smallest effect that matters, in units of the coefficient; `delta_per` : the change of the lever it is for.
    in_delta, in_delta_low, in_delta_high : estimate and interval in multiples of δ, in the coefficient's own direction.
    has_interval : False where the design gives none (the bounds are NaN then, null in JSON); where it is True a bound
        that JSON shows as null is infinite.
    detectable : smallest effect detectable at 80 % power.
    file, pointer : where the number stands.
    """

    model: str
    title: str
    label: str
    estimator: str
    evidence: str
    causal: bool
    panel: str
    outcome: str
    outcome_label: str
    outcome_label_zh: str
    term: str
    lever: str
    term_label: str
    term_label_zh: str
    estimate: float
    std_error: float | None
    ci_low: float
    ci_high: float
    p_value: float | None
    interval: str
    has_interval: bool
    delta: float | None
    delta_per: str
    in_delta: float | None
    in_delta_low: float | None
    in_delta_high: float | None
    detectable: float | None
    n_obs: int
    n_units: int
    n_periods: int
    plain: PlainEffect | None
    diagnostics: tuple[Diagnostic, ...]
    file: str
    pointer: str


def describe(
    model: Mapping[str, Any],
    estimand: Mapping[str, Any],
    claim: Mapping[str, Any],
    statistics: Statistics,
    config: str = CONFIGURATION,
    where: str = "hypotheses",
) -> Design:
    """What one model says of a claim: number, interval, δ, detectable effect, plain units, diagnostics.

    Raises
    ------
    UserError
        The model has no such term, marginal effect or statistic.
    """
    number = find_estimand(model, estimand, config, where)
    panel = str(model.get("panel", ""))
    outcome_name = str(model["outcome"]) if isinstance(model["outcome"], str) else str(model["outcome"][0])
    variables = _in_sample(model, statistics.get(panel, {}), outcome_name)
    estimator = str(model["estimator"])
    outcome = variables[outcome_name]
    if estimator in _LOG_LINEAR:
        # the spread of the outcome's logarithm is not known, nor its mean
        outcome = replace(outcome, formula=f"log({outcome_name})", sd=None, mean=None)
    derived = estimator in _DERIVED or "statistic" in estimand
    outcome_sd = None if derived else outcome.sd
    delta, per = smallest_effect(claim.get("smallest_effect") or {}, outcome_sd, number.lever, variables)
    diagnostics = _diagnostics(model, claim)
    detectable = _detectable(number)
    in_delta = [_ratio(x, delta) for x in (number.estimate, number.ci_low, number.ci_high)]
    label = str(estimand.get("label") or "")
    return Design(
        model=str(model["model"]),
        title=str(model.get("title") or model["model"]),
        label=label,
        estimator=estimator,
        evidence=evidence_kind(model),
        causal=estimator in _DESIGN_BASED and bool(diagnostics) and all(d.passed for d in diagnostics),
        panel=panel,
        outcome=outcome_name,
        outcome_label=_outcome_label(model, estimand, outcome_name, variables, "label"),
        outcome_label_zh=_outcome_label(model, estimand, outcome_name, variables, "label_zh"),
        term=number.term,
        lever=number.lever,
        term_label=label or _term_label(number, estimand, variables, "label"),
        term_label_zh=str(estimand.get("label_zh") or label) or _term_label(number, estimand, variables, "label_zh"),
        estimate=number.estimate,
        std_error=number.std_error,
        ci_low=number.ci_low,
        ci_high=number.ci_high,
        p_value=number.p_value_used,
        interval=number.interval,
        has_interval=number.has_interval,
        delta=delta,
        delta_per=per,
        in_delta=in_delta[0],
        in_delta_low=in_delta[1],
        in_delta_high=in_delta[2],
        detectable=detectable,
        n_obs=int(model["n_obs"]),
        n_units=int(model["n_units"]),
        n_periods=int(model["n_periods"]),
        # a share or a gap closed is in plain units already
        plain=None if derived else _plain(number, outcome, variables, claim, delta, detectable),
        diagnostics=diagnostics,
        file=f"models/{model['model']}.json",
        pointer=number.pointer,
    )


def smallest_effect(
    declared: Mapping[str, Any], outcome_sd: float | None, lever: str, spreads: Mapping[str, VariableStats]
) -> tuple[float | None, str]:
    """δ in units of the coefficient, and the change of the lever that it is for (``declared`` where given outright).

    ``share × sd(outcome) / sd(lever)``. The lever's standard deviation is taken within units (over all rows for what
    does not change over time, and between units); for an interaction a:m the within one of a times that of m over all
    rows, which, unlike the spread of the product, does not depend on where m is measured from. None where the outcome's
    is unknown.

    Parameters
    ----------
    declared : a claim's ``smallest_effect``. outcome_sd : standard deviation of the outcome in the model's sample.
    spreads : standard deviations of the lever's factors, by name; factors without any count per unit.
    """
    if declared.get("value") is not None:
        return float(declared["value"]), "declared"
    share = float(declared.get("sd_of_outcome", verdicts.SD_OF_OUTCOME))
    per = str(declared.get("per", "within_sd"))
    if not outcome_sd:
        return None, per
    step, used = 1.0, "unit"
    for position, factor in enumerate(lever.split(":")):
        stats = spreads.get(factor)
        if per == "unit" or stats is None:
            continue
        size, kind = (stats.sd, "sd") if per == "sd" or position else stats.spread
        if size:
            step *= size
            used = kind if used == "unit" else used
    return share * outcome_sd / step, used


def _in_sample(
    model: Mapping[str, Any], variables: Mapping[str, VariableStats], outcome: str
) -> dict[str, VariableStats]:
    """The panel's variables with the spreads of the model's own sample, where its results state them.

    Between units a lever is not moved by what it varies over time: its standard deviation within units is left out.
    """
    between = evidence_kind(model) == "between"
    found = {name: replace(stats, sd_within=None) if between else stats for name, stats in variables.items()}
    for row in model["coefficients"]:
        term = str(row["term"])
        if ":" not in term and row.get("sd") is not None:
            known = found.get(term, VariableStats(term))
            found[term] = replace(known, sd=row["sd"], sd_within=None if between else row.get("sd_within"))
    fit: Mapping[str, Any] = model.get("fit") or {}
    known = found.get(outcome, VariableStats(outcome))
    if fit.get("outcome_sd") is not None:
        known = replace(known, sd=fit["outcome_sd"], sd_within=fit.get("outcome_sd_within"))
    found[outcome] = known if fit.get("outcome_mean") is None else replace(known, mean=fit["outcome_mean"])
    return found


def evidence_kind(model: Mapping[str, Any]) -> str:
    """``within`` units over time, ``between`` units, ``mixed``, or ``policy`` (a change that some units underwent)."""
    estimator = str(model["estimator"])
    if estimator in ("event_study", "did"):
        return "policy"
    if estimator in ("between", "decomposition") or int(model["n_periods"]) == 1:
        return "between"
    effects = model.get("effects") or (model.get("spec") or {}).get("effects") or ()
    if estimator in ("fd", "cce", "dynamic_panel") or (estimator != "pooled" and "unit" in effects):
        return "within"
    return "mixed"


def _diagnostics(model: Mapping[str, Any], claim: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    method = str((model.get("spec") or {}).get("method", ""))
    asked: Mapping[str, Mapping[str, float]] = (
        {} if method in _NO_INSTRUMENTS else DIAGNOSTICS.get(str(model["estimator"]), {})
    )
    asked = {**asked, **(claim.get("diagnostics") or {})}
    tests: Mapping[str, Mapping[str, Any]] = model.get("tests") or {}
    found = []
    for name, rule in asked.items():
        test = next((value for key, value in tests.items() if _plain_name(key).startswith(_plain_name(name))), None)
        key, shown = ("p_value", "p") if "p_above" in rule else ("statistic", "statistic")
        value = None if test is None else test.get(key)
        if value is None:
            found.append(Diagnostic(name, None))
            continue
        bound = rule["p_above"] if "p_above" in rule else rule["statistic_above"]
        found.append(Diagnostic(name, float(value) > float(bound), f"{shown} = {value:.3g}, must exceed {bound:g}"))
    return tuple(found)


def _plain_name(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _plain(
    number: Estimand,
    outcome: VariableStats,
    variables: Mapping[str, VariableStats],
    claim: Mapping[str, Any],
    delta: float | None,
    detectable: float | None,
) -> PlainEffect | None:
    interval = (number.estimate, number.ci_low, number.ci_high)
    return plain_effect(interval, outcome, number.lever, variables, claim.get("plain"), delta, detectable)


def _detectable(number: Estimand) -> float | None:
    if number.std_error is None or number.df is None:
        return None
    return verdicts.smallest_detectable(number.std_error, number.df)


def _ratio(value: float, delta: float | None) -> float | None:
    return None if delta is None or math.isnan(value) else value / delta


def _term_label(
    number: Estimand, estimand: Mapping[str, Any], variables: Mapping[str, VariableStats], attribute: str
) -> str:
    label = " × ".join(_label(part, variables, attribute) for part in number.lever.split(":"))
    over = (estimand.get("at") or {}).items()
    places = [f"{_ASIDE.sub('', _label(name, variables, attribute))}: {at}" for name, at in over]
    return f"{_ASIDE.sub('', label)} ({'; '.join(places)})" if places else label


def _outcome_label(
    model: Mapping[str, Any], estimand: Mapping[str, Any], outcome: str, variables: Mapping[str, VariableStats], by: str
) -> str:
    """The outcome's label; of a statistic of several outcomes those of all, without asides."""
    statistic = (model.get("statistics") or {}).get(str(estimand.get("statistic", ""))) or {}
    names = [str(name) for name in statistic.get("outcomes") or ()]
    if names:
        return "; ".join(_ASIDE.sub("", _label(name, variables, by)) for name in names)
    return _label(outcome, variables, by)


def _label(name: str, variables: Mapping[str, VariableStats], by: str) -> str:
    stats = variables.get(name)
    return ("" if stats is None else getattr(stats, by) or stats.label) or _readable(name)


def _readable(name: str) -> str:
    return name.replace("_", " ")
