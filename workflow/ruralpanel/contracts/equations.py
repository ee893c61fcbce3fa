"""Models of several outcomes: a list of outcomes, and which regressors stand in which equation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ruralpanel.contracts.problems import Problem, did_you_mean

SYSTEMS = frozenset({"sur"})
"""Estimators of several outcomes at once."""


def system_problems(raw: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """What is wrong with outcomes and ``equations`` of the models in a configuration as read."""
    models = raw.get("models")
    if not isinstance(models, Mapping):
        return
    for name, model in models.items():
        if isinstance(model, Mapping):
            yield from _model_problems(f"models.{name}", model, file)


def regressors_of(model: Mapping[str, Any]) -> list[str]:
    """The terms of all equations of a model that names none under ``regressors``, in order of appearance."""
    return list(dict.fromkeys(term for terms in (model.get("equations") or {}).values() for term in terms))


def _model_problems(where: str, model: Mapping[str, Any], file: str) -> Iterator[Problem]:
    outcome = model.get("outcome")
    several = isinstance(outcome, list)
    if str(model.get("estimator")) not in SYSTEMS:
        if several:
            fix = f"name one outcome, or use estimator: {', '.join(sorted(SYSTEMS))}"
            yield Problem(file, f"{where}.outcome", f"a list of {len(_texts(outcome))}", "one variable", fix)
        return
    names = _texts(outcome) if several else [str(outcome)]
    if len(set(names)) < max(2, len(names)):
        found = f"the list {', '.join(names)}" if several else f'"{names[0]}"'
        yield Problem(file, f"{where}.outcome", found, "a list of two different outcomes or more")
    equations = model.get("equations") or {}
    if not isinstance(equations, Mapping):
        return
    regressors = _texts(model.get("regressors"))
    if not regressors and not equations:
        yield Problem(file, where, 'no "regressors"', "regressors of all outcomes, or equations for each")
    if not regressors and equations:
        for missing in (name for name in names if name not in equations):
            found = f'no equation for "{missing}"'
            yield Problem(file, f"{where}.equations", found, "one for each outcome where no regressors are named")
    known = [*regressors, *_texts(model.get("controls"))]
    for item, terms in equations.items():
        if item not in names:
            near = did_you_mean(str(item), names)
            yield Problem(file, f"{where}.equations.{item}", f'"{item}"', "one of the model's outcomes", near)
        for term in _texts(terms) if regressors else ():
            if term not in known:
                near = did_you_mean(term, known)
                expected = "a term among regressors and controls"
                yield Problem(file, f"{where}.equations.{item}", f'"{term}"', expected, near)


def _texts(value: Any) -> list[str]:
    """The texts of a list; what is none is for the schema to refuse."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
