"""Draw every declared chart."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("figures"):
    from ruralpanel.output.charts.build import draw
    from ruralpanel.output.results import OutputContext
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.units import load_units


def main(
    figures: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    names: Mapping[str, str],
    units: str,
    language: str,
    config: str,
) -> None:
    """Write ``results/figures/<figure>.{png,svg}``; all problems of all charts are reported together."""
    cross_section = load_units(units)
    names = {unit: cross_section.label(unit, language) for unit in cross_section.ids}
    context = OutputContext(Path("results"), language, cross_section.attributes, config, titles=titles, names=names)
    for name, spec, piece in pieces(figures, "figures", "figure"):
        paths = {form: f"results/figures/{name}.{form}" for form in ("png", "svg")}
        with piece:
            draw(name, spec, replace(context, where=f"figures.{name}"), names, paths)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config, content=snakemake.params.content, output=snakemake.output):
        main(
            figures=snakemake.params.figures,
            titles=snakemake.params.titles,
            names=snakemake.params.names,
            units=snakemake.input.units,
            language=snakemake.params.language,
            config=snakemake.params.config,
        )
