"""Where the names of units stand on a map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruralpanel.maps.geometry import Boundaries, Shape
from ruralpanel.text_width import width_of

_RINGS = (0.035, 0.05, 0.065, 0.08, 0.1, 0.12)
_DIRECTIONS = 24
_LINE_HEIGHT = 1.15


@dataclass(frozen=True)
class Label:
    """A name, its centre in the plane and, where it stands beside its unit, the point in the unit that it names."""

    text: str
    x: float
    y: float
    pointer: tuple[float, float] | None = None


def place_labels(boundaries: Boundaries, names: Mapping[str, str], em: float) -> dict[str, Label]:
    """Positions of `names` (id → text), where `em` is the type size in the units of the plane.

    Largest unit first: a name that fits into its unit stands in it, at the centre of the largest circle inside or,
    where another name is in the way, a little beside. Then the others, smallest unit first: at the nearest place off
    all polygons and clear of other names, within an eighth of the map's width, tied to the unit by a line; where there
    is none (a small unit amid others) inside, overhanging.
    """
    import shapely

    shapes = {identifier: boundaries.shapes[identifier] for identifier in names if identifier in boundaries.shapes}
    by_size = sorted(shapes, key=lambda name: (-math.prod(shapes[name].size), name))
    placed: dict[str, Label] = {}
    boxes: list[Any] = []

    def free(x: float, y: float, text: str) -> bool:
        box = _box(shapely, x, y, text, em)
        return not any(box.intersects(other) for other in boxes)

    def put(identifier: str, label: Label) -> None:
        placed[identifier] = label
        boxes.append(_box(shapely, label.x, label.y, label.text, em))

    crowded: list[str] = []
    for identifier in by_size:
        text, shape = names[identifier], shapes[identifier]
        inside = next(((x, y) for x, y in _shifts(shape, em) if free(x, y, text)), None)
        if inside is not None and _fits(shape, text, em):
            put(identifier, Label(text, *inside))
        else:
            crowded.append(identifier)
    land = boundaries.land
    shapely.prepare(land)
    for identifier in reversed(crowded):
        text, shape = names[identifier], shapes[identifier]
        for x, y in _around(shape.anchor, text, em, boundaries.extent):
            if free(x, y, text) and not land.intersects(_box(shapely, x, y, text, em)):
                put(identifier, Label(text, x, y, shape.anchor))
                break
        else:
            inside = next(((x, y) for x, y in _shifts(shape, em) if free(x, y, text)), shape.anchor)
            put(identifier, Label(text, *inside))
    return {identifier: placed[identifier] for identifier in shapes}


def _fits(shape: Shape, text: str, em: float) -> bool:
    width, height = shape.size
    return width_of(text) * em <= 1.05 * width and _LINE_HEIGHT * em <= 0.6 * height


def _box(shapely: Any, x: float, y: float, text: str, em: float) -> Any:
    half_width, half_height = width_of(text) * em / 2, _LINE_HEIGHT * em / 2
    return shapely.box(x - half_width, y - half_height, x + half_width, y + half_height)


def _shifts(shape: Shape, em: float) -> Iterator[tuple[float, float]]:
    """The anchor, then places up to 1.2 lines or a quarter of the unit's width beside it, the nearest first."""
    x, y = shape.anchor
    across, along = 1.2 * _LINE_HEIGHT * em, max(0.25 * shape.size[0], 0.6 * em)
    steps = [(i / 4 * along, j / 4 * across) for i in range(-4, 5) for j in range(-4, 5)]
    for dx, dy in sorted(steps, key=lambda step: (math.hypot(*step), step)):
        yield x + dx, y + dy


def _around(
    anchor: tuple[float, float], text: str, em: float, extent: tuple[float, float, float, float]
) -> Iterator[tuple[float, float]]:
    """Centres on growing rings around `anchor`, inside the map; the ring is widened by half the name's width."""
    west, south, east, north = extent
    half = width_of(text) * em / 2
    for share in _RINGS:
        radius = share * (east - west)
        for step in range(_DIRECTIONS):
            angle = 2 * math.pi * step / _DIRECTIONS
            x = anchor[0] + (radius + half) * math.cos(angle)
            y = anchor[1] + radius * math.sin(angle)
            if west <= x - half and x + half <= east and south <= y - em / 2 and y + em / 2 <= north:
                yield x, y
