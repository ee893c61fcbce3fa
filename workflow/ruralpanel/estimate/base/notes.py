"""What a computation says of itself: a code and the numbers and names that go with it, never a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
        return {"code": self.code, **{name: _plain(value) for name, value in self.values.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Note:
        """The inverse of `to_dict`; further notes and lists stay as JSON has them."""
        return cls(values["code"], {name: value for name, value in values.items() if name != "code"})


def note(code: str, **values: Any) -> Note:
    """The statement `code` on `values`."""
    return Note(code, values)


def _plain(value: Any) -> Any:
    if isinstance(value, Note):
        return value.to_dict()
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value
