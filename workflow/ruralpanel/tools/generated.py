"""Files written from what the project declares of itself: reference, schema for editors, list of estimators."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from ruralpanel.project.config_schema import config_schema
from ruralpanel.project.files import write_text
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.schema import schema_of
from ruralpanel.tools.editor_schema import editor_schema
from ruralpanel.tools.reference import reference

ROOT = Path(__file__).resolve().parents[3]
SHORT_SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "short.schema.yaml"
_LIST = re.compile(r"Estimators: `[^`]*`\.")


def generated(root: Path = ROOT) -> Mapping[str, str]:
    """File, relative to the project's folder → what it holds as the project stands.

    README.md is read for what stands around the list of estimators.
    """
    long, short = config_schema(), schema_of(str(SHORT_SCHEMA))
    schema = json.dumps(editor_schema(long, short), indent=1, ensure_ascii=False)
    names = textwrap.fill(f"Estimators: `{' '.join(ESTIMATORS)}`.", 120)
    return {
        "docs/configuration.md": reference(long, short),
        "workflow/schemas/config.schema.json": schema + "\n",
        "README.md": _LIST.sub(lambda _: names, (root / "README.md").read_text(encoding="utf-8")),
    }


def write(root: Path = ROOT) -> tuple[str, ...]:
    """Write the files that are not as they should be, and name them."""
    changed = []
    for file, text in generated(root).items():
        place = root / file
        if not place.is_file() or place.read_text(encoding="utf-8") != text:
            write_text(place, text)
            changed.append(file)
    return tuple(changed)
