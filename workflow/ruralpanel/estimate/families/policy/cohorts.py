"""Who is treated from which period of a design, and the design as matrices of units × periods."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError


@dataclass(frozen=True)
class Cohorts:
    """Treatment dates by unit, in step with a design's `units` and `periods`.

    Attributes
    ----------
    first : (units,) first treated period as declared; inf: never.
    start : (units,) position in `periods` of the first period at or after `first`; ``len(periods)``: never in the
        sample.
    periods : (T,) the design's periods. calendar : as the design's.
    """

    first: FloatArray
    start: IntArray
    periods: IntArray
    calendar: tuple[int, ...] = ()

    @property
    def treated(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(units,) whether the unit is treated within the sample."""
        return np.asarray(self.start < self.periods.size)

    @property
    def starts(self) -> tuple[int, ...]:
        """Positions at which some unit's treatment starts, ascending."""
        return tuple(int(s) for s in np.unique(self.start[self.treated]))

    @property
    def single(self) -> bool:
        """Whether the treatment of all treated units starts in the same period of the sample."""
        return len(self.starts) == 1

    def date(self, start: int) -> int:
        """The earliest declared first period of the units whose treatment starts at this position."""
        return int(self.first[self.start == start].min())

    @property
    def dates(self) -> FloatArray:
        """(units,) `date` of the unit's start; inf: never treated in the sample."""
        known = {start: self.date(start) for start in self.starts}
        return np.array([known.get(int(start), np.inf) for start in self.start])

    def permuted(self, order: IntArray) -> Cohorts:
        """The same dates, handed to other units: unit i gets those of unit ``order[i]``."""
        return replace(self, first=self.first[order], start=self.start[order])


@dataclass(frozen=True)
class Sample:
    """A design that policy estimators can use, and where its rows come from.

    Attributes
    ----------
    design : rows of the original whose units are not treated from its first period on; units and periods renumbered.
    cohorts : in step with `design`. rows : (n,) indices into the original design.
    dropped : rows left out, by reason. notes : what the result has to say of it.
    """

    design: Design
    cohorts: Cohorts
    rows: IntArray
    dropped: dict[str, int]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Paths:
    """Outcomes and covariates as matrices, NaN where a unit lacks a period.

    Attributes
    ----------
    y : (N, T). x : (N, T, q). cohorts : of the N units. units : their names.
    """

    y: FloatArray
    x: FloatArray
    cohorts: Cohorts
    units: tuple[str, ...]


def sample_of(design: Design) -> Sample:
    """The part of a design that a comparison of treated and not yet treated units can use.

    Units treated in the first period already have no period without treatment: they are left out and counted. Units
    first treated after the last period count as never treated.

    Raises
    ------
    UserError
        No `first_treated` in the design's `extra`, effects other than unit and
        period, no treated unit or none to compare with.
    """
    where = f"models.{design.spec.name}"
    if set(design.spec.effects) != {"unit", "period"}:
        found = " and ".join(design.spec.effects) or "no effects"
        raise UserError(
            Problem(CONFIGURATION, f"{where}.effects", found, "unit and period", "leave effects out: it is the default")
        )
    if design.extra.first_treated is None:
        raise UserError(
            Problem(CONFIGURATION, f"{where}.treatment", "none", "who is treated and since when", "declare treatment")
        )
    declared = np.asarray(design.extra.first_treated, dtype=float)
    if declared.size == design.y.size:
        by_row, declared = declared, np.full(len(design.units), np.inf)
        declared[design.unit_codes] = by_row
    every = cohorts_of(design, declared)
    always = every.start[design.unit_codes] == 0
    rows = np.flatnonzero(~always).astype(np.intp)
    kept = take(design, rows)
    codes = np.unique(design.unit_codes[rows])
    cohorts = cohorts_of(kept, every.first[codes])
    _check(kept, cohorts, where)
    dropped: dict[str, int] = {}
    notes: list[Note] = []
    if always.any():
        names = [design.units[code] for code in np.flatnonzero(every.start == 0)]
        dropped["treated_from_first"] = int(always.sum())
        notes.append(note("treated_from_first", units=names))
    late = np.isfinite(cohorts.first) & ~cohorts.treated
    if late.any():
        names = [kept.units[code] for code in np.flatnonzero(late)]
        notes.append(note("treated_after_last", units=names))
    return Sample(kept, cohorts, rows, dropped, tuple(notes))


def cohorts_of(design: Design, first: FloatArray) -> Cohorts:
    """Cohorts from first treated periods (units,); NaN or inf: never."""
    dates = np.where(np.isnan(first), np.inf, first)
    periods = np.asarray(design.periods, dtype=np.intp)
    return Cohorts(dates, np.searchsorted(periods, dates, side="left").astype(np.intp), periods, design.calendar)


def take(design: Design, rows: IntArray) -> Design:
    """The design of some of its rows (ascending), units and periods renumbered; `extra` stays as it is."""
    unit_codes, period_codes = design.unit_codes[rows], design.period_codes[rows]
    return replace(
        design,
        y=design.y[rows],
        x=design.x[rows],
        units=tuple(design.units[code] for code in np.unique(unit_codes)),
        periods=tuple(design.periods[code] for code in np.unique(period_codes)),
        unit_codes=compact(unit_codes),
        period_codes=compact(period_codes),
        weights=None if design.weights is None else design.weights[rows],
        clusters={name: compact(codes[rows]) for name, codes in design.clusters.items()},
    )


def paths_of(design: Design, cohorts: Cohorts) -> Paths:
    """The design as matrices."""
    shape = (len(design.units), len(design.periods))
    y = np.full(shape, np.nan)
    x = np.full((*shape, design.x.shape[1]), np.nan)
    y[design.unit_codes, design.period_codes] = design.y
    x[design.unit_codes, design.period_codes] = design.x
    return Paths(y, x, cohorts, design.units)


def need_balance(design: Design, method: str, otherwise: str = "") -> None:
    """Stop unless every unit has every period; `otherwise`: another method to advise, if one applies.

    Raises
    ------
    UserError
        One problem for each unit that lacks periods, naming them.
    """
    observed = np.zeros((len(design.units), len(design.periods)), dtype=bool)
    observed[design.unit_codes, design.period_codes] = True
    problems = []
    for unit in np.flatnonzero(~observed.all(axis=1)):
        missing = ", ".join(str(design.periods[t]) for t in np.flatnonzero(~observed[unit]))
        name = design.units[unit]
        problems.append(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.sample",
                f"{name} without {design.spec.outcome} in {missing}",
                f"every unit in every period for method {method}",
                f"name a sample with drop: [{name}] or drop_periods: [{missing}]{otherwise}",
            )
        )
    if problems:
        raise UserError(problems)


def need_no(design: Design, method: str, what: str, present: bool, fix: str) -> None:
    """Stop where the model declares something that the method does not offer.

    Raises
    ------
    UserError
        `present` is true.
    """
    if present:
        where = f"models.{design.spec.name}"
        raise UserError(Problem(CONFIGURATION, where, f"{what} with method {method}", f"no {what}", fix))


def need_no_steps(design: Design, method: str) -> None:
    """Stop where a definition break lies in the sample and the method has no regression that a step could join.

    Raises
    ------
    UserError
        Steps of breaks that the effects do not absorb.
    """
    steps = ", ".join(design.extra.steps)
    fix = "leave out the units concerned or the periods beyond, splice the break, or use method: twfe"
    need_no(design, method, f"steps of definition breaks ({steps})", bool(steps), fix)


def _check(design: Design, cohorts: Cohorts, where: str) -> None:
    treated = int(cohorts.treated.sum())
    if not treated:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"{where}.treatment",
                "no unit that is first untreated and then treated in the sample",
                "at least one treated unit with a period before and one after its first treated period",
                f"the sample has {', '.join(map(str, design.periods))}: choose a panel that spans the treatment",
            )
        )
    if treated == len(design.units) and len(cohorts.starts) == 1:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"{where}.treatment",
                "every unit treated from the same period",
                "units that are never treated, or treated later",
                "widen the sample",
            )
        )
