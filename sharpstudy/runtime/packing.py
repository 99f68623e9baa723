"""Packing frames outside of a graph, for the runtimes that move bytes inside one slowly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

LEAST_ROWS = 64  # fewer rows of blocks are not worth handing to another thread


class Packer:
    """Moves frames to and from packed form, with rows shared out over threads.

    A run of 3r bytes, the part of a block in one row, is seen as one opaque item: numpy then copies runs
    instead of bytes, and without holding the interpreter. `spare` channels after the 3r*r are left alone.
    """

    def __init__(self, unshuffle: int, threads: int, spare: int = 0) -> None:
        self.unshuffle, self.spare = unshuffle, spare
        self.run = np.dtype(f"V{3 * unshuffle}")
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads - 1, "packing") if threads > 1 else None

    def packed_shape(self, frame: np.ndarray) -> tuple[int, int, int, int]:
        height, width, _ = frame.shape
        r = self.unshuffle
        return 1, height // r, width // r, 3 * r * r + self.spare

    def pack(self, frame: np.ndarray, packed: np.ndarray) -> None:
        """Fills packed (1, H/r, W/r, 3r*r + spare) from a contiguous frame."""
        rows, blocks = self._views(frame, packed)
        self._copy(rows.transpose(0, 2, 1), blocks)

    def unpack(self, packed: np.ndarray, frame: np.ndarray) -> None:
        """Fills a contiguous frame from packed."""
        rows, blocks = self._views(frame, packed)
        self._copy(blocks.transpose(0, 2, 1), rows)

    def _views(self, frame: np.ndarray, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, down, across, channels = self.packed_shape(frame)
        r = self.unshuffle
        rows = frame.reshape(-1).view(self.run).reshape(down, r, across)
        used = packed.reshape(down, across, channels)[..., : channels - self.spare]
        return rows, used.view(self.run)

    def _copy(self, source: np.ndarray, target: np.ndarray) -> None:
        parts = min(self.threads, len(target) // LEAST_ROWS) if self.pool else 1
        if parts < 2:
            np.copyto(target, source)
            return
        edges = [len(target) * part // parts for part in range(parts + 1)]
        waiting = [
            self.pool.submit(np.copyto, target[low:high], source[low:high])
            for low, high in pairwise(edges[1:])
        ]
        np.copyto(target[: edges[1]], source[: edges[1]])
        for one in waiting:
            one.result()

    def close(self) -> None:
        if self.pool:
            self.pool.shutdown(wait=False)
