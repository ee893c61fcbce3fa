"""What stands behind the quoted numbers: by model, the cells of the sources that its variables are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ruralpanel.contracts.derivation import below
from ruralpanel.report.blocks import Code, Details, Paragraph, Table, TableCell, TableRow
from ruralpanel.report.context import Context
from ruralpanel.report.designs import header
from ruralpanel.report.markup import Inline, Run
from ruralpanel.report.numbers import Found, Quoted
from ruralpanel.report.texts import Texts

_NAME = re.compile(r"[A-Za-z_]\w*")
_COLUMNS = ("variable", "unit", "period", "source", "series", "measure_from", "measure_to", "file", "correction",
            "break_rule")  # fmt: skip
_HEAD = ("variable", "series", "files", "cells", "conversion", "rules")
_SHOWN = 4


class Origins:
    """The models behind quoted numbers, and what the lineage says of their variables.

    Parameters
    ----------
    quoted : the numbers. Those of claims and models have an origin where the panel's lineage is among the results.
    """

    def __init__(self, context: Context, quoted: Iterable[Quoted]) -> None:
        self._context = context
        self._lineages: dict[str, Any] = {}
        self._models = {
            name: None for entry in quoted if (name := self._model(entry.found)) and self._lineage(name) is not None
        }

    def address(self, found: Found) -> str:
        """Where on the page the cells behind a number are listed; empty where nowhere."""
        name = self._model(found)
        return f"#origin-{name}" if name in self._models else ""

    def details(self, texts: Texts) -> tuple[Details, ...]:
        """One folded part for each model: its variables' series, files, conversions, repairs, and how to trace one."""
        return tuple(self._detail(name, texts) for name in self._models)

    def _model(self, found: Found) -> str:
        if found.file.startswith("models/"):
            return found.file.removeprefix("models/").removesuffix(".json")
        if found.file != "scorecard.json":
            return ""
        here: Any = self._context.scorecard
        name = ""
        for part in found.pointer.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            here = (
                here[int(part)] if isinstance(here, (list, tuple)) else here.get(part) if hasattr(here, "get") else None
            )
            if isinstance(here, Mapping):
                own = here.get("model") or (here.get("design") or {}).get("model")
                name = str(own) if own else name
        return name if name in self._context.models else ""

    def _lineage(self, model: str) -> Any:
        """The lineage of the model's panel as a data frame of text, None where there is none."""
        panel = str(self._context.models[model]["panel"])
        if panel not in self._lineages:
            path = self._context.results / "panels" / panel / "lineage.parquet"
            self._lineages[panel] = None
            if path.is_file():
                import pandas as pd

                cells = pd.read_parquet(path, columns=list(_COLUMNS))
                self._lineages[panel] = cells[cells["source"] != ""]
        return self._lineages[panel]

    def _detail(self, name: str, texts: Texts) -> Details:
        model = self._context.models[name]
        cells = self._lineage(name)
        book = self._context.panels[str(model["panel"])].codebook
        formulas = {row["variable"]: row.get("formula") or "" for row in book}
        labels = self._context.labels(str(model["panel"]))
        wanted = list(dict.fromkeys(_names(model)))
        leaves = [leaf for leaf in dict.fromkeys(part for v in wanted for part in (v, *below(v, formulas)))
                  if leaf in formulas and not formulas[leaf]]  # fmt: skip
        rows = [
            _row(leaf, own, labels.of(leaf))
            for leaf in leaves
            if len(own := cells[(cells["variable"] == leaf) & cells["unit"].isin(model["units"])])
        ]
        table = Table(
            f"origin-{name}-table",
            texts.inline("origins.caption", model=str(model.get("title") or name)),
            header(texts, _HEAD, "origins.head", ("cells",)),
            tuple(rows),
        )
        traced = [v for v in wanted if v in formulas][:2]
        commands = tuple(f"python -m ruralpanel trace {v} {model['units'][0]} {model['periods'][-1]}" for v in traced)
        blocks = (table, Paragraph(texts.inline("origins.trace"), "note"), Code(commands))
        title = texts.inline("origins.title", model=str(model.get("title") or name))
        return Details(title, blocks, printed=False, id=f"origin-{name}")


def _names(model: Mapping[str, Any]) -> list[str]:
    """The variables that a model names: outcome, regressors, controls, and those in its options."""
    spec = model["spec"]
    parts = [str(model["outcome"]), *map(str, spec.get("regressors") or ()), *map(str, spec.get("controls") or ())]
    parts += [str(row["term"]) for row in model["coefficients"]]
    return [name for part in (*parts, str(spec.get("options") or "")) for name in _NAME.findall(part)]


def _row(variable: str, cells: Any, label: str) -> TableRow:
    source = [f"{s}.{k}" for s, k in cells[["source", "series"]].drop_duplicates().itertuples(index=False)]
    pairs = cells[["measure_from", "measure_to"]].drop_duplicates().itertuples(index=False)
    measures = [a if a == b else f"{a} → {b}" for a, b in pairs]
    rules = [text for column in ("correction", "break_rule") for text in cells[column].unique() if text]
    return TableRow(
        (
            TableCell((Run(variable, "code"), Run(f" {label}")), header=True),
            TableCell(_codes(source)),
            TableCell(_codes(list(cells["file"].unique()))),
            TableCell((Run(f"{len(cells):,}"),), "right"),
            TableCell((Run("; ".join(measures)),)),
            TableCell((Run("; ".join(rules[:_SHOWN]) + (" …" if len(rules) > _SHOWN else "")),)),
        )
    )


def _codes(items: list[str]) -> Inline:
    runs = [run for item in items[:_SHOWN] for run in (Run(item, "code"), Run(" "))]
    return (*runs, Run(f"+ {len(items) - _SHOWN}")) if len(items) > _SHOWN else tuple(runs[:-1])
