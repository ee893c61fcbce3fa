"""Units: every name leads to its id, never by guess; the units file's faults are reported all at once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ruralpanel.project.problems import UserError
from ruralpanel.project.units import Units, is_nation, load_units, normal

PROVINCES = Path(__file__).parents[2] / "data" / "units" / "china_provinces.csv"


@pytest.fixture(scope="module")
def provinces() -> Units:
    return load_units(PROVINCES)


def units(tmp_path: Path, text: str, name: str = "units.csv") -> Units:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_units(path, name)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        units(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "name",
    [
        "CN-GZ",
        "cn-gz",
        "520000",
        "Guizhou",
        "GUIZHOU",
        "贵州",
        "贵州省",
        "贵 州",
        "贵　州　省",
        " 贵州\t",
        "Ｇｕｉｚｈｏｕ",
    ],
)
def test_every_name_of_a_province(provinces: Units, name: str) -> None:
    assert provinces.match(name) == "CN-GZ"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("Inner Mongolia", "CN-NM"),
        ("InnerMongolia", "CN-NM"),
        ("内蒙古自治区", "CN-NM"),
        ("Tibet", "CN-XZ"),
        ("陕西", "CN-SN"),
    ],
)
def test_names_of_more_than_one_word(provinces: Units, name: str, unit: str) -> None:
    assert provinces.match(name) == unit


def test_near_names_are_suggested_and_never_taken(provinces: Units) -> None:
    for wrong, right in (("Guizou", '"Guizhou"'), ("贵川省", '"贵州省"'), ("Shaanx", '"Shaanxi"')):
        assert provinces.match(wrong) is None
        assert right in provinces.suggest(wrong)
    assert provinces.suggest("Atlantis-on-Sea") == ""


def test_validity_years(provinces: Units) -> None:
    assert provinces.match("重庆", 1996) is None
    assert provinces.match("重庆", 1997) == provinces.match("重庆") == "CN-CQ"
    assert not provinces.exists("CN-HI", 1987)
    assert provinces.exists("CN-HI", 1988)


def test_one_name_in_turn(tmp_path: Path) -> None:
    two = units(tmp_path, "id,name,valid_from,valid_to\nA1,Alpha,,1999\nA2,Alpha,2000,\n")
    assert [two.match("alpha", year) for year in (1999, 2000)] == ["A1", "A2"]
    assert two.match("alpha") is None
    assert two.bearers("alpha") == ("A1", "A2")


def test_attributes_are_numbers_where_every_figure_is_one(tmp_path: Path) -> None:
    two = units(tmp_path, "id,name,code,area,region,mixed\n01,A,0100,1.5,West,3\n02,B,0200,,East,x\n")
    assert two.ids == ("01", "02")
    assert two.attributes["01"] == {"name": "A", "code": "0100", "area": 1.5, "region": "West", "mixed": "3"}
    assert isinstance(two.attributes["02"]["area"], float)
    assert math.isnan(two.attributes["02"]["area"])
    assert two.match("0200") == "02"


def test_labels(provinces: Units, tmp_path: Path) -> None:
    assert (provinces.label("CN-GZ"), provinces.label("CN-GZ", "zh")) == ("Guizhou", "贵州")
    assert units(tmp_path, "id,name_fr\nX,Bretagne\n").label("X", "zh") == "Bretagne"


def test_tab_separated_with_a_mark(tmp_path: Path) -> None:
    assert units(tmp_path, "\ufeffid\tname\nX\tEast, West\n", "units.tsv").match("east,west") == "X"


def test_faults_come_all_at_once(tmp_path: Path) -> None:
    text = "id,name,aliases,valid_from\nA,Alpha,,x\nA,Beta,,\n,Gamma,,\n"
    found = faults(tmp_path, text)
    assert len(found) == 3
    assert any('"A" again (row 2)' in f for f in found)
    assert any("row 4, column id: found a blank" in f for f in found)
    assert any('valid_from: found "x"' in f for f in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an empty file"),
        ("id,name\n", "no unit"),
        ("ID,name\nA,Alpha\n", "no column id"),
        ("id,region\nA,West\n", "no column of names"),
        ("id,name,name\nA,B,C\n", "the column twice"),
        ("id,name,longitude,latitude\nA,B,30,104\nC,D,,\n", "row 2, column latitude: found 104; expected degrees"),
        ("id,name,\nA,B,C\n", "a column without a name"),
        ("id,name\nA,Alpha,x\n", "3 cells"),
        ("id,name,aliases\nA,Alpha,First\nB,Beta, f i r s t \n", 'the name "first" for A and B'),
        ('id,name\nA,"Alpha\n', "a table that cannot be read"),
    ],
)
def test_each_fault(tmp_path: Path, text: str, words: str) -> None:
    found = faults(tmp_path, text)
    assert any(words in f for f in found), found
    assert all(f.startswith("units.csv") for f in found)


def test_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_bytes("id,name\nA,贵州\n".encode("gbk"))
    with pytest.raises(UserError, match="not UTF-8"):
        load_units(path)


def test_national_rows() -> None:
    assert all(is_nation(name) for name in ("全 国", "National Total", "全国总计"))
    assert not is_nation("贵州")
    assert normal("Ｉｎｎｅｒ　Mongolia\n") == "innermongolia"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("130000.0", "CN-HE"),
        ("Guangxi Zhuang A.R.", "CN-GX"),
        ("Tibet AR", "CN-XZ"),
        ("Ningxia Hui A. R.", "CN-NX"),
        ("Xinjiang Uygur Aut. Reg.", "CN-XJ"),
        ("Hebei Prov.", "CN-HE"),
        ("Tianjin Mun.", "CN-TJ"),
        ("Beijing 北京", "CN-BJ"),
        ("北京（Beijing）", "CN-BJ"),
        ("内蒙古 Inner Mongolia A.R.", "CN-NM"),
        ("贵\u200b州", "CN-GZ"),
        ("\u200eHe\u00adbei", "CN-HE"),
        ("北京 Tianjin", None),
        ("Beijing 城镇", None),
        ("河北 rural", None),
        ("13.5", None),
        ("130000.5", None),
        ("A.R.", None),
    ],
)
def test_other_forms_of_a_name(name: str, unit: str | None) -> None:
    provinces = load_units(Path(__file__).resolve().parents[2] / "data" / "units" / "china_provinces.csv")
    assert provinces.match(name) == unit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,name\nA,a\x01b\n", "row 2, column name: found 'a' and the control character U+0001"),
        ('id,name\nA,"a\nb"\n', "the control character U+000A"),
        ("id,name,period\nA,a,1\n", "column period: found a column called period"),
        ("id,name,unit\nA,a,1\n", "another name"),
        ("id,name,x\x07\nA,a,1\n", "header: found 'x'"),
    ],
)
def test_text_that_no_table_can_hold_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "units.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        load_units(path)
    assert words in str(refused.value)


AGGREGATE = "id,name,rank,aggregate\nA,Aland,1,\nB,Bland,2,\nAB,Both,,yes\n"


def test_an_aggregate_is_matched_by_name_and_is_none_of_the_units(tmp_path: Path) -> None:
    read = units(tmp_path, AGGREGATE)
    assert (read.ids, read.aggregates, read.every) == (("A", "B"), ("AB",), ("A", "B", "AB"))
    assert read.match("both") == "AB" and read.label("AB") == "Both"
    assert "aggregate" not in read.attributes["A"] and math.isnan(read.attributes["AB"]["rank"])


def test_faults_of_aggregates(tmp_path: Path) -> None:
    assert "row 4, column aggregate" in faults(tmp_path, AGGREGATE.replace("yes", "true"))[0]
    (capital,) = faults(tmp_path, AGGREGATE.replace("aggregate", "Aggregate"))
    assert 'header: found "Aggregate"; expected aggregate' in capital
    assert "aggregates alone" in faults(tmp_path, "id,name,aggregate\nAB,Both,yes\n")[0]
