"""What models share: settings of inference by name, and presets whose keys a model's own go over."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from ruralpanel.project.problems import did_you_mean, nearest
from ruralpanel.project.written import Trail

_NULL_COUNTS = frozenset({"weights"})
"""Keys of models whose null says something: no weights, whatever the defaults are."""


@dataclass(frozen=True)
class Preset:
    """What a preset comes to with those that it is like: its keys, where each is written, whether all were there."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    whole: bool = True


def over(
    base: Preset | None, own: Mapping[str, Any], where: str, trail: Trail, nulls: Set[str] = frozenset()
) -> Preset:
    """Own keys over those of a preset; null takes one away, but for `nulls`, where it is a value."""
    values = dict(base.values) if base else {}
    origins = dict(base.origins) if base else {}
    for key, value in own.items():
        if key == "like":
            continue
        if base and value is None and key not in nulls:
            if base.whole and key not in values:
                fix = did_you_mean(key, values)
                trail.report(f"{where}.{key}", "null, which takes nothing away", f"a key of {own['like']}", fix)
            values.pop(key, None)
            origins.pop(key, None)
        else:
            values[key] = value
            origins[key] = f"{where}.{key}"
    return Preset(values, origins, base is None or base.whole)


def with_settings(holder: Mapping[str, Any], where: str, errors: Mapping[str, Any], trail: Trail) -> dict[str, Any]:
    """Names under ``inference`` replaced by the settings that ``errors`` gives them."""
    settings = holder.get("inference")
    if not isinstance(settings, list):
        return dict(holder)
    expanded = []
    for position, setting in enumerate(settings):
        path = f"{where}.inference[{position}]"
        if isinstance(setting, str) and setting in errors:
            trail.settings[path] = f"errors.{setting}"
            expanded.append(errors[setting])
            continue
        if isinstance(setting, str):
            expected = "a name under errors, or a setting such as {vcov: cluster, by: unit}"
            trail.report(path, f'"{setting}"', expected, did_you_mean(setting, errors))
        expanded.append(setting)
    return {**holder, "inference": expanded}


def trace_settings(settings: Any, path: str, written: str, trail: Trail) -> None:
    """Note of each setting in the list at `path`, written at `written`, the name that it stands for."""
    for position in range(len(settings) if isinstance(settings, list) else 0):
        entry = f"{written}[{position}]"
        origin = trail.settings.get(entry, entry)
        if origin != f"{path}[{position}]":
            trail.origins[f"{path}[{position}]"] = origin


def untaken(values: Mapping[str, Any], origins: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What is shared and nothing takes over: named settings, keys of presets and of ``curve_defaults``, as written.

    Parameters
    ----------
    values : of the configuration as written. origins : of what entries took over (`expand.Expanded`).
    """
    taken = frozenset(origins.values())

    def rest(path: str, shared: Any) -> dict[str, Any]:
        if not isinstance(shared, Mapping):
            return {}
        own = {key: value for key, value in shared.items() if f"{path}.{key}" not in taken}
        if not path.startswith("presets.") or "like" not in shared:
            return own
        return {key: value for key, value in own.items() if key != "like" and value is not None}

    errors, presets = rest("errors", values.get("errors")), values.get("presets")
    return {
        "errors": {name: setting for name, setting in errors.items() if isinstance(setting, Mapping)},
        "presets": {
            name: rest(f"presets.{name}", preset)
            for name, preset in (presets.items() if isinstance(presets, Mapping) else ())
        },
        "curve_defaults": rest("curve_defaults", values.get("curve_defaults")),
    }


def models_of(
    models: Mapping[str, Any], presets: Mapping[str, Any], errors: Mapping[str, Any], trail: Trail
) -> dict[str, Any]:
    """Every model with the keys of the preset that it is like and the settings that it names."""
    chains = _Chains(
        {
            name: with_settings(preset, f"presets.{name}", errors, trail)
            for name, preset in presets.items()
            if isinstance(preset, Mapping)
        },
        frozenset(name for name, preset in presets.items() if not isinstance(preset, Mapping)),
        models,
        trail,
    )
    for name in chains.presets:
        preset = chains.preset(name)
        trail.presets[name] = {key: (value, preset.origins[key]) for key, value in preset.values.items()}
    return {name: _model(name, model, errors, chains) for name, model in models.items()}


def _model(name: str, model: Any, errors: Mapping[str, Any], chains: _Chains) -> Any:
    if not isinstance(model, Mapping):
        return model
    where, trail = f"models.{name}", chains.trail
    own = with_settings(model, where, errors, trail)
    whole = over(chains.base(own, where), own, where, trail, _NULL_COUNTS)
    trail.origins |= {
        f"{where}.{key}": written for key, written in whole.origins.items() if written != f"{where}.{key}"
    }
    if "inference" in whole.values:
        trace_settings(whole.values["inference"], f"{where}.inference", whole.origins["inference"], trail)
    if not whole.whole:
        trail.torn.add(where)
    return dict(whole.values)


class _Chains:
    """Presets by name, each followed to the end of its chain once."""

    def __init__(
        self, presets: Mapping[str, Mapping[str, Any]], unreadable: Set[str], models: Mapping[str, Any], trail: Trail
    ) -> None:
        self.presets, self.unreadable, self.models, self.trail = presets, unreadable, models, trail
        self._known: dict[str, Preset] = {}

    def base(self, holder: Mapping[str, Any], where: str, chain: tuple[str, ...] = ()) -> Preset | None:
        """The preset that ``like`` names, an empty one where there is none of that name; None without ``like``."""
        if "like" not in holder:
            return None
        name = holder["like"] if isinstance(holder["like"], str) else ""
        if name in self.presets:
            return self.preset(name, chain)
        if name in self.unreadable:  # told where it stands
            return Preset({}, {}, whole=False)
        fix = did_you_mean(name, self.presets)
        if name in self.models and not nearest(name, self.presets):
            fix = f"{name} is a model: put what the two share under presets"
        found = f'"{name}"' if name else "no name"
        self.trail.report(f"{where}.like", found, "a name under presets", fix)
        return Preset({}, {}, whole=False)

    def preset(self, name: str, chain: tuple[str, ...] = ()) -> Preset:
        """A preset with those that it is like; `chain` are the presets on the way to it."""
        where = f"presets.{name}"
        if name in chain:
            circle = " → ".join((*chain[chain.index(name) :], name))
            self.trail.report(
                f"{where}.like", f"the circle {circle}", "presets that end somewhere", "take one like out"
            )
            self._known[name] = Preset({}, {}, whole=False)
        elif name not in self._known:
            base = self.base(self.presets[name], where, (*chain, name))
            whole = over(base, self.presets[name], where, self.trail, _NULL_COUNTS)
            self._known.setdefault(name, whole)
        return self._known[name]
