"""Estimate every model of one panel."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("estimate"):
    import pandas as pd

    from ruralpanel.estimate.base.design import build_design
    from ruralpanel.estimate.estimate import estimate
    from ruralpanel.estimate.places.geography import Geography
    from ruralpanel.project.files import sha256_of
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
    by: str,
    seed: int,
    config: str,
    panel: str,
    units: str,
    boundaries: str | None,
    folder: str,
    kept: Kept,
) -> None:
    """Write ``results/models/<model>.json`` for each model that can be estimated; name all others together."""
    frame = pd.read_parquet(panel)
    cross_section = load_units(units)
    geography = Geography(cross_section, boundaries, declared_matrices(weights_matrices), config)
    kept_rows = declared_samples(samples)
    panel_sha256 = sha256_of(panel)
    specs = {values["name"]: ModelSpec.from_dict(values) for values in models}

    def write(spec: ModelSpec, target: Path) -> None:
        design = geography.placed(build_design(spec, frame, cross_section, kept_rows.get(spec.sample), config, by))
        estimate(spec, design, seed, panel_sha256).to_json(target)

    for name, spec, piece in pieces(specs, "models", "model"):
        with piece:
            made_from = {"settings": spec.to_dict(), "sample": samples.get(spec.sample)}
            target = Path(folder) / f"{name}.json"
            kept.piece(name, made_from, [target], partial(write, spec, target))
    kept.only(specs)


if __name__ == "__main__":
    settings = snakemake.params.settings
    read = [*snakemake.params.content, snakemake.input.panel]
    shared = {key: settings[key] for key in ("weights_matrices", "by", "seed")}
    kept = Kept.of(snakemake.rule, snakemake.params.code, read, **shared)
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], settings["config"], content=snakemake.params.content, output=written):
        main(
            **settings,
            panel=snakemake.input.panel,
            units=snakemake.input.units,
            boundaries=next(iter(snakemake.input.boundaries), None),
            folder=Path(snakemake.output[0]).parent,
            kept=kept,
        )
