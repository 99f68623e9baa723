"""A video file being read: its frames in order, and between them the packets of its sound and subtitles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sharpstudy.data.clip_source import ClipSource, orientation_of
from sharpstudy.data.colour import ToRgb
from sharpstudy.data.files import FrameError, check_file, reason_of
from sharpstudy.data.samples import upright

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

COPIED_KINDS = ("audio", "subtitle")
_PROMISING = ("matroska", "mp4")  # containers whose headers can be trusted to the frame
_MOST_BREAKS = 1000  # a file with more of them than this is not a video with damage but damage


@dataclass
class Shot:
    """A frame (upright) with its time, and the packets that lie before it in the file."""

    frame: np.ndarray | None  # None for the packets after the last frame
    time_s: float
    packets: list[Packet] = field(default_factory=list)


@dataclass(frozen=True)
class Break:
    """A place where a file is damaged; what could not be decoded there is missing from what is read."""

    time_s: float
    reason: str

    def __str__(self) -> str:
        return f"{self.time_s:.2f} s: {self.reason}"


class VideoInput:
    """One open video file; a FrameError says why it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = check_file(path)
        self.source = ClipSource(self.path)
        self.source.stream.thread_type = "AUTO"
        self.breaks: list[Break] = []
        self.copied: list[Stream] = [
            stream for stream in self.source.container.streams if stream.type in COPIED_KINDS
        ]
        self._to_rgb = ToRgb()
        self._last_s: float | None = None

    def __enter__(self) -> VideoInput:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.container.close()

    @property
    def frames_promised(self) -> int | None:
        """How many frames there should be, by the header; None where it does not say."""
        stream, seconds = self.source.stream, self.source.duration_s
        return stream.frames or (round(seconds * self.source.fps) if seconds else None)

    def shots(self) -> Iterator[Shot]:
        """Frames at rising times, with what lies between them; damaged places are left out and noted."""
        waiting: list[Packet] = []
        for packet in self._packets():
            if packet.stream.type != "video":
                if packet.dts is not None:  # the empty packet at the end has none
                    waiting.append(packet)
                continue
            for picture in self._decoded(packet):
                shot = self._shot(picture, waiting)
                if shot is not None:
                    waiting = []
                    yield shot
        if self._last_s is None:
            raise FrameError(self.path, "it holds no frame that can be decoded")
        self._compare_with_header()
        yield Shot(None, self._last_s, waiting)

    def _compare_with_header(self) -> None:
        """A note, where a container that gives the video's own length promises more than there was."""
        container, stream, step = self.source.container, self.source.stream, float(1 / self.source.fps)
        own = stream.duration is not None or len(container.streams) == 1
        if not own or not any(name in container.format.name for name in _PROMISING):
            return
        promised_s = self.source.duration_s or 0.0
        if stream.duration is not None:  # MP4 counts from its first frame, Matroska from 0 to the end
            promised_s += float((stream.start_time or 0) * stream.time_base)
        if promised_s - self._last_s > 1.75 * step:
            self._note(f"the rest is missing; the header promises {promised_s:.2f} s")

    def _packets(self) -> Iterator[Packet]:
        packets = self.source.container.demux([self.source.stream, *self.copied])
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except Exception as error:  # what is behind this place cannot be reached
                self._note(f"the rest cannot be read: {reason_of(error)}")
                yield from self._flushing()
                return
            yield packet

    def _flushing(self) -> Iterator[Packet]:
        """The empty packet that makes a decoder give what it holds back."""
        import av

        packet = av.Packet()
        packet.stream = self.source.stream
        yield packet

    def _decoded(self, packet: Packet) -> list[VideoFrame]:
        try:
            return packet.decode()
        except Exception as error:  # what decoders raise for damaged bytes has many types
            self._note(reason_of(error))
            return []

    def _shot(self, picture: VideoFrame, packets: list[Packet]) -> Shot | None:
        """None for a picture that is damaged: its neighbour stays on the screen instead."""
        if picture.is_corrupt:
            self._note("a frame is damaged")
            return None
        source, step = self.source, float(1 / self.source.fps)
        after = 0.0 if self._last_s is None else self._last_s + step
        counted = picture.pts is None or source.stream.time_base is None
        time_s = after if counted else float(picture.pts * source.stream.time_base)
        if self._last_s is not None and time_s <= self._last_s:
            time_s = after
        frame = upright(self._to_rgb(picture, source.colour), orientation_of(picture))
        self._last_s = time_s
        return Shot(frame, time_s, packets)

    def _note(self, reason: str) -> None:
        time_s = 0.0 if self._last_s is None else self._last_s + float(1 / self.source.fps)
        if len(self.breaks) >= _MOST_BREAKS:
            raise FrameError(self.path, f"more than {_MOST_BREAKS} places in it are damaged")
        if not self.breaks or self.breaks[-1].time_s != time_s:  # one damage brings several complaints
            self.breaks.append(Break(time_s, reason))
