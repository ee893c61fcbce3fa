"""All models' scripts and the panels that they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.base.model import Model
from ruralpanel.output.export.columns import ExportedPanel
from ruralpanel.output.export.recipe import NoScriptError, form_of, need_few_rows, recipe
from ruralpanel.output.export.scripts import scripts, without_script
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.settings import ModelSpec
from ruralpanel.project.units import Units


@dataclass
class Exports:
    """Scripts by the name of their file, panels that they read, and a row per model for the page beside them.

    `empty` gives a panel without columns; panels that no script reads are not asked for.
    """

    empty: Callable[[str], ExportedPanel]
    panels: dict[str, ExportedPanel] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)

    def add(
        self, spec: ModelSpec, units: Units, sample: Sample | None, config: str, result: Model,
        title: str,
    ) -> None:  # fmt: skip
        """Write the scripts of one model, whose columns join its panel."""
        said = {"model": spec.name, "title": title, "panel": spec.panel}
        form = form_of(spec.estimator, spec.method)
        if form is None:
            self.rows.append({**said, "scripts": f"none, as {ESTIMATORS[spec.estimator].no_script}"})
            return
        try:
            if ESTIMATORS[spec.estimator].evidence != "policy":  # experiments of a policy have rows of their own
                need_few_rows(result.n_obs)
            panel = self.panels.setdefault(spec.panel, self.panels.get(spec.panel) or self.empty(spec.panel))
            design = build_design(spec, panel.frame, units, sample, config, panel.by)
            made = scripts(recipe(design, result, panel, title))
            self.rows.append({**said, "scripts": ", ".join(f"[{suffix}]({spec.name}.{suffix})" for suffix in made)})
        except NoScriptError as reason:
            made = without_script(spec.name, title, spec.estimator, str(reason))
            self.rows.append({**said, "scripts": f"none, as {reason}"})
        self.files |= {f"{spec.name}.{suffix}": text for suffix, text in made.items()}


def panels_of(
    frames: Callable[[str], pd.DataFrame], units: Units, by: Mapping[str, str], config: str
) -> Callable[[str], ExportedPanel]:
    """What gives an empty export of each panel."""
    return lambda name: ExportedPanel(name, frames(name), units, config, by[name])
