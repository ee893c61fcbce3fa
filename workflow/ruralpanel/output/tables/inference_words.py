"""What a table's notes and the report say of the models' inference and of its simulated size, from their JSON."""

from __future__ import annotations

from collections.abc import Sequence

from ruralpanel.estimate.base.model import Model, Setting
from ruralpanel.output.words import clause, has_word, said, sentence, word
from ruralpanel.project.formats import DASH, format_count, format_number
from ruralpanel.project.kinds.inference import CLUSTER, INFERENCE, OWN, ROBUST

_SCHEMES = ("CR0", "CR1", "CR2", "CR3", "HC0", "HC1", "HC2", "HC3")
_DETAILS = ("n_clusters", "sectors", "small_sample", "lag", "kernel", "cutoff_km", "weights", "draws", "seed")


def describe(setting: Setting, language: str) -> tuple[str, tuple[str, ...]]:
    """One inference setting: what it is, and its details (clusters, every small-sample factor, draws, seed)."""
    text = _method(setting, language)
    if setting.not_available:
        return text, (word("setting.not_available", language, reason=clause(setting.not_available, language)),)
    kind = INFERENCE.get(setting.method)
    details: list[str] = []
    for key in _DETAILS:
        if key == "small_sample":
            details += [part for one in setting.small_sample for part in said(one, language)]
            continue
        value = getattr(setting if key == "n_clusters" else setting.options, key)
        if value and not (key == "n_clusters" and kind and not kind.clustered):
            details.append(word(f"setting.{key}", language, value=_shown(value, key)))
    critical = _critical(setting, language)
    details += [critical] if critical else []
    terms = {row.term for row in setting.coefficients}
    for one in setting.notes:
        details += () if one.values.get("term") in terms else said(one, language)
    return text, tuple(details)


def short(model: Model, language: str) -> str:
    """The first setting in a few words, for a row of the table: ``CR1 by unit`` or ``HC3``."""
    return short_of(model.inference[0], language) if model.inference else ""


def short_of(setting: Setting, language: str) -> str:
    """A setting in a few words: ``CR1 by unit``, ``HC3``, ``wild cluster bootstrap by unit``."""
    if setting.method == ROBUST and setting.options.kind:
        return setting.options.kind
    if setting.method == CLUSTER:
        name = _scheme(setting) or word("std_error", language)
        return word("setting.clustered", language, name=name, by=_by(setting, language))
    if setting.method == OWN and setting.options.critical == "percentile":
        return word("setting.percentiles", language)
    return _method(setting, language)


def _method(setting: Setting, language: str) -> str:
    if not has_word(f"setting.methods.{setting.method}"):
        return setting.method.replace("_", " ")
    over = _noun(setting.options.over or "units", language)
    return word(f"setting.methods.{setting.method}", language, by=_by(setting, language), over=over)


def _by(setting: Setting, language: str) -> str:
    return _noun(setting.by or setting.options.by or "unit", language)


def inference_notes(models: Sequence[Model], language: str) -> tuple[str, ...]:
    """One sentence for each setting: what all its columns share first, then by column number what differs."""
    groups: dict[tuple[str, str], dict[int, tuple[str, ...]]] = {}
    for number, model in enumerate(models, 1):
        for setting in model.inference:
            text, details = describe(setting, language)
            variant = "not available" if setting.not_available else _scheme(setting)
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


def _critical(setting: Setting, language: str) -> str:
    critical = setting.options.critical
    if critical in ("", "percentile"):
        return ""
    degrees = {value for value in setting.df or () if value is not None}
    name = word(f"critical.{critical}", language) if has_word(f"critical.{critical}") else critical
    if len(degrees) == 1:
        (df,) = degrees
        name = f"{name}({format_number(df, 0 if df.is_integer() else 1)})"
    return word("setting.critical", language, name=name)


def _scheme(setting: Setting) -> str:
    """``CR1``, ``HC3``: which small-sample correction, by name; empty where the method has none."""
    if setting.scheme:
        return setting.scheme
    codes = [one.code.partition("_")[0] for one in setting.small_sample[:1]]
    return next((code for code in codes if code in _SCHEMES), "")


def _shown(value: object, key: str) -> str:
    if isinstance(value, int) and key != "seed":
        return format_count(value)
    if key in ("weights", "kernel"):
        return str(value).capitalize()
    return format_number(value, 0) if isinstance(value, float) and value.is_integer() else str(value)


def _noun(name: str | Sequence[str], language: str) -> str:
    names = name.split(", ") if isinstance(name, str) else name
    return word("and", language).join(word(f"by.{n}", language) if has_word(f"by.{n}") else n for n in names)


def size_of(setting: Setting) -> str:
    """Per cent of simulated panels in which a true null is rejected, ``5.3`` or over the terms ``5.3–9.4``.

    Empty where nothing was simulated.
    """
    if setting.size.size is None:
        return ""
    low, high = (format_number(100.0 * end, 1) for end in (setting.size.lowest, setting.size.highest))
    return low if low == high else f"{low}{DASH}{high}"


def sizes_by_setting(model: Model, language: str) -> dict[str, str]:
    """Setting in a few words → its simulated size, of those that have one."""
    return {short_of(setting, language): size for setting in model.inference if (size := size_of(setting))}


def term_sizes(model: Model, term: str) -> tuple[str, ...]:
    """Simulated size of one term in per cent, a dash where a setting has none; empty where none of them has."""
    sizes = [setting.size.by_term for setting in model.inference]
    if not any(term in by_term for by_term in sizes):
        return ()
    return tuple(format_number(100.0 * by_term[term], 1) if term in by_term else DASH for by_term in sizes)


def size_note(models: Sequence[Model], language: str) -> str:
    """One note for a table of models, columns numbered from 1; empty where nothing was simulated."""
    texts: dict[str, dict[str, list[int]]] = {}
    simulated = [setting.size for model in models for setting in model.inference if setting.size.size is not None]
    for number, model in enumerate(models, 1):
        for name, size in sizes_by_setting(model, language).items():
            texts.setdefault(name, {}).setdefault(size, []).append(number)
    if not texts:
        return ""
    shown = []
    for name, by_size in texts.items():
        if len(models) == 1:
            shown.append(f"{name} {next(iter(by_size))}")
            continue
        columns = word("comma", language).join(f"{column_numbers(c)} {size}" for size, c in by_size.items())
        shown.append(f"{name} {columns}")
    panels = sorted({size.simulations for size in simulated})
    counts = (
        format_count(panels[0]) if len(panels) == 1 else f"{format_count(panels[0])}{DASH}{format_count(panels[-1])}"
    )
    error = format_number(100.0 * max(size.error for size in simulated), 1)
    separator = word("list_separator", language)
    return word("table.sizes", language, panels=counts, error=error, sizes=separator.join(shown))
