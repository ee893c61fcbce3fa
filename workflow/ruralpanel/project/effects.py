"""Names of fixed effects: what they are made of, and which a model may ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ruralpanel.project.problems import Problem, unknown

EXPECTED = "unit, period, an attribute of the units, a variable, or several of them as a:b"


def factors(effect: str) -> tuple[str, ...]:
    """What an effect is made of: ``region:period`` → region, period; it has a level for each pair that occurs."""
    return tuple(part.strip() for part in effect.split(":"))


def grouped_by(effects: Iterable[str]) -> frozenset[str]:
    """Attributes and variables that effects are made of."""
    return frozenset(part for effect in effects for part in factors(effect)) - {"unit", "period"}


def involving(name: str, effects: Iterable[str]) -> tuple[str, ...]:
    """The effects that tell apart at least what `name` (unit, period) does: ``period`` and ``region:period``."""
    return tuple(effect for effect in effects if name in factors(effect))


def effect_problems(effects: Sequence[str], known: Collection[str], file: str, where: str) -> Iterator[Problem]:
    """Effects made of what nothing declares, of one thing twice, or of unit and period, which every row has its own of.

    Parameters
    ----------
    known : names of attributes and variables beside unit and period.
    """
    names = {"unit", "period", *known}
    for effect in dict.fromkeys(effects):
        parts = factors(effect)
        for part in dict.fromkeys(parts):
            if part not in names:
                yield unknown(file, where, part, EXPECTED, names)
        if "" not in parts and len(set(parts)) < len(parts):
            yield Problem(file, where, f'"{effect}"', "each name once", f'write "{":".join(dict.fromkeys(parts))}"')
        if {"unit", "period"} <= set(parts):
            fix = "write [unit, period] for effects of both"
            yield Problem(file, where, f'"{effect}", an effect for every row', "effects that several rows share", fix)


def cluster_problem(name: str, known: Collection[str], file: str, where: str) -> Problem | None:
    """What is wrong with the name of a cluster: unit, period and attributes (`known`) are clusters, pairs are not."""
    if name in {"unit", "period", *known}:
        return None
    parts, expected = factors(name), "unit, period or an attribute of the units"
    if len(parts) > 1 and set(parts) <= {"unit", "period", *known}:
        wide = [part for part in parts if part != "period"]
        found = f'"{name}": errors of one unit would count as independent from one period to the next'
        fix = f"write by: {wide[0]}, or by: [{wide[0]}, period] for both dimensions"
        return Problem(file, where, found, expected, fix)
    return unknown(file, where, name, expected, {"unit", "period", *known})
