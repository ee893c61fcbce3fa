"""Models to take away: scripts estimate what was published, from the exported panel alone, in other packages."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT, Shared
from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.second import LARGEST
from ruralpanel.output.export.build import Exports
from ruralpanel.output.export.columns import ExportedPanel, free_name, write_panel
from ruralpanel.output.export.scripts import LANGUAGES
from ruralpanel.output.export.stata import write_stata
from ruralpanel.project.kept import Kept
from ruralpanel.project.kinds.estimators import ESTIMATORS, SCRIPTS
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.settings import InferenceSpec, ModelSpec
from ruralpanel.project.units import Units

pytestmark = pytest.mark.slow

CR1, CR0 = InferenceSpec("cluster", {"by": "unit"}), InferenceSpec("cluster", {"by": "unit", "small_sample": "CR0"})
BOTH = InferenceSpec("cluster", {"by": ["unit", "period"]})
EVERY = InferenceSpec("cluster", {"by": "unit", "count": "all"})
BY_REGION = InferenceSpec("cluster", {"by": "region"})
HC1, HC3 = InferenceSpec("hc", {"kind": "HC1"}), InferenceSpec("hc", {"kind": "HC3"})
CLASSICAL, CR2 = InferenceSpec("classical"), InferenceSpec("cluster", {"by": "unit", "small_sample": "CR2"})
TWO, REGIONS = ("unit", "period"), ("unit", "region:period")
POLICY = {"treatment": {"units": "region == 'North'", "first": 2004}, "draws": 99}
IV = {"endogenous": ["x"], "instruments": ["z", "w"]}

CASES: dict[str, dict[str, Any]] = {
    "fe": {"effects": TWO, "inference": (CR1, CR2), "regressors": ("x", "x:open")},
    "fe_one_way": {"effects": ("unit",), "inference": (CR1,)},
    "fe_weighted": {"effects": TWO, "inference": (CR1,), "weights": "size"},
    "fe_regions": {"effects": REGIONS, "inference": (CR1,)},
    "fe_three": {"effects": (*REGIONS, "period"), "inference": (CR1,)},
    "fe_two_way": {"effects": TWO, "inference": (BOTH,)},
    "fe_all_counted": {"effects": TWO, "inference": (EVERY,)},
    "fe_without_factor": {"effects": TWO, "inference": (CR0,)},
    "fe_classical": {"effects": TWO, "inference": (CLASSICAL,)},
    "fe_no_common_errors": {"effects": TWO, "inference": (CR2,)},
    "fe_hc": {"effects": ("period",), "inference": (HC3,), "weights": "size"},
    "pooled": {"estimator": "pooled", "inference": (HC1,), "weights": "size"},
    "pooled_clustered": {"estimator": "pooled", "inference": (CR1,)},
    "between": {"estimator": "between", "inference": (HC3,)},
    "between_weighted": {"estimator": "between", "inference": (BY_REGION,), "weights": "size"},
    "fd": {"estimator": "fd", "effects": ("period",), "inference": (CR1,)},
    "fd_weighted": {"estimator": "fd", "effects": ("period",), "inference": (CR1,), "weights": "size"},
    "fd_plain": {"estimator": "fd", "inference": (HC1,)},
    "re": {"estimator": "re", "inference": (CR1,), "sample": "whole"},
    "re_unbalanced": {"estimator": "re", "inference": (CR1,)},
    "re_periods": {"estimator": "re", "effects": ("period",), "inference": (CR1,), "sample": "whole"},
    "re_classical": {"estimator": "re", "inference": (CLASSICAL,), "sample": "whole"},
    "re_amemiya": {
        "estimator": "re", "inference": (CR1,), "options": {"components": "amemiya"}, "sample": "whole",
    },
    "iv": {
        "estimator": "iv", "method": "2sls", "effects": TWO, "inference": (CR1,), "options": IV,
        "regressors": ("open",),
    },
    "iv_weighted": {
        "estimator": "iv", "method": "2sls", "effects": TWO, "inference": (HC1,), "options": IV, "regressors": (),
        "weights": "size",
    },
    "liml": {"estimator": "iv", "method": "liml", "inference": (CR1,), "options": IV, "regressors": ("open",)},
    "ppml": {"estimator": "ppml", "outcome": "count", "effects": TWO, "inference": (CR1,)},
    "ppml_weighted": {
        "estimator": "ppml", "outcome": "count", "effects": ("unit",), "inference": (HC1,), "weights": "size",
        "options": {"exposure": "size"},
    },
    "did": {
        "estimator": "did", "method": "twfe", "effects": TWO, "inference": (CR1,), "regressors": (), "options": POLICY,
    },
    "event_study": {
        "estimator": "event_study", "method": "twfe", "effects": TWO, "inference": (CR1,), "regressors": (),
        "options": POLICY,
    },
}  # fmt: skip
"""Every form of script, and every kind of errors, weights and effects that changes what one says."""

NOT_IN = {
    "py": {"re_amemiya"},
    "R": {"liml"},
    "do": {"re_unbalanced", "re_amemiya"},
}
"""Models that a language's packages lack."""


@cache
def made_up() -> tuple[pd.DataFrame, Units]:
    rng = np.random.default_rng(5)
    units, periods = [f"U{i:02d}" for i in range(24)], list(range(2001, 2007))
    frame = pd.DataFrame({"unit": np.repeat(units, len(periods)), "period": np.tile(periods, len(units))})
    own = np.repeat(rng.normal(size=len(units)), len(periods))
    frame["z"], frame["w"], frame["open"] = rng.normal(size=(3, len(frame)))
    error = rng.normal(size=len(frame))
    frame["x"] = frame["z"] + 0.5 * frame["w"] + 0.5 * error + own
    frame["y"] = 0.3 * frame["x"] - 0.2 * frame["open"] + own + error
    frame["count"] = rng.poisson(np.exp(0.3 * frame["x"] + 1)).astype(float)
    frame["size"] = rng.uniform(0.5, 3.0, len(frame))
    frame["gappy"] = 1.0
    frame.loc[rng.random(len(frame)) < 0.08, "gappy"] = np.nan
    attributes = {unit: {"region": "North" if i % 3 else "South"} for i, unit in enumerate(units)}
    return frame, Units(ids=tuple(units), names={}, attributes=attributes)


@pytest.fixture(scope="module")
def exports(shared: Shared) -> Path:
    """The scripts and the panel of all cases."""
    return shared("exports", write_exports)


def write_exports(folder: Path, cases: Iterable[str] = tuple(CASES)) -> None:
    frame, units = made_up()
    exports = Exports(lambda: ExportedPanel("p", frame, units, "config.yaml"))
    for name in cases:
        spec, sample = spec_of(name)
        result = estimate(spec, build_design(spec, frame, units, sample), 0, "")
        exports.add(spec, units, sample, "config.yaml", result, f"Model {name}")
    for name, text in exports.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    panel = exports.panel
    assert panel is not None
    write_panel(panel, folder / "p.csv")
    write_stata(folder / "p.csv", panel.terms, folder / "p.dta")


def spec_of(name: str) -> tuple[ModelSpec, dict[str, Any]]:
    values = {"estimator": "fe", "outcome": "y", "regressors": ("x", "open"), "options": {}} | CASES[name]
    sample = None if values.pop("sample", "") == "whole" else Sample(where="gappy == 1")
    values["allow"] = ("few_clusters", "independent_rows")
    return ModelSpec(name=name, panel="p", sample="some" if sample else "all", **values), sample


def run(text: str, folder: Path) -> str:
    """What a script prints that lies in a folder."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True):
        exec(compile(text, "script", "exec"), {"__name__": "__main__", "__file__": str(folder / "script.py")})
    return printed.getvalue()


@pytest.mark.parametrize("case", [case for case in CASES if case not in NOT_IN["py"]])
def test_a_script_of_python_finds_what_was_published_and_stops_where_it_differs(case: str, exports: Path) -> None:
    text = (exports / f"{case}.py").read_text(encoding="utf-8")
    assert run(text, exports).endswith(f"{case}: as expected\n")
    compared = {"fe_no_common_errors"}
    assert ("Standard errors: not compared" in text) == (case in compared)
    row = re.search(r'^ +"\w+": \[(-?[\d.e-]+)(?:, ([\d.e-]+))?\],$', text, re.MULTILINE)
    assert row is not None
    for place in (1, 2) if row[2] else (1,):
        changed = f"{float(row[place]) * 1.001 + 1e-4:.12g}"
        spoilt = text[: row.start(place)] + changed + text[row.end(place) :]
        with pytest.raises(SystemExit, match=f"{case}: other numbers than expected of"):
            run(spoilt, exports)


def has_r(*packages: str) -> bool:
    command = shutil.which("Rscript")
    asked = " && ".join(f'requireNamespace("{package}", quietly = TRUE)' for package in packages)
    return (
        command is not None
        and subprocess.run([command, "-e", f"quit(status = !({asked}))"], check=False).returncode == 0
    )


@pytest.mark.parametrize("package", ["fixest", "plm", "sandwich"])
def test_scripts_of_r_find_what_was_published(package: str, exports: Path) -> None:
    if not has_r(package):
        pytest.skip(f"no Rscript with {package}")
    files = [file for file in sorted(exports.glob("*.R")) if f"library({package})" in file.read_text(encoding="utf-8")]
    assert files
    loop = "; ".join(f'source("{file.name}", local = new.env())' for file in files)
    found = subprocess.run(["Rscript", "-e", loop], cwd=exports, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count(": as expected") == len(files)


@pytest.mark.parametrize("suffix", sorted(LANGUAGES))
def test_a_language_without_the_estimator_says_so_in_one_line(suffix: str, exports: Path) -> None:
    without = {case for case in CASES if "no script, as" in (exports / f"{case}.{suffix}").read_text(encoding="utf-8")}
    assert without == NOT_IN[suffix]


@pytest.mark.parametrize("case", [case for case in CASES if case not in NOT_IN["do"]])
def test_a_script_of_stata_has_its_parts_in_order(case: str, exports: Path) -> None:
    lines = (exports / f"{case}.do").read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if line and not line.startswith("*")]
    assert code[:3] == [
        "version 14",
        'use "p.dta", clear',
        next(line for line in code if line.startswith("keep if sample_")),
    ]
    commands = r"(reghdfe|regress|xtreg|ivreghdfe|ivregress 2sls|ivregress liml|ppmlhdfe|poisson) "
    (call,) = [line for line in code if re.match(commands, line)]
    checked = re.findall(r"^if abs\(_([bs]e?)\[(?:D\.)?(\w+)\]", "\n".join(code), re.MULTILINE)
    terms = {term for _, term in checked}
    assert terms and all(re.search(rf"\b{term}\b", call) for term in terms)
    errors = {term for kind, term in checked if kind == "se"}
    assert errors in (set(), terms)
    assert ("Standard errors: not compared" in "\n".join(lines)) == (not errors)
    assert code[-1] == f'display as text "{case}: as expected"' and "    exit 9" in code
    columns = pd.read_csv(exports / "p.csv", nrows=1).columns
    assert terms <= set(columns)


def test_calls_of_stata(exports: Path) -> None:
    """Golden: what each form comes to."""
    for case, expected in {
        "fe": "reghdfe y x x_x_open, absorb(unit_id period_id) tolerance(1e-10) keepsingletons vce(cluster unit_id)",
        "fe_weighted": "reghdfe y x open [aw=size], absorb(unit_id period_id) tolerance(1e-10) keepsingletons "
        "vce(cluster unit_id)",
        "pooled": "regress y x open [aw=size], vce(robust)",
        "between": "regress y x open, vce(hc3)",
        "fd_plain": "regress D.y D.x D.open, noconstant vce(robust)",
        "re": "xtreg y x open, re vce(cluster unit_id)",
        "re_periods": "xtreg y x open i.period_id, re vce(cluster unit_id)",
        "iv": "ivreghdfe y open (x = z w), absorb(unit_id period_id) small cluster(unit_id)",
        "liml": "ivregress liml y open (x = z w), small vce(cluster unit_id)",
        "ppml": "ppmlhdfe count x open, absorb(unit_id period_id) tolerance(1e-10) vce(robust)",
        "did": "reghdfe y treated, absorb(unit_id period_id) tolerance(1e-10) keepsingletons vce(cluster unit_id)",
    }.items():
        assert expected in (exports / f"{case}.do").read_text(encoding="utf-8").splitlines(), case


def test_both_files_of_a_panel_hold_the_same_and_the_bytes_stay(exports: Path, tmp_path: Path) -> None:
    text = pd.read_csv(exports / "p.csv")
    stata = pd.read_stata(exports / "p.dta")
    pd.testing.assert_frame_equal(text, stata, check_dtype=False, rtol=0, atol=0)
    assert {"unit", "period", "unit_id", "period_id", "region_period_id", "x_x_open", "treated", "sample_1"} <= set(
        text
    )
    assert all(len(name) <= 32 for name in text)
    np.testing.assert_array_equal(text["x_x_open"], text["x"] * text["open"])
    with pd.io.stata.StataReader(exports / "p.dta") as reader:
        assert reader.variable_labels()["x_x_open"] == "x:open"
    written = []
    for turn in ("first", "second"):
        (tmp_path / turn).mkdir()
        write_exports(tmp_path / turn, ("fe", "did"))
        written.append({file.name: file.read_bytes() for file in (tmp_path / turn).iterdir()})
    assert written[0] == written[1] and {"p.csv", "p.dta", "did.py", "did.do", "did.R"} <= set(written[0])


def test_names_are_free_and_taken_by_all_three() -> None:
    long = "a_very_long_name_of_a_variable_with_a_break_2013"
    first = free_name(long, ())
    second = free_name(long, (first,))
    assert (first, second) == (long[:32], f"{long[:30]}_2")
    assert free_name("roads:gap", ()) == "roads_x_gap"
    assert free_name("Roads", ("roads",)) == "Roads_2"
    assert free_name("if", ()) == "v_if" and free_name("2000_share", ()) == "v_2000_share"
    assert free_name("公路", ()) == "column" and free_name("str12", ()) == "v_str12"


def test_treated_columns_of_other_models_stand_apart() -> None:
    frame, units = made_up()
    panel = ExportedPanel("p", frame, units, "config.yaml")
    rows = np.arange(4)
    assert panel.part("treated", rows, np.array([0.0, 1.0, 0.0, 1.0])) == "treated"
    assert panel.part("treated", rows[2:] + 1, np.array([1.0, 1.0])) == "treated"
    assert panel.part("treated", rows, np.array([0.0, 1.0, 1.0, 1.0])) == "treated_2"


def test_every_method_of_an_estimator_has_scripts_or_a_reason() -> None:
    assert set(SCRIPTS) == set(LANGUAGES)
    for name, kind in ESTIMATORS.items():
        assert set(kind.scripts) <= set(kind.methods), name
        assert bool(kind.no_script) == (set(kind.scripts) != set(kind.methods)), name


def test_panels_that_no_script_reads_are_neither_read_nor_left_without_files(tmp_path: Path) -> None:
    frame, units = made_up()
    spec, sample = spec_of("fe")
    many = replace(estimate(spec, build_design(spec, frame, units, sample), 0, ""), n_obs=LARGEST + 1)
    many.to_json(tmp_path / "models" / "fe.json")
    (tmp_path / "units.csv").write_text("id,name\n1,One\n", encoding="utf-8")
    script = run_path(str(ROOT / "workflow" / "scripts" / "export.py"))
    settings = {"samples": {}, "by": {"p": "year"}, "config": "config.yaml", "titles": {}, "language": "en"}
    script["main"]([spec.to_dict()], **settings, units=str(tmp_path / "units.csv"), results=str(tmp_path), kept=Kept())
    assert {file.name for file in (tmp_path / "export").iterdir()} == {
        "README.md", "fe.R", "fe.do", "fe.py", "p.csv", "p.dta"
    }  # fmt: skip
    assert "none, as it has too many rows" in (tmp_path / "export" / "README.md").read_text(encoding="utf-8")
    assert pd.read_csv(tmp_path / "export" / "p.csv").empty and pd.read_stata(tmp_path / "export" / "p.dta").empty


def test_a_title_ends_no_comment() -> None:
    frame, units = made_up()
    exports = Exports(lambda: ExportedPanel("p", frame, units, "config.yaml"))
    spec, sample = spec_of("fe")
    result = estimate(spec, build_design(spec, frame, units, sample), 0, "")
    exports.add(spec, units, sample, "config.yaml", result, 'Said """so""" /* or\nnot \\ ///')
    compile(exports.files["fe.py"], "fe.py", "exec")
    assert exports.files["fe.do"].startswith("* Said '''so''' / * or not / //\n")
