"""The shipped report in each of its languages: nothing of the other one is left in it by mistake."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from ruralpanel.output.tables.document import TableDocument
from tex_structure import standalone_tex

VOID = {"meta", "br", "img", "input", "link", "hr"}
AS_THEY_ARE = {"script", "style", "pre"}
READ = ("alt", "aria-label", "title", "placeholder", "data-tip", "data-found")
CODE = re.compile(r"python -m .*|snakemake .*|/.*|\w+:\S.*")
"""What stands as code in either language: commands, places in files, keys of quoted numbers."""
ADDRESS = re.compile(r"\S*(?:https?://|[\w.-]+/[\w.-]+|\w+_\w+)\S*")
LEFT_OVER = {
    "zh": re.compile(r"\b[a-z]{2,}(?:[ ,-]+[a-z]+){2,}\b"),
    "en": re.compile(r"[\u4e00-\u9fff]+"),
}
"""What is another language's: three words in a row, or a Chinese character."""


class Words(HTMLParser):
    """What is read of a page but for commands, references, and parts that say that they are in another language."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.read: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        left = tag in AS_THEY_ARE or (tag != "html" and "lang" in values) or "references" in values.get("class", "")
        if not self.left_out:
            self.read += [values[name] for name in READ if values.get(name)]
        if tag not in VOID:
            self.open.append((tag, left))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not self.left_out and not (self.open and self.open[-1][0] == "code" and CODE.fullmatch(text)):
            self.read.append(text)

    @property
    def left_out(self) -> bool:
        return any(left for _, left in self.open)


def left_over(page: str, language: str, names: set[str]) -> list[str]:
    """Texts of the other language in a page, but for addresses and `names`."""
    found = []
    for text in Words(page).read:
        bare = ADDRESS.sub(" ", text)
        for name in names:
            bare = bare.replace(name, " ")
        if LEFT_OVER[language].search(bare):
            found.append(text)
    return list(dict.fromkeys(found))


def test_what_is_left_over_is_seen() -> None:
    page = """<html lang="zh"><body><p>图 <b>drawn by nobody at all</b></p><p lang="en">three words more</p>
    <code>/counts/as it was written</code><code>python -m some words more</code><pre>all of it here</pre>
    <code>number of entries</code><img alt="a map without words">聚类<ul class="references"><li>of the many</ul>"""
    found = ["drawn by nobody at all", "number of entries", "a map without words"]
    assert left_over(page, "zh", set()) == found
    assert left_over(page, "zh", {"map without words"}) == found[:2]
    assert left_over(page, "en", set()) == ["图", "聚类"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_is_in_one_language(pages: dict[str, Path], root: Path, language: str) -> None:
    """Chinese names of publications are left as the sidecars give them."""
    sidecars = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (root / "data" / "sources").glob("*.yaml")]
    names = set(re.findall(r"[\u4e00-\u9fff]+", " ".join(sidecar["title"] for sidecar in sidecars)))
    assert left_over(pages[language].read_text(encoding="utf-8"), language, names) == []


@pytest.mark.skipif(shutil.which("xelatex") is None, reason="no XeLaTeX is installed")
def test_every_chinese_table_fits_an_upright_page(pages: dict[str, Path], tmp_path: Path) -> None:
    tables = pages["zh"].parent.parent / "tables"
    documents = [TableDocument.from_json(path) for path in sorted(tables.glob("*.json"))]
    assert len(documents) > 20 and {document.language for document in documents} == {"zh"}
    (tmp_path / "tables.tex").write_text(standalone_tex(documents), encoding="utf-8")
    command = ["xelatex", "-no-pdf", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    log = (tmp_path / "tables.log").read_text(encoding="utf-8", errors="replace")
    assert [width for width in re.findall(r"Overfull .hbox .([\d.]+)pt", log) if float(width) > 5] == []
    assert "Missing character" not in log
