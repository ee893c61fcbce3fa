"""Declared dimensions of a specification curve → the regressions to run, and the combinations that are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from ruralpanel.project.sections.configuration import SpecificationCurve

NONE = "none"
"""How the choice of nothing is written: a lever left out, no controls, equal weights."""

Option = str | int | tuple[str, ...] | None
"""One choice: a name, a lag, a set of names, or nothing."""

REPEATED = "variable_twice"
BOTH_SIDES = "outcome_among_regressors"
TWIN = "same_regression"


@dataclass(frozen=True)
class Specification:
    """One regression and the choices that lead to it.

    Attributes
    ----------
    term : the followed coefficient, a factor or a product ``lever:moderator``.
    terms : all regressors, the followed one first; steps of definition breaks are added by the kernel.
    choices : the option taken in each dimension, as written in the results.
    """

    outcome: str
    term: str
    terms: tuple[str, ...]
    sample: str
    effects: tuple[str, ...]
    weights: str | None
    choices: tuple[str, ...]

    @cached_property
    def factors(self) -> tuple[str, ...]:
        """The columns that must be there in every row used: outcome, parts of products, weights."""
        names = [self.outcome, *(part for term in self.terms for part in term.split(":"))]
        return tuple(dict.fromkeys([*names, *([self.weights] if self.weights else [])]))


@dataclass(frozen=True)
class Plan:
    """Specifications in the order of the declaration, the first one the main.

    Attributes
    ----------
    dimensions : dimension → its options as written in `Specification.choices`.
    dropped : combinations left out, by reason.
    """

    dimensions: Mapping[str, tuple[str, ...]]
    specifications: tuple[Specification, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)


def lagged_name(variable: str, lag: int) -> str:
    """What a lag is called that no variable of the configuration declares."""
    return variable if lag == 0 else f"lag({variable}, {lag})"


def levers(curve: SpecificationCurve) -> dict[str, tuple[str | None, ...]]:
    """Lever → its measures, the followed lever first; a term without measures measures itself."""
    declared = {name: tuple(measures or ()) for name, measures in (curve.measures or {}).items()}
    term = curve.term
    followed = declared.pop(term, (term,))
    return {term: tuple(m for m in followed if m is not None), **declared}


def plan(curve: SpecificationCurve, lags: Mapping[tuple[str, int], str] | None = None) -> Plan:
    """Every combination of the declared choices that is a regression of its own.

    Parameters
    ----------
    curve : an entry of ``specification_curves``: ``outcome``, ``term``, ``measures`` (lever → variables, null: left
        out), ``moderator`` (null: none), ``controls`` (sets), ``samples``, ``lags`` (of the followed lever),
        ``effects`` (sets), ``weights`` (null: equal).
    lags : (variable, lag) → the variable that is declared as that lag; others are lagged within the panel.

    Notes
    -----
    A combination is dropped where it names a variable twice, has the outcome on both sides, or repeats an earlier one.
    What the data cannot tell apart is found by the kernel.
    """
    options = _options(curve)
    known = lags or {}
    followed = curve.term
    dropped: dict[str, int] = {}
    specifications: dict[tuple[Any, ...], Specification] = {}
    for taken in product(*options.values()):
        chosen = dict(zip(options, taken, strict=True))
        specification = _specification(chosen, followed, levers(curve), known)
        reason = _contradiction(specification)
        key = (*_key(specification),)
        if reason or key in specifications:
            dropped[reason or TWIN] = dropped.get(reason or TWIN, 0) + 1
            continue
        specifications[key] = specification
    dimensions = {name: tuple(_written(choice) for choice in choices) for name, choices in options.items()}
    return Plan(dimensions, tuple(specifications.values()), dropped)


def _options(curve: SpecificationCurve) -> dict[str, Sequence[Option]]:
    return {
        "outcome": curve.outcome,
        **levers(curve),
        "moderator": curve.moderator or [None],
        "controls": curve.controls or [()],
        "sample": curve.samples or ["all"],
        "lag": curve.lags or [0],
        "effects": curve.effects or [("unit", "period")],
        "weights": curve.weights or [None],
    }


def _specification(
    chosen: Mapping[str, Option],
    followed: str,
    measured: Mapping[str, Sequence[str | None]],
    lags: Mapping[tuple[str, int], str],
) -> Specification:
    variable, lag, weights = str(chosen[followed]), chosen["lag"], chosen["weights"]
    assert isinstance(lag, int)
    lever = lags.get((variable, lag), lagged_name(variable, lag)) if lag else variable
    others = [str(chosen[name]) for name in measured if name != followed and chosen[name] is not None]
    moderator = chosen["moderator"]
    term = f"{lever}:{moderator}" if moderator else lever
    lever_terms = [term, lever] if moderator else [lever]
    return Specification(
        outcome=str(chosen["outcome"]),
        term=term,
        terms=(*lever_terms, *others, *_names(chosen["controls"])),
        sample=str(chosen["sample"]),
        effects=_names(chosen["effects"]),
        weights=None if weights is None else str(weights),
        choices=tuple(_written(choice) for choice in chosen.values()),
    )


def _names(option: Option) -> tuple[str, ...]:
    return option if isinstance(option, tuple) else ()


def _contradiction(specification: Specification) -> str:
    if len(set(map(_sorted_parts, specification.terms))) < len(specification.terms):
        return REPEATED
    if any(specification.outcome in term.split(":") for term in specification.terms):
        return BOTH_SIDES
    return ""


def _key(specification: Specification) -> tuple[Any, ...]:
    terms = frozenset(map(_sorted_parts, specification.terms))
    effects = frozenset(specification.effects)
    return specification.outcome, specification.term, terms, specification.sample, effects, specification.weights


def _sorted_parts(term: str) -> tuple[str, ...]:
    return tuple(sorted(term.split(":")))


def _written(choice: Option) -> str:
    if choice is None or choice == ():
        return NONE
    return " + ".join(choice) if isinstance(choice, tuple) else str(choice)
