"""LaTeX of tables in the tests: a document to be typeset, and what is wrong with its structure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ruralpanel.output.tables.document import TableDocument
from ruralpanel.output.tables.tex import render_tex

_TOKEN = re.compile(r"\\(begin|end)\{([^}]*)\}")
_RULES = re.compile(
    r"\\(toprule|midrule|bottomrule|addlinespace|hline)\b|\\cmidrule(\([a-z]*\))?\{\d+-\d+\}"
    r"|\\caption\{.*\}|\\label\{.*\}\\\\|\\end(first)?(head|foot)\b"
)
_SPAN = re.compile(r"^\s*\\multicolumn\{(\d+)\}")
_TABULAR = "\\begin{longtable}"


def standalone_tex(documents: Sequence[TableDocument]) -> str:
    """A document with these tables, each from a page of its own: pdfLaTeX, or XeLaTeX for Chinese."""
    chinese = documents[0].language == "zh"
    fonts = (
        [r"\usepackage[fontset=fandol]{ctex}"] if chinese else [r"\usepackage[T1]{fontenc}", r"\usepackage{textcomp}"]
    )
    lines = [
        r"\documentclass[11pt]{article}",
        *fonts,
        r"\usepackage[a4paper,margin=2.5cm]{geometry}",
        r"\usepackage{array,booktabs,longtable}",
        r"\begin{document}",
        *(line for document in documents for line in (render_tex(document), r"\clearpage")),
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def check_tex(text: str, language: str = "en") -> tuple[str, ...]:
    """What is wrong with the structure of a LaTeX text; empty where nothing is.

    Braces and environments must be balanced and nested, ``$`` must come in pairs on each line, every row of a
    ``longtable`` must fill its columns (``\\multicolumn`` counted), an English text must hold no character that
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
        width = _columns(spec)
        body = text[after : text.index("\\end{longtable}", after)]
        for row in re.split(r"\\\\\*?", _RULES.sub("", body)):
            if row.strip():
                columns = _width(row)
                if columns != width:
                    problems.append(f"a row of {columns} columns in a table of {width}: {' '.join(row.split())[:60]}")
        if not re.search(r"\\\\\*?$", _RULES.sub("", body).rstrip()):
            problems.append("the last row of a table does not end with \\\\")
    return problems


def _columns(spec: str) -> int:
    """The columns of ``@{}>{\\raggedright\\hspace{0pt}}p{4cm}l``: letters outside all braces."""
    flat = spec
    while flat != (flat := re.sub(r"\{[^{}]*\}", "", flat)):
        pass
    return len(re.sub(r"[|\s@>]", "", flat))


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
