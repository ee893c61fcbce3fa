"""Simulated designs of the shipped panels' size without any effect: what `bench_size.py` and its test run through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, FloatArray, Further
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import covariance
from ruralpanel.estimate.inference.error_process import least_squares
from ruralpanel.estimate.inference.size_kernels import Outcomes
from ruralpanel.estimate.places.weights import great_circle_km

UNITS, PERIODS = 31, 8
COORDINATES = np.random.default_rng(0).uniform((80.0, 22.0), (125.0, 48.0), (UNITS, 2))
"""Longitudes and latitudes of made-up provinces of a country of China's size."""

LENGTH_KM = 1000.0
"""Distance at which the correlation of neighbours has fallen to exp(−1)."""

Draw = Callable[[np.random.Generator], FloatArray]
DrawErrors = Callable[[np.random.Generator, int, FloatArray], FloatArray]


@dataclass(frozen=True)
class Case:
    """One design; the last regressor is tested.

    Attributes
    ----------
    regressors : generator → (units, periods, k), drawn anew for every set of panels. errors : generator, panels and the
    regressors → (units, periods, panels). treated : units under treatment from the middle on; 0: no policy.
    """

    words: str
    regressors: Draw
    errors: DrawErrors
    treated: int = 0

    def outcomes(self, rng: np.random.Generator, panels: int) -> Outcomes:
        """A set of panels with the same regressors and other errors."""
        x = self.regressors(rng)
        units, periods, k = x.shape
        y = self.errors(rng, panels, x).reshape(units * periods, panels)
        extra = Further(coordinates=COORDINATES[:units])
        if self.treated:
            dates = np.where(np.arange(units) < self.treated, periods // 2, np.nan)
            extra = replace(extra, first_treated=np.repeat(dates, periods))
        panel = periods > 1
        design = design_from_arrays(
            y[:, 0],
            x.reshape(units * periods, k),
            np.repeat([f"{i:03d}" for i in range(units)], periods),
            np.tile(np.arange(periods), units) if panel else None,
            estimator="fe" if panel else "pooled",
            effects=("unit", "period") if panel else (),
            extra=extra,
        )
        return outcomes_of(design, y)


def outcomes_of(design: Design, y: FloatArray) -> Outcomes:
    """Results of the design's regression for the columns of `y` (rows, panels)."""
    found = fit(design)
    space = covariance.space_of(found, design)
    return Outcomes(found, design, space, *least_squares(found, space, y[found.rows]))


def paths(rng: np.random.Generator, rho: float, units: int, periods: int, panels: int) -> FloatArray:
    """(units, periods, panels) stationary AR(1) paths of variance one, independent between units."""
    noise = rng.standard_normal((units, periods, panels))
    for t in range(1, periods):
        noise[:, t] = rho * noise[:, t - 1] + np.sqrt(1.0 - rho * rho) * noise[:, t]
    return noise


def continuous(rho: float, spread: float = 0.0, units: int = UNITS, periods: int = PERIODS) -> Case:
    """AR(1) regressor and errors; `spread`: log standard deviation of the units' scale, the regressor's and errors'."""

    def regressors(rng: np.random.Generator) -> FloatArray:
        return paths(rng, rho, units, periods, 1) * np.exp(0.5 * spread * rng.standard_normal((units, 1, 1)))

    def errors(rng: np.random.Generator, panels: int, x: FloatArray) -> FloatArray:
        scale = np.exp(spread * rng.standard_normal((units, 1, panels)))
        return paths(rng, rho, units, periods, panels) * scale

    unequal = f"; units' errors of unequal size (log s.d. {spread:g}), the regressor's too ({0.5 * spread:g})"
    return Case(f"regressor and errors AR(1) {rho:g}{unequal if spread else ''}", regressors, errors)


def policy(treated: int, noisier: float = 1.0, rho: float = 0.5, units: int = UNITS, periods: int = PERIODS) -> Case:
    """Some units are under treatment from the middle of the sample; their errors are `noisier` times as large."""

    def regressors(rng: np.random.Generator) -> FloatArray:
        under = (np.arange(units)[:, None] < treated) & (np.arange(periods) >= periods // 2)
        return under.astype(float)[:, :, None]

    def errors(rng: np.random.Generator, panels: int, x: FloatArray) -> FloatArray:
        scale = np.where(np.arange(units) < treated, noisier, 1.0)[:, None, None]
        return paths(rng, rho, units, periods, panels) * scale

    unequal = f", those of the treated {noisier:g} times as large" if noisier != 1.0 else ""
    words = f"{treated} of {units} treated from period {periods // 2 + 1} of {periods}, errors AR(1) {rho:g}{unequal}"
    return Case(words, regressors, errors, treated)


def interaction(carried: float, rho: float = 0.5) -> Case:
    """Two regressors and the product of the second with a moderator that one unit has `carried` deviations of."""

    def regressors(rng: np.random.Generator) -> FloatArray:
        moderator = rng.standard_normal(UNITS)
        moderator[0] = carried
        both = paths(rng, rho, UNITS, PERIODS, 2)
        return np.concatenate([both, both[:, :, 1:] * (moderator - moderator.mean())[:, None, None]], axis=2)

    def errors(rng: np.random.Generator, panels: int, x: FloatArray) -> FloatArray:
        return paths(rng, rho, UNITS, PERIODS, panels)

    words = f"AR(1) {rho:g} regressor times a moderator, normal but for one unit at {carried:g}; errors AR(1) {rho:g}"
    return Case(words, regressors, errors)


def common(strength: float, persistence: float, rho: float = 0.5, periods: int = PERIODS) -> Case:
    """Each year has a common shock, to the regressor and to the errors, that units respond to by the same loadings.

    `persistence` : autocorrelation of the shocks. The loadings are quantiles of the normal distribution.
    """
    loading = special.ndtri((np.arange(UNITS) + 0.5) / UNITS)[:, None, None]

    def draw(rng: np.random.Generator, panels: int) -> FloatArray:
        own = paths(rng, rho, UNITS, periods, panels)
        return own + strength * loading * paths(rng, persistence, 1, periods, panels)

    lasting = f"AR(1) {persistence:g}" if persistence else "independent from year to year"
    words = (
        f"regressor and errors AR(1) {rho:g}, each plus {strength:g} times a shock a year of its own ({lasting}) times "
        "a loading that differs between units"
    )
    return Case(words, lambda rng: draw(rng, 1), lambda rng, panels, x: draw(rng, panels))


def spatial(rho: float = 0.5) -> Case:
    """Neighbours' regressors and errors are correlated, by exp(−distance / 1,000 km)."""
    root = np.linalg.cholesky(np.exp(-great_circle_km(COORDINATES, COORDINATES) / LENGTH_KM))

    def draw(rng: np.random.Generator, panels: int) -> FloatArray:
        return np.einsum("ij,jtp->itp", root, paths(rng, rho, UNITS, PERIODS, panels))

    words = f"regressor and errors AR(1) {rho:g}, correlated between units by exp(−distance / {LENGTH_KM:,.0f} km)"
    return Case(words, lambda rng: draw(rng, 1), lambda rng, panels, x: draw(rng, panels))


def cross_section(units: int, spread: float = 0.0, regressors: int = 4) -> Case:
    """One row per unit; with `spread` the errors' scale is exp of `spread` times the regressor tested."""

    def errors(rng: np.random.Generator, panels: int, x: FloatArray) -> FloatArray:
        return rng.standard_normal((units, 1, panels)) * np.exp(spread * x[:, :, -1:])

    unequal = f", scale exp({spread:g} x)" if spread else ""
    words = f"cross-section of {units}, {regressors} normal regressors; errors normal{unequal}"
    return Case(words, lambda rng: rng.standard_normal((units, 1, regressors)), errors)


DESIGNS: dict[str, Case] = {
    "a .5": continuous(0.5),
    "a .8": continuous(0.8),
    "a .5 het": continuous(0.5, 0.7),
    "a .8 het": continuous(0.8, 0.7),
    "b 12": policy(12),
    "b 12 het": policy(12, noisier=2.0),
    "c 3": policy(3),
    "c 3 het": policy(3, noisier=2.0),
    "d": interaction(5.0),
    "e shocks": common(0.5, 0.0),
    "e lasting": common(0.5, 0.5),
    "e spatial": spatial(),
}
"""31 units × 8 periods, both effects."""

OTHER_PANELS: dict[str, Case] = {
    "31 × 15, 12": policy(12, periods=15),
    "31 × 15, 12, het": policy(12, noisier=2.0, periods=15),
    "31 × 15, a .8": continuous(0.8, periods=15),
    "31 × 15, e shocks": common(0.5, 0.0, periods=15),
    "28": cross_section(28),
    "28 het": cross_section(28, 0.5),
}
"""Other shipped sizes: the Go West series, the cross-sections."""

FEW_PERIODS: dict[str, Case] = {
    f"{periods}: {name}": case
    for periods in (6, 7, 10)
    for name, case in {
        "a .5": continuous(0.5, periods=periods),
        "b 12": policy(12, periods=periods),
        "e shocks": common(0.5, 0.0, periods=periods),
        "e strong": common(1.0, 0.0, periods=periods),
    }.items()
}
"""31 units and few periods: where clusters of years are fewest."""
