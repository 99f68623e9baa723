"""One open clip: its decoded pictures, their times, and the place where it breaks off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sharpstudy.data.colour import colour_of
from sharpstudy.data.files import CANNOT_READ, FrameError, check_size, one_sentence, reason_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_CLIP_PIXELS = 35_651_584  # the largest picture of any level of H.264, HEVC and AV1 (8192 x 4352)
_USUAL_RATE = Fraction(25)  # FFmpeg's own rate for streams that carry no times
_PROMISING = ("matroska", "mp4")  # containers whose headers give the video's own length to the frame
_MATRIX_TO_EXIF = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}


class ClipSource:
    """The first video of a file; a FrameError says why it cannot be had."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shown = 0  # pictures handed out so far
        self._last_s = 0.0  # when the last of them is shown
        self._demuxed_until_s = 0.0
        with one_sentence(path, CANNOT_READ):
            self.container = _open(path)
            try:
                self.stream = self._first_video()
                self.colour = colour_of(self.stream.codec_context)
            except BaseException:
                self.container.close()
                raise
        self.fps: Fraction = self.stream.average_rate or self.stream.guessed_rate or _USUAL_RATE

    def _first_video(self) -> VideoStream:
        if not self.container.streams.video:
            raise FrameError(self.path, "it holds no video")
        stream = self.container.streams.video[0]
        context = stream.codec_context
        if context is None or context.format is None:
            raise FrameError(self.path, "its video is of a kind that cannot be decoded")
        check_size(self.path, context.width, context.height, MAX_CLIP_PIXELS)
        context.options = {"max_pixels": str(MAX_CLIP_PIXELS)}  # a stream may claim more than its container
        return stream

    def __enter__(self) -> ClipSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    @property
    def duration_s(self) -> float | None:
        """How long the header says that the clip is."""
        if self.stream.duration is not None and self.stream.time_base is not None:
            return float(self.stream.duration * self.stream.time_base)
        return self.container.duration / 1e6 if self.container.duration else None

    def pictures(self) -> Iterator[tuple[VideoFrame, float]]:
        """The whole pictures in the order of showing and their times (seconds); a FrameError at a break.

        Times are on the container's clock, which its sound shares, or counted where it has none or they fall.
        """
        try:
            for packet in self.container.demux(self.stream):
                yield from self._timed(self._decode(packet))
        except FrameError:
            raise
        except Exception as error:  # what decoders raise for damaged bytes has many types
            yield from self._timed(self._drain())
            raise self._broken(reason_of(error)) from None
        promised_s = self._promised_until_s()
        if promised_s is not None and promised_s - self._demuxed_until_s > 0.75 / self.fps:
            raise self._broken(f"its header promises {promised_s:.2f} s")
        if self._shown == 0:
            raise FrameError(self.path, "it holds no frame that can be decoded")

    def _timed(self, pictures: list[VideoFrame]) -> Iterator[tuple[VideoFrame, float]]:
        for picture in pictures:
            if picture.is_corrupt:
                raise self._broken("a frame is damaged") from None
            # Not picture.time: pictures that are drained after an error have lost their time base.
            counted = picture.pts is None or self.stream.time_base is None
            time_s = float(self._shown / self.fps if counted else picture.pts * self.stream.time_base)
            if self._shown and time_s <= self._last_s:
                time_s = self._last_s + float(1 / self.fps)
            self._shown, self._last_s = self._shown + 1, time_s
            yield picture, time_s

    def _broken(self, reason: str) -> FrameError:
        time_s = self._last_s + float(1 / self.fps) if self._shown else 0.0
        return FrameError(self.path, f"it breaks off at {time_s:.2f} s: {reason}")

    def _decode(self, packet: Packet) -> list[VideoFrame]:
        if packet.is_corrupt:
            raise ValueError("the data ends inside a frame")
        start = packet.pts if packet.pts is not None else packet.dts
        if start is not None and packet.time_base is not None:
            length = packet.duration or 1 / (self.fps * packet.time_base)
            self._demuxed_until_s = max(self._demuxed_until_s, float((start + length) * packet.time_base))
        return packet.decode()

    def _drain(self) -> list[VideoFrame]:
        """The pictures that the decoder still holds back for reordering."""
        with suppress(Exception):
            return self.stream.codec_context.decode(None)
        return []

    def _promised_until_s(self) -> float | None:
        """Where the video ends by the header, if that can be trusted: a clip that is cut can just end."""
        if not any(name in self.container.format.name for name in _PROMISING):
            return None
        tag = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", self.stream.metadata.get("DURATION", "").strip())
        if tag is not None:
            return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        if self.stream.duration is None or self.stream.time_base is None:
            return None
        return float(((self.stream.start_time or 0) + self.stream.duration) * self.stream.time_base)


def orientation_of(picture: VideoFrame) -> int:
    """The display matrix as an EXIF orientation, 1 to 8; one that does more than turn or flip counts as 1."""
    data = picture.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1
    matrix = np.frombuffer(bytes(data), np.int32)[[0, 1, 3, 4]].astype(np.int64)
    strong = np.abs(matrix) > np.abs(matrix).max() / 2
    return _MATRIX_TO_EXIF.get(tuple(int(value) for value in np.sign(matrix) * strong), 1)


def _open(path: Path) -> InputContainer:
    import av

    # A playlist must not reach the network, and guessing the format must not decode a bomb.
    options = {"protocol_whitelist": "file", "max_pixels": str(MAX_CLIP_PIXELS)}
    if path.suffix.lower() != ".yuv":
        return av.open(str(path.absolute()), options=options)
    return av.open(str(path.absolute()), format="rawvideo", options=options | _raw_options(path))


def _raw_options(path: Path) -> dict[str, str]:
    size = re.search(r"(?<!\d)(\d{1,5})x(\d{1,5})(?!\d)", path.stem)
    if size is None:
        raise FrameError(path, "a raw .yuv needs its size in its name, as in call_640x360_30fps.yuv")
    check_size(path, int(size[1]), int(size[2]), MAX_CLIP_PIXELS)
    rate = re.search(r"(?<![\d.])(\d{1,4}(?:\.\d{1,3})?)fps", path.stem)
    fps = Fraction(rate[1]) if rate and Fraction(rate[1]) > 0 else _USUAL_RATE
    return {"video_size": size[0], "pixel_format": "yuv420p", "framerate": str(fps)}
