"""The unsharp mask: what every sharpener has to beat, tuned on the same validation pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize_scalar

RADII = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
LARGEST_AMOUNT = 20.0
SAMPLED_PIXELS = 100_000


@dataclass(frozen=True)
class Unsharp:
    """An unsharp mask: radius is the Gaussian's sigma in pixels, amount the share of the difference added."""

    radius: float
    amount: float

    def __post_init__(self) -> None:
        if not 0.1 <= self.radius <= 50:
            raise ValueError(f"unsharp radius: expected 0.1 to 50 pixels, got {self.radius!r}")
        if not 0 <= self.amount <= LARGEST_AMOUNT:
            raise ValueError(f"unsharp amount: expected 0 to 20, got {self.amount!r}")

    def restore(self, degraded: np.ndarray) -> np.ndarray:
        """The sharpened frame, uint8 HxWx3."""
        return unsharp(degraded, self.radius, self.amount)


def unsharp(frame: np.ndarray, radius: float, amount: float) -> np.ndarray:
    """The frame plus `amount` times what a Gaussian of sigma `radius` takes from it, clipped and rounded.

    uint8 HxWx3 in and out; the frame is mirrored at its border.
    """
    Unsharp(radius, amount)
    if frame.dtype != np.uint8 or frame.ndim != 3:
        raise ValueError(f"unsharp: expected a uint8 HxWx3 frame, got {frame.dtype} {frame.shape}")
    values = frame.astype(np.float32)
    sharp = values + np.float32(amount) * _detail(values, radius)
    return np.rint(sharp.clip(0, 255)).astype(np.uint8)


def tune_unsharp(pairs: Sequence[tuple[np.ndarray, np.ndarray]], radii: Sequence[float] = RADII) -> Unsharp:
    """The unsharp mask with the highest mean PSNR over (degraded, reference) pairs of uint8 frames.

    For each radius the best amount is searched between 0 and 20, clipping and rounding included, on evenly
    spaced pixels of each frame. Where no amount helps it is 0, so that the tuned mask is never worse than
    doing nothing.
    """
    if not pairs:
        raise ValueError("tune_unsharp: expected at least one pair, got none")
    best = (_mean_psnr(0.0, [_sample(*pair, radii[0]) for pair in pairs]), radii[0], 0.0)
    for radius in radii:
        samples = [_sample(degraded, reference, radius) for degraded, reference in pairs]
        found = minimize_scalar(
            lambda amount, samples=samples: -_mean_psnr(amount, samples),
            bounds=(0, LARGEST_AMOUNT),
            method="bounded",
            options={"xatol": 0.005},
        )
        amount = round(float(found.x), 2)
        best = max(best, (_mean_psnr(amount, samples), radius, amount))
    return Unsharp(radius=best[1], amount=best[2])


class _Sample(NamedTuple):
    """Some pixels of a pair, float32, and what a Gaussian takes from the degraded frame there."""

    degraded: np.ndarray
    reference: np.ndarray
    detail: np.ndarray


def _sample(degraded: np.ndarray, reference: np.ndarray, radius: float) -> _Sample:
    if degraded.shape != reference.shape:
        raise ValueError(f"pair: expected frames of one size, got {degraded.shape} and {reference.shape}")
    values = degraded.astype(np.float32)
    step = math.ceil(math.sqrt(degraded.shape[0] * degraded.shape[1] / SAMPLED_PIXELS))
    frames = (values, reference.astype(np.float32), _detail(values, radius))
    return _Sample(*(np.ascontiguousarray(frame[::step, ::step]) for frame in frames))


def _mean_psnr(amount: float, samples: Sequence[_Sample]) -> float:
    """The mean over frames in dB; identical frames count as if they differed by rounding alone."""
    decibels = []
    for degraded, reference, detail in samples:
        restored = np.rint((degraded + np.float32(amount) * detail).clip(0, 255))
        error = float(np.mean((restored - reference) ** 2, dtype=np.float64))
        decibels.append(10 * math.log10(255**2 / max(error, 1 / 12)))
    return sum(decibels) / len(decibels)


def _detail(values: np.ndarray, radius: float) -> np.ndarray:
    """What a Gaussian takes away, channel by channel."""
    return values - gaussian_filter(values, sigma=(radius, radius, 0), mode="mirror")
