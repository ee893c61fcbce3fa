"""What all charts and maps share: settings, fonts, saving the same bytes each time."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ruralpanel.output import style
from ruralpanel.output.fonts import FAMILY, cjk_font, figure_fonts, require_glyphs
from ruralpanel.output.labels import wrapped
from ruralpanel.project.files import atomic_path
from ruralpanel.project.problems import CONFIGURATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEADER = 33
"""Bytes of a PNG before what may say its density."""

NOTE_POINTS = 7.0

_SETTINGS: Mapping[str, object] = {
    "axes.edgecolor": style.MUTED,
    "axes.labelcolor": style.INK,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": style.INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.unicode_minus": True,
    "figure.facecolor": style.PAPER,
    "font.family": [FAMILY, "DejaVu Sans"],
    "font.size": 8.5,
    "grid.color": style.GRID,
    "grid.linewidth": 0.6,
    "hatch.color": style.NO_DATA_HATCH,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "path.simplify": True,
    "savefig.facecolor": style.PAPER,
    "svg.fonttype": "path",
    "svg.hashsalt": "ruralpanel",
    "text.color": style.INK,
    "text.parse_math": False,
    "xtick.color": style.MUTED,
    "xtick.labelcolor": style.INK,
    "xtick.labelsize": 8,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.color": style.MUTED,
    "ytick.labelcolor": style.INK,
    "ytick.labelsize": 8,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
}


#: Settings of the session rather than of a drawing.
_NOT_OURS = frozenset({"backend", "backend_fallback", "interactive", "toolbar", "date.epoch", "timezone"})


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib's defaults with this project's settings on top, whatever the user's own; undone at the end."""
    import matplotlib

    _register(str(cjk_font()))
    defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if key not in _NOT_OURS}
    settings: dict[Any, Any] = {**defaults, **_SETTINGS}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # Matplotlib warns of a missing glyph, which `save` makes an error of.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure of `width` × `height` inches that no window ever shows."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.font_manager import findfont

    from ruralpanel.output.charts.renderer import POINTS, Canvas

    figure = Figure(figsize=(width, height), dpi=POINTS, layout=layout)
    Canvas(figure, tuple(findfont(family) for family in matplotlib.rcParams["font.family"]))
    return figure


def save(
    figure: Figure,
    paths: Mapping[str, str | Path],
    where: str,
    outlined: Iterable[str] = (),
) -> None:
    """Write `figure` as ``svg`` and ``png``, without dates or versions inside; nothing is written if a glyph lacks.

    The figure is drawn once, as SVG; its pixels are those of the SVG.

    Parameters
    ----------
    outlined : texts that the figure shows as outlines.

    Raises
    ------
    UserError
        Text with characters that no font has; `where` names the chart in the configuration.
    """
    from ruralpanel.output.charts.renderer import Canvas

    canvas = figure.canvas
    assert isinstance(canvas, Canvas)
    figure.draw(canvas.renderer)
    require_glyphs(sorted({*outlined, *canvas.renderer.texts}), figure_fonts(), CONFIGURATION, where)
    canvas.renderer.finalize()  # type: ignore[no-untyped-call]
    svg = canvas.written.getvalue()
    for form, path in paths.items():
        with atomic_path(path) as temporary:
            temporary.write_bytes(svg.encode() if form == "svg" else pixels(svg))


def pixels(svg: str) -> bytes:
    """A drawing as PNG with `PNG_DPI` dots an inch on white, by typst's own renderer; its texts must be outlines."""
    import typst

    from ruralpanel.output.charts.renderer import PNG_DPI

    png = typst.compile(
        b'#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes(sys.inputs.drawing), format: "svg")',
        format="png",
        ppi=PNG_DPI,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False),
        ignore_system_fonts=True,
        sys_inputs={"drawing": svg},
    )
    density = struct.pack(">4sIIB", b"pHYs", *[round(PNG_DPI / 0.0254)] * 2, 1)  # dots a metre: its size in a text
    chunk = struct.pack(">I", 9) + density + struct.pack(">I", zlib.crc32(density))
    return png[:_HEADER] + chunk + png[_HEADER:]


def foot_note(figure: Figure, note: str) -> None:
    """A note below the chart, broken to its width; an empty one takes no room."""
    if note:
        words = "\n".join(wrapped(note, note_width(figure)))
        figure.supxlabel(words, fontsize=NOTE_POINTS, color=style.MUTED, ha="left", x=0.01)


def note_width(figure: Figure) -> float:
    """Ems of a line of a note."""
    return 0.94 * 72 * figure.get_figwidth() / NOTE_POINTS


def zero_line(axes: Axes, horizontal: bool = True) -> None:
    """A thin line at zero, over the grid and under the data."""
    line = axes.axhline if horizontal else axes.axvline
    line(0, color=style.INK, linewidth=0.8, zorder=1.5)


def grid(axes: Axes, axis: str) -> None:
    """A light grid across ``x`` or ``y``, under the data."""
    axes.set_axisbelow(True)
    axes.grid(True, axis=axis)  # type: ignore[arg-type]


@cache
def _register(path: str) -> None:
    """Make the font file known to Matplotlib."""
    from matplotlib.font_manager import fontManager

    fontManager.addfont(path)
