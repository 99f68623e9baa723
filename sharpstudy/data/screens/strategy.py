"""A strategy game seen from above: textured land, woods, buildings, units with health, and its panels."""

from __future__ import annotations

import math

import numpy as np

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas, Pen
from sharpstudy.data.screens.icons import draw_icon, some_icons
from sharpstudy.data.screens.overlays import (
    GOOD,
    draw_chatter,
    draw_frame,
    draw_meter,
    draw_slots,
    draw_small_map,
    draw_sparks,
    health_colour,
)
from sharpstudy.data.screens.pictures import palette, shade
from sharpstudy.data.screens.style import BLACK, WHITE, Colour, Point, hsv, mix, noise

# Deep water, shallows, shore, plain, wood, rock, top, at the heights of _LEVELS.
_CLIMATES = (
    ("1c3e78", "3478aa", "d6c68c", "689642", "3c6c30", "787064", "e2e2e2"),
    ("1e5a78", "4696a0", "e8d296", "d4b070", "b0844c", "8c6446", "ecdcbe"),
    ("14325a", "5082aa", "bec8d2", "e4eaf0", "aababa", "6e747c", "ffffff"),
    ("fa9628", "d64618", "46221e", "3e3230", "2c2628", "544642", "967864"),
)
_LEVELS = (0.0, 0.26, 0.34, 0.4, 0.62, 0.78, 1.0)


def draw_strategy_game(canvas: Canvas) -> None:
    """A strategy game with land from value noise."""
    rng, em = canvas.rng, canvas.em
    height, scene = _draw_land(canvas)
    spots = _find_land(canvas, height, round(canvas.width * canvas.height / (70 * em * em)))
    _draw_tiles(canvas, rng.choice(("none", "square", "hexagon")))
    with canvas.smooth() as pen:
        for turn, (x, y) in enumerate(sorted(spots, key=lambda spot: spot[1])):
            draw = (_draw_house, _draw_unit, _draw_unit, _draw_wood, _draw_wood, _draw_wood)[turn % 6]
            draw(pen, canvas, x, y)
        if spots:
            draw_sparks(pen, rng, *rng.choice(spots), 1.6 * em, 26)
    for x, y in spots[:12]:
        if 5 * em < x < canvas.width - 5 * em and 6 * em < y < canvas.height - 13 * em:
            name = words.label(rng)
            canvas.text(x, y - 3 * em, name, WHITE, size=0.85, face="bold", anchor="mm", halo=BLACK)
    _draw_panels(canvas, scene)


def _draw_tiles(canvas: Canvas, shape: str) -> None:
    step, ink = round(3 * canvas.em), (0, 0, 0, 50)
    for x in range(0, canvas.width, step) if shape == "square" else ():
        canvas.rule(x, 0, x, canvas.height, ink)
    for y in range(0, canvas.height, step) if shape == "square" else ():
        canvas.rule(0, y, canvas.width, y, ink)
    if shape == "hexagon":
        with canvas.smooth() as pen:
            _draw_hexagons(pen, canvas)


def _draw_land(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    rng, em, (width, tall) = canvas.rng, canvas.em, canvas.image.size
    height = noise(rng, width, tall, rng.uniform(14, 30) * em, 7, 0.52)
    height = (height - height.min()) / max(float(np.ptp(height)), 1e-6)
    colours = [tuple(bytes.fromhex(code)) for code in rng.choice(_CLIMATES)]
    scene = palette(height, tuple(zip(_LEVELS, colours, strict=True)))
    grain = noise(rng, width, tall, 1.5 * em, 5, 0.8)[..., None]
    land = (height > 0.33)[..., None]
    scene *= np.where(land, 0.5 + grain, 0.85 + 0.3 * grain)
    scene = np.where(land, scene * shade(height * 16 * em, 0.12)[..., None], scene)
    canvas.paste(scene)
    return height, scene


def _find_land(canvas: Canvas, height: np.ndarray, count: int) -> list[Point]:
    spots: list[Point] = []
    for _ in range(4 * count):
        x, y = canvas.rng.randrange(canvas.width), canvas.rng.randrange(canvas.height)
        apart = all(abs(x - a) + abs(y - b) > 4 * canvas.em for a, b in spots)
        if height[y, x] > 0.37 and apart and len(spots) < count:
            spots.append((float(x), float(y)))
    return spots


def _draw_hexagons(pen: Pen, canvas: Canvas) -> None:
    radius = 2.4 * canvas.em
    step = radius * math.sqrt(3)
    for row in range(int(canvas.height / (1.5 * radius)) + 2):
        for column in range(int(canvas.width / step) + 2):
            x, y = (column + 0.5 * (row % 2)) * step, row * 1.5 * radius
            angles = [math.pi / 180 * (60 * turn + 30) for turn in range(4)]
            pen.line([(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles], (0, 0, 0, 70), 1)


def _draw_wood(pen: Pen, canvas: Canvas, x: float, y: float) -> None:
    rng, em = canvas.rng, canvas.em
    hue, fir = rng.uniform(0.24, 0.4), rng.random() < 0.5
    for _ in range(rng.randint(3, 8)):
        a, b, size = x + rng.gauss(0, em), y + rng.gauss(0, 0.7 * em), rng.uniform(0.45, 0.8) * em
        pen.disc(a + 0.3 * size, b + 0.35 * size, size, (0, 0, 0, 70))
        leaf = hsv(hue, 0.6, rng.uniform(0.28, 0.5))
        if fir:
            for turn in range(3):
                top, half = b - (1.6 - 0.6 * turn) * size, (0.5 + 0.2 * turn) * size
                outline = [(a, top), (a + half, top + 0.9 * size), (a - half, top + 0.9 * size)]
                pen.polygon(outline, mix(leaf, WHITE, 0.08 * turn))
        else:
            pen.disc(a, b, size, leaf)
            pen.disc(a - 0.25 * size, b - 0.3 * size, 0.5 * size, mix(leaf, WHITE, 0.2))


def _draw_house(pen: Pen, canvas: Canvas, x: float, y: float) -> None:
    rng, em = canvas.rng, canvas.em
    half, tall = rng.uniform(1.2, 1.9) * em, rng.uniform(0.9, 1.6) * em
    wall, roof = hsv(0.09, rng.uniform(0.1, 0.4), 0.78), hsv(rng.choice((0.01, 0.6, 0.08)), 0.6, 0.55)
    far = x + 1.4 * half
    pen.polygon([(x - half, y + 3), (far, y - 0.3 * tall), (far, y + 0.4 * tall)], (0, 0, 0, 80))
    pen.box((x - half, y - tall, x + half, y), wall, 0, mix(wall, BLACK, 0.5))
    for turn in range(3):
        left = x - 0.75 * half + turn * 0.6 * half
        pane = (left, y - 0.7 * tall, left + 0.3 * half, y - 0.25 * tall)
        pen.box(pane, (70, 90, 120), 0, mix(wall, BLACK, 0.6))
    eaves, ridge = y - tall, y - tall - 0.9 * em
    corners = ((-1.2, eaves), (-0.6, ridge), (0.6, ridge), (1.2, eaves))
    pen.polygon([(x + across * half, level) for across, level in corners], roof)
    for turn in range(1, 4):
        level = eaves - turn * 0.22 * em
        pen.line([(x - half, level), (x + half, level)], mix(roof, BLACK, 0.3), 0.8)


def _draw_unit(pen: Pen, canvas: Canvas, x: float, y: float) -> None:
    rng, em = canvas.rng, canvas.em
    team, share = rng.choice(((60, 120, 220), (210, 60, 50), (230, 190, 50))), rng.uniform(0.15, 1)
    if rng.random() < 0.5:
        pen.disc(x, y, 0.95 * em, (*GOOD, 60), GOOD)
    pen.disc(x + 0.2 * em, y + 0.35 * em, 0.6 * em, (0, 0, 0, 90))
    pen.disc(x, y, 0.6 * em, mix(team, BLACK, 0.25), BLACK)
    pen.disc(x, y - 0.5 * em, 0.36 * em, (232, 196, 160), BLACK)
    angle = rng.uniform(0, 2 * math.pi)
    tip = (x + 1.1 * em * math.cos(angle), y + 0.9 * em * math.sin(angle))
    pen.line([(x, y), tip], (230, 230, 235), em / 7)
    draw_meter(pen, (x - 0.9 * em, y - 1.45 * em, x + 0.9 * em, y - 1.1 * em), share, health_colour(share))


def _draw_panels(canvas: Canvas, scene: np.ndarray) -> None:
    rng, em = canvas.rng, canvas.em
    colour = hsv(rng.random(), rng.uniform(0.1, 0.45), rng.uniform(0.22, 0.42))
    _draw_resources(canvas, colour)
    side = min(11 * em, 0.36 * canvas.height, 0.3 * canvas.width)
    if side < 4 * em:
        return
    left = 0.0 if rng.random() < 0.5 else canvas.width - side
    top = canvas.height - side
    draw_frame(canvas, (left, top, left + side, canvas.height), colour)
    draw_small_map(canvas, (left + 5, top + 5, left + side - 5, canvas.height - 5), scene, 24)
    start = side if left == 0 else 0.0
    if canvas.width > 45 * em:
        _draw_commands(canvas, colour, start, side)
        draw_chatter(canvas, start + em, top - 1.2 * em, 3)


def _draw_resources(canvas: Canvas, colour: Colour) -> None:
    rng, em, bar = canvas.rng, canvas.em, 2 * canvas.em
    draw_frame(canvas, (0, 0, canvas.width, bar), colour)
    slots = max(1, min(6, int(canvas.width / (8 * em))))
    with canvas.smooth((0, 0, canvas.width, bar)) as pen:
        for turn, name in enumerate(some_icons(rng, slots)):
            draw_icon(pen, name, (0.8 + 7 * turn) * em, 0.45 * em, 1.1 * em, hsv(0.13 * turn, 0.5, 0.95))
    for turn in range(slots):
        stock = f"{rng.randint(10, 9999):,}"
        canvas.text((2.3 + 7 * turn) * em, em, stock, WHITE, anchor="lm", size=0.9, face="bold")
    if canvas.width > 56 * em:
        text = f"Turn {rng.randint(2, 300)}"
        canvas.text(canvas.width - em, em, text, WHITE, anchor="rm", size=0.9, face="bold")


def _draw_commands(canvas: Canvas, colour: Colour, left: float, side: float) -> None:
    rng, em = canvas.rng, canvas.em
    right, top = left + canvas.width - side, canvas.height - 0.75 * side
    draw_frame(canvas, (left, top, right, canvas.height), colour)
    with canvas.part((left + 0.6 * em, top + 0.6 * em, left + 14 * em, canvas.height - 0.5 * em)) as card:
        card.text(0, 0, words.title(rng), WHITE, face="bold", room=card.width)
        with card.smooth() as pen:
            for turn in range(3):
                share = rng.uniform(0.2, 1)
                y = (1.9 + 1.25 * turn) * em
                colours = (health_colour(share), (80, 130, 230), (190, 110, 220))
                draw_meter(pen, (0, y, card.width, y + 0.85 * em), share, colours[turn])
        for turn in range(3):
            text = f"{rng.randint(1, 99)} / {rng.randint(100, 200)}"
            card.text(
                card.width / 2, (2.35 + 1.25 * turn) * em, text, WHITE, size=0.7, anchor="mm", face="bold"
            )
        card.block(0, 5.9 * em, words.sentence(rng), card.width, (220, 224, 230), size=0.75, lines=1)
    draw_slots(
        canvas, (left + 15 * em, top + 0.7 * em, right - 0.6 * em, canvas.height - 0.4 * em), 2.4 * em, colour
    )
