"""Students and frames that several test files use."""

from __future__ import annotations

import torch

from sharpstudy.students import Student, build_student


def frames_of(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def lively(name: str, **arguments: object) -> Student:
    """A student whose every weight and bias matters: a fresh realtime student would only return its input."""
    student = build_student(name, seed=3, **arguments)
    draws = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in student.parameters():
            if name == "realtime" or parameter.ndim == 1:
                parameter.copy_(torch.randn(parameter.shape, generator=draws) * 0.05)
    return student
