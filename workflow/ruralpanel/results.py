"""A model's results as a frozen object and as JSON, field for field as the contract names them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ruralpanel.estimators.base import Test
from ruralpanel.model_json import cleared, write_results


@dataclass(frozen=True)
class Coefficient:
    """One term. None: not computed; `df` None: normal critical values.

    Attributes
    ----------
    std_error … ci_high : of the model's first inference setting; 95 % interval.
    p_wild, ci_wild_low, ci_wild_high : of its first wild cluster bootstrap; a limit may be infinite (in JSON null).
    p_permutation : of its first permutation setting, else of its randomisation over treated sets.
    detectable : smallest effect that a 5 % test by this error finds with 80 % power (`smallest_detectable`);
        None where a bootstrap's interval stands beside, whose power is another (models/robustness has it for claims).
    sd, sd_within, sd_net : standard deviation of the term in the sample, of its deviations from unit means, and of what
        effects and its own declared steps leave of it (n − 1).
    """

    term: str
    estimate: float
    label: str = ""
    std_error: float | None = None
    statistic: float | None = None
    df: float | None = None
    p_value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_wild: float | None = None
    ci_wild_low: float | None = None
    ci_wild_high: float | None = None
    p_permutation: float | None = None
    detectable: float | None = None
    sd: float | None = None
    sd_within: float | None = None
    sd_net: float | None = None


@dataclass(frozen=True)
class ModelResult:
    """Everything that tables, figures, verdicts and the report read of a model.

    `inference` has one entry per setting: ``method``, ``by``, ``options`` (resolved), ``small_sample`` (every factor in
    words and numbers), ``n_clusters``, ``coefficients`` and ``notes``; or ``method``, ``options`` and ``not_available``
    (the reason). `extra` holds what only the estimator knows; its keys stand at the top of the JSON.
    """

    model: str
    title: str
    label: str
    panel: str
    estimator: str
    method: str
    outcome: str
    sample: str
    effects: tuple[str, ...]
    n_obs: int
    n_units: int
    n_periods: int
    n_dropped: Mapping[str, int]
    coefficients: tuple[Coefficient, ...]
    inference: tuple[Mapping[str, Any], ...]
    vcov: Mapping[str, Any]
    fit: Mapping[str, float]
    tests: Mapping[str, Test]
    first_stage: Mapping[str, Any] | None
    marginal_effects: tuple[Mapping[str, Any], ...]
    diagnostics: Mapping[str, Any]
    units: tuple[str, ...]
    periods: tuple[int, ...]
    notes: tuple[str, ...]
    seed: int
    panel_sha256: str
    spec: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)

    def coefficient(self, term: str) -> Coefficient:
        """The coefficient of `term`; KeyError if there is none."""
        for row in self.coefficients:
            if row.term == term:
                return row
        raise KeyError(f"model {self.model} has no term {term}; it has {[row.term for row in self.coefficients]}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the fields, `extra` spread out at the end, `cleared` of errors of zero."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "extra"}
        values["coefficients"] = [asdict(row) for row in self.coefficients]
        values["tests"] = {name: asdict(test) for name, test in self.tests.items()}
        clash = sorted(set(self.extra) & {item.name for item in fields(self)})
        if clash:
            raise ValueError(f"extra results of model {self.model} would overwrite {', '.join(clash)}")
        whole: dict[str, Any] = cleared(values | dict(self.extra))
        return whole

    def to_json(self, path: str | Path) -> None:
        """Write `to_dict` to `path`; infinite and missing numbers become null."""
        write_results(path, self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelResult:
        """The inverse of `to_dict`, but for infinite numbers, which JSON keeps as null."""
        names = {item.name for item in fields(cls)} - {"extra"}
        known = {name: values[name] for name in names}
        known["coefficients"] = tuple(Coefficient(**row) for row in values["coefficients"])
        known["tests"] = {name: _test(test) for name, test in values["tests"].items()}
        for name in ("effects", "inference", "marginal_effects", "units", "periods", "notes"):
            known[name] = tuple(values[name])
        return cls(**known, extra={name: value for name, value in values.items() if name not in names})

    @classmethod
    def from_json(cls, path: str | Path) -> ModelResult:
        """Read what `to_json` wrote."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))


def finite(value: float | None) -> float | None:
    """The number, or None where it is missing or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)


def _test(values: Mapping[str, Any]) -> Test:
    df = values["df"]
    return Test(
        statistic=math.nan if values["statistic"] is None else values["statistic"],
        df=(df[0], df[1]) if isinstance(df, list) else df,
        p_value=math.nan if values["p_value"] is None else values["p_value"],
        note=values.get("note", ""),
        size=values.get("size"),
    )
