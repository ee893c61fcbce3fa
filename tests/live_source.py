"""A source that is fetched from the stand-in of the site, and what the exports say of the same figures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import nbs_site
from nbs_site import Site
from ruralpanel.data.adapters import registry
from ruralpanel.project.sidecars import SourceSpec, series_spec
from ruralpanel.project.units import Units, load_units
from ruralpanel.tools.fetch.fetch import Fetched, fetch

ROOT = Path(__file__).resolve().parents[1]
TODAY = date(2026, 11, 24)
SERIES = {
    "electricity": {"title_in_file": "农村用电量", "measure": "亿千瓦小时", "label": "Rural electricity"},
    "highways": {"title_in_file": "公路里程", "measure": "10^4 km"},
    "workers": {"title_in_file": "乡村从业人员", "measure": "万人"},
}
FILES = {"electricity": "rural_electricity", "highways": "highway_length", "workers": "rural_employment"}


@pytest.fixture
def site() -> Iterator[Site]:
    with nbs_site.running() as running:
        yield running


@pytest.fixture(scope="module")
def units() -> Units:
    return load_units(ROOT / "data" / "units" / "china_provinces.csv")


def live(site: Site, folder: Path, **layout: object) -> SourceSpec:
    """A live source with three series and four regions."""
    keys = {"base": site.url, "years": [2005, 2023], "regions": dict(nbs_site.CODES), "pause": 0, "timeout": 0.5}
    series = {key: series_spec(key, values) for key, values in SERIES.items()}
    return SourceSpec("live", "nbs_api", str(folder / "raw" / "live"), (), None, {**keys, **layout}, series)


def run(source: SourceSpec, folder: Path, units: Units, today: date = TODAY) -> Fetched:
    return fetch(source, folder / "live.yaml", units, today, lambda _: None)


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".part" not in str(path)]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def reread(folder: Path, source: SourceSpec) -> pd.DataFrame:
    place = folder / "raw" / "live"
    return registry.read(replace(source, path=str(place), files=tuple(map(str, sorted(place.iterdir())))))


def expected(site: Site) -> dict[tuple[str, str, int], float]:
    """What the exports say of the same series, regions and years."""
    return {
        (key, region, year): float(text)
        for key, file in FILES.items()
        for (series, region, year), text in site.figures.items()
        if series == file and text and 2005 <= year <= 2023
    }
