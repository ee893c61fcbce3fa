"""Draw every declared map; polygons are read once for each projection."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ruralpanel.contracts.problems import all_together
from ruralpanel.contracts.units import load_units
from ruralpanel.jobs import job
from ruralpanel.labels import labels_from_codebook
from ruralpanel.maps.draw import boundary_note, draw, draw_regimes
from ruralpanel.maps.geometry import load_boundaries
from ruralpanel.maps.of_model import draw_model


def main(
    maps: Mapping[str, Mapping[str, Any]], units: str, boundaries: str, boundaries_note: str, language: str
) -> None:
    """Write ``results/maps/<map>.{png,svg}``; all problems of all maps are reported together."""
    cross_section = load_units(units)
    names = {unit: cross_section.label(unit, language) for unit in cross_section.ids}
    shapes = {
        projection: load_boundaries(boundaries, projection) for projection in {m["projection"] for m in maps.values()}
    }
    note = boundary_note(boundaries, boundaries_note, language)
    with all_together() as separately:
        for name, spec in maps.items():
            paths = {form: f"results/maps/{name}.{form}" for form in ("png", "svg")}
            shape = shapes[spec["projection"]]
            model = json.loads(Path(f"results/models/{spec['model']}.json").read_text()) if "model" in spec else None
            folder = f"results/panels/{spec['panel'] if model is None else model['panel']}"
            labels = labels_from_codebook(pd.read_csv(f"{folder}/codebook.csv"), language)
            with separately():
                if model is not None:
                    draw_model(name, spec, model, labels, shape, names, paths, language, note)
                    continue
                frame = pd.read_parquet(f"{folder}/panel.parquet")
                if "regimes" in spec:
                    draw_regimes(name, spec, frame, shape, names, paths, language, note)
                else:
                    draw(name, spec, frame, labels, shape, names, paths, language, note)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            maps=snakemake.params.maps,
            units=snakemake.input.units,
            boundaries=snakemake.input.boundaries,
            boundaries_note=snakemake.params.boundaries_note,
            language=snakemake.params.language,
        )
