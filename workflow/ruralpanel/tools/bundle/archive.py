"""The archive: every file at its place, checksums, what it says of itself."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.output.report.software import RECORD, version_of
from ruralpanel.project.files import atomic_path, sha256_of
from ruralpanel.project.load import Config
from ruralpanel.project.yaml import load_document
from ruralpanel.tools.bundle.contents import Layout
from ruralpanel.tools.bundle.crate import crate
from ruralpanel.tools.bundle.readme import readme

CHECKSUMS, CRATE = "SHA256SUMS", "ro-crate-metadata.json"
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""When each file of the archive says that it was written: the first moment that the format knows."""


def write_bundle(
    config: Config,
    places: Layout,
    checkout: Path,
    overrides: Mapping[str, Any],
    programs: Sequence[Mapping[str, Any]],
    target: Path,
) -> None:
    """Write the archive, the same bytes from the same files.

    Parameters
    ----------
    overrides : what ``--config`` set. programs : ``rule``, ``script``, ``output`` and ``message`` of each rule.
    """
    version = version_of(checkout)
    citation = _citation(config)
    sums = {place: sha256_of(path) for place, path in places.files.items()}
    record = {
        "directory": places.directory,
        "configfile": places.configfile,
        "config": dict(overrides),
        "version": version.version,
        "commit": version.commit,
        "results": sorted(places.results),
    }
    own = {
        "README.md": readme(config, places, version, citation, programs),
        RECORD: _json(record),
    }
    sums |= {place: hashlib.sha256(text.encode()).hexdigest() for place, text in own.items()}
    own[CRATE] = _json(crate(config, places, version, citation, sums))
    sums[CRATE] = hashlib.sha256(own[CRATE].encode()).hexdigest()
    own[CHECKSUMS] = "".join(f"{digest}  {place}\n" for place, digest in sorted(sums.items()))
    files = {place: path for place, path in places.files.items() if place not in own}
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for place in sorted({*own, *files}):
            content = own[place].encode() if place in own else files[place].read_bytes()
            entry = zipfile.ZipInfo(place, EARLIEST)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(entry, content)


def _json(values: Any) -> str:
    return json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _citation(config: Config) -> Mapping[str, Any]:
    """What the project's ``CITATION.cff`` says: the one that its report names, else the one in its folder."""
    file = Path(config.root) / (config.report.citation or "CITATION.cff")
    return load_document(file).values if file.is_file() else {}
