"""Drawings such as people share: flow charts, class boxes, boards with notes, technical drawings."""

from __future__ import annotations

import math
from collections.abc import Callable

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas, Pen
from sharpstudy.data.screens.icons import draw_icon, some_icons
from sharpstudy.data.screens.style import Box, Colour, Point, hsv, ink_on, mix
from sharpstudy.data.screens.windows import draw_toolbar, open_window


def draw_diagram(canvas: Canvas) -> None:
    """A drawing program with one of four kinds of drawing."""
    rng, em = canvas.rng, canvas.em
    with canvas.part(open_window(canvas, f"{words.title(rng)} - drawing")) as view:
        top, left = 0.0, 0.0
        if view.height > 20 * em:
            top = draw_toolbar(view, 0, 2.4 * em)
            left = _draw_tools(view, top)
        with view.part((left, top, view.width, view.height)) as sheet:
            _draw_dots(sheet)
            rng.choice(_DRAWINGS)(sheet)


def _draw_tools(view: Canvas, top: float) -> float:
    em, right = view.em, 3.0 * view.em
    view.fill((0, top, right, view.height), view.theme.panel)
    with view.smooth((0, top, right, view.height)) as pen:
        for turn, name in enumerate(some_icons(view.rng, 9)):
            draw_icon(pen, name, 0.9 * em, top + (0.9 + 2.4 * turn) * em, 1.2 * em, view.theme.faint)
    view.rule(right, top, right, view.height)
    return right + 1


def _draw_dots(sheet: Canvas) -> None:
    step, lines = round(1.6 * sheet.em), sheet.rng.random() < 0.5
    colour = mix(sheet.theme.page, sheet.theme.line, 0.55)
    for x in range(step, sheet.width, step):
        if lines:
            sheet.rule(x, 0, x, sheet.height, mix(sheet.theme.page, sheet.theme.line, 0.3))
        for y in range(step, sheet.height, step) if not lines else ():
            sheet.fill((x, y, x + 2, y + 2), colour)
    for y in range(step, sheet.height, step) if lines else ():
        sheet.rule(0, y, sheet.width, y, mix(sheet.theme.page, sheet.theme.line, 0.3))


def _cells(sheet: Canvas, width: float, height: float) -> list[list[Box]]:
    """Rows of boxes of at most the given size in em, evenly placed with room for arrows between them."""
    em = sheet.em
    columns = max(1, int((sheet.width - em) / ((width + 4) * em)))
    rows = max(1, int((sheet.height - em) / ((height + 2.6) * em)))
    across, down = sheet.width / columns, sheet.height / rows
    wide, tall = min(width * em, across - 2 * em), min(height * em, down - 2 * em)
    grid = []
    for row in range(rows):
        centres = [((column + 0.5) * across, (row + 0.5) * down) for column in range(columns)]
        grid.append([(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2) for x, y in centres])
    return grid


def draw_arrow(pen: Pen, points: list[Point], colour: Colour, size: float) -> None:
    """A line with an arrow head at its last point; size is the length of the head in pixels."""
    (x0, y0), (x1, y1) = points[-2:]
    angle = math.atan2(y1 - y0, x1 - x0)
    head = [
        (x1 - size * math.cos(angle + turn), y1 - size * math.sin(angle + turn)) for turn in (-0.42, 0.42)
    ]
    pen.line(
        [*points[:-1], (x1 - 0.7 * size * math.cos(angle), y1 - 0.7 * size * math.sin(angle))],
        colour,
        size / 7,
    )
    pen.polygon([(x1, y1), *head], colour)


def _draw_flow(sheet: Canvas) -> None:
    rng, em, theme = sheet.rng, sheet.em, sheet.theme
    roomy = sheet.width > 30 * em
    grid = _cells(sheet, rng.uniform(8, 11) if roomy else 4.5, rng.uniform(3, 4.2) if roomy else 2)
    shown = [[not roomy or rng.random() < 0.82 for _ in row] for row in grid]
    with sheet.smooth() as pen:
        for row, boxes in enumerate(grid):
            for turn, box in enumerate(boxes):
                if not shown[row][turn]:
                    continue
                if turn + 1 < len(boxes) and shown[row][turn + 1] and rng.random() < 0.7:
                    y = (box[1] + box[3]) / 2
                    draw_arrow(pen, [(box[2], y), (boxes[turn + 1][0], y)], theme.faint, 0.8 * em)
                if row + 1 < len(grid) and shown[row + 1][turn] and rng.random() < 0.6:
                    x = (box[0] + box[2]) / 2
                    draw_arrow(pen, [(x, box[3]), (x, grid[row + 1][turn][1])], theme.faint, 0.8 * em)
        nodes = [box for row, boxes in enumerate(grid) for turn, box in enumerate(boxes) if shown[row][turn]]
        fills = [mix(theme.page, rng.choice(theme.series), rng.choice((0.25, 0.4, 1))) for _ in nodes]
        for box, fill in zip(nodes, fills, strict=True):
            _draw_node(pen, box, fill, mix(fill, theme.ink, 0.5), rng.choice((0.0, 0.3 * em, 2 * em, -1)))
    for box, fill in zip(nodes, fills, strict=True):
        x, y, room = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 0.6 * (box[2] - box[0])
        sheet.text(x, y, words.phrase(rng).split()[0], ink_on(fill), anchor="mm", room=room, size=0.95)


def _draw_node(pen: Pen, box: Box, fill: Colour, edge: Colour, radius: float) -> None:
    left, top, right, bottom = box
    if radius >= 0:
        pen.box(box, fill, radius, edge)
        return
    x, y = (left + right) / 2, (top + bottom) / 2
    corners = [(left, y), (x, top), (right, y), (x, bottom)]
    pen.polygon(corners, fill)
    pen.line([*corners, corners[0]], edge)


def _draw_classes(sheet: Canvas) -> None:
    rng, em, theme = sheet.rng, sheet.em, sheet.theme
    grid = _cells(sheet, rng.uniform(11, 14), rng.uniform(8, 10))
    with sheet.smooth() as pen:
        for row, boxes in enumerate(grid):
            for turn, box in enumerate(boxes[:-1]):
                y, other = (box[1] + box[3]) / 2, boxes[turn + 1]
                middle, end = (box[2] + other[0]) / 2, other[1] + 0.3 * (other[3] - other[1])
                draw_arrow(
                    pen, [(box[2], y), (middle, y), (middle, end), (other[0], end)], theme.faint, 0.8 * em
                )
            for turn, box in enumerate(boxes if row + 1 < len(grid) else ()):
                if rng.random() < 0.5:
                    x = (box[0] + box[2]) / 2
                    draw_arrow(pen, [(x, box[3]), (x, grid[row + 1][turn][1])], theme.ink, 0.9 * em)
    for box in (box for boxes in grid for box in boxes):
        _draw_class(sheet, box, rng.choice(theme.series))


def _draw_class(sheet: Canvas, box: Box, colour: Colour) -> None:
    rng = sheet.rng
    with sheet.part(box) as card:
        em, room, y = card.em, card.width - card.em, 2.3 * card.em
        fill = mix(card.theme.page, colour, 0.35)
        card.fill((0, 0, card.width, card.height), card.theme.page)
        card.fill((0, 0, card.width, 2 * em), fill)
        name = words.label(rng) + words.label(rng)
        card.text(card.width / 2, em, name, ink_on(fill), face="bold", anchor="mm", room=room)
        while y + 1.3 * em < card.height:
            text = rng.choice((f"+ {words.verb(rng)}({words.noun(rng)})", f"- {words.noun(rng)}: int"))
            card.text(0.5 * em, y, text, face="mono", size=0.85, room=room)
            y += 1.35 * em
        card.panel((0, 0, card.width, card.height), None, 0, mix(fill, card.theme.ink, 0.5))
        card.rule(0, 2 * em, card.width, 2 * em, mix(fill, card.theme.ink, 0.5))


def _draw_notes(sheet: Canvas) -> None:
    rng, em = sheet.rng, sheet.em
    grid = [box for boxes in _cells(sheet, rng.uniform(7, 10), rng.uniform(6, 8)) for box in boxes]
    shown = [box for box in grid if rng.random() < 0.8] or grid
    for box in shown:
        shift = (rng.uniform(-0.8, 0.8) * em, rng.uniform(-0.6, 0.6) * em)
        note = (box[0] + shift[0], box[1] + shift[1], box[2] + shift[0], box[3] + shift[1])
        fill = hsv(rng.choice((0.14, 0.33, 0.55, 0.92, 0.08)), 0.42, 0.97)
        sheet.shadow(note, 0.4 * em, 110)
        sheet.gradient(note, fill, mix(fill, (255, 255, 255), 0.25))
        with sheet.part(note) as card:
            lines = max(0, int((card.height - em) / (1.4 * em)))
            card.block(
                0.7 * em, 0.6 * em, words.phrase(rng), card.width - 1.2 * em, (40, 40, 46), lines=lines
            )
    with sheet.smooth() as pen:
        for box in rng.sample(shown, min(len(shown), rng.randint(1, 3))):
            _draw_scribble(pen, sheet, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _draw_scribble(pen: Pen, sheet: Canvas, x: float, y: float) -> None:
    rng, em, colour = sheet.rng, sheet.em, sheet.rng.choice(sheet.theme.series)
    radius, points = rng.uniform(4.5, 6) * em, []
    for turn in range(40):
        angle, wobble = turn / 36 * 2 * math.pi, 1 + 0.06 * math.sin(3 * turn / 5)
        points.append((x + 1.5 * radius * wobble * math.cos(angle), y + radius * wobble * math.sin(angle)))
    pen.line(points, colour, em / 6)
    draw_arrow(pen, [(x + 1.6 * radius, y), (x + 1.6 * radius + 5 * em, y - 2 * em)], colour, em)


def _draw_plan(sheet: Canvas) -> None:
    rng, em = sheet.rng, sheet.em
    ink = mix(sheet.theme.ink, sheet.theme.accent, 0.3)
    for box in (box for boxes in _cells(sheet, rng.uniform(13, 18), rng.uniform(10, 14)) for box in boxes):
        with sheet.smooth((box[0] - 4 * em, box[1] - 4 * em, box[2] + 4 * em, box[3] + 4 * em)) as pen:
            _draw_machine_part(pen, sheet, box, ink)
        text = f"{rng.uniform(5, 400):.1f}"
        sheet.text((box[0] + box[2]) / 2, box[3] + 0.9 * em, text, size=0.85, anchor="mm")


def _draw_machine_part(pen: Pen, sheet: Canvas, box: Box, ink: Colour) -> None:
    rng, em = sheet.rng, sheet.em
    left, top, right, bottom = box
    x, y, radius = (left + right) / 2, (top + bottom) / 2, 0.36 * min(right - left, bottom - top)
    pale = mix(sheet.theme.page, ink, 0.6)
    pen.box(box, mix(sheet.theme.page, sheet.theme.accent, 0.1), rng.choice((0, em)), ink)
    teeth, points = rng.randint(10, 26), []
    for turn in range(4 * teeth + 1):
        reach, angle = radius * (1 if turn % 4 < 2 else 0.86), (turn + turn % 2) * math.pi / (2 * teeth)
        points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    pen.line(points, ink, 1)
    _draw_hatched_ring(pen, (x, y), radius, max(3.0, 0.35 * em), pale)
    pen.disc(x, y, 0.7 * radius, None, ink)
    pen.disc(x, y, 0.3 * radius, sheet.theme.page, ink)
    for corner in (
        (left + em, top + em),
        (right - em, top + em),
        (left + em, bottom - em),
        (right - em, bottom - em),
    ):
        pen.disc(*corner, 0.4 * em, None, ink)
    pen.line([(left - em, y), (right + em, y)], pale, 0.7)
    pen.line([(x, top - em), (x, bottom + 0.2 * em)], pale, 0.7)


def _draw_hatched_ring(pen: Pen, middle: Point, radius: float, step: float, colour: Colour) -> None:
    offset = -0.66 * radius
    while offset < 0.66 * radius:
        outer = math.sqrt(max(0.0, (0.7 * radius) ** 2 - offset**2))
        inner = math.sqrt(max(0.0, (0.3 * radius) ** 2 - offset**2))
        for near, far in ((-outer, -inner), (inner, outer)):
            x = middle[0] + offset
            pen.line([(x, middle[1] + near), (x, middle[1] + far)], colour, 0.7)
        offset += step


_DRAWINGS: tuple[Callable[[Canvas], None], ...] = (_draw_flow, _draw_classes, _draw_notes, _draw_plan)
