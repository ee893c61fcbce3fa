"""Results on robustness → what their figures draw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ruralpanel.figures.estimates import Estimate
from ruralpanel.figures.power import PowerLine
from ruralpanel.figures.sensitivity import Benchmark, Contours
from ruralpanel.figures.specification_curve import CurveData
from ruralpanel.figures.waterfall import Part
from ruralpanel.inference.from_covariance import critical_values
from ruralpanel.labels import Labels
from ruralpanel.robustness import sensemakr
from ruralpanel.robustness.curve_plan import NONE
from ruralpanel.wording import has_word, word

if TYPE_CHECKING:
    import pandas as pd

CONTOUR_POINTS = 161
_ASIDE = re.compile(r"\s*[(（][^()（）]*[)）]$")  # "(log)" at the end of a label


def short(label: str) -> str:
    """A label without what stands in brackets at its end."""
    return _ASIDE.sub("", label)


def curve_data(summary: Mapping[str, Any], rows: pd.DataFrame, labels: Labels) -> CurveData:
    """All specifications in standardised units, dimensions with one option left out."""
    ratio = (rows["standardised"] / rows["estimate"]).to_numpy()
    shown = {entry["name"]: entry["options"] for entry in summary["dimensions"] if len(entry["options"]) > 1}
    choices: dict[str, list[str]] = {}
    for name, options in shown.items():
        words = dict(zip(options, option_labels(name, options, labels), strict=True))
        choices[dimension_label(name, labels.language)] = [words[str(option)] for option in rows[name]]
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


def option_labels(dimension: str, options: Sequence[str], labels: Labels) -> list[str]:
    """The words for the options of a dimension, without what stands in brackets where they can do without."""
    full = [_option(dimension, option, labels) for option in options]
    brief = [short(label) for label in full]
    return [b if brief.count(b) == 1 else f for b, f in zip(brief, full, strict=True)]


def _option(dimension: str, option: str, labels: Labels) -> str:
    language = labels.language
    if option == NONE:
        return word("equal_weights" if dimension == "weights" else "none", language)
    if dimension == "effects":
        names = {name: word(name, language).lower() for name in ("unit", "period")}
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
    """The sensitivity of one coefficient, benchmarked on observed covariates as strong as themselves.

    The grid reaches half as far again as the strongest of them or the robustness value.
    """
    found = entry["sensitivity"]
    classical, estimate = found["classical"], float(entry["estimate"])
    points = [
        Benchmark(short(labels.of(str(b["name"]))), float(b["r2_lever"]), float(b["r2_outcome"]), float(b["estimate"]))
        for b in found["bounds"]
        if b["times"] == 1.0
    ]
    reach = [found["robustness_value"], *(p.r2_lever for p in points), *(p.r2_outcome for p in points)]
    most = float(np.clip(1.5 * max(reach), 0.1, 0.9))
    grid, values = sensemakr.contours(estimate, classical["std_error"], classical["df"], most, CONTOUR_POINTS)
    return Contours(grid.tolist(), values.tolist(), estimate, points)


def power_line(entry: Mapping[str, Any], label: str) -> PowerLine | None:
    """Power over effects in multiples of δ; None where the number has neither errors nor δ."""
    curve, at = entry["power"].get("curve"), entry["power"].get("at_delta")
    if not curve or not curve["effect"] or not at:
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
    named = {name: labels.of(name) for name in blocks}
    return [*(part(name, label[:1].upper() + label[1:]) for name, label in named.items()), part("unexplained", rest)]


def targets(results: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """(model, number) → its results."""
    return {(str(r["model"]), name): entry for r in results for name, entry in r["targets"].items()}
