"""A table in LaTeX, and a check that it will compile."""

from __future__ import annotations

from ruralpanel.output.tables.document import Column, Row, Spanner, TableDocument
from ruralpanel.output.words import word

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "\n": " ",
    "\r": " ",
    "\t": " ",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "→": r"$\to$",
    "√": r"$\surd$",
    "∞": r"$\infty$",
    "∪": r"$\cup$",
    "∅": r"$\emptyset$",
    "∂": r"$\partial$",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "⁴": r"\textsuperscript{4}",
    "⁸": r"\textsuperscript{8}",
    "°": r"\textdegree{}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "\u00a0": "~",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    "θ": r"$\theta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "ρ": r"$\rho$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "χ": r"$\chi$",
}
_LAST_OF_PDFLATEX = "\u017f"
_LETTER = {"left": "l", "centre": "c", "right": "r"}
_WIDE = 6
_LONG_TEXT = 40


def escape_tex(text: str) -> str:
    """`text` with LaTeX's special characters escaped and common signs as commands; other letters stay as they are."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def render_tex(document: TableDocument) -> str:
    """A ``table`` environment to ``\\input``; its first line names the packages that it needs."""
    wide = len(document.columns) > _WIDE
    packages = "booktabs, threeparttable" + (", adjustbox" if wide else "")
    needs = f"{packages}; XeLaTeX with ctex" if document.language == "zh" else packages + _fonts(document)
    lines = [
        f"% Needs {needs}.",
        r"\begin{table}[htbp]",
        r"\centering",
        *([r"\begin{adjustbox}{max width=\textwidth}"] if wide else []),
        r"\begin{threeparttable}",
        rf"\caption{{{escape_tex(document.title)}}}",
        rf"\label{{tab:{document.name.replace('_', '-')}}}",
        rf"\begin{{tabular}}{{{_column_spec(document)}}}",
        r"\toprule",
        *_head(document),
        r"\midrule",
        *_body(document),
        r"\bottomrule",
        r"\end{tabular}",
        *_notes(document),
        r"\end{threeparttable}",
        *([r"\end{adjustbox}"] if wide else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _fonts(document: TableDocument) -> str:
    """What letters ask for that pdfLaTeX does not set."""
    odd = sorted({letter for text in document.texts for letter in escape_tex(text) if letter > _LAST_OF_PDFLATEX})
    return f"; XeLaTeX or LuaLaTeX with a font that has {' '.join(odd[:12])}" if odd else ""


def _column_spec(document: TableDocument) -> str:
    """``lccc``; columns of long text wrap."""
    longest = [0] * len(document.columns)
    stub = len(document.stub)
    for row in document.rows:
        stub = max(stub, len(row.label) if row.kind != "section" else 0)
        longest = (
            [max(size, len(cell.text)) for size, cell in zip(longest, row.cells, strict=True)] if row.cells else longest
        )
    first = r"p{5cm}" if stub > 2 * _LONG_TEXT else "l"
    return first + "".join(_letter(column, size) for column, size in zip(document.columns, longest, strict=True))


def _letter(column: Column, longest: int) -> str:
    if column.align == "left" and longest > _LONG_TEXT:
        return r"p{4cm}"
    return _LETTER[column.align]


def _head(document: TableDocument) -> list[str]:
    lines = []
    for level in document.spanners:
        lines.append(" & ".join(["", *_spanner_cells(level, len(document.columns))]) + r" \\")
        rules = [
            rf"\cmidrule(lr){{{spanner.first + 2}-{spanner.last + 2}}}"
            for spanner in level
            if spanner.last > spanner.first
        ]
        lines += [" ".join(rules)] if rules else []
    labels = [_column_head(column) for column in document.columns]
    return [*lines, " & ".join([_guard(escape_tex(document.stub)), *labels]) + r" \\"]


def _column_head(column: Column) -> str:
    return rf"\multicolumn{{1}}{{{_LETTER[column.align]}}}{{{escape_tex(column.label)}}}"


def _spanner_cells(level: tuple[Spanner, ...], width: int) -> list[str]:
    cells: list[str] = []
    at = 0
    for spanner in level:
        cells += [""] * (spanner.first - at)
        cells.append(rf"\multicolumn{{{spanner.last - spanner.first + 1}}}{{c}}{{{escape_tex(spanner.label)}}}")
        at = spanner.last + 1
    return cells + [""] * (width - at)


def _body(document: TableDocument) -> list[str]:
    lines: list[str] = []
    before: Row | None = None
    for row in document.rows:
        if before is not None:
            if row.kind == "summary" and before.kind != "summary":
                lines.append(r"\midrule")
            elif row.kind == "section" or (row.kind == "entry" and before.kind == "detail"):
                lines.append(r"\addlinespace")
        before = row
        if row.kind == "section":
            lines.append(rf"\multicolumn{{{len(document.columns) + 1}}}{{l}}{{\textit{{{escape_tex(row.label)}}}}} \\")
        else:
            cells = [_guard(escape_tex(row.label)), *(escape_tex(cell.text) for cell in row.cells)]
            lines.append(" & ".join(cells) + r" \\")
    return lines


def _guard(label: str) -> str:
    r"""A row that begins with ``[`` or ``*`` would be taken for an argument of the ``\\`` before it."""
    return "{}" + label if label[:1] in ("[", "*") else label


def _notes(document: TableDocument) -> list[str]:
    if not document.notes:
        return []
    heading = word("notes", document.language) + word("colon", document.language).rstrip()
    items = [escape_tex(note) for note in document.notes]
    items[0] = rf"\textit{{{heading}}} {items[0]}"
    return [
        r"\begin{tablenotes}[flushleft]",
        r"\footnotesize",
        *(rf"\item[] {item}" for item in items),
        r"\end{tablenotes}",
    ]
