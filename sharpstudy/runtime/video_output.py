"""A video file being written: restored frames, with the sound, subtitles and words of their source."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sharpstudy.data.colour import Colour, FromRgb
from sharpstudy.data.files import CANNOT_WRITE, FrameError, one_sentence, reason_of
from sharpstudy.runtime.video_input import Shot, VideoInput

if TYPE_CHECKING:
    from av.stream import Stream

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
"""Those that can be written: they hold frames of any rate and order."""

_TICKS = Fraction(1, 90_000)  # the clock of MPEG systems, in which all usual frame times are whole numbers
# What a container says of the file that it once was.
_NOT_COPIED = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "rotate"}


@dataclass(frozen=True)
class VideoSettings:
    """How restored frames are encoded: `crf` 0 (best) to 51, `preset` one of x264's (slower is smaller)."""

    crf: int = 18
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    threads: int = 0  # of the encoder; 0 is as many as it likes

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf must be 0 to 51, came {self.crf}")
        if self.threads < 0:
            raise ValueError(f"threads must be 0 or more, came {self.threads}")


class VideoOutput:
    """The file at `part`, being written after the model of what is read; `notes` says what it cannot hold."""

    def __init__(self, part: Path, source: VideoInput, settings: VideoSettings) -> None:
        import av

        self.notes: list[str] = []
        self.frames = 0
        self._path, self._settings, self._input = part, settings, source
        self._video = self._from_rgb = None
        self._streams: dict[int, Stream] = {}
        with one_sentence(part, CANNOT_WRITE):
            options = {"movflags": "+faststart"} if part.suffix.lower() in (".mp4", ".m4v", ".mov") else {}
            self._container = av.open(str(part.absolute()), "w", options=options)

    def __enter__(self) -> VideoOutput:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # after finish() there is nothing left to close
            self._container.close()

    def prepare(self, height: int, width: int) -> None:
        """Nothing; all streams are laid out for frames of this size."""
        with one_sentence(self._path, CANNOT_WRITE):
            self._add_video(height, width)
            for stream in self._input.copied:
                self._add_copied(stream)
            self._copy_words()

    def add(self, shot: Shot) -> None:
        """Nothing; what lies before the frame, and the frame, are in the file."""
        with one_sentence(self._path, CANNOT_WRITE):
            for packet in shot.packets:
                stream = self._streams.get(packet.stream.index)
                if stream is not None:
                    packet.stream = stream
                    self._container.mux(packet)
            if shot.frame is not None:
                picture = self._from_rgb(shot.frame)
                picture.pts, picture.time_base = round(shot.time_s / _TICKS), _TICKS
                self._container.mux(self._video.encode(picture))
                self.frames += 1

    def finish(self) -> None:
        """Nothing; the file is complete on the disk, with the frames that came so far."""
        with one_sentence(self._path, CANNOT_WRITE):
            self._container.mux(self._video.encode(None))
            self._container.close()

    def _add_video(self, height: int, width: int) -> None:
        source, settings = self._input.source, self._settings
        read = source.stream.codec_context
        webm = self._path.suffix.lower() == ".webm"
        options = {"crf": str(settings.crf)}
        options |= {"b": "0", "cpu-used": "5", "row-mt": "1"} if webm else {"preset": settings.preset}
        name = "libvpx-vp9" if webm else "libx264"
        self._video = stream = self._container.add_stream(name, source.fps, options=options)
        colour, layout = _colour_for(source.colour), _layout_for(read.format.name, width, height)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt, context.time_base = width, height, layout, _TICKS
        context.thread_count = settings.threads
        context.colorspace, context.color_range = colour.matrix_tag, colour.range_tag
        context.color_primaries, context.color_trc = read.color_primaries, read.color_trc
        shape = read.sample_aspect_ratio
        if shape:
            turned = (read.width, read.height) != (width, height) and read.width != read.height
            context.sample_aspect_ratio = 1 / shape if turned else shape
        self._from_rgb = FromRgb(layout, colour)

    def _add_copied(self, stream: Stream) -> None:
        name = "?" if stream.codec_context is None else stream.codec_context.name
        try:
            if name not in self._container.supported_codecs:
                raise ValueError(f"{self._path.suffix} cannot hold it; .mkv can")
            copy = self._container.add_stream_from_template(stream)
            if (
                getattr(copy, "codec_context", None) is not None
            ):  # some versions of PyAV open an encoder for it
                copy.codec_context.options = {"strict": "experimental"}
        except Exception as error:  # a stream less is better than no video
            self.notes.append(f"{stream.type} stream {stream.index} ({name}) is left out: {reason_of(error)}")
            return
        copy.metadata.update(_words(stream.metadata))
        with suppress(AttributeError):  # read-only in some versions of PyAV
            copy.disposition = stream.disposition
        self._streams[stream.index] = copy

    def _copy_words(self) -> None:
        read = self._input.source.container
        self._container.metadata.update(_words(read.metadata))
        self._video.metadata.update(_words(self._input.source.stream.metadata))
        if hasattr(read, "chapters"):
            self._container.set_chapters(read.chapters())
        others = [one.type for one in read.streams if one.type not in ("audio", "subtitle")]
        others.remove("video")
        if others:
            self.notes.append(f"left out: {', '.join(f'a {kind} stream' for kind in others)}")


def _words(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key.lower() not in _NOT_COPIED}


def _colour_for(colour: Colour) -> Colour:
    """The colour to write for frames that were read as `colour`: the same where it can be tagged."""
    matrix = colour.matrix if colour.matrix in ("bt601", "bt709") else "bt709"
    return Colour(matrix, "limited" if colour.matrix == "rgb" else colour.range)


def _layout_for(read: str, width: int, height: int) -> str:
    """4:2:0, which every player shows; 4:4:4 for odd sides, and where the source has it."""
    fine = any(word in read for word in ("444", "rgb", "bgr", "gbr"))
    return "yuv444p" if fine or width % 2 or height % 2 else "yuv420p"


def check_target(path: Path) -> None:
    """Nothing, for a file that can be written as a video."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise FrameError(path, f"the suffix must be one of {', '.join(VIDEO_SUFFIXES)}")
