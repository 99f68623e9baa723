"""What a restored clip does over time that its reference does not: flicker and amplified noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter

from sharpstudy.metrics.inputs import Unavailable, check_pair, grey

STILL_LEVELS = 1.0  # grey levels by which the mean of a 9x9 window may change in a still place
STILL_WINDOW = 9  # wide enough to average a webcam's own noise away
STILL_SHARE = 0.01  # of all pixels and steps; below this there is too little standing still to judge

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


class ClipFlicker(NamedTuple):
    """How a restored clip moves where it should not.

    error: RMS of its frame-to-frame luma change less the reference's own, in grey levels.
    still_noise: its RMS change in still places over that of the degraded clip (1: as noisy as the input).
    """

    error: float
    still_noise: float | Unavailable


def clip_flicker(
    references: Iterable[np.ndarray],
    restored: Iterable[np.ndarray],
    degraded: Iterable[np.ndarray] | None = None,
) -> ClipFlicker:
    """The flicker of a restored clip; frames are read once, in step, two of each clip in memory at a time."""
    own_error = restored_change = degraded_change = 0.0
    pixels = still_pixels = 0
    before: Planes | None = None
    for planes in _planes(references, restored, degraded):
        if before is not None:
            reference_step, restored_step, degraded_step = (
                new - old for new, old in zip(planes, before, strict=True)
            )
            still = np.abs(uniform_filter(reference_step, STILL_WINDOW)) <= STILL_LEVELS
            own_error += _energy(restored_step - reference_step)
            restored_change += _energy(restored_step[still])
            degraded_change += _energy(degraded_step[still])
            pixels += still.size
            still_pixels += int(still.sum())
        before = planes
    if not pixels:
        raise ValueError("clip_flicker: expected at least two frames")
    noise = (
        Unavailable("needs the degraded clip")
        if degraded is None
        else _noise_ratio(restored_change, degraded_change, still_pixels / pixels)
    )
    return ClipFlicker((own_error / pixels) ** 0.5, noise)


def _planes(
    references: Iterable[np.ndarray], restored: Iterable[np.ndarray], degraded: Iterable[np.ndarray] | None
) -> Iterator[Planes]:
    """The luma of the three clips, frame by frame; the restored clip stands in for an absent degraded one."""
    clips = (references, restored) if degraded is None else (references, restored, degraded)
    size: tuple[int, ...] | None = None
    for frames in zip_longest(*clips):
        if any(frame is None for frame in frames):
            raise ValueError("clip: expected as many restored and degraded frames as references")
        for name, frame in zip(("restored", "degraded"), frames[1:], strict=False):
            check_pair(frames[0], frame, name)
        if size is not None and frames[0].shape != size:
            raise ValueError(
                f"clip: expected frames of one size, got {size[1::-1]} and {frames[0].shape[1::-1]}"
            )
        size = frames[0].shape
        planes = [grey(frame) for frame in frames]
        yield planes[0], planes[1], planes[-1]


def _noise_ratio(restored_change: float, degraded_change: float, share: float) -> float | Unavailable:
    if share < STILL_SHARE:
        return Unavailable(f"only {share:.1%} of the clip stands still")
    if degraded_change == 0:
        return (
            1.0
            if restored_change == 0
            else Unavailable("the degraded clip has no noise at all where it is still")
        )
    return (restored_change / degraded_change) ** 0.5


def _energy(plane: np.ndarray) -> float:
    return float(np.square(plane, dtype=np.float64).sum())
