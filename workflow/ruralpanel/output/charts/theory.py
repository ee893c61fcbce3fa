"""A small two-region model in the spirit of Song, Thisse and Zhu (2012); its equations are not theirs.

Urban incumbents and rural entrepreneurs sell varieties in both places under the demand of Melitz and Ottaviano (2008)
with an additive cost of transport (Ottaviano, Tabuchi and Thisse 2002). Farmers of mass one farm, open a rural firm or
move to the city, where they run a firm like the incumbents'. The technology gap `g` raises the costs of rural firms,
training `k` is what opening one costs, `tau` is the cost of transport between city and countryside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.optimize import brentq

FULL = 1e-9  # nobody is left to farm at 1 - FULL: farm income has a pole there


@dataclass(frozen=True)
class Parameters:
    """Illustrative values; no figure of China enters them.

    Attributes
    ----------
    alpha, gamma, eta : demand (intercept, love of variety, substitution between varieties and the numeraire).
    cost : unit cost of urban firms. gap : how much higher that of rural firms is.
    transport : cost of carrying one unit between the two places.
    training : cost of opening a rural firm. urban_entry : of opening an urban one.
    moving, moving_spread : cost of moving of the most willing farmer, and its spread up to the least willing.
    farm_income, scarcity : farm income at full farm labour, and its elasticity to the share of farmers left.
    incumbents : mass of urban incumbents.
    """

    alpha: float = 2.4
    gamma: float = 0.85
    eta: float = 1.4
    cost: float = 0.20
    gap: float = 0.10
    transport: float = 0.30
    training: float = 0.03
    urban_entry: float = 0.05
    moving: float = 0.25
    moving_spread: float = 3.5
    farm_income: float = 0.13
    scarcity: float = 0.8
    incumbents: float = 2.7


@dataclass(frozen=True)
class Market:
    """Profits of an urban and of a rural firm, and consumer surplus in the city and in the countryside."""

    profit_urban: float
    profit_rural: float
    surplus_urban: float
    surplus_rural: float


@dataclass(frozen=True)
class Equilibrium:
    """Masses of rural entrepreneurs and migrants among farmers of mass one, and what each occupation pays.

    `pattern` is one of: both, industrialisation, urbanisation, neither.
    """

    entrepreneurs: float
    migrants: float
    farm_income: float
    market: Market

    @property
    def pattern(self) -> str:
        """Which of the four patterns the equilibrium is."""
        grows, moves = self.entrepreneurs > 1e-6, self.migrants > 1e-6
        if grows and moves:
            return "both"
        return "industrialisation" if grows else "urbanisation" if moves else "neither"


def market(p: Parameters, entrepreneurs: float, migrants: float) -> Market:
    """Prices, profits and surplus for given masses of firms; firms whose delivered cost is too high stay out."""
    firms = (p.incumbents + migrants, entrepreneurs)
    people = (p.incumbents + migrants, 1.0 - migrants)
    profits = [0.0, 0.0]
    surplus = []
    for place in (0, 1):
        delivered = [p.cost + (r == 1) * p.gap + (r != place) * p.transport for r in (0, 1)]
        active = _active(p, firms, delivered)
        ceiling = _ceiling(p, firms, delivered, active)
        for r in (0, 1):
            if delivered[r] < ceiling:
                profits[r] += people[place] * (ceiling - delivered[r]) ** 2 / (4 * p.gamma)
        surplus.append(_surplus(p, firms, delivered, active, ceiling))
    return Market(profits[0], profits[1], surplus[0], surplus[1])


def _active(p: Parameters, firms: Sequence[float], delivered: Sequence[float]) -> tuple[int, ...]:
    """Suppliers that sell: the cheaper ones first, each next one only if it is below the ceiling of those before."""
    active: tuple[int, ...] = ()
    for r in sorted((0, 1), key=lambda r: delivered[r]):
        if firms[r] > 0 and delivered[r] < (_ceiling(p, firms, delivered, active) if active else p.alpha):
            active = (*active, r)
    return active


def _ceiling(p: Parameters, firms: Sequence[float], delivered: Sequence[float], active: Sequence[int]) -> float:
    number = sum(firms[r] for r in active)
    costs = sum(firms[r] * delivered[r] for r in active)
    return (2 * p.alpha * p.gamma + p.eta * costs) / (2 * p.gamma + p.eta * number)


def _surplus(
    p: Parameters, firms: Sequence[float], delivered: Sequence[float], active: Sequence[int], ceiling: float
) -> float:
    number = sum(firms[r] for r in active)
    if number == 0:
        return 0.0
    prices = [(ceiling + delivered[r]) / 2 for r in active]
    weights = [firms[r] / number for r in active]
    mean = sum(w * price for w, price in zip(weights, prices, strict=True))
    variance = sum(w * (price - mean) ** 2 for w, price in zip(weights, prices, strict=True))
    return 0.5 * (p.alpha - mean) ** 2 / (p.eta + p.gamma / number) + 0.5 * number / p.gamma * variance


def _farm_income(p: Parameters, entrepreneurs: float, migrants: float) -> float:
    return float(p.farm_income * max(1.0 - entrepreneurs - migrants, FULL) ** -p.scarcity)


def entrepreneurs_given(p: Parameters, migrants: float) -> float:
    """Mass of rural firms at which farming pays no less than opening one, for a given mass of migrants."""

    def advantage_of_farming(mass: float) -> float:
        return _farm_income(p, mass, migrants) - (market(p, mass, migrants).profit_rural - p.training)

    most = 1.0 - migrants - FULL
    if most <= 0 or advantage_of_farming(0.0) >= 0:
        return 0.0
    return float(brentq(advantage_of_farming, 0.0, most, xtol=1e-12))


def advantage_of_staying(p: Parameters, migrants: float) -> float:
    """What the farmer who is next to move gains by staying."""
    mass = entrepreneurs_given(p, migrants)
    m = market(p, mass, migrants)
    staying = _farm_income(p, mass, migrants) + m.surplus_rural
    moving = m.profit_urban - p.urban_entry - (p.moving + p.moving_spread * migrants) + m.surplus_urban
    return staying - moving


def solve(p: Parameters) -> Equilibrium:
    """The equilibrium: nested root finding, entrepreneurs within migrants."""
    migrants = 0.0
    if advantage_of_staying(p, 0.0) < 0:
        migrants = float(brentq(lambda m: advantage_of_staying(p, m), 0.0, 1.0 - FULL, xtol=1e-12))
    mass = entrepreneurs_given(p, migrants)
    return Equilibrium(mass, migrants, _farm_income(p, mass, migrants), market(p, mass, migrants))


def effect_of_better_transport(p: Parameters, gaps: Sequence[float], step: float = 0.01) -> list[float]:
    """Change of the mass of rural entrepreneurs per unit of *lower* transport cost, along the technology gap."""
    changes = []
    for gap in gaps:
        low = solve(replace(p, gap=gap, transport=p.transport - step)).entrepreneurs
        high = solve(replace(p, gap=gap, transport=p.transport + step)).entrepreneurs
        changes.append((low - high) / (2 * step))
    return changes
