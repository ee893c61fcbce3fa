"""Build panels from the figures of all sources."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("panel"):
    import pandas as pd

    from ruralpanel.data.figures import COLUMNS
    from ruralpanel.data.panel import build, write_panel
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec
    from ruralpanel.project.units import load_units


READ = [name for name in COLUMNS if name not in ("source", "raw_value")]


def main(
    panels: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, Mapping[str, Any]],
    series: Mapping[str, Mapping[str, Any]],
    config: str,
    figures: Sequence[str],
    units: str,
    folder: str | Path,
    workers: int = 1,
) -> None:
    """Write ``<folder>/<panel>/``: each panel, how its columns vary, its coverage and lineage."""
    read = {Path(file).stem: pd.read_parquet(file, columns=READ) for file in figures}
    declared = {name: VariableSpec(**values) for name, values in variables.items()}
    measured, cross_section = {name: SeriesSpec(**values) for name, values in series.items()}, load_units(units)
    for name, values, piece in pieces(panels, "panels", "panel", workers):
        with piece:
            result = build(PanelSpec(**values), declared, read, measured, cross_section, file=config)
            write_panel(result, Path(folder) / name)


if __name__ == "__main__":
    with job(
        snakemake.log[0], snakemake.params.settings["config"], content=snakemake.params.content, output=snakemake.output
    ):
        main(
            **snakemake.params.settings,
            figures=snakemake.input.figures,
            units=snakemake.input.units,
            folder=Path(snakemake.output[0]).parents[1],
            workers=snakemake.threads,
        )
