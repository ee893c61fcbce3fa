"""The sidecar of a fetched source: written new, or renewed in the parts that a fetch knows, everything else kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.yaml import parse_document

_TOP = re.compile(r"^([A-Za-z_]\w*):")


def new_sidecar(series: Mapping[str, SeriesSpec], facts: Mapping[str, Any]) -> str:
    """A sidecar for a source that has none yet; `facts` as for `renewed`."""
    entries = {}
    for key, spec in series.items():
        entry = {"label": spec.label or spec.title_in_file or key, "label_zh": spec.label_zh, "measure": spec.measure}
        entry |= {"title_in_file": spec.title_in_file, "counts": spec.note}
        entries[key] = {name: value for name, value in entry.items() if value}
    values = {
        "publisher": "National Bureau of Statistics of China",
        "title": "National Data (国家数据), annual by province (分省年度数据)",
        "url": "https://data.stats.gov.cn",
        "licence": "official statistics; terms of the publisher",
        **facts,
        "series": entries,
    }
    return _dump(values)


def renewed(text: str, file: str, facts: Mapping[str, Any]) -> str:
    """A sidecar's text with the top-level keys in `facts` replaced, comments and all other keys as they are.

    Raises
    ------
    UserError
        A file that is no YAML, or one whose other keys the replacement would change.
    """
    before = parse_document(text, file)
    raise_any(before.problems)
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines(keepends=True):
        match = _TOP.match(line)
        if match:
            blocks.append((match[1], [line]))
        else:
            blocks[-1][1].append(line)
    written = set()
    parts = []
    for name, lines in blocks:
        if name in facts:
            written.add(name)
            parts.append(_dump({name: facts[name]}) + "".join(_remarks_below(lines)))
        else:
            parts.append("".join(lines))
    result = "".join(parts)
    result += "" if result.endswith("\n") or not result else "\n"
    result += "".join(_dump({name: value}) for name, value in facts.items() if name not in written)
    after = parse_document(result, file)
    kept = {name: value for name, value in after.values.items() if name not in facts}
    if after.problems or kept != {name: value for name, value in before.values.items() if name not in facts}:
        raise UserError(
            Problem(
                file,
                "",
                "keys that cannot be told apart line by line",
                "each top-level key at the beginning of a line",
                "write the sidecar in block style, or move it away to have it written anew",
            )
        )
    return result


def _remarks_below(lines: list[str]) -> list[str]:
    """Comments and blank lines between a block and the next key."""
    last = max(i for i, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    return lines[last + 1 :]


def _dump(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=120)
