"""Shift-share instruments: made from shares and shocks, with errors by sector, and what drives the estimate.

The instrument of a row is the sum over sectors of its share in the sector times the sector's shock of the period. Rows
with similar shares have similar errors, wherever they lie: the errors of Adão, Kolesár and Morales (2019) count
sectors, not rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.parts import Range, SectorErrors, SectorWeight, ShiftShare
from ruralpanel.estimate.base.results import Design, FloatArray, Named
from ruralpanel.estimate.base.rows import ConfidenceSet, NotAvailable
from ruralpanel.estimate.families.iv import anderson_rubin
from ruralpanel.estimate.families.iv.system import Errors, System
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any

TERM = "shift_share"
"""Name of the instrument that shares and shocks make."""

NORMAL = 1.959963984540054

MIN_SECTORS = {"akm": 20, "akm0": 5}
"""Fewest sectors. Simulated size of a nominal 5 % test, 31 units × 8 periods, errors with a sector component: akm 20 %
with 5 sectors, 11 % with 10, 10 % with 20; akm0 3 to 7 % with any of these."""


@dataclass(frozen=True)
class Exposure:
    """Shares and shocks of the design's rows.

    Attributes
    ----------
    sectors : K names (of the share variables). shares, shocks : (n, K), shocks the same for all units of a period.
    """

    sectors: tuple[str, ...]
    shares: FloatArray
    shocks: FloatArray

    @property
    def sums(self) -> FloatArray:
        """(n,) sums of the shares."""
        return np.asarray(self.shares.sum(axis=1))

    @property
    def complete(self) -> bool:
        """Whether every row's shares sum to one."""
        return bool(np.abs(self.sums - 1.0).max() <= 1e-6)


def exposure_of(design: Design) -> Exposure | None:
    """The design's ``shares`` and ``shocks`` (in `extra`); None where there are none.

    Raises
    ------
    UserError
        Lists of different length, fewer than two sectors, shares outside [0, 1] or summing to more than one, shocks
        that differ between units of a period.
    """
    extra = design.extra
    if not extra.shares and not extra.shocks:
        return None
    where = f"models.{design.spec.name}"
    shares_of, shocks_of = extra.shares.terms, extra.shocks.terms
    if len(shares_of) != len(shocks_of) or len(shares_of) < 2:
        found = f"{len(shares_of)} shares and {len(shocks_of)} shocks"
        expected = "one shock for each share, in the same order, two sectors or more"
        raise UserError(
            Problem(CONFIGURATION, f"{where}.shares", found, expected, "name the shocks in the shares' order")
        )
    shares, shocks = extra.shares.columns, extra.shocks.columns
    problems = []
    for j, name in enumerate(shares_of):
        low, high = float(shares[:, j].min()), float(shares[:, j].max())
        if low < -1e-9 or high > 1.0 + 1e-9:
            found = f'"{name}" from {low:.4g} to {high:.4g}'
            problems.append(Problem(CONFIGURATION, f"{where}.shares", found, "shares between 0 and 1"))
    most = float(shares.sum(axis=1).max())
    if not problems and most > 1.0 + 1e-6:
        expected = "shares that sum to one, or to less where some sector is left out"
        problems.append(Problem(CONFIGURATION, f"{where}.shares", f"shares that sum to {most:.4g}", expected))
    codes = compact(design.period_codes)
    for j, name in enumerate(shocks_of):
        means = np.bincount(codes, weights=shocks[:, j]) / np.bincount(codes)
        apart = np.abs(shocks[:, j] - means[codes])
        if apart.max() > 1e-9 * max(1.0, float(np.abs(shocks[:, j]).max())):
            period = design.periods[design.period_codes[int(np.argmax(apart))]]
            found = f'"{name}", which differs between units in {period}'
            fix = "use a national figure, or a formula such as mean_over_units(…)"
            problems.append(
                Problem(CONFIGURATION, f"{where}.shocks", found, "one number for all units of a period", fix)
            )
    raise_any(problems)
    return Exposure(shares_of, shares, shocks)


def with_instrument(design: Design) -> Design:
    """The design with the shift-share instrument after its other instruments; unchanged without shares."""
    exposure = exposure_of(design)
    others = design.extra.instruments
    if exposure is None or TERM in others.terms:
        return design
    made = np.sum(exposure.shares * exposure.shocks, axis=1)
    instruments = Named((*others.terms, TERM), np.column_stack([*others.columns.T, made]))
    return replace(design, extra=replace(design.extra, instruments=instruments))


@dataclass(frozen=True)
class Sectors:
    """Sums by sector that the errors of Adão, Kolesár and Morales consist of.

    With the instrument net of effects and exogenous regressors regressed on the exposures, a sector's coefficient times
    the exposure-weighted sum of the outcome (`y`) and of the endogenous regressor (`d`), both net, added up over
    periods (shocks of one sector may be correlated over time). `zy`, `zd` : products of the instrument with both.
    """

    y: FloatArray
    d: FloatArray
    zy: float
    zd: float

    @property
    def estimate(self) -> float:
        """The instrumented coefficient."""
        return self.zy / self.zd

    def std_error(self) -> float:
        """AKM's error: sectors' sums at the estimate."""
        return float(np.sqrt(np.sum((self.y - self.estimate * self.d) ** 2)) / abs(self.zd))

    def statistic(self) -> anderson_rubin.Statistic:
        """AKM0's: the same with the null imposed, as a function of the coefficient."""
        one = [np.array([[value]]) for value in (self.y @ self.y, 2.0 * (self.y @ self.d), self.d @ self.d)]
        return anderson_rubin.Statistic(np.array([self.zy]), np.array([self.zd]), *one)

    def confidence_set(self, critical: float = NORMAL**2) -> tuple[anderson_rubin.Interval, ...]:
        """AKM0's set: an interval, two rays or everything."""
        return anderson_rubin.confidence_set(self.statistic(), critical, self.estimate, self.std_error())


def sectors_of(design: Design, system: System) -> Sectors:
    """Sums by sector of a model with one endogenous regressor and no instrument but the shift-share.

    Raises
    ------
    UserError
        Other instruments or endogenous regressors, or more sectors than units (the exposures must be of full rank in
        every period).
    """
    exposure = exposure_of(design)
    where = f"models.{design.spec.name}"
    if exposure is None or len(system.endogenous) != 1 or system.instruments != (TERM,):
        found = f"{len(system.endogenous)} endogenous regressor(s), instruments {', '.join(system.instruments)}"
        raise UserError(Problem(CONFIGURATION, where, found, "one of each, the instrument a shift-share"))
    rows, z = system.rows, system.z_net[:, 0]
    periods = compact(design.period_codes[rows])
    root = np.ones(rows.size) if system.space.root is None else system.space.root
    count = len(exposure.sectors)
    y, d = np.zeros(count), np.zeros(count)
    for period in range(int(periods.max()) + 1):
        here = periods == period
        shares = exposure.shares[rows[here]] * root[here, None]
        columns = shares
        if not exposure.complete:
            rest = (1.0 - exposure.sums[rows[here]]) * root[here]
            columns = np.column_stack([shares, rest])
        used = np.flatnonzero(np.abs(columns).max(axis=0) > 0)
        if scaling.column_rank(columns[:, used]) < used.size:
            found = f"{used.size} sectors and {int(here.sum())} units in one period, or shares that are collinear"
            expected = "more units than sectors, whose shares the data can tell apart"
            reason = note("needs_units_for_sectors", sectors=used.size, n_units=int(here.sum()))
            raise UserError(Problem(CONFIGURATION, f"{where}.shares", found, expected, "merge sectors", reason))
        shocks = np.zeros(columns.shape[1])
        shocks[used] = scaling.least_squares(columns[:, used], z[here])
        y += shocks[:count] * (shares.T @ system.y_net[here])
        d += shocks[:count] * (shares.T @ system.d_net[here, 0])
    return Sectors(y, d, float(z @ system.y_net), float(z @ system.d_net[:, 0]))


def rotemberg(design: Design, system: System, errors: Errors) -> tuple[SectorWeight, ...]:
    """What each sector contributes (Goldsmith-Pinkham, Sorkin and Swift 2020), largest weights first.

    A sector's own instrument is its share times its shock. ``weight``: its share of the first stage, all summing to
    one; ``estimate``: the coefficient that it alone would give, so that the shift-share's is their weighted mean;
    ``first_stage_f`` its own. Where the shares sum to one, shocks count from their period's mean over sectors, without
    which the weights are not defined.
    """
    exposure = exposure_of(design)
    assert exposure is not None
    shocks = exposure.shocks
    if exposure.complete:
        shocks = shocks - shocks.mean(axis=1, keepdims=True)
    root = np.ones((system.n, 1)) if system.space.root is None else system.space.root[:, None]
    parts = system.partial(system.space.residuals((exposure.shares * shocks)[system.rows] * root))
    zy, zd = parts.T @ system.y_net, parts.T @ system.d_net[:, 0]
    total = float(zd.sum())
    slopes = system.w.shape[1] + 1
    entries = []
    for j, sector in enumerate(exposure.sectors):
        column = parts[:, [j]]
        length = float(column[:, 0] @ column[:, 0])
        entry = SectorWeight(sector, float(zd[j]) / total)
        if length > 1e-18 and zd[j] != 0:
            left = system.d_net[:, 0] - column[:, 0] * (float(zd[j]) / length)
            f = float(zd[j] ** 2) / float(errors.cross(column, left, left, slopes)[0, 0])
            entry = replace(entry, estimate=float(zy[j] / zd[j]), first_stage_f=f)
        entries.append(entry)
    return tuple(sorted(entries, key=lambda entry: -abs(entry.weight)))


def report(design: Design, system: System, errors: Errors) -> ShiftShare | None:
    """Exposure, errors by sector and what drives the estimate; None without shares."""
    exposure = exposure_of(design)
    if exposure is None:
        return None
    weights = np.ones(system.n) if system.space.root is None else system.space.root**2
    mean = weights @ exposure.shares[system.rows] / weights.sum()
    sums = exposure.sums[system.rows]
    drivers = rotemberg(design, system, errors)
    akm: SectorErrors | NotAvailable
    try:
        sectors = sectors_of(design, system)
    except UserError as error:
        akm, akm0 = NotAvailable(error.reason), None
    else:
        akm, akm0 = _akm(sectors), _akm0(sectors)
    return ShiftShare(
        sectors=len(exposure.sectors),
        effective_sectors=float(mean.sum() ** 2 / np.sum(mean**2)),
        sum_of_shares=Range(float(sums.min()), float(sums.max())),
        rotemberg=drivers,
        negative_weights=float(sum(min(entry.weight, 0.0) for entry in drivers)),
        akm=akm,
        akm0=akm0,
    )


def _akm(sectors: Sectors) -> SectorErrors | NotAvailable:
    if sectors.y.size < MIN_SECTORS["akm"]:
        return NotAvailable(_too_few(sectors, "akm"))
    std_error = sectors.std_error()
    return SectorErrors(
        std_error=std_error,
        p_value=float(2.0 * special.ndtr(-abs(sectors.estimate / std_error))),
        ci_low=sectors.estimate - NORMAL * std_error,
        ci_high=sectors.estimate + NORMAL * std_error,
    )


def _akm0(sectors: Sectors) -> ConfidenceSet:
    if sectors.y.size < MIN_SECTORS["akm0"]:
        return ConfidenceSet(not_available=_too_few(sectors, "akm0"))
    p_value = float(special.chdtrc(1.0, sectors.statistic().at(0.0)))
    return anderson_rubin.described(sectors.confidence_set(), p_value=p_value)


def _too_few(sectors: Sectors, name: str) -> Note:
    return note("needs_sectors", sectors=sectors.y.size, least=MIN_SECTORS[name])


def notes(design: Design, system: System) -> tuple[Note, ...]:
    """What a reader must know of the shares: whether their sum still moves the instrument."""
    exposure = exposure_of(design)
    if exposure is None or exposure.complete:
        return ()
    codes = compact(design.period_codes[system.rows])
    root = np.ones(system.n) if system.space.root is None else system.space.root
    sums = exposure.sums[system.rows] * root
    by_period = np.zeros((system.n, int(codes.max()) + 1))
    by_period[np.arange(system.n), codes] = sums
    left = system.partial(system.space.residuals(by_period))
    if float(np.abs(left).max()) <= 1e-8 * max(1.0, float(np.abs(sums).max())):
        return ()
    return (note("shares_incomplete"),)
