"""Tables that print a result file as it is: findings of the reconciliation, the scorecard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ruralpanel.contracts.problems import did_you_mean, raise_any
from ruralpanel.contracts.table_keys import DEFAULT_FILES, kind_of
from ruralpanel.formats import format_auto, format_count
from ruralpanel.labels import localised
from ruralpanel.output_context import OutputContext
from ruralpanel.tables.layout import Alignment, Cell, Column, Row, TableDocument
from ruralpanel.tables.model_notes import declared_notes
from ruralpanel.wording import has_word, word

_DEFAULT_LIMIT: Mapping[str, int | None] = {"reconciliation": 40, "scorecard": None}
_TITLES = {
    "reconciliation": ("Reconciliation", "数据核对"),
    "scorecard": ("Scorecard", "命题检验一览"),
}


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """Rows of a CSV, chosen columns, the first column as row label (keys: `ruralpanel.contracts.table_keys`).

    Raises
    ------
    UserError
        No such file or columns.
    """
    kind = kind_of(spec)
    language = context.language
    frame = context.frame(spec.get("file") or context.results / DEFAULT_FILES[kind])
    chosen = _columns(frame, spec, context)
    for column, wanted in (spec.get("where") or {}).items():
        values = [str(value) for value in (wanted if isinstance(wanted, (list, tuple)) else [wanted])]
        frame = frame[frame[str(column)].astype(str).isin(values)]
    limit = spec.get("limit", _DEFAULT_LIMIT[kind])
    shown = frame if limit is None else frame.head(int(limit))
    digits = int(spec.get("digits", 3))
    stub, *columns = chosen
    rows = [
        Row(_text(record[stub], digits), tuple(_cell(record[column], digits) for column in columns), "entry", kind)
        for record in shown.to_dict("records")
    ]
    titles = _TITLES[kind]
    return TableDocument(
        name=name,
        title=localised(spec, "title", language) or titles[language == "zh"],
        stub=chosen[stub],
        columns=tuple(Column(chosen[column], _alignment(frame[column])) for column in columns),
        rows=tuple(rows),
        notes=(
            *_count_note(len(shown), len(frame), language),
            *_overrides(shown, chosen, language),
            *declared_notes(spec, language),
        ),
        language=language,
    )


def _overrides(frame: pd.DataFrame, chosen: Mapping[str, str], language: str) -> tuple[str, ...]:
    """What the models of the claims shown were allowed, where no column says it."""
    if "overrides" not in frame.columns or {"overrides", "reasons"} & set(chosen):
        return ()
    texts = zip(frame["claim"], frame["overrides"], strict=True)
    return tuple(f"{claim}{word('colon', language)}{text}" for claim, text in texts if isinstance(text, str) and text)


def _columns(frame: pd.DataFrame, spec: Mapping[str, Any], context: OutputContext) -> dict[str, str]:
    """column → heading."""
    declared = spec.get("columns")
    if isinstance(declared, Mapping):
        chosen = {str(column): str(heading) for column, heading in declared.items()}
    else:
        chosen = {str(column): _heading(str(column), context.language) for column in declared or frame.columns}
    known = [str(column) for column in frame.columns]
    wanted = [("columns", column) for column in chosen] + [("where", str(c)) for c in spec.get("where") or {}]
    raise_any(
        context.problem(key, f'column "{column}"', "a column of the file", did_you_mean(column, known))
        for key, column in wanted
        if column not in known
    )
    return chosen


def _heading(column: str, language: str) -> str:
    return word(column, language) if has_word(column) else column.replace("_", " ").capitalize()


def _text(value: Any, digits: int) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format_count(value) if value.is_integer() and abs(value) < 1e15 else format_auto(value, digits)
    return str(value)


def _cell(value: Any, digits: int) -> Cell:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    return Cell(_text(value, digits), value if numeric else None)


def _alignment(column: pd.Series[Any]) -> Alignment:
    return "right" if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) else "left"


def _count_note(shown: int, total: int, language: str) -> Sequence[str]:
    if shown == total:
        return (f"共 {total} 行。" if language == "zh" else f"{total} rows.",)
    return (f"共 {total} 行，列出前 {shown} 行。" if language == "zh" else f"The first {shown} of {total} rows.",)
