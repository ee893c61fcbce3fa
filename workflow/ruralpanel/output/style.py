"""Colours that tables, charts, maps and the report share."""

from __future__ import annotations

from collections.abc import Sequence

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


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green and blue of ``#rrggbb``, from zero to one."""
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
    pairs = zip(rgb(anchors[below]), rgb(anchors[below + 1]), strict=True)
    return "#" + "".join(f"{round(255 * (low + share * (high - low))):02x}" for low, high in pairs)
