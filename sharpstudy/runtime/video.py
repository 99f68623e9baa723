"""Whole video files: read, restored and written at the same time, with sound and everything else kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from sharpstudy.data.files import FrameError, whole_file
from sharpstudy.runtime.compare import split_frame
from sharpstudy.runtime.stages import run_stages
from sharpstudy.runtime.video_input import Break, Shot, VideoInput
from sharpstudy.runtime.video_output import VIDEO_SUFFIXES, VideoOutput, VideoSettings, check_target

__all__ = ["VIDEO_SUFFIXES", "VideoReport", "VideoSettings", "sharpen_video", "video_target"]

Restore = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class VideoReport:
    """What became of one video file."""

    target: Path
    frames: int
    seconds: float
    ended: Literal["whole", "interrupted"]
    breaks: tuple[Break, ...]  # damaged places, whose frames are missing
    notes: tuple[str, ...]  # what the new file could not hold

    @property
    def fps(self) -> float:
        """Frames a second, with reading and writing."""
        return self.frames / max(self.seconds, 1e-9)

    def __str__(self) -> str:
        head = f"{self.target}  {self.frames} frames in {self.seconds:.1f} s, {self.fps:.1f} FPS"
        stopped = ["stopped before its end"] if self.ended == "interrupted" else []
        lost = [f"damaged at {one}; skipped" for one in self.breaks[:10]]
        if len(self.breaks) > 10:
            lost.append(f"damaged in {len(self.breaks) - 10} more places")
        return "\n  ".join([head, *stopped, *lost, *self.notes])


def video_target(source: Path, word: str = "sharp", into: Path | None = None) -> Path:
    """clip.sharp.mp4 for clip.mp4; Matroska, which holds everything, where that format cannot be written."""
    suffix = source.suffix if source.suffix.lower() in VIDEO_SUFFIXES else ".mkv"
    return (into or source.parent) / f"{source.stem}.{word}{suffix}"


def sharpen_video(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    restore: Restore,
    settings: VideoSettings | None = None,
    *,
    show: Literal["restored", "split"] = "restored",
    when_interrupted: Literal["drop", "keep"] = "drop",
    overwrite: Literal["no", "yes"] = "no",
    on_frame: Callable[[int, int | None], None] | None = None,
) -> VideoReport:
    """What was done; `target` holds the restored video, whole or (when_interrupted "keep") as far as it got.

    Sound, subtitles, chapters, metadata and the times of frames are kept, and colours with their tags; frames
    are turned upright. HDR is refused. Deeper samples become 8 bits. `show` "split" leaves the left half raw.
    `on_frame` is told how many frames are done, and of how many where the file says. A KeyboardInterrupt is
    raised on with "drop", which leaves no file.
    """
    source, target, began_s = Path(source), Path(target), time.perf_counter()
    check_target(target)
    if target.exists():
        if overwrite == "no":
            raise FrameError(target, "it is there already")
        if target.samefile(source):
            raise FrameError(target, "a video cannot be written over the one that is being read")
    ended: Literal["whole", "interrupted"] = "whole"
    with ExitStack() as stack:
        read = stack.enter_context(VideoInput(source))
        part = stack.enter_context(whole_file(target))
        written = stack.enter_context(VideoOutput(part, read, settings or VideoSettings()))
        try:
            _Job(read, written, restore, show, on_frame).run()
        except KeyboardInterrupt:
            if when_interrupted == "drop" or written.frames == 0:
                raise
            ended = "interrupted"
        written.finish()
    seconds = time.perf_counter() - began_s
    return VideoReport(target, written.frames, seconds, ended, tuple(read.breaks), tuple(written.notes))


class _Job:
    """One video on its way through the three stages."""

    def __init__(
        self,
        read: VideoInput,
        written: VideoOutput,
        restore: Restore,
        show: Literal["restored", "split"],
        on_frame: Callable[[int, int | None], None] | None,
    ) -> None:
        self._read, self._written, self._restore = read, written, restore
        self._show, self._on_frame = show, on_frame
        self._total = read.frames_promised
        self._shape: tuple[int, ...] | None = None

    def run(self) -> None:
        shots = self._read.shots()
        first = next(shots)
        self._shape = first.frame.shape
        self._written.prepare(*first.frame.shape[:2])
        run_stages(chain([first], shots), self._worked, self._write)

    def _worked(self, shot: Shot) -> Shot:
        if shot.frame is None:
            return shot
        if shot.frame.shape != self._shape:
            raise FrameError(self._read.path, f"its frames change their size at {shot.time_s:.2f} s")
        restored = self._restore(shot.frame)
        if self._show == "split":
            restored = split_frame(shot.frame, restored)
        return Shot(restored, shot.time_s, shot.packets)

    def _write(self, shot: Shot) -> None:
        self._written.add(shot)
        if self._on_frame is not None and shot.frame is not None:
            self._on_frame(self._written.frames, self._total)
