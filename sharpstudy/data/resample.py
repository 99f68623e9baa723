"""Antialiased resampling of 8-bit frames: the study's one way of scaling down and up.

It is the separable resampler of MATLAB's imresize: pixel-centre coordinates, the kernel stretched by the
factor on the way down, weights normalised to one, edge pixels repeated beyond the border, down the columns
first and along the rows second, rounded to 8 bits after each. "bicubic" (Keys 1981, a = -0.5) reproduces the
MATLAB x4 small frames that are distributed with Set5 and Set14 bit for bit. Pillow's BICUBIC has the same
kernel and differs by a grey level here and there, and by more at the border, which it treats otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Method = Literal["bicubic", "bilinear", "area", "lanczos"]
Size = tuple[int, int]  # height, width, as in frame.shape
Phase = tuple[float, float]  # how far the grid is shifted up and left, in pixels of the full-size frame

_RADIUS = {"bilinear": 1, "bicubic": 2, "lanczos": 3}  # of the kernels, in pixels of the small frame


class DegradationError(ValueError):
    """A setting or frame that cannot be degraded: names it, what was expected and what came."""


def expect(holds: bool, name: str, expected: str, got: object) -> None:
    """Nothing, or DegradationError with the house's sentence when the condition does not hold."""
    if not holds:
        raise DegradationError(f"{name}: expected {expected}, got {got!r}")


def is_number(value: object) -> bool:
    """Whether the value is a finite real number; booleans and text that looks like a number are not."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_number(name: str, value: object, lowest: float, highest: float) -> None:
    """Nothing, or DegradationError when this is no number within the limits."""
    fits = is_number(value) and lowest <= value <= highest
    expect(fits, name, f"a number from {lowest} to {highest}", value)


def check_whole(name: str, value: object, lowest: int, highest: int) -> None:
    """Nothing, or DegradationError when this is no whole number within the limits."""
    fits = type(value) is int and lowest <= value <= highest
    expect(fits, name, f"a whole number from {lowest} to {highest}", value)


def check_choice(name: str, value: object, literal: object) -> None:
    """Nothing, or DegradationError when the value is none of the Literal's."""
    expect(value in get_args(literal), name, f"one of {', '.join(get_args(literal))}", value)


def check_frame(name: str, frame: object) -> None:
    """Nothing, or DegradationError when this is no uint8 HxWx3 frame of at least one pixel."""
    got = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
    fits = isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3
    fits = fits and frame.shape[2] == 3 and frame.size > 0
    expect(fits, name, "a uint8 frame of shape (height, width, 3)", got)


def small_size(size: Size, factor: float, phase: Phase = (0.0, 0.0)) -> Size:
    """Height and width of the small frame; it covers every pixel, so a remainder adds one row or column."""
    height, width = (max(1, math.ceil((n + p) / factor - 1e-9)) for n, p in zip(size, phase, strict=True))
    return height, width


def shrink(
    reference: np.ndarray, factor: float, method: Method = "bicubic", phase: Phase = (0.0, 0.0)
) -> np.ndarray:
    """The small frame, uint8, of `small_size`; small pixel i is centred at factor * (i + 0.5) - 0.5 - phase.

    Where the factor does not divide the size, the last small pixels reach over the edge, which is repeated,
    so that no pixel moves. The phase shifts the sampling grid towards the top left, 0 <= phase < factor.
    """
    _check_call(reference, factor, method, phase)
    counts = small_size(reference.shape[:2], factor, phase)
    axes = zip(reference.shape, counts, phase, strict=False)
    return separable(reference, *(shrinking_weights(n, count, factor, method, p) for n, count, p in axes))


def enlarge(
    small: np.ndarray,
    size: Size,
    method: Method = "bicubic",
    factor: float | None = None,
    phase: Phase = (0.0, 0.0),
) -> np.ndarray:
    """The frame of `size`, uint8, in register with the reference that `shrink` made the small frame of.

    What the small frame holds beyond the size is cut off. A factor that is not given is found from the two
    sizes, and asked for when they leave a doubt, since a wrong one shifts the picture. "area" enlarges as
    "bilinear".
    """
    factor = _find_factor(small, size) if factor is None else factor
    _check_call(small, factor, method, phase)
    expected = small_size(size, factor, phase)
    got = small.shape[:2]
    expect(got == expected, "small frame", f"{expected} for {tuple(size)} at factor {factor:.4g}", got)
    axes = zip(got, size, phase, strict=True)
    return separable(small, *(enlarging_weights(n, count, factor, method, p) for n, count, p in axes))


@dataclass(frozen=True)
class DownUp:
    """Scaled down by an antialiased method, then up to the same size by `up` (by default the same method).

    factor: 1 to 4, fractions too. phase: how far the sampling grid is shifted, (up, left) in pixels below the
    factor, or "random", drawn from the seed: a network trained on one grid alone fails on every other.
    """

    factor: float
    method: Method = "bicubic"
    up: Method | None = None
    phase: Phase | Literal["random"] = (0.0, 0.0)

    def __post_init__(self) -> None:
        check_number("factor", self.factor, 1, 4)
        check_choice("method", self.method, Method)
        if self.up is not None:
            check_choice("up", self.up, Method)
        if self.phase != "random":
            _check_phase(self.phase, self.factor)

    @property
    def phrase(self) -> str:
        up = self.up or self.method
        shift = "at random" if self.phase == "random" else "by {:.4g} and {:.4g} px".format(*self.phase)
        grid = "" if self.phase == (0, 0) else f", on a grid shifted {shift}"
        ways = self.method if up == self.method else f"{self.method} down, {up} up"
        return f"scaled down by {self.factor:.4g} and up again (antialiased {ways}){grid}"

    def drawn(self, rng: np.random.Generator) -> DownUp:
        """The same settings with a definite phase."""
        if self.phase != "random":
            return self
        down, right = rng.uniform(0, self.factor, 2)
        return DownUp(self.factor, self.method, self.up, (float(down), float(right)))

    def shrink(self, reference: np.ndarray) -> np.ndarray:
        """The small frame that lies between the two steps."""
        return shrink(reference, self.factor, self.method, self.phase)

    def run(self, frames: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """The degraded frames; the generator is not used."""
        up = self.up or self.method
        return [enlarge(self.shrink(f), f.shape[:2], up, self.factor, self.phase) for f in frames]


def separable(frame: np.ndarray, rows: csr_matrix, columns: csr_matrix) -> np.ndarray:
    """The frame with its rows, then its columns, mixed by sparse weight matrices and rounded after each."""
    tall = _along_first(frame, rows)
    wide = _along_first(np.ascontiguousarray(tall.swapaxes(0, 1)), columns)
    return np.ascontiguousarray(wide.swapaxes(0, 1))


def enlarging_weights(
    length: int, count: int, factor: float, method: Method, phase: float = 0.0
) -> csr_matrix:
    """The weights, (count, length), that scale one axis up by the factor."""
    centres = (np.arange(count) + 0.5 + phase) / factor - 0.5
    return _weights(length, centres, 1.0, method)


def shrinking_weights(
    length: int, count: int, factor: float, method: Method, phase: float = 0.0
) -> csr_matrix:
    """The weights, (count, length), that scale one axis down by the factor."""
    centres = factor * (np.arange(count) + 0.5) - 0.5 - phase
    return _weights(length, centres, factor, method)


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Floats on the 0-255 scale, clipped and rounded half up (truncating would darken by half a level)."""
    return (np.clip(values, 0, 255) + 0.5).astype(np.uint8)


def _along_first(frame: np.ndarray, weights: csr_matrix) -> np.ndarray:
    flat = frame.reshape(frame.shape[0], -1).astype(np.float32)
    return to_uint8(weights @ flat).reshape(-1, *frame.shape[1:])


def _weights(length: int, centres: np.ndarray, stretch: float, method: Method) -> csr_matrix:
    """One row of normalised weights per centre; taps beyond the border fall on the edge pixel."""
    from scipy.sparse import csr_matrix  # here, because recipes import the settings and need no scipy

    reach = (stretch + 1) / 2 if method == "area" else _RADIUS[method] * stretch
    first = np.floor(centres - reach).astype(int)
    taps = first[:, None] + np.arange(math.ceil(2 * reach) + 2)
    values = _kernel(centres[:, None] - taps, stretch, method)
    values /= values.sum(axis=1, keepdims=True)
    starts = np.arange(0, values.size + 1, values.shape[1])
    columns = np.clip(taps, 0, length - 1)
    parts = (values.ravel().astype(np.float32), columns.ravel(), starts)
    matrix = csr_matrix(parts, shape=(len(centres), length))
    matrix.eliminate_zeros()
    return matrix


def _kernel(distance: np.ndarray, stretch: float, method: Method) -> np.ndarray:
    """The kernel at a distance in input pixels; "area" is the overlap of a box with the pixel."""
    if method == "area":
        return np.clip((stretch + 1) / 2 - np.abs(distance), 0, 1)
    x = np.abs(distance) / stretch
    if method == "bilinear":
        return np.clip(1 - x, 0, None)
    if method == "lanczos":
        return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _find_factor(small: np.ndarray, size: Size) -> float:
    """The whole factor, or else the one common ratio, that leads from the size to the small frame."""
    check_frame("small frame", small)
    whole = [f for f in (1, 2, 3, 4) if small_size(size, f) == small.shape[:2]]
    ratios = [n / m for n, m in zip(size, small.shape, strict=False)]
    if len(whole) != 1 and math.isclose(*ratios):
        return ratios[0]
    expect(len(whole) == 1, "factor", f"to be given for {small.shape[:2]} to {tuple(size)}", None)
    return float(whole[0])


def _check_call(frame: np.ndarray, factor: float, method: Method, phase: Phase) -> None:
    check_frame("frame", frame)
    expect(is_number(factor) and factor >= 1, "factor", "a number of at least 1", factor)
    check_choice("method", method, Method)
    _check_phase(phase, factor)


def _check_phase(phase: object, factor: float) -> None:
    pair = isinstance(phase, tuple) and len(phase) == 2 and all(is_number(p) for p in phase)
    fits = pair and all(0 <= p < factor for p in phase)
    expect(fits, "phase", f"two numbers from 0 to below {factor:.4g}", phase)
