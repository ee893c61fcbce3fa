"""The keys of one entry of the configuration's ``maps``; no pandas, for the check before any job.

==========  ================================================================================================
key         meaning (* required)
==========  ================================================================================================
panel*      a panel (not with model)
variables   one row of maps each
periods     one column of maps each (default: the first and the last of the panel)
classes     {method: quantiles (default) | equal | user, number: 5, shared: true, breaks: inner edges of user}
model       a counterfactual, a decomposition or a model with slopes of each unit, in place of panel and variables
terms       with model: what is shown of each unit, one map each (default: all that the model says)
regimes     {first, second, spans, above, labels} in place of variables: which of two things grew where
clusters    {variable, weights_matrix, draws, adjust} in place of variables: neighbours alike (local Moran's I)
palette     sequential (default; of models diverging), or diverging: pale around zero
labels      true (default): names of units on the maps
projection  auto (default; see `ruralpanel.output.maps.boundaries`), or anything PROJ understands
title       above the maps; title_zh in Chinese
note        at the foot; note_zh in Chinese
==========  ================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KEYS = frozenset(
    {
        "panel",
        "variables",
        "model",
        "terms",
        "regimes",
        "clusters",
        "periods",
        "classes",
        "palette",
        "labels",
        "projection",
        "title",
        "title_zh",
        "note",
        "note_zh",
    }
)
IDLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "model": frozenset({"panel", "variables", "regimes", "clusters", "periods"}),
        "regimes": frozenset({"variables", "clusters", "terms", "periods", "classes", "palette"}),
        "clusters": frozenset({"variables", "terms", "classes", "palette"}),
        "variables": frozenset({"terms"}),
    }
)
"""What is shown → keys without a use then; the first of these that an entry has is what it shows."""
CLASS_KEYS = frozenset({"method", "number", "shared", "breaks"})
