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
    from ruralpanel.output.maps.clusters import draw_clusters, find_clusters
    from ruralpanel.output.maps.draw import boundary_note, draw, draw_regimes
    from ruralpanel.output.maps.of_models import draw_model, draw_slopes
    from ruralpanel.project.files import write_frame
    from ruralpanel.project.kinds.estimators import ESTIMATORS
    from ruralpanel.project.problems import job, pieces
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
    """Write ``results/maps/<map>.{png,svg}``, for clusters ``.csv`` too; all problems are reported together."""
    cross_section = load_units(units)
    names = {unit: cross_section.label(unit, language) for unit in cross_section.ids}
    read_polygons(boundaries, cross_section)  # a file that will not do stops all maps, a projection only its own
    shapes = cache(partial(load_boundaries, boundaries, units=cross_section))
    geography = Geography(cross_section, boundaries, weights_matrices, config)
    note = boundary_note(boundaries, boundaries_note, language)
    for name, spec, piece in pieces(maps, "maps", "map"):
        paths = {form: f"results/maps/{name}.{form}" for form in ("png", "svg")}
        with piece:
            shape = shapes(projection=spec["projection"])
            model = read_results(f"results/models/{spec['model']}.json") if "model" in spec else None
            folder = f"results/panels/{spec['panel'] if model is None else model['panel']}"
            labels = labels_from_codebook(pd.read_csv(f"{folder}/codebook.csv"), language)
            if model is not None:
                slopes = ESTIMATORS[model["estimator"]].of_units == "slopes"
                drawn = draw_slopes if slopes else draw_model
                drawn(name, spec, model, labels, shape, names, paths, language, note)
                continue
            frame = pd.read_parquet(f"{folder}/panel.parquet")
            if "clusters" in spec:
                found = find_clusters(name, spec, frame, geography, seed, f"maps.{name}")
                draw_clusters(name, spec, found, sorted(set(frame["unit"])), shape, names, paths, language, note)
                write_frame(f"results/maps/{name}.csv", found.table)
            elif "regimes" in spec:
                draw_regimes(name, spec, frame, shape, names, paths, language, note)
            else:
                draw(name, spec, frame, labels, shape, names, paths, language, note)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config, content=snakemake.params.content, output=snakemake.output):
        main(
            maps=snakemake.params.maps,
            weights_matrices=snakemake.params.weights_matrices,
            seed=snakemake.params.seed,
            config=snakemake.params.config,
            units=snakemake.input.units,
            boundaries=snakemake.input.boundaries,
            boundaries_note=snakemake.params.boundaries_note,
            language=snakemake.params.language,
        )
