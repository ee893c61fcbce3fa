"""Rows of a regional table that are no region: the nation, totals, the usual groups of regions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from ruralpanel.adapters import text

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


def left_out(further: Iterable[object] = (), kept: Iterable[object] = ()) -> frozenset[str]:
    """The names of rows to leave out, squeezed: the usual ones and `further`, except those `kept`."""
    names = frozenset(text.squeezed(str(name)) for name in (*_LEFT_OUT, *further))
    return names - {text.squeezed(str(name)) for name in kept}


def is_left_out(name: str, names: Collection[str]) -> bool:
    """Whether a row's name is one of them, or says that the table goes on.

    Blanks, width, case, footnote marks and a second language do not count.
    """
    return (
        continues(name)
        or text.squeezed(text.without_marks(name)) in names
        or text.squeezed(text.region_name(name)) in names
    )
