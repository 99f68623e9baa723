"""Weights rounded to whole numbers so that what a layer gives stays what it was.

Rounding each weight to the nearest number is best for the weights, not for the sums that they make. Here each
layer is first fitted to its exact sums, seen from features that are quantised already, and its weights are
then rounded one by one, each error handed on to the weights that are still free (optimal brain surgery,
Hassibi and Stork 1993; column by column GPTQ, Frantar et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .graph import build_graph, layer_names
from .graph_nodes import FRAME, Span, StoredLayer
from .layers import Layers

PLACES = 1000  # looked at in each frame
DAMPING = 1e-3  # share of the mean power of the inputs that holds weights where they are


def round_layers(
    layers: Layers, spans: Sequence[Span], frames: Sequence[np.ndarray], bits: int, seed: int = 0
) -> tuple[StoredLayer, ...]:
    """Every layer in whole numbers of `bits`, fitted one after the other on what the frames show."""
    names = layer_names(layers.depth)
    places = _places(frames, layers.unshuffle, seed)
    exact = _sums(build_graph(layers, probe=[f"{name}_sum" for name in names]), names, frames, places)
    stored = [nearest(*pair, bits) for pair in zip(layers.kernels, layers.biases, spans, strict=True)]
    for index in range(layers.depth):
        source = f"{names[index - 1]}_features" if index else "values"
        model = build_graph(layers, stored, probe=[source])
        own = len(layers.kernels[index])  # the last layer has idle outputs where there are cues
        moments = _moments(model, source, frames, places, [sums[index][:, :own] for sums in exact])
        stored[index] = _fitted(stored[index], layers.kernels[index], layers.biases[index], *moments, bits)
    return tuple(stored)


def nearest(kernel: np.ndarray, bias: np.ndarray, span: Span, bits: int) -> StoredLayer:
    """Each weight rounded to the nearest number; a channel of zeros has the scale 1."""
    most = 2 ** (bits - 1) - 1
    largest = np.abs(kernel).max((1, 2, 3))
    scales = np.where(largest > 0, largest / most, 1).astype(np.float32)
    whole = np.rint(kernel / scales[:, None, None, None]).clip(-most, most)
    return StoredLayer(whole.astype(np.int8), scales, bias, span)


def _places(frames: Sequence[np.ndarray], unshuffle: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [tuple(rng.integers(0, size // unshuffle, PLACES) for size in frame.shape[:2]) for frame in frames]


def _sums(
    model: bytes, names: list[str], frames: Sequence[np.ndarray], places: Sequence[tuple]
) -> list[list[np.ndarray]]:
    """For each frame and layer the exact sums (places, outputs)."""
    from onnxruntime import InferenceSession

    session = InferenceSession(model, providers=["CPUExecutionProvider"])
    wanted = [f"{name}_sum" for name in names]
    return [
        [sums[0][:, rows, columns].T for sums in session.run(wanted, {FRAME: frame})]
        for frame, (rows, columns) in zip(frames, places, strict=True)
    ]


def _moments(
    model: bytes,
    source: str,
    frames: Sequence[np.ndarray],
    places: Sequence[tuple],
    exact: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Mean products of a layer's inputs (last a 1, for the bias) with each other and with its sums."""
    from onnxruntime import InferenceSession

    session = InferenceSession(model, providers=["CPUExecutionProvider"])
    inner = cross = 0.0
    for frame, place, sums in zip(frames, places, exact, strict=True):
        inputs = _patches(session.run([source], {FRAME: frame})[0][0], *place)
        inner = inner + (inputs.T @ inputs).astype(np.float64)
        cross = cross + (sums.T @ inputs).astype(np.float64)
    count = PLACES * len(frames)
    return inner / count, cross / count


def _patches(features: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The 3x3 surroundings (places, 9 * channels + 1) of places, as a kernel sees them, and a 1."""
    padded = np.pad(features, ((0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(padded, (3, 3), (1, 2))[:, rows, columns]
    flat = windows.transpose(1, 0, 2, 3).reshape(len(rows), -1)
    return np.concatenate([flat, np.ones((len(rows), 1), np.float32)], 1)


def _fitted(
    start: StoredLayer,
    kernel: np.ndarray,
    bias: np.ndarray,
    inner: np.ndarray,
    cross: np.ndarray,
    bits: int,
) -> StoredLayer:
    """The layer whose whole weights give the sums best; `start` has scales and the span of the features."""
    count = inner.shape[0] - 1
    held = np.full(count + 1, DAMPING * np.diag(inner)[:count].mean() + 1e-12)
    held[count] = 1e-9  # the bias may go where it likes
    power = inner + np.diag(held)
    weights = np.concatenate([kernel.reshape(len(kernel), -1), bias[:, None]], 1).astype(np.float64)
    weights = weights + np.linalg.solve(power, (cross - weights @ inner).T).T
    order = np.append(np.argsort(-np.diag(inner)[:count], kind="stable"), count)
    spread = np.linalg.cholesky(np.linalg.inv(power[np.ix_(order, order)])).T
    whole, rest = _rounded(weights[:, order], spread, start.scales.astype(np.float64), bits)
    back = np.empty_like(whole)
    back[:, order[:count]] = whole
    fitted = back.reshape(kernel.shape).astype(np.int8)
    return StoredLayer(fitted, start.scales, rest.astype(np.float32), start.features)


def _rounded(
    weights: np.ndarray, spread: np.ndarray, scales: np.ndarray, bits: int
) -> tuple[np.ndarray, np.ndarray]:
    """The weights in whole numbers, column by column, and the bias (last column) that suits them."""
    most = 2 ** (bits - 1) - 1
    left, whole = weights.copy(), np.empty((len(weights), weights.shape[1] - 1))
    for column in range(whole.shape[1]):
        whole[:, column] = np.rint(left[:, column] / scales).clip(-most, most)
        error = (left[:, column] - whole[:, column] * scales) / spread[column, column]
        left[:, column + 1 :] -= np.outer(error, spread[column, column + 1 :])
    return whole, left[:, -1]
