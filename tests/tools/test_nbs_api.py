"""Live figures: asked politely, whole or not at all, merged over data sets, compared with the vintage before."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import nbs_site
from adapter_harness import check_cells, figures, refusal, source_of
from nbs_site import Site
from ruralpanel.data.adapters import nbs_api, registry
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import SourceSpec
from ruralpanel.project.sidecars import check_files, load_sidecar, series_spec
from ruralpanel.project.units import Units, load_units
from ruralpanel.tools.fetch.fetch import Fetched, fetch, renewed, with_sidecar, write_changes
from ruralpanel.tools.fetch.plan import Indicator, Scope, questions
from ruralpanel.tools.fetch.vintages import (
    RECORD,
    Change,
    begin,
    changes,
    changes_csv,
    finish,
    losses,
    mend,
    summary,
    swap,
    write_answer,
)

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 24)
SERIES = {
    "electricity": {"title_in_file": "农村用电量", "measure": "亿千瓦小时", "label": "Rural electricity"},
    "highways": {"title_in_file": "公路里程", "measure": "10^4 km"},
    "workers": {"title_in_file": "乡村从业人员", "measure": "万人"},
}
FILES = {"electricity": "rural_electricity", "highways": "highway_length", "workers": "rural_employment"}


@pytest.fixture
def site() -> Iterator[Site]:
    with nbs_site.running() as running:
        yield running


@pytest.fixture(scope="module")
def units() -> Units:
    return load_units(ROOT / "data" / "units" / "china_provinces.csv")


def live(site: Site, folder: Path, **layout: object) -> SourceSpec:
    """A live source with three series and four regions."""
    keys = {"base": site.url, "years": [2005, 2023], "regions": dict(nbs_site.CODES), "pause": 0, "timeout": 0.5}
    series = {key: series_spec(key, values) for key, values in SERIES.items()}
    return SourceSpec("live", "nbs_api", str(folder / "raw" / "live"), (), None, {**keys, **layout}, series)


def run(source: SourceSpec, folder: Path, units: Units, today: date = TODAY) -> Fetched:
    return fetch(source, folder / "live.yaml", units, today, lambda _: None)


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".part" not in str(path)]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def reread(folder: Path, source: SourceSpec) -> pd.DataFrame:
    place = folder / "raw" / "live"
    return registry.read(replace(source, path=str(place), files=tuple(map(str, sorted(place.iterdir())))))


def expected(site: Site) -> dict[tuple[str, str, int], float]:
    """What the exports say of the same series, regions and years."""
    return {
        (key, region, year): float(text)
        for key, file in FILES.items()
        for (series, region, year), text in site.figures.items()
        if series == file and text and 2005 <= year <= 2023
    }


def test_fetched_figures_are_those_of_the_exports(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    fetched = run(source, tmp_path, units)
    frame = reread(tmp_path, source)
    assert figures(frame) == expected(site)
    assert fetched.figures == len(expected(site)) == len([c for c in fetched.changes if c.kind == "new"])
    folder = tmp_path / "raw" / "live"
    kept = [path for path in sorted(folder.glob("*.json")) if path.name != nbs_api.CATALOGUE]
    place = replace(source, path=str(folder), files=tuple(map(str, kept)))
    check_cells(frame, place)


def test_the_tree_is_walked_without_data_sets_of_other_years(site: Site, tmp_path: Path, units: Units) -> None:
    run(live(site, tmp_path), tmp_path, units)
    catalogue = json.loads((tmp_path / "raw" / "live" / nbs_api.CATALOGUE).read_text(encoding="utf-8"))
    paths = {" > ".join(entry["path"]) for entry in catalogue["data_sets"]}
    assert "运输和邮电 > 运输线路长度(2014-)" in paths and "运输和邮电 > 运输线路长度(-2004)" not in paths
    asked = {(body["cid"], tuple(body["indicatorIds"])) for body in site.bodies}
    assert ("ac37a55cdaad4d0ba433e5a0ababc620", ("e1",)) in asked  # irrigated area is not asked for
    assert len(asked) == 4 and all(body["showType"] == "1" for body in site.bodies)


def test_years_and_regions_are_asked_in_batches(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path, years_per_request=7, regions_per_request=3)
    run(source, tmp_path, units)
    assert {tuple(body["dts"]) for body in site.bodies} == {("2005YY-2011YY",), ("2012YY-2018YY",), ("2019YY-2023YY",)}
    assert {len(body["das"]) for body in site.bodies} == {1, 3}
    assert len(site.bodies) == 4 * 3 * 2
    assert figures(reread(tmp_path, source)) == expected(site)


@pytest.mark.parametrize(
    "cids", [["ac37a55cdaad4d0ba433e5a0ababc620"], {"electricity": "ac37a55cdaad4d0ba433e5a0ababc620"}]
)
def test_known_data_sets_spare_the_walk(site: Site, tmp_path: Path, units: Units, cids: object) -> None:
    source = live(site, tmp_path, cids=cids)
    source = replace(source, series={"electricity": source.series["electricity"]})
    run(source, tmp_path, units)
    assert "/new/queryIndexTreeAsync" not in site.asked


def test_folders_of_the_tree_can_be_named(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path, under=["农业"])
    one = {"electricity": source.series["electricity"]}
    run(replace(source, series=one), tmp_path, units)
    assert site.asked.count("/new/queryIndexTreeAsync") == 2 and site.asked.count("/new/queryIndicatorsByCid") == 2
    with pytest.raises(UserError, match="no such folder") as error:
        run(live(site, tmp_path / "x", under=["农林"]), tmp_path / "x", units)
    assert "农业" in str(error.value)


@pytest.mark.parametrize(
    "trap", ["redirect", "403", "500", "html", "truncated", "cut off", "slow", "drip", "failure", "null"]
)
def test_a_passing_trap_is_waited_out(site: Site, tmp_path: Path, units: Units, trap: str) -> None:
    for path in ("/new/queryIndexTreeAsync", "/new/queryIndicatorsByCid", "/stream/esData"):
        site.traps[path] = [trap]
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    assert figures(reread(tmp_path, source)) == expected(site)


@pytest.mark.parametrize(
    ("trap", "words"),
    [("redirect", "a redirection to"), ("403", "a refusal (403"), ("truncated", "no whole JSON"),
     ("html", "no whole JSON"), ("slow", "no whole answer within 0.5 seconds"), ("failure", "系统异常"),
     ("cut off", "no")],
)  # fmt: skip
def test_a_lasting_trap_leaves_the_old_files_and_one_message(
    site: Site, tmp_path: Path, units: Units, trap: str, words: str
) -> None:
    source = live(site, tmp_path, attempts=2)
    run(source, tmp_path, units)
    before = contents(tmp_path)
    site.traps["/stream/esData"] = [trap] * 50
    with pytest.raises(UserError) as error:
        run(source, tmp_path, units, date(2027, 3, 1))
    assert len(error.value.problems) == 1 and words in str(error.value)
    assert "2 times" in str(error.value) and "/stream/esData" in str(error.value)
    assert contents(tmp_path) == before


def test_an_interrupted_fetch_resumes(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path, attempts=1, regions_per_request=1)
    site.traps["/stream/esData"] = ["", "", "", "", "", "403"]
    with pytest.raises(UserError):
        run(source, tmp_path, units)
    assert not (tmp_path / "raw" / "live").exists()
    first = len(site.asked)
    fetched = run(source, tmp_path, units, date(2026, 11, 25))
    assert fetched.kept == first - 1 and len(site.asked) - first == fetched.asked
    assert figures(reread(tmp_path, source)) == expected(site)
    days = [entry.get("accessed") for entry in load_sidecar(tmp_path / "live.yaml").document["files"].values()]
    assert days.count("2026-11-24") == 5  # the answers that had come before
    assert not (tmp_path / "raw" / ".live.part").exists()


def test_answers_of_an_old_interrupted_fetch_are_asked_again(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path, attempts=1)
    site.traps["/stream/esData"] = ["", "403"]
    with pytest.raises(UserError):
        run(source, tmp_path, units)
    assert run(source, tmp_path, units, date(2026, 12, 24)).kept == 0


def test_pauses_grow_with_every_failure(site: Site, tmp_path: Path, units: Units) -> None:
    pauses: list[float] = []
    site.traps["/stream/esData"] = ["403", "redirect", "html"]
    source = live(site, tmp_path, pause=1.5)
    fetch(source, tmp_path / "live.yaml", units, TODAY, lambda _: None, pauses.append)
    assert pauses.count(1.5) == len(site.asked) - 4  # not before the first; longer before three
    assert sorted(pauses)[-3:] == [3.0, 6.0, 12.0]


def test_progress_is_told(site: Site, tmp_path: Path, units: Units) -> None:
    lines: list[str] = []
    fetch(live(site, tmp_path), tmp_path / "live.yaml", units, TODAY, lines.append)
    assert "figures: request 4 of 4" in lines and any(line.startswith("catalogue: ") for line in lines)


def test_the_sidecar_says_where_and_when(site: Site, tmp_path: Path, units: Units) -> None:
    run(live(site, tmp_path), tmp_path, units)
    sidecar = load_sidecar(tmp_path / "live.yaml")
    assert check_files(sidecar, tmp_path / "raw" / "live") == []
    assert sidecar.document["accessed"] == "2026-11-24" and site.url in sidecar.document["obtained"]
    requests = [entry.get("request", "") for entry in sidecar.document["files"].values()]
    assert sum(request.startswith("POST /stream/esData {") for request in requests) == 4
    assert sidecar.series["electricity"].label == "Rural electricity"


def test_what_was_written_by_hand_in_the_sidecar_stays(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    by_hand = (
        "# mine\npublisher: NBS\ntitle: National Data\naccessed: 2020-01-01\n# about the series\nseries:\n"
        "  electricity: {label: Rural electricity, measure: 亿千瓦小时, title_in_file: 农村用电量,\n"
        "    breaks: {2020: {what: redefined}}}   # seen in the yearbook\n"
    )
    (tmp_path / "live.yaml").write_text(by_hand, encoding="utf-8")
    run(with_sidecar(replace(source, series={}), tmp_path / "live.yaml"), tmp_path, units)
    text = (tmp_path / "live.yaml").read_text(encoding="utf-8")
    assert "# mine" in text and "# about the series" in text and "# seen in the yearbook" in text
    assert text.startswith("# mine\npublisher: NBS\n")
    sidecar = load_sidecar(tmp_path / "live.yaml")
    assert check_files(sidecar, tmp_path / "raw" / "live") == []
    assert sidecar.document["accessed"] == "2026-11-24" and 2020 in sidecar.series["electricity"].breaks


def test_a_sidecar_in_one_line_is_refused_rather_than_spoilt() -> None:
    with pytest.raises(UserError, match="block style"):
        renewed(
            "{publisher: NBS, title: Data,\nseries: {a: {label: x, measure: km}}, accessed: 2020-01-01}\n",
            "s.yaml",
            {"accessed": "2026-11-24"},
        )


def test_changes_against_the_vintage_before(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    before = dict(site.figures)
    site.figures[("rural_electricity", "贵州省", 2023)] = ""
    run(source, tmp_path, units)
    site.figures = before | {("rural_electricity", "北京市", 2010): "50.00", ("highway_length", "河北省", 2015): ""}
    fetched = run(source, tmp_path, units, date(2027, 3, 1))
    write_changes(fetched, tmp_path / "changes.csv")
    with (tmp_path / "changes.csv").open(encoding="utf-8", newline="") as stream:
        rows = {(row["series"], row["unit"], row["period"]): row for row in csv.DictReader(stream)}
    assert len(rows) == 3
    revised = rows["electricity", "CN-BJ", "2010"]
    assert (revised["kind"], revised["old"], revised["new"]) == ("revised", "44.38", "50.0")
    assert float(revised["relative"]) == pytest.approx(50 / 44.38 - 1)
    assert rows["electricity", "CN-GZ", "2023"]["kind"] == "new" and rows["highways", "CN-HE", "2015"]["kind"] == "gone"
    assert fetched.lines[0] == "electricity: 1 new (2023), 1 revised (2010), largest revision +12.7%, CN-BJ 2010"


def test_an_outage_does_not_wipe_a_series(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    before = contents(tmp_path)
    site.figures = {
        key: "" if key[0] == "rural_electricity" and key[2] > 2006 else text for key, text in site.figures.items()
    }
    with pytest.raises(UserError, match=r"68 of 76 figures gone"):
        run(source, tmp_path, units, date(2027, 3, 1))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("number", ["12.5%", "约12", "1,2,3"])
def test_what_is_no_number_is_refused_before_the_old_files_go(
    site: Site, tmp_path: Path, units: Units, number: str
) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    before = contents(tmp_path)
    site.figures[("rural_electricity", "北京市", 2010)] = number
    with pytest.raises(UserError, match="a number or a mark"):
        run(source, tmp_path, units, date(2027, 3, 1))
    assert contents(tmp_path) == before


def test_two_data_sets_that_disagree_are_named(
    site: Site, tmp_path: Path, units: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Site._value
    calls: list[int] = []

    def second_differs(self: Site, series: str, region: str, year: int) -> str:
        if series == "highway_length" and (region, year) == ("贵州省", 2014):
            calls.append(1)
            return "99" if len(calls) == 2 else original(self, series, region, year)
        return original(self, series, region, year)

    monkeypatch.setattr(Site, "_value", second_differs)
    with pytest.raises(UserError, match="99 for highways, 贵州省, 2014"):
        run(live(site, tmp_path), tmp_path, units)


def test_an_unknown_indicator_comes_with_the_nearest(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    wrong = {
        **source.series,
        "electricity": series_spec("electricity", {"title_in_file": "农村用电", "measure": "kWh"}),
    }
    with pytest.raises(UserError) as error:
        run(replace(source, series=wrong), tmp_path, units)
    assert "农村用电量" in str(error.value) and "title_in_file" in str(error.value)


def test_another_measure_than_declared_is_refused(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    wrong = {**source.series, "highways": series_spec("highways", {"title_in_file": "公路里程", "measure": "km"})}
    with pytest.raises(UserError, match="万公里"):
        run(replace(source, series=wrong), tmp_path, units)
    assert not (tmp_path / "raw" / "live").exists()


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({"years": 2005}, "layout.years"),
        ({"years": [2005, "x"]}, "layout.years"),
        ({"cids": {"highway": ["a"]}}, "highways"),
    ],
)
def test_mistakes_in_the_layout(
    site: Site, tmp_path: Path, units: Units, layout: dict[str, object], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        run(live(site, tmp_path, **layout), tmp_path, units)
    assert not site.bodies


def answers_of(folder: Path, text: str) -> Path:
    """A folder as a fetch leaves it: one answer and the record."""
    new = begin(folder, ["a.json"])
    (new / "a.json").write_text(text)
    finish(new)
    return new


def test_a_swap_that_was_interrupted_is_mended(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    swap(answers_of(folder, "old"), folder)
    new = answers_of(folder, "new")
    folder.rename(tmp_path / ".live.old")  # the moment in which neither is there
    mend(folder)
    assert (folder / "a.json").read_text() == "old"
    swap(new, folder)
    assert (folder / "a.json").read_text() == "new" and sorted(p.name for p in tmp_path.iterdir()) == ["live"]


def put(path: Path, text: str = "mine") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


FOREIGN = {
    "files in the folder": (["raw/live/my_roads.csv", "raw/live/thesis.docx"], ["my_roads.csv", "thesis.docx"]),
    "a folder in the folder": (["raw/live/thesis/chapter.tex"], ["thesis/"]),
    "a hidden file": (["raw/live/.notes"], [".notes"]),
    "a JSON file": (["raw/live/mine.json"], ["mine.json"]),
    "the catalogue's name": (["raw/live/catalogue.json"], ["catalogue.json"]),
    "a copy of one's own": (["raw/.live.old/my_roads.csv"], [".live.old", "my_roads.csv"]),
    "a folder of one's own": (["raw/.live.new/my_roads.csv"], [".live.new", "my_roads.csv"]),
    "many": ([f"raw/live/{i}.csv" for i in range(9)], ["0.csv", "and 4 more"]),
}


@pytest.mark.parametrize("before", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("case", FOREIGN)
def test_what_fetch_has_not_written_is_never_touched(
    site: Site, tmp_path: Path, units: Units, case: str, before: bool
) -> None:
    source = live(site, tmp_path)
    if before and case != "the catalogue's name":
        run(source, tmp_path, units)
    files, words = FOREIGN[case]
    for file in files:
        put(tmp_path / file)
    held = contents(tmp_path)
    asked = len(site.asked)
    with pytest.raises(UserError, match="what fetch has not written") as error:
        run(source, tmp_path, units)
    assert all(word in str(error.value) for word in words) and contents(tmp_path) == held
    assert len(site.asked) == asked or ".live.new" in words  # refused before the site is asked


def test_an_answer_changed_by_hand_is_not_overwritten(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    folder = tmp_path / "raw" / "live"
    answer = next(file for file in sorted(folder.glob("*.json")) if '"12.54"' in file.read_text(encoding="utf-8"))
    answer.write_text(answer.read_text(encoding="utf-8").replace("12.54", "12.60"), encoding="utf-8")
    sidecar = (tmp_path / "live.yaml").read_text(encoding="utf-8").splitlines()
    declared = hashlib.sha256(answer.read_bytes()).hexdigest()  # as the message on another content advises
    at = next(i for i, line in enumerate(sidecar) if answer.name in line)
    sidecar[at + 1] = f"    sha256: {declared}"
    (tmp_path / "live.yaml").write_text("\n".join(sidecar) + "\n", encoding="utf-8")
    held = contents(tmp_path)
    with pytest.raises(UserError, match=rf"{answer.name} \(changed since it was fetched\)"):
        run(source, tmp_path, units)
    assert contents(tmp_path) == held


def test_files_put_there_while_the_site_is_asked_stay(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)

    def busy(line: str) -> None:
        if line == "figures: request 4 of 4":
            put(tmp_path / "raw" / "live" / "my_roads.csv")

    with pytest.raises(UserError, match=r"my_roads\.csv"):
        fetch(source, tmp_path / "live.yaml", units, TODAY, busy)
    assert (tmp_path / "raw" / "live" / "my_roads.csv").read_text() == "mine"
    assert sorted(p.name for p in (tmp_path / "raw").iterdir()) == [".live.part", "live"]


def test_a_vintage_of_an_earlier_version_is_known_by_its_sidecar(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    (tmp_path / "raw" / "live" / RECORD).unlink()
    put(tmp_path / "raw" / "live" / ".DS_Store")
    site.figures["highway_length", "贵州省", 2008] = "12.60"
    assert len(run(source, tmp_path, units).changes) == 1
    assert (tmp_path / "raw" / "live" / ".DS_Store").read_text() == "mine"
    (tmp_path / "raw" / "live" / RECORD).unlink()
    (tmp_path / "live.yaml").unlink()
    with pytest.raises(UserError, match="what fetch has not written"):
        run(source, tmp_path, units)


def test_files_declared_by_hand_are_not_those_of_a_fetch(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    put(tmp_path / "raw" / "live" / "my_roads.csv")
    digest = hashlib.sha256(b"mine").hexdigest()
    text = (tmp_path / "live.yaml").read_text(encoding="utf-8")
    declared = text.replace("files:\n", f"files:\n  my_roads.csv: {{sha256: {digest}}}\n")
    (tmp_path / "live.yaml").write_text(declared, encoding="utf-8")
    with pytest.raises(UserError, match=r"my_roads\.csv"):
        run(source, tmp_path, units)
    (tmp_path / "raw" / "live" / "my_roads.csv").unlink()
    run(source, tmp_path, units)
    assert "my_roads.csv" in (tmp_path / "live.yaml").read_text(encoding="utf-8")


def test_a_path_that_is_a_link_stays_one(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "raw" / "live").symlink_to(tmp_path / "elsewhere")
    run(source, tmp_path, units)
    run(source, tmp_path, units)
    assert (tmp_path / "raw" / "live").is_symlink() and figures(reread(tmp_path, source)) == expected(site)
    put(tmp_path / "thesis.json")
    (tmp_path / "elsewhere" / "linked.json").symlink_to(tmp_path / "thesis.json")
    with pytest.raises(UserError, match=r"linked\.json"):
        run(source, tmp_path, units)


def test_an_id_from_the_site_leads_to_no_other_folder() -> None:
    scope = Scope("r", "6", (2005, 2006), (("贵州省", "520000000000"),))
    found = questions(scope, {"a": [Indicator("../../../etc/x", "1", "n", "km")]})
    assert [Path(question.file).name == question.file for question in found] == [True]


def test_figure_n_stands_in_line_n(site: Site, tmp_path: Path, units: Units) -> None:
    source = live(site, tmp_path)
    run(source, tmp_path, units)
    frame = reread(tmp_path, source)
    for _, cell in frame.sample(20, random_state=1).iterrows():
        file = tmp_path / "raw" / str(cell["file"])
        line = file.read_text(encoding="utf-8").splitlines()[cell["row"] - 1]
        assert f'"value": "{cell["text"]}"' in line and str(cell["unit"]) in line
    answer = {
        "state": 20000,
        "data": [{"code": "2001YY", "values": []}, {"code": "2000YY", "values": [{"_id": "a"}, {"_id": "b"}]}],
    }
    write_answer(tmp_path / "a.json", answer)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == answer


ANSWER = {
    "data": [
        {"code": "2012YY", "values": [
            {"_id": "a", "i_showname": "公路里程 (万公里) ", "value": "1.5", "du_name": "万公里", "da_name": "北京市 "},
            {"_id": "a", "value": 2, "da": "520000000000", "da_name": "贵州省"},
            {"_id": "a", "value": "无", "da_name": "全国"}, {"_id": "a", "value": None, "da_name": "河北省"}]},
    ]
}  # fmt: skip


def answers(folder: Path, answer: object = ANSWER) -> SourceSpec:
    (folder / "a.json").write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")
    return source_of("nbs_api", folder, {"roads": {"measure": "万公里", "title_in_file": "公路里程"}})


def test_answers_kept_by_other_means_are_read_too(tmp_path: Path) -> None:
    frame = registry.read(answers(tmp_path))
    assert figures(frame) == {("roads", "北京市", 2012): 1.5, ("roads", "贵州省", 2012): 2}
    assert frame["value"].isna().sum() == 1 and list(frame["text"]) == ["1.5", "", "2"]
    check_cells(frame, answers(tmp_path))


@pytest.mark.parametrize(
    ("change", "words"),
    [({"value": "1.5万"}, "a number or a mark"), ({"da_name": ""}, "no region"),
     ({"i_showname": "公路里程 (公里)"}, "measure"),
     ({"i_showname": "铁路营业里程"}, "no figure of an indicator")],
)  # fmt: skip
def test_damaged_answers(tmp_path: Path, change: dict[str, str], words: str) -> None:
    answer = json.loads(json.dumps(ANSWER))
    answer["data"][0]["values"][0].update(change)
    assert words in refusal(answers(tmp_path, answer))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"data": 1}', '{"data": {"list": []}}'])
def test_files_that_are_no_answers(tmp_path: Path, content: str) -> None:
    source = answers(tmp_path)
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    refusal(source)
    (tmp_path / "a.json").unlink()
    assert "snakemake fetch" in refusal(source_of("nbs_api", tmp_path, {"roads": {}}))


def test_changes_are_counted() -> None:
    old = {("a", "X", 2001): 1.0, ("a", "X", 2002): 2.0, ("a", "Y", 2001): 0.0}
    new = {("a", "X", 2001): 1.0, ("a", "X", 2002): 2.5, ("a", "Y", 2002): 4.0}
    found = changes(old, new)
    assert found == (
        Change("a", "X", 2002, 2.0, 2.5),
        Change("a", "Y", 2001, 0.0, None),
        Change("a", "Y", 2002, None, 4.0),
    )
    assert found[0].relative == 0.25 and math.isnan(found[1].relative)
    assert not losses(old, found, "s") and losses(old, changes(old, {}), "s")
    assert changes_csv(found).splitlines()[1] == "a,X,2002,revised,2.0,2.5,0.5,0.25"
    assert summary(found, ["a", "b"])[1] == "b: unchanged"
