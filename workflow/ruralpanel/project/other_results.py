"""Other folders of results that a run reads: earlier ones of its own, and finished ones whose claims stand beside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from ruralpanel.project.files import unusable
from ruralpanel.project.load import DEFAULT_FILE, Config
from ruralpanel.project.problems import Problem
from ruralpanel.project.sections.configuration import Report

RESULTS = "results"
SCORECARD = "scorecard.json"
_FILES = (
    *("panels/*/panel.parquet", "panels/*/columns.csv", "panels/*/codebook.csv", "panels/*/lineage.parquet"),
    *("models/*.json", SCORECARD),
)
_OF_CLAIM = ("claim", "text", "expected", "verdict", "sign", "reasons", "design", "evidence")
_OF_DESIGN = (
    *("model", "panel", "outcomes", "term", "evidence", "estimate", "ci_low", "ci_high", "interval", "has_interval"),
    *("in_delta", "in_delta_low", "in_delta_high", "delta", "n_units", "n_periods", "plain", "pointer"),
)
"""What is read of a claim and of its main design."""


def compared_folder(config: Config) -> str:
    """The folder, relative to the working folder where it lies below it; empty without a comparison."""
    named = config.report.compare_with
    return _placed(config.root, named) if named else ""


def _placed(root: str, named: str) -> str:
    path = os.path.normpath(os.path.join(root, os.path.expanduser(named)))
    return path if os.path.isabs(path) else os.path.relpath(path)


def compared_files(config: Config) -> tuple[str, ...]:
    """What is read of it."""
    folder = compared_folder(config)
    return tuple(str(path) for pattern in _FILES for path in sorted(Path(folder).glob(pattern))) if folder else ()


@dataclass(frozen=True)
class OtherResults:
    """Finished results of another project whose claims stand beside.

    Attributes
    ----------
    name : of the entry under ``report.evidence_from``.
    folder : relative to the working folder where it lies below it.
    label, label_zh : what they are about, in words.
    claims : claim here → claim there, for those that have another name there.
    """

    name: str
    folder: str
    label: str
    label_zh: str
    claims: Mapping[str, str]

    def claim_of(self, own: str) -> str:
        """What a claim is called there."""
        return self.claims.get(own, own)

    @property
    def scorecard(self) -> str:
        """The file of their claims."""
        return os.path.join(self.folder, SCORECARD)


def other_results(report: Report, root: str) -> tuple[OtherResults, ...]:
    """The folders under ``evidence_from``, in the order of the configuration, whose paths are relative to `root`."""
    return tuple(
        OtherResults(
            name=name,
            folder=_placed(root, entry.results),
            label=entry.label or name.replace("_", " "),
            label_zh=entry.label_zh or entry.label or name.replace("_", " "),
            claims=entry.claims or {},
        )
        for name, entry in (report.evidence_from or {}).items()
    )


def _others(config: Config) -> tuple[OtherResults, ...]:
    return other_results(config.report, config.root)


@dataclass(frozen=True)
class _Design:
    """Where the number of a claim there was read from: the model's file and the place in it."""

    model: str
    panel: str
    pointer: str
    estimate: object

    @property
    def files(self) -> tuple[str, str]:
        """The model and the names of its variables, below the folder."""
        return f"models/{self.model}.json", f"panels/{self.panel}/codebook.csv"


def evidence_files(config: Config) -> tuple[str, ...]:
    """What is there of what is read: claims, the models that decide those matched, the names of their variables.

    Of a folder that is at fault (`evidence_problems`) as much as can be told.
    """
    found: list[str] = []
    for other in _others(config):
        found.append(other.scorecard)
        with suppress(OSError, ValueError):
            designs = _matched(config, other, _claims(other)).values()
            found += [os.path.join(other.folder, file) for design in designs if design for file in design.files]
    return tuple(file for file in dict.fromkeys(found) if os.path.isfile(file))


def _claims(other: OtherResults) -> dict[str, _Design | None]:
    """The claims there with what decides them, None where nothing was estimated.

    Raises
    ------
    ValueError
        The file is not whole, or another version wrote it; says what was found.
    """
    try:
        values = json.loads(Path(other.scorecard).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a file that is not whole ({error})") from None
    claims = values.get("claims") if isinstance(values, Mapping) and "rule" in values else None
    if not isinstance(claims, list) or not all(isinstance(claim, Mapping) for claim in claims):
        raise ValueError("no list of claims with the rule of their verdicts")
    found: dict[str, _Design | None] = {}
    for position, claim in enumerate(claims, 1):
        design = claim.get("design")
        lacking = [key for key in _OF_CLAIM if key not in claim]
        lacking += [key for key in _OF_DESIGN if isinstance(design, Mapping) and key not in design]
        if lacking:
            raise ValueError(f'claim {claim.get("claim", position)} without "{lacking[0]}"')
        wrong = design is not None and not isinstance(design, Mapping)
        if wrong or (design and not all(isinstance(design[key], str) for key in ("model", "panel", "pointer"))):
            raise ValueError(f"claim {claim['claim']} with a design of another kind")
        found[str(claim["claim"])] = design and _Design(**{field.name: design[field.name] for field in fields(_Design)})
    return found


def _matched(config: Config, other: OtherResults, claims: Mapping[str, _Design | None]) -> dict[str, _Design | None]:
    named = dict.fromkeys(other.claim_of(own) for own in config.hypotheses)
    return {name: claims[name] for name in named if name in claims}


def compared_problems(config: Config) -> Iterator[Problem]:
    """A folder that holds no results, or that this run writes."""
    folder = compared_folder(config)
    if not folder:
        return
    where, fix = "report.compare_with", "keep a copy before the change: cp -r results before"
    if _is_own(folder):
        yield config.problem(where, f'"{folder}", which this run writes', "a folder of earlier results", fix)
    elif not os.path.isdir(os.path.join(folder, "panels")):
        yield config.problem(where, f'"{folder}", which holds no panels', "a folder of earlier results", fix)


def _is_own(folder: str) -> bool:
    return os.path.realpath(folder) == os.path.realpath(RESULTS)


def evidence_problems(config: Config) -> Iterator[Problem]:
    """Folders under ``report.evidence_from`` without finished results whose claims can stand beside those here."""
    others = _others(config)
    where = "report.evidence_from"
    if others and not config.hypotheses:
        found, fix = "a project without claims", "declare claims, or take evidence_from out"
        yield config.problem(where, found, "claims that others can stand beside", fix)
        return
    seen: dict[str, str] = {}
    for other in others:
        here = f"{where}.{other.name}"
        twin = seen.setdefault(os.path.realpath(other.folder), other.name)
        for own in other.claims:
            if own not in config.hypotheses:
                yield config.missing(f"{here}.claims", own, "a claim of this project", config.hypotheses)
        if twin != other.name:
            found = f'"{other.folder}", the folder of {twin}'
            yield config.problem(f"{here}.results", found, "each folder once", "take one of them out")
        elif lack := _lack(other.folder):
            found, expected, fix = lack
            yield config.problem(f"{here}.results", f'"{other.folder}", {found}', expected, fix)
        else:
            yield from _claim_problems(config, other, here)


def _lack(folder: str) -> tuple[str, str, str] | None:
    """What is found of a folder in the place of finished results, what is expected, and the way there."""
    expected = "the finished results of another project"
    if _is_own(folder):
        return "which this run writes", expected, "name the folder of another project"
    if not os.path.isdir(folder):
        return unusable(folder) or "which is a file", expected, _way_to(folder)
    if os.path.exists(os.path.join(folder, SCORECARD)):
        return None
    inside = os.path.join(folder, RESULTS)
    if os.path.exists(os.path.join(inside, SCORECARD)):
        return "which holds a project", expected, f'name the folder "{inside}"'
    if not os.path.isdir(os.path.join(folder, "models")):
        return "which holds no results", expected, _way_to(folder)
    found = f"which holds no {SCORECARD}: its run is not finished, or its project declares no claims"
    return found, expected, _way_to(folder)


def _way_to(folder: str) -> str:
    """The command that makes a folder of results, where a configuration lies beside it."""
    project = os.path.dirname(folder)
    if os.path.basename(folder) == RESULTS and os.path.isfile(os.path.join(project, DEFAULT_FILE)):
        return f"run that project: snakemake --directory {project}"
    return "check the path, or run that project"


def _claim_problems(config: Config, other: OtherResults, where: str) -> Iterator[Problem]:
    """Claims there that cannot be read, whose models say otherwise, or of which none stands for one here."""
    expected = "claims as this version of ruralpanel writes them"
    if reason := unusable(other.scorecard):
        yield Problem(other.scorecard, "", f"a file {reason}", expected, "check its permissions")
        return
    try:
        claims = _claims(other)
    except ValueError as error:
        yield Problem(other.scorecard, "", str(error), expected, _way_to(other.folder))
        return
    for own, there in other.claims.items():
        if there not in claims:
            yield config.missing(f"{where}.claims.{own}", there, f"a claim of {other.scorecard}", claims)
    matched = _matched(config, other, claims)
    if not matched:
        found = f"claims {', '.join(claims)}" if claims else "no claims"
        first = next(iter(config.hypotheses)), next(iter(claims), "…")
        fix = f"say which claim here is which there: claims: {{{first[0]}: {first[1]}}}"
        yield Problem(other.scorecard, "", found, f"a claim of {config.file}", fix)
    for name, design in matched.items():
        if design and (found := _contradicted(other.folder, design)):
            path = os.path.join(other.folder, design.files[0])
            expected = f"the number of claim {name} in {SCORECARD}: a run that is finished"
            yield Problem(path, design.pointer, found, expected, _way_to(other.folder))


def _contradicted(folder: str, design: _Design) -> str:
    """What a model has in the place of the number that a claim rests on, where a run stopped between the two."""
    path = os.path.join(folder, design.files[0])
    if reason := unusable(path):
        return f"a file {reason}"
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
        for part in design.pointer.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            value = value[int(part) if isinstance(value, list) else part]
        estimate = value["estimate"]
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        return f"nothing of the kind ({error})"
    return "" if estimate == design.estimate else f"{estimate} in the place of {design.estimate}"
