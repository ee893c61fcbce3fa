"""The fonts that charts, maps and the PDF are set in, and the characters they lack."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from ruralpanel.project.problems import Problem, UserError, raise_any

FAMILY = "Noto Sans CJK SC"
_FILE = "NotoSansCJKsc-Regular.otf"

#: Set without a glyph: they only space or join.
_INVISIBLE = frozenset("\n\r\t\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f")
#: No drawing can hold them (SVG is XML), though some fonts have a sign for them.
_CONTROL = frozenset(range(32))


def cjk_font() -> Path:
    """The file of Noto Sans CJK SC (Latin, Greek and Chinese in one design), from the package ``mplfonts``.

    The package is looked up, not imported: its import changes Matplotlib's settings.

    Raises
    ------
    UserError
        The package or its font file is not installed.
    """
    spec = importlib.util.find_spec("mplfonts")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "fonts" / _FILE
        if path.is_file():
            return path
    raise UserError(
        Problem(
            "the Python environment",
            "",
            "no font with Chinese characters",
            f"{_FILE} in the package mplfonts",
            "install the pinned requirements again (make)",
        )
    )


@cache
def fallback_font() -> Path:
    """DejaVu Sans, which comes with Matplotlib: a few signs that Noto Sans CJK lacks (⁴, ₀ …)."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"


def figure_fonts() -> tuple[Path, ...]:
    """The font files of charts and maps, in the order in which a character is looked for."""
    return (cjk_font(), fallback_font())


def missing_glyphs(text: str, font: str | Path | Sequence[str | Path]) -> set[str]:
    """The characters of `text` for which no `font` (a file, or several in order) has a glyph.

    Raises
    ------
    UserError
        A font file that cannot be read.
    """
    fonts = [font] if isinstance(font, (str, Path)) else list(font)
    characters = set(text) - _INVISIBLE
    for path in fonts:
        characters = {character for character in characters if not _has_glyph(str(path), character)}
    return characters


def require_glyphs(texts: Iterable[str], fonts: Sequence[str | Path], file: str, where: str) -> None:
    """Raise `UserError` naming every character of `texts` that no font has, and a text in which it stands."""
    texts = list(texts)
    missing = missing_glyphs("".join(set().union(*texts)), fonts)
    first = {character: next(text for text in texts if character in text) for character in sorted(missing)}
    raise_any(_no_glyph(character, text, fonts, file, where) for character, text in first.items())


def _no_glyph(character: str, text: str, fonts: Sequence[str | Path], file: str, where: str) -> Problem:
    shown = text if len(text) <= 60 else text[:57] + "…"
    return Problem(
        file,
        where,
        f'"{character}" (U+{ord(character):04X}) in "{shown}"',
        "characters of " + ", ".join(Path(font).name for font in fonts),
        "write the text without it",
    )


def _has_glyph(path: str, character: str) -> bool:
    return ord(character) in _character_map(path)


@cache
def _character_map(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap()) - _CONTROL
    except (OSError, RuntimeError) as error:
        raise UserError(
            Problem(path, "", str(error) or type(error).__name__, "a TrueType or OpenType font file")
        ) from error
