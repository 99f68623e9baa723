"""The cheaper ways to restore a live frame: at half size, or with the detail of the frame before.

Both add detail to the raw frame, so that the raw frame stays where the network has nothing to say. OpenCV
does the work where it is installed, because it resizes and adds 8-bit frames in one pass each. Without it
Pillow does, twenty times slower, which is in time for frames of 640x480; detail is then not reused.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
from PIL import Image, ImageChops

Restore = Callable[[np.ndarray], np.ndarray]

HALF_STRENGTH = 0.5
"""Of the detail found at half size, the share that is added. What the network sees there is sharper than what
it was made for, and it adds too much: over calls at 100 to 1500 kbit/s half of it is better than all."""
_NONE = 128  # the grey that stands for "no detail" in an 8-bit frame of detail
_CELL = 4  # pixels of the half-size frame across a cell in which movement is looked for
# Levels of change in a cell: up to the first all detail is kept, from the second none.
_STILL, _MOVED = 2.0, 6.0


def half_detail(frame: np.ndarray, restore: Restore) -> np.ndarray:
    """The detail that `restore` finds in the frame at half size: uint8 (H/2, W/2, 3) around 128.

    It is a quarter of the work. What would change a pixel by more than 127 levels is cut there.
    """
    small = halved(frame)
    restored, cv2 = restore(small), opencv()
    if cv2 is not None:
        return cv2.addWeighted(restored, 1, small, -1, _NONE)
    return np.asarray(ImageChops.subtract(Image.fromarray(restored), Image.fromarray(small), 1, _NONE))


def add_detail(frame: np.ndarray, detail: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """The frame with `strength` times the detail, enlarged; no detail (128) leaves it as it is, to the bit.

    Detail finer than half size is the raw frame's own, so none of it is lost.
    """
    size, cv2 = frame.shape[1::-1], opencv()
    if cv2 is not None:
        wide = cv2.resize(detail, size, interpolation=cv2.INTER_LINEAR)
        return cv2.addWeighted(frame, 1, wide, strength, -_NONE * strength)
    weak = Image.fromarray(detail).point([round(_NONE + strength * (at - _NONE)) for at in range(256)] * 3)
    wide = weak.resize(size, Image.Resampling.BILINEAR)
    return np.array(ImageChops.add(Image.fromarray(frame), wide, 1, -_NONE))


def mixed(frame: np.ndarray, restored: np.ndarray, strength: float) -> np.ndarray:
    """`strength` of the way from the frame to the restored one."""
    cv2 = opencv()
    if cv2 is not None:
        return cv2.addWeighted(frame, 1 - strength, restored, strength, 0)
    return np.array(Image.blend(Image.fromarray(frame), Image.fromarray(restored), strength))


def halved(frame: np.ndarray) -> np.ndarray:
    """The frame at half size, each pixel the mean of four; a side of one pixel stays one pixel."""
    height, width = frame.shape[:2]
    size, cv2 = (max(1, width // 2), max(1, height // 2)), opencv()
    if cv2 is not None:
        return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))


def opencv() -> ModuleType | None:
    """The module cv2, where it is installed."""
    try:
        import cv2
    except ImportError:
        return None
    return cv2


class Reuse:
    """The last frame's detail, for those places of the next frame that did not move."""

    def __init__(self) -> None:
        self._frame: np.ndarray | None = None
        self._detail: np.ndarray | None = None

    def keep(self, frame: np.ndarray, detail: np.ndarray) -> None:
        """Nothing; this detail of this frame, at half size, is what `still_detail` gives from here on."""
        self._frame, self._detail = frame, detail

    def forget(self) -> None:
        """Nothing; there is no detail until the next `keep`."""
        self._frame = self._detail = None

    def still_detail(self, frame: np.ndarray) -> np.ndarray | None:
        """The kept detail where the frame still shows the same; None without OpenCV, or none of its size.

        A cell counts as still by the largest change in it and in its neighbours, so that nothing of a thing
        that moved on stays behind; detail fades out smoothly from still to moving cells.
        """
        cv2 = opencv()
        if cv2 is None or self._frame is None or self._detail is None or self._frame.shape != frame.shape:
            return None
        height, width = self._detail.shape[:2]
        change = halved(cv2.absdiff(frame, self._frame)).max(axis=2)
        change = cv2.dilate(change, np.ones((2 * _CELL + 1, 2 * _CELL + 1), np.uint8))
        cells = cv2.resize(change, (max(1, width // _CELL), max(1, height // _CELL)))
        kept = np.clip((_MOVED - cells.astype(np.float32)) / (_MOVED - _STILL), 0, 1)
        weight = cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR)
        return cv2.blendLinear(self._detail, np.full_like(self._detail, _NONE), weight, 1 - weight)
