"""Ask of every number that claims rest on who carries it and what could undo it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("robustness"):
    from ruralpanel.claims.robustness.checks import check_model
    from ruralpanel.claims.robustness.designs import designs_of
    from ruralpanel.claims.robustness.targets import groups_of, table, targets_of
    from ruralpanel.claims.scorecard import read_statistics
    from ruralpanel.estimate.base.model_json import read_results, write_results
    from ruralpanel.estimate.places.geography import Geography
    from ruralpanel.project.files import write_frame
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.sections.data import weights_matrices as declared_matrices
    from ruralpanel.project.units import load_units

GROUPS = ("region",)


def main(
    claims: Mapping[str, Mapping[str, Any]],
    models: Sequence[Mapping[str, Any]],
    samples: Mapping[str, Mapping[str, Any]],
    weights_matrices: Mapping[str, Mapping[str, Any]],
    by: Mapping[str, str],
    seed: int,
    config: str,
    panels: Mapping[str, str],
    estimates: Sequence[str],
    units: str,
    boundaries: str | None,
    folder: str | Path,
) -> None:
    """Write ``<folder>/<model>.json`` for each model and ``summary.csv``; all problems are reported together."""
    cross_section = load_units(units)
    geography = Geography(cross_section, boundaries, declared_matrices(weights_matrices), config)
    designs = designs_of(models, samples, panels, geography, by)
    known = {Path(path).stem: read_results(path) for path in estimates}
    wanted = targets_of(claims, known, read_statistics("results"), config)
    results = []
    for name, design, piece in pieces(designs, "models", "robustness of model"):
        groups = groups_of(cross_section.attributes, design, GROUPS)
        with piece:
            results.append(check_model(design, wanted.get(name, ()), seed, groups, config))
            write_results(Path(folder) / f"{name}.json", results[-1])
    write_frame(Path(folder) / "summary.csv", table(results))


if __name__ == "__main__":
    with job(
        snakemake.log[0], snakemake.params.settings["config"], content=snakemake.params.content, output=snakemake.output
    ):
        main(
            **snakemake.params.settings,
            panels={Path(panel).parent.name: panel for panel in snakemake.input.panels},
            estimates=list(snakemake.input.models),
            units=snakemake.input.units,
            boundaries=next(iter(snakemake.input.boundaries), None),
            folder=Path(snakemake.output.summary).parent,
        )
