"""What tables and the report say of the simulated size of a model's inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.output.tables.inference_words import column_numbers, short_of
from ruralpanel.output.words import word
from ruralpanel.project.formats import DASH, format_count, format_number


def size_of(entry: Mapping[str, Any]) -> str:
    """Per cent of simulated panels in which a true null is rejected, ``5.3`` or over the terms ``5.3–9.4``.

    Empty where nothing was simulated.
    """
    size = entry.get("simulated_size") or {}
    if size.get("size") is None:
        return ""
    low, high = (format_number(100.0 * float(size[end]), 1) for end in ("lowest", "highest"))
    return low if low == high else f"{low}{DASH}{high}"


def sizes_by_setting(model: Mapping[str, Any], language: str) -> dict[str, str]:
    """Setting in a few words → its simulated size, of those that have one."""
    entries = model.get("inference") or ()
    return {short_of(entry, language): size for entry in entries if (size := size_of(entry))}


def term_sizes(model: Mapping[str, Any], term: str) -> tuple[str, ...]:
    """Simulated size of one term in per cent, a dash where a setting has none; empty where none of them has."""
    sizes = [(entry.get("simulated_size") or {}).get("by_term") or {} for entry in model.get("inference") or ()]
    if not any(term in by_term for by_term in sizes):
        return ()
    return tuple(format_number(100.0 * by_term[term], 1) if term in by_term else DASH for by_term in sizes)


def size_note(models: Sequence[Mapping[str, Any]], language: str) -> str:
    """One note for a table of models, columns numbered from 1; empty where nothing was simulated."""
    texts: dict[str, dict[str, list[int]]] = {}
    simulated: list[Mapping[str, Any]] = []
    for number, model in enumerate(models, 1):
        for name, size in sizes_by_setting(model, language).items():
            texts.setdefault(name, {}).setdefault(size, []).append(number)
        sizes = [entry.get("simulated_size") or {} for entry in model.get("inference") or ()]
        simulated += [size for size in sizes if size.get("size") is not None]
    if not texts:
        return ""
    shown = []
    for name, by_size in texts.items():
        if len(models) == 1:
            shown.append(f"{name} {next(iter(by_size))}")
            continue
        columns = word("comma", language).join(f"{column_numbers(c)} {size}" for size, c in by_size.items())
        shown.append(f"{name} {columns}")
    panels = sorted({int(size["simulations"]) for size in simulated})
    counts = (
        format_count(panels[0]) if len(panels) == 1 else f"{format_count(panels[0])}{DASH}{format_count(panels[-1])}"
    )
    error = format_number(100.0 * max(float(size["error"]) for size in simulated), 1)
    separator = word("list_separator", language)
    return word("table.sizes", language, panels=counts, error=error, sizes=separator.join(shown))
