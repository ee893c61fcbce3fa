"""The markup of the report's texts: ``*emphasis*``, ``**strong**``, `` `code` ``, ``[text](address)``, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "emphasis", "strong", "code", "link", "number"]

_START, _BETWEEN, _END = "\x01", "\x02", "\x03"  # never part of a text that a person wrote
_SPECIAL = re.compile(r"([\\*`\[\]])")
_CHINESE_GAP = re.compile(r"(?<=[。，；：、）]) (?=[\u4e00-\u9fff（])")  # left by the folding of lines
_TOKEN = re.compile(
    r"\\(?P<escaped>[^\w\s])"  # before a letter it stands for itself, as in \alpha
    r"|\x01(?P<index>\d+)\x02(?P<printed>[^\x03]*)\x03"
    r"|\*\*(?P<strong>(?:\\.|[^*\\])+)\*\*"
    r"|\*(?P<emphasis>(?:\\.|[^*\\])+)\*"
    r"|`(?P<code>(?:\\.|[^`\\])+)`"
    r"|\[(?P<label>(?:\\.|[^\]\\])+)\]\((?P<address>[^)\s]+)\)",
    re.S,
)


class Marked(str):
    """Text that already is markup: not escaped when a template inserts it."""

    __slots__ = ()


@dataclass(frozen=True)
class Run:
    """A stretch of text of one kind; `target` is a link's address or a number's index among those quoted.

    `within` is the kind of the marks around a number or a link (``strong``, ``emphasis``), else ``text``.
    """

    text: str
    kind: Kind = "text"
    target: str = ""
    within: Kind = "text"


Inline = tuple[Run, ...]
SPACE: Inline = (Run(" "),)


def escape(value: object) -> str:
    """What a template inserts: marks in it are taken literally, unless it is `Marked`."""
    return value if isinstance(value, Marked) else _SPECIAL.sub(r"\\\1", str(value))


def number_mark(index: int, printed: str) -> Marked:
    """A quoted number."""
    return Marked(f"{_START}{index}{_BETWEEN}{printed}{_END}")


def parse(text: str) -> Inline:
    """Markup → runs. Numbers keep their index inside emphasis too; line breaks and blanks run together."""
    one_line = re.sub(r"[ \t\r\n]+", " ", text.strip())
    return tuple(_joined(_parse(_CHINESE_GAP.sub("", one_line), "text")))


def literal(text: str) -> Inline:
    """A text of the results or the configuration as it stands: marks in it are no marks."""
    return parse(escape(text))


def _parse(text: str, kind: Kind) -> list[Run]:
    runs: list[Run] = []
    position = 0
    for found in _TOKEN.finditer(text):
        if found.start() > position:
            runs.append(Run(text[position : found.start()], kind))
        position = found.end()
        if found["escaped"] is not None:
            runs.append(Run(found["escaped"], kind))
        elif found["index"] is not None:
            runs.append(Run(found["printed"], "number", found["index"], kind))
        elif found["strong"] is not None:
            runs += _parse(found["strong"], "strong")
        elif found["emphasis"] is not None:
            runs += _parse(found["emphasis"], "emphasis")
        elif found["code"] is not None:
            runs.append(Run(re.sub(r"\\([^\w\s])", r"\1", found["code"]), "code"))
        else:
            runs.append(Run(re.sub(r"\\([^\w\s])", r"\1", found["label"]), "link", found["address"]))
    if position < len(text):
        runs.append(Run(text[position:], kind))
    return runs


def _joined(runs: Iterable[Run]) -> list[Run]:
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if last and last.kind == run.kind and run.kind in ("text", "emphasis", "strong"):
            joined[-1] = Run(last.text + run.text, run.kind)
        else:
            joined.append(run)
    return joined


def plain_text(inline: Inline) -> str:
    """The runs without their kinds."""
    return "".join(run.text for run in inline)
