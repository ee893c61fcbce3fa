"""Put what the configuration says of each variable beside the numbers of every panel's columns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("codebook"):
    from ruralpanel.output.codebook import codebook
    from ruralpanel.project.files import csv_text, read_rows, write_text
    from ruralpanel.project.problems import job
    from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec


def main(
    panels: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, Mapping[str, Any]],
    series: Mapping[str, Mapping[str, Any]],
    results: str,
) -> None:
    """Write ``<results>/panels/<panel>/codebook.csv`` from the ``columns.csv`` beside it."""
    declared = {name: VariableSpec(**values) for name, values in variables.items()}
    described = {name: SeriesSpec(**values) for name, values in series.items()}
    for name, panel in panels.items():
        folder = Path(results) / "panels" / name
        table = codebook(read_rows(folder / "columns.csv"), declared, PanelSpec(**panel), described)
        write_text(folder / "codebook.csv", csv_text(table))


if __name__ == "__main__":
    with job(snakemake.log[0], output=snakemake.output):
        main(**snakemake.params.settings, results="results")
