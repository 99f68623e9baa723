"""The students by name: the five published architectures and the realtime family, built, counted, loaded."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .attention import UnetAttention
from .base import Reads, Student, StudentError
from .checkpoints import fit_tensors, read_checkpoint, write_checkpoint
from .cues import CUES, cue_rows, read_cues
from .realtime import REALTIME_SIZES, Realtime
from .residual import BsrganUltralight, EdsrResidual, SwinirCnn
from .upscaling import SrresnetEdge

__all__ = [
    "CUES",
    "REALTIME_SIZES",
    "STUDENTS",
    "LoadedStudent",
    "Reads",
    "Student",
    "StudentError",
    "build_student",
    "count_parameters",
    "cue_rows",
    "fold",
    "load_student",
    "macs_per_pixel",
    "read_cues",
    "save_student",
]

STUDENTS: dict[str, type[Student]] = {
    student.name: student
    for student in (SwinirCnn, UnetAttention, SrresnetEdge, EdsrResidual, BsrganUltralight, Realtime)
}


@dataclass(frozen=True)
class LoadedStudent:
    """A student in evaluation mode with the weights of a file, and a note on how its tensors were matched."""

    student: Student
    note: str


def build_student(name: str, /, *, seed: int = 0, **arguments: Any) -> Student:
    """A fresh student on the CPU, its weights drawn from the seed alone; an unknown argument is refused."""
    if name not in STUDENTS:
        raise StudentError(
            f"student: expected one of {', '.join(STUDENTS)}, got {name!r}{_nearest(name, STUDENTS)}"
        )
    known = inspect.signature(STUDENTS[name]).parameters
    for argument in arguments:
        if argument not in known:
            hint = _nearest(argument, known)
            raise StudentError(f"{name}: expected arguments among {', '.join(known)}, got {argument!r}{hint}")
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)
        return STUDENTS[name](**arguments)


def count_parameters(student: nn.Module) -> int:
    """The number of learned values; of a realtime student fold first to count what ships."""
    return sum(parameter.numel() for parameter in student.parameters())


def fold(student: Student) -> Student:
    """The same function in its cheapest form: realtime branches folded into one kernel each, others as is."""
    return student.folded()


def macs_per_pixel(student: Student, height: int, width: int) -> float:
    """Multiply-adds of convolutions and linear layers per pixel of a full-size frame of height x width.

    Counted on shapes alone, without computing; biases, norms and activations are not counted. Branches that
    fold count as the one convolution that they are.
    """
    if height < 1 or width < 1 or height % student.scale or width % student.scale:
        wanted = f"a height and width that are positive multiples of {student.scale}"
        raise StudentError(f"{student.name}: expected {wanted}, got {height}x{width}")
    counts: list[int] = []
    with torch.device("meta"), torch.no_grad():
        shape_only = type(student)(**student.arguments)
        for module in shape_only.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                module.register_forward_hook(lambda *call: counts.append(_macs(*call)))
        shape_only(torch.empty(1, 3, height // student.scale, width // student.scale))
    return sum(counts) / (height * width)


def save_student(student: Student, path: str | Path) -> None:
    """Writes weights, name and arguments to one safetensors file, whole or not at all."""
    write_checkpoint(student, Path(path))


def load_student(name: str, path: str | Path, arguments: Mapping[str, Any] | None = None) -> LoadedStudent:
    """The student with the weights of a safetensors or plain .pth file, in evaluation mode on the CPU.

    It is built from `arguments`, else from those that the file carries, else from the published ones.
    """
    checkpoint = read_checkpoint(name, Path(path))
    chosen = checkpoint.arguments if arguments is None else dict(arguments)
    try:
        student = build_student(name, **chosen)
    except StudentError as error:
        raise StudentError(f"{error} (while loading {path})") from error
    state, note = fit_tensors(student, checkpoint)
    student.load_state_dict(state)
    return LoadedStudent(student.eval(), note)


def _macs(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> int:
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    kernel = module.weight[0, 0].numel()
    if isinstance(module, nn.ConvTranspose2d):
        return inputs[0].numel() * module.out_channels // module.groups * kernel
    return output.numel() * module.in_channels // module.groups * kernel


def _nearest(name: str, known: Any) -> str:
    close = get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
