"""A table in LaTeX, for an upright page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from ruralpanel.output.tables.document import Alignment, Row, Spanner, TableDocument
from ruralpanel.output.tables.layout import GAP, INTERVAL, Panel, lines_of, panels
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
    "ε": r"$\epsilon$",
    "ζ": r"$\zeta$",
    "η": r"$\eta$",
    "θ": r"$\theta$",
    "κ": r"$\kappa$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "ν": r"$\nu$",
    "ξ": r"$\xi$",
    "π": r"$\pi$",
    "ρ": r"$\rho$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "φ": r"$\phi$",
    "χ": r"$\chi$",
    "ψ": r"$\psi$",
    "ω": r"$\omega$",
    "Δ": r"$\Delta$",
    "Σ": r"$\Sigma$",
    "Ω": r"$\Omega$",
}
_LAST_OF_PDFLATEX = "\u017f"
_ALIGNED = {"left": r"\raggedright", "centre": r"\centering", "right": r"\raggedleft"}
_ROOM = 16.0
"""The width of the text on A4 with margins of 2.5 cm."""
_SIZES = {9.0: r"\footnotesize", 8.0: r"\scriptsize"}
"""Points in a document of 11 points."""


def escape_tex(text: str) -> str:
    """`text` with LaTeX's special characters escaped and common signs as commands; other letters stay as they are."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def render_tex(document: TableDocument) -> str:
    r"""A ``longtable`` to ``\input``, which pages may break; its first line names the packages that it needs.

    Columns are shares of the line and wrap. What is too wide for an upright page follows in further panels of columns.
    """
    packages = "array, booktabs, longtable"
    size, parts = panels(document, _ROOM, tuple(_SIZES))
    needs = f"{packages}; XeLaTeX with ctex" if document.language == "zh" else packages + _fonts(document)
    lines = [
        f"% Needs {needs}.",
        r"\begingroup",
        _SIZES[size],
        rf"\setlength{{\tabcolsep}}{{{GAP / 2:.2f}cm}}",
        r"\setlength{\LTcapwidth}{\linewidth}",
    ]
    for number, panel in enumerate(parts):
        lines += _panel(panel, size, first=number == 0)
    return "\n".join([*lines, *_notes(document), r"\endgroup"]) + "\n"


def _panel(panel: Panel, size: float, first: bool) -> list[str]:
    document = panel.document
    caption = [
        rf"\caption{{{escape_tex(document.title)}}}",
        rf"\label{{tab:{document.name.replace('_', '-')}}}\\",
    ]
    head = [r"\toprule", *_head(panel), r"\midrule"]
    return [
        *([] if first else [r"\addtocounter{table}{-1}"]),
        rf"\begin{{longtable}}{{@{{}}{''.join(_column_specs(panel))}@{{}}}}",
        *([*caption, *head, r"\endfirsthead"] if first else []),
        *head,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *_body(panel, size),
        r"\end{longtable}",
    ]


def _fonts(document: TableDocument) -> str:
    """What letters ask for that pdfLaTeX does not set."""
    odd = sorted({letter for text in document.texts for letter in escape_tex(text) if letter > _LAST_OF_PDFLATEX})
    return f"; XeLaTeX or LuaLaTeX with a font that has {' '.join(odd[:12])}" if odd else ""


def _column_specs(panel: Panel) -> list[str]:
    aligns: list[Alignment] = ["left", *(column.align for column in panel.document.columns)]
    return [_spec(align, width) for align, width in zip(aligns, (panel.stub, *panel.widths), strict=True)]


def _spec(align: Alignment, width: float) -> str:
    r"""A column that wraps; ``\hspace`` lets TeX hyphenate the first word too."""
    return rf">{{{_ALIGNED[align]}\arraybackslash\hspace{{0pt}}}}p{{{width / _ROOM:.4f}\linewidth}}"


def _head(panel: Panel) -> list[str]:
    document = panel.document
    lines = []
    for level in document.spanners:
        lines.append(" & ".join(["", *_spanner_cells(level, panel.widths)]) + r" \\")
        rules = [
            rf"\cmidrule(lr){{{spanner.first + 2}-{spanner.last + 2}}}"
            for spanner in level
            if spanner.last > spanner.first
        ]
        lines += [" ".join(rules)] if rules else []
    labels = [escape_tex(column.label) for column in document.columns]
    return [*lines, " & ".join([_guard(escape_tex(document.stub)), *labels]) + r" \\"]


def _spanner_cells(level: tuple[Spanner, ...], widths: Sequence[float]) -> list[str]:
    cells: list[str] = []
    at = 0
    for spanner in level:
        cells += [""] * (spanner.first - at)
        over = widths[spanner.first : spanner.last + 1]
        spec = _spec("centre", sum(over) + GAP * (len(over) - 1))
        edge = "@{}" if spanner.last == len(widths) - 1 else ""
        cells.append(rf"\multicolumn{{{len(over)}}}{{{spec}{edge}}}{{{escape_tex(spanner.label)}}}")
        at = spanner.last + 1
    return cells + [""] * (len(widths) - at)


def _body(panel: Panel, size: float) -> list[str]:
    document = panel.document
    lines: list[str] = []
    before: Row | None = None
    for number, row in enumerate(document.rows):
        if before is not None:
            if row.kind == "summary" and before.kind != "summary":
                lines.append(r"\midrule")
            elif row.kind == "section" or (row.kind == "entry" and before.kind == "detail"):
                lines.append(r"\addlinespace")
            elif row.kind == "detail":
                lines[-1] += "*"  # a page does not end between an estimate and what stands beneath it
        before = row
        if row.kind == "section":
            lines.append(
                rf"\multicolumn{{{len(document.columns) + 1}}}{{@{{}}l}}{{\textit{{{escape_tex(row.label)}}}}} \\*"
            )
        else:
            beneath = list(takewhile(lambda after: after.kind == "detail", document.rows[number + 1 :]))
            label = _guard(escape_tex(row.label))
            if beneath and 1 < lines_of(row.label, panel.stub, size) <= 1 + len(beneath):
                parbox = rf"\parbox[t]{{\linewidth}}{{\raggedright {escape_tex(row.label)}}}"
                label = rf"\raisebox{{0pt}}[0pt][0pt]{{{parbox}}}"  # reaches down beside the lines of the estimate
            cells = [label, *(_unbroken(cell.text) for cell in row.cells)]
            lines.append(" & ".join(cells) + r" \\")
    return lines


def _unbroken(text: str) -> str:
    return escape_tex(INTERVAL.sub(lambda found: found.group().replace(" ", "\u00a0"), text))


def _guard(label: str) -> str:
    r"""A row that begins with ``[`` or ``*`` would be taken for an argument of the ``\\`` before it."""
    return "{}" + label if label[:1] in ("[", "*") else label


def _notes(document: TableDocument) -> list[str]:
    if not document.notes:
        return []
    heading = word("notes", document.language) + word("colon", document.language).rstrip()
    items = [escape_tex(note) for note in document.notes]
    items[0] = rf"\textit{{{heading}}} {items[0]}"
    return [r"\raggedright", *(rf"\noindent {item}\par" for item in items)]
