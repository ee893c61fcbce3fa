"""The shipped configuration: small files, words in both languages, the same analysis as in one long file of before."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ruralpanel.project.check import check
from ruralpanel.project.load import Config, read_config
from ruralpanel.project.whole import lacking

ROOT = Path(__file__).resolve().parents[2]
BEFORE = ROOT / "tests" / "fixtures" / "configurations"


@pytest.fixture(scope="module")
def shipped() -> Config:
    return read_config(ROOT / "config.yaml")


@pytest.fixture
def one_file(tmp_path: Path) -> Iterator[Any]:
    """A configuration of an earlier version, read where the shipped data lie beside it."""
    (tmp_path / "data").symlink_to(ROOT / "data")

    def read(version: str) -> Config:
        shutil.copy(BEFORE / f"{version}.yaml", tmp_path / "config.yaml")
        return read_config(tmp_path / "config.yaml")

    yield read


def differences(before: Any, now: Any, path: str = "") -> Iterator[str]:
    """Paths at which plain values differ; Chinese words that are new do not count, nor do blanks at a text's end."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*before, *now)):
            if key not in before and not key.endswith("_zh"):
                yield f"{path}.{key} new"
            elif key in before:
                yield from differences(before[key], now.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for position, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, f"{path}[{position}]")
    elif isinstance(before, str) and isinstance(now, str):
        if before.strip() != now.strip():
            yield path
    elif before != now:
        yield path


def of_both(before: Any, now: Any) -> set[str]:
    """`differences` of the entries that both have, and entries that are gone: whole entries may have come since."""
    return {path for path in differences(before, now) if not (path.endswith(" new") and path.count(".") == 2)}


def test_it_comes_to_the_same_as_the_one_file_of_before(shipped: Config, one_file: Any) -> None:
    before = one_file("0.3.0")
    gone = {"figures": {"go_west_jobs"}, "maps": {"regimes_business", "own_slopes"}}  # said nothing that others do not
    reworded = {
        *(f".hypotheses.H5.{key}" for key in ("others", "cannot_show", "cannot_show_zh")),  # real prices
        ".hypotheses.H6.cannot_show_zh",
        ".tables.vintages.notes[0]",
        *(f".figures.power.{key}" for key in ("title", "models", "term.schooling_event new")),
        ".figures.power.labels.treated:2012 new",
        ".figures.roads_gap.note",
        ".figures.west_gap.labels new",
        ".figures.west_gap_means.labels new",
    }
    named = {".maps.west_at_east.terms new", ".maps.west_at_east_1998.terms new", ".tables.gap_1998.labels new"}
    by_default = {  # the error and the interval that decides; and a column without a meaning
        *(f".tables.{name}.show" for name in ("main", "levers", "gap", "vintages", "by_outcome", "joint")),
        *(f".tables.{name}.show" for name in ("persistence", "own_slopes")),
        ".tables.gap_1998.models",
    }
    left_out = {f".{section}.{name}" for section, names in gone.items() for name in names}
    found = {path for path in of_both(before.resolved, shipped.resolved) if not path.startswith(".report.")}
    assert found == reworded | named | left_out | by_default  # and what the report shows first is new
    assert before.models.items() <= shipped.models.items() and before.panels.items() <= shipped.panels.items()
    for section in ("models", "panels", "hypotheses", "specification_curves", "tables", "figures", "maps"):
        kept = [name for name in before.resolved[section] if name not in gone.get(section, ())]
        assert kept == [name for name in shipped.resolved[section] if name in kept], section  # the same order, too
    assert check(before) == ()


def test_the_file_of_the_version_before_that_is_still_one(shipped: Config, one_file: Any) -> None:
    before = one_file("0.2.0")
    assert check(before) == ()
    kept = ("sources", "panels", "samples", "weights_matrices", "defaults", "specification_curves", "checks", "seed")
    was, now = ({section: read.resolved[section] for section in (*kept, "models")} for read in (before, shipped))
    changed = {path.split(".")[2] for path in of_both(was, now) if path.startswith(".models.")}
    assert len(of_both(was, now)) == len(changed)
    assert changed == {"training_complement", "interaction", "counts"}  # their errors, since then


def test_it_has_all_words_in_both_languages(shipped: Config) -> None:
    assert lacking(shipped.resolved, "zh") == () and lacking(shipped.resolved, "en") == ()
    assert shipped.idle_words == ()
    labels = {variable.label_zh for variable in shipped.variables.values()}
    assert "" not in labels


@pytest.mark.parametrize("file", ["config.yaml", "config_policies.yaml"])
def test_the_county_example_has_all_words_in_both_languages(file: str) -> None:
    counties = read_config(ROOT / "examples" / "china_counties" / file)
    assert lacking(counties.resolved, "zh") == () and lacking(counties.resolved, "en") == ()
    assert counties.idle_words == ()


def test_its_files_are_small() -> None:
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150 and max(map(len, lines)) <= 120
    files = sorted((ROOT / "config").rglob("*.yaml"))
    assert {"variables.yaml", "models.yaml", "claims.yaml", "outputs.yaml", "en.yaml", "zh.yaml"} <= {
        f.name for f in files
    }
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert len(lines) < 400 and max(map(len, lines)) <= 120, file


def test_the_censuses_of_2010_and_2020_have_their_place(tmp_path: Path) -> None:
    """What docs/data-sources.md says to add, laid over the shipped files, on made-up provinces."""
    page = (ROOT / "docs" / "data-sources.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(sources:\n  census_provinces:.*?)```", page, re.DOTALL)
    added = yaml.safe_load(block)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copy(ROOT / "CITATION.cff", tmp_path)
    (tmp_path / "data" / "raw").mkdir(parents=True)
    for part in [*(ROOT / "data").iterdir(), *(ROOT / "data" / "raw").iterdir()]:
        if part.name != "raw":
            (tmp_path / part.relative_to(ROOT)).symlink_to(part)
    for file in ("config.yaml", "config/variables.yaml", "config/models.yaml"):
        values = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
        for section in added.keys() & values.keys():
            for name, entry in added[section].items():
                before = values[section].get(name, {})
                values[section][name] = {**before, **entry} if isinstance(before, dict) else entry
        (tmp_path / file).write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
    rows = [f"{unit},{year},100,{year - 2000}" for year in (2010, 2020) for unit in ("Beijing", "Tibet")]
    (tmp_path / "data" / "raw" / "census_provinces.csv").write_text("\n".join(["province,year,persons,senior", *rows]))
    read = read_config(tmp_path / "config.yaml")
    assert check(read) == ()
    assert read.panels["schooling"].periods == (1990, 2000, 2010, 2012, 2020)
    assert read.resolved["models"]["schooling_trend"]["treatment"]["first"] == 2010
