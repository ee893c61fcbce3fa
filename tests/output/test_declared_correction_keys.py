"""A declared key of a correction, and a column of the control totals, is never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from project_of_roads import REPAIR, WORKFLOW, folder, outcome, place
from ruralpanel.data.reconcile.totals import OPTIONAL, REQUIRED

pytestmark = pytest.mark.slow

__all__ = ["folder", "place"]  # fixtures
OF_CORRECTIONS = yaml.safe_load((WORKFLOW / "schemas" / "corrections.schema.yaml").read_text(encoding="utf-8"))
OF_ALL = {key: value for key, value in REPAIR.items() if key not in ("expect", "value")}
OF_ALL |= {"unit": "all", "action": "blank", "expect_sum": 66.0}
TOTAL = {"source": "made", "series": "roads", "year": 2003, "national_figure": 100, "measure": "km",
         "remark": "roads of nobody", "unassigned": 50}  # fmt: skip
OF_CORRECTION = {
    "source": "mad",
    "series": "rails",
    "unit": "B",
    "year": 2003,
    "action": "subtract",
    "expect": 11.5,
    "value": 13,
    "reason": "another misprint in the made-up table",
    "provider": "Somebody",
    "reason_zh": "另一处误印",
    "provider_zh": "某人",
}


def repaired(repair: Mapping[str, Any], language: str = "en") -> str:
    return outcome(
        {"corrections": "repairs.yaml", "language": language},
        "repairs.yaml",
        yaml.safe_dump({"corrections": [dict(repair)]}),
    )


def test_another_value_of_every_key_of_a_correction(place: Path) -> None:
    keys = set(OF_CORRECTIONS["$defs"]["correction"]["properties"])
    assert keys == {*OF_CORRECTION, "expect_sum"}
    before = repaired(REPAIR)
    assert not before.startswith("refused")
    chinese = repaired(REPAIR, "zh")
    heard = {
        key: repaired({**REPAIR, key: value}, "zh" if key.endswith("_zh") else "en")
        for key, value in OF_CORRECTION.items()
    }
    assert [key for key, said in heard.items() if said == (chinese if key.endswith("_zh") else before)] == []
    assert not repaired(OF_ALL).startswith("refused") and "66" in repaired({**OF_ALL, "expect_sum": 65})


OF_TOTAL = {
    "source": ("mad", "column source"),
    "series": ("road", "column series"),
    "year": (2012, "column year"),
    "national_figure": (200, ""),
    "measure": ("person", "column measure"),
    "remark": ("", "column unassigned"),
    "unassigned": (1, ""),
}
"""Another value of each column of the control totals, and what the refusal names."""


def totalled(total: Mapping[str, Any]) -> str:
    text = f"{','.join(total)}\n{','.join(map(str, total.values()))}\n"
    return outcome({"control_totals": "national.csv"}, "national.csv", text)


def test_another_value_of_every_column_of_the_control_totals(place: Path) -> None:
    assert set(OF_TOTAL) == set(TOTAL) == {*REQUIRED, *OPTIONAL}
    before = totalled(TOTAL)
    assert not before.startswith("refused")
    for column, (value, words) in OF_TOTAL.items():
        after = totalled({**TOTAL, column: value})
        assert after != before, column
        assert (words in after) if words else not after.startswith("refused"), after
    assert "national.csv: row 2" in totalled({**TOTAL, "year": 2012})
    assert 'column "remrak"' in totalled({**TOTAL, "remrak": "x"})
