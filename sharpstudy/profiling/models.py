"""The networks that are timed, and the files that the fast runtimes read of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .candidates import REALTIME, Candidate

if TYPE_CHECKING:
    from sharpstudy.students import Student
    from sharpstudy.teachers import Teacher

CALIBRATION = 8  # frames; the values of a quantised network change with them, its time does not
CALIBRATION_SIDE = 128
SUFFIX = ".onnx"


def student_of(name: str) -> Student:
    """The student of that name or in that .safetensors file, folded and in evaluation mode.

    Weights that ship are taken; where none do, random ones, since a convolution takes as long with any.
    """
    from sharpstudy.paths import WEIGHTS
    from sharpstudy.runtime.models import RELEASED, student_in
    from sharpstudy.students import fold, load_student

    if name.endswith(".safetensors"):
        return fold(load_student(student_in(Path(name)), name).student)
    released = WEIGHTS / Path(RELEASED.get(name, name)).with_suffix(".safetensors").name
    if released.exists():
        return fold(load_student("realtime" if name in REALTIME else name, released).student)
    return fold(fresh_student(name)).eval()


def fresh_student(name: str, seed: int = 0) -> Student:
    """A student of random weights, none of them zero; a realtime one otherwise ends in a layer of zeros."""
    import torch

    from sharpstudy.students import REALTIME_SIZES, build_student

    if name not in REALTIME:
        return build_student(name, seed=seed)
    student = build_student("realtime", seed=seed, **REALTIME_SIZES[name.removeprefix("realtime-")])
    drawn = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in student.parameters():
            values.add_(0.01 * torch.randn(values.shape, generator=drawn))
    return student


def teacher_of(name: str) -> Teacher:
    """The teacher with the weights that are on this machine, else with random ones."""
    from sharpstudy.teachers import TeacherError, load_teacher

    for weights in ("released", "official"):
        try:
            return load_teacher(name, weights)
        except (TeacherError, ValueError):
            continue
    return load_teacher(name, "random")


def runtime_file(one: Candidate, folder: Path) -> Path:
    """The file that the candidate's runtime reads, exported into the folder unless it is there.

    An int8 file serves both runtimes, and so does an fp32 one: bf16 is how OpenVINO is told to compute it.
    """
    if one.model.endswith(SUFFIX):
        return Path(one.model)
    kind = "int8" if one.precision == "int8" else "onnx"
    shipped = _shipped(one.model) if kind == "int8" else None
    if shipped:
        return shipped
    student = student_of(one.model)
    path = folder / f"{Path(one.model).stem}-{_digest(student)}-{kind}{SUFFIX}"
    if not path.exists():
        from sharpstudy.runtime import export_student

        folder.mkdir(parents=True, exist_ok=True)
        calibration = calibration_frames() if kind == "int8" else None
        export_student(student, path, kind, calibration=calibration)
    return path


def sample_frame(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A frame to time on, uint8 HxWx3: soft shapes, an edge, and noise that no codec would leave flat."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = np.sin(columns / 23) * np.cos(rows / 31) * 60 + np.where(columns > rows, 30, -30)
    noise = np.random.default_rng(seed).normal(0, 6, (height, width, 3)).astype(np.float32)
    shifts = np.array([0, 12, -12], dtype=np.float32)
    return (128 + waves[..., None] + shifts + noise).clip(0, 255).astype(np.uint8)


def calibration_frames() -> list[np.ndarray]:
    """Frames to quantise a network by whose values nobody reads."""
    return [sample_frame(CALIBRATION_SIDE, CALIBRATION_SIDE, seed) for seed in range(CALIBRATION)]


def _digest(student: Student) -> str:
    """Eight letters that change with the weights and with what the network makes of them.

    So no file of another student, or of another version of the network, is taken for this one's.
    """
    import torch

    frame = torch.from_numpy(sample_frame(16, 16)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        levels = student(frame).mul(255).round().clamp(-1e4, 1e4).to(torch.int16)
    digest = hashlib.sha256(levels.numpy().tobytes())
    for name, values in student.state_dict().items():
        digest.update(name.encode() + values.contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def _shipped(model: str) -> Path | None:
    """The int8 file of a realtime student that ships with the package."""
    from sharpstudy.paths import WEIGHTS
    from sharpstudy.runtime.models import RELEASED

    path = WEIGHTS / RELEASED.get(model, f"{model}{SUFFIX}")
    return path if path.exists() else None
