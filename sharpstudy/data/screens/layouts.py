"""What stands on a slide below its title: points, charts, pictures, cards, tables, figures, steps."""

from __future__ import annotations

from collections.abc import Callable

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.charts import draw_chart
from sharpstudy.data.screens.icons import draw_icon, some_icons
from sharpstudy.data.screens.pictures import draw_picture
from sharpstudy.data.screens.style import ink_on, wrap


def _add_points(body: Canvas, face: str) -> None:
    em, y, sign = body.em, 0.0, body.rng.choice(("•", "–", "→", "▪"))
    short, room = body.width < 18 * em or body.rng.random() < 0.3, body.width - 2 * em
    for _ in range(body.rng.randint(3, 6)):
        text = words.phrase(body.rng) if short else words.sentence(body.rng)
        if y + 1.3 * em * len(wrap(text, body.font(1, face), room)) > body.height:
            break
        body.text(0.3 * em, y, sign, body.theme.accent)
        y = body.block(1.8 * em, y, text, room, face=face, leading=1.3) + 0.6 * em


def _add_points_beside(body: Canvas, face: str) -> None:
    middle = body.width * body.rng.uniform(0.45, 0.55)
    halves = [(0, 0, middle - body.em, body.height), (middle, 0, body.width, body.height)]
    if body.rng.random() < 0.3:
        halves.reverse()
    with body.part(halves[0]) as half:
        _add_points(half, face)
    body.rng.choice((draw_picture, draw_chart))(body, halves[1])


def _add_chart(body: Canvas, face: str) -> None:
    draw_chart(body, (0, 0, body.width, body.height))


def _add_cards(body: Canvas, face: str) -> None:
    rng, em, theme = body.rng, body.em, body.theme
    count, gap = rng.choice((2, 3, 3, 4)), em
    width = (body.width - gap * (count - 1)) / count
    bottom = body.height - rng.choice((0, 0.25)) * body.height
    for turn, name in enumerate(some_icons(rng, count)):
        left, colour = turn * (width + gap), theme.series[turn]
        with body.part((left, 0, left + width, bottom)) as card:
            card.panel((0, 0, card.width, card.height), theme.raised, 0.5 * em, theme.line)
            with card.smooth((0, 0, card.width, 4 * em)) as pen:
                pen.disc(width / 2, 2 * em, 1.4 * em, colour)
                draw_icon(pen, name, width / 2 - 0.8 * em, 1.2 * em, 1.6 * em, ink_on(colour))
            card.text(width / 2, 4.1 * em, words.label(rng), face="bold", anchor="ma", room=width - em)
            lines = max(0, int((card.height - 6 * em) / (1.15 * em)))
            text = words.paragraph(rng, 2)
            card.block(
                0.8 * em, 5.8 * em, text, width - 1.6 * em, theme.faint, size=0.8, face=face, lines=lines
            )


def _add_table(body: Canvas, face: str) -> None:
    rng, em, theme = body.rng, body.em, body.theme
    columns, rows = rng.randint(3, 5), max(2, min(9, int(body.height / (1.8 * em))))
    width, step = body.width / columns, 1.8 * em
    for row in range(rows):
        y = row * step
        fill = theme.accent if row == 0 else theme.panel if row % 2 else theme.page
        body.fill((0, y, body.width, y + step), fill)
        for column in range(columns):
            text = words.label(rng) if 0 in (row, column) else words.amount(rng)
            body.text(
                (column + 0.08) * width,
                y + step / 2,
                text,
                ink_on(fill),
                anchor="lm",
                face=face,
                size=0.9,
                room=0.85 * width,
            )


def _add_figures(body: Canvas, face: str) -> None:
    rng, em, theme = body.rng, body.em, body.theme
    count = rng.choice((2, 3))
    for turn in range(count):
        x, room = (turn + 0.5) * body.width / count, body.width / count - em
        y = 0.25 * body.height
        body.text(x, y, words.amount(rng), theme.series[turn], size=2.2, face="bold", anchor="mm", room=room)
        body.text(x, y + 2.2 * em, words.phrase(rng), theme.faint, anchor="mm", face=face, room=room)
    body.rule(0, 0.6 * body.height, body.width, 0.6 * body.height)
    lines = int(0.35 * body.height / (1.4 * em))
    body.block(0, 0.65 * body.height, words.paragraph(rng, 3), body.width, face=face, lines=lines)


def _add_steps(body: Canvas, face: str) -> None:
    rng, em, theme = body.rng, body.em, body.theme
    count, tip, tall, top = rng.randint(3, 5), 1.2 * em, 3.4 * em, 0.15 * body.height
    width, middle, bottom = body.width / count, top + tall / 2, top + tall
    with body.smooth((0, top, body.width, bottom)) as pen:
        for turn in range(count):
            left, right = turn * width, (turn + 1) * width - tip - 0.2 * em
            upper = [(left, top), (right, top), (right + tip, middle)]
            pen.polygon([*upper, (right, bottom), (left, bottom), (left + tip, middle)], theme.series[turn])
    lines = max(0, int((body.height - bottom - 2 * em) / (1.2 * em)))
    for turn in range(count):
        x, ink, room = turn * width, ink_on(theme.series[turn]), width - 2.4 * tip
        name = words.label(rng)
        body.text(x + width / 2, middle, name, ink, face="bold", anchor="mm", size=0.85, room=room)
        body.block(x, bottom + em, words.paragraph(rng, 2), width - em, size=0.8, face=face, lines=lines)


LAYOUTS: tuple[Callable[[Canvas, str], None], ...] = (
    _add_points,
    _add_points_beside,
    _add_points_beside,
    _add_chart,
    _add_cards,
    _add_table,
    _add_figures,
    _add_steps,
)
