"""The scripts of all models on a panel, and what they read of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
    """Scripts of a panel's models by the name of their file, the panel, a row per model for the page beside them.

    `empty` gives the panel without columns; one that no script reads is not asked for and stays None.
    """

    empty: Callable[[], ExportedPanel]
    panel: ExportedPanel | None = None
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
            panel = self.panel = self.panel or self.empty()
            design = build_design(spec, panel.frame, units, sample, config, panel.by)
            made = scripts(recipe(design, result, panel, title))
            self.rows.append({**said, "scripts": ", ".join(f"[{suffix}]({spec.name}.{suffix})" for suffix in made)})
        except NoScriptError as reason:
            made = without_script(spec.name, title, spec.estimator, str(reason))
            self.rows.append({**said, "scripts": f"none, as {reason}"})
        self.files |= {f"{spec.name}.{suffix}": text for suffix, text in made.items()}
