"""Exported files in a runtime: networks of float frames, and what runs inside a sharpener."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sharpstudy.data.frames import fill_blocks

from .candidates import Backend, Precision

OPENVINO_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
Network = Callable[[np.ndarray], np.ndarray]


def float_network(path: Path, backend: Backend, precision: Precision, threads: int) -> Network:
    """A network of float frames (1,3,H,W) in [0,1]; its answer lies in memory that the runtime reuses."""
    if backend == "openvino":
        return openvino_network(path, precision, threads)
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda frames: session.run(None, {name: frames})[0]


def openvino_network(path: Path, precision: Precision, threads: int) -> Network:
    """The network of an ONNX file in OpenVINO, compiled for the size of the first array that it is given."""
    import openvino as ov

    core, model = ov.Core(), ov.Core().read_model(path)
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    settings["INFERENCE_PRECISION_HINT"] = OPENVINO_HINTS[precision]
    requests: dict[tuple[int, ...], Any] = {}

    def network(array: np.ndarray) -> np.ndarray:
        if array.shape not in requests:
            model.reshape(list(array.shape))
            requests[array.shape] = core.compile_model(model, "CPU", settings).create_infer_request()
        return requests[array.shape].infer({0: array}, share_inputs=True, share_outputs=True)[0]

    return network


def bare_network(path: Path, backend: Backend, threads: int, frame: np.ndarray) -> Callable[[], object]:
    """One run of the network inside a sharpener: ONNX Runtime reads the whole frame, OpenVINO the packed one.

    The frame's last row and column are repeated up to what the network packs by, as a sharpener does.
    """
    from sharpstudy.runtime.choosing import open_session
    from sharpstudy.runtime.models import find_model
    from sharpstudy.runtime.openvino_session import OpenvinoSession

    model = find_model(path)
    frame = fill_blocks(frame, model.multiple)
    session, out = open_session(model, backend, threads), np.empty_like(frame)
    if not isinstance(session, OpenvinoSession):
        return lambda: session.run(frame, out)
    session.run(frame, out)
    shape = session.packer.packed_shape(frame)
    session.close()
    return lambda: session._prepared(shape)[0].infer()  # the session holds the memory that the request reads


def packed_halves(
    path: Path, threads: int, frame: np.ndarray
) -> tuple[Callable[[], object], Callable[[], object]]:
    """A float sharpener in OpenVINO told to compute in bf16: end to end, and its network alone.

    What comes back end to end has the size of the frame.
    """
    from sharpstudy.runtime.models import find_model
    from sharpstudy.runtime.openvino_session import OpenvinoSession

    model = find_model(path)
    session = OpenvinoSession(model.onnx or b"", threads, model.multiple)
    height, width, _ = frame.shape
    blocks = fill_blocks(frame, model.multiple)
    shape, out = session.packer.packed_shape(blocks), np.empty_like(blocks)
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    settings["INFERENCE_PRECISION_HINT"] = OPENVINO_HINTS["bf16"]
    request = session.core.compile_model(session._packed_part(shape), "CPU", settings).create_infer_request()
    packed = np.zeros(shape, np.uint8)  # the spare planes, which the network reads too, stay zero

    def network() -> np.ndarray:
        return request.infer({0: packed}, share_inputs=True, share_outputs=True)[0]

    def restore() -> np.ndarray:
        session.fill(blocks, packed)
        session.packer.unpack(np.ascontiguousarray(network()).reshape(shape), out)
        return out[:height, :width]

    return restore, network
