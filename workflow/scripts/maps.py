"""Draw every declared map; polygons are read once for each projection."""

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("maps"):
    import pandas as pd

    from ruralpanel.estimate.base.model_json import read_results
    from ruralpanel.estimate.places.geography import Geography, read_polygons
    from ruralpanel.output.labels import labels_from_codebook
    from ruralpanel.output.maps.boundaries import load_boundaries
    from ruralpanel.output.maps.build import MapContext, build
    from ruralpanel.output.maps.draw import boundary_note
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
) -> None:
    """Write ``results/maps/<map>.{png,svg,gpkg}``, for clusters ``.csv`` too; all problems are reported together."""
    cross_section = load_units(units)
    names = {unit: cross_section.label(unit, language) for unit in cross_section.ids}
    if boundaries:
        read_polygons(boundaries, cross_section)  # a file that will not do stops all maps, a projection only its own
    shapes = cache(partial(load_boundaries, boundaries or None, units=cross_section))
    geography = Geography(cross_section, boundaries or None, declared_matrices(weights_matrices), config)
    note = boundary_note(boundaries, boundaries_note, language)
    for name, spec, piece in pieces(maps, "maps", "map"):
        with piece:
            model = read_results(f"results/models/{spec['model']}.json") if "model" in spec else None
            folder = f"results/panels/{spec['panel'] if model is None else model['panel']}"
            labels = labels_from_codebook(pd.read_csv(f"{folder}/codebook.csv"), language)
            frame = None if model is not None else pd.read_parquet(f"{folder}/panel.parquet")
            shape = shapes(projection=spec["projection"])
            build(name, spec, MapContext(shape, names, labels, language, note, geography, seed, frame, model))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config, content=snakemake.params.content, output=snakemake.output):
        main(
            maps=snakemake.params.maps,
            weights_matrices=snakemake.params.weights_matrices,
            seed=snakemake.params.seed,
            config=snakemake.params.config,
            units=snakemake.input.units,
            boundaries=snakemake.input.boundaries or "",
            boundaries_note=snakemake.params.boundaries_note,
            language=snakemake.params.language,
        )
