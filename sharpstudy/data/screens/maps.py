"""Maps: a town of streets, blocks and water, or relief with contours, under the panels of a map page."""

from __future__ import annotations

import math

import numpy as np

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.icons import draw_icons
from sharpstudy.data.screens.pictures import palette, shade
from sharpstudy.data.screens.style import Point, hsv, mix, noise
from sharpstudy.data.screens.towns import Ground, draw_town, make_ground
from sharpstudy.data.screens.windows import draw_field, open_window

SHORE = 0.29  # the height of the water's edge


def draw_map(canvas: Canvas) -> None:
    """A map of a made-up place with names, a route, pins and the panels around it."""
    rng, em = canvas.rng, canvas.em
    with canvas.part(open_window(canvas, f"{words.label(rng)} map")) as view:
        ground, side = make_ground(view), 0.0
        if view.width > 24 * em and view.height > 14 * em:
            side = rng.uniform(17, 22) * em
        spots = _choose_spots(view, side)
        if rng.random() < 0.65:
            draw_town(view, ground, spots)
        else:
            height = _draw_relief(view, ground)
            spots = [(x, y) for x, y in spots if height[round(y), round(x)] > SHORE]
        _draw_pins(view, ground, spots)
        if side:
            _draw_search(view, side)
            _draw_scale(view)


def _choose_spots(view: Canvas, side: float) -> list[Point]:
    """Places for pins, clear of the panel at the left and apart, so that their names are too."""
    rng, em, spots = view.rng, view.em, []
    for _ in range(60):
        x, y = rng.uniform(side + 5 * em, view.width - 5 * em), rng.uniform(3 * em, view.height - 3 * em)
        if all(abs(x - a) > 9 * em or abs(y - b) > 3 * em for a, b in spots) and len(spots) < 14:
            spots.append((x, y))
    return spots


def _draw_relief(view: Canvas, ground: Ground) -> np.ndarray:
    """Draws a shaded relief with contour lines and tracks, and returns its height field (H, W) in [0, 1]."""
    rng, em = view.rng, view.em
    height = noise(rng, view.width, view.height, rng.uniform(18, 34) * em, 6, 0.45)
    height = (height - height.min()) / max(float(np.ptp(height)), 1e-6)
    low, high = mix(ground.park, ground.land, 0.35), mix(ground.land, (150, 110, 80), 0.45)
    levels = (0.0, SHORE - 0.01, SHORE, 0.5, 0.75, 1.0)
    colours = (ground.water, ground.water, ground.park, low, high, ground.street)
    scene = palette(height, tuple(zip(levels, colours, strict=True)))
    land = (height > SHORE)[..., None]
    scene *= np.where(land, shade(height * 14 * em, 0.18)[..., None], 1)
    contour = np.float32(mix(ground.ink, (150, 90, 40), 0.5))
    view.paste(scene + (contour - scene) * _contours(height * rng.choice((24, 32, 40)))[..., None] * land)
    with view.smooth() as pen:
        for _ in range(rng.randint(3, 6)):
            for track in _make_tracks(view, height):
                pen.line(track, ground.edge, 0.45 * em)
                pen.line(track, ground.road, 0.28 * em)
    return height


def _contours(levels: np.ndarray) -> np.ndarray:
    """How much of each pixel a line covers where the field passes a whole number, every fifth heavier."""
    slope = np.maximum(np.hypot(*np.gradient(levels)), 1e-4)
    # The distance to the nearest line in pixels is the height left over by the slope.
    line = np.clip(1.15 - np.abs(levels - np.rint(levels)) / slope, 0, 1)
    return line * np.where(np.rint(levels) % 5 == 0, 0.8, 0.4)


def _make_tracks(view: Canvas, height: np.ndarray) -> list[list[Point]]:
    """The pieces on land of a winding line across the map."""
    rng, step, turn = view.rng, 0.8 * view.em, 0.0
    x, y, heading = rng.uniform(0, view.width), rng.uniform(0, view.height), rng.uniform(0, 2 * math.pi)
    tracks: list[list[Point]] = [[]]
    for _ in range(160):
        turn = 0.9 * turn + rng.gauss(0, 0.08)
        heading += turn
        x, y = x + step * math.cos(heading), y + step * math.sin(heading)
        if not (0 <= x < view.width and 0 <= y < view.height and height[int(y), int(x)] > SHORE):
            tracks.append([])
        else:
            tracks[-1].append((x, y))
    return [track for track in tracks if len(track) > 1]


def _draw_pins(view: Canvas, ground: Ground, spots: list[Point]) -> None:
    rng, em = view.rng, view.em
    with view.smooth() as pen:
        for turn, (x, y) in enumerate(spots):
            colour = hsv(0.02 + 0.61 * turn, 0.7, 0.8)
            pen.polygon([(x, y), (x - 0.55 * em, y - 1.0 * em), (x + 0.55 * em, y - 1.0 * em)], colour)
            pen.disc(x, y - 1.25 * em, 0.62 * em, colour)
            pen.disc(x, y - 1.25 * em, 0.25 * em, (255, 255, 255))
    for x, y in spots:
        name = rng.choice((words.label(rng), f"{words.adjective(rng)} {words.noun(rng)}".title()))
        view.text(x, y + 0.8 * em, name, ground.ink, size=0.85, anchor="mm", halo=ground.halo)


def _draw_search(view: Canvas, right: float) -> None:
    rng, em, theme = view.rng, view.em, view.theme
    count = rng.choice((0, 4, 6, 30))
    count = min(count, int((view.height - 6 * em) / (3.6 * em)))
    box = (em, em, right, (4.0 + 3.6 * count) * em)
    view.shadow(box, 0.4 * em)
    view.panel(box, theme.page, 0.5 * em, theme.line)
    draw_field(view, (1.6 * em, 1.5 * em, right - 0.6 * em, 3.5 * em), "Search", "search")
    with view.part((1.6 * em, 4.2 * em, right - 0.6 * em, box[3] - 2)) as card:
        for turn in range(count):
            y = 3.6 * turn * em
            far = card.text(
                card.width, y, f"{rng.uniform(0.2, 30):.1f} km", theme.faint, size=0.8, anchor="ra"
            )
            card.text(0, y, words.phrase(rng).title(), face="bold", room=card.width - far - 0.5 * em)
            card.text(0, y + 1.4 * em, words.sentence(rng), theme.faint, size=0.85, room=card.width)
            if turn + 1 < count:
                card.rule(0, y + 3.1 * em, card.width, y + 3.1 * em)


def _draw_scale(view: Canvas) -> None:
    em, theme = view.em, view.theme
    x, y = view.width - 3.2 * em, view.height - 7 * em
    view.panel((x, y, x + 2.2 * em, y + 4.6 * em), theme.page, 0.4 * em, theme.line)
    draw_icons(view, (x + 0.5 * em, y, x + 2.2 * em, y + 2.2 * em), theme.ink, ["plus"])
    view.rule(x, y + 2.3 * em, x + 2.2 * em, y + 2.3 * em)
    view.rule(x + 0.6 * em, y + 3.4 * em, x + 1.6 * em, y + 3.4 * em, theme.ink)
    view.fill((view.width - 14 * em, view.height - 1.3 * em, view.width, view.height), theme.page)
    length = f"{view.rng.choice((50, 100, 200, 500))} m"
    view.text(view.width - 0.5 * em, view.height - 0.65 * em, length, theme.faint, size=0.75, anchor="rm")
    view.rule(
        view.width - 13 * em, view.height - 0.6 * em, view.width - 5 * em, view.height - 0.6 * em, theme.ink
    )
