"""Matplotlib's SVG, but that each text is measured and outlined once for all charts and maps of a job."""

from __future__ import annotations

import io
import re
from functools import cache
from typing import Any

from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.path import Path
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Transform

from ruralpanel.project import formats

POINTS = 72
PNG_DPI = 200
_MINUS = re.compile(rf"{formats.MINUS}(?=[\d.∞])")
"""Signs of numbers are set as en dashes: those of Noto Sans CJK are as wide as a Chinese character."""

_EDGE = 1e-6

Triple = tuple[float, float, float]
Shape = tuple[Any, Any]
"""Points of a glyph, and what Matplotlib does at each."""


class Outlines(TextToPath):
    """Texts as outlines in the first of some font files, or in the next that has a character."""

    def __init__(self, files: tuple[str, ...]) -> None:
        super().__init__()
        self.files = files
        self.font = get_font(files)
        self.font.set_size(self.FONT_SCALE, self.DPI)
        self.shapes: dict[str, Shape] = {}
        self.placed = cache(lambda text: super(Outlines, self).get_glyphs_with_font(self.font, text, self.shapes)[0])
        self.size = cache(self._size)

    def _size(self, text: str) -> Triple:
        return super().get_text_width_height_descent(text, FontProperties(size=1), False)

    def _get_font(self, prop: FontProperties) -> Any:
        return self.font

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> Triple:
        """Of a text in points."""
        points = prop.get_size_in_points()
        width, height, descent = self.size(s)
        return width * points, height * points, descent * points

    def get_glyphs_with_font(
        self, font: Any, s: str, glyph_map: Any = None, return_new_glyphs_only: bool = False, **features: Any
    ) -> tuple[list[tuple[str, float, float, float]], dict[str, Shape], list[Any]]:
        """Of each glyph of a text its name, place and scale; the outlines of those not in `glyph_map`, by name."""
        placed, known = self.placed(s), glyph_map or {}
        new = {glyph[0]: self.shapes[glyph[0]] for glyph in placed if glyph[0] not in known}
        return placed, new if return_new_glyphs_only else {**known, **new}, []

    def line(self) -> Triple:
        """What a line takes above and below its base, and between it and the next, in ems."""
        head, lines = self.font.get_sfnt_table("head"), self.font.get_sfnt_table("OS/2")
        assert head is not None and lines is not None
        own = (lines["sTypoAscender"], -lines["sTypoDescender"], lines["sTypoLineGap"])
        above, below, between = (part / head["unitsPerEm"] for part in own)
        return above, below, between


outlines = cache(Outlines)


class Renderer(RendererSVG):
    """Draws texts as outlines, and cuts nothing that lies inside its axes, which makes the picture faster to show.

    Attributes
    ----------
    texts : all that was drawn.
    """

    def __init__(self, width: float, height: float, written: io.StringIO, fonts: tuple[str, ...]) -> None:
        about = {"Date": None, "Creator": "ruralpanel"}
        super().__init__(width, height, written, image_dpi=PNG_DPI, metadata=about)  # type: ignore[no-untyped-call]
        self._text2path = outlines(fonts)
        self._line = self._text2path.line()
        self.texts: set[str] = set()

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> Triple:
        """Of a text in points."""
        return self._text2path.get_text_width_height_descent(_MINUS.sub(formats.DASH, s), prop, ismath)

    def _get_font_height_metrics(self, prop: FontProperties) -> Triple:
        """What Matplotlib would else ask the font file for, each time that it looks at a text."""
        points = prop.get_size_in_points()
        above, below, between = self._line
        return above * points, below * points, between * points

    def draw_text(self, gc: GraphicsContextBase, x: float, y: float, s: str, *how: Any, **more: Any) -> None:
        """Draw a text."""
        text = _MINUS.sub(formats.DASH, s)
        self.texts.add(text)
        super().draw_text(gc, x, y, text, *how, **more)  # type: ignore[no-untyped-call]

    def draw_path(self, gc: GraphicsContextBase, path: Path, transform: Transform, rgbFace: Any = None) -> None:
        """Draw a path."""
        room = gc.get_clip_rectangle()
        if room is not None:
            drawn = path.get_extents(transform)
            across = room.xmin - _EDGE <= drawn.xmin and drawn.xmax <= room.xmax + _EDGE
            if across and room.ymin - _EDGE <= drawn.ymin and drawn.ymax <= room.ymax + _EDGE:
                gc.set_clip_rectangle(None)
        super().draw_path(gc, path, transform, rgbFace)  # type: ignore[no-untyped-call]


class Canvas(FigureCanvasSVG):
    """One renderer measures and draws."""

    def __init__(self, figure: Figure, fonts: tuple[str, ...]) -> None:
        super().__init__(figure)
        self.written = io.StringIO()
        self.renderer = Renderer(*figure.bbox.size, self.written, fonts)

    def get_renderer(self) -> Renderer:
        """What Matplotlib measures text with while it finds the places of all parts."""
        return self.renderer
