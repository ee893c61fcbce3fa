"""Estimate every model."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("estimate"):
    from ruralpanel.data.named import NamedColumns, PanelFile, read_by_model
    from ruralpanel.estimate.base.design import build_design
    from ruralpanel.estimate.estimate import estimate
    from ruralpanel.estimate.places.geography import Geography
    from ruralpanel.project.kept import Kept
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.sections.data import samples as declared_samples
    from ruralpanel.project.sections.data import weights_matrices as declared_matrices
    from ruralpanel.project.settings import ModelSpec
    from ruralpanel.project.units import load_units


def main(
    models: Sequence[Mapping[str, Any]],
    samples: Mapping[str, Mapping[str, Any]],
    weights_matrices: Mapping[str, Mapping[str, Any]],
    by: Mapping[str, str],
    seed: int,
    config: str,
    panels: Mapping[str, str],
    units: str,
    boundaries: str | None,
    folder: str,
    kept: Kept,
    workers: int = 1,
) -> None:
    """Write ``results/models/<model>.json`` for each model that can be estimated; name all others together."""
    figures = {panel: PanelFile(file) for panel, file in panels.items()}
    cross_section = load_units(units)
    geography = Geography(cross_section, boundaries, declared_matrices(weights_matrices), config)
    kept_rows = declared_samples(samples)
    specs = {values["name"]: ModelSpec.from_dict(values) for values in models}

    def write(spec: ModelSpec, read: NamedColumns, target: Path) -> None:
        design = build_design(spec, read.frame, cross_section, kept_rows.get(spec.sample), config, by[spec.panel])
        estimate(spec, geography.placed(design), seed, read.sha256).to_json(target)

    for name, spec, piece in pieces(specs, "models", "model", workers):
        with piece:
            read, made_from = read_by_model(
                spec.to_dict(), figures[spec.panel], samples, weights_matrices, by[spec.panel]
            )
            target = Path(folder) / f"{name}.json"
            kept.piece(name, made_from, [target], partial(write, spec, read, target))
    kept.only(specs)


if __name__ == "__main__":
    settings = snakemake.params.settings
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content, seed=settings["seed"])
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], settings["config"], content=snakemake.params.content, output=written):
        main(
            **settings,
            panels={Path(panel).parent.name: panel for panel in snakemake.input.panels},
            units=snakemake.input.units,
            boundaries=next(iter(snakemake.input.boundaries), None),
            folder=Path(snakemake.output[0]).parent,
            kept=kept,
            workers=snakemake.threads,
        )
