"""Munnell's states with the matrix of those that touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import data_sets
import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.project.kinds.estimator_keys import Spatial
from ruralpanel.project.settings import InferenceSpec

OWN = (InferenceSpec("own"),)


@cache
def contiguity() -> np.ndarray[Any, Any]:
    """(48, 48) weights with rows that sum to one, in the order of the design's units (abbreviations)."""
    lines = (Path(__file__).parent / "data" / "states48.gal").read_text(encoding="utf-8").split("\n")
    n = int(lines[0])
    touching = np.zeros((n, n))
    for row in range(n):
        touching[int(lines[1 + 2 * row].split()[0]), [int(j) for j in lines[2 + 2 * row].split()]] = 1.0
    by_name = list(dict.fromkeys(data_sets.table("munnell")[0]["unit"]))
    order = np.argsort(by_name)
    found = touching[np.ix_(order, order)]
    return found / found.sum(axis=1, keepdims=True)


def design(method: str, effects: Sequence[str], weights: np.ndarray[Any, Any] | None = None, **options: Any) -> Design:
    """The states as a spatial model."""
    given = Spatial(weights_matrix="w").changed(**options)
    found = data_sets.design("munnell", "spatial", effects, method=method, options=given, inference=OWN)
    matrix = contiguity() if weights is None else weights
    return replace(found, extra=Further(weights_matrix=sparse.csr_array(matrix)))
