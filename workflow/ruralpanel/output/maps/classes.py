"""Class breaks of a map's values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ruralpanel.output import style
from ruralpanel.project.formats import DASH, format_auto, format_number

METHODS = ("quantiles", "equal", "user")


@dataclass(frozen=True)
class Classes:
    """Classes by their edges: class k holds ``edges[k] ≤ value < edges[k + 1]``, the last one its upper edge too.

    Attributes
    ----------
    edges : one more than there are classes, ascending; the outer ones may be infinite.
    """

    edges: tuple[float, ...]

    @property
    def number(self) -> int:
        """How many classes there are."""
        return len(self.edges) - 1

    def of(self, values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Class of each value; −1 where it is missing or outside the edges."""
        x = np.asarray(values, dtype=float)
        classes = np.searchsorted(np.asarray(self.edges), x, side="right") - 1
        classes = np.where(x == self.edges[-1], self.number - 1, classes)
        inside = (x >= self.edges[0]) & (x <= self.edges[-1])
        return np.where(inside, classes, -1).astype(np.intp)

    def fills(self, values: Mapping[str, float], colours: Sequence[str]) -> dict[str, str]:
        """Unit → the colour of its class; values without a class must not occur."""
        return {unit: colours[index] for unit, index in zip(values, self.of(list(values.values())), strict=True)}

    def labels(self) -> tuple[str, ...]:
        """``12.3–45.6`` for each class, with as few figures as tell all edges apart (three at least)."""
        texts = _distinct(self.edges)
        labels = []
        for low, high in pairwise(texts):
            if low == high:
                labels.append(low)
            elif not low:
                labels.append(f"< {high}")
            elif not high:
                labels.append(f"≥ {low}")
            else:
                joint = f" {DASH} " if "−" in low + high else DASH
                labels.append(f"{low}{joint}{high}")
        return tuple(labels)


def find_classes(values: Sequence[float], method: str, number: int, breaks: Sequence[float] = ()) -> Classes:
    """Class edges of `values` (missing ones left out).

    Quantiles are NumPy's with linear interpolation; quantiles that coincide because of ties are merged, so that there
    may be fewer classes than asked for. Declared `breaks` (``user``) are the inner edges; the outer classes are open.

    Raises
    ------
    ValueError
        No value at all, an unknown method, or ``user`` without breaks.
    """
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    if method == "user":
        if not breaks:
            raise ValueError("user classes need breaks")
        return Classes((-math.inf, *sorted({float(value) for value in breaks}), math.inf))
    if x.size == 0:
        raise ValueError("no value to make classes of")
    if method == "quantiles":
        edges = np.quantile(x, np.linspace(0, 1, number + 1))
    elif method == "equal":
        edges = np.linspace(x.min(), x.max(), number + 1)
    else:
        raise ValueError(f"unknown method {method}")
    distinct = [float(edges[0])]
    for edge in edges[1:]:
        if edge > distinct[-1]:
            distinct.append(float(edge))
    return Classes(tuple(distinct)) if len(distinct) > 1 else Classes((distinct[0], distinct[0]))


def _distinct(edges: Sequence[float]) -> list[str]:
    """Edges as text, all with the same decimals, rounded no further than keeps them apart; empty where infinite."""
    finite = [edge for edge in edges if math.isfinite(edge)]
    largest = max((abs(edge) for edge in finite), default=0.0)
    if largest < 1e-4:
        return [format_auto(edge) if math.isfinite(edge) else "" for edge in edges]
    first = max(0, 2 - math.floor(math.log10(largest)))
    for digits in range(first, first + 5):
        texts = [_rounded(edge, digits) for edge in finite]
        if len(set(texts)) == len(set(finite)):
            break
    return [_rounded(edge, digits) if math.isfinite(edge) else "" for edge in edges]


def _rounded(edge: float, digits: int) -> str:
    rounded = round(edge, digits)
    if digits == 0:
        return f"{rounded:,.0f}".replace("-", "−")
    return "0" if rounded == 0 else format_number(rounded, digits)


def class_colours(classes: Classes, palette: str) -> tuple[str, ...]:
    """A colour for each class; a diverging palette is pale where the class holds zero, whatever its place."""
    if palette != "diverging":
        return style.sequential(classes.number)
    below = [high <= 0 for high in classes.edges[1:]]
    above = [low >= 0 for low in classes.edges[:-1]]
    reach = max(sum(below), sum(above))
    ramp = style.diverging(2 * reach + 1)
    colours = []
    for index in range(classes.number):
        if below[index]:
            colours.append(ramp[reach - (sum(below) - index)])
        elif above[index]:
            colours.append(ramp[reach + (index - (classes.number - sum(above)) + 1)])
        else:
            colours.append(ramp[reach])
    return tuple(colours)
