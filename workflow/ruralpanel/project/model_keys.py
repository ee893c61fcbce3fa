"""What the keys of models and of settings of inference say of each other; settings with their defaults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.inference import INFERENCE, KEYS
from ruralpanel.project.kinds.options import properties
from ruralpanel.project.problems import Problem, did_you_mean, nearest, unknown
from ruralpanel.project.sections.configuration import Model
from ruralpanel.project.settings import InferenceSpec

_OF_ESTIMATORS = frozenset(key for kind in ESTIMATORS.values() for key in kind.keys)
_SYSTEMS = tuple(name for name, kind in ESTIMATORS.items() if kind.several_outcomes)


def key_problems(raw: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """What is wrong with the keys of the models in a configuration as read; what no model knows, the schema names."""
    models = raw.get("models")
    for name, model in models.items() if isinstance(models, Mapping) else ():
        if isinstance(model, Mapping):
            yield from _estimator_problems(f"models.{name}", model, file)
            yield from _outcome_problems(f"models.{name}", model, file)


def _estimator_problems(where: str, model: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """Keys that the estimator does not know, and those that it needs."""
    name = str(model.get("estimator"))
    kind = ESTIMATORS.get(name)
    if kind is None:
        return
    others = set(map(str, model)) & _OF_ESTIMATORS - {*kind.keys}
    expected = f"keys that this estimator knows ({', '.join(kind.keys) or 'no key of its own'})"
    for key in sorted(others - Model.model_fields.keys()):
        fix = f"remove {key}, or choose the estimator that uses it"
        yield Problem(file, f"{where}.{key}", f'"{key}" with estimator "{name}"', expected, fix)
    misspelt = [key for key in map(str, model) if key not in Model.model_fields and key not in _OF_ESTIMATORS]
    for key in kind.required:
        if not model.get(key) and not nearest(key, misspelt):
            yield Problem(file, where, f'no "{key}"', f'"{key}", which estimator {name} needs')
    if kind.one_of and not any(model.get(key) for key in kind.one_of):
        yield Problem(file, where, f"no {' or '.join(kind.one_of)}", f"one of them, for estimator {name}")
    method = model.get("method")
    if method and str(method) not in kind.methods:
        known = tuple(filter(None, kind.methods))
        expected = f"one of: {', '.join(known) or 'none: remove the key'}"
        yield Problem(file, f"{where}.method", f'"{method}"', expected, nearest(str(method), known))
    if kind.regressors and not (model.get("regressors") or model.get("endogenous") or nearest("regressors", misspelt)):
        yield Problem(file, where, 'no "regressors"', "at least one regressor")


def _outcome_problems(where: str, model: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """Outcomes that are too many or too few for the estimator, and ``equations`` that do not fit them."""
    outcome = model.get("outcome")
    several = isinstance(outcome, list)
    if str(model.get("estimator")) not in _SYSTEMS:
        if several:
            fix = f"name one outcome, or use estimator: {', '.join(_SYSTEMS)}"
            yield Problem(file, f"{where}.outcome", f"a list of {len(_texts(outcome))}", "one variable", fix)
        return
    names = _texts(outcome) if several else [str(outcome)]
    if len(set(names)) < max(2, len(names)):
        found = f"the list {', '.join(names)}" if several else f'"{names[0]}"'
        yield Problem(file, f"{where}.outcome", found, "a list of two different outcomes or more")
    equations = model.get("equations") or {}
    if not isinstance(equations, Mapping):
        return
    regressors = _texts(model.get("regressors"))
    if not regressors and not equations:
        yield Problem(file, where, 'no "regressors"', "regressors of all outcomes, or equations for each")
    if not regressors and equations:
        expected = "one for each outcome where no regressors are named"
        lacking = [name for name in names if name not in equations]
        yield from (Problem(file, f"{where}.equations", f'no equation for "{name}"', expected) for name in lacking)
    known = [*regressors, *_texts(model.get("controls"))]
    for item, terms in equations.items():
        place = f"{where}.equations.{item}"
        if item not in names:
            yield unknown(file, place, item, "one of the model's outcomes", names)
        for term in _texts(terms) if regressors else ():
            if term not in known:
                yield unknown(file, place, term, "a term among regressors and controls", known)


def _texts(value: Any) -> list[str]:
    """The texts of a list; what is none is for the schema to refuse."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


_OF_ANY_METHOD = frozenset(name for kind in INFERENCE.values() for name in kind.keys)


def method_of(setting: Mapping[str, Any]) -> str:
    """The method that a setting names."""
    return str(next(setting[kind] for kind in KEYS if kind in setting))


def setting_words(setting: InferenceSpec, given: bool = False) -> str:
    """A setting as the configuration writes it: ``{vcov: cluster, by: unit}``; `given`: without defaults."""
    pairs = {INFERENCE[setting.method].key: setting.method, **setting.options.to_dict(given)}

    def text(value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(str, value))}]"
        if isinstance(value, float):
            return f"{value:g}"
        return str(value).lower() if isinstance(value, bool) else str(value)

    return "{" + ", ".join(f"{key}: {text(value)}" for key, value in pairs.items()) + "}"


def inference_spec(setting: Mapping[str, Any]) -> InferenceSpec:
    """A setting of the configuration with its defaults."""
    method = method_of(setting)
    options = {key: value for key, value in setting.items() if key not in KEYS}
    return InferenceSpec(method, INFERENCE[method].options.model_validate(options))


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
        if key not in setting and not nearest(key, misspelt):
            yield Problem(file, where, f"{method} without {key}", f"{key}, which {method} needs")
    for key in kind.keys:
        wanted, allowed = setting.get(key), _allowed(method, key)
        anywhere = (value for other in INFERENCE for value in _allowed(other, key))  # the schema refuses others
        if isinstance(wanted, str) and wanted not in allowed and wanted in anywhere:
            found, expected = f'"{wanted}" with method {method}', f"one of: {', '.join(allowed)}"
            yield Problem(file, f"{where}.{key}", found, expected)


def _allowed(method: str, key: str) -> tuple[str, ...]:
    return tuple((properties(INFERENCE[method].options).get(key) or {}).get("enum", ()))
