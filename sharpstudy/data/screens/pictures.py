"""Photograph-like pictures for screens that show them, and the shading of relief, from value noise."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np

from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.style import BLACK, WHITE, Box, Colour, hsv, mix, noise


def blend(first: Colour, second: Colour, share: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) between two, by a share (H, W) in [0, 1]."""
    start, end = np.float32(first[:3]), np.float32(second[:3])
    return start + (end - start) * share[..., None]


def shade(height: np.ndarray, strength: float) -> np.ndarray:
    """The factor (H, W), about 1, by which light from the upper left brightens a relief (H, W)."""
    down, across = np.gradient(height)
    return np.clip(1 - strength * (down + across), 0.35, 1.7).astype(np.float32)


def palette(height: np.ndarray, stops: Sequence[tuple[float, Colour]]) -> np.ndarray:
    """Colours (H, W, 3) of a height field in [0, 1], interpolated between (height, colour) stops."""
    fine = np.linspace(0, 1, 1024)
    parts = [
        np.interp(fine, [at for at, _ in stops], [colour[part] for _, colour in stops]) for part in range(3)
    ]
    table = np.stack(parts, axis=-1).astype(np.float32)
    return table[(np.clip(height, 0, 1) * 1023).astype(np.int32)]


def ridge(rng: Random, width: int, roughness: float) -> np.ndarray:
    """The skyline of a mountain range, (W,) in about [0, 1]."""
    line = noise(rng, width, 1, max(width / 3, 4), 3 + round(4 * roughness))[0]
    return (line - line.min()) / max(float(np.ptp(line)), 1e-3)


def landscape(rng: Random, width: int, height: int, hue: float) -> np.ndarray:
    """A made-up landscape, float32 (H, W, 3) in [0, 255]: sky with clouds over layers of hills."""
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    sky = hsv(rng.choice((0.57, 0.6, 0.55, 0.05, hue)), rng.uniform(0.2, 0.65), rng.uniform(0.6, 0.95))
    frame = blend(sky, mix(sky, WHITE, 0.75), rows * 1.6 if rng.random() < 0.5 else rows)
    clouds = noise(rng, width, height, max(height / 3, 4), 6, 0.6)
    frame += (255 - frame) * np.clip((clouds - 0.5) * 4, 0, 0.8)[..., None]
    layers, texture = rng.randint(2, 4), noise(rng, width, height, max(height / 14, 4), 5, 0.75)
    for layer in range(layers):
        near = (layer + 1) / layers
        top = 0.35 + 0.5 * layer / layers - rng.uniform(0.1, 0.3) * ridge(rng, width, 1.2 - near)
        ground = hsv(hue + rng.uniform(-0.1, 0.1), 0.2 + 0.4 * near, 0.75 - 0.35 * near)
        light = np.clip((texture - 0.5) * (0.8 + 1.2 * near) + 0.5, 0, 1)
        lit = blend(mix(ground, BLACK, 0.1 + 0.4 * near), mix(ground, (255, 255, 230), 0.35), light)
        inside = np.clip((rows - top) * height + 0.5, 0, 1)[..., None]
        frame += (lit - frame) * inside
    return frame


def draw_picture(canvas: Canvas, box: Box) -> None:
    """Fills a box with a made-up landscape."""
    width, height = round(box[2]) - round(box[0]), round(box[3]) - round(box[1])
    if width > 1 and height > 1:
        hue = canvas.rng.choice((0.28, 0.33, 0.08, 0.55, 0.6, 0.75)) + canvas.rng.uniform(-0.05, 0.05)
        canvas.paste(landscape(canvas.rng, width, height, hue), round(box[0]), round(box[1]))
