"""What a computation says of itself: a code and the numbers and names that go with it, never a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any

from ruralpanel.project.files import PLAIN

ABSENT = MappingProxyType({"absent": True})
"""Of a field that results' JSON holds only where it is not at its default."""


@dataclass(frozen=True)
class Note:
    """One statement, which outputs put into words (``said`` in the catalogues of `ruralpanel.output.words`).

    Attributes
    ----------
    code : which statement. values : what it names: numbers, names of terms and units, lists of these, further notes.
    """

    code: str
    values: Mapping[str, object] = field(default_factory=dict)

    def number(self, name: str, default: float = 0.0) -> float:
        """One of the values that is a number; `default` where it is not there."""
        value = self.values.get(name, default)
        assert isinstance(value, int | float)
        return value

    def to_dict(self) -> dict[str, object]:
        """The code with the values beside it, as results' JSON has it."""
        return {"code": self.code, **{name: plain_notes(value) for name, value in self.values.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Note:
        """The inverse of `to_dict`; also of notes whose values stand apart, under ``values``."""
        apart = values.get("values") if len(values) == 2 else None
        own = apart if isinstance(apart, Mapping) else values
        return cls(str(values["code"]), {name: _notes(value) for name, value in own.items() if name != "code"})


def _notes(value: Any) -> Any:
    if isinstance(value, Mapping) and "code" in value:
        return Note.from_dict(value)
    return [_notes(part) for part in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Reason(Note):
    """A statement that messages to users make too: as text it is the English that these have."""

    message: str = ""

    def __str__(self) -> str:
        return self.message


def note(code: str, **values: Any) -> Note:
    """The statement `code` on `values`."""
    return Note(code, values)


def reason(message: str, code: str, **values: Any) -> Reason:
    """The statement `code` on `values`, which messages to users put as `message`."""
    return Reason(code, values, message)


def statements(notes: Sequence[Note]) -> str:
    """Notes as a cell of a CSV file: their JSON, empty where there are none."""
    return json.dumps(plain_notes(list(notes)), ensure_ascii=False) if notes else ""


def plain_notes(value: Any) -> Any:
    """The same in plain values: `to_dict` in the place of notes and of other classes that have it, else `written`."""
    if type(value) in PLAIN:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        own = getattr(value, "to_dict", None)
        return plain_notes(own()) if own else written(value)
    if isinstance(value, Mapping):
        return {name: plain_notes(part) for name, part in value.items()}
    return [plain_notes(part) for part in value] if isinstance(value, (list, tuple)) else value


def written(value: Any) -> dict[str, object]:
    """Fields of a class by name, in plain values, as results' JSON has them.

    Those that its `KEYS` name, in their order, else all. One that is `ABSENT` where it is at its default is left out,
    or null where the field `null` names it.
    """
    items = {item.name: item for item in fields(value)}
    null = getattr(value, "null", ())
    result: dict[str, object] = {}
    for name in getattr(value, "KEYS", items):
        item, part = items[name], getattr(value, name)
        if name in null:
            result[name] = None
        elif name != "null" and not (item.metadata == ABSENT and _is_default(item, part)):
            result[name] = plain_notes(part)
    return result


def _is_default(item: Field[Any], part: object) -> bool:
    default = item.default if item.default_factory is MISSING else item.default_factory()
    return part is default or bool(part == default)
