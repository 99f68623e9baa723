"""Frames that do not fit into memory, restored tile by tile without seams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor

Join = Literal["crop", "blend"]


def run_tiled(
    apply: Callable[[Tensor], Tensor],
    frame: Tensor,
    scale: int = 1,
    tile: int = 256,
    overlap: int = 32,
    join: Join = "crop",
    grid: int = 1,
) -> Tensor:
    """What `apply` makes of the frame, in windows of at most tile x tile pixels: (3,h,w) to (3,s*h,s*w).

    Each window is a core and `overlap` pixels of context around it. "crop" keeps the cores alone: exact where
    the overlap covers the network's receptive radius. "blend" fades from one tile to the next over the middle
    half of what they share, for networks that see farther. `grid` aligns the windows to a network's own
    windows.
    """
    if join not in ("crop", "blend"):
        raise ValueError(f"join: expected 'crop' or 'blend', got {join!r}")
    overlap = -(-overlap // grid) * grid
    core = (tile - 2 * overlap) // grid * grid
    if overlap < 0 or core < max(overlap, 1):
        raise ValueError(
            f"tiles of {tile} pixels: expected at least {3 * overlap + grid} for overlap {overlap}"
        )
    height, width = frame.shape[-2:]
    ramp = overlap * scale if join == "blend" else 0
    restored = frame.new_zeros(frame.shape[0], height * scale, width * scale)
    for rows in _spans(height, core, overlap, grid):
        for columns in _spans(width, core, overlap, grid):
            part = apply(frame[..., rows[0] : rows[3], columns[0] : columns[3]])
            down = _weights(rows, height, scale, ramp, part)[:, None]
            right = _weights(columns, width, scale, ramp, part)
            place = restored[..., rows[0] * scale : rows[3] * scale, columns[0] * scale : columns[3] * scale]
            place += part * (down * right)
    return restored


def _spans(size: int, core: int, overlap: int, grid: int) -> Iterator[tuple[int, int, int, int]]:
    """Window start, core start, core end, window end along one side, with cores of nearly equal size."""
    count = -(-size // core)
    step = -(-size // (count * grid)) * grid
    for start in range(0, size, step):
        stop = min(start + step, size)
        yield max(0, start - overlap), start, stop, min(size, stop + overlap)


def _weights(span: tuple[int, int, int, int], size: int, scale: int, ramp: int, like: Tensor) -> Tensor:
    """What each line of the window counts for; the weights of all windows add up to one on every line."""
    first, start, stop, last = (position * scale for position in span)
    line = torch.arange(first, last, device=like.device, dtype=like.dtype) + 0.5
    weights = torch.ones_like(line)
    if start > 0:
        weights = weights * _rise(line - start, ramp)
    if stop < size * scale:
        weights = weights * _rise(stop - line, ramp)
    return weights


def _rise(distance: Tensor, ramp: int) -> Tensor:
    """Zero outside the core and one inside it, or a straight line between them over `ramp` pixels."""
    return (distance > 0).to(distance.dtype) if ramp == 0 else (0.5 + distance / ramp).clamp(0, 1)
