"""Short forms of a configuration into the long ones: series, named errors, presets, claims, curves, spans of years."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from ruralpanel.project.places import COMMAND_LINE, Place
from ruralpanel.project.problems import Problem, did_you_mean
from ruralpanel.project.yaml import upwards

SHORT = ("words", "series", "errors", "presets", "claims", "others", "curves", "curve_defaults")
"""Keys at the top that have no place in the long form."""

LONG_NAMES = {"series": "variables", "claims": "hypotheses", "curves": "specification_curves"}
"""Sections whose entries have another section in the long form."""

_SPAN = re.compile(r"\s*(\d{4})\s*[-–]\s*(\d{4})\s*")
_NUMBER = re.compile(r"\s*(\w+)\s*\[\s*(statistic\s+)?([^\[\]]+?)\s*\]\s*")
_NULL_COUNTS = frozenset({"weights"})
"""Keys of models whose null says something: no weights, whatever the defaults are."""


@dataclass(frozen=True)
class Expanded:
    """A configuration in its long form.

    Attributes
    ----------
    values : sections as `workflow/schemas/config.schema.yaml` describes them.
    origins : path in `values` → path as written, where they differ (`places.Places`).
    problems : short forms that say nothing; their paths are those as written.
    """

    values: dict[str, Any]
    origins: Mapping[str, str]
    problems: tuple[Problem, ...]


@dataclass
class _Trail:
    """What expanding leaves behind beside the values."""

    file: str
    places: Mapping[str, Place]
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    """Path as written of an entry under ``inference`` → that of the named setting that it stands for."""

    def report(self, where: str, found: str, expected: str, fix: str = "") -> None:
        self.problems.append(Problem(self.file, where, found, expected, fix))

    def report_twice(self, where: str, other: str) -> None:
        place = self.places.get(other)
        first = f"first as {other} in {place.file}, line {place.line}" if place else f"first as {other}"
        self.report(where, f"the key again ({first})", "each key once", "remove or rename one")

    def on_command_line(self, path: str) -> bool:
        nearest = next((self.places[above] for above in upwards(path) if above in self.places), None)
        return nearest is not None and nearest.file == COMMAND_LINE


def expand(values: Mapping[str, Any], places: Mapping[str, Place], file: str) -> Expanded:
    """The long form of a configuration as written; long forms stay as they are, and so do entries that are wrong.

    Parameters
    ----------
    values, places : of the configuration as written (`written.Written`).
    file : its name in problems.
    """
    trail = _Trail(file, places)
    long = {key: value for key, value in values.items() if key not in SHORT}
    long["panels"] = {name: _panel(name, panel, trail) for name, panel in _entries(values, "panels").items()}
    long["variables"] = _variables(values, trail)
    errors = _entries(values, "errors")
    if isinstance(values.get("defaults"), Mapping):
        long["defaults"] = _with_settings(values["defaults"], "defaults", errors, trail)
        _trace_settings(long["defaults"], "defaults", "defaults", trail)
    long["models"] = _models(values, errors, trail)
    long["hypotheses"] = _claims(values, trail)
    long["specification_curves"] = _curves(values, trail)
    long["tables"] = {name: _table(table) for name, table in _entries(values, "tables").items()}
    for section in ("panels", "variables", "models", "hypotheses", "specification_curves", "tables"):
        if section in values and not isinstance(values[section], Mapping):
            long[section] = values[section]  # for the schema to refuse
        elif section not in values and not long[section]:
            del long[section]
    return Expanded(long, trail.origins, tuple(trail.problems))


def _entries(values: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    entries = values.get(section)
    return entries if isinstance(entries, Mapping) else {}


def _panel(name: str, panel: Any, trail: _Trail) -> Any:
    """A panel by its periods alone: ``2012-2019``, ``[1998]``."""
    written = f"panels.{name}.periods"
    if not isinstance(panel, Mapping):
        trail.origins[written] = written = f"panels.{name}"
        panel = {"periods": panel}
    periods = panel.get("periods", {})
    if isinstance(periods, str) and (span := _SPAN.fullmatch(periods)):
        return {**panel, "periods": {"first": int(span[1]), "last": int(span[2])}}
    if not isinstance(periods, (list, Mapping)):
        shown = f'"{periods}"' if isinstance(periods, str) else "nothing" if periods is None else str(periods)
        fix = f"write [{periods}]" if isinstance(periods, int) else ""
        trail.report(written, shown, "a span of years such as 2012-2019, or a list such as [1998, 2003]", fix)
    return panel


def _variables(values: Mapping[str, Any], trail: _Trail) -> dict[str, Any]:
    """Published series first, then what is written under ``variables``, where text alone is a formula."""
    variables = {name: _series(name, series, trail) for name, series in _entries(values, "series").items()}
    for name, variable in _entries(values, "variables").items():
        path = f"variables.{name}"
        if isinstance(variable, str):
            trail.origins[f"{path}.formula"] = path
            variable = {"formula": variable}
        if name in variables and _set_there(path, variable, trail):
            variables[name] = _set_over(variables[name], variable, path, trail)
        elif name in variables:
            trail.report_twice(f"series.{name}", path)
        else:
            variables[name] = variable
    return variables


def _set_there(path: str, entry: Any, trail: _Trail) -> bool:
    """Whether an entry says nothing but what the command line sets."""
    if trail.on_command_line(path):
        return True
    return isinstance(entry, Mapping) and bool(entry) and all(trail.on_command_line(f"{path}.{key}") for key in entry)


def _set_over(base: Any, over: Any, path: str, trail: _Trail) -> Any:
    """What the command line sets merged into what a short form came to."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        trail.origins[path] = path
        return over
    return {**base, **{key: _set_over(base.get(key), value, f"{path}.{key}", trail) for key, value in over.items()}}


def _series(name: str, series: Any, trail: _Trail) -> Any:
    """``{from: nbs_annual.highway_length, in: km}`` as source, series and measure."""
    where = f"series.{name}"
    trail.origins[f"variables.{name}"] = where
    if not isinstance(series, Mapping):
        return series
    variable = {key: value for key, value in series.items() if key not in ("from", "in")}
    if "in" in series:
        variable["measure"] = series["in"]
        trail.origins[f"variables.{name}.measure"] = f"{where}.in"
    if isinstance(series.get("from"), str):
        source, _, key = (part.strip() for part in series["from"].partition("."))
        variable |= {"source": source, "series": key}
        for part in ("source", "series"):
            trail.origins[f"variables.{name}.{part}"] = f"{where}.from"
        if not source or not key:
            fix = f"name a series: {source}.…" if source else ""
            expected = "a source and one of its series, such as nbs_annual.highway_length"
            trail.report(f"{where}.from", f'"{series["from"]}"', expected, fix)
    return variable


def _with_settings(holder: Mapping[str, Any], where: str, errors: Mapping[str, Any], trail: _Trail) -> dict[str, Any]:
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
            fix = did_you_mean(setting, errors)
            trail.report(
                path, f'"{setting}"', "a name under errors, or a setting such as {vcov: cluster, by: unit}", fix
            )
        expanded.append(setting)
    return {**holder, "inference": expanded}


def _trace_settings(holder: Mapping[str, Any], path: str, written: str, trail: _Trail) -> None:
    settings = holder.get("inference")
    for position in range(len(settings) if isinstance(settings, list) else 0):
        entry = f"{written}.inference[{position}]"
        if (origin := trail.settings.get(entry, entry)) != f"{path}.inference[{position}]":
            trail.origins[f"{path}.inference[{position}]"] = origin


@dataclass(frozen=True)
class _Preset:
    """What a preset comes to with those that it is like: its keys, and where each is written."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]


def _models(values: Mapping[str, Any], errors: Mapping[str, Any], trail: _Trail) -> dict[str, Any]:
    presets = {
        name: _with_settings(preset, f"presets.{name}", errors, trail)
        for name, preset in _entries(values, "presets").items()
        if isinstance(preset, Mapping)
    }
    models = {}
    names = _entries(values, "models")
    known: dict[str, _Preset] = {}
    for name in presets:
        _preset(name, presets, names, known, (), trail)
    for name, model in names.items():
        where = f"models.{name}"
        if not isinstance(model, Mapping):
            models[name] = model
            continue
        model = _with_settings(model, where, errors, trail)
        base = _base(model, where, presets, names, known, (), trail)
        whole = _over(base, model, where, trail, _NULL_COUNTS)
        for key, written in whole.origins.items():
            if written != f"{where}.{key}":
                trail.origins[f"{where}.{key}"] = written
        if "inference" in whole.values:
            _trace_settings(whole.values, where, whole.origins["inference"].removesuffix(".inference"), trail)
        models[name] = dict(whole.values)
    return models


def _base(
    holder: Mapping[str, Any],
    where: str,
    presets: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, Any],
    known: dict[str, _Preset],
    chain: tuple[str, ...],
    trail: _Trail,
) -> _Preset | None:
    """The preset that ``like`` names; None where it names none that there is."""
    if "like" not in holder:
        return None
    name = holder["like"]
    if not isinstance(name, str) or name not in presets:
        fix = did_you_mean(str(name), presets)
        if not fix.startswith("did you mean") and name in models:
            fix = f"{name} is a model: put what the two share under presets"
        trail.report(f"{where}.like", f'"{name}"', "a name under presets", fix)
        return None
    return _preset(name, presets, models, known, chain, trail)


def _preset(
    name: str,
    presets: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, Any],
    known: dict[str, _Preset],
    chain: tuple[str, ...],
    trail: _Trail,
) -> _Preset:
    if name not in known:
        where = f"presets.{name}"
        if name in chain:
            circle = " → ".join((*chain[chain.index(name) :], name))
            trail.report(f"{where}.like", f"the circle {circle}", "presets that end somewhere", "take one like out")
            known[name] = _Preset({}, {})
        else:
            base = _base(presets[name], where, presets, models, known, (*chain, name), trail)
            if name not in known:
                known[name] = _over(base, presets[name], where, trail, _NULL_COUNTS)
    return known[name]


def _over(
    base: _Preset | None, own: Mapping[str, Any], where: str, trail: _Trail, nulls: Set[str] = frozenset()
) -> _Preset:
    """Own keys over those of a preset; null takes one away, but for `nulls`, where it is a value."""
    values = dict(base.values) if base else {}
    origins = dict(base.origins) if base else {}
    for key, value in own.items():
        if key == "like":
            continue
        if value is None and "like" in own and key not in nulls:
            if base and key not in values:
                fix = did_you_mean(key, values)
                trail.report(f"{where}.{key}", "null, which takes nothing away", f"a key of {own['like']}", fix)
            values.pop(key, None)
            origins.pop(key, None)
        else:
            values[key] = value
            origins[key] = f"{where}.{key}"
    return _Preset(values, origins)


def _claims(values: Mapping[str, Any], trail: _Trail) -> dict[str, Any]:
    """Claims by the number that decides, and their other designs."""
    hypotheses: dict[str, Any] = {}
    for name, claim in _entries(values, "hypotheses").items():
        hypotheses[name] = _claim(claim, f"hypotheses.{name}", f"hypotheses.{name}", trail)
    for name, claim in _entries(values, "claims").items():
        path, written = f"hypotheses.{name}", f"claims.{name}"
        own = hypotheses.pop(name, None)
        trail.origins[path] = written
        hypotheses[name] = _claim(claim, path, written, trail)
        if own is None:
            continue
        if _set_there(path, own, trail):
            hypotheses[name] = _set_over(hypotheses[name], own, path, trail)
        else:
            trail.report_twice(written, path)
    for name, others in _entries(values, "others").items():
        path, written = f"hypotheses.{name}", f"others.{name}"
        claim = hypotheses.get(name)
        if name not in hypotheses:
            trail.report(written, f'"{name}"', "a name under claims", did_you_mean(name, hypotheses))
        elif isinstance(claim, Mapping) and "others" in claim:
            trail.report_twice(written, f"{trail.origins.get(path, path)}.others")
        elif isinstance(claim, Mapping):
            trail.origins[f"{path}.others"] = written
            hypotheses[name] = {**claim, "others": _others(others, written, trail)}
    return hypotheses


def _claim(claim: Any, path: str, written: str, trail: _Trail) -> Any:
    if not isinstance(claim, Mapping):
        return claim
    values = {key: value for key, value in claim.items() if key != "number"}
    if "number" in claim:
        trail.origins[f"{path}.estimand"] = f"{written}.number"
        if "estimand" in claim:
            trail.report_twice(f"{written}.number", f"{written}.estimand")
        values["estimand"] = _estimand(claim["number"], f"{written}.number", trail)
    elif "estimand" in claim:
        values["estimand"] = _estimand(claim["estimand"], f"{written}.estimand", trail)
    if "others" in claim:
        values["others"] = _others(claim["others"], f"{written}.others", trail)
    return values


def _others(others: Any, where: str, trail: _Trail) -> Any:
    if not isinstance(others, list):
        return others
    return [_estimand(estimand, f"{where}[{position}]", trail) for position, estimand in enumerate(others)]


def _estimand(number: Any, where: str, trail: _Trail) -> Any:
    """``baseline[electricity]``, ``joint[statistic residual_correlation]`` as model and term or statistic."""
    if not isinstance(number, str):
        return number
    if not (match := _NUMBER.fullmatch(number)):
        expected = 'a model and its term, such as "baseline[electricity]" or "joint[statistic residual_correlation]"'
        trail.report(where, f'"{number}"', expected)
        return number
    return {"model": match[1], "statistic" if match[2] else "term": match[3]}


def _curves(values: Mapping[str, Any], trail: _Trail) -> dict[str, Any]:
    """Curves with what they share."""
    curves = dict(_entries(values, "specification_curves"))
    shared = _entries(values, "curve_defaults")
    base = _Preset(shared, {key: f"curve_defaults.{key}" for key in shared})
    for name, curve in _entries(values, "curves").items():
        path, written = f"specification_curves.{name}", f"curves.{name}"
        if name in curves:
            trail.report_twice(written, path)
        trail.origins[path] = written
        if not isinstance(curve, Mapping):
            curves[name] = curve
            continue
        whole = _over(base, {**curve, "like": "curve_defaults"}, written, trail)
        trail.origins |= {f"{path}.{key}": place for key, place in whole.origins.items() if key not in curve}
        curves[name] = dict(whole.values)
    return curves


def _table(table: Any) -> Any:
    """A table whose outcomes are written ``panel.variable.period``."""
    if not isinstance(table, Mapping) or not isinstance(table.get("outcomes"), list):
        return table
    return {**table, "outcomes": [_outcome(outcome) for outcome in table["outcomes"]]}


def _outcome(outcome: Any) -> Any:
    parts = outcome.split(".") if isinstance(outcome, str) else ()
    if len(parts) != 3 or not parts[2].isdigit():
        return outcome
    return {"panel": parts[0], "variable": parts[1], "period": int(parts[2])}
