"""A table as HTML that screen readers and phones can use."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from ruralpanel.output.tables.document import Row, Spanner, TableDocument
from ruralpanel.output.words import has_word, word

#: For pages that hold tables; everything is scoped to ``.data-table``.
STYLE = """
.data-table{margin:1.5rem 0;color:#1f2933;font-size:.9rem;line-height:1.4}
.data-table .scroll{overflow-x:auto}
.data-table table{border-collapse:collapse;border-top:2px solid #1f2933;border-bottom:2px solid #1f2933;
font-variant-numeric:tabular-nums}
.data-table caption{text-align:left;font-weight:600;padding:0 0 .5rem;font-size:1rem}
.data-table th,.data-table td{padding:.15rem .7rem;vertical-align:top}
.data-table thead th{font-weight:600;vertical-align:bottom;text-align:center;max-width:11rem}
.data-table thead th[colspan]:not([colspan="1"]){max-width:none}
.data-table thead .spanner{border-bottom:1px solid #9aa5b1}
.data-table thead tr:last-child th{border-bottom:1px solid #1f2933}
.data-table th.stub{border-bottom:1px solid #1f2933;text-align:left}
.data-table tbody th{text-align:left;font-weight:400;min-width:9rem}
.data-table tbody th[scope=row]{position:sticky;left:0;background:#fff}
.data-table td.centre,.data-table td.right{white-space:nowrap}
.data-table tbody.summary td{white-space:normal;max-width:11rem}
.data-table tbody th.section{font-weight:600;padding-top:.7rem}
.data-table tr.detail td,.data-table tr.detail th{padding-top:0;color:#52606d;white-space:nowrap}
.data-table tr.entry th,.data-table tr.entry td{padding-top:.35rem}
.data-table tbody.summary tr:first-child th,.data-table tbody.summary tr:first-child td{
border-top:1px solid #1f2933;padding-top:.35rem}
.data-table .left{text-align:left}.data-table .centre{text-align:center}.data-table .right{text-align:right}
.data-table summary{cursor:pointer;margin:.5rem 0;font-size:.85rem}
.data-table .notes{font-size:.8rem;color:#3e4c59;max-width:60rem;margin-top:.5rem}
.data-table .notes p{margin:.2rem 0}
.visually-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
""".strip()


def html_fragment(document: TableDocument) -> str:
    """A ``<figure class="data-table">`` to embed; the page brings `STYLE`."""
    name = escape(document.name, quote=True)
    notes = "".join(f"<p>{escape(note)}</p>" for note in document.notes)
    described = f' aria-describedby="{name}-notes"' if notes else ""
    lines = [
        f'<figure class="data-table" id="table-{name}" lang="{document.language}">',
        f'<div class="scroll" role="region" aria-label="{escape(document.title, quote=True)}" tabindex="0">',
        f"<table{described}>",
        f"<caption>{escape(document.title)}</caption>",
        "<thead>",
        *_head(document),
        "</thead>",
        *_body(document),
        "</table>",
        "</div>",
    ]
    if document.further:
        lines += _further(document)
    if notes:
        lines.append(f'<figcaption class="notes" id="{name}-notes">{notes}</figcaption>')
    return "\n".join([*lines, "</figure>"]) + "\n"


def _further(document: TableDocument) -> list[str]:
    """The companion table, folded."""
    words = escape(word("table.further", document.language))
    return [
        f"<details><summary>{words}</summary>",
        f'<div class="scroll" role="region" aria-label="{words}" tabindex="0">',
        "<table>",
        f'<caption class="visually-hidden">{escape(document.title)}: {words}</caption>',
        "<thead>",
        *_head(document),
        "</thead>",
        *_body(replace(document, rows=document.further)),
        "</table>",
        "</div>",
        "</details>",
    ]


def render_html(document: TableDocument) -> str:
    """A whole page with the table, without any address outside itself."""
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{document.language}">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(document.title)}</title>",
            "<style>",
            "body{font-family:system-ui,'Noto Sans CJK SC','Noto Sans SC',sans-serif;margin:1rem;background:#fff}",
            STYLE,
            "</style>",
            "</head>",
            "<body>",
            "<main>",
            html_fragment(document).rstrip("\n"),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(document: TableDocument) -> list[str]:
    depth = len(document.spanners) + 1
    stub = f'<th scope="col" class="stub" rowspan="{depth}">{escape(document.stub)}</th>'
    lines = []
    for number, level in enumerate(document.spanners):
        cells = _spanner_cells(level, len(document.columns))
        lines.append(f"<tr>{stub if number == 0 else ''}{cells}</tr>")
    columns = "".join(
        f'<th scope="col" class="{column.align}">{escape(column.label)}</th>' for column in document.columns
    )
    lines.append(f"<tr>{stub if depth == 1 else ''}{columns}</tr>")
    return lines


def _spanner_cells(level: tuple[Spanner, ...], width: int) -> str:
    cells, at = [], 0
    for spanner in level:
        if spanner.first > at:
            cells.append(f'<td colspan="{spanner.first - at}"></td>')
        span = spanner.last - spanner.first + 1
        scope = "colgroup" if span > 1 else "col"
        cells.append(f'<th scope="{scope}" colspan="{span}" class="spanner">{escape(spanner.label)}</th>')
        at = spanner.last + 1
    if at < width:
        cells.append(f'<td colspan="{width - at}"></td>')
    return "".join(cells)


def _body(document: TableDocument) -> list[str]:
    """One ``tbody`` for each section and one for the summary, so that headings reach their own rows only."""
    lines: list[str] = []
    opened = ""
    entry = ""
    for row in document.rows:
        part = "summary" if row.kind == "summary" else "body"
        if row.kind == "section" or part != opened:
            lines += ["</tbody>"] if opened else []
            lines.append('<tbody class="summary">' if part == "summary" else "<tbody>")
            opened = part
        if row.kind == "section":
            span = len(document.columns) + 1
            lines.append(f'<tr><th scope="rowgroup" class="section" colspan="{span}">{escape(row.label)}</th></tr>')
            continue
        entry = row.label or entry
        lines.append(_row(document, row, entry))
    return [*lines, "</tbody>"] if opened else lines


def _row(document: TableDocument, row: Row, entry: str) -> str:
    if row.label:
        head = escape(row.label)
    else:
        statistic = word(row.statistic, document.language) if has_word(row.statistic) else row.statistic
        head = f'<span class="visually-hidden">{escape(entry)}: {escape(statistic)}</span>'
    cells = "".join(
        f'<td class="{column.align}">{escape(cell.text)}</td>'
        for column, cell in zip(document.columns, row.cells, strict=True)
    )
    return f'<tr class="{row.kind}"><th scope="row">{head}</th>{cells}</tr>'
