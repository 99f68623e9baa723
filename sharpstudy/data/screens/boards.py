"""Screens made of figures: charts under study, and a dashboard with key numbers."""

from __future__ import annotations

from collections.abc import Callable

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.charts import draw_chart
from sharpstudy.data.screens.icons import draw_avatar, draw_icons, some_icons
from sharpstudy.data.screens.style import Box, ink_on, mix
from sharpstudy.data.screens.windows import (
    draw_button,
    draw_field,
    draw_list,
    draw_menu,
    draw_toolbar,
    open_window,
)


def split_box(canvas: Canvas, box: Box, smallest: float) -> list[Box]:
    """The box cut at random into parts that are no narrower or lower than smallest pixels."""
    left, top, right, bottom = box
    width, height, cut = right - left, bottom - top, canvas.rng.uniform(0.38, 0.62)
    if width > 2.7 * smallest and (width > 1.5 * height or height < 2.7 * smallest):
        middle = left + cut * width
        first, second = (left, top, middle, bottom), (middle, top, right, bottom)
    elif height > 2.7 * smallest:
        middle = top + cut * height
        first, second = (left, top, right, middle), (left, middle, right, bottom)
    else:
        return [box]
    return split_box(canvas, first, smallest) + split_box(canvas, second, smallest)


def draw_chart_screen(canvas: Canvas) -> None:
    """One large chart or several, in the window of a program that plots."""
    rng, em = canvas.rng, canvas.em
    with canvas.part(open_window(canvas, f"{words.title(rng)} - Figure {rng.randint(1, 9)}")) as view:
        top, left = 0.0, 0.0
        if view.height > 22 * em and rng.random() < 0.6:
            top = draw_toolbar(
                view, draw_menu(view, ("File", "Edit", "View", "Plot", "Help"), 1.8 * em), 2.4 * em
            )
        if view.width > 56 * em and rng.random() < 0.5:
            left = rng.uniform(13, 18) * em
            with view.part((0, top, left, view.height)) as side:
                _draw_controls(side)
        smallest = em * rng.choice((14, 20, 30, 90))
        for box in split_box(view, (left, top, view.width, view.height), smallest):
            gap = min(0.7 * em, 0.03 * view.width)
            draw_chart(view, (box[0] + gap, box[1] + gap, box[2] - gap, box[3] - gap))


def _draw_controls(side: Canvas) -> None:
    rng, em, theme = side.rng, side.em, side.theme
    side.fill((0, 0, side.width, side.height), theme.panel)
    side.rule(side.width - 1, 0, side.width - 1, side.height)
    right, y = side.width - em, em
    parts: tuple[Callable[[Canvas, float, float], float], ...] = (
        _add_slider,
        _add_choice,
        _add_checks,
        _add_field,
    )
    while y < side.height - 5 * em:
        side.text(em, y, words.label(rng), face="bold", size=0.9)
        y = rng.choice(parts)(side, y + 1.6 * em, right) + 0.9 * em
    if y < side.height - 2.5 * em:
        draw_button(side, em, y, "Apply", theme.accent)


def _add_slider(side: Canvas, y: float, right: float) -> float:
    em, share = side.em, side.rng.uniform(0.1, 0.9)
    x, middle = em + share * (right - em), y + 0.6 * em
    with side.smooth((0, y - 0.2 * em, side.width, y + 1.4 * em)) as pen:
        pen.box((em, middle - 0.12 * em, right, middle + 0.12 * em), side.theme.line, 0.12 * em)
        pen.box((em, middle - 0.12 * em, x, middle + 0.12 * em), side.theme.accent, 0.12 * em)
        pen.disc(x, middle, 0.5 * em, side.theme.raised, side.theme.accent)
    return y + 1.4 * em


def _add_choice(side: Canvas, y: float, right: float) -> float:
    draw_field(side, (side.em, y, right, y + 1.8 * side.em), words.label(side.rng), "down")
    return y + 1.9 * side.em


def _add_field(side: Canvas, y: float, right: float) -> float:
    draw_field(side, (side.em, y, right, y + 1.8 * side.em), words.amount(side.rng))
    return y + 1.9 * side.em


def _add_checks(side: Canvas, y: float, right: float) -> float:
    em, rng = side.em, side.rng
    for _ in range(rng.randint(2, 4)):
        box = (em, y + 0.1 * em, 2 * em, y + 1.1 * em)
        ticked = rng.random() < 0.6
        fill = side.theme.accent if ticked else side.theme.page
        side.panel(box, fill, 0.2 * em, side.theme.faint)
        if ticked:
            draw_icons(side, box, ink_on(fill), ["check"])
        side.text(2.6 * em, y, words.label(rng), size=0.9, room=right - 2.6 * em)
        y += 1.6 * em
    return y


def draw_dashboard(canvas: Canvas) -> None:
    """A dashboard: navigation, key figures with small curves, charts, a table and a list of events."""
    rng, em = canvas.rng, canvas.em
    with canvas.part(open_window(canvas, words.title(rng))) as view:
        view.fill((0, 0, view.width, view.height), mix(view.theme.panel, view.theme.line, 0.15))
        left = 0.0
        if view.width > 50 * em:
            left = rng.choice((3.4, rng.uniform(11, 14))) * em
            with view.part((0, 0, left, view.height)) as side:
                _draw_navigation(side)
        top = _draw_head(view, left) if view.height > 20 * em else 0.0
        if view.height > 16 * em:
            top = _draw_key_figures(view, left, top)
        boxes = split_box(view, (left, top, view.width, view.height), em * rng.choice((11, 13, 16)))
        for box in boxes:
            inner = (box[0] + 0.4 * em, box[1] + 0.4 * em, box[2] - 0.4 * em, box[3] - 0.4 * em)
            view.panel(inner, view.theme.page, 0.4 * em, view.theme.line)
            draw = rng.choice((draw_chart, draw_chart, draw_chart, _draw_events, _draw_ranking))
            draw(view, (inner[0] + 0.6 * em, inner[1] + 0.5 * em, inner[2] - 0.6 * em, inner[3] - 0.5 * em))


def _draw_navigation(side: Canvas) -> None:
    rng, em, theme = side.rng, side.em, side.theme
    side.fill((0, 0, side.width, side.height), theme.panel)
    names = some_icons(rng, 12)
    if side.width < 6 * em:
        for turn, name in enumerate(names):
            y = (1 + 2.6 * turn) * em
            draw_icons(side, (1.1 * em, y, side.width, y + 1.8 * em), theme.faint, [name])
    else:
        side.text(
            em, 0.9 * em, words.label(rng), theme.accent, size=1.3, face="bold", room=side.width - 2 * em
        )
        draw_list(side, 3.6 * em, [words.label(rng) for _ in names], names, rng.randrange(5))
    side.rule(side.width - 1, 0, side.width - 1, side.height)


def _draw_head(view: Canvas, left: float) -> float:
    rng, em = view.rng, view.em
    title = words.title(rng)
    width = view.text(
        left + em, 1.6 * em, title, size=1.4, face="bold", anchor="lm", room=view.width - left - 8 * em
    )
    draw_avatar(view, view.width - 2 * em, 1.6 * em, em, words.nickname(rng))
    if view.width - left - width > 34 * em:
        box = (view.width - 17 * em, 0.7 * em, view.width - 4 * em, 2.5 * em)
        draw_field(view, box, f"{words.day(rng)} to today", "clock")
    return 3.2 * em


def _draw_key_figures(view: Canvas, left: float, top: float) -> float:
    rng, em, theme = view.rng, view.em, view.theme
    count = max(1, min(6, int((view.width - left) / (rng.uniform(10, 15) * em))))
    width, height = (view.width - left) / count, rng.uniform(5.7, 6.4) * em
    for turn in range(count):
        box = (
            left + turn * width + 0.4 * em,
            top + 0.4 * em,
            left + (turn + 1) * width - 0.4 * em,
            top + height,
        )
        with view.part(box) as card:
            card.panel((0, 0, card.width, card.height), theme.page, 0.4 * em, theme.line)
            room = card.width - 1.6 * em
            card.text(0.8 * em, 0.5 * em, words.phrase(rng), theme.faint, size=0.85, room=room)
            used = card.text(0.8 * em, 1.8 * em, words.amount(rng), size=1.5, face="bold", room=room)
            sign, ink = rng.choice((("▲", (46, 160, 80)), ("▼", (216, 70, 60))))
            card.text(0.8 * em, 3.9 * em, f"{sign} {rng.uniform(0.1, 30):.1f} %", ink, size=0.8)
            if card.width - used > 6.5 * em:
                spark = (card.width - 5 * em, 2 * em, card.width - 0.6 * em, card.height - 0.5 * em)
                _draw_spark(card, spark, theme.series[turn % 6])
    return top + height


def _draw_spark(card: Canvas, box: Box, colour: tuple[int, ...]) -> None:
    level, points, count = 0.5, [], 16
    for turn in range(count):
        level = min(max(level + card.rng.gauss(0, 0.18), 0.05), 0.95)
        x = box[0] + turn / (count - 1) * (box[2] - box[0])
        points.append((x, box[3] - level * (box[3] - box[1])))
    with card.smooth(box) as pen:
        pen.polygon([*points, (box[2], box[3]), (box[0], box[3])], (*colour, 50))
        pen.line(points, colour, max(1, card.em / 9))


def _draw_events(view: Canvas, box: Box) -> None:
    rng = view.rng
    with view.part(box) as card:
        em, y = card.em, 2.1 * card.em
        card.text(0, 0.2 * em, words.title(rng), face="bold", room=card.width)
        while y + 2.4 * em < card.height:
            with card.smooth((0, y, 2 * em, y + 2 * em)) as pen:
                pen.disc(0.6 * em, y + 0.65 * em, 0.35 * em, rng.choice(card.theme.series))
            card.text(1.6 * em, y, words.sentence(rng), size=0.9, room=card.width - 1.6 * em)
            card.text(
                1.6 * em,
                y + 1.2 * em,
                f"{words.nickname(rng)}, {words.clock(rng)}",
                card.theme.faint,
                size=0.8,
            )
            y += 2.9 * em


def _draw_ranking(view: Canvas, box: Box) -> None:
    rng = view.rng
    with view.part(box) as card:
        em, y, share = card.em, 2.1 * card.em, 1.0
        card.text(0, 0.2 * em, words.title(rng), face="bold", room=card.width)
        while y + 1.6 * em < card.height:
            start, room = 0.38 * card.width, 0.4 * card.width
            card.text(0, y + 0.7 * em, words.label(rng), size=0.9, anchor="lm", room=start - 0.4 * em)
            card.panel((start, y + 0.3 * em, start + room, y + 1.1 * em), card.theme.panel, 0.4 * em)
            card.panel((start, y + 0.3 * em, start + share * room, y + 1.1 * em), card.theme.accent, 0.4 * em)
            number = f"{9000 * share:,.0f}"
            card.text(
                card.width,
                y + 0.7 * em,
                number,
                card.theme.faint,
                size=0.85,
                anchor="rm",
                room=0.2 * card.width,
            )
            card.rule(0, y + 1.7 * em, card.width, y + 1.7 * em)
            share, y = share * rng.uniform(0.7, 0.98), y + 1.9 * em
