"""A table in LaTeX, and a check that it will compile."""

from __future__ import annotations

import re

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


def standalone_tex(document: TableDocument) -> str:
    """A document with the table alone: pdfLaTeX, or XeLaTeX for Chinese."""
    chinese = document.language == "zh"
    fonts = (
        [r"\usepackage[fontset=fandol]{ctex}"] if chinese else [r"\usepackage[T1]{fontenc}", r"\usepackage{textcomp}"]
    )
    lines = [
        r"\documentclass[11pt]{article}",
        *fonts,
        r"\usepackage[a4paper,margin=2cm]{geometry}",
        r"\usepackage{booktabs,threeparttable,adjustbox}",
        r"\pagestyle{empty}",
        r"\begin{document}",
        render_tex(document).rstrip("\n"),
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


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


_TOKEN = re.compile(r"\\(begin|end)\{([^}]*)\}")
_RULES = re.compile(r"\\(toprule|midrule|bottomrule|addlinespace|hline)\b|\\cmidrule(\([a-z]*\))?\{\d+-\d+\}")
_SPAN = re.compile(r"^\s*\\multicolumn\{(\d+)\}")
_TABULAR = "\\begin{tabular}"


def check_tex(text: str, language: str = "en") -> tuple[str, ...]:
    """What is wrong with the structure of a LaTeX text; empty where nothing is.

    Braces and environments must be balanced and nested, ``$`` must come in pairs on each line, every row of a
    ``tabular`` must fill its columns (``\\multicolumn`` counted), an English text must hold no character that
    pdfLaTeX does not set.
    """
    body = re.sub(r"(?<!\\)%.*", "", text)
    problems = _braces(body) + _environments(body) + _dollars(body)
    if not problems:
        problems = _tabulars(body)
    if language != "zh":
        odd = sorted({character for character in body if ord(character) > 0x17F})
        problems += [f"character {character} (U+{ord(character):04X})" for character in odd]
    return tuple(problems)


def _braces(text: str) -> list[str]:
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        for character in re.sub(r"\\[\\{}]", "", line):
            depth += {"{": 1, "}": -1}.get(character, 0)
            if depth < 0:
                return [f"line {number}: a closing brace too many"]
    return [f"{depth} braces never closed"] if depth else []


def _environments(text: str) -> list[str]:
    open_ones: list[str] = []
    for match in _TOKEN.finditer(text):
        verb, name = match.groups()
        if verb == "begin":
            open_ones.append(name)
        elif not open_ones or open_ones.pop() != name:
            return [f"\\end{{{name}}} without its \\begin"]
    return [f"\\begin{{{name}}} never ended" for name in open_ones]


def _dollars(text: str) -> list[str]:
    return [
        f"line {number}: an odd number of $"
        for number, line in enumerate(text.splitlines(), 1)
        if len(re.findall(r"(?<!\\)\$", line)) % 2
    ]


def _tabulars(text: str) -> list[str]:
    problems = []
    for start in [match.start() for match in re.finditer(re.escape(_TABULAR), text)]:
        spec, after = _argument(text, start + len(_TABULAR))
        width = len(re.sub(r"\{[^{}]*\}|[|\s]|@", "", spec))
        body = text[after : text.index("\\end{tabular}", after)]
        for row in re.split(r"\\\\", _RULES.sub("", body)):
            if row.strip():
                columns = _width(row)
                if columns != width:
                    problems.append(f"a row of {columns} columns in a table of {width}: {' '.join(row.split())[:60]}")
        if _RULES.sub("", body).rstrip()[-2:] != "\\\\":
            problems.append("the last row of a table does not end with \\\\")
    return problems


def _argument(text: str, at: int) -> tuple[str, int]:
    """The braced argument that begins at `at`, and the position after it."""
    depth = 0
    for position in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[at + 1 : position], position + 1
    return "", at


def _width(row: str) -> int:
    width, depth, cell = 0, 0, ""
    for character in re.sub(r"\\[&{}]", "", row) + "&":
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "&" and depth == 0:
            span = _SPAN.match(cell)
            width += int(span.group(1)) if span else 1
            cell = ""
        else:
            cell += character
    return width
