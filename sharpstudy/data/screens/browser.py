"""A web browser with its tabs and address bar, showing an article, results, a shop, documentation or mail."""

from __future__ import annotations

from collections.abc import Callable

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.documents import FACES, draw_flow
from sharpstudy.data.screens.icons import draw_avatar, draw_icons
from sharpstudy.data.screens.pictures import draw_picture
from sharpstudy.data.screens.style import ink_on
from sharpstudy.data.screens.windows import (
    draw_button,
    draw_field,
    draw_list,
    draw_scroll_bar,
    draw_tabs,
    open_window,
)


def draw_browser(canvas: Canvas) -> None:
    """A web browser with one of five kinds of page."""
    rng, em = canvas.rng, canvas.em
    with canvas.part(open_window(canvas, words.title(rng))) as view:
        top = 0.0
        if view.height > 14 * em:
            names = [words.phrase(rng) for _ in range(rng.randint(2, 8))]
            top = draw_tabs(view, 0, 2 * em, names, rng.randrange(min(len(names), 3)))
            top = _draw_address(view, top)
        with view.part((0, top, view.width, view.height)) as page:
            page.em = em * rng.choice((0.9, 1, 1, 1.15))
            rng.choice(_PAGES)(page)
            draw_scroll_bar(page)


def _draw_address(view: Canvas, top: float) -> float:
    em, bottom = view.em, top + 2.5 * view.em
    view.fill((0, top, view.width, bottom), view.theme.panel)
    x = draw_icons(view, (0.8 * em, top, 8 * em, bottom), view.theme.faint, ("back", "forward", "home"))
    right = view.width - 7 * em
    draw_field(view, (x, top + 0.35 * em, right, bottom - 0.35 * em), words.address(view.rng), "search")
    draw_icons(view, (right + em, top, view.width, bottom), view.theme.faint, ("star", "person", "menu"))
    view.rule(0, bottom - 1, view.width, bottom - 1)
    return bottom


def _draw_banner(page: Canvas) -> float:
    em, rng = page.em, page.rng
    height = 3 * em
    fill = rng.choice((page.theme.page, page.theme.panel, page.theme.accent))
    page.fill((0, 0, page.width, height), fill)
    ink = ink_on(fill)
    x = em + page.text(em, height / 2, words.label(rng), ink, size=1.3, face="bold", anchor="lm") + 2.5 * em
    for _ in range(5):
        text = words.label(rng)
        if x + page.measure(text) > page.width - 10 * em:
            break
        x += page.text(x, height / 2, text, ink, anchor="lm") + 1.6 * em
    if page.width > 40 * em:
        draw_field(page, (page.width - 13 * em, 0.6 * em, page.width - 2 * em, 2.4 * em), "Search", "search")
    page.rule(0, height, page.width, height)
    return height


def _draw_article(page: Canvas) -> None:
    rng, em = page.rng, page.em
    top = _draw_banner(page)
    if rng.random() < 0.5:
        bottom = top + min(0.3 * page.height, 14 * em)
        draw_picture(page, (0, top, page.width, bottom))
        top = bottom
    room = min(page.width - 4 * em, rng.uniform(36, 52) * em)
    aside = page.width - room > 22 * em and rng.random() < 0.7
    left = 3 * em if aside else (page.width - room) / 2
    text, bold = rng.choice(FACES)
    y = page.block(left, top + 1.5 * em, words.title(rng), room, size=2, face=bold, leading=1.3)
    draw_avatar(page, left + em, y + 1.3 * em, em, name := words.nickname(rng))
    page.text(left + 2.6 * em, y + 1.3 * em, f"{name}, {words.day(rng)}", page.theme.faint, anchor="lm")
    with page.part((left, y + 3 * em, left + room, page.height)) as flow:
        draw_flow(flow, text, bold)
    if aside:
        start = left + room + 3 * em
        with page.part(
            (start, top + 1.5 * em, min(page.width - 2 * em, start + 28 * em), page.height)
        ) as side:
            _draw_aside(side)


def _draw_aside(side: Canvas) -> None:
    em, rng, y = side.em, side.rng, 0.0
    side.text(0, 0, words.title(rng), face="bold", room=side.width)
    y = 2 * em
    while y < side.height:
        bottom = y + min(side.width * 0.5, 9 * em)
        draw_picture(side, (0, y, side.width, bottom))
        y = (
            side.block(0, bottom + 0.4 * em, words.sentence(rng), side.width, side.theme.accent, size=0.9)
            + 1.2 * em
        )


def _draw_results(page: Canvas) -> None:
    rng, em, theme = page.rng, page.em, page.theme
    left, room = min(8 * em, 0.08 * page.width), min(44 * em, 0.88 * page.width)
    query = words.phrase(rng).lower()
    draw_field(page, (left, em, left + room, 3 * em), query, "search")
    page.text(
        left, 3.6 * em, f"{rng.randint(9, 990)},{rng.randint(100, 999)} results", theme.faint, size=0.85
    )
    link = (26, 60, 190) if theme.mode == "light" else (140, 175, 255)
    y = 5.6 * em
    while y < page.height:
        page.text(left, y, words.address(rng), theme.faint, size=0.85, room=room)
        page.text(left, y + 1.3 * em, words.title(rng), link, size=1.25, room=room)
        y = page.block(left, y + 3.1 * em, words.paragraph(rng, 2), room, lines=2) + 1.3 * em
    start = left + room + 4 * em
    if page.width - start > 18 * em:
        with page.part((start, 5.6 * em, min(page.width - 3 * em, start + 26 * em), page.height)) as side:
            _draw_aside(side)


def _draw_shop(page: Canvas) -> None:
    rng, em = page.rng, page.em
    top, side = _draw_banner(page), 0.0
    if page.width > 55 * em:
        side = 12 * em
        names = [f"{words.label(rng)} ({rng.randint(1, 99)})" for _ in range(24)]
        with page.part((0, top + em, side, page.height)) as column:
            draw_list(column, 0, names, ("check",), rng.randrange(6))
    columns = max(1, int((page.width - side) / (rng.uniform(12, 18) * em)))
    width = (page.width - side - 1.5 * em) / columns
    tall = width * rng.uniform(0.55, 0.8)
    y = top + em
    while y < page.height:
        for column in range(columns):
            left = side + column * width + 0.5 * em
            with page.part((left, y, left + width - em, y + tall + 7 * em)) as card:
                _draw_product(card, tall)
        y += tall + 8 * em


def _draw_product(card: Canvas, tall: float) -> None:
    rng, em, theme = card.rng, card.em, card.theme
    card.panel((0, 0, card.width, card.height), theme.raised, 0.4 * em, theme.line)
    draw_picture(card, (0.4 * em, 0.4 * em, card.width - 0.4 * em, tall))
    card.text(0.6 * em, tall + 0.4 * em, words.phrase(rng), face="bold", room=card.width - em)
    card.text(0.6 * em, tall + 2 * em, "★" * rng.randint(2, 5), (226, 160, 30))
    card.text(
        card.width - 0.6 * em, tall + 2 * em, f"{rng.randint(2, 400)}.{rng.randint(0, 99):02d}", anchor="ra"
    )
    draw_button(card, 0.6 * em, tall + 4 * em, "Add", theme.accent)


def _draw_manual(page: Canvas) -> None:
    rng, em = page.rng, page.em
    top, side = _draw_banner(page), 0.0
    if page.width > 45 * em:
        side = 14 * em
        with page.part((0, top, side, page.height)) as column:
            column.fill((0, 0, side, column.height), column.theme.panel)
            draw_list(column, 0.8 * em, [words.phrase(rng) for _ in range(60)], (), rng.randrange(8))
    room = min(page.width - side - 4 * em, 52 * em)
    with page.part((side + 2 * em, top + 1.5 * em, side + 2 * em + room, page.height)) as flow:
        draw_flow(flow, *FACES[0])


def _draw_mail(page: Canvas) -> None:
    rng, em, theme = page.rng, page.em, page.theme
    side = 12 * em if page.width > 50 * em else 0.0
    if side:
        with page.part((0, 0, side, page.height)) as column:
            column.fill((0, 0, side, column.height), theme.panel)
            draw_button(column, em, 0.8 * em, "New message", theme.accent)
            names = ["Inbox", "Starred", "Sent", "Drafts", "Archive", *(words.label(rng) for _ in range(12))]
            draw_list(column, 3.4 * em, names, ("folder",), 0)
    y, row, who = 0.0, rng.choice((2.1, 2.5, 3)) * em, 11 * em
    while y < page.height:
        fresh = rng.random() < 0.35
        page.fill((side, y, page.width, y + row), theme.page if fresh else theme.panel)
        middle, face, room = y + row / 2, "bold" if fresh else "sans", page.width - side - who - 10 * em
        draw_icons(page, (side + 0.6 * em, y, side + 2.4 * em, y + row), theme.faint, ["star"])
        page.text(side + 2.6 * em, middle, words.nickname(rng), face=face, anchor="lm", room=who - 3 * em)
        text = f"{words.phrase(rng)} - {words.sentence(rng)}"
        page.text(side + who, middle, text, face=face, anchor="lm", room=room)
        page.text(page.width - 1.4 * em, middle, words.day(rng)[5:], theme.faint, anchor="rm", size=0.85)
        page.rule(side, y + row - 1, page.width, y + row - 1)
        y += row


_PAGES: tuple[Callable[[Canvas], None], ...] = (
    _draw_article,
    _draw_results,
    _draw_shop,
    _draw_manual,
    _draw_mail,
)
