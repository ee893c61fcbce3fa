"""The sidecar that `new-source --about` prints: it passes its schema, and the source reads the same figures by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from brought_files import KINDS
from ruralpanel.cli import main
from ruralpanel.data.adapters.registry import read
from ruralpanel.project.jobs import open_project
from ruralpanel.project.problems import UserError
from ruralpanel.project.sidecars import PLACEHOLDERS, check_files, load_sidecar

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "data" / "units" / "china_provinces.csv"
FIXTURES = ROOT / "tests" / "fixtures" / "adapters"


def printed(file: Path, folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[str, str]:
    (folder / "config.yaml").write_text(f"units: {UNITS}\n", encoding="utf-8")
    assert main(["--configfile", str(folder / "config.yaml"), "new-source", str(file), "--about", *more]) == 0
    sidecar, _, entry = capsys.readouterr().out.partition("# and this goes under sources in the configuration:\n")
    return sidecar, "\n".join(
        line.removeprefix("# ") for line in entry.splitlines() if not line.startswith("# Not sure")
    )


@pytest.mark.parametrize(
    "kind", [*(kind for kind, row in KINDS.items() if row[3] == 1 and kind != "no year"), "export"]
)
def test_the_printed_sidecar_stands(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = FIXTURES / "regions_by_indicator.csv" if kind == "export" else KINDS[kind][0](tmp_path)
    sidecar, entry = printed(file, tmp_path, capsys)
    ((name, source),) = yaml.safe_load(entry).items()
    about = tmp_path / source["about"]
    about.parent.mkdir(parents=True)
    about.write_text(sidecar, encoding="utf-8")
    with pytest.raises(UserError, match=r"PUBLISHER.*as new-source prints it") as caught:
        load_sidecar(about)
    assert len(caught.value.problems) == len(PLACEHOLDERS)
    for words in PLACEHOLDERS.values():
        sidecar = sidecar.replace(words, "made up")
    about.write_text(sidecar, encoding="utf-8")
    described = load_sidecar(about)
    assert check_files(described, file) == []
    assert list(described.files) == [file.name] and all(spec.years for spec in described.series.values())
    key = next(iter(described.series))
    config = {
        "title": "Made up",
        "units": str(UNITS),
        "sources": {name: {**source, "path": str(file)}},
        "panels": {"mine": {"periods": [2001, 2002, 2003, 2006, 2007, 2008]}},
        "variables": {"x": {"source": name, "series": key, "measure": described.series[key].measure}},
        "models": {},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    opened = open_project([tmp_path / "config.yaml"])
    cells = read(opened.sources[name])
    assert set(cells["series"]) == set(described.series) and cells["value"].notna().sum() > 0


def test_what_a_sidecar_cannot_describe_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-source", str(KINDS["workbook"][0](tmp_path)), "--about"]) == 1
    assert "2 tables" in capsys.readouterr().err
    (tmp_path / "x").mkdir()
    file = KINDS["no year"][0](tmp_path / "x")
    assert main(["new-source", str(file), "--about"]) == 1
    assert "--year 1998" in capsys.readouterr().err
    sidecar, _ = printed(file, tmp_path, capsys, "--year", "2001")
    assert yaml.safe_load(sidecar)["series"]["roads_km"]["years"] == [2001]
