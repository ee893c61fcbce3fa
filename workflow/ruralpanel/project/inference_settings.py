"""Settings of inference: read with their defaults, checked against their method, written as the configuration does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ruralpanel.project.kinds.inference import INFERENCE, KEYS
from ruralpanel.project.kinds.options import properties
from ruralpanel.project.problems import Problem, did_you_mean
from ruralpanel.project.settings import InferenceSpec

_OF_ANY_METHOD = frozenset(name for kind in INFERENCE.values() for name in kind.keys)
_WITH_FREEDOM = ("CR2", "unbiased")
"""Small-sample corrections that go with Satterthwaite's degrees of freedom."""


def method_of(setting: Mapping[str, Any]) -> str:
    """The method that a setting names."""
    return str(next(setting[kind] for kind in KEYS if kind in setting))


def setting_words(setting: InferenceSpec) -> str:
    """A setting as the configuration writes it: ``{vcov: cluster, by: unit}``."""
    pairs = {INFERENCE[setting.method].key: setting.method, **setting.options}

    def text(value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(str, value))}]"
        if isinstance(value, float):
            return f"{value:g}"
        return str(value).lower() if isinstance(value, bool) else str(value)

    return "{" + ", ".join(f"{key}: {text(value)}" for key, value in pairs.items()) + "}"


def inference_spec(setting: Mapping[str, Any]) -> InferenceSpec:
    """A setting of the configuration with its defaults.

    Clustered CR2 and Conley's unbiased variances go with Satterthwaite's degrees of freedom, others with t.
    """
    method = method_of(setting)
    options = {**INFERENCE[method].defaults, **{key: value for key, value in setting.items() if key not in KEYS}}
    if options.get("critical") is None and "satterthwaite" in _allowed(method, "critical"):
        options["critical"] = "satterthwaite" if options["small_sample"] in _WITH_FREEDOM else "t"
    return InferenceSpec(method=method, options={key: value for key, value in options.items() if value is not None})


def inference_problems(raw: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """Keys and values that a setting's method does not know: of defaults, models and presets, under ``errors``."""
    holders = {"defaults": raw.get("defaults")}
    for section in ("models", "presets"):
        holders |= {f"{section}.{name}": entry for name, entry in _items(raw.get(section))}
    settings = {f"errors.{name}": setting for name, setting in _items(raw.get("errors"))}
    for place, holder in holders.items():
        listed = holder.get("inference") if isinstance(holder, Mapping) else None
        listed = listed if isinstance(listed, list) else []
        settings |= {f"{place}.inference[{i}]": setting for i, setting in enumerate(listed)}
    for place, setting in settings.items():
        if isinstance(setting, Mapping) and sum(kind in setting for kind in KEYS) == 1:
            yield from _setting_problems(setting, place, file)


def _items(entries: Any) -> Iterable[tuple[str, Any]]:
    return entries.items() if isinstance(entries, Mapping) else ()


def _setting_problems(setting: Mapping[str, Any], where: str, file: str) -> Iterator[Problem]:
    method = method_of(setting)
    if method not in INFERENCE:
        return
    kind = INFERENCE[method]
    misspelt = [str(key) for key in setting if key not in KEYS and key not in _OF_ANY_METHOD]
    for key in setting:
        if key in _OF_ANY_METHOD and key not in kind.keys:
            expected = f"keys of {method}: {', '.join(kind.keys) or 'none'}"
            fix = did_you_mean(str(key), kind.keys) or f"remove {key}"
            yield Problem(file, f"{where}.{key}", f'"{key}" with method {method}', expected, fix)
    for key in kind.required:
        if key not in setting and not did_you_mean(key, misspelt).startswith("did you mean"):
            yield Problem(file, where, f"{method} without {key}", f"{key}, which {method} needs")
    for key in kind.keys:
        wanted, allowed, anywhere = setting.get(key), _allowed(method, key), _allowed_anywhere(key)
        if isinstance(wanted, str) and wanted in anywhere and wanted not in allowed:
            found, expected = f'"{wanted}" with method {method}', f"one of: {', '.join(allowed)}"
            yield Problem(file, f"{where}.{key}", found, expected)


def _allowed(method: str, key: str) -> tuple[str, ...]:
    return tuple((properties(INFERENCE[method].options).get(key) or {}).get("enum", ()))


def _allowed_anywhere(key: str) -> frozenset[str]:
    """Values that some method knows; others are for the schema to refuse."""
    return frozenset(value for method in INFERENCE for value in _allowed(method, key))
