"""What an exported file loses against the student it was made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import SharpenerError
from .quantise import crop_to

if TYPE_CHECKING:
    from sharpstudy.students import Student

Pair = tuple[np.ndarray, np.ndarray]  # reference and degraded
BEST_DB = 50.0


@dataclass(frozen=True)
class Check:
    """A file against its student in PyTorch, float32, both rounded to grey levels, over some frames.

    psnr_db is between the two; student_db and file_db are mean PSNR against the references and loss_db their
    difference, positive where the file is worse; no number where there were no references. A frame above
    50 dB counts as 50: of a clean frame kept at 60 dB, the last grey levels would outweigh all others.
    """

    frames: int
    max_difference: int
    psnr_db: float
    student_db: float | None
    file_db: float | None

    @property
    def loss_db(self) -> float | None:
        return None if self.file_db is None else self.student_db - self.file_db

    def __str__(self) -> str:
        apart = f"at most {self.max_difference} grey levels apart, PSNR {self.psnr_db:.1f} dB"
        text = f"against the student in PyTorch, {self.frames} frames: {apart}"
        if self.loss_db is None:
            return text
        return f"{text}; against the references {self.student_db:.3f} dB becomes {self.file_db:.3f} dB"


def self_check(path: str | Path, student: Student, frames: Iterable[np.ndarray | Pair]) -> Check:
    """What the exported file loses on degraded frames, or on pairs of reference and degraded frame."""
    run, student = _runner(Path(path)), student.folded().eval()
    multiple = math.lcm(8, getattr(student, "unshuffle", 1))
    most, apart, of_student, of_file, count = 0, [], [], [], 0
    for item in frames:
        reference, degraded = item if isinstance(item, tuple) else (None, item)
        degraded = crop_to(degraded, multiple)
        exact, made = _eager(student, degraded), run(degraded)
        most = max(most, int(np.abs(exact.astype(np.int16) - made).max()))
        apart.append(_error(exact, made))
        count += 1
        if reference is not None and student.scale == 1:
            reference = crop_to(reference, multiple)
            of_student.append(min(BEST_DB, _decibels(_error(reference, exact))))
            of_file.append(min(BEST_DB, _decibels(_error(reference, made))))
    if not count:
        raise SharpenerError("the check must have at least one frame, got none")
    means = (float(np.mean(of_student)), float(np.mean(of_file))) if of_student else (None, None)
    return Check(count, most, _decibels(float(np.mean(apart))), *means)


def _eager(student: Student, frame: np.ndarray) -> np.ndarray:
    import torch

    from sharpstudy.data.frames import to_frame, to_tensor

    with torch.inference_mode():
        return to_frame(student(to_tensor(frame)[None])[0])


def _runner(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The file as a function from frames to frames, by the library that it is meant for."""
    if path.suffix == ".onnx":
        from onnxruntime import InferenceSession

        session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
        takes = session.get_inputs()[0]
        return _typed(takes.type == "tensor(uint8)", lambda value: session.run(None, {takes.name: value})[0])
    if path.suffix == ".xml":
        import openvino

        options = {"INFERENCE_PRECISION_HINT": "f32"}
        network = openvino.Core().compile_model(str(path), "CPU", options)
        whole = network.input(0).get_element_type() == openvino.Type.u8
        return _typed(whole, lambda value: network(value)[0])
    if path.suffix == ".pt2":
        import torch

        program = torch.export.load(path).module()
        return _typed(False, lambda value: program(torch.from_numpy(value)).detach().numpy())
    raise SharpenerError(f"{path}: expected a file ending in .onnx, .xml or .pt2")


def _typed(whole: bool, run: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """`run` itself where it takes uint8 frames, else with frames brought to float32 (1,3,H,W) and back."""
    if whole:
        return run

    def planes(frame: np.ndarray) -> np.ndarray:
        values = np.ascontiguousarray(frame.transpose(2, 0, 1)[None]).astype(np.float32) / np.float32(255)
        restored = run(values)[0].transpose(1, 2, 0)
        return np.rint(restored.clip(0, 1) * np.float32(255)).astype(np.uint8)

    return planes


def _error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean((a.astype(np.float32) - b) ** 2))


def _decibels(error: float) -> float:
    return float(10 * np.log10(255**2 / error)) if error else float("inf")
