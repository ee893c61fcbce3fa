"""Rows, effects and weights that many specifications share: what is left of their columns, computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ruralpanel.break_steps import step_terms
from ruralpanel.estimators.absorb import Absorbed, compact
from ruralpanel.estimators.base import FloatArray, IntArray
from ruralpanel.estimators.within import TINY
from ruralpanel.robustness.curve_data import CurveData
from ruralpanel.robustness.curve_plan import Specification
from ruralpanel.spread import net_sd


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
            own = self.net[place]
            steps = [self.names[step] for step in self.steps.get(name, ()) if step in self.names]
            others = self.net[[step for step in steps if not self.absorbed[step]]].T
            if others.shape[1]:
                own = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
            weights = None if self.space.root is None else self.space.root**2
            self._net_sds[name] = float(net_sd(own * self.lengths[place], weights))
        return self._net_sds[name]


def cells(data: CurveData, specifications: Sequence[Specification]) -> Iterator[Cell]:
    """The cells, one after the other; a specification without rows belongs to none."""
    there: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    groups: dict[tuple[bytes, tuple[str, ...], str | None], list[int]] = {}
    masks: dict[bytes, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    for position, spec in enumerate(specifications):
        mask = data.samples[spec.sample]
        for name in columns_needed(data, spec):
            if name not in there:
                there[name] = ~np.isnan(data.columns[name])
            mask = mask & there[name]
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
    own = [step for name in spec.factors if name != spec.weights for step in data.steps.get(name, ())]
    products = [step for term in spec.terms if ":" in term for step in step_terms(term, data.steps)]
    return tuple(dict.fromkeys([*own, *products]))


def without_singletons(rows: IntArray, codes: Sequence[IntArray]) -> IntArray:
    """`rows` less those that alone make up a level of an effect, found repeatedly until none is left."""
    while rows.size:
        alone = np.zeros(rows.size, dtype=bool)
        for effect in codes:
            own = effect[rows]
            alone |= np.bincount(own)[own] == 1
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
        own = dict.fromkeys((spec.outcome, *spec.terms, *spec.term.split(":"), *steps_of(data, spec)))
        wanted |= own
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
