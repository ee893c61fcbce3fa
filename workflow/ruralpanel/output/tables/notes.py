"""The notes below a table of models: sample, counts, effects and inference, all from the models' JSON."""

from __future__ import annotations

from collections.abc import Sequence

from ruralpanel.estimate.base.model import Model
from ruralpanel.output.labels import Labels
from ruralpanel.output.tables.coefficients import DECIDING, has_statistic, star_source
from ruralpanel.output.tables.inference_words import column_numbers, inference_notes, short_of, size_note
from ruralpanel.output.words import clause, dropped, has_word, sentence, word
from ruralpanel.project.effects import factors
from ruralpanel.project.formats import DASH, format_count
from ruralpanel.project.kinds.estimators import ESTIMATORS, has_random_effects
from ruralpanel.project.kinds.tables import Table
from ruralpanel.project.periods import label

_FACTS = ("sample", "n_obs", "n_units", "n_periods", "effects")


def sample_text(model: Model, language: str) -> str:
    """The sample's name; ``all`` in words."""
    return word("all", language) if model.sample == "all" else model.sample.replace("_", " ")


def period_text(model: Model) -> str:
    """``8 (2012–2019)`` where the model's results name its periods, else their number."""
    count = format_count(model.n_periods)
    if not model.periods:
        return count
    first, last = label(min(model.periods)), label(max(model.periods))
    return f"{count} ({first})" if first == last else f"{count} ({first}{DASH}{last})"


def effects_of(model: Model) -> dict[str, str]:
    """Effect → how the model treats it: ``yes`` (removed), ``differenced`` or ``random``.

    What the estimator reports as removed counts, not what the configuration asked for: pooled and between models remove
    no unit effects, whatever they inherit.
    """
    removed = model.diagnostics.absorbed
    effects = dict.fromkeys(model.effects if removed is None else removed, "yes")
    if has_random_effects(model.estimator, model.method):
        random = {effect: "random" for effect in model.effects if effect not in effects}
        return {"unit": "random", **random, **effects}
    kind = ESTIMATORS.get(model.estimator)
    return {"unit": "differenced", **effects} if kind and kind.unit_effects == "differenced" else effects


def effect_state(model: Model, effect: str) -> str:
    """How a model treats an effect: as in `effects_of`, ``contained`` in a finer one (``region:period``), or ``no``."""
    effects = effects_of(model)
    finer = any(set(factors(effect)) < set(factors(other)) for other in effects)
    return effects.get(effect, "contained" if finer else "no")


def effects_text(model: Model, language: str) -> str:
    """``unit, period``, or ``none``."""
    effects = effects_of(model)
    if not effects:
        return word("none", language)
    shown = []
    for effect, how in effects.items():
        name = effect_name(effect, language)
        shown.append(name if how == "yes" else word("table.treated", language, name=name, how=word(how, language)))
    return word("comma", language).join(shown)


def effect_name(effect: str, language: str) -> str:
    """``region × period``: what an effect is made of."""
    return " × ".join(word(f"by.{part}", language) if has_word(f"by.{part}") else part for part in factors(effect))


def model_notes(
    models: Sequence[Model],
    options: Table,
    labels: Labels,
    beneath: Sequence[str],
    levels: Sequence[float],
    unshown: Sequence[str],
    language: str,
    source: str = "",
) -> tuple[str, ...]:
    """Notes of a table of models, the configuration's own first; the columns are numbered in the order of `models`.

    `source` : the p-value that stars come from; empty: as what stands `beneath` the estimates says.
    """
    models = [labels.told(model) for model in models]
    notes = [*declared_notes(options, language), sentence([_fact(models, fact, language) for fact in _FACTS], language)]
    notes.append(sentence([_beneath(models, name, language) for name in beneath], language))
    notes += inference_notes(models, language)
    notes.append(size_note(models, language))
    if levels:
        pairs = [f"{'*' * (rank + 1)} p < {level:g}" for rank, level in enumerate(levels)]
        notes.append(sentence([_stars(models, source or star_source(beneath), language), *pairs], language))
    if unshown:
        terms = word("comma", language).join(labels.of(term) for term in unshown)
        notes.append(word("table.not_shown", language, terms=terms))
    notes.append(_dropped(models, labels, language))
    notes += _warnings(models, language)
    return tuple(_capital(note) for note in notes if note)


def _beneath(models: Sequence[Model], name: str, language: str) -> str:
    """What a line beneath the estimates holds; of the intervals that decide, of which setting in which columns."""
    words = word(f"beneath.{name}", language)
    if name != DECIDING:
        return words
    columns: dict[str, list[int]] = {}
    for number, model in enumerate(models, 1):
        setting = model.setting_of("p_wild" if has_statistic(model, "ci_wild") else "p_value")
        columns.setdefault("" if setting is None else short_of(setting, language), []).append(number)
    named = [
        text if len(columns) == 1 else f"{column_numbers(numbers)} {text}" for text, numbers in columns.items() if text
    ]
    sets = [word("table.sets", language)] if any(has_statistic(model, "ci_ar") for model in models) else []
    return words.format(settings=word("comma", language).join([*named, *sets]))


def _stars(models: Sequence[Model], source: str, language: str) -> str:
    """Which p-values the stars come from, by setting, and which columns have none."""
    texts: dict[str, list[int]] = {}
    for number, model in enumerate(models, 1):
        own = source if source != DECIDING else "p_wild" if has_statistic(model, "p_wild") else "p_value"
        starred = any(row.number(own) is not None for row in model.coefficients)
        setting = model.setting_of(own) if starred else None
        texts.setdefault("" if setting is None else short_of(setting, language), []).append(number)
    named = [
        text if len(texts) == 1 else f"{column_numbers(columns)} {text}" for text, columns in texts.items() if text
    ]
    if not named:
        return word("table.no_stars", language)
    words = word("table.stars", language, settings=word("list_separator", language).join(named))
    if "" in texts:
        words += word("table.stars_missing", language, columns=column_numbers(texts[""]))
    return words


def test_notes(models: Sequence[Model], names: Sequence[str], language: str) -> tuple[str, ...]:
    """What the named tests say of themselves, sizes above 10 % included, each once with its columns; one paragraph."""
    texts: dict[str, list[int]] = {}
    for number, model in enumerate(models, 1):
        for test in names:
            if test in model.tests and model.tests[test].note:
                name = word(f"test_{test}", language) if has_word(f"test_{test}") else test.replace("_", " ")
                about = word("list_separator", language).join(clause(one, language) for one in model.tests[test].note)
                texts.setdefault(f"{name}{word('colon', language)}{about}", []).append(number)
    shown = [
        text if len(columns) == len(models) else f"{column_numbers(columns)} {text}" for text, columns in texts.items()
    ]
    return (sentence(shown, language),) if shown else ()


def declared_notes(options: Table, language: str) -> tuple[str, ...]:
    """The notes that a table's configuration adds."""
    return (options.notes_zh if language == "zh" else None) or options.notes or ()


def _fact(models: Sequence[Model], fact: str, language: str) -> str:
    """``N 248`` where all columns agree, else ``N (1)–(2) 248, (3) 31``."""
    texts: dict[str, list[int]] = {}
    for number, model in enumerate(models, 1):
        if fact == "sample":
            text = sample_text(model, language)
        elif fact == "n_periods":
            text = period_text(model)
        elif fact == "effects":
            text = effects_text(model, language)
        else:
            text = format_count(getattr(model, fact))
        texts.setdefault(text, []).append(number)
    name = word(fact, language)
    if len(texts) == 1:
        return f"{name}{word('colon', language)}{next(iter(texts))}"
    shown = word("comma", language).join(f"{column_numbers(columns)} {text}" for text, columns in texts.items())
    return f"{name}{word('colon', language)}{shown}"


def _dropped(models: Sequence[Model], labels: Labels, language: str) -> str:
    texts: dict[str, list[int]] = {}
    for number, model in enumerate(models, 1):
        reasons = {reason: count for reason, count in model.n_dropped.items() if count}
        if reasons:
            text = word("comma", language).join(
                word(
                    "table.left_out",
                    language,
                    count=format_count(count),
                    reason=dropped(labels.within(reason), language),
                )
                for reason, count in reasons.items()
            )
            texts.setdefault(text, []).append(number)
    if not texts:
        return ""
    if len(texts) == 1 and len(next(iter(texts.values()))) == len(models):
        rows = next(iter(texts)) + word("full_stop", language)
    else:
        rows = sentence([f"{column_numbers(columns)} {text}" for text, columns in texts.items()], language)
    return word("table.rows_left_out", language, rows=rows)


def _warnings(models: Sequence[Model], language: str) -> list[str]:
    """What the models' own notes say, each once, with the columns it holds for."""
    texts: dict[str, list[int]] = {}
    for number, model in enumerate(models, 1):
        for note in model.notes:
            texts.setdefault(clause(note, language), []).append(number)
    everywhere = list(range(1, len(models) + 1))
    return [text if columns == everywhere else f"{column_numbers(columns)} {text}" for text, columns in texts.items()]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
