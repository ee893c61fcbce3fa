"""Claims, models and statistics → one row per claim: number, interval, δ, detectable effect, verdict, reasons."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar

from ruralpanel.claims import verdicts
from ruralpanel.claims.designs import ClaimEstimate, Product, Statistics, describe, product, read_statistics
from ruralpanel.claims.evidence import Cell, cells
from ruralpanel.claims.robustness.results import CurveSummary, Family, Power, Robustness
from ruralpanel.claims.verdicts import Agreement, AgreementKind, Evidence, Verdict
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.model_json import Notes, read_as, write_results
from ruralpanel.estimate.inference.detectable import LEVEL, POWER, POWER_SIMULATED
from ruralpanel.project.files import csv_text, write_text
from ruralpanel.project.notes import Note, plain_notes, statements
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.sections.configuration import Estimand, Hypothesis

T = TypeVar("T")


@dataclass(frozen=True)
class ClaimRow:
    """One claim with its verdict. `design` is None where nothing was estimated for it."""

    claim: str
    text: str
    text_zh: str
    expected: str
    verdict: str
    sign: int
    reasons: Notes
    design: ClaimEstimate | None
    others: tuple[ClaimEstimate, ...]
    others_missing: tuple[str, ...]
    agreement: Agreement | None
    family: str
    p_family: float | None
    cannot_show: str
    cannot_show_zh: str
    meaning: str
    meaning_zh: str
    benchmarks: tuple[Mapping[str, str], ...]
    evidence: tuple[Cell, ...] = ()
    through: tuple[Product, ...] = ()

    @property
    def designs(self) -> tuple[ClaimEstimate, ...]:
        """The main design, where there is one, and the others."""
        return (*(() if self.design is None else (self.design,)), *self.others)


def evaluate_claims(
    hypotheses: Mapping[str, Hypothesis],
    models: Mapping[str, Model],
    statistics: Statistics,
    curves: Mapping[str, CurveSummary] | None = None,
    family_p: Mapping[str, float] | None = None,
    robustness: Mapping[str, Robustness] | None = None,
    config: str = CONFIGURATION,
) -> tuple[ClaimRow, ...]:
    """Every claim's row, in the order of the configuration.

    Parameters
    ----------
    hypotheses : the configuration's section.
    models : model name → its results; a claim whose model is absent is "not yet tested".
    statistics : panel → variable → how it varies, for δ and for plain units.
    curves : specification curve → its results.
    family_p : claim → Romano–Wolf p-value within its family.
    robustness : model → what was asked of its numbers (models/robustness): power, influence of units.
    config : name of the configuration file, for messages.

    Raises
    ------
    UserError
        With every term, marginal effect or statistic that its model does not have.
    """
    rows: list[ClaimRow] = []
    problems: list[Problem] = []
    results = _Results(models, statistics, curves or {}, family_p or {}, robustness or {}, config)
    for name, claim in hypotheses.items():
        try:
            rows.append(_row(name, claim, results))
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return tuple(rows)


@dataclass(frozen=True)
class _Results:
    """Everything that claims are held against; see `evaluate_claims`."""

    models: Mapping[str, Model]
    statistics: Statistics
    curves: Mapping[str, CurveSummary]
    family_p: Mapping[str, float]
    robustness: Mapping[str, Robustness]
    config: str

    def describe(self, estimand: Estimand, claim: Hypothesis, where: str) -> ClaimEstimate:
        """`designs.describe` of the estimand's model."""
        model = self.models[estimand.model or ""]
        return describe(model, estimand, claim, self.statistics, self.config, where, powers_of(self.robustness))


def _row(name: str, claim: Hypothesis, results: _Results) -> ClaimRow:
    where = f"hypotheses.{name}"
    expected = claim.expected or "two_sided"
    others, missing = _others(claim, results, where)
    agreement = _agreement(claim, results.curves, expected)
    estimand = claim.estimand or Estimand()
    model = estimand.model or ""
    design: ClaimEstimate | None = None
    if claim.untestable:
        verdict = verdicts.untestable(_text(claim.untestable), _text(claim.untestable_zh))
    elif not model:
        verdict = verdicts.untested()
    elif model not in results.models:
        verdict = verdicts.untested(model)
    else:
        design = results.describe(estimand, claim, f"{where}.estimand")
        verdict = _verdict(expected, design, agreement, bool(claim.robustness))
    known = [one for one in claim.through or () if one.model in results.models]
    factors = [results.describe(one, claim, f"{where}.through[{i}]") for i, one in enumerate(known)]
    p_family = results.family_p.get(name)
    about = results.models.get(model), agreement, p_family, results.robustness.get(model)
    return ClaimRow(
        claim=name,
        text=_text(claim.claim),
        text_zh=_text(claim.claim_zh) or _text(claim.claim),
        expected=expected,
        verdict=verdict.word,
        sign=verdict.sign,
        reasons=(*verdict.reasons, *_overrides(design)),
        design=design,
        others=others,
        others_missing=missing,
        agreement=agreement,
        family=_text(claim.family),
        p_family=p_family,
        cannot_show=_text(claim.cannot_show),
        cannot_show_zh=_text(claim.cannot_show_zh) or _text(claim.cannot_show),
        meaning=_text(claim.meaning),
        meaning_zh=_text(claim.meaning_zh) or _text(claim.meaning),
        benchmarks=tuple(finding.model_dump(exclude_unset=True) for finding in claim.benchmarks or ()),
        evidence=cells(name, claim, design, *about),
        through=tuple(product(design, other) for other in factors if design is not None),
    )


def _overrides(design: ClaimEstimate | None) -> tuple[Note, ...]:
    return () if design is None else design.overrides


def _verdict(expected: verdicts.Expected, design: ClaimEstimate, agreement: Agreement | None, curve: bool) -> Verdict:
    evidence = Evidence(
        estimate=design.estimate,
        ci_low=design.ci_low,
        ci_high=design.ci_high,
        detectable=design.detectable,
        agreement=agreement,
        curve_declared=curve,
        diagnostics=design.diagnostics,
    )
    return verdicts.decide(expected, evidence, design.delta)


def powers_of(robustness: Mapping[str, Robustness]) -> dict[tuple[str, str], float | None]:
    """(model, number) → effect found with 80 % power by the interval that decides, where that is simulated."""
    return {
        (model, name): checked.power.detectable[f"{POWER:g}"]
        for model, result in robustness.items()
        for name, checked in result.targets.items()
        if isinstance(checked.power, Power) and checked.power.by.code == POWER_SIMULATED
    }


def _others(claim: Hypothesis, results: _Results, where: str) -> tuple[tuple[ClaimEstimate, ...], tuple[str, ...]]:
    designs, missing = [], []
    for index, other in enumerate(claim.others or ()):
        if other.model in results.models:
            designs.append(results.describe(other, claim, f"{where}.others[{index}]"))
        else:
            missing.append(other.model or "")
    return tuple(designs), tuple(missing)


def _agreement(claim: Hypothesis, curves: Mapping[str, CurveSummary], expected: str) -> Agreement | None:
    curve = curves.get(claim.robustness or "")
    if curve is None:
        return None
    # where "no trade-off" is claimed a share of signs around zero says nothing: only the share above −δ does
    kind: AgreementKind = "above_minus_delta" if expected == "not_negative" else "same_sign"
    same = curve.share_same_sign
    share = same if kind == "same_sign" else curve.share_not_negative
    return None if share is None else Agreement(share, curve.n_specifications, kind, same)


def _text(text: str | None) -> str:
    return " ".join((text or "").split())


def evaluate(
    hypotheses: Mapping[str, Hypothesis], results: str | Path, config: str = CONFIGURATION
) -> tuple[ClaimRow, ...]:
    """`evaluate_claims` on the files below `results`: panels and, where they exist, what the claims name.

    What an earlier configuration left there (models, families, curves) is not looked at.

    Raises
    ------
    UserError
        As `evaluate_claims`; also files that do not hold what they should.
    """
    folder, claims = Path(results) / "models", hypotheses.values()
    models = {number.model for claim in claims for number in claim.numbers()}
    checked = {number.model for claim in claims for number in claim.numbers(factors=False)}
    families = _read_all(Family, folder / "families", {claim.family for claim in claims})
    family_p = {
        name: p
        for name, claim in hypotheses.items()
        if claim.family in families and (p := (families[claim.family].p_values or {}).get(name)) is not None
    }
    return evaluate_claims(
        hypotheses,
        _read_all(Model, folder, models),
        read_statistics(results),
        _read_all(CurveSummary, folder / "curves", {claim.robustness for claim in claims}),
        family_p,
        _read_all(Robustness, folder / "robustness", checked),
        config,
    )


def _read_all(kind: type[T], folder: Path, names: Iterable[str | None]) -> dict[str, T]:
    by_name: dict[str, T] = {}
    problems: list[Problem] = []
    for name in sorted(filter(None, names)):
        if (path := folder / f"{name}.json").is_file():
            try:
                by_name[name] = read_as(kind, path)
            except UserError as error:
                problems += error.problems
    raise_any(problems)
    return by_name


def write_scorecard(rows: Sequence[ClaimRow], csv_path: str | Path, json_path: str | Path) -> None:
    """Write the rows as CSV (one flat line per claim) and JSON (everything, with the constants of the rule)."""
    write_text(csv_path, scorecard_csv(rows))
    write_results(json_path, scorecard_json(rows))


@dataclass(frozen=True)
class Rule:
    """The constants of the rule that gives the verdicts."""

    level: float = LEVEL
    level_of_products: float = 2 * LEVEL - 1
    power: float = POWER
    agreement: float = verdicts.AGREEMENT
    share_of_outcome: float = verdicts.SHARE_OF_OUTCOME
    sd_of_outcome: float = verdicts.SD_OF_OUTCOME


@dataclass(frozen=True)
class Scorecard:
    """All claims with their verdicts, and how many have which."""

    rule: Rule = Rule()
    n_claims: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    claims: tuple[ClaimRow, ...] = ()

    def claim(self, name: str) -> ClaimRow | None:
        """The row of a claim."""
        return next((row for row in self.claims if row.claim == name), None)


def scorecard_of(rows: Sequence[ClaimRow]) -> Scorecard:
    """The scorecard of evaluated claims."""
    return Scorecard(n_claims=len(rows), counts=Counter(row.verdict for row in rows), claims=tuple(rows))


def scorecard_json(rows: Sequence[ClaimRow]) -> dict[str, object]:
    """The scorecard as plain values; reasons keep their values apart, since texts quote these by their place."""
    card = scorecard_of(rows)
    claims = [
        {
            **plain_notes(row),
            "reasons": [_apart(one) for one in row.reasons],
            "design": None if row.design is None else _design(row.design),
            "others": [_design(design) for design in row.others],
        }
        for row in rows
    ]
    return {**plain_notes(replace(card, claims=())), "claims": claims}


def _design(design: ClaimEstimate) -> dict[str, object]:
    diagnostics = [{**vars(test), "value": None if test.value is None else _apart(test.value)}
                   for test in design.diagnostics]  # fmt: skip
    return {**plain_notes(design), "diagnostics": diagnostics}


def _apart(one: Note) -> dict[str, object]:
    return {"code": one.code, "values": plain_notes(one.values)}


def evidence_csv(rows: Sequence[ClaimRow]) -> str:
    """The evidence as CSV text, one line per claim and criterion; infinite ends ``inf``, what is missing empty."""
    names = [field.name for field in fields(Cell)]
    table: list[list[object]] = [["claim", "verdict", *names]]
    for row in rows:
        table += [[row.claim, row.verdict, *(_cell(getattr(cell, name)) for name in names)] for cell in row.evidence]
    return csv_text(table)


_DESIGN_COLUMNS = (
    "model", "estimator", "evidence", "panel", "outcome", "term", "estimate", "std_error", "ci_low", "ci_high",
    "interval", "p_value", "delta", "delta_per", "detectable", "n_obs", "n_units", "n_periods",
)  # fmt: skip


def scorecard_csv(rows: Sequence[ClaimRow]) -> str:
    """The scorecard as CSV text; infinite bounds are written ``inf``, what is missing stays empty."""
    table: list[list[object]] = [
        ["claim", "text", "expected", *_DESIGN_COLUMNS, "agreement", "agreement_kind", "same_sign",
         "n_specifications", "family", "p_family",
         "verdict", "sign", "reasons", "cannot_show", "overrides", "others"]
    ]  # fmt: skip
    for row in rows:
        known = {} if row.design is None else {f.name: getattr(row.design, f.name) for f in fields(row.design)}
        table.append(
            [
                row.claim,
                row.text,
                row.expected,
                *(_cell(known.get(column)) for column in _DESIGN_COLUMNS),
                _cell(row.agreement.share if row.agreement else None),
                row.agreement.kind if row.agreement else "",
                _cell(row.agreement.same_sign if row.agreement else None),
                _cell(row.agreement.n_specifications if row.agreement else None),
                row.family,
                _cell(row.p_family),
                row.verdict,
                row.sign,
                statements(row.reasons),
                row.cannot_show,
                statements(_overrides(row.design)),
                "; ".join(_beside(other) for other in row.others),
            ]
        )
    return csv_text(table)


def _beside(other: ClaimEstimate) -> str:
    allowed = f" (allow: {', '.join(str(one.values['allow']) for one in other.overrides)})" if other.overrides else ""
    return f"{other.model}: {other.estimate:.4g}{allowed}"


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)
