"""Pieces of a job kept beside what they were made from: a run makes only those again of which something changed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruralpanel.project.files import atomic_path, content_of, plain, read_rows, sha256_of, write_json
from ruralpanel.project.problems import LOG

FOLDER = Path("results/kept")
MADE_FROM = "made_from.json"
VALUE = "value.json"
_WORD = re.compile(r"\w+")


class Hashes(dict[str, str]):
    """Hashes by name, made already: a record shows them as they are, so that it tells which of them changed."""


@dataclass(frozen=True)
class Kept:
    """Where a job keeps its pieces: ``<folder>/<piece>/`` holds copies of its files, and `MADE_FROM` beside them.

    Snakemake removes what a job wrote before it runs the job again; what is kept here stays. A piece is as good as new
    where everything that it was made from is as before, and its copies are: a file changed by hand is made again.

    Attributes
    ----------
    folder : None: nothing is kept, every piece is made.
    shared : what every piece of the job is made from, by the name that `MADE_FROM` gives it.
    """

    folder: Path | None = None
    shared: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, job: str, code: str, files: Iterable[str], **settings: Any) -> Kept:
        """What a job of this name keeps, whose pieces all stand on its code, the files that it reads and `settings`."""
        return cls(FOLDER / job, {"code": code, "read": {file: Path(file) for file in files}, **settings})

    def piece(self, name: str, made_from: Mapping[str, Any], files: Sequence[Path], make: Callable[[], object]) -> None:
        """See to it that the `files` of a piece stand in place: kept ones, else those that `make` writes.

        Parameters
        ----------
        made_from : everything beside `shared` that the files depend on: settings as plain values, and paths of files,
            which count by what they hold.
        """
        if self.folder is None:
            make()
            return
        own = self.folder / name
        sources = {key: _digest(value) for key, value in {**self.shared, **made_from}.items()}
        copies = {"sources": sources, "files": {file.name: content_of(own / file.name) for file in files}}
        if json.dumps(_record(own)) == json.dumps(copies):  # the order of columns counts too
            for file in files:
                if file.parent != own:
                    _copy(own / file.name, file)
            LOG.info("%s is as before", name)
            return
        if not own.is_dir():
            own.unlink(missing_ok=True)
        make()
        for file in files:
            if file.parent != own:
                _copy(file, own / file.name)
        write_json(own / MADE_FROM, {"sources": sources, "files": {file.name: sha256_of(file) for file in files}})

    def value(
        self, name: str, made_from: Mapping[str, Any], make: Callable[[], Any], files: Sequence[Path] = ()
    ) -> Any:
        """What `make` returns, as `plain` values, beside the `files` that it writes, if any; see `piece`."""
        if self.folder is None:
            return plain(make())
        file = self.folder / name / VALUE
        self.piece(name, made_from, [file, *files], lambda: write_json(file, make()))
        return json.loads(file.read_text(encoding="utf-8"))

    def only(self, names: Collection[str]) -> None:
        """Remove the pieces that the job no longer has."""
        for own in self.folder.glob("*") if self.folder else ():
            if own.is_dir() and own.name not in names:  # files are none of the job's, such as a file manager's
                shutil.rmtree(own)


def shown_from(settings: Any, files: Iterable[str | Path]) -> dict[str, Any]:
    """What an output is made from that takes the labels of what its settings and results name, and no other.

    Of codebooks the rows of variables that are named there, so that a label which is not shown may change.

    Parameters
    ----------
    files : codebooks, results (JSON and CSV are searched for names) and panels.
    """
    books: list[Path] = []
    others: list[Path] = []
    for file in map(Path, files):
        (books if file.name == "codebook.csv" else others).append(file)
    read = (file for file in others if file.suffix in (".json", ".csv") and file.is_file())
    told = (file.read_text(encoding="utf-8", errors="replace") for file in read)  # who shows it says what it lacks
    named = " ".join({word for text in (json.dumps(plain(settings)), *told) for word in _WORD.findall(text)})
    labels = [row for file in books if file.is_file() for row in read_rows(file) if row["variable"] in named]
    return {"settings": settings, "files": {str(file): file for file in others}, "labels": labels}


def _digest(value: Any) -> Any:
    """The hash of a file's content or of a value; a mapping of paths, and `Hashes`, by their entries."""
    if isinstance(value, Path):
        return content_of(value)
    if isinstance(value, Hashes):
        return dict(value)
    if isinstance(value, Mapping) and value and all(isinstance(part, Path) for part in value.values()):
        return {str(key): content_of(part) for key, part in value.items()}
    text = json.dumps(plain(value), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _record(own: Path) -> Any:
    try:
        return json.loads((own / MADE_FROM).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
