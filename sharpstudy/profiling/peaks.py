"""What the machine can do at most: multiply-adds a second in convolutions, and bytes a second in copies."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .candidates import Backend, Precision, is_installed

SHAPES = ((64, 192), (128, 96), (256, 64))  # channels and side of the square feature maps; the best counts
PEAK_FORMS: tuple[tuple[Backend, Precision], ...] = (
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
)
LAYERS = 4
ROUNDS = 5
COPIED_MB = 256


def measure_peaks(threads: int, folder: Path) -> list[dict[str, Any]]:
    """One row for each backend and precision: the most billion multiply-adds a second that it reached.

    Chains of 3x3 convolutions without anything between them, in the backends that the study's models run in;
    the shortest of a few runs, since a peak is what is possible. Columns: backend, precision, gmac_per_s,
    channels, side.
    """
    rows = []
    for backend, precision in PEAK_FORMS:
        if not is_installed(backend):
            continue
        calls = {shape: chain_call(backend, precision, *shape, threads, folder) for shape in SHAPES}
        speeds = {shape: _speed(call, *shape) for shape, call in calls.items()}
        best = max(speeds, key=lambda shape: speeds[shape])
        shape = {"channels": best[0], "side": best[1]}
        rows.append({"backend": backend, "precision": precision, "gmac_per_s": speeds[best], **shape})
    return rows


def chain_call(
    backend: Backend, precision: Precision, channels: int, side: int, threads: int, folder: Path
) -> Callable[[], object]:
    """One run of a chain of LAYERS convolutions on fixed input in a backend."""
    if backend == "torch":
        return _torch_chain(precision, channels, side, threads)
    path = chain_file(folder, "int8" if precision == "int8" else "fp32", channels, side)
    given = _chain_input(precision, channels, side)
    if backend == "onnxruntime":
        return _ort_chain(path, given, threads)
    return _openvino_chain(path, given, threads, precision)


def copy_bandwidth(threads: int) -> float:
    """Billions of bytes a second that a copy moves between cores and memory, reads and writes counted."""
    import torch

    torch.set_num_threads(threads)
    source = torch.ones(COPIED_MB << 20, dtype=torch.uint8)
    out = torch.empty_like(source)
    return 2 * source.numel() / 1e9 / _shortest(lambda: out.copy_(source))


def chain_file(folder: Path, precision: str, channels: int, side: int) -> Path:
    """An ONNX file of a chain of convolutions, float in and out, or uint8 in and out in quantised form."""
    path = folder / f"peak-{precision}-{channels}x{side}.onnx"
    if not path.exists():
        from sharpstudy.data.frames import write_bytes

        write_bytes(path, _chain_model(precision, channels, side).SerializeToString())
    return path


def _chain_model(precision: str, channels: int, side: int) -> Any:
    """The chain as an ONNX model of opset 17."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    drawn, shape = np.random.default_rng(0), (channels, channels, 3, 3)
    if precision == "int8":
        kind, layer = TensorProto.UINT8, _quantised_layer
        kernels = [drawn.integers(-127, 128, shape).astype(np.int8) for _ in range(LAYERS)]
        scales = np.full(channels, 1 / (127 * 3 * channels**0.5), np.float32)
        held = {"scale": np.float32(1 / 255), "zero": np.uint8(0), "scales": scales}
        held["zeros"] = np.zeros(channels, np.int8)
    else:
        kind, layer, held = TensorProto.FLOAT, _float_layer, {}
        kernels = [drawn.standard_normal(shape, np.float32) / (3 * channels**0.5) for _ in range(LAYERS)]
    nodes = [node for number in range(LAYERS) for node in layer(number)]
    held |= {f"kernel{number}": kernel for number, kernel in enumerate(kernels)}
    ends = [helper.make_tensor_value_info(f"x{at}", kind, [1, channels, side, side]) for at in (0, LAYERS)]
    constants = [numpy_helper.from_array(np.asarray(values), name) for name, values in held.items()]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def _float_layer(number: int) -> list[Any]:
    from onnx import helper

    return [helper.make_node("Conv", [f"x{number}", f"kernel{number}"], [f"x{number + 1}"], pads=[1] * 4)]


def _quantised_layer(number: int) -> list[Any]:
    """A convolution between a Dequantize and a Quantize, which runtimes join to one of integers."""
    from onnx import helper

    kernel = [f"kernel{number}", "scales", "zeros"]
    return [
        helper.make_node("DequantizeLinear", kernel, [f"k{number}"], axis=0),
        helper.make_node("DequantizeLinear", [f"x{number}", "scale", "zero"], [f"in{number}"]),
        helper.make_node("Conv", [f"in{number}", f"k{number}"], [f"out{number}"], pads=[1] * 4),
        helper.make_node("QuantizeLinear", [f"out{number}", "scale", "zero"], [f"x{number + 1}"]),
    ]


def _torch_chain(precision: str, channels: int, side: int, threads: int) -> Callable[[], object]:
    import torch

    torch.set_num_threads(threads)
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    layers = [torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(LAYERS)]
    chain = torch.nn.Sequential(*layers).to(kind).to(memory_format=torch.channels_last)
    frames = torch.from_numpy(_chain_input(precision, channels, side)).to(kind)
    frames = frames.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run() -> torch.Tensor:
        return chain(frames)

    return run


def _ort_chain(path: Path, given: np.ndarray, threads: int) -> Callable[[], object]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x0": given})


def _openvino_chain(path: Path, given: np.ndarray, threads: int, precision: str) -> Callable[[], object]:
    import openvino as ov

    hint = "bf16" if precision == "bf16" else "f32"
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    compiled = ov.Core().compile_model(path, "CPU", settings | {"INFERENCE_PRECISION_HINT": hint})
    request = compiled.create_infer_request()
    return lambda: request.infer({0: given}, share_inputs=True, share_outputs=True)


def _chain_input(precision: str, channels: int, side: int) -> np.ndarray:
    values = np.random.default_rng(0).random((1, channels, side, side), dtype=np.float32)
    return (values * 255).astype(np.uint8) if precision == "int8" else values


def _speed(run: Callable[[], object], channels: int, side: int) -> float:
    """Billions of multiply-adds a second."""
    return LAYERS * 9 * channels**2 * side**2 / 1e9 / _shortest(run)


def _shortest(run: Callable[[], object]) -> float:
    run()
    run()
    took = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        run()
        took.append(time.perf_counter() - begin)
    return min(took)
