"""The report's page of each claim's design, and the cells behind its numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ruralpanel.claims.designs import ClaimEstimate, Product
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.estimate.base.model import Model
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.document import (
    Code,
    Details,
    Inline,
    Marked,
    Paragraph,
    Run,
    Table,
    TableCell,
    TableRow,
    escape,
    literal,
    parse,
)
from ruralpanel.output.report.document import Table as TableBlock
from ruralpanel.output.report.numbers import Found, Quoted, inside
from ruralpanel.output.report.sentences import Quote, interval_text, nouns, outcome_label, term_label
from ruralpanel.output.report.signs import Signed
from ruralpanel.output.report.texts import Texts, short_label
from ruralpanel.output.words import clause
from ruralpanel.project.breaks import below
from ruralpanel.project.corrections import Correction
from ruralpanel.project.formats import DASH
from ruralpanel.project.periods import label

_COLUMNS = ("design", "outcome", "evidence", "lever", "periods", "estimate", "interval", "sign")
_NUMERIC = ("periods", "estimate", "interval", "sign")


def model_span(model: Model | None) -> str:
    """``2012–2019``, ``1998``, or ``1998, 1999, 2003, 2008``; empty where the results do not name their periods."""
    return span(sorted(model.periods)) if model else ""


def span(periods: Sequence[int]) -> str:
    """Years in a few characters; uneven spacing is spelled out."""
    if not periods:
        return ""
    first, last = label(periods[0]), label(periods[-1])
    if len(periods) == 1:
        return str(first)
    if periods[-1] - periods[0] + 1 == len(periods):
        return f"{first}{DASH}{last}"
    return ", ".join(map(label, periods)) if len(periods) <= 6 else f"{first}{DASH}{last} ({len(periods)})"


def design_table(
    context: Context,
    texts: Texts,
    pairs: Sequence[tuple[ClaimEstimate, str]],
    identity: str,
    caption: Inline,
) -> TableBlock:
    """Designs (of the scorecard) with the keys under which their numbers are found, one row each."""
    words = nouns(context)
    head = header(texts, _COLUMNS, numeric=_NUMERIC)
    rows, notes = [], []
    for design, base in pairs:
        notes += [
            literal(f"{context.title(design.model)}: {clause(one, context.language)}") for one in design.overrides
        ]
        quote = Quote(texts, base)
        cells = {
            "design": literal(context.title(design.model)),
            "outcome": literal(short_label(outcome_label(context, design))),
            "evidence": texts.inline(f"evidence.{design.evidence}", units=words["units"]),
            "lever": literal(_lever(context, design)),
            "periods": parse(model_span(context.models.get(design.model))),
            "estimate": parse(quote("estimate", "sig3")),
            "interval": parse(interval_text(texts, design, base)),
            "sign": parse(signed(design).printed),
        }
        rows.append(row(cells, _COLUMNS, _NUMERIC))
    return TableBlock(identity, caption, head, tuple(rows), tuple(dict.fromkeys(notes)))


def _lever(context: Context, design: ClaimEstimate) -> str:
    label = term_label(context, design)
    # the place at which a marginal effect is taken stands in parentheses and must stay
    return label if "marginal_effects" in design.pointer else short_label(label)


def header(
    texts: Texts, columns: Sequence[str], prefix: str = "contrasts.head", numeric: Collection[str] = (), **values: Any
) -> tuple[TableRow, ...]:
    """The row of column heads; those of `numeric` columns stand right, like their cells."""
    cells = [
        TableCell(texts.inline(f"{prefix}.{column}", **values), "right" if column in numeric else "left", header=True)
        for column in columns
    ]
    return (TableRow(tuple(cells)),)


def row(
    cells: Mapping[str, Inline], columns: Sequence[str], numeric: Collection[str] = (), kind: str = "entry"
) -> TableRow:
    """A row in the order of `columns`, the first one its head."""
    return TableRow(
        tuple(
            TableCell(cells[column], "right" if column in numeric else "left", header=index == 0)
            for index, column in enumerate(columns)
        ),
        kind,
    )


def signed(design: ClaimEstimate, name: str = "") -> Signed:
    """Where a design's interval lies."""
    return Signed.of(name, design.ci_low, design.ci_high, design.has_interval)


_NAME = re.compile(r"[A-Za-z_]\w*")
_ORIGIN_COLUMNS = ("variable", "unit", "source", "series", "measure_from", "measure_to", "file", "correction")
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
        self._lineages: dict[str, object] = {}
        self._rows: dict[tuple[str, str, tuple[str, ...]], TableRow | None] = {}
        self._models = {
            name: None for entry in quoted if (name := self._model(entry.found)) and self._lineage(name) is not None
        }

    def address(self, number: Found) -> str:
        """Where on the page the cells behind a number are listed; empty where nowhere."""
        name = self._model(number)
        return f"#origin-{name}" if name in self._models else ""

    def title(self, number: Found) -> str:
        """The title of the model that a number was estimated with; empty where with none."""
        name = self._model(number)
        return self._context.title(name) if name else ""

    def details(self, texts: Texts) -> tuple[Details, ...]:
        """One folded part for each model: its variables' series, files, conversions, repairs, and how to trace one."""
        repairs = {entry.text: repaired(self._context, texts, entry) for entry in self._context.corrections}
        return tuple(self._detail(name, texts, repairs) for name in self._models)

    def _model(self, number: Found) -> str:
        if number.file.startswith("models/"):
            name = number.file.removeprefix("models/").removesuffix(".json")
            return name if name in self._context.models else ""
        if number.file != "scorecard.json":
            return ""
        here: Any = self._context.scorecard
        name = ""
        for part in number.pointer.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            try:
                here = inside(here, part)
            except LookupError:
                break
            design = here.design if isinstance(here, ClaimRow) else here
            name = design.model if isinstance(design, (ClaimEstimate, Product)) else name
        return name if name in self._context.models else ""

    def _lineage(self, model: str) -> Any:
        """The lineage of the model's panel by variable, None where there is none.

        Data frames of `_ORIGIN_COLUMNS`, a row for each unit and all else that differs, with the number of cells.
        """
        panel = self._context.models[model].panel
        if panel not in self._lineages:
            path = self._context.results / "panels" / panel / "lineage.parquet"
            self._lineages[panel] = None
            if path.is_file():
                from ruralpanel.data.lineage import kinds

                frame = kinds(path, _ORIGIN_COLUMNS)
                frame = frame[frame["source"] != ""]
                self._lineages[panel] = dict(list(frame.groupby("variable", sort=False, observed=True)))
        return self._lineages[panel]

    def _detail(self, name: str, texts: Texts, repairs: Mapping[str, Marked]) -> Details:
        model = self._context.models[name]
        book = self._context.panels[model.panel].codebook
        formulas = {row["variable"]: row.get("formula") or "" for row in book}
        breaks = {row["variable"]: self._context.worded(row, "breaks") for row in book}
        wanted = list(dict.fromkeys(_names(model)))
        leaves = [leaf for leaf in dict.fromkeys(part for v in wanted for part in (v, *below(v, formulas)))
                  if leaf in formulas and not formulas[leaf]]  # fmt: skip
        rows = [self._row(model, leaf, breaks.get(leaf, ""), repairs) for leaf in leaves]
        table = Table(
            f"origin-{name}-table",
            texts.inline("origins.caption", model=self._context.title(name)),
            header(texts, _HEAD, "origins.head", ("cells",)),
            tuple(row for row in rows if row is not None),
        )
        traced = [v for v in wanted if v in formulas][:2]
        figure = f"{model.units[0]} {label(model.periods[-1])}"
        commands = tuple(f"python -m ruralpanel trace {v} {figure}" for v in traced)
        blocks = (table, Paragraph(texts.inline("origins.trace"), "note"), Code(commands))
        title = texts.inline("origins.title", model=self._context.title(name))
        return Details(title, blocks, printed=False, id=f"origin-{name}")

    def _row(self, model: Model, variable: str, breaks: str, repairs: Mapping[str, Marked]) -> TableRow | None:
        """Where a variable's cells of the model's units come from; None without such cells."""
        key = (model.panel, variable, tuple(model.units))
        if key not in self._rows:
            cells = self._lineage(model.model).get(variable)
            cells = cells if cells is None else cells[cells["unit"].isin(model.units)]
            found = cells is not None and len(cells)
            self._rows[key] = _origin(self._context, model.panel, variable, cells, breaks, repairs) if found else None
        return self._rows[key]


def _names(model: Model) -> list[str]:
    """The variables that a model names: outcome, regressors, controls, and those in its options."""
    asked = model.spec
    parts = [model.outcome, *asked.regressors, *asked.controls, *(row.term for row in model.coefficients)]
    return [name for part in (*parts, str(asked.options or "")) for name in _NAME.findall(part)]


def repaired(context: Context, texts: Texts, repair: Correction) -> Marked:
    """What a repair did, and why."""
    amounts = {key: "" if (x := getattr(repair, key)) is None else f"{x:.10g}" for key in ("expect", "value")}
    done = texts.render(f"data.repaired.{repair.action}", **amounts)
    return texts.render("data.repair", done=done, reason=context.told(vars(repair), "reason"))


def _origin(
    context: Context, panel: str, variable: str, cells: Any, breaks: str, repairs: Mapping[str, Marked]
) -> TableRow:
    source = [f"{s}.{k}" for s, k in cells[["source", "series"]].drop_duplicates().itertuples(index=False)]
    pairs = cells[["measure_from", "measure_to"]].drop_duplicates().itertuples(index=False)
    measures = [context.measure(a) if a == b else f"{context.measure(a)} → {context.measure(b)}" for a, b in pairs]
    rules = [repairs.get(text, text) for text in cells["correction"].unique() if text]
    shown = "; ".join(escape(rule) for rule in rules[:_SHOWN]) + (" …" if len(rules) > _SHOWN else "")
    return TableRow(
        (
            TableCell((Run(variable, "code"), Run(f" {context.labels(panel).of(variable)}")), header=True),
            TableCell(_codes(source)),
            TableCell(_codes(list(cells["file"].unique()))),
            TableCell((Run(f"{cells['cells'].sum():,}"),), "right"),
            TableCell((Run("; ".join(measures)),)),
            TableCell(parse(" ".join(filter(None, (shown, escape(breaks)))))),
        )
    )


def _codes(items: list[str]) -> Inline:
    runs = [run for item in items[:_SHOWN] for run in (Run(item, "code"), Run(" "))]
    return (*runs, Run(f"+ {len(items) - _SHOWN}")) if len(items) > _SHOWN else tuple(runs[:-1])
