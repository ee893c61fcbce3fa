"""Which keys each method of inference takes, and what holds where a configuration leaves them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ruralpanel.project.problems import Problem, did_you_mean
from ruralpanel.project.settings import InferenceSpec

KINDS = ("vcov", "bootstrap", "randomisation")
"""Keys of which a setting has one; its value is the method."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "classical": {"critical": "t"},
    "hc": {"kind": "HC3", "critical": "t"},
    "cluster": {"by": "unit", "small_sample": "CR1", "critical": None, "count": "nonnested"},
    "driscoll_kraay": {"lag": None, "small_sample": "CR1", "critical": "t"},
    "conley": {"kernel": "bartlett", "lag": None, "small_sample": "unbiased", "critical": None},
    "own": {},
    "akm": {},
    "akm0": {},
    "wild_cluster": {"by": "unit", "draws": 99999, "weights": "rademacher", "interval": True},
    "permutation": {"draws": 9999, "over": "units", "scheme": "freedman_lane"},
    "treatment": {},
}
"""Options of each method; None: the method decides (docs/inference.md)."""

FURTHER: dict[str, tuple[str, ...]] = {
    "own": ("critical",),
    "conley": ("cutoff_km",),
    "wild_cluster": ("subcluster", "theta"),
    "treatment": ("draws",),
}
"""Keys without a default."""

REQUIRED = {"conley": ("cutoff_km",)}
"""Keys that a method cannot do without."""

_ALL = frozenset(key for keys in (*DEFAULTS.values(), *FURTHER.values()) for key in keys)

SMALL_SAMPLE = {
    "cluster": ("CR0", "CR1", "CR2", "CR3"),
    "driscoll_kraay": ("CR1", "residual_df", "none"),
    "conley": ("unbiased", "CR1", "none"),
}
"""Values of ``small_sample`` by method."""

CRITICAL = {"classical": ("t",), "driscoll_kraay": ("t",), "hc": ("t", "normal"), "own": ("t", "normal")}
"""Values of ``critical`` by method, where they are not all that there are."""

DEFAULT_SETTINGS: tuple[dict[str, Any], ...] = (
    {"vcov": "cluster", "by": "unit", "small_sample": "CR1", "critical": "t"},
    {"bootstrap": "wild_cluster", "by": "unit", "draws": 99999, "weights": "rademacher", "interval": True},
    {"vcov": "cluster", "by": "unit", "small_sample": "CR2", "critical": "satterthwaite"},
)


def method_of(setting: Mapping[str, Any]) -> str:
    """The method that a setting names."""
    return str(next(setting[kind] for kind in KINDS if kind in setting))


def setting_words(setting: InferenceSpec) -> str:
    """A setting as the configuration writes it: ``{vcov: cluster, by: unit}``."""
    kind = {"wild_cluster": "bootstrap", "permutation": "randomisation", "treatment": "randomisation"}
    pairs = {kind.get(setting.method, "vcov"): setting.method, **setting.options}

    def text(value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(str, value))}]"
        if isinstance(value, float):
            return f"{value:g}"
        return str(value).lower() if isinstance(value, bool) else str(value)

    return "{" + ", ".join(f"{key}: {text(value)}" for key, value in pairs.items()) + "}"


def inference_spec(setting: Mapping[str, Any]) -> InferenceSpec:
    """A setting of the configuration with its defaults.

    Clustered CR2 and Conley's unbiased variances go with Satterthwaite's degrees of freedom, others with t.
    """
    method = method_of(setting)
    options = {**DEFAULTS[method], **{key: value for key, value in setting.items() if key not in KINDS}}
    if method in ("cluster", "conley") and options["critical"] is None:
        options["critical"] = "satterthwaite" if options["small_sample"] in ("CR2", "unbiased") else "t"
    return InferenceSpec(method=method, options={key: value for key, value in options.items() if value is not None})


def inference_problems(raw: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """Keys and values that a setting's method does not know, in the defaults and in every model."""
    places = {"defaults": raw.get("defaults")}
    models = raw.get("models")
    places |= {f"models.{name}": model for name, model in models.items()} if isinstance(models, Mapping) else {}
    for place, holder in places.items():
        settings = holder.get("inference") if isinstance(holder, Mapping) else None
        for i, setting in enumerate(settings if isinstance(settings, list) else ()):
            if isinstance(setting, Mapping) and sum(kind in setting for kind in KINDS) == 1:
                yield from _setting_problems(setting, f"{place}.inference[{i}]", file)


def _setting_problems(setting: Mapping[str, Any], where: str, file: str) -> Iterator[Problem]:
    method = method_of(setting)
    if method not in DEFAULTS:
        return
    known = (*DEFAULTS[method], *FURTHER.get(method, ()))
    misspelt = [str(key) for key in setting if key not in KINDS and key not in _ALL]
    for key in setting:
        if key in _ALL and key not in known:
            expected = f"keys of {method}: {', '.join(known) or 'none'}"
            fix = did_you_mean(str(key), known) or f"remove {key}"
            yield Problem(file, f"{where}.{key}", f'"{key}" with method {method}', expected, fix)
    for key in REQUIRED.get(method, ()):
        if key not in setting and not did_you_mean(key, misspelt).startswith("did you mean"):
            yield Problem(file, where, f"{method} without {key}", f"{key}, which {method} needs")
    for key, values in (("small_sample", SMALL_SAMPLE), ("critical", CRITICAL)):
        wanted, allowed = setting.get(key), values.get(method)
        if allowed and wanted is not None and wanted not in allowed:
            found, expected = f'"{wanted}" with method {method}', f"one of: {', '.join(allowed)}"
            yield Problem(file, f"{where}.{key}", found, expected)
