"""Small references, planted scores and ONNX files for the tests of the evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from sharpstudy.data.references import Reference
from sharpstudy.evaluate import SCORE_COLUMNS, EvalSettings
from tests.material import made

CATEGORIES = ("people", "text", "nature", "graphics", "animals", "people")
BRIEF = EvalSettings(metrics=("psnr", "ssim"), brief_metrics=("psnr", "ssim"), workers=2, text_pages=0)


def references_of(count: int = 6, size: tuple[int, int] = (96, 80)) -> list[Reference]:
    return [replace(made(seed, size, CATEGORIES[seed % 6]), split="test") for seed in range(count)]


def planted(
    model: str,
    values: list[float],
    metric: str = "psnr",
    degradation: str = "bicubic-x2",
    role: str = "student",
    recipe: str = "",
    origin: str = "none",
    reason: str = "",
) -> pd.DataFrame:
    """One row for each value, every frame a clip of its own."""
    frames = [f"frame-{place:03d}" for place in range(len(values))]
    rows = [
        (model, role, recipe, origin, degradation, frame, frame, "people", metric, value, reason)
        for frame, value in zip(frames, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def write_onnx(
    path: Path,
    kind: str = "NCHW",
    gain: float = 1.0,
    sides: tuple[int | str, int | str] = ("h", "w"),
    scale: int = 1,
) -> Path:
    """A network that multiplies values by `gain` and enlarges by repeating pixels, in one of 3 layouts."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shapes = {"NCHW": [1, 3, *sides], "NHWC": [1, *sides, 3], "HWC": [*sides, 3]}
    element = TensorProto.FLOAT if kind == "NCHW" else TensorProto.UINT8
    axes = {"NCHW": [1, 1, scale, scale], "NHWC": [1, scale, scale, 1], "HWC": [scale, scale, 1]}[kind]
    nodes = [
        helper.make_node("Cast", ["x"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["values", "gain"], ["more"]),
        helper.make_node("Resize", ["more", "", "axes"], ["large"], mode="nearest"),
        helper.make_node("Cast", ["large"], ["y"], to=element),
    ]
    constants = [
        numpy_helper.from_array(np.float32(gain), "gain"),
        numpy_helper.from_array(np.array(axes, np.float32), "axes"),
    ]
    inputs = [helper.make_tensor_value_info("x", element, shapes[kind])]
    outputs = [helper.make_tensor_value_info("y", element, None)]
    graph = helper.make_graph(nodes, "made", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, str(path))
    return path
