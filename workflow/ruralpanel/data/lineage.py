"""The cells that a panel's values were read from, and the files of these as they were."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.adapters.pieces import MOST_TEXTS
from ruralpanel.project.files import content_of, of_many_rows
from ruralpanel.project.problems import Problem
from ruralpanel.project.sidecars import SourceSpec

LINEAGE = ("variable", "unit", "period", "source", "series", "measure_from", "measure_to", "factor", "value", "text",
           "file", "sheet", "row", "column", "correction", "break_rule")  # fmt: skip
READ = "sha256"
"""Key of the files that were read (path → sha256) beside the figures of a source, and of the sources in a lineage."""
LABELS = frozenset(LINEAGE) - {"period", "factor", "value", "row"}


def constant(label: str, count: int) -> Any:
    """A column of one label, as categories."""
    return pd.Categorical.from_codes(np.zeros(count, dtype=np.int8), dtype=_of_one(label))


@lru_cache(maxsize=256)
def _of_one(label: str) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(pd.Index([label]), ordered=False)


def as_text(cells: pd.DataFrame) -> pd.DataFrame:
    """The columns `LINEAGE` with labels as text, empty where there is none."""
    texts = {name: pd.array(_texts(cells[name]), dtype="str") for name in sorted(LABELS)}
    return cells.assign(period=cells["period"].astype("int64"), **texts)


def _texts(column: pd.Series) -> np.ndarray[Any, Any]:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype("str").fillna("").to_numpy(dtype=object)
    labels = np.array([*map(str, column.cat.categories.tolist()), ""], dtype=object)
    return labels[column.cat.codes.to_numpy()]


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All cells by variable, unit and period.

    Parameters
    ----------
    tables : columns `LINEAGE`, one table per variable, each by unit and period where it is large.

    Returns
    -------
    pandas.DataFrame
        Labels are text; beyond `pieces.MOST_TEXTS` rows they are categories.
    """
    filled = _by_variable(tables)
    if not filled:
        return pd.DataFrame(columns=list(LINEAGE))
    if sum(map(len, filled)) > MOST_TEXTS:
        return pd.DataFrame({name: _one_below_the_other(filled, name) for name in LINEAGE}, copy=False)
    columns = {
        name: pd.array(np.concatenate([_texts(table[name]) for table in filled]), dtype="str")
        if name in LABELS
        else np.concatenate([table[name].to_numpy() for table in filled])
        for name in LINEAGE
    }
    below = pd.DataFrame(columns).astype({"period": "int64"})
    return below.sort_values(["variable", "unit", "period"], kind="stable", ignore_index=True)


def write(tables: Sequence[pd.DataFrame], path: Path, read: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Write the table of `joined` as Parquet; a large one variable by variable, never whole in memory.

    `read` is kept with it: source → file → sha256, for `files_read`.
    """
    filled = _by_variable(tables)
    import pyarrow as pa
    import pyarrow.parquet as pq

    noted = {READ: json.dumps(read or {}, ensure_ascii=False, sort_keys=True)}
    if sum(map(len, filled)) <= MOST_TEXTS:
        table = pa.Table.from_pandas(joined(filled), preserve_index=False)
        pq.write_table(
            table.replace_schema_metadata({**(table.schema.metadata or {}), **noted}), path, compression="zstd"
        )
        return
    words = pa.dictionary(pa.int32(), pa.string())
    types = {"period": pa.int64(), "row": pa.int32(), "factor": pa.float64(), "value": pa.float64()}
    schema = pa.schema([(name, types.get(name, words)) for name in LINEAGE], metadata=noted)
    kinds = {field.name: "f" if field.type == pa.float64() else "i" if field.name in types else "O" for field in schema}
    options = of_many_rows(kinds, ["variable"])
    rows = options.pop("row_group_size")
    with pq.ParquetWriter(path, schema, compression="zstd", **options) as writer:
        for table in filled:
            arrays = [_array(table[field.name], field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=rows)


def _array(column: pd.Series, kind: Any) -> Any:
    """A column as PyArrow writes it: labels as codes, without a text for each row."""
    import pyarrow as pa

    if column.name not in LABELS:
        return pa.Array.from_pandas(column).cast(kind)
    labels = column.astype("category").cat
    codes = labels.codes.to_numpy()
    texts = pa.array(labels.categories).cast(kind.value_type)
    absent = codes < 0 if codes.min(initial=0) < 0 else None
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=absent), texts)


def kinds(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """What a written lineage says in some columns of `LABELS`, each combination once, in order.

    `cells` is their number. Cells alike that follow each other, as a unit's periods do, are counted before all are
    compared.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    runs = []
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=list(columns), use_threads=False).combine_chunks()
        coded = [table[name].combine_chunks().dictionary_encode() for name in columns]
        codes = [column.indices.fill_null(-1).to_numpy() for column in coded]
        changed = np.append(True, np.any([places[1:] != places[:-1] for places in codes], axis=0))
        starts = np.flatnonzero(changed[: len(table)])
        number = pa.array(np.diff(np.append(starts, len(table))))
        runs.append(pa.table([*(column.take(pa.array(starts)) for column in coded), number], [*columns, "cells"]))
    below = pa.concat_tables(runs).unify_dictionaries()
    below = below.append_column("first", pa.array(np.arange(len(below))))
    counted = below.group_by(list(columns), use_threads=False).aggregate([("cells", "sum"), ("first", "min")])
    in_order = counted.sort_by("first_min").drop_columns("first_min")
    found: pd.DataFrame = in_order.rename_columns([*columns, "cells"]).to_pandas(ignore_metadata=True)
    return found


def named_files(source: SourceSpec) -> dict[str, str]:
    """The files of a source by names that do not depend on where the project lies."""
    return {Path(os.path.relpath(file, os.path.dirname(source.path))).as_posix(): file for file in source.files}


def changed_since(path: Path, sources: Iterable[SourceSpec]) -> list[Problem]:
    """Files of `sources` that hold anything else than what a written lineage was read from."""
    read = files_read(path)
    problems = []
    for source in sources:
        now = named_files(source)
        for name, digest in read.get(source.name, {}).items():
            if name not in now or content_of(now[name]) != digest:
                found = "another content" if name in now else "a file that the source has no more"
                expected = "the file that the results were built from"
                problems.append(Problem(now.get(name, name), "", found, expected, "run snakemake first"))
    return problems


def files_read(path: Path) -> dict[str, dict[str, str]]:
    """Source → file → sha256 of what a written lineage was read from; empty where it does not say."""
    import pyarrow.parquet as pq

    digests: dict[str, dict[str, str]] = json.loads((pq.read_schema(path).metadata or {}).get(READ.encode(), b"{}"))
    return digests


def _by_variable(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    return sorted((table for table in tables if len(table)), key=lambda table: str(table["variable"].iloc[0]))


def _one_below_the_other(tables: Sequence[pd.DataFrame], name: str) -> Any:
    if name in LABELS:
        return pd.api.types.union_categoricals([table[name].astype("category") for table in tables])
    return np.concatenate([table[name].to_numpy() for table in tables])
