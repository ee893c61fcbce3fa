"""Layout keys are checked by name, kind and choice; every adapter has its keys and its line in the registry."""

from __future__ import annotations

import subprocess
import sys
from keyword import iskeyword
from pathlib import Path

import pytest

from adapter_harness import refusal, source_of
from ruralpanel.project.kinds.adapters import ADAPTERS, NbsApiLayout, NbsExportLayout, TableLayout, YearbookLayout
from ruralpanel.project.layouts import layout_problems


@pytest.mark.parametrize(("adapter", "layout", "words"), [
    ("table", {"shap": "long"}, 'did you mean "shape"'), ("table", {"shape": "log"}, 'did you mean "long"'),
    ("table", {"header": "two"}, "a whole number"), ("table", {"header": True}, "a whole number"),
    ("table", {"where": ["x"]}, "a mapping"), ("yearbook", {"period": 2008.5}, "a whole number"),
    ("nbs_export", {"unit": "x"}, "unknown key"), ("nbs_export", {"end": "never"}, '"required", "optional"'),
])  # fmt: skip
def test_wrong_keys(adapter: str, layout: dict[str, object], words: str) -> None:
    problems = layout_problems(adapter, layout, "config.yaml", "sources.s.layout")
    assert len(problems) == 1 and words in str(problems[0])
    assert str(problems[0]).startswith("config.yaml: sources.s.layout.")


@pytest.mark.parametrize("mark", [")", "(", "1", "12", ".", "-", "+", "", " ", ","])
def test_marks_that_could_be_part_of_a_figure(mark: str) -> None:
    (problem,) = layout_problems("table", {"marks": ["r", mark]}, "c", "l")
    assert f'the mark "{mark}"' in str(problem)


def test_right_keys() -> None:
    assert layout_problems("table", {"marks": ["1)", "(2)", "[3]", "#", "p", "%", "注"]}, "c", "l") == ()
    layout = {"shape": "wide", "unit": "region", "columns": "y{period}", "where": {"a": 1}, "missing": [-9], "sheet": 2}
    assert layout_problems("table", layout, "c", "l") == ()
    assert layout_problems("an adapter of later", {"x": 1}, "c", "l") == ()


def test_unknown_adapter(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n")
    assert 'did you mean "table"' in refusal(source_of("tabel", tmp_path / "t.csv", {"x": {}}))


def test_keys_and_registry_import_no_pandas() -> None:
    code = (
        "import sys; from ruralpanel.data.adapters import registry; from ruralpanel.project import layouts; "
        "sys.exit(int('pandas' in sys.modules or 'numpy' in sys.modules))"
    )
    root = Path(__file__).resolve().parents[2] / "workflow"
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


CLASSES = {
    "nbs_export": NbsExportLayout,
    "nbs_api": NbsApiLayout,
    "table": TableLayout,
    "yearbook": YearbookLayout,
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_the_class_of_a_layout_has_every_key_with_the_default_that_is_documented(name: str) -> None:
    """None or empty where a default is found out from the file, which the documented one says in words."""
    layout = CLASSES[name]()
    for key, documented in ADAPTERS[name].keys.items():
        value = getattr(layout, f"{key}_" if iskeyword(key) else key)
        stated = documented.default
        assert (not value and not stated) or value in (None, "", (), stated) or stated not in documented.choices, key
        assert not isinstance(stated, (int, float)) or value in (None, stated), key
