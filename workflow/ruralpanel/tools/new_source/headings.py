"""What headings say: measures, years, names for keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ruralpanel.data.adapters.text import plain
from ruralpanel.project.measures import MeasureError, parse

_SUFFIXES = (
    (r"100m_?yuan|1e8_?yuan|亿元", "10^8 CNY"), (r"10k_?yuan|10_?000_?yuan|万元", "10^4 CNY"),
    (r"10k_?persons?|10_?000_?persons?|万人", "10^4 person"), (r"1000_?persons?|k_?persons?|千人", "10^3 person"),
    (r"million_?persons?|million_?people", "10^6 person"), (r"10k_?households|万户", "10^4 household"),
    (r"万公里", "10^4 km"), (r"100m_?kwh|亿千瓦", "10^8 kWh"), (r"10k_?kw(?!h)|万千瓦$", "10^4 kW"),
    (r"pct|per_?cent|%", "percent"), (r"per_?mil(le)?(?![a-z])|‰", "per_mille"),
    (r"(?<![a-z])(share|ratio|rate)(?![a-z])", "share"), (r"(?<![a-z])km2|sq_?km", "km2"),
    (r"(?<![a-z])km(?![a-z0-9])|公里", "km"), (r"kwh", "kWh"), (r"persons?|people|population|人$", "person"),
    (r"households?", "household"), (r"enterprises|firms", "enterprise"), (r"passengers", "passenger"),
    (r"hectares?|公顷", "hectare"), (r"yuan|cny|rmb", "CNY"), (r"usd|dollars?", "USD"),
)  # fmt: skip
_FACTORS = {
    "10k": "10^4",
    "100k": "10^5",
    "1m": "10^6",
    "100m": "10^8",
    "1000": "10^3",
    "mln": "million",
    "bn": "billion",
}
_YEARS = re.compile(r"(?<!\d)(19\d\d|20\d\d)(?!\d)")
_UNIT_LINE = re.compile(r"(?:单位|unit)\s*[:：]\s*([^)）]+)", re.IGNORECASE)


def _bare(text: str) -> str:
    """A measure without parentheses and blanks within numbers: ``(10 000 persons)`` → ``10000 persons``."""
    return re.sub(r"(?<=[0-9])[ ,](?=[0-9]{3}(?![0-9]))", "", plain(text).strip("()"))


def is_measure(text: str) -> bool:
    """Whether a text is a measure as it stands: 万人, (km), 10^8 CNY."""
    try:
        parse(_bare(text))
    except MeasureError:
        return False
    return True


def _tail(heading: str) -> str:
    """The measure at the end of a heading of words: ``rail_10k_tons`` → ``10^4 tons``; empty where there is none."""
    tokens = [_FACTORS.get(token, token) for token in re.split(r"[_\s]+", plain(heading).casefold()) if token]
    for start in range(max(len(tokens) - 3, 1), len(tokens)):
        tail = " ".join(tokens[start:])
        if len(tail) > 1 and not re.fullmatch(r"[\d^]+|years?|days?|hours?|index|ratio", tail) and is_measure(tail):
            return tail
    return ""


def base_measure(measure: str) -> str:
    """The measure without its factor: 万公里 → km; shares and indices as they are."""
    try:
        base = parse(measure).base
    except MeasureError:
        return measure
    return measure if base.startswith(("share", "index")) else base


def guess_measure(heading: str, beside: str = "") -> tuple[str, str]:
    """The measure of a column, empty where nothing names it, and a doubt in words where it is no plain statement.

    Parameters
    ----------
    heading : the column's name or label, with the measure in parentheses or hinted at.
    beside : what the file says in a place for measures (a row below the header, a line 单位：万人): no guess.
    """
    if beside and is_measure(beside):
        return _bare(beside), ""
    inner = [_bare(inside) for inside in reversed(re.findall(r"[(（]([^()（）]+)[)）]", f"{heading} ({beside})"))]
    named = next((inside for inside in inner if is_measure(inside)), "")
    if named:
        return named, ""
    tail = _tail(heading)
    if tail:
        return tail, f"measure {tail}, guessed from the heading"
    factor = next((f"{inside} " for inside in inner if re.fullmatch(r"10+|[千百十]*[万亿]", inside)), "")
    last = re.split(r"[_\s]+", heading.lower())[-1]
    factor = factor or (f"{_FACTORS[last]} " if last in _FACTORS else "")
    for pattern, measure in _SUFFIXES:
        if re.search(pattern, heading.lower()):
            whole = f"{factor}{measure}" if measure.isalpha() else measure
            return whole, f"measure {whole}, guessed from the heading"
    if factor:
        return f"{factor}item", f"measure {factor}item: the heading names its size, but not what is counted"
    return "", "no measure: nothing in the heading names it, so its figures are taken as published"


def measured(measure: str) -> dict[str, str]:
    """The key `measure` of a series, left out where nothing names the measure."""
    return {"measure": measure} if measure else {}


def measure_of_table(titles: Iterable[str]) -> str:
    """The measure that a title line declares (单位：万人), if it is one."""
    for title in titles:
        match = _UNIT_LINE.search(plain(title))
        if match and is_measure(match[1]):
            return match[1].strip()
    return ""


def share_doubt(measure: str, values: Sequence[float]) -> str:
    """A doubt where figures and the measure share or percent do not go together."""
    if not values or measure not in ("share", "percent"):
        return ""
    top = max(abs(value) for value in values)
    if measure == "share" and top > 1.5:
        return f"measure share, but figures reach {top:g}: percent?"
    if measure == "percent" and top <= 1:
        return f"measure percent, but no figure is above {top:g}: share?"
    return ""


def year_named(texts: Iterable[str]) -> int | None:
    """The one year that the texts name; None where they name none or several."""
    years = {int(year) for text in texts for year in _YEARS.findall(text)}
    return years.pop() if len(years) == 1 else None


def template_of(heading: str) -> tuple[str, int] | None:
    """``gdp_2001`` → ``gdp_{period}``, 2001; ``2001 [YR2001]`` → ``{period} [YR{period}]``; None without one year."""
    years = set(_YEARS.findall(plain(heading))) or set(re.findall(r"(?:19|20)\d\d", plain(heading)))
    if len(years) != 1:
        return None
    (year,) = years
    template = plain(heading).replace(year, "{period}")
    return re.sub(r"\{period\}\s*年", "{period}", template), int(year)


def key_of(heading: str, taken: Iterable[str] = (), fallback: str = "series") -> str:
    """A key for a series: letters, digits and underscores of its heading, without measures in parentheses."""
    bare = re.sub(r"\([^()]*\)|\[\w{1,2}\]", "", plain(heading))
    ascii_part = re.sub(r"[^a-z0-9]+", "_", bare.lower()).strip("_")
    key = ascii_part if re.search(r"[a-z]{2}", ascii_part) else re.sub(r"\W+", "_", bare).strip("_") or fallback
    key = key if key[0].isalpha() else f"{fallback}_{key}"
    used = set(taken)
    while key in used:
        stem, _, number = key.rpartition("_")
        key = f"{stem}_{int(number) + 1}" if number.isdecimal() and stem else f"{key}_2"
    return key
