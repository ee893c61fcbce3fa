"""Every standard model estimated twice: the two agree, or the run stops; what cannot be confirmed says why."""

from __future__ import annotations

import ast
import csv
from dataclasses import replace
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import iv_panels
import policy_panels
from conftest import ROOT
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further, Named
from ruralpanel.estimate.confirm import confirm, disagreements
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.second import LARGEST
from ruralpanel.project.fingerprint import covered_files
from ruralpanel.project.kept import Kept
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec, ModelSpec

pytestmark = pytest.mark.slow

CR1, HC1, CLASSICAL = InferenceSpec("cluster"), InferenceSpec("hc", {"kind": "HC1"}), InferenceSpec("classical")
UNITS, PERIODS = 24, 6


def panel(estimator: str, setting: InferenceSpec, weighted: bool = False, **settings: Any) -> Design:
    rng = np.random.default_rng(7)
    unit, period = np.repeat(np.arange(UNITS), PERIODS), np.tile(np.arange(PERIODS), UNITS)
    x = rng.normal(size=(unit.size, 2)) * (1.0, 1e4)
    index = 0.3 * x[:, 0] + rng.normal(size=UNITS)[unit]
    y = rng.poisson(np.exp(index)) if estimator == "ppml" else index + rng.normal(size=unit.size)
    outcomes = Further(outcomes=Named(("y", "z"), np.column_stack([y, rng.normal(size=unit.size)])))
    return design_from_arrays(
        y, x, unit, 2000 + period, estimator=estimator, inference=(setting,),
        weights=rng.uniform(0.5, 2.0, unit.size) if weighted else None,
        extra=outcomes if estimator == "sur" else None, **settings,
    )  # fmt: skip


def policy(estimator: str, method: str = "", **settings: Any) -> Design:
    dates = [2006.0] * 6 + ([2007.0] * 4 if method else []) + [np.inf] * 12
    made = policy_panels.panel(
        dates, list(range(2002, 2009)), np.random.default_rng(1), estimator=estimator, method=method, **settings
    )
    return replace(made, spec=replace(made.spec, inference=(CR1,), options=made.spec.options.changed(draws=19)))


TWO = ("unit", "period")
CASES = {
    "pooled": panel("pooled", HC1, weighted=True),
    "fe": panel("fe", CR1, effects=TWO),
    "fe, classical": panel("fe", CLASSICAL, effects=TWO, weighted=True),
    "fd": panel("fd", CR1, effects=("period",)),
    "re": panel("re", CR1),
    "ppml": panel("ppml", CR1, effects=TWO),
    "ppml, weighted": panel("ppml", HC1, weighted=True),
    "ppml, classical": panel("ppml", CLASSICAL, effects=("unit",)),
    "sur": panel("sur", CR1, effects=TWO, options={"draws": 99}),
    "sur, equations": panel("sur", CR1, weighted=True, options={"draws": 99, "equations": {"z": ["x2"]}}),
    "2sls": iv_panels.panel(1, inference=(CR1,), weighted=True),
    "liml": iv_panels.panel(1, inference=(HC1,), effects=(), method="liml"),
    "gmm": iv_panels.panel(1, inference=(CR1,), method="gmm"),
    "2sls, classical": iv_panels.panel(1, inference=(CLASSICAL,)),
    "g2sls": iv_panels.panel(1, inference=(CR1,), effects=("period",), method="g2sls", missing=0.2),
    "ec2sls, classical": iv_panels.panel(1, inference=(CLASSICAL,), effects=(), method="ec2sls", weighted=True),
    "hausman_taylor": iv_panels.fixed_over_time(1, inference=(CR1,), missing=0.2),
    "amemiya_macurdy": iv_panels.fixed_over_time(1, method="amemiya_macurdy"),
    "did": policy("did"),
    "event_study": policy("event_study"),
    "stacked": policy("did", "stacked", missing=0.1, weighted=True),
    "matched": policy("did", "matched"),
    "stacked event study": policy("event_study", "stacked"),
}


@pytest.mark.parametrize("case", CASES)
def test_estimates_and_errors_are_confirmed_and_a_wrong_one_stops(case: str) -> None:
    """1e-8: the tolerance of a run, 1e-6, is no excuse here, where columns are far from collinear."""
    design = CASES[case]
    result = estimate(design.spec, design, 0, "")
    rows = confirm(lambda: design, result)
    assert [row.term for row in rows] == [row.term for row in result.coefficients]
    assert all(row.std_error_again is not None and row.difference < 1e-8 and not row.reason for row in rows), rows
    assert not disagreements(rows)
    for field in ("estimate", "std_error"):
        entry = result.inference[0]
        row = entry.coefficients[0]
        wrong = (replace(row, **{field: getattr(row, field) * 1.001}), *entry.coefficients[1:])
        first = result.coefficients[0]
        spoilt = (replace(first, **{field: getattr(first, field) * 1.001 + 1e-4}), *result.coefficients[1:])
        changed = replace(result, coefficients=spoilt, inference=(replace(entry, coefficients=wrong),))
        (problem,) = disagreements(confirm(lambda: design, changed))
        assert problem.file == f"results/models/{result.model}.json" and problem.where == f"coefficients.{first.term}"


def unused() -> Design:
    raise AssertionError("a design that nobody needs is built")


def test_what_no_library_has_gets_a_reason() -> None:
    bootstrap = InferenceSpec("wild_cluster", {"draws": 99, "interval": False})
    design = panel("fe", bootstrap, effects=TWO)
    rows = confirm(lambda: design, estimate(design.spec, design, 0, ""))
    assert all(row.estimate_again is not None and row.std_error_again is None for row in rows)
    assert {row.reason for row in rows} == {"errors:no_such_kind"}
    dynamic = replace(estimate(design.spec, design, 0, ""), estimator="dynamic_panel")
    assert {row.reason for row in confirm(lambda: design, dynamic)} == {"no_such_estimator"}
    many = replace(estimate(design.spec, design, 0, ""), n_obs=LARGEST + 1)
    assert {row.reason for row in confirm(unused, many)} == {"too_many_rows"}
    twin = panel("fe", CR1, effects=TWO)
    twin = replace(twin, x=np.column_stack([twin.x[:, 0], twin.x[:, 0] + 1e-6 * twin.x[:, 1] / 1e4]))
    assert confirm(lambda: twin, estimate(twin.spec, twin, 0, ""))[0].reason == "terms_nearly_alike"


def script() -> ModuleType:
    spec = spec_from_file_location("script_confirm", ROOT / "workflow" / "scripts" / "confirm.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_job_writes_a_table_or_stops_with_all_differences(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "units.csv").write_text("id,name_en\n" + "".join(f"u{i:02d},U {i}\n" for i in range(20)))
    frame = pd.DataFrame(
        {"unit": np.repeat([f"u{i:02d}" for i in range(20)], 5), "period": np.tile(range(2001, 2006), 20)}
    )
    frame["y"], frame["x"] = rng.normal(size=(2, 100))
    (tmp_path / "panels" / "p").mkdir(parents=True)
    frame.to_parquet(tmp_path / "panels" / "p" / "panel.parquet")
    spec = ModelSpec("m", "fe", "y", "p", regressors=("x",), effects=TWO, inference=(CR1,))
    design = design_from_arrays(frame["y"], frame["x"], frame["unit"], frame["period"], terms=("x",), effects=TWO)
    result = estimate(spec, replace(design, spec=spec), 0, "")
    (tmp_path / "models").mkdir()
    out = tmp_path / "models" / "confirmation.csv"

    asked: list[str] = []

    def run() -> None:
        job = script()
        confirmed = job.confirm
        job.confirm = lambda design, result: (asked.append(result.model), confirmed(design, result))[1]
        job.main(
            [spec.to_dict()], {}, {"p": "year"}, "config.yaml", str(tmp_path / "units.csv"), str(tmp_path), str(out),
            Kept(tmp_path / "kept"),
        )  # fmt: skip

    result.to_json(tmp_path / "models" / "m.json")
    run()
    with out.open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["model"], row["term"], row["library"], row["errors"]) == (
        "m",
        "x",
        "linearmodels PanelOLS",
        "cluster CR1 unit",
    )
    assert float(row["estimate"]) == result.coefficients[0].estimate and float(row["difference"]) < 1e-10
    table = out.read_bytes()
    out.unlink()
    run()
    assert asked == ["m"] and out.read_bytes() == table  # its results are as before: not confirmed again
    out.unlink()
    wrong = replace(result.coefficients[0], estimate=result.coefficients[0].estimate * 1.01)
    replace(result, coefficients=(wrong,)).to_json(tmp_path / "models" / "m.json")
    for _ in range(2):  # what differs is not kept
        with pytest.raises(UserError, match="as linearmodels PanelOLS gives"):
            run()
    assert not out.exists() and asked == ["m"] * 3


def test_no_other_job_imports_linearmodels_or_statsmodels() -> None:
    users = {}
    for path in sorted((ROOT / "workflow" / "scripts").glob("*.py")):
        modules = [file for file in covered_files(path, ROOT / "workflow") if file.suffix == ".py"]
        users[path.stem] = {name for file in modules for name in imported(file)} & {"linearmodels", "statsmodels"}
    assert {name for name, libraries in users.items() if libraries} == {"confirm"}
    assert users["confirm"] == {"linearmodels", "statsmodels"}


@cache
def imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.split(".")[0] for name in names}
