"""A flying game: land in perspective from a height field, a sky, and the lines of a head-up display."""

from __future__ import annotations

import math

import numpy as np

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas, Pen
from sharpstudy.data.screens.overlays import BAD, GOOD, draw_meter, draw_sparks, health_colour
from sharpstudy.data.screens.pictures import blend, palette, shade
from sharpstudy.data.screens.style import BLACK, WHITE, Colour, Point, hsv, mix, noise

SIDE = 640  # cells along an edge of the land, which repeats as in mirrors
STEPS = 400  # distances at which the land is looked at, from the lower edge of the picture to the horizon
NEAR, FAR = 30.0, 1500.0  # the first and the last of them in cells


def draw_flight_game(canvas: Canvas) -> None:
    """A flying game over made-up land."""
    rng = canvas.rng
    horizon = rng.uniform(0.3, 0.5) * canvas.height
    _draw_view(canvas, horizon)
    ink = rng.choice(((120, 255, 140), (255, 255, 255), (255, 206, 90), (120, 230, 255)))
    _draw_lines(canvas, horizon, ink)
    _draw_numbers(canvas, ink)


def _draw_view(canvas: Canvas, horizon: float) -> None:
    rng, (width, height) = canvas.rng, canvas.image.size
    relief, colours = _make_land(canvas)
    away = np.geomspace(NEAR, FAR, STEPS, dtype=np.float32)[:, None]
    heading, fan = rng.uniform(0, 2 * math.pi), np.linspace(-0.7, 0.7, width, dtype=np.float32)[None, :]
    east = rng.uniform(0, SIDE) + away * (math.cos(heading) - fan * math.sin(heading))
    north = rng.uniform(0, SIDE) + away * (math.sin(heading) + fan * math.cos(heading))
    cell = _mirror(north) * SIDE + _mirror(east)
    seen = _find_seen(relief.ravel()[cell], away, horizon, height, rng.uniform(12, 28))
    sky = _make_sky(canvas, horizon)
    grain = noise(rng, SIDE, SIDE, 6, 3, 0.8).ravel()
    near = _mirror(11 * north) * SIDE + _mirror(11 * east)
    land = colours.reshape(-1, 3)[cell] * (0.6 + 0.8 * grain[near])[..., None]
    haze = np.clip(away / FAR, 0, 1)[..., None] ** 1.2
    land += (sky[min(round(horizon), height - 1)][None] - land) * haze
    picked = land[np.minimum(seen, STEPS - 1), np.arange(width)]
    canvas.paste(np.where((seen >= STEPS)[..., None], sky, picked))


def _find_seen(heights: np.ndarray, away: np.ndarray, horizon: float, rows: int, above: float) -> np.ndarray:
    """Which distance each pixel (rows, W) shows, or STEPS for the sky, from heights (STEPS, W)."""
    # The highest land nearby just reaches the lower edge of the picture; lower land is cut off by it.
    altitude, width = float(heights[:60].max()) + above, heights.shape[1]
    level = horizon + (altitude - heights) / away * (rows - horizon) * NEAR / above
    tops = np.clip(np.ceil(np.minimum.accumulate(level, axis=0)), 0, rows).astype(np.int32)
    # A pixel shows the first distance that rises to it: as many as stay below it come before that one.
    index = (tops * width + np.arange(width, dtype=np.int32)).ravel()
    counts = np.bincount(index, minlength=(rows + 1) * width).reshape(rows + 1, width)
    return counts[::-1].cumsum(axis=0)[::-1][1:]


def _mirror(place: np.ndarray) -> np.ndarray:
    """Whole cells in [0, SIDE) for any place; every other repeat runs backwards, so that no seam is seen."""
    cell = place.astype(np.int32) % (2 * SIDE)
    return np.minimum(cell, 2 * SIDE - 1 - cell)


def _make_land(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    rng = canvas.rng
    height = noise(rng, SIDE, SIDE, rng.uniform(100, 200), 7)
    height = (height - height.min()) / float(np.ptp(height))
    green, hue = rng.random() < 0.6, rng.uniform(0.2, 0.38)
    low = hsv(hue, 0.5, 0.42) if green else hsv(0.09, 0.45, 0.68)
    high = hsv(0.08, 0.2, 0.5) if green else hsv(0.05, 0.5, 0.45)
    water, shore, snow = hsv(0.58, 0.55, 0.55), hsv(0.12, 0.3, 0.75), (240, 240, 244)
    levels = (0.0, 0.3, 0.31, 0.35, 0.6, 0.78, 0.88)
    stops = zip(levels, (water, water, shore, low, mix(low, high, 0.6), high, snow), strict=True)
    colours = palette(height, tuple(stops)) * np.where(height > 0.3, shade(height * 120, 0.4), 1)[..., None]
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    fields = (height > 0.34) & (height < 0.52) & (((down // 24 + across // 32) % 3) == 0)
    colours[fields] *= np.where((down[fields] + across[fields]) % 4 < 2, 1.18, 0.86)[:, None]
    roads = (height > 0.33) & ((down % 128 < 2) | (across % 96 < 2))
    colours[roads] = (96, 94, 98)
    return np.maximum(height, 0.3) * rng.uniform(90, 200), colours.astype(np.float32)


def _make_sky(canvas: Canvas, horizon: float) -> np.ndarray:
    rng, (width, height) = canvas.rng, canvas.image.size
    rows = np.clip(np.arange(height, dtype=np.float32) / horizon, 0, 1)[:, None] * np.ones(
        (1, width), np.float32
    )
    hue = rng.choice((0.57, 0.6, 0.05, 0.75))
    sky = blend(hsv(hue, 0.6, rng.uniform(0.35, 0.75)), hsv(hue, 0.15, 0.92), rows)
    clouds = np.clip((noise(rng, width, height, max(height / 4, 8), 6, 0.6) - 0.5) * 5, 0, 0.85)
    return sky + (250 - sky) * (clouds * (1 - 0.6 * rows))[..., None]


def _stroke(pen: Pen, points: list[Point], ink: Colour) -> None:
    """A line of the display with a dark edge, so that it is seen on bright land too."""
    pen.line(points, (0, 0, 0, 110), 3)
    pen.line(points, ink, 1.3)


def _draw_lines(canvas: Canvas, horizon: float, ink: Colour) -> None:
    x, y, em = canvas.width / 2, canvas.height / 2, canvas.em
    reach = min(6 * em, 0.2 * canvas.height)
    with canvas.smooth() as pen:
        _draw_others(pen, canvas, horizon)
        pen.arc(x, y, 0.5 * reach, (0, 360), (0, 0, 0, 110), 3)
        pen.arc(x, y, 0.5 * reach, (0, 360), ink, 1.3)
        for side in (-1, 1):
            _stroke(pen, [(x + side * 0.6 * reach, y), (x + side * reach, y)], ink)
            _stroke(pen, [(x, y + side * 0.6 * reach), (x, y + side * 0.9 * reach)], ink)
        _draw_ladder(pen, canvas, reach, ink)
        if canvas.width > 24 * em:
            _draw_tapes(pen, canvas, ink)
        _draw_radar(pen, canvas, ink)


def _draw_ladder(pen: Pen, canvas: Canvas, reach: float, ink: Colour) -> None:
    tilt = math.radians(canvas.rng.uniform(-14, 14))
    across, down = 1.5 * reach * math.cos(tilt), 1.5 * reach * math.sin(tilt)
    for step in (-2, -1, 1, 2):
        x, y = canvas.width / 2 - 0.8 * step * down, canvas.height / 2 + 0.56 * step * across
        for start, end in ((-1, -0.35), (0.35, 1)):
            _stroke(pen, [(x + start * across, y + start * down), (x + end * across, y + end * down)], ink)


def _draw_radar(pen: Pen, canvas: Canvas, ink: Colour) -> None:
    rng, em = canvas.rng, canvas.em
    radius = min(4.5 * em, 0.16 * canvas.height)
    x, y, start = canvas.width - radius - em, canvas.height - radius - em, rng.uniform(0, 360)
    pen.disc(x, y, radius, (0, 20, 0, 150), ink)
    for share in (0.33, 0.66):
        pen.arc(x, y, share * radius, (0, 360), (*ink, 120), 1)
    pen.pie(x, y, radius, (start, start + 40), (*ink, 70))
    for _ in range(9):
        angle, share = rng.uniform(0, 6.28), rng.uniform(0.1, 0.9) * radius
        pen.disc(
            x + share * math.cos(angle), y + share * math.sin(angle), em / 6, rng.choice((BAD, GOOD, WHITE))
        )


def _draw_others(pen: Pen, canvas: Canvas, horizon: float) -> None:
    rng, em, count = canvas.rng, canvas.em, canvas.rng.randint(1, 4)
    for turn in range(count):
        x, y = (turn + rng.uniform(0.3, 0.7)) / count * canvas.width, rng.uniform(0.35, 0.9) * horizon
        size, lean, share = rng.uniform(0.8, 2.6) * em, rng.uniform(-0.3, 0.3), rng.random()
        body = mix((60, 64, 72), WHITE, rng.uniform(0, 0.5))
        wings = ((-2, lean), (0, -0.15), (2, -lean), (0, 0.3))
        hull = ((-0.12, -0.7), (0.12, -0.7), (0.25, 0.4), (-0.25, 0.4))
        for outline, colour in ((wings, body), (hull, mix(body, BLACK, 0.3))):
            pen.polygon([(x + across * size, y + down * size) for across, down in outline], colour)
        frame = (x - 2.4 * size, y - 1.4 * size, x + 2.4 * size, y + 1.2 * size)
        pen.box(frame, None, 0, BAD)
        draw_meter(
            pen, (frame[0], frame[1] - 0.6 * em, frame[2], frame[1] - 0.2 * em), share, health_colour(share)
        )
    if rng.random() < 0.6:
        draw_sparks(pen, rng, rng.uniform(0.2, 0.8) * canvas.width, 0.9 * horizon, 1.4 * em, 40)


def _draw_tapes(pen: Pen, canvas: Canvas, ink: Colour) -> None:
    em, top, bottom = canvas.em, 0.25 * canvas.height, 0.75 * canvas.height
    for x, side in ((0.2 * canvas.width, -1), (0.8 * canvas.width, 1)):
        _stroke(pen, [(x, top), (x, bottom)], ink)
        for turn in range(26):
            y, length = top + turn * (bottom - top) / 25, (0.9 if turn % 5 == 0 else 0.45) * em
            _stroke(pen, [(x, y), (x + side * length, y)], ink)
    _stroke(pen, [(0.3 * canvas.width, 2.4 * em), (0.7 * canvas.width, 2.4 * em)], ink)
    for turn in range(31):
        x = (0.3 + 0.4 * turn / 30) * canvas.width
        _stroke(pen, [(x, 2.4 * em), (x, (2.0 if turn % 5 else 1.6) * em)], ink)


def _draw_numbers(canvas: Canvas, ink: Colour) -> None:
    rng, em = canvas.rng, canvas.em
    if canvas.width > 24 * em:
        speed, height, start = rng.randint(20, 60) * 10, rng.randint(5, 90) * 100, rng.randrange(36)
        for turn in range(6):
            y = (0.25 + 0.1 * turn) * canvas.height
            _write(canvas, 0.2 * canvas.width - 1.2 * em, y, str(speed - 10 * turn), ink, "rm")
            _write(canvas, 0.8 * canvas.width + 1.2 * em, y, str(height - 100 * turn), ink, "lm")
        for turn in range(7 if canvas.width > 40 * em else 0):
            text = f"{(start + turn) % 36 * 10:03d}"
            _write(canvas, (0.3 + 0.4 * turn / 6) * canvas.width, 1.4 * em, text, ink, "mb")
    lines = [
        f"ALT {rng.randint(300, 9000)} m",
        f"SPD {rng.randint(120, 900)} km/h",
        f"FUEL {rng.randint(4, 99)} %",
    ]
    for turn, line in enumerate([*lines, words.title(rng).upper()]):
        _write(canvas, em, canvas.height - (1.6 + 1.4 * turn) * em, line, ink, "lm")
    if canvas.height > 24 * em and rng.random() < 0.6:
        text = rng.choice(("TARGET LOCKED", "PULL UP", "WAYPOINT REACHED", "LOW FUEL"))
        x, y = canvas.width / 2, 0.85 * canvas.height
        canvas.text(x, y, text, ink, size=1.4, face="bold", anchor="mm", halo=BLACK)


def _write(canvas: Canvas, x: float, y: float, text: str, ink: Colour, anchor: str) -> None:
    room = canvas.width - 12 * canvas.em
    canvas.text(x, y, text, ink, size=0.95, face="mono-bold", anchor=anchor, room=room, halo=(10, 14, 12))
