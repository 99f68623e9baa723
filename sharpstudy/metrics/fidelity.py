"""How far the restored frame is from the reference, value by value: MSE, PSNR, and the share of pixels made
worse."""

from __future__ import annotations

import math

import numpy as np

from sharpstudy.metrics.inputs import VIDEO_WEIGHTS, check_pair, crop_border, grey

PSNR_CAP = 100.0
"""dB that a frame counts for in a mean: identical frames have an infinite PSNR, which no mean survives."""

VISIBLE_LEVELS = 2.0
"""Grey levels by which an error must grow before a pixel counts as worsened; one level is rounding."""


def mse(reference: np.ndarray, restored: np.ndarray) -> float:
    """Mean squared error over all pixels and the three channels, in squared 8-bit levels (0 to 65025)."""
    check_pair(reference, restored)
    difference = np.subtract(reference, restored, dtype=np.int16)  # uint8 subtraction would wrap around
    return int(np.square(difference, dtype=np.int32).sum(dtype=np.int64)) / difference.size


def psnr(reference: np.ndarray, restored: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB over RGB, pooled, full frame; infinite for identical frames.

    Means over frames are means of these values, each counted as at most PSNR_CAP.
    """
    return _decibel(mse(reference, restored))


def psnr_y(reference: np.ndarray, restored: np.ndarray, crop: int = 0) -> float:
    """Peak signal-to-noise ratio in dB on BT.601 luma (16-235, not rounded), without `crop` border pixels.

    It serves to compare with super-resolution papers, reads about 1.5 dB above the RGB value, and keeps their
    peak of 255.
    """
    check_pair(reference, restored)
    # the difference in levels first, in integers: luma is linear, and identical frames then give exactly 0
    difference = np.subtract(crop_border(reference, crop), crop_border(restored, crop), dtype=np.int16)
    luma = difference @ VIDEO_WEIGHTS
    return _decibel(float(np.square(luma, dtype=np.float64).mean()))


def worsened(reference: np.ndarray, restored: np.ndarray, degraded: np.ndarray) -> float:
    """Share (0 to 1) of pixels that ended further from the reference than the degraded frame left them.

    A pixel counts when its luma error grew by more than VISIBLE_LEVELS. Doing nothing scores 0.
    """
    check_pair(reference, restored)
    check_pair(reference, degraded, "degraded")
    truth = grey(reference)
    growth = np.abs(grey(restored) - truth) - np.abs(grey(degraded) - truth)
    return float(np.mean(growth > VISIBLE_LEVELS))


def _decibel(error: float) -> float:
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
