"""Students that sharpen a little without training, and frames for them, for the tests of the runtime."""

from __future__ import annotations

import numpy as np
import torch

from sharpstudy.data.frames import to_frame, to_tensor
from sharpstudy.students import Student, build_student, fold


def trained(**arguments) -> Student:
    """A folded realtime student whose last layer is random, so that it changes frames by some grey levels."""
    student = fold(build_student("realtime", seed=3, **arguments)).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        weight = student.last.weight
        weight.copy_(torch.randn(weight.shape, generator=generator) * 0.06 / weight[0].numel() ** 0.5)
        student.last.bias.copy_(torch.randn(student.last.bias.shape, generator=generator) * 0.01)
    return student


def soft_frames(count: int, height: int, width: int, seed: int = 9) -> list[np.ndarray]:
    """Frames with smooth structure and some noise: far from flat, and not sharp."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:height, :width].astype(np.float64)
    frames = []
    for _ in range(count):
        waves = rng.uniform(0.05, 0.5, (6, 2))
        phases = rng.uniform(0, 6.3, (6, 3))
        total = sum(
            np.sin(down * a + across * b)[..., None] * np.cos(phase)
            for (a, b), phase in zip(waves, phases, strict=True)
        )
        frame = 128 + 18 * total + rng.normal(0, 2, (height, width, 3))
        frames.append(np.rint(frame.clip(0, 255)).astype(np.uint8))
    return frames


def eager(student: Student, frame: np.ndarray) -> np.ndarray:
    """What the student makes of a frame in PyTorch, rounded once."""
    with torch.inference_mode():
        return to_frame(student(to_tensor(frame)[None])[0])
