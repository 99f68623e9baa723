"""Whole video files: read, restored and written, as a user waits for them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from sharpstudy.speed import Timing

from .models import sample_frame

FPS = 30
LEAD = 10  # frames until reader, network and writer are all at work


def time_file(
    restore: Callable[[np.ndarray], np.ndarray], width: int, height: int, frames: int = 90
) -> Timing:
    """The times between restored frames of a video file, from compressed file to compressed file.

    Reading, restoring and writing overlap, so that the slowest of them counts, or the cores that they share.
    """
    from sharpstudy.data.clips import write_clip
    from sharpstudy.runtime.video import sharpen_video

    finished: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "call.mp4", Path(name) / "restored.mp4"
        write_clip(source, _moving(width, height, frames + LEAD), fps=Fraction(FPS))
        sharpen_video(source, target, restore, on_frame=lambda *_: finished.append(time.perf_counter()))
    gaps = 1000 * np.diff(finished)[LEAD - 1 :]
    return Timing(tuple(float(gap) for gap in gaps), LEAD, "steady")


def _moving(width: int, height: int, count: int) -> Iterator[np.ndarray]:
    """A frame that slides by two pixels a frame, so that the encoder has something to do."""
    frame = sample_frame(width, height)
    return (np.roll(frame, 2 * number, axis=1) for number in range(count))
