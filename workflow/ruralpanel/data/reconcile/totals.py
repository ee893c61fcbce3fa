"""Figures held against national totals, declared identities and other sources of the same figure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ruralpanel.data.reconcile.findings import Finding, Matrix, resolution
from ruralpanel.project.measures import CURRENCIES, MeasureError, convert_factor, parse
from ruralpanel.project.notes import Note, note, reason
from ruralpanel.project.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.project.sidecars import Bound, Identity, SourceSpec

REQUIRED = ("source", "series", "year", "national_figure")
OPTIONAL = ("measure", "remark", "unassigned")
_SIGMAS = 3.0


def load_control_totals(path: str | Path, name: str = "") -> pd.DataFrame:
    """Read ``control_totals.csv``: columns source, series, year, national_figure and, if wanted, measure, remark
    and unassigned.

    A remark says what the national figure holds beyond the units (the military, traffic assigned to nobody);
    `unassigned` how much that is at most (blank: any amount).

    Raises
    ------
    UserError
        Missing and unknown columns, years or figures that are no numbers, one total twice, an unassigned part without
        a remark on what it is.
    """
    file = name or str(path)
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UserError.at(file, "", f"a file that cannot be read ({reason})", "comma-separated values") from None
    absent = [column for column in REQUIRED if column not in table]
    raise_any(Problem(file, "header", f"no column {column}", "columns " + ", ".join(REQUIRED)) for column in absent)
    raise_any(
        Problem(file, "header", f'column "{column}"', "columns " + ", ".join((*REQUIRED, *OPTIONAL)),
                did_you_mean(column, (*REQUIRED, *OPTIONAL)))
        for column in map(str, table.columns) if column not in (*REQUIRED, *OPTIONAL)
    )  # fmt: skip
    problems = []
    numbers = {}
    for column, words in (("year", "a year"), ("national_figure", "a number")):
        numbers[column] = pd.to_numeric(table[column], errors="coerce")
        for row in np.flatnonzero(~np.isfinite(numbers[column])):
            found = f'"{table[column].iloc[row]}"'
            problems.append(Problem(file, f"row {row + 2}, column {column}", found, words))
    most = table.get("unassigned", pd.Series("", index=table.index)).str.strip()
    numbers["unassigned"] = pd.to_numeric(most, errors="coerce")
    for row in np.flatnonzero((most != "") & ~np.isfinite(numbers["unassigned"])):
        problems.append(
            Problem(file, f"row {row + 2}, column unassigned", f'"{most.iloc[row]}"', "a number or a blank")
        )
    remark = table.get("remark", pd.Series("", index=table.index)).str.strip()
    for row in np.flatnonzero(np.isfinite(numbers["unassigned"]) & (remark == "")):
        expected = "a remark that says what part of the total no unit has"
        problems.append(Problem(file, f"row {row + 2}, column unassigned", f'"{most.iloc[row]}"', expected))
    for row in np.flatnonzero(table.duplicated(["source", "series", "year"])):
        problems.append(Problem(file, f"row {row + 2}", "a total that stands in a row above", "each total once"))
    raise_any(problems)
    optional = {column: table.get(column, "") for column in ("measure", "remark")}
    return table[["source", "series"]].assign(
        year=numbers["year"].astype("int64"),
        national_figure=numbers["national_figure"],
        unassigned=numbers["unassigned"].fillna(np.inf),
        **optional,
    )


def unheld(
    totals: pd.DataFrame, sources: Mapping[str, SourceSpec], series: Sequence[Matrix], file: str
) -> Iterator[Problem]:
    """Totals that no figure can be held against: of no series that is read, no year of it, another kind of measure.

    A fault that several rows share is one problem, with all of them.
    """
    read = {matrix.name: matrix for matrix in series}
    faults: dict[tuple[str, str, str], dict[int, str]] = {}
    for row, total in enumerate(totals.to_dict("records"), 2):
        source, key, year = str(total["source"]), str(total["series"]), int(total["year"])
        matrix = read.get(f"{source}.{key}")
        if source not in sources:
            fix = did_you_mean(source, sources) or "declare it, or take its totals out"
            faults.setdefault(("source", "a source of the configuration", fix), {})[row] = f'"{source}"'
        elif matrix is None:
            known = [name.partition(".")[2] for name in read if name.startswith(f"{source}.")]
            fault = ("series", f"a series that is read from {source}", did_you_mean(key, known))
            faults.setdefault(fault, {})[row] = f'"{key}"'
        elif year not in matrix.periods:
            expected = f"a year of {source}.{key}, {matrix.periods[0]} to {matrix.periods[-1]}"
            faults.setdefault(("year", expected, "correct the year or remove the row"), {})[row] = str(year)
        elif total["measure"] and matrix.spec.measure:
            try:
                convert_factor(str(total["measure"]), matrix.spec.measure)
            except MeasureError as error:
                yield error.problem(file, f"row {row}, column measure")
    for (column, expected, fix), cells in faults.items():
        first, *more = cells
        where = f"{len(cells)} rows from row {first} to row {more[-1]}" if more else f"row {first}"
        yield Problem(file, f"{where}, column {column}", ", ".join(dict.fromkeys(cells.values())), expected, fix)


def control_totals(
    series: Sequence[Matrix], totals: pd.DataFrame, aggregates: Collection[str] = ()
) -> Iterator[Finding]:
    """Periods in which the units do not add up to the national figure (check ``control_total``).

    Rounding of `n` figures printed in steps of `r` explains 3 r √(n/12) + r/2. Where units of the source have no
    figure, the national one is a bound: the rest must not be negative, nor so large that each missing unit would
    exceed the largest present. A remark on the total accounts for a positive rest, up to what it says is unassigned.
    `aggregates` are no units that could be missing.
    """
    by_name = {matrix.name: matrix for matrix in series}
    known_units: dict[str, set[str]] = {}
    for matrix in series:
        known_units.setdefault(matrix.source, set()).update(set(matrix.units) - set(aggregates))
    for row in totals.to_dict("records"):
        name, year = f"{row['source']}.{row['series']}", int(row["year"])
        if name not in by_name or year not in by_name[name].periods:
            continue
        matrix = by_name[name]
        figures = matrix.values[:, matrix.periods.index(year)]
        present = figures[np.isfinite(figures)]
        if not len(present):
            continue
        factor = _factor(str(row["measure"]), matrix.spec.measure)
        total = float(row["national_figure"]) * factor
        absent = len(known_units[matrix.source]) - len(present)
        step = resolution(present)
        rounding = _SIGMAS * step * float(np.sqrt(len(present) / 12)) + step / 2
        rest = total - float(np.sum(present))
        most = absent * float(np.max(np.abs(present))) if absent else 0.0
        if -rounding <= rest <= rounding + most:
            continue
        message = f"the units add up to {np.sum(present):.10g} of {total:.10g}"
        message += f", {absent} units without a figure" if absent else ""
        code = "finding_total_gaps" if absent else "finding_total"
        numbers = {"sum": float(np.sum(present)), "total": total, **({"absent": int(absent)} if absent else {})}
        explained = 0 < rest <= float(row["unassigned"]) * factor + rounding
        remark = str(row["remark"]) if explained else ""
        off = float(np.sum(present)), total, -rest / abs(total) if total else -rest
        seen = reason(message, code, **numbers)
        finding = matrix.finding("control_total", None, matrix.periods.index(year), off, seen)
        by = note("declared_remark", what=remark) if remark else None
        yield replace(finding, declared=bool(remark), declared_by=by)


def _factor(measure: str, published: str) -> float:
    return convert_factor(measure, published) if measure and published else 1.0


_DUST = 1e-9  # relative error of sums in floating point


def identities(series: Mapping[str, Matrix], declared: Sequence[Identity | Bound]) -> Iterator[Finding]:
    """Units and periods in which a declared relation between series of one source does not hold."""
    for relation in declared:
        yield from _parts(series, relation) if isinstance(relation, Identity) else _smaller(series, relation)


def verified(series: Mapping[str, Matrix], declared: Sequence[Identity | Bound]) -> set[tuple[str, str, str]]:
    """The (source, series, unit) whose parts add up to their total in every period in which the relation is checked."""
    in_full = set()
    for relation in (r for r in declared if isinstance(r, Identity) and {r.total, *r.parts} <= series.keys()):
        total, parts = series[relation.total], [series[key] for key in relation.parts]
        wrong = {finding.unit for finding in _parts(series, relation)}
        enough = np.any if relation.blank == "zero" else np.all
        known = np.isfinite(total.values) & enough([np.isfinite(part.aligned(total)) for part in parts], axis=0)
        for unit in (u for u, row in zip(total.units, known, strict=True) if row.any() and u not in wrong):
            in_full |= {(matrix.source, matrix.spec.key, unit) for matrix in (total, *parts)}
    return in_full


def _parts(series: Mapping[str, Matrix], relation: Identity) -> Iterator[Finding]:
    if relation.total not in series:
        return
    total = series[relation.total]
    parts = [series[key] for key in relation.parts if key in series]
    zero = relation.blank == "zero"
    if len(parts) < len(relation.parts) and not zero:
        return
    figures = [part.aligned(total) for part in parts]
    known = np.any([np.isfinite(f) for f in figures], axis=0) if figures else np.zeros(total.values.shape, dtype=bool)
    total_of_parts = np.sum([np.nan_to_num(f) if zero else f for f in figures], axis=0)
    off = total_of_parts - total.values
    with np.errstate(invalid="ignore"):
        wrong = known & (np.abs(off) > relation.tolerance + _DUST * np.abs(total.values))
    involved = tuple(part.name for part in parts)
    for i, t in np.argwhere(wrong):
        parts_sum, why = float(total_of_parts[i, t]), relation.why
        message = f"the parts add up to {parts_sum:.10g}" + (f" ({why})" if why else "")
        code = "finding_parts_why" if why else "finding_parts"
        seen = reason(message, code, sum=parts_sum, **({"why": why} if why else {}))
        yield _relation(total, i, t, "identity", parts_sum, float(off[i, t]), seen, involved)


def _smaller(series: Mapping[str, Matrix], relation: Bound) -> Iterator[Finding]:
    if relation.smaller not in series or relation.larger not in series:
        return
    smaller, larger = series[relation.smaller], series[relation.larger]
    limit = larger.aligned(smaller)
    off = smaller.values - limit
    with np.errstate(invalid="ignore"):
        wrong = off > relation.tolerance + _DUST * np.abs(limit)
    for i, t in np.argwhere(wrong):
        why = relation.why
        message = f"more than {larger.spec.key}, of which it is a part" + (f" ({why})" if why else "")
        code = "finding_bound_why" if why else "finding_bound"
        seen = reason(message, code, of=larger.spec.key, **({"why": why} if why else {}))
        yield _relation(smaller, i, t, "bound", float(limit[i, t]), float(off[i, t]), seen, (larger.name,))


def _relation(
    matrix: Matrix, i: int, t: int, check: str, expected: float, off: float, seen: Note, involved: tuple[str, ...]
) -> Finding:
    size = off / abs(expected) if expected else off
    return matrix.finding(check, i, t, (matrix.number(i, t), expected, float(size)), seen, 0, involved)


def ranges(matrix: Matrix) -> Iterator[Finding]:
    """Figures outside the range that the series declares; without a lower bound, negative ones of what is counted."""
    low, high = matrix.spec.range
    declared = {
        -1.0: ("outside the declared range: at least", "finding_below"),
        1.0: ("outside the declared range: at most", "finding_above"),
    }
    if low is None and _is_counted(matrix.spec.measure):
        low, message = 0.0, f"a negative figure of {matrix.spec.measure}; a declared range may allow it: at least"
        declared[-1.0] = (message, "finding_negative")
    for bound, sign in ((low, -1.0), (high, 1.0)):
        if bound is None:
            continue
        with np.errstate(invalid="ignore"):
            wrong = sign * (matrix.values - bound) > 0
        for i, t in np.argwhere(wrong):
            value = float(matrix.values[i, t])
            message, code = declared[sign]
            seen = reason(f"{message} {bound:g}", code, bound=bound, measure=matrix.spec.measure)
            yield matrix.finding("range", i, t, (value, bound, abs(value - bound)), seen)


def _is_counted(measure: str) -> bool:
    """Whether a measure counts things that cannot be fewer than none: money may be lost, shares may shrink.

    An item may be anything.
    """
    try:
        base = parse(measure).base
    except UserError:
        return False
    return base.split("/")[0].split("@")[0] not in {"share", "item", *CURRENCIES}


_TOLERANCE = 0.002  # relative, beyond rounding
_MOST = 1 / 3  # of the units of a period: beyond, one finding stands for all
_FEW = 5


def other_sources(series: Sequence[Matrix], alike: Collection[Sequence[str]] = ()) -> Iterator[Finding]:
    """Figures on which two sources disagree beyond rounding and 0.2 % (check ``other_source``).

    Compared are series that a sidecar declares to be the same (``same_as: other_source.series``), and series of
    different sources that bear the same title or label (`alike`, pairs of names), in convertible measures.
    """
    for first, second, factor in _pairs(series, alike):
        other = second.aligned(first) * factor
        slack = (first.resolution + second.resolution * factor) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(first.values / other)
        size = np.maximum(np.abs(first.values), np.abs(other))
        with np.errstate(invalid="ignore"):
            wrong = np.abs(first.values - other) > slack + _TOLERANCE * size
        compared = np.sum(np.isfinite(first.values) & np.isfinite(other), axis=0)
        of_both = 0, (second.name,)
        for t in range(len(first.periods)):
            rows = np.flatnonzero(wrong[:, t])
            if len(rows) >= _FEW and len(rows) > _MOST * compared[t]:
                off = float(np.median(np.nan_to_num(ratio[rows, t])))
                message = f"{len(rows)} of {compared[t]} units differ from {second.name}"
                numbers = {"number": len(rows), "compared": int(compared[t])}
                seen = reason(message, "finding_units_differ", **numbers, other=second.name)
                sums = float(np.sum(first.values[rows, t])), float(np.sum(other[rows, t])), off
                yield first.finding("other_source", None, t, sums, seen, *of_both)
                continue
            for i in rows.tolist():
                value, expected = float(first.values[i, t]), float(other[i, t])
                off = float(ratio[i, t]) if np.isfinite(ratio[i, t]) else float(np.sign(value - expected))
                seen = reason(f"differs from {second.name}", "finding_differs", other=second.name)
                yield first.finding("other_source", i, t, (value, expected, off), seen, *of_both)


def _pairs(series: Sequence[Matrix], alike: Collection[Sequence[str]]) -> Iterator[tuple[Matrix, Matrix, float]]:
    by_name = {matrix.name: matrix for matrix in series}
    twins = {frozenset(pair) for pair in alike}
    done: set[frozenset[str]] = set()
    for first in series:
        named = [by_name[name] for name in first.spec.same_as if name in by_name]
        titled = [second for second in series if frozenset((first.name, second.name)) in twins]
        for second in [*named, *titled]:
            pair = frozenset((first.name, second.name))
            if len(pair) == 2 and pair not in done:
                done.add(pair)
                factor = _twins_factor(second.spec.measure, first.spec.measure)
                if factor is not None:
                    yield first, second, factor


def _twins_factor(old: str, new: str) -> float | None:
    try:
        return 1.0 if old == new else convert_factor(old, new)
    except MeasureError:
        return 1.0 if old == new else None
