"""ONNX files of restoration networks, whoever made them: what they take is read from the graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sharpstudy.data.frames import fill_blocks, to_frame
from sharpstudy.evaluate.frames import EvalFrame
from sharpstudy.evaluate.models import WHOLE_PIXELS, Model, Role
from sharpstudy.evaluate.networks import small_for

Layout = Literal["HWC", "NHWC", "NCHW"]
EXPECTED = "uint8 (height, width, 3) or (1, height, width, 3), or float (1, 3, height, width) in [0, 1]"
PROBE = 64  # pixels a side of the frame that a network of any size is tried on
LARGEST = 16.0  # of values that should lie in [0, 1]; networks that work in 0..255 are far beyond


@dataclass(frozen=True)
class Port:
    """The input or output of a graph: how its axes stand, the NumPy type, and the size where it is fixed.

    multiple: what height and width have to be multiples of, as files of this study say.
    """

    name: str
    layout: Layout
    dtype: str
    size: tuple[int, int] | None
    multiple: int = 1


def from_onnx(path: Path, name: str | None = None, role: Role = "student") -> Model:
    """The network in an ONNX file, on the CPU; one that enlarges reads the small frame of its scale.

    It is tried on a small frame first, so that whatever is no restoration network is refused at once. Nothing
    is known of how far it looks, so it always restores whole frames.
    """
    path = Path(path)
    session = _open(path)
    port = _port(path, session)
    scale, shown = _try_out(path, session, port)
    size = port.size and (port.size[0] * scale, port.size[1] * scale)
    reads = f"{port.dtype} {port.layout}" + (f", enlarges x{scale}" if scale > 1 else "")

    def apply(frame: EvalFrame) -> np.ndarray:
        read = small_for(frame, scale) if scale > 1 else frame.degraded
        height, width = frame.degraded.shape[:2]
        return np.ascontiguousarray(_run(path, session, port, shown, read)[:height, :width])

    note = f"ONNX, {reads}"
    return Model(name or path.stem, role, apply, size=size, at_once=WHOLE_PIXELS, note=note)


def _open(path: Path) -> Any:
    import onnxruntime

    if not path.is_file():
        raise ValueError(f"{path}: expected an ONNX file, found none")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # frames are restored side by side
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a class of its own for every kind of damage
        raise ValueError(f"{path}: expected an ONNX file that can be run; {_first_line(error)}") from error


def _port(path: Path, session: Any) -> Port:
    """The graph's one input, if frames fit into it."""
    inputs = session.get_inputs()
    found = ", ".join(f"{one.name!r} of {one.type} {tuple(one.shape)}" for one in inputs)
    if len(inputs) == 1:
        port = _as_port(inputs[0])
        if port:
            return replace(port, multiple=_multiple(session))
    raise ValueError(f"{path.name}: expected one input, {EXPECTED}; found {found or 'none'}")


def _multiple(session: Any) -> int:
    """What the sides of frames have to be multiples of; 1 where the file is not this study's."""
    told = session.get_modelmeta().custom_metadata_map.get("sharpstudy", "{}")
    return int(json.loads(told).get("multiple", 1))


def _as_port(value: Any) -> Port | None:
    kinds = {"tensor(uint8)": "uint8", "tensor(float)": "float32", "tensor(float16)": "float16"}
    dtype, shape = kinds.get(value.type), list(value.shape)
    if dtype is None or len(shape) not in (3, 4) or (len(shape) == 4 and _fixed(shape[0]) not in (None, 1)):
        return None
    sides = shape[-3:]
    if dtype == "uint8" and _fixed(sides[2]) == 3:
        layout: Layout = "HWC" if len(shape) == 3 else "NHWC"
        height, width = (_fixed(side) for side in sides[:2])
    elif dtype != "uint8" and len(shape) == 4 and _fixed(sides[0]) == 3:
        layout = "NCHW"
        height, width = (_fixed(side) for side in sides[1:])
    else:
        return None
    if (height is None) != (width is None):
        return None
    return Port(value.name, layout, dtype, (height, width) if height else None)


def _try_out(path: Path, session: Any, port: Port) -> tuple[int, Layout]:
    """By how much the network enlarges, and the layout of what it gives."""
    height, width = port.size or (PROBE, PROBE)
    slope = np.linspace(40, 215, width).astype(np.uint8)
    frame = np.repeat(np.broadcast_to(slope, (height, width))[..., None], 3, axis=2)
    result = _call(path, session, port, frame)
    shown = _layout_of(result)
    if shown is None:
        found = f"{result.dtype} {result.shape}"
        raise ValueError(f"{path.name}: expected an output like its input, {EXPECTED}; got {found}")
    rows, columns = result.shape[-2:] if shown == "NCHW" else result.shape[-3:-1]
    scale = rows // height
    if scale < 1 or (rows, columns) != (height * scale, width * scale):
        raise ValueError(
            f"{path.name}: expected an output of {height}x{width} or a multiple, got {rows}x{columns}"
        )
    if result.dtype != np.uint8 and np.abs(result).max() > LARGEST:
        raise ValueError(
            f"{path.name}: expected values in [0, 1], got up to {np.abs(result).max():.0f};"
            " a network that works in 0..255 needs that scaling inside the graph"
        )
    return scale, shown


def _layout_of(result: np.ndarray) -> Layout | None:
    if result.dtype == np.uint8 and result.shape[-1] == 3 and result.ndim in (3, 4):
        return "HWC" if result.ndim == 3 else "NHWC"
    floats = result.dtype in (np.float16, np.float32)
    return "NCHW" if floats and result.ndim == 4 and result.shape[1] == 3 else None


def _run(path: Path, session: Any, port: Port, shown: Layout, frame: np.ndarray) -> np.ndarray:
    """The restored uint8 frame; floats are clipped and rounded."""
    result = _call(path, session, port, frame)
    if shown != "NCHW":
        return result.reshape(result.shape[-3:])
    if not np.isfinite(result).all():
        raise ValueError(f"{path.name} restores values that are no numbers")
    import torch

    return to_frame(torch.from_numpy(result[0].astype(np.float32)))


def _call(path: Path, session: Any, port: Port, frame: np.ndarray) -> np.ndarray:
    to_input: dict[Layout, Callable[[np.ndarray], np.ndarray]] = {
        "HWC": lambda one: one,
        "NHWC": lambda one: one[None],
        "NCHW": lambda one: (one.transpose(2, 0, 1)[None] / np.float32(255)).astype(port.dtype),
    }
    height, width = frame.shape[:2]
    given = np.ascontiguousarray(to_input[port.layout](fill_blocks(frame, port.multiple)))
    try:
        restored = session.run(None, {port.name: given})[0]
        return restored[:height, :width] if port.multiple > 1 else restored
    except Exception as error:  # as above
        raise ValueError(
            f"{path.name}: it cannot restore a frame of {width}x{height}; {_first_line(error)}"
        ) from error


def _fixed(side: object) -> int | None:
    return side if isinstance(side, int) and side > 0 else None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
