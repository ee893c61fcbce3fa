"""Colours of the report's page against what lies behind them, in light and dark, by WCAG 2.1's own formula."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

TEXT, GRAPHIC = 4.5, 3.0  # WCAG 2.1, 1.4.3 and 1.4.11, level AA
WORDS = ("ink", "soft", "faint", "link", "for", "against", "neither", "open", "none")
ON_CHARTS = ("ink", "soft", "link", "second")
DRAWN = ("accent", "second", "faint", *(f"s{number}" for number in range(8)))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula_is_the_standards() -> None:
    """Black on white 21; #767676 is the lightest grey that passes on white, #777777 does not (WebAIM's tables)."""
    assert contrast("#000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#fff") >= TEXT > contrast("#777777", "#fff")


@pytest.fixture(params=["light", "dark"])
def colours(request: pytest.FixtureRequest, root: Path) -> Mapping[str, str]:
    """The tokens of both sheets; dark ones stand over light ones."""
    sheets = [(root / "workflow" / "report" / "html" / name).read_text("utf-8") for name in ("page.css", "explore.css")]
    found: dict[str, str] = {}
    for sheet in sheets:
        parts = re.split(r"@media \(prefers-color-scheme: dark\) \{", sheet.partition("@media print")[0])
        found |= dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", parts[0]))
    if request.param == "dark":
        for sheet in sheets:
            for part in re.split(r"@media \(prefers-color-scheme: dark\) \{", sheet)[1:]:
                found |= dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", part.partition("\n}\n")[0]))
    return found


def test_words_and_marks_stand_out(colours: Mapping[str, str]) -> None:
    pairs = [(word, ground, TEXT) for word, ground in itertools.product(WORDS, ("paper", "panel"))]
    pairs += [(word, ground, TEXT) for word, ground in itertools.product(ON_CHARTS, ("panel", "shade"))]
    pairs += [(mark, ground, GRAPHIC) for mark, ground in itertools.product(DRAWN, ("panel", "shade"))]
    weak = {
        f"{one} on {other}": round(ratio, 2)
        for one, other, least in pairs
        if (ratio := contrast(colours[one], colours[other])) < least
    }
    assert weak == {}
