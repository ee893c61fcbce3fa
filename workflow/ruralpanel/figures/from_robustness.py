"""Results on robustness → what their figures draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ruralpanel.figures.estimates import Estimate
from ruralpanel.figures.power import PowerLine
from ruralpanel.figures.sensitivity import Benchmark, Contours
from ruralpanel.figures.specification_curve import CurveData
from ruralpanel.figures.waterfall import Part
from ruralpanel.inference.from_covariance import critical_values
from ruralpanel.labels import Labels
from ruralpanel.robustness.curve_plan import NONE
from ruralpanel.wording import has_word, word

if TYPE_CHECKING:
    import pandas as pd

VARIABLES = frozenset({"outcome", "moderator", "controls", "weights"})
"""Dimensions, beside the levers, whose options are variables."""


def curve_data(summary: Mapping[str, Any], rows: pd.DataFrame, labels: Labels) -> CurveData:
    """All specifications in standardised units, dimensions with one option left out."""
    ratio = (rows["standardised"] / rows["estimate"]).to_numpy()
    shown = {entry["name"]: entry["options"] for entry in summary["dimensions"] if len(entry["options"]) > 1}
    choices = {
        dimension_label(name, labels.language): [option_label(name, str(o), labels) for o in rows[name]]
        for name in shown
    }
    return CurveData(
        rows["standardised"].tolist(),
        (rows["ci_low"].to_numpy() * ratio).tolist(),
        (rows["ci_high"].to_numpy() * ratio).tolist(),
        choices,
        0 if summary.get("main") else None,
    )


def dimension_label(name: str, language: str) -> str:
    """``Controls``; a lever's own name capitalised."""
    key = f"dimension_{name}"
    return word(key, language) if has_word(key) else name.replace("_", " ").capitalize()


def option_label(dimension: str, option: str, labels: Labels) -> str:
    """The words for one option of a dimension."""
    language = labels.language
    if option == NONE:
        return word("equal_weights" if dimension == "weights" else "none", language)
    if dimension == "effects":
        names = {"unit": word("unit", language), "period": word("period", language)}
        parts = [" × ".join(names.get(p, p) for p in part.split(":")) for part in option.split(" + ")]
        return " + ".join(parts)
    if dimension in ("sample", "lag"):
        return word("all", language) if option == "all" else option.replace("_", " ")
    return " + ".join(labels.of(part) for part in option.split(" + "))


def left_out(entry: Mapping[str, Any], over: str, names: Mapping[str, str]) -> list[Estimate]:
    """Estimates without each unit or period, largest first, with 95 % intervals by the error of each."""
    found = entry[f"leave_one_{over}_out"]
    count = len(found["left_out"])
    critical = float(critical_values(np.array(float(max(count - 2, 1)))))
    rows = []
    for name, value, error in zip(found["left_out"], found["estimate"], found["std_error"], strict=True):
        if value is None:
            continue
        reach = None if error is None else critical * error
        ends = (None, None) if reach is None else (value - reach, value + reach)
        rows.append(Estimate(names.get(name, name), value, *ends))
    return sorted(rows, key=lambda row: -row.value)


def contours(entry: Mapping[str, Any], labels: Labels) -> Contours:
    """The sensitivity of one coefficient, benchmarked on observed covariates as strong as themselves."""
    found = entry["sensitivity"]
    points = [
        Benchmark(labels.of(str(b["name"])), float(b["r2_lever"]), float(b["r2_outcome"]), float(b["estimate"]))
        for b in found["bounds"]
        if b["times"] == 1.0
    ]
    return Contours(found["contours"]["r2"], found["contours"]["estimate"], float(entry["estimate"]), points)


def power_line(entry: Mapping[str, Any], label: str) -> PowerLine | None:
    """Power over effects in multiples of δ; None where the number has neither errors nor δ."""
    curve, at = entry["power"].get("curve"), entry["power"].get("at_delta")
    if not curve or not at:
        return None
    return PowerLine(label, [effect / at["delta"] for effect in curve["effect"]], curve["power"])


def parts(model: Mapping[str, Any], labels: Labels) -> list[Part]:
    """The parts of a decomposition in its order, what is unexplained last."""
    blocks = list((model["spec"]["options"] or {})["blocks"])
    rows: dict[str, Mapping[str, Any]] = {str(row["term"]): row for row in model["coefficients"]}

    def part(name: str, label: str) -> Part:
        row = rows[name]
        return Part(label, float(row["estimate"]), row.get("ci_low"), row.get("ci_high"))

    rest = word("unexplained", labels.language)
    return [*(part(name, labels.of(name).capitalize()) for name in blocks), part("unexplained", rest)]


def targets(results: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """(model, number) → its results."""
    return {(str(r["model"]), name): entry for r in results for name, entry in r["targets"].items()}
