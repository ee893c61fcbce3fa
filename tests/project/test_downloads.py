"""Sources with an address: what is declared, what is missing and what fetching mends, in words."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from ruralpanel.project.jobs import fetch_settings, open_project, reading_settings
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import UserError

CONTENT = b"unit,period,km\nA,2012,3\n"
SUM = sha256(CONTENT).hexdigest()
URL = "https://example.org/files/roads.csv"
WHOLE: dict[str, Any] = {"url": URL, "sha256": SUM, "bytes": 3_831_184}


def written(folder: Path, source: Mapping[str, Any], **further: Any) -> Path:
    """A project of one source."""
    (folder / "units.csv").write_text("id,name_en\nA,Aland\n", encoding="utf-8")
    document = {
        "title": "Made up",
        "units": "units.csv",
        "sources": {"roads": {"adapter": "table", "path": "data/roads.csv",
                              "series": {"km": {"measure": "km"}}, **source}},
        "panels": {"main": {"periods": [2012]}},
        "variables": {"km": {"source": "roads", "series": "km", "measure": "km"}},
        "models": {},
        **further,
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return folder / "config.yaml"


def put(folder: Path, name: str = "data/roads.csv", content: bytes = CONTENT) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)


def problems(folder: Path, source: Mapping[str, Any], fetching: bool = False, **further: Any) -> str:
    try:
        open_project([written(folder, source, **further)], fetching=fetching)
    except UserError as error:
        return str(error)
    return ""


def about(folder: Path, **further: Any) -> dict[str, str]:
    values = {"publisher": "Roads Office", "title": "Roads", "licence": "CC BY 4.0", **further}
    (folder / "about.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return {"about": "about.yaml"}


def test_a_missing_file_says_command_origin_size_and_licence(tmp_path: Path) -> None:
    said = problems(tmp_path, {**WHOLE, **about(tmp_path)})
    assert said.count("\n") == 0
    for part in ("sources.roads.path", "run: snakemake fetch", URL, "3.83 MB", "licence: CC BY 4.0"):
        assert part in said
    assert not problems(tmp_path, {**WHOLE, **about(tmp_path)}, fetching=True)
    said = problems(tmp_path, {"url": URL, "sha256": SUM})
    assert "size not declared; licence: not declared" in said


def test_a_file_that_is_there_is_held_against_its_sum(tmp_path: Path) -> None:
    put(tmp_path)
    assert not problems(tmp_path, WHOLE)
    assert not problems(tmp_path, {**WHOLE, "sha256": SUM.upper()})
    put(tmp_path, content=b"unit,period,km\nA,2012,4\n")
    said = problems(tmp_path, WHOLE)
    assert (
        SUM in said and sha256(b"unit,period,km\nA,2012,4\n").hexdigest() in said and "move it to another name" in said
    )
    assert not problems(tmp_path, WHOLE, fetching=True)  # fetch itself says what it does with it


def test_without_a_sum_fetching_alone_goes_on(tmp_path: Path) -> None:
    assert "run: snakemake fetch, which prints the line" in problems(tmp_path, {"url": URL})
    assert not problems(tmp_path, {"url": URL}, fetching=True)
    put(tmp_path)
    assert f"write sha256: {SUM}" in problems(tmp_path, {"url": URL})
    assert not problems(tmp_path, {"file": "copy.csv"})  # of a copy that one has it need not be declared


def test_the_sum_may_stand_in_the_sidecar(tmp_path: Path) -> None:
    put(tmp_path)
    source = {"url": URL, **about(tmp_path, files={"roads.csv": {"sha256": SUM}})}
    assert not problems(tmp_path, source)
    (one,) = open_project([written(tmp_path, source)]).sources["roads"].downloads
    assert one.sha256 == one.content == one.wanted == SUM
    said = problems(tmp_path, {**source, "sha256": "0" * 64}, fetching=True)
    assert "0" * 64 in said and SUM in said and "about.yaml declares it" in said
    put(tmp_path, content=b"edited")
    assert problems(tmp_path, source).count("another content") == 1


@pytest.mark.parametrize(("source", "words"), [
    ({"sha256": SUM}, "no `url` beside it"), ({"bytes": 3}, "no `url` beside it"),
    ({**WHOLE, "sha256": SUM[:-1]}, "64 digits"), ({**WHOLE, "sha256": SUM[:-1] + "x"}, "64 digits"),
    ({**WHOLE, "sha256": 12}, "12"), ({**WHOLE, "bytes": 0}, "bytes"), ({**WHOLE, "unpack": "rar"}, "tar.gz"),
    ({**WHOLE, "file": "copy.csv"}, "one of the two"), ({**WHOLE, "member": "a.csv"}, "`member` without `unpack`"),
    ({**WHOLE, "url": "ftp://example.org/a.csv"}, "https://, http:// or file://"),
    ({**WHOLE, "url": "roads.csv"}, "https://, http:// or file://"), ({**WHOLE, "url": "https:///a.csv"}, "a host"),
    ({**WHOLE, "url": "https://example.org/a b.csv"}, "%20"), ({**WHOLE, "url": "http://[::1/a"}, "cannot be read"),
    ({**WHOLE, "url": "http://example.org:x/a"}, "cannot be read"),
    ({**WHOLE, "url": "http://example.org:99999/a"}, "cannot be read"),
    ({**WHOLE, "url": "file://elsewhere/a.csv"}, "the whole path"), ({**WHOLE, "url": "file:a.csv"}, "the whole path"),
    ({**WHOLE, "path": "data/*.csv"}, "the one place"), ({**WHOLE, "path": "data/"}, "data/NAME"),
    ({**WHOLE, "url": {"a.csv": URL}}, "`sha256` beside several files"), ({"url": {"../a.csv": URL}}, "name of a file"),
    ({"url": {".hidden": URL}}, "name of a file"), ({"url": {"a.csv": {"sha256": SUM}}}, "url"), ({"url": {}}, "url"),
    ({"url": [URL]}, "url"), ({**WHOLE, "adapter": "nbs_api"}, "this adapter asks the site itself"),
])  # fmt: skip
def test_what_cannot_be_meant(tmp_path: Path, source: Mapping[str, Any], words: str) -> None:
    said = problems(tmp_path, source, fetching=True)
    assert words in said and "sources.roads" in said


@pytest.mark.parametrize("url", [
    "https://me:hidden@example.org/a.csv", "https://hidden@example.org/a.csv",
    "https://example.org/a.csv?token=hidden", "https://example.org/a?x=1&X-Amz-Signature=hidden",
    "https://example.org/a?api_key=hidden", "https://me:hidden@[::1/a.csv",
])  # fmt: skip
def test_what_is_secret_is_refused_and_not_printed(tmp_path: Path, url: str) -> None:
    said = problems(tmp_path, {**WHOLE, "url": url})
    assert "sources.roads.url" in said and "hidden" not in said


def test_queries_are_not_printed(tmp_path: Path) -> None:
    said = problems(tmp_path, {**WHOLE, "url": f"{URL}?id=7"})
    assert f"{URL}?…" in said and "id=7" not in said


def test_several_files_go_into_a_folder(tmp_path: Path) -> None:
    source = {"path": "data", "url": {"a.csv": {"url": URL, "sha256": SUM}, "b.csv": URL},
              **about(tmp_path, files={"b.csv": {"sha256": SUM}})}  # fmt: skip
    said = problems(tmp_path, source)
    assert "data/a.csv" in said and "data/b.csv" in said and said.count("run: snakemake fetch") == 2
    put(tmp_path, "data/b.csv")
    said = problems(tmp_path, source)
    assert "data/a.csv" in said and "data/b.csv" not in said
    put(tmp_path, "data/a.csv", b"another")
    said = problems(tmp_path, {**source, **about(tmp_path, files={n: {"sha256": SUM} for n in ("a.csv", "b.csv")})})
    assert said.count("another content") == 1 and "data/a.csv" in said


def test_of_an_archive_the_sum_is_the_archives(tmp_path: Path) -> None:
    source = {**WHOLE, "sha256": "1" * 64, "unpack": "zip", "member": "in/roads.csv"}
    put(tmp_path)
    assert not problems(tmp_path, source)
    pinned = {**source, **about(tmp_path, files={"roads.csv": {"sha256": "2" * 64}})}
    assert "2" * 64 in problems(tmp_path, pinned)


def test_two_sources_may_share_a_file_and_not_a_place(tmp_path: Path) -> None:
    put(tmp_path)
    path = written(tmp_path, WHOLE)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["sources"]["again"] = dict(document["sources"]["roads"])
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert set(fetch_settings(open_project([path]))["downloads"]) == {"roads", "again"}
    document["sources"]["again"]["url"] = URL + "x"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(UserError, match="puts another file"):
        fetch_settings(open_project([path]))


def test_a_copy_is_named_from_the_configuration(tmp_path: Path) -> None:
    (one,) = read_config(written(tmp_path, {"file": "mine/复本.csv"})).sources["roads"].downloads
    assert one.url == (tmp_path / "mine" / "复本.csv").as_uri() and not one.remote
    assert "mine/复本.csv" in problems(tmp_path, {"file": "mine/复本.csv"})


def test_no_figure_depends_on_where_its_file_comes_from(tmp_path: Path) -> None:
    put(tmp_path)
    settings = [reading_settings(open_project([written(tmp_path, source)]), "roads") for source in ({}, WHOLE)]
    assert settings[0] == settings[1]


@pytest.mark.parametrize("key", ["url", "sha256", "bytes", "unpack", "member", "file", "url of several"])
def test_strange_values_end_in_words(tmp_path: Path, key: str) -> None:
    for value in (None, True, -1, 1.5, 10**20, "", " ", "x" * 5000, "a\nb", "~", "/", "..", "http://", "http:///", "://",
                  "http://a:b:c/", "http://[", "file://", "file:///", "https://x/\x00", "😀", [], [None], {}, {"a": {}},
                  {"a": None}, {"a": "x"}, {1: URL}, {"a.csv": {"url": None}}, {"/": URL}):  # fmt: skip
        source = {**WHOLE, key: value} if key != "url of several" else {"path": "data", "url": {"a.csv": value}}
        said = problems(tmp_path, source)
        assert "sources.roads" in said, value
