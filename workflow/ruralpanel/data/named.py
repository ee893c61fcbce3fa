"""The columns of a panel that settings name: all that a piece of a job is given of it, and is known again by."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.project.breaks import MARK
from ruralpanel.project.files import plain
from ruralpanel.project.kept import Hashes

_ESCAPED = re.compile(r"\\.")
"""A line end or a tab as JSON writes it: its letter is none of the word behind it."""


@dataclass(frozen=True)
class NamedColumns:
    """A panel cut to some of its columns.

    Attributes
    ----------
    frame : ``unit``, ``period``, then variables; all rows of the panel.
    hashes : column → sha256 of what it holds, row by row.
    """

    frame: pd.DataFrame
    hashes: Hashes

    @property
    def sha256(self) -> str:
        """One hash for all columns and their order."""
        return hashlib.sha256(json.dumps(list(self.hashes.items())).encode()).hexdigest()


@dataclass(frozen=True)
class PanelFile:
    """A panel's Parquet file, read once, each column hashed once."""

    path: str | Path

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The whole panel."""
        return pd.read_parquet(self.path)

    def named(self, *settings: Any) -> NamedColumns:
        """The columns of which a name stands anywhere in `settings`, with the steps of breaks that belong to them.

        A word that only looks like a column's name costs nothing but that column. What a piece is given is cut to
        these: it cannot read a figure that its record does not hold.

        Parameters
        ----------
        settings : of the piece and its samples, as plain values: names in terms, formulas and conditions count alike.
        """
        text = _ESCAPED.sub(" ", json.dumps(plain(settings), ensure_ascii=False))
        words = set(re.findall(r"\w+", text))
        names = [str(name) for name in self.frame.columns]
        read = [name for place, name in enumerate(names) if place < 2 or words & {name, name.partition(MARK)[0]}]
        frame = self.frame if read == names else self.frame[read]
        return NamedColumns(frame, Hashes((name, self._hash(name)) for name in read))

    def _hash(self, column: str) -> str:
        if column not in self._hashes:
            self._hashes[column] = _hash(self.frame[column])
        return self._hashes[column]

    @cached_property
    def _hashes(self) -> dict[str, str]:
        return {}


def read_by_model(
    model: Mapping[str, object],
    panel: PanelFile,
    samples: Mapping[str, Mapping[str, object]],
    weights_matrices: Mapping[str, Mapping[str, object]],
    by: str,
) -> tuple[NamedColumns, dict[str, object]]:
    """The columns that a model reads, and everything of the configuration and the panel that its design is made from.

    Parameters
    ----------
    model : its settings. panel : the panel that it names. samples, weights_matrices : declared ones by name.
    by : year or observation: what the period before is on the panel.
    """
    sample, matrix = samples.get(str(model["sample"])), weights_matrices.get(str(model.get("weights_matrix")))
    read = panel.named(model, sample)
    return read, {"settings": model, "sample": sample, "weights_matrix": matrix, "by": by, "figures": read.hashes}


def _hash(column: pd.Series) -> str:
    """Of numbers by their bytes; of texts by each row's place among those that occur."""
    values: np.ndarray[Any, Any] = column.to_numpy()
    texts: list[str] = []
    if values.dtype.kind not in "biuf":
        values, found = pd.factorize(column)
        texts = [str(text) for text in found]
    digest = hashlib.sha256(json.dumps([values.dtype.str, texts], ensure_ascii=False).encode())
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
