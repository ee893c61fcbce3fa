"""Every standard model a second time, by linearmodels or statsmodels: what differs, and what cannot be confirmed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.families.second import LARGEST, NotConfirmedError, Second, comparable
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.inference import INFERENCE
from ruralpanel.project.problems import Problem
from ruralpanel.project.settings import InferenceSpec

MODULES: dict[str, str] = {
    "linear": "ruralpanel.estimate.families.confirm_linear",
    "instruments": "ruralpanel.estimate.families.iv.confirm",
    "policy": "ruralpanel.estimate.families.policy.confirm",
    "counts": "ruralpanel.estimate.families.confirm_ppml",
    "systems": "ruralpanel.estimate.families.sur.confirm",
}
"""Family (``confirmed_by`` of an estimator): the module whose ``again`` asks another library for the model."""


@dataclass(frozen=True)
class Row:
    """One term of one model; without `reason` it is confirmed.

    Attributes
    ----------
    library : what gave the other numbers. errors : the setting whose errors are compared, of those of the model the
    first that a library has. difference : the largest of both, relative to the larger of estimate and error.
    allowed : the largest that passes. reason : why estimate or error are not confirmed.
    """

    model: str
    term: str
    library: str
    estimate: float
    estimate_again: float | None
    errors: str
    std_error: float | None
    std_error_again: float | None
    difference: float | None
    allowed: float | None
    reason: str

    @property
    def differs(self) -> bool:
        """Whether the libraries disagree."""
        return self.difference is not None and self.allowed is not None and not self.difference <= self.allowed


def confirm(design: Callable[[], Design], result: Model) -> list[Row]:
    """Hold a model's published numbers against another library's.

    Parameters
    ----------
    design : gives the model's rows and columns; not called where its results say already that nothing confirms it.
    result : what was written of it.
    """
    family = ESTIMATORS[result.estimator].confirmed_by
    if not family:
        return _unconfirmed(result, "no_such_estimator")
    if result.n_obs > LARGEST and family != "policy":  # experiments of a policy have rows of their own
        return _unconfirmed(result, "too_many_rows")
    return _again(design(), result, family)


def _again(design: Design, result: Model, family: str) -> list[Row]:
    again = importlib.import_module(MODULES[family]).again
    index = next(comparable(result.inference), None)
    reason = "errors:no_such_kind"
    second: Second | None = None
    if index is not None:
        setting = result.inference[index]
        try:
            options = INFERENCE[setting.method].options.model_validate(setting.options.known)
            second = again(design, InferenceSpec(setting.method, options))
        except NotConfirmedError as refusal:
            reason = f"errors:{refusal}"
    try:
        second = second or again(design, None)
    except NotConfirmedError as refusal:
        return _unconfirmed(result, str(refusal))
    return list(_compared(result, second, index, reason))


def _unconfirmed(result: Model, reason: str) -> list[Row]:
    return [
        Row(result.model, row.term, "", row.estimate, None, "", row.std_error, None, None, None, reason)
        for row in result.coefficients
    ]


def _compared(result: Model, second: Second, index: int | None, lacking: str) -> Iterator[Row]:
    setting = None if index is None else result.inference[index]
    ours = {} if setting is None else {row.term: row.std_error for row in setting.coefficients}
    words = "" if setting is None or second.std_error is None else setting.named
    for row in result.coefficients:
        if row.term not in second.terms:
            reason = "no_such_term"
            yield Row(result.model, row.term, "", row.estimate, None, "", row.std_error, None, None, None, reason)
            continue
        j = second.terms.index(row.term)
        estimate, error = float(second.params[j]), ours.get(row.term) if words else None
        again = None if second.std_error is None or error is None else float(second.std_error[j])
        size = max(abs(row.estimate), row.std_error or 0.0)
        gaps = [abs(estimate - row.estimate) / size if size else abs(estimate)]
        if error is not None and again is not None:
            gaps.append(abs(again - error) / error if error else abs(again))
        reason = lacking if again is None else ""
        yield Row(
            result.model, row.term, second.library, row.estimate, estimate, words, error, again,
            float(np.max(gaps)), second.allowed, reason,
        )  # fmt: skip


def table(rows: Iterable[Row]) -> pd.DataFrame:
    """One row per term, as it is written."""
    return pd.DataFrame([asdict(row) for row in rows], columns=list(Row.__dataclass_fields__))


def disagreements(rows: Iterable[Row]) -> list[Problem]:
    """What stops the run: numbers that two programs give differently."""
    return [
        Problem(
            f"results/models/{row.model}.json",
            f"coefficients.{row.term}",
            f"{row.estimate:.10g} (error {_number(row.std_error)})",
            f"{_number(row.estimate_again)} (error {_number(row.std_error_again)}), as {row.library} gives",
            "one of the two is wrong: report it, and do not use this model's numbers until it is mended",
        )
        for row in rows
        if row.differs
    ]


def _number(value: float | None) -> str:
    return "not compared" if value is None else f"{value:.10g}"
