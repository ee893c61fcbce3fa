"""Draw every declared chart."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("figures"):
    from ruralpanel.output.charts.build import draw
    from ruralpanel.output.results import OutputContext
    from ruralpanel.project.kept import Kept
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.units import load_units


def main(
    figures: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    names: Mapping[str, str],
    units: str,
    language: str,
    config: str,
    sources: Mapping[str, Mapping[str, Any]],
    kept: Kept,
) -> None:
    """Write ``results/figures/<figure>.{png,svg}``; all problems of all charts are reported together.

    `sources`: by figure, the ``files`` and ``titles`` that it is drawn from.
    """
    cross_section = load_units(units)
    labels = {unit: cross_section.label(unit, language) for unit in cross_section.every}
    context = OutputContext(Path("results"), language, cross_section.attributes, config, titles=titles, names=names)
    for name, spec, piece in pieces(figures, "figures", "figure"):
        paths = {form: Path(f"results/figures/{name}.{form}") for form in ("png", "svg")}
        files = {file: Path(file) for file in sources[name]["files"]}
        made_from = {"settings": spec, "files": files, "titles": sources[name]["titles"]}
        with piece:
            make = partial(draw, name, spec, replace(context, where=f"figures.{name}"), labels, paths)
            kept.piece(name, made_from, list(paths.values()), make)


if __name__ == "__main__":
    shared = {"language": snakemake.params.language, "names": snakemake.params.names}
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content, **shared)
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], snakemake.params.config, content=snakemake.params.content, output=written):
        main(
            figures=snakemake.params.figures,
            titles=snakemake.params.titles,
            names=snakemake.params.names,
            units=snakemake.input.units,
            language=snakemake.params.language,
            config=snakemake.params.config,
            sources=snakemake.params.sources,
            kept=kept,
        )
