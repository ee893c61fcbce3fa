"""The shipped configuration on the shipped figures, built whole in a folder of its own."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import power_wanted
import pytest

from conftest import ROOT, Run, planned
from ruralpanel.output.tables.document import TableDocument
from ruralpanel.project.jobs import open_project, panel_shown
from ruralpanel.project.kept import Kept
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.maps import MAPS
from ruralpanel.project.units import Units, load_units
from tex_structure import standalone_tex


@pytest.fixture(scope="module")
def built(default_run: Path) -> Path:
    return default_run / "results"


@pytest.fixture(scope="module")
def config(root: Path) -> Mapping[str, Any]:
    return open_project([root / "config.yaml"]).resolved


def coefficient(results: Path, model: str, term: str) -> dict:
    result = json.loads((results / "models" / f"{model}.json").read_text(encoding="utf-8"))
    return next(row for row in result["coefficients"] if row["term"] == term)


def test_everything_declared_is_there(built: Path, config: Mapping[str, Any]) -> None:
    assert {p.stem for p in (built / "models").glob("*.json")} == set(config["models"])
    assert {p.name for p in (built / "panels").iterdir()} == set(config["panels"])
    assert (built / "tables" / "tables.xlsx").is_file()
    for section in ("tables", "figures", "maps"):
        assert {p.stem for p in (built / section).iterdir() if p.suffix != ".xlsx"} == set(config[section])


def test_models_taken_away_give_the_same_numbers(built: Path, config: Mapping[str, Any]) -> None:
    """One of each form; all models stand on the page, with their scripts or the reason why there are none."""
    page = (built / "export" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|.*\|.*\| (?:none, as .+|\[R\].+) \|$", page, re.MULTILINE) == list(
        config["models"]
    )
    forms = ("baseline", "between", "first_differences", "random_effects", "counts", "tve_1998", "go_west_event_trend")
    loop = f"import runpy, warnings; warnings.simplefilter('ignore'); [runpy.run_path(f'{{m}}.py') for m in {forms!r}]"
    run = subprocess.run(
        [sys.executable, "-c", loop], cwd=built / "export", capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert re.findall(r"(\w+): as expected", run.stdout) == list(forms)


def test_a_second_run_does_nothing(built: Path, root: Path, snakemake: Run) -> None:
    run = snakemake(built.parent, "--configfile", str(root / "config.yaml"))
    assert run.returncode == 0, run.stderr
    assert "Nothing to be done" in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("words", "concerned"),
    [
        ("variables={highway_km: {label: Another}}", {"codebook", "tables", "figures", "maps", "export", "report"}),
        ("models={baseline: {title: Another}}", {"tables", "figures", "export", "report"}),
        ("language=zh", {"tables", "figures", "maps", "export", "report"}),
    ],
)
def test_words_run_outputs_again_and_no_job_that_computes(
    built: Path, root: Path, snakemake: Run, words: str, concerned: set[str]
) -> None:
    run = snakemake(built.parent, "--dry-run", "--configfile", str(root / "config.yaml"), "--config", words)
    assert planned(run) == concerned


def test_first_looks_come_out_again(built: Path) -> None:
    """The numbers that the data's description gives, within what corrections and break steps change."""
    inventions = coefficient(built, "technology_inventions", "inventions")
    assert 0.15 < inventions["estimate"] < 0.24 and 0.11 < inventions["std_error"] < 0.15
    roads = coefficient(built, "transport_roads", "roads")
    assert abs(roads["estimate"] - 1.08) < 0.1 and abs(roads["std_error"] - 0.73) < 0.1
    gap = coefficient(built, "interaction", "roads:technology_gap")
    assert -1.5 < gap["estimate"] < -0.5
    registered = coefficient(built, "registered_interaction", "roads:technology_gap_2006")
    assert 0.05 < registered["estimate"] < 0.15
    schooling = coefficient(built, "tve_1998", "schooling_1990")
    assert abs(schooling["estimate"] - 1.64) < 0.3 and abs(schooling["std_error"] - 0.76) < 0.1


def raw(root: Path, name: str, column: str) -> pd.Series:
    """A column of a yearbook table by unit and year."""
    table = pd.read_csv(root / "data" / "raw" / "nbs_yearbook" / name).assign(
        unit=lambda rows: [units(root).match(region) for region in rows["region_en"]]
    )
    return table.set_index(["unit", "year"])[column]


@cache
def units(root: Path) -> Units:
    return load_units(root / "data" / "units" / "china_provinces.csv")


def west(root: Path, ids: Iterable[str]) -> np.ndarray[Any, Any]:
    return np.array([units(root).attributes[unit]["go_west"] for unit in ids])


def test_schooling_is_the_difference_of_differences_of_the_published_shares(built: Path, root: Path) -> None:
    census = raw(root, "census_education_1990_2000.csv", "senior_secondary_per_100k").unstack() / 1e5
    survey = raw(root, "education_2012.csv", "senior_secondary") / raw(
        root, "education_2012.csv", "population_6plus_sample_persons"
    )
    shares = census.assign(later=survey.droplevel("year"))
    treated = west(root, shares.index) == 1
    for model, level in (("schooling_event", np.log(shares)), ("schooling_event_points", 100 * shares)):
        for term, column in (("treated:1990", 1990), ("treated:2012", "later")):
            change = (level[column] - level[2000]).to_numpy()
            wanted = change[treated].mean() - change[~treated].mean()
            assert coefficient(built, model, term)["estimate"] == pytest.approx(wanted, rel=1e-9)
    pace = coefficient(built, "schooling_event", "treated:1990")["estimate"] / -10
    beyond = coefficient(built, "schooling_event", "treated:2012")["estimate"] - 12 * pace
    assert coefficient(built, "schooling_trend", "treated:2012")["estimate"] == pytest.approx(beyond, rel=1e-9)


@pytest.mark.parametrize(("model", "oil", "real"), [
    ("go_west_real", True, True), ("go_west_real_without_oil", False, True), ("go_west_nominal_1997", True, False),
])  # fmt: skip
def test_real_output_is_nominal_output_over_chained_prices(
    model: str, oil: bool, real: bool, built: Path, root: Path
) -> None:
    """Two-way effects by dummies, prices multiplied year by year from 1999."""
    prices = raw(root, "ex_factory_prices_1997_2003.csv", "ex_factory_price_index_previous_year_100") / 100
    panel = pd.read_csv(built / "panels" / "go_west" / "panel.csv").query("1997 <= period <= 2003")
    left_out = {"CN-HI", "CN-XZ"} | (set() if oil else {"CN-XJ", "CN-HL"})
    panel = panel[~panel["unit"].isin(left_out)].dropna(subset=["industrial_value_added"])

    def level(unit: str, year: int) -> float:
        after = math.prod(prices[unit, y] for y in range(2000, year + 1))
        return after / math.prod(prices[unit, y] for y in range(year + 1, 2000))

    deflator = [level(u, y) if real else 1.0 for u, y in zip(panel["unit"], panel["period"], strict=True)]
    y = np.log(panel["industrial_value_added"] / deflator / panel["population_register"])
    treated = west(root, panel["unit"]) * (panel["period"] >= 2000)
    dummies = pd.get_dummies(panel[["unit", "period"]].astype(str), dtype=float).iloc[:, 1:]
    x = np.column_stack([treated, dummies, np.ones(len(panel))])
    found = coefficient(built, model, "treated")
    assert found["estimate"] == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0][0], rel=1e-7)
    assert json.loads((built / "models" / f"{model}.json").read_text("utf-8"))["n_obs"] == (202 if oil else 188)


def test_every_claim_has_a_verdict(built: Path, config: Mapping[str, Any]) -> None:
    claims = json.loads((built / "scorecard.json").read_text(encoding="utf-8"))["claims"]
    assert [claim["claim"] for claim in claims] == list(config["hypotheses"])
    known = {"supported", "contradicted", "no effect that matters", "cannot tell", "cannot be tested with these data"}
    known |= {"not yet tested", "differs from zero"}
    assert {claim["verdict"] for claim in claims} <= known


def test_detectable_effects_are_those_of_the_intervals_that_decide(built: Path) -> None:
    """Clustered errors would promise 1.19 for roads × gap, which its wild interval finds in two cases of five."""
    claims = json.loads((built / "scorecard.json").read_text(encoding="utf-8"))["claims"]
    designs = {claim["claim"]: claim["design"] for claim in claims if claim["design"]}
    assert designs["H3b"]["detectable_by"] == "simulation" and 2.2 < designs["H3b"]["detectable"] < 2.9
    closed = designs["H8"]  # interval, p-value and detectable effect by t with 30 degrees of freedom
    assert abs(closed["p_value"] - 0.3267) < 0.001 and abs(closed["detectable"] - 2.476) < 0.002
    for model in ("interaction", "baseline"):
        checks = json.loads((built / "models" / "robustness" / f"{model}.json").read_text(encoding="utf-8"))
        for claim, design in designs.items():
            if design["model"] == model:
                entry = checks["targets"][design["term"]]["power"]
                assert entry["detectable"]["0.8"] == design["detectable"], claim
                assert entry["at_delta"]["delta"] == design["delta"], claim


def test_the_benchmark_is_five_per_cent_for_one_spread_net_of_effects(built: Path) -> None:
    claims = json.loads((built / "scorecard.json").read_text(encoding="utf-8"))["claims"]
    designs = {claim["claim"]: claim["design"] for claim in claims if claim["design"]}
    for claim in ("H1", "H2a", "H3a", "H6"):
        row = coefficient(built, designs[claim]["model"], designs[claim]["term"])
        assert designs[claim]["delta"] == pytest.approx(0.05 / row["sd_net"]), claim
        assert row["sd_net"] < row["sd_within"]
    curves = {"H1": "technology", "H2b": "technology_by_schooling", "H3b": "roads_by_gap", "H6": "urbanisation"}
    for claim, name in curves.items():  # the main specification of each is the claim's main design
        curve = json.loads((built / "models" / "curves" / f"{name}.json").read_text(encoding="utf-8"))
        assert curve["main"]["in_delta"] == pytest.approx(designs[claim]["in_delta"], rel=1e-9), claim
    agreement = next(claim["agreement"] for claim in claims if claim["claim"] == "H6")
    assert (agreement["share"], agreement["same_sign"]) == (curve["share_not_negative"], curve["share_same_sign"])


def test_the_first_page_says_what_happened_in_a_brief_of_fifteen_pages_at_most(built: Path) -> None:
    numbers = json.loads((built / "report" / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    printed = {entry["key"]: entry["printed"] for entry in numbers}
    wanted = {
        "story:outcome_first": "21.1", "story:outcome_last": "29.2", "story:rate_first": "33", "story:rate_last": "56",
        "before:nation_tve_workers:first": "28.3", "before:nation_tve_workers:last": "129",
        "story:share_first": "53%", "story:share_last": "63%", "story:both_rose": "22", "story:units": "31",
        "correlation:validity:provinces.rural_industry.2012:townships_1998.tve_industry.1998": "0.80",
    }  # fmt: skip
    assert {key: printed[key] for key in wanted} == wanted
    pages = {
        name: len(re.findall(rb"/Type\s*/Page\b", (built / "report" / name).read_bytes()))
        for name in ("report.pdf", "appendix.pdf")
    }
    assert 10 <= pages["report.pdf"] <= 15 < pages["appendix.pdf"]
    html = (built / "report" / "report.html").read_text(encoding="utf-8")
    places = [html.index(f'id="{name}"') for name in ("summary", "figures-long-run", "answers", "figures-scorecard")]
    assert places == sorted(places)  # the longer run is drawn on the first page


def test_outcomes_agree_as_far_as_they_are_said_to(built: Path) -> None:
    with (built / "tables" / "validity.csv").open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    for value in (0.87, 0.84, 0.80):  # TVE output with labour 2002, wage income 2008, rural manufacturing 2012
        assert any(abs(float(x) - value) < 0.03 for x in re.findall(r"0\.\d+", text))


def test_the_report_is_whole_and_loads_nothing(built: Path) -> None:
    html = (built / "report" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)=["']https?://[^"']+\.(?:js|css|png|svg|woff2?)""", html)
    assert "<script src" not in html and "@import" not in html
    assert (built / "report" / "report.pdf").read_bytes().startswith(b"%PDF")
    numbers = json.loads((built / "report" / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    assert len(numbers) > 50


def test_one_figure_is_traced_to_its_cell(built: Path, root: Path, ruralpanel: Run) -> None:
    command = ("--configfile", str(root / "config.yaml"), "trace")
    run = ruralpanel(built.parent, *command, "highway_km", "Guizhou", "2008")
    assert run.returncode == 0, run.stderr
    assert "12.54" in run.stdout and "highway_length.csv" in run.stdout and "125400" in run.stdout.replace(",", "")


class Declared(dict[str, Any]):
    """A declaration that remembers which of its keys a script read before its kind's class took over."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)


def recorded(options: type, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The fields of a class of options that are read from now on."""
    read: set[str] = set()

    def get(self: Any, name: str) -> Any:
        read.add(name)
        return object.__getattribute__(self, name)

    monkeypatch.setattr(options, "__getattribute__", get, raising=False)
    return read


def test_no_key_of_a_figure_or_a_map_is_passed_over(
    built: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every key that a kind knows is asked for while it is drawn, once in each language."""
    monkeypatch.chdir(tmp_path)
    declared = open_project([root / "config.yaml"])
    (tmp_path / "results").mkdir()
    for part in ("models", "panels", "scorecard.json"):
        (tmp_path / "results" / part).symlink_to(built / part)
    figures = {str(spec["type"]): dict(spec) for spec in declared.resolved["figures"].values()}
    figures["sensitivity"] = {"type": "sensitivity", "model": "baseline", "term": "electricity"}
    figures["coefficients"] = {"type": "coefficients", "models": ["baseline"], "term": "electricity"}
    assert set(figures) == set(FIGURES)
    maps = {item.type: Declared(declared.resolved["maps"][name]) for name, item in declared.maps.items()}
    assert set(maps) == set(MAPS)
    for part in (*(f"figures/{name}" for name in figures), *(f"maps/{name}" for name in maps)):
        (tmp_path / "results" / part).parent.mkdir(exist_ok=True)
    kinds = {**FIGURES, **MAPS}
    heard = {options: recorded(options, monkeypatch) for options in {kind.options for kind in kinds.values()}}
    for language in ("en", "zh"):
        drawn_from = {name: {"files": (), "titles": {}} for name in figures}
        panels = {item.type: panel_shown(declared, item) for item in declared.maps.values()}
        script("figures").main(figures, {}, {}, declared.units, language, declared.file, drawn_from, Kept())
        script("maps").main(
            maps, declared.weights_matrices, declared.seed, declared.file, declared.units, str(declared.boundaries),
            declared.boundaries_note, language, panels, Kept(),
        )  # fmt: skip
    by_script = {name: spec.read for name, spec in maps.items()}
    left = {name: {*kind.keys} - heard[kind.options] - by_script.get(name, set()) for name, kind in kinds.items()}
    assert {name: keys for name, keys in left.items() if keys} == {}


def script(name: str) -> ModuleType:
    """A script of the workflow, imported without being run."""
    spec = spec_from_file_location(f"script_{name}", ROOT / "workflow" / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_table_prints_the_name_of_a_variable_a_term_or_a_unit(built: Path) -> None:
    texts = {
        path.stem: "\n".join(TableDocument.from_json(path).texts) for path in sorted((built / "tables").glob("*.json"))
    }
    raw = {
        name: re.findall(r"\b\w*_\w*\b|\bCN-[A-Z]{2}\b|^(?:treated|trend)\b.*$", text, re.M)
        for name, text in texts.items()
    }
    assert {name: found for name, found in raw.items() if found} == {}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdfLaTeX is installed")
def test_every_table_fits_an_upright_page(built: Path, tmp_path: Path) -> None:
    documents = [TableDocument.from_json(path) for path in sorted((built / "tables").glob("*.json"))]
    (tmp_path / "tables.tex").write_text(standalone_tex(documents), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    assert [width for width in re.findall(r"Overfull .hbox .([\d.]+)pt", run.stdout) if float(width) > 5] == []


def test_what_figures_wanted_could_settle(built: Path) -> None:
    """The page's table is that of the run, and the sentences below it follow from the numbers."""
    page = power_wanted.PAGE.read_text(encoding="utf-8")
    shown = page.partition(power_wanted.HEADER + "\n")[2].partition("\n\n")[0].splitlines()
    found = list(power_wanted.rows(built))
    assert len(shown) == len(found)
    for line, row in zip(shown, found, strict=True):
        *words, now, then, noise = line.strip("| ").split(" | ")
        assert words == str(row).strip("| ").split(" | ")[:4]
        ends = ([float(end) for end in cell.split("–")] for cell in (now, then, noise))
        for written, values in zip(ends, ((row.now,), row.then, row.noise), strict=True):
            said = (written[0], written[-1]) if len(values) == 2 else written
            assert said == pytest.approx(values, abs=0.03, rel=0.1), f"run: python benchmarks/power_wanted.py ({line})"
    worst: dict[str, float] = {}
    for row in found:
        worst[row.wanted.figures] = min(row.then[0], worst.get(row.wanted.figures, 1.0))
    assert worst["county yearbook"] > 0.8 and worst["travel times"] < 0.8 and worst["demonstration counties"] < 0.8
    assert all(row.then[1] < 0.2 for row in found if row.wanted.figures == "land-law dates, with provinces")
    assert all(row.then[1] < 0.8 for row in found if row.wanted.claim == "H5")
