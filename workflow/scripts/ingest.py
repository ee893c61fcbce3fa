"""Read sources: published files → tidy figures with unit ids, repairs applied, and their places kept."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("ingest"):
    from ruralpanel.data.adapters import registry
    from ruralpanel.data.harmonise import harmonise
    from ruralpanel.data.lineage import READ, named_files
    from ruralpanel.project.corrections import load_corrections
    from ruralpanel.project.files import write_parquet
    from ruralpanel.project.kept import Kept
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.sidecars import SourceSpec
    from ruralpanel.project.units import load_units


def main(
    sources: Mapping[str, Mapping[str, Any]],
    units: str,
    corrections: str,
    folder: str | Path,
    content: Mapping[str, str],
    kept: Kept,
    workers: int = 1,
) -> None:
    """Write ``<folder>/<source>.parquet``, with the sha256 of each file that was read."""
    cross_section = load_units(units)
    declared = load_corrections(corrections) if corrections else ()

    def write(spec: SourceSpec, target: Path) -> None:
        figures = harmonise(spec, registry.read(spec), cross_section, declared)
        figures.attrs[READ] = {name: content[file] for name, file in named_files(spec).items()}
        write_parquet(target, figures)

    for name, values, piece in pieces(sources, "sources", "source", workers):
        with piece:
            spec, target = SourceSpec.from_dict(values), Path(folder) / f"{name}.parquet"
            made_from = {"settings": values, "files": {file: content[file] for file in spec.files}}
            kept.piece(name, made_from, [target], partial(write, spec, target))
    kept.only(sources)


if __name__ == "__main__":
    read = [snakemake.input.units, *filter(None, [snakemake.input.get("corrections", "")])]
    kept = Kept.of(snakemake.rule, snakemake.params.code, read) if len(snakemake.output) > 1 else Kept()
    written = [*snakemake.output, *filter(None, [kept.folder])]
    with job(snakemake.log[0], content=snakemake.params.content, output=written):
        main(
            sources=snakemake.params.sources,
            units=snakemake.input.units,
            corrections=snakemake.input.get("corrections", ""),
            folder=Path(snakemake.output[0]).parent,
            content=snakemake.params.content,
            kept=kept,
            workers=snakemake.threads,
        )
