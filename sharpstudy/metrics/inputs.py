"""What every metric accepts and refuses, and the grey values that several of them share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
VIDEO_WEIGHTS = np.array([65.481, 128.553, 24.966], np.float32) / np.float32(255)


@dataclass(frozen=True)
class Unavailable:
    """Stands where a score could not be had, with the reason; it prints as a table cell and is no number."""

    reason: str

    def __str__(self) -> str:
        return f"n/a ({self.reason})"


def check_frame(frame: np.ndarray, name: str) -> None:
    """Refuses whatever is not a uint8 frame of shape (height, width, 3).

    Floats are refused because a frame in [0, 1] scored on the 0-255 scale looks like a perfect restoration.
    """
    if not isinstance(frame, np.ndarray):
        raise ValueError(f"{name}: expected a NumPy array, got {type(frame).__name__}")
    if frame.dtype != np.uint8:
        raise ValueError(
            f"{name}: expected uint8 values from 0 to 255, got {frame.dtype}; clip and round it first"
        )
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(f"{name}: expected the shape (height, width, 3), got {frame.shape}")


def check_pair(reference: np.ndarray, restored: np.ndarray, name: str = "restored") -> None:
    """Refuses two frames that cannot be compared pixel by pixel."""
    check_frame(reference, "reference")
    check_frame(restored, name)
    if reference.shape != restored.shape:
        raise ValueError(
            f"{name}: expected the reference's size {_size(reference)}, got {_size(restored)}; "
            "frames are compared at full size and never resized here"
        )


def check_side(frame: np.ndarray, least: int, metric: str) -> None:
    """Refuses a frame whose shorter side is below what the metric's windows need."""
    if min(frame.shape[:2]) < least:
        raise ValueError(f"{metric}: expected at least {least} pixels a side, got {_size(frame)}")


def crop_border(frame: np.ndarray, crop: int) -> np.ndarray:
    """The frame without `crop` pixels on each side, as super-resolution papers score it."""
    if crop < 0 or 2 * crop >= min(frame.shape[:2]):
        raise ValueError(
            f"crop: expected 0 to less than half of the shorter side of {_size(frame)}, got {crop}"
        )
    return frame[crop : frame.shape[0] - crop, crop : frame.shape[1] - crop]


def grey(frame: np.ndarray) -> np.ndarray:
    """BT.601 luma over the full range: float32 (height, width), 0 to 255."""
    return frame @ GREY_WEIGHTS


def video_luma(frame: np.ndarray) -> np.ndarray:
    """BT.601 luma over the video range: float32 (height, width), 16 to 235, not rounded."""
    return frame @ VIDEO_WEIGHTS + np.float32(16)


def _size(frame: np.ndarray) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"
