"""The sharpener as one ONNX graph, shaped by hand: a uint8 frame in, a uint8 frame out, nothing outside.

    frame HxWx3 -> packed 1 x H/r x W/r x 3r*r -> convolutions -> + packed -> HxWx3

Input and output are quantised at exactly 1/255 with zero point 0, so the Quantize before and the Dequantize
after them, which a general converter writes, are left out and the frame's bytes are the numbers. Packing is a
Gather of each of the r rows of a block and one Concat: it moves the runs of 3r bytes that a Transpose moves
too, in about half the time. Runtimes have fast kernels for whole groups of 16 channels alone: where 3r*r are
none, spare ones are added, copies that meet weights of zero, and cut off again. What a student reads off the
whole frame (graph_cues.py) comes in as planes before the spare ones. The residual is stored in whole grey
levels: the frame's values are whole, so rounding the residual is rounding the sum, and nothing is rounded
twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .errors import SharpenerError
from .graph_nodes import Graph, StoredLayer
from .layers import Layers

GROUP = 16  # channels that integer kernels compute together


def build_graph(
    layers: Layers,
    stored: Sequence[StoredLayer] | None = None,
    *,
    card: Mapping[str, Any] | None = None,
    probe: Sequence[str] = (),
) -> bytes:
    """The ONNX file of a student, float32, or int8 where `stored` has its layers in whole numbers.

    H and W must be multiples of r. `probe` names inner tensors that become outputs too: `values` (the packed
    frame), and for each layer0 ... last its `_sum`, and in whole numbers its `_features` as they come back;
    such a graph has no spare channels.
    """
    spare = 0 if probe else spare_channels(layers.unshuffle, layers.cues)
    graph = Graph(layers.cues, spare)
    packed = graph.pack(layers.unshuffle)
    restored = _network(graph, layers, stored, packed)
    graph.unpack(restored, layers.unshuffle)
    return graph.model(card or {}, probe)


def spare_channels(r: int, cues: int = 0) -> int:
    """How many channels make the 3r*r packed ones and those of the cues whole groups."""
    return -(3 * r * r + cues) % GROUP


def layer_names(depth: int) -> list[str]:
    """What the convolutions are called in a graph."""
    return [*(f"layer{index}" for index in range(depth - 1)), "last"]


def feature_names(layers: Layers) -> list[str]:
    """The tensors that leave each convolution and its activation, for `probe`."""
    return [
        f"{name}_sum" if activation == "none" else f"{name}_active"
        for name, activation in zip(layer_names(layers.depth), layers.activations, strict=True)
    ]


def with_strength(model: bytes, strength: float) -> bytes:
    """The same file with its residual multiplied by `strength`: scales change, stored integers do not."""
    import onnx
    from onnx import numpy_helper

    if not 0 < strength <= 1:
        raise SharpenerError(f"strength must be above 0 and at most 1, got {strength!r}")
    proto = onnx.load_from_string(model)
    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    scaled = [name for name in ("last_kernel_scale", "last_bias_scale") if name in held]
    for name in scaled or ["last_kernel", "last_bias"]:
        value = numpy_helper.to_array(held[name]) * np.float32(strength)
        held[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    return proto.SerializeToString()


def _network(graph: Graph, layers: Layers, stored: Sequence[StoredLayer] | None, packed: str) -> str:
    """The name of the restored packed frame."""
    values = graph.add("DequantizeLinear", [packed, graph.grey(), graph.zero()], "values")
    flowing, scale = values, np.float32(1 / 255)
    for index, name in enumerate(layer_names(layers.depth)):
        more = (graph.beside if name == "last" else 0, graph.spare if index == 0 else 0)
        if stored is None:
            weights = [
                graph.hold(f"{name}_kernel", _widened(layers.kernels[index], *more)),
                graph.hold(f"{name}_bias", _widened(layers.biases[index], more[0])),
            ]
        else:
            weights = graph.stored_weights(name, _widened_layer(stored[index], *more), scale)
        around = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
        flowing = graph.add("Conv", [flowing, *weights], f"{name}_sum", **around)
        flowing = graph.activate(flowing, layers.activations[index], f"{name}_active")
        if stored is not None:
            flowing = graph.round_trip(flowing, name, stored[index].features)
            scale = np.float32(stored[index].features.scale)
    total = graph.add("Add", [flowing, values], "total")
    return graph.add("QuantizeLinear", [total, graph.grey(), graph.zero()], "rounded")


def _widened(values: np.ndarray, *more: int, fill: float = 0) -> np.ndarray:
    """The array with so many more entries at the end of its first axes."""
    ends = [(0, count) for count in more] + [(0, 0)] * (values.ndim - len(more))
    return np.pad(values, ends, constant_values=fill)


def _widened_layer(layer: StoredLayer, outputs: int, inputs: int) -> StoredLayer:
    """The layer with more outputs that are zero and more inputs that count nothing."""
    return replace(
        layer,
        kernel=_widened(layer.kernel, outputs, inputs),
        scales=_widened(layer.scales, outputs, fill=1),
        bias=_widened(layer.bias, outputs),
    )
