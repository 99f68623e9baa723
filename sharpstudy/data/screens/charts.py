"""Charts with axes, ticks, legends and labels, drawn into any box of a canvas."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas, Pen
from sharpstudy.data.screens.style import Box, Colour, ink_on, mix


@dataclass(frozen=True)
class Axes:
    """The plot area of a chart, how many series and places along the bottom, and its highest value."""

    box: Box
    series: int
    places: int
    top: float

    def x(self, place: float) -> float:
        """The middle of a place, counted from 0, in pixels."""
        return self.box[0] + (place + 0.5) / self.places * (self.box[2] - self.box[0])

    def y(self, value: float) -> float:
        """The height of a value in pixels from the top of the canvas."""
        return self.box[3] - value / self.top * (self.box[3] - self.box[1])


def _walk(canvas: Canvas, axes: Axes) -> list[float]:
    rng = canvas.rng
    trend, wave, value = rng.uniform(-0.3, 0.5), rng.uniform(0, 6), rng.uniform(0.3, 0.6)
    values = []
    for place in range(axes.places):
        value += rng.gauss(0, 0.35 / math.sqrt(axes.places))
        rise = trend * (place / axes.places - 0.5) + 0.1 * math.sin(wave + 9 * place / axes.places)
        folded = (value + rise) % 2.0
        values.append((0.05 + 0.9 * min(folded, 2 - folded)) * axes.top)
    return values


def _draw_line(canvas: Canvas, pen: Pen, axes: Axes) -> None:
    marks = canvas.rng.random() < 0.4 and axes.places <= 24
    for series in range(axes.series):
        colour = canvas.theme.series[series]
        points = [(axes.x(i), axes.y(v)) for i, v in enumerate(_walk(canvas, axes))]
        pen.line(points, colour, max(1.0, canvas.em / 9))
        for x, y in points if marks else ():
            pen.disc(x, y, canvas.em / 4.5, canvas.theme.page, colour)


def _draw_area(canvas: Canvas, pen: Pen, axes: Axes) -> None:
    for series in range(axes.series):
        colour = canvas.theme.series[series]
        points = [(axes.x(i), axes.y(v)) for i, v in enumerate(_walk(canvas, axes))]
        floor = [(points[-1][0], axes.box[3]), (points[0][0], axes.box[3])]
        pen.polygon(points + floor, (*colour, 60))
        pen.line(points, colour, max(1.0, canvas.em / 10))


def _draw_bars(canvas: Canvas, pen: Pen, axes: Axes) -> None:
    span = 0.75 * (axes.box[2] - axes.box[0]) / axes.places
    stacked, hatched = canvas.rng.random() < 0.35, canvas.rng.random() < 0.25
    base = [0.0] * axes.places
    for series in range(axes.series):
        colour = canvas.theme.series[series]
        share = 1 / axes.series if stacked else 1
        for place, value in enumerate(_walk(canvas, axes)):
            left, width = axes.x(place) - span / 2, span
            if not stacked:
                left, width = left + series * span / axes.series, max(1.0, span / axes.series - 1)
            box = (left, axes.y(base[place] + value * share), left + width, axes.y(base[place]))
            pen.box(box, colour)
            if hatched:
                _hatch(pen, box, mix(colour, canvas.theme.page, 0.6), canvas.em / 3)
            base[place] += value * share if stacked else 0


def _hatch(pen: Pen, box: Box, colour: Colour, step: float) -> None:
    left, top, right, bottom = box
    offset = step
    while offset < (right - left) + (bottom - top):
        start = (left + min(offset, right - left), top + max(0, offset - (right - left)))
        end = (left + max(0, offset - (bottom - top)), top + min(offset, bottom - top))
        pen.line([start, end], colour, 1)
        offset += step


def _draw_scatter(canvas: Canvas, pen: Pen, axes: Axes) -> None:
    rng = canvas.rng
    left, top, right, bottom = axes.box
    for series in range(axes.series):
        slope, level, spread = rng.uniform(-0.5, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.04, 0.12)
        for _ in range(rng.randint(30, 120)):
            across = min(max(rng.gauss(0.5, 0.2), 0.02), 0.98)
            up = min(max(level + slope * (across - 0.5) + rng.gauss(0, spread), 0.02), 0.98)
            x, y = left + across * (right - left), bottom - up * (bottom - top)
            pen.disc(x, y, canvas.em / 6 * rng.uniform(0.7, 1.4), (*canvas.theme.series[series], 200))


def _draw_candles(canvas: Canvas, pen: Pen, axes: Axes) -> None:
    rng, width = canvas.rng, 0.6 * (axes.box[2] - axes.box[0]) / axes.places
    values = _walk(canvas, axes)
    for place, (start, end) in enumerate(pairwise(values)):
        colour = canvas.theme.series[0 if end > start else 1]
        x, low, high = axes.x(place), min(start, end), max(start, end)
        reach = 0.05 * axes.top
        pen.line([(x, axes.y(low - rng.random() * reach)), (x, axes.y(high + rng.random() * reach))], colour)
        pen.box((x - width / 2, axes.y(high), x + width / 2, axes.y(low) + 1), colour)


def _draw_heat(canvas: Canvas, pen: Pen, axes: Axes) -> None:
    left, top, right, bottom = axes.box
    rows = max(2, min(12, round((bottom - top) / (1.3 * canvas.em))))
    width, height = (right - left) / axes.places, (bottom - top) / rows
    for row in range(rows):
        for place, value in enumerate(_walk(canvas, axes)):
            colour = mix(canvas.theme.raised, canvas.theme.accent, value / axes.top)
            x, y = left + place * width, top + row * height
            pen.box((x, y, x + width - 1, y + height - 1), colour)


_PLOTS: dict[str, tuple[Callable[[Canvas, Pen, Axes], None], int, int]] = {  # fewest and most places
    "line": (_draw_line, 8, 60),
    "area": (_draw_area, 10, 60),
    "bars": (_draw_bars, 4, 12),
    "scatter": (_draw_scatter, 5, 9),
    "candles": (_draw_candles, 20, 50),
    "heat": (_draw_heat, 8, 30),
}
CHARTS = (*_PLOTS, "pie")


def draw_chart(canvas: Canvas, box: Box, name: str | None = None) -> None:
    """Draws one of CHARTS, or a random one, with title, axes and legend as far as there is room."""
    name = name or canvas.rng.choice(CHARTS)
    with canvas.part(box) as view:
        em, top = view.em, 0.3 * view.em
        if view.height > 9 * em:
            centre = view.rng.random() < 0.5
            x, anchor = (view.width / 2, "ma") if centre else (0.4 * em, "la")
            view.text(
                x, top, words.phrase(view.rng), size=1.1, face="bold", anchor=anchor, room=view.width - em
            )
            top += 2 * em
        count = 6 if name == "pie" else 1 if name in ("candles", "heat") else view.rng.randint(1, 4)
        if count > 1 and view.height > 12 * em:
            top = _draw_legend(view, top, count)
        if name == "pie":
            _draw_pie(view, top)
        else:
            _draw_plot(view, name, top, count)


def _draw_plot(view: Canvas, name: str, top: float, count: int) -> None:
    rng, em = view.rng, view.em
    wide, tall = view.width > 14 * em, view.height > 9 * em
    highest = rng.choice((1, 2, 2.5, 4, 5, 8)) * 10 ** rng.randint(-1, 4)
    labels = [_tick(highest * step / 5) for step in range(6)]
    margin = max(view.measure(text, 0.8) for text in labels) + em if wide else 0.3 * em
    below = 2.0 * em if tall else 0.4 * em
    area = (margin, top + 0.4 * em, view.width - 0.6 * em, view.height - below)
    if area[2] - area[0] < 4 or area[3] - area[1] < 4:
        return
    draw, fewest, most = _PLOTS[name]
    axes = Axes(area, count, rng.randint(fewest, most), highest)
    shown = [step for step in range(6) if (area[3] - area[1]) > 8 * em or step % 5 == 0]
    for step in shown if name != "heat" else ():
        y = axes.y(highest * step / 5)
        view.rule(area[0], y, area[2], y)
        if wide:
            view.text(area[0] - 0.4 * em, y, labels[step], view.theme.faint, size=0.8, anchor="rm")
    with view.smooth() as pen:
        draw(view, pen, axes)
    view.rule(area[0], area[3], area[2], area[3], view.theme.faint)
    if tall:
        _draw_places(view, axes)


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:g}" if value == round(value, 2) else f"{value:.2f}"


def _draw_places(view: Canvas, axes: Axes) -> None:
    rng, em = view.rng, view.em
    room = (axes.box[2] - axes.box[0]) / axes.places
    start = rng.choice((0, 1, 2001, 1980))
    every = max(1, math.ceil(view.measure("0000 ", 0.8) / room))
    named = room > 5.5 * em and rng.random() < 0.6
    for place in range(0, axes.places, every):
        text = words.label(rng) if named else str(start + place)
        x = axes.x(place)
        if not view.measure(text, 0.8) / 2 < x < view.width - view.measure(text, 0.8) / 2:
            continue
        view.rule(x, axes.box[3], x, axes.box[3] + 0.3 * em, view.theme.faint)
        y = axes.box[3] + 0.5 * em
        view.text(x, y, text, view.theme.faint, size=0.8, anchor="ma", room=room * every)


def _draw_legend(view: Canvas, top: float, count: int) -> float:
    em, x = view.em, 0.8 * view.em
    for colour in view.theme.series[:count]:
        text = words.label(view.rng)
        if x + view.measure(text, 0.85) + 2 * em > view.width:
            break
        view.panel((x, top + 0.15 * em, x + 0.8 * em, top + 0.95 * em), colour, 0.15 * em)
        x += view.text(x + 1.1 * em, top, text, view.theme.faint, size=0.85) + 2.6 * em
    return top + 1.6 * em


def _draw_pie(view: Canvas, top: float) -> None:
    rng, theme = view.rng, view.theme
    radius = 0.45 * min(view.width, view.height - top) - 1
    x, y, start = view.width / 2, (top + view.height) / 2, rng.uniform(0, 360)
    shares = [rng.uniform(0.5, 2) for _ in theme.series]
    labels = []
    if radius < 3:
        return
    with view.smooth() as pen:
        for colour, share in zip(theme.series, shares, strict=True):
            end = start + 360 * share / sum(shares)
            pen.pie(x, y, radius, (start, end), colour)
            angle = math.radians((start + end) / 2)
            labels.append(
                (x + 0.72 * radius * math.cos(angle), y + 0.72 * radius * math.sin(angle), share, colour)
            )
            start = end
        if rng.random() < 0.5:
            pen.disc(x, y, 0.5 * radius, theme.page)
    for across, down, share, colour in labels if radius > 4 * view.em else ():
        text = f"{100 * share / sum(shares):.0f} %"
        view.text(across, down, text, ink_on(colour), size=0.8, face="bold", anchor="mm")
