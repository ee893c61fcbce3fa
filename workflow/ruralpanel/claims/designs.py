"""What one model says of a claim: its number, δ, the detectable effect, plain units, diagnostics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ruralpanel.claims import verdicts
from ruralpanel.claims.numbers import ClaimNumber, PlainEffect, VariableStats, find_estimand, plain_effect
from ruralpanel.claims.verdicts import Diagnostic
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.model_json import Notes, Number
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.inference.detectable import error_of_interval, smallest_detectable
from ruralpanel.project.effects import involving
from ruralpanel.project.expressions import log_of
from ruralpanel.project.files import read_rows
from ruralpanel.project.kinds.estimators import BETWEEN, ESTIMATORS, MIXED, POLICY, WITHIN, removed_effects
from ruralpanel.project.kinds.inference import WILD
from ruralpanel.project.notes import note
from ruralpanel.project.problems import CONFIGURATION
from ruralpanel.project.sections.configuration import Bound, Estimand, Hypothesis, SmallestEffect

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
    at: Mapping[str, str | float]
    estimate: Number
    std_error: float | None
    ci_low: Number
    ci_high: Number
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
    overrides: Notes
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
    model: Model,
    estimand: Estimand,
    claim: Hypothesis,
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
    panel, outcome_name = model.panel, model.outcome
    variables = _in_sample(model, statistics.get(panel, {}), outcome_name)
    estimator = model.estimator
    kind = ESTIMATORS[estimator]
    outcome = variables[outcome_name]
    if kind.log_linear:
        # the spread of the outcome's logarithm is not known, nor its mean
        outcome = replace(outcome, formula=f"log({outcome_name})", sd=None, sd_within=None, mean=None)
    derived = not kind.slopes or estimand.statistic is not None
    matters = claim.smallest_effect or SmallestEffect()
    logarithm = log_of(outcome.formula, variables) is not None
    change = None if derived else verdicts.change_that_matters(matters, logarithm, outcome.spread[0])
    delta, per = smallest_effect(matters, change, number.lever, variables)
    diagnostics = _diagnostics(model, claim)
    detectable, detectable_by = _detectable(number, powers or {}, model.model)
    in_delta = [_ratio(x, delta) for x in (number.estimate, number.ci_low, number.ci_high)]
    return ClaimEstimate(
        model=model.model,
        label=estimand.label or "",
        label_zh=estimand.label_zh or "",
        estimator=estimator,
        evidence=evidence_kind(model),
        causal=kind.causal and bool(diagnostics) and all(d.passed for d in diagnostics),
        panel=panel,
        outcome=outcome_name,
        outcomes=_outcomes(model, estimand) or (outcome_name,),
        term=number.term,
        lever=number.lever,
        at=dict(estimand.at or {}),
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
        n_obs=model.n_obs,
        n_units=model.n_units,
        n_periods=model.n_periods,
        # a share or a gap closed is in plain units already
        plain=None if derived else _plain(number, outcome, variables, claim, delta, detectable),
        overrides=model.overrides,
        diagnostics=diagnostics,
        file=f"models/{model.model}.json",
        pointer=number.pointer,
    )


def smallest_effect(
    matters: SmallestEffect, change: float | None, lever: str, spreads: Mapping[str, VariableStats]
) -> tuple[float | None, str]:
    """δ in units of the coefficient, and the change of the lever that it is for (``declared`` where given outright).

    The change of the outcome that matters over one standard deviation of the lever, net of the model's effects and of
    the lever's declared steps (over all rows for what does not change over time, and between units); for an interaction
    a:m that of a times the one of m over all rows, which, unlike the spread of the product, does not depend on where m
    is measured from. None where no such change can be stated.

    Parameters
    ----------
    matters : as a claim declares it. change : see `verdicts.change_that_matters`.
    spreads : standard deviations of the lever's factors, by name; factors without any count per unit.
    """
    if matters.value is not None:
        return matters.value, "declared"
    per = matters.per
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


def _in_sample(model: Model, variables: Mapping[str, VariableStats], outcome: str) -> dict[str, VariableStats]:
    """The panel's variables with the spreads of the model's own sample, where its results state them.

    Between units, and where the model removes no effects, a variable is not moved by what it varies over time: what is
    left of it then counts as its standard deviation.
    """
    plain = evidence_kind(model) == BETWEEN or not _removes_effects(model)
    in_sample = {name: replace(stats, sd_within=None) if plain else stats for name, stats in variables.items()}

    def moved(name: str, sd: float | None, within: float | None = None, net: float | None = None) -> None:
        if sd is not None:
            sizes = (net or sd, None) if plain else (sd, net or within)
            in_sample[name] = replace(in_sample.get(name, VariableStats(name)), sd=sizes[0], sd_within=sizes[1])

    for row in model.coefficients:
        if ":" not in row.term:
            moved(row.term, row.sd, row.sd_within, row.sd_net)
    for name, sd in model.diagnostics.moderator_sd.items():
        moved(name, sd)
    moved(outcome, *(model.fit.get(f"outcome_{key}") for key in ("sd", "sd_within", "sd_net")))
    known, mean = in_sample.get(outcome, VariableStats(outcome)), model.fit.get("outcome_mean")
    in_sample[outcome] = known if mean is None else replace(known, mean=mean)
    return in_sample


def _removes_effects(model: Model) -> bool:
    treated = ESTIMATORS[model.estimator].unit_effects
    if treated in ("removed", "differenced"):
        return True
    return treated != "none" and bool(_removed(model))


def _removed(model: Model) -> tuple[str, ...]:
    asked = model.spec
    return removed_effects(model.estimator, model.method or asked.method, model.effects or asked.effects)


def evidence_kind(model: Model) -> str:
    """``within`` units over time, ``between`` units, ``mixed``, or ``policy`` (a change that some units underwent)."""
    kind = ESTIMATORS[model.estimator]
    if kind.evidence == POLICY:
        return POLICY
    if kind.evidence == BETWEEN or model.n_periods == 1:
        return BETWEEN
    removed = kind.unit_effects in ("removed", "differenced")
    return WITHIN if removed or (kind.unit_effects != "none" and involving("unit", _removed(model))) else MIXED


def _diagnostics(model: Model, claim: Hypothesis) -> tuple[Diagnostic, ...]:
    kind = ESTIMATORS[model.estimator]
    method = kind.methods.get(model.spec.method)
    of_design = kind.refuted_by if method is None or method.refutable else {}
    bounds = {name: Bound.model_validate(rule) for name, rule in of_design.items()} | (claim.diagnostics or {})
    diagnostics = []
    for name, rule in bounds.items():
        named = (test for key, test in model.tests.items() if _plain_name(key).startswith(_plain_name(name)))
        test = next(named, None) or Test()
        for shown, value, limit in (
            ("p", test.p_value, rule.p_above),
            ("statistic", test.statistic, rule.statistic_above),
        ):
            if limit is not None and math.isnan(value):
                diagnostics.append(Diagnostic(name, None))
            elif limit is not None:
                must = note(f"must_exceed_{shown}", value=value, limit=limit)
                diagnostics.append(Diagnostic(name, value > limit, must))
    return tuple(diagnostics)


def _plain_name(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _plain(
    number: ClaimNumber,
    outcome: VariableStats,
    variables: Mapping[str, VariableStats],
    claim: Hypothesis,
    delta: float | None,
    detectable: float | None,
) -> PlainEffect | None:
    interval = (number.estimate, number.ci_low, number.ci_high)
    return plain_effect(interval, outcome, number.lever, variables, claim.plain, delta, detectable)


def _detectable(number: ClaimNumber, powers: Powers, model: str) -> tuple[float | None, str]:
    if number.interval == WILD and (model, number.term) in powers:
        return powers[model, number.term], "simulation"
    if not number.has_interval or math.isinf(number.ci_high - number.ci_low):
        return None, ""
    df = math.inf if number.df is None else number.df
    error = error_of_interval(number.ci_low, number.ci_high, df)
    return smallest_detectable(error, df), "length"


def _ratio(value: float, delta: float | None) -> float | None:
    return None if delta is None or math.isnan(value) else value / delta


def _outcomes(model: Model, estimand: Estimand) -> tuple[str, ...]:
    """The outcomes of a statistic that has several."""
    statistic = model.statistics.get(estimand.statistic or "")
    return statistic.outcomes if statistic else ()


def read_statistics(results: str | Path) -> Statistics:
    """panel → variable → `VariableStats`, from the panels' ``columns.csv`` below `results`."""
    by_panel: dict[str, dict[str, VariableStats]] = {}
    for path in sorted((Path(results) / "panels").glob("*/columns.csv")):
        by_panel[path.parent.name] = {row["variable"]: _stats(row) for row in read_rows(path)}
    return by_panel


def _stats(row: Mapping[str, str]) -> VariableStats:
    n = _float(row.get("n"))
    return VariableStats(
        variable=row["variable"],
        measure=row.get("measure") or "",
        formula=row.get("formula") or "",
        n=None if n is None else int(n),
        mean=_float(row.get("mean")),
        sd=_float(row.get("sd")),
        sd_within=_float(row.get("sd_within")),
        min=_float(row.get("min")),
        max=_float(row.get("max")),
    )


def _float(text: str | None) -> float | None:
    if text is None or not text.strip():
        return None
    value = float(text)
    return value if math.isfinite(value) else None
