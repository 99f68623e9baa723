"""Where a frame's time goes inside a network, layer by layer, from what its runtime counts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sharpstudy.data.frames import fill_blocks
from sharpstudy.speed import OpTime, Turn, interleave, parse_openvino_profile, parse_ort_profile

from .candidates import Candidate, is_installed
from .models import runtime_file, sample_frame

if TYPE_CHECKING:
    from sharpstudy.runtime.openvino_session import OpenvinoSession

Kind = Literal["convolutions", "packing", "rounding", "other"]
WARM_UP, FRAMES = 5, 20
KINDS: dict[Kind, tuple[str, ...]] = {
    "convolutions": ("conv",),
    "packing": (
        "reorder",
        "transpose",
        "reshape",
        "gather",
        "concat",
        "unsqueeze",
        "shuffle",
        "slice",
        "split",
    ),
    "rounding": ("quantize", "convert", "eltwise", "add", "cast", "clip"),
}


def op_split(one: Candidate, width: int, height: int, threads: int, folder: Path) -> list[dict[str, Any]]:
    """One row for each node of a network of whole frames: backend, node, op, kind, milliseconds a frame.

    Counting costs time itself: the shares hold, the sum is a little above an undisturbed frame.
    """
    from sharpstudy.runtime.models import find_model

    path = runtime_file(one, folder)
    frame = fill_blocks(sample_frame(width, height), find_model(path).multiple)
    times = (_openvino if one.backend == "openvino" else _onnxruntime)(path, frame, threads)
    return [
        {
            "model": Path(one.model).name,
            "backend": one.backend,
            "precision": one.precision,
            "width": width,
            "height": height,
            "node": time.node,
            "op": time.op,
            "kind": kind_of(time.op),
            "milliseconds": time.milliseconds,
        }
        for time in times
    ]


def kind_of(op: str) -> Kind:
    """What an operation is for, by its name in either runtime; what a convolution took in counts as one."""
    return next((kind for kind, words in KINDS.items() if any(word in op.lower() for word in words)), "other")


def split_backends() -> tuple[str, ...]:
    """The runtimes that are here and count."""
    return tuple(name for name in ("onnxruntime", "openvino") if is_installed(name))


def _onnxruntime(path: Path, frame: np.ndarray, threads: int) -> list[OpTime]:
    import onnxruntime as ort

    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        given = {session.get_inputs()[0].name: frame}
        for _ in range(WARM_UP + FRAMES):
            session.run(None, given)
        text = Path(session.end_profiling()).read_text(encoding="utf-8")
    return parse_ort_profile(text, skip=WARM_UP)


def _openvino(path: Path, frame: np.ndarray, threads: int) -> list[OpTime]:
    """The packed network as the Sharpener runs it, and the packing and unpacking that it does around it."""
    from sharpstudy.runtime.models import read_card
    from sharpstudy.runtime.openvino_session import OpenvinoSession

    content = path.read_bytes()
    session = OpenvinoSession(content, threads, int(read_card(content, str(path))["multiple"]))
    try:
        return [*_counted(session, frame), *_packing(session, frame)]
    finally:
        session.close()


def _counted(session: OpenvinoSession, frame: np.ndarray) -> list[OpTime]:
    """OpenVINO's own counters of the packed network."""
    shape = session.packer.packed_shape(frame)
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": session.threads, "PERF_COUNT": True}
    compiled = session.core.compile_model(session._packed_part(shape), "CPU", settings)
    request, packed = compiled.create_infer_request(), np.zeros(shape, np.uint8)
    session.fill(frame, packed)
    counted = []
    for number in range(WARM_UP + FRAMES):
        request.infer({0: packed}, share_inputs=True, share_outputs=True)
        if number >= WARM_UP:
            counted.append(list(request.profiling_info))
    return parse_openvino_profile(counted)


def _packing(session: OpenvinoSession, frame: np.ndarray) -> list[OpTime]:
    """The median time of packing a frame and of unpacking it."""
    packed, out = np.zeros(session.packer.packed_shape(frame), np.uint8), np.empty_like(frame)
    turns = {
        "pack": Turn(lambda: session.packer.pack(frame, packed)),
        "unpack": Turn(lambda: session.packer.unpack(packed, out)),
    }
    took = interleave(turns, FRAMES)
    return [OpTime(name, "Shuffle", float(np.median(values))) for name, values in took.items()]
