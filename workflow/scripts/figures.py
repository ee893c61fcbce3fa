"""Draw every declared chart."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("figures"):
    from ruralpanel.project.kept import Kept, shown_from
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

    def write(name: str, spec: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
        with starting("figures"):  # nothing of it is needed where all charts are kept
            from ruralpanel.output.charts.build import draw
            from ruralpanel.output.results import OutputContext

        cross_section = load_units(units)
        labels = {unit: cross_section.label(unit, language) for unit in cross_section.every}
        attributes, where = cross_section.attributes, f"figures.{name}"
        context = OutputContext(Path("results"), language, attributes, config, where, titles=titles, names=names)
        draw(spec, context, labels, paths)

    for name, spec, piece in pieces(figures, "figures", "figure"):
        paths = {form: Path(f"results/figures/{name}.{form}") for form in ("png", "svg")}
        made_from = {**shown_from(spec, sources[name]["files"]), "titles": sources[name]["titles"]}
        with piece:
            kept.piece(name, made_from, list(paths.values()), partial(write, name, spec, paths))


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
