"""Wiener's deconvolution, told the blur of each frame: no rival of a sharpener, which is told nothing, but a
sight of what there is to win.

A frame blurred with its border mirrored about the edge pixels is one period of a periodic, symmetric picture,
which the cosine transform of the first kind takes apart. So the blur is undone exactly up to the border.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.fft import dctn, idctn
from scipy.optimize import minimize_scalar

SMALLEST_NOISE, LARGEST_NOISE = 1e-8, 0.1  # between which it is tuned
SIDE, MARGIN = 256, 32  # the central square of a pair tells enough; its margin, cut open, is not judged


@dataclass(frozen=True)
class KnownBlur:
    """The Gaussian that a frame was blurred by: odd width of its kernel, and sigma, both in pixels."""

    kernel: int
    sigma: float

    def __post_init__(self) -> None:
        if type(self.kernel) is not int or self.kernel % 2 == 0 or not 3 <= self.kernel <= 51:
            raise ValueError(f"blur's kernel: expected an odd whole number from 3 to 51, got {self.kernel!r}")
        if not 0.1 <= self.sigma <= 20:
            raise ValueError(f"blur's sigma: expected 0.1 to 20 pixels, got {self.sigma!r}")

    def response(self, height: int, width: int) -> np.ndarray:
        """What is left of each cosine of a (height, width) frame; float64, 1 for the mean."""
        reach = np.arange(-(self.kernel // 2), self.kernel // 2 + 1)
        weights = np.exp(-0.5 * (reach / self.sigma) ** 2)
        weights /= weights.sum()
        down, along = (np.cos(np.outer(_frequencies(n), reach)) @ weights for n in (height, width))
        return np.outer(down, along)


class Blurred(NamedTuple):
    """One pair to tune on, uint8 HxWx3, with the blur that lies between its frames."""

    degraded: np.ndarray
    reference: np.ndarray
    blur: KnownBlur


@dataclass(frozen=True)
class Wiener:
    """Wiener's filter with a Laplacian for the spectrum of pictures (Hunt 1973), as scikit-image has it.

    noise weighs the Laplacian: the larger, the smoother the restored frame.
    """

    noise: float

    def __post_init__(self) -> None:
        if not 0 < self.noise <= 10:
            raise ValueError(f"wiener's noise: expected more than 0 and at most 10, got {self.noise!r}")

    def restore(self, degraded: np.ndarray, blur: KnownBlur) -> np.ndarray:
        """The deblurred frame, uint8 HxWx3."""
        _check_frame(degraded)
        return _to_frame(_filtered(_cosines(degraded), blur, self.noise))


def tune_wiener(pairs: Sequence[Blurred]) -> Wiener:
    """The Wiener filter whose noise level gives the highest mean PSNR over validation pairs."""
    if not pairs:
        raise ValueError("tune_wiener: expected at least one pair, got none")
    squares = [_central(pair) for pair in pairs]
    spectra = [_cosines(square.degraded) for square in squares]

    def loss(level: float) -> float:
        return -sum(
            _psnr(_filtered(spectrum, square.blur, 10**level), square.reference)
            for spectrum, square in zip(spectra, squares, strict=True)
        )

    bounds = math.log10(SMALLEST_NOISE), math.log10(LARGEST_NOISE)
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 0.02})
    return Wiener(float(f"{10**found.x:.2g}"))


def _frequencies(count: int) -> np.ndarray:
    return np.pi * np.arange(count) / (count - 1)


def _cosines(degraded: np.ndarray) -> np.ndarray:
    return dctn(degraded.astype(np.float32), type=1, axes=(0, 1))


def _filtered(spectrum: np.ndarray, blur: KnownBlur, noise: float) -> np.ndarray:
    """The frame of that spectrum as the filter leaves it, float32."""
    height, width = spectrum.shape[:2]
    response = blur.response(height, width)
    down, along = (2 - 2 * np.cos(_frequencies(n)) for n in (height, width))
    gain = response / (response**2 + noise * (down[:, None] + along) ** 2)
    return idctn(spectrum * gain[..., None].astype(np.float32), type=1, axes=(0, 1))


def _central(pair: Blurred) -> Blurred:
    """The central square of a pair, or all of a smaller one."""
    if pair.degraded.shape != pair.reference.shape:
        shapes = f"{pair.degraded.shape} and {pair.reference.shape}"
        raise ValueError(f"pair: expected frames of one size, got {shapes}")
    _check_frame(pair.degraded)
    starts = [max(0, (size - SIDE) // 2) for size in pair.degraded.shape[:2]]
    square = tuple(slice(start, start + SIDE) for start in starts)
    return Blurred(pair.degraded[square], pair.reference[square], pair.blur)


def _psnr(restored: np.ndarray, reference: np.ndarray) -> float:
    """PSNR in dB without the margin; identical frames count as if rounding alone set them apart."""
    margins = [min(MARGIN, size // 4) for size in reference.shape[:2]]
    inner = tuple(
        slice(margin, size - margin) for margin, size in zip(margins, reference.shape, strict=False)
    )
    difference = _to_frame(restored[inner]).astype(np.float32) - reference[inner]
    return 10 * math.log10(255**2 / max(float(np.mean(difference**2)), 1 / 12))


def _to_frame(values: np.ndarray) -> np.ndarray:
    return np.rint(values.clip(0, 255)).astype(np.uint8)


def _check_frame(frame: np.ndarray) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or min(frame.shape[:2]) < 2:
        raise ValueError(f"wiener: expected a uint8 HxWx3 frame, got {frame.dtype} {frame.shape}")
