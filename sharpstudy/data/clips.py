"""Clips in and out of files: frames with their times, upright, in colours that survive the round trip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from sharpstudy.data.clip_source import ClipSource, orientation_of
from sharpstudy.data.clip_writer import WRITABLE_SUFFIXES, ClipFrame, write_clip
from sharpstudy.data.colour import Colour, ToRgb
from sharpstudy.data.files import check_file, one_sentence
from sharpstudy.data.samples import upright

__all__ = ["CLIP_SUFFIXES", "ClipFrame", "ClipInfo", "probe_clip", "read_clip", "write_clip"]

_READ_ONLY_SUFFIXES = (".avi", ".m4v", ".ts", ".flv", ".wmv", ".264", ".h264", ".265", ".y4m", ".yuv")
CLIP_SUFFIXES = WRITABLE_SUFFIXES + _READ_ONLY_SUFFIXES
_ROTATION = {1: 0, 2: 0, 3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}


@dataclass(frozen=True)
class ClipInfo:
    """What a clip says of itself; width and height are those of its frames once they are upright."""

    width: int
    height: int
    fps: Fraction  # the average: a clip may well be of variable rate
    frames: int | None  # None where the container does not count them
    duration_s: float | None
    codec: str
    container: str
    pixel_format: str
    colour: Colour
    rotation: int  # degrees clockwise by which its frames are turned: 0, 90, 180 or 270
    sound: bool


def probe_clip(path: str | os.PathLike[str]) -> ClipInfo:
    """What the clip at `path` is, known from its header and its first frame."""
    path = check_file(path)
    with ClipSource(path) as source:
        picture, _ = next(source.pictures())
        orientation = orientation_of(picture)
        sides = (picture.width, picture.height)
        width, height = reversed(sides) if orientation >= 5 else sides
        return ClipInfo(
            width=width,
            height=height,
            fps=source.fps,
            frames=source.stream.frames or None,
            duration_s=source.duration_s,
            codec=source.stream.codec_context.name,
            container=source.container.format.name,
            pixel_format=source.stream.codec_context.pix_fmt,
            colour=source.colour,
            rotation=_ROTATION[orientation],
            sound=len(source.container.streams.audio) > 0,
        )


def read_clip(path: str | os.PathLike[str]) -> Iterator[ClipFrame]:
    """The frames of the clip at `path`, one at a time, with their times.

    Any container that FFmpeg reads; a raw .yuv is I420 and has its size, and may have its rate, in its name
    (call_640x360_30fps.yuv). Times are those of the container, so a variable rate is kept; streams without
    times (.264) count at their own rate, or at 25 a second. The display matrix is applied. Fields are not
    woven, pixels are not made square, alpha is dropped and primaries are not converted. Where a clip breaks
    off, or its decoder notices damage, the frames up to there come first, then a FrameError that names the
    time; flipped bits that still decode, as most do in a lossy codec, pass unnoticed.
    """
    path = check_file(path)
    to_rgb = ToRgb()
    with ClipSource(path) as source:
        for picture, time_s in source.pictures():
            with one_sentence(path, f"it cannot be read at {time_s:.2f} s"):
                frame = upright(to_rgb(picture, source.colour), orientation_of(picture))
            yield ClipFrame(frame, time_s)
