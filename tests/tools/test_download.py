"""Files that `snakemake fetch` downloads, from a server of this machine: never a part for the whole, nothing lost."""

from __future__ import annotations

import gzip
import io
import runpy
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

import file_server
from file_server import Files
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import Download
from ruralpanel.tools.fetch.client import Manners
from ruralpanel.tools.fetch.download import CACHE, bring, cache_folder

WHOLE = b"province,year,km\n" + b"".join(b"P%05d,2012,%d\n" % (i, i) for i in range(20_000))
OTHER = WHOLE.replace(b"2012", b"2013")
MANNERS = Manners(pause=1.0, attempts=3, timeout=5.0)


def sum_of(content: bytes) -> str:
    return sha256(content).hexdigest()


@pytest.fixture
def server() -> Iterator[Files]:
    with file_server.running() as running:
        running.content["/roads.csv"] = WHOLE
        yield running


class Fetching:
    """Brings what is declared into a folder, and keeps what was said and how long was waited."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.cache = folder, folder / "cache"
        self.said: list[str] = []
        self.waits: list[float] = []
        self.one = Download(str(folder / "data" / "roads.csv"), f"{url}/roads.csv", "sources.r.url", sum_of(WHOLE))

    @property
    def target(self) -> Path:
        return Path(self.one.target)

    def __call__(self, manners: Manners = MANNERS, **changed: object) -> str:
        download = replace(self.one, **changed)  # type: ignore[arg-type]
        return bring(download, self.cache, self.said.append, manners, self.waits.append)

    def refused(self, manners: Manners = MANNERS, **changed: object) -> str:
        with pytest.raises(UserError) as error:
            self(manners, **changed)
        return str(error.value)

    def left(self) -> set[str]:
        """What stands in the cache but the lock."""
        return {path.name for path in self.cache.iterdir()} - {".lock"}


@pytest.fixture
def fetching(tmp_path: Path, server: Files) -> Fetching:
    return Fetching(tmp_path, server.url)


def test_a_file_comes_once_for_all_projects(server: Files, fetching: Fetching, tmp_path: Path) -> None:
    words = fetching(bytes=len(WHOLE))
    assert fetching.target.read_bytes() == WHOLE and f"from {server.url}/roads.csv" in words
    assert fetching.said[-1].split()[0] == fetching.said[-1].split()[2] and fetching.said[-1].endswith("kB")
    assert fetching.left() == {sum_of(WHOLE)} and fetching.waits == []
    again = fetching()
    elsewhere = fetching(target=str(tmp_path / "other" / "r.csv"))
    assert "is there" in again and "from the cache" in elsewhere and len(server.asked) == 1
    (tmp_path / "other" / "r.csv").write_bytes(b"edited")  # a copy: the cache and the first project keep theirs
    assert fetching.target.read_bytes() == WHOLE and (fetching.cache / sum_of(WHOLE)).read_bytes() == WHOLE


def test_a_cut_connection_goes_on_where_it_was_cut(server: Files, fetching: Fetching) -> None:
    server.traps["/roads.csv"] = ["cut", "cut"]
    fetching()
    first, second, third = server.ranges_asked("/roads.csv")
    assert first == "" and second.startswith("bytes=") and int(third[6:-1]) > int(second[6:-1]) > len(WHOLE) * 0.3
    assert fetching.target.read_bytes() == WHOLE and fetching.left() == {sum_of(WHOLE)}


def test_what_an_interrupted_fetch_has_kept_is_gone_on_with(server: Files, fetching: Fetching) -> None:
    server.traps["/roads.csv"] = ["cut", "500", "500", "500"]
    said = fetching.refused()
    assert "500 Internal Server Error" in said and "what has come so far is kept" in said
    assert not fetching.target.exists() and fetching.left() == {f"{sum_of(WHOLE)}.part"}
    kept = (fetching.cache / f"{sum_of(WHOLE)}.part").stat().st_size
    fetching()
    assert server.ranges_asked("/roads.csv")[-1] == f"bytes={kept}-" and fetching.target.read_bytes() == WHOLE


def test_a_part_that_is_whole_is_not_asked_for_again(server: Files, fetching: Fetching) -> None:
    fetching.cache.mkdir()
    (fetching.cache / f"{sum_of(WHOLE)}.part").write_bytes(WHOLE)
    fetching()
    assert not server.asked and fetching.target.read_bytes() == WHOLE


@pytest.mark.parametrize("part", [OTHER[:1000], OTHER + b"longer"])
def test_a_part_of_another_edition_is_thrown_away(server: Files, fetching: Fetching, part: bytes) -> None:
    fetching.cache.mkdir()
    (fetching.cache / f"{sum_of(WHOLE)}.part").write_bytes(part)
    fetching()
    assert fetching.target.read_bytes() == WHOLE and server.ranges_asked("/roads.csv")[-1] == ""


@pytest.mark.parametrize("declared", [True, False])
def test_an_edition_that_changes_on_the_way_is_not_joined_to_the_first(
    server: Files, fetching: Fetching, declared: bool
) -> None:
    server.content["/roads.csv"] = OTHER
    server.traps["/roads.csv"] = ["cut", f"edition {WHOLE.decode()}"]
    fetching(sha256=sum_of(WHOLE) if declared else "")
    assert fetching.target.read_bytes() == WHOLE


def test_where_nothing_tells_editions_apart_all_is_asked_again(server: Files, fetching: Fetching) -> None:
    server.editions = False
    server.traps["/roads.csv"] = ["cut"]
    words = fetching(sha256="")
    assert server.ranges_asked("/roads.csv") == ["", ""] and fetching.target.read_bytes() == WHOLE
    assert f"write beside its address: sha256: {sum_of(WHOLE)}" in words


def test_a_server_without_ranges_begins_anew(server: Files, fetching: Fetching) -> None:
    server.ranges = False
    server.traps["/roads.csv"] = ["cut"]
    fetching()
    assert fetching.target.read_bytes() == WHOLE and len(server.asked) == 2


def test_an_end_that_is_not_announced_is_held_against_the_declared_size(server: Files, fetching: Fetching) -> None:
    server.traps["/roads.csv"] = ["no length"]
    fetching(bytes=len(WHOLE))
    assert fetching.target.read_bytes() == WHOLE and server.ranges_asked("/roads.csv")[1].startswith("bytes=")


def test_failures_are_met_with_longer_and_longer_pauses(server: Files, fetching: Fetching) -> None:
    server.traps["/roads.csv"] = ["500", "503"]
    fetching()
    assert fetching.waits == [2.0, 4.0] and fetching.target.read_bytes() == WHOLE
    assert any("500 Internal Server Error" in words for words in fetching.said)


def test_what_the_server_says_of_when_to_come_back_is_heard(server: Files, fetching: Fetching) -> None:
    server.traps["/roads.csv"] = ["503"]
    fetching(Manners(pause=0.1, attempts=3, timeout=5))
    assert fetching.waits == [3.0]


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_refusal_for_good_is_not_asked_again(server: Files, fetching: Fetching, status: int) -> None:
    server.traps["/roads.csv"] = [str(status)] * 9
    said = fetching.refused()
    assert str(status) in said and "check the address" in said and len(server.asked) == 1
    assert not fetching.target.exists() and fetching.left() == set()


def test_slow_answers_are_given_up(server: Files, fetching: Fetching) -> None:
    server.traps["/roads.csv"] = ["slow"]
    fetching(Manners(pause=0, attempts=2, timeout=0.2))
    assert len(server.asked) == 2 and any("nothing within 0.2 seconds" in words for words in fetching.said)


def test_nobody_at_the_address(server: Files, fetching: Fetching) -> None:
    said = fetching.refused(url="http://127.0.0.1:1/roads.csv")
    assert "no answer (ConnectionError), 3 times" in said


def test_redirections_are_followed_and_told_without_what_is_secret(server: Files, fetching: Fetching) -> None:
    server.traps["/old.csv"] = [f"to {server.url}/roads.csv?signature=hidden"]
    words = fetching(url=f"{server.url}/old.csv")
    assert f"/old.csv, redirected to {server.url}/roads.csv?…" in words and "hidden" not in words
    server.traps["/round.csv"] = ["to /round.csv"] * 50
    assert "redirections without end" in fetching.refused(url=f"{server.url}/round.csv", sha256="")
    server.traps["/away.csv"] = ["to file:///etc/hostname"]
    assert "none of the web" in fetching.refused(url=f"{server.url}/away.csv", sha256="")


def test_another_file_is_refused_with_both_sums(server: Files, fetching: Fetching) -> None:
    server.content["/roads.csv"] = OTHER
    said = fetching.refused()
    assert sum_of(OTHER) in said and sum_of(WHOLE) in said and "write its sum" in said
    assert not fetching.target.exists() and fetching.left() == set() and len(server.asked) == 1
    server.content["/roads.csv"] = b"<!DOCTYPE html>sign in"
    assert "a page beginning '<!DOCTYPE html>sign in'" in fetching.refused()


def test_a_wrong_size_is_said(server: Files, fetching: Fetching) -> None:
    assert f"write bytes: {len(WHOLE)}" in fetching.refused(bytes=17)


@pytest.mark.parametrize("remote", [True, False])
def test_files_of_ones_own_are_never_replaced(server: Files, fetching: Fetching, remote: bool) -> None:
    copy = fetching.folder / "copy.csv"
    copy.write_bytes(WHOLE)
    url = fetching.one.url if remote else copy.as_uri()
    fetching.target.parent.mkdir()
    fetching.target.write_bytes(b"my own repairs")
    said = fetching.refused(url=url)
    assert "move it to another name" in said and fetching.target.read_bytes() == b"my own repairs"
    assert not server.asked  # refused before anything is downloaded
    fetching.target.unlink()
    (fetching.folder / "elsewhere.csv").write_bytes(b"my own, elsewhere")
    fetching.target.symlink_to(fetching.folder / "elsewhere.csv")
    assert "a link" in fetching.refused(url=url)
    assert (fetching.folder / "elsewhere.csv").read_bytes() == b"my own, elsewhere"


def test_a_new_edition_replaces_the_old_one_and_no_edited_one(server: Files, fetching: Fetching) -> None:
    fetching()
    server.content["/roads.csv"] = OTHER
    fetching(sha256=sum_of(OTHER))
    assert fetching.target.read_bytes() == OTHER and fetching.left() == {sum_of(WHOLE), sum_of(OTHER)}
    fetching.target.write_bytes(OTHER + b"edited")
    assert "changed since" in fetching.refused(sha256=sum_of(OTHER))


def test_a_spoilt_file_in_the_cache_is_fetched_again(server: Files, fetching: Fetching) -> None:
    fetching()
    (fetching.cache / sum_of(WHOLE)).write_bytes(WHOLE[:100])
    fetching.target.unlink()
    fetching()
    assert fetching.target.read_bytes() == WHOLE and len(server.asked) == 2


def test_a_copy_that_one_has_is_checked_and_copied(fetching: Fetching) -> None:
    copy = fetching.folder / "复本 copy.csv"
    copy.write_bytes(WHOLE)
    assert "copied from" in fetching(url=copy.as_uri(), sha256="") and fetching.target.read_bytes() == WHOLE
    fetching.target.unlink()
    copy.write_bytes(OTHER)
    assert sum_of(OTHER) in fetching.refused(url=copy.as_uri()) and not fetching.target.exists()
    copy.unlink()
    assert "复本 copy.csv" in fetching.refused(url=copy.as_uri())


@pytest.mark.parametrize("declared", [True, False])
def test_an_empty_answer_is_no_file(server: Files, fetching: Fetching, declared: bool) -> None:
    server.content["/roads.csv"] = b""
    said = fetching.refused(sha256=sum_of(b"") if declared else "")
    assert "0 bytes at" in said and not fetching.target.exists() and not fetching.left()


def test_what_the_disk_refuses_of_one_source_keeps_no_other_from_coming(root: Path, fetching: Fetching) -> None:
    (fetching.folder / "file").write_text("in the place of a folder", encoding="utf-8")
    (fetching.folder / "folder").mkdir()
    places = [fetching.folder / "file" / "roads.csv", fetching.folder / "folder", fetching.target]
    sources = {
        f"s{i}": {
            "name": "r",
            "adapter": "table",
            "path": "",
            "files": (),
            "about": None,
            "series": {},
            "downloads": [vars(replace(fetching.one, target=str(p)))],
        }
        for i, p in enumerate(places)
    }
    with pytest.raises(UserError) as error:
        runpy.run_path(str(root / "workflow" / "scripts" / "fetch.py"))["main"](
            {}, {}, sources, str(fetching.cache), "", ""
        )
    first, second = (str(problem) for problem in error.value.problems)
    assert str(fetching.folder / "file") in first and "expected a folder" in first
    assert "found a folder" in second and fetching.target.read_bytes() == WHOLE


def zipped(name: str = "data/roads.csv", content: bytes = WHOLE) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._roads.csv", "litter")
        archive.writestr(name, content)
    return buffer.getvalue()


def tarred(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        item = tarfile.TarInfo("./data/roads.csv")
        item.size = len(WHOLE)
        archive.addfile(item, io.BytesIO(WHOLE))
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "content"), [
    ("zip", zipped()), ("tar.gz", tarred("w:gz")), ("tar", tarred("w")), ("gz", gzip.compress(WHOLE)),
])  # fmt: skip
@pytest.mark.parametrize("member", ["", "data/roads.csv", "./data/roads.csv"])
def test_a_file_of_an_archive(server: Files, fetching: Fetching, kind: str, content: bytes, member: str) -> None:
    server.content["/roads.csv"] = content
    fetching(sha256=sum_of(content), unpack=kind, member=member)
    assert fetching.target.read_bytes() == WHOLE and fetching.left() == {sum_of(content)}
    assert "is there" in fetching(sha256=sum_of(content), unpack=kind, member=member)
    fetching.target.write_bytes(b"edited")
    assert "changed since" in fetching.refused(sha256=sum_of(content), unpack=kind, member=member)
    assert fetching.target.read_bytes() == b"edited"


def test_names_in_older_chinese_archives(server: Files, fetching: Fetching) -> None:
    name = "公路/里程.csv"
    written = name.encode("gb18030")
    content = zipped("x" * len(written)).replace(b"x" * len(written), written)
    server.content["/roads.csv"] = content
    fetching(sha256=sum_of(content), unpack="zip", member=name)
    assert fetching.target.read_bytes() == WHOLE


def several() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data/roads.csv", WHOLE)
        archive.writestr("data/rails.csv", OTHER)
    return buffer.getvalue()


def damaged(mode: str) -> bytes:
    """A tar with one byte changed amid what is compressed."""
    content = bytearray(tarred(mode))
    content[len(content) * 2 // 3] ^= 0xFF
    return bytes(content)


def encrypted() -> bytes:
    content = bytearray(zipped(content=b"short"))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 1)
    return bytes(content)


@pytest.mark.parametrize(("content", "kind", "member", "words"), [
    (several(), "zip", "", "an archive of 2 files"),
    (several(), "zip", "data/road.csv", 'did you mean "data/roads.csv"'),
    (WHOLE, "zip", "", "cannot be unpacked"), (WHOLE, "tar.gz", "", "cannot be unpacked"),
    (WHOLE, "gz", "", "cannot be unpacked"), (encrypted(), "zip", "", "password"),
    (damaged("w:gz"), "tar.gz", "", "cannot be unpacked"), (damaged("w:bz2"), "tar", "", "cannot be unpacked"),
    (damaged("w:xz"), "tar", "", "cannot be unpacked"), (zipped()[:-40], "zip", "", "cannot be unpacked"),
    (gzip.compress(WHOLE)[:-20], "gz", "", "cannot be unpacked"), (zipped("../../road.csv"), "zip", "x", 'no "x"'),
])  # fmt: skip
def test_what_cannot_be_unpacked_leaves_nothing(
    server: Files, fetching: Fetching, content: bytes, kind: str, member: str, words: str
) -> None:
    server.content["/roads.csv"] = content
    said = fetching.refused(sha256=sum_of(content), unpack=kind, member=member)
    assert words in said and not fetching.target.exists()
    folder = fetching.target.parent
    assert not folder.exists() or not list(folder.iterdir())


def test_the_sum_of_what_is_unpacked_may_be_declared_too(server: Files, fetching: Fetching) -> None:
    content = server.content["/roads.csv"] = several()
    meant = {"sha256": sum_of(content), "unpack": "zip", "content": sum_of(WHOLE)}
    assert sum_of(OTHER) in fetching.refused(**meant, member="data/rails.csv") and not fetching.target.exists()
    fetching(**meant, member="data/roads.csv")
    assert fetching.target.read_bytes() == WHOLE


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache_folder("mine") == Path("mine").absolute()
    assert "ruralpanel" in str(cache_folder(None))
    monkeypatch.setenv(CACHE, str(tmp_path / "shared"))
    assert cache_folder("mine") == cache_folder(None) == tmp_path / "shared"


def test_a_cache_that_cannot_be_written_says_where_another_is_named(fetching: Fetching) -> None:
    fetching.cache.write_text("a file in its place", encoding="utf-8")
    said = fetching.refused()
    assert str(fetching.cache) in said and CACHE in said and not fetching.target.exists()
    fetching.cache.unlink()
    (fetching.cache / ".lock").mkdir(parents=True)
    assert str(fetching.cache) in fetching.refused()


def test_two_fetches_at_once_bring_one_file(server: Files, fetching: Fetching, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    server.traps["/roads.csv"] = ["slow"]
    run: Callable[[int], str] = lambda i: fetching(target=str(tmp_path / str(i) / "roads.csv"))  # noqa: E731
    with ThreadPoolExecutor(2) as pool:
        words = list(pool.map(run, range(2)))
    assert sum("from the cache" in said for said in words) == 1
    assert len(server.asked) == 1 and "waiting for another fetch" in fetching.said
    assert all((tmp_path / str(i) / "roads.csv").read_bytes() == WHOLE for i in range(2))
