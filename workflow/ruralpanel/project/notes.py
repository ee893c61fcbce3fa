"""What a computation says of itself: a code and the numbers and names that go with it, never a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any


@dataclass(frozen=True)
class Note:
    """One statement, which outputs put into words (``said`` in the catalogues of `ruralpanel.output.words`).

    Attributes
    ----------
    code : which statement. values : what it names: numbers, names of terms and units, lists of these, further notes.
    """

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The code with the values beside it, as results' JSON has it."""
        return {"code": self.code, **{name: plain_notes(value) for name, value in self.values.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Note:
        """The inverse of `to_dict`; further notes and lists stay as JSON has them."""
        return cls(values["code"], {name: value for name, value in values.items() if name != "code"})


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
    """The same in plain values: `Note.to_dict` in the place of every note, fields by name in that of other classes."""
    if isinstance(value, Note):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: plain_notes(part) for name, part in value.items()}
    if is_dataclass(value):
        return {item.name: plain_notes(getattr(value, item.name)) for item in fields(value)}
    return [plain_notes(part) for part in value] if isinstance(value, (list, tuple)) else value
