"""What a bundle holds and says, without a run."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, make_tiny, tiny_config
from ruralpanel.cli import main
from ruralpanel.output.report.software import version_of
from ruralpanel.project.jobs import open_project
from ruralpanel.project.load import Config
from ruralpanel.project.problems import UserError
from ruralpanel.tools.bundle.archive import write_bundle
from ruralpanel.tools.bundle.contents import code_files, layout

PROGRAMS = [
    {
        "rule": "tables", "script": "workflow/scripts/tables.py",
        "output": ["results/tables/main.csv", "results/tables/main.tex"],
    },
    {"rule": "panel", "script": "workflow/scripts/panel.py", "output": ["results/panels/{panel}/panel.csv"]},
]  # fmt: skip
ABOUT = {
    "publisher": "Office of Figures", "title": "Figures | by unit", "url": "https://example.org/figures",
    "licence": "CC BY 4.0", "accessed": "2024-05-06",
}  # fmt: skip


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose figures lie beside its folder, with words, an include and files that nothing names."""
    folder = tmp_path / "work" / "study"
    folder.mkdir(parents=True)
    make_tiny(folder)
    (tmp_path / "work" / "figures").mkdir()
    shutil.move(folder / "figures.csv", tmp_path / "work" / "figures" / "figures.csv")
    digest = hashlib.sha256((tmp_path / "work" / "figures" / "figures.csv").read_bytes()).hexdigest()
    about = {**ABOUT, "files": {"figures.csv": {"sha256": digest}}}
    (folder / "about.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    config: dict[str, Any] = tiny_config()
    config["sources"]["made_up"] |= {"path": "../figures/figures.csv", "about": "about.yaml"}
    tables = {"tables": config.pop("tables")}
    config |= {"include": ["outputs.yaml"], "words": "words"}
    (folder / "outputs.yaml").write_text(yaml.safe_dump(tables), encoding="utf-8")
    (folder / "words").mkdir()
    (folder / "words" / "en.yaml").write_text("tables: {main: {title: The main table}}\n", encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "CITATION.cff").write_text(
        "cff-version: 1.2.0\nlicense: CC-BY-4.0\nauthors:\n- {given-names: Ada, family-names: Bee}\n", encoding="utf-8"
    )
    for name in ("results/tables", "results/logs", ".venv/lib", ".snakemake/log", "raw"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file.csv").write_text("a\n1\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def packed(config: Config, target: Path) -> dict[str, bytes]:
    write_bundle(config, layout(config, ROOT, ["results/tables/file.csv"]), ROOT, {}, PROGRAMS, target)
    with zipfile.ZipFile(target) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def test_files_stand_as_they_lie_to_each_other_and_nothing_else_is_there(study: Path, tmp_path: Path) -> None:
    files = packed(open_project(["config.yaml"]), tmp_path / "one.zip")
    project = {name for name in files if name.startswith("project/")}
    beside = ("config.yaml", "outputs.yaml", "words/en.yaml", "about.yaml", "units.csv", "CITATION.cff")
    expected = {f"project/study/{name}" for name in (*beside, "results/tables/file.csv")}
    assert project == {*expected, "project/figures/figures.csv"}
    own = {"README.md", "SHA256SUMS", "bundle.json", "ro-crate-metadata.json"}
    code = {path.relative_to(ROOT).as_posix() for path in code_files(ROOT)}
    assert set(files) - project == code | own
    assert {"Snakefile", "Makefile", "requirements.txt", "workflow/rules/bundle.smk", "LICENSE"} <= code
    assert not [name for name in code if "__pycache__" in name or name.startswith(("data/", "tests/", ".", "config"))]
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {name: hashlib.sha256(files[name]).hexdigest() for name in set(files) - {"SHA256SUMS"}}
    record = json.loads(files["bundle.json"])
    assert (record["directory"], record["configfile"]) == ("project/study", "config.yaml")
    assert record["results"] == ["project/study/results/tables/file.csv"]


def test_a_project_of_the_checkout_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    places = layout(open_project(["config.yaml"]), ROOT, [])
    assert (places.directory, places.configfile) == (".", "config.yaml")
    assert {"config.yaml", "config/models.yaml", "config/words/zh.yaml", "data/sources/nbs_annual.yaml"} <= set(
        places.data
    )
    assert not [place for place in places.data if place.startswith(("project/", "examples/", "results/"))]
    example = layout(open_project(["examples/us_public_capital/config.yaml"]), ROOT, [])
    assert (example.directory, example.configfile) == (".", "examples/us_public_capital/config.yaml")


def test_the_same_files_give_the_same_bytes(study: Path, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        packed(open_project(["config.yaml"]), tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_page_says_whence_data_come_and_what_makes_what(study: Path, tmp_path: Path) -> None:
    page = packed(open_project(["config.yaml"]), tmp_path / "one.zip")["README.md"].decode()
    for text in (
        "# Replication package: A made-up project", "Authors: Ada Bee.", "#### Figures | by unit (`made_up`)",
        "- publisher: Office of Figures", "- licence: CC BY 4.0", "- accessed: 2024-05-06",
        "- files: `project/figures/figures.csv`", "the seed 20120126 of", "statsmodels ",
        "| tables | `workflow/scripts/tables.py` | `results/tables/ (2 files)` |",
        "| panel | `workflow/scripts/panel.py` | `results/panels/<panel>/panel.csv` |",
        "| `results/tables/main.csv` | The main table | `workflow/scripts/tables.py` | effect, main |",
    ):  # fmt: skip
        assert text in page, text
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    assert headings == [
        "Overview", "Data availability and provenance statements", "Computational requirements",
        "Description of programs", "Instructions to replicators", "List of tables, charts, maps and programs",
        "References",
    ]  # fmt: skip


def test_metadata_follow_ro_crate(study: Path, tmp_path: Path) -> None:
    """Of RO-Crate 1.1: every file once, every reference to an entity of the graph, the root's required properties."""
    files = packed(open_project(["config.yaml"]), tmp_path / "one.zip")
    crate = json.loads(files["ro-crate-metadata.json"])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(entities) == len(crate["@graph"])
    assert entities["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    root = entities["./"]
    assert root["datePublished"] == "2024-05-06" and root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert {part["@id"] for part in root["hasPart"]} == set(files) - {"ro-crate-metadata.json", "SHA256SUMS"}
    names = [item["@id"] for key in ("hasPart", "author", "mentions") for item in root[key]]
    assert set(names) <= set(entities) and "ComputationalWorkflow" in entities[root["mainEntity"]["@id"]]["@type"]
    source = entities["#source-made_up"]
    assert (source["publisher"], source["license"]) == ("Office of Figures", "CC BY 4.0")
    assert source["hasPart"] == [{"@id": "project/figures/figures.csv"}]
    assert (
        entities[source["hasPart"][0]["@id"]]["sha256"]
        == hashlib.sha256(files["project/figures/figures.csv"]).hexdigest()
    )
    assert entities[root["author"][0]["@id"]]["name"] == "Ada Bee"


def test_paths_of_this_machine_are_refused(study: Path) -> None:
    config = yaml.safe_load((study / "config.yaml").read_text(encoding="utf-8"))
    config["units"] = str(study / "units.csv")
    config["sources"]["made_up"]["path"] = str(study.parent / "figures" / "figures.csv")
    config["words"] = str(study / "words")
    (study / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(UserError) as error:
        layout(open_project(["config.yaml"]), ROOT, [])
    places = {problem.where.split(" ")[0] for problem in error.value.problems}
    assert places == {"units", "sources.made_up.path", "words"}
    assert all("relative to the file that names it" in problem.expected for problem in error.value.problems)


def test_the_commit_is_named_if_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    assert str(version_of(tmp_path)) == "1.2.3"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert version_of(tmp_path).commit == head[:12]
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.4"\n', encoding="utf-8")
    assert str(version_of(tmp_path)) == f"1.2.4 ({head[:12]}-dirty)"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(version_of(tmp_path)) == "1.2.4"
    (tmp_path / "bundle.json").write_text('{"commit": "abc"}', encoding="utf-8")
    assert str(version_of(tmp_path)) == "1.2.4 (abc)"


def test_what_is_no_bundle_or_was_changed_is_said(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path)]) == 1
    assert "expected an unpacked bundle" in capsys.readouterr().err
    target = tmp_path / "unpacked"
    packed(open_project(["config.yaml"]), tmp_path / "one.zip")
    zipfile.ZipFile(tmp_path / "one.zip").extractall(target)
    (target / "project" / "figures" / "figures.csv").write_text("unit\n", encoding="utf-8")
    (target / "project" / "study" / "units.csv").unlink()
    assert main(["verify", str(target)]) == 1
    said = capsys.readouterr().err
    assert (
        "project/figures/figures.csv: found other content" in said
        and "project/study/units.csv: found no such file" in said
    )
