"""The number that a claim rests on, read from a model's results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruralpanel.estimate.base.model_json import set_of
from ruralpanel.project.kinds.inference import WILD
from ruralpanel.project.problems import Problem, UserError, did_you_mean


@dataclass(frozen=True)
class Estimand:
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


def find_estimand(model: Mapping[str, Any], wanted: Mapping[str, Any], file: str, where: str) -> Estimand:
    """The number that `wanted` (a claim's ``estimand``) names in a model's JSON.

    Raises
    ------
    UserError
        The model has no such term, marginal effect or statistic.
    """
    if "marginal" in wanted:
        return _marginal(model, wanted, file, where)
    if "statistic" in wanted:
        return _statistic(model, str(wanted["statistic"]), file, where)
    terms = [str(row["term"]) for row in model["coefficients"]]
    term = str(wanted.get("term") or (terms[0] if len(terms) == 1 else ""))
    if term not in terms:
        found = f'term "{term}"' if term else "no term"
        raise UserError(
            Problem(file, f"{where}.term", found, f"a coefficient of model {model['model']}", did_you_mean(term, terms))
        )
    index = terms.index(term)
    return _from_row(model, model["coefficients"][index], term, term, f"/coefficients/{index}")


def _marginal(model: Mapping[str, Any], wanted: Mapping[str, Any], file: str, where: str) -> Estimand:
    of, at = str(wanted["marginal"]), dict(wanted.get("at") or {})
    effects = list(model.get("marginal_effects") or ())
    for i, effect in enumerate(effects):
        over = str(effect.get("over"))
        if effect.get("of") != of or set(at) - {over}:
            continue
        points: Sequence[Mapping[str, Any]] = effect.get("points") or ()
        for j, point in enumerate(points):
            if _same_place(point, at.get(over)):
                return _from_row(
                    model, point, f"{of} at {over} = {at.get(over)}", of, f"/marginal_effects/{i}/points/{j}"
                )
    known = [f"{effect.get('of')} over {effect.get('over')}" for effect in effects]
    raise UserError(
        Problem(
            file,
            f"{where}.marginal",
            f'marginal effect of "{of}" at {at}',
            f"a marginal effect that model {model['model']} computes at this value",
            "declare it under marginal_effects of the model" if not known else "it has " + "; ".join(known),
        )
    )


def _same_place(point: Mapping[str, Any], wanted: Any) -> bool:
    if isinstance(wanted, str):
        return point.get("label") == wanted
    value = point.get("at")
    return isinstance(value, (int, float)) and isinstance(wanted, (int, float)) and math.isclose(value, wanted)


def _statistic(model: Mapping[str, Any], name: str, file: str, where: str) -> Estimand:
    statistics: Mapping[str, Any] = model.get("statistics") or {}
    if name not in statistics:
        raise UserError(
            Problem(
                file,
                f"{where}.statistic",
                f'"{name}"',
                f"a statistic of model {model['model']}",
                did_you_mean(name, statistics) if statistics else "it has none: name a term",
            )
        )
    return _from_row(model, statistics[name], name, name, f"/statistics/{name}")


def _from_row(model: Mapping[str, Any], row: Mapping[str, Any], term: str, lever: str, pointer: str) -> Estimand:
    wild = _interval(model, row, "ci_wild")
    low, high = wild or _interval(model, row, "ci") or (math.nan, math.nan)
    p_value = row.get("p_wild") if wild else row.get("p_value")
    settings = model.get("inference") or [{}]
    return Estimand(
        term=term,
        lever=lever,
        estimate=_number(row.get("estimate")),
        std_error=row.get("std_error"),
        df=_degrees(row),
        ci_low=low,
        ci_high=high,
        p_value_used=p_value,
        interval=WILD if wild else str(settings[0].get("method", "")),
        pointer=pointer,
    )


def _interval(model: Mapping[str, Any], row: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    """The interval; of a set in pieces the outermost ends, of an empty set NaN; None where nobody computed it."""
    pieces = set_of(model, row, name)
    if pieces is None:
        return None
    return (pieces[0][0], pieces[-1][1]) if pieces else (math.nan, math.nan)


def _degrees(row: Mapping[str, Any]) -> float | None:
    if row.get("std_error") is None:
        return None
    # null stands for infinitely many: normal critical values
    return math.inf if row.get("df") is None else float(row["df"])


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
