"""Before and after in one frame."""

from __future__ import annotations

import numpy as np


def split_frame(raw: np.ndarray, restored: np.ndarray, split: float = 0.5) -> np.ndarray:
    """A new frame: raw left of a white line at `split` of the width, restored right of it."""
    width = raw.shape[1]
    at = round(min(1.0, max(0.0, split)) * width)
    frame = restored.copy()
    frame[:, :at] = raw[:, :at]
    if 0 < at < width:
        half = max(1, width // 640)
        frame[:, max(0, at - half) : at + half] = np.iinfo(frame.dtype).max
    return frame


def side_frame(raw: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """A new frame of twice the width and a white gap: raw on the left, restored on the right."""
    height, width, channels = raw.shape
    gap = np.full((height, max(2, width // 160), channels), np.iinfo(raw.dtype).max, raw.dtype)
    return np.concatenate([raw, gap, restored], axis=1)
