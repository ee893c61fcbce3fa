"""What figures yet to be had could settle: power of the claims' tests from a run's errors and the size of the data.

python benchmarks/power_wanted.py [results]    writes the table of docs/data-wanted.md anew
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ruralpanel.claims.robustness.power import power
from ruralpanel.estimate.inference.detectable import POWER, smallest_detectable

PAGE = Path(__file__).resolve().parents[1] / "docs" / "data-wanted.md"
HEADER = (
    "| figures | claim | error of | units × periods, clusters | power now | power then | noise borne |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Wanted:
    """Figures, the claim that they would decide, the one whose design is most like theirs, and their size.

    Errors cluster by `clusters` groups of units.
    """

    figures: str
    claim: str
    like: str
    units: int
    periods: int
    clusters: int


WANTED = (
    Wanted("county yearbook", "H1", "H1", 2000, 24, 333),
    Wanted("county yearbook", "H2a", "H2a", 2000, 24, 333),
    Wanted("county yearbook", "H2b", "H2b", 2000, 24, 333),
    Wanted("demonstration counties", "H1", "H5", 2000, 11, 333),
    Wanted("ChinaA, 1990", "H4", "H4", 2400, 1, 30),
    Wanted("yearbooks of township enterprises", "H5", "H5", 30, 25, 30),
    Wanted("yearbooks of township enterprises", "H3a", "H3a", 30, 25, 30),
    Wanted("land-law dates, with provinces", "H7", "H5", 31, 15, 31),
    Wanted("land-law dates, with counties", "H7", "H5", 2000, 24, 31),
    Wanted("travel times", "H3a", "H3a", 279, 2, 279),
    Wanted("travel times", "H3b", "H3b", 279, 2, 279),
)


@dataclass(frozen=True)
class Row:
    """Power of a claim's test now and with the figures wanted, at worst and at best, and the noise that they bear.

    `noise` : times the variance of a province's figures that a unit's may have for a power of .8, likewise.
    """

    wanted: Wanted
    model: str
    now: float
    then: tuple[float, float]
    noise: tuple[float, float]

    def __str__(self) -> str:
        size = f"{self.wanted.units:,} × {self.wanted.periods}, {self.wanted.clusters}"
        then = "–".join(dict.fromkeys(f"{power:.2f}" for power in self.then))
        noise = "–".join(dict.fromkeys(map(shown, self.noise)))
        cells = (self.wanted.figures, self.wanted.claim, f"`{self.model}`", size, f"{self.now:.2f}", then, noise)
        return f"| {' | '.join(cells)} |"


def shown(number: float) -> str:
    """Two digits that count."""
    return f"{number:.2g}" if number < 100 else f"{round(number, -1):.0f}"


def rows(results: Path) -> Iterator[Row]:
    """A row for each of `WANTED`.

    The error of a design now is the one that its smallest detectable effect stands for, of the interval that decides.
    It shrinks with the root of the information: at worst or best with the number of clusters (units of a cluster and
    the periods of a unit say the same thing), or with the number of rows (all say something of their own).
    """
    claims = json.loads((results / "scorecard.json").read_text(encoding="utf-8"))["claims"]
    designs = {claim["claim"]: claim["design"] for claim in claims if claim.get("design")}
    for wanted in WANTED:
        design = designs[wanted.like]
        df, later = design["n_units"] - 1, wanted.clusters - 1
        error, delta = design["detectable"] / smallest_detectable(1.0, df), design["delta"]
        by_clusters = wanted.clusters / design["n_units"]
        by_rows = wanted.units * wanted.periods / design["n_obs"]
        needed = (smallest_detectable(error, later, POWER) / delta) ** 2
        gains = sorted((by_clusters, by_rows))
        worst, best = (float(power(delta, error / gain**0.5, later)) for gain in gains)
        now = float(power(delta, error, df))
        yield Row(wanted, design["model"], now, (worst, best), (gains[0] / needed, gains[1] / needed))


def table(results: Path) -> str:
    """The table of the page."""
    return "\n".join([HEADER, *map(str, rows(results))])


def main(results: Path) -> None:
    """Write the table between its header and the next blank line."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(HEADER)
    _, blank, after = rest.partition("\n\n")
    PAGE.write_text(before + table(results) + blank + after, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
