"""What correlations between two outcomes' residuals mean, in a sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.report.blocks import Block, Bullets, Paragraph
from ruralpanel.report.context import Context
from ruralpanel.report.designs import model_span, signed
from ruralpanel.report.markup import Inline
from ruralpanel.report.sentences import Quote, interval_text, nouns
from ruralpanel.report.texts import Texts
from ruralpanel.report.wording import short_noun

_POINTER = "/statistics/residual_correlation"
_SAID = {"above": "together", "below": "apart"}


def is_joint(design: Mapping[str, Any]) -> bool:
    """Whether a design of the scorecard is the correlation of two outcomes' residuals."""
    return str(design["pointer"]).startswith(_POINTER)


def joint_blocks(context: Context, texts: Texts, pairs: Sequence[tuple[Mapping[str, Any], str]]) -> list[Block]:
    """What each correlation says, those within units and those between units under a heading of their own.

    Parameters
    ----------
    pairs : designs of the scorecard with the keys under which their numbers are found.
    """
    blocks: list[Block] = []
    for between in (False, True):
        chosen = [pair for pair in pairs if is_joint(pair[0]) and (pair[0]["evidence"] == "between") is between]
        if chosen:
            lede = texts.inline("joint.between" if between else "joint.within", nouns=nouns(context))
            items = tuple(_sentence(context, texts, design, base) for design, base in chosen)
            blocks += [Paragraph(lede), Bullets(items)]
    return blocks


def _sentence(context: Context, texts: Texts, design: Mapping[str, Any], base: str) -> Inline:
    """``Urban share and rural manufacturing … (2012–2017): cannot be told; correlation 0.08 [−0.19, 0.34].``"""
    model = context.models[design["model"]]
    names = model["statistics"][design["pointer"].removeprefix("/statistics/")]["outcomes"]
    labels = context.labels(design["panel"])
    first, second = (short_noun(labels.of(str(name))) for name in names)
    return texts.inline(
        f"joint.{_SAID.get(signed(design).place, 'open')}",
        first=first[:1].upper() + first[1:],
        second=second,
        n=Quote(texts, base),
        interval=interval_text(texts, design, base),
        span=model_span(model),
    )
