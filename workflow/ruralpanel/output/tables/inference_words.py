"""What a table's notes and the report say of the models' inference and of its simulated size, from their JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.estimate.base.model_json import method_of
from ruralpanel.output.words import clause, has_word, said, sentence, word
from ruralpanel.project.formats import DASH, format_count, format_number
from ruralpanel.project.kinds.inference import CLUSTER, INFERENCE, OWN, ROBUST

_SCHEMES = ("CR0", "CR1", "CR2", "CR3", "HC0", "HC1", "HC2", "HC3")
_DETAILS = ("n_clusters", "sectors", "small_sample", "lag", "kernel", "cutoff_km", "weights", "draws", "seed")


def setting(entry: Mapping[str, Any], key: str) -> Any:
    """A value of an inference entry, wherever it stands: at its top, under ``options`` or under ``extra``."""
    for place in (entry, entry.get("options") or {}, entry.get("extra") or {}):
        if place.get(key) not in (None, "", 0):
            return place[key]
    return None


def describe(entry: Mapping[str, Any], language: str) -> tuple[str, tuple[str, ...]]:
    """One inference setting: what it is, and its details (clusters, every small-sample factor, draws, seed)."""
    text = _method(entry, language)
    if entry.get("not_available"):
        return text, (word("setting.not_available", language, reason=clause(entry["not_available"], language)),)
    kind = INFERENCE.get(method_of(entry))
    details: list[str] = []
    for key in _DETAILS:
        value = setting(entry, key)
        if value is None or (key == "n_clusters" and kind and not kind.clustered):
            continue
        if key == "small_sample":
            details += [value] if isinstance(value, str) else [part for one in value for part in said(one, language)]
        else:
            details.append(word(f"setting.{key}", language, value=_shown(value, key)))
    critical = _critical(entry, language)
    details += [critical] if critical else []
    terms = {str(coefficient["term"]) for coefficient in entry.get("coefficients") or ()}
    for one in entry.get("notes") or ():
        details += () if one.get("term") in terms else said(one, language)
    return text, tuple(details)


def short(model: Mapping[str, Any], language: str) -> str:
    """The first setting in a few words, for a row of the table: ``CR1 by unit`` or ``HC3``."""
    entries = model.get("inference") or [model.get("vcov") or {}]
    return short_of(entries[0], language)


def short_of(entry: Mapping[str, Any], language: str) -> str:
    """A setting in a few words: ``CR1 by unit``, ``HC3``, ``wild cluster bootstrap by unit``."""
    method = method_of(entry)
    kind = setting(entry, "kind")
    if method == ROBUST and kind:
        return str(kind)
    if method == CLUSTER:
        name = _scheme(entry) or word("std_error", language)
        return word("setting.clustered", language, name=name, by=_noun(setting(entry, "by") or "unit", language))
    if method == OWN and setting(entry, "critical") == "percentile":
        return word("setting.percentiles", language)
    return _method(entry, language)


def _method(entry: Mapping[str, Any], language: str) -> str:
    method = method_of(entry)
    if not has_word(f"setting.methods.{method}"):
        return method.replace("_", " ")
    by, over = (_noun(setting(entry, key) or usual, language) for key, usual in (("by", "unit"), ("over", "units")))
    return word(f"setting.methods.{method}", language, by=by, over=over)


def inference_notes(models: Sequence[Mapping[str, Any]], language: str) -> tuple[str, ...]:
    """One sentence for each setting: what all its columns share first, then by column number what differs."""
    groups: dict[tuple[str, str], dict[int, tuple[str, ...]]] = {}
    for number, model in enumerate(models, 1):
        for entry in model.get("inference") or [model.get("vcov") or {}]:
            text, details = describe(entry, language)
            variant = "not available" if entry.get("not_available") else _scheme(entry)
            groups.setdefault((text, variant), {})[number] = details
    notes = []
    for (text, _), by_column in groups.items():
        columns = sorted(by_column)
        where = "" if len(columns) == len(models) else f" {column_numbers(columns)}"
        every = set.intersection(*(set(details) for details in by_column.values()))
        shared = [detail for detail in by_column[columns[0]] if detail in every]
        columns_of: dict[str, list[int]] = {}
        for number in columns:
            rest = [detail for detail in by_column[number] if detail not in every]
            if rest:
                columns_of.setdefault(word("comma", language).join(rest), []).append(number)
        shared += [f"{column_numbers(numbers)} {rest}" for rest, numbers in columns_of.items()]
        colon = word("colon", language) if shared else ""
        notes.append(_capital(f"{text}{where}{colon}{sentence(shared, language)}"))
    if notes:
        notes[0] = f"{word('inference', language)}{word('colon', language)}{notes[0]}"
    return tuple(notes)


def column_numbers(numbers: Sequence[int]) -> str:
    """``(1)–(3), (5)``."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(f"({first})" if first == last else f"({first})–({last})" for first, last in spans)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _critical(entry: Mapping[str, Any], language: str) -> str:
    critical = setting(entry, "critical")
    degrees = setting(entry, "df")
    if critical in (None, "percentile"):
        return ""
    if isinstance(degrees, (list, tuple)):
        finite = [value for value in degrees if value is not None]
        degrees = finite[0] if finite and all(value == finite[0] for value in finite) else None
    name = word(f"critical.{critical}", language) if has_word(f"critical.{critical}") else str(critical)
    if isinstance(degrees, (int, float)):
        name = f"{name}({format_number(degrees, 0 if float(degrees).is_integer() else 1)})"
    return word("setting.critical", language, name=name)


def _scheme(entry: Mapping[str, Any]) -> str:
    """``CR1``, ``HC3``: which small-sample correction, by name; empty where the method has none."""
    options = entry.get("options") or {}
    declared = options.get("small_sample") or options.get("kind")
    if declared:
        return str(declared)
    stated = entry.get("small_sample") or ()
    codes = [stated] if isinstance(stated, str) else [str(one["code"]).partition("_")[0] for one in stated[:1]]
    return next((code for code in codes if code in _SCHEMES), "")


def _shown(value: Any, key: str) -> str:
    if isinstance(value, int) and key != "seed":
        return format_count(value)
    if key in ("weights", "kernel"):
        return str(value).capitalize()
    return format_number(value, 0) if isinstance(value, float) and value.is_integer() else str(value)


def _noun(name: Any, language: str) -> str:
    names = [str(part) for part in name] if isinstance(name, (list, tuple)) else str(name).split(", ")
    return word("and", language).join(word(f"by.{n}", language) if has_word(f"by.{n}") else n for n in names)


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
