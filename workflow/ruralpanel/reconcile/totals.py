"""The sum over units against the national figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ruralpanel.contracts.measures import MeasureError, convert_factor
from ruralpanel.contracts.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.contracts.specs import SourceSpec
from ruralpanel.reconcile.finding import Finding
from ruralpanel.reconcile.matrix import Matrix, resolution

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
        raise UserError(Problem(file, "", f"a file that cannot be read ({reason})", "comma-separated values")) from None
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
    """Totals that no figure can be held against: of no series that is read, no year of it, another kind of measure."""
    read = {matrix.name: matrix for matrix in series}
    for row, total in enumerate(totals.to_dict("records"), 2):
        source, key, year = str(total["source"]), str(total["series"]), int(total["year"])
        matrix = read.get(f"{source}.{key}")
        if source not in sources:
            fix = did_you_mean(source, sources)
            yield Problem(file, f"row {row}, column source", f'"{source}"', "a source of the configuration", fix)
        elif matrix is None:
            known = [name.partition(".")[2] for name in read if name.startswith(f"{source}.")]
            where, fix = f"row {row}, column series", did_you_mean(key, known)
            yield Problem(file, where, f'"{key}"', f"a series that is read from {source}", fix)
        elif year not in matrix.periods:
            expected = f"a year of {source}.{key}, {matrix.periods[0]} to {matrix.periods[-1]}"
            yield Problem(file, f"row {row}, column year", str(year), expected, "correct the year or remove the row")
        elif total["measure"] and matrix.spec.measure:
            try:
                convert_factor(str(total["measure"]), matrix.spec.measure)
            except MeasureError as error:
                yield error.problem(file, f"row {row}, column measure")


def control_totals(series: Sequence[Matrix], totals: pd.DataFrame) -> Iterator[Finding]:
    """Periods in which the units do not add up to the national figure (check ``control_total``).

    Rounding of `n` figures printed in steps of `r` explains 3 r √(n/12) + r/2. Where units of the source have no
    figure, the national one is a bound: the rest must not be negative, nor so large that each missing unit would
    exceed the largest present. A remark on the total accounts for a positive rest, up to what it says is unassigned.
    """
    by_name = {matrix.name: matrix for matrix in series}
    known_units: dict[str, set[str]] = {}
    for matrix in series:
        known_units.setdefault(matrix.source, set()).update(matrix.units)
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
        missing = f", {absent} units without a figure" if absent else ""
        explained = 0 < rest <= float(row["unassigned"]) * factor + rounding
        remark = str(row["remark"]) if explained else ""
        yield Finding(
            "control_total",
            matrix.source,
            matrix.spec.key,
            "",
            year,
            float(np.sum(present)),
            total,
            -rest / abs(total) if total else -rest,
            f"the units add up to {np.sum(present):.10g} of {total:.10g}{missing}",
            declared=bool(remark),
            declared_by=f"control total: {remark}" if remark else "",
        )


def _factor(measure: str, published: str) -> float:
    return convert_factor(measure, published) if measure and published else 1.0
