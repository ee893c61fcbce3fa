"""Cells as an adapter read them → figures by unit id, each once, corrected where that is declared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters.cells import capped, place
from ruralpanel.data.adapters.sheets import cell_text
from ruralpanel.data.adapters.titles import reads_like_note
from ruralpanel.data.figures import Codes, bare_columns, in_order
from ruralpanel.project.corrections import ALL_UNITS, Correction
from ruralpanel.project.periods import label, year_of
from ruralpanel.project.problems import Problem, did_you_mean, raise_any
from ruralpanel.project.sidecars import KnownFault, SourceSpec
from ruralpanel.project.units import Units, is_nation, normal

_MOST = 2.0**53
_Values = np.ndarray[Any, np.dtype[np.float64]]


def harmonise(
    source: SourceSpec, cells: pd.DataFrame, units: Units, corrections: Iterable[Correction] = ()
) -> pd.DataFrame:
    """Name the units by id, refuse what is ambiguous, apply the declared corrections.

    Parameters
    ----------
    source : SourceSpec
    cells : data frame of `ruralpanel.data.adapters.cells.COLUMNS`, one row per figure read.
    units : Units
    corrections : those of all sources; the others' are passed over.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row per series, unit and period, sorted by them; `value` is the published figure after
        correction and `raw_value` before it, both in `measure`; NaN: no figure. Labels are categories.

    Raises
    ------
    UserError
        All at once: unknown names (each with the nearest known ones and its places), figures of a unit for years in
        which it did not exist, two figures of one series, unit and period, corrections whose bad value is not there,
        figures outside the range that the series declares (without one: beyond ±2⁵³).
    """
    problems: list[Problem] = []
    attributes = dict(cells.attrs)
    if source.by:
        cells, codes, wrong = _members(source, cells, units)
    else:
        unit_codes, wrong = _unit_codes(source, cells, units)
        cells, codes = _known(cells, unit_codes)
    problems += wrong
    problems += _out_of_time(source, cells, codes, units)
    mine = [correction for correction in corrections if correction.source == source.name]
    columns = bare_columns(cells)
    del cells  # each column's memory is free once it has been put in order, if the caller keeps none of it
    figures, repeats = in_order(source, columns, codes, units, bool(mine))
    if repeats:
        problems += capped(_duplicates(figures), source.name)
    if not problems:
        problems += _apply(figures, mine, units)
    problems += capped(_out_of_range(source, figures), source.name)
    raise_any(problems)
    figures.attrs = attributes
    return figures


def _unit_codes(source: SourceSpec, cells: pd.DataFrame, units: Units) -> tuple[Codes, list[Problem]]:
    """For each row the position of its unit in ``units.every``, -1 where unknown."""
    column = cells["unit"]
    categories = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    names, labels = categories.cat.codes.to_numpy(), [str(label) for label in categories.cat.categories]
    position = {unit: i for i, unit in enumerate(units.every)}
    bearers = units.bearers_of(labels)
    table = np.array([position[b[0]] if len(b) == 1 else -1 for b in bearers] or [-1], dtype=np.int32)
    codes = table[names]
    unknown = [i for i, b in enumerate(bearers) if not b]
    for i in (i for i, b in enumerate(bearers) if len(b) > 1):
        rows = np.flatnonzero(names == i)
        years = cells["period"].to_numpy()[rows]
        for year in np.unique(years):
            unit = units.match(labels[i], year_of(year))
            codes[rows[years == year]] = -1 if unit is None else position[unit]
            if unit is None and i not in unknown:
                unknown.append(i)
    problems = [
        _unknown(source, cells, np.flatnonzero((names == i) & (codes < 0)), labels[i], units)
        for i in sorted(unknown)
        if np.any(names == i)
    ]
    return codes, capped(problems, source.name)


def _members(source: SourceSpec, cells: pd.DataFrame, units: Units) -> tuple[pd.DataFrame, Codes, list[Problem]]:
    """Each figure once for every unit of the group that its row names, as far as the unit exists in its year."""
    groups: dict[str, list[int]] = {}
    spelling: dict[str, str] = {}
    for i, unit in enumerate(units.ids):
        group = cell_text(units.attributes[unit].get(source.by, ""))
        spelling.setdefault(normal(group), group)
        groups.setdefault(normal(group), []).append(i)
    column = cells["unit"].astype("category")
    names, labels = column.cat.codes.to_numpy(), [str(name) for name in column.cat.categories]
    years = [year_of(period) for period in cells["period"].tolist()]
    rows, codes = list[int](), list[int]()
    for row, (name, year) in enumerate(zip(names.tolist(), years, strict=True)):
        here = [i for i in groups.get(normal(labels[name]), ()) if units.exists(units.ids[i], year)]
        rows += [row] * len(here)
        codes += here
    problems = [
        Problem(
            str(cells["file"].iloc[at[0]]),
            _places(cells.iloc[at[:2000]]),
            f'the unknown {source.by} "{name}"',
            f"a value of the column {source.by} of {units.file or 'the units file'}",
            did_you_mean(name, [spelt for spelt in spelling.values() if spelt])
            or "leave the row out: layout.skip_rows",
        )
        for i, name in enumerate(labels)
        if normal(name) not in groups or not normal(name)
        if len(at := np.flatnonzero(names == i))
    ]
    spread = cells.iloc[rows].reset_index(drop=True)
    return spread, np.array(codes, dtype=np.int32), capped(problems, source.name)


def _unknown(source: SourceSpec, cells: pd.DataFrame, rows: Codes, name: str, units: Units) -> Problem:
    fix = units.suggest(name)
    if is_nation(name):
        fix = f'leave the row out: sources.{source.name}.layout.skip_rows: ["{name}"]'
    elif not fix and cells["value"].iloc[rows].isna().all():
        what = "a note" if reads_like_note(name) else "a heading or a note"
        fix = f"{what} without figures? layout: {{range: …}} ends the table above it"
        fix += f", or layout: {{skip_rows: [{json.dumps(name, ensure_ascii=False)}]}}" if len(name) <= 40 else ""
    elif not fix and reads_like_note(name):
        fix = "a note rather than a unit? layout: {range: …} says where the table ends"
    elif not fix:
        fix = f"add it to the column aliases in {units.file}, or leave the row out with layout.skip_rows"
    return Problem(
        str(cells["file"].iloc[rows[0]]),
        _places(cells.iloc[rows[:2000]]),
        f'the unknown unit "{name}"' if name else "a row without a unit",
        f"an id, code, name or alias in {units.file or 'the units file'}",
        fix,
    )


def _places(rows: pd.DataFrame) -> str:
    first = place(str(rows["sheet"].iloc[0]), int(rows["row"].iloc[0]), str(rows["column"].iloc[0]))
    distinct = rows[["file", "sheet", "row"]].drop_duplicates()
    if len(distinct) > 1:
        more = len(distinct) - 1
        return f"{first} and {more} more row{'s' * (more > 1)}"
    more = len(rows) - 1
    return f"{first} and {more} more column{'s' * (more > 1)}" if more else first


def _known(cells: pd.DataFrame, codes: Codes) -> tuple[pd.DataFrame, Codes]:
    known = codes >= 0
    return (cells, codes) if known.all() else (cells[known].reset_index(drop=True), codes[known])


def _out_of_time(source: SourceSpec, cells: pd.DataFrame, codes: Codes, units: Units) -> list[Problem]:
    """Figures of units for years in which they did not exist."""
    valid = [units.valid.get(unit, (None, None)) for unit in units.every]
    if all(first is None and last is None for first, last in valid):
        return []
    first_of, last_of = (
        np.array([bound if bound is not None else open_end for bound in bounds], dtype=np.int32)
        for bounds, open_end in (([v[0] for v in valid], -9999), ([v[1] for v in valid], 9999))
    )
    periods = cells["period"].to_numpy()
    distinct, places = np.unique(periods, return_inverse=True)
    years = np.array([year_of(period) for period in distinct], dtype=np.int64)[places]
    at = np.flatnonzero((years < first_of[codes]) | (years > last_of[codes]))
    at = at[cells["value"].notna().to_numpy()[at]]
    problems = []
    for i in np.unique(codes[at]):
        first, last = valid[i]
        rows = cells.iloc[at[codes[at] == i]]
        for key, group in rows.groupby("series", observed=True):
            spec = source.series.get(str(key))
            if spec and units.every[i] in {units.match(name) for name in spec.retrospective}:
                continue
            exists = f"from {first}" if last is None else f"to {last}" if first is None else f"from {first} to {last}"
            problems.append(
                Problem(
                    str(group["file"].iloc[0]),
                    _places(group),
                    f"figures of {units.label(units.every[i])} for {_span(group['period'])}",
                    f"figures {exists}, while it exists",
                    f"if they were published later in today's boundaries, declare `retrospective: [{units.every[i]}]` "
                    f"for the series {key}; else correct the unit's years in {units.file or 'the units file'}",
                )
            )
    return problems


def _span(years: pd.Series) -> str:
    return " to ".join(dict.fromkeys(label(period) for period in (years.min(), years.max())))


def _duplicates(figures: pd.DataFrame) -> Iterator[Problem]:
    series, unit = figures["series"].cat.codes.to_numpy(), figures["unit"].cat.codes.to_numpy()
    period = figures["period"].to_numpy()
    same = (series[1:] == series[:-1]) & (unit[1:] == unit[:-1]) & (period[1:] == period[:-1])
    for i in np.flatnonzero(same):
        first, second = figures.iloc[i], figures.iloc[i + 1]
        at = place(first["sheet"], int(first["row"]), first["column"])
        yield Problem(
            second["file"],
            place(second["sheet"], int(second["row"]), second["column"]),
            f"a second figure of {second['unit']} for {second['series']}, {second['period']}: {second['text']}",
            "one figure for each unit and period",
            f"the first, {first['text']}, stands at {first['file']}: {at}; remove one of them",
        )


def _apply(figures: pd.DataFrame, corrections: Sequence[Correction], units: Units) -> list[Problem]:
    """Put the corrections into `figures`; what does not fit comes back."""
    problems = []
    texts = figures["correction"].astype("object").to_numpy(copy=True) if corrections else None
    for correction in corrections:
        rows, problem = _target(figures, correction, units)
        if problem or texts is None:
            problems += [problem] if problem else []
            continue
        values = figures["value"].to_numpy()[rows]
        guard = correction.expect if correction.unit != ALL_UNITS else correction.expect_sum
        actual = float(np.nansum(values)) if correction.unit == ALL_UNITS else float(values[0])
        if guard is None or not np.isclose(actual, guard, rtol=1e-9, atol=0):
            problems.append(
                Problem(
                    correction.file,
                    correction.where,
                    "no figure any more" if np.isnan(actual) else f"the published figure {actual:.10g}",
                    f"{guard:.10g}, the bad value that this repair was declared for"
                    if guard is not None
                    else "a guard",
                    "remove the repair if the publisher has corrected the figure",
                )
            )
            continue
        figures.loc[rows, "value"] = _corrected(values, correction)
        texts[rows[~np.isnan(values)]] = correction.text
    if texts is not None:
        figures["correction"] = pd.Categorical(texts, categories=["", *sorted(set(texts) - {""})])
    return problems


def _target(figures: pd.DataFrame, correction: Correction, units: Units) -> tuple[Codes, Problem | None]:
    unit = ALL_UNITS if correction.unit == ALL_UNITS else units.match(correction.unit)
    if unit is None:
        expected = f"a unit of {units.file or 'the units file'}, or all"
        fix = units.suggest(correction.unit)
        where = f"{correction.where}.unit"
        return np.zeros(0, np.int64), Problem(correction.file, where, f'"{correction.unit}"', expected, fix)
    here = (figures["series"] == correction.series) & (figures["period"] == correction.year)
    if unit != ALL_UNITS:
        here &= figures["unit"] == unit
    rows = np.flatnonzero(here.to_numpy())
    if len(rows):
        return rows, None
    what = f"{correction.source}.{correction.series}, {correction.unit}, {correction.year}"
    found = f"a repair of {what}, where the source has no row"
    return rows, Problem(correction.file, correction.where, found, "a figure to repair", "correct or remove the repair")


def _corrected(values: _Values, correction: Correction) -> _Values:
    if correction.action == "blank":
        return np.full(len(values), np.nan)
    number = correction.value if correction.value is not None else np.nan
    return np.full(len(values), number) if correction.action == "replace" else values - number


def _out_of_range(source: SourceSpec, figures: pd.DataFrame) -> Iterator[Problem]:
    """Figures outside the declared range; a bound left open is where a double no longer holds every whole number."""
    faults = source.described.known_faults
    values = figures["value"].to_numpy()
    codes = figures["series"].cat.codes.to_numpy()
    for code, key in enumerate(figures["series"].cat.categories):
        low, high = source.series[key].range if key in source.series else (None, None)
        start, end = (int(np.searchsorted(codes, codes.dtype.type(code), side)) for side in ("left", "right"))
        of_series = values[start:end]
        hits = start + np.flatnonzero((of_series < _or(low, -_MOST)) | (of_series > _or(high, _MOST)))
        if faults:
            hits = np.array([i for i in hits if not _declared(faults, key, figures.iloc[i])], dtype=np.int64)
        # More than a few are one mistake, of the measure or of the range.
        many = len(hits) > 3
        spread = f"all from {values[hits].min():g} to {values[hits].max():g}" if many else ""
        for i in hits[:1] if many else hits:
            row = figures.iloc[i]
            yield Problem(
                row["file"],
                place(row["sheet"], int(row["row"]), row["column"]),
                f"{row['text'] or row['value']} for {key}, {row['unit']}, {row['period']}"
                + (f" and {len(hits) - 1} more figures, {spread}" if many else ""),
                f"{'figures' if many else 'a figure'} within the declared range "
                f"{_or(low, -_MOST):g} to {_or(high, _MOST):g}",
                "correct the series' measure or range, or repair the figure in corrections.yaml",
            )


def _declared(faults: Iterable[KnownFault], key: str, row: pd.Series) -> bool:
    """Whether a known fault covers a figure that a double holds exactly."""
    covered = any(fault.covers(key, row["unit"], int(row["period"])) for fault in faults)
    return covered and abs(row["value"]) <= _MOST


def _or(bound: float | None, default: float) -> float:
    return default if bound is None else bound
