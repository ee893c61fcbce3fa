"""Estimate every model of one panel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("estimate"):
    import pandas as pd

    from ruralpanel.estimate.base.design import build_design
    from ruralpanel.estimate.estimate import estimate
    from ruralpanel.estimate.places.geography import Geography
    from ruralpanel.project.files import sha256_of
    from ruralpanel.project.problems import job, pieces
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
) -> None:
    """Write ``results/models/<model>.json`` for each model that can be estimated; name all others together."""
    frame = pd.read_parquet(panel)
    cross_section = load_units(units)
    geography = Geography(cross_section, boundaries, declared_matrices(weights_matrices), config)
    panel_sha256 = sha256_of(panel)
    specs = {values["name"]: ModelSpec.from_dict(values) for values in models}
    for name, spec, piece in pieces(specs, "models", "model"):
        with piece:
            design = geography.placed(build_design(spec, frame, cross_section, samples.get(spec.sample), config, by))
            estimate(spec, design, seed, panel_sha256).to_json(Path(folder) / f"{name}.json")


if __name__ == "__main__":
    with job(
        snakemake.log[0], snakemake.params.settings["config"], content=snakemake.params.content, output=snakemake.output
    ):
        main(
            **snakemake.params.settings,
            panel=snakemake.input.panel,
            units=snakemake.input.units,
            boundaries=next(iter(snakemake.input.boundaries), None),
            folder=Path(snakemake.output[0]).parent,
        )
