"""Maps of a panel's variables: rows are variables, columns are periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ruralpanel.output import style
from ruralpanel.output.labels import Labels
from ruralpanel.output.maps.boundaries import Boundaries
from ruralpanel.output.maps.classes import class_colours, find_classes
from ruralpanel.output.maps.sheet import NO_DATA, LegendEntry, MapPanel, MapRow, draw_sheet
from ruralpanel.output.regimes import REGIMES, from_options, regime_names
from ruralpanel.output.words import word
from ruralpanel.project.kinds import maps as kinds
from ruralpanel.project.kinds.maps import Regimes, Variables
from ruralpanel.project.kinds.options import in_language
from ruralpanel.project.periods import label, shown
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any


def draw(
    name: str,
    options: Variables,
    frame: pd.DataFrame,
    labels: Labels,
    boundaries: Boundaries,
    names: Mapping[str, str],
    paths: Mapping[str, str | Path],
    language: str = "en",
    boundary_note: str = "",
) -> tuple[MapRow, ...]:
    """Draw one entry of the configuration's ``maps`` and return what is drawn.

    Parameters
    ----------
    frame : columns ``unit``, ``period`` and the variables. Units of it without a figure are hatched; polygons that are
        none of its units are grey.
    names : unit id → name on the map.
    boundary_note : what the boundaries are and are not; printed at the foot.

    Raises
    ------
    UserError
        Variables or periods that the panel does not hold, no polygon for any unit, nothing to show, missing glyphs.
    """
    where = f"maps.{name}"
    periods = _checked(options, frame, boundaries, where)
    classes = options.classes or kinds.Classes()
    rows = [
        map_row(
            variable,
            frame,
            periods,
            classes,
            options.palette,
            labels,
            language,
            boundaries,
        )
        for variable in options.variables
    ]
    shown = names if options.labels else {}
    units = set(frame["unit"])
    if boundaries.dots:
        seen = frame.loc[frame["period"].isin(periods)].dropna(subset=[*options.variables], how="all")
        units = set(seen["unit"])
    draw_sheet(
        rows,
        boundaries,
        {unit: text for unit, text in shown.items() if unit in units},
        paths,
        options.title_in(language),
        _notes(options, classes, units, boundaries, language, boundary_note, len(periods)),
        where,
    )
    return tuple(rows)


def draw_categories(
    name: str,
    title: str,
    panels: Mapping[str, Mapping[str, str]],
    categories: Sequence[str],
    boundaries: Boundaries,
    names: Mapping[str, str],
    paths: Mapping[str, str | Path],
    language: str = "en",
    notes: Sequence[str] = (),
    colours: Sequence[str] = (),
    values: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[MapRow, ...]:
    """Maps of a classification, such as the regimes of H6, and what is drawn.

    Parameters
    ----------
    panels : heading (a sub-period) → unit → category; an empty category is no data.
    categories : all of them, in the order of the legend. colours : theirs; empty: those of unordered groups.
    values : heading → unit → the figure that was classified, where there is one.
    """
    colour_of = dict(zip(categories, colours or style.categorical(len(categories)), strict=True))
    drawn = []
    for heading, by_unit in panels.items():
        fills = {unit: colour_of.get(kind, NO_DATA) for unit, kind in by_unit.items()}
        drawn.append(MapPanel(heading, fills, values=(values or {}).get(heading, {})))
    entries = [LegendEntry(colour, category) for category, colour in colour_of.items()]
    entries += _other_entries(drawn, boundaries, language)
    rows = (MapRow(title, "", tuple(drawn), tuple(entries)),)
    draw_sheet(rows, boundaries, names, paths, "", notes, f"maps.{name}")
    return rows


def draw_regimes(
    name: str,
    options: Regimes,
    frame: pd.DataFrame,
    boundaries: Boundaries,
    names: Mapping[str, str],
    paths: Mapping[str, str | Path],
    language: str = "en",
    boundary_note: str = "",
) -> tuple[MapRow, ...]:
    """Draw an entry with ``regimes``: one map for each span, coloured by which of two things grew.

    Raises
    ------
    UserError
        Years of a span that the panel does not hold.
    """
    regimes = options.regimes
    known = set(frame["period"])
    missing = sorted({year for span in regimes.spans for year in span} - known)
    if missing:
        found = ", ".join(map(str, missing))
        raise UserError(Problem(CONFIGURATION, f"maps.{name}.regimes.spans", found, f"years of panel {options.panel}"))
    words = regime_names(regimes, language)
    kinds = from_options(frame, regimes)
    panels = {
        str(span): {str(unit): words.get(kind, "") for unit, kind in kinds[span].items()} for span in kinds.columns
    }
    notes = [text for text in (in_language(options.note, options.note_zh, language), boundary_note) if text]
    title = options.title_in(language)
    return draw_categories(
        name, title, panels, [words[regime] for regime in REGIMES], boundaries,
        names if options.labels else {}, paths, language, notes,
    )  # fmt: skip


def boundary_note(path: str | Path, declared: str, language: str) -> str:
    """The configuration's words on the boundaries, or the statement that nothing is known of the file."""
    return declared.strip() or (word("boundaries", language).format(file=Path(path).name) if path else "")


def map_row(
    variable: str,
    frame: pd.DataFrame,
    periods: Sequence[int],
    wanted: kinds.Classes,
    palette: str,
    labels: Labels,
    language: str,
    boundaries: Boundaries,
) -> MapRow:
    """The maps of one variable: class breaks over all `periods` together, or where ``shared`` is false of each."""
    method, number, breaks = wanted.method, wanted.number, wanted.breaks or ()
    shared = wanted.shared or method == "user"
    at = {period: frame.loc[frame["period"] == period].set_index("unit")[variable].astype(float) for period in periods}
    together = find_classes(pd.concat(list(at.values())).to_list(), method, number, breaks) if shared else None
    panels = []
    entries: list[LegendEntry] = []
    for period, values in at.items():
        classes = together or find_classes(values.to_list(), method, number, breaks)
        colours = class_colours(classes, palette)
        indices = classes.of(values.to_list())
        fills = {
            str(unit): NO_DATA if index < 0 else colours[index]
            for unit, index in zip(values.index, indices, strict=True)
        }
        entries = [LegendEntry(c, text) for c, text in zip(colours, classes.labels(), strict=True)][::-1]
        panel = MapPanel(label(period), fills, values={str(unit): float(value) for unit, value in values.items()})
        panel_legend = () if shared else (*entries, *_other_entries([panel], boundaries, language))
        panels.append(replace(panel, legend=panel_legend))
    legend = (*entries, *_other_entries(panels, boundaries, language)) if shared else ()
    return MapRow(labels.of(variable), labels.measure(variable), tuple(panels), legend)


def _other_entries(panels: Sequence[MapPanel], boundaries: Boundaries, language: str) -> list[LegendEntry]:
    entries: list[LegendEntry] = []
    if boundaries.dots:
        return entries
    if any(fill == NO_DATA for panel in panels for fill in panel.fills.values()):
        entries.append(LegendEntry(NO_DATA, word("no_data", language)))
    if any(set(boundaries.shapes) - set(panel.fills) for panel in panels):
        entries.append(LegendEntry(style.OUTSIDE, word("outside", language)))
    return entries


def _checked(options: Variables, frame: pd.DataFrame, boundaries: Boundaries, where: str) -> list[int]:
    """The periods to show, after everything that a user may have got wrong."""
    problems: list[Problem] = []
    known = [str(column) for column in frame.columns if column not in ("unit", "period")]
    for index, variable in enumerate(options.variables):
        place = f"{where}.variables[{index}]"
        if variable not in known:
            panel = options.panel
            fix = f"results/panels/{panel}/coverage.csv says what it lacks"
            found = f'"{variable}", of which panel {panel} has no figure'
            problems.append(Problem(CONFIGURATION, place, found, "a variable with figures", fix))
        elif not frame[variable].notna().any():
            problems.append(
                Problem(CONFIGURATION, place, f'"{variable}" without any figure', "a variable with figures")
            )
    observed = sorted({shown(period) for period in frame["period"]})
    periods = [period for period in options.periods or dict.fromkeys((observed[0], observed[-1]))]
    for index, period in enumerate(periods):
        if period not in observed:
            fix = f"{observed[0]} to {observed[-1]}"
            problems.append(
                Problem(CONFIGURATION, f"{where}.periods[{index}]", str(period), "a period of the panel", fix)
            )
    if not set(frame["unit"]) & set(boundaries.shapes):
        example = next(iter(boundaries.shapes), "none")
        problems.append(
            Problem(CONFIGURATION, "boundaries", f'ids such as "{example}"', "ids of the units file", "rename the ids")
        )
    raise_any(problems)
    empty = [
        f"variables {variable}, {period}"
        for variable in options.variables
        for period in periods
        if not frame.loc[frame["period"] == period, variable].notna().any()
    ]
    if options.classes and not options.classes.shared and empty:
        raise UserError(
            Problem(CONFIGURATION, where, "; ".join(empty) + " without any figure", "figures in each period shown")
        )
    return periods


def _notes(
    options: Variables,
    classes: kinds.Classes,
    units: set[str],
    boundaries: Boundaries,
    language: str,
    boundary_note: str,
    n_periods: int,
) -> list[str]:
    suffix = "" if classes.shared or classes.method == "user" else "_own"
    method = word(f"classes_{classes.method}{suffix}", language)
    notes = [method + word("full_stop", language)] if n_periods > 1 or suffix else []
    undrawn = sorted(units - set(boundaries.shapes))
    if undrawn and boundaries.dots:
        notes.append(word("map.without_position", language, number=f"{len(undrawn):,}"))
    elif undrawn:
        notes.append(word("map.without_boundaries", language, units=word("comma", language).join(undrawn)))
    notes.append(in_language(options.note, options.note_zh, language))
    notes.append(boundary_note)
    return [word("between_sentences", language).join(note for note in notes if note)]
