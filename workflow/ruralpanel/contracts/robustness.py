"""What the jobs on robustness depend on: curves, families of claims, models that claims rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ruralpanel.contracts.config import Config
from ruralpanel.contracts.logarithms import log_of
from ruralpanel.contracts.places import matrices_of
from ruralpanel.contracts.reads import declared_lags


def curve_settings(config: Config, name: str) -> dict[str, Any]:
    """What one specification curve depends on: its declaration, samples, and variables that are lags of its lever."""
    curve = config.specification_curves[name]
    lags = declared_lags(config.variables)
    measures = [m for m in (curve.get("measures") or {}).get(curve["term"], [curve["term"]]) if m]
    wanted = [(measure, int(lag)) for measure in measures for lag in curve.get("lags") or ()]
    return {
        "name": name,
        "curve": dict(curve),
        "samples": _samples(config, curve.get("samples") or ()),
        "lags": [[measure, lag, lags[measure, lag]] for measure, lag in wanted if (measure, lag) in lags],
        "by": config.panels[curve["panel"]].by,
        "smallest": _smallest_effect(config, name),
        "logs": _logarithms(config, curve["outcome"]),
        "seed": config.seed,
        "config": config.file,
    }


def _smallest_effect(config: Config, curve: str) -> dict[str, Any]:
    """What the curve declares, in standard deviations of the outcome, else what the claim that it belongs to does."""
    own = config.specification_curves[curve].get("smallest_effect")
    if own is not None:
        return {"sd_of_outcome": float(own)}
    for claim in config.hypotheses.values():
        if claim.get("robustness") == curve:
            declared = dict(claim.get("smallest_effect") or {})
            declared.pop(
                "value", None
            )  # in units of one model's coefficient: specifications measure the lever otherwise
            return declared
    return {}


def _logarithms(config: Config, outcomes: Iterable[str]) -> list[str]:
    known = config.variables
    return [name for name in outcomes if name in known and log_of(known[name].formula, known) is not None]


def families(config: Config) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Family → claim → its estimand (empty where none is declared)."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, claim in config.hypotheses.items():
        if claim.get("family"):
            found.setdefault(str(claim["family"]), {})[name] = dict(claim.get("estimand") or {})
    return found


def family_settings(config: Config) -> dict[str, Any]:
    """What the families depend on."""
    return {"families": families(config), **_models(config, family_models(config))}


def family_models(config: Config) -> tuple[str, ...]:
    """Models that the families' claims rest on."""
    estimands = [estimand for claims in families(config).values() for estimand in claims.values()]
    return tuple(dict.fromkeys(str(e["model"]) for e in estimands if e.get("model") in config.models))


def claimed_models(config: Config) -> tuple[str, ...]:
    """Models that claims rest on or show beside, in the order of the configuration."""
    named = {
        str(estimand.get("model"))
        for claim in config.hypotheses.values()
        for estimand in [claim.get("estimand") or {}, *(claim.get("others") or ())]
    }
    return tuple(name for name in config.models if name in named)


def robustness_settings(config: Config) -> dict[str, Any]:
    """What the robustness of the claims' models depends on."""
    claims = {name: dict(claim) for name, claim in config.hypotheses.items()}
    return {"claims": claims, **_models(config, claimed_models(config))}


def panels_of(config: Config, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Panels that the models of some settings are estimated on."""
    return tuple(dict.fromkeys(str(model["panel"]) for model in settings["models"]))


def _models(config: Config, names: Iterable[str]) -> dict[str, Any]:
    models = [config.models[name] for name in dict.fromkeys(names)]
    return {
        "models": [model.to_dict() for model in models],
        "samples": _samples(config, [model.sample for model in models]),
        "weights_matrices": matrices_of(config, models),
        "by": {model.panel: config.panels[model.panel].by for model in models},
        "seed": config.seed,
        "config": config.file,
    }


def _samples(config: Config, names: Any) -> dict[str, Any]:
    return {name: dict(config.samples[name]) for name in sorted(set(names) & set(config.samples))}
