"""What a table's notes say about the inference of its models, generated from the models' JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.estimate.base.model_json import method_of
from ruralpanel.output.words import sentence, word
from ruralpanel.project.formats import format_count, format_number

_METHODS: dict[str, tuple[str, str]] = {
    "cluster": ("standard errors clustered by {by}", "标准误按{by}聚类"),
    "hc": ("standard errors robust to heteroskedasticity", "异方差稳健标准误"),
    "classical": ("classical standard errors", "经典标准误"),
    "driscoll_kraay": ("Driscoll–Kraay standard errors", "Driscoll–Kraay 标准误"),
    "conley": ("Conley standard errors", "Conley 标准误"),
    "akm": ("standard errors by sector of the shift-share (AKM)", "按份额—冲击工具的部门聚类的标准误（AKM）"),
    "akm0": (
        "sets by sector of the shift-share, null imposed (AKM0)",
        "按份额—冲击工具的部门、施加原假设的置信集（AKM0）",
    ),
    "wild_cluster": ("wild cluster bootstrap by {by}", "按{by}的 wild 聚类自助法"),
    "permutation": ("permutation test over {over}", "按{over}的置换检验"),
    "treatment": ("randomisation over treated sets", "对处理组分配的随机化检验"),
    "own": ("the estimator's own standard errors", "估计方法自带的标准误"),
}
_NO_CLUSTERS = ("classical", "hc", "akm", "akm0")
"""Methods whose number of clusters is that of rows, which the table gives as observations, or of sectors."""
_NOUNS_ZH = {"unit": "单位", "units": "单位", "period": "时期", "periods": "时期", "region": "地区"}
_SCHEME = re.compile(r"(CR|HC)[0-3]")
#: What the inference says of itself in English, for Chinese notes; formulas and numbers stay.
_PHRASES_ZH = {
    "K: slopes, constant and effects not nested in the clusters": "K 计斜率、常数项及未嵌套于聚类的效应",
    "K: slopes only": "K 只计斜率",
    "K: slopes, constant and all effects": "K 计斜率、常数项及全部效应",
    "null imposed": "施加原假设",
    "t with clustered errors, whose factor cancels": "用聚类标准误的 t 值（修正因子相消）",
    "t with robust errors": "用稳健标准误的 t 值",
    "p counts the sample itself": "p 值计入样本自身",
    "two-way variance": "双向聚类方差",
    "no factor": "无修正因子",
    "each variance over its mean under independent errors of equal variance": "各方差除以其在独立同方差误差下的均值",
}
_COUNTED_ZH = (
    (re.compile(r"all (\d+) vectors of signs"), r"全部 \1 个符号向量"),
    (re.compile(r"weights for (\d+) intersections"), r"\1 个交叉类的权重"),
    (re.compile(r"weights for (\d+) clusters of the dimension with fewer"), r"较少一维的 \1 个聚类的权重"),
    (re.compile(r"weights for (\d+) subclusters \((.+)\)"), r"\1 个子聚类（\2）的权重"),
)
#: ``CR1: G/(G−1)·(N−1)/(N−K) with G = 31, N = 248, K = 12 (slopes, …), factor 1.083``, as the inference words it.
_FACTOR = re.compile(r"^(.+?) with (G = .+?, K = \d+) \((.+)\), (factor .+)$")
_DETAILS: tuple[tuple[str, str, str], ...] = (
    ("n_clusters", "{} clusters", "{} 个聚类"),
    ("sectors", "{} sectors", "{} 个部门"),
    ("small_sample", "{}", "{}"),
    ("lag", "lag {}", "滞后 {}"),
    ("kernel", "{} kernel", "{} 核"),
    ("cutoff_km", "cut-off {} km", "截断距离 {} 公里"),
    ("weights", "{} weights", "{} 权重"),
    ("draws", "{} draws", "{} 次抽样"),
    ("seed", "seed {}", "随机种子 {}"),
)


def setting(entry: Mapping[str, Any], key: str) -> Any:
    """A value of an inference entry, wherever it stands: at its top, under ``options`` or under ``extra``."""
    for place in (entry, entry.get("options") or {}, entry.get("extra") or {}):
        if place.get(key) not in (None, "", 0):
            return place[key]
    return None


def describe(entry: Mapping[str, Any], language: str) -> tuple[str, tuple[str, ...]]:
    """One inference setting: what it is, and its details (clusters, every small-sample factor, draws, seed)."""
    english, chinese = _METHODS.get(method_of(entry), (method_of(entry).replace("_", " "),) * 2)
    over = setting(entry, "over") or "units"
    text = (chinese if language == "zh" else english).format(
        by=_noun(setting(entry, "by") or "unit", language), over=_noun(over, language)
    )
    if entry.get("not_available"):
        reason = str(entry["not_available"])
        return text, (f"不适用：{reason}" if language == "zh" else f"not available: {reason}",)
    details: list[str] = []
    for key, detail_en, detail_zh in _DETAILS:
        value = setting(entry, key)
        if value is None or (key == "n_clusters" and method_of(entry) in _NO_CLUSTERS):
            continue
        if key == "small_sample":
            words = _factor_words(str(value))
            details += [_phrase_zh(part) for part in words] if language == "zh" else words
        else:
            details.append((detail_zh if language == "zh" else detail_en).format(_shown(value, key)))
    critical = _critical(entry, language)
    details += [critical] if critical else []
    terms = {str(coefficient["term"]) for coefficient in entry.get("coefficients") or ()}
    details += [str(note) for note in entry.get("notes") or () if str(note).split(": ")[0] not in terms]
    return text, tuple(details)


def short(model: Mapping[str, Any], language: str) -> str:
    """The first setting in a few words, for a row of the table: ``CR1 by unit`` or ``HC3``."""
    entries = model.get("inference") or [model.get("vcov") or {}]
    return short_of(entries[0], language)


def short_of(entry: Mapping[str, Any], language: str) -> str:
    """A setting in a few words: ``CR1 by unit``, ``HC3``, ``wild cluster bootstrap by unit``."""
    method = method_of(entry)
    kind = setting(entry, "kind")
    if method == "hc" and kind:
        return str(kind)
    if method == "cluster":
        name = _scheme(entry) or word("std_error", language)
        by = _noun(setting(entry, "by") or "unit", language)
        return f"{name}，按{by}" if language == "zh" else f"{name} by {by}"
    if method == "own" and setting(entry, "critical") == "percentile":
        return "估计方法自助法的百分位数" if language == "zh" else "percentiles of the estimator's bootstrap"
    english, chinese = _METHODS.get(method, (method.replace("_", " "),) * 2)
    chosen = chinese if language == "zh" else english
    return chosen.format(
        by=_noun(setting(entry, "by") or "unit", language), over=_noun(setting(entry, "over") or "units", language)
    )


def inference_notes(models: Sequence[Mapping[str, Any]], language: str) -> tuple[str, ...]:
    """One sentence for each setting: what all its columns share first, then by column number what differs."""
    groups: dict[tuple[str, str], dict[int, tuple[str, ...]]] = {}
    for number, model in enumerate(models, 1):
        for entry in model.get("inference") or [model.get("vcov") or {}]:
            text, details = describe(entry, language)
            variant = "not available" if entry.get("not_available") else _scheme(entry)
            groups.setdefault((text, variant), {})[number] = details
    notes = []
    for (text, _), by_column in groups.items():
        columns = sorted(by_column)
        where = "" if len(columns) == len(models) else f" {column_numbers(columns)}"
        every = set.intersection(*(set(details) for details in by_column.values()))
        shared = [detail for detail in by_column[columns[0]] if detail in every]
        own: dict[str, list[int]] = {}
        for number in columns:
            rest = [detail for detail in by_column[number] if detail not in every]
            if rest:
                own.setdefault(word("comma", language).join(rest), []).append(number)
        shared += [f"{column_numbers(numbers)} {rest}" for rest, numbers in own.items()]
        colon = word("colon", language) if shared else ""
        notes.append(_capital(f"{text}{where}{colon}{sentence(shared, language)}"))
    if notes:
        notes[0] = f"{word('inference', language)}{word('colon', language)}{notes[0]}"
    return tuple(notes)


def column_numbers(numbers: Sequence[int]) -> str:
    """``(1)–(3), (5)``."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(f"({first})" if first == last else f"({first})–({last})" for first, last in spans)


def _phrase_zh(phrase: str) -> str:
    """A phrase of the inference in Chinese; formulas and what is not known stay."""
    for pattern, chinese in _COUNTED_ZH:
        if pattern.fullmatch(phrase):
            return pattern.sub(chinese, phrase)
    return _PHRASES_ZH.get(phrase, phrase)


def _factor_words(words: str) -> list[str]:
    """A small-sample factor in parts: the formula, what K counts, the numbers (which differ between models)."""
    found = _FACTOR.match(words)
    if not found:
        return words.split("; ")
    formula, numbers, counted, factor = found.groups()
    return [formula, f"K: {counted}", f"{numbers}, {factor}"]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _critical(entry: Mapping[str, Any], language: str) -> str:
    critical = setting(entry, "critical")
    degrees = setting(entry, "df")
    if critical in (None, "percentile"):
        return ""
    if isinstance(degrees, (list, tuple)):
        finite = [value for value in degrees if value is not None]
        degrees = finite[0] if finite and all(value == finite[0] for value in finite) else None
    name = {"t": "t", "satterthwaite": "t, Satterthwaite", "normal": "normal"}.get(str(critical), str(critical))
    if isinstance(degrees, (int, float)):
        name = f"{name}({format_number(degrees, 0 if float(degrees).is_integer() else 1)})"
    return f"临界值 {name}" if language == "zh" else f"critical values {name}"


def _scheme(entry: Mapping[str, Any]) -> str:
    """``CR1``, ``HC3``: which small-sample correction, by name; empty where the method has none."""
    options = entry.get("options") or {}
    scheme = options.get("small_sample") or options.get("kind") or _SCHEME.match(str(entry.get("small_sample") or ""))
    return (scheme if isinstance(scheme, str) else scheme.group()) if scheme else ""


def _shown(value: Any, key: str) -> str:
    if isinstance(value, int) and key != "seed":
        return format_count(value)
    if key in ("weights", "kernel"):
        return str(value).capitalize()
    return format_number(value, 0) if isinstance(value, float) and value.is_integer() else str(value)


def _noun(name: Any, language: str) -> str:
    names = [str(part) for part in name] if isinstance(name, (list, tuple)) else str(name).split(" and ")
    if language == "zh":
        return "、".join(_NOUNS_ZH.get(part, part) for part in names)
    return " and ".join(names)
