"""How wide text will be, near enough to place and break it before anything is drawn."""

from __future__ import annotations

import unicodedata

_AVERAGE_LATIN_WIDTH = 0.54


def width_of(text: str) -> float:
    """Width in ems: Chinese characters one, others half of one on average."""
    return sum(1.0 if unicodedata.east_asian_width(character) in "WF" else _AVERAGE_LATIN_WIDTH for character in text)


def wrapped(text: str, ems: float) -> list[str]:
    """`text` in lines of at most `ems`, broken at blanks or between Chinese characters; a longer word stays whole."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and width_of((line + piece).rstrip()) > ems:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    """Words with the blank after them; Chinese characters one by one."""
    pieces: list[str] = []
    for character in text:
        joins = pieces and not _wide(character) and not pieces[-1].endswith(" ") and not _wide(pieces[-1][-1])
        if joins:
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
