"""Plain pages whose text is known, for judging restored frames by the characters that can still be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import index
from random import Random
from typing import Literal, get_args

import numpy as np
from PIL import Image

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.style import Mode, load_font, make_theme

Content = Literal["prose", "codes"]


@dataclass(frozen=True)
class RenderedPage:
    """A page, uint8 (H, W, 3) RGB, and the lines of text on it from top to bottom."""

    frame: np.ndarray
    lines: tuple[str, ...]


def render_page(
    seed: int, width: int, height: int, size_px: int, theme: Mode, content: Content
) -> RenderedPage:
    """A plain page of known text in one of three faces; size_px is the size of its text."""
    _check_page(width, height, size_px, theme, content)
    rng = Random(f"page/{theme}/{content}/{size_px}/{index(seed)}")
    face = rng.choice(("sans", "serif", "mono"))
    canvas = Canvas(Image.new("RGB", (width, height)), size_px, make_theme(rng, theme), rng)
    canvas.fill((0, 0, width, height), canvas.theme.page)
    margin, step = round(1.5 * size_px), round(1.6 * size_px)
    lines = _fill_lines(rng, content, face, size_px, width - 2 * margin, (height - 2 * margin) // step)
    for row, line in enumerate(lines):
        canvas.text(margin, margin + row * step, line, face=face)
    return RenderedPage(np.asarray(canvas.image).copy(), tuple(lines))


def _fill_lines(rng: Random, content: Content, face: str, size: int, room: float, count: int) -> list[str]:
    font, source = load_font(face, size), _write(rng, content)
    lines, word = [], next(source)
    for _ in range(count):
        line = word
        while font.getlength(f"{line} {(word := next(source))}") <= room:
            line = f"{line} {word}"
        lines.append(line)
    return lines


def _write(rng: Random, content: Content) -> Iterator[str]:
    while True:
        yield from words.sentence(rng).split() if content == "prose" else [words.code(rng)]


def check_size(width: int, height: int) -> None:
    """Refuses a size that no screen has."""
    if not (64 <= width <= 8192 and 64 <= height <= 8192):
        raise ValueError(f"size: expected 64 to 8192 pixels each way, got {width}x{height}")


def _check_page(width: int, height: int, size_px: int, theme: str, content: str) -> None:
    check_size(width, height)
    if not 7 <= size_px <= min(width / 14, height / 5):
        raise ValueError(f"size_px: expected 7 to {min(width // 14, height // 5)} here, got {size_px}")
    for name, value, choices in (("theme", theme, get_args(Mode)), ("content", content, get_args(Content))):
        if value not in choices:
            raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
