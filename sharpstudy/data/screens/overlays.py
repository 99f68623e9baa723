"""What games draw over their scene: meters, framed panels, outlined text, small maps, sparks."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas, Pen
from sharpstudy.data.screens.icons import draw_icon, some_icons
from sharpstudy.data.screens.style import BLACK, WHITE, Box, Colour, hsv, mix

GOOD, FAIR, BAD = (92, 200, 92), (236, 190, 66), (222, 74, 62)


def draw_meter(pen: Pen, box: Box, share: float, colour: Colour) -> None:
    """A bar that is filled to a share, in a dark frame with a light upper edge."""
    left, top, right, bottom = box
    pen.box(box, (16, 18, 22), (bottom - top) / 4)
    inner = (left + 1, top + 1, left + 1 + share * (right - left - 2), bottom - 1)
    pen.box(inner, colour, (bottom - top) / 4)
    pen.box((inner[0], inner[1], inner[2], inner[1] + (bottom - top) / 3), mix(colour, WHITE, 0.35))


def health_colour(share: float) -> Colour:
    """Green, yellow or red for a share of health left."""
    return GOOD if share > 0.6 else FAIR if share > 0.3 else BAD


def draw_frame(canvas: Canvas, box: Box, colour: Colour) -> None:
    """A panel of a game: a gradient with a bright inner and a dark outer edge."""
    canvas.gradient(box, mix(colour, WHITE, 0.14), mix(colour, BLACK, 0.35))
    left, top, right, bottom = (round(edge) for edge in box)
    for inset, edge in (
        (0, mix(colour, BLACK, 0.7)),
        (1, mix(colour, WHITE, 0.45)),
        (2, mix(colour, BLACK, 0.4)),
    ):
        canvas.rule(left + inset, top + inset, right - 1 - inset, top + inset, edge)
        canvas.rule(left + inset, bottom - 1 - inset, right - 1 - inset, bottom - 1 - inset, edge)
        canvas.rule(left + inset, top + inset, left + inset, bottom - 1 - inset, edge)
        canvas.rule(right - 1 - inset, top + inset, right - 1 - inset, bottom - 1 - inset, edge)


def draw_small_map(canvas: Canvas, box: Box, scene: np.ndarray, marks: int) -> None:
    """The scene (H, W, 3) shrunk into a box, with dots for what moves and a frame for what is seen."""
    left, top, right, bottom = (round(edge) for edge in box)
    size = (max(right - left, 1), max(bottom - top, 1))
    small = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    canvas.image.paste(small, (left, top))
    with canvas.smooth(box) as pen:
        for _ in range(marks):
            x, y = canvas.rng.uniform(left + 3, right - 3), canvas.rng.uniform(top + 3, bottom - 3)
            pen.disc(x, y, max(1.2, canvas.em / 8), canvas.rng.choice((GOOD, BAD, WHITE)))
        pen.box(
            (left + 0.3 * size[0], top + 0.3 * size[1], left + 0.7 * size[0], top + 0.65 * size[1]),
            None,
            0,
            WHITE,
        )


def draw_slots(canvas: Canvas, box: Box, size: float, colour: Colour) -> None:
    """Square slots with icons and key numbers, as many as fit into a box."""
    icons, step = some_icons(canvas.rng, 26), size + 0.25 * canvas.em
    columns, rows = max(1, int((box[2] - box[0]) / step)), max(1, int((box[3] - box[1]) / step))
    with canvas.smooth(box) as pen:
        for turn in range(columns * rows):
            x, y = box[0] + turn % columns * step, box[1] + turn // columns * step
            tile = mix(hsv(canvas.rng.random(), 0.5, 0.5), colour, 0.4)
            pen.box((x, y, x + size, y + size), tile, 0.15 * size, mix(colour, WHITE, 0.6))
            draw_icon(pen, icons[turn % len(icons)], x + 0.2 * size, y + 0.2 * size, 0.6 * size, WHITE)
    for turn in range(min(columns * rows, 9)):
        x, y = box[0] + turn % columns * step, box[1] + turn // columns * step
        canvas.text(x + size - 2, y + size - 1, str(turn + 1), WHITE, size=0.65, face="bold", anchor="rb")


def draw_sparks(pen: Pen, rng: Random, x: float, y: float, reach: float, count: int) -> None:
    """A burst of small glowing discs about a point."""
    for _ in range(count):
        across, down, radius = rng.gauss(0, reach), rng.gauss(0, reach), rng.uniform(0.03, 0.16) * reach
        colour = hsv(rng.uniform(0.02, 0.15), rng.uniform(0.2, 0.9), 1.0)
        pen.disc(x + across, y + down, 2 * radius, (*colour, 60))
        pen.disc(x + across, y + down, radius, colour)


def draw_chatter(canvas: Canvas, x: float, y: float, lines: int) -> None:
    """Lines of players' talk on a dark see-through box, upwards from its lower left corner (x, y)."""
    rng, em = canvas.rng, canvas.em
    texts = [f"[{words.nickname(rng)}] {words.phrase(rng).lower()}" for _ in range(lines)]
    width = max(canvas.measure(text, 0.85) for text in texts) + em
    canvas.fill((x, y - (1.25 * lines + 0.6) * em, x + width, y), (0, 0, 0, 130))
    for turn, text in enumerate(texts):
        ink = rng.choice((WHITE, WHITE, (255, 220, 120), (150, 230, 160)))
        canvas.text(x + 0.5 * em, y - (1.25 * turn + 0.4) * em, text, ink, size=0.85, anchor="lb")
