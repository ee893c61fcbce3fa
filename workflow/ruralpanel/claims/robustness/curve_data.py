"""What a specification curve estimates on: columns, cells of sample and effects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ruralpanel.claims.robustness.curve_plan import Plan, Specification, lagged_name
from ruralpanel.data.break_steps import step_terms, steps_by_factor
from ruralpanel.data.rows import Flags, group_codes, sample_rows
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.columns import columns_of
from ruralpanel.estimate.base.effects import TINY
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import FloatArray, IntArray
from ruralpanel.estimate.spread import net_sd
from ruralpanel.project.effects import effect_problems
from ruralpanel.project.expressions import shifted
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.units import Units


@dataclass(frozen=True)
class CurveData:
    """Everything that specifications read, one entry per row of the panel, rows sorted by unit and period.

    Attributes
    ----------
    units : labels; `codes` holds ``unit``, ``period`` and every further effect by name (n,), −1 where it is blank.
    columns : factor → (n,) values, NaN where missing.
    steps : factor → names of the columns that take up its definition breaks (rule ``dummy``).
    samples : name → rows kept (n,).
    """

    units: tuple[str, ...]
    codes: Mapping[str, IntArray]
    columns: Mapping[str, FloatArray]
    steps: Mapping[str, tuple[str, ...]]
    samples: Mapping[str, Flags]


def curve_data(
    plan: Plan,
    frame: pd.DataFrame,
    units: Units,
    samples: Mapping[str, Sample],
    by: str = "year",
    file: str = CONFIGURATION,
    where: str = "specification_curves",
    panel: str = "",
) -> CurveData:
    """Columns for all specifications of `plan`.

    Parameters
    ----------
    frame : the panel: ``unit``, ``period``, variables.
    samples : declared samples by name; ``all`` need not be declared.
    by : year or observation: what one lag is in a panel with gaps. Lags that no variable declares are taken within the
        panel and lose its first periods.

    Raises
    ------
    UserError
        Names that the panel lacks, effects that are none, negative weights.
    """
    order = np.lexsort((frame["period"].to_numpy(), frame["unit"].to_numpy(dtype=object).astype(str)))
    rows = frame.iloc[order].reset_index(drop=True)
    names, unit_codes = np.unique(rows["unit"].to_numpy(dtype=object).astype(str), return_inverse=True)
    years, period_codes = np.unique(rows["period"].to_numpy(), return_inverse=True)
    labels, periods = tuple(str(name) for name in names), tuple(int(year) for year in years)
    codes = {"unit": unit_codes.astype(np.intp), "period": period_codes.astype(np.intp)}
    wanted = dict.fromkeys(factor for spec in plan.specifications for factor in spec.factors)
    lags = {lagged_name(_base(name), _lag(name)): (_base(name), _lag(name)) for name in wanted if _lag(name)}
    named = [name for name in wanted if name not in lags] + [base for base, _ in lags.values()]
    factors = columns_of(dict.fromkeys(named, where), rows, units, panel, file)
    problems = list(factors.problems)
    effects = dict.fromkeys(effect for spec in plan.specifications for effect in spec.effects)
    known = {*units.columns, *rows.columns[2:]}
    raise_any([*problems, *effect_problems(tuple(effects), known, file, f"{where}.effects")])
    codes |= {effect: group_codes(effect, rows, units) for effect in effects if effect not in codes}
    columns: dict[str, FloatArray] = dict(factors.values)
    steps = steps_by_factor(columns, rows.columns)
    columns |= {step: rows[step].to_numpy(dtype=np.float64) for names in steps.values() for step in names}
    for name, (base, lag) in lags.items():
        place = _places(codes["unit"], period_codes, periods, lag, by)
        columns[name] = _moved(columns[base], place)
        steps[name] = tuple(lagged_name(step, lag) for step in steps[base])
        columns |= {lagged_name(step, lag): _moved(columns[step], place) for step in steps[base]}
    for name in dict.fromkeys(spec.weights for spec in plan.specifications if spec.weights):
        if (columns[name] < 0).any():
            raise UserError(Problem(file, f"{where}.weights", f'"{name}", which is negative', "weights above zero"))
    kept = {name: sample_rows(samples.get(name) or Sample(), rows, units, file, f"samples.{name}", by)[0]
            for name in dict.fromkeys(spec.sample for spec in plan.specifications)}  # fmt: skip
    return CurveData(labels, codes, columns, steps, kept)


def _base(name: str) -> str:
    return name[len("lag(") : name.rindex(",")] if name.startswith("lag(") else name


def _lag(name: str) -> int:
    return int(name[name.rindex(",") + 1 : -1]) if name.startswith("lag(") else 0


def _places(units: IntArray, period_codes: IntArray, periods: Sequence[int], lag: int, by: str) -> IntArray:
    """Row that holds each row's figure `lag` periods before, as formulas count them; −1 where there is none."""
    width = len(periods)
    codes = {year: code for code, year in enumerate(periods)}
    before = [shifted(year, lag, tuple(periods), by) for year in periods]
    back = np.array([-1 if year is None else codes.get(year, -1) for year in before])[period_codes]
    row_of = np.full((int(units.max()) + 1) * width, -1, dtype=np.intp)
    row_of[units * width + period_codes] = np.arange(units.size)
    return np.where(back >= 0, row_of[units * width + np.maximum(back, 0)], -1)


def _moved(values: FloatArray, place: IntArray) -> FloatArray:
    return np.where(place >= 0, values[place], np.nan)


@dataclass(frozen=True)
class Cell:
    """Specifications with the same rows, effects and weights, and their columns net of the effects.

    Attributes
    ----------
    members : positions of the specifications in the plan.
    rows : (n,) rows of the panel; `unit_codes` (n,) from 0 without gaps, ascending; `starts` where each unit begins.
    names : the C columns; `net` (C, n) them net of the effects, in the metric of the weights' roots, each of length
        one; `lengths` (C,) what they were divided by; `raw` (C, n) before anything was removed.
    absorbed : (C,) whether the effects leave nothing of the column.
    steps : factor → columns that take up its definition breaks.
    """

    members: tuple[int, ...]
    rows: IntArray
    effects: tuple[str, ...]
    space: Absorbed
    unit_codes: IntArray
    names: dict[str, int]
    net: FloatArray
    lengths: FloatArray
    raw: FloatArray
    absorbed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    steps: Mapping[str, tuple[str, ...]]

    @property
    def n_units(self) -> int:
        """Units with rows in the cell."""
        return int(self.unit_codes[-1]) + 1

    @cached_property
    def starts(self) -> IntArray:
        """First row of each unit."""
        return np.flatnonzero(np.diff(self.unit_codes, prepend=-1)).astype(np.intp)

    @cached_property
    def gram(self) -> FloatArray:
        """(C, C) products of the columns."""
        return np.asarray(self.net @ self.net.T)

    @cached_property
    def counted(self) -> int:
        """Effects that count in the small-sample factor of errors clustered by unit, the constant included."""
        return self.space.rank_outside((self.unit_codes,))

    @cached_property
    def other_effects(self) -> FloatArray:
        """Orthonormal rows (r, n) that span the effects net of the units' own."""
        root = np.ones(self.rows.size) if self.space.root is None else self.space.root
        units = (self.unit_codes,) if "unit" in self.effects else ()
        dense = [np.ones((self.rows.size, 1)) * root[:, None]]
        for name, codes in zip(self.effects, self.space.factors, strict=True):
            if name != "unit":
                dense.append((codes[:, None] == np.arange(int(codes.max()) + 1)) * root[:, None])
        return np.ascontiguousarray(Absorbed(self.rows.size, units, np.hstack(dense), root).basis.T)

    @cached_property
    def spreads(self) -> tuple[FloatArray, FloatArray]:
        """Standard deviations (C,) of the raw columns, and of their deviations from unit means (both over n − 1)."""
        n = self.raw.shape[1]
        counts = np.diff(np.append(self.starts, n))
        means = np.add.reduceat(self.raw, self.starts, axis=1) / counts
        within = self.raw - np.repeat(means, counts, axis=1)
        return np.std(self.raw, axis=1, ddof=1), np.sqrt(np.sum(within**2, axis=1) / (n - 1))

    @cached_property
    def _net_sds(self) -> dict[str, float]:
        return {}

    def net_sd(self, name: str) -> float:
        """Standard deviation (n − 1) of what the effects, and the column's own declared steps, leave of it."""
        if name not in self._net_sds:
            place = self.names[name]
            column = self.net[place]
            steps = [self.names[step] for step in self.steps.get(name, ()) if step in self.names]
            others = self.net[[step for step in steps if not self.absorbed[step]]].T
            if others.shape[1]:
                column = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
            weights = None if self.space.root is None else self.space.root**2
            self._net_sds[name] = float(net_sd(column * self.lengths[place], weights))
        return self._net_sds[name]


def cells(data: CurveData, specifications: Sequence[Specification]) -> Iterator[Cell]:
    """The cells, one after the other; a specification without rows belongs to none."""
    present: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    groups: dict[tuple[bytes, tuple[str, ...], str | None], list[int]] = {}
    masks: dict[bytes, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    for position, spec in enumerate(specifications):
        mask = data.samples[spec.sample]
        for name in columns_needed(data, spec):
            if name not in present:
                present[name] = ~np.isnan(data.columns[name])
            mask = mask & present[name]
        for effect in spec.effects:
            mask = mask & (data.codes[effect] >= 0)
        if spec.weights:
            mask = mask & (data.columns[spec.weights] > 0)
        key = mask.tobytes()
        masks[key] = mask
        groups.setdefault((key, spec.effects, spec.weights), []).append(position)
    for (key, effects, weights), members in groups.items():
        rows = without_singletons(np.flatnonzero(masks[key]).astype(np.intp), [data.codes[name] for name in effects])
        if rows.size > 1:
            chosen = None if weights is None else data.columns[weights]
            yield _cell(data, specifications, tuple(members), rows, effects, chosen)


def columns_needed(data: CurveData, spec: Specification) -> tuple[str, ...]:
    """Factors of a specification and the steps of their definition breaks."""
    return (*spec.factors, *(step for step in steps_of(data, spec) if ":" not in step))


def steps_of(data: CurveData, spec: Specification) -> tuple[str, ...]:
    """The steps of definition breaks that join a specification's controls: those of factors, then those of products."""
    if not any(data.steps.get(name) for name in spec.factors):
        return ()
    of_factors = [step for name in spec.factors if name != spec.weights for step in data.steps.get(name, ())]
    products = [step for term in spec.terms if ":" in term for step in step_terms(term, data.steps)]
    return tuple(dict.fromkeys([*of_factors, *products]))


def without_singletons(rows: IntArray, codes: Sequence[IntArray]) -> IntArray:
    """`rows` less those that alone make up a level of an effect, found repeatedly until none is left."""
    while rows.size:
        alone = np.zeros(rows.size, dtype=bool)
        for effect in codes:
            levels = effect[rows]
            alone |= np.bincount(levels)[levels] == 1
        if not alone.any():
            break
        rows = rows[~alone]
    return rows


def _cell(
    data: CurveData,
    specifications: Sequence[Specification],
    members: tuple[int, ...],
    rows: IntArray,
    effects: tuple[str, ...],
    weights: FloatArray | None,
) -> Cell:
    root = None if weights is None else np.sqrt(weights[rows] / weights[rows].mean())
    factors = tuple(compact(data.codes[effect][rows]) for effect in effects)
    dense = None if factors else (np.ones((rows.size, 1)) if root is None else root[:, None])
    space = Absorbed(rows.size, factors, dense, root)
    wanted: dict[str, None] = {}
    for position in members:
        spec = specifications[position]
        wanted |= dict.fromkeys((spec.outcome, *spec.terms, *spec.term.split(":"), *steps_of(data, spec)))
    values = {name: data.columns[name][rows] for term in wanted for name in term.split(":")}
    raw = np.array([_product(term, values) for term in wanted])
    scaled = raw if root is None else raw * root
    net = np.ascontiguousarray(space.residuals(scaled.T).T)
    lengths = np.sqrt(np.sum(net**2, axis=1))
    absorbed = lengths <= TINY * np.sqrt(np.sum(scaled**2, axis=1))
    lengths = np.where(absorbed, 1.0, lengths)
    return Cell(
        members=members,
        rows=rows,
        effects=effects,
        space=space,
        unit_codes=compact(data.codes["unit"][rows]),
        names={name: index for index, name in enumerate(wanted)},
        net=net / lengths[:, None],
        lengths=lengths,
        raw=raw,
        absorbed=absorbed,
        steps=data.steps,
    )


def _product(term: str, values: dict[str, FloatArray]) -> FloatArray:
    first, *others = term.split(":")
    column = values[first]
    for other in others:
        column = column * values[other]
    return column
