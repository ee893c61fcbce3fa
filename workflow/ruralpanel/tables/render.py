"""A table → its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruralpanel.files import atomic_path, write_text
from ruralpanel.tables.layout import TableDocument
from ruralpanel.tables.render_csv import render_csv
from ruralpanel.tables.render_docx import render_docx
from ruralpanel.tables.render_html import render_html
from ruralpanel.tables.render_tex import render_tex

FORMATS = ("csv", "tex", "html", "docx")
_TEXTS = {"csv": render_csv, "tex": render_tex, "html": render_html}


def render(document: TableDocument, paths: Mapping[str, str | Path]) -> None:
    """Write `document` in each format that `paths` names (``csv``, ``tex``, ``html``, ``docx``).

    Raises
    ------
    KeyError
        A format that is none of these.
    """
    for form, path in paths.items():
        if form == "docx":
            with atomic_path(path) as temporary:
                temporary.write_bytes(render_docx(document))
        else:
            write_text(path, _TEXTS[form](document))
