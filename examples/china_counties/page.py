"""The page docs/counties.md, written from a finished run of `config_policies.yaml` (or `config.yaml`):

    python page.py results ../../docs/counties.md

Every number on it is read from the run's files; the map is copied beside it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

HERE = Path(__file__).parent
CONFIGURATIONS = ("config.yaml", "config_policies.yaml")
BEFORE = (
    "balance_manufacturing", "balance_farming", "balance_urban", "balance_schooling", "broadband_farming",
    "schooling_farming",
)  # fmt: skip
KINDS = {"county": "counties", "city": "county-level cities", "district": "districts", "zone": "zones counted apart"}
WAYS = {
    "code": "code and name are the same",
    "name": "name within the prefecture, another code",
    "status": "a county became a city or a district, a city a district",
    "declared": "declared from general knowledge, not looked up: another name, prefecture or spelling",
    "": "in one census only",
}
EFFECTS = {
    "broadband_later": "counties of the cities named, against others of their province",
    "broadband_schooling": "for each year of schooling more in 2010, in the cities named",
    "schooling_later": "for each year of schooling more in 2010",
    "secondary_later": "for each point more of people with senior secondary school in 2010",
    "expressway_later": "prefectures with a first expressway after 2010",
    "expressway_years": "for each year of expressways by 2010",
    "expressway_start": "for each point of manufacturing more in 2010, with a first expressway after it",
    "expressway_schooling": "for each year of schooling more in 2010, with a first expressway after it",
    "west_later": "West against East, change of the gap",
    "west": "West against East",
    "lead_schooling": "schooling's part of the gap of 2010",
    "urban_share": "for each point that the urban share rose more",
    "land_share": "for each point more of people out of work by requisition, in 2010",
}


def number(value: float, digits: int = 2) -> str:
    """A figure with a true minus."""
    return f"{value:,.{digits}f}".replace("-", "−")


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval, or a dash where there is none."""
    return "–" if low is None or high is None else f"[{number(low, digits)}, {number(high, digits)}]"


def places(delta: float) -> int:
    """Decimals of estimates of which `delta` would matter."""
    return 2 if delta >= 1 else 3


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in (header, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(header), *lines[1:]])


def shares(panel: pd.DataFrame, units: pd.DataFrame) -> Iterator[list[str]]:
    """Manufacturing among the employed, by the status of the year and of those that stayed counties."""
    frame = panel.merge(units, left_on="unit", right_on="id")
    stayed = frame["status_2010"].isin(["county", "city"]) & frame["status_2020"].isin(["county", "city"])
    became = frame["status_2010"].isin(["county", "city"]) & (frame["status_2020"] == "district")
    groups: list[tuple[str, Any]] = [
        (words, lambda f, kind=kind: f[f"status_{f['period'].iloc[0]}"] == kind) for kind, words in KINDS.items()
    ]
    groups += [
        ("counties and cities of both censuses", lambda f: stayed.loc[f.index]),
        ("counties and cities that became districts", lambda f: became.loc[f.index]),
    ]
    for words, chosen in groups:
        cells = [words]
        for year in (2010, 2020):
            of_year = frame[frame["period"] == year]
            rows = of_year[chosen(of_year) & of_year["employed"].notna()]
            made, all_ = rows["manufacturing"].sum(), rows["employed"].sum()
            cells += [f"{len(rows):,}", f"{all_:,.0f}", number(100 * made / all_) if all_ else "–"]
        yield cells


def others_intervals(model: Mapping[str, Any], term: str, digits: int) -> list[str]:
    """The intervals of a model's term, setting by setting, by what is clustered."""
    found = {}
    for setting in model["inference"]:
        row = next((row for row in setting.get("coefficients") or () if row["term"] == term), None)
        if row is not None:
            kind = "wild" if setting["method"] == "wild_cluster" else "cluster"
            found[f"{kind} {setting['by']}"] = interval(row["ci_low"], row["ci_high"], digits)
    wanted = ("cluster prefecture", "wild prefecture", "cluster province", "wild province")
    return [found.get(key, "–") for key in wanted]


def claims(results: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each claim with its designs, the one that decides first."""
    card = json.loads((results / "scorecard.json").read_text(encoding="utf-8"))
    for claim in sorted(card["claims"], key=lambda claim: claim["claim"]):
        yield claim, [design for design in (claim["design"], *claim["others"]) if design]


def model_of(results: Path, name: str) -> dict[str, Any] | None:
    """A model's results; None where the run has none of this name."""
    file = results / "models" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def titles() -> dict[str, str]:
    """Model → title, as the configurations declare it."""
    declared = [yaml.safe_load((HERE / name).read_text(encoding="utf-8")) for name in CONFIGURATIONS]
    return {name: model["title"] for values in declared for name, model in values["models"].items()}


def before(results: Path) -> Iterator[list[str]]:
    """Who was named and who not: differences in 2010, and the placebos since."""
    named = titles()
    for name in BEFORE:
        model = model_of(results, name)
        if model:
            term = model["coefficients"][0]["term"]
            what = EFFECTS.get(term, "cities named against others of their province, in 2010")
            own = others_intervals(model, term, 2)
            yield [named[name], what, number(model["coefficients"][0]["estimate"]), own[0], own[2]]


def page(results: Path, units_file: Path, image: str) -> str:
    """The page's text."""
    units = pd.read_csv(units_file, dtype="str", keep_default_na=False)
    panel = pd.read_csv(results / "panels" / "counties" / "panel.csv", dtype={"unit": "str"})
    matched = units["matched_by"].value_counts()
    named = titles()
    rows, designs, power = [], [], []
    for claim, numbers in claims(results):
        own = claim["design"]
        answer = ["–", "–"]
        if own:
            digits = places(own["delta"])
            power.append(
                [claim["claim"], claim["text"], number(own["detectable"], digits), number(own["delta"], digits)]
            )
            answer = [number(own["estimate"], digits), interval(own["ci_low"], own["ci_high"], digits)]
        rows.append([claim["claim"], claim["text"], *answer, claim["verdict"]])
        for design in numbers:
            digits = places(own["delta"]) if own else 2
            model = json.loads((results / design["file"]).read_text(encoding="utf-8"))
            what = EFFECTS.get(design["term"], design["term"])
            number_of_units, estimate = f"{design['n_units']:,}", number(design["estimate"], digits)
            own_intervals = others_intervals(model, design["term"], digits)
            designs.append([claim["claim"], named[design["model"]], what, number_of_units, estimate, *own_intervals])
    schooling = model_of(results, "schooling") or {"coefficients": ()}
    start = next(row["estimate"] for row in schooling["coefficients"] if row["term"] == "start_later")
    fell = number(-10 * start)
    others = list(before(results))
    others_head = ["", "effect", "estimate", "prefecture", "province"]
    totals = panel.groupby("period")[["residents", "employed", "manufacturing"]].sum()
    sums = [
        [str(year), *(f"{value:,.0f}" for value in row)]
        for year, row in zip(totals.index, totals.to_numpy(), strict=True)
    ]
    designs_head = ["claim", "design", "effect", "units", "estimate", "prefecture", "wild", "province", "wild"]
    shares_head = ["", "units 2010", "employed", "manufacturing, %", "units 2020", "employed", "manufacturing, %"]
    ways = [[f"{matched.get(way, 0):,}", words] for way, words in WAYS.items()]
    return f"""# The question on counties

Written by `examples/china_counties/page.py` from a run: no number on this page is typed. The figures are those of the
sixth and seventh population census by county-level unit, which are not shipped. To reproduce it, from
`examples/china_counties`:

```sh
../../.venv/bin/snakemake -s ../../Snakefile --directory . --cores 2 fetch
../../.venv/bin/snakemake -s ../../Snakefile --directory . --cores 2
```

Broadband and expressways (H1, H2b, H3a, H3b) need two lists beside that, which
[README.md](../examples/china_counties/README.md) describes. Employment is that of a tenth of households (the censuses'
long form), counted where people live.

![Manufacturing share of counties, cities and districts in 2010 and 2020]({image})

## Power first

What each design would find four times out of five if it were there, and what would matter: points of manufacturing
share, for H6 workers per 100 residents.

{table(["claim", "", "detectable", "would matter"], power)}

## Answers

The interval is that of the wild bootstrap by prefecture (H4: by province): counties of a prefecture share its shocks.

{table(["claim", "", "estimate", "95 % interval", "verdict"], rows)}

## Every design, every interval

Two censuses, effects of counties and of provinces by year unless the design says otherwise. Intervals are clustered by
prefecture and by province, beside each that of the wild bootstrap. “Without the start” leaves out the manufacturing
share of 2010. A county with ten points more in 2010 gained {fell} points less than others of its
province, so that the two designs differ: what falls back by itself counts against a lever that goes with high shares in
the one, and a share counted from a sample falls back by chance in the other.

{table(designs_head, designs)}

## Were they alike before, and what of farming?

Differences in 2010 within provinces, and the same designs for the share of farming, which no claim speaks of.

{table(others_head, others)}

## What became of counties

{table(shares_head, list(shares(panel, units)))}

Counties that industrialised became districts and left: the share of those that stayed is the one to look at.

{table(["units", "of 2010 and 2020"], ways)}

All units together (employed and manufacturing: of the tenth):

{table(["census", "residents", "employed", "manufacturing"], sums)}
"""


def main(results: str, target: str) -> None:
    """Write the page, and the map beside it."""
    place = Path(target)
    image = place.parent / "images" / f"{place.stem}.png"
    text = page(Path(results), HERE / "units.csv", f"images/{image.name}")
    place.write_text(text, encoding="utf-8")
    image.parent.mkdir(exist_ok=True)
    shutil.copyfile(Path(results) / "maps" / "manufacturing.png", image)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
