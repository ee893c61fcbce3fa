"""Estimators and inference as the models' results record them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ruralpanel.estimate.base.model import Model, Setting
from ruralpanel.output.labels import Labels
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.designs import header, model_span, row
from ruralpanel.output.report.document import (
    Block,
    Bullets,
    Details,
    Inline,
    Marked,
    Paragraph,
    Section,
    Table,
    TableCell,
    TableRow,
    literal,
    parse,
)
from ruralpanel.output.report.front import cited
from ruralpanel.output.report.numbers import formatted
from ruralpanel.output.report.sentences import nouns
from ruralpanel.output.report.texts import Texts, short_label
from ruralpanel.output.tables.inference_words import describe, sizes_by_setting
from ruralpanel.output.tables.notes import effects_text
from ruralpanel.output.words import clause, dropped, has_word, word
from ruralpanel.project.kinds.inference import CLUSTER, WILD

_COLUMNS = ("model", "outcome", "estimator", "effects", "panel", "sample", "n", "units", "periods", "dropped")
_NUMERIC = ("n", "units", "periods")
_MANY_CLUSTERS = 50  # below, asymptotic critical values are known to mislead (Cameron, Gelbach and Miller 2008)
_FEW = 6  # models named in a list
_LONG = 15  # periods from which the estimators for long panels begin to be usable


def brief(context: Context, texts: Texts) -> Section:
    """Section "How the numbers are made": the rule, the estimators and the kinds of inference, each said once."""
    words = nouns(context)
    estimators = list(dict.fromkeys(model.estimator for model in context.models.values()))
    blocks: list[Block] = []
    if context.scorecard.claims:
        blocks.append(Paragraph(texts.inline("answers.rule", nouns=words), "small", id="rule"))
        foreseen = {claim.expected for claim in context.scorecard.claims}
        special = (name for name in ("two_sided", "not_negative") if name in foreseen)
        items = ("supported", "contradicted", "nothing", "cannot_tell", *special, "agreement")
        blocks.append(Bullets(tuple(texts.inline(f"answers.rule_items.{item}") for item in items), "small"))
    if estimators:
        named = [name for name in estimators if texts.has(f"methods.estimator.{name}")]
        items_of = [(*texts.inline(f"methods.estimator.{name}", nouns=words), *cited(context, name)) for name in named]
        blocks += [Paragraph(texts.inline("methods.estimators_lede"), "small"), Bullets(tuple(items_of), "small")]
        blocks.append(Paragraph(texts.inline("methods.association", nouns=words), "small"))
        blocks += _kinds_of_inference(context, texts)
        blocks.append(Paragraph(texts.inline("methods.more"), "small"))
    return Section("methods", texts.plain("methods.title"), tuple(blocks), part="brief")


def used(context: Context) -> tuple[str, ...]:
    """Keywords of the methods that the results rest on, for the bibliography."""
    models = context.models.values()
    found = [name for model in models for name in (model.estimator, model.method) if name]
    for model in models:
        found += ["honest_did"] * bool(model.honest_did) + ["anderson_rubin"] * bool(model.anderson_rubin)
        for setting in model.given:
            found += _kinds_of(setting)
    found += ["family"] * any(claim.family for claim in context.scorecard.claims)
    found += ["specification_curve"] * bool(context.declared.curves)
    if context.scorecard.claims:
        found += ["robustness"] * (context.results / "models" / "robustness" / "summary.csv").is_file()
    return tuple(dict.fromkeys(found))


def _kinds_of(setting: Setting) -> list[str]:
    """Keywords of one kind of inference."""
    by = setting.options.by
    two_way = ["two_way"] * (isinstance(by, tuple) and len(by) > 1)
    return [setting.method, *two_way, *(["cr2"] * (setting.options.small_sample in ("CR2", "CR3")))]


def _kinds_of_inference(context: Context, texts: Texts) -> list[Block]:
    """Each kind of errors in a line; factors and seeds stand in the appendix."""
    said: dict[str, list[str]] = {}
    for model in context.models.values():
        for setting in model.given:
            said.setdefault(describe(setting, context.language)[0], []).extend(_kinds_of(setting))
    items = []
    for words, kinds in said.items():
        works = [cited(context, kind) for kind in dict.fromkeys(kinds)]
        items.append((*literal(_capital(words)), *(run for work in works for run in work)))
    return [
        Paragraph(texts.inline("methods.inference_short"), "small", id="inference"),
        Bullets(tuple(items), "small"),
    ]


def section(context: Context, texts: Texts) -> Section:
    """Section "Models and settings": what was estimated, with which factors, how far it can be trusted."""
    parts = (
        Section(
            "inference-used",
            texts.plain("methods.inference_title"),
            (*_inference(context, texts), *_short_panel(context, texts)),
            3,
        ),
        Section(
            "models",
            texts.plain("methods.models_title"),
            (*_confirmation(context, texts), _models(context, texts), *_notes(context, texts)),
            3,
        ),
    )
    lede = Paragraph(texts.inline("methods.lede"), "lede")
    return Section("settings", texts.plain("methods.settings_title"), (lede,), 2, parts if context.models else ())


def _confirmation(context: Context, texts: Texts) -> tuple[Block, ...]:
    """How far other libraries give the same numbers."""
    if not context.confirmation:
        return ()
    num = texts.numbers.num
    counts = {name: num(f"confirmation:{name}", "int") for name in ("models", "coefficients", "errors", "unconfirmed")}
    sizes: dict[str, object] = {"difference": "", "allowed": ""}
    if texts.numbers.value("confirmation:models"):
        sizes = {name: num(f"confirmation:{name}", "sig1") for name in ("difference", "allowed")}
    missing = bool(texts.numbers.value("confirmation:unconfirmed"))
    return (Paragraph(texts.inline("methods.confirmation", **counts, **sizes, missing=missing)),)


def _short_panel(context: Context, texts: Texts) -> tuple[Block, ...]:
    panels = {name: model for name, model in context.models.items() if 1 < model.n_periods < _LONG}
    if not panels:
        return ()
    name = max(panels, key=lambda key: panels[key].n_periods)
    periods = texts.numbers.num(f"model:{name}:n_periods", "int")
    return (Paragraph(texts.inline("methods.short_panel", periods=periods, nouns=nouns(context))),)


def _inference(context: Context, texts: Texts) -> tuple[Block, ...]:
    used: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    unavailable: dict[tuple[str, str], list[str]] = {}
    fewest: tuple[int, str, int] | None = None
    for name, model in context.models.items():
        for index, setting in enumerate(model.inference):
            if setting.not_available:
                place = (describe(setting, context.language)[0], clause(setting.not_available, context.language))
                unavailable.setdefault(place, []).append(name)
                continue
            words, details = describe(setting, context.language)
            used.setdefault(words, []).append((name, details))
            clusters = setting.n_clusters
            if clusters and (fewest is None or clusters < fewest[0]):
                fewest = (clusters, name, index)
    items = []
    for words, entries in used.items():
        everywhere = [detail for detail in entries[0][1] if all(detail in details for _, details in entries)]
        items.append(
            texts.inline(
                "methods.inference_setting",
                words=_capital(words),
                details=_list(everywhere, context.language),
                models=_models_named(context, texts, [name for name, _ in entries]),
            )
        )
    blocks: list[Block] = [
        Paragraph(texts.inline("methods.inference_lede")),
        Bullets(tuple(items)),
    ]
    if unavailable:
        gaps = [
            texts.inline(
                "methods.unavailable",
                method=_capital(method),
                models=_models_named(context, texts, models),
                reason=reason.rstrip(".。"),
            )
            for (method, reason), models in unavailable.items()
        ]
        blocks.append(Bullets(tuple(gaps)))
    if fewest and fewest[0] < _MANY_CLUSTERS:
        quoted = texts.numbers.num(f"model:{fewest[1]}:inference.{fewest[2]}.n_clusters", "int")
        blocks.append(Paragraph(texts.inline("methods.few_clusters", clusters=quoted, **_kinds(context))))
    blocks += _sizes(context, texts)
    return tuple(blocks) if not used else (*blocks, _factors(context, texts, used))


def _sizes(context: Context, texts: Texts) -> tuple[Block, ...]:
    """How often each setting rejects a true null, simulated at each model's own design."""
    by_model = {name: sizes_by_setting(model, context.language) for name, model in context.models.items()}
    settings = tuple(dict.fromkeys(setting for sizes in by_model.values() for setting in sizes))
    if not settings:
        return ()
    columns = ("model", *settings)
    rows = []
    for name, sizes in by_model.items():
        if sizes:
            title = literal(context.title(name))
            cells = {"model": title, **{setting: literal(sizes.get(setting, "")) for setting in settings}}
            rows.append(row(cells, columns, settings))
    head = TableRow(
        (
            TableCell(texts.inline("methods.head.model"), header=True),
            *(TableCell(literal(_capital(setting)), "right", header=True) for setting in settings),
        )
    )
    table = Table("sizes-table", texts.inline("methods.sizes_caption"), (head,), tuple(rows), tall=True)
    return (Paragraph(texts.inline("methods.sizes", nouns=nouns(context))), table)


def _kinds(context: Context) -> dict[str, bool]:
    """Which of the remedies for few clusters some model uses."""
    settings = [setting for model in context.models.values() for setting in model.given]
    clustered = [setting.options for setting in settings if setting.method == CLUSTER]
    return {
        "student": any(options.critical == "t" for options in clustered),
        "cr2": any(options.small_sample in ("CR2", "CR3") for options in clustered),
        "wild": any(setting.method == WILD for setting in settings),
    }


def _factors(context: Context, texts: Texts, used: Mapping[str, Sequence[tuple[str, tuple[str, ...]]]]) -> Details:
    """What differs from model to model: factors, degrees of freedom, seeds; models that share all of it share a row."""
    rows = []
    for words, entries in used.items():
        groups: dict[tuple[str, ...], list[str]] = {}
        for name, details in entries:
            groups.setdefault(details, []).append(context.title(name))
        for details, titles in groups.items():
            cells = (
                literal(_capital(words)),
                literal("; ".join(details)),
                literal(_list(titles, context.language)),
            )
            rows.append(TableRow(tuple(TableCell(cell, header=index == 0) for index, cell in enumerate(cells))))
    head = header(texts, ("setting", "factors", "models"), "methods.head")
    caption = texts.inline("methods.factors_caption")
    table = Table("factors-table", (), head, tuple(rows), tall=True)
    return Details(caption, (table,), printed=False, id="factors")


def _models(context: Context, texts: Texts) -> Table:
    rows = []
    for name, model in context.models.items():
        labels = context.labels(model.panel)
        outcome = labels.of(model.outcome)
        cells = {
            "model": literal(context.title(name)),
            "outcome": literal(short_label(outcome)),
            "estimator": _estimator(texts, model, context.language),
            "effects": literal(effects_text(model, context.language)),
            "panel": literal(context.panels[model.panel].title if model.panel in context.panels else ""),
            "sample": literal(_sample(context, texts, model)),
            "n": parse(formatted(model.n_obs, "int")),
            "units": parse(formatted(model.n_units, "int")),
            "periods": parse(model_span(model) or formatted(model.n_periods, "int")),
            "dropped": _dropped(texts, model.n_dropped, labels),
        }
        rows.append(row(cells, _COLUMNS, _NUMERIC))
    head = header(texts, _COLUMNS, "methods.head", _NUMERIC)
    return Table("models-table", texts.inline("methods.models_caption"), head, tuple(rows), tall=True)


def _estimator(texts: Texts, model: Model, language: str) -> Inline:
    key = f"methods.estimator_name.{model.estimator}"
    name = texts.plain(key) if texts.has(key) else model.estimator.replace("_", " ")
    if not model.method:
        return literal(name)
    key = f"method.{model.method}"
    variant = word(key, language) if has_word(key) else model.method.replace("_", " ")
    return texts.inline("methods.estimator_and_method", estimator=name, method=variant)


def _sample(context: Context, texts: Texts, model: Model) -> str:
    name = model.sample
    if name == "all":
        return texts.plain("methods.head_all")
    return context.worded(context.declared.samples.get(name) or {}, "label") or name.replace("_", " ")


def _dropped(texts: Texts, counts: Mapping[str, int], labels: Labels) -> Inline:
    language = labels.language
    shown = [
        texts.render("methods.dropped_item", n=formatted(count, "int"), reason=dropped(labels.within(reason), language))
        for reason, count in counts.items()
        if count
    ]
    return parse(Marked(word("list_separator", language).join(shown))) if shown else ()


def _notes(context: Context, texts: Texts) -> tuple[Block, ...]:
    notes: dict[str, list[str]] = {}
    for name, model in context.models.items():
        labels = context.labels(model.panel)
        for note in model.notes:
            notes.setdefault(clause(labels.told(note), context.language), []).append(name)
    if not notes:
        return ()
    items = tuple(
        texts.inline(
            "methods.inference_item",
            words=_capital(note.rstrip(".。")),
            models=_models_named(context, texts, models),
        )
        for note, models in notes.items()
    )
    return (Details(texts.inline("methods.notes_title"), (Bullets(items),), id="model-notes"),)


def _models_named(context: Context, texts: Texts, names: Sequence[str]) -> str:
    """The models of an entry, each once: all of them, or the first few by their titles."""
    titles = [context.title(name) for name in dict.fromkeys(names)]
    if len(titles) == len(context.models) > 1:
        return texts.plain("methods.all_models")
    if len(titles) <= _FEW:
        return _list(titles, context.language)
    first, more = _list(titles[:_FEW], context.language), str(len(titles) - _FEW)
    return texts.plain("methods.some_models", names=first, more=more)


def _list(names: Sequence[str], language: str) -> str:
    return word("and_names", language).join(names)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
