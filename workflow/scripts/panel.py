"""Build one panel from the figures of all sources."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("panel"):
    import pandas as pd

    from ruralpanel.data.figures import COLUMNS
    from ruralpanel.data.panel import build, write_panel
    from ruralpanel.project.problems import job
    from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec
    from ruralpanel.project.units import load_units


READ = [name for name in COLUMNS if name not in ("source", "raw_value")]


def main(
    panel: Mapping[str, Any],
    variables: Mapping[str, Mapping[str, Any]],
    series: Mapping[str, Mapping[str, Any]],
    config: str,
    figures: Sequence[str],
    units: str,
    folder: str,
) -> None:
    """Write ``results/panels/<panel>/``: the panel, its codebook, coverage and lineage."""
    result = build(
        PanelSpec(**panel),
        {name: VariableSpec(**values) for name, values in variables.items()},
        {Path(file).stem: pd.read_parquet(file, columns=READ) for file in figures},
        {name: SeriesSpec(**values) for name, values in series.items()},
        load_units(units),
        file=config,
    )
    write_panel(result, folder)


if __name__ == "__main__":
    with job(
        snakemake.log[0], snakemake.params.settings["config"], content=snakemake.params.content, output=snakemake.output
    ):
        main(
            **snakemake.params.settings,
            figures=snakemake.input.figures,
            units=snakemake.input.units,
            folder=Path(snakemake.output[0]).parent,
        )
