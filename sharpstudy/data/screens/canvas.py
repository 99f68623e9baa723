"""A canvas for rendered screens: text that is cut with an ellipsis, smooth shapes, clipped parts, shadows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from sharpstudy.data.screens.style import BLACK, Box, Colour, Point, Theme, fit, load_font, wrap, wrap_some

SMOOTH_PIXELS = 4_000_000  # above this a canvas is supersampled by 2 instead of 3, which bounds the memory


class Pen:
    """Draws shapes with smooth edges on an enlarged copy, which is averaged down in the end."""

    def __init__(self, image: Image.Image, factor: int, left: float, top: float) -> None:
        self._draw = ImageDraw.Draw(image, "RGBA")
        self._factor, self._left, self._top = factor, left, top

    def _scale(self, points: Sequence[Point]) -> list[Point]:
        return [((x - self._left) * self._factor, (y - self._top) * self._factor) for x, y in points]

    def line(self, points: Sequence[Point], colour: Colour, width: float = 1.0) -> None:
        """A polyline; width in pixels may be a fraction."""
        thick = max(1, round(width * self._factor))
        self._draw.line(self._scale(points), colour, thick, joint="curve" if thick > 3 else None)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon(self._scale(points), fill)

    def disc(
        self, x: float, y: float, radius: float, fill: Colour | None, line: Colour | None = None
    ) -> None:
        """A circle about (x, y), filled, or outlined by one pixel, or both."""
        self._draw.ellipse(self._ring(x, y, radius), fill, line, self._factor)

    def arc(self, x: float, y: float, radius: float, span: Point, colour: Colour, width: float = 1.0) -> None:
        """A part of a circle's line; the span is in degrees clockwise from three o'clock."""
        thick = max(1, round(width * self._factor))
        self._draw.arc(self._ring(x, y, radius), *span, fill=colour, width=thick)

    def pie(self, x: float, y: float, radius: float, span: Point, fill: Colour) -> None:
        """A filled sector of a circle; the span is in degrees clockwise from three o'clock."""
        self._draw.pieslice(self._ring(x, y, radius), *span, fill=fill)

    def box(self, box: Box, fill: Colour | None, radius: float = 0.0, line: Colour | None = None) -> None:
        """A rectangle with round corners, filled, or outlined by one pixel, or both."""
        (left, top), (right, bottom) = self._scale([box[:2], box[2:]])
        if right - left >= 2 and bottom - top >= 2:
            corner = min(radius * self._factor, (right - left) / 2 - 1, (bottom - top) / 2 - 1)
            area = (left, top, right - 1, bottom - 1)
            self._draw.rounded_rectangle(area, max(corner, 0), fill, line, self._factor)

    def _ring(self, x: float, y: float, radius: float) -> list[Point]:
        radius = max(radius, 0.5)
        return self._scale([(x - radius, y - radius), (x + radius, y + radius)])


class Canvas:
    """An RGB picture with a text size (em, in pixels), a theme and the random numbers that fill it."""

    def __init__(self, image: Image.Image, em: float, theme: Theme, rng: Random) -> None:
        self.image, self.em, self.theme, self.rng = image, em, theme, rng
        self.width, self.height = image.size
        self._draw = ImageDraw.Draw(image, "RGBA")

    @contextmanager
    def part(self, box: Box) -> Iterator[Canvas]:
        """A canvas over one box with its own origin; what is drawn beyond the box is cut off."""
        left, top, right, bottom = (round(edge) for edge in box)
        area = (left, top, max(right, left + 1), max(bottom, top + 1))
        child = Canvas(self.image.crop(area), self.em, self.theme, self.rng)
        yield child
        if right > left and bottom > top:
            self.image.paste(child.image, area[:2])

    @contextmanager
    def smooth(self, box: Box | None = None) -> Iterator[Pen]:
        """A pen over the box, or over everything; inside it other ways of drawing on the box are lost."""
        left, top, right, bottom = (round(edge) for edge in box or (0, 0, self.width, self.height))
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, self.width), min(bottom, self.height)
        width, height = max(right - left, 1), max(bottom - top, 1)
        factor = 3 if width * height < SMOOTH_PIXELS else 2
        # Enlarging by repetition and averaging down leaves untouched pixels exactly as they are.
        copy = self.image.crop((left, top, left + width, top + height))
        copy = copy.resize((width * factor, height * factor), Image.Resampling.NEAREST)
        yield Pen(copy, factor, left, top)
        self.image.paste(copy.reduce(factor), (left, top))

    def measure(self, text: str, size: float = 1.0, face: str = "sans") -> float:
        """The width of one line of text in pixels."""
        return self.font(size, face).getlength(text)

    def font(self, size: float = 1.0, face: str = "sans") -> ImageFont.FreeTypeFont:
        """The font of a face at a size in em, never below 7 pixels."""
        return load_font(face, max(7, round(self.em * size)))

    def text(
        self, x: float, y: float, text: str, colour: Colour | None = None, *, size: float = 1.0,
        face: str = "sans", anchor: str = "la", room: float | None = None, halo: Colour | None = None,
    ) -> float:  # fmt: skip
        """Draws one line, cut with an ellipsis where it is wider than room; its width in pixels."""
        font = self.font(size, face)
        if room is not None:
            text = fit(text, font, room)
        if text:
            edge = max(1, round(self.em * size / 9)) if halo else 0
            ink = colour or self.theme.ink
            at = (round(x), round(y))
            self._draw.text(at, text, ink, font, anchor, stroke_width=edge, stroke_fill=halo)
        return font.getlength(text)

    def turned(
        self, x: float, y: float, text: str, colour: Colour, halo: Colour, size: float, angle: float
    ) -> None:
        """Draws outlined text about (x, y), turned counter-clockwise by an angle in degrees."""
        font = self.font(size)
        left, top, right, bottom = font.getbbox(text, stroke_width=1)
        for ink, edge in ((halo, 1), (colour, 0)):
            mask = Image.new("L", (round(right - left) + 2, round(bottom - top) + 2))
            ImageDraw.Draw(mask).text((1 - left, 1 - top), text, 255, font, stroke_width=edge)
            mask = mask.rotate(angle, Image.Resampling.BICUBIC, expand=True)
            self.image.paste(ink, (round(x - mask.width / 2), round(y - mask.height / 2)), mask)

    def block(
        self, x: float, y: float, text: str, room: float, colour: Colour | None = None, *,
        size: float = 1.0, face: str = "sans", leading: float = 1.4, lines: int | None = None,
    ) -> float:  # fmt: skip
        """Draws text in lines, dropping last sentences that do not fit; where the next line would begin."""
        step, font = round(max(7, self.em * size) * leading), self.font(size, face)
        for line in wrap(text, font, room) if lines is None else wrap_some(text, font, room, lines):
            if y < self.height:
                self.text(x, y, line, colour, size=size, face=face)
            y += step
        return y

    def fill(self, box: Box, colour: Colour) -> None:
        """Fills a rectangle on whole pixels; right and bottom lie outside, an empty one draws nothing."""
        left, top, right, bottom = (round(edge) for edge in box)
        if right > left and bottom > top:
            self._draw.rectangle((left, top, right - 1, bottom - 1), colour)

    def rule(self, x0: float, y0: float, x1: float, y1: float, colour: Colour | None = None) -> None:
        """A hard line one pixel wide, as separators and grids have."""
        self._draw.line((round(x0), round(y0), round(x1), round(y1)), colour or self.theme.line)

    def panel(self, box: Box, fill: Colour | None, radius: float = 0.0, line: Colour | None = None) -> None:
        """A card, button or field with smooth round corners."""
        with self.smooth((box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1)) as pen:
            pen.box(tuple(round(edge) for edge in box), fill, radius, line)

    def shadow(self, box: Box, blur: float, strength: int = 90) -> None:
        """A soft dark halo around a box that is drawn over it later."""
        edge = round(3 * blur)
        area = [round(b) + s for b, s in zip(box, (-edge, -edge, edge, edge), strict=True)]
        mask = Image.new("L", (max(area[2] - area[0], 1), max(area[3] - area[1], 1)))
        inner = (edge, edge + round(blur / 2), mask.width - edge, mask.height - edge + round(blur / 2))
        mask.paste(strength, inner)
        self.image.paste(BLACK, (area[0], area[1]), mask.filter(ImageFilter.GaussianBlur(blur)))

    def gradient(self, box: Box, first: Colour, second: Colour, angle: float = 0.0) -> None:
        """Fills a box from the first colour at the top (angle 0) or at the left (angle 1) to the second."""
        left, top, right, bottom = (round(edge) for edge in box)
        down = np.linspace(0, 1 - angle, max(bottom - top, 1), dtype=np.float32)[:, None, None]
        across = np.linspace(0, angle, max(right - left, 1), dtype=np.float32)[None, :, None]
        start, end = np.float32(first[:3]), np.float32(second[:3])
        self.paste(start + (end - start) * (down + across), left, top)

    def paste(self, pixels: np.ndarray, left: int = 0, top: int = 0) -> None:
        """Puts an array (H, W, 3) in [0, 255] onto the canvas, clipped and rounded."""
        frame = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        self.image.paste(Image.fromarray(frame), (left, top))
