"""The units file of the two censuses: which county of 2010 is which of 2020. Prints `units.csv` anew:

    python match_counties.py data/census/census_county_{2010,2020}_v1.xlsx > new.csv

Nothing is guessed. A unit of 2010 is one of 2020 where
- the code is the same and so is the name (`code`);
- else the name, within the prefecture, is (`name`), and the code of 2020 was nobody else's in 2010;
- else the name without its last word (county, city, district) is, within the prefecture, and the change is one that
  happens: a county that became a city or a district, a city that became a district (`status`);
- else `declared_changes.csv` says so (`declared`): other names, other prefectures, other spellings.
All other units stand in the file for the one census that counts them. Prefectures are those of 2010 under their names
of 2020. Positions of seats are taken over from the present `units.csv`, or from a third file with columns adcode,
longitude and latitude.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ruralpanel.data.adapters.sheets import cell_text
from ruralpanel.data.adapters.table_files import open_table
from ruralpanel.project.kinds.adapters import TableLayout
from ruralpanel.project.problems import Problem, UserError, raise_any

HERE = Path(__file__).parent
COLUMNS = (
    "id", "name", "aliases", "valid_from", "valid_to", "called_2010", "called_2020", "status_2010", "status_2020",
    "matched_by", "province", "prefecture", "region", "longitude", "latitude",
)  # fmt: skip
MUNICIPALITIES = ("11", "12", "31", "50")
BECOMES = {("county", "city"), ("county", "district"), ("city", "district")}
_LEVEL = re.compile(r"(自治县|县|区|市|旗)$")
_PREFECTURE = re.compile(r"(市|地区|盟)$")
_MISPRINTED = {"170971": "140971"}  # Wutaishan, as the workbook of 2020 has it
_FOREST_OR_SPECIAL = ("神农架林区", "六枝特区", "万山特区")


@dataclass(frozen=True)
class County:
    """A county-level unit as one census names it; `prefecture`: the name of what it belongs to."""

    code: str
    name: str
    prefecture: str

    @property
    def status(self) -> str:
        """county, city, district or zone (an area that the census counts apart from its districts and counties)."""
        if re.fullmatch(r"\d{4}7\d", self.code) or self.name.endswith(("委员会", "管委会", "新城")):
            return "zone"
        if self.name.endswith("区") and self.name not in _FOREST_OR_SPECIAL:
            return "district"
        return "city" if self.name.endswith("市") else "county"

    @property
    def place(self) -> tuple[str, str]:
        """Province and prefecture, whatever the prefecture's own status is."""
        return self.code[:2], _PREFECTURE.sub("", self.prefecture)


def counties(rows: Iterable[tuple[str, str]], file: str) -> dict[str, County]:
    """Code → unit of one census, of all rows' codes and names; codes that end in 00 are provinces and prefectures."""
    named: dict[str, str] = {}
    problems = []
    for code, name in rows:
        if not re.fullmatch(r"\d{6}", code):
            continue
        if named.setdefault(code, name) != name:
            problems.append(Problem(file, f"code {code}", f'"{named[code]}" and "{name}"', "one name for a code"))
    if not named:
        problems.append(Problem(file, "", "no code of six digits", "the codes of counties"))
    raise_any(problems)
    found = {}
    for printed, name in named.items():
        if printed.endswith("00"):
            continue
        code = _MISPRINTED.get(printed, printed)
        above = named.get(f"{code[:2]}0000", "") if code[:2] in MUNICIPALITIES else named.get(f"{code[:4]}00", "")
        found[printed] = County(code, name, above or name)  # a unit right below its province is its own prefecture
    return found


def matched(
    old: Mapping[str, County], new: Mapping[str, County], declared: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Code of 2010 → code of 2020 and how they were found to be the same.

    Raises
    ------
    UserError
        Declared changes of units that are not there, or that are matched without being declared.
    """
    problems = [
        Problem("declared_changes.csv", f"{before} to {after}", "a unit that the censuses do not have", "its code")
        for before, after in declared.items()
        if before not in old or after not in new
    ]
    raise_any(problems)
    pairs = {code: (code, "code") for code, unit in old.items() if code in new and new[code].name == unit.name}
    pairs |= {before: (after, "declared") for before, after in declared.items()}
    for how, key in (("name", _name), ("status", _stem)):
        taken = {after for after, _ in pairs.values()}
        left = _alone([unit for code, unit in old.items() if code not in pairs], key)
        right = _alone([unit for code, unit in new.items() if code not in taken], key)
        for spot, unit in left.items():
            other = right.get(spot)
            if other is None or (other.code in old and other.code != unit.code):
                continue
            if how == "name" or (unit.status, other.status) in BECOMES:
                pairs[unit.code] = (other.code, how)
    return pairs


def _name(unit: County) -> str:
    return unit.name


def _stem(unit: County) -> str:
    return _LEVEL.sub("", unit.name)


def _alone(units: Iterable[County], key: Callable[[County], str]) -> dict[tuple[str, str, str], County]:
    """Units by place and key, those only that share them with no other."""
    found: dict[tuple[str, str, str], list[County]] = {}
    for unit in units:
        found.setdefault((*unit.place, key(unit)), []).append(unit)
    return {spot: alike[0] for spot, alike in found.items() if len(alike) == 1}


def rows_of(path: str, code: str, name: str) -> list[tuple[str, str]]:
    """Codes and names of a workbook, without blanks; 巿 is the scanner's 市."""
    file = Path(path).name
    table = open_table(path, file, TableLayout())
    columns, _ = table.read([code, name], [])
    pairs = zip(columns[code].tolist(), columns[name].tolist(), strict=True)
    return [(cell_text(a).strip(), re.sub(r"\s", "", str(b)).replace("巿", "市")) for a, b in pairs if a == a]


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def positions(path: str = "") -> dict[str, Mapping[str, str]]:
    """Code → longitude and latitude, of a file with codes of six or more digits, else of the present units file."""
    if path:
        return {row["adcode"][:6]: row for row in _table(Path(path))}
    rows = _table(HERE / "units.csv") if (HERE / "units.csv").is_file() else []
    return {code: row for row in rows for code in (row["aliases"], row["id"][:6]) if code}


def units_file(
    old: Mapping[str, County], new: Mapping[str, County], seats: Mapping[str, Mapping[str, str]]
) -> list[dict[str, str]]:
    """The rows of units.csv, `seats` being the positions by code."""
    declared = {row["code_2010"]: row["code_2020"] for row in _table(HERE / "declared_changes.csv")}
    provinces = {row["code"][:2]: row for row in _table(HERE / "../../data/units/china_provinces.csv")}
    pairs = matched(old, new, declared)
    after = {code: before for before, (code, _) in pairs.items()}
    by_name = {unit.place: unit.prefecture for unit in new.values()}
    by_code = {unit.code[:4]: unit.prefecture for unit in new.values()}
    rows = []
    for code, unit in old.items():
        later = new.get(pairs[code][0]) if code in pairs else None
        today = by_name.get(unit.place) or (by_code.get(code[:4]) if unit.prefecture != unit.name else "")
        named = replace(unit, prefecture=today or unit.prefecture)
        rows.append(_row(code, named, later, pairs[code][1] if code in pairs else "", provinces, seats))
    for code, unit in new.items():
        if code not in after:
            rows.append(_row(code if code not in old else f"{code}-2020", None, unit, "", provinces, seats))
    return sorted(rows, key=lambda row: row["id"])


def _row(
    identifier: str,
    old: County | None,
    new: County | None,
    how: str,
    provinces: Mapping[str, Mapping[str, str]],
    seats: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    unit = old or new
    assert unit is not None
    province = provinces[unit.code[:2]]
    seat = seats.get(new.code if new else unit.code) or seats.get(unit.code) or {}
    above = unit.prefecture if unit.prefecture != unit.name else ""
    if unit.code[:2] in MUNICIPALITIES:
        above = ""
    return {
        "id": identifier,
        "name": f"{province['name_zh_full']}{above}{unit.name}",
        "aliases": new.code if new and new.code != identifier else "",
        "valid_from": "" if old else "2020",
        "valid_to": "" if new else "2010",
        "called_2010": old.name if old else "",
        "called_2020": new.name if new else "",
        "status_2010": old.status if old else "",
        "status_2020": new.status if new else "",
        "matched_by": how,
        "province": province["name_en"],
        "prefecture": unit.prefecture,
        "region": province["region"],
        "longitude": seat.get("longitude", ""),
        "latitude": seat.get("latitude", ""),
    }


def main(first: str, second: str, places: str = "") -> None:
    """Print the units file of two workbooks."""
    old = counties(rows_of(first, "区划代码", "地区"), Path(first).name)
    new = counties(rows_of(second, "区划代码", "区县"), Path(second).name)
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(units_file(old, new, positions(places)))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except UserError as error:
        sys.exit(error.report("match_counties"))
