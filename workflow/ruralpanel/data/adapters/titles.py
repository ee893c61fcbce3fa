"""Titles of indicators with their measures, and names of rows that are no region."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.text import plain, quoted, squeezed, without_marks
from ruralpanel.project.kinds.adapters import Layout
from ruralpanel.project.measures import Measure, parse
from ruralpanel.project.problems import Problem, UserError
from ruralpanel.project.settings import SeriesSpec

_UNIT_LINE = re.compile(r"(?:单位|\bunits?)\s*[:：]\s*(.+)", re.IGNORECASE)
_UNIT_WORD = re.compile(r"^(?:计量)?(?:单位|\bunits?)\s*[:：]\s*", re.IGNORECASE)
_BRACKETED = re.compile(r"[(\[【〔]([^()\[\]【】〔〕]+)[)\]】〕]")
_ENGLISH = re.compile(r"(?:^|[_\s])(10*)(k|m|mln|bn)?[_\s]+([a-z][a-z_ ]*)$")
_FACTORS = {"k": 10**3, "m": 10**6, "mln": 10**6, "bn": 10**9}
_SOME_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}|[一二][〇○零0一二三四五六七八九]{3}年?|^'?[0-9]{2}年?$")
_WORDED = re.compile(r"(?:^|[_,\s])((?:hundred|thousand|million|billion|trillion)s?(?:[_\s]+[a-z_ ]+)?)$")
_NUMERALS = {"十": 1, "百": 2, "千": 3, "万": 4, "亿": 8}
_NUMERAL_WORDS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_CHINESE = re.compile(r"[_:，,、/\s]([十百千]*[万亿][^\s\d]{1,6}|[百千][^\s\d]{1,6})$")


def split_measure(title: str) -> tuple[str, str]:
    """``公路里程(万公里)`` → ``公路里程``, ``万公里``; the measure is empty without parentheses at the end."""
    bare = plain(title)
    if not bare.endswith(")"):
        return bare, ""
    depth = 0
    for position in range(len(bare) - 1, -1, -1):
        depth += (bare[position] == ")") - (bare[position] == "(")
        if depth == 0:
            return bare[:position].strip(), bare[position + 1 : -1].strip()
    return bare, ""


def same_title(in_file: str, declared: str) -> bool:
    """Whether a title in a file is the declared one, with or without the measure; blanks and width do not count.

    Nor do footnote marks in the file; one that is declared must be there.
    """
    wanted = {squeezed(declared), squeezed(split_measure(declared)[0])}
    return any(
        squeezed(title) in wanted or squeezed(without_marks(split_measure(title)[0])) == squeezed(declared)
        for title in (in_file, without_marks(in_file))
    )


def measures_in(heading: str) -> tuple[str, ...]:
    """What may be a measure in a heading, likeliest first: ``里程(万公里)``, ``里程_万公里``, ``rail_10k_tons``."""
    bare = without_marks(heading)
    measures = [split_measure(bare)[1], *reversed(_BRACKETED.findall(plain(bare)))]
    written = _ENGLISH.search(_closed(plain(bare)).casefold())
    if written:
        factor, power, units = written.groups()
        measures.append(f"{int(factor) * _FACTORS.get(power, 1)} {units.replace('_', ' ')}")
    worded = _WORDED.search(plain(bare).casefold())
    if worded:
        measures.append(re.sub(r"[_\s]+(?:of[_\s]+)?", " ", worded[1]))
    behind = _CHINESE.search(plain(bare))
    if behind:
        measures.append(behind[1])
    return tuple(dict.fromkeys(_UNIT_WORD.sub("", item).strip() for item in measures if item.strip()))


def measure_of_table(titles: Iterable[str]) -> str:
    """The measure that the lines around a table declare, the nearest line last.

    ``单位：万人``, a line that is nothing but ``(10 000 persons)``, else one in parentheses behind a title.
    """
    lines = [plain(title) for title in titles][::-1]
    named = [match[1].strip().rstrip(")") for line in lines if (match := _UNIT_LINE.search(line))]
    alone = [line[1:-1] for line in lines if line.startswith("(") and line.endswith(")")]
    return first_measure([*named, *alone, *(measure for line in lines for measure in measures_in(line))])


def first_measure(measures: Iterable[str]) -> str:
    """The first of them that reads as a measure; empty where none does."""
    return next((item for item in measures if _read(item) is not None), "")


def _closed(written: str) -> str:
    """``10 000 persons`` as ``10000 persons``."""
    return re.sub(r"(?<=[0-9]) (?=[0-9]{3}\b)", "", written)


def _numeral(word: str) -> int | None:
    """The power of ten of a word that is nothing but a numeral: 百万, millions."""
    if word and all(sign in _NUMERALS for sign in word):
        return sum(_NUMERALS[sign] for sign in word)
    return _NUMERAL_WORDS.get(word.casefold().removesuffix("s"))


def _read(measure: str) -> Measure | None:
    bare = _closed(plain(measure))
    numeral = _numeral(bare)
    if numeral is not None:
        return Measure(Fraction(10) ** numeral, "item")  # of anything
    if re.fullmatch(r"[A-Za-z]?|[0-9.]*", bare):
        return None  # one letter is a footnote as often as a measure
    try:
        return parse(bare)
    except (UserError, ValueError):
        return None


def measure_problem(measure: str, series: SeriesSpec, label: str, where: str) -> Problem | None:
    """A problem where the measure in the file can be read and is not the declared one.

    Words in parentheses that are no measure (``(常住)``, ``(上年=100)``) are no problem.
    """
    if not contradicts(measure, series.measure):
        return None
    return Problem(
        label,
        where,
        f"measure {quoted(measure)}",
        f'"{series.measure}", as declared for {series.key}',
        "correct `measure` of the series, or name the right file; layout: {measures: ignored} if the file is wrong",
    )


def checked(layout: Layout) -> bool:
    """Whether measures that the files name must be the declared ones."""
    return bool(layout.measures == "checked")


def contradicts(written: str, measure: str) -> bool:
    """Whether a measure in a file and the declared one can be read and cannot both be right.

    Files say less than a declaration may: 个 counts anything, 元 may be of any year and, in 人均收入(元), per head.
    """
    in_file, declared = _read(written), _read(measure)
    if in_file is None or declared is None:
        return False
    above = _read(re.split(r"/|\bper\b|每", measure)[0]) or declared
    options = (declared, replace(declared, base=declared.base.split("@")[0]), above)
    if in_file in options or (in_file.base == "index" and declared.base.startswith("index")):
        return False
    return "item" not in (in_file.base, declared.base) or in_file.factor != declared.factor


def years_pattern(template: str) -> re.Pattern[str]:
    """``gdp_{period}`` as a pattern whose group is the period; ``年``, footnote marks and ``(初步)`` may follow it.

    A period that stands twice (``{period} [YR{period}]``) must be the same.
    """
    before, *after = (re.escape(re.sub("^年[度末底]?", "", squeezed(part))) for part in template.split("{period}"))
    behind = text.BEHIND_YEAR
    return re.compile(rf"{before}({text.IN_HEADING}|[0-9]{{4}}){behind}" + rf"\1{behind}".join(after), re.IGNORECASE)


def year_named(heading: str, pattern: re.Pattern[str]) -> int | None:
    """The period of a heading that `years_pattern` describes, with or without a measure in parentheses behind it."""
    bare, measure = split_measure(without_marks(heading))
    match = pattern.fullmatch(squeezed(heading)) or (first_measure([measure]) and pattern.fullmatch(squeezed(bare)))
    return text.period(match[1]) if match else None


def years_left_aside(
    label: str,
    sheet: str,
    headings: Sequence[str],
    read: Collection[str],
    keys: Collection[str],
    templates: Sequence[str],
) -> list[Problem]:
    """Columns that may hold a year of a series although they are not named like the others.

    Parameters
    ----------
    headings : of all columns, in order. read, keys : those read and those that are no figures.
    templates : how the columns of the series are named; without ``{period}`` there is nothing to say.
    """
    places = [i for i, name in enumerate(headings) if name in read]
    starts = [squeezed(template.partition("{period}")[0]) for template in templates if "{period}" in template]
    remarks: dict[Problem, None] = {}
    for i, name in enumerate(headings):
        if name in read or name in keys or not name or not starts:
            continue
        among = min(places, default=i) < i < max(places, default=i)
        if among or (_SOME_YEAR.search(plain(name)) and any(squeezed(name).startswith(start) for start in starts)):
            where = ", ".join(filter(None, [f"sheet {sheet}" if sheet else "", f"column {name}"]))
            fix = "rename it if its figures belong to the series; else nothing need be done"
            remarks[Problem(label, where, "a column that is not read", f"columns named {templates[0]}", fix)] = None
    return list(remarks)


_LEFT_OUT = (
    "全国", "全国总计", "全国合计", "全国平均", "总计", "合计", "全部", "中国", "各地区合计", "全国总计(不含港澳台)",
    "nation", "national", "national total", "national average", "total", "china", "whole country", "whole nation",
    "不分地区", "不分地区部分", "其他", "not classified by region", "unclassified", "others",
    "东部", "中部", "西部", "东北", "东部地区", "中部地区", "西部地区", "东北地区", "东部10省(市)", "中部6省",
    "西部12省(区、市)", "东北3省", "东部地区合计", "中部地区合计", "西部地区合计", "东北地区合计",
    "沿海", "内陆", "沿海地区", "内陆地区", "中西部地区",
    "east", "central", "west", "northeast", "eastern", "western", "northeastern", "eastern region", "central region",
    "western region", "northeastern region", "eastern area", "central area", "western area", "coastal", "inland",
    "华北", "华东", "华中", "华南", "中南", "西南", "西北", "华北地区", "华东地区", "华中地区", "华南地区", "中南地区",
    "西南地区", "西北地区", "north china", "east china", "central china", "south china", "central south china",
    "southwest china", "northwest china", "northeast china", "north", "southwest", "northwest", "central south",
)  # fmt: skip


_CONTINUED = re.compile(
    r"\(?(?:续表|接上表|上接|(?:table )?continued(?: table)?|cont(?:'?d)?\.?)[\s0-9一二三四五六]*\)?", re.IGNORECASE
)
_NOTE = re.compile(
    r"(?:注|说明|资料来源|数据来源|来源|备注|note|source|remark|data source|a\)|\*|①|\[|\(?1\))", re.IGNORECASE
)
_SENTENCE = re.compile(r"[。；;：:]|\. ")


def continues(name: str) -> bool:
    """Whether a row's only text says that a table goes on: 续表, (continued)."""
    return _CONTINUED.fullmatch(text.plain(name)) is not None


def reads_like_note(name: str) -> bool:
    """Whether a text begins like a note, reads like a sentence, or is too long for a name."""
    bare = text.plain(name)
    return bool(_NOTE.match(bare)) or bool(_SENTENCE.search(bare)) or len(bare) > 40


def left_out(further: Iterable[object] = (), kept: Iterable[object] = ()) -> re.Pattern[str]:
    """What the names of rows to leave out match, squeezed: the usual ones and `further`, except those `kept`."""
    not_these = {text.squeezed(str(name)) for name in kept}
    return text.names_like(name for name in (*_LEFT_OUT, *further) if text.squeezed(str(name)) not in not_these)


@lru_cache(maxsize=4096)
def is_left_out(name: str, names: re.Pattern[str]) -> bool:
    """Whether a row's name is one of them, or says that the table goes on.

    Blanks, width, case, footnote marks and a second language do not count.
    """
    forms = (text.without_marks(name), text.region_name(name))
    return continues(name) or any(names.fullmatch(text.squeezed(form)) for form in forms)
