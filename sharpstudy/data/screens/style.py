"""How rendered screens look: colours, light and dark themes, packaged fonts, line breaking, value noise."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
from PIL import Image, ImageFont

Colour = tuple[int, ...]  # (r, g, b), or (r, g, b, a) to blend with what is there
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Point = tuple[float, float]
Mode = Literal["light", "dark"]

FACES = {
    "sans": "DejaVuSans",
    "bold": "DejaVuSans-Bold",
    "italic": "DejaVuSans-Oblique",
    "mono": "DejaVuSansMono",
    "mono-bold": "DejaVuSansMono-Bold",
    "serif": "DejaVuSerif",
    "serif-bold": "DejaVuSerif-Bold",
    "roman": "STIXGeneral",
    "roman-bold": "STIXGeneralBol",
}
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@lru_cache(maxsize=1)
def _font_folder() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@lru_cache(maxsize=256)
def load_font(face: str, pixels: int) -> ImageFont.FreeTypeFont:
    """One packaged font at a size in pixels, with the layout engine that every build of Pillow has."""
    path = str(_font_folder() / f"{FACES[face]}.ttf")
    return ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """An RGB colour from hue, saturation and value, each in [0, 1]; the hue wraps around."""
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies the given share of the way from the first to the second."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first[:3], second[:3], strict=True))


def luma(colour: Colour) -> float:
    """How light a colour looks, in [0, 255], with the weights of BT.601."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def ink_on(colour: Colour) -> Colour:
    """White or near-black, whichever is the easier to read on the colour."""
    return (20, 22, 26) if luma(colour) > 140 else WHITE


@dataclass(frozen=True)
class Theme:
    """The colours of one screen; ink and faint are readable on page, panel and raised alike."""

    mode: Mode
    page: Colour
    panel: Colour
    raised: Colour
    line: Colour
    ink: Colour
    faint: Colour
    accent: Colour
    series: tuple[Colour, ...]


def make_theme(rng: Random, mode: Mode) -> Theme:
    """A random light or dark theme with one accent and six distinct series colours."""
    hue, tint = rng.random(), rng.random()
    if mode == "light":
        value, saturation = 0.66, rng.uniform(0.65, 0.9)
        soft = rng.choice((0.0, 0.0, rng.uniform(0.0, 0.04)))
        greys = [
            hsv(tint, soft + extra, v) for extra, v in ((0, 1.0), (0.012, 0.945), (0.006, 0.98), (0.02, 0.82))
        ]
        inks = (hsv(tint, 0.25, rng.uniform(0.05, 0.2)), hsv(tint, 0.12, 0.42))
    else:
        value, saturation = 0.9, rng.uniform(0.45, 0.7)
        page, soft = rng.uniform(0.07, 0.17), rng.uniform(0.0, 0.25)
        greys = [hsv(tint, soft, page + v) for v in (0, 0.035, 0.07, 0.17)]
        inks = (hsv(tint, 0.04, rng.uniform(0.86, 0.96)), hsv(tint, 0.08, 0.66))
    turns = (0, 0.42, 0.12, 0.58, 0.28, 0.82)
    series = tuple(_readable(hsv(hue + turn, saturation, value), mode) for turn in turns)
    return Theme(mode, *greys, *inks, series[0], series)


def _readable(colour: Colour, mode: Mode) -> Colour:
    """The colour, darkened for a light page or lightened for a dark one until text in it can be read."""
    while mode == "light" and luma(colour) > 125:
        colour = mix(colour, BLACK, 0.08)
    while mode == "dark" and luma(colour) < 120:
        colour = mix(colour, WHITE, 0.08)
    return colour


def noise(rng: Random, width: int, height: int, cell: float, octaves: int, keep: float = 0.5) -> np.ndarray:
    """Value noise, float32 (height, width) in about [0, 1], from a grid of cell pixels and finer ones.

    Each finer octave keeps that share of the strength of the one before: more of it is rougher.
    """
    generator = np.random.default_rng(rng.getrandbits(63))
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        size = (int(height / step) + 2, int(width / step) + 2)
        grid = Image.fromarray(generator.random(size, np.float32))
        # The box cuts a window of whole cells, so that features are equally large in both directions.
        layer = grid.resize((width, height), Image.Resampling.BICUBIC, (0, 0, width / step, height / step))
        total += np.asarray(layer) * np.float32(keep**octave)
    return total / np.float32(sum(keep**octave for octave in range(octaves)))


def fit(text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """The text, or its beginning with an ellipsis, no wider than room; empty where nothing fits."""
    if font.getlength(text) <= room:
        return text
    keep = int(len(text) * max(room, 0) / font.getlength(text))
    while keep > 0 and font.getlength(text[:keep].rstrip() + "…") > room:
        keep -= 1
    return text[:keep].rstrip() + "…" if keep > 1 else ""


def wrap(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    """The text broken between words into lines no wider than room; a single word may be wider."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def wrap_some(text: str, font: ImageFont.FreeTypeFont, room: float, most: int) -> list[str]:
    """As wrap, but no more than so many lines: last sentences are left out, or an ellipsis ends the text."""
    lines = wrap(text, font, room)
    while len(lines) > most and ". " in text:
        text = text[: text.rindex(". ") + 1]
        lines = wrap(text, font, room)
    if 0 < most < len(lines):
        lines = [*lines[: most - 1], fit(f"{lines[most - 1]} {lines[most]}", font, room)]
    return lines[: max(most, 0)]
