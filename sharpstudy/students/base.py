"""What every student is: a module from frames to restored frames, with the facts that its callers need."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import nn

Reads = Literal["degraded", "small"]


class StudentError(ValueError):
    """A student that cannot be built, loaded or run as asked; one sentence of expected and got."""


class Student(nn.Module):
    """A network from frames (B,3,H,W) in [0,1] to restored frames (B,3,H*scale,W*scale) of about that range.

    A student that reads "degraded" takes the full-size degraded frame; one that reads "small" takes the frame
    before it was enlarged and enlarges it itself. `features` names the modules whose outputs a recipe may use
    as feature layers.
    """

    name: ClassVar[str]
    scale: ClassVar[int] = 1
    reads: ClassVar[Reads] = "degraded"
    features: ClassVar[tuple[str, ...]] = ()

    def __init__(self, arguments: dict[str, Any]) -> None:
        super().__init__()
        self.arguments = arguments  # build_student(name, **arguments) makes another

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Restored frames (B,3,H*scale,W*scale) of frames (B,3,H,W); any size from 1x1 up."""
        check_frames(self.name, frames)
        return self.restore(frames)

    def restore(self, frames: torch.Tensor) -> torch.Tensor:
        """What the architecture makes of frames (B,3,H,W); each student writes this."""
        raise NotImplementedError

    def folded(self) -> Student:
        """The same function in its cheapest form: the student itself unless it has branches that fold."""
        return self


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution with bias that keeps the frame size (zero padding)."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def check_frames(student: str, frames: torch.Tensor) -> None:
    """Refuses all but a batch of frames with three channels."""
    if frames.ndim != 4 or frames.shape[1] != 3:
        raise StudentError(
            f"{student}: expected frames as (batch, 3, height, width), got {tuple(frames.shape)}"
        )


def check_integer(student: str, argument: str, value: object, low: int, high: int) -> None:
    """Refuses all but a whole number from low to high, before any memory is taken."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise StudentError(
            f"{student}: {argument} must be a whole number from {low} to {high}, got {value!r}"
        )


def check_share(student: str, argument: str, value: object) -> None:
    """Refuses all but a number above 0 and at most 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise StudentError(f"{student}: {argument} must be a number above 0 and at most 1, got {value!r}")


def check_choice(student: str, argument: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuses a value that is none of the choices."""
    if value not in choices:
        raise StudentError(f"{student}: {argument} must be one of {', '.join(choices)}, got {value!r}")
