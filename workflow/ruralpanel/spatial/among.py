"""Weights and positions of some of a design's units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from ruralpanel.spatial.weights import standardised

OF_UNITS = ("coordinates", "weights_matrix")
"""Entries of a design's `extra` with a row per unit."""


def among(extra: Mapping[str, Any], kept: np.ndarray[Any, np.dtype[np.intp]]) -> dict[str, Any]:
    """Entries of `OF_UNITS` for the units at positions `kept`.

    Weights are scaled anew as they were declared; those of k nearest have fewer neighbours where one of them is left
    out, and a unit that loses its last neighbour a row of zeros.
    """
    found: dict[str, Any] = {}
    if "coordinates" in extra:
        found["coordinates"] = extra["coordinates"][kept]
    if "weights_matrix" in extra:
        rest = sparse.csr_array(extra["weights_matrix"][kept][:, kept])
        scale = str((extra.get("weights_about") or {}).get("standardise", "none"))
        found["weights_matrix"] = standardised(rest, scale) if rest.nnz else rest
    return found
