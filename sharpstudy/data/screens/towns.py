"""The town of a map: streets that cut a plane into blocks, bent and turned, with houses, parks and names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas, Pen
from sharpstudy.data.screens.style import WHITE, Box, Colour, Point, hsv, mix


@dataclass(frozen=True)
class Ground:
    """The colours of a map."""

    land: Colour
    block: Colour
    park: Colour
    water: Colour
    street: Colour
    road: Colour
    edge: Colour
    ink: Colour
    halo: Colour


@dataclass
class Town:
    """Streets and blocks in a straight plane, and how it is bent and turned onto the picture."""

    angle: float
    waves: tuple[tuple[float, float, float], ...]
    centre: Point
    roads: list[tuple[int, Point, Point]]
    blocks: list[Box]

    def place(self, point: Point) -> Point:
        """Where a point of the plane lies in the picture."""
        x, y = point
        for length, height, phase in self.waves:
            x, y = x + height * math.sin(y / length + phase), y + height * math.sin(x / length + 2 * phase)
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return (self.centre[0] + x * cos - y * sin, self.centre[1] + x * sin + y * cos)

    def path(self, start: Point, end: Point, step: float) -> list[Point]:
        """A straight line of the plane as a bent line of the picture."""
        count = max(1, round(math.dist(start, end) / step))
        shares = [turn / count for turn in range(count + 1)]
        return [
            self.place((start[0] + s * (end[0] - start[0]), start[1] + s * (end[1] - start[1])))
            for s in shares
        ]


def make_ground(view: Canvas) -> Ground:
    """Map colours that go with the theme of a canvas."""
    if view.theme.mode == "dark":
        land = hsv(view.rng.uniform(0.55, 0.72), 0.25, 0.16)
        street, ink, halo = mix(land, WHITE, 0.16), (214, 220, 232), land
        park, water, road, edge = (28, 54, 44), (18, 34, 62), (108, 92, 64), (10, 12, 18)
        block = mix(land, street, 0.5)
    else:
        land = hsv(view.rng.uniform(0.08, 0.16), 0.06, 0.95)
        street, ink, halo = WHITE, (56, 58, 66), WHITE
        park, water, edge = (196, 226, 176), (160, 204, 232), (188, 180, 168)
        road = view.rng.choice(((252, 214, 128), (248, 186, 120), (255, 236, 150)))
        block = mix(land, (120, 105, 90), 0.16)
    return Ground(land, block, park, water, street, road, edge, ink, halo)


def _plan_town(view: Canvas) -> Town:
    rng, em = view.rng, view.em
    reach = 0.62 * math.hypot(view.width, view.height)
    waves = tuple((rng.uniform(8, 30) * em, rng.uniform(0.3, 1.6) * em, rng.uniform(0, 6)) for _ in range(3))
    town = Town(rng.uniform(0, math.pi), waves, (view.width / 2, view.height / 2), [], [])
    _cut(rng, town, (-reach, -reach, reach, reach), rng.uniform(3.5, 6) * em, 0)
    return town


def _cut(rng: Random, town: Town, box: Box, smallest: float, depth: int) -> None:
    """Cuts a box of the plane by streets until its parts are blocks; early cuts become the larger roads."""
    left, top, right, bottom = box
    share, width, height = rng.uniform(0.35, 0.65), right - left, bottom - top
    if max(width, height) < 2.2 * smallest or (depth > 6 and rng.random() < 0.12):
        town.blocks.append(box)
        return
    rank = 2 if depth < 4 else 1 if depth < 7 else 0
    if width > height:
        x = left + share * width
        town.roads.append((rank, (x, top), (x, bottom)))
        parts = ((left, top, x, bottom), (x, top, right, bottom))
    else:
        y = top + share * height
        town.roads.append((rank, (left, y), (right, y)))
        parts = ((left, top, right, y), (left, y, right, bottom))
    for part in parts:
        _cut(rng, town, part, smallest, depth + 1)


def draw_town(view: Canvas, ground: Ground, spots: list[Point]) -> None:
    """Draws a made-up town with street names that keep away from the spots."""
    em, town = view.em, _plan_town(view)
    view.fill((0, 0, view.width, view.height), ground.land)
    with view.smooth() as pen:
        for box in town.blocks:
            if _near(town.place(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)), view, 8 * em):
                _draw_block(pen, view, town, box, ground)
        river = [town.place((x * em, 6 * em * math.sin(x / 9))) for x in range(-120, 121, 2)]
        if view.rng.random() < 0.6:
            pen.line(river, ground.water, view.rng.uniform(1.5, 4) * em)
        widths = (0.42 * em, 0.65 * em, 1.0 * em)
        for rank in range(3):
            paths = [town.path(start, end, 2 * em) for kind, start, end in town.roads if kind == rank]
            for path in paths:
                pen.line(path, ground.edge, widths[rank] + 2)
            for path in paths:
                pen.line(path, ground.road if rank == 2 else ground.street, widths[rank])
        if view.rng.random() < 0.6:
            _draw_route(pen, town, em)
    _draw_street_names(view, town, ground, spots)


def _draw_route(pen: Pen, town: Town, em: float) -> None:
    """A marked way along the first road and the second, which ends on it."""
    (_, start, end), (_, near, far) = town.roads[:2]
    joint = (
        near if math.dist(near, (start[0], near[1])) < 1 or math.dist(near, (near[0], start[1])) < 1 else far
    )
    other = far if joint == near else near
    middle = ((joint[0] + other[0]) / 2, (joint[1] + other[1]) / 2)
    along = ((joint[0] + end[0]) / 2, (joint[1] + end[1]) / 2)
    path = town.path(middle, joint, em) + town.path(joint, along, em)
    pen.line(path, WHITE, 0.75 * em)
    pen.line(path, (46, 110, 226), 0.5 * em)


def _near(point: Point, view: Canvas, margin: float) -> bool:
    return -margin < point[0] < view.width + margin and -margin < point[1] < view.height + margin


def _draw_block(pen: Pen, view: Canvas, town: Town, box: Box, ground: Ground) -> None:
    rng, em, use = view.rng, view.em, view.rng.random()
    left, top, right, bottom = box
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if use < 0.16:
        pen.polygon([town.place(corner) for corner in corners], ground.park if use < 0.13 else ground.water)
        for _ in range(rng.randint(4, 14) if use < 0.13 else 0):
            x, y = town.place((rng.uniform(left, right), rng.uniform(top, bottom)))
            pen.disc(x, y, rng.uniform(0.15, 0.4) * em, mix(ground.park, (20, 90, 40), 0.25))
        return
    lots = max(2, round((right - left) / (1.7 * em)))
    rows = max(2, round((bottom - top) / (1.9 * em)))
    for turn in range(lots * rows):
        x = left + (0.4 + turn % lots) * (right - left) / (lots + 0.3)
        y = top + (0.4 + turn // lots) * (bottom - top) / (rows + 0.3)
        if rng.random() < 0.8:
            wide, tall = rng.uniform(0.6, 1.1) * em, rng.uniform(0.6, 1.1) * em
            house = [
                town.place(point) for point in ((x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall))
            ]
            pen.polygon(house, ground.block)
            pen.line([*house, house[0]], mix(ground.block, ground.ink, 0.25), 0.6)


def _draw_street_names(view: Canvas, town: Town, ground: Ground, spots: list[Point]) -> None:
    taken = list(spots)
    for rank, start, end in town.roads:
        share = view.rng.uniform(0.3, 0.7)
        middle = (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
        x, y = town.place(middle)
        free = all(math.dist((x, y), other) > 9 * view.em for other in taken)
        if rank == 0 or not free or not _near((x, y), view, -4 * view.em):
            continue
        taken.append((x, y))
        toward = town.place((middle[0] + (end[0] - start[0]) * 1e-3, middle[1] + (end[1] - start[1]) * 1e-3))
        angle = -math.degrees(math.atan2(toward[1] - y, toward[0] - x))
        angle = angle - 180 if angle > 90 else angle + 180 if angle < -90 else angle
        text = f"{words.label(view.rng)} {view.rng.choice(('Street', 'Road', 'Lane', 'Row'))}"
        view.turned(x, y, text, ground.ink, ground.halo, 0.75, angle)
