"""Frames larger than memory allows, restored piece by piece without seams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Restore = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Tiles:
    """Up to `whole` pixels a frame is restored in one piece; beyond, in tiles of `side` pixels.

    A tile is restored with `overlap` pixels around it, which have to be at least as many as a restored pixel
    looks around itself: then the tiles join into what the whole frame would have given, to the bit. They
    begin at multiples of `grid`, so that a network that works on blocks of pixels sees the same blocks.
    """

    whole: int = 8_294_400  # 3840 x 2160
    side: int = 1536
    overlap: int = 96
    grid: int = 48

    def __post_init__(self) -> None:
        if self.whole < 1 or self.side < 1 or self.overlap < 0 or self.grid < 1:
            raise ValueError(f"tiles need whole, side and grid above 0 and overlap from 0 on, came {self}")
        if self.side % self.grid or self.overlap % self.grid:
            raise ValueError(f"side and overlap of tiles must be multiples of grid, came {self}")


def restore_large(frame: np.ndarray, restore: Restore, tiles: Tiles | None = None) -> np.ndarray:
    """The restored frame (uint8 HxWx3), in tiles if it is larger than `tiles.whole`."""
    tiles = tiles or Tiles()
    height, width = frame.shape[:2]
    if height * width <= tiles.whole:
        return restore(frame)
    restored = np.empty_like(frame)
    for top in range(0, height, tiles.side):
        for left in range(0, width, tiles.side):
            rows, inner_rows = _spans(top, height, tiles)
            columns, inner_columns = _spans(left, width, tiles)
            piece = restore(np.ascontiguousarray(frame[rows, columns]))
            restored[top : top + tiles.side, left : left + tiles.side] = piece[inner_rows, inner_columns]
    return restored


def _spans(start: int, length: int, tiles: Tiles) -> tuple[slice, slice]:
    """What of the frame one tile reads, and where in that the tile itself is."""
    end = min(start + tiles.side, length)
    first, last = max(0, start - tiles.overlap), min(length, end + tiles.overlap)
    return slice(first, last), slice(start - first, end - first)
