"""A student back from an exported file, for the backends that do not read ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .graph import layer_names
from .layers import packed_order

if TYPE_CHECKING:
    from sharpstudy.students import Student


def student_of(model: bytes) -> Student:
    """The realtime student of an exported file, on the CPU; of an int8 file with the weights as rounded."""
    import json

    import onnx
    import torch
    from onnx import numpy_helper

    from sharpstudy.students import build_student

    proto = onnx.load_from_string(model)
    card = json.loads(next(entry.value for entry in proto.metadata_props))
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    student = build_student("realtime", **card["arguments"]).eval()
    depth, unshuffle = card["arguments"]["depth"], card["arguments"]["unshuffle"]
    back = np.argsort(packed_order(unshuffle))
    kernels = [_value(held, f"{name}_kernel") for name in layer_names(depth)]
    biases = [_value(held, f"{name}_bias") for name in layer_names(depth)]
    kernels[0] = kernels[0][:, np.append(back, np.arange(len(back), len(back) + student.cues))]
    kernels[-1], biases[-1] = kernels[-1][back], biases[-1][back]
    layers = [student.first, *(layer for layer in student.body if hasattr(layer, "weight")), student.last]
    with torch.no_grad():
        for layer, kernel, bias in zip(layers, kernels, biases, strict=True):
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
            layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
    return student


def _value(held: dict[str, np.ndarray], name: str) -> np.ndarray:
    value = held[name].astype(np.float32)
    if f"{name}_scale" not in held:
        return value
    return value * held[f"{name}_scale"].reshape(-1, *[1] * (value.ndim - 1))
