"""The number that a claim rests on, read from a model's results; and a coefficient in units that people grasp."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.model_json import Number
from ruralpanel.estimate.base.rows import Estimated, Point
from ruralpanel.project.expressions import log_of, ratio_of
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.inference import WILD
from ruralpanel.project.problems import Problem, UserError, did_you_mean
from ruralpanel.project.sections.configuration import Estimand, PlainUnits


@dataclass(frozen=True)
class ClaimNumber:
    """One number with its error and interval.

    Attributes
    ----------
    term : what it is called in the model; lever : the variable that it is the effect of (the term for a coefficient).
    std_error, df, p_value : of the model's first inference setting; None where it states none.
    ci_low, ci_high : the interval that decides; infinite where the bootstrap's set is unbounded, NaN where none exists.
    interval : ``wild_cluster`` or the method of the first inference setting.
    p_value_used : the p-value that belongs to that interval.
    pointer : JSON pointer of the number in the model's file.
    """

    term: str
    lever: str
    estimate: float
    std_error: float | None
    df: float | None
    ci_low: float
    ci_high: float
    p_value_used: float | None
    interval: str
    pointer: str

    @property
    def has_interval(self) -> bool:
        """Whether the model states an interval, be it unbounded."""
        return not (math.isnan(self.ci_low) or math.isnan(self.ci_high))


def find_estimand(model: Model, wanted: Estimand, file: str, where: str) -> ClaimNumber:
    """The number that `wanted` names among a model's results.

    Raises
    ------
    UserError
        The model has no such term, marginal effect or statistic.
    """
    if wanted.marginal is not None:
        return _marginal(model, wanted.marginal, wanted.at or {}, file, where)
    if wanted.statistic is not None:
        return _statistic(model, wanted.statistic, file, where)
    terms = [row.term for row in model.coefficients]
    term = wanted.term or (terms[0] if len(terms) == 1 else "")
    if term not in terms:
        found = f'term "{term}"' if term else "no term"
        raise UserError(
            Problem(file, f"{where}.term", found, f"a coefficient of model {model.model}", did_you_mean(term, terms))
        )
    index = terms.index(term)
    # of an event study ``treated:2012`` is the policy in a period, no product of two variables
    lever = term.partition(":")[0] if ESTIMATORS[model.estimator].by_event_time else term
    return _from_row(model, model.coefficients[index], term, lever, f"/coefficients/{index}")


def _marginal(model: Model, of: str, at: Mapping[str, object], file: str, where: str) -> ClaimNumber:
    for i, effect in enumerate(model.marginal_effects):
        over = effect.over
        if effect.of != of or set(at) - {over}:
            continue
        for j, point in enumerate(effect.points):
            if _same_place(point, at.get(over)):
                return _from_row(
                    model, point, f"{of} at {over} = {at.get(over)}", of, f"/marginal_effects/{i}/points/{j}"
                )
    known = [f"{effect.of} over {effect.over}" for effect in model.marginal_effects]
    raise UserError(
        Problem(
            file,
            f"{where}.marginal",
            f'marginal effect of "{of}" at {dict(at)}',
            f"a marginal effect that model {model.model} computes at this value",
            "declare it under marginal_effects of the model" if not known else "it has " + "; ".join(known),
        )
    )


def _same_place(point: Point, wanted: object) -> bool:
    if isinstance(wanted, str):
        return point.label == wanted
    return isinstance(wanted, (int, float)) and math.isclose(point.at, wanted)


def _statistic(model: Model, name: str, file: str, where: str) -> ClaimNumber:
    statistics = model.statistics
    if name not in statistics:
        raise UserError(
            Problem(
                file,
                f"{where}.statistic",
                f'"{name}"',
                f"a statistic of model {model.model}",
                did_you_mean(name, statistics) if statistics else "it has none: name a term",
            )
        )
    return _from_row(model, statistics[name], name, name, f"/statistics/{name}")


def _from_row(model: Model, row: Estimated, term: str, lever: str, pointer: str) -> ClaimNumber:
    wild = _interval(model, row, "ci_wild")
    low, high = wild or _interval(model, row, "ci") or (math.nan, math.nan)
    return ClaimNumber(
        term=term,
        lever=lever,
        estimate=row.estimate,
        std_error=row.std_error,
        df=_degrees(row),
        ci_low=low,
        ci_high=high,
        p_value_used=row.p_wild if wild else row.p_value,
        interval=WILD if wild else model.inference[0].method if model.inference else "",
        pointer=pointer,
    )


def _interval(model: Model, row: Estimated, name: str) -> tuple[float, float] | None:
    """The interval; of a set in pieces the outermost ends, of an empty set NaN; None where nobody computed it."""
    pieces = model.set_of(row, name)
    if pieces is None:
        return None
    return (pieces[0][0], pieces[-1][1]) if pieces else (math.nan, math.nan)


def _degrees(row: Estimated) -> float | None:
    if row.std_error is None:
        return None
    # null stands for infinitely many: normal critical values
    return math.inf if row.df is None else row.df


RELATIVE_CHANGE = 0.1  # of a lever in logarithms whose spread is not known


@dataclass(frozen=True)
class VariableStats:
    """How a variable varies in a panel: a row of its ``columns.csv``, whose empty figures are None.

    `sd_within` is the standard deviation around unit means; in a model's sample, net of the model's effects and of the
    variable's declared steps. It is None or 0 for what does not change over time.
    """

    variable: str
    measure: str = ""
    formula: str = ""
    n: int | None = None
    mean: float | None = None
    sd: float | None = None
    sd_within: float | None = None
    min: float | None = None
    max: float | None = None

    @property
    def spread(self) -> tuple[float | None, str]:
        """The standard deviation that a lever is moved by, and which one it is (``within_sd`` or ``sd``)."""
        if self.sd_within:
            return self.sd_within, "within_sd"
        return self.sd, "sd"


@dataclass(frozen=True)
class Level:
    """The outcome's own level: `shown` = `value` × `scale`: so many `above` (in `measure`) per `scale` of `below`."""

    value: float
    shown: float
    measure: str = ""
    above: str = ""
    below: str = ""
    scale: float = 1.0
    unit: str = ""
    unit_zh: str = ""


@dataclass(frozen=True)
class PlainEffect:
    """What the sentence of a claim says.

    Attributes
    ----------
    change : how the lever moves: ``relative`` (`size` = 0.1: 10 % more), ``within_sd`` or ``sd`` (`size` in the lever's
        measure), ``unit`` (one unit, such as a treatment switched on, or as the claim declares).
    spread : which standard deviation `size` is, rounded: ``within_sd`` (what effects leave), ``sd``, or empty.
    effect : ``relative`` (a share of the outcome) or ``absolute`` (in the outcome's measure).
    value, low, high : the effect of the change and its interval; bounds may be infinite.
    level : the outcome's level, and `at_level`, `at_level_low`, `at_level_high` the effect in the level's unit;
        None where the outcome has no level that can be stated.
    delta, detectable : what the smallest effect that matters, and the smallest one detectable, would come to in the
        same terms (both as an increase), `delta_at_level` the former in the level's unit; None where they cannot be
        stated.
    moderator, moderator_change, moderator_size : for an interaction, what else is higher, and by how much.
    """

    change: Literal["relative", "within_sd", "sd", "unit"]
    size: float
    effect: Literal["relative", "absolute"]
    value: float
    low: Number
    high: Number
    level: Level | None = None
    at_level: float | None = None
    at_level_low: float | None = None
    at_level_high: float | None = None
    delta: float | None = None
    delta_at_level: float | None = None
    detectable: float | None = None
    spread: Literal["within_sd", "sd", ""] = ""
    moderator: str = ""
    moderator_change: str = ""
    moderator_size: float | None = None


def plain_effect(
    interval: tuple[float, float, float],
    outcome: VariableStats,
    term: str,
    variables: Mapping[str, VariableStats],
    declared: PlainUnits | None = None,
    delta: float | None = None,
    detectable: float | None = None,
) -> PlainEffect | None:
    """The effect of a change of a lever that the figures hold: one standard deviation, rounded.

    With outcome and lever in logarithms and coefficient b, a lever larger by the share s goes with an outcome larger by
    ``(1 + s)**b − 1``; with the outcome alone in logarithms and a change d, ``exp(b·d) − 1``; otherwise ``b·d``. For an
    interaction a:m the change of b is that between two places whose moderators differ by one standard deviation.

    Parameters
    ----------
    interval : estimate, lower and upper bound of the coefficient.
    outcome : the outcome's statistics in the model's panel.
    term : the coefficient's name, ``a`` or ``a:b``.
    variables : statistics of the panel's variables, by name.
    declared : a claim's ``plain``: ``change`` (a share for a lever in logarithms, else in its measure), ``scale``,
        ``unit``, ``unit_zh`` (of the outcome's level).
    delta, detectable : smallest effect that matters and smallest detectable one, in units of the coefficient.

    Returns
    -------
    None where the interval holds no estimate, or where so large a change has no finite effect.
    """
    declared = declared or PlainUnits()
    estimate, low, high = interval
    if math.isnan(estimate):
        return None
    lever, _, moderator = term.partition(":")
    change, size, step, spread = _change(variables.get(lever), variables, declared.change)
    moderation, moderator_size = "", None
    if moderator:
        moderator_size, moderation = _moderator(variables.get(moderator))
        step *= moderator_size
    relative = log_of(outcome.formula, variables) is not None
    value, bottom, top = (_effect(b, step, relative) for b in (estimate, low, high))
    if not math.isfinite(value):
        return None
    level = _level(outcome, variables, declared) if relative else None
    benchmark = None if delta is None else _effect(delta, step, relative)
    at = [
        None if level is None or effect is None else level.shown * effect for effect in (value, bottom, top, benchmark)
    ]
    return PlainEffect(
        change=change,
        size=size,
        effect="relative" if relative else "absolute",
        value=value,
        low=bottom,
        high=top,
        level=level,
        at_level=at[0],
        at_level_low=at[1],
        at_level_high=at[2],
        delta=benchmark,
        delta_at_level=at[3],
        detectable=None if detectable is None else _effect(detectable, step, relative),
        spread=spread,
        moderator=moderator,
        moderator_change=moderation,
        moderator_size=moderator_size,
    )


def _effect(coefficient: float, step: float, relative: bool) -> float:
    if not relative:
        return coefficient * step
    try:
        return math.expm1(coefficient * step)
    except OverflowError:
        return math.inf


def _change(
    lever: VariableStats | None, variables: Mapping[str, VariableStats], declared: float | None
) -> tuple[Literal["relative", "within_sd", "sd", "unit"], float, float, Literal["within_sd", "sd", ""]]:
    """How the lever moves, by how much, that move in the units of the regressor, and which spread it is."""
    logarithm = lever is not None and log_of(lever.formula, variables) is not None
    if declared is not None:
        size = float(declared)
        return ("relative", size, math.log1p(size), "") if logarithm else ("unit", size, size, "")
    if lever is None or not lever.spread[0] or _is_switch(lever):
        return ("relative", RELATIVE_CHANGE, math.log1p(RELATIVE_CHANGE), "") if logarithm else ("unit", 1.0, 1.0, "")
    spread, kind = lever.spread
    named: Literal["within_sd", "sd"] = "within_sd" if kind == "within_sd" else "sd"
    assert spread is not None
    if logarithm:
        share = _rounded(math.expm1(spread))
        return "relative", share, math.log1p(share), named
    size = _rounded(spread)
    return named, size, size, named


def _rounded(size: float) -> float:
    """To two significant figures."""
    return round(size, 1 - math.floor(math.log10(size)))


def _is_switch(lever: VariableStats) -> bool:
    return lever.min == 0 and lever.max == 1 and lever.measure in ("", "1") and not lever.formula.startswith("log")


def _moderator(moderator: VariableStats | None) -> tuple[float, str]:
    if moderator is None or not moderator.sd or _is_switch(moderator):
        return 1.0, "unit"
    return moderator.sd, "sd"


def _level(outcome: VariableStats, variables: Mapping[str, VariableStats], declared: PlainUnits) -> Level | None:
    if outcome.mean is None:
        return None
    value = math.exp(outcome.mean)  # the geometric mean: the level at which a relative effect is symmetric
    ratio = ratio_of(outcome.formula, variables)
    unit = declared.unit or ""
    unit_zh = unit if declared.unit_zh is None else declared.unit_zh
    scale = declared.scale
    if ratio is None:
        if not unit:
            return None
        factor = float(scale or 1)
        return Level(value, value * factor, scale=factor, unit=unit, unit_zh=unit_zh)
    above, below = ratio
    measure = variables[above].measure if above in variables else ""
    factor = float(scale or _scale(value))
    return Level(value, value * factor, measure, above, below, factor, unit, unit_zh)


def _scale(value: float) -> float:
    """The power of a thousand that brings a level to 1 at least, so that it reads as a count of something."""
    scale = 1.0
    while value * scale < 1 and scale < 1e6:
        scale *= 1000
    return scale
