"""Short forms of a configuration into the long ones: series, claims, curves, spans of years, what models share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ruralpanel.project.periods import PATTERN, parse
from ruralpanel.project.presets import Preset, models_of, over, trace_settings, with_settings
from ruralpanel.project.problems import Problem, did_you_mean
from ruralpanel.project.written import Place, Trail

SHORT = ("words", "series", "errors", "presets", "claims", "others", "curves", "curve_defaults")
"""Keys at the top that have no place in the long form."""

LONG_NAMES = {"series": "variables", "claims": "hypotheses", "curves": "specification_curves"}
"""Sections whose entries have another section in the long form."""

_SPAN = re.compile(rf"\s*([0-9]{{4}}|{PATTERN})\s*[-–]\s*([0-9]{{4}}|{PATTERN})\s*")
_NUMBER = re.compile(r"\s*(\w+)\s*\[\s*(statistic\s+)?([^\[\]]+?)\s*\]\s*")


@dataclass(frozen=True)
class Expanded:
    """A configuration in its long form.

    Attributes
    ----------
    values : sections as `project/sections` and `project/kinds` describe them.
    origins : path in `values` → path as written, where they differ (`written.Places`).
    problems : short forms that say nothing; their paths are those as written.
    torn : paths in `values` of entries that lack what such a short form should have brought.
    presets : what each comes to with those that it is like: key → value and path as written.
    """

    values: dict[str, Any]
    origins: Mapping[str, str]
    problems: tuple[Problem, ...]
    torn: frozenset[str] = frozenset()
    presets: Mapping[str, Mapping[str, tuple[Any, str]]] = field(default_factory=dict)


def expand(values: Mapping[str, Any], places: Mapping[str, Place], file: str) -> Expanded:
    """The long form of a configuration as written; long forms stay as they are, and so do entries that are wrong.

    Parameters
    ----------
    values, places : of the configuration as written (`written.Written`).
    file : its name in problems.
    """
    trail = Trail(file, places)
    long = {key: value for key, value in values.items() if key not in SHORT}
    long["panels"] = {name: _panel(name, panel, trail) for name, panel in _entries(values, "panels").items()}
    long["variables"] = _variables(values, trail)
    errors = _entries(values, "errors")
    if isinstance(values.get("defaults"), Mapping):
        long["defaults"] = with_settings(values["defaults"], "defaults", errors, trail)
        trace_settings(long["defaults"].get("inference"), "defaults.inference", "defaults.inference", trail)
    long["models"] = models_of(_entries(values, "models"), _entries(values, "presets"), errors, trail)
    long["hypotheses"] = _claims(values, trail)
    long["specification_curves"] = _curves(values, trail)
    long["tables"] = {name: _table(name, table, trail) for name, table in _entries(values, "tables").items()}
    if "evidence_from" in _entries(values, "report"):
        long["report"] = {**values["report"], "evidence_from": _evidence_from(values["report"]["evidence_from"], trail)}
    for section in ("panels", "variables", "models", "hypotheses", "specification_curves", "tables"):
        if section in values and not isinstance(values[section], Mapping):
            long[section] = values[section]  # for the schema to refuse
        elif section not in values and not long[section]:
            del long[section]
    return Expanded(long, trail.origins, tuple(trail.problems), frozenset(trail.torn), trail.presets)


def _entries(values: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    entries = values.get(section)
    return entries if isinstance(entries, Mapping) else {}


def _panel(name: str, panel: Any, trail: Trail) -> Any:
    """A panel by its periods alone: ``2012-2019``, ``2012Q1-2019Q4``, ``[1998]``."""
    written = f"panels.{name}.periods"
    if not isinstance(panel, Mapping):
        trail.origins[written] = written = f"panels.{name}"
        panel = {"periods": panel}
    periods = panel.get("periods", {})
    if isinstance(periods, str) and (span := _SPAN.fullmatch(periods)):
        first, last = (int(end) if end.isdigit() else end for end in span.groups())
        return {**panel, "periods": {"first": first, "last": last}}
    if not isinstance(periods, (list, Mapping)):
        shown = f'"{periods}"' if isinstance(periods, str) else "nothing" if periods is None else str(periods)
        fix = f"write [{periods}]" if isinstance(periods, int) else ""
        trail.report(written, shown, "a span of years such as 2012-2019, or a list such as [1998, 2003]", fix)
    return panel


def _variables(values: Mapping[str, Any], trail: Trail) -> dict[str, Any]:
    """Published series first, then what is written under ``variables``, where text alone is a formula."""
    variables = {name: _series(name, series, trail) for name, series in _entries(values, "series").items()}
    for name, variable in _entries(values, "variables").items():
        path = f"variables.{name}"
        if isinstance(variable, str):
            trail.origins[f"{path}.formula"] = path
            variable = {"formula": variable}
        if name in variables and _of_command_line(path, variable, trail):
            variables[name] = _merged(variables[name], variable, path, trail)
        elif name in variables:
            trail.report_twice(f"series.{name}", path)
        else:
            variables[name] = variable
    return variables


def _of_command_line(path: str, entry: Any, trail: Trail) -> bool:
    """Whether an entry says nothing but what the command line sets."""
    if trail.on_command_line(path):
        return True
    return isinstance(entry, Mapping) and bool(entry) and all(trail.on_command_line(f"{path}.{key}") for key in entry)


def _merged(base: Any, over: Any, path: str, trail: Trail) -> Any:
    """What the command line sets merged into what a short form came to."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        trail.origins[path] = path
        return over
    return {**base, **{key: _merged(base.get(key), value, f"{path}.{key}", trail) for key, value in over.items()}}


def _series(name: str, series: Any, trail: Trail) -> Any:
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
        source, _, key = series["from"].partition(".")
        variable |= {"source": source, "series": key}
        for part in ("source", "series"):
            trail.origins[f"variables.{name}.{part}"] = f"{where}.from"
        if not source or not key:
            trail.torn.add(f"variables.{name}")
            fix = f"name a series: {source}.…" if source else ""
            expected = "a source and one of its series, such as nbs_annual.highway_length"
            trail.report(f"{where}.from", f'"{series["from"]}"', expected, fix)
    else:
        trail.torn.add(f"variables.{name}")
    return variable


def _claims(values: Mapping[str, Any], trail: Trail) -> dict[str, Any]:
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
        if _of_command_line(path, own, trail):
            hypotheses[name] = _merged(hypotheses[name], own, path, trail)
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
            hypotheses[name] = {**claim, "others": _others(others, f"{path}.others", written, trail)}
    return hypotheses


def _claim(claim: Any, path: str, written: str, trail: Trail) -> Any:
    if not isinstance(claim, Mapping):
        return claim
    values = {key: value for key, value in claim.items() if key != "number"}
    if "number" in claim:
        trail.origins[f"{path}.estimand"] = f"{written}.number"
        if "estimand" in claim:
            trail.report_twice(f"{written}.number", f"{written}.estimand")
        values["estimand"] = _estimand(claim["number"], f"{path}.estimand", f"{written}.number", trail)
    elif "estimand" in claim:
        values["estimand"] = _estimand(claim["estimand"], f"{path}.estimand", f"{written}.estimand", trail)
    for key in ("others", "through"):
        if key in claim:
            values[key] = _others(claim[key], f"{path}.{key}", f"{written}.{key}", trail)
    return values


def _others(others: Any, path: str, written: str, trail: Trail) -> Any:
    if not isinstance(others, list):
        return others
    return [_estimand(other, f"{path}[{i}]", f"{written}[{i}]", trail) for i, other in enumerate(others)]


def _estimand(number: Any, path: str, written: str, trail: Trail) -> Any:
    """``baseline[electricity]``, ``joint[statistic residual_correlation]`` as model and term or statistic."""
    if not isinstance(number, str):
        return number
    if not (match := _NUMBER.fullmatch(number)):
        expected = 'a model and its term, such as "baseline[electricity]" or "joint[statistic residual_correlation]"'
        trail.report(written, f'"{number}"', expected)
        return number
    estimand = {"model": match[1], "statistic" if match[2] else "term": match[3]}
    trail.origins |= dict.fromkeys((f"{path}.{key}" for key in estimand), written)
    return estimand


def _curves(values: Mapping[str, Any], trail: Trail) -> dict[str, Any]:
    """Curves with what they share."""
    curves = dict(_entries(values, "specification_curves"))
    shared = _entries(values, "curve_defaults")
    base = Preset(shared, {key: f"curve_defaults.{key}" for key in shared})
    for name, curve in _entries(values, "curves").items():
        path, written = f"specification_curves.{name}", f"curves.{name}"
        if name in curves:
            trail.report_twice(written, path)
        trail.origins[path] = written
        if not isinstance(curve, Mapping):
            curves[name] = curve
            continue
        whole = over(base, {**curve, "like": "curve_defaults"}, written, trail)
        trail.origins |= {f"{path}.{key}": place for key, place in whole.origins.items() if key not in curve}
        # For the schema to refuse: curves are like nothing but what all of them share.
        curves[name] = {**whole.values, **{key: value for key, value in curve.items() if key == "like"}}
    return curves


def _table(name: str, table: Any, trail: Trail) -> Any:
    """A table whose outcomes are written ``panel.variable.period``."""
    if not isinstance(table, Mapping) or not isinstance(table.get("outcomes"), list):
        return table
    outcomes = enumerate(table["outcomes"])
    return {**table, "outcomes": [_outcome(item, f"tables.{name}.outcomes[{i}]", trail) for i, item in outcomes]}


def _evidence_from(evidence: Any, trail: Trail) -> Any:
    """Folders of results by their paths alone: one path, or one by name; ``../counties/results`` is named counties."""
    where = "report.evidence_from"
    if isinstance(evidence, str):
        parts = [part for part in re.split(r"[\\/]", evidence) if part not in ("", ".", "..", "results", "~")]
        name = re.sub(r"\W+", "_", parts[-1], flags=re.ASCII).strip("_") if parts else ""
        name = name[:60] if re.match("[A-Za-z]", name) else "other"
        trail.origins |= dict.fromkeys((f"{where}.{name}", f"{where}.{name}.results"), where)
        return {name: {"results": evidence}}
    if not isinstance(evidence, Mapping):
        return evidence
    alone = [name for name, entry in evidence.items() if isinstance(entry, str)]
    trail.origins |= {f"{where}.{name}.results": f"{where}.{name}" for name in alone}
    return {name: {"results": entry} if name in alone else entry for name, entry in evidence.items()}


def _outcome(outcome: Any, where: str, trail: Trail) -> Any:
    if not isinstance(outcome, str):
        return outcome
    parts = outcome.split(".")
    if len(parts) != 3 or parse(parts[2]) is None:
        trail.report(where, f'"{outcome}"', "a panel, a variable and a period, such as provinces.rural_industry.2012")
        return outcome
    period = int(parts[2]) if parts[2].isdigit() else parts[2]
    return {"panel": parts[0], "variable": parts[1], "period": period}
