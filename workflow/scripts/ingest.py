"""Read one source: published files → tidy figures with unit ids, repairs applied, and their places kept."""

from collections.abc import Mapping
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("ingest"):
    from ruralpanel.data.adapters import registry
    from ruralpanel.data.harmonise import harmonise
    from ruralpanel.data.lineage import READ, named_files
    from ruralpanel.project.corrections import load_corrections
    from ruralpanel.project.files import write_parquet
    from ruralpanel.project.problems import job
    from ruralpanel.project.sidecars import SourceSpec
    from ruralpanel.project.units import load_units


def main(source: Mapping[str, Any], units: str, corrections: str, output: str, content: Mapping[str, str]) -> None:
    """Write ``results/ingest/<source>.parquet``, with the sha256 of each file that was read."""
    spec = SourceSpec.from_dict(source)
    declared = load_corrections(corrections) if corrections else ()
    figures = harmonise(spec, registry.read(spec), load_units(units), declared)
    figures.attrs[READ] = {name: content[file] for name, file in named_files(spec).items()}
    write_parquet(output, figures)


if __name__ == "__main__":
    with job(snakemake.log[0], content=snakemake.params.content, output=snakemake.output):
        main(
            source=snakemake.params.source,
            units=snakemake.input.units,
            corrections=snakemake.input.get("corrections", ""),
            output=snakemake.output[0],
            content=snakemake.params.content,
        )
