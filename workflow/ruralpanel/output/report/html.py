"""The report as one self-contained HTML page: styles, script and pictures inside, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from ruralpanel.output.report.document import Answers, Document, Inline, Run, Section, TableRow, plain_text
from ruralpanel.output.report.numbering import exhibits

FOLDER = Path(__file__).resolve().parents[3] / "report" / "html"
_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}
_TAGS = {"code": "code", "strong": "strong", "emphasis": "em"}
_SAFE = " =:/,;.()-+*!?@[]_~$'"  # may stand in a data URI inside double quotes; a line break would be dropped
_SVG_SIZE = re.compile(r'<svg[^>]*?\bviewBox="\s*[\d.eE+-]+[\s,]+[\d.eE+-]+[\s,]+([\d.eE+-]+)[\s,]+([\d.eE+-]+)', re.S)


@dataclass(frozen=True)
class Drawing:
    """Where an interval is drawn, in percent of the track's width; bar and band as distances from either end."""

    band: tuple[float, float]
    bar: tuple[float, float]
    dot: float | None
    cut_left: bool
    cut_right: bool


def drawing(place: tuple[float, float, float], reach: float) -> Drawing:
    """The drawing of an estimate and its interval (multiples of δ) on a scale from −`reach` to `reach`."""
    estimate, low, high = place
    inside = [min(max(x, -reach), reach) for x in (low, high)]
    left, right = _percent(inside[0], reach), _percent(inside[1], reach)
    edge = _percent(-1.0, reach)
    return Drawing(
        band=(edge, edge),
        bar=(left, round(100 - right, 2)),
        dot=_percent(estimate, reach) if abs(estimate) <= reach else None,
        cut_left=low < -reach,
        cut_right=high > reach,
    )


def _percent(value: float, reach: float) -> float:
    return round(50 * (1 + value / reach), 2) if math.isfinite(value) else 0.0


def render_html(document: Document) -> str:
    """The page's text.

    Notes
    -----
    Templates escape everything that is inserted; pictures become data URIs, SVG drawings as images, so that their inner
    names cannot collide.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    alive = document.explored
    page = environment.get_template("page.html.j2").render(
        document=document,
        style=Markup("\n".join([_asset("page.css"), *([_asset("explore.css")] if alive else [])])),
        script=Markup("\n".join([_asset("page.js"), *([_asset("explore.js")] if alive else [])])),
        markup=Markup,
        kind_of=lambda block: type(block).__name__,
        plain=plain_text,
        inline=inline,
        cells=cells,
        parts=_parts(document),
        entries=_entries,
        drawing=drawing,
        data_uri=data_uri,
        size_of=size_of,
    )
    return re.sub(r"\n{2,}", "\n", page)


def inline(runs: Inline) -> Markup:
    """Runs as markup; a page holds tens of thousands of them, hence no template."""
    return Markup("".join(map(_run, runs)))


def _run(run: Run) -> str:
    text = escape(run.text)
    if run.language:
        return f'<span lang="{escape(run.language)}">{text}</span>'
    if run.kind == "number":
        within = "" if run.within == "text" else f" {run.within}"
        return f'<a class="n{within}" href="#n{escape(run.target)}">{text}</a>'
    if run.kind == "link":
        return f'<a href="{escape(run.target)}">{text}</a>'
    if run.kind in _TAGS:
        return f"<{_TAGS[run.kind]}>{text}</{_TAGS[run.kind]}>"
    return f'<span id="{escape(run.target)}">{text}</span>' if run.target else str(text)


def cells(row: TableRow, scope: str, wide: str) -> Markup:
    """The cells of a row; `scope` is of heads, `wide` of those in a head that reach over several columns."""
    parts = []
    for cell in row.cells:
        tag = "th" if cell.header else "td"
        head = f' scope="{wide if cell.colspan > 1 else scope}"' if cell.header else ""
        columns = f' colspan="{cell.colspan}"' if cell.colspan > 1 else ""
        rows = f' rowspan="{cell.rowspan}"' if cell.rowspan > 1 else ""
        place = "" if cell.align == "left" else f' class="{cell.align}"'
        parts.append(f"<{tag}{head}{columns}{rows}{place}>{inline(cell.text)}</{tag}>")
    return Markup("".join(parts))


def _parts(document: Document) -> list[tuple[str, list[Section]]]:
    """The sections of the contents under the name of their part, in order; all together where parts have no names."""
    parts: list[tuple[str, list[Section]]] = []
    for section in document.sections:
        name = document.labels.get("appendix" if section.part == "appendix" else "brief", "")
        if section.part == "page" and parts:
            name = parts[-1][0]  # it belongs to the part that it stands in
        if not parts or parts[-1][0] != name:
            parts.append((name, []))
        parts[-1][1].append(section)
    return parts


def _entries(section: Section) -> list[tuple[str, str]]:
    """What the contents list below a section: its claims, its parts, or its charts and tables."""
    claims = [item for block in section.blocks if isinstance(block, Answers) for item in block.items]
    if claims:
        return [(f"claim-{item.id}", f"{item.id} {plain_text(item.claim)}") for item in claims]
    if section.sections:
        return [(part.id, part.title) for part in section.sections]
    shown = exhibits(section)
    return [(item.id, f"{item.number} {plain_text(item.caption)}") for item in shown] if len(shown) > 1 else []


def _asset(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()


def data_uri(path: Path) -> Markup:
    """A picture as an address that holds it."""
    kind = _TYPES[path.suffix.lower()]
    if kind == "image/svg+xml":
        # percent-encoded text compresses better than base64 and keeps the drawing readable
        return Markup(f"data:{kind};charset=utf-8,{quote(path.read_text(encoding='utf-8'), safe=_SAFE)}")
    return Markup(f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}")


def size_of(path: Path) -> Markup:
    """``width`` and ``height`` attributes, so that the page does not jump while it loads."""
    if path.suffix.lower() == ".png":
        width, height = struct.unpack(">II", path.read_bytes()[16:24])
        # charts are drawn at twice the density of a screen
        return Markup(f' width="{width // 2}" height="{height // 2}"')
    match = _SVG_SIZE.search(path.read_text(encoding="utf-8")[:4000])
    if not match:
        return Markup("")
    # Matplotlib's drawings are in points: 96 pixels are 72 of them
    width, height = (round(float(size) * 96 / 72) for size in match.groups())
    return Markup(f' width="{width}" height="{height}"')
