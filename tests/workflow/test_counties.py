"""The example of counties at two censuses: on made-up files everywhere, on the workbooks where they are.

RURALPANEL_COUNTIES names a folder with the two workbooks (and the two lists of policies); without it, or copies below
the example's own ``data``, the tests of the real figures are skipped.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

import made_counties
from conftest import Run, Shared
from ruralpanel.data.adapters import registry
from ruralpanel.data.harmonise import harmonise
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import load_units

EXAMPLE = made_counties.EXAMPLE
ROOT = EXAMPLE.parents[1]
POLICIES = ("broadband_china_2014_2016.csv", "prefecture_first_expressway.csv")


def script(name: str) -> ModuleType:
    """A script of the example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLE / f"{name}.py")
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def project(folder: Path, fetched: bool) -> Path:
    """A copy of the example with what it takes from two folders above.

    Without addresses, and with fewer draws and no designs beside the claims' own, unless the files are real.
    """
    shutil.copytree(ROOT / "data" / "boundaries", folder / "data" / "boundaries")
    shutil.copytree(ROOT / "data" / "units", folder / "data" / "units")
    place = folder / "examples" / "china_counties"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("results", ".snakemake", "data", "__pycache__"))
    if not fetched:
        for config in (place / "config.yaml", place / "config_policies.yaml"):
            text = re.sub(r"    (url|others):.*\n(      .*\n)*", "", config.read_text(encoding="utf-8"))
            config.write_text(text.replace("draws: 9999", "draws: 199"), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def made(shared: Shared, snakemake: Run) -> Path:
    def build(folder: Path) -> None:
        place = project(folder, fetched=False)
        made_counties.write(place / "data", made_counties.made())
        run = snakemake(
            place, "results/scorecard.json", "results/panels/counties/panel.csv", "--configfile", "config_policies.yaml"
        )  # fmt: skip
        assert run.returncode == 0, run.stderr

    return shared("made_counties", build) / "examples" / "china_counties"


def model(place: Path, name: str) -> dict[str, Any]:
    return json.loads((place / "results" / "models" / f"{name}.json").read_text(encoding="utf-8"))


def estimate(place: Path, name: str, term: str) -> tuple[float, float]:
    row = next(row for row in model(place, name)["coefficients"] if row["term"] == term)
    return row["estimate"], row["std_error"]


def long_difference(table: pd.DataFrame, lever: str, start: bool) -> tuple[float, float]:
    """Least squares of the change on a lever (and the start) with a dummy for each province; errors by prefecture."""
    stayed = table["status_2010"].isin(["county", "city"]) & table["status_2020"].isin(["county", "city"])
    rows = table[stayed]
    first, last = (100 * rows[f"manufacturing_{year}"] / rows[f"employed_{year}"] for year in (2010, 2020))
    dummies = pd.get_dummies(rows["province"]).to_numpy(dtype=float)
    levers = np.column_stack([rows[lever].astype(float), *([first] if start else [])])
    x, y = np.column_stack([levers, dummies]), (last - first).to_numpy()
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    scores = pd.DataFrame(x * (y - x @ beta)[:, None]).groupby(rows["prefecture"].to_numpy()).sum().to_numpy()
    bread = np.linalg.inv(x.T @ x)
    clusters, observations = len(scores), 2 * len(rows)
    # two rows a county; counties are nested in prefectures and not counted, provinces by two years are
    parameters = levers.shape[1] + 2 * dummies.shape[1]
    factor = clusters / (clusters - 1) * (observations - 1) / (observations - parameters)
    return float(beta[0]), float(np.sqrt(factor * (bread @ scores.T @ scores @ bread)[0, 0]))


@pytest.mark.parametrize(
    ("name", "term", "lever", "start"),
    [
        ("schooling", "schooling_later", "schooling", True),
        ("schooling_plain", "schooling_later", "schooling", False),
        ("broadband", "broadband_later", "broadband", True),
        ("broadband_plain", "broadband_later", "broadband", False),
    ],
)
def test_long_differences_are_those_of_least_squares(made: Path, name: str, term: str, lever: str, start: bool) -> None:
    wanted = long_difference(made_counties.made(), lever, start)
    assert estimate(made, name, term) == pytest.approx(wanted, rel=1e-8)


def test_the_truth_is_found(made: Path) -> None:
    found, error = estimate(made, "schooling", "schooling_later")
    assert abs(found - made_counties.SLOPE) < 3 * error and error < 0.2
    found, error = estimate(made, "broadband", "broadband_later")
    assert abs(found - made_counties.BROADBAND) < 3 * error and error < 0.5
    by = [(setting["method"], setting["by"]) for setting in model(made, "broadband")["inference"]]
    assert by == [(m, b) for b in ("prefecture", "province") for m in ("cluster", "wild_cluster")]


def test_units_of_both_censuses_meet(made: Path) -> None:
    table = made_counties.made().set_index("id")
    panel = pd.read_csv(made / "results" / "panels" / "counties" / "panel.csv", dtype={"unit": "str"})
    panel = panel.set_index(["unit", "period"])
    for unit in ("130207", "130207-2020"):  # one code, two units in turn
        assert (unit, 2010) in panel.index
    assert np.isnan(panel.loc[("130207", 2020), "employed"]) and np.isnan(panel.loc[("130207-2020", 2010), "employed"])
    moved = table[(table["matched_by"] == "name")].index[0]
    for year in (2010, 2020):
        assert panel.loc[(moved, year), "employed"] == table.loc[moved, f"employed_{year}"]
    sums = panel.groupby("period")["residents"].sum()
    for year, called in ((2010, "called_2010"), (2020, "called_2020")):
        assert sums[year] == table.loc[table[called] != "", f"residents_{year}"].sum()  # no total, no zone, no nation


def test_the_page_says_what_the_run_found(made: Path) -> None:
    text = script("page").page(made / "results", made / "units.csv", "map.png")
    card = json.loads((made / "results" / "scorecard.json").read_text(encoding="utf-8"))
    answers = text[text.index("## Answers") : text.index("## Every design")]
    for claim in card["claims"]:
        line = next(line for line in answers.splitlines() if line.startswith(f"| {claim['claim']} | {claim['text']} |"))
        assert claim["verdict"] in line
        if claim["design"]:
            digits = 2 if claim["design"]["delta"] >= 1 else 3
            assert f"| {claim['design']['estimate']:.{digits}f} |".replace("-", "−") in line
    found, _ = estimate(made, "schooling", "schooling_later")
    assert f"| {found:.2f} | [".replace("-", "−") in text
    sums = made_counties.made()
    assert f"{sums.loc[sums['called_2010'] != '', 'residents_2010'].sum():,}" in text


def read(place: Path) -> pd.DataFrame:
    source = read_config(place / "config.yaml").sources["census"]
    return harmonise(source, registry.read(source), load_units(place / "units.csv"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project with small workbooks, to be spoilt."""
    place = project(tmp_path, fetched=False)
    table = made_counties.made()
    made_counties.write(place / "data", table[table["province"] == "Gansu"])
    return place


def spoil(place: Path, change: Any, name: str = made_counties.OLD) -> None:
    path = place / "data" / "census" / name
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)


def refused(place: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(place)
    return str(caught.value)


def test_a_county_that_is_missing_has_no_figures(place: Path) -> None:
    whole = read(place)
    code = str(openpyxl.load_workbook(place / "data" / "census" / made_counties.OLD).active["B4"].value)
    spoil(place, lambda book: book.active.delete_rows(4))
    cut = read(place)
    gone = whole[(whole["unit"] == code) & (whole["period"] == 2010)]
    assert len(gone) and len(whole) - len(cut) == len(gone)


def test_another_name_of_the_sheet_does_not_matter(place: Path) -> None:
    whole = read(place)
    spoil(place, lambda book: setattr(book.active, "title", "Tabelle 7"))
    assert whole["value"].equals(read(place)["value"])


def test_what_is_wrong_with_a_copy_is_said(place: Path) -> None:
    def rename(book: Any) -> None:
        book.active["G1"] = "制造业就业"

    spoil(place, rename)
    message = refused(place)
    assert made_counties.OLD in message and "column 制造业" in message and "did you mean" in message


def test_a_code_that_nobody_bears_is_said(place: Path) -> None:
    spoil(place, lambda book: setattr(book.active["A4"], "value", 620199), made_counties.NEW)
    message = refused(place)
    assert 'the unknown unit "620199"' in message and f"{made_counties.NEW}: sheet 七普（年鉴）, row 4" in message


def test_a_prefecture_that_nobody_knows_is_said(place: Path) -> None:
    file = place / "data" / "policies" / POLICIES[1]
    text = file.read_text(encoding="utf-8")
    name = text.splitlines()[1].split(",")[0]
    file.write_text(text.replace(name, f"{name}区"), encoding="utf-8")
    source = read_config(place / "config_policies.yaml").sources["expressways"]
    with pytest.raises(UserError, match="unknown prefecture") as caught:
        harmonise(source, registry.read(source), load_units(place / "units.csv"))
    assert f'did you mean "{name}"' in str(caught.value)


def test_matching_never_guesses() -> None:
    matching = script("match_counties")

    def census(*names: tuple[str, str]) -> dict[str, Any]:
        return matching.counties([("990000", "省"), ("990100", "甲市"), *names], "made")

    old = census(("990101", "东区"), ("990121", "南县"), ("990122", "北县"), ("990123", "中县"), ("990124", "上县"))
    new = census(("990101", "东区"), ("990181", "南市"), ("990102", "北区"), ("990125", "中县"), ("990124", "下县"))
    assert matching.matched(old, new, {}) == {
        "990101": ("990101", "code"), "990123": ("990125", "name"), "990121": ("990181", "status"),
        "990122": ("990102", "status"),
    }  # fmt: skip
    assert matching.matched(old, new, {"990124": "990124"})["990124"] == ("990124", "declared")
    district_to_city = census(("990182", "东市")), census(("990101", "东区"))
    assert matching.matched(district_to_city[1], district_to_city[0], {}) == {}  # no such change happens
    swapped = census(("990101", "西区"), ("990102", "东区")), census(("990101", "东区"), ("990102", "西区"))
    assert matching.matched(*swapped, {}) == {}  # code and name say different things
    with pytest.raises(UserError, match="do not have"):
        matching.matched(old, new, {"990199": "990101"})


# What the issue of the workbooks' figures and others who added them up found: all units; counties with county-level
# cities apart, where cities are codes from 81 on, and districts are names in 区 but for those in 林区 and 特区.
RESIDENTS = {2010: 1_319_828_719, 2020: 1_390_201_461}
MANUFACTURING = {2010: 11_456_996, 2020: 11_237_346}
COUNTIES = {2010: (1_700, 3_381_931, 35_754_543), 2020: (1_570, 3_365_620, 25_000_677)}
CITIES = {2010: (306, 2_602_279, 11_922_927), 2020: (312, 2_373_801, 9_997_816)}


def real() -> Path | None:
    """The folder of the real workbooks; None where there is none."""
    named = os.environ.get("RURALPANEL_COUNTIES", "")
    folders = [Path(named)] if named else [EXAMPLE / "data" / "census"]
    return next((folder for folder in folders if (folder / made_counties.NEW).is_file()), None)


needs_figures = pytest.mark.skipif(real() is None, reason="RURALPANEL_COUNTIES names no folder with the two workbooks")


@pytest.fixture(scope="module")
def true_run(shared: Shared, snakemake: Run) -> Path:
    """The whole run on the real files; with the lists of policies where they are."""
    source = real()
    assert source is not None

    def build(folder: Path) -> None:
        place = project(folder, fetched=True)
        (place / "data" / "census").mkdir(parents=True)
        (place / "data" / "policies").mkdir()
        for name in (made_counties.OLD, made_counties.NEW):
            shutil.copy(source / name, place / "data" / "census")
        lists = [path for name in POLICIES for path in (source / name, EXAMPLE / "data" / "policies" / name)]
        for path in filter(Path.is_file, lists):
            shutil.copy(path, place / "data" / "policies")
        whole = all((place / "data" / "policies" / name).is_file() for name in POLICIES)
        chosen = ["--configfile", "config_policies.yaml"] if whole else []
        for target in (
            "results/models/schooling.json",
            "results/scorecard.json",
            "results/reconciliation/findings.csv",
        ):
            run = snakemake(place, target, "results/panels/counties/panel.csv", *chosen)
            assert run.returncode == 0, run.stderr

    return shared("true_counties", build) / "examples" / "china_counties"


@needs_figures
def test_the_units_file_comes_from_the_workbooks(capsys: pytest.CaptureFixture[str]) -> None:
    source = real()
    assert source is not None
    script("match_counties").main(str(source / made_counties.OLD), str(source / made_counties.NEW))
    assert capsys.readouterr().out == (EXAMPLE / "units.csv").read_text(encoding="utf-8")


@needs_figures
def test_control_totals_of_the_workbooks(true_run: Path) -> None:
    findings = pd.read_csv(true_run / "results" / "reconciliation" / "findings.csv")
    assert not (findings["check"] == "control_total").any()
    panel = pd.read_csv(true_run / "results" / "panels" / "counties" / "panel.csv", dtype={"unit": "str"})
    units = pd.read_csv(true_run / "units.csv", dtype="str", keep_default_na=False).set_index("id")
    for year in (2010, 2020):
        rows = panel[panel["period"] == year].join(units, on="unit")
        rows = rows[rows[f"called_{year}"] != ""]
        assert rows["residents"].sum() == RESIDENTS[year] and rows["manufacturing"].sum() == MANUFACTURING[year]
        code = rows["unit"].str[:6] if year == 2010 else rows["aliases"].where(rows["aliases"] != "", rows["unit"])
        name = rows[f"called_{year}"]
        district = name.str.endswith("区") & ~name.str.contains("(?:林区|特区)$")
        city = code.str[4:6].astype(int) >= 81
        for chosen, wanted in ((~district & ~city, COUNTIES[year]), (city, CITIES[year])):
            of = rows[chosen]
            assert (len(of), of["manufacturing"].sum(), of["employed"].sum()) == wanted


@needs_figures
def test_every_number_of_the_shipped_page_comes_out(true_run: Path) -> None:
    if not (true_run / "results" / "models" / "broadband.json").is_file():
        pytest.skip("the page holds broadband and expressways; their lists are not there")
    text = script("page").page(true_run / "results", true_run / "units.csv", "images/counties.png")
    assert text == (ROOT / "docs" / "counties.md").read_text(encoding="utf-8")
