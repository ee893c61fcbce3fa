"""The claims at a glance: effects in units of the smallest effect that matters, and verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruralpanel.figures import coefficients
from ruralpanel.figures.estimates import Estimate
from ruralpanel.text_width import wrapped
from ruralpanel.wording import word

#: Intervals reach this many δ to either side at most, or as far as the farthest estimate; what lies beyond is an arrow.
REACH = 12.0

_VERDICTS_ZH = {
    "supported": "支持",
    "contradicted": "相反",
    "differs from zero": "不为零",
    "no effect that matters": "无实质影响",
    "cannot tell": "无法判断",
    "cannot be tested with these data": "现有数据无法检验",
    "not yet tested": "尚未检验",
}


def from_scorecard(scorecard: Mapping[str, Any], language: str) -> list[Estimate]:
    """One estimate for each claim of ``scorecard.json``, in the number's own direction as on the report's first page.

    Claims without a number keep their row, with the verdict alone.
    """
    rows = []
    values = [(claim.get("design") or {}).get("in_delta") for claim in scorecard["claims"]]
    reach = max([REACH, *(abs(value) for value in values if value is not None)])
    for claim in scorecard["claims"]:
        text = claim.get("text_zh") if language == "zh" and claim.get("text_zh") else claim["text"]
        verdict = str(claim["verdict"])
        verdict = _VERDICTS_ZH.get(verdict, verdict) if language == "zh" else verdict
        label = _broken(f"{claim['claim']}  {text}")
        design = claim.get("design") or {}
        value = design.get("in_delta")
        if value is None:
            rows.append(Estimate(label, math.nan, detail=verdict))
            continue
        low, high = (_end(design.get(key), reach) for key in ("in_delta_low", "in_delta_high"))
        if design.get("has_interval", True) and low is None and high is None:
            low, high = -math.inf, math.inf
        rows.append(Estimate(label, float(value), low, high, detail=verdict))
    return rows


def draw(
    scorecard: Mapping[str, Any],
    paths: Mapping[str, str | Path],
    title: str = "",
    note: str = "",
    language: str = "en",
    where: str = "figures",
    font: str | Path | None = None,
) -> None:
    """Effects of the claims' main designs over the band of those smaller than δ (±1), verdicts at the right."""
    estimates = from_scorecard(scorecard, language)
    axis = word("scorecard_axis", language)
    coefficients.draw(estimates, paths, title, axis, note, 1.0, 7.4, where, font)


def _broken(text: str) -> str:
    """`text` in lines of some 46 letters or 23 Chinese characters."""
    return "\n".join(wrapped(text, 25.0))


def _end(limit: float | None, reach: float) -> float | None:
    return None if limit is None or abs(limit) > reach else float(limit)
