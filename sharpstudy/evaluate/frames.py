"""What models are judged on: degraded frames and clips with their references, read one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sharpstudy.data.degrade import Degradation

CLEAN = "clean"

Part = Literal["square", "whole"]


@dataclass(frozen=True, eq=False)
class EvalFrame:
    """One degraded frame with its reference, uint8 HxWx3, and all that a model may know of it.

    small is the frame that the degraded one was enlarged from, by `scale`; None where there is none. text is
    what the reference says. settings and seed gave the degraded frame; None for frames from elsewhere.
    """

    frame: str
    clip: str
    category: str
    degradation: str
    reference: np.ndarray
    degraded: np.ndarray
    small: np.ndarray | None = None
    scale: int = 1
    text: str | None = None
    settings: Degradation | None = None
    seed: int | None = None

    @property
    def drawn(self) -> Degradation | None:
        """The degradation as it was, nothing left to chance: what a method that knows the blur may read."""
        if self.settings is None or self.seed is None:
            return None
        return self.settings.drawn(np.random.default_rng(self.seed))


@dataclass(frozen=True)
class FrameRow:
    """What is known of a frame before it is read."""

    frame: str
    clip: str
    category: str
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class FrameSet:
    """Frames under one degradation. part: whether a square of each or the whole of it is scored.

    metrics: those that are scored instead of the settings' own. note: what a table should say of the set.
    """

    degradation: str
    rows: tuple[FrameRow, ...]
    load: Callable[[int], EvalFrame]
    part: Part = "square"
    metrics: tuple[str, ...] = ()
    note: str = ""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class EvalClip:
    """Consecutive frames of one recording with their references; all carry the clip's name."""

    name: str
    category: str
    frames: tuple[EvalFrame, ...]


@dataclass(frozen=True, eq=False)
class ClipSet:
    """Clips under one degradation, judged for what moves in them; rows are named by clip."""

    degradation: str
    rows: tuple[FrameRow, ...]
    load: Callable[[int], EvalClip]
    note: str = ""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Region:
    """A rectangle of a frame, in pixels; bottom and right are not part of it."""

    top: int
    left: int
    bottom: int
    right: int

    def of(self, frame: np.ndarray) -> np.ndarray:
        """What the frame shows there."""
        return np.ascontiguousarray(frame[self.top : self.bottom, self.left : self.right])

    def grown(self, margin: int, grid: int, height: int, width: int) -> Region:
        """The region with a margin, its corners moved outwards to the grid, inside a frame of that size."""
        top, left = (max(0, start - margin) // grid * grid for start in (self.top, self.left))
        bottom, right = (-(-(stop + margin) // grid) * grid for stop in (self.bottom, self.right))
        return Region(top, left, min(bottom, height), min(right, width))

    def inside(self, other: Region) -> Region:
        """The same place, counted from the corner of a region around it."""
        return Region(
            self.top - other.top, self.left - other.left, self.bottom - other.top, self.right - other.left
        )


def cut_frame(frame: EvalFrame, region: Region) -> EvalFrame:
    """The part of a frame in a region whose corners are multiples of its scale, or the frame's own."""
    small = frame.small
    if small is not None:
        across = (region.top, region.left, region.bottom, region.right)
        top, left, bottom, right = (-(-at // frame.scale) for at in across)
        small = np.ascontiguousarray(small[top:bottom, left:right])
    return replace(
        frame, reference=region.of(frame.reference), degraded=region.of(frame.degraded), small=small
    )
