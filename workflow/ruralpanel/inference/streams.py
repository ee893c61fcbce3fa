"""Random streams that depend on names, not on the order in which models run."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *labels: str) -> np.random.Generator:
    """A generator for `seed` and the labels (model, method, term): the same in every process and on every machine."""
    words = [int(seed) & 0xFFFFFFFF, int(seed) >> 32 & 0xFFFFFFFF]
    for label in labels:
        digest = hashlib.sha256(label.encode()).digest()
        words += [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))
