"""The kinds of figure that come from the configuration and the keys of each; no pandas, for the check before any job.

Every kind takes ``title``, ``title_zh``, ``note``, ``note_zh``, and, but for scorecard, ``labels`` and ``labels_zh``
(variable, term or model → words).

===================  =======================================================================================
kind                 keys (* required)
===================  =======================================================================================
coefficients         models*. term*: a term, or model → term. group: outcome (default), panel, estimator or
                     none. smallest_effect: half-width of the grey band around zero.
marginal_effect      model*. of, over (default: the model's first marginal effect). theory: true puts the curve of
                     the two-region model beside it.
event_study          models*: one series each, the same reference period; by event time where dates are staggered.
series               panel*, variables*: one row of charts each. by: an attribute of the units (default
                     none). log: false (default) or true, a logarithmic scale.
scorecard            file (default results/scorecard.json).
specification_curve  curve*: all its specifications, in standardised units.
waterfall            model*: a decomposition.
sensitivity          model*, term*: contours of the estimate over the strength of an omitted variable.
leave_one_out        model*, term*. over: unit (default) or period.
power                models*, term*: a number that claims name, or model → number or
                     numbers. Power over multiples of δ.
===================  =======================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OF_CLAIMS = frozenset({"sensitivity", "leave_one_out", "power"})
"""Kinds that read results on robustness, which exist for models that claims name."""

COMMON = frozenset({"type", "title", "title_zh", "note", "note_zh", "labels", "labels_zh"})
KEYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "coefficients": frozenset({"models", "term", "group", "smallest_effect"}),
        "marginal_effect": frozenset({"model", "of", "over", "theory"}),
        "event_study": frozenset({"models"}),
        "series": frozenset({"panel", "variables", "by", "log"}),
        "scorecard": frozenset({"file"}),
        "specification_curve": frozenset({"curve"}),
        "waterfall": frozenset({"model"}),
        "sensitivity": frozenset({"model", "term"}),
        "leave_one_out": frozenset({"model", "term", "over"}),
        "power": frozenset({"models", "term"}),
    }
)
IDLE: Mapping[str, frozenset[str]] = MappingProxyType({"scorecard": frozenset({"labels", "labels_zh"})})
"""Keys of `COMMON` that a kind has no use for."""
REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "coefficients": ("models", "term"),
        "marginal_effect": ("model",),
        "event_study": ("models",),
        "series": ("panel", "variables"),
        "scorecard": (),
        "specification_curve": ("curve",),
        "waterfall": ("model",),
        "sensitivity": ("model", "term"),
        "leave_one_out": ("model", "term"),
        "power": ("models", "term"),
    }
)


def keys_of(kind: str) -> frozenset[str]:
    """All keys that a kind of figure has a use for."""
    return KEYS[kind] | (COMMON - IDLE.get(kind, frozenset()))
