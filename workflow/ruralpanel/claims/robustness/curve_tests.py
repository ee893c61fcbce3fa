"""A joint test of a whole specification curve: could it look like this if the lever mattered in none of them?

Under the null of no effect each specification's outcome is its other regressors and effects plus residuals. Two ways to
draw outcomes that could as well have been, both of whole units, one draw shared by all specifications, so that their
dependence is kept (Simonsohn, Simmons and Nelson 2020, with the residuals of Freedman and Lane 1983):

paths
    the residual paths of units change places, all periods together, among units observed in the same periods
signs
    the residual path of each unit keeps or turns its sign

Regressors stay where they are, so that lever and controls keep their correlation. Statistics are those of `CurveTest`;
coefficients are compared as t with errors clustered by unit. Paths take units as exchangeable: where a few units carry
the lever and have larger errors too, the test rejects far too often even so; signs do much better there (table in
docs/estimators/robustness.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from scipy import sparse, special

from ruralpanel.claims.robustness.curve_data import Cell, CurveData
from ruralpanel.claims.robustness.curve_kernel import Batch, batches
from ruralpanel.claims.robustness.curve_plan import Specification
from ruralpanel.estimate.base.results import FloatArray, IntArray
from ruralpanel.estimate.inference import validity
from ruralpanel.estimate.inference.covariance import critical_values
from ruralpanel.estimate.inference.wild_kernel import TIE
from ruralpanel.project.kinds.inference import PERMUTATION

STATISTICS = ("median", "share_significant", "stouffer")
SCHEMES = ("paths", "signs")

MANY = 400
"""Units beyond which products of all pairs of their paths would take too much memory."""

HELD = 100_000
"""Scores of units in draws held at once: what stays near the processor."""


@dataclass(frozen=True)
class CurveTest:
    """p-values of a curve's statistics, the sample itself counted.

    Attributes
    ----------
    observed : ``median`` standardised coefficient; ``share_significant``: share of specifications whose coefficient is
        significant at 5 %, in the direction that has more of them; ``stouffer``: sum of the normal scores of the t
        statistics over the root of their number.
    p_values : two-sided. p_expected : one-sided in the expected direction; empty for a two-sided claim.
    n_specifications : those that take part (all but those with fewer than 7 units that share their periods).
    """

    scheme: str
    draws: int
    n_specifications: int
    observed: dict[str, float]
    p_values: dict[str, float]
    p_expected: dict[str, float] = field(default_factory=dict)


def permutations(units: int, draws: int, rng: np.random.Generator) -> IntArray:
    """(draws, units) random orders of the units."""
    return rng.permuted(np.tile(np.arange(units, dtype=np.intp), (draws, 1)), axis=1)


def signs(units: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """(draws, units) random signs."""
    return np.asarray(2.0 * rng.integers(0, 2, (draws, units), dtype=np.int8) - 1.0)


def curve_test(
    data: CurveData,
    specifications: Sequence[Specification],
    draws: int,
    rng: np.random.Generator,
    expected: int = 0,
    scheme: str = "paths",
) -> CurveTest | None:
    """Joint test of the curve.

    Parameters
    ----------
    expected : the sign foreseen, 0 for none. scheme : paths or signs.

    Returns
    -------
    None where no specification can take part.
    """
    test = JointTest(data, draws, rng, expected, scheme)
    for batch in batches(data, specifications):
        test.add(batch)
    return test.result()


class JointTest:
    """A joint test that is handed the solved specifications batch by batch; arguments: see `curve_test`."""

    def __init__(
        self, data: CurveData, draws: int, rng: np.random.Generator, expected: int = 0, scheme: str = "paths"
    ) -> None:
        units = len(data.units)
        drawn = permutations(units, draws, rng) if scheme == "paths" else signs(units, draws, rng)
        self._moved = _Moved(data, drawn)
        self._draws, self._expected, self._scheme = draws, expected, scheme
        self._standardised: list[FloatArray] = []
        self._high, self._low, self._scores = np.zeros(draws + 1), np.zeros(draws + 1), np.zeros(draws + 1)

    def add(self, batch: Batch) -> None:
        """Take in the specifications of a batch, where they can take part."""
        if self._scheme == "paths" and not self._moved.possible(batch.cell):
            return
        df = float(batch.cell.n_units - 1)
        critical = float(critical_values(np.array(df)))
        for effects, t in _drawn(batch, self._moved, self._scheme):
            self._standardised.append(effects.astype(np.float32))
            self._high += np.sum(t > critical, axis=0)
            self._low += np.sum(t < -critical, axis=0)
            self._scores += np.sum(normal_scores(t, df), axis=0)

    def result(self) -> CurveTest | None:
        """The test of all specifications taken in; None where there is none."""
        if not self._standardised:
            return None
        standardised = np.concatenate(self._standardised)
        number = len(standardised)
        values = {
            "median": np.median(standardised, axis=0).astype(float),
            "stouffer": self._scores / np.sqrt(number),
            "share_significant": np.maximum(self._high, self._low) / number,
        }
        toward = {name: value * self._expected for name, value in values.items()}
        toward["share_significant"] = (self._high if self._expected > 0 else self._low) / number
        return CurveTest(
            scheme=self._scheme,
            draws=self._draws,
            n_specifications=number,
            observed={name: float(values[name][0]) for name in STATISTICS},
            p_values={name: _p_value(np.abs(values[name])) for name in STATISTICS},
            p_expected={name: _p_value(toward[name]) for name in STATISTICS} if self._expected else {},
        )


FAR, FINE = 12, 256
"""Size of t up to which its normal score is read from a table, and entries of the table per unit."""


def normal_scores(t: FloatArray, df: float) -> FloatArray:
    """The normal numbers as unlikely as t statistics (of any shape) with `df` degrees of freedom, to 1e-12.

    Between the entries of a table, by the cubic that has their values and slopes: the quantile of a probability takes
    five times as long, for each draw and specification.
    """
    place = np.abs(t) * FINE
    inside = place < FAR * FINE
    entry = np.where(inside, place, 0.0).astype(np.intp)
    share, cubic = place - entry, np.moveaxis(_cubics(df)[entry], -1, 0)
    scores = ((cubic[0] * share + cubic[1]) * share + cubic[2]) * share + cubic[3]
    if not inside.all():
        scores[~inside] = _exact_scores(np.abs(t[~inside]), df)
    return np.asarray(np.copysign(scores, t))


def _exact_scores(t: FloatArray, df: float) -> FloatArray:
    return np.asarray(-special.ndtri(special.stdtr(df, -t)))  # by the lower tail, which does not round to one


@cache
def _cubics(df: float) -> FloatArray:
    """(entries, 4) coefficients of the score in the distance from each entry, highest power first."""
    t = np.arange(FAR * FINE + 1) / FINE
    score = _exact_scores(t, df)
    density = special.gammaln((df + 1.0) / 2.0) - special.gammaln(df / 2.0) - (df + 1.0) / 2.0 * np.log1p(t**2 / df)
    slope = np.exp(density - np.log(df / 2.0) / 2.0 + score**2 / 2.0) / FINE
    rise, first, last = np.diff(score), slope[:-1], slope[1:]
    return np.stack([first + last - 2.0 * rise, 3.0 * rise - 2.0 * first - last, first, score[:-1]], axis=1)


def _p_value(values: FloatArray) -> float:
    """Share of the statistics at least as large as the first, which is the sample's own."""
    return float(np.mean(values >= values[0] - TIE * abs(values[0])))


@dataclass(frozen=True)
class _Moved:
    """How one set of draws acts on the units of each cell."""

    data: CurveData
    drawn: IntArray | FloatArray
    orders_of: dict[bytes, _Orders] = field(default_factory=dict)
    blocks_of: dict[bytes, list[IntArray]] = field(default_factory=dict)

    def possible(self, cell: Cell) -> bool:
        """Whether enough units are observed in the same periods."""
        return max(len(block) for block in self._blocks(cell)) >= validity.MIN_CLUSTERS[PERMUTATION]

    def orders(self, cell: Cell) -> _Orders:
        """The orders of the cell's units; the first draw moves nothing."""
        key = cell.rows.tobytes()
        if key not in self.orders_of:
            owner = self._owners(cell)
            place = np.tile(np.arange(owner.size, dtype=np.intp), (self.drawn.shape[0] + 1, 1))
            for block in self._blocks(cell):
                place[1:, block] = block[_restricted(np.asarray(self.drawn, dtype=np.intp), owner[block])]
            self.orders_of.clear()  # cells of the same rows follow each other
            self.orders_of[key] = _Orders.of(place, cell)
        return self.orders_of[key]

    def weights(self, cell: Cell) -> FloatArray:
        """(draws + 1, units of the cell): the sign of each unit; the first draw turns none."""
        owner = self._owners(cell)
        return np.vstack([np.ones(owner.size), self.drawn[:, owner]])

    def _owners(self, cell: Cell) -> IntArray:
        return np.asarray(self.data.codes["unit"][cell.rows][cell.starts])

    def _blocks(self, cell: Cell) -> list[IntArray]:
        """Units of the cell that are observed in the same periods."""
        key = cell.rows.tobytes()
        if key not in self.blocks_of:
            periods = np.split(self.data.codes["period"][cell.rows], cell.starts[1:])
            groups: dict[bytes, list[int]] = {}
            for unit, observed in enumerate(periods):
                groups.setdefault(observed.tobytes(), []).append(unit)
            self.blocks_of[key] = [np.array(block, dtype=np.intp) for block in groups.values()]
        return self.blocks_of[key]


@dataclass(frozen=True)
class _Orders:
    """Whose path stands where, by draw.

    Attributes
    ----------
    place : (draws, units) the unit whose path each unit receives.
    choice : (draws, units²) ones at each pair of a unit and the one whose path it receives; None beyond `MANY` units.
    slots : (n,) place of each row among units × most periods of a unit, which are `shape`.
    """

    place: IntArray
    choice: sparse.csr_array | None
    slots: IntArray
    shape: tuple[int, int]

    @classmethod
    def of(cls, place: IntArray, cell: Cell) -> _Orders:
        draws, units = place.shape
        choice = None
        if units <= MANY:
            pairs, ends = np.arange(units) * units + place, np.arange(0, draws * units + 1, units)
            choice = sparse.csr_array((np.ones(draws * units), pairs.ravel(), ends), shape=(draws, units * units))
        within = np.arange(cell.rows.size) - cell.starts[cell.unit_codes]
        width = int(within.max()) + 1
        return cls(place, choice, cell.unit_codes * width + within, (units, width))

    def sums(self, z: FloatArray, columns: FloatArray, residuals: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Moved residuals (m, n) times `z` (m, n) by unit (m, draws, units), and times `columns` (m, c, n) in all.

        Products of all pairs of paths are formed once, and each draw picks those that it brings together; among many
        units the paths themselves are moved. Units are only exchanged for units observed in the same periods, so that
        the empty slots of shorter paths meet each other.
        """
        here, others, paths = self._paths(z), self._paths(columns), self._paths(residuals)
        m, size, units, width = others.shape
        draws = len(self.place)
        if self.choice is None:
            moved = [paths[:, place] for place in self.place]
            scores = np.stack([np.sum(path * here, axis=2) for path in moved], axis=1)
            flat = others.reshape(m, size, units * width)
            return scores, np.stack([(flat @ path.reshape(m, -1, 1))[:, :, 0] for path in moved], axis=1)
        across = np.ascontiguousarray(paths.transpose(0, 2, 1))
        scores = np.take((here @ across).reshape(m, units * units), self.choice.indices, axis=1)
        table = (others.reshape(m, size * units, width) @ across).reshape(m * size, units * units)
        along = self.choice @ np.ascontiguousarray(table.T)
        return scores.reshape(m, draws, units), along.reshape(draws, m, size).transpose(1, 0, 2)

    def _paths(self, values: FloatArray) -> FloatArray:
        filled = np.zeros((*values.shape[:-1], self.shape[0] * self.shape[1]))
        filled[..., self.slots] = values
        return filled.reshape(*values.shape[:-1], *self.shape)


def _restricted(orders: IntArray, members: IntArray) -> IntArray:
    """Permutations (draws, units) restricted to some units: others are taken out of the cycles.

    The result is a uniform permutation of the members, and the same as the original wherever that stays among them: so
    one draw moves all samples as alike as can be. Entries are positions in `members`.
    """
    inside = np.full(orders.shape[1], -1, dtype=np.intp)
    inside[members] = np.arange(members.size)
    image = orders[:, members]
    while (outside := inside[image] < 0).any():
        image = np.where(outside, np.take_along_axis(orders, image, axis=1), image)
    return inside[image]


def _drawn(batch: Batch, moved: _Moved, scheme: str) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Standardised coefficients and t statistics (specifications, draws + 1) of a batch in parts, the sample first."""
    cell = batch.cell
    # paths of units observed in the same periods have no means of units and periods wherever they stand
    clean = scheme == "paths" and cell.space.root is None and {"unit", "period"}.issuperset(cell.effects)
    others = cell.other_effects[: 0 if clean else None]
    for part in batch.parts(max(1, HELD // ((len(moved.drawn) + 1) * cell.n_units))):
        z, residuals = part.z, part.residuals
        null = residuals + (part.params[:, 0] / part.bread[:, 0, 0])[:, None] * z
        columns = np.concatenate([part.x, np.broadcast_to(others, (len(z), *others.shape))], axis=1)
        taken = np.add.reduceat(columns * z[:, None], cell.starts, axis=2)
        taken[:, : part.x.shape[1]] = part.bread @ taken[:, : part.x.shape[1]]
        if scheme == "paths":
            scores, along = moved.orders(cell).sums(z, columns, null)
        else:
            turned = moved.weights(cell)
            scores = turned * np.add.reduceat(null * z, cell.starts, axis=1)[:, None]
            along = turned @ np.add.reduceat(columns * null[:, None], cell.starts, axis=2).transpose(0, 2, 1)
        b = scores.sum(axis=2)
        scores -= along @ taken
        error = np.sqrt(part.factor[:, None] * np.einsum("mdu,mdu->md", scores, scores))
        # the first draw is the null's own outcome: the sample's adds the coefficient back
        b[:, 0], error[:, 0] = part.params[:, 0], part.std_error
        yield b * part.standard[:, None], b / error
