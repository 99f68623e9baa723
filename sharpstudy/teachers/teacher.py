"""A teacher: a network with weights that restores one degraded frame in one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sharpstudy.teachers.registry import TeacherInfo
from sharpstudy.teachers.small import small_behind
from sharpstudy.teachers.tiles import Join, run_tiled

Precision = Literal["fp32", "bf16"]
PRECISIONS = ("fp32", "bf16")
Frame = TypeVar("Frame", np.ndarray, Tensor)


@dataclass(frozen=True)
class Teacher:
    """A loaded network and what is known of it; `restore` is all that the study needs of it."""

    info: TeacherInfo
    network: nn.Module
    weights: str  # official, released, random, or the path that was given
    sha256: str | None  # of the weight file; None for random weights
    device: torch.device
    precision: Precision

    @property
    def name(self) -> str:
        """The name in the registry."""
        return self.info.name

    @property
    def role(self) -> Literal["teacher", "control"]:
        """What a table may call it: random weights are a control, never a teacher."""
        return "control" if self.weights == "random" else "teacher"

    def reads(self, small: np.ndarray | Tensor, degraded: np.ndarray | Tensor) -> bool:
        """Whether `small` has the size of what the network reads for this degraded frame."""
        frames = (_as_tensor(small, "small frame"), _as_tensor(degraded, "degraded frame"))
        sides, full = (tuple(frame.shape[-2:]) for frame in frames)
        return sides == self._input_size(full)

    def restore(self, degraded: Frame, small: np.ndarray | Tensor | None = None) -> Frame:
        """The restored frame, of the degraded frame's size and kind.

        Frames are uint8 HxWx3 or float (3,H,W) in [0,1]; a tensor comes back detached, without a gradient and
        fit for a loss. A x1 network reads the degraded frame. An enlarging network reads `small`, the frame
        that lay between down and up by its own factor on the plain grid, as data.degrade.shrink makes it;
        without it, the small frame that fits the degraded one best (small.small_behind).
        """
        return self._restore(degraded, small, self.enlarge)

    def restore_tiled(
        self,
        degraded: Frame,
        small: np.ndarray | Tensor | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        join: Join = "crop",
    ) -> Frame:
        """What `restore` gives, computed in tiles for frames that do not fit into memory (tiles.run_tiled).

        `tile` and `overlap` are pixels of what the network reads; the default overlap is the network's own,
        the default tile leaves cores of about 128 pixels.
        """
        overlap = self.info.overlap if overlap is None else overlap
        tile = 2 * overlap + max(128, overlap + self.info.grid) if tile is None else tile

        def enlarge(frame: Tensor) -> Tensor:
            return run_tiled(self.enlarge, frame, self.info.scale, tile, overlap, join, self.info.grid)

        return self._restore(degraded, small, enlarge)

    def enlarge(self, small: Tensor) -> Tensor:
        """What the network makes of its input: float (3,h,w) in [0,1] to float32 (3,s*h,s*w), same device.

        Sides that the network cannot take are continued below and right by their last pixels, and cut after
        it.
        """
        height, width = small.shape[-2:]
        down, right = (self.info.padding(size) for size in (height, width))
        with torch.inference_mode(False), torch.no_grad():
            frame = small.detach()[None].to(self.device, torch.float32)
            frame = F.pad(frame, (0, right, 0, down), mode="replicate")
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
                restored = self.network(frame)[0]
            scale = self.info.scale
            restored = restored[:, : height * scale, : width * scale]
            return restored.to(small.device, torch.float32, copy=True)

    def _restore(
        self, degraded: Frame, small: np.ndarray | Tensor | None, enlarge: Callable[[Tensor], Tensor]
    ) -> Frame:
        from sharpstudy.data.frames import to_frame

        # What a caller's inference mode makes can never enter a loss, so none of this runs in it.
        with torch.inference_mode(False), torch.no_grad():
            frame = _as_tensor(degraded, "degraded frame")
            height, width = frame.shape[-2:]
            restored = enlarge(self._network_input(frame, small))[:, :height, :width].clamp(0, 1)
        return restored if isinstance(degraded, Tensor) else to_frame(restored)

    def _network_input(self, frame: Tensor, small: np.ndarray | Tensor | None) -> Tensor:
        if self.info.scale == 1:
            return frame
        if small is None:
            return small_behind(frame, self.info.scale)
        given = _as_tensor(small, "small frame").to(frame.device)
        expected = self._input_size(frame.shape[-2:])
        if tuple(given.shape[-2:]) != expected:
            raise ValueError(
                f"small frame for {self.name}: expected {expected} for a degraded frame of"
                f" {tuple(frame.shape[-2:])}, got {tuple(given.shape[-2:])}"
            )
        return given

    def _input_size(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Height and width that the network reads for a degraded frame of a size, every pixel covered."""
        return tuple(-(-side // self.info.scale) for side in size)


def _as_tensor(frame: np.ndarray | Tensor, what: str) -> Tensor:
    from sharpstudy.data.frames import to_tensor

    if isinstance(frame, Tensor):
        if frame.ndim == 3 and frame.shape[0] == 3 and frame.is_floating_point():
            return frame.detach()
    elif (
        isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3
    ):
        return to_tensor(frame)
    kind = f"{getattr(frame, 'dtype', type(frame).__name__)} {tuple(getattr(frame, 'shape', ()))}"
    raise ValueError(f"{what}: expected uint8 HxWx3 or a float tensor (3,H,W), got {kind}")
