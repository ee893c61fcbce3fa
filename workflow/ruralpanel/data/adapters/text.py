"""Bytes to text, and text to figures, years and names, as statistical offices write them."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from ruralpanel.project import periods
from ruralpanel.project.problems import Problem, UserError

MISSING = frozenset(
    {
        "",
        "-",
        "--",
        "---",
        "–",
        "—",
        "——",
        "―",
        "−",
        "…",
        "……",
        "...",
        "..",
        ".",
        "无",
        "na",
        "n.a.",
        "n/a",
        "nan",
        "<na>",
        "null",
        "none",
    }
)

# Only signs that cannot be part of a figure. NFKC is no use here: it turns ① and ¹ into a digit of the figure.
_MARK = r"[①-⒇*†‡§¹²³⁰⁴-⁹₀-₉]|\[[0-9a-zA-Z]{1,2}\]|(?<![A-Za-z])\(?[a-z]\)|\(?注[0-9]{0,2}\)?"
_ENDS_OF_MARKS = ("*", "]", ")")
"""With which the marks end that are written in ASCII."""
_TRAILING_MARKS = re.compile(rf"(?:\s*(?:{_MARK}))+$")
# What is said of a year's figures without changing what they are.
_REMARK = (
    r"[(\[]?\s*(?:初步|预计|估计|估算|预测|修订|修正|调整|最终|快报|核实|核算|暂定|普查|年报)+(?:后|数据|数|值)*\s*[)\]]?"
    r"|[(\[]\s*(?:prel(?:im)?\.?|preliminary|provisional|revised|rev\.|est\.?|estimated?|forecast|final|projected|projection|"
    r"[pref])\s*[)\]]|(?<=[0-9])[pre](?![a-z])"
)
BEHIND_YEAR = rf"(?:\.0+)?(?:年(?:度|末数?|底数?)?|YY)?(?:\s*(?:{_MARK}|{_REMARK}))*"
"""What may stand behind the digits of a year in a heading, for `re.IGNORECASE`."""
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: 0x20,
    0xA0: 0x20,
    0x2007: 0x20,
    0x2009: 0x20,
    0x202F: 0x20,
}
# Marks without a width: zero-width blanks and joiners, directions of writing, soft hyphens, variation selectors.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0xFEFF, 0xFE0E, 0xFE0F, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
)
_FULL_WIDTH |= _INVISIBLE
_DASHES = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-"})
_YEAR = re.compile(rf"([0-9]{{4}})\s*{BEHIND_YEAR}", re.IGNORECASE)
_DATES = (
    re.compile(r"([0-9]{4})([-/.])(?P<month>[0-9]{1,2})\2[0-9]{1,2}(?:[T\s][0-9:.+Z ]*)?"),
    re.compile(r"([0-9]{4})()年(?P<month>[0-9]{1,2})月[0-9]{1,2}日"),
    re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1(?P<year>[0-9]{4})"),
)
_PARTS = (
    (re.compile(r"([0-9]{4})\s*(?:年\s*)?[-. ]?Q\s*([1-4])", re.IGNORECASE), "quarter"),
    (re.compile(r"Q([1-4])\s*[-/ ]?\s*(?P<year>[0-9]{4})", re.IGNORECASE), "quarter"),
    (re.compile(r"([0-9]{4})年\s*第?\s*([1-4一二三四])\s*季度?"), "quarter"),
    (re.compile(r"([0-9]{4})(?:-|/|M)(0[1-9]|1[0-2])", re.IGNORECASE), "month"),
    (re.compile(r"([0-9]{4})年\s*(0?[1-9]|1[0-2])月份?"), "month"),
    (re.compile(r"([0-9]{4})(0[1-9]|1[0-2])"), "month"),
)
IN_HEADING = (
    r"[0-9]{4}(?:年?[-.]?q[1-4]|年第?[1-4一二三四]季度?|年(?:0?[1-9]|1[0-2])月份?"
    r"|[-/m](?:0[1-9]|1[0-2])(?![-/0-9])|(?:0[1-9]|1[0-2])(?![0-9]))"
)
"""A quarter or month as a heading without blanks writes it, for `re.IGNORECASE`."""
YEARS = periods.YEARS
_NUMERALS = {"一": 1, "二": 2, "三": 3, "四": 4}
_CJK = r"\u3400-\u9fff"


def decode(raw: bytes, label: str, encoding: str | None = None) -> str:
    """The text of a file, in the declared encoding or in the one found out.

    Byte-order marks decide; then UTF-8 if all bytes are valid UTF-8; then GB18030, which contains GBK and GB2312.

    Raises
    ------
    UserError
        Empty, binary, cut off within a character, damaged, or not in the declared encoding.
    """
    content = _decoded(raw, label, encoding)
    if not content.strip("\ufeff \t\r\n"):
        raise UserError.at(label, "", "an empty file", "a table")
    return content


def _decoded(raw: bytes, label: str, encoding: str | None) -> str:
    if encoding:
        return _decode_as(raw, label, encoding)
    if raw.startswith(b"\xef\xbb\xbf"):
        return _decode_as(raw, label, "utf-8-sig")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode_as(raw, label, "utf-16")
    if b"\x00" in raw:
        raise UserError.at(
            label,
            f"byte {raw.index(0) + 1}",
            "binary data",
            "a text file",
            "name the right file; a spreadsheet keeps its own suffix",
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if _mostly_utf8(raw):
            raise UserError(_undecodable(raw, label, "UTF-8", error)) from None
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError as error:
        raise UserError(_undecodable(raw, label, "UTF-8 or GB18030", error)) from None


def _decode_as(raw: bytes, label: str, encoding: str) -> str:
    try:
        read = raw.decode(encoding)
        if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig") and _is_utf8(raw):
            found = "text in UTF-8, which would read as signs without sense"
            fix = "leave layout.encoding out: the encoding is found out"
            raise UserError.at(label, "layout.encoding", found, f'text in "{encoding}"', fix)
        return read
    except LookupError:
        raise UserError.at(
            label, "layout.encoding", f'"{encoding}"', "the name of an encoding", "utf-8, gb18030, latin-1 …"
        ) from None
    except UnicodeError as error:
        if isinstance(error, UnicodeDecodeError):
            raise UserError(_undecodable(raw, label, encoding, error, _reads_as(raw, encoding))) from None
        raise UserError.at(label, "", str(error), f"text in {encoding}") from None


def _is_utf8(raw: bytes) -> bool:
    """Whether bytes with a good many beyond ASCII are valid UTF-8, which text in another encoding hardly ever is."""
    try:
        return sum(character > "\x7f" for character in raw.decode("utf-8")) > 3
    except UnicodeDecodeError:
        return False


def _reads_as(raw: bytes, declared: str) -> str:
    """The encoding that a file can be read in, other than the declared one; empty where there is none."""
    for encoding in ("utf-8", "gb18030"):
        if encoding != codecs.lookup(declared).name:
            try:
                raw.decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
    return ""


def _undecodable(raw: bytes, label: str, encoding: str, error: UnicodeDecodeError, other: str = "") -> Problem:
    if error.end >= len(raw) and ("unexpected end" in error.reason or "incomplete" in error.reason):
        return Problem(
            label,
            f"row {raw.count(10) + 1}",
            "the end of the file within a character",
            "a whole file",
            "the file was cut off: get it again",
        )
    row = raw.count(b"\n", 0, error.start) + 1
    return Problem(
        label,
        f"row {row}",
        f"bytes that are not {encoding}",
        f"text in {encoding}",
        f"it reads as {other}: leave layout.encoding out"
        if other
        else "get the file again, or name its encoding under layout.encoding",
    )


def _mostly_utf8(raw: bytes) -> bool:
    """Whether nearly all characters beyond ASCII are valid UTF-8, so that the rest is damage rather than GBK."""
    text = raw.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) - bad > 9 * bad


def plain(text: str) -> str:
    """Full-width letters, digits, signs and blanks as ASCII; outer blanks, byte-order marks removed."""
    return text.translate(_FULL_WIDTH).strip()


def trimmed(text: str) -> str:
    """A cell's text without outer blanks (tabs and ideographic ones too) and without invisible marks."""
    return (text if text.isascii() else text.translate(_INVISIBLE)).strip()


def one_line(text: str) -> str:
    """A heading that is broken over several lines as one, trimmed."""
    return re.sub(r"\s*[\r\n]+\s*", " ", trimmed(text))


def without_marks(text: str) -> str:
    """A name or header without the footnote marks behind it."""
    if text.isascii() and not (bare := text.strip()).endswith(_ENDS_OF_MARKS):
        return bare
    return _TRAILING_MARKS.sub("", text.translate(_FULL_WIDTH).strip()).strip() or text.strip()


def squeezed(text: str) -> str:
    """For comparing headers and titles: plain, without blanks, lower case."""
    return re.sub(r"\s+", "", plain(text)).casefold()


def is_float(text: str) -> bool:
    """Whether a name reads as a number, as ``2012`` and ``1e5`` do."""
    try:
        float(squeezed(text))
    except ValueError:
        return False
    return True


def names_like(wanted: Iterable[object]) -> re.Pattern[str]:
    """What matches names, squeezed, that are wanted; a `*` in a wanted one stands for any signs (codes: ``*00``)."""
    parts = [".*".join(map(re.escape, squeezed(str(name)).split("*"))) for name in wanted]
    return re.compile("|".join(parts) if parts else r"(?!)")


class NotANumber(ValueError):
    """A text that is neither a figure nor a mark for a missing one."""


@dataclass(frozen=True)
class NumberRule:
    """How figures are written.

    Attributes
    ----------
    decimal : decimal mark.
    thousands : the signs that may separate groups of three digits (one of them throughout a figure).
    missing : further marks for “no figure”, lower case.
    marks : further footnote marks before or behind a figure.
    """

    decimal: str = "."
    thousands: str = ""
    missing: frozenset[str] = frozenset()
    marks: tuple[str, ...] = ()

    def pattern(self) -> re.Pattern[str]:
        """The figures that this rule accepts; an exponent needs a sign and two digits, as programs write it."""
        point = re.escape(self.decimal)
        whole = r"[0-9]+"
        if self.thousands:
            group = rf"(?P<group>[{re.escape(self.thousands)}])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*"
            whole = rf"(?:[0-9]+|[1-9][0-9]{{0,2}}{group})"
        return re.compile(rf"[+-]?(?:{whole}(?:{point}[0-9]+)?|{point}[0-9]+)(?:[eE][+-][0-9]{{2,3}})?")


def number_rule(
    decimal: str = ".", thousands: str = "", missing: Collection[object] = (), marks: Collection[object] = ()
) -> NumberRule:
    """A `NumberRule` from layout keys."""
    return NumberRule(
        decimal,
        thousands,
        frozenset(plain(str(mark)).casefold() for mark in missing),
        tuple(sorted((str(mark) for mark in marks), key=len, reverse=True)),
    )


def number(text: str, rule: NumberRule) -> float | None:
    """The figure that a text stands for; None for a mark that means “no figure”.

    Full-width digits, a sign, thousands separators and footnote marks (①, *, ¹, [1], a), 注) are understood.

    Raises
    ------
    NotANumber
        Anything else: letters, two points, a percent sign, a digit in parentheses (a footnote or a negative figure?),
        ``[12]`` alone, a figure that a double cannot hold.
    """
    bare = plain(text)
    if bare.casefold() in MISSING or bare.casefold() in rule.missing:
        return None
    without = _TRAILING_MARKS.sub("", bare)
    if not without and re.search(r"[0-9¹²³⁰⁴-⁹₀-₉]", bare):
        raise NotANumber(text)
    bare = without
    for mark in rule.marks:
        bare = bare.removesuffix(mark).removeprefix(mark).strip()
    if bare.casefold() in MISSING or bare.casefold() in rule.missing:
        return None
    bare = bare.translate(_DASHES)
    match = rule.pattern().fullmatch(bare)
    if match is None:
        raise NotANumber(text)
    separator = match.groupdict().get("group")
    if separator:
        bare = bare.replace(separator, "")
    value = float(bare.replace(rule.decimal, "."))
    if not math.isfinite(value) or (value == 0 and re.search("[1-9]", re.split("[eE]", bare)[0])):
        raise NotANumber(text)
    return value + 0.0  # no negative zero


def year(text: str) -> int | None:
    """The year in ``2012``, ``2012年``, ``２０１２``, ``2012.0``, ``2012年（初步）①``; None for any other."""
    match = _YEAR.fullmatch(plain(text))
    return int(match[1]) if match and int(match[1]) in YEARS else None


def period(text: str, kind: str = "") -> int | None:
    """The year, or the quarter or month (`ruralpanel.project.periods`), that a text names; None for any other.

    ``2012Q3``, ``2012年第三季度``, ``2012-07``, ``2012年7月``, ``201207``. A whole date is its year, or with `kind`
    the quarter or month that it lies in; its day may come first only where the year is wanted.
    """
    number = year(text)
    if number is not None:
        return number
    bare = without_marks(text)
    for pattern, part in _PARTS:
        match = pattern.fullmatch(bare)
        if match:
            named = match.groupdict().get("year")
            first, second = (named, match[1]) if named else (match[1], match[2])
            return periods.of_part(int(first), part, _NUMERALS.get(second) or int(second))
    return _of_date(bare, kind)


def _of_date(bare: str, kind: str) -> int | None:
    match = next((match for pattern in _DATES if (match := pattern.fullmatch(bare))), None)
    if match is None:
        return None
    groups = match.groupdict()
    named = int(groups.get("year") or match[1])
    if kind not in ("quarter", "month"):
        return named if named in YEARS else None
    month = int(groups.get("month") or 0)
    return periods.of_part(named, kind, month if kind == "month" else (month + 2) // 3)


@lru_cache(maxsize=4096)
def region_name(text: str) -> str:
    """A region's name without indentation and footnote marks; of ``北 京 Beijing`` the Chinese part."""
    name = without_marks(text)
    both = re.fullmatch(rf"([{_CJK}][{_CJK}\s]*?)\s*[A-Za-z][A-Za-z '\-.]*", name)
    return both[1] if both else name


def quoted(text: str) -> str:
    """A found text for a message: short, in quotation marks."""
    return f'"{text if len(text) <= 40 else text[:39] + "…"}"'
