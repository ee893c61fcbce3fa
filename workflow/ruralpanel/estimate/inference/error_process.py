"""A model's errors as a process to draw from: autocorrelated within units, with variances by unit, as in its residuals.

Residuals are no errors: effects and regressors take a part of them, so that in short panels their autocorrelation is
biased towards −1/(T − 1) and their variances are noisy. Both are corrected by simulation: the autocorrelation is that
whose simulated residuals look like the model's, and the spread of the unit variances is what exceeds their spread in
simulated panels of equal variances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.project.notes import Note, note

GRID = (-0.6, -0.3, 0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92, 0.97)
"""Autocorrelations between which the model's is found; the ends are the limits of what is told apart."""

PANELS = 100
"""Simulated panels for each of them."""

MOST_NUMBERS = 1_000_000
"""Rows × panels for each of them, beyond which there are fewer panels: long ones need not as many."""


@dataclass(frozen=True)
class ErrorProcess:
    """Normal errors of a fit's rows: autoregressive within units along the years, independent between units.

    Attributes
    ----------
    rho : autocorrelation from one year to the next, whatever the panel's lags count; 0 where each unit has one row.
    scale : (units,) standard deviations, their squares of mean one. units : (m,) codes into it.
    place : (m,) position of each row in the sorted `years`, of the periods that occur.
    lift : (rows,) from the rows of the fit to the m distinct rows (stacked regressions use some twice).
    root : (rows,) what the estimator multiplies outcomes by; None: nothing.
    """

    rho: float
    scale: FloatArray
    units: IntArray
    place: IntArray
    years: FloatArray
    lift: IntArray
    root: FloatArray | None

    @property
    def repeated(self) -> bool:
        """Whether units have several rows."""
        return self.units.size > self.scale.size

    @property
    def note(self) -> Note:
        """What is drawn."""
        return note("errors_autocorrelated", rho=self.rho) if self.repeated else note("errors_of_one_variance")

    def draw(self, panels: int, rng: np.random.Generator) -> FloatArray:
        """(rows, panels) outcomes of the fit's transformed model that consist of errors alone."""
        return self.lifted(self.levels(self.noise(panels, rng), self.rho))

    def noise(self, panels: int, rng: np.random.Generator) -> FloatArray:
        """Independent normal numbers (periods, units, panels)."""
        return rng.standard_normal((self.years.size, self.scale.size, panels))

    def levels(self, noise: FloatArray, rho: float) -> FloatArray:
        """(m, panels) errors from independent normal ones (periods, units, panels)."""
        paths = np.empty_like(noise)
        paths[0] = noise[0]
        for t, gap in enumerate(np.diff(self.years), start=1):
            kept = rho**gap
            paths[t] = kept * paths[t - 1] + np.sqrt(1.0 - kept * kept) * noise[t]
        return np.asarray(paths[self.place, self.units] * self.scale[self.units, None])

    def lifted(self, levels: FloatArray) -> FloatArray:
        """Errors (m, panels) in the fit's rows and metric."""
        rows = levels[self.lift]
        return rows if self.root is None else rows * self.root[:, None]


def error_process(fit: Fit, design: Design, space: Absorbed, rng: np.random.Generator) -> ErrorProcess:
    """The process that the residuals of a least-squares fit look like they came from.

    Where each unit has one row errors are independent and of one variance: the residuals cannot tell more.
    """
    rows, first, lift = np.unique(fit.rows, return_index=True, return_inverse=True)
    units, place = compact(design.unit_codes[rows]), compact(design.period_codes[rows])
    years = np.array(design.periods, dtype=float)[np.unique(design.period_codes[rows])]
    count = int(units.max()) + 1
    plain = ErrorProcess(0.0, np.ones(count), units, place, years, lift.astype(np.intp), space.root)
    if not plain.repeated:
        return ErrorProcess(0.0, plain.scale, units, np.zeros_like(units), years[:1], plain.lift, plain.root)
    root = 1.0 if space.root is None else space.root[first]
    e = fit.residuals[first] / root
    panels = min(PANELS, max(1, MOST_NUMBERS // rows.size))
    noise = rng.standard_normal((years.size, count, panels))

    def left(rho: float) -> FloatArray:
        drawn = plain.lifted(plain.levels(noise, rho))
        residuals = least_squares(fit, space, drawn)[1][first]
        return residuals / (root if np.ndim(root) == 0 else np.asarray(root)[:, None])

    pairs = _neighbours(units, design.times[design.period_codes[rows]])
    seen = float(_autocorrelation(e[:, None], pairs)[0])
    curve = [float(np.mean(_autocorrelation(left(rho), pairs))) for rho in GRID]
    rho = float(np.interp(seen, np.maximum.accumulate(curve), GRID))
    return ErrorProcess(rho, _scales(e, left(rho), units), units, place, years, plain.lift, plain.root)


def least_squares(fit: Fit, space: Absorbed, outcomes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients (k, panels) and residuals (rows, panels) of the fit's regression with other outcomes."""
    assert fit.x is not None
    net = space.residuals(outcomes)
    params = fit.bread @ (fit.x.T @ net)
    return params, net - fit.x @ params


def _neighbours(units: IntArray, times: IntArray) -> IntArray:
    """Later rows of the pairs of one unit that lie nearest on the panel's calendar; rows go by unit, then period."""
    same = units[1:] == units[:-1]
    apart = np.diff(times)
    return np.flatnonzero(same & (apart == apart[same].min())) + 1


def _autocorrelation(residuals: FloatArray, later: IntArray) -> FloatArray:
    """Sum of products of the rows `later` and those before them over the sum of squares, by column."""
    products = np.sum(residuals[later] * residuals[later - 1], axis=0)
    return np.asarray(products / np.sum(residuals**2, axis=0))


def _scales(residuals: FloatArray, equal: FloatArray, units: IntArray) -> FloatArray:
    """Standard deviations of the units: logarithms of mean squares, shrunk by the share that is sampling error.

    `equal` (m, panels) are residuals of panels in which all units have the same variance.
    """
    count = int(units.max()) + 1
    size = np.bincount(units).astype(float)
    drawn = group_sums(equal**2, units) / size[:, None]
    seen = np.bincount(units, weights=residuals**2, minlength=count) / size
    usable = (drawn.mean(axis=1) > 1e-9) & (seen > 1e-12 * seen.mean())
    scale = np.ones(count)
    if usable.sum() < 3:
        return scale
    logs = np.log(drawn[usable])
    gaps = np.log(seen[usable]) - logs.mean(axis=1)
    spread = float(np.var(gaps, ddof=1))
    noise = float(np.mean(np.var(logs, axis=1, ddof=1)))
    kept = max(0.0, 1.0 - noise / spread) if spread > 0 else 0.0
    scale[usable] = np.exp(0.5 * kept * (gaps - gaps.mean()))
    return np.asarray(scale / np.sqrt(np.mean(scale**2)))
