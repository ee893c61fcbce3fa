"""Draw every declared map; polygons are read once for each projection."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("maps"):
    from ruralpanel.project.kept import Kept, shown_from
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.sections.data import weights_matrices as declared_matrices
    from ruralpanel.project.units import load_units


def main(
    maps: Mapping[str, Mapping[str, Any]],
    weights_matrices: Mapping[str, Mapping[str, Any]],
    seed: int,
    config: str,
    units: str,
    boundaries: str,
    boundaries_note: str,
    language: str,
    panels: Mapping[str, str],
    kept: Kept,
) -> None:
    """Write ``results/maps/<map>.{png,svg,gpkg}``, for clusters ``.csv`` too; all problems are reported together.

    `panels`: the panel whose units each map shows.
    """

    @cache
    def prepared() -> Callable[..., None]:
        """What all maps need; nothing of it is read where all of them are kept."""
        with starting("maps"):
            import pandas as pd

            from ruralpanel.estimate.base.model import read_model
            from ruralpanel.estimate.places.geography import Geography, read_polygons
            from ruralpanel.output.labels import labels_from_codebook
            from ruralpanel.output.maps.boundaries import load_boundaries
            from ruralpanel.output.maps.build import MapContext, build
            from ruralpanel.output.maps.draw import boundary_note

        cross_section = load_units(units)
        names = {unit: cross_section.label(unit, language) for unit in cross_section.ids}
        if boundaries:
            # a file that will not do stops all maps, a projection only its own
            read_polygons(boundaries, cross_section)
        shapes = cache(partial(load_boundaries, boundaries or None, units=cross_section))
        geography = Geography(cross_section, boundaries or None, declared_matrices(weights_matrices), config)
        note = boundary_note(boundaries, boundaries_note, language)

        def draw(name: str, spec: Mapping[str, Any], codebook: Path, data: Path) -> None:
            model = read_model(data) if "model" in spec else None
            frame = pd.read_parquet(data) if model is None else None
            labels = labels_from_codebook(codebook, language)
            shape = shapes(projection=spec["projection"])
            build(name, spec, MapContext(shape, names, labels, language, note, geography, seed, frame, model))

        return draw

    def write(*piece: Any) -> None:
        prepared()(*piece)

    for name, spec, piece in pieces(maps, "maps", "map"):
        panel = Path("results/panels") / panels[name]
        data = Path(f"results/models/{spec['model']}.json") if "model" in spec else panel / "panel.parquet"
        codebook = panel / "codebook.csv"
        forms = ("png", "svg", "gpkg", *(("csv",) if "clusters" in spec else ()))
        written = [Path(f"results/maps/{name}.{form}") for form in forms]
        with piece:
            made_from = shown_from(spec, [codebook, data])
            kept.piece(name, made_from, written, partial(write, name, spec, codebook, data))
    kept.only(maps)


if __name__ == "__main__":
    shared = {key: snakemake.params[key] for key in ("weights_matrices", "seed", "language", "boundaries_note")}
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content, **shared)
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], snakemake.params.config, content=snakemake.params.content, output=written):
        main(
            maps=snakemake.params.maps,
            config=snakemake.params.config,
            units=snakemake.input.units,
            boundaries=snakemake.input.boundaries or "",
            panels=snakemake.params.panels,
            kept=kept,
            **shared,
        )
