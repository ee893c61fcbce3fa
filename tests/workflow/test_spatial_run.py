"""A project without boundaries: positions in the units file and a matrix of its own, from configuration to results."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import Run, tiny_config


def test_positions_and_a_matrix_without_polygons(tiny: Path, snakemake: Run) -> None:
    lines = (tiny / "units.csv").read_text(encoding="utf-8").splitlines()
    placed = [f"{line},{100 + i % 5},{30 + i // 5}" for i, line in enumerate(lines[1:])]
    (tiny / "units.csv").write_text("\n".join([f"{lines[0]},longitude,latitude", *placed]) + "\n", encoding="utf-8")
    near = [f"U{i:02d} 2\nU{(i - 2) % 20 + 1:02d} U{i % 20 + 1:02d}" for i in range(1, 21)]
    (tiny / "ring.gal").write_text("\n".join(["0 20 units id", *near]) + "\n", encoding="utf-8")
    config: dict[str, Any] = tiny_config()
    settings = [{"vcov": "cluster"}, {"vcov": "conley", "cutoff_km": 120}]
    config["weights_matrices"] = {"ring": {"type": "file", "path": "ring.gal"}, "four": {"type": "k_nearest", "k": 4}}
    plain = {**config["models"]["effect"], "inference": settings}
    config["models"] = {"effect": {**plain, "weights_matrix": "four"}, "ring": {**plain, "weights_matrix": "ring"}}
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    done = snakemake(tiny, "results/models/effect.json", "results/models/ring.json")
    assert done.returncode == 0, done.stderr
    effect, ring = (
        json.loads((tiny / "results" / "models" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("effect", "ring")
    )
    nearest = [{"code": "weights_k_nearest"}, {"code": "weights_nearest", "k": 4}]
    for result, said in ((effect, nearest), (ring, [{"code": "weights_file"}])):
        what = result["diagnostics"]["moran"]["weights_matrix"]["what"]
        assert what == [*said, {"code": "weights_scaled_row"}]
        assert math.isfinite(result["tests"]["moran"]["p_value"])
    assert ring["diagnostics"]["moran"]["weights_matrix"]["mean_neighbours"] == 2
    conley = effect["inference"][1]
    assert conley["method"] == "conley" and conley["coefficients"][0]["std_error"] > 0
    # a grid of a degree: 96 km along its parallels, 111 along its meridians, 31 links of 20 units
    (around,) = conley["notes"]
    assert around == {"code": "others_within", "units": 20, "others": pytest.approx(3.1), "km": 120.0}
    # another matrix runs the job again
    (tiny / "ring.gal").write_text("\n".join(["20", *near[::-1]]) + "\n", encoding="utf-8")
    again = snakemake(tiny, "-n", "results/models/ring.json")
    assert "estimate" in again.stdout + again.stderr
