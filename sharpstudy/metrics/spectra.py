"""What a frame keeps of its reference at each spatial frequency: amplitude, and how much of it is true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sharpstudy.metrics.inputs import check_pair

BT601 = np.array([65.481, 128.553, 24.966]) / 219.0  # luma weights of R, G, B


@dataclass(frozen=True)
class Spectrum:
    """By frequency (cycles per pixel, up to 0.5): amplitude kept, and how much of the reference's is true.

    kept is the ratio of amplitudes: 1 where there is as much as in the reference, whatever it shows. true is
    the regression of the frame's coefficients on the reference's: detail that stands where it should. What is
    kept beyond what is true was invented (or is noise).
    """

    frequency: np.ndarray
    kept: np.ndarray
    true: np.ndarray


def radial_spectrum(reference: np.ndarray, restored: np.ndarray, bins: int = 32) -> Spectrum:
    """A uint8 HxWx3 frame's spectrum against its reference's: luma, Hann window, averaged over rings."""
    check_pair(reference, restored)
    height, width = reference.shape[:2]
    if min(height, width) < 2 * bins:
        raise ValueError(
            f"radial_spectrum: expected sides of at least {2 * bins} pixels for {bins} rings, "
            f"got {width}x{height}"
        )
    window = np.outer(np.hanning(height), np.hanning(width))
    truth, found = (_transform(frame, window) for frame in (reference, restored))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    ring = np.minimum(
        (radius * 2 * bins).astype(int), bins
    )  # the last number collects the corners beyond 0.5
    power, other, shared = (
        np.bincount(ring.ravel(), weights.ravel(), bins + 1)[:bins]
        for weights in (np.abs(truth) ** 2, np.abs(found) ** 2, (truth.conj() * found).real)
    )
    power = np.maximum(
        power, 1e-9 * power.max() + 1e-12
    )  # a ring that is empty in the reference keeps nothing
    return Spectrum((np.arange(bins) + 0.5) / (2 * bins), np.sqrt(other / power), shared / power)


def _transform(frame: np.ndarray, window: np.ndarray) -> np.ndarray:
    luma = frame @ BT601
    return np.fft.rfft2((luma - luma.mean()) * window)
