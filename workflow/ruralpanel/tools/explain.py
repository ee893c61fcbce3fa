"""The resolved settings of one entry of the configuration, each with the place that it came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from ruralpanel.project.config_schema import named_sections
from ruralpanel.project.expand import LONG_NAMES
from ruralpanel.project.load import Config
from ruralpanel.project.model_keys import setting_words
from ruralpanel.project.problems import UserError, did_you_mean, unknown
from ruralpanel.project.settings import ModelSpec
from ruralpanel.project.written import Place


def explain(config: Config, entry: str) -> str:
    """One line for each setting of an entry: where it was written, what brought it there, key and value.

    Parameters
    ----------
    config : a configuration.
    entry : ``models.interaction``, ``series.highway_km``, ``claims.H1``, ``presets.gap``, ``report``.

    Raises
    ------
    UserError
        No such section, or no such entry in it.
    """
    if entry.startswith("presets.") and entry.partition(".")[2] in config.presets:
        return _listed(entry, list(_of_preset(config, entry.partition(".")[2])))
    section, name = _long_name(config, entry)
    path = f"{section}.{name}" if name else section
    if section == "models":
        settings = [(key, text, _of_model(config, config.models[name], key)) for key, text in _model(config, name)]
    else:
        values = config.resolved[section][name] if name else config.resolved[section]
        below = values if isinstance(values, Mapping) else {"": values}
        settings = [
            (key or section, _text(value), config.places.declared(f"{path}.{key}" if key else path))
            for key, value in below.items()
        ]
    words = {place.file for written, place in config.places.written.items() if written.startswith("words.")}
    rows = [(str(place or ""), _origin(place, key, entry, words), f"{key}: {text}") for key, text, place in settings]
    return _listed(entry, rows)


def _of_preset(config: Config, name: str) -> Iterator[tuple[str, str, str]]:
    """What a preset comes to with those that it is like: (place, origin, setting)."""
    for key, (value, written) in config.presets[name].items():
        place = config.places.of(written)
        yield str(place or ""), _origin(place, key, f"presets.{name}", frozenset()), f"{key}: {_text(value)}"


def _listed(entry: str, rows: Sequence[tuple[str, str, str]]) -> str:
    if not rows:
        return f"{entry}\n  no settings"
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join([entry, *(f"  {place:<{first}}  {origin:<{second}}  {text}" for place, origin, text in rows)])


def _long_name(config: Config, entry: str) -> tuple[str, str]:
    """Section and name of an entry in the long form; both of what is written and of what it comes to are understood."""
    section, _, name = entry.partition(".")
    sections = {**{key: key for key in config.resolved}, **LONG_NAMES}
    if section not in sections:
        fix = _taken_over(config, entry) or did_you_mean(section, sections)
        raise UserError.at("explain", "", f'"{entry}"', "an entry such as models.baseline", fix)
    long = sections[section]
    entries = config.resolved.get(long)
    if long not in named_sections() or not isinstance(entries, Mapping):
        return long, ""
    if not name:
        fix = f"name one: {section}.{next(iter(entries), '…')}"
        raise UserError.at("explain", "", f'"{entry}"', f"one entry of {section}", fix)
    if name not in entries:
        raise UserError(unknown("explain", "", name, f"a name under {section}", entries))
    return long, name


def _taken_over(config: Config, entry: str) -> str:
    """Advice on what has no settings of its own, such as a preset: an entry of the configuration that takes it over."""
    for path, written in config.places.origins.items():
        if written == entry or written.startswith((f"{entry}.", f"{entry}[")):
            section, name, *_ = re.split(r"[.\[]", path)
            user = config.places.as_written(f"{section}.{name}") if section in named_sections() else section
            return f"look at what takes it over, such as {user}"
    return ""


def _model(config: Config, name: str) -> Iterator[tuple[str, str]]:
    """(key, value in words) of a model, its options and settings of inference one by one."""
    model = config.models[name]
    words = config.resolved["models"][name]
    for key in ("title", "title_zh"):
        if words.get(key):
            yield key, words[key]
    yield from (("estimator", model.estimator), ("method", model.method or "none"), ("panel", model.panel))
    yield from (("outcome", _text(model.outcomes or model.outcome)), ("regressors", _text(model.regressors)))
    written = model.to_dict()
    for key in ("controls", "effects", "weights", "sample", "marginal_effects"):
        yield key, _text(written[key])
    options = written["options"]
    assert isinstance(options, Mapping)
    yield from ((key, _text(value)) for key, value in options.items() if key != "outcomes")
    for position, setting in enumerate(model.inference):
        yield f"inference[{position}]", setting_words(setting)
    yield "simulated_size", _text(model.simulated_size)


def _of_model(config: Config, model: ModelSpec, key: str) -> Place | None:
    """Where a key of a model is written: in the model, a preset, the settings of errors or the defaults."""
    plain = key.partition("[")[0]
    in_model = plain in config.resolved["models"][model.name]
    return config.places.declared(f"models.{model.name}.{key}" if in_model else f"defaults.{key}")


def _origin(place: Place | None, key: str, entry: str, words: Set[str]) -> str:
    """What brought a setting to an entry: the entry itself, something that it names, words, or nothing (a default)."""
    if place is None:
        return "default"
    if place.file in words:
        return "words"
    if place.path == entry or place.path.startswith(f"{entry}."):
        return "own"
    return place.path.removesuffix(f".{key}")


def _text(value: Any) -> str:
    """A value as the configuration writes it, on one line."""
    if isinstance(value, str):
        return " ".join(value.split())
    if value is None:
        return "none"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_text(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)
