"""Test the claims of each family together."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("families"):
    from ruralpanel.claims.robustness.designs import designs_of
    from ruralpanel.claims.robustness.families import run_family
    from ruralpanel.data.named import NamedColumns, PanelFile, read_by_model
    from ruralpanel.estimate.base.model_json import write_results
    from ruralpanel.estimate.places.geography import Geography
    from ruralpanel.project.kept import Kept
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
    kept: Kept,
) -> None:
    """Write ``results/models/families/<family>.json``; all problems of all families are reported together."""
    geography = Geography(load_units(units), boundaries, declared_matrices(weights_matrices), config)
    kept_rows, figures = declared_samples(samples), {panel: PanelFile(file) for panel, file in panels.items()}

    def write(name: str, estimands: Mapping[str, Estimand], read: Mapping[str, NamedColumns], target: Path) -> None:
        specs = [ModelSpec.from_dict(values) for values in models if values["name"] in read]
        designs = designs_of(specs, kept_rows, lambda spec: read[spec.name].frame, geography, by)
        write_results(target, run_family(name, estimands, designs, seed, file=config))

    for name, claims, piece in pieces(families, "families", "family"):
        estimands = {claim: Estimand.model_validate(estimand) for claim, estimand in claims.items()}
        wanted = {estimand.model for estimand in estimands.values()}
        with piece:
            read: dict[str, NamedColumns] = {}
            made_from: dict[str, Any] = {"claims": claims}
            for values in (values for values in models if values["name"] in wanted):
                model, panel = str(values["name"]), str(values["panel"])
                read[model], its = read_by_model(values, figures[panel], samples, weights_matrices, by[panel])
                made_from |= {f"{model}.{key}": value for key, value in its.items()}
            target = Path(folder) / f"{name}.json"
            kept.piece(name, made_from, [target], partial(write, name, estimands, read, target))
    kept.only(families)


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
        )
