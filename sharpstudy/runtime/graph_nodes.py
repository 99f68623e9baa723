"""Nodes and constants of the sharpener's ONNX graph, and how layers are stored in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .graph_cues import add_cues

OPSET = 17
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
