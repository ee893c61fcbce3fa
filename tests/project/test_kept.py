"""Pieces of a job are made again where, and only where, something that they were made from has changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ruralpanel.project.kept import MADE_FROM, Hashes, Kept, shown_from


@dataclass
class Job:
    """A job of one piece that counts how often it is made; Snakemake removes its file before each run."""

    folder: Path
    runs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = self.folder / "source.csv"
        self.source.write_text("1", encoding="utf-8")

    def run(self, settings: Mapping[str, Any], code: str = "c", text: str = "made") -> str:
        target = self.folder / "out" / "one.json"
        target.unlink(missing_ok=True)

        def make() -> None:
            self.runs.append(text)
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, encoding="utf-8")

        kept = Kept(self.folder / "kept", {"code": code, "read": {"source": self.source}})
        kept.piece("one", {"settings": settings}, [target], make)
        return target.read_text(encoding="utf-8")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_what_is_as_before_is_not_made_again(job: Job) -> None:
    assert job.run({"x": [1, 2]}) == "made"
    assert job.run({"x": [1, 2]}, text="again") == "made"
    assert job.runs == ["made"]


@pytest.mark.parametrize("change", ["settings", "order", "code", "file", "copy", "record", "lost", "file in its place"])
def test_whatever_changes_it_is_made_again(job: Job, change: str) -> None:
    job.run({"x": [1, 2]})
    own = job.folder / "kept" / "one"
    settings, code = {"x": [1, 2]}, "c"
    if change == "settings":
        settings = {"x": [1, 3]}
    elif change == "order":
        settings = {"x": [2, 1]}
    elif change == "code":
        code = "d"
    elif change == "file":
        job.source.write_text("2", encoding="utf-8")
    elif change == "copy":
        (own / "one.json").write_text("by hand", encoding="utf-8")
    elif change == "record":
        (own / MADE_FROM).write_text("{", encoding="utf-8")
    elif change == "lost":
        (own / "one.json").unlink()
    else:
        shutil.rmtree(own)
        own.write_text("no folder", encoding="utf-8")
    assert job.run(settings, code, "again") == "again"
    assert job.run(settings, code, "third") == "again"


def test_a_piece_that_fails_leaves_the_one_before(job: Job) -> None:
    job.run({"x": 1})
    kept = Kept(job.folder / "kept", {"code": "c", "read": {"source": job.source}})

    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        kept.piece("one", {"settings": {"x": 2}}, [job.folder / "out" / "one.json"], fail)
    assert job.run({"x": 1}, text="again") == "made"


def test_the_record_names_what_a_piece_was_made_from(job: Job) -> None:
    job.run({"x": 1})
    record = json.loads((job.folder / "kept" / "one" / MADE_FROM).read_text(encoding="utf-8"))
    assert list(record["sources"]) == ["code", "read", "settings"]
    assert list(record["files"]) == ["one.json"]


def test_a_record_shows_hashes_made_already_one_by_one(job: Job) -> None:
    job.run({"x": 1})
    kept = Kept(job.folder / "kept")
    made = [kept.value("two", {"figures": Hashes(y="1", x=x)}, lambda x=x: x) for x in ("2", "2", "3")]
    assert made == ["2", "2", "3"]
    record = json.loads((job.folder / "kept" / "two" / MADE_FROM).read_text(encoding="utf-8"))
    assert record["sources"]["figures"] == {"y": "1", "x": "3"}


def test_a_value_is_made_once_and_given_as_it_was_written(job: Job) -> None:
    runs: list[int] = []

    def make() -> list[dict[str, float | None]]:
        runs.append(1)
        return [{"a": 0.1 + 0.2, "b": None}]

    kept = Kept(job.folder / "kept", {"code": "c"})
    own = job.folder / "kept" / "rows"
    values = [kept.value("rows", {"x": 1}, make) for _ in range(2)]
    assert values == [[{"a": 0.1 + 0.2, "b": None}]] * 2 and len(runs) == 1
    (own / "value.json").write_text("[]", encoding="utf-8")
    assert kept.value("rows", {"x": 1}, make) == values[0] and len(runs) == 2
    assert kept.value("rows", {"x": 2}, make) == values[0] and len(runs) == 3
    shutil.rmtree(own)
    own.write_text("no folder", encoding="utf-8")
    assert kept.value("rows", {"x": 2}, make) == values[0] and len(runs) == 4
    assert Kept().value("rows", {"x": 2}, make) == values[0] and len(runs) == 5


def test_pieces_that_are_no_more_are_removed(job: Job) -> None:
    job.run({"x": 1})
    kept = Kept(job.folder / "kept")
    (job.folder / "kept" / ".DS_Store").write_text("of a file manager", encoding="utf-8")
    kept.only(["one", "two"])
    assert (job.folder / "kept" / "one").is_dir()
    kept.only(["two"])
    assert not (job.folder / "kept" / "one").exists()


def test_nothing_is_kept_without_a_folder(job: Job) -> None:
    target = job.folder / "plain.txt"
    for text in ("a", "b"):
        Kept().piece("one", {}, [target], lambda text=text: target.write_text(text, encoding="utf-8"))
        assert target.read_text(encoding="utf-8") == text
    Kept().only([])


def test_a_piece_takes_the_labels_of_what_its_settings_and_results_name(tmp_path: Path) -> None:
    book, model = tmp_path / "codebook.csv", tmp_path / "model.json"
    model.write_text(json.dumps({"outcome": "jobs", "coefficients": [{"term": "roads:gap"}, {"term": "share_staff"}]}))

    def named(**labels: str) -> list[str]:
        words = {"jobs": "Jobs", "roads": "Roads", "gap": "Gap", "staff": "Staff", "urban": "Urban", "rail": "Rail"}
        rows = [f"{name},{label}" for name, label in {**words, **labels}.items()]
        book.write_text("\n".join(["variable,label", *rows]) + "\n", encoding="utf-8")
        made_from = shown_from({"of": ["urban"]}, [book, model, tmp_path / "panel.parquet"])
        assert list(made_from["files"].values()) == [model, tmp_path / "panel.parquet"]
        return [row["label"] for row in made_from["labels"]]

    assert named() == ["Jobs", "Roads", "Gap", "Staff", "Urban"]
    assert named(rail="Railways") == named()
    assert named(gap="Lag") == ["Jobs", "Roads", "Lag", "Staff", "Urban"]
    model.write_bytes("rail,铁路".encode("gb18030"))
    assert named() == ["Urban", "Rail"]
