"""Live figures: asked politely, whole or not at all, merged over data sets, compared with the vintage before."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from adapter_harness import check_cells, figures, refusal, source_of
from live_source import TODAY, contents, expected, live, reread, run, site, units
from nbs_site import Site
from ruralpanel.data.adapters import nbs_api, registry
from ruralpanel.project.problems import UserError
from ruralpanel.project.sidecars import SourceSpec, check_files, load_sidecar, series_spec
from ruralpanel.project.units import Units
from ruralpanel.tools.fetch.fetch import fetch, renewed, with_sidecar, write_changes
from ruralpanel.tools.fetch.vintages import Change, changes, changes_csv, losses, summary, write_answer

__all__ = ["site", "units"]  # fixtures


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
