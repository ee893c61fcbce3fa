"""Colours and number formats that tables, figures, maps and the report share."""

from __future__ import annotations

import math
from collections.abc import Sequence

MINUS = "\u2212"
DASH = "\u2013"

INK = "#1f2933"
MUTED = "#616e7c"
GRID = "#e4e7eb"
PAPER = "#ffffff"

#: Okabe and Ito (2008), "Color universal design": eight colours that stay apart under the common colour-vision
#: deficiencies; the yellow comes last because thin yellow lines fade on white.
CATEGORICAL = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4d4d4d", "#F0E442")

#: Anchors after Brewer's YlGnBu (light to dark) and PuOr, both marked colour-blind safe and printable at
#: colorbrewer2.org, without their darkest ends, on which names could not be read.
_SEQUENTIAL = ("#eff5c4", "#c7e9b4", "#7fcdbb", "#41b6c4", "#2480b4", "#253494")
_DIVERGING = ("#a5520b", "#e08f35", "#fdd09b", "#f1f1ee", "#c9c5e2", "#8c7fb8", "#4b2a84")

OUTSIDE = "#dcdfe3"
NO_DATA = "#ffffff"
NO_DATA_HATCH = "#9aa5b1"


def sequential(number: int) -> tuple[str, ...]:
    """`number` colours from light (little) to dark (much)."""
    return _ramp(_SEQUENTIAL, number)


def diverging(number: int) -> tuple[str, ...]:
    """`number` colours from orange (below) over pale grey to purple (above)."""
    return _ramp(_DIVERGING, number)


def categorical(number: int) -> tuple[str, ...]:
    """`number` colours for unordered groups; beyond eight they would no longer be told apart.

    Raises
    ------
    ValueError
        More than eight groups.
    """
    if number > len(CATEGORICAL):
        raise ValueError(f"{number} groups, but only {len(CATEGORICAL)} colours that can be told apart")
    return CATEGORICAL[:number]


def format_number(value: float | None, digits: int = 3, missing: str = DASH) -> str:
    """`value` with `digits` decimals, a real minus sign, thousands separated from 10,000 on.

    What would round to nothing keeps two significant figures (0.00042, 4.2e−7), so that no estimate reads as zero.
    """
    if value is None or not math.isfinite(value):
        return missing
    size = abs(value)
    if size >= 10_000:
        text = f"{size:,.{min(digits, 1 if size < 100_000 else 0)}f}"
    elif size == 0 or float(f"{size:.{digits}f}") != 0:
        text = f"{size:.{digits}f}"
    elif size >= 1e-5:
        text = f"{size:.{1 - math.floor(math.log10(size))}f}"
    else:
        text = _scientific(size)
    negative = value < 0 and any(character in "123456789" for character in text)
    return MINUS + text if negative else text


def format_percent(share: float, digits: int = 0) -> str:
    """`share` times 100 with `digits` decimals and the sign %; with more where part of a whole would read as 100%."""
    while 0.5 < abs(share) < 1 and digits < 9 and float(f"{100 * abs(share):.{digits}f}") == 100:
        digits += 1
    return format_number(100 * share, digits) + "%"


def format_count(value: float | None, missing: str = DASH) -> str:
    """A whole number with thousands separated from 10,000 on (years and small counts stay plain)."""
    if value is None or not math.isfinite(value):
        return missing
    rounded = round(value)
    text = f"{abs(rounded):,}" if abs(rounded) >= 10_000 else str(abs(rounded))
    return MINUS + text if rounded < 0 else text


def format_p(value: float | None, digits: int = 3, missing: str = DASH) -> str:
    """A p-value; never 0, but ``<0.001``."""
    if value is None or not math.isfinite(value):
        return missing
    smallest = 10.0**-digits
    return f"<{smallest:.{digits}f}" if value < smallest else f"{value:.{digits}f}"


def format_interval(low: float | None, high: float | None, digits: int = 3, missing: str = DASH) -> str:
    """``[low, high]``; an open end is drawn as infinity, an interval that nobody computed as `missing`."""
    if low is None and high is None:
        return missing
    left = _bound(low, digits, MINUS + "∞")
    right = _bound(high, digits, "∞")
    return f"[{left}, {right}]"


def format_set(pieces: Sequence[tuple[float, float]], digits: int = 3) -> str:
    """Disjoint intervals joined by ``∪``; ``∅`` where there is none."""
    return " ∪ ".join(format_interval(low, high, digits) for low, high in pieces) or "∅"


def format_auto(value: float | None, figures: int = 3, missing: str = DASH) -> str:
    """`value` to `figures` significant figures, for legends and axes whose scale nobody knows beforehand."""
    if value is None or not math.isfinite(value):
        return missing
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent >= figures - 1:
        return format_count(round(value, figures - 1 - exponent))
    if exponent < -5:
        text = _scientific(abs(value))
        return MINUS + text if value < 0 else text
    return format_number(value, figures - 1 - exponent)


def plain_number(value: float | int | None) -> str:
    """`value` for machines: shortest text that reads back to the same number; empty where missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value)


def _bound(value: float | None, digits: int, infinite: str) -> str:
    return infinite if value is None or not math.isfinite(value) else format_number(value, digits)


def _scientific(size: float) -> str:
    mantissa, exponent = f"{size:.1e}".split("e")
    power = int(exponent)
    return f"{mantissa}e{MINUS if power < 0 else ''}{abs(power)}"


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _ramp(anchors: Sequence[str], number: int) -> tuple[str, ...]:
    if number < 1:
        raise ValueError("a ramp needs one colour at least")
    if number == 1:
        return (anchors[len(anchors) // 2],)
    last = len(anchors) - 1
    return tuple(_between(anchors, index * last / (number - 1)) for index in range(number))


def _between(anchors: Sequence[str], position: float) -> str:
    below = min(int(position), len(anchors) - 2)
    share = position - below
    pairs = zip(_rgb(anchors[below]), _rgb(anchors[below + 1]), strict=True)
    return "#" + "".join(f"{round(255 * (low + share * (high - low))):02x}" for low, high in pairs)
