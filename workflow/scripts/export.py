"""Write every model as scripts of R, Stata and Python, and the panels that they read."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("export"):
    import pandas as pd

    from ruralpanel.estimate.base.model import read_model
    from ruralpanel.output.export.build import Exports, panels_of
    from ruralpanel.output.export.columns import write_panel
    from ruralpanel.output.export.recipe import form_of
    from ruralpanel.output.export.scripts import readme
    from ruralpanel.output.labels import labels_from_codebook
    from ruralpanel.project.files import write_text
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.sections.data import samples as declared_samples
    from ruralpanel.project.settings import ModelSpec
    from ruralpanel.project.units import load_units


def main(
    models: Sequence[Mapping[str, Any]],
    samples: Mapping[str, Mapping[str, Any]],
    by: Mapping[str, str],
    config: str,
    titles: Mapping[str, str],
    language: str,
    units: str,
    results: str,
) -> None:
    """Write ``<results>/export/``."""
    folder, cross_section = Path(results) / "export", load_units(units)
    frames = cache(lambda panel: pd.read_parquet(f"{results}/panels/{panel}/panel.parquet"))
    kept_rows = declared_samples(samples)
    exports = Exports(panels_of(frames, cross_section, by, config))
    specs = {values["name"]: ModelSpec.from_dict(values) for values in models}
    for name, spec, piece in pieces(specs, "models", "scripts of model"):
        with piece:
            result = read_model(f"{results}/models/{name}.json")
            exports.add(spec, cross_section, kept_rows.get(spec.sample), config, result, titles.get(name, name))
    for name, text in exports.files.items():
        write_text(folder / name, text)
    write_text(folder / "README.md", readme(exports.rows))
    for name in dict.fromkeys(spec.panel for spec in specs.values() if form_of(spec.estimator, spec.method)):
        panel, labels = exports.panels.get(name), {}
        if panel is not None and panel.samples:
            codebook = labels_from_codebook(f"{results}/panels/{name}/codebook.csv", language)
            labels = {column: codebook.of(term) for column, term in panel.terms.items()}
        write_panel(panel if labels else None, labels, folder / f"{name}.csv", folder / f"{name}.dta")


if __name__ == "__main__":
    with job(
        snakemake.log[0], snakemake.params.settings["config"], content=snakemake.params.content, output=snakemake.output
    ):
        main(
            **snakemake.params.settings,
            titles=snakemake.params.titles,
            language=snakemake.params.language,
            units=snakemake.input.units,
            results="results",
        )
