"""How often each method of inference rejects a true null at 5 %, at the size of the shipped panels.

Prints the tables of docs/inference.md. Usage: python benchmarks/bench_size.py [sets of panels]
Each set has the same regressors in all of its panels and other regressors than the other sets.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from size_designs import DESIGNS, FEW_PERIODS, OTHER_PANELS, Case

from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families.policy import did, placebo
from ruralpanel.estimate.families.policy.cohorts import sample_of
from ruralpanel.estimate.inference import size_kernels, validity
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.inference.size_kernels import LEVEL, Outcomes
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

SETS, PANELS, DRAWS = 200, 20, 199
CUTOFF_KM = 1000.0
EFFECTS = {"a .5": 0.25, "b 12": 0.5, "d": 0.15}
"""Effects, in standard deviations of the errors, at which power is compared."""

ZERO = "errors_of_zero"

Rejections = Callable[[Outcomes, np.random.Generator], FloatArray | None]
"""Outcomes and generator → whether each panel rejects that the last coefficient is zero; None: does not apply."""


def variance(method: str, normal: bool = False, panel: bool = True, **options: object) -> Rejections:
    """A t test; `panel`: for panels only."""
    setting = InferenceSpec(method, options)

    def rejections(outcomes: Outcomes, rng: np.random.Generator) -> FloatArray | None:
        design = outcomes.design
        if (panel and not _is_panel(outcomes)) or (method == "conley" and not panel):
            return None
        rejected = None
        for y in _columns(outcomes):
            # a panel whose two-way variance is zero says nothing about factors: the next one does
            one = replace(design, y=y)
            fitted = fit(one)
            # these errors are refused with unit effects; here it is measured why
            fitted = replace(fitted, absorbed=()) if method == "hc" else fitted
            try:
                found = infer(fitted, one, setting, 0)
            except UserError as error:
                if any(problem.reason is None or problem.reason.code != ZERO for problem in error.problems):
                    raise
                continue
            if normal:
                assert found.df is not None
                found = replace(found, df=np.full_like(found.df, np.inf))
            rejected = size_kernels.by_variance(replace(outcomes, fit=fitted), setting, found)
            if rejected is not None:
                break
        assert rejected is not None
        return rejected[-1]

    return rejections


def wild(**options: object) -> Rejections:
    """The wild cluster bootstrap, null imposed."""
    setting = InferenceSpec("wild_cluster", options)

    def rejections(outcomes: Outcomes, rng: np.random.Generator) -> FloatArray | None:
        if not _is_panel(outcomes):
            return None
        # with 8 periods all vectors of signs of the years are gone through
        return size_kernels.wild(outcomes, setting, [len(outcomes.fit.terms) - 1], DRAWS, rng)[0]

    return rejections


def permutation(outcomes: Outcomes, rng: np.random.Generator) -> FloatArray | None:
    """Whole paths of units change places."""
    return size_kernels.permuted(outcomes, InferenceSpec("permutation"), [len(outcomes.fit.terms) - 1], DRAWS, rng)[0]


def treated_sets(outcomes: Outcomes, rng: np.random.Generator) -> FloatArray | None:
    """Other sets of units as treated; t with errors clustered by unit is compared."""
    if outcomes.design.extra.first_treated is None:
        return None
    design = outcomes.design
    design = replace(design, x=np.zeros((design.y.size, 0)), spec=replace(design.spec, estimator="did", regressors=()))
    rejected = []
    for y in _columns(outcomes):
        sample = sample_of(replace(design, y=y))
        rejected.append(placebo.treated_sets(sample, did.METHODS["twfe"].point, DRAWS, rng, False).p_value <= LEVEL)
    return np.array(rejected)


METHODS: dict[str, Rejections] = {
    "classical, t": variance("classical", panel=False),
    "HC1, t": variance("hc", panel=False, kind="HC1"),
    "HC3, t": variance("hc", panel=False, kind="HC3"),
    "CR1, normal": variance("cluster", normal=True, small_sample="CR1"),
    "CR1, t(G−1)": variance("cluster", small_sample="CR1"),
    "CR2, Bell–McCaffrey": variance("cluster", small_sample="CR2"),
    "CR3, t(G−1)": variance("cluster", small_sample="CR3"),
    "wild, Rademacher": wild(),
    "wild, Webb": wild(weights="webb"),
    "wild, weights by row": wild(subcluster="row"),
    "permutation of units": permutation,
    "treated sets": treated_sets,
    "two-way wild, weights by year": wild(by=["unit", "period"]),
    "two-way wild, weights by row": wild(by=["unit", "period"], subcluster="row"),
    "two-way CR1, t(T−1)": variance("cluster", by=["unit", "period"]),
    "Driscoll–Kraay, t(T−1)": variance("driscoll_kraay"),
    "Conley 1,000 km": variance("conley", cutoff_km=CUTOFF_KM),
}


def sizes(case: Case, methods: Mapping[str, Rejections], sets: int, seed: int) -> dict[str, tuple[float, float]]:
    """Share of rejections and its Monte Carlo error, by method; regressors are one source of the error."""
    rng = np.random.default_rng(seed)
    shares: dict[str, list[float]] = {}
    for _ in range(sets):
        outcomes = case.outcomes(rng, PANELS)
        for name, method in methods.items():
            rejected = method(outcomes, rng)
            if rejected is not None:
                shares.setdefault(name, []).append(float(np.mean(rejected)))
    return {name: (float(np.mean(s)), float(np.std(s, ddof=1) / np.sqrt(sets))) for name, s in shares.items()}


def table(cases: Mapping[str, Case], methods: Mapping[str, Rejections], sets: int, seed: int) -> str:
    """Markdown: sizes in per cent."""
    found = [sizes(case, methods, sets, seed + i) for i, case in enumerate(cases.values())]
    lines = ["| | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for name in methods:
        if any(name in column for column in found):
            cells = [f"{100 * column[name][0]:.1f}" if name in column else "" for column in found]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    worst = [max(error for size, error in column.values()) for column in found]
    lines.append("| *largest Monte Carlo error* | " + " | ".join(f"*{100 * error:.1f}*" for error in worst) + " |")
    return "\n".join(lines)


def power(sets: int) -> str:
    """Markdown: share rejected where the last coefficient is not zero, per cent."""
    names = ("CR2, Bell–McCaffrey", "wild, Rademacher", "two-way wild, weights by year")
    rows = []
    for name, effect in EFFECTS.items():
        rng = np.random.default_rng(7)
        shares = []
        for _ in range(sets):
            outcomes = DESIGNS[name].outcomes(rng, PANELS)
            params = outcomes.params.copy()
            params[-1] += effect
            outcomes = replace(outcomes, params=params)
            found = [METHODS[method](outcomes, rng) for method in names]
            shares.append([float(np.mean(rejected)) for rejected in found if rejected is not None])
        rows.append(
            f"| {name}, effect {effect:g} | " + " | ".join(f"{100 * p:.0f}" for p in np.mean(shares, axis=0)) + " |"
        )
    return "\n".join(["| | " + " | ".join(names) + " |", "|---" * 4 + "|", *rows])


def without_ranges() -> None:
    """Let methods run where the workflow refuses them."""
    validity.MIN_CLUSTERS.update(dict.fromkeys(validity.MIN_CLUSTERS, 2))
    validity.MIN_PERIODS_DRISCOLL_KRAAY = 2


def _is_panel(outcomes: Outcomes) -> bool:
    return "unit" in outcomes.fit.absorbed


def _columns(outcomes: Outcomes) -> FloatArray:
    """(panels, rows) outcomes net of effects."""
    assert outcomes.fit.x is not None
    return np.asarray((outcomes.residuals + outcomes.fit.x @ outcomes.params).T)


def main() -> None:
    """Print the tables; the first argument is the number of sets: a quarter for other panels, half for few periods."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else SETS
    without_ranges()
    two_way = {name: method for name, method in METHODS.items() if name.startswith("two-way")}
    parts = ((DESIGNS, METHODS, sets), (OTHER_PANELS, METHODS, sets // 4), (FEW_PERIODS, two_way, sets // 2))
    for cases, methods, number in parts:
        print(f"{number * PANELS:,} panels a design, {DRAWS} draws; share rejected at 5 %, per cent\n")
        for name, case in cases.items():
            print(f"- {name}: {case.words}")
        print("\n" + table(cases, methods, number, 1) + "\n", flush=True)
    print(f"{sets // 4 * PANELS:,} panels with an effect; share rejected at 5 %, per cent\n\n{power(sets // 4)}")


if __name__ == "__main__":
    main()
