"""Bring a declared file: from an address through the shared cache, or from a copy; checked, unpacked, put in place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import hashlib
import logging
import lzma
import os
import posixpath
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ruralpanel.project.files import atomic_path, content_of, sha256_of, unusable
from ruralpanel.project.problems import CONFIGURATION, UserError, did_you_mean
from ruralpanel.project.settings import Download
from ruralpanel.project.sources import shown, size
from ruralpanel.tools.fetch.client import Manners, Transfer

CACHE = "RURALPANEL_CACHE"
"""The variable of the environment that names the folder of downloads."""

_CHUNK = 1 << 20
_MANNERS = Manners(pause=1.0, attempts=5)
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # zip with a password
    NotImplementedError,  # zip with an unusual compression
)

Report = Callable[[str], None]


def cache_folder(declared: str | None) -> Path:
    """Where downloads are kept: as `CACHE` says, else as declared, else in the user's folder of caches."""
    import pooch

    return Path(pooch.utils.cache_location(declared or pooch.os_cache("ruralpanel"), env=CACHE)).absolute()


def bring(
    download: Download,
    cache: Path,
    report: Report,
    manners: Manners | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Put one file in its place, and say what was done.

    What the address gives stands in `cache` under its sum. The file in the project is a copy of it: what is done to
    that changes no other project. It replaces nothing but a copy of another file that is in the cache.

    Raises
    ------
    UserError
        No answer, a file of another sum or size, an archive without the file, another file in the place. Nothing that
        was there has changed then, and what has come of a download is kept for the next attempt.
    """
    target = Path(download.target)
    present = content_of(target)
    wanted = download.wanted
    if present and present == wanted:
        return f"{download.target} is there"
    if wanted:
        _require_replaceable(download, present, cache)
    kept, found, words = _obtained(download, cache, report, manners or _MANNERS, sleep)
    content = _content_sum(download, kept) if download.unpack else found
    if wanted and content != wanted:
        problem, expected = f"sha256 {content} of the file in {shown(download.url)}", f"{wanted}, as the sidecar has it"
        raise UserError.at(CONFIGURATION, download.where, problem, expected)
    if present != content:
        _require_replaceable(download, present, cache)
        with atomic_path(target) as temporary, _content(download, kept) as stream, temporary.open("wb") as place:
            while part := stream.read(_CHUNK):
                place.write(part)
    lacks = download.remote and not download.sha256
    advice = f"; write beside its address: sha256: {found}, bytes: {kept.stat().st_size}" if lacks else ""
    done = f"{download.target}, {size(target.stat().st_size)}, {words}"
    return f"{done}{advice}" if present != content else f"{download.target} is there{advice}"


def _require_replaceable(download: Download, present: str, cache: Path) -> None:
    """Refuse to replace a file unless the cache has the same: then nothing is lost."""
    target = Path(download.target)
    kept = cache / present
    if not os.path.lexists(target) or (present and not target.is_symlink() and content_of(kept) == present):
        return
    if target.is_symlink():
        found = "a link"
    elif target.is_dir():
        found = "a folder"
    else:
        found = f"a file that fetch has not brought, or that was changed since: sha256 {present or 'unknown'}"
    expected = f"no file, or that of {shown(download.url)}"
    raise UserError.at(download.target, "", found, expected, "move it to another name, then run: snakemake fetch")


def _obtained(
    download: Download, cache: Path, report: Report, manners: Manners, sleep: Callable[[float], None]
) -> tuple[Path, str, str]:
    """Where the file lies that the address gives, its sum, and where it came from in words.

    Raises
    ------
    UserError
        As `bring`.
    """
    import pooch

    if not download.remote:
        copy = Path(url2pathname(urlsplit(download.url).path))
        if reason := unusable(copy):
            raise UserError.at(CONFIGURATION, download.where, f'"{copy}", {reason}', "a file", "check the path")
        _require_meant(download, copy)
        return copy, sha256_of(copy), f"copied from {copy}"
    if download.sha256 and content_of(cache / download.sha256) == download.sha256:
        _require_meant(download, cache / download.sha256)
        return cache / download.sha256, download.sha256, f"from the cache, {cache}"
    name = download.sha256 or f"of-{hashlib.sha256(download.url.encode()).hexdigest()}"
    with _alone(cache, report):
        known = bool(download.sha256)
        transfer = Transfer(download.url, cache / f"{name}.part", download.bytes, known, manners, report, sleep)
        if not known:  # nothing says that what is there already is the same
            transfer.forget()
            (cache / name).unlink(missing_ok=True)

        def checked(url: str, file: str, _: object) -> None:
            if not (known and content_of(transfer.part) == download.sha256):
                transfer.run()
            if transfer.joined and not _is_meant(download, transfer.part):
                transfer.forget()  # the first half may have been another edition's
                transfer.run()
            try:
                _require_meant(download, transfer.part)
            except UserError:
                transfer.forget()
                raise
            os.replace(transfer.part, file)

        pooch.get_logger().setLevel(logging.ERROR)  # it would print whole addresses
        digest = f"sha256:{download.sha256}" if known else None
        kept = Path(pooch.retrieve(download.url, digest, fname=name, path=cache, downloader=checked))
        found = download.sha256 or sha256_of(kept)
        kept = kept.rename(cache / found)
    return kept, found, f"from {transfer.words or f'the cache, {cache}'}"


@contextmanager
def _alone(cache: Path, report: Report) -> Iterator[None]:
    """One download at a time in a cache, whichever project asks."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        opened = (cache / ".lock").open("w")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        found, fix = os.strerror(error.errno or 0), f"name another by `cache`, or by the variable {CACHE}"
        raise UserError.at(str(cache), "", found, "a folder to keep downloads in", fix) from None
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another fetch")
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:  # a disk without locks
            pass
        yield


def _is_meant(download: Download, file: Path) -> bool:
    return not download.sha256 or sha256_of(file) == download.sha256


def _require_meant(download: Download, file: Path) -> None:
    """Refuse a file of another sum or size than declared."""
    number = file.stat().st_size
    if not number:
        expected, fix = "a file with something in it", "check the address"
        raise UserError.at(CONFIGURATION, download.where, f"0 bytes at {shown(download.url)}", expected, fix)
    if not _is_meant(download, file):
        with file.open("rb") as stream:
            start = stream.read(60).lstrip().decode("utf-8", errors="replace")
        page = f", a page beginning {start[:30]!r}," if start.startswith("<") else ""
        raise UserError.at(
            CONFIGURATION,
            download.where,
            f"another file at {shown(download.url)}:{page} sha256 {sha256_of(file)}, {number} bytes",
            f"sha256 {download.sha256}" + (f", {download.bytes} bytes" if download.bytes else ""),
            "look at what has changed there; if the new file is meant, write its sum, else take one that has the "
            f"declared sum from elsewhere and put it at {download.target}",
        )
    if download.bytes and number != download.bytes:
        found, expected = f"bytes: {download.bytes}", f"{number}, the size of {shown(download.url)}"
        raise UserError.at(CONFIGURATION, download.where, found, expected, f"write bytes: {number}")


def _content_sum(download: Download, kept: Path) -> str:
    digest = hashlib.sha256()
    with _content(download, kept) as stream:
        while part := stream.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


@contextmanager
def _content(download: Download, kept: Path) -> Iterator[IO[bytes]]:
    """What is put in the place: the file itself, or one of those in the archive."""
    with contextlib.ExitStack() as opened:
        try:
            if not download.unpack:
                yield opened.enter_context(kept.open("rb"))
            elif download.unpack == "gz":
                yield cast(IO[bytes], opened.enter_context(gzip.open(kept, "rb")))
            elif download.unpack == "zip":
                archive = opened.enter_context(zipfile.ZipFile(kept))
                files = {posixpath.normpath(_name(item)): item for item in archive.infolist() if not item.is_dir()}
                yield opened.enter_context(archive.open(files[_member(download, files)]))
            else:
                packed = opened.enter_context(tarfile.open(kept, "r:*"))
                members = {posixpath.normpath(item.name): item for item in packed if item.isfile()}
                while packed.fileobj and packed.fileobj.read(_CHUNK):
                    pass  # sums of what is compressed stand at its end, where reading a tar does not come
                stream = packed.extractfile(members[_member(download, members)])
                assert stream is not None  # of files it never is
                yield opened.enter_context(stream)
        except (*_BROKEN, OSError) as error:
            if (
                isinstance(error, OSError) and error.errno is not None
            ):  # of the disk; of the archive they have no number
                raise
            said = f"{type(error).__name__}: {str(error).partition(chr(10))[0].rstrip(':')}"
            found = f"{shown(download.url)}, which cannot be unpacked ({said})"
            expected = f"an archive of kind {download.unpack}, whole and without a password"
            raise UserError.at(CONFIGURATION, download.where, found, expected, "check `unpack`") from None


def _name(item: zipfile.ZipInfo) -> str:
    """A name in an archive; those that are not marked as UTF-8 are often Chinese in its older code."""
    if item.flag_bits & 0x800 or item.filename.isascii():
        return item.filename
    with contextlib.suppress(UnicodeError):
        written = item.filename.encode("cp437")
        for code in ("utf-8", "gb18030"):
            with contextlib.suppress(UnicodeDecodeError):
                return written.decode(code)
    return item.filename


_LITTER = ("__MACOSX/", ".DS_Store")


def _member(download: Download, names: Mapping[str, object]) -> str:
    """The name of the file that is meant."""
    meant = [name for name in names if not name.startswith(_LITTER) and posixpath.basename(name) not in _LITTER]
    if download.member and (member := posixpath.normpath(download.member)) in names:
        return member
    if not download.member and len(meant) == 1:
        return meant[0]
    place = f"an archive of {len(meant)} {'file' if len(meant) == 1 else 'files'}"
    if download.member:
        found, expected = f'no "{download.member}" in {place}', "a file in the archive, with its folders"
        fix = did_you_mean(download.member, meant)
    else:
        found, expected = place, "`member`, the one that is meant"
        fix = "one of " + ", ".join(meant[:12]) if meant else ""
    raise UserError.at(CONFIGURATION, download.where, found, expected, fix)
