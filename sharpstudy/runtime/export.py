"""Students as files that run without this package: ONNX in float32 or int8, OpenVINO IR, torch.export.

A realtime student becomes the graph of graph.py, which takes and gives uint8 frames whose height and width
are multiples of its r. Any other student becomes what the general converters make of it: float32 (1,3,H,W) in
[0,1] in and out.
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from .errors import SharpenerError
from .graph import build_graph
from .graph_nodes import CARD_KEY, OPSET
from .layers import layers_of
from .quantise import SAFE_BITS, middle, quantise

if TYPE_CHECKING:
    from sharpstudy.students import Student

Format = Literal["onnx", "int8", "openvino", "torch-export"]
SUFFIXES: Mapping[str, str] = {"onnx": ".onnx", "int8": ".onnx", "openvino": ".xml", "torch-export": ".pt2"}
STRENGTH = "restored = frame + strength * residual; 1 here, carried by the last layer's scales"
_NCHW = {"dynamic_axes": {"frames": {2: "H", 3: "W"}, "restored": {2: "height", 3: "width"}}}


@dataclass(frozen=True)
class Exported:
    """A file that was written: `takes` is "frame" (uint8 HxWx3) or "nchw" (float32 1x3xHxW in [0,1])."""

    path: Path
    format: Format
    precision: Literal["float32", "int8"]
    takes: Literal["frame", "nchw"]
    bytes: int


def export_student(
    student: Student,
    path: str | Path,
    format: Format,
    calibration: Iterable[np.ndarray] | None = None,
    *,
    bits: int = SAFE_BITS,
) -> Exported:
    """The student written to a file, whole or not at all; the suffix of `path` must be the format's.

    `calibration` are degraded frames, uint8 HxWx3, as the student will meet them: int8 needs them, and
    OpenVINO becomes int8 where they are given. `bits` is what a realtime student's weights use of their int8:
    with 7 the file is exact on processors that add products in 16 bits, too.
    """
    path = Path(path)
    if format not in get_args(Format):
        raise SharpenerError(f"format: expected one of {', '.join(get_args(Format))}, got {format!r}")
    if path.suffix != SUFFIXES[format]:
        raise SharpenerError(f"{path}: a file of format {format} must end in {SUFFIXES[format]}")
    frames = list(calibration) if calibration is not None else []
    if format == "int8" and not frames:
        raise SharpenerError("int8 needs degraded frames to calibrate with, got none")
    student = student.folded().eval()
    if format == "torch-export":
        frames = []
    takes = "frame" if student.name == "realtime" and format != "torch-export" else "nchw"
    precision = "int8" if frames and format != "onnx" else "float32"
    _WRITERS[format](student, path, frames if precision == "int8" else [], bits)
    size = path.stat().st_size + (path.with_suffix(".bin").stat().st_size if format == "openvino" else 0)
    return Exported(path, format, precision, takes, size)


def frame_graph(student: Student, frames: list[np.ndarray], bits: int = SAFE_BITS) -> bytes:
    """The ONNX file of a realtime student, taking frames; int8 where there are some to calibrate with."""
    layers, stored = layers_of(student), None
    card = {
        "student": student.name,
        "arguments": {**student.arguments, "form": "plain"},
        "weights_sha256": layers.sha256(),
        "precision": "int8" if frames else "float32",
        "takes": "frame",
        "multiple": layers.unshuffle,
        "input": f"uint8 RGB HxWx3, height and width multiples of {layers.unshuffle}",
        "strength": STRENGTH,
    }
    if frames:
        layers, stored = quantise(layers, frames, bits=bits)
        card["weight_bits"] = bits
    return build_graph(layers, stored, card=card)


def _write_onnx(student: Student, path: Path, frames: list[np.ndarray], bits: int) -> None:
    from sharpstudy.data.frames import write_bytes

    if student.name == "realtime":
        write_bytes(path, frame_graph(student, frames, bits))
        return
    with tempfile.TemporaryDirectory() as folder:
        made = _general_onnx(student, Path(folder), frames)
        write_bytes(path, made.read_bytes())


def _general_onnx(student: Student, folder: Path, frames: list[np.ndarray]) -> Path:
    """A float32 file of any student, or int8 by ONNX Runtime's quantiser: uint8 features, int8 weights."""
    import torch

    made = folder / "float.onnx"
    with warnings.catch_warnings():  # the newer exporter needs a library more, and gains nothing here
        warnings.simplefilter("ignore")
        torch.onnx.export(
            student,
            (torch.rand(1, 3, 64, 96),),
            str(made),
            input_names=["frames"],
            output_names=["restored"],
            opset_version=OPSET,
            dynamo=False,
            **_NCHW,
        )
    _sign(made, student, "int8" if frames else "float32")
    return _quantised(made, student, frames) if frames else made


def _sign(path: Path, student: Student, precision: str) -> None:
    """Puts into the file what it holds."""
    import json

    import onnx

    digest = hashlib.sha256()
    for value in student.state_dict().values():
        digest.update(value.detach().cpu().numpy().tobytes())
    card = {
        "student": student.name,
        "arguments": student.arguments,
        "weights_sha256": digest.hexdigest(),
        "precision": precision,
        "takes": "nchw",
    }
    proto = onnx.load(path)
    onnx.helper.set_model_props(proto, {CARD_KEY: json.dumps(card, sort_keys=True)})
    onnx.save(proto, path)


def _quantised(made: Path, student: Student, frames: list[np.ndarray]) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(_inputs(student, frames))

        def get_next(self) -> dict[str, np.ndarray] | None:
            values = next(self.left, None)
            return None if values is None else {"frames": values}

    ready, result = made.with_name("ready.onnx"), made.with_name("int8.onnx")
    quant_pre_process(str(made), str(ready), skip_symbolic_shape=True)
    quantize_static(
        str(ready),
        str(result),
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return result


def _inputs(student: Student, frames: list[np.ndarray]) -> list[np.ndarray]:
    """Frames as the student takes them, float32 (1,3,H,W); a student that enlarges reads them shrunk."""
    scale = student.scale
    cut = (middle(frame, 8 * scale)[::scale, ::scale] for frame in frames)
    return [np.float32(frame.transpose(2, 0, 1)[None]) / np.float32(255) for frame in cut]


def _write_openvino(student: Student, path: Path, frames: list[np.ndarray], bits: int) -> None:
    """IR files .xml and .bin; the weights come first, so that an .xml never stands without them."""
    try:
        import openvino
    except ModuleNotFoundError as error:
        raise SharpenerError('openvino is not installed (pip install "sharpstudy[fast]")') from error
    from sharpstudy.data.frames import write_bytes

    with tempfile.TemporaryDirectory() as folder:
        if student.name == "realtime":
            model = openvino.Core().read_model(frame_graph(student, frames, bits))
        else:
            model = openvino.convert_model(_general_onnx(student, Path(folder), []))
            model = _nncf(model, student, frames) if frames else model
        openvino.save_model(model, Path(folder) / "model.xml", compress_to_fp16=False)
        del model
        for suffix in (".bin", ".xml"):
            write_bytes(path.with_suffix(suffix), (Path(folder) / f"model{suffix}").read_bytes())


def _nncf(model: Any, student: Student, frames: list[np.ndarray]) -> Any:
    import nncf

    inputs = _inputs(student, frames)
    mixed = nncf.QuantizationPreset.MIXED
    return nncf.quantize(model, nncf.Dataset(inputs), preset=mixed, subset_size=len(inputs))


def _write_torch_export(student: Student, path: Path, frames: list[np.ndarray], bits: int) -> None:
    import torch

    from sharpstudy.data.frames import whole_file

    anything = torch.export.Dim.AUTO
    shapes = {"frames": {2: anything, 3: anything}}
    program = torch.export.export(student, (torch.rand(1, 3, 64, 96),), dynamic_shapes=shapes, strict=False)
    with whole_file(path) as part:
        torch.export.save(program, part)


_WRITERS: dict[str, Any] = {
    "onnx": _write_onnx,
    "int8": _write_onnx,
    "openvino": _write_openvino,
    "torch-export": _write_torch_export,
}
