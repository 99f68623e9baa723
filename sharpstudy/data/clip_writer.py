"""Clips out to files: frames at a rate or at times of their own, tagged with the colours they are in."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np

from sharpstudy.data.colour import BT709_PRIMARIES, BT709_TRANSFER, FromRgb, Range
from sharpstudy.data.encoding import PIXEL_FORMATS, Chroma, Codec, Encoding, MatrixChoice
from sharpstudy.data.files import CANNOT_WRITE, FrameError, one_sentence, whole_file
from sharpstudy.data.frames import check_frame

WRITABLE_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")  # AVI cannot hold times or reordered frames
_TICKS = Fraction(1, 90_000)  # the clock of MPEG systems, in which all usual frame times are whole numbers


@dataclass(frozen=True)
class ClipFrame:
    """One frame of a clip (uint8 HxWx3 RGB) and when it is shown (seconds)."""

    frame: np.ndarray
    time_s: float


def write_clip(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray | ClipFrame],
    *,
    fps: float | Fraction = 30,
    times: Iterable[float] | None = None,
    codec: Codec = "h264",
    crf: int = 18,
    chroma: Chroma = "auto",
    matrix: MatrixChoice = "auto",
    colour_range: Range = "limited",
) -> int:
    """How many frames were written; the clip at `path`, without sound, is there whole or not at all.

    The suffix names the container. Frames come at `fps`, or at rising times of their own (seconds): those of
    ClipFrames, or `times`, which go before both. Matroska and WebM round times to milliseconds.

    `crf` is the encoder's quality scale: 0 is lossless in the encoder's pixels, 51 (h264) or 63 (vp9) worst;
    ffv1 is always lossless. `chroma` "auto" is 4:2:0, which every player shows; but RGB for ffv1, which makes
    it exact to the bit, and 4:4:4 for h264 with an odd side, which 4:2:0 cannot hold and some players do not
    show. `matrix` "auto" is BT.709 from 720 lines on and BT.601 below; RGB has neither matrix nor range.
    """
    path, encoding = Path(path), Encoding(codec, crf, chroma, matrix, colour_range)
    if path.suffix.lower() not in WRITABLE_SUFFIXES:
        raise FrameError(path, f"the suffix must be one of {', '.join(WRITABLE_SUFFIXES)}")
    if not (math.isfinite(fps) and 0 < fps <= 1000):
        raise ValueError(f"fps must be above 0 and at most 1000, came {fps}")
    rate = Fraction(fps).limit_denominator(1001)
    timed = _timed(frames, rate, times)
    first = next(timed, None)
    if first is None:
        raise FrameError(path, "there are no frames to write")
    check_frame(first.frame)
    with whole_file(path) as part, _Sink(path, part, first.frame, encoding, rate) as sink:
        for item in chain([first], timed):
            sink.add(item)
        sink.finish()
    return sink.count


def _timed(
    frames: Iterable[np.ndarray | ClipFrame], rate: Fraction, times: Iterable[float] | None
) -> Iterator[ClipFrame]:
    clock = None if times is None else iter(times)
    for index, item in enumerate(frames):
        frame = item.frame if isinstance(item, ClipFrame) else item
        if clock is not None:
            time_s = next(clock, None)
            if time_s is None:
                raise ValueError(f"there are {index} times and more frames than that")
        else:
            time_s = item.time_s if isinstance(item, ClipFrame) else index / rate
        yield ClipFrame(frame, time_s)


class _Sink:
    """One clip being written: frames go in one after the other, and a closed file is left behind."""

    def __init__(self, path: Path, part: Path, first: np.ndarray, encoding: Encoding, rate: Fraction) -> None:
        height, width = first.shape[:2]
        pixel_format = PIXEL_FORMATS[encoding.chroma_of(width, height)]
        colour = encoding.colour_of(width, height)
        self.count = 0
        self._path, self._shape, self._last_tick = path, first.shape, -1
        self._from_rgb = FromRgb(pixel_format, colour)
        with one_sentence(path, CANNOT_WRITE):
            self._container = _open(part)
            try:
                self._stream = self._container.add_stream(encoding.encoder, rate, options=encoding.options)
                context = self._stream.codec_context
                context.width, context.height, context.pix_fmt = width, height, pixel_format
                context.time_base = _TICKS
                context.colorspace, context.color_range = colour.matrix_tag, colour.range_tag
                # The frames' colours are taken for BT.709's at any size: only the matrix goes by the lines.
                context.color_primaries, context.color_trc = BT709_PRIMARIES, BT709_TRANSFER
            except BaseException:
                self.__exit__()
                raise

    def __enter__(self) -> _Sink:
        return self

    def __exit__(self, *_: object) -> None:
        # After finish() there is nothing left to close, and before it the file is dropped.
        with suppress(Exception):
            self._container.close()

    def add(self, item: ClipFrame) -> None:
        """Nothing; the frame is encoded."""
        check_frame(item.frame)
        if item.frame.shape != self._shape:
            raise ValueError(f"frames must keep their shape {self._shape}, came {item.frame.shape}")
        tick = round(item.time_s / _TICKS)
        if tick <= self._last_tick:
            raise ValueError(f"times must rise from 0 on, came {float(item.time_s)} as number {self.count}")
        self._last_tick = tick
        with one_sentence(self._path, CANNOT_WRITE):
            picture = self._from_rgb(item.frame)
            picture.pts, picture.time_base = tick, _TICKS
            self._container.mux(self._stream.encode(picture))
        self.count += 1

    def finish(self) -> None:
        """Nothing; the clip is complete on the disk."""
        with one_sentence(self._path, CANNOT_WRITE):
            self._container.mux(self._stream.encode(None))
            self._container.close()


def _open(part: Path) -> object:
    import av

    movie = part.suffix.lower() in (".mp4", ".mov")
    return av.open(str(part.absolute()), "w", options={"movflags": "+faststart"} if movie else {})
