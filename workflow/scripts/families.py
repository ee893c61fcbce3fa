"""Test the claims of each family together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("families"):
    from ruralpanel.claims.robustness.designs import designs_of
    from ruralpanel.claims.robustness.families import run_family
    from ruralpanel.estimate.base.model_json import write_results
    from ruralpanel.estimate.places.geography import Geography
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.sections.configuration import Estimand
    from ruralpanel.project.sections.data import samples as declared_samples
    from ruralpanel.project.sections.data import weights_matrices as declared_matrices
    from ruralpanel.project.settings import ModelSpec
    from ruralpanel.project.units import load_units


def main(
    families: Mapping[str, Mapping[str, Mapping[str, Any]]],
    models: Sequence[Mapping[str, Any]],
    samples: Mapping[str, Mapping[str, Any]],
    weights_matrices: Mapping[str, Mapping[str, Any]],
    by: Mapping[str, str],
    seed: int,
    config: str,
    panels: Mapping[str, str],
    units: str,
    boundaries: str | None,
    folder: str | Path,
) -> None:
    """Write ``results/models/families/<family>.json``; all problems of all families are reported together."""
    geography = Geography(load_units(units), boundaries, declared_matrices(weights_matrices), config)
    designs = designs_of(
        [ModelSpec.from_dict(model) for model in models], declared_samples(samples), panels, geography, by
    )
    for name, claims, piece in pieces(families, "families", "family"):
        estimands = {claim: Estimand.model_validate(estimand) for claim, estimand in claims.items()}
        wanted = {estimand.model for estimand in estimands.values()}
        in_family = {model: design for model, design in designs.items() if model in wanted}
        with piece:
            write_results(Path(folder) / f"{name}.json", run_family(name, estimands, in_family, seed, file=config))


if __name__ == "__main__":
    with job(
        snakemake.log[0], snakemake.params.settings["config"], content=snakemake.params.content, output=snakemake.output
    ):
        main(
            **snakemake.params.settings,
            panels={Path(panel).parent.name: panel for panel in snakemake.input.panels},
            units=snakemake.input.units,
            boundaries=next(iter(snakemake.input.boundaries), None),
            folder=Path(snakemake.output[0]).parent,
        )
