"""How often clustered and Conley errors reject a true null where neighbours are alike: the table of docs/spatial.md.

The design is a model of the project, by default `baseline`, whose panel must have been made; its outcome is replaced by
errors autocorrelated like its residuals, with correlation exp(−km / reach) between provinces.

Usage: python benchmarks/size_conley.py [model] [term]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import covariance
from ruralpanel.estimate.inference.error_process import error_process, least_squares
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.inference.size_kernels import Outcomes, by_variance
from ruralpanel.estimate.places.geography import Geography
from ruralpanel.estimate.places.weights import great_circle_km
from ruralpanel.project.jobs import open_project
from ruralpanel.project.settings import InferenceSpec
from ruralpanel.project.units import load_units

PANELS = 2000
REACHES = (0.0, 400.0, 800.0)
PLAIN = {"small_sample": "CR1", "critical": "t"}
SETTINGS = {
    "cluster CR1, t": InferenceSpec("cluster", PLAIN),
    "conley 800, CR1, t": InferenceSpec("conley", {"cutoff_km": 800, **PLAIN}),
    "conley 800, default": InferenceSpec("conley", {"cutoff_km": 800}),
    "conley 800 uniform, default": InferenceSpec("conley", {"cutoff_km": 800, "kernel": "uniform"}),
}


def main(name: str, term: str) -> None:
    """Print the shares, in per cent."""
    config = open_project()
    units = load_units(config.units)
    spec = replace(config.models[name], inference=(InferenceSpec("conley"),))
    frame = pd.read_parquet(f"results/panels/{spec.panel}/panel.parquet")
    design = build_design(spec, frame, units, config.samples.get(spec.sample))
    design = Geography(units, config.boundaries, config.weights_matrices).placed(design)
    found = fit(design)
    space = covariance.space_of(found, design)
    rng = np.random.default_rng(3)
    process = error_process(found, design, space, rng)
    km = great_circle_km(design.extra.coordinates, design.extra.coordinates)
    present = np.unique(design.unit_codes[found.rows])
    print(f"{name}, {term}: {present.size} units, {process.years.size} periods, autocorrelation {process.rho:.2f}")
    print("reach km", *SETTINGS, sep=" | ")
    for reach in REACHES:
        like = np.exp(-km[np.ix_(present, present)] / reach) if reach else np.eye(present.size)
        root = np.linalg.cholesky(like + 1e-10 * np.eye(present.size))
        noise = np.einsum("ij,tjp->tip", root, process.noise(PANELS, rng))
        drawn = process.lifted(process.levels(noise, process.rho))
        outcomes = Outcomes(found, design, space, *least_squares(found, space, drawn))
        shares = []
        for setting in SETTINGS.values():
            rejected = by_variance(outcomes, setting, infer(found, design, setting, 0))
            assert rejected is not None
            shares.append(f"{100 * rejected[found.terms.index(term)].mean():.1f}")
        print(f"{reach:g}", *shares, sep=" | ")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["baseline", "electricity"]))
