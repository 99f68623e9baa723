"""A text document in an editor or reader: sheets on a desk, one or two columns, tables, figures and lists."""

from __future__ import annotations

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.charts import draw_chart
from sharpstudy.data.screens.pictures import draw_picture
from sharpstudy.data.screens.style import make_theme, mix
from sharpstudy.data.screens.windows import draw_list, draw_menu, draw_scroll_bar, draw_toolbar, open_window

FACES = (("sans", "bold"), ("serif", "serif-bold"), ("roman", "roman-bold"))


def draw_document(canvas: Canvas) -> None:
    """A text document: pages on a desk with toolbars, or two columns of a paper, with tables and figures."""
    with canvas.part(
        open_window(canvas, f"{words.title(canvas.rng)} - {words.label(canvas.rng)}.odt")
    ) as view:
        rng, em, top = view.rng, view.em, 0.0
        if view.height > 22 * em:
            names = ("File", "Edit", "View", "Insert", "Format", "Tools", "Table", "Window", "Help")
            top = draw_toolbar(view, draw_menu(view, names, 1.8 * em), 2.4 * em)
        left = 0.0
        if view.width > 60 * em and rng.random() < 0.5:
            left = rng.uniform(10, 14) * em
            with view.part((0, top, left, view.height)) as side:
                _draw_outline(side)
        with view.part((left, top, view.width, view.height)) as desk:
            _draw_sheet(desk)
            draw_scroll_bar(desk)


def _draw_outline(side: Canvas) -> None:
    side.fill((0, 0, side.width, side.height), side.theme.panel)
    side.text(0.9 * side.em, 0.6 * side.em, "Contents", face="bold")
    names = [f"{turn // 3 + 1}.{turn % 3 + 1} {words.phrase(side.rng)}" for turn in range(60)]
    draw_list(side, 2.4 * side.em, names, (), side.rng.randint(0, 9))
    side.rule(side.width - 1, 0, side.width - 1, side.height)


def _draw_sheet(desk: Canvas) -> None:
    rng, em, theme = desk.rng, desk.em, desk.theme
    desk.fill((0, 0, desk.width, desk.height), mix(theme.panel, theme.line, 0.5))
    width = min(desk.width - 2.5 * em, rng.uniform(40, 75) * em)
    left, top = (desk.width - 0.7 * em - width) / 2, rng.choice((0, 1.2 * em))
    sheet = (left, top, left + width, desk.height)
    desk.shadow(sheet, 0.35 * em)
    dark_paper = theme.mode == "dark" and rng.random() < 0.7
    paper = desk.theme if dark_paper or theme.mode == "light" else make_theme(rng, "light")
    desk.fill(sheet, paper.page)
    margin = min(rng.uniform(2, 6) * em, 0.09 * width)
    text, bold = rng.choice(FACES)
    with desk.part((left + margin, top, left + width - margin, desk.height)) as page:
        page.theme = paper
        _draw_columns(page, top + min(margin, 3 * em), text, bold)


def _draw_columns(page: Canvas, y: float, text: str, bold: str) -> None:
    rng, em = page.rng, page.em
    if rng.random() < 0.75:
        y = page.block(0, y, words.title(rng), page.width, size=rng.uniform(1.5, 2.2), face=bold) + 0.4 * em
        line = f"{words.nickname(rng)}, {words.day(rng)}"
        y = page.block(0, y, line, page.width, page.theme.faint, face=text)
    columns, gap = 2 if page.width > 48 * em and rng.random() < 0.4 else 1, 2 * em
    room = (page.width - gap * (columns - 1)) / columns
    for column in range(columns):
        start = column * (room + gap)
        with page.part((start, y + em, start + room, page.height)) as flow:
            draw_flow(flow, text, bold)


def draw_flow(flow: Canvas, text: str, bold: str) -> None:
    """Fills a column with paragraphs, headings, lists, tables, quotations, figures and notes."""
    y, blocks = 0.0, (_add_text, _add_text, _add_heading, _add_bullets, _add_table, _add_figure, _add_quote)
    y = _add_heading(flow, y, text, bold)
    while y < flow.height:
        y = _add_text(flow, y, text, bold)
        y = flow.rng.choice(blocks)(flow, y, text, bold)


def _add_text(flow: Canvas, y: float, text: str, bold: str) -> float:
    rng = flow.rng
    y = flow.block(0, y, words.paragraph(rng, rng.randint(2, 5)), flow.width, face=text)
    return y + 0.7 * flow.em


def _add_heading(flow: Canvas, y: float, text: str, bold: str) -> float:
    heading = f"{flow.rng.randint(1, 9)} {words.title(flow.rng)}"
    return flow.block(0, y + 0.3 * flow.em, heading, flow.width, size=1.3, face=bold) + 0.3 * flow.em


def _add_bullets(flow: Canvas, y: float, text: str, bold: str) -> float:
    rng, em = flow.rng, flow.em
    sign = rng.choice(("•", "–", "%d.", "%d)"))
    for turn in range(rng.randint(3, 5)):
        flow.text(em, y, sign % (turn + 1) if "%" in sign else sign, face="sans", size=0.95)
        y = flow.block(2.8 * em, y, words.sentence(rng), flow.width - 2.8 * em, face=text)
    return y + 0.6 * em


def _add_table(flow: Canvas, y: float, text: str, bold: str) -> float:
    rng, em, theme = flow.rng, flow.em, flow.theme
    rows, columns = rng.randint(3, 6), max(2, min(5, int(flow.width / (8 * em))))
    width, step = flow.width / columns, 1.7 * em
    grid = rng.random() < 0.5
    flow.fill((0, y, flow.width, y + step), mix(theme.page, theme.accent, 0.2))
    for row in range(rows):
        for column in range(columns):
            cell = words.label(rng) if row == 0 or column == 0 else words.amount(rng)
            x, anchor = (
                (column * width + 0.5 * em, "lm") if column == 0 else ((column + 1) * width - 0.5 * em, "rm")
            )
            face = bold if row == 0 else text
            flow.text(x, y + (row + 0.5) * step, cell, anchor=anchor, face=face, size=0.9, room=width - em)
        flow.rule(0, y + row * step, flow.width - 1, y + row * step)
    bottom = y + rows * step
    flow.rule(0, bottom, flow.width - 1, bottom, theme.ink)
    for column in range(columns + 1) if grid else ():
        flow.rule(min(column * width, flow.width - 1), y, min(column * width, flow.width - 1), bottom)
    return bottom + em


def _add_figure(flow: Canvas, y: float, text: str, bold: str) -> float:
    rng, em = flow.rng, flow.em
    width = min(flow.width, rng.uniform(18, 34) * em)
    left, bottom = (flow.width - width) / 2, y + width * rng.uniform(0.45, 0.62)
    draw = rng.choice((draw_chart, draw_picture))
    draw(flow, (left, y, left + width, bottom))
    caption = f"Figure {rng.randint(1, 12)}. {words.sentence(rng)}"
    return flow.block(left, bottom + 0.4 * em, caption, width, flow.theme.faint, face=text, size=0.85) + em


def _add_quote(flow: Canvas, y: float, text: str, bold: str) -> float:
    rng, em = flow.rng, flow.em
    bottom = flow.block(
        1.5 * em, y, words.paragraph(rng, 2), flow.width - 3 * em, flow.theme.faint, face=text
    )
    flow.fill((0, y, 0.25 * em, bottom), flow.theme.accent)
    return bottom + 0.7 * em
