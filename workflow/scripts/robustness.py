"""Ask of every number that claims rest on who carries it and what could undo it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("robustness"):
    from ruralpanel.claims.designs import read_statistics
    from ruralpanel.claims.robustness.checks import Target, check_model
    from ruralpanel.claims.robustness.designs import design_of
    from ruralpanel.claims.robustness.results import read_robustness
    from ruralpanel.claims.robustness.targets import groups_of, table, targets_of
    from ruralpanel.data.named import NamedColumns, PanelFile, read_by_model
    from ruralpanel.estimate.base.model import read_model
    from ruralpanel.estimate.base.model_json import write_results
    from ruralpanel.estimate.places.geography import Geography
    from ruralpanel.project.files import write_frame
    from ruralpanel.project.kept import Kept
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.sections.configuration import Hypothesis
    from ruralpanel.project.sections.data import samples as declared_samples
    from ruralpanel.project.sections.data import weights_matrices as declared_matrices
    from ruralpanel.project.settings import ModelSpec
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
    kept: Kept,
    workers: int = 1,
) -> None:
    """Write ``<folder>/<model>.json`` for each model and ``summary.csv``; all problems are reported together."""
    cross_section = load_units(units)
    geography = Geography(cross_section, boundaries, declared_matrices(weights_matrices), config)
    known = {Path(path).stem: read_model(path) for path in estimates}
    declared = {name: Hypothesis.model_validate({"claim": name, **claim}) for name, claim in claims.items()}
    wanted = targets_of(declared, known, read_statistics("results"), config)
    figures = {panel: PanelFile(file) for panel, file in panels.items()}
    kept_rows = declared_samples(samples)
    written = {str(values["name"]): Path(folder) / f"{values['name']}.json" for values in models}

    def write(values: Mapping[str, Any], read: NamedColumns, targets: Sequence[Target]) -> None:
        spec = ModelSpec.from_dict(values)
        design = design_of(spec, kept_rows, read.frame, geography, by[spec.panel])
        groups = groups_of(cross_section.attributes, design, GROUPS)
        write_results(written[design.spec.name], check_model(design, targets, seed, groups, config))

    by_name = {str(one["name"]): one for one in models}
    for name, values, piece in pieces(by_name, "models", "robustness of model", workers):
        targets, panel = wanted.get(name, ()), str(values["panel"])
        with piece:
            read, made_from = read_by_model(values, figures[panel], samples, weights_matrices, by[panel])
            made_from["targets"] = [{**vars(target), "estimand": target.estimand.model_dump()} for target in targets]
            kept.piece(name, made_from, [written[name]], partial(write, values, read, targets))
    kept.only(written)
    write_frame(Path(folder) / "summary.csv", table([read_robustness(path) for path in written.values()]))


if __name__ == "__main__":
    settings = snakemake.params.settings
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content, seed=settings["seed"])
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], settings["config"], content=snakemake.params.content, output=written):
        main(
            **settings,
            panels={Path(panel).parent.name: panel for panel in snakemake.input.panels},
            estimates=list(snakemake.input.models),
            units=snakemake.input.units,
            boundaries=next(iter(snakemake.input.boundaries), None),
            folder=Path(snakemake.output.summary).parent,
            kept=kept,
            workers=snakemake.threads,
        )
