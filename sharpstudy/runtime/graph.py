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

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import SharpenerError
from .graph_cues import add_cues
from .layers import Layers

OPSET = 17
GROUP = 16  # channels that integer kernels compute together
IR_VERSION = 9  # readable by every runtime since 2023
LEAK = 0.1
CARD_KEY = "sharpstudy"
FRAME, RESTORED = "frame", "restored"


@dataclass(frozen=True)
class Span:
    """How features are stored as uint8: value = scale * (stored - zero)."""

    scale: float
    zero: int


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """A convolution in whole numbers, and how the features after it are stored.

    kernel is int8, its value `scales` of each output channel times it; bias is float32.
    """

    kernel: np.ndarray
    scales: np.ndarray
    bias: np.ndarray
    features: Span


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


class Graph:
    """Nodes and constants as they are added; every method gives the name of what it made.

    `beside` is how many channels, of cues and spare ones, a packed frame has beside the frame's own.
    """

    def __init__(self, cues: int, spare: int) -> None:
        self.cues, self.spare, self.beside = cues, spare, cues + spare
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def hold(self, name: str, value: Any) -> str:
        self.constants[name] = np.asarray(value)
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def cast(self, values: str, output: str, to: str) -> str:
        from onnx import TensorProto

        return self.add("Cast", [values], output, to=TensorProto.DataType.Value(to))

    def grey(self) -> str:
        return self.hold("grey_level", np.float32(1 / 255))

    def zero(self) -> str:
        return self.hold("grey_zero", np.uint8(0))

    def activate(self, values: str, activation: str, name: str) -> str:
        if activation == "none":
            return values
        if activation == "relu":
            return self.add("Relu", [values], name)
        return self.add("LeakyRelu", [values], name, alpha=LEAK)

    def pack(self, r: int) -> str:
        """The packed frame (1, 3r*r, H/r, W/r); runtimes cancel the last Transpose against their layout."""
        size = self.add("Shape", [FRAME], "size")
        across = self.add("Gather", [size, self.hold("at_width", np.array([1]))], "across")
        self.add("Div", [across, self.hold("r", np.array([r]))], "blocks_across")
        self.hold("any", np.array([-1]))
        self.hold("run", np.array([3 * r]))
        rows = self.add("Concat", ["any", "r", "blocks_across", "run"], "rows_shape", axis=0)
        rows = self.add("Reshape", [FRAME, rows], "rows")
        cut = [self._take(rows, row, 1, f"row{row}") for row in range(r)]
        if self.cues:
            cut.append(self._cue_planes())
        if self.spare:
            cut.append(self._slice(cut[0], 0, self.spare, "spare"))
        blocks = self.add("Concat", cut, "blocks", axis=2)
        blocks = self.add("Unsqueeze", [blocks, self.hold("front", np.array([0]))], "packed")
        return self.add("Transpose", [blocks], "packed_planes", perm=[0, 3, 1, 2])

    def unpack(self, planes: str, r: int) -> str:
        """The frame HxWx3 of packed planes."""
        blocks = self.add("Transpose", [planes], "restored_blocks", perm=[0, 2, 3, 1])
        if self.beside:
            blocks = self.add("Squeeze", [blocks, "front"], "runs")
            run = 3 * r
            cut = [self._slice(blocks, row * run, row * run + run, f"restored_row{row}") for row in range(r)]
        else:
            shape = self.add("Concat", ["any", "blocks_across", "r", "run"], "runs_shape", axis=0)
            runs = self.add("Reshape", [blocks, shape], "runs")
            cut = [self._take(runs, row, 2, f"restored_row{row}") for row in range(r)]
        rows = self.add("Concat", cut, "restored_rows", axis=1)
        return self.add("Reshape", [rows, "size"], RESTORED)

    def _cue_planes(self) -> str:
        """The cues at every block, (H/r, W/r, cues)."""
        down = self.add("Gather", ["size", self.hold("at_height", np.array([0]))], "height")
        down = self.add("Div", [down, "r"], "blocks_down")
        shape = self.add("Concat", [down, "blocks_across", self.hold("one", np.array([1]))], "planes", axis=0)
        return self.add("Expand", [add_cues(self, FRAME, self.cues), shape], "cue_planes")

    def _take(self, blocks: str, row: int, axis: int, name: str) -> str:
        at = self.hold(f"at_row{row}", np.int64(row))
        return self.add("Gather", [blocks, at], name, axis=axis)

    def _slice(self, blocks: str, first: int, last: int, name: str) -> str:
        """Channels of blocks (H/r, W/r, channels)."""
        ends = [self.hold(f"at_{place}", np.array([place])) for place in (first, last, 2)]
        return self.add("Slice", [blocks, *ends], name)

    def stored_weights(self, name: str, layer: StoredLayer, scale: np.float32) -> list[str]:
        """int8 weights and int32 biases with their scales, as the runtimes' integer kernels want them."""
        units = (scale * layer.scales).astype(np.float32)
        bias = np.rint(layer.bias.astype(np.float64) / units).clip(-(2**31), 2**31 - 1).astype(np.int32)
        parts = (("kernel", layer.kernel, layer.scales), ("bias", bias, units))
        return [
            self.add(
                "DequantizeLinear",
                [
                    self.hold(f"{name}_{part}", value),
                    self.hold(f"{name}_{part}_scale", by),
                    self.hold(f"{name}_{part}_zero", np.zeros(len(by), value.dtype)),
                ],
                f"{name}_{part}_values",
                axis=0,
            )
            for part, value, by in parts
        ]

    def round_trip(self, values: str, name: str, how: Span) -> str:
        """The values as they come back from uint8."""
        scale = self.hold(f"{name}_scale", np.float32(how.scale))
        zero = self.hold(f"{name}_zero", np.uint8(how.zero))
        stored = self.add("QuantizeLinear", [values, scale, zero], f"{name}_stored")
        return self.add("DequantizeLinear", [stored, scale, zero], f"{name}_features")

    def model(self, card: Mapping[str, Any], probed: Sequence[str]) -> bytes:
        from onnx import TensorProto, checker, helper, numpy_helper

        def frame(name: str) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.UINT8, ["H", "W", 3])

        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", "C", None, None]) for name in probed
        ]
        graph = helper.make_graph(
            self.nodes,
            "sharpener",
            [frame(FRAME)],
            [frame(RESTORED), *outputs],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="sharpstudy",
        )
        helper.set_model_props(model, {CARD_KEY: json.dumps(dict(card), sort_keys=True)})
        checker.check_model(model)
        return model.SerializeToString(deterministic=True)
