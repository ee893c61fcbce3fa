"""The report's texts in each language, with numbers put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ruralpanel.output.report.document import Inline, Marked, escape, parse, plain_text
from ruralpanel.output.report.numbers import MissingNumber, Numbers
from ruralpanel.output.words import flat
from ruralpanel.project.problems import CONFIGURATION, Problem, raise_any
from ruralpanel.project.yaml import at_line, load_document

FOLDER = Path(__file__).resolve().parents[3] / "report" / "text"


class Texts:
    """Renders entries of ``<language>.yaml``; what goes wrong is collected and raised all at once by `finish`.

    Templates see ``num(key, format)`` (a quoted number), ``value(key)`` and ``has(key)`` (for conditions),
    ``t(key, **values)`` (another entry), ``plural(what, one, several)`` (the word for as many as ``count:WHAT`` says)
    and what the caller passes.
    """

    def __init__(self, language: str, numbers: Numbers, folder: Path = FOLDER) -> None:
        self.language = language
        self.numbers = numbers
        path = folder / f"{language}.yaml"
        self._file = f"{folder.name}/{path.name}"
        document = _document(path, self._file)
        raise_any(document.problems)
        self._entries = flat(document.values)
        self._lines = document.locations
        self._own: dict[str, str] = {}
        self._problems: list[Problem] = []
        self._environment = _environment()
        self._environment.globals.update(num=numbers.num, value=numbers.value, has=numbers.has, t=self.render)
        self._environment.globals.update(plural=self._plural)
        self._templates: dict[str, jinja2.Template] = {}

    def _plural(self, what: str, one: str, several: str) -> str:
        return one if self.numbers.value(f"count:{what}") == 1 else several

    def has(self, key: str) -> bool:
        """Whether there is such an entry."""
        return key in self._entries

    def render(self, key: str, **values: Any) -> Marked:
        """An entry with its numbers and values inserted; empty, and a problem, where one is missing."""
        try:
            if "{" not in self._entries[key]:
                return Marked(self._entries[key].strip())
            if key not in self._templates:
                code = _compiled(self._entries[key])
                self._templates[key] = jinja2.Template.from_code(
                    self._environment, code, self._environment.make_globals(None)
                )
            return Marked(self._templates[key].render(**values).strip())
        except (KeyError, MissingNumber, ValueError, TypeError, ArithmeticError, jinja2.TemplateError) as error:
            if isinstance(error, KeyError):
                found, expected = f"no text {error}", "an entry of this name"
            else:
                found, expected = str(error), "a number or value that the results hold"
            place = self._own.get(key)
            where = at_line(key, self._lines.get(key, 1)) if place is None else place
            problem = Problem(self._file if place is None else CONFIGURATION, where, found, expected)
            if problem not in self._problems:
                self._problems.append(problem)
            return Marked("")

    def inline(self, key: str, **values: Any) -> Inline:
        """An entry as runs."""
        return parse(self.render(key, **values))

    def own(self, text: str, where: str, **values: Any) -> Inline:
        """A text of the configuration, which may quote numbers as the entries do; `where` is its place there."""
        key = f"{CONFIGURATION}: {where}"
        self._entries[key], self._own[key] = text, where
        return self.inline(key, **values)

    def plain(self, key: str, **values: Any) -> str:
        """An entry as plain text, for labels."""
        return plain_text(self.inline(key, **values))

    def group(self, prefix: str) -> Mapping[str, str]:
        """The plain texts of all entries below a prefix."""
        start = prefix + "."
        return {key[len(start) :]: self.plain(key) for key in self._entries if key.startswith(start)}

    def finish(self) -> None:
        """Raise `UserError` with everything that was missing."""
        raise_any(self._problems)


_document = cache(load_document)
"""The texts of a language, read once."""


def _environment() -> jinja2.Environment:
    # Texts of the configuration are templates too, hence the sandbox. Markup is escaped by `finalize`, HTML by the
    # page's own templates.
    return ImmutableSandboxedEnvironment(
        autoescape=False, undefined=jinja2.StrictUndefined, finalize=escape, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _compiled(text: str) -> CodeType:
    """A text as a template's code, which takes longer than to render it: once for all reports of a process."""
    return _environment().compile(text)


_LOG = re.compile(r"\s*[(（](?:log|logs|in logs|对数)[)）]\s*$|,\s*(?:log|in logs)\s*$|^log (?:of )?", re.I)
_ASIDE = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_NAMES = frozenset(
    {"Gini", "Theil", "Engel", "Herfindahl", "Hirschman", "Palma", "Atkinson", "Lorenz", "Pareto", "Tobin", "Moran",
     "Malmquist", "Lerner", "Zipf", "Kuznets", "Euclidean", "Confucian", "Han", "China", "Chinese", "Mandarin",
     "Tibetan", "European", "American", "African", "Asian", "British", "English", "French", "German", "Indian",
     "Japanese", "Russian", "January", "February", "March", "April", "May", "June", "July", "August", "September",
     "October", "November", "December"}
)  # fmt: skip
_COUNTED = frozenset({"", "1", "person", "persons", "household", "households", "item", "items", "人", "户"})


def noun(label: str) -> str:
    """A variable's label without its ``(log)``, with a small first letter unless the word is an abbreviation."""
    text = _LOG.sub("", label).strip()
    first = re.match(r"[^\W\d_]+(?![.&/\w])", text)
    # Names such as "GDP", "R&D", "U.S.", "mRNA" or "Gini" keep their capitals.
    if first and len(first[0]) > 1 and first[0].istitle() and first[0] not in _NAMES:
        text = text[0].lower() + text[1:]
    return text


def short_noun(label: str) -> str:
    """`noun` without an aside in parentheses at its end."""
    return _ASIDE.sub("", noun(label)).strip()


def short_label(label: str) -> str:
    """A label for a table's cell: without ``(log)`` and asides, its capitals kept; of an interaction, each part's."""
    return " × ".join(_ASIDE.sub("", _LOG.sub("", part)).strip() for part in label.split(" × "))


def singular(name: str) -> str:
    """``rural residents`` → ``rural resident``; only regular plurals, all that the labels of this field need."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def measure_text(measure: str) -> str:
    """A measure with its powers raised: ``10^4 km^2`` → ``10⁴ km²``."""
    return re.sub(r"\^(\d+)", lambda found: found[1].translate(_RAISED), measure)


def is_count(measure: str) -> bool:
    """Whether a measure counts people or things, so that its name need not be printed."""
    return measure.strip() in _COUNTED


def anchor(*parts: str) -> str:
    """An HTML id."""
    return "-".join(re.sub(r"[^a-zA-Z0-9]+", "-", part).strip("-").lower() for part in parts)
