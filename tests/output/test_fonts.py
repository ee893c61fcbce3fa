"""Fonts: which characters can be set."""

from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from ruralpanel.output.fonts import cjk_font, fallback_font, figure_fonts, missing_glyphs, require_glyphs
from ruralpanel.project.problems import UserError


def test_chinese_latin_greek_and_signs_are_there() -> None:
    text = "农村工业 黑龙江 Rural industry, ñ é ü, αβδτ, −×±≤≥²–—“”…（，。）"
    assert missing_glyphs(text, cjk_font()) == set()


def test_missing_characters_are_named_and_blanks_are_not() -> None:
    assert missing_glyphs("a\n\t\u200b\ue000b", cjk_font()) == {"\ue000"}
    assert missing_glyphs("a\x0bb\0", figure_fonts()) == {"\x0b", "\0"}  # which DejaVu has, and no SVG holds


def test_fonts_are_tried_in_order() -> None:
    assert missing_glyphs("省⁴", cjk_font()) == {"⁴"}
    assert missing_glyphs("省⁴", fallback_font()) == {"省"}
    assert missing_glyphs("省⁴", figure_fonts()) == set()


def test_agrees_with_another_reader_of_fonts() -> None:
    """FreeType's character map against that of fontTools (which Matplotlib brings), over a spread of code points."""
    with TTFont(cjk_font(), lazy=True) as font:
        known = font.getBestCmap()
    sample = [chr(code) for code in range(0x21, 0xFFFF, 97) if not 0xD800 <= code <= 0xDFFF]
    sample = [character for character in sample if character not in "\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f"]
    expected = {character for character in sample if ord(character) not in known}
    assert missing_glyphs("".join(sample), cjk_font()) == expected
    assert 0 < len(expected) < len(sample)


def test_required_glyphs_raise_one_problem_per_character() -> None:
    with pytest.raises(UserError) as raised:
        require_glyphs(
            ["fine", "bad \ue000", "bad \ue000 again", "\ue001"], figure_fonts(), "config.yaml", "maps.levers"
        )
    problems = raised.value.problems
    assert [problem.found for problem in problems] == [
        '"\ue000" (U+E000) in "bad \ue000"',
        '"\ue001" (U+E001) in "\ue001"',
    ]
    assert {problem.where for problem in problems} == {"maps.levers"}


def test_a_file_that_is_no_font(tmp_path: Path) -> None:
    path = tmp_path / "font.otf"
    path.write_text("not a font")
    with pytest.raises(UserError, match="expected a TrueType or OpenType font"):
        missing_glyphs("a", path)
    with pytest.raises(UserError, match="nowhere"):
        missing_glyphs("a", tmp_path / "nowhere.otf")
