"""Structural similarity: SSIM, its luma and multi-scale forms, and gradient magnitude similarity."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from sharpstudy.metrics.inputs import check_pair, check_side, crop_border, grey, video_luma

RADIUS = 5  # sigma 1.5 cut at 3.5 sigma: the 11x11 window of Wang et al. 2004
WINDOW = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / 1.5) ** 2)
WINDOW /= WINDOW.sum()
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli and Bovik 2003
MS_SSIM_SIDE = (2 * RADIUS + 1) * 2 ** (len(SCALE_WEIGHTS) - 1)
GMSD_CONSTANT = 170.0  # Xue et al. 2014, for values from 0 to 255
STRIP = 64  # rows worked on at once, so that all the intermediate planes stay in the processor's cache


def ssim(reference: np.ndarray, restored: np.ndarray) -> float:
    """Structural similarity over RGB, the mean of three channels, full frame; 1 for identical frames.

    Wang et al. 2004: Gaussian window of sigma 1.5, population covariance, range 255, borders without a full
    window left out. This is scikit-image's structural_similarity with gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=255, computed in strips.
    """
    check_pair(reference, restored)
    check_side(reference, 2 * RADIUS + 1, "ssim")
    return float(np.mean([_similarity(reference[..., i], restored[..., i])[0] for i in range(3)]))


def ssim_y(reference: np.ndarray, restored: np.ndarray, crop: int = 0) -> float:
    """Structural similarity on BT.601 luma (16-235, not rounded), without `crop` border pixels.

    It serves to compare with super-resolution papers, and so keeps their range of 255.
    """
    check_pair(reference, restored)
    reference, restored = crop_border(reference, crop), crop_border(restored, crop)
    check_side(reference, 2 * RADIUS + 1, "ssim_y")
    return _similarity(video_luma(reference), video_luma(restored))[0]


def ms_ssim(reference: np.ndarray, restored: np.ndarray) -> float:
    """Multi-scale structural similarity on luma over five scales (Wang, Simoncelli and Bovik 2003).

    A scale halves the one before by means of 2x2 pixels (an odd last row or column is left out). Negative
    similarity at a scale counts as 0. Frames need 176 pixels a side.
    """
    check_pair(reference, restored)
    check_side(reference, MS_SSIM_SIDE, "ms_ssim")
    planes = grey(reference), grey(restored)
    product = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        similarity, contrast = _similarity(*planes)
        last = scale == len(SCALE_WEIGHTS) - 1
        product *= max(similarity if last else contrast, 0.0) ** weight
        planes = tuple(_halved(plane) for plane in planes)
    return float(product)


def gmsd(reference: np.ndarray, restored: np.ndarray) -> float:
    """Gradient magnitude similarity deviation on luma (Xue et al. 2014), 0 for identical frames.

    The 2x2 mean and the halving before the Prewitt gradients belong to its definition.
    """
    check_pair(reference, restored)
    check_side(reference, 6, "gmsd")
    first, second = _prewitt(_halved(grey(reference))), _prewitt(_halved(grey(restored)))
    similarity = (2 * first * second + GMSD_CONSTANT) / (first**2 + second**2 + GMSD_CONSTANT)
    return float(similarity.std(dtype=np.float64))


def _similarity(reference: np.ndarray, restored: np.ndarray) -> tuple[float, float]:
    """Mean SSIM and mean contrast-structure term of two planes of 0-255 values."""
    rows, columns = reference.shape[0] - 2 * RADIUS, reference.shape[1] - 2 * RADIUS
    totals = np.zeros(2)
    for top in range(0, rows, STRIP):
        part = slice(top, min(top + STRIP, rows) + 2 * RADIUS)
        totals += _strip_sums(reference[part], restored[part])
    similarity, contrast = totals / (rows * columns)
    return float(similarity), float(contrast)


def _strip_sums(reference: np.ndarray, restored: np.ndarray) -> tuple[float, float]:
    """Sums of SSIM and of its contrast-structure term over the pixels of a strip that have a full window.

    Sum and difference of the two planes need four filtered planes where the textbook form needs five; taking
    128 off keeps the squares small enough for float32.
    """
    first, second = reference.astype(np.float32) - 128, restored.astype(np.float32) - 128
    total, difference = first + second, first - second
    mean_total, mean_difference = _window_mean(total), _window_mean(difference)
    spread_total = _window_mean(total * total) - mean_total**2
    spread_difference = _window_mean(difference * difference) - mean_difference**2
    mean_total, mean_difference = (mean_total + 256) ** 2, mean_difference**2
    luminance = (mean_total - mean_difference + 2 * C1) / (mean_total + mean_difference + 2 * C1)
    contrast = (spread_total - spread_difference + 2 * C2) / (spread_total + spread_difference + 2 * C2)
    return (luminance * contrast).sum(dtype=np.float64), contrast.sum(dtype=np.float64)


def _window_mean(plane: np.ndarray) -> np.ndarray:
    """Gaussian-weighted means of all places that have a full window."""
    rows = correlate1d(plane, WINDOW, axis=0)[RADIUS:-RADIUS]
    return correlate1d(rows, WINDOW, axis=1)[:, RADIUS:-RADIUS]


def _halved(plane: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels."""
    height, width = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    plane = plane[:height, :width]
    return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / 4


def _prewitt(plane: np.ndarray) -> np.ndarray:
    """Gradient magnitudes by Prewitt's operator divided by 3, zeros outside the frame."""
    smooth, step = np.full(3, 1 / 3), np.array([-1.0, 0.0, 1.0])
    across = correlate1d(correlate1d(plane, smooth, axis=0, mode="constant"), step, axis=1, mode="constant")
    down = correlate1d(correlate1d(plane, smooth, axis=1, mode="constant"), step, axis=0, mode="constant")
    return np.hypot(across, down)
