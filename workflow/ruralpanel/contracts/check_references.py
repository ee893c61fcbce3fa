"""Names that one part of a configuration uses and another must declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ruralpanel.contracts.check_models import condition_problems, missing, model_problems, name_problems
from ruralpanel.contracts.check_outputs import claim_problems, output_problems
from ruralpanel.contracts.config import Config
from ruralpanel.contracts.places import place_problems
from ruralpanel.contracts.problems import Problem
from ruralpanel.contracts.reads import CURVE_COLUMNS, curve_names
from ruralpanel.contracts.units import Units


def reference_problems(config: Config, attributes: set[str], units: Units | None) -> list[Problem]:
    """Every name in panels, samples, models, curves, claims, tables, figures and maps that nothing declares."""
    found = [*_panel_problems(config, units), *_sample_problems(config, attributes, units)]
    found += _series_problems(config, units)
    for model in config.models.values():
        found += model_problems(config, model, attributes, units)
    for name, curve in config.specification_curves.items():
        found += _curve_problems(config, name, curve, attributes)
    for name, claim in config.hypotheses.items():
        found += claim_problems(config, name, claim)
    for section, items in (("tables", config.tables), ("figures", config.figures), ("maps", config.maps)):
        for name, item in items.items():
            found += output_problems(config, section, name, item, attributes, units)
    found += place_problems(config, attributes, units)
    if config.maps and config.boundaries is None:
        found.append(Problem(config.file, "maps", "maps without boundaries", "boundaries: a file of polygons"))
    return found


def _panel_problems(config: Config, units: Units | None) -> Iterator[Problem]:
    for name, panel in config.panels.items():
        if not panel.periods:
            yield Problem(config.file, f"panels.{name}.periods", "no period", "first no later than last")
        yield from _unit_problems(config, f"panels.{name}.units", panel.units, units)


def _series_problems(config: Config, units: Units | None) -> Iterator[Problem]:
    """Spans written backwards, of which nothing would be held against the figures, and units that do not exist."""
    for name, source in config.sources.items():
        own = config.resolved["sources"][name]
        for key, series in source.series.items():
            here = key in (own.get("series") or {})
            file, where = (
                (config.file, f"sources.{name}.series.{key}") if here else (str(own.get("about")), f"series.{key}")
            )
            declared = {
                **((source.about or {}).get("series") or {}).get(key, {}),
                **(own.get("series") or {}).get(key, {}),
            }
            for span in ("years", "range"):
                ends = declared.get(span)
                if isinstance(ends, list) and len(ends) == 2 and None not in ends and ends[0] > ends[1]:
                    yield Problem(file, f"{where}.{span}", f"[{ends[0]}, {ends[1]}]", "the smaller one first")
            concerned = [("retrospective", series.retrospective)]
            concerned += [
                (f"breaks.{year}.units", tuple(item.get("units") or ())) for year, item in series.breaks.items()
            ]
            for place, ids in concerned:
                yield from _unit_problems(config, f"{where}.{place}", ids, units, file)


def _unit_problems(
    config: Config, where: str, ids: Iterable[str], units: Units | None, file: str = ""
) -> Iterator[Problem]:
    for unit in ids:
        if units and unit not in units.ids:
            meant = units.match(unit)
            fix = f'write "{meant}"' if meant else units.suggest(unit)
            yield Problem(file or config.file, where, f'"{unit}"', "ids of the units file", fix)


def _sample_problems(config: Config, attributes: set[str], units: Units | None) -> Iterator[Problem]:
    for name, sample in config.samples.items():
        if "where" in sample:
            yield from condition_problems(config, f"samples.{name}.where", sample["where"], attributes, units)
        yield from _unit_problems(config, f"samples.{name}.drop", sample.get("drop") or (), units)
        periods = {period for panel in config.panels.values() for period in panel.periods}
        for period in sample.get("drop_periods") or ():
            if period not in periods:
                yield Problem(config.file, f"samples.{name}.drop_periods", str(period), "a period of one of the panels")


def _curve_problems(config: Config, name: str, curve: Mapping[str, Any], attributes: set[str]) -> Iterator[Problem]:
    where = f"specification_curves.{name}"
    if curve["panel"] not in config.panels:
        yield missing(config.file, f"{where}.panel", curve["panel"], "a name under panels", config.panels)
    yield from name_problems(config, where, curve_names(curve), attributes)
    for lever, measures in (curve.get("measures") or {}).items():
        if lever in CURVE_COLUMNS:
            expected = "a name that no other column of the curve's results has"
            yield Problem(config.file, f"{where}.measures", f'"{lever}"', expected, "name the lever otherwise")
        if lever == curve["term"] and not any(measures):
            yield Problem(config.file, f"{where}.measures.{lever}", "no measure", "a variable for the lever followed")
    for sample in curve.get("samples") or ():
        if sample != "all" and sample not in config.samples:
            yield missing(config.file, f"{where}.samples", sample, "a name under samples", config.samples)
    known = {"unit", "period", *attributes}
    for effect in dict.fromkeys(effect for effects in curve.get("effects") or () for effect in effects):
        for part in effect.split(":"):
            if part not in known:
                expected = "unit, period, an attribute of the units, or two of them as a:b"
                yield missing(config.file, f"{where}.effects", part, expected, known)
