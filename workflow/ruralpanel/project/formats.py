"""Numbers in print: minus signs, digits, percentages, intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

MINUS = "\u2212"
DASH = "\u2013"


def format_number(value: float | None, digits: int = 3) -> str:
    """`value` with `digits` decimals, a real minus sign, thousands separated from 1,000 on.

    What would round to nothing keeps two significant figures (0.00042, 4.2e−7), so that no estimate reads as zero.
    """
    if value is None or not math.isfinite(value):
        return DASH
    size = abs(value)
    if size >= 1000:
        text = f"{size:,.{digits if size < 10_000 else min(digits, int(size < 100_000))}f}"
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


def format_count(value: float | None) -> str:
    """A whole number with thousands separated from 1,000 on (years are no counts)."""
    if value is None or not math.isfinite(value):
        return DASH
    rounded = round(value)
    return f"{MINUS if rounded < 0 else ''}{abs(rounded):,}"


def format_p(value: float | None, digits: int = 3) -> str:
    """A p-value; never 0, but ``<0.001``."""
    if value is None or not math.isfinite(value):
        return DASH
    smallest = 10.0**-digits
    return f"<{smallest:.{digits}f}" if value < smallest else f"{value:.{digits}f}"


def format_interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """``[low, high]``; an open end is drawn as infinity, an interval that nobody computed as a dash."""
    if low is None and high is None:
        return DASH
    left = _bound(low, digits, MINUS + "∞")
    right = _bound(high, digits, "∞")
    return f"[{left}, {right}]"


def format_set(pieces: Sequence[tuple[float, float]], digits: int = 3) -> str:
    """Disjoint intervals joined by ``∪``; ``∅`` where there is none."""
    return " ∪ ".join(format_interval(low, high, digits) for low, high in pieces) or "∅"


def format_auto(value: float | None, figures: int = 3) -> str:
    """`value` to `figures` significant figures, for legends and axes whose scale nobody knows beforehand."""
    if value is None or not math.isfinite(value):
        return DASH
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
