"""Made-up results that tables are set from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from as_written import model_of
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.rows import Coefficient, Test
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.document import TableDocument
from ruralpanel.project.notes import note

UNITS = ("A", "B", "C", "D", "E", "F")
PERIODS = tuple(range(2012, 2016))


def made_up_model(name: str, **changes: Any) -> Model:
    """A result with made-up numbers in the contract's form."""
    coefficients = (
        Coefficient("roads", 1.0812, std_error=0.7304, df=5.0, p_value=0.199, ci_low=-0.8, ci_high=2.96, sd_within=0.1),
        Coefficient("roads:gap", -0.00042, std_error=0.49, df=5.0, p_value=0.04, ci_low=-2.3, ci_high=math.inf),
    )
    wild = {
        "method": "wild_cluster",
        "by": "unit",
        "n_clusters": 6,
        "small_sample": [{"code": "null_imposed"}],
        "notes": [],
    }
    cluster = {
        "method": "cluster",
        "by": "unit",
        "n_clusters": 6,
        "options": {"small_sample": "CR1", "critical": "t"},
        "small_sample": [{"code": "CR1", "G": 6, "N": 24, "K": 6, "counted": "slopes", "factor": 1.533333}],
        "df": [5.0, 5.0],
        "notes": [],
    }
    values: dict[str, Any] = {
        "model": name, "panel": "provinces", "estimator": "fe", "method": "",
        "outcome": "industry", "sample": "all", "effects": ("unit", "period"), "n_obs": 24, "n_units": 6,
        "n_periods": 4, "n_dropped": {}, "coefficients": coefficients,
        "inference": (cluster, wild | {"options": {"draws": 63, "weights": "webb", "interval": True, "seed": 7}}),
        "vcov": {"type": "cluster"}, "fit": {"r2_within": 0.213, "r2": 0.9, "outcome_sd_within": 0.5},
        "tests": {"hausman": Test(3.1, 2.0, 0.0004)}, "first_stage": None, "marginal_effects": (),
        "diagnostics": {"absorbed": ["unit", "period"]}, "units": UNITS, "periods": PERIODS, "notes": (), "seed": 7,
        "panel_sha256": "", "spec": {},
    }  # fmt: skip
    return model_of({**values, **changes})


def made_up_results(folder: Path) -> OutputContext:
    """Models, a panel and its codebook below `folder`."""
    results = folder / "results"
    wild = made_up_model("wild").coefficients
    with_wild = (
        Coefficient(**{**vars(wild[0]), "p_wild": 0.2114, "ci_wild_low": -0.91, "ci_wild_high": 3.3}),
        Coefficient(**{**vars(wild[1]), "p_wild": 0.0625, "ci_wild_low": -math.inf, "ci_wild_high": math.inf}),
    )
    models = [
        made_up_model("baseline", coefficients=with_wild, n_dropped={"missing:schooling": 3}),
        made_up_model(
            "pooled", estimator="pooled", diagnostics={"absorbed": []}, n_obs=23, notes=(note("not_imputed", rows=2),)
        ),
        made_up_model("other", outcome="employment", sample="west"),
    ]
    for model in models:
        model.to_json(results / "models" / f"{model.model}.json")
    panel = results / "panels" / "provinces"
    panel.mkdir(parents=True)
    frame().to_parquet(panel / "panel.parquet")
    pd.DataFrame(
        {
            "variable": ["industry", "roads", "gap", "employment", "log_roads"],
            "label": ["Rural industry", "Roads", "Technology gap", "", "Roads (log)"],
            "label_zh": ["农村工业", "公路", "技术差距", "", ""],
            "measure": ["", "km", "", "person", ""],
            "formula": ["", "", "", "", "log(roads)"],
        }
    ).to_csv(panel / "codebook.csv", index=False)
    attributes = {unit: {"region": "West" if unit < "D" else "East"} for unit in UNITS}
    titles = {model.model: f"Model {model.model}" for model in models}
    return OutputContext(results, attributes=attributes, where="tables.main", titles=titles)


def frame() -> pd.DataFrame:
    """Six units by four periods; one figure of `industry` missing, one of `roads` zero."""
    rng = np.random.default_rng(20120126)
    index = pd.MultiIndex.from_product([UNITS, PERIODS], names=["unit", "period"])
    data = pd.DataFrame(
        {
            "industry": rng.normal(5, 2, len(index)),
            "roads": rng.gamma(2.0, 3.0, len(index)),
            "employment": rng.gamma(3.0, 1.0, len(index)),
        },
        index=index,
    )
    data.loc[("B", 2013), "industry"] = np.nan
    data.loc[("C", 2012), "roads"] = 0.0
    data["log_roads"] = np.log(data["roads"].where(data["roads"] > 0))
    return data.reset_index()


def cells(document: TableDocument, key: str, statistic: str) -> list[str]:
    rows = (*document.rows, *document.further)
    (row,) = [row for row in rows if (row.key, row.statistic) == (key, statistic)]
    return [cell.text for cell in row.cells]


MAIN: Mapping[str, Any] = {
    "models": ["baseline", "pooled", "other"],
    "tests": ["hausman"],
    "title": "50% & more_of {it}",
}
