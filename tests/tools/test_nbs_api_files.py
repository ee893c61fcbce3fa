"""What a fetch leaves of files that were there: it touches only what it has written itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from adapter_harness import figures
from live_source import TODAY, contents, expected, live, reread, run, site, units
from nbs_site import Site
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import Units
from ruralpanel.tools.fetch.fetch import fetch
from ruralpanel.tools.fetch.plan import Indicator, Scope, questions
from ruralpanel.tools.fetch.vintages import RECORD, begin, finish, mend, swap

__all__ = ["site", "units"]  # fixtures


def answers_of(folder: Path, text: str) -> Path:
    """A folder as a fetch leaves it: one answer and the record."""
    new = begin(folder, ["a.json"])
    (new / "a.json").write_text(text)
    finish(new)
    return new


def test_a_swap_that_was_interrupted_is_mended(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    swap(answers_of(folder, "old"), folder)
    new = answers_of(folder, "new")
    folder.rename(tmp_path / ".live.old")  # the moment in which neither is there
    mend(folder)
    assert (folder / "a.json").read_text() == "old"
    swap(new, folder)
    assert (folder / "a.json").read_text() == "new" and sorted(p.name for p in tmp_path.iterdir()) == ["live"]


def put(path: Path, text: str = "mine") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


FOREIGN = {
    "files in the folder": (["raw/live/my_roads.csv", "raw/live/thesis.docx"], ["my_roads.csv", "thesis.docx"]),
    "a folder in the folder": (["raw/live/thesis/chapter.tex"], ["thesis/"]),
    "a hidden file": (["raw/live/.notes"], [".notes"]),
    "a JSON file": (["raw/live/mine.json"], ["mine.json"]),
    "the catalogue's name": (["raw/live/catalogue.json"], ["catalogue.json"]),
    "a copy of one's own": (["raw/.live.old/my_roads.csv"], [".live.old", "my_roads.csv"]),
    "a folder of one's own": (["raw/.live.new/my_roads.csv"], [".live.new", "my_roads.csv"]),
    "many": ([f"raw/live/{i}.csv" for i in range(9)], ["0.csv", "and 4 more"]),
}


@pytest.mark.parametrize("before", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("case", FOREIGN)
def test_what_fetch_has_not_written_is_never_touched(
    site: Site, tmp_path: Path, units: Units, case: str, before: bool
) -> None:
    source = live(site, tmp_path)
    if before and case != "the catalogue's name":
        run(source, tmp_path, units)
    files, words = FOREIGN[case]
    for file in files:
        put(tmp_path / file)
    held = contents(tmp_path)
    asked = len(site.asked)
    with pytest.raises(UserError, match="what fetch has not written") as error:
        run(source, tmp_path, units)
    assert all(word in str(error.value) for word in words) and contents(tmp_path) == held
    assert len(site.asked) == asked or ".live.new" in words  # refused before the site is asked


def test_an_answer_changed_by_hand_is_not_overwritten(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    folder = tmp_path / "raw" / "live"
    answer = next(file for file in sorted(folder.glob("*.json")) if '"12.54"' in file.read_text(encoding="utf-8"))
    answer.write_text(answer.read_text(encoding="utf-8").replace("12.54", "12.60"), encoding="utf-8")
    sidecar = (tmp_path / "live.yaml").read_text(encoding="utf-8").splitlines()
    declared = hashlib.sha256(answer.read_bytes()).hexdigest()  # as the message on another content advises
    at = next(i for i, line in enumerate(sidecar) if answer.name in line)
    sidecar[at + 1] = f"    sha256: {declared}"
    (tmp_path / "live.yaml").write_text("\n".join(sidecar) + "\n", encoding="utf-8")
    held = contents(tmp_path)
    with pytest.raises(UserError, match=rf"{answer.name} \(changed since it was fetched\)"):
        run(source, tmp_path, units)
    assert contents(tmp_path) == held


def test_files_put_there_while_the_site_is_asked_stay(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)

    def busy(line: str) -> None:
        if line == "figures: request 4 of 4":
            put(tmp_path / "raw" / "live" / "my_roads.csv")

    with pytest.raises(UserError, match=r"my_roads\.csv"):
        fetch(source, tmp_path / "live.yaml", units, TODAY, busy)
    assert (tmp_path / "raw" / "live" / "my_roads.csv").read_text() == "mine"
    assert sorted(p.name for p in (tmp_path / "raw").iterdir()) == [".live.part", "live"]


def test_a_vintage_of_an_earlier_version_is_known_by_its_sidecar(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    (tmp_path / "raw" / "live" / RECORD).unlink()
    put(tmp_path / "raw" / "live" / ".DS_Store")
    site.figures["highway_length", "贵州省", 2008] = "12.60"
    assert len(run(source, tmp_path, units).changes) == 1
    assert (tmp_path / "raw" / "live" / ".DS_Store").read_text() == "mine"
    (tmp_path / "raw" / "live" / RECORD).unlink()
    (tmp_path / "live.yaml").unlink()
    with pytest.raises(UserError, match="what fetch has not written"):
        run(source, tmp_path, units)


def test_files_declared_by_hand_are_not_those_of_a_fetch(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    put(tmp_path / "raw" / "live" / "my_roads.csv")
    digest = hashlib.sha256(b"mine").hexdigest()
    text = (tmp_path / "live.yaml").read_text(encoding="utf-8")
    declared = text.replace("files:\n", f"files:\n  my_roads.csv: {{sha256: {digest}}}\n")
    (tmp_path / "live.yaml").write_text(declared, encoding="utf-8")
    with pytest.raises(UserError, match=r"my_roads\.csv"):
        run(source, tmp_path, units)
    (tmp_path / "raw" / "live" / "my_roads.csv").unlink()
    run(source, tmp_path, units)
    assert "my_roads.csv" in (tmp_path / "live.yaml").read_text(encoding="utf-8")


def test_a_path_that_is_a_link_stays_one(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "raw" / "live").symlink_to(tmp_path / "elsewhere")
    run(source, tmp_path, units)
    run(source, tmp_path, units)
    assert (tmp_path / "raw" / "live").is_symlink() and figures(reread(tmp_path, source)) == expected(site)
    put(tmp_path / "thesis.json")
    (tmp_path / "elsewhere" / "linked.json").symlink_to(tmp_path / "thesis.json")
    with pytest.raises(UserError, match=r"linked\.json"):
        run(source, tmp_path, units)


def test_an_id_from_the_site_leads_to_no_other_folder() -> None:
    scope = Scope("r", "6", (2005, 2006), (("贵州省", "520000000000"),))
    found = questions(scope, {"a": [Indicator("../../../etc/x", "1", "n", "km")]})
    assert [Path(question.file).name == question.file for question in found] == [True]
