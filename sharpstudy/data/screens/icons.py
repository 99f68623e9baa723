"""Line icons for toolbars and lists, as small paths on a grid of 100."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from sharpstudy.data.screens.canvas import Canvas, Pen
from sharpstudy.data.screens.style import BLACK, WHITE, Box, Colour, hsv, ink_on

# Strokes are parted by bars: a polyline as points "x,y", a circle as "x,y,radius".
ICONS = {
    "file": "20,10 60,10 80,30 80,90 20,90 20,10 | 35,60 65,60",
    "folder": "10,20 40,20 50,30 90,30 90,80 10,80 10,20",
    "search": "42,42,30 | 64,64 92,92",
    "home": "10,50 50,10 90,50 | 22,45 22,90 78,90 78,45",
    "plus": "50,15 50,85 | 15,50 85,50",
    "menu": "10,25 90,25 | 10,50 90,50 | 10,75 90,75",
    "left": "15,25 65,25 | 15,50 90,50 | 15,75 50,75",
    "centre": "25,25 75,25 | 10,50 90,50 | 30,75 70,75",
    "back": "60,15 25,50 60,85 | 25,50 90,50",
    "forward": "40,15 75,50 40,85 | 10,50 75,50",
    "down": "20,35 50,65 80,35",
    "bars": "15,90 15,50 | 40,90 40,15 | 65,90 65,35 | 90,90 90,60",
    "grid": "10,10 42,10 42,42 10,42 10,10 | 58,10 90,10 90,42 58,42 58,10 | 10,58 42,58 42,90 10,90 10,58",
    "image": "10,15 90,15 90,85 10,85 10,15 | 10,75 40,45 85,85 | 68,35,10",
    "person": "50,32,20 | 12,92 20,68 50,58 80,68 88,92",
    "clock": "50,50,40 | 50,25 50,50 68,62",
    "gear": "50,50,15 | 50,50,32 | 50,5 50,20 | 50,80 50,95 | 5,50 20,50 | 80,50 95,50",
    "pencil": "15,85 20,65 70,15 85,30 35,80 15,85",
    "filter": "10,15 90,15 58,55 58,90 42,80 42,55 10,15",
    "bell": "12,72 25,55 30,25 50,12 70,25 75,55 88,72 12,72 | 42,85 58,85",
    "star": "50,8 62,38 94,40 69,60 78,92 50,74 22,92 31,60 6,40 38,38 50,8",
    "play": "25,12 85,50 25,88 25,12",
    "check": "15,55 40,80 88,20",
    "link": "45,30 60,15 85,40 70,55 | 55,70 40,85 15,60 30,45 | 40,60 60,40",
    "bubble": "10,15 90,15 90,70 50,70 30,90 30,70 10,70 10,15",
    "cross": "20,20 80,80 | 80,20 20,80",
}
ICON_NAMES = tuple(ICONS)


def _parse(path: str) -> list[list[tuple[float, ...]]]:
    strokes = (stroke.split() for stroke in path.split("|"))
    return [[tuple(float(part) / 100 for part in point.split(",")) for point in stroke] for stroke in strokes]


def draw_icon(pen: Pen, name: str, x: float, y: float, size: float, colour: Colour) -> None:
    """Draws one of ICONS into the square of the given size whose corner is (x, y)."""
    width = max(size / 12, 0.9)
    for stroke in _parse(ICONS[name]):
        if len(stroke[0]) == 3:
            across, down, radius = stroke[0]
            span = (0.0, 360.0)
            pen.arc(x + across * size, y + down * size, radius * size, span, colour, width)
        else:
            pen.line([(x + across * size, y + down * size) for across, down in stroke], colour, width)


def draw_icons(canvas: Canvas, box: Box, colour: Colour, names: Sequence[str], gap: float = 0.8) -> float:
    """Draws as many icons as fit side by side in a bar; where the next would begin."""
    size = min(canvas.em * 1.1, (box[3] - box[1]) * 0.7)
    x, y = box[0], (box[1] + box[3] - size) / 2
    with canvas.smooth(box) as pen:
        for name in names:
            if x + size > box[2]:
                break
            draw_icon(pen, name, x, y, size, colour)
            x += size + gap * canvas.em
    return x


def some_icons(rng: Random, count: int) -> list[str]:
    """Distinct icon names, fewer than asked for when there are no more."""
    return rng.sample(ICON_NAMES, min(count, len(ICON_NAMES)))


def draw_avatar(canvas: Canvas, x: float, y: float, radius: float, name: str) -> None:
    """A round portrait stand-in: the initials of a nickname on a colour that belongs to the name."""
    colour = hsv(sum(map(ord, name)) * 0.137, 0.55, 0.72)
    with canvas.smooth((x - radius - 1, y - radius - 1, x + radius + 1, y + radius + 1)) as pen:
        pen.disc(x, y, radius, colour)
    initials = "".join(word[0] for word in name.split())[:2]
    canvas.text(x, y, initials, ink_on(colour), size=0.9 * radius / canvas.em, face="bold", anchor="mm")


def draw_pointer(canvas: Canvas, x: float, y: float) -> None:
    """A mouse pointer whose tip is at (x, y)."""
    size = canvas.em * 1.3
    outline = ((0, 0), (0, 0.95), (0.22, 0.75), (0.38, 1.1), (0.53, 1.03), (0.38, 0.69), (0.68, 0.69))
    points = [(x + across * size, y + down * size) for across, down in outline]
    with canvas.smooth((x - 2, y - 2, x + size + 2, y + size * 1.2 + 2)) as pen:
        pen.polygon(points, WHITE)
        pen.line([*points, points[0]], BLACK, 1.2)
