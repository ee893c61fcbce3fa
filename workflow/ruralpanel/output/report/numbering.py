"""Numbers of charts and tables, references to them, and everything that a part of the report prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from operator import is_
from typing import Any

from ruralpanel.output.report.document import (
    Answers,
    Bullets,
    Definitions,
    Details,
    Document,
    Figure,
    Findings,
    Interactive,
    KeyFigures,
    Paragraph,
    Part,
    Run,
    Section,
    Table,
)
from ruralpanel.project.problems import CONFIGURATION, Problem

_PREFIX: Mapping[Part, str] = {"brief": "", "appendix": "A"}
_WHOLE = (Figure, Table, Paragraph, Bullets, Definitions, Answers, Findings, KeyFigures)
"""What holds no chart or table but itself."""


def numbered(document: Document) -> tuple[Document, tuple[Problem, ...]]:
    """The document with numbered charts and tables and with the words of references, and references to nothing.

    Charts and tables with a caption are counted apart, those of the appendix as ``A1``, ``A2`` …; what is folded away
    and not printed has no number. A reference becomes a link that reads ``Figure 3`` or as the section's title.
    """
    numbers = dict(_numbers(document))
    kinds = {id_: document.labels["figure" if figure else "table"] for id_, (figure, _) in numbers.items()}
    names = {id_: f"{kinds[id_]}\u00a0{number}" for id_, (_, number) in numbers.items()}
    names |= {section.id: section.title for section in sections_of(document.sections)}
    lost: list[str] = []

    def changed(value: Any) -> Any:
        if isinstance(value, Run) and value.kind == "reference":
            if value.target not in names:
                lost.append(value.target)
            return Run(names.get(value.target, ""), "link", f"#{value.target}")
        if isinstance(value, Table | Figure) and value.id in numbers:
            return replace(value, number=numbers[value.id][1])
        return value

    found = _mapped(document, changed)
    expected = "the id of a section, chart or table"
    return found, tuple(Problem(CONFIGURATION, "", f"[[{name}]]", expected) for name in dict.fromkeys(lost))


def _numbers(document: Document) -> Iterator[tuple[str, tuple[bool, str]]]:
    """Id of each chart and table → whether it is a chart, and its number."""
    counts: dict[tuple[bool, str], int] = {}
    for section in document.sections:
        if section.part == "page":
            continue
        prefix = _PREFIX[section.part]
        for item in _values(section, _WHOLE):
            if isinstance(item, Figure | Table) and item.caption:
                key = (isinstance(item, Figure), prefix)
                counts[key] = counts.get(key, 0) + 1
                yield item.id, (key[0], f"{prefix}{counts[key]}")


def exhibits(section: Section) -> tuple[Figure | Table, ...]:
    """The numbered charts and tables of a section, in order."""
    return tuple(item for item in _values(section, _WHOLE) if isinstance(item, Figure | Table) and item.number)


def named(document: Document) -> Iterator[str]:
    """Ids of paragraphs, and of stretches of text, that links lead to."""
    for value in _values(document):
        if isinstance(value, Paragraph) and value.id:
            yield value.id
        elif isinstance(value, Run) and value.kind in ("text", "strong", "emphasis") and value.target:
            yield value.target


def sections_of(sections: tuple[Section, ...]) -> Iterator[Section]:
    """Every section, nested ones included, in order."""
    for section in sections:
        yield section
        yield from sections_of(section.sections)


def printed(document: Document, part: Part) -> Document:
    """The document with the sections that one file prints."""
    return replace(document, sections=tuple(section for section in document.sections if section.part == part))


def texts(document: Document) -> Iterator[str]:
    """Everything that is printed of a document, for the check of glyphs."""
    return (value for value in _values(document) if isinstance(value, str))


def _values(value: Any, whole: tuple[type, ...] = ()) -> Iterator[Any]:
    """A value and all that it holds, in order, without what is not printed; of classes in `whole` only themselves."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        kind = item.__class__
        if kind is Interactive or (kind is Details and not item.printed):
            continue
        yield item
        if kind is tuple:
            waiting += reversed(item)
        elif kind is dict:
            waiting += reversed(item.values())
        elif kind in whole:
            continue
        elif kind is Run:
            waiting.append(item.text)
        else:
            waiting += [getattr(item, name) for name in _field_names(kind)[::-1]]


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    """Of a part of a document; other values have none."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same with every part of the document that it holds changed, the inner ones first."""
    kind = value.__class__
    if kind is Run:  # holds nothing but text
        return change(value)
    if kind is tuple:
        parts = [_mapped(item, change) for item in value]
        return value if all(map(is_, parts, value)) else tuple(parts)
    names = _field_names(kind)
    if not names:
        return value
    changes = {}
    for name in names:
        own = getattr(value, name)
        new = own if own.__class__ is str else _mapped(own, change)
        if new is not own:
            changes[name] = new
    return change(replace(value, **changes) if changes else value)
