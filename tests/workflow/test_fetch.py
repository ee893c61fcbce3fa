"""`snakemake fetch` as a user types it, against stand-ins for the site and for an address."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

import file_server
import nbs_site
from conftest import Run
from nbs_site import Site

SOURCE = """
  live:
    adapter: nbs_api
    path: raw/live
    about: live.yaml
    layout: {{base: "{url}", years: [2005, 2023], under: [农业, 运输和邮电], pause: 0, attempts: 2}}
    series:
      electricity: {{title_in_file: 农村用电量, measure: 亿千瓦小时, label: Rural electricity}}
      highways: {{title_in_file: 公路里程, measure: 万公里, label: Highways}}
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with nbs_site.running() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, root: Path, site: Site) -> Path:
    """Four provinces whose figures come from the site."""
    lines = (root / "data" / "units" / "china_provinces.csv").read_text(encoding="utf-8").splitlines()
    kept = [lines[0], *(line for line in lines if line.startswith(("CN-BJ", "CN-TJ", "CN-HE,", "CN-GZ")))]
    (tmp_path / "units.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    config = {
        "title": "Live figures",
        "units": "units.csv",
        "sources": yaml.safe_load(SOURCE.format(url=site.url)),
        "panels": {"main": {"periods": {"first": 2006, "last": 2019}}},
        "variables": {
            "kwh": {"source": "live", "series": "electricity", "measure": "kWh"},
            "km": {"source": "live", "series": "highways", "measure": "km"},
            "power": {"formula": "log(kwh)"},
            "roads": {"formula": "log(km)"},
        },
        "models": {"m": {"estimator": "fe", "outcome": "power", "regressors": ["roads"],
                         "inference": [{"vcov": "classical"}]}},
        "report": {"formats": ["html"]},
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return tmp_path


def test_fetch_build_and_fetch_again(project: Path, snakemake: Run, site: Site) -> None:
    run = snakemake(project)
    assert run.returncode == 1 and not site.asked
    assert run.stderr.count("run: snakemake fetch") == 2 and "Traceback" not in run.stderr

    run = snakemake(project, "fetch")
    assert run.returncode == 0, run.stderr
    assert "live: 152 figures" in run.stderr and "figures: request 3 of 3" in run.stderr
    asked = len(site.asked)
    run = snakemake(project, "-n")
    assert run.returncode == 0 and "Fetching" not in run.stdout  # `fetch` is no part of a run

    target = "results/panels/main/panel.csv"
    run = snakemake(project, target)
    assert run.returncode == 0, run.stderr
    assert len(site.asked) == asked
    panel = list(csv.DictReader((project / "results/panels/main/panel.csv").read_text(encoding="utf-8").splitlines()))
    assert next(float(row["km"]) for row in panel if (row["unit"], row["period"]) == ("CN-GZ", "2008")) == 125400

    site.figures["highway_length", "贵州省", 2008] = "12.60"
    assert snakemake(project, "fetch").returncode == 0
    changes = (project / "results/fetch/live/changes.csv").read_text(encoding="utf-8").splitlines()
    assert len(changes) == 2 and changes[1].startswith("highways,CN-GZ,2008,revised,12.54,12.6,")
    run = snakemake(project, target)
    assert run.returncode == 0 and "Reading live" in run.stdout + run.stderr


def test_a_failure_leaves_everything_as_it_was(project: Path, snakemake: Run, site: Site) -> None:
    assert snakemake(project, "fetch").returncode == 0
    before = {path: path.read_bytes() for path in [project / "live.yaml", *(project / "raw" / "live").iterdir()]}
    site.traps["/stream/esData"] = ["redirect"] * 50
    run = snakemake(project, "fetch")
    assert run.returncode == 1
    assert run.stderr.count("a redirection to") >= 1 and "Traceback (most recent call last)" not in run.stderr
    assert {path: path.read_bytes() for path in before} == before

    # what an interrupted exchange of the files leaves behind does not keep the next fetch from starting
    site.traps.clear()
    shutil.rmtree(project / "raw" / "live")
    assert snakemake(project, "fetch").returncode == 0
    assert {path: path.read_bytes() for path in before if path.suffix == ".json"} == {
        path: content for path, content in before.items() if path.suffix == ".json"
    }


def test_download_build_and_edit(tmp_path: Path, snakemake: Run) -> None:
    """A run never asks; a file that one has edited stops it and stays as it is, also when all is fetched again."""
    content = b"unit,period,km\nA,2012,3\nB,2012,5\n"
    (tmp_path / "units.csv").write_text("id,name_en\nA,Aland\nB,Bland\n", encoding="utf-8")
    target, roads = "results/panels/main/panel.csv", tmp_path / "data" / "roads.csv"
    with file_server.running() as files:
        files.content["/roads.csv"] = content
        source = {"adapter": "table", "path": "data/roads.csv", "url": f"{files.url}/roads.csv",
                  "sha256": sha256(content).hexdigest(), "series": {"km": {"measure": "km"}}}  # fmt: skip
        config = {"title": "Fetched", "units": "units.csv", "cache": "kept", "sources": {"roads": source},
                  "panels": {"main": {"periods": [2012]}}, "models": {},
                  "variables": {"km": {"source": "roads", "series": "km", "measure": "km"}}}  # fmt: skip
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        run = snakemake(tmp_path, target)
        assert run.returncode == 1 and "run: snakemake fetch" in run.stderr and not files.asked

        run = snakemake(tmp_path, "fetch")
        assert run.returncode == 0 and "roads: data/roads.csv" in run.stderr, run.stderr
        run = snakemake(tmp_path, target)
        assert run.returncode == 0 and len(files.asked) == 1, run.stderr
        assert (tmp_path / target).read_text(encoding="utf-8").splitlines()[1].endswith(",3.0")

        roads.write_bytes(content.replace(b"3", b"4"))
        for words in ((target,), ("fetch",)):
            run = snakemake(tmp_path, *words)
            assert run.returncode == 1 and "move it to another name" in run.stderr
            assert "Traceback (most recent call last)" not in run.stderr
        assert roads.read_bytes() == content.replace(b"3", b"4") and len(files.asked) == 1
