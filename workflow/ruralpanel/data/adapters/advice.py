"""What to do about a cell that is no figure, without advice that would turn it into a wrong one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.titles import first_measure

SIDE_BY_SIDE = "where regions stand side by side, move the right block below the left one"

_NUMBER = r"[0-9][0-9.,]*"
_BOUND = re.compile(r"(?:[~≈<>≤≥＜＞]|约|超过|不足|ca?\.\s?).*", re.IGNORECASE)
_SCALED = re.compile(rf"({_NUMBER})\s*([十百千]?[万亿千百])")
_CURRENCY = re.compile(rf"(?:[$¥€£￥]|US\$|RMB)\s*{_NUMBER}|{_NUMBER}\s*[$¥€£￥元]")
_NEGATIVE = re.compile(rf"\(\s*({_NUMBER})\s*\)|({_NUMBER})\s*[-−–]")
_OPEN_MARK = re.compile(rf"({_NUMBER}?)([0-9])([)）\]】])")
_MARK = re.compile(r"[+-]?[0-9.,]+\s*([^\w\s.,()\[\]{}（）【】+\-−–<>=~$¥€£/:]\S*)")
_BRACKETED = re.compile(r"[+-]?[0-9.,]+\s*([(（\[【][^()\[\]（）【】]{1,4}[)）\]】])")


def figure_advice(written: str, layout: Mapping[str, Any]) -> str:
    """What may mend a cell that is neither a figure nor a mark for a missing one.

    Parameters
    ----------
    written : the cell's text.
    layout : the adapter's keys, as far as they are set.
    """
    bare = text.plain(written)
    if "," in written and "decimal" not in layout and "thousands" not in layout:
        return 'layout: {decimal: ","} or {thousands: ","} says what the comma is'
    if re.fullmatch(r"[0-9.,]+[\u202f\xa0 '][0-9.,\u202f\xa0 ']+", written) and "thousands" not in layout:
        sign = next(c for c in written if c in "\u202f\xa0 '")
        return f"layout: {{thousands: {json.dumps(sign)}}} if it parts thousands"
    if "%" in bare or "‰" in bare:
        measure = "percent" if "%" in bare else "per_mille"
        return f'write the numbers alone, with measure: {measure}; or layout: {{marks: ["{bare[-1]}"]}}'
    return _numbers(bare) or _words(bare, written)


def _numbers(bare: str) -> str:
    negative, open_mark = _NEGATIVE.fullmatch(bare), _OPEN_MARK.fullmatch(bare)
    if negative:
        number = negative[1] or negative[2]
        return f"write -{number} if it is negative, {number} if not"
    if open_mark and open_mark[1]:
        mark = open_mark[2] + open_mark[3]
        return f'correct the cell; if it is {open_mark[1]} with the footnote mark {mark}: layout: {{marks: ["{mark}"]}}'
    if re.fullmatch(r"[(\[][0-9]+[)\]]", bare):
        return f"a figure in brackets, or a footnote mark without a figure: write the figure, or {_missing(bare)}"
    if _SCALED.fullmatch(bare):
        return "write all figures in one measure, the one declared for the series, and the number alone"
    if _CURRENCY.fullmatch(bare):
        return "write the number alone; the currency belongs into the measure of the series"
    if _BOUND.fullmatch(bare) and re.search(r"[0-9]", bare):
        return f"no exact figure: write the one to use, or leave it out with {_missing(bare)}"
    if re.fullmatch(r"[0-9.]+[eE][+-]?[0-9]+", bare):
        return "write the number in full, within the range of a double"
    return ""


def _words(bare: str, written: str) -> str:
    if text.year(bare):
        return "a year, not a figure: where a second header begins, read each part by a source or range of its own"
    mark = _MARK.fullmatch(written) or _BRACKETED.fullmatch(written)
    if mark:
        named = json.dumps(mark[1], ensure_ascii=False)
        return f"correct the cell; if {mark[1]} is a footnote mark: layout: {{marks: [{named}]}}"
    if not any(map(str.isdigit, bare)):
        if first_measure([bare.strip("()")]):
            return "a measure, not a figure: layout: {first_row: …} is the row of the first figures below it"
        return f"correct the cell; if it means “no figure”: {_missing(written)}"
    return "correct the cell, or name the mark under layout.missing or layout.marks"


def _missing(written: str) -> str:
    return f"layout: {{missing: [{json.dumps(written[:20], ensure_ascii=False)}]}}"
