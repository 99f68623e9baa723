"""PyTorch: any student that keeps the frame's size, on the CPU or a GPU."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Literal

import numpy as np

from .errors import SharpenerError

if TYPE_CHECKING:
    from sharpstudy.students import Student

Form = Literal["cpu", "compiled", "cuda"]


class TorchSession:
    """One student in channels-last memory: float32 on the CPU, bf16 compiled or on a GPU."""

    def __init__(self, student: Student, threads: int, form: Form = "cpu", strength: float = 1.0) -> None:
        import torch

        if form == "cuda" and not torch.cuda.is_available():
            raise SharpenerError("torch finds no CUDA device")
        self.torch, self.form, self.strength, self.threads = torch, form, strength, threads
        self.device = torch.device("cuda" if form == "cuda" else "cpu")
        self.student = student.eval().to(self.device, memory_format=torch.channels_last)
        compiled = torch.compile(self.student, dynamic=False) if form == "compiled" else self.student
        self.network = compiled

    def run(self, frame: np.ndarray, out: np.ndarray) -> None:
        """Fills `out` with the restored frame; both contiguous uint8 HxWx3."""
        torch = self.torch
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)  # of this process; put back, because others share it
        try:
            with torch.inference_mode():
                self._restore(torch.from_numpy(frame), torch.from_numpy(out))
        finally:
            torch.set_num_threads(before)

    def _restore(self, frame: object, out: object) -> None:
        torch = self.torch
        values = frame.to(self.device).permute(2, 0, 1)[None].float().div_(255)  # channels-last as it lies
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.form != "cpu"):
            restored = self.network(values).float()
        if self.strength < 1:
            restored = torch.lerp(values, restored, self.strength)
        out.copy_(restored[0].permute(1, 2, 0).clamp(0, 1).mul(255).round())

    def with_strength(self, strength: float) -> TorchSession:
        other = copy.copy(self)
        other.strength = strength
        return other

    def close(self) -> None:
        """Nothing to do: memory goes with the object."""
