"""Between a codec's YCbCr pictures and RGB frames, by the colour tags of the stream.

All conversions go through FFmpeg's scale filter, whose options name matrix, range and chroma position
outright: what a plain to_ndarray("rgb24") does with a stream's tags differs between versions of PyAV.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

Matrix = Literal["rgb", "bt601", "bt709", "fcc", "smpte240m", "bt2020"]
Range = Literal["limited", "full"]

# Numbers of Rec. ITU-T H.273, which all containers and codecs share.
MATRICES: dict[int, Matrix] = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
ABSENT = (2, 3)
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
BT709_PRIMARIES = BT709_TRANSFER = 1
_TAGS: dict[Matrix, int] = {"rgb": 0, "bt709": 1, "bt601": 6}
_RANGE_TAGS: dict[Range, int] = {"limited": 1, "full": 2}
# What red and blue add to luma.
_WEIGHTS: dict[Matrix, tuple[float, float]] = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}
# JFIF puts chroma between two pixels, the MPEG codecs put it on the left one.
_CENTRED_CHROMA = ("mjpeg", "jpegls")

# Without the first two flags swscale is off by up to 3 levels, and dark by one on the average.
_FLAGS = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp:sws_dither=none"


@dataclass(frozen=True)
class Colour:
    """How the numbers of a picture are meant: matrix, range and where its chroma samples sit."""

    matrix: Matrix
    range: Range
    chroma: Literal["left", "centre"] = "left"

    @property
    def matrix_tag(self) -> int:
        return _TAGS[self.matrix]

    @property
    def range_tag(self) -> int:
        return _RANGE_TAGS[self.range]

    def options(self, side: Literal["in", "out"]) -> str:
        """The words of the scale filter for pictures of this colour on one side of it."""
        position = 128 if self.chroma == "centre" else 0
        matrix = "" if self.matrix == "rgb" else f"{side}_color_matrix={self.matrix}:"
        return f"{matrix}{side}_range={self.range}:{side}_h_chr_pos={position}"


def usual_matrix(height: int) -> Literal["bt601", "bt709"]:
    """The matrix of a stream that names none: BT.709 from 720 lines on, BT.601 below, as players assume."""
    return "bt709" if height >= 720 else "bt601"


def colour_of(context: VideoCodecContext) -> Colour:
    """The colour that a stream's tags name, by rule where they are absent; a ValueError for what has no rule.

    Absent matrix: usual_matrix. Absent range: limited. RGB, grey and the yuvj formats are full in any case.
    """
    if context.color_trc in HDR_TRANSFERS:
        raise ValueError(f"it is HDR ({HDR_TRANSFERS[context.color_trc]}), which needs tone mapping first")
    layout, tag = context.format, context.colorspace
    if layout.is_rgb or layout.has_palette:
        return Colour("rgb", "full")
    if tag not in MATRICES and tag not in ABSENT:
        raise ValueError(f"its colour matrix (number {tag} of H.273) cannot be read")
    full = layout.name.startswith(("yuvj", "gray")) or context.color_range == _RANGE_TAGS["full"]
    chroma = "centre" if context.name in _CENTRED_CHROMA else "left"
    matrix = MATRICES.get(tag) or usual_matrix(context.height)
    return Colour(matrix, "full" if full else "limited", chroma)


class Converter:
    """Turns pictures into another pixel format; its filter is built anew when what comes in changes."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._made_for: tuple[int, int, str, str] | None = None
        self._graph: Graph | None = None

    def convert(self, picture: VideoFrame, options: str) -> VideoFrame:
        """The picture in the target format, converted with the scale filter's `options`."""
        made_for = (picture.width, picture.height, picture.format.name, options)
        if made_for != self._made_for:
            self._graph, self._made_for = self._build(*made_for), made_for
        self._graph.push(picture)
        return self._graph.pull()

    def _build(self, width: int, height: int, source: str, options: str) -> Graph:
        import av

        graph = av.filter.Graph()
        layout = av.VideoFormat(source, width, height)
        chain = [
            graph.add_buffer(width=width, height=height, format=layout, time_base=Fraction(1, 1000)),
            graph.add("scale", f"{options}:{_FLAGS}"),
            graph.add("format", self._target),
            graph.add("buffersink"),
        ]
        for here, there in pairwise(chain):
            here.link_to(there)
        graph.configure()
        return graph


class ToRgb:
    """Turns decoded pictures into frames."""

    def __init__(self) -> None:
        self._converter = Converter("rgb24")

    def __call__(self, picture: VideoFrame, colour: Colour) -> np.ndarray:
        """uint8 HxWx3 RGB, full range."""
        return self._converter.convert(picture, f"{colour.options('in')}:out_range=full").to_ndarray()


class FromRgb:
    """Turns frames into pictures of one pixel format and colour, tagged with that colour."""

    def __init__(self, pixel_format: str, colour: Colour) -> None:
        self._converter = Converter(pixel_format)
        self._colour = colour

    def __call__(self, frame: np.ndarray) -> VideoFrame:
        import av

        colour = self._colour
        if colour.matrix != "rgb" and colour.range == "full":
            source, words = _full_range(frame, colour.matrix), colour.options("in")
        else:
            source, words = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame)), "in_range=full"
        picture = self._converter.convert(source, f"{words}:{colour.options('out')}")
        picture.colorspace, picture.color_range = colour.matrix_tag, colour.range_tag
        return picture


def _full_range(frame: np.ndarray, matrix: Matrix) -> VideoFrame:
    """The frame as full range YCbCr 4:4:4 (JFIF's equations with the matrix's weights).

    FFmpeg 8 puts chroma half a level too low here, which shifts blue by one level with every generation.
    """
    import av

    red_weight, blue_weight = _WEIGHTS[matrix]
    red, green, blue = np.moveaxis(frame.astype(np.float32), -1, 0)
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    chroma_blue = 128 + (blue - luma) / (2 - 2 * blue_weight)
    chroma_red = 128 + (red - luma) / (2 - 2 * red_weight)
    planes = np.stack([luma, chroma_blue, chroma_red])
    return av.VideoFrame.from_ndarray(np.rint(planes).clip(0, 255).astype(np.uint8), format="yuv444p")
