"""Sources read by the adapter that they name; its module is imported then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.layouts import format_problems
from ruralpanel.project.problems import UserError, did_you_mean, raise_any
from ruralpanel.project.sidecars import SourceSpec

if TYPE_CHECKING:
    import pandas as pd


def read(source: SourceSpec) -> pd.DataFrame:
    """Read all declared series of a source.

    Parameters
    ----------
    source : SourceSpec
        `files` absolute; without `series` everything found is read.

    Returns
    -------
    pandas.DataFrame
        One row per figure with the columns of `cells.COLUMNS`, values in the measures as published.

    Raises
    ------
    UserError
        One problem per fault in the files, all at once; also where a year that the sidecar declares has no figure.
    """
    if source.adapter not in ADAPTERS:
        raise UserError.at(
            source.name, "adapter", f'"{source.adapter}"', "a known adapter", did_you_mean(source.adapter, ADAPTERS)
        )
    from ruralpanel.data.adapters import cells, grids
    from ruralpanel.data.adapters.series_files import declared_layout, without_use

    formats = {grids.kind(file) for file in source.files if Path(file).is_file()} - {"empty"}
    wrong = format_problems(source.adapter, declared_layout(source), formats, source.name) if formats else []
    raise_any([*wrong, *without_use(source)])
    frame: pd.DataFrame = function(ADAPTERS[source.adapter].read)(source)
    raise_any([*cells.year_problems(frame, source), *cells.share_problems(frame, source)])
    return frame
