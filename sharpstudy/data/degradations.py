"""The kinds of degradation: frozen settings that refuse bad values and know how to degrade.

Each kind has `phrase` (its settings in words), `drawn(rng)` (the same settings with nothing left to chance)
and `run(frames, rng)`, which degrades the frames of one recording by drawn settings and keeps size and type.
Everyone else calls sharpstudy.data.degrade, which checks the frames.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sharpstudy.data.codec import Call
from sharpstudy.data.resample import DownUp, Method, check_choice, check_number, expect, is_number, to_uint8

Frames: TypeAlias = list[np.ndarray]
Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Clean:
    """The reference itself: what a sharpener must not harm."""

    phrase = "left as it is"

    def drawn(self, rng: np.random.Generator) -> Clean:
        return self

    def run(self, frames: Frames, rng: np.random.Generator) -> Frames:
        return [frame.copy() for frame in frames]


@dataclass(frozen=True)
class Blur:
    """Blurred by a Gaussian cut off at a square kernel, with the border mirrored about the edge pixels.

    kernel: odd width in pixels, or several to choose from. sigma: pixels, or (lowest, highest) to draw from.
    """

    kernel: int | tuple[int, ...] = (5, 7, 9)
    sigma: float | Range = (1.0, 2.5)

    def __post_init__(self) -> None:
        odd = all(type(k) is int and k % 2 == 1 and 3 <= k <= 51 for k in _all(self.kernel))
        odd = odd and self.kernel != ()
        expect(odd, "kernel", "an odd whole number from 3 to 51, or several", self.kernel)
        _check_range("sigma", self.sigma, 0.1, 20)

    @property
    def phrase(self) -> str:
        sizes = " or ".join(f"{k}x{k}" for k in _all(self.kernel))
        return f"blurred by a {sizes} Gaussian of sigma {_text(self.sigma)}"

    def drawn(self, rng: np.random.Generator) -> Blur:
        """One kernel and one sigma."""
        kernel = int(rng.choice(_all(self.kernel)))
        return Blur(kernel, _draw(self.sigma, rng))

    def run(self, frames: Frames, rng: np.random.Generator) -> Frames:
        from scipy.ndimage import gaussian_filter

        sigma, radius = (self.sigma, self.sigma, 0), (self.kernel // 2, self.kernel // 2, 0)
        blurred = (gaussian_filter(np.float32(f), sigma, mode="mirror", radius=radius) for f in frames)
        return [to_uint8(frame) for frame in blurred]


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, new in every pixel, channel and frame; sigma in grey levels, or a range of it."""

    sigma: float | Range

    def __post_init__(self) -> None:
        _check_range("sigma", self.sigma, 0, 100)

    @property
    def phrase(self) -> str:
        return f"given Gaussian noise of {_text(self.sigma)} grey levels"

    def drawn(self, rng: np.random.Generator) -> Noise:
        return Noise(_draw(self.sigma, rng))

    def run(self, frames: Frames, rng: np.random.Generator) -> Frames:
        return [to_uint8(f + self.sigma * rng.standard_normal(f.shape, dtype=np.float32)) for f in frames]


@dataclass(frozen=True)
class Jpeg:
    """Compressed as JPEG by Pillow with chroma at half size (4:2:0); quality 1 to 95, or a range."""

    quality: int | tuple[int, int]

    def __post_init__(self) -> None:
        _check_range("quality", self.quality, 1, 95)
        expect(all(type(q) is int for q in _all(self.quality)), "quality", "whole numbers", self.quality)

    @property
    def phrase(self) -> str:
        return f"compressed as JPEG (4:2:0) at quality {_text(self.quality)}"

    def drawn(self, rng: np.random.Generator) -> Jpeg:
        return Jpeg(round(_draw(self.quality, rng)))

    def run(self, frames: Frames, rng: np.random.Generator) -> Frames:
        return [_jpeg_round_trip(frame, self.quality) for frame in frames]


@dataclass(frozen=True)
class Mixed:
    """One of several degradations, each as likely, chosen by the seed."""

    choices: tuple[Degradation, ...]

    def __post_init__(self) -> None:
        _check_parts("choices", self.choices)

    @property
    def phrase(self) -> str:
        return "degraded as the seed chooses: " + "; or ".join(choice.phrase for choice in self.choices)

    def drawn(self, rng: np.random.Generator) -> Degradation:
        return self.choices[rng.integers(len(self.choices))].drawn(rng)


@dataclass(frozen=True)
class Chain:
    """Several degradations, one after the other, each rounded to 8 bits."""

    steps: tuple[Degradation, ...]

    def __post_init__(self) -> None:
        _check_parts("steps", self.steps)

    @property
    def phrase(self) -> str:
        return ", then ".join(step.phrase for step in self.steps)

    def drawn(self, rng: np.random.Generator) -> Chain:
        return Chain(tuple(step.drawn(rng) for step in self.steps))

    def run(self, frames: Frames, rng: np.random.Generator) -> Frames:
        for step in self.steps:
            frames = step.run(frames, rng)
        return frames


@dataclass(frozen=True)
class Blind:
    """A different degradation for every seed, for a student that is told nothing about its input.

    clean, unscaled, blur, noise, call and jpeg are probabilities: of no degradation; else of one that leaves
    the size alone, with unscaled_call a call at 500 to 3000 kbit/s, else three times in five blur, or JPEG;
    else of blur and of noise, which come first;
    of a call at 100 to 1500 kbit/s, scaled down the more the fewer bits it has, instead of a down-up by any
    factor up to the highest on a random grid; and of JPEG after the down-up.
    """

    factor: float = 4.0
    clean: float = 0.08
    unscaled: float = 0.25
    unscaled_call: float = 0.5
    blur: float = 0.12
    noise: float = 0.05
    call: float = 0.7
    jpeg: float = 0.2
    sigma: Range = (0.4, 2.5)
    noise_sigma: Range = (1.0, 5.0)
    quality: tuple[int, int] = (30, 90)
    methods: tuple[Method, ...] = ("bicubic", "bilinear", "area", "lanczos")

    def __post_init__(self) -> None:
        check_number("factor", self.factor, 1, 4)
        for name in ("clean", "unscaled", "unscaled_call", "blur", "noise", "call", "jpeg"):
            check_number(name, getattr(self, name), 0, 1)
        _check_range("sigma", self.sigma, 0.1, 20)
        _check_range("noise_sigma", self.noise_sigma, 0, 100)
        _check_range("quality", self.quality, 1, 95)
        several = isinstance(self.methods, tuple) and len(self.methods) > 0
        expect(several, "methods", "a tuple of methods", self.methods)
        for method in self.methods:
            check_choice("methods", method, Method)

    @property
    def phrase(self) -> str:
        return (
            "degraded in a way that the seed draws: blur, noise, a video call, JPEG, or a down-up by up to "
            f"{self.factor:.4g} with or without JPEG; or left as it is in {self.clean:.0%} of the cases"
        )

    def drawn(self, rng: np.random.Generator) -> Degradation:
        if rng.random() < self.clean:
            return Clean()
        if rng.random() < self.unscaled:
            return self._draw_unscaled(rng).drawn(rng)
        before = [Blur((5, 7, 9), self.sigma)] if rng.random() < self.blur else []
        before += [Noise(self.noise_sigma)] if rng.random() < self.noise else []
        if rng.random() < self.call:
            return Chain((*before, self._draw_call(rng))).drawn(rng)
        down, up = (str(method) for method in rng.choice(self.methods, 2))
        after = [Jpeg(self.quality)] if rng.random() < self.jpeg else []
        down_up = DownUp(math.exp(rng.uniform(0, math.log(self.factor))), down, up, "random")
        return Chain((*before, down_up, *after)).drawn(rng)

    def _draw_unscaled(self, rng: np.random.Generator) -> Degradation:
        """A call with bits to spare, else blur or, less often, JPEG."""
        kind = rng.random()
        if kind < self.unscaled_call:
            return Call(math.exp(rng.uniform(math.log(500), math.log(3000))))
        return Blur((5, 7, 9), self.sigma) if kind < 0.4 * self.unscaled_call + 0.6 else Jpeg(self.quality)

    def _draw_call(self, rng: np.random.Generator) -> Call:
        """A call whose factor follows the named ladder's: none at 1500 kbit/s, nearly 4 at 100."""
        kbps = math.exp(rng.uniform(math.log(100), math.log(1500)))
        factor = math.sqrt(1500 / kbps) * rng.uniform(0.8, 1.25)
        return Call(kbps, min(max(factor, 1.0), self.factor))


Degradation: TypeAlias = Clean | DownUp | Blur | Noise | Jpeg | Call | Mixed | Chain | Blind


def _jpeg_round_trip(frame: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(file)).copy()


def _all(value: object) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _draw(value: float | Range, rng: np.random.Generator) -> float:
    return float(rng.uniform(*value)) if isinstance(value, tuple) else value


def _text(value: float | Range) -> str:
    return " to ".join(f"{v:.4g}" for v in _all(value))


def _check_range(name: str, value: object, lowest: float, highest: float) -> None:
    """Nothing, or DegradationError when this is neither a number within the limits nor a rising pair."""
    ends = _all(value)
    numbers = all(is_number(end) and lowest <= end <= highest for end in ends)
    fits = numbers and len(ends) == (2 if isinstance(value, tuple) else 1) and ends[0] <= ends[-1]
    expect(fits, name, f"a number from {lowest} to {highest}, or a rising pair of them", value)


def _check_parts(name: str, parts: object) -> None:
    fits = isinstance(parts, tuple) and bool(parts) and all(isinstance(part, Degradation) for part in parts)
    expect(fits, name, "a tuple of at least one degradation", parts)
