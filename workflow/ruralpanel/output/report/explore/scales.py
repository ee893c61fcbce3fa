"""Ticks of axes and edges of classes at round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ruralpanel.output.maps.classes import Classes
from ruralpanel.project.formats import DASH, MINUS

_STEPS = (1.0, 2.0, 5.0, 10.0)
_LADDERS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
_MOST = 7
CROWDED = 0.5
"""Share of the figures in one class of an even scale from which on its steps are made to grow."""


def step_for(span: float, parts: int) -> float:
    """The round step (1, 2 or 5 times a power of ten) that cuts `span` in `parts` at most."""
    rough = span / parts
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(factor for factor in _STEPS if factor * power >= rough * (1 - 1e-9))


def ticks(low: float, high: float, parts: int = 5) -> tuple[float, ...]:
    """Round numbers between two limits."""
    if not high > low:
        return (low,)
    step = step_for(high - low, parts)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)))
    return tuple(round(index * step, digits) + 0.0 for index in range(first, last + 1))


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers (1, 2, 5 or 1, 3 of each power of ten, or powers alone) between two limits above zero."""
    for ladder in _LADDERS:
        found = _ladder(ladder, low * (1 - 1e-9), high * (1 + 1e-9))
        if len(found) <= _MOST:
            break
    return tuple(found[:: -(-len(found) // _MOST)]) if len(found) > 1 else ticks(low, high)


def rounded_classes(values: Sequence[float]) -> tuple[Classes, float | None]:
    """Classes with round edges, the outer ones open; even steps, or growing ones where few figures squash the others.

    Returns
    -------
    The classes and, where their steps grow (1, 2, 5, 10 … or 1, 3, 10 …), the share of the figures that one class of
    an even scale would have held; else None.

    Raises
    ------
    ValueError
        No finite value.
    """
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    if x.size == 0:
        raise ValueError("no value to make classes of")
    low, high = float(x.min()), float(x.max())
    if low == high:
        return Classes((low, high)), None
    even = _open([edge for edge in ticks(low, high, _MOST) if low < edge < high] or [(low + high) / 2])
    share = float(np.bincount(even.of(x.tolist()), minlength=1).max() / x.size)
    if low >= 0 and share > CROWDED:
        # zeros and the smallest figures fall into the lowest class, which is open below
        smallest = float(np.quantile(x[x > 0], 0.02))
        for ladder in _LADDERS:
            edges = _ladder(ladder, smallest, high)
            if 2 <= len(edges) < _MOST:
                return _open(edges), share
    return even, None


def class_labels(classes: Classes) -> tuple[str, ...]:
    """``< 5``, ``5–10``, ``≥ 10`` with the decimals that each edge needs; others as on maps."""
    inner = classes.edges[1:-1]
    texts = [f"{edge:.12g}" for edge in inner]
    if not inner or any("e" in text or len(text.strip("-0.").replace(".", "")) > 2 for text in texts):
        return classes.labels()
    shown = [text if abs(edge) < 1000 else f"{edge:,.0f}" for edge, text in zip(inner, texts, strict=True)]
    shown = [text.replace("-", MINUS) for text in shown]
    joint = f" {DASH} " if any(edge < 0 for edge in inner) else DASH
    between = [f"{low}{joint}{high}" for low, high in pairwise(shown)]
    return f"< {shown[0]}", *between, f"≥ {shown[-1]}"


def _ladder(factors: Sequence[float], low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    edges = (float(f"{factor}e{power}") for power in powers for factor in factors)
    return [edge for edge in edges if low < edge < high]


def _open(edges: Sequence[float]) -> Classes:
    return Classes((-math.inf, *edges, math.inf))
