"""A model is estimated again where, and only where, something that it is made from has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT
from ruralpanel.project.kept import Kept
from ruralpanel.project.settings import InferenceSpec, ModelSpec

UNITS = [f"u{i:02d}" for i in range(12)]
CR1 = InferenceSpec("cluster", {"by": ("unit",), "small_sample": "CR1"})
ONE = ModelSpec("one", "fe", "y", "p", regressors=("x",), effects=("unit", "period"), sample="some", inference=(CR1,))
TWO = ModelSpec("two", "fe", "y", "p", regressors=("z",), effects=("unit", "period"), inference=(CR1,))


@dataclass
class Project:
    """A panel of five variables and two models, estimated by the workflow's own script."""

    folder: Path
    frame: pd.DataFrame
    samples: dict[str, Any] = field(default_factory=lambda: {"some": {"where": "w > -5"}})
    matrices: dict[str, Any] = field(default_factory=dict)
    models: list[ModelSpec] = field(default_factory=lambda: [ONE, TWO])
    code: str = "c"

    def run(self, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], dict[str, bytes]]:
        """The models that were estimated, and what stands in the files of all."""
        script, made = load("estimate"), []
        estimate = script.estimate

        def counted(spec: ModelSpec, *rest: Any) -> Any:
            made.append(spec.name)
            return estimate(spec, *rest)

        monkeypatch.setattr(script, "estimate", counted)
        self.frame.to_parquet(self.folder / "panel.parquet")
        script.main(
            [model.to_dict() for model in self.models], self.samples, self.matrices, {"p": "year"}, 1, "config.yaml",
            {"p": str(self.folder / "panel.parquet")}, str(self.folder / "units.csv"), None,
            str(self.folder / "models"),
            Kept.of("estimate", self.code, [], seed=1) if (self.folder / "results").exists() else Kept(),
        )  # fmt: skip
        return made, {model.name: (self.folder / "models" / f"{model.name}.json").read_bytes() for model in self.models}


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(f"script_{name}", ROOT / "workflow" / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "units.csv").write_text("id,name_en\n" + "".join(f"{unit},U {unit}\n" for unit in UNITS))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"unit": np.repeat(UNITS, 5), "period": np.tile(range(2001, 2006), 12)})
    frame = frame.assign(**{name: rng.normal(size=60) for name in ("y", "x", "z", "w", "unused")})
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, frame)


CHANGES: dict[str, tuple[list[str], Any]] = {
    "nothing": ([], lambda p: None),
    "a cell of a regressor": (["one"], lambda p: p.frame.loc.__setitem__((3, "x"), 9.0)),
    "a cell that becomes empty": (["two"], lambda p: p.frame.loc.__setitem__((3, "z"), np.nan)),
    "a cell of the outcome": (["one", "two"], lambda p: p.frame.loc.__setitem__((3, "y"), 9.0)),
    "a cell of the sample's condition": (["one"], lambda p: p.frame.loc.__setitem__((3, "w"), -9.0)),
    "a cell of a column that nothing reads": ([], lambda p: p.frame.loc.__setitem__((3, "unused"), 9.0)),
    "a new series": ([], lambda p: p.frame.insert(2, "new", 1.0)),
    "a series less": ([], lambda p: p.frame.pop("unused")),
    "the order of series": (["one"], lambda p: p.frame.insert(2, "x", p.frame.pop("x"))),
    "lines of the sample's condition": (["one"], lambda p: p.samples.update(some={"where": "1 > 0 and\nw > -5"})),
    "the sample's condition": (["one"], lambda p: p.samples.update(some={"where": "w > -4"})),
    "units of the sample": (["one"], lambda p: p.samples.update(some={"drop": ["u03"]})),
    "another sample": ([], lambda p: p.samples.update(other={"drop": ["u03"]})),
    "a weights matrix of none of them": ([], lambda p: p.matrices.update(near={"type": "k_nearest", "k": 2})),
    "a row less": (["one", "two"], lambda p: setattr(p, "frame", p.frame.drop(index=4).reset_index(drop=True))),
    "the code": (["one", "two"], lambda p: setattr(p, "code", "d")),
    "a regressor": (["two"], lambda p: p.models.__setitem__(1, TWO.__class__(**{**vars(TWO), "regressors": ("w",)}))),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_estimated_again_and_nothing_else(
    project: Project, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """And files are, to the byte, those of a run that keeps nothing."""
    assert project.run(monkeypatch)[0] == ["one", "two"]
    again, act = CHANGES[change]
    act(project)
    made, files = project.run(monkeypatch)
    assert made == again
    (project.folder / "results").rename(project.folder / "before")
    assert project.run(monkeypatch) == ([model.name for model in project.models], files)
