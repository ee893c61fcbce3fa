"""What one model says of a claim: its number, δ, the detectable effect, plain units, diagnostics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ruralpanel.claims import verdicts
from ruralpanel.claims.numbers import Estimand, PlainEffect, VariableStats, find_estimand, plain_effect
from ruralpanel.claims.verdicts import Diagnostic
from ruralpanel.estimate.inference.detectable import error_of_interval, smallest_detectable
from ruralpanel.project.effects import involving
from ruralpanel.project.expressions import log_of
from ruralpanel.project.kinds.estimators import BETWEEN, ESTIMATORS, MIXED, POLICY, WITHIN, removed_effects
from ruralpanel.project.kinds.inference import WILD
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION

Statistics = Mapping[str, Mapping[str, VariableStats]]  # panel → variable → how it varies
Powers = Mapping[tuple[str, str], float | None]  # (model, number) → effect found with 80 % power, where it is simulated


@dataclass(frozen=True)
class ClaimEstimate:
    """What one design estimates for a claim: its number, with all that a verdict needs.

    Attributes
    ----------
    label, label_zh : what the claim calls the number; empty where it leaves that to the variables' labels.
    outcomes : of a statistic of several outcomes all of them, else the one.
    lever : the variable (or interaction) that the number is the effect of. at : where a marginal effect is evaluated.
    evidence : ``within`` units, ``between`` units, ``mixed`` or ``policy``.
    causal : whether the design, with its diagnostics passed, claims an effect; else the number is an association.
    delta : smallest effect that matters, in units of the coefficient; `delta_per` : the change of the lever it is for.
    in_delta, in_delta_low, in_delta_high : estimate and interval in multiples of δ, in the coefficient's own direction.
    has_interval : False where the design gives none: the bounds are NaN then, null in JSON, where ``-inf`` and ``inf``
        are bounds too.
    detectable : smallest effect detectable at 80 % power by the interval that decides; `detectable_by` : ``simulation``
        of that interval, or ``length``, the error that an interval so long stands for; empty where there is none.
    overrides : refusals that the model's ``allow`` set aside.
    file, pointer : where the number stands.
    """

    model: str
    label: str
    label_zh: str
    estimator: str
    evidence: str
    causal: bool
    panel: str
    outcome: str
    outcomes: tuple[str, ...]
    term: str
    lever: str
    at: Mapping[str, Any]
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
    detectable_by: str
    n_obs: int
    n_units: int
    n_periods: int
    plain: PlainEffect | None
    overrides: tuple[Note, ...]
    diagnostics: tuple[Diagnostic, ...]
    file: str
    pointer: str


@dataclass(frozen=True)
class Product:
    """A claim's number times that of another design: what it would come to if both were effects.

    Attributes
    ----------
    model, panel, outcomes, term : of the other design.
    relative : whether its outcome is a logarithm; the numbers are then changes by that share.
    low, high : the extremes of the products of both intervals' ends; None where one of these is open. Of intervals that
        hold what they should with probability p, whatever their dependence, such a range holds it with 2p − 1 at least.
    """

    model: str
    panel: str
    outcomes: tuple[str, ...]
    term: str
    relative: bool
    value: float
    low: float | None
    high: float | None


def product(own: ClaimEstimate, other: ClaimEstimate) -> Product:
    """`own` times `other`, as a change of the latter's outcome."""
    relative = other.plain is not None and other.plain.effect == "relative"
    ends = [a * b for a in (own.ci_low, own.ci_high) for b in (other.ci_low, other.ci_high)]
    bounded = all(map(math.isfinite, (own.ci_low, own.ci_high, other.ci_low, other.ci_high)))
    numbers = [own.estimate * other.estimate, *((min(ends), max(ends)) if bounded else ())]
    value, *range_ = map(math.expm1, numbers) if relative else numbers
    low, high = range_ if range_ else (None, None)
    return Product(other.model, other.panel, other.outcomes, other.term, relative, value, low, high)


def describe(
    model: Mapping[str, Any],
    estimand: Mapping[str, Any],
    claim: Mapping[str, Any],
    statistics: Statistics,
    config: str = CONFIGURATION,
    where: str = "hypotheses",
    powers: Powers | None = None,
) -> ClaimEstimate:
    """What one model says of a claim: number, interval, δ, detectable effect, plain units, diagnostics.

    Parameters
    ----------
    powers : what simulations of the interval that decides (models/robustness) found detectable, by model and number.

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
    kind = ESTIMATORS[estimator]
    outcome = variables[outcome_name]
    if kind.log_linear:
        # the spread of the outcome's logarithm is not known, nor its mean
        outcome = replace(outcome, formula=f"log({outcome_name})", sd=None, sd_within=None, mean=None)
    derived = not kind.slopes or "statistic" in estimand
    declared = claim.get("smallest_effect") or {}
    logarithm = log_of(outcome.formula, variables) is not None
    change = None if derived else verdicts.change_that_matters(declared, logarithm, outcome.spread[0])
    delta, per = smallest_effect(declared, change, number.lever, variables)
    diagnostics = _diagnostics(model, claim)
    detectable, detectable_by = _detectable(number, powers or {}, str(model["model"]))
    in_delta = [_ratio(x, delta) for x in (number.estimate, number.ci_low, number.ci_high)]
    return ClaimEstimate(
        model=str(model["model"]),
        label=str(estimand.get("label") or ""),
        label_zh=str(estimand.get("label_zh") or ""),
        estimator=estimator,
        evidence=evidence_kind(model),
        causal=kind.causal and bool(diagnostics) and all(d.passed for d in diagnostics),
        panel=panel,
        outcome=outcome_name,
        outcomes=_outcomes(model, estimand) or (outcome_name,),
        term=number.term,
        lever=number.lever,
        at=dict(estimand.get("at") or {}),
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
        detectable_by=detectable_by,
        n_obs=int(model["n_obs"]),
        n_units=int(model["n_units"]),
        n_periods=int(model["n_periods"]),
        # a share or a gap closed is in plain units already
        plain=None if derived else _plain(number, outcome, variables, claim, delta, detectable),
        overrides=tuple(Note.from_dict(one) for one in model.get("overrides") or ()),
        diagnostics=diagnostics,
        file=f"models/{model['model']}.json",
        pointer=number.pointer,
    )


def smallest_effect(
    declared: Mapping[str, Any], change: float | None, lever: str, spreads: Mapping[str, VariableStats]
) -> tuple[float | None, str]:
    """δ in units of the coefficient, and the change of the lever that it is for (``declared`` where given outright).

    The change of the outcome that matters over one standard deviation of the lever, net of the model's effects and of
    the lever's declared steps (over all rows for what does not change over time, and between units); for an interaction
    a:m that of a times the one of m over all rows, which, unlike the spread of the product, does not depend on where m
    is measured from. None where no such change can be stated.

    Parameters
    ----------
    declared : a claim's ``smallest_effect``. change : see `verdicts.change_that_matters`.
    spreads : standard deviations of the lever's factors, by name; factors without any count per unit.
    """
    if declared.get("value") is not None:
        return float(declared["value"]), "declared"
    per = str(declared.get("per", "within_sd"))
    if not change:
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
    return change / step, used


def _in_sample(
    model: Mapping[str, Any], variables: Mapping[str, VariableStats], outcome: str
) -> dict[str, VariableStats]:
    """The panel's variables with the spreads of the model's own sample, where its results state them.

    Between units, and where the model removes no effects, a variable is not moved by what it varies over time: what is
    left of it then counts as its standard deviation.
    """
    plain = evidence_kind(model) == BETWEEN or not _removes_effects(model)
    in_sample = {name: replace(stats, sd_within=None) if plain else stats for name, stats in variables.items()}

    def moved(name: str, values: Mapping[str, Any], prefix: str = "") -> None:
        sd, within, net = (values.get(f"{prefix}{key}") for key in ("sd", "sd_within", "sd_net"))
        if sd is not None:
            sizes = (net or sd, None) if plain else (sd, net or within)
            in_sample[name] = replace(in_sample.get(name, VariableStats(name)), sd=sizes[0], sd_within=sizes[1])

    for row in model["coefficients"]:
        if ":" not in str(row["term"]):
            moved(str(row["term"]), row)
    for name, sd in ((model.get("diagnostics") or {}).get("moderator_sd") or {}).items():
        moved(name, {"sd": sd})
    fit: Mapping[str, Any] = model.get("fit") or {}
    moved(outcome, fit, "outcome_")
    known = in_sample.get(outcome, VariableStats(outcome))
    in_sample[outcome] = known if fit.get("outcome_mean") is None else replace(known, mean=fit["outcome_mean"])
    return in_sample


def _removes_effects(model: Mapping[str, Any]) -> bool:
    treated = ESTIMATORS[str(model["estimator"])].unit_effects
    if treated in ("removed", "differenced"):
        return True
    return treated != "none" and bool(_removed(model))


def _removed(model: Mapping[str, Any]) -> tuple[str, ...]:
    spec: Mapping[str, Any] = model.get("spec") or {}
    declared = model.get("effects") or spec.get("effects") or ()
    return removed_effects(str(model["estimator"]), str(model.get("method") or spec.get("method") or ""), declared)


def evidence_kind(model: Mapping[str, Any]) -> str:
    """``within`` units over time, ``between`` units, ``mixed``, or ``policy`` (a change that some units underwent)."""
    kind = ESTIMATORS[str(model["estimator"])]
    if kind.evidence == POLICY:
        return POLICY
    if kind.evidence == BETWEEN or int(model["n_periods"]) == 1:
        return BETWEEN
    removed = kind.unit_effects in ("removed", "differenced")
    return WITHIN if removed or (kind.unit_effects != "none" and involving("unit", _removed(model))) else MIXED


def _diagnostics(model: Mapping[str, Any], claim: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    kind = ESTIMATORS[str(model["estimator"])]
    method = kind.methods.get(str((model.get("spec") or {}).get("method", "")))
    of_design = kind.refuted_by if method is None or method.refutable else {}
    asked: Mapping[str, Mapping[str, float]] = {**of_design, **(claim.get("diagnostics") or {})}
    tests: Mapping[str, Mapping[str, Any]] = model.get("tests") or {}
    diagnostics = []
    for name, rule in asked.items():
        test = next((value for key, value in tests.items() if _plain_name(key).startswith(_plain_name(name))), None)
        for bound, key, shown in (("p_above", "p_value", "p"), ("statistic_above", "statistic", "statistic")):
            if bound not in rule:
                continue
            value = None if test is None else test.get(key)
            if value is None:
                diagnostics.append(Diagnostic(name, None))
                continue
            must = note(f"must_exceed_{shown}", value=value, limit=rule[bound])
            diagnostics.append(Diagnostic(name, float(value) > float(rule[bound]), must))
    return tuple(diagnostics)


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


def _detectable(number: Estimand, powers: Powers, model: str) -> tuple[float | None, str]:
    if number.interval == WILD and (model, number.term) in powers:
        return powers[model, number.term], "simulation"
    if not number.has_interval or math.isinf(number.ci_high - number.ci_low):
        return None, ""
    df = math.inf if number.df is None else number.df
    error = error_of_interval(number.ci_low, number.ci_high, df)
    return smallest_detectable(error, df), "length"


def _ratio(value: float, delta: float | None) -> float | None:
    return None if delta is None or math.isnan(value) else value / delta


def _outcomes(model: Mapping[str, Any], estimand: Mapping[str, Any]) -> tuple[str, ...]:
    """The outcomes of a statistic that has several."""
    statistic = (model.get("statistics") or {}).get(str(estimand.get("statistic", ""))) or {}
    return tuple(str(name) for name in statistic.get("outcomes") or ())
