"""A game seen from the side: far hills, ground of textured tiles, figures, coins, and its counters."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas, Pen
from sharpstudy.data.screens.overlays import BAD, draw_meter, draw_sparks, health_colour
from sharpstudy.data.screens.pictures import blend, landscape
from sharpstudy.data.screens.style import BLACK, WHITE, Colour, hsv, mix, noise


def draw_platform_game(canvas: Canvas) -> None:
    """A game seen from the side, smooth or in large pixels as on old consoles."""
    rng, em = canvas.rng, canvas.em
    coarse = rng.choice((1, 1, max(2, round(em / 5))))
    size = (max(canvas.width // coarse, 40), max(canvas.height // coarse, 30))
    scene = Canvas(Image.new("RGB", size), em / coarse, canvas.theme, rng)
    _draw_scene(scene)
    canvas.image.paste(scene.image.resize(canvas.image.size, Image.Resampling.NEAREST))
    _draw_counters(canvas)


def _draw_scene(scene: Canvas) -> None:
    rng, tile, hue = scene.rng, max(8, round(scene.rng.uniform(2.4, 3.6) * scene.em)), scene.rng.random()
    scene.paste(landscape(rng, scene.width, scene.height, hue))
    columns, rows = scene.width // tile + 2, scene.height // tile + 1
    ground, level = [], rng.uniform(0.6, 0.8) * rows
    for _ in range(columns):
        level = min(max(level + rng.choice((0, 0, 0, 0, 1, -1, 2, -2)), 0.45 * rows), rows - 1.5)
        ground.append(round(level) if rng.random() > 0.06 else rows + 1)
    _draw_ground(scene, tile, ground, rows, hue)
    ledges = _draw_ledges(scene, tile, ground, hue)
    with scene.smooth() as pen:
        for column, row in ledges:
            if rng.random() < 0.6:
                _draw_coin(pen, (column + 0.5) * tile, (row - 0.6) * tile, 0.3 * tile)
        _draw_figures(pen, scene, tile, ground, rows)


def _draw_figures(pen: Pen, scene: Canvas, tile: int, ground: list[int], rows: int) -> None:
    rng, firm = scene.rng, [column for column, top in enumerate(ground) if top < rows]
    for column in firm:
        x, y = (column + 0.5) * tile, ground[column] * tile
        _draw_plant(pen, scene, x, y, tile)
        if rng.random() < 0.12:
            _draw_foe(pen, scene, x, y, tile)
    if firm:
        place = min(firm, key=lambda column: abs(column - 0.4 * len(ground)))
        _draw_hero(pen, scene, (place + 0.5) * tile, ground[place] * tile, tile)
        draw_sparks(pen, rng, (place + 4) * tile, 0.4 * scene.height, 0.8 * tile, 24)


def _make_tile(scene: Canvas, tile: int, colour: Colour, bricks: bool) -> np.ndarray:
    grain = noise(scene.rng, tile, tile, max(tile / 4, 2), 4, 0.8)
    pixels = blend(mix(colour, BLACK, 0.35), mix(colour, WHITE, 0.25), grain)
    if bricks:
        height = max(tile // 4, 2)
        down, across = np.mgrid[0:tile, 0:tile]
        shift = (down // height % 2) * (tile // 4)
        joint = (down % height == 0) | ((across + shift) % max(tile // 2, 2) == 0)
        pixels[joint] = np.float32(mix(colour, BLACK, 0.6))
        pixels[np.roll(joint, 1, axis=0) & ~joint] *= 1.2
    return pixels


def _draw_ground(scene: Canvas, tile: int, ground: list[int], rows: int, hue: float) -> None:
    rng = scene.rng
    soil = hsv(rng.choice((0.07, 0.09, 0.6, 0.95)), rng.uniform(0.25, 0.55), rng.uniform(0.35, 0.6))
    grass = hsv(hue + rng.uniform(-0.05, 0.05) + 0.3, 0.6, 0.6)
    bricks = rng.random() < 0.5
    tiles = [_make_tile(scene, tile, soil, bricks) for _ in range(4)]
    for column, top in enumerate(ground):
        for row in range(top, rows + 1):
            scene.paste(
                tiles[(column * 7 + row * 3) % 4] * max(0.55, 1 - 0.08 * (row - top)),
                column * tile,
                row * tile,
            )
        if top <= rows:
            x, y = column * tile, top * tile
            scene.fill((x, y, x + tile, y + 0.22 * tile), grass)
            scene.fill((x, y, x + tile, y + max(1, 0.06 * tile)), mix(grass, WHITE, 0.4))
            blade = max(2, tile // 7)
            for turn in range(0, tile, blade):
                depth = rng.uniform(0.22, 0.45) * tile
                scene.fill(
                    (x + turn, y + 0.2 * tile, x + turn + blade - 1, y + depth), mix(grass, BLACK, 0.15)
                )


def _draw_ledges(scene: Canvas, tile: int, ground: list[int], hue: float) -> list[tuple[int, int]]:
    rng, cells, column = scene.rng, [], 2
    block = _make_tile(scene, tile, hsv(hue + 0.5, 0.5, 0.65), True)
    while column < len(ground) - 3:
        row = min(ground[column : column + 3]) - rng.randint(3, 5)
        for offset in range(rng.randint(1, 4)):
            if row > 2 and column + offset < len(ground):
                x, y = (column + offset) * tile, row * tile
                scene.paste(block, x, y)
                for edge in ((x, y, x + tile - 1, y), (x, y, x, y + tile - 1)):
                    scene.rule(*edge, mix(hsv(hue + 0.5, 0.5, 0.65), WHITE, 0.5))
                scene.rule(x, y + tile - 1, x + tile - 1, y + tile - 1, BLACK)
                cells.append((column + offset, row))
        column += rng.randint(4, 8)
    return cells


def _draw_plant(pen: Pen, scene: Canvas, x: float, y: float, tile: int) -> None:
    rng, kind = scene.rng, scene.rng.random()
    leaf = hsv(rng.uniform(0.25, 0.42), 0.65, rng.uniform(0.3, 0.6))
    if kind < 0.16:
        for turn in range(3):
            pen.disc(x + (turn - 1) * 0.4 * tile, y - 0.2 * tile, (0.42 if turn == 1 else 0.3) * tile, leaf)
    elif kind < 0.3:
        pen.box((x - 0.1 * tile, y - 1.5 * tile, x + 0.1 * tile, y), (104, 72, 48))
        for turn in range(5):
            angle = 2 * math.pi * turn / 5
            spot = (x + 0.4 * tile * math.cos(angle), y - 1.8 * tile + 0.35 * tile * math.sin(angle))
            pen.disc(*spot, 0.45 * tile, mix(leaf, WHITE if turn > 2 else BLACK, 0.12))
    elif kind < 0.55:
        for _ in range(5):
            foot = x + rng.uniform(-0.4, 0.4) * tile
            pen.line(
                [(foot, y), (foot + rng.uniform(-0.15, 0.15) * tile, y - rng.uniform(0.2, 0.5) * tile)],
                leaf,
                tile / 18,
            )


def _draw_coin(pen: Pen, x: float, y: float, radius: float) -> None:
    pen.disc(x, y, radius, (150, 100, 20))
    pen.disc(x, y, 0.86 * radius, (250, 206, 70))
    pen.disc(x, y, 0.55 * radius, (230, 170, 40))
    pen.arc(x, y, 0.7 * radius, (200, 290), WHITE, radius / 7)


def _draw_foe(pen: Pen, scene: Canvas, x: float, y: float, tile: int) -> None:
    body, half = hsv(scene.rng.random(), 0.65, 0.75), 0.42 * tile
    pen.disc(x, y - half, half, body, BLACK)
    pen.box((x - half, y - half, x + half, y), body)
    for side in (-1, 1):
        pen.disc(x + side * 0.4 * half, y - 1.1 * half, 0.28 * half, WHITE)
        pen.disc(x + side * 0.4 * half - 0.08 * half, y - 1.05 * half, 0.12 * half, BLACK)
        pen.polygon(
            [(x + side * half, y), (x + side * 0.6 * half, y - 0.3 * half), (x + side * 0.2 * half, y)], WHITE
        )


def _draw_hero(pen: Pen, scene: Canvas, x: float, y: float, tile: int) -> None:
    coat, skin = hsv(scene.rng.random(), 0.7, 0.85), (238, 200, 164)
    for side in (-1, 1):
        pen.box(
            (x + side * 0.2 * tile - 0.12 * tile, y - 0.5 * tile, x + side * 0.2 * tile + 0.12 * tile, y),
            (50, 60, 110),
        )
    pen.box((x - 0.36 * tile, y - 1.2 * tile, x + 0.36 * tile, y - 0.4 * tile), coat, 0.15 * tile, BLACK)
    pen.box((x - 0.36 * tile, y - 0.7 * tile, x + 0.36 * tile, y - 0.6 * tile), (60, 44, 30))
    pen.disc(x, y - 1.5 * tile, 0.36 * tile, skin, BLACK)
    pen.pie(x, y - 1.56 * tile, 0.4 * tile, (180, 360), mix(coat, BLACK, 0.2))
    pen.disc(x + 0.14 * tile, y - 1.45 * tile, 0.06 * tile, BLACK)


def _draw_counters(canvas: Canvas) -> None:
    rng, em = canvas.rng, canvas.em
    size = rng.uniform(1.0, 1.5)
    with canvas.smooth((0, 0, canvas.width, 5 * em)) as pen:
        _draw_health(pen, canvas, rng.uniform(0.1, 1))
        _draw_coin(pen, canvas.width - 7.2 * em, 1.6 * em, 0.75 * em)
    _count(canvas, canvas.width - 4.2 * em, f"× {rng.randint(0, 99)}", size)
    world = f"WORLD {rng.randint(1, 8)}-{rng.randint(1, 4)}"
    texts = (f"SCORE {rng.randint(0, 999999):06d}", f"TIME {rng.randint(10, 400)}", world)
    shown = 3 if canvas.width > 60 * em else 1 if canvas.width > 40 * em else 0
    for turn, text in enumerate(texts[:shown]):
        _count(canvas, (0.42 + 0.18 * turn) * canvas.width, text, 0.8 * size)
    if canvas.height > 20 * em and rng.random() < 0.5:
        text, x, y = words.title(rng).upper(), canvas.width / 2, 0.2 * canvas.height
        half = canvas.measure(text, 1.5, "bold") / 2 + em
        canvas.fill((x - half, y - 1.5 * em, x + half, y + 1.5 * em), (0, 0, 0, 150))
        canvas.text(x, y, text, (255, 226, 110), size=1.5, face="bold", anchor="mm", halo=BLACK)


def _draw_health(pen: Pen, canvas: Canvas, share: float) -> None:
    rng, em, width = canvas.rng, canvas.em, canvas.width
    if rng.random() < 0.5:
        draw_meter(pen, (em, em, min(14 * em, 0.4 * width), 2.1 * em), share, health_colour(share))
        draw_meter(pen, (em, 2.4 * em, min(10 * em, 0.3 * width), 3.2 * em), rng.random(), (80, 140, 240))
        return
    for turn in range(5 if width > 24 * em else 3):
        colour = BAD if turn / 5 < share else (70, 70, 78)
        _draw_heart(pen, (1.6 + 1.9 * turn) * em, 1.6 * em, 0.8 * em, colour)


def _count(canvas: Canvas, x: float, text: str, size: float) -> None:
    canvas.text(x, 1.6 * canvas.em, text, WHITE, size=size, face="bold", anchor="mm", halo=BLACK)


def _draw_heart(pen: Pen, x: float, y: float, size: float, colour: Colour) -> None:
    for shade, grow in ((BLACK, 1.2), (colour, 1.0)):
        for side in (-1, 1):
            pen.disc(x + side * 0.42 * size, y - 0.25 * size, 0.5 * size * grow, shade)
        pen.polygon(
            [(x - 0.88 * size * grow, y), (x + 0.88 * size * grow, y), (x, y + 0.95 * size * grow)], shade
        )
    pen.disc(x - 0.45 * size, y - 0.35 * size, 0.16 * size, WHITE)
