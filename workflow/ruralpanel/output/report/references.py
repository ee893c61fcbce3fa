"""Works cited: BibTeX files in, references out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruralpanel.output.report.document import Inline, Run
from ruralpanel.project.formats import DASH
from ruralpanel.project.problems import Problem, UserError, raise_any

_ENTRY = re.compile(r"@(?P<type>\w+)\s*\{\s*(?P<key>[^\s,{}]+)\s*,")
_FIELD = re.compile(r"\s*(?P<name>[\w-]+)\s*=\s*")
_IGNORED = frozenset({"comment", "string", "preamble"})
_NEEDED = ("author", "year", "title")


@dataclass(frozen=True)
class Work:
    """One entry: `key`, `type` (``article`` …), and its fields by name, braces taken off."""

    key: str
    type: str
    fields: Mapping[str, str]

    @property
    def authors(self) -> tuple[tuple[str, str], ...]:
        """Family and given names; an institution in braces is a family name alone."""
        return tuple(map(_name, re.split(r"\s+and\s+", self.fields["author"])))

    @property
    def keywords(self) -> frozenset[str]:
        """What the work stands for, for those of methods."""
        return frozenset(word.strip() for word in self.fields.get("keywords", "").split(",") if word.strip())

    @property
    def named(self) -> str:
        """``Fan, Zhang and Zhang``; of more than four authors the first."""
        families = [family for family, _ in self.authors]
        return f"{families[0]} et al." if len(families) > 4 else _listed(families)

    @property
    def cited(self) -> str:
        """``Fan, Zhang and Zhang (2002)``, as a sentence names it."""
        return f"{self.named} ({self.fields['year']})"


def read_works(path: Path, file: str) -> tuple[Work, ...]:
    """The entries of a BibTeX file.

    Raises
    ------
    UserError
        A file that is no text, an entry whose braces do not close, keys twice, and entries without author, year or
        title.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(Problem(file, "", str(error), "BibTeX in UTF-8")) from error
    works: dict[str, Work] = {}
    problems: list[Problem] = []
    for entry in _ENTRY.finditer(text):
        kind, key, line = entry["type"].lower(), entry["key"], text.count("\n", 0, entry.start()) + 1
        if kind in _IGNORED:
            continue
        where = f"{key} (line {line})"
        fields = _fields(text, entry.end())
        if fields is None:
            problems.append(Problem(file, where, "braces that do not close", "name = {value}, …, }"))
            continue
        lacking = [name for name in _NEEDED if not fields.get(name)]
        if lacking:
            problems.append(Problem(file, where, f"no {' and '.join(lacking)}", "author, year and title"))
        elif key in works:
            problems.append(Problem(file, where, "the key again", "each key once", "rename one"))
        else:
            works[key] = Work(key, kind, fields)
    if not works and not problems:
        problems.append(Problem(file, "", "no entry", "entries such as @article{key, author = {…}, …}"))
    raise_any(problems)
    return tuple(works.values())


def _fields(text: str, position: int) -> dict[str, str] | None:
    fields: dict[str, str] = {}
    while position < len(text):
        rest = re.compile(r"[\s,]*").match(text, position)
        position = rest.end() if rest else position
        if text[position : position + 1] == "}":
            return fields
        field = _FIELD.match(text, position)
        if field is None:
            return None
        end = _value_end(text, field.end())
        if end is None:
            return None
        value = text[field.end() : end].strip()
        fields[field["name"].lower()] = _plain(value[1:-1] if value[:1] in '{"' else value, field["name"].lower())
        position = end
    return None


def _value_end(text: str, start: int) -> int | None:
    """Past the value that begins at `start`: in braces, in quotation marks, or a word."""
    opening = text[start : start + 1]
    if opening not in ("{", '"'):
        word = re.compile(r"[^\s,}]+").match(text, start)
        return word.end() if word else None
    depth = 0
    for position in range(start, len(text)):
        character = text[position]
        depth += (character == "{") - (character == "}")
        closed = character == "}" if opening == "{" else character == '"' and position > start
        if depth == 0 and closed:
            return position + 1
        if depth < 0:
            return None
    return None


def _plain(value: str, name: str) -> str:
    text = " ".join(value.split())
    if name != "author":  # there braces hold an institution together
        text = text.replace("{", "").replace("}", "")
    return text.replace("---", "—").replace("--", DASH).replace("\\&", "&").replace("~", " ")


def _name(text: str) -> tuple[str, str]:
    if text.startswith("{"):
        return text.strip("{}"), ""
    family, comma, given = text.partition(",")
    if not comma:
        given, _, family = text.rpartition(" ")
    return family.strip(), given.strip()


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def identity(work: Work) -> str:
    """The id that citations of a work lead to."""
    return f"ref-{re.sub(r'[^a-zA-Z0-9]+', '-', work.key).lower()}"


def reference(work: Work) -> Inline:
    """``Fan, S., Zhang, L. and Zhang, X. (2002): Title. *Journal* 42(1–2), 126–134. https://doi.org/…``."""
    field = work.fields.get
    names = _listed([f"{family}, {_initials(given)}" if given else family for family, given in work.authors])
    title = work.fields["title"]
    runs = [Run(f"{names} ({work.fields['year']}): {title}{'' if title.endswith(('?', '!')) else '.'} ")]
    container = field("journal") or field("booktitle") or field("publisher") or field("institution") or ""
    if container:
        number = f"({field('number')})" if field("number") else ""
        volume = f" {field('volume')}{number}" if field("volume") else f" {field('number')}" if number else ""
        pages = f", {field('pages')}" if field("pages") else ""
        runs += [Run(container, "emphasis"), Run(f"{volume}{pages}. ")]
    address = f"https://doi.org/{field('doi')}" if field("doi") else field("url") or ""
    if address:
        runs.append(Run(address, "link", address))
    return tuple(runs)


def _initials(given: str) -> str:
    return " ".join("-".join(f"{part[0]}." for part in name.split("-") if part) for name in given.split())


def in_order(works: Iterable[Work]) -> tuple[Work, ...]:
    """By the authors' family names and the year, each key once."""
    once = {work.key: work for work in works}
    return tuple(sorted(once.values(), key=lambda work: ([f.casefold() for f, _ in work.authors], work.fields["year"])))


def citation(work: Work) -> Run:
    """A work as parentheses hold it, leading to its reference."""
    return Run(f"{work.named} {work.fields['year']}", "link", f"#{identity(work)}")
