"""The same bytes under every locale: Chinese and Japanese ones choose other forms of the same characters."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import NUMBER, Run, Shared, copy, make_tiny, tiny_config

DRAWN = ("figures", "maps", "report", "kept")
OTHERS = {"zh_CN.UTF-8": DRAWN, "ja_JP.UTF-8": DRAWN, "C": (*DRAWN, "tables", "panels")}
"""Locale → the results that are made again under it."""


def installed() -> set[str]:
    try:
        listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return {"C"}
    return {name.lower().replace("utf-8", "utf8") for name in listed} | {"C"}


def project(folder: Path) -> Path:
    """The tiny project in Chinese, with a map; 直, 骨, 角, 今 and 令 have forms of their own in Japanese."""
    make_tiny(folder)
    config = tiny_config()
    words = "直接骨干角色今令"
    config |= {"language": "zh", "title": words, "boundaries": "squares.geojson"}
    config["variables"]["log_output"]["label_zh"] = words  # type: ignore[index]
    config["variables"]["lever"]["label_zh"] = words  # type: ignore[index]
    config["maps"] = {"lever": {"panel": "main", "variables": ["lever"], "periods": [2001], "title": words}}
    squares = [
        {
            "type": "Feature",
            "properties": {"id": f"U{i + 1:02d}"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]],
            },
        }
        for i in range(NUMBER)
        for x, y in [(100 + i % 5, 30 + i // 5)]
    ]
    (folder / "squares.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": squares}))
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


def outputs(folder: Path, snakemake: Run, locale: str) -> dict[str, str]:
    run = snakemake(folder, LC_ALL=locale, LANG=locale, LANGUAGE=locale)
    assert run.returncode == 0, run.stderr
    return hashes(folder)


def hashes(folder: Path) -> dict[str, str]:
    found = (p for p in sorted((folder / "results").rglob("*")) if p.is_file() and not {"logs", "kept"} & set(p.parts))
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


@pytest.fixture(scope="module")
def built(shared: Shared, snakemake: Run) -> Path:
    def make(folder: Path) -> None:
        run = snakemake(project(folder))
        assert run.returncode == 0, run.stderr

    return shared("locales", make)


@pytest.mark.parametrize("locale", list(OTHERS))
def test_every_output_is_the_same(built: Path, tmp_path: Path, snakemake: Run, locale: str) -> None:
    if locale.lower().replace("utf-8", "utf8") not in {name.lower() for name in installed()}:
        pytest.skip(f"the locale {locale} is not installed here (Debian: localedef -i {locale[:5]} -f UTF-8 {locale})")
    folder = copy(built, tmp_path)
    for name in OTHERS[locale]:
        shutil.rmtree(folder / "results" / name)
    found = outputs(folder, snakemake, locale)
    assert {Path(name).suffix for name in found} >= {".png", ".svg", ".pdf", ".html", ".csv", ".json", ".docx"}
    assert found == hashes(built)
