"""What tables and charts read of the results: models, panels, names of units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ruralpanel.estimate.base.model import Model, read_model
from ruralpanel.estimate.base.model_json import finite
from ruralpanel.output.labels import Labels, labels_from_codebook, merged
from ruralpanel.output.words import has_word, stated, word
from ruralpanel.project.exhibits import Exhibit, read_exhibit
from ruralpanel.project.expressions import log_of
from ruralpanel.project.files import read_rows
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import Output
from ruralpanel.project.kinds.options import Labelled, given_labels
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class OutputContext:
    """The results folder and what the configuration says for all outputs.

    Attributes
    ----------
    results : folder with ``models/``, ``panels/`` and the other results.
    language : ``en`` or ``zh``.
    attributes : unit id → its attributes (`Units.attributes`), for groups such as regions.
    config : name of the configuration file, for messages.
    where : the place of the table or chart in it (``tables.main``).
    titles : model → what it is called in print; others go by their name.
    names : sample, group of units, part of a gap or other name without a label → what it is called in print.
    """

    results: Path
    language: str = "en"
    attributes: Mapping[str, Mapping[str, str | float]] = field(default_factory=dict)
    config: str = CONFIGURATION
    where: str = "tables"
    titles: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def problem(self, key: str, found: str, expected: str, fix: str = "") -> Problem:
        """A mistake at `key` of this table or chart."""
        return Problem(self.config, f"{self.where}.{key}" if key else self.where, found, expected, fix)

    def read(self, kinds: Mapping[str, Output], declared: Mapping[str, object]) -> Exhibit:
        """`read_exhibit` of this table or chart."""
        return read_exhibit(kinds, declared, self.config, self.where)

    def models(self, names: Iterable[str]) -> tuple[Model, ...]:
        """The models' results, in the order of `names`, their samples as they are called in print.

        Raises
        ------
        UserError
            One problem for each model that has no result, or whose file does not hold one.
        """
        loaded, problems = [], list[Problem]()
        for index, name in enumerate(names):
            path = self.results / "models" / f"{name}.json"
            if not path.is_file():
                problems.append(self._no_model(index, name))
                continue
            try:
                model = read_model(path)
            except UserError as error:
                problems += error.problems
            else:
                loaded.append(replace(model, sample=self.names.get(model.sample, model.sample)))
        raise_any(problems)
        return tuple(loaded)

    def panel(self, name: str, columns: Iterable[str], key: str = "panel") -> pd.DataFrame:
        """`unit`, `period` and `columns` of a panel.

        Raises
        ------
        UserError
            The panel is not there, or it lacks columns.
        """
        import pandas as pd
        import pyarrow.parquet as pq

        path = self.results / "panels" / name / "panel.parquet"
        if not path.is_file():
            raise UserError(self._no_panel(name, key))
        known = [column for column in pq.read_schema(path).names if column not in ("unit", "period")]
        wanted = list(dict.fromkeys(columns))
        unknown = [column for column in wanted if column not in known]
        if unknown:
            raise UserError(self._no_column(name, key, column, known) for column in unknown)
        return pd.read_parquet(path, columns=["unit", "period", *wanted])

    def _no_column(self, panel: str, key: str, column: str, known: Iterable[str]) -> Problem:
        path = self.results / "panels" / panel / "coverage.csv"
        rows = read_rows(path) if path.is_file() else ()
        for row in rows:
            if row["variable"] == column:
                remark = stated(row["remark"], "en")
                found = f'variable "{column}", of which panel {panel} has no figure ({remark})'
                return self.problem(key, found, "a variable with figures", "take it out, or another panel")
        return self.problem(key, f'variable "{column}"', f"a variable of panel {panel}", did_you_mean(column, known))

    def variables(self, name: str, key: str = "panel") -> tuple[str, ...]:
        """The variables of a panel, in its order."""
        import pyarrow.parquet as pq

        path = self.results / "panels" / name / "panel.parquet"
        if not path.is_file():
            raise UserError(self._no_panel(name, key))
        return tuple(column for column in pq.read_schema(path).names if column not in ("unit", "period"))

    def labels(self, panels: Iterable[str], options: Labelled) -> Labels:
        """Labels from the codebooks of `panels`, replaced where `options` name a variable; of units their names."""
        books = [self.results / "panels" / panel / "codebook.csv" for panel in dict.fromkeys(panels)]
        labels = [labels_from_codebook(book, self.language) for book in books if book.is_file()]
        named = (Labels(self.language, names) for names in (self.unit_names, self.names))
        return merged([*labels, *named], self.language).renamed(given_labels(options, self.language))

    def title(self, model: str, given: Mapping[str, str] | None = None) -> str:
        """What a model is called in print; `given`: the names that a table or chart has for its models."""
        return str((given or {}).get(model) or self.titles.get(model) or model)

    @property
    def unit_names(self) -> Mapping[str, str]:
        """unit id → its name in the language of the outputs."""
        key = "name_zh" if self.language == "zh" else "name_en"
        return {unit: str(values.get(key) or unit) for unit, values in self.attributes.items()}

    def group_of(self, attribute: str, key: str = "by") -> Mapping[str, str]:
        """unit id → what the value of an attribute is called in print.

        Raises
        ------
        UserError
            No unit has the attribute.
        """
        groups = {unit: str(values[attribute]) for unit, values in self.attributes.items() if attribute in values}
        if not groups:
            known = sorted({name for values in self.attributes.values() for name in values})
            raise UserError(
                self.problem(key, f'"{attribute}"', "a column of the units file", did_you_mean(attribute, known))
            )
        return {unit: self.names.get(value, value) for unit, value in groups.items()}

    def frame(self, path: str | Path, key: str = "file") -> pd.DataFrame:
        """A CSV of the results, all columns as text where they are text.

        Raises
        ------
        UserError
            No such file.
        """
        if not Path(path).is_file():
            raise UserError(self.problem(key, f"no file {path}", "a CSV file among the results"))
        import pandas as pd

        return pd.read_csv(path, encoding="utf-8-sig")

    def _no_model(self, index: int, name: str) -> Problem:
        known = sorted(path.stem for path in (self.results / "models").glob("*.json"))
        return self.problem(
            f"models[{index}]",
            f'model "{name}", which has no result',
            f"a model with a file in {self.results.name}/models",
            did_you_mean(name, known),
        )

    def _no_panel(self, name: str, key: str) -> Problem:
        known = sorted(path.parent.name for path in (self.results / "panels").glob("*/panel.parquet"))
        return self.problem(key, f'panel "{name}"', "a panel of the results", did_you_mean(name, known))


Values = dict[str, dict[str, float]]

CHANGE, LOW, HIGH = "change", "change_low", "change_high"
"""What a counterfactual says of a unit: the change and the ends of its 95 % interval."""

_MEANS = frozenset({"share_closed", "mean_change"})


def values_of(model: Model) -> Values:
    """Name → unit → value, from a model's results; empty where the model says nothing of single units.

    A counterfactual gives `CHANGE`, `LOW` and `HIGH`; other models what their ``by_unit`` holds, in its order.
    """
    if ESTIMATORS[model.estimator].of_units == "changes":
        rows = [row for row in model.coefficients if row.term not in _MEANS]
        keys = {CHANGE: "estimate", LOW: "ci_low", HIGH: "ci_high"}
        return {
            name: {row.term: value for row in rows if (value := finite(row.number(key))) is not None}
            for name, key in keys.items()
        }
    by_name: Values = {}
    for row in model.by_unit:
        for name, value in row.values.items():
            by_name.setdefault(name, {})[row.unit] = value
    return by_name


def percent_of_level(model: Model, formulas: Mapping[str, str]) -> bool:
    """Whether changes of the model's outcome are said in per cent: those of a counterfactual of a logarithm."""
    formula = formulas.get(model.outcome) or ""
    return ESTIMATORS[model.estimator].of_units == "changes" and log_of(formula) is not None


def is_decomposition(model: Model) -> bool:
    """Whether the model splits a gap between groups of units into parts."""
    return ESTIMATORS[model.estimator].of_units == "parts"


def in_percent(values: Values) -> Values:
    """Changes of a logarithm as per cent of the level."""
    return {name: {unit: 100.0 * math.expm1(v) for unit, v in units.items()} for name, units in values.items()}


def heading(model: Model, name: str, labels: Labels, language: str) -> str:
    """What a value is called in print: a word of a counterfactual's or decomposition's own, else the term's label."""
    worded = name in (CHANGE, LOW, HIGH) or (is_decomposition(model) and has_word(name))
    return word(name, language) if worded else _capital(labels.of(name))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
