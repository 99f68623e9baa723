"""Post-training quantisation of a realtime student on real frames, without gradients.

Three steps, each measured against leaving it out: channels are brought to like ranges, ranges are chosen by
their squared error, and weights are rounded one after the other so that each makes up for the errors of those
before it (rounding.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from .errors import SharpenerError
from .graph import build_graph, feature_names
from .graph_nodes import FRAME, Span, StoredLayer
from .layers import Layers
from .rounding import round_layers

Method = Literal["mse", "percentile", "minmax"]
SAFE_BITS = 7  # the sum of two products then fits 16 bits, which processors without VNNI need
EVENNESS = 0.75  # 1 evens out the features alone, 0 the weights that read them alone
SIDE = 256  # of a calibration frame's middle, so that a large frame does not outweigh the others
BINS = 4096
GREY_LEVELS = Span(float(np.float32(1 / 255)), 128)
TAIL = 1e-5  # what `percentile` leaves outside at each end
CLIPS = np.linspace(0.2, 1, 81)  # shares of the full range that `mse` tries


def quantise(
    layers: Layers,
    frames: Iterable[np.ndarray],
    *,
    bits: int = SAFE_BITS,
    method: Method = "mse",
    seed: int = 0,
) -> tuple[Layers, tuple[StoredLayer, ...]]:
    """The layers with evened channels, and the same in whole numbers; `frames` are degraded, uint8 HxWx3.

    Sixteen to sixty-four frames of all degradations are plenty. `seed` chooses the places that are looked at.
    """
    if method not in get_args(Method):
        raise SharpenerError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    if not 4 <= bits <= 8:
        raise SharpenerError(f"bits must be 4 to 8, got {bits}")
    seen = [middle(frame, layers.unshuffle) for frame in frames]
    if not seen:
        raise SharpenerError("calibration must have at least one frame, got none")
    even = evened(layers, seen)
    return even, round_layers(even, calibrate(even, seen, method), seen, bits, seed)


def middle(frame: np.ndarray, multiple: int) -> np.ndarray:
    """The middle of the frame, at most 256x256, its height and width multiples."""
    height, width = (min(size, SIDE) // multiple * multiple for size in frame.shape[:2])
    if not height or not width:
        raise SharpenerError(f"calibration frames must be at least {multiple}x{multiple}, got {frame.shape}")
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    return np.ascontiguousarray(frame[top : top + height, left : left + width])


def crop_to(frame: np.ndarray, multiple: int) -> np.ndarray:
    """The upper left of the frame whose height and width are multiples."""
    height, width = (size // multiple * multiple for size in frame.shape[:2])
    return np.ascontiguousarray(frame[:height, :width])


def evened(layers: Layers, frames: list[np.ndarray]) -> Layers:
    """The same function with each channel of features scaled to a like range (Nagel et al. 2019).

    Exact, because a ReLU, leaky or not, passes positive factors: a layer's outputs are divided and the next
    layer's inputs multiplied.
    """
    names = feature_names(layers)[:-1]
    largest = [np.zeros(layers.width)] * len(names)
    for features in _probed(build_graph(layers, probe=names), names, frames):
        largest = [np.maximum(a, np.abs(b).max((0, 2, 3))) for a, b in zip(largest, features, strict=True)]
    kernels, biases = list(layers.kernels), list(layers.biases)
    for index, ranges in enumerate(largest):
        weight = np.abs(kernels[index + 1]).max((0, 2, 3))
        factor = np.maximum(ranges, 1e-3) ** EVENNESS / np.maximum(weight, 1e-4) ** (1 - EVENNESS)
        factor = (factor / np.exp(np.log(factor).mean())).clip(0.05, 20).astype(np.float32)
        kernels[index] = kernels[index] / factor[:, None, None, None]
        biases[index] = biases[index] / factor
        kernels[index + 1] = kernels[index + 1] * factor[:, None, None]
    return replace(layers, kernels=tuple(kernels), biases=tuple(biases))


def calibrate(layers: Layers, frames: list[np.ndarray], method: Method = "mse") -> tuple[Span, ...]:
    """How the features after each convolution are best stored; the residual, last, in whole grey levels.

    minmax keeps the whole range; percentile leaves out the outermost hundred-thousandth; mse takes the range
    whose rounding and clipping together err least.
    """
    names = feature_names(layers)[:-1]
    model = build_graph(layers, probe=names)
    lows, highs = np.zeros(len(names)), np.full(len(names), 1e-6)
    for features in _probed(model, names, frames):
        lows = np.minimum(lows, [value.min() for value in features])
        highs = np.maximum(highs, [value.max() for value in features])
    counts = np.zeros((len(names), BINS))
    for features in _probed(model, names, frames):
        for at, value in enumerate(features):
            counts[at] += np.histogram(value, BINS, (lows[at], highs[at]))[0]
    return (*map(_best_span, counts, lows, highs, [method] * len(names)), GREY_LEVELS)


def _probed(model: bytes, names: list[str], frames: list[np.ndarray]) -> Iterable[list[np.ndarray]]:
    from onnxruntime import InferenceSession

    session = InferenceSession(model, providers=["CPUExecutionProvider"])
    return (session.run(names, {FRAME: frame}) for frame in frames)


def _best_span(counts: np.ndarray, low: float, high: float, method: Method) -> Span:
    """The span of one tensor from its histogram."""
    if method == "minmax":
        return _span(low, high)
    edges = np.linspace(low, high, BINS + 1)
    values = (edges[1:] + edges[:-1]) / 2
    if method == "percentile":
        share = counts.cumsum() / counts.sum()
        inside = values[(share >= TAIL) & (share <= 1 - TAIL)]
        return _span(min(0.0, inside.min()) if low < 0 else 0.0, max(inside.max(), 1e-6))

    def error(span: Span) -> float:
        back = (np.rint(values / span.scale + span.zero).clip(0, 255) - span.zero) * span.scale
        return float((counts * (back - values) ** 2).sum())

    return min((_span(low * clip, high * clip) for clip in CLIPS), key=error)


def _span(low: float, high: float) -> Span:
    """The span that covers low to high, which enclose 0; 0 itself is stored exactly."""
    scale = (high - low) / 255
    return Span(float(np.float32(scale)), round(-low / scale))
